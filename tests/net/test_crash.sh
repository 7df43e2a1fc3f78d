#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent is killed at random moments while objects are changed through three APIs, CRASH_ROUNDS
# times (25): what was acknowledged is kept, tables are those of a clean build, and the transfers of
# a pool that nobody touches do not notice.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
balancer_up clean 2
endpoints_up a b
live=$NET_DIR/live

configure() { # BALANCER N
	agent_yaml "$@" | sed "s/^  dns: {/& name_servers: [ns.example.net],/; s/^  vips: .\"$VIP4\"/&, \"$VIP4B\"/"
	cat <<-END
		  store: $NET_DIR/$1.db
		  api: { listen: ["127.0.0.1:8651"] }
		zones:
		  - { name: cloudflare.example }
		  - { name: dnsimple.example }
		monitors: [{ id: m, type: tcp, port: 80, interval: 5 }]
		pools:
	END
	pool_yaml untouched 1 m a=1 b=1
	echo "load_balancers:"
	lb_yaml www.cloudflare.example untouched untouched
}
configure bal 1 >"$NET_DIR/bal.yaml"
configure clean 2 >"$NET_DIR/clean.yaml"
agent_must_start bal "$NET_DIR/bal.yaml"
TOKEN=$(ctl bal token create --name writer --scope write) || bail "a token can be made"
export TOKEN A=${EP4[a]} B=${EP4[b]} VIP=$VIP4B
transfers_start "$live"
agent_kill9 bal

start bal "$NET_DIR/said" python3 tests/net/crash.py "${CRASH_ROUNDS:-25}" "$WEIR_BIN/weir-agent" \
	"$WEIR_BIN/weirctl" "$NET_DIR/bal.yaml" "$NET-clean" "$NET_DIR/clean.yaml" "$NET_DIR/clean.db" "$NET_DIR"
finished "$STARTED" $((60 + 10 * ${CRASH_ROUNDS:-25}))
rc=$?
cat "$NET_DIR/said"
[ $rc -eq 0 ] || { sed 's/^/# /' "$NET_DIR/said.err" && bail "crash.py ends well: $rc"; }
PASSED=$((PASSED + $(grep -c '^ok ' "$NET_DIR/said")))
transfers_stop "$live"
is "500 transfers of the untouched pool ran through it all, 0 broke" \
	"$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
check "after all that, an agent starts" agent_start bal "$NET_DIR/bal.yaml"
connect "$live" --connections 2000
check_shares "new connections are spread as the file says" "$live" 10 a=1 b=1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
