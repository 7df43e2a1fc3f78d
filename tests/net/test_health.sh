#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Health: how long a dead endpoint gets connections, and that nobody gets any before a first pass.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml got=$NET_DIR/got
{
	agent_yaml
	cat <<-END
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.1, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		  - { id: port, type: tcp, port: 80, interval: 0.2, timeout: 0.1, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	pool_yaml spare 1 - d=1
	echo "load_balancers:"
	lb_yaml www.example.org spare main
} >"$config"
# From a death to the verdict: the next probe, and its timeout. Then 20 ms to the rows. Machines
# that share their cores get ten times that.
verdict_ms=300 rows_ms=20

origin() { status bal ".pools[] | select(.id == \"main\").origins[] | select(.name == \"$1\") | $2"; }
origin_is() { [ "$(origin "$1" .state)" = "$2" ]; }
since_ms() { date -d "$(origin "$1" .since)" +%s%3N; }

# c is down before the agent starts: nobody asks it, not even in the first moment.
nginx_down c
start client "$got" "$WEIR_LOAD" connect --for 60 --every 1 --timeout 5 "$VIP4:80"
short=$STARTED
agent_must_start bal "$config"
wait_until 5 origin_is a healthy
wait_until 5 origin_is c unhealthy
sleep 0.5
stop "$short"
note "from before the agent's start: $(cat "$got")"
is "an endpoint that never passed a probe gets no connection" "$(value "$got" '.failures.refused // 0')" 0
is "its state and reason are told" "$(origin c '"\(.state): \(.reason)"')" "unhealthy: TCP connection failed"

nginx_up c
wait_until 5 origin_is c healthy
connect "$got" --connections 3000
check_shares "after its first pass it gets its share" "$got" 15 a=1 b=1 c=1

# death SENTENCE NAME KIND COMMAND...: the last connection sent to an endpoint that dies. Attempts
# that hang must not keep others from being started, or nobody would see where those go.
death() {
	local sentence=$1 name=$2 kind=$3 killed last

	shift 3
	start client "$got" "$WEIR_LOAD" connect --for 60 --every 1 --parallel 2000 --timeout 0.9 "$VIP4:80"
	short=$STARTED
	sleep 0.5
	killed=$(now_ms)
	"$@"
	wait_until 10 origin_is "$name" unhealthy
	sleep 1.2 # attempts that hang have failed by then
	stop "$short"
	last=$(value "$got" ".last_failed.\"$kind\" // 0")
	note "$sentence: verdict $(($(since_ms "$name") - killed)) ms, last connection sent $((last - killed)) ms after, $(value "$got" .failed) failed"
	at_least "$sentence: connections failed until then" "$(value "$got" .failed)" 1
	at_most "$sentence: the last connection after it, in ms" $((last - killed)) $((10 * (verdict_ms + rows_ms)))
	at_most "$sentence: the last connection after the verdict, in ms" $((last - $(since_ms "$name"))) $((10 * rows_ms))
	connect "$got" --connections 2000
	is "$sentence: none goes there later" "$(value "$got" ".failed + (.by.$name // 0)")" 0
}

death "a server is killed" a refused nginx_down a
nginx_up a
wait_until 5 origin_is a healthy
death "a host is cut off" b timeout ip -n "$NET-r" link set dev b down
ip -n "$NET-r" link set dev b up
check "it is healthy again when it is back" wait_until 10 origin_is b healthy
connect "$got" --connections 3000
check_shares "and gets its share" "$got" 15 a=1 b=1 c=1

sed -i 's/monitor: web/monitor: port/' "$config"
check "a change to a tcp monitor is taken" agent_reload bal
wait_until 5 origin_is a healthy && wait_until 5 origin_is b healthy && wait_until 5 origin_is c healthy
death "a server watched by a tcp monitor is killed" c refused nginx_down c

# A new agent starts from what the last one knew: no gap, and no trust in the dead.
start client "$got" "$WEIR_LOAD" connect --for 60 --every 1 --timeout 0.9 "$VIP4:80"
short=$STARTED
sleep 0.3
agent_kill9 bal
agent_start bal "$config"
sleep 1
stop "$short"
check_shares "over a restart healthy endpoints keep their connections, dead ones get none" "$got" 20 a=1 b=1
check "the agent ends well" agent_term bal
finish
