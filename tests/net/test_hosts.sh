#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Origins with host names: their addresses change under load and nothing breaks; no failure of DNS
# takes them away.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml hosts=$NET_DIR/hosts live=$NET_DIR/live got=$NET_DIR/got

names_are() { # NAME of an endpoint...: web.example.net is they
	local name

	for name in "$@"; do echo "${EP4[$name]} web.example.net"; done >"$hosts"
	kill -HUP "$DNSMASQ"
}

# Who says NXDOMAIN for what is not in the file, and gives answers a second.
name_server_up() {
	start r "$NET_DIR/dnsmasq" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
		--no-hosts --addn-hosts="$hosts" --local=/example.net/ --listen-address=192.0.2.1 \
		--bind-interfaces --local-ttl=1 --user=root --group=root --pid-file= --log-facility=-
	DNSMASQ=$STARTED
	wait_until 10 in_ns bal dig @192.0.2.1 +tries=1 +time=1 web.example.net
}

configure() {
	agent_yaml
	cat <<-END
		  resolvers: [192.0.2.1]
		zones: [{ name: example.org, ns: [ns1.example.org] }]
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.5, timeout: 0.5 }
		pools:
		  - { name: main, monitor: web, origins: [{ name: web, address: web.example.net }] }
		  - name: names
		    origins:
		      - { name: web, address: web.example.net, flatten_cname: false }
		  - { name: nobody, origins: [{ name: gone, address: gone.example.net }] }
		load_balancers:
		  - { name: flat.example.org, default_pools: [main], fallback_pool: main }
		  - { name: names.example.org, default_pools: [names], fallback_pool: names }
		  - { name: nobody.example.org, default_pools: [nobody], fallback_pool: nobody }
	END
	lb_yaml www.example.org main main
}

addresses() { for name in "$@"; do echo "${EP4[$name]}"; done | sort | xargs; }
healthy='[.pools[0].origins[] | select(.state == "healthy") | .address] | sort | join(" ")'
served_by() { status_is bal "$healthy" "$(addresses "$@")"; }
known_are() { status_is bal '[.pools[0].origins[].address] | sort | join(" ")' "$(addresses "$@")"; }
q() { in_ns client dig @$DNS4 +short +tries=2 +time=2 "$@" | sort | xargs; }
said() { grep -q "$1" "${AGENT_LOG[bal]}"; }

# New connections one after the other, up to connecting_stop.
connecting_start() {
	start client "$got" "$WEIR_LOAD" connect --for 300 --every 2 --timeout 2 $VIP4:80
	CONNECTING=$STARTED
}
connecting_stop() { stop "$CONNECTING" TERM; }
none_failed() { is "$1" "$(value "$got" '"\(.failed) \(.connections > 100)"')" "0 true"; }

echo "${EP4[a]} web.example.net" >"$hosts"
echo "${EP4[b]} web.example.net" >>"$hosts"
name_server_up || bail "dnsmasq answers"
configure >"$config"
agent_must_start bal "$config"
check "each address of a host name is an origin, and probed" wait_until 10 served_by a b
is "they share its weight" "$(status bal '[.pools[0].origins[].weight] | join(" ")')" "0.5 0.5"
connect "$got" --connections 2000
check_shares "and its connections" "$got" 12 a=1 b=1
is "a DNS-only name answers the addresses" "$(q flat.example.org A)" "$(addresses a b)"
is "or the name, where flatten_cname is false" "$(q names.example.org A)" web.example.net.
is "a name without an address is unhealthy, and why" \
	"$(status bal '.pools[2].origins[] | "\(.state) \(.reason) \(.address)"')" \
	"unhealthy DNS Unknown Host gone.example.net"
is "nobody is answered for it" "$(q nobody.example.org A)" ""

transfers_start "$live"
connecting_start
names_are b c
check "an address comes and one goes" wait_until 30 known_are b c
check "who came is probed" wait_until 10 served_by b c
names_are a
check "all addresses are others" wait_until 30 known_are a
connecting_stop
none_failed "no connection failed while addresses changed"
connect "$got" --connections 500
check_shares "new connections follow" "$got" 1 a=1
is "a DNS-only name, too" "$(q flat.example.org A)" "$(addresses a)"

connecting_start
: >"$hosts"
kill -HUP "$DNSMASQ"
check "NXDOMAIN later" wait_until 30 said 'web.example.net: .* its addresses stay as they are'
known_are a && ok "keeps the addresses" || not_ok "keeps the addresses"
names_are a b
check "until there are others" wait_until 30 served_by a b
stop "$DNSMASQ" TERM
sleep 2
connecting_stop
none_failed "nothing failed for that"

# Whoever comes next asks before it changes what packets do.
name_server_up || bail "dnsmasq answers again"
connecting_start
agent_kill9 bal
check "an agent that was killed has a successor" agent_start bal "$config"
check "which knows the addresses" wait_until 10 served_by a b
sed -i 's/name: names$/name: named/; s/\[names\], fallback_pool: names/[named], fallback_pool: named/' "$config"
sed -i "s/name: gone, address: gone.example.net/name: back, address: web.example.net/" "$config"
check "a reload with other host names" agent_reload bal
known_are a b && ok "knows them at once" || not_ok "knows them at once"
connecting_stop
none_failed "nothing failed for that, either"
transfers_stop "$live"
is "500 transfers ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
