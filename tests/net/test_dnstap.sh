#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dnstap: queries and answers for who watches, read back by other programs, and that nobody waits
# for who does not read.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_tls.sh
. tests/net/lib_tls.sh

net_up
balancer_up bal
config=$NET_DIR/weir.yaml
tap=$NET_DIR/tap.fstrm
certificate "$NET_DIR/dns" DNS:dns.example.org

# configure DNSTAP: what agent.dns.dnstap says.
configure() {
	local i

	cat <<-END
		agent:
		  node: bal
		  vips: ["$VIP4"]
		  control: 127.0.0.1:8650
		  pin_path: $NET_DIR/bpf/bal
		  dns:
		    listen: ["0.0.0.0:53", "[::]:53"]
		    tls: { listen: ["192.0.2.2"], certificate: $NET_DIR/dns.crt, key: $NET_DIR/dns.key }
		    ${1:+dnstap: $1}
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		records:
		  - { type: A, name: a.example.org, content: 192.0.2.71 }
	END
	for i in $(seq 200); do
		echo "  - { type: A, name: many.example.org, content: 203.0.113.$i }"
	done
}

q() { in_ns client kdig +timeout=3 +retry=0 +short "$@" >"$NET_DIR/words"; }
counted() { ctl bal dns --json | jq -r ".dnstap | $1"; }
all_written() { [ "$(counted '.written + .lost == .sampled')" = true ]; }
# whole FILE: it has an end; its messages are in FILE.json then.
whole() { python3 tests/net/dnstap.py "$1" >"$1.json"; }
# of FILE FILTER: how many messages it holds for.
of() { jq -s "[.[] | select($2)] | length" "$1.json"; }
load() { in_ns client dnsperf -s $DNS4 -d "$NET_DIR/names" "$@" >"$NET_DIR/load" 2>&1; }
answered() { sed -nE 's/^ *Queries completed: *([0-9]+).*/\1/p' "$NET_DIR/load"; }
echo "a.example.org A" >"$NET_DIR/names"

# --- a file ---
configure "{ file: $tap }" >"$config"
agent_must_start bal "$config"
check "the file is opened" wait_until 5 test -e "$tap"
q @$DNS4 a.example.org
q @$DNS6 a.example.org
q +tcp @$DNS4 nobody.example.org
q +tls @$DNS4 a.example.org
q +tcp @$DNS4 many.example.org
load -n 500 -Q 5000
is "500 queries are answered" "$(answered)" 500
check "all there is is written" wait_until 10 all_written
is "nothing was lost" "$(counted .lost)" 0
configure "" >"$config"
check "dnstap is switched off: taken" agent_reload bal
is "and off" "$(ctl bal dns --json | jq .dnstap)" null
check "the file comes to its end" wait_until 5 whole "$tap"
is "each query is in it" "$(of "$tap" '.type == "AUTH_QUERY" and .query.qr == 0')" 505
is "and each answer" "$(of "$tap" '.type == "AUTH_RESPONSE" and .answer.qr == 1')" 505
is "over UDP, with address and port of both sides" "$(of "$tap" \
	".protocol == \"UDP\" and .client == \"$CLIENT4\" and .server == \"$DNS4\" and .client_port > 0 and .server_port == 53")" 1002
is "over IPv6" "$(of "$tap" ".client == \"$CLIENT6\" and .server == \"$DNS6\"")" 2
is "over TCP" "$(of "$tap" '.protocol == "TCP"')" 4
is "over TLS" "$(of "$tap" '.protocol == "DOT" and .server_port == 853')" 2
is "an answer that is larger than those of UDP is whole" "$(of "$tap" '.answer.answers == 200 and .answer.bytes > 3200')" 1
is "NXDOMAIN is NXDOMAIN" "$(of "$tap" '.answer.rcode == 3 and .answer.name == "nobody.example.org"')" 1
is "it says who saw it" "$(of "$tap" '.identity == "bal" and (.version | startswith("weir "))')" 1010
now=$(date +%s)
is "and when" "$(of "$tap" ".asked > $now - 60 and .asked <= $now + 1 and (.answered == null or (.answered >= .asked and .answered < .asked + 5))")" 1010

