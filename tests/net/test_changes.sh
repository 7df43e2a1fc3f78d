#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes of the configuration under 500 live transfers: nothing breaks, and who was taken out gets
# no new flow.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

one_pool "$config" a=1 b=1 c=1
agent_must_start bal "$config"
transfers_start "$live"

# after SENTENCE ORIGIN...: reloads with these origins; new connections follow at once.
after() {
	local sentence=$1
	shift
	one_pool "$config" "$@"
	agent_reload bal || not_ok "$sentence: the file is taken"
	connect "$got" --connections 5000
}

after "add" a=1 b=1 c=1 d=1
check_shares "an added endpoint gets its share" "$got" 10 a=1 b=1 c=1 d=1
after "remove" b=1 c=1 d=1
check_shares "a removed endpoint gets no new connection, the others share it" "$got" 10 b=1 c=1 d=1
after "disable" b=1,off c=1 d=1
check_shares "a disabled endpoint gets no new connection, the others share it" "$got" 10 c=1 d=1
after "re-weight" b=1,off c=1 d=0.25
check_shares "a changed weight is followed" "$got" 10 c=1 d=0.25
after "all at once" a=0.5 b=1 d=0.5
check_shares "add, enable, remove and re-weight in one reload" "$got" 10 a=0.5 b=1 d=0.5

# SYNs from nowhere, while rows remember their older flows: no record of a live flow gives way.
mac=$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')
after "re-weight once more" a=1 b=0.5 d=1
check_shares "another change" "$got" 15 a=1 b=0.5 d=1
at_least "rows remember" "$(status bal .usage.unsettled_rows)" 1000
in_ns r python3 tests/net/noise.py flood bal "$mac" $VIP4 100000 1
note "a flood: $(status bal '[.packets[] | select(.packets > 0) | "\(.reason) \(.packets)"] | join(", ")')"
sleep 2
transfers_stop "$live"
is "500 transfers ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
is "they began at a, b and c" "$(value "$live" '.by | keys | join(" ")')" "a b c"

# Windows that end while flows from before them go on: where the endpoint is only less wanted they
# stay for as long as they live; where it was taken out they have had their time.
DRAIN=3
one_pool "$config" a=1 b=1 c=1
agent_reload bal
transfers_start "$live"
after "a weight of 0" a=1 b=1 c=0
check_shares "a weight of 0 is followed" "$got" 10 a=1 b=1
sleep 5
is "no flow breaks when the window of a changed weight ends" "$(grep -c broken "$live.err")" 0
one_pool "$config" a=1 b=1
check "its endpoint is removed" agent_reload bal
sleep 1.5
is "no flow breaks while the window of the removed one lasts" "$(grep -c broken "$live.err")" 0
gone_with_c() { [ "$(grep -c 'with c broken' "$live.err")" -gt 0 ]; }
check "but after its window" wait_until 8 gone_with_c
sleep 1
transfers_stop "$live"
is "then all of the removed one, and no other" "$(value "$live" '.broken == .by.c')" true
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
