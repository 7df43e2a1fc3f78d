#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A balancer that only answers DNS, by tc: without the packet program, which comes with the first
# VIP and goes with the last, and no query waits for it.
# shellcheck source=tests/net/lib.sh disable=SC2317  # wait_until calls functions by their names
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_dns.sh
. tests/net/lib_dns.sh

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got

records() {
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		records:
		  - { type: A, name: ns1.example.org, content: 192.0.2.2 }
		  - { type: POOL, name: pool.example.org, content: one.example.net, ttl: 30 }
		  - { type: POOL, name: pool.example.org, content: two.example.net, ttl: 30 }
	END
}
# dns_only ROAD: without a VIP.
dns_only() { agent_yaml | sed "/vips:/d; s/dns: {/dns: { kernel: $1,/" | cat - <(records) >"$config"; }
# balancing ROAD: with VIPs and something behind them.
balancing() {
	one_pool "$config" a=1 b=1
	sed -i "s/dns: {/dns: { kernel: $1,/" "$config"
	records >>"$config"
}

ask() { in_ns client build/tests/net/dns_ask "$@"; }
counted() { status bal "[.dns.filter[] | select(.reason == \"$1\") | .packets] | add // 0"; }
interface_is() { [ "$(status bal '.interfaces[] | "\(.name) \(.mode)"')" = "eth0 $1" ]; }
xdp() { ip -n "$NET-bal" -j link show dev eth0 | jq '.[0].xdp.prog.id // empty'; }

# Whether the kernel has the pool's answer, which is there a moment after the agent is ready.
is_prepared() {
	local before

	before=$(counted DNS_QUERY)
	ask count udp $DNS4 3 20 pool.example.org A >/dev/null && [ "$(counted DNS_QUERY)" = "$before" ]
}
# by_tc WORDS: 2,000 questions over each family are answered, and none reaches a socket.
by_tc() {
	local words=$1 tc before address

	check "$words: answers are prepared" wait_until 5 is_prepared
	tc=$(counted DNS_ANSWER_TC) before=$(counted DNS_QUERY)
	for address in $DNS4 $DNS6; do
		is "$words: $address answers 2,000 queries with both of the pool" \
			"$(ask count udp $address 3 2000 pool.example.org A | awk '{ n += $1 } END { print n, NR }')" "2000 2"
	done
	at_least "$words: all of them by tc" $(($(counted DNS_ANSWER_TC) - tc)) 4000
	is "$words: none by a socket" $(($(counted DNS_QUERY) - before)) 0
}

# As a NIC, which takes packets in one and the same way with the program and without it; a veth's
# other way begins with an empty queue.
queues() { in_ns bal ethtool -K eth0 gro on >/dev/null || bail "GRO can be switched on"; }

queues
dns_only tc
agent_must_start bal "$config"
check "the status says that the interface is without" interface_is none
check "and so does weirctl" eval 'ctl bal status | grep "eth0 (none)"'
is "no program is on the interface" "$(xdp)" ""
by_tc "alone"
check "a capture is refused" eval '! ctl bal capture --count 1 2>"$got"'
check "and it says why" grep "no interface runs the packet program" "$got"

# --- comes and goes ---
start client "$NET_DIR/steady" build/tests/net/dns_ask steady udp $DNS4 1 20000 pool.example.org A
steady=$STARTED
balancing tc
check "with VIPs a reload is taken" agent_reload bal
check "and the program is there" interface_is native
connect "$got" --connections 240 --parallel 32
check_shares "clients reach both endpoints" "$got" 40 a=1 b=1
by_tc "beside it"
agent_kill9 bal
dns_only tc
check "without them an agent takes it off that one which was killed has left" agent_start bal "$config"
check "and says so" interface_is none
is "no program is on the interface any more" "$(xdp)" ""
by_tc "alone again"
for road in xdp tc; do
	dns_only $road
	check "without VIPs queries can go by $road" agent_reload bal
	check "$road: the program is there for them, or not" interface_is "$([ $road = xdp ] && echo native || echo none)"
done
check "and queries were answered all the time" finished $steady
note "$(cat "$NET_DIR/steady.err")"

# --- the interface goes and comes ---
ip -n "$NET-bal" link del dev eth0
check "an interface that is gone is said to be" wait_until 5 interface_is detached
balancer_link bal 1
queues
check "one that came back is said to be there" wait_until 5 interface_is none
by_tc "come back"

check "the agent ends well" agent_term bal
is "and the kernel goes on" "$(ask count udp $DNS4 3 2000 pool.example.org A | wc -l)" 2
check "until all is detached" agent_detach bal
is "no filter is left" "$(in_ns bal tc filter show dev eth0 ingress)" ""
check "no sanitizer report" no_sanitizer_report
finish