# --- a sample ---
configure "{ file: $tap, sample: 0.1, identity: other }" >"$config"
check "a sample: taken" agent_reload bal
load -n 20000 -Q 10000
is "20,000 queries are answered" "$(answered)" 20000
check "what was there before is kept beside it" whole "$tap.1"
is "as it was" "$(of "$tap.1" true)" 1010
check "all there is is written" wait_until 10 all_written
mv "$tap" "$tap.moved"
check "a reload opens it again" agent_reload bal
check "where it was" wait_until 5 test -e "$tap"
check "the file that was moved away comes to its end" wait_until 5 whole "$tap.moved"
n=$(of "$tap.moved" '.type == "AUTH_QUERY"')
note "a tenth of 20,000 queries: $n" # standard deviation 42
check "and has a tenth of them" test "$n" -ge 1790 -a "$n" -le 2210
is "and their answers" "$(of "$tap.moved" '.type == "AUTH_RESPONSE" and .identity == "other"')" "$n"

# --- a socket ---
sock=$NET_DIR/s
configure "{ socket: $sock }" >"$config"
check "a socket that is not there yet: taken" agent_reload bal
check "and said" wait_until 5 grep -q "no dnstap to $sock: No such file" "${AGENT_LOG[bal]}"
load -n 1000
is "queries are answered all the same" "$(answered)" 1000
start bal "$NET_DIR/capture.out" fstrm_capture -t protobuf:dnstap.Dnstap -u "$sock" -w "$NET_DIR/captured"
capture=$STARTED
check "somebody listens: it is found" wait_until 10 eval '[ "$(counted .open)" = true ]'
echo "b.example.org A" >"$NET_DIR/names" # what came before may be on its way still
load -n 3000 -Q 2000
is "3,000 queries are answered" "$(answered)" 3000
written() { [ "$(counted .written)" -ge 6000 ]; }
check "and written" wait_until 20 written
configure "" >"$config"
check "off again: taken" agent_reload bal
stop $capture
check "what fstrm_capture wrote is whole" whole "$NET_DIR/captured"
is "and has them all" "$(of "$NET_DIR/captured" '(.query.name // .answer.name) == "b.example.org"')" 6000

# --- a reader that does not read ---
cat >"$NET_DIR/deaf.py" <<-'END'
	import socket, struct, sys, time
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	s.listen()
	print("ready", flush=True)
	c = s.accept()[0]
	c.recv(4096)  # READY
	kind = b"protobuf:dnstap.Dnstap"
	body = struct.pack("!III", 1, 1, len(kind)) + kind  # ACCEPT
	c.sendall(struct.pack("!II", 0, len(body)) + body)
	time.sleep(1000)
END
rm -f "$sock"
start bal "$NET_DIR/deaf" python3 "$NET_DIR/deaf.py" "$sock"
deaf=$STARTED
check "a reader that does not read" wait_until 5 grep -q ready "$NET_DIR/deaf"
configure "{ socket: $sock }" >"$config"
check "is written to" agent_reload bal
check "for as long as it takes anything" wait_until 10 eval '[ "$(counted .open)" = true ]'
load -n 40000 -q 50
is "and holds up nobody: 40,000 queries are answered" "$(answered)" 40000
lost() { [ "$(counted .lost)" -gt 0 ]; }
check "what had no room is counted" wait_until 5 lost
note "$(counted '"\(.sampled) messages, \(.written) written, \(.lost) lost"')"
began=$(now_ms)
configure "" >"$config"
check "off, while it is stuck: taken" agent_reload bal
at_most "at once, in ms" $(($(now_ms) - began)) 4000
configure "{ socket: $sock }" >"$config"
check "on again" agent_reload bal
began=$(now_ms)
check "an agent with a stuck reader ends well" agent_term bal
at_most "and soon, in ms" $(($(now_ms) - began)) 8000
stop $deaf KILL
check "no sanitizer report" no_sanitizer_report
finish
