#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole zones for other servers: Knot as a secondary is told, takes the zone signed with a shared
# secret, and serves it; others get nothing.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml zone=$NET_DIR/big.example.zone
SECONDARY=${EP4[a]}
KEY=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0

# zone_file SERIAL: of 20,000 names, so that a transfer has several messages.
zone_file() {
	printf '$TTL 300\n@ SOA ns1 hostmaster %s 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.2\n' "$1"
	printf 'serial TXT "%s"\n' "$1"
	seq 20000 | awk '{ printf "host%d A 10.1.%d.%d\n", $1, $1 / 256, $1 % 256 }'
}

configure() {
	agent_yaml | sed "s|dns: {|dns: { tsig_keys: [{ name: shared, secret: \"$KEY\" }],|"
	cat <<-END
		zones:
		  - name: big.example
		    file: "$zone"
		    transfer: { keys: [shared], notify: ["$SECONDARY"] }
		  - name: example.org
		    ns: [ns1.example.org]
		    transfer: { allow: [$CLIENT4], pooled: true }
		  - name: example.net
		    ns: [ns1.example.net]
		    transfer: { allow: [192.0.2.0/24] }
		  - { name: closed.example, ns: [ns1.example.org] }
		pools:
	END
	pool_yaml main 1 - a=1 b=0.5
	cat <<-END
		load_balancers:
		  - { name: lb.example.org, default_pools: [main], fallback_pool: main, steering_policy: "off" }
		records:
		  - { type: POOL, name: pool.example.org, content: one.example.net, weight: 1 }
		  - { type: POOL, name: pool.example.org, content: two.example.net, weight: 9 }
		  - { type: A, name: a.example.org, content: 192.0.2.9 }
		  - { type: POOL, name: pool.example.net, content: one.example.org }
		  - { type: POOL, name: pool.example.net, content: two.example.org }
	END
}

q() { in_ns client dig @$DNS4 +tries=2 +time=5 "$@"; }
# axfr ZONE OPTION...: its records as name, type and data, sorted.
axfr() { q "$@" AXFR +noall +answer +noidnout | awk '{ $2 = $3 = ""; print }' | tr -s ' ' | sort | xargs; }
served() { in_ns a dig @"$SECONDARY" +short +tries=1 +time=1 serial.big.example TXT | xargs; }
serves() { [ "$(served)" = "$1" ]; }

zone_file 1 >"$zone"
configure >"$config"
cat >"$NET_DIR/knot.conf" <<-END
	server:
	    listen: $SECONDARY@53
	    rundir: $NET_DIR/knot
	database:
	    storage: $NET_DIR/knot
	key:
	  - id: shared
	    algorithm: hmac-sha256
	    secret: $KEY
	remote:
	  - id: weir
	    address: $DNS4
	    key: shared
	acl:
	  - id: weir
	    action: notify
	    key: shared
	template:
	  - id: default
	    storage: $NET_DIR/knot
	zone:
	  - domain: big.example
	    master: weir
	    acl: weir
END
mkdir "$NET_DIR/knot"
start a "$NET_DIR/knot.log" knotd -c "$NET_DIR/knot.conf"
wait_until 10 in_ns a test -S "$NET_DIR/knot/knot.sock" || bail "knotd runs"
agent_must_start bal "$config"

check "a secondary is told at start, and takes the zone" wait_until 60 serves 1
is "all of it" "$(in_ns a dig @"$SECONDARY" +short host20000.big.example A)" 10.1.78.32
zone_file 2 >"$zone.new"
mv "$zone.new" "$zone"
check "a reload with another serial is taken" agent_reload bal
check "it is told, and serves the new one" wait_until 60 serves 2

is "whoever has the key may take it" "$(q -y hmac-sha256:shared:$KEY big.example AXFR | grep -c '^host')" 20000
q -y hmac-sha256:shared:$KEY big.example AXFR >"$NET_DIR/axfr"
at_least "in several messages" "$(sed -n 's/.*XFR size: .*(messages \([0-9]*\),.*/\1/p' "$NET_DIR/axfr")" 4
is "every one of them is signed" "$(grep -c 'TSIG\b.*NOERROR' "$NET_DIR/axfr")" \
	"$(sed -n 's/.*XFR size: .*(messages \([0-9]*\),.*/\1/p' "$NET_DIR/axfr")"
is "nobody else does" "$(q big.example AXFR | grep -c 'Transfer failed')" 1
is "not with another secret" "$(q -y hmac-sha256:shared:d3JvbmctLXdyb25nLS13cm9uZy0t big.example AXFR | grep -c '^host')" 0
is "which is said" "$(q -y hmac-sha256:shared:d3JvbmctLXdyb25nLS13cm9uZy0t big.example SOA | grep -c 'BADSIG')" 1
is "nor with a key that is not ours" "$(q -y hmac-sha256:other:$KEY big.example SOA | grep -c 'BADKEY')" 1
is "a signed question is answered signed" "$(q -y hmac-sha256:shared:$KEY +short big.example SOA | cut -d' ' -f3)" 2
is "also over TCP" "$(q -y hmac-sha256:shared:$KEY +tcp +short big.example SOA | cut -d' ' -f3)" 2
is "who is up to date gets the SOA alone" \
	"$(q -y hmac-sha256:shared:$KEY +noall +answer +tcp big.example IXFR=2 | awk '{ print $4 }' | xargs)" SOA
is "who is not gets it whole" "$(q -y hmac-sha256:shared:$KEY +tcp big.example IXFR=1 | grep -c '^host')" 20000

# The serial of a zone with pools is counted: the secondary has to know when they are others.
is "by address, with pools as they are now" "$(axfr example.org | sed -E 's/(hostmaster[^ ]*) [0-9]{8,}/\1 COUNTED/g')" "$(xargs <<-END
	a.example.org. A 192.0.2.9
	example.org. NS ns1.example.org.
	example.org. SOA ns1.example.org. hostmaster.example.org. COUNTED 3600 600 604800 60
	example.org. SOA ns1.example.org. hostmaster.example.org. COUNTED 3600 600 604800 60
	lb.example.org. A ${EP4[a]}
	lb.example.org. A ${EP4[b]}
	pool.example.org. CNAME two.example.net.
END
)"
is "a zone with pools is not, unless that is said" "$(q example.net AXFR | grep -c 'Transfer failed')" 1
is "nor one that says nothing" "$(q closed.example AXFR | grep -c 'Transfer failed')" 1
is "from another address it is refused" "$(in_ns b dig @$DNS4 example.org AXFR | grep -c 'Transfer failed')" 1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
