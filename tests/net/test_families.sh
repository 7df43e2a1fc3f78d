#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every family in every family: clients of one, endpoints of the other.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

# family WORDS VIP SUFFIX: SUFFIX 6 makes the endpoints IPv6.
family() {
	local words=$1 s=$3

	one_pool "$config" "a$s=1" "b$s=1"
	if [ -z "${AGENT[bal]:-}" ]; then agent_must_start bal "$config"; else agent_reload bal; fi
	TARGET=$2:80 connect "$got" --connections 10000
	check_shares "$words: 10,000 connections are shared within 5 %" "$got" 5 a=1 b=1
	TARGET=$2:9000 transfers_start "$live" --flows 300
	one_pool "$config" "a$s=1" "b$s=1" "c$s=1"
	check "$words: an addition is taken" agent_reload bal
	one_pool "$config" "b$s=1" "c$s=1"
	check "$words: a removal is taken" agent_reload bal
	TARGET=$2:80 connect "$got" --connections 2000
	check_shares "$words: new connections follow it" "$got" 15 b=1 c=1
	one_pool "$config" "a$s=1,off" "b$s=0.5" "c$s=1"
	check "$words: new weights are taken" agent_reload bal
	TARGET=$2:80 connect "$got" --connections 2000
	check_shares "$words: new connections follow them" "$got" 20 b=0.5 c=1
	agent_kill9 bal
	check "$words: after kill -9 an agent starts again" agent_start bal "$config"
	sleep 1
	transfers_stop "$live"
	is "$words: 300 transfers through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "300 0"
	in_ns client "$WEIR_LOAD" transfers --flows 4 --rate 0 --size 20000000 "$2:9000" >"$live" 2>"$live.err"
	is "$words: full segments both ways, as fast as it goes" "$(value "$live" '.complete')" 4
}

family "IPv4 in IPv4" "$VIP4" ''
family "IPv6 in IPv6" "[$VIP6]" 6
family "IPv4 in IPv6" "$VIP4" 6
family "IPv6 in IPv4" "[$VIP6]" ''

one_pool "$config" a=1 b6=1 c=1
check "endpoints of both families in one pool are taken" agent_reload bal
connect "$got" --connections 5000
check_shares "endpoints of both families share one pool" "$got" 10 a=1 b=1 c=1
check "the agent ends well" agent_term bal
finish
