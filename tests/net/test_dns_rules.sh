#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of DNS-only balancers: over the resolver, the question and the client subnet they choose who
# is answered, and with which TTL.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml

configure() { # RESOLVER for whom b is answered
	agent_yaml
	printf 'zones:\n  - { name: example.org, ns: [ns1.example.org] }\npools:\n'
	pool_yaml a 1 - a=1 a6=1
	pool_yaml b 1 - b=1 b6=1
	pool_yaml c 1 - c=1 c6=1
	cat <<-END
		load_balancers:
		  - name: "*.example.org"
		    default_pools: [a]
		    fallback_pool: a
		    rules:
		      - { name: resolver, condition: 'ip.src eq $1', overrides: { default_pools: [b], ttl: 7 } }
		      - { name: subnet, condition: 'dns.rr.opt.client and dns.rr.opt.client.addr in {198.51.100.0/24}',
		          overrides: { default_pools: [c] } }
		      - { name: six, condition: 'dns.qry.type eq 28', overrides: { default_pools: [c] } }
		      - { name: name, condition: 'dns.qry.name contains "special"', overrides: { default_pools: [c] },
		          terminates: true }
		      - { name: weighed, condition: 'dns.qry.name contains "weighed"', overrides: { pools: [a, b, c],
		          steering_policy: random, pool_weights: { a: 0, c: 0.9 }, pool_default_weight: 0.3 } }
		      - { name: last, condition: 'dns.qry.name eq "nothing.example.org"', fixed_response: { message_body: x } }
	END
}

q() { in_ns "${FROM:-client}" dig @$DNS4 +tries=2 +time=2 "$@"; }
short() { q +short "$@" | sort | xargs; }
is_now() { [ "$(short x.example.org A)" = "$1" ]; }

configure ${EP4[a]} >"$config"
agent_must_start bal "$config"
check "without a rule that holds it is the first pool" wait_until 5 is_now "${EP4[a]}"
is "by the type of the question" "$(short x.example.org AAAA)" "${EP6[c]}"
is "by its name" "$(short special.example.org A)" "${EP4[c]}"
is "one that answers by itself answers no address" "$(short nothing.example.org A)" ""
is "in any case of letters" "$(short SpeCial.example.org A)" "${EP4[c]}"
for _ in $(seq 2000); do echo "weighed.example.org A"; done >"$NET_DIR/queries"
q +short -f "$NET_DIR/queries" | sort | uniq -c >"$NET_DIR/answers"
note "2,000 questions: $(xargs <"$NET_DIR/answers")"
is "pools that a rule lists are answered, but one of weight 0" "$(awk '{ print $2 }' "$NET_DIR/answers" | sort | xargs)" \
	"$(printf '%s\n' "${EP4[b]}" "${EP4[c]}" | sort | xargs)"
share=$(awk -v c="${EP4[c]}" '$2 == c { print $1 }' "$NET_DIR/answers")
at_least "by the weights that it says, c has 3 of 4" "$share" 1400
at_most "and not more" "$share" 1600
is "by the client subnet" "$(short x.example.org A +subnet=198.51.100.0/25)" "${EP4[c]}"
is "the answer is for that subnet" "$(q x.example.org A +subnet=198.51.100.0/25 | awk '/CLIENT-SUBNET/ { print $3 }')" \
	198.51.100.0/25/25
is "for another one it is another" "$(short x.example.org A +subnet=203.0.113.0/24)" "${EP4[a]}"
is "by the resolver" "$(FROM=a short x.example.org A)" "${EP4[b]}"
is "with the rule's TTL" "$(FROM=a q +noall +answer x.example.org A | awk '{ print $2 }')" 7
is "without it the balancer's" "$(q +noall +answer x.example.org A | awk '{ print $2 }')" 30
is "a later rule overrides an earlier one" "$(FROM=a short x.example.org AAAA)" "${EP6[c]}"
is "over TCP the same" "$(FROM=a short +tcp x.example.org A)" "${EP4[b]}"
is "it is explained which rules hold" \
	"$(ctl bal dns explain --json special.example.org AAAA --client "${EP4[a]}" | jq -c '.steps[0].load_balancer.rules')" \
	'["resolver","six","name"]'
configure "$CLIENT4" >"$config"
check "other rules are taken" agent_reload bal
is "and hold at once" "$(short x.example.org A)" "${EP4[b]}"
is "not the former ones" "$(FROM=a short x.example.org A)" "${EP4[a]}"
sed -i "s/\(      - { name: \)last,.*/&\n\1more, condition: 'dns.qry.qu' }/" "$config"
check "more than six are refused" eval '! agent_reload bal'
is "and it is said why" "$(status bal .config.error | grep -c 'has 7 rules: a DNS-only load balancer may have 6')" 1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
