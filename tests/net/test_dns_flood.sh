#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Junk, and well-formed queries for names that are nobody's, at a high rate, beside real queries: the
# share of the real ones that is answered, with the filter on the sockets alone and with answers
# from the packet program. FLOOD_RATE, REAL_RATE, FLOOD_SECONDS: 600000, 30000 and 10 for the whole
# thing; FLOOD_BARS=1: with its bars, 90 % and 97 %, for a machine that does nothing else.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

rate=${FLOOD_RATE:-200000} real=${REAL_RATE:-10000} seconds=${FLOOD_SECONDS:-4}
if [ -n "${FLOOD_BARS:-}" ]; then bars=(90 97); else bars=(50 60); fi
net_up
balancer_up bal
endpoints_up a
config=$NET_DIR/weir.yaml got=$NET_DIR/got

# configure KERNEL
configure() {
	agent_yaml | sed "s/dns: {/dns: { kernel: $1,/"
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.5, timeout: 0.5 }
		pools:
	END
	pool_yaml main 1 web a=1
	cat <<-END
		load_balancers:
		  - { name: direct.example.org, default_pools: [main], fallback_pool: main, steering_policy: "off" }
		records:
		  - { type: A, name: www.example.org, content: 192.0.2.77, ttl: 300 }
		  - { type: A, name: www.example.org, content: 192.0.2.78, ttl: 300 }
	END
}

healthy() { status_is bal '.pools[0].healthy' 1; }

# against KERNEL junk|foreign LEAST
against() {
	local flood mac before dropped

	before=$(status bal '[.dns.filter[] | select(.drop) | .packets] | add')

	mac=$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')
	start r "$NET_DIR/flood" timeout $((seconds + 60)) build/tests/net/dns_flood "$2" bal "$mac" $DNS4 203.0.113.0 "$rate" $((seconds + 2))
	flood=$STARTED
	sleep 0.5 # so that it is on its way
	in_ns client timeout $((seconds + 60)) build/tests/net/ask -s "$seconds" -r "$real" -w 8192 $DNS4 www.example.org A >"$got"
	at_least "kernel: $1, a flood of $2: % of real queries answered" \
		"$(jq '100 * .answered / .sent | floor' "$got")" "$3"
	check "and the agent still knows who is healthy" healthy
	check "the flood ends" finished "$flood" $((seconds + 60))
	dropped=$(status bal '[.dns.filter[] | select(.drop) | .packets] | add')
	at_least "messages of it that came through and were dropped" $((dropped - before)) $((rate * seconds / 4))
	note "  $(jq -c '{sent, answered, p50_us, p99_us, rcodes}' "$got"), flood: $(<"$NET_DIR/flood")"
}

for kernel in off xdp; do
	configure $kernel >"$config"
	agent_must_start bal "$config"
	wait_until 10 healthy || bail "the endpoint is healthy"
	[ $kernel = off ] && least=${bars[0]} || least=${bars[1]}
	against $kernel junk "$least"
	against $kernel foreign "$least"
	note "  why messages were dropped: $(status bal '[.dns.filter[] | select(.drop and .packets > 0) | "\(.reason) \(.packets)"] | join(", ")')"
	check "the agent ends well" agent_term bal
	agent_detach bal 2>"$NET_DIR/words" || bail "the agent detaches: $(<"$NET_DIR/words")"
done
check "no sanitizer report" no_sanitizer_report
finish
