#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zones: from files, changed while they are served, and by hand in the document above them.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml
zone=$NET_DIR/example.org.zone

# zone_file [SERIAL [LINE]]
zone_file() {
	cat <<-END
		\$ORIGIN example.org.
		\$TTL 300
		@	3600 IN SOA ns1 hostmaster ( ${1:-1} 3600 600 86400 60 )
		@	NS ns1
		@	NS ns.example.net.
		ns1	A $DNS4
		@	MX 10 mail
		@	TXT "v=spf1 -all" "second"
		www	60 A 198.51.100.1
		www	AAAA 2001:db8:99::1
		hidden	A 198.51.100.2
		hidden	TXT "of the file"
		*.any	A 198.51.100.3
		sub	NS ns.sub
		ns.sub	A 198.51.100.53
		_sip._udp SRV 10 20 5060 sip
		${2:-}
	END
}

configure() {
	agent_yaml | sed 's/dns: {/dns: { nsid: node-1, version: "weir test",/'
	cat <<-END
		zones:
		  - { name: example.org, file: "$zone" }
		pools:
	END
	pool_yaml main 1 - a=1 b=1
	cat <<-END
		load_balancers:
		  - { name: hidden.example.org, default_pools: [main], fallback_pool: main, steering_policy: "off" }
		  - { name: "*.lb.example.org", default_pools: [main], fallback_pool: main, proxied: true, listeners: [tcp/80] }
		records:
		  - { type: A, name: www.example.org, content: 192.0.2.99, ttl: 30 }
		  - { type: MX, name: more.example.org, content: mail.example.org, priority: 5 }
		  - { type: TXT, name: more.example.org, content: "two words" }
		  - { type: A, name: here.example.org, content: 192.0.2.1, regions: [global] }
		  - { type: A, name: here.example.org, content: 192.0.2.2, regions: [SV1] }
	END
}

q() { in_ns client dig @$DNS4 +tries=2 +time=2 "$@"; }
short() { q +short "$@" | sort | paste -sd ' '; }

zone_file >"$zone"
configure >"$config"
agent_must_start bal "$config"
wait_until 5 eval '[ "$(short example.org SOA | cut -d" " -f3)" = 1 ]'

is "what the file says is served" "$(short example.org MX)" "10 mail.example.org."
is "texts, too" "$(short example.org TXT)" '"v=spf1 -all" "second"'
is "and services" "$(short _sip._udp.example.org SRV)" "10 20 5060 sip.example.org."
is "wildcards answer" "$(short x.y.any.example.org A)" 198.51.100.3
is "a delegation refers, with glue" \
	"$(q www.sub.example.org A +noall +authority +additional +noedns | awk '{print $4, $5}' | xargs)" \
	"NS ns.sub.example.org. A 198.51.100.53"
is "the document's set of a name and type takes the place of the file's" "$(short www.example.org A)" 192.0.2.99
is "other types of the name are the file's" "$(short www.example.org AAAA)" 2001:db8:99::1
is "a balancer hides addresses" "$(short hidden.example.org A)" "$(printf '%s\n' "${EP4[a]}" "${EP4[b]}" | sort | xargs)"
is "but not the rest" "$(short hidden.example.org TXT)" '"of the file"'
is "a priority goes before the content" "$(short more.example.org MX)" "5 mail.example.org."
is "a text without quotes is one" "$(short more.example.org TXT)" '"two words"'
is "a balancer can be a wildcard" "$(short x.lb.example.org A)" $VIP4
is "records of other sites are not answered" "$(short here.example.org A)" 192.0.2.1
is "over TCP the same" "$(short +tcp example.org MX)" "10 mail.example.org."
is "the server says its name" "$(q +nsid example.org SOA | sed -n 's/^; NSID: .*("\(.*\)")/\1/p')" node-1
is "and version" "$(short version.bind CH TXT)" '"weir test"'
cookie=$(q +cookie example.org SOA | sed -n 's/^; COOKIE: \([0-9a-f]*\) (good)/\1/p')
is "a client gets a cookie" ${#cookie} 48
is "and keeps it" "$(q +cookie="$cookie" example.org SOA | sed -n 's/^; COOKIE: \([0-9a-f]*\).*/\1/p')" "$cookie"

explain() { ctl bal dns explain "$@"; }
is "explained: of the file" "$(explain example.org MX | head -1)" "example.org.: records of zone example.org"
is "a wildcard" "$(explain x.y.any.example.org A | head -1)" \
	"x.y.any.example.org. is not there: *.any.example.org. answers for it, of zone file of zone example.org"
is "a delegation" "$(explain www.sub.example.org A | head -1)" \
	"www.sub.example.org.: zone example.org delegates sub.example.org. to others"
is "a balancer" "$(explain hidden.example.org A | sed -n 2p)" "  DNS-only, steering by off"
is "and who is answered" "$(explain --json hidden.example.org A | jq -c '[.steps[0].load_balancer.members[] | select(.answered) | .origin]')" '["a","b"]'
is "what is not there" "$(explain --json nobody.example.org AAAA | jq -r '"\(.steps[0].kind) \(.rcode) \(.authority | length)"')" "missing 3 1"
is "what is not ours" "$(explain www.example.net A | head -1)" "www.example.net. is in none of the zones"
is "a type that is none is refused" "$(explain example.org NOTYPE 2>&1 | grep -c 'is not a type')" 1
ctl bal dns zone example.org >"$NET_DIR/written"
is "a zone is written as a file" "$(grep -c 'MX 10 mail.example.org.' "$NET_DIR/written")" 1
is "that another parser reads" "$(ldns-read-zone "$NET_DIR/written" | grep -c .)" "$(grep -c . "$NET_DIR/written")"

zone_file 2 "new A 198.51.100.9" >"$zone.new"
mv "$zone.new" "$zone"
check "a changed file is taken" agent_reload bal
is "and answered at once" "$(short new.example.org A) $(short example.org SOA | cut -d' ' -f3)" "198.51.100.9 2"
zone_file 3 "broken A 198.51.100.999" >"$zone.new"
mv "$zone.new" "$zone"
check "a broken file is refused" eval '! agent_reload bal'
is "with its name, line and reason" "$(status bal .config.error | grep -c "$zone: line 17: ")" 1
is "the last good one is served on" "$(short new.example.org A) $(short example.org SOA | cut -d' ' -f3)" "198.51.100.9 2"
rm "$zone"
check "so is one that is gone" eval '! agent_reload bal'
is "and served on" "$(short new.example.org A)" 198.51.100.9
check "the agent ends well" agent_term bal
check "it does not start without its zone" eval '! agent_start bal "$config"'
is "and says why" "$(grep -c "$zone: cannot be read: No such file" "${AGENT_LOG[bal]}")" 1
check "no sanitizer report" no_sanitizer_report
finish
