#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS answered in the kernel: the same answers by all roads, health in them at once, and answers
# while no agent runs.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_dns.sh
. tests/net/lib_dns.sh

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml
KERNEL=xdp

configure() {
	agent_yaml | sed "s/dns: {/dns: { kernel: $KERNEL,${LIMIT:-}/"
	dns_world_yaml "${CHANGES:-}"
	echo '  - { type: TXT, name: text.example.org, content: "some words" }'
	for i in $(seq 60); do
		echo "  - { type: A, name: host$i.example.org, content: 203.0.113.$((100 + i)) }"
	done
}

ask() { in_ns client build/tests/net/dns_ask "$@"; }
# What weirctl dns says of a zone and outcome, and of a name.
of_zone() { ctl bal dns --json | jq ".zones[] | select(.zone == \"$1\") | .outcomes.$2 // 0"; }
of_name() { ctl bal dns top --json | jq "[.names[] | select(.name == \"$1\") | .queries] | add // 0"; }
counted() { status bal "[.dns.filter[] | select(.reason == \"$1\") | .packets] | add // 0"; }
road_is() { [ "$(status bal .dns.kernel.road)" = "$1" ]; }

# cookie_with COOKIE: what a client with this one has then.
cookie_with() {
	in_ns client dig @$DNS4 +tries=2 +time=2 "+cookie=$1" www.example.org A |
		sed -n 's/^; COOKIE: \([0-9a-f]*\) (good).*/\1/p'
}

# names: what has one answer, or none, however it is asked for.
names() {
	local i type

	for i in $(seq 60); do
		for type in A AAAA HTTPS; do echo "host$i.example.org $type"; done
	done
	for type in A AAAA HTTPS CNAME TXT MX; do
		for i in www alias away deep.empty empty text nobody nobody.deep changes ns1; do
			echo "$i.example.org $type"
		done
	done
	for type in A SOA TXT; do echo "example.org $type"; done
	echo "www.example.net A"
	echo "a.very.long.name.that.the.kernel.has.not.$(printf 'x%.0s' $(seq 60)).$(printf 'y%.0s' $(seq 60)).example.org A"
}

# fair WEIGHT...: whether "COUNT ANSWER" lines, the rarest first, are as these weights: chi squared, of which
# a tenth of a thousandth is beyond 18.4 with two degrees of freedom.
fair() {
	sort -n | awk -v weights="$*" '
		BEGIN { k = split(weights, w, " "); for (i = 1; i <= k; i++) sum += w[i] }
		{ got[NR] = $1; n += $1 }
		END {
			if (NR != k) { print NR " answers"; exit 1 }
			for (i = 1; i <= k; i++) { want = n * w[i] / sum; chi += (got[i] - want) ^ 2 / want }
			print n " answers, chi squared " chi
			exit chi > 18.4
		}'
}

names >"$NET_DIR/names"
configure >"$config"
agent_must_start bal "$config"

# --- the same by all roads ---
check "the agent over TCP is asked" eval 'ask each tcp $DNS4 7 100000 "$NET_DIR/names" >"$NET_DIR/tcp"'
for KERNEL in xdp tc off; do
	configure >"$config"
	road_is $KERNEL || agent_reload bal
	check "queries go by $KERNEL" road_is $KERNEL
	case $KERNEL in
	xdp) reason=DNS_ANSWER_XDP ;;
	tc) reason=DNS_ANSWER_TC ;;
	off) reason=DNS_QUERY ;;
	esac
	before=$(counted $reason)
	cookie=${cookie:-$(cookie_with 0123456789abcdef)}
	is "a cookie of the packet program is good by $KERNEL" "${#cookie} $(cookie_with $cookie)" "48 $cookie"
	at_least "and clients with cookies go that way, too" $(($(counted $reason) - before)) 1
	for address in $DNS4 $DNS6; do
		check "100,000 random queries by $KERNEL to $address" \
			eval 'ask each udp $address 7 100000 "$NET_DIR/names" >"$NET_DIR/$KERNEL"'
		note "$(cat "$NET_DIR/words")"
		is "get the same answers" "$(cmp "$NET_DIR/tcp" "$NET_DIR/$KERNEL" 2>&1)" ""
	done
	at_least "most of them by that road" $(($(counted $reason) - before)) 100000
	zone=$(of_zone example.org ANSWER) name=$(of_name pool.example.org)
	check "POOL: 30,000 answers by $KERNEL, weights 1, 2 and 5" \
		eval 'ask count udp $DNS4 8 30000 pool.example.org A | fair 1 2 5'
	note "$(tail -n 1 "$NET_DIR/words")"
	at_least "they are counted by zone" $(($(of_zone example.org ANSWER) - zone)) 30000
	at_most "and no more" $(($(of_zone example.org ANSWER) - zone)) 30300
	at_least "and by name" $(($(of_name pool.example.org) - name)) 30000
	at_most "and no more" $(($(of_name pool.example.org) - name)) 30300
	nodata=$(of_zone example.org NODATA)
	ask count udp $DNS6 8 1000 host1.example.org AAAA >/dev/null
	at_least "denials as such" $(($(of_zone example.org NODATA) - nodata)) 1000
	check "three endpoints: 30,000 answers by $KERNEL, each the first one of a third" \
		eval 'ask count udp $DNS6 9 30000 direct.example.org A | fair 1 1 1'
	note "$(tail -n 1 "$NET_DIR/words")"
done
check "POOL over TCP" eval 'ask count tcp $DNS4 8 30000 pool.example.org A | fair 1 2 5'
check "and three endpoints" eval 'ask count tcp $DNS4 9 30000 direct.example.org A | fair 1 1 1'

