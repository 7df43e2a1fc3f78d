#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Translated addresses: endpoints that take no tunnel, have no VIP and listen at other ports.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCE4=192.0.2.100 SOURCE6=2001:db8:1::100
# A client may use a port again while the packet path still knows the connection that had it, if its end
# was not seen here; that one stays where it was, also at an endpoint that has left. Once in 50,000.
STRAYS=1
net_up
balancer_up bal
address bal eth0 $SOURCE4/32 $SOURCE6/128
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live short=$NET_DIR/short

# ports_up NAME: weirload's server at port 8080 of the endpoint's own addresses, which are all it has.
ports_up() {
	ip -n "$NET-$1" address flush dev lo scope global
	start "$1" "$NET_DIR/own.$1" "$WEIR_LOAD" serve --name "$1" --listen "${EP4[$1]}:8080" \
		--listen "[${EP6[$1]}]:8080"
	wait_until 10 grep -q ready "$NET_DIR/own.$1.err" || bail "weirload serves on $1"
}
# a, b and c are on the LAN, and what they send to others goes through the balancer; x, y and z are
# somewhere behind r.
for name in a b c; do
	endpoint_up $name lan
	ports_up $name
	ip -n "$NET-$name" route replace default via 192.0.2.2
	ip -n "$NET-$name" -6 route replace default via 2001:db8:1::2
done
for name in x y z; do
	endpoint_up $name
	ports_up $name
done
endpoints_up tunnel

# pool NAME PORT ENDPOINT...: of those that have this port.
pool() {
	local name=$1 port=$2 origin

	printf '  - name: %s\n    monitor: up\n    origins:\n' "$name"
	for origin in "${@:3}"; do
		printf '      - { name: %s, address: "%s", port: %s }\n' "$origin" \
			"$(endpoint_address "$origin")" "$port"
	done
}

# lb NAME POOL FORWARDING VIP LISTENERS
lb() {
	printf '  - { name: %s.example.org, proxied: true, default_pools: [%s], fallback_pool: %s, ' "$1" "$2" "$2"
	printf 'forwarding: %s, vips: ["%s"], listeners: [%s] }\n' "$3" "$4" "$5"
}

