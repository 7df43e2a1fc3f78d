#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A flood of SYNs from random sources, as many as one core can make, over many live transfers, with
# rows that change in the middle: no live flow is lost. FLOOD_SECONDS, FLOOD_FLOWS: 60 and 10000 for
# the whole thing.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=${FLOOD_SECONDS:-10} flows=${FLOOD_FLOWS:-2000}
net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml live=$NET_DIR/live

DRAIN=$((seconds / 2)) # the window of the change ends in the flood, too
one_pool "$config" a=1 b=1 c=1
agent_must_start bal "$config"
transfers_start "$live" --flows "$flows" --rate 2048 --stall 30000
mac=$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')
forwarded() { status bal '[.packets[] | select(.reason | startswith("FORWARD")).packets] | add'; }
flooding() { [ "$(forwarded)" -gt $((before + 100000)) ]; }

before=$(forwarded)
start r "$NET_DIR/flood" build/tests/net/flood bal "$mac" $VIP4 9000 203.0.113.0 "$seconds"
flood=$STARTED
check "the flood comes through" wait_until 60 flooding
one_pool "$config" a=1 b=0.5 c=0.1
check "weights change in the middle of it" agent_reload bal
at_least "rows remember their older flows" "$(status bal .usage.unsettled_rows)" 100
check "the flood ends" finished "$flood" $((seconds * 3 + 60))
note "the flood: $(cat "$NET_DIR/flood"), forwarded $(($(forwarded) - before))"
sleep $((DRAIN + 2)) # now the window is over however slow this machine is
transfers_stop "$live"
is "$flows transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "$flows 0"
is "they began at all endpoints" "$(value "$live" '.by | keys | join(" ")')" "a b c"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
