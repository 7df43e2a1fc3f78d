#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# weirctl trace: what it says of a flow is where the flow's packets then arrive.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml said=$NET_DIR/said
one_pool "$config" a=1 b=1
agent_must_start bal "$config"

# trace SRC DST PROTO [OPTION...]: as JSON.
trace() { ctl bal trace --json "$@"; }

# flow LOCAL_PORT TARGET COUNT...: connections from these ports on, who answered each; a line
# "port name" each.
flows() {
	in_ns client python3 -c '
import socket, sys
target, port, first, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
six = ":" in target
for local in range(first, first + n):
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(5)
    s.bind(("::" if six else "0.0.0.0", local))
    s.connect((target, port))
    s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
    data = b""
    while True:
        more = s.recv(4096)
        if not more:
            break
        data += more
    s.close()
    print(local, data.split()[-1].decode())' "$@"
}

# agree SENTENCE PORT COUNT FLAG: traces of COUNT flows from PORT on, then the flows.
agree() {
	local sentence=$1 first=$2 n=$3 port
	shift 3

	for port in $(seq "$first" $((first + n - 1))); do
		echo "$port $(trace "$CLIENT4:$port" $VIP4:80 tcp "$@" | jq -r .endpoint.origin)"
	done >"$said"
	flows $VIP4 80 "$first" "$n" >"$said.real"
	check "$sentence" diff "$said" "$said.real"
	note "$(cut -d' ' -f2 "$said" | sort | uniq -c | tr -s ' \n' ' ')"
}

agree "60 flows go where their traces said, at rest" 20000 60
for port in $(seq 21000 21019); do
	echo "$port $(trace "[$CLIENT6]:$port" "[$VIP6]:80" tcp | jq -r .endpoint.origin)"
done | sed 's/6$//' >"$said"
flows $VIP6 80 21000 20 >"$said.real"
check "20 over IPv6, too" diff "$said" "$said.real"

# Rows that have changed, half of them with b before: a SYN and a packet in the middle differ.
one_pool "$config" a=1 c=1
check "a pool changes" agent_reload bal
agree "60 new flows go where their traces said, while rows have changed" 22000 60 --syn
left() { trace "$CLIENT4:$1" $VIP4:80 tcp | jq -e '.row.previous | . != null and .origin == null' >/dev/null; }
port=23000
until left $port || [ $port -gt 23100 ]; do port=$((port + 1)); done
check "a flow is found whose row was of the endpoint that left" left $port
trace "$CLIENT4:$port" $VIP4:80 tcp --syn >"$said"
is "its SYN would go to the new endpoint" \
	"$(jq -r '"\(.action) \(.reason) \(.endpoint.origin == .row.current.origin)"' "$said")" "forward FORWARD true"
trace "$CLIENT4:$port" $VIP4:80 tcp >"$said"
is "an older flow of it stays where it was" \
	"$(jq -r '"\(.action) \(.reason) \(.endpoint.address == .row.previous.address) \(.record.found)"' "$said")" \
	"forward FORWARD_PREV true false"
is "with an endpoint that drains and no pool has" \
	"$(jq -c '.endpoint | [.origin, .pool, .draining]' "$said")" '[null,null,true]'
ctl bal trace "$CLIENT4:$port" $VIP4:80 tcp >"$said"
sed 's/^/#   /' "$said"
is "in words" "$(grep -cE '^  (service   tcp port 80 of|row       [0-9]+ of [0-9]+ has changed|record    none|endpoint  .* no pool has any more|forward   .*\(FORWARD_PREV\))' "$said")" 5
flows $VIP4 80 $port 1 >/dev/null
is "once it was there it is recorded" "$(trace "$CLIENT4:$port" $VIP4:80 tcp | jq -r '"\(.reason) \(.record.found)"')" \
	"FORWARD_FLOW true"

# Where nothing is forwarded.
is "not for a service" "$(trace 1.2.3.4:5 $VIP4:81 tcp | jq -c '[.action, .reason, .service, .endpoint]')" \
	'["pass","PASS_NOT_OURS",null,null]'
is "UDP" "$(trace 1.2.3.4:5 $VIP4:9000 udp | jq -c '[.action, .service.protocol, .flow.flags]')" '["forward","udp",null]'
one_pool "$config" a=1,off
check "a pool loses everybody" agent_reload bal
is "nobody serves" "$(trace 1.2.3.4:5 $VIP4:80 tcp --syn | jq -c '[.action, .reason, .endpoint]')" \
	'["drop","DROP_NO_ENDPOINT",null]'
before=$(status bal '[.packets[].packets] | add')
for i in $(seq 20); do trace 1.2.3.4:"$i" $VIP4:80 tcp >"$said"; done
at_most "traces count as no packets" $(($(status bal '[.packets[].packets] | add') - before)) 3 # neighbours talk

# Wrong usage. The agent's sentence is printed, with exit 2.
refused() {
	local fragment=$1

	shift
	ctl bal trace "$@" >"$said" 2>&1
	is "trace $*: exit 2, $fragment" "$? $(grep -cF "$fragment" "$said")" "2 1"
}
refused "a flow has one family" 1.2.3.4:5 "[2001:db8::1]:80" tcp
refused "is not an address and port" 1.2.3.4 $VIP4:80 tcp
refused "is not an address and port" 1.2.3.4:5 "www&proto=x" tcp
refused "one of: tcp, udp" 1.2.3.4:5 $VIP4:80 sctp
refused "UDP has none" 1.2.3.4:5 $VIP4:80 udp --syn
refused "not all are there" 1.2.3.4:5 $VIP4:80
at=http://127.0.0.1:8650/weir/v1/trace
refusal() { in_ns bal curl -s -w '%{http_code}' "$at?$1" | tr -d '\n'; }
is "an argument given twice" "$(refusal 'src=1&src=2')" '{"error":"src: is given twice"}400'
is "an unknown argument" "$(refusal 'src=1.2.3.4:5&x=1' | grep -c 'unknown key.*400$')" 1
is "an argument that is no text" "$(refusal 'src=%ff' | grep -c 'not UTF-8.*400$')" 1
is "none" "$(refusal '' | grep -c 'src is missing.*400$')" 1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
