#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A balancer with two interfaces: packets leave by the one that the route to their endpoint says,
# whichever they came in by.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

# a is reached by eth1, b by eth0.
link bal eth1 bal1 1600
in_ns r bpftool net attach xdpdrv pinned "$XDP_PASS" dev bal1 || bail "XDP can be attached to a veth"
in_ns r ethtool -K bal1 tx off >/dev/null || bail "checksum offload can be switched off"
address r bal1 198.18.1.1/24 2001:db8:51::1/64
address bal eth1 198.18.1.2/24 2001:db8:51::2/64
ip -n "$NET-bal" route add "${EP4[a]}" via 198.18.1.1
ip -n "$NET-bal" -6 route add "${EP6[a]}" via 2001:db8:51::1

# What came to r from eth0 and eth1, in packets.
left_by() { ip -n "$NET-r" -s -j link show dev "$([ "$1" = eth0 ] && echo bal || echo bal1)" | jq '.[0].stats64.rx.packets'; }
attached() { status bal '[.interfaces[] | "\(.name) \(.mode)"] | sort | join(", ")'; }

# configure MODE A B INTERFACES
configure() {
	FORWARDING=$1 one_pool "$config" "$2=1" "$3=1"
	sed -i "s/interfaces: .*/interfaces: [$4]/" "$config"
}

# both WORDS: clients of both families reach both endpoints, each by its interface.
both() {
	local words=$1 vip n0 n1

	for vip in "$VIP4" "[$VIP6]"; do
		n0=$(left_by eth0) n1=$(left_by eth1)
		TARGET=$vip:80 connect "$got" --connections 2000
		check_shares "$words: 2,000 connections to $vip are shared within 10 %" "$got" 10 a=1 b=1
		at_least "$words: packets to b left by eth0" $(($(left_by eth0) - n0)) 3000
		at_least "$words: packets to a left by eth1" $(($(left_by eth1) - n1)) 3000
	done
}

configure ipip a b eth0
agent_must_start bal "$config"
both "in by eth0, which alone has a program"
configure ipip a b "eth0, eth1"
check "the other interface is taken, too" agent_reload bal
is "both in native mode" "$(attached)" "eth0 native, eth1 native"
transfers_start "$live" --flows 200
both "in by eth0"
ip -n "$NET-r" route replace 198.51.100.0/24 via 198.18.1.2
ip -n "$NET-r" -6 route replace 2001:db8:f::/64 via 2001:db8:51::2
both "in by eth1"
for mode in ipip gue; do
	configure $mode a6 b6 "eth0, eth1"
	check "$mode over IPv6 is taken" agent_reload bal
	both "$mode over IPv6"
done
vips_to 1
both "in by eth0 again"

# Without eth1 a is reached by the other route.
ip -n "$NET-bal" link del dev eth1
all_answered() { connect "$got" --connections 50 --timeout 0.5; }
check "when eth1 is gone, a is reached by eth0" wait_until 8 all_answered
connect "$got" --connections 2000
check_shares "and shares are as before" "$got" 10 a=1 b=1
lost() { [ "$(attached)" = "eth0 native, eth1 detached" ]; }
check "the status says that eth1 is gone" wait_until 5 lost
is "the agent does not try to send out of it" "$(grep -c "cannot be sent" "${AGENT_LOG[bal]}")" 0
transfers_stop "$live"
is "200 transfers ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "200 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
