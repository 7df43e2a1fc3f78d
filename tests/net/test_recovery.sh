#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who comes back, slowly; who decides about it, together; and what is done when too few are left.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got step_s=5
declare -A PROBED=() # endpoint -> pid of what listens on port 8080, for probes alone

origin() { status bal ".pools[0].origins[] | select(.name == \"$1\") | $2"; }
origin_is() { [ "$(origin "$1" .state)" = "$2" ]; }
pool_is() { status_is bal ".pools[0].$1" "$2"; }
listen() {
	start "$1" "$NET_DIR/probed.$1" "$WEIR_LOAD" serve --name "$1" --listen "${EP4[$1]}:8080"
	PROBED[$1]=$STARTED
	wait_until 10 grep -q ready "$NET_DIR/probed.$1.err"
}
deaf() { stop "${PROBED[$1]}" KILL; }

# config_of LINE...: one pool with these fields.
config_of() {
	{
		agent_yaml
		cat <<-END
			monitors:
			  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.1, retries: 0 }
			  - { id: port, type: tcp, port: 80, interval: 0.5, timeout: 0.2, retries: 0 }
			  - { id: must, type: tcp, port: 8080, interval: 0.2, timeout: 0.1, retries: 0 }
			monitor_groups:
			  - id: both
			    members:
			      - { monitor_id: web }
			      - { monitor_id: port }
			      - { monitor_id: must, must_be_healthy: true }
			pools:
		END
		pool_yaml main 1 - a=1 b=1 c=1
		printf '    %s\n' "$@"
		echo "load_balancers:"
		lb_yaml www.example.org main main
	} >"$config"
}

for name in a b c; do listen $name || bail "$name listens for probes"; done

# --- slow start ---

config_of "monitor: web" "slow_start: $((10 * step_s))"
agent_must_start bal "$config"
check "all are healthy" wait_until 20 pool_is state healthy
is "at the start nobody is slow" "$(status bal '[.pools[0].origins[].weight_percent] | unique | join(" ")')" 100
nginx_down a
check "one fails" wait_until 20 origin_is a unhealthy
connect "$got" --connections 500
check_shares "the others serve" "$got" 20 b=1 c=1
nginx_up a
check "it recovers" wait_until 20 origin_is a healthy
seen=0 wrong=0 first= last=
while percent=$(origin a .weight_percent) && [ "$percent" != 100 ]; do
	connect "$got" --connections 600
	[ "$(origin a .weight_percent)" = "$percent" ] || continue # a step was taken meanwhile
	[ "$percent" != "$last" ] || { sleep 0.1 && continue; }
	share=$(value "$got" '(.by.a // 0) * 1000 / .connections | round')
	due=$((1000 * percent / (percent + 200)))
	note "with $percent % of its weight it gets $share of 1,000 connections, due are $due"
	# 600 connections: three standard deviations are 45 to 58 of 1,000.
	[ $((share - due)) -le 70 ] && [ $((due - share)) -le 70 ] || wrong=$((wrong + 1))
	[ -z "$last" ] || [ "$percent" -gt "$last" ] || wrong=$((wrong + 1))
	seen=$((seen + 1)) first=${first:-$percent} last=$percent
done
at_least "its share rises in steps" $seen 3
at_most "from a small one" "$first" 30
is "each is as large as it must be, and larger than the one before" $wrong 0
connect "$got" --connections 3000
check_shares "and in the end it has all of it" "$got" 15 a=1 b=1 c=1

# --- several monitors ---

config_of "monitor_group: both"
check "a group of monitors is taken" agent_reload bal
check "all are healthy" wait_until 20 pool_is state healthy
deaf a
check "a member that must be healthy fails, and so does the endpoint" wait_until 20 origin_is a unhealthy
is "its reason is told" "$(origin a .reason)" "TCP connection failed"
is "and what each monitor says" "$(origin a '[.checks[] | "\(.monitor) \(.state)"] | join(", ")')" \
	"web healthy, port healthy, must unhealthy"
connect "$got" --connections 1500
check_shares "it gets no connection, though it would answer" "$got" 15 b=1 c=1
listen a
check "it is healthy again" wait_until 20 origin_is a healthy
nginx_down b
check "without two of three that vote it is not, either" wait_until 20 origin_is b unhealthy
nginx_up b
check "and again" wait_until 20 pool_is state healthy

# --- panic ---

config_of "monitor_group: both" "panic_threshold: 60"
check "a panic threshold is taken" agent_reload bal
deaf a
check "one of three fails" wait_until 20 origin_is a unhealthy
is "two thirds are enough" "$(status bal .pools[0].panic)" false
deaf b
check "the second one makes the pool panic" wait_until 20 pool_is panic true
is "which is told" "$(status bal .pools[0].note)" "panic: too few are healthy, so all that are enabled serve"
check "and logged" grep -q "pool main: 1 of 3 are healthy, too few: all serve" "${AGENT_LOG[bal]}"
is "its state is what it is" "$(status bal .pools[0].state)" degraded
check "and shown" grep -q "panic: too few" <(ctl bal status)
connect "$got" --connections 3000
check_shares "all serve" "$got" 15 a=1 b=1 c=1
listen a
check "with two healthy ones it is over" wait_until 20 pool_is panic false
connect "$got" --connections 1500
check_shares "and they serve" "$got" 15 a=1 c=1

# --- damping ---

config_of "monitor_group: both" "flap_damping: { failures: 2, half_life: 10 }"
check "damping is taken" agent_reload bal
listen b
check "all are healthy" wait_until 20 pool_is state healthy
for _ in 1 2; do
	deaf c
	check "one fails" wait_until 20 origin_is c unhealthy
	listen c
	check "its monitors like it again" wait_until 20 \
		status_is bal '.pools[0].origins[2].checks[2].state' healthy
done
is "the second time it has to wait" "$(origin c '"\(.state) \(.damped): \(.reason)"')" "unhealthy true: Failed too often"
connect "$got" --connections 1500
check_shares "it gets no connection" "$got" 15 a=1 b=1
check "until it may have some again" wait_until 60 origin_is c healthy
connect "$got" --connections 1500
check_shares "and then its share" "$got" 15 a=1 b=1 c=1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