# --- health ---
# at_ms LINE: when the agent said so, in ms since 1970.
at_ms() { date -d "$(grep "$1" "${AGENT_LOG[bal]}" | tail -n 1 | cut -d' ' -f1)" +%s%3N; }
hex4() { printf "%02x" ${1//./ }; }
for KERNEL in xdp tc; do
	ill=$([ $KERNEL = xdp ] && echo b || echo c)
	configure >"$config"
	agent_reload bal
	check "all three endpoints are answered ($KERNEL)" \
		wait_until 5 eval '[ "$(ask count udp $DNS4 1 50 direct.example.org A | wc -l)" = 3 ]'
	before=$(counted DNS_QUERY)
	start client "$NET_DIR/until" build/tests/net/dns_ask until udp $DNS4 1 700 direct.example.org A "$(hex4 "${EP4[$ill]}")"
	watcher=$STARTED
	touch "$NET_DIR/nginx.$ill/ill"
	check "an endpoint becomes ill" wait_until 5 grep -q "$ill .*is unhealthy" "${AGENT_LOG[bal]}"
	finished $watcher 20
	at_most "ms from the verdict to the last answer with it ($KERNEL)" \
		$(($(cat "$NET_DIR/until") - $(at_ms "$ill .*is unhealthy"))) 50
	at_most "queries that came to the sockets meanwhile" $(($(counted DNS_QUERY) - before)) 10
	rm "$NET_DIR/nginx.$ill/ill"
	check "and well again" wait_until 5 eval '[ "$(ask count udp $DNS4 1 50 direct.example.org A | wc -l)" = 3 ]'
done

# --- changes of the configuration ---
KERNEL=xdp CHANGES=192.0.2.79
configure >"$config"
agent_reload bal
check "a record that was changed is answered with the next query" \
	eval 'ask count udp $DNS4 1 100 changes.example.org A | grep -c "c000024f$"'
configure | grep -v text.example.org >"$config"
before=$(counted DNS_PASS_NAME)
agent_reload bal
name=$(of_name text.example.org)
ask count udp $DNS4 1 100 text.example.org TXT >/dev/null
check "one that was removed is not" eval '! ask count udp $DNS4 1 100 text.example.org TXT | grep -q 736f6d65'
at_least "since the kernel knows no answer any more" $(($(counted DNS_PASS_NAME) - before)) 100
at_least "what it was asked is still counted" $(($(of_name text.example.org) - name)) 200
configure >"$config"
agent_reload bal

# --- without an agent ---
start client "$NET_DIR/steady" build/tests/net/dns_ask steady udp $DNS4 1 8000 pool.example.org A
steady=$STARTED
written=$(status bal .dns.kernel.answers)
agent_kill9 bal
check "an agent that was killed is missed by nobody" \
	eval 'ask count udp $DNS4 8 20000 pool.example.org A | fair 1 2 5'
check "over IPv6 as well" eval 'ask count udp $DNS6 8 1000 direct.example.org A | fair 1 1 1'
check "only the kernel answers" eval '! in_ns client dig @$DNS4 +tries=1 +timeout=1 nobody.example.org A'
agent_must_start bal "$config"
is "it does not count what was answered before it" "$(($(of_name pool.example.org) < 8000))" 1
is "the next agent finds all answers" "$(status bal .dns.kernel.answers)" "$written"
check "and queries were answered all the time" finished $steady
note "$(cat "$NET_DIR/steady.err")"
check "an agent ends, and the kernel goes on" eval 'agent_term bal && ask count udp $DNS4 8 1000 direct.example.org A | fair 1 1 1'
KERNEL=tc
configure >"$config"
agent_must_start bal "$config"
start client "$NET_DIR/steady" build/tests/net/dns_ask steady udp $DNS4 1 4000 pool.example.org A
steady=$STARTED
check "by tc, too" eval 'agent_kill9 bal; ask count udp $DNS4 8 1000 direct.example.org A | fair 1 1 1'
agent_must_start bal "$config"
check "without a gap while the next agent starts" finished $steady
note "$(cat "$NET_DIR/steady.err")"
agent_kill9 bal
check "until all is detached" agent_detach bal
is "no filter is left" "$(in_ns bal tc filter show dev eth0 ingress)" ""
check "then nobody answers" eval '! in_ns client dig @$DNS4 +tries=1 +timeout=1 pool.example.org A'

# --- rates ---
LIMIT=" rate_limit: { per_second: 100, burst: 200, slip: 2, ipv4_prefix: 24, ipv6_prefix: 56 },"
for KERNEL in xdp tc off; do
	configure >"$config"
	agent_must_start bal "$config"
	in_ns client build/tests/net/dns_ask steady udp $DNS4 1 3000 www.example.org A >"$NET_DIR/rate" 2>&1
	lost=$(sed -n 's/.*lost //p' "$NET_DIR/rate")
	at_least "3,000 queries in 3 s: about half of those above 100/s and 200 are dropped ($KERNEL)" "$lost" 1050
	at_most "and the others are not" "$lost" 1500
	note "$(xargs <"$NET_DIR/rate" | cut -c1-200)"
	if [ $KERNEL != off ]; then
		at_least "answered with TC instead" "$(counted DNS_SLIP)" 1050
		check "which has no records" grep -qE "^[0-9]+ $" "$NET_DIR/rate"
	fi
	agent_term bal
done
LIMIT=
KERNEL=xdp
configure >"$config"
agent_must_start bal "$config"
in_ns client build/tests/net/dns_ask steady udp $DNS4 1 3000 www.example.com A >"$NET_DIR/rate" 2>&1
note "$(cat "$NET_DIR/rate")"
check "names of none of the zones are refused" wait_until 5 eval '[ "$(counted DNS_PASS_NAME)" -ge 2900 ]'
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
