#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Steering between pools: by where clients are, by weight, and load that is shed.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
NEAR4=203.0.113.64 NEAR6=2001:db8:c::64	 # the client once more, somewhere else
address client eth0 $NEAR4/32 $NEAR6/128

# steer [POOL OPTION] [BALANCER OPTION]: three pools of one endpoint each.
steer() {
	{
		agent_yaml
		printf '  geofeed: %s\n' "$NET_DIR/geo.csv"
		echo "pools:"
		for name in a b c; do
			pool_yaml pool-$name 1 - $name=1
			[ $name != a ] || [ -z "${1:-}" ] || echo "    $1"
		done
		echo "load_balancers:"
		lb_yaml www.example.org pool-c pool-a pool-b
		[ -z "${2:-}" ] || echo "    $2"
	} | sed '/steering_policy: "off"/d' >"$config"
}

# from ADDRESS FILE TARGET: whom this client reaches, with short connections.
from() { in_ns client "$WEIR_LOAD" connect --connections 300 --source "$1" "$3" >"$2"; }

# --- by place ---

printf '# prefix,country,region\n203.0.113.64/27,JP,,\n2001:db8:c::40/122,JP,,\n203.0.113.0/24,DE,,\n2001:db8:c::/64,DE,,\n' >"$NET_DIR/geo.csv"
steer "" 'country_pools: {JP: [pool-b]}'
agent_must_start bal "$config"
from $CLIENT4 "$got" $VIP4:80
check_shares "a client in one country goes to its pool" "$got" 0 a=1
from $NEAR4 "$got" $VIP4:80
check_shares "one in another country to another pool" "$got" 0 b=1
from $CLIENT6 "$got" "[$VIP6]:80"
check_shares "the same over IPv6" "$got" 0 a=1
from $NEAR6 "$got" "[$VIP6]:80"
check_shares "and the other one" "$got" 0 b=1

transfers_start "$live" --flows 300 --source $CLIENT4
start client "$NET_DIR/live2" "$WEIR_LOAD" transfers --flows 300 --source $NEAR4 $VIP4:9000
OTHERS=$STARTED
wait_until 20 grep -q started "$NET_DIR/live2.err" || bail "the other transfers start"
steer "" 'country_pools: {JP: [pool-c], DE: [pool-b]}'
check "the maps change" agent_reload bal
from $CLIENT4 "$got" $VIP4:80
check_shares "new connections follow" "$got" 0 b=1
from $NEAR4 "$got" $VIP4:80
check_shares "in both countries" "$got" 0 c=1
printf '203.0.113.0/24,JP,,\n203.0.113.64/27,DE,,\n' >"$NET_DIR/geo.csv"
check "the clients move" agent_reload bal
from $CLIENT4 "$got" $VIP4:80
check_shares "new connections go by where their client is now" "$got" 0 c=1
from $NEAR4 "$got" $VIP4:80
check_shares "for both" "$got" 0 b=1
steer "" 'region_pools: {WEU: [pool-c]}'
check "from countries to regions" agent_reload bal
from $NEAR4 "$got" $VIP4:80
check_shares "a client of the region" "$got" 0 c=1
from $CLIENT4 "$got" $VIP4:80
check_shares "and one of another" "$got" 0 a=1
agent_kill9 bal
from $NEAR4 "$got" $VIP4:80
check_shares "without an agent it goes on" "$got" 0 c=1
agent_must_start bal "$config"
from $CLIENT4 "$got" $VIP4:80
check_shares "and with the next one" "$got" 0 a=1
sleep 1
transfers_stop "$live"
is "300 transfers of one country ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "300 0"
stop "$OTHERS" TERM
note "transfers: $(cat "$NET_DIR/live2")"
is "300 of the other, 0 broke" "$(value "$NET_DIR/live2" '"\(.flows) \(.broken)"')" "300 0"

printf '203.0.113.0/24,DE\n192.0.2.0,Germany\n' >"$NET_DIR/geo.csv"
check "a geofeed with a bad line is refused" eval '! agent_reload bal'
check "with its place" eval 'status bal .config.error | grep "geo.csv:2: the country must be two letters"'
from $NEAR4 "$got" $VIP4:80
check_shares "and everything stays" "$got" 0 c=1
printf '203.0.113.0/24,DE\n' >"$NET_DIR/geo.csv"

# --- by pool sets ---

