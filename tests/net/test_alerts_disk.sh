#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The store's disk is full while something happens that is to be told: health and packets go on, and it
# is told when there is room. (What becomes of changes then, and of disks that are read-only or
# damaged, is test_disk.sh's.)
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got hooked=$NET_DIR/hooked
disk=$NET_DIR/disk store=$NET_DIR/disk/weir.db
mkdir "$disk"
{
	agent_yaml
	cat <<-END
		  store: $store
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1
	echo "load_balancers:"
	lb_yaml www.example.org main main
} >"$config"
keep() { build/tests/net/keep "$NET_DIR/first.db" "$@" || bail "an object is kept"; }
keep alert_webhook hook '{"id": "hook", "name": "hook", "url": "http://127.0.0.1:9901/"}'
keep alert_policy all '{"id": "all", "name": "all", "enabled": true,
	"alert_type": "load_balancing_health_alert", "mechanisms": {"webhooks": [{"id": "hook"}]}}'

# The disk is mounted where only this process and what it starts sees it, and goes with it. HOLDER
# keeps it over restarts of the agent.
start bal "$NET_DIR/holder" unshare -m --propagation private sh -c \
	"mount -t tmpfs -o size=2m weir-store '$disk' && echo mounted && exec sleep 3600"
HOLDER=$STARTED
wait_until 10 grep -q mounted "$NET_DIR/holder" || bail "a small disk is mounted"
on_disk() { nsenter -t "$HOLDER" -m -- "$@"; }
on_disk cp "$NET_DIR/first.db" "$store"

# The agent, there.
real=$WEIR_BIN
mkdir "$NET_DIR/bin"
for program in weirctl weir-decap; do ln -s "$PWD/$real/$program" "$NET_DIR/bin/$program"; done
cat >"$NET_DIR/bin/weir-agent" <<END
#!/bin/sh
exec nsenter -t $HOLDER -m -- "$PWD/$real/weir-agent" "\$@"
END
chmod +x "$NET_DIR/bin/weir-agent"
WEIR_BIN=$NET_DIR/bin

start bal "$NET_DIR/hook.log" python3 tests/net/hook.py 9901 "$hooked"
hook=$STARTED
wait_until 10 grep -q ready "$NET_DIR/hook.log.err" || bail "a receiver listens"

create() { ctl bal pool create "name=$1" "origins=[{name: a, address: ${EP4[a]}}]" "${@:2}"; }
pools() { ctl bal pool list --json | jq -r '[.. | objects | select(has("origins")).name] | unique | sort | join(" ")'; }
refuses() { # TEXT COMMAND...: it fails, and says so
	local text=$1 said

	shift
	said=$("$@" 2>&1) && return 1
	echo "$said"
	[[ $said == *"$text"* ]]
}
fill() { on_disk sh -c "dd if=/dev/zero bs=4k >>'$disk/filler' 2>/dev/null"; true; }
served() { # SENTENCE: connections go on
	connect "$got" --connections 200
	is "$1" "$(value "$got" .failed)" 0
}
heard() { jq -s "map(select(.body.text | test(\"$1\"))) | length" "$hooked" | grep -qv '^0$'; }

agent_must_start bal "$config"
check "a change is made" create kept
is "and is there" "$(pools)" "kept main"

# --- full ---

# What the log gives back may be enough for one more: all room is taken each time.
big=$(printf 'x%.0s' $(seq 1000))
for n in $(seq 20); do
	fill
	create "big$n" "description=$big" >"$NET_DIR/said" 2>&1 || break
done
before=$(pools)
check "on a full disk a change is refused in words" grep "the disk is full; nothing was changed" "$NET_DIR/said"
is "and nothing of it is there" "$(pools)" "$before"
nginx_down b
check "an endpoint that dies then is found" wait_until 10 status_is bal '.pools[] | select(.id == "main").origins[1].state' unhealthy
served "and gets no connections, while all that are made are served"
on_disk rm "$disk/filler"
check "with room again a change is made" create more "description=$big"
check "and what happened meanwhile is told" wait_until 70 heard "Origin b .* is Unhealthy"
agent_kill9 bal
agent_must_start bal "$config"
is "a restart finds all of it" "$(pools)" "$(tr ' ' '\n' <<<"$before more" | sort | xargs)"

# --- in use ---

check "another process cannot have the store" refuses "is used by another process" \
	on_disk "$PWD/build/tests/net/keep" "$store" k i '{}'
check "the agent ends well" agent_term bal
check "no sanitizer has said anything" no_sanitizer_report
stop $hook KILL
stop $HOLDER KILL
finish
