#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bond of two interfaces, which the development machine's kernel does not know: the program runs
# on whichever of them is active, and packets leave by it.
# shellcheck source=tests/vm/guest.sh
. "$(dirname "$0")/guest.sh"

net_up
balancer_up bal
link bal eth1 bal1 1600
ip -n "$NET-r" link set dev bal1 master lan
in_ns r bpftool net attach xdpdrv pinned "$XDP_PASS" dev bal1 || bail "XDP can be attached to a veth"
in_ns r ethtool -K bal1 tx off >/dev/null || bail "checksum offload can be switched off"
ip -n "$NET-bal" link add bond0 mtu 1600 type bond mode active-backup miimon 50 || bail "a bond can be made"
for leg in eth0 eth1; do
	ip -n "$NET-bal" addr flush dev $leg
	ip -n "$NET-bal" link set dev $leg down
	ip -n "$NET-bal" link set dev $leg master bond0
done
ip -n "$NET-bal" link set dev bond0 mtu 1600 up
address bal bond0 192.0.2.2/25 2001:db8:1::2/64
routes bal 192.0.2.1 2001:db8:1::1
vips_to 1
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
one_pool "$config" a=1 b=1
sed -i 's/interfaces: .*/interfaces: [bond0]/' "$config"

# What came to r from eth0 or eth1, in packets.
left_by() { ip -n "$NET-r" -s -j link show dev "$1" | jq '.[0].stats64.rx.packets'; }
active() { ip -n "$NET-bal" -d -j link show dev bond0 | jq -r '.[0].linkinfo.info_data.active_slave'; }
active_is() { [ "$(active)" = "$1" ]; }

agent_must_start bal "$config"
check "the program is on the bond in native mode" status_is bal '[.interfaces[] | "\(.name) \(.mode)"] | join(", ")' "bond0 native"
first=$(active)
[ "$first" = eth0 ] && peer=bal next=eth1 next_peer=bal1 || peer=bal1 next=eth0 next_peer=bal
transfers_start "$live" --flows 40 --rate 2048
before=$(left_by $peer)
connect "$got" --connections 240 --parallel 32
check_shares "clients reach both endpoints" "$got" 40 a=1 b=1
at_least "by the active leg" $(($(left_by $peer) - before)) 240
ip -n "$NET-r" link set dev $peer down
check "the other leg becomes active" wait_until 30 active_is $next
before=$(left_by $next_peer)
connect "$got" --connections 240 --parallel 32
check_shares "clients reach both endpoints by it" "$got" 40 a=1 b=1
at_least "packets leave by it" $(($(left_by $next_peer) - before)) 240
transfers_stop "$live"
is "40 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "40 0"
check "the agent ends well" agent_term bal
check "--detach succeeds" agent_detach bal
finish