printf '203.0.113.0/24,DE\n203.0.113.64/27,JP\n2001:db8:c::40/122,US\n' >"$NET_DIR/geo.csv"
steer "" "pool_sets:
      - { match: { topology: { countries: [JP], regions: [OC] } }, overrides: { pools: [pool-a] } }
      - { match: { topology: { countries: [KR, JP] } }, overrides: { pools: [pool-b, pool-c], steering_policy: random,
          pool_weights: { pool-b: 0.2 }, pool_default_weight: 0.6 } }
      - { match: { topology: { regions: [WEU] } }, overrides: { pools: [pool-c] } }"
check "pool sets for places" agent_reload bal
from $CLIENT4 "$got" $VIP4:80
check_shares "clients of a region use the pools of its set" "$got" 0 c=1
in_ns client "$WEIR_LOAD" connect --connections 5000 --source $NEAR4 $VIP4:80 >"$got"
check_shares "those of a country by the policy and weights of theirs" "$got" 10 b=0.25 c=0.75
from $NEAR6 "$got" "[$VIP6]:80"
check_shares "clients of none the balancer's" "$got" 0 a=1
from $CLIENT6 "$got" "[$VIP6]:80"
check_shares "and those of whom nothing is known are where the balancer is" "$got" 0 c=1
printf '203.0.113.0/24,DE\n' >"$NET_DIR/geo.csv"

# --- by rules ---

steer "" "rules: [{condition: 'ip.src in {203.0.113.64/27 2001:db8:c::40/122}', overrides: {default_pools: [pool-b]}}]"
check "a rule for clients of a prefix" agent_reload bal
from $NEAR4 "$got" $VIP4:80
check_shares "sends them to its pool" "$got" 0 b=1
from $NEAR6 "$got" "[$VIP6]:80"
check_shares "of both families" "$got" 0 b=1
from $CLIENT4 "$got" $VIP4:80
check_shares "and nobody else" "$got" 0 a=1

steer "" "rules: [{condition: 'ip.src in {203.0.113.64/27 2001:db8:c::40/122}', overrides: {pools: [pool-b, pool-c],
      steering_policy: random, pool_weights: {pool-b: 0.2}, pool_default_weight: 0.6}}]"
check "a rule that lists pools and weighs them" agent_reload bal
in_ns client "$WEIR_LOAD" connect --connections 5000 --source $NEAR4 $VIP4:80 >"$got"
check_shares "shares 5,000 connections of its clients as it says" "$got" 10 b=0.25 c=0.75
from $CLIENT4 "$got" $VIP4:80
check_shares "and leaves those of others alone" "$got" 0 a=1
steer "" "rules: [{overrides: {pools: [pool-b], default_pools: [pool-c]}}]"
check "one that says twice which pools are used is refused" eval '! agent_reload bal'
is "and it is said why" "$(status bal .config.error | grep -c 'leave pools or default_pools out')" 1
from $NEAR6 "$got" "[$VIP6]:80"
check_shares "and everything stays" "$got" 40 b=0.25 c=0.75

# --- by weight ---

steer "" 'steering_policy: random
    random_steering: {pool_weights: {pool-a: 0.25, pool-b: 0.75}}'
check "pools by weight" agent_reload bal
connect "$got" --connections 5000
check_shares "5,000 connections are shared as the pools' weights say" "$got" 10 a=0.25 b=0.75

# --- load that is shed ---

steer
check "one pool takes all" agent_reload bal
transfers_start "$live"
steer 'load_shedding: {default_percent: 30}'
check "30 % is shed" agent_reload bal
connect "$got" --connections 5000
check_shares "30 % of 5,000 connections go to the next pool" "$got" 10 a=0.7 b=0.3
steer 'load_shedding: {default_percent: 30, default_policy: hash}'
check "30 % of the clients" agent_reload bal
for n in $(seq 200); do address client eth0 "2001:db8:c::$(printf %x $((4096 + n)))/128"; done
ask() { in_ns client curl -sf -m 5 --interface "2001:db8:c::$(printf %x $((4096 + $1)))" "http://[$VIP6]/name"; }
at=$(for n in $(seq 200); do ask "$n"; done | sort | uniq -c | xargs)
note "200 clients: $at"
shed=$(awk '{ for (i = 1; i < NF; i += 2) n[$(i + 1)] = $i; print n["b"] + 0 }' <<<"$at")
at_least "of 200 clients some 30 % are shed" "$shed" 35
at_most "and not more" "$shed" 90
one=$(for n in $(seq 20); do ask 7; done | sort -u | wc -l)
is "a client is shed always or never" "$one" 1
transfers_stop "$live"
is "500 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"

check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
