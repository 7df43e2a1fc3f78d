#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is said by hand: up, down and draining, by the API and in the file, and its end.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b d
config=$NET_DIR/weir.yaml got=$NET_DIR/got moving=$NET_DIR/moving
{
	agent_yaml
	cat <<-END
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.1, retries: 0 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1
	pool_yaml spare 1 - d=1
	echo "load_balancers:"
	lb_yaml www.example.org spare main
} >"$config"

origin() { status bal ".pools[0].origins[] | select(.name == \"$1\") | $2"; }
origin_is() { [ "$(origin "$1" .state)" = "$2" ]; }
both_healthy() { origin_is a healthy && origin_is b healthy; }
override() { USER=ann SUDO_USER='' ctl bal override "$@"; }
# api METHOD PATH [BODY]: the HTTP status.
api() {
	in_ns bal curl -sS -o "$NET_DIR/answer" -w '%{http_code}' -X "$1" ${3:+--data-binary "$3"} \
		"http://127.0.0.1:8650/weir/v1/overrides$2"
}
gets() { # SENTENCE NAME=WEIGHT...
	local sentence=$1

	shift
	connect "$got" --connections 1500
	check_shares "$sentence" "$got" 15 "$@"
}

agent_must_start bal "$config"
check "both are healthy" wait_until 20 both_healthy
is "nothing is forced" "$(override)" "nothing is forced"

# --- draining, with an end ---

transfers_start "$moving" --flows 60
check "one is drained" override main/a drain --reason "new disk" --for 6s
at_most "until in 6 s" $(($(date -d "$(origin a .override.until)" +%s) - $(date +%s))) 6
is "who, why and what are told" "$(origin a '"\(.state): \(.reason), \(.override.state) by \(.override.by)"')" \
	"draining: new disk, draining by ann"
check "and shown" grep -Eq 'draining .* forced draining by ann until .*: new disk' <(ctl bal status)
check "and listed" grep -Eq 'main +a +draining +ann .*new disk' <(override)
gets "it gets no new connection" b=1
transfers_stop "$moving"
is "no connection broke" "$(value "$moving" .broken)" 0
check "the time is over" wait_until 30 origin_is a healthy
is "nothing is left of it" "$(origin a .override)" null
check "the log says so" grep -q "the time of 1 overrides is over" "${AGENT_LOG[bal]}"
gets "and it gets its share" a=1 b=1

# --- down and up ---

check "one is taken down" override main/a down --reason "burns"
is "it is" "$(origin a .state)" unhealthy
gets "it gets nothing" b=1
check "it is taken back" override main/a --clear
is "at once" "$(origin a .state)" healthy
gets "it gets its share" a=1 b=1
nginx_down a
check "a dead one" wait_until 20 origin_is a unhealthy
check "is forced up" override main/a up --reason "I know better"
is "it is healthy" "$(origin a .state)" healthy
connect "$got" --connections 300
at_least "and gets connections, which fail" "$(value "$got" .failed)" 100
check "that is taken back" override main/a --clear
nginx_up a
check "both are healthy again" wait_until 20 both_healthy

# --- a whole pool, by HTTP ---

is "a pool is taken down" "$(api PUT /main '{"state": "down", "reason": "moves", "for": 3600}')" 200
is "by the API" "$(status bal .pools[0].override.by)" "the API"
check "the other one serves" wait_until 20 status_is bal .services[0].pool spare
gets "all" d=1
is "an endpoint of it is excepted" "$(api PUT /main/b '{"state": "up", "reason": "not this"}')" 200
gets "and serves alone" b=1
is "both are listed" "$(override --json | jq -c '[.overrides[] | [.pool, .origin]]')" '[["main",null],["main","b"]]'
check "a reload leaves it as it is" agent_reload bal
gets "and b serves" b=1
is "the pool is taken back" "$(api DELETE /main)" 200
gets "and both serve" a=1 b=1
is "what is taken back is gone" "$(api DELETE /main)" 404
is "and the exception, too" "$(api DELETE /main/b)" 200

# --- what is refused ---

is "a pool that there is not" "$(api PUT /nobody '{"state": "up", "reason": "x"}')" 404
is "an endpoint that there is not" "$(api PUT /main/z '{"state": "up", "reason": "x"}')" 404
is "a name of odd characters" "$(api PUT /ma%0ain '{"state": "up", "reason": "x"}')" 404
is "no name" "$(api PUT / '{"state": "up", "reason": "x"}')" 404
is "no JSON" "$(api PUT /main down)" 400
is "no body" "$(api PUT /main)" 400
is "no reason" "$(api PUT /main '{"state": "up"}')" 400
check "which says why" grep -q "reason is missing" "$NET_DIR/answer"
is "another method" "$(api POST /main '{"state": "up", "reason": "x"}')" 405
is "a change of the list" "$(api DELETE '')" 405
is "a large body" "$(api PUT /main "$(head -c 70000 /dev/zero | tr '\0' ' ')")" 413
override main/a down >/dev/null 2>&1
is "weirctl without a reason" $? 2
override main/a down --reason x --for soon >/dev/null 2>&1
is "without a time that is one" $? 2
override main/a down --clear >/dev/null 2>&1
is "with too much" $? 2
override main/z --clear >/dev/null 2>&1
is "of nobody" $? 1
is "nothing is forced by all that" "$(override)" "nothing is forced"

# --- in the file ---

sed -i 's/{ name: a, /&override: { state: draining, reason: "is moved" }, /' "$config"
check "the file says it" agent_reload bal
is "it is told" "$(origin a '"\(.state) by \(.override.by): \(.reason)"')" "draining by the configuration: is moved"
gets "it gets no new connection" b=1
check "the API counts more" override main/a up --reason "not yet"
gets "it gets its share" a=1 b=1
check "the agent ends well" agent_term bal
agent_must_start bal "$config"
check "the next one knows the file alone" wait_until 20 origin_is a draining
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
