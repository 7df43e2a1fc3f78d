#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Direct return on one LAN: only the MAC addresses change.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoint_up a lan
endpoint_up b lan
endpoint_up c lan
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

# l2_pools NAME=WEIGHT...: the same endpoints for IPv4 and IPv6, each by its address of that family.
l2_pools() {
	local six=()

	for origin in "$@"; do six+=("${origin%%=*}6=${origin#*=}"); done
	{
		agent_yaml
		echo "pools:"
		pool_yaml four 1 - "$@"
		pool_yaml six 1 - "${six[@]}"
		echo "load_balancers:"
		FORWARDING=l2 VIPS="\"$VIP4\"" lb_yaml four.example.org four four
		FORWARDING=l2 VIPS="\"$VIP6\"" lb_yaml six.example.org six six
	} >"$config"
}

l2_pools a=1 b=1
agent_must_start bal "$config"
is "the status names the forwarding mode" "$(status bal '[.services[].forwarding] | unique | join(" ")')" l2
connect "$got" --connections 10000
check_shares "10,000 connections are shared within 5 %" "$got" 5 a=1 b=1
TARGET="[$VIP6]:80" connect "$got" --connections 10000
check_shares "10,000 connections over IPv6 are shared within 5 %" "$got" 5 a=1 b=1
transfers_start "$live"
l2_pools b=1 c=1
check "a change is taken" agent_reload bal
connect "$got" --connections 2000
check_shares "new connections follow it" "$got" 15 b=1 c=1

# A new MAC address, told by a gratuitous ARP. (The kernel believes none in the first second after
# it has heard another address, unless it is told to.)
in_ns bal sysctl -qw net.ipv4.neigh.eth0.locktime=0
in_ns b sysctl -qw net.ipv4.conf.eth0.arp_notify=1
start client "$got" "$WEIR_LOAD" connect --for 60 --every 2 --timeout 5 "$VIP4:80"
short=$STARTED
sleep 0.3
ip -n "$NET-b" link set dev eth0 address 02:00:00:00:00:bb
sleep 1
stop "$short"
check_shares "an endpoint's new MAC address is followed at once" "$got" 30 b=1 c=1

# One that nobody tells of, with the old one forgotten by the kernel.
in_ns b sysctl -qw net.ipv4.conf.eth0.arp_notify=0
ip -n "$NET-b" link set dev eth0 address 02:00:00:00:00:bc
ip -n "$NET-bal" neigh flush dev eth0
all_answered() { connect "$got" --connections 50 --timeout 0.2; }
check "one that has to be asked for is found" wait_until 8 all_answered
connect "$got" --connections 2000
check_shares "and used" "$got" 15 b=1 c=1
transfers_stop "$live"
is "500 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
check "the agent ends well" agent_term bal
finish
