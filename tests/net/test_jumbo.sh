#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Jumbo frames in native mode: a frame lies in several buffers, and the program sees the first.
NET_MTU=9000
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml live=$NET_DIR/live

# watch_large ENDPOINT: ends once it has seen 200 frames of more than 4,000 bytes come there.
watch_large() {
	start "$1" "$NET_DIR/large.$1" tcpdump -i eth0 -nq -c 200 inbound and greater 4000
	LARGE[$1]=$STARTED
	wait_until 10 grep -q 'listening on' "$NET_DIR/large.$1.err" || bail "no watch on $1"
}
declare -A LARGE=()

# jumbo WORDS VIP ENDPOINT...: transfers run through, every byte checked, in large frames, which
# both endpoints get.
jumbo() {
	local words=$1 vip=$2 e

	shift 2
	one_pool "$config" "$@"
	if [ -z "${AGENT[bal]:-}" ]; then agent_must_start bal "$config"; else agent_reload bal; fi
	for e in a b; do watch_large $e; done
	in_ns client "$WEIR_LOAD" transfers --flows 40 --size 1000000 --rate 1000000 --seconds 3 \
		"$vip:9000" >"$live" 2>"$live.err"
	note "transfers: $(cat "$live")"
	is "$words: no transfer broke" "$(value "$live" '"\(.flows) \(.broken)"')" "40 0"
	at_least "$words: each was served for" "$(value "$live" '[.by[]] | add')" 40
	for e in a b; do
		check "$words: 200 frames of more than 4,000 bytes came to $e" wait_until 5 gone "${LARGE[$e]}"
		stop "${LARGE[$e]}"
	done
}

jumbo "IPv4 in IPv4" $VIP4 a=1 b=1
is "the interface is attached in native mode" "$(status bal '.interfaces[0].mode')" native
jumbo "IPv6 in IPv4" "[$VIP6]" a=1 b=1
jumbo "IPv4 in IPv6" $VIP4 a6=1 b6=1
jumbo "IPv6 in IPv6" "[$VIP6]" a6=1 b6=1
is "the program dropped nothing" "$(status bal '[.packets[] | select(.drop and .packets > 0)] | length')" 0
check "a ping of 8,000 bytes is answered" in_ns client ping -c 1 -W 2 -M do -s 8000 $VIP4
check "and one over IPv6" in_ns client ping -c 1 -W 2 -M do -s 8000 $VIP6
check "the agent ends well" agent_term bal
agent_detach bal >/dev/null 2>&1
check "no sanitizer report" no_sanitizer_report
finish
