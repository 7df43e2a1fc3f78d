#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is not plain TCP or UDP: pings to VIPs, path-MTU discovery by ICMP errors, datagrams in
# fragments.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got
one_pool "$config" a=1 b=1
agent_must_start bal "$config"
packets() { status bal ".packets[] | select(.reason == \"$1\") | .packets"; }

# The VIPs are no addresses of the balancer: nobody but the packet path could answer.
check "a VIP answers pings" in_ns client ping -q -c 20 -i 0.01 -W 2 $VIP4
check "a VIP answers pings over IPv6" in_ns client ping -q -c 20 -i 0.01 -W 2 $VIP6
check "large ones too" in_ns client ping -q -c 5 -i 0.01 -W 2 -s 1400 $VIP4
is "the status counts them" "$(packets REPLY_ECHO)" 45
check "an address next to the VIPs does not" \
	bash -c "! nsenter --net=/run/netns/$NET-client ping -q -c 2 -i 0.01 -W 0.2 198.51.100.77 >/dev/null"

# The client's link becomes narrower than its endpoints know. r says so to the VIP; the balancer
# hands that to the endpoint whose flow it is about. Else downloads would hang.
ip -n "$NET-r" link set dev client mtu 1300
head -c 2000000 /dev/urandom >"$NET_DIR/big"
for name in a b; do cp "$NET_DIR/big" "$NET_DIR/nginx.$name/big"; done
download() {
	in_ns client curl -sf -m 20 -o "$NET_DIR/down" "$1/big" && cmp "$NET_DIR/down" "$NET_DIR/big"
}
downloads() {
	local i

	for i in $(seq 10); do download "$1" || return 1; done
}
check "10 downloads pass a link of 1,300 bytes" downloads "http://$VIP4"
check "10 downloads over IPv6 too" downloads "http://[$VIP6]"
at_least "since the endpoints were told" "$(packets FORWARD_ICMP)" 2
ip -n "$NET-r" link set dev client mtu 1500

# Datagrams of 4,000 bytes, each in three fragments; every client's go to one endpoint.
cat >"$NET_DIR/large.py" <<'END'
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
names = set()
for client in range(40):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((sys.argv[1], 9000))
    seen = set()
    for n in range(5):
        s.send(bytes(4000))
        seen.add(s.recv(65536)[16:].rstrip(b"\0"))  # flow, number, name
    assert len(seen) == 1, seen
    names |= seen
print(len(names))
END
is "200 datagrams in fragments are answered, by both endpoints" \
	"$(in_ns client python3 "$NET_DIR/large.py" $VIP4)" 2
is "200 over IPv6 too" "$(in_ns client python3 "$NET_DIR/large.py" $VIP6)" 2
at_least "later fragments followed their first" "$(packets FORWARD_FRAGMENT)" 800
is "none was dropped" "$(packets DROP_FRAGMENT)" 0
check "the agent ends well" agent_term bal
finish
