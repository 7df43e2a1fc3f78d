#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# UDP: shares by flow, a flow stays where it is, changes are followed.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got

udp() { in_ns client "$WEIR_LOAD" udp "$@" >"$got"; }

one_pool "$config" a=1 b=1 c=1
agent_must_start bal "$config"
udp --flows 20000 --requests 3 "$VIP4:9000"
check_shares "20,000 flows are shared within 5 %" "$got" 5 a=1 b=1 c=1
is "no flow changes its endpoint" "$(value "$got" '"\(.moved) \(.wrong)"')" "0 0"
udp --flows 20000 --requests 3 "[$VIP6]:9000"
check_shares "20,000 flows over IPv6 are shared within 5 %" "$got" 5 a=1 b=1 c=1
is "no flow changes its endpoint over IPv6" "$(value "$got" '"\(.moved) \(.wrong)"')" "0 0"

# Flows that talk all the time while a is taken out.
start client "$NET_DIR/talk" "$WEIR_LOAD" udp --flows 200 --parallel 200 --requests 200 --every 50 "$VIP4:9000"
talk=$STARTED
sleep 1
one_pool "$config" b=1 c=1
check "a change is taken" agent_reload bal
# Without a SYN nobody knows a new flow from an old one: for 5 s both go where the old ones were.
# The talkers keep their ports, else a new flow could be taken for one of theirs.
sleep 6
udp --flows 5000 "$VIP4:9000"
check_shares "six seconds later new flows leave a removed endpoint alone" "$got" 10 b=1 c=1
finished "$talk"
note "talking flows: $(cat "$NET_DIR/talk")"
is "200 flows that talked meanwhile lost no answer" "$(value "$NET_DIR/talk" '"\(.flows) \(.lost)"')" "200 0"

# Requests: a change holds for the next datagram of whoever talks.
echo "    udp: request" >>"$config"
check "datagrams become requests" agent_reload bal
start client "$NET_DIR/talk" "$WEIR_LOAD" udp --flows 200 --parallel 200 --requests 40 --every 50 "$VIP4:9000"
talk=$STARTED
sleep 0.5
one_pool "$config" c=1
echo "    udp: request" >>"$config"
check "an endpoint is taken out" agent_reload bal
udp --flows 1000 "$VIP4:9000"
check_shares "it gets no further request" "$got" 0 c=1
finished "$talk"
note "talking flows: $(cat "$NET_DIR/talk")"
at_least "all who talked to it moved" "$(value "$NET_DIR/talk" .moved)" 60
is "and lost no answer" "$(value "$NET_DIR/talk" '"\(.flows) \(.lost)"')" "200 0"
check "the agent ends well" agent_term bal
finish
