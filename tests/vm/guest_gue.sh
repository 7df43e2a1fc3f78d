#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# GUE at endpoints whose kernel takes it off: its FOU receiver, which over IPv6 insists on a right UDP
# checksum, in front of its tunnel devices.
# shellcheck source=tests/vm/guest.sh
. "$(dirname "$0")/guest.sh"
export FORWARDING=gue

# counter NAME FILE LINE WORD: of /proc/net/FILE, where lines with names come before lines with values.
counter() {
	in_ns "$1" cat "/proc/net/$2" | awk -v line="$3:" -v word="$4" '
		$1 == line && at { print $at; exit }
		$1 == line { for (i = 2; i <= NF; i++) if ($i == word) at = i }'
}

net_up
balancer_up bal
for name in a b; do
	endpoint_up $name
	endpoint_tunnels $name
	{ in_ns $name ip fou add port 6080 gue && in_ns $name ip -6 fou add port 6080 gue; } ||
		bail "the kernel receives GUE on $name"
done
config=$NET_DIR/weir.yaml got=$NET_DIR/got

one_pool "$config" a=1 b6=1
agent_must_start bal "$config"
families_reach a=1 b=1
for vip in $VIP4 "[$VIP6]"; do
	in_ns client "$WEIR_LOAD" udp --flows 100 --requests 2 --timeout 20 "$vip:9000" >"$got"
	is "100 UDP flows to $vip are answered" "$(value "$got" '"\(.flows) \(.lost) \(.wrong)"')" "100 0 0"
done
is "no UDP checksum was wrong over IPv4" "$(counter a snmp Udp InCsumErrors)" 0
is "nor over IPv6" "$(in_ns b cat /proc/net/snmp6 | awk '/^Udp6InCsumErrors/ { print $2 }')" 0

# A router marks what it would drop; the kernel hands the marks on to the inner packets.
in_ns client sysctl -qw net.ipv4.tcp_ecn=1
bpftool prog load build/tests/net/xdp_mark.bpf.o "$NET_DIR/bpf/xdp_mark" || bail "xdp_mark loads"
in_ns r bpftool net attach xdpdrv pinned "$NET_DIR/bpf/xdp_mark" dev bal overwrite || bail "xdp_mark attaches"
for vip in $VIP4 "[$VIP6]"; do
	in_ns client "$WEIR_LOAD" transfers --flows 8 --stall 100 --rate 0 --size 50000 "$vip:9000" >"$got" 2>"$got.err"
	is "transfers to $vip through marks come to their end" "$(value "$got" .complete)" 8
done
at_least "the clients were told of marks" "$(counter client netstat TcpExt TCPDeliveredCE)" 20
check "the agent ends well" agent_term bal
finish
