#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Health in answers: members of a POOL that are monitored, an ALIAS and what it stands for, what is
# answered when all are down, and TTLs that end before an answer can be wrong.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml hosts=$NET_DIR/hosts

for name in a b c; do echo "${EP4[$name]} $name.example.net"; done >"$hosts"
echo "${EP6[a]} a.example.net" >>"$hosts"
start r "$NET_DIR/dnsmasq" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
	--no-hosts --addn-hosts="$hosts" --local=/example.net/ --listen-address=192.0.2.1 \
	--bind-interfaces --local-ttl=1 --user=root --group=root --pid-file= --log-facility=-
wait_until 10 in_ns bal dig @192.0.2.1 +tries=1 +time=1 a.example.net || bail "dnsmasq answers"

# balancer NAME WHEN_DOWN: of endpoint a, else c.
balancer() {
	cat <<-END
		  - { name: $1.example.org, default_pools: [main], fallback_pool: last, ttl: 40,
		      when_down: $2 }
	END
}

{
	agent_yaml
	cat <<-END
		  resolvers: [192.0.2.1]
		zones: [{ name: example.org, ns: [ns1.example.org] }]
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0 }
		  - { id: slow, type: http, path: /health, port: 80, interval: 5, timeout: 1, retries: 0,
		      consecutive_down: 6 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1
	pool_yaml last 1 web c=1
	pool_yaml slow 1 slow a=1
	echo "load_balancers:"
	balancer fallback fallback
	balancer all all
	balancer none none
	cat <<-END
		  - { name: steady.example.org, default_pools: [slow], fallback_pool: slow, ttl: 40 }
		  - { name: long.example.org, default_pools: [slow], fallback_pool: slow, ttl: 600 }
		records:
		  - { type: POOL, name: pool.example.org, content: a.example.net, ttl: 60, monitor: web, weight: 1 }
		  - { type: POOL, name: pool.example.org, content: b.example.net, ttl: 60, monitor: web, weight: 3 }
		  - { type: POOL, name: pool.example.org, content: gone.example.net, ttl: 60, monitor: web }
		  - { type: ALIAS, name: example.org, content: a.example.net, ttl: 30 }
		  - { type: ALIAS, name: nobody.example.org, content: nobody.example.net, ttl: 30 }
		  - { type: MX, name: example.org, content: mail.example.org, priority: 10 }
	END
} >"$config"

q() { in_ns client dig @$DNS4 +tries=2 +time=2 "$@"; }
short() { q +short "$@" | sort | xargs; }
ttl() { q +noall +answer "$@" | awk '{ print $2 }' | sort -u | xargs; }
addresses() { for name in "$@"; do echo "${EP4[$name]}"; done | sort | xargs; }
# members N: who is answered of so many questions for the pool, with numbers.
members() {
	for _ in $(seq "$1"); do echo "pool.example.org A"; done >"$NET_DIR/queries"
	q +short -f "$NET_DIR/queries" | sort | uniq -c | awk '{ printf "%s%s=%d", sep, $2, $1; sep = " " }'
}
only() { [ "$(members 100 | sed 's/=[0-9]*//g')" = "$1" ]; }
answers() { [ "$(short "$1.example.org" A)" = "$2" ]; }

agent_must_start bal "$config"
check "members of a monitored POOL that have an address are healthy" \
	wait_until 10 only "a.example.net. b.example.net."
members 2000 >"$NET_DIR/members"
note "2,000 questions: $(cat "$NET_DIR/members")"
share=$(tr ' ' '\n' <"$NET_DIR/members" | sed -n 's/^b.example.net.=//p')
at_least "by weight, b has 3 of 4" "$share" 1400
at_most "and not more" "$share" 1600
check "an ALIAS at a zone's name answers addresses" wait_until 5 eval '[ "$(short example.org A)" = "${EP4[a]}" ]'
is "of both families" "$(short example.org AAAA)" "${EP6[a]}"
is "with its own TTL" "$(ttl example.org A)" 30
is "of one that nobody knows asking fails, which is remembered for moments only" \
	"$(in_ns client dig @$DNS4 nobody.example.org A | grep -oE 'status: [A-Z]+')" "status: SERVFAIL"
is "beside other types" "$(short example.org MX)" "10 mail.example.org."

is "a TTL ends before the state can change, or at half" "$(ttl fallback.example.org A)" 20
is "where that takes longer, it is kept" "$(ttl steady.example.org A)" 30
is "a long one, too" "$(ttl long.example.org A)" 300

touch "$NET_DIR/nginx.b/ill"
check "a member that fails is not answered" wait_until 5 only a.example.net.
is "that a balancer has, too" "$(short fallback.example.org A)" "$(addresses a)"
touch "$NET_DIR/nginx.a/ill"
check "when all are down the fallback pool is answered" wait_until 5 answers fallback "$(addresses c)"
touch "$NET_DIR/nginx.c/ill"
check "or all, if that is wanted" wait_until 5 answers all "$(addresses a b)"
is "the fallback pool has no health" "$(short fallback.example.org A)" "$(addresses c)"
is "or nobody" "$(q none.example.org A | sed -nE 's/.*status: ([A-Z]+),.*/\1/p; s/.*ANSWER: ([0-9]+), AUTHORITY: ([0-9]+).*/\1 \2/p' | xargs)" "NOERROR 0 1"
check "of a POOL all members are answered then" wait_until 5 only "a.example.net. b.example.net. gone.example.net."
rm "$NET_DIR/nginx.b/ill"
check "one that is back is the only one" wait_until 5 only b.example.net.
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
