#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Uploads of full segments through tunnels that are too narrow for them, at the first link or
# further on: the client is told how large its packets may be.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a
config=$NET_DIR/weir.yaml
declare -A front=([ipip]=20 [gue]=28 [ipip6]=40 [gue6]=48) # bytes of outer headers
packets() { status bal ".packets[] | select(.reason == \"$1\") | .packets"; }
# What the client's kernel knows of the way to an address.
client_mtu() { ip -n "$NET-client" route get "$1" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'; }
forget() { ip -n "$NET-client" route flush cache && ip -n "$NET-client" -6 route flush cache; }

# In nginx's place one who takes whatever comes, and says how much it was.
nginx_down a
cat >"$NET_DIR/sink.py" <<'END'
import socket, socketserver
class Sink(socketserver.BaseRequestHandler):
    def handle(self):
        n = 0
        while part := self.request.recv(65536):
            n += len(part)
        self.request.sendall(str(n).encode())
class Server(socketserver.ThreadingTCPServer):
    address_family, daemon_threads = socket.AF_INET6, True
server = Server(("::", 80), Sink)
print("ready", flush=True)
server.serve_forever()
END
cat >"$NET_DIR/upload.py" <<'END'
import socket, sys
s = socket.create_connection((sys.argv[1], 80), 5)
s.settimeout(15)
s.sendall(bytes(1000000))
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())
END
start a "$NET_DIR/sink" python3 "$NET_DIR/sink.py"
wait_until 10 grep -q ready "$NET_DIR/sink" || bail "somebody takes uploads"

# upload WORDS VIP MTU: 1 MB; then the client knows this MTU.
upload() {
	local before

	forget
	before=$(packets REPLY_MTU)
	is "$1: the client knows of no MTU" "$(client_mtu "$2")" ""
	is "$1: 1 MB is uploaded" "$(in_ns client python3 "$NET_DIR/upload.py" "$2" 2>&1)" 1000000
	is "$1: in packets of $3 bytes at most" "$(client_mtu "$2")" "$3"
	at_least "$1: since the client was told" $(($(packets REPLY_MTU) - before)) 1
}

# uploads MTU: of outer packets, in each mode and family.
uploads() {
	local mode s

	for mode in ipip gue; do
		for s in '' 6; do
			FORWARDING=$mode one_pool "$config" "a$s=1"
			check "$mode to ${EP4[a]}, or IPv6: $s" agent_reload bal
			upload "IPv4 in $mode$s" "$VIP4" $(($1 - front[$mode$s]))
			upload "IPv6 in $mode$s" "$VIP6" $(($1 - front[$mode$s]))
		done
	done
}

# --- the second link ---
one_pool "$config" a=1
agent_must_start bal "$config"
ip -n "$NET-r" link set dev a mtu 1400
uploads 1400
at_least "the router has told the balancer, for each way" \
	"$(in_ns r nstat -asz IcmpOutDestUnreachs Icmp6OutPktTooBigs | awk 'NR > 1 { n += $2 } END { print n }')" 4
is "the agent says so once for each way" "$(grep -c 'takes packets of 1400 bytes' "${AGENT_LOG[bal]}")" 4

# --- the first link ---
ip -n "$NET-r" link set dev a mtu 1600
ip -n "$NET-bal" route replace default via 192.0.2.1 mtu 1300
ip -n "$NET-bal" -6 route replace default via 2001:db8:1::1 mtu 1340
for mode in ipip gue; do
	for s in '' 6; do
		FORWARDING=$mode one_pool "$config" "a$s=1"
		check "$mode$s: the configuration is taken" agent_reload bal
		way=$([ "$s" ] && echo 1340 || echo 1300)
		upload "first link, IPv4 in $mode$s" "$VIP4" $((way - front[$mode$s]))
	done
done
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
