#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Source rules: clients that are allowed, denied and too many, and a change of rules under load.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
FRIEND4=203.0.113.130 FOE4=203.0.113.131 FRIEND6=2001:db8:c::130 FOE6=2001:db8:c::131
address client eth0 $FRIEND4/32 $FOE4/32 $FRIEND6/128 $FOE6/128

# rules TEXT: with these source rules.
rules() {
	one_pool "$config" a=1 b=1
	echo "    source_rules: $1" >>"$config"
}

# get ADDRESS: an answer by HTTP.
get() {
	local vip=$VIP4

	case $1 in *:*) vip="[$VIP6]" ;; esac
	in_ns client curl -gsf -m 1 --interface "$1" "http://$vip/name" >/dev/null
}
refused() { ! get "$1"; }
dropped() { status bal '.packets[] | select(.reason == "'"$1"'") | .packets'; }

rules "{deny: [$FOE4, \"$FOE6/128\"]}"
agent_must_start bal "$config"
check "a client is served" get $CLIENT4
check "one that is denied is not" refused $FOE4
check "a client over IPv6 is served" get $CLIENT6
check "one that is denied is not" refused $FOE6
at_least "which is counted with its reason" "$(dropped DROP_DENIED)" 2

transfers_start "$live" --flows 100
rules "{allow: [203.0.113.0/24, \"2001:db8:c::/64\"], deny: [203.0.113.128/25, \"::/0\"]}"
check "other rules" agent_reload bal
check "a client that is allowed is served" get $CLIENT4
check "the longer prefix decides" refused $FRIEND4
rules "{allow: [$CLIENT4, $FRIEND4, \"$FRIEND6\"], deny: [203.0.113.128/25]}"
check "other rules" agent_reload bal
check "a longer one still" get $FRIEND4
check "who is not allowed is denied" refused $CLIENT6
check "who is allowed over IPv6 is not" get $FRIEND6
check "the agent goes" agent_term bal
agent_must_start bal "$config"
check "another one leaves the rules as they are" refused $CLIENT6
sleep 0.5
transfers_stop "$live"
is "no transfer of an allowed client broke meanwhile" "$(value "$live" '"\(.flows) \(.broken)"')" "100 0"

# 100 flows, each of them 20 datagrams as fast as answers come.
rules "{rate: {packets_per_second: 100, burst: 200, prefix_v4: 25}}"
check "a rate" agent_reload bal
in_ns client "$WEIR_LOAD" udp --flows 100 --requests 20 --timeout 0.2 --parallel 100 "$VIP4:9000" >"$got"
answers=$(value "$got" .answers)
seconds=$(value "$got" '.seconds | ceil')
at_least "a burst passes" "$answers" 200
at_most "then no more than the rate" "$answers" $((200 + 100 * (seconds + 1)))
at_least "the rest is counted with its reason" "$(dropped DROP_RATE)" 100
check "another prefix of clients is not limited by it" get $FRIEND4
one_pool "$config" a=1 b=1
check "without rules" agent_reload bal
in_ns client "$WEIR_LOAD" udp --flows 100 --requests 20 --timeout 1 --parallel 100 "$VIP4:9000" >"$got"
is "all are served" "$(value "$got" '"\(.answers) \(.lost)"')" "2000 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
