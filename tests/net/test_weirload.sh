#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The traffic generator itself: it must see what the other tests rely on it to see.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
endpoint_up a
endpoint_up b
got=$NET_DIR/got live=$NET_DIR/live

# vip_to NAME: without a balancer, straight to one endpoint.
vip_to() { ip -n "$NET-r" route replace 198.51.100.0/24 via "${EP4[$1]}"; }

vip_to a
connect "$got" --connections 1000
check_shares "connections are counted by who answered" "$got" 0 a=1
check "a wrong share is seen" eval '! shares "$got" 5 a=1 b=1'
transfers_start "$live" --flows 200
sleep 0.5
transfers_stop "$live"
is "undisturbed transfers are whole" "$(value "$live" '"\(.flows) \(.broken)"')" "200 0"
at_least "bytes go down" "$(value "$live" .bytes_down)" 800000
at_least "and up" "$(value "$live" .bytes_up)" 500000

transfers_start "$live" --flows 200
vip_to b
sleep 1
transfers_stop "$live"
is "flows that are moved to another endpoint are broken" "$(value "$live" .broken)" 200
vip_to a

transfers_start "$live" --flows 200 --stall 1
ip -n "$NET-r" link set dev a down
sleep 1.5
transfers_stop "$live"
is "flows that stall are broken" "$(value "$live" .broken)" 200
ip -n "$NET-r" link set dev a up
vip_to a
wait_until 5 connect "$got" --connections 1 --timeout 0.5

# A relay that changes one bit of what goes down, or up, after 20,000 bytes.
start client "$NET_DIR/relay" python3 -c '
import selectors, socket, sys
l4 = socket.create_server(("127.0.0.1", 7000)), socket.create_server(("127.0.0.1", 7001))
sel, peer = selectors.DefaultSelector(), {}
for at, l in enumerate(l4):
    sel.register(l, selectors.EVENT_READ, at)
while True:
    for key, _ in sel.select():
        s = key.fileobj
        if s in l4:
            c, up = s.accept()[0], socket.create_connection((sys.argv[1], 9000))
            # [other end, bytes so far, where to flip]
            peer[c], peer[up] = [up, 0, 20000 if key.data else -1], [c, 0, -1 if key.data else 20000]
            sel.register(c, selectors.EVENT_READ)
            sel.register(up, selectors.EVENT_READ)
            continue
        try:
            data = bytearray(s.recv(65536))
        except OSError:
            data = b""
        to = peer[s]
        if not data:
            for x in (s, to[0]):
                if x in peer:
                    sel.unregister(x)
                    x.close()
                    del peer[x]
            break
        if to[1] <= to[2] < to[1] + len(data):
            data[to[2] - to[1]] ^= 1
        to[1] += len(data)
        to[0].sendall(data)
' $VIP4
wait_until 5 in_ns client bash -c ': </dev/tcp/127.0.0.1/7001'
in_ns client "$WEIR_LOAD" transfers --flows 10 --seconds 5 --rate 20000 127.0.0.1:7000 >"$live" 2>/dev/null
is "one wrong bit on the way down is seen" "$(value "$live" '.failures["corrupt data"]')" 10
in_ns client "$WEIR_LOAD" transfers --flows 10 --seconds 5 --rate 20000 127.0.0.1:7001 >"$live" 2>/dev/null
is "one wrong bit on the way up is seen" "$(value "$live" .broken)" 10

transfers_start "$live" --flows 200
stop "${SERVE[a]}" KILL
sleep 0.5
transfers_stop "$live"
is "flows whose server dies are broken" "$(value "$live" .broken)" 200
finish
