#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench_veth.sh - weir end to end, in namespaces and with the real agent: packets a second through
# veth pairs with native XDP, connections a second, and what a change costs while packets flow. $1:
# a regular expression of the rows wanted. Prints lines of JSON; everything else goes to the error
# output.
#
#   "send": send-drop send-tx send-least send-balancer send-eth0       each a veth pair
#   "wire":      drop      tx      least      balancer      eth0       the agent is on eth0
#
# Endpoints are 10.1.0.0/16, behind "send", which takes what is for them and counts it.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
exec 3>&1 1>&2
WANTED=${1:-}
MTU=1600 # of the pairs

# wanted NAME...: some of these rows are.
wanted() { printf '%s\n' "$@" | grep -qE -- "$WANTED"; }

# pair NAME
pair() {
	ip link add name "send-$1" mtu $MTU netns "$NET-send" type veth \
		peer name "$1" mtu $MTU netns "$NET-wire" || bail "a veth pair can be made"
	ip -n "$NET-send" link set dev "send-$1" up
	ip -n "$NET-wire" link set dev "$1" up
}

wire_up() {
	local name

	ns_new send
	ns_new wire
	for name in drop tx least balancer eth0; do pair $name; done
	address wire eth0 192.0.2.2/25 2001:db8:1::2/64
	routes wire 192.0.2.1 2001:db8:1::1
	ip -n "$NET-wire" neigh replace 192.0.2.1 dev eth0 nud permanent lladdr \
		"$(ip -n "$NET-send" -j link show dev send-eth0 | jq -r '.[0].address')"
}

# wire_yaml FILE N [OFF]: one pool of N endpoints, the OFFth switched off.
wire_yaml() {
	{
		agent_yaml wire
		printf 'pools:\n  - name: main\n    minimum_origins: 1\n    origins:\n'
		seq "$2" | awk -v off="${3:-0}" '{ printf \
			"      - { name: e%d, address: 10.1.%d.%d, enabled: %s }\n", \
			$1, $1 / 250, $1 % 250 + 1, $1 == off ? "false" : "true" }'
		echo "load_balancers:"
		lb_yaml www.example.org main main
	} >"$1"
}

# figure NAME VALUES-FILE [AGAINST VALUES-FILE]: a line for the median of connections a second.
figure() {
	jq -nc --arg name "$1" --arg against "${3:-}" --slurpfile v "$2" --slurpfile f "${4:-$2}" '
		def median: sort | .[length / 2 | floor];
		($v | median) as $value | ($f | median) as $floor
		| {$name, unit: "conn/s", $value, bar: null, holds: true}
		| if $against == "" then . + {against: null, floor: null, ratio: null}
		  else . + {$against, $floor, ratio: ($value / $floor)} end' >&3
}

# Connections to a real server with one answer each: through weir and past it, in turns. How many
# there are is up to clients and server; the ratio says what weir takes.
connections() {
	local round name got=$NET_DIR/got

	balancer_up bal
	endpoints_up a
	one_pool "$NET_DIR/weir.yaml" a=1
	agent_must_start bal "$NET_DIR/weir.yaml"
	for round in 1 2 3 4 5; do
		for name in direct weir; do
			TARGET=$VIP4:80
			[ $name = weir ] || TARGET=${EP4[a]}:80
			connect "$got" --connections 4000 || bail "connections $name in round $round: $(<"$got")"
			value "$got" '.connections / .seconds' >>"$NET_DIR/rate.$name"
		done
	done
	agent_term bal
	figure veth/connections-direct "$NET_DIR/rate.direct"
	figure veth/connections-weir "$NET_DIR/rate.weir" veth/connections-direct "$NET_DIR/rate.direct"
}

# wire_agent CONFIG COMMAND...: a benchmark of an agent that begins anew.
wire_agent() {
	agent_must_start wire "$1"
	"${@:2}" >&3 || bail "$2 ${*:3}"
	agent_term wire || bail "the agent ends well"
	agent_detach wire 2>"$NET_DIR/words" || bail "the agent detaches: $(<"$NET_DIR/words")"
}

rates() {
	wire_yaml "$NET_DIR/live.yaml" 100
	wire_agent "$NET_DIR/live.yaml" in_ns send build/tests/bench/veth_rate "$NET-wire" "$WANTED"
}

# change ENDPOINTS
change() {
	wire_yaml "$NET_DIR/live.yaml" "$1"
	wire_yaml "$NET_DIR/next.yaml" "$1" 7
	# Nobody answers there, and the same SYNs come again: that is not what changes here.
	sed -i 's/^    proxied: true/&\n    passive_health: false/' "$NET_DIR"/{live,next}.yaml
	wire_agent "$NET_DIR/live.yaml" change_of "$1" 8 # 10.1.0.8
}

# shellcheck disable=SC2317  # called by wire_agent
change_of() {
	in_ns send build/tests/bench/veth_change "change-1-of-$1" "${AGENT[wire]}" \
		"$NET_DIR/live.yaml" "$NET_DIR/next.yaml" "$2"
}

RATES=(veth/{drop,xdp-tx,least-ipip4,least-balancer4-1,least-balancer4-131072,weir-1,weir-131072})
CHANGES=(veth/change-1-of-{100,1000}-{time,lost})
CONNECTIONS=(veth/connections-{direct,weir})
wanted "${RATES[@]}" "${CHANGES[@]}" "${CONNECTIONS[@]}" || exit 0
net_up
wire_up
! wanted "${RATES[@]}" || rates
! wanted "${CHANGES[@]:0:2}" || change 100
! wanted "${CHANGES[@]:2:2}" || change 1000
! wanted "${CONNECTIONS[@]}" || connections
exit $((FAILED > 0))
