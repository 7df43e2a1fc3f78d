#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What live traffic says: an endpoint that does not answer, seen between two probes a minute apart.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got
{
	agent_yaml
	cat <<-END
		  client_regions:
		    - { name: here, prefixes: ["203.0.113.0/24"] }
		    - { name: elsewhere, prefixes: ["192.0.2.0/24", "2001:db8:99::/48"] }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 60, timeout: 2 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	echo "load_balancers:"
	lb_yaml www.example.org main main
} >"$config"
# From a death to the last connection that is sent there: a SYN comes again after 1 s. Machines that
# share their cores get ten times what it may take.
failover_ms=1500

origin() { status bal ".pools[0].origins[] | select(.name == \"$1\") | $2"; }
ejected() { [ "$(origin "$1" .ejected)" = true ]; }
healthy() { [ "$(origin "$1" .state)" = healthy ]; }
all_healthy() { healthy a && healthy b && healthy c; }
packets() { status bal "[.packets[] | select(.reason == \"$1\") | .packets] | add"; }

# The server answers probes, but nobody is behind the tunnel any more.
mute() { ip -n "$NET-$1" addr del $VIP4/32 dev lo; }
unmute() { ip -n "$NET-$1" addr add $VIP4/32 dev lo; }
everybody() {
	connect "$got" --connections 3000 --timeout 20
	check_shares "$1" "$got" 15 a=1 b=1 c=1
}

agent_must_start bal "$config"
check "all are healthy" wait_until 10 all_healthy
everybody "everybody gets a share"

mute c
connect "$got" --connections 1500 --every 2 --parallel 2000 --timeout 30
check_shares "no connection fails when an endpoint falls silent" "$got" 15 a=1 b=1
is "it is ejected, healthy as its probes find it" "$(origin c '"\(.state): \(.reason)"')" \
	"unhealthy: Live connections not answered"
at_least "connections without an answer were seen" "$(origin c .live.unanswered)" 3
at_least "and sent elsewhere" "$(packets FORWARD_SECOND)" 1
note "unanswered $(origin c .live.unanswered), moved $(origin c .live.moved)"

unmute c
check "it is admitted again" wait_until 60 all_healthy
everybody "and gets its share"

sed -i 's/^    minimum_origins: 1/&\n    max_ejection_percent: 0/' "$config"
check "a pool that lets nobody be ejected is taken" agent_reload bal
before=$(packets FORWARD_SECOND)
mute b
connect "$got" --connections 1500 --every 2 --parallel 2000 --timeout 30
note "$(cat "$got")"
at_most "hardly a connection to it fails either" "$(value "$got" .failed)" 3
at_least "they are shared" "$(value "$got" '[.by.a, .by.c] | min')" 500
is "nobody is ejected" "$(origin b .ejected)" false
at_least "each went to its second choice" $(($(packets FORWARD_SECOND) - before)) 300
check "the log says why" grep -q "stays: 0 of 3 are ejected, max_ejection_percent is 0" "${AGENT_LOG[bal]}"
unmute b
sed -i '/max_ejection_percent/d' "$config"
check "and the usual again" agent_reload bal
everybody "and everybody gets a share"

start client "$got" "$WEIR_LOAD" connect --for 120 --every 1 --parallel 4000 --timeout 20 "$VIP4:80"
load=$STARTED
before=$(packets FORWARD)
more() { [ "$(packets FORWARD)" -gt $((before + 1000)) ]; }
wait_until 20 more
killed=$(now_ms)
ip -n "$NET-r" link set dev b down
check "a host that is cut off is ejected" wait_until 20 ejected b
took=$(($(now_ms) - killed))
note "ejected $took ms after its death"
at_most "in time, in ms" $took $((10 * failover_ms))
check "a probe that did not wait for its interval says so too" wait_until 30 \
	grep -q "b (${EP4[b]}) is unhealthy" "${AGENT_LOG[bal]}"
stop "$load"
note "$(cat "$got")"
at_most "connections that had begun are all that failed" "$(value "$got" .failed)" 5
ip -n "$NET-r" link set dev b up

ctl bal handshakes >"$NET_DIR/handshakes"
check "handshakes are timed by region" grep -Eq '^ +main +here +[0-9]+ +[0-9.]+ ms' "$NET_DIR/handshakes"
sed 's/^/#   /' "$NET_DIR/handshakes"
is "and nobody came from elsewhere" "$(ctl bal handshakes --json | jq -r '[.pools[].regions[].region] | unique | join(" ")')" here

sed -i 's/^    proxied: true/&\n    passive_health: false/' "$config"
check "it is switched off" agent_reload bal
check "all are healthy again" wait_until 150 all_healthy
before=$(packets FORWARD_SECOND)
mute a
connect "$got" --connections 200 --parallel 200 --timeout 4
at_least "and then connections fail" "$(value "$got" .failed)" 10
is "nothing is sent elsewhere" $(($(packets FORWARD_SECOND) - before)) 0
is "nobody is ejected" "$(origin a .ejected)" false
unmute a
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
