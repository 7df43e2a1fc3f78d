#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS-only balancers answer by where a client is: by its resolver's address or its subnet, as
# location_strategy says, and say for whom the answer is.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml
geo=$NET_DIR/geo.csv

cat >"$geo" <<-END
	192.0.2.0/24,FR,,Paris,
	203.0.113.0/25,US,US-NY,New York,
	203.0.113.128/25,FR,,Paris,
	198.51.100.0/24,US,US-CA,San Jose,
	2001:db8:fa::/48,FR,,Paris,
END

# balancer NAME MODE PREFER_ECS
balancer() {
	cat <<-END
		  - name: $1.example.org
		    default_pools: [us]
		    fallback_pool: us
		    steering_policy: geo
		    country_pools: { FR: [fr], US: [us] }
		    location_strategy: { mode: $2, prefer_ecs: $3 }
	END
}

{
	agent_yaml
	printf '  geofeed: %s\n' "$geo"
	printf 'zones:\n  - { name: example.org, ns: [ns1.example.org] }\npools:\n'
	pool_yaml fr 1 - a=1
	pool_yaml us 1 - b=1
	printf 'load_balancers:\n'
	balancer resolver resolver_ip never
	balancer subnet resolver_ip geo
	balancer here pop always
	balancer pop pop never
	cat <<-END
		  - name: sets.example.org
		    default_pools: [us]
		    fallback_pool: us
		    when_down: all
		    location_strategy: { mode: resolver_ip, prefer_ecs: always }
		    pool_sets:
		      - { name: nobody, match: { topology: { countries: [US], regions: [OC] } }, overrides: { pools: [fr] } }
		      - { name: paris, match: { topology: { countries: [DE, FR] } }, overrides: { pools: [fr] } }
		      - { name: west, match: { topology: { regions: [WNAM] } }, fixed_response: { status_code: 403 } }
	END
} >"$config"

q() { in_ns client dig @$DNS4 +tries=2 +time=2 "$@"; }
short() { q +short "$@" | sort | xargs; }
# scope NAME SUBNET: the address that is answered, and for whom.
scope() { q "$1.example.org" A +subnet="$2" | awk '/^; CLIENT-SUBNET/ { s = $3 } $4 == "A" && !/^;/ { a = $5 } END { print a, s }'; }

agent_must_start bal "$config"
wait_until 5 eval '[ -n "$(short resolver.example.org A)" ]'
FR=${EP4[a]} US=${EP4[b]}
case $CLIENT4 in 192.0.2.*) here=$FR ;; *) here=$US ;; esac

is "by the resolver's address" "$(short resolver.example.org A)" $here
is "whatever the subnet" "$(scope resolver 203.0.113.0/24)" "$here 203.0.113.0/24/0"
is "by the subnet" "$(scope subnet 203.0.113.0/25)" "$US 203.0.113.0/25/25"
is "another one" "$(scope subnet 203.0.113.128/25)" "$FR 203.0.113.128/25/25"
is "a whole place is one scope" "$(scope subnet 198.51.100.7/32)" "$US 198.51.100.7/32/24"
is "over IPv6 subnets, too" "$(scope subnet 2001:db8:fa:1::/56)" "$FR 2001:db8:fa::/56/48"
is "a subnet of no bits is not asked by" "$(scope subnet 0.0.0.0/0)" "$US 0.0.0.0/0/0"
is "without a subnet by the resolver" "$(short subnet.example.org A)" $here
is "always by the subnet" "$(scope here 203.0.113.200/32)" "$FR 203.0.113.200/32/25"
is "by where the balancer is" "$(short pop.example.org A)" $US
is "it is explained where a client is, and by what" \
	"$(ctl bal dns explain subnet.example.org A --subnet 203.0.113.128/25 | sed -n 2,3p | xargs)" \
	"DNS-only, steering by geo the client is in FR, region WEU, by its subnet"
is "a pool set for a country is for the clients there" "$(scope sets 203.0.113.200/32)" "$FR 203.0.113.200/32/25"
is "others have the balancer's pools" "$(scope sets 203.0.113.7/32)" "$US 203.0.113.7/32/25"
is "one that answers by itself answers no address" "$(scope sets 198.51.100.7/32)" " 198.51.100.7/32/24"
is "and no error" "$(q sets.example.org A +subnet=198.51.100.0/24 | grep -c 'status: NOERROR')" 1
is "it is explained which pool set is for a client" \
	"$(ctl bal dns explain sets.example.org A --subnet 203.0.113.128/25 | sed -n 2,3p | xargs)" \
	"DNS-only, steering by off pool set paris is for the client"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