# configure FORWARDING ENDPOINT...: two services over IPv4 and IPv6 each, port 8000 to 80 and 9000
# to 8080; and one in tunnels, which has nothing to do with it. FORWARDING -: that alone.
configure() {
	local forwarding=$1 six=()

	shift
	[ $# = 0 ] || six=("${@/%/6}")
	{
		agent_yaml
		[ "$forwarding" != fullnat ] ||
			echo "  nat: { sources: [$SOURCE4, \"$SOURCE6\"]${PORTS:+, ports: [$PORTS]} }"
		echo "monitors: [{ id: up, type: tcp, interval: 0.5, timeout: 0.4, retries: 0 }]"
		echo "pools:"
		pool tunnels 80 tunnel
		if [ "$forwarding" != - ]; then
			pool web4 80 "$@"
			pool web6 80 "${six[@]}"
			pool data4 8080 "$@"
			pool data6 8080 "${six[@]}"
		fi
		echo "load_balancers:"
		lb tunnel tunnels ipip $VIP4B tcp/80
		if [ "$forwarding" != - ]; then
			lb web4 web4 "$forwarding" $VIP4 tcp/8000
			lb web6 web6 "$forwarding" $VIP6 tcp/8000
			lb data4 data4 "$forwarding" $VIP4 "tcp/9000, udp/9000"
			lb data6 data6 "$forwarding" $VIP6 "tcp/9000, udp/9000"
		fi
	} >"$config"
	sed -i "s/  interfaces: .*/  interfaces: [${INTERFACES:-eth0}]/; s/  vips: .*/  vips: [\"$VIP4\", \"$VIP6\", \"$VIP4B\"]/" "$config"
}

count() { status bal ".packets[] | select(.reason == \"$1\").packets"; }

# answered FORWARDING NAME=WEIGHT...: clients of both families, TCP and UDP.
answered() {
	local words=$1 vip

	shift
	for vip in "$VIP4" "[$VIP6]"; do
		TARGET=$vip:8000 connect "$got" --connections 2000
		check_shares "$words: 2,000 connections to $vip are shared within 15 %" "$got" 15 "$@"
		in_ns client "$WEIR_LOAD" udp --flows 1000 --requests 2 "$vip:9000" >"$got"
		is "$words: 1,000 UDP flows to $vip are answered" \
			"$(value "$got" '"\(.flows) \(.lost) \(.wrong)"')" "1000 0 0"
	done
}

# Probes are connections of this host with the same endpoints: their answers are its own.
healthy() { status_is bal '[.pools[].origins[].state] | unique | join(" ")' healthy; }

# through FORWARDING FIRST SECOND THIRD: all that may happen to the pool and the agent, under load.
through() {
	local words=$1 vip transfers6 live6=$live.6

	configure "$1" "$2" "$3"
	check "$words: the configuration is taken" agent_reload bal
	check "$words: probes find all of them healthy" wait_until 20 healthy
	answered "$words" "$2=1" "$3=1"
	TARGET=$VIP4:9000 transfers_start "$live" --flows 200
	start client "$live6" "$WEIR_LOAD" transfers --flows 200 "[$VIP6]:9000"
	transfers6=$STARTED
	wait_until 20 grep -q started "$live6.err" || bail "the transfers over IPv6 start"
	configure "$1" "$3" "$4"
	check "$words: a change is taken" agent_reload bal
	answered "$words, after it" "$3=1" "$4=1"
	agent_kill9 bal
	TARGET=$VIP4:8000 connect "$got" --connections 1000
	check_shares "$words: without an agent it goes on" "$got" 15 "$3=1" "$4=1"
	check "$words: after kill -9 an agent starts again" agent_start bal "$config"
	configure "$1" "$2" "$4"
	check "$words: and takes a change" agent_reload bal
	answered "$words, after that" "$2=1" "$4=1"
	transfers_stop "$live"
	is "$words: 200 transfers through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "200 0"
	stop "$transfers6"
	is "$words: 200 over IPv6, too" "$(value "$live6" '"\(.flows) \(.broken)"')" "200 0"
	for vip in "$VIP4" "[$VIP6]"; do
		in_ns client "$WEIR_LOAD" transfers --flows 4 --rate 0 --size 10000000 "$vip:9000" >"$got" 2>"$got.err"
		is "$words: full segments both ways to $vip, as fast as it goes" "$(value "$got" .complete)" 4
	done
	at_least "$words: replies were sent by the packet path" "$(count FORWARD_NAT_REPLY)" 10000
}

DRAIN=60
configure -
agent_must_start bal "$config"
start client "$short" "$WEIR_LOAD" connect --for 300 --every 5 "$VIP4B:80"
tunnels=$STARTED

# A capture that begins with a program that does not translate goes on with one that does.
start bal "$NET_DIR/shots" "$WEIR_BIN/weirctl" --control 127.0.0.1:8650 capture -w "$NET_DIR/shots.pcapng" \
	--dport 8000 --reason FORWARD,FORWARD_FLOW --count 20 --seconds 60
shots=$STARTED
wait_until 10 grep -q "capture: begins" "${AGENT_LOG[bal]}" || bail "a capture begins"

# --- the host must forward ---
configure nat a b
check "nat is taken" agent_reload bal
silent() { grep -q "net.$1.conf.eth0.forwarding is 0.*$2=1" "${AGENT_LOG[bal]}"; }
check "the log says that the host forwards no IPv4" wait_until 10 silent ipv4 net.ipv4.ip_forward
check "and no IPv6" wait_until 10 silent ipv6 net.ipv6.conf.all.forwarding
TARGET=$VIP4:8000 connect "$got" --connections 1 --timeout 0.5
at_least "replies are counted as what the host does not forward" "$(count PASS_NO_FORWARDING)" 1
in_ns bal sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

TARGET=$VIP4:8000 connect "$got" --connections 20
check_shares "now they get back" "$got" 100 a=1 b=1
check "a capture that began before comes to its end" finished "$shots" 60
check "and says which ports packets got" grep -aqE 'FORWARD to (a|b) \(192.0.2.1[0-9]:80\)' "$NET_DIR/shots.pcapng"

through nat a b c
is "the status shows ports" "$(status bal '[.services[] | select(.vip == "'$VIP4'") | "\(.port)>\(.endpoints[0].port)"] | join(" ")')" \
	"8000>80 9000>8080 9000>8080"
ctl bal trace $CLIENT4:5000 $VIP4:9000 tcp >"$got"
is "a trace says how it leaves" "$(grep -cE "leaves +from $CLIENT4:5000 to 192.0.2.1[0-9]:8080" "$got")" 1
check "and names an endpoint with its port" grep -E "endpoint +(a|c) \(192.0.2.1[0-9]:8080\) of pool data4, by nat on eth0" "$got"
through fullnat x y z
clients() { in_ns "$1" ss -Htn state established "( sport = :8080 )" | awk '{ sub(/:[0-9]+$/, "", $4); print $4 }' | sort -u | paste -sd' '; }
TARGET=$VIP4:9000 transfers_start "$live" --flows 20
is "endpoints see one address" "$(clients x)" $SOURCE4
transfers_stop "$live"

# --- endpoints behind another interface than clients ---
link bal eth1 bal1 1600
in_ns r bpftool net attach xdpdrv pinned "$XDP_PASS" dev bal1 || bail "XDP can be attached to a veth"
in_ns r ethtool -K bal1 tx off >/dev/null || bail "checksum offload can be switched off"
address r bal1 198.18.1.1/24 2001:db8:51::1/64
address bal eth1 198.18.1.2/24 2001:db8:51::2/64
in_ns bal sysctl -qw net.ipv4.conf.eth1.forwarding=1
for name in x z; do
	ip -n "$NET-bal" route add "${EP4[$name]}" via 198.18.1.1
	ip -n "$NET-bal" -6 route add "${EP6[$name]}" via 2001:db8:51::1
done
ip -n "$NET-r" route add $SOURCE4 via 198.18.1.2
ip -n "$NET-r" -6 route add $SOURCE6 via 2001:db8:51::2
stray() { grep -q "eth1 is not one of agent.interfaces, and endpoints with nat" "${AGENT_LOG[bal]}"; }
check "the log says that replies come in where no program is" wait_until 20 stray
INTERFACES="eth0, eth1"
configure fullnat x z
check "the other interface is taken, too" agent_reload bal
passed=$(count PASS_NAT_REPLY)
answered "another interface" x=1 z=1
at_most "replies leave by it past the host" $(($(count PASS_NAT_REPLY) - passed)) 50

# --- a link on the way that is too narrow: routers tell the source, which is ours ---
# Endpoints know (a veth loses what its far end cannot take, and tells nobody), but do not say so to clients.
for name in x z; do
	ip -n "$NET-r" link set dev $name mtu 1400
	for family in -4 -6; do
		read -ra route <<<"$(ip -n "$NET-$name" $family route show default)"
		ip -n "$NET-$name" $family route replace "${route[@]}" mtu 1400 advmss $((family == -4 ? 1460 : 1440))
	done
done
for vip in "$VIP4" "[$VIP6]"; do
	in_ns client "$WEIR_LOAD" transfers --flows 4 --rate 0 --size 2000000 "$vip:9000" >"$got" 2>"$got.err"
	is "a narrow link: transfers to $vip come to their end" "$(value "$got" .complete)" 4
	is "and the client knows how narrow it is" \
		"$(in_ns client ip route get "$(tr -d '[]' <<<"$vip")" | grep -o 'mtu [0-9]*')" "mtu 1400"
done

# --- few ports ---
PORTS="20000, 20003" DRAIN=1 configure fullnat x y z
check "another range of ports is taken" agent_reload bal
check "the log says what that means" grep -q "agent.nat is not what it was" "${AGENT_LOG[bal]}"
is "none was missing so far" "$(count DROP_NO_PORT)" 0
# For a while UDP follows those who served before the last change but one, with their own ports.
few() {
	in_ns client "$WEIR_LOAD" udp --flows 64 --requests 1 --timeout 0.5 "$VIP4:9000" >"$got"
	[ "$(count DROP_NO_PORT)" -ge 32 ]
}
check "with 4 ports not all of 64 flows have one, which is counted" wait_until 30 few
at_least "4 are answered at the least" $((64 - $(value "$got" .lost))) 4

# --- and back ---
configure -
check "all of it is taken away again" agent_reload bal
pinned() { compgen -G "$NET_DIR/bpf/bal/v*/weir_nat_flows"; }
check "ports are still known" pinned
forgotten() { ! pinned; }
check "until the last endpoint has drained" wait_until 30 forgotten
stop "$tunnels"
check_shares "connections in tunnels all the time, none failed" "$short" 0 tunnel=1
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
