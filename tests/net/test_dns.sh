#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS as clients see it: over UDP and TCP, with IPv4 and IPv6.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_dns.sh
. tests/net/lib_dns.sh

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml

configure() {
	agent_yaml
	dns_world_yaml "${1:-}"
	for i in $(seq 100); do
		echo "  - { type: A, name: many.example.org, content: 203.0.113.$((100 + i)) }"
	done
}

q() { in_ns client dig @$DNS4 +tries=2 +time=2 "$@"; }
sorted() { q +short "$@" | sort | xargs; }
addresses() { for name in "$@"; do echo "${EP4[$name]}"; done | sort | xargs; }
answers() { [ "$(sorted direct.example.org A)" = "$1" ]; }
# header ARGUMENTS: "status flags answers authority", from dig's words.
header() {
	q "$@" | sed -nE 's/.*status: ([A-Z]+),.*/\1/p; s/.*flags: ([a-z ]+);.*ANSWER: ([0-9]+), AUTHORITY: ([0-9]+).*/\1 \2 \3/p' | xargs
}

configure >"$config"
agent_must_start bal "$config"
wait_until 5 answers "$(addresses a b c)"

for over in +notcp +tcp; do
	is "a proxied name answers the VIP ($over)" "$(sorted $over www.example.org A)" $VIP4
	is "and over IPv6 ($over)" "$(sorted $over www.example.org AAAA)" $VIP6
	is "a DNS-only name answers the healthy endpoints ($over)" "$(sorted $over direct.example.org A)" "$(addresses a b c)"
	is "one of IPv6 endpoints has AAAA ($over)" "$(sorted $over direct6.example.org AAAA)" \
		"$(printf '%s\n' "${EP6[a]}" "${EP6[b]}" | sort | xargs)"
	is "and no A: NODATA with SOA ($over)" "$(header $over direct6.example.org A)" "NOERROR qr aa rd 0 1"
	is "a CNAME brings its target's address ($over)" \
		"$(q $over +noall +answer alias.example.org A | awk '{print $4, $5}' | xargs)" "CNAME www.example.org. A $VIP4"
	is "one to another zone comes alone ($over)" "$(header $over away.example.org A)" "NOERROR qr aa rd 1 0"
	is "NXDOMAIN with SOA ($over)" "$(header $over nobody.example.org A)" "NXDOMAIN qr aa rd 0 1"
	is "a name above a name exists: NODATA ($over)" "$(header $over empty.example.org A)" "NOERROR qr aa rd 0 1"
	is "outside the zones: REFUSED ($over)" "$(header $over www.example.net A)" "REFUSED qr rd 0 0"
	is "the zone's SOA ($over)" "$(q $over +noall +answer example.org SOA | awk '{print $4, $5, $11}')" "SOA ns1.example.org. 30"
	is "the zone's NS ($over)" "$(sorted $over example.org NS)" "ns1.example.org. ns2.example.org."
	is "a POOL name answers one CNAME ($over)" "$(header $over pool.example.org A)" "NOERROR qr aa rd 1 0"
done
is "the same over IPv6" "$(in_ns client dig @$DNS6 +short +tries=2 +time=2 www.example.org A)" $VIP4
is "the TTL is half of the balancer's, as its health could change" \
	"$(q +noall +answer direct.example.org A | awk '{print $2}' | sort -u)" 10
is "the SOA of a negative answer has the minimum as its TTL" \
	"$(q +noall +authority nobody.example.org A | awk '{print $2, $4}')" "30 SOA"

is "the case of the question comes back" "$(q wWw.ExAmPlE.oRg A | grep -c '^;\?wWw.ExAmPlE.oRg\.')" 2
check "a question with EDNS gets an OPT" grep -q 'EDNS: version: 0, flags:; udp: 1232' <<<"$(q +edns=0 www.example.org A)"
check "one without gets none" eval '! q +noedns www.example.org A | grep -q EDNS'
check "EDNS version 1: BADVERS" grep -q 'status: BADVERS' <<<"$(q +edns=1 +noednsneg www.example.org A)"
is "what does not fit in UDP is truncated" "$(q +noedns +ignore many.example.org A | grep -c 'flags: qr aa tc')" 1
is "and whole over TCP" "$(q +noedns many.example.org A +short | sort -u | wc -l)" 100
is "several queries on one TCP connection" "$(in_ns client python3 tests/net/noise.py pipeline $DNS4 53 www.example.org)" "1 2 3"

# POOL: 3,000 queries, weights 1, 2 and 5 of 8; the smallest share is 375 +- 18.
for _ in $(seq 3000); do echo "pool.example.org A"; done >"$NET_DIR/queries"
q +short -f "$NET_DIR/queries" | sort | uniq -c >"$NET_DIR/pool"
note "3,000 queries for the POOL name: $(xargs <"$NET_DIR/pool")"
is "3,000 queries for a POOL name are all answered" "$(awk '{n += $1} END {print n}' "$NET_DIR/pool")" 3000
check "and follow weights 1, 2 and 5 within 20 %" awk '
	BEGIN { w["one"] = 1; w["two"] = 2; w["five"] = 5 }
	{ split($2, n, "."); want = 3000 * w[n[1]] / 8; if ($1 < want * 0.8 || $1 > want * 1.2) bad = 1 }
	END { exit bad || NR != 3 }' "$NET_DIR/pool"

touch "$NET_DIR/nginx.b/ill"
began=$(now_ms)
check "DNS stops naming an ill endpoint" wait_until 5 answers "$(addresses a c)"
at_most "within ten times interval and timeout, in ms" $(($(now_ms) - began)) 4000
touch "$NET_DIR/nginx.a/ill" "$NET_DIR/nginx.c/ill"
check "all of them ill" wait_until 5 status_is bal '.pools[0].healthy' 0
is "when all are ill the fallback pool answers with all it has" "$(sorted direct.example.org A)" "$(addresses a b c)"
rm "$NET_DIR/nginx.a/ill"
check "with the first healthy one, that one" wait_until 5 answers "$(addresses a)"

configure 192.0.2.79 >"$config"
check "a changed record is taken" agent_reload bal
is "and answered at once" "$(sorted changes.example.org A)" 192.0.2.79
at_least "queries and answers are counted, of the kernel and of the agent" \
	"$(status bal '([.dns.udp_queries, .dns.udp_answers] | min) + ([.dns.filter[] | select(.reason == "DNS_ANSWER_XDP") | .packets] | add)')" 3000
at_least "also those over TCP" "$(status bal '[.dns.tcp_queries, .dns.tcp_answers] | min')" 14
is "no well-formed query was dropped" "$(status bal '[.dns.filter[] | select(.drop) | .packets] | add')" 0

in_ns bal ss --kill --udp --all 'sport = :53' >"$NET_DIR/killed" 2>&1
check "DNS goes on after an error of its sockets (ss --kill)" \
	eval '[ "$(sorted +tries=3 changes.example.org A)" = 192.0.2.79 ]'
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
