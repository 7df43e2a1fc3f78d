#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Taking the packet path away, and programs of others on the interface.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got

has_xdp() { ip -n "$NET-bal" link show dev eth0 | grep -q 'prog/xdp'; }
detach() { in_ns bal "$WEIR_BIN/weir-agent" --config "$config" --detach >"$NET_DIR/detach" 2>&1; }

one_pool "$config" a=1 b=1
check "--detach with nothing to detach is no error" detach
agent_must_start bal "$config"
is "the status names the interface and its mode" "$(status bal '.interfaces[0] | "\(.name) \(.mode)"')" "eth0 native"
connect "$got" --connections 2000
check_shares "it forwards" "$got" 15 a=1 b=1
check "SIGTERM ends the agent" agent_term bal
check "and leaves the program on the interface" has_xdp
check "--detach without an agent succeeds" detach
check "no program is left on the interface" eval '! has_xdp'
is "no pin is left" "$(find "$NET_DIR/bpf" -mindepth 1 | head -n 5)" ""
connect "$got" --connections 5 --timeout 0.3
is "nothing is forwarded any more" "$(value "$got" '.by | length')" 0
check "an agent starts anew after it" agent_start bal "$config"
connect "$got" --connections 2000
check_shares "and forwards" "$got" 15 a=1 b=1
agent_term bal
detach

# Generic mode on demand.
sed -i 's/^  interfaces:/  attach: generic\n  interfaces:/' "$config"
in_ns r ethtool -K bal gso off tso off gro off >/dev/null
agent_must_start bal "$config"
is "attach: generic is obeyed" "$(status bal '.interfaces[0].mode')" generic
connect "$got" --connections 2000
check_shares "and forwards" "$got" 15 a=1 b=1
agent_term bal
detach
sed -i '/attach: generic/d' "$config"

# A program of somebody else, which does not share.
ip -n "$NET-bal" link set dev eth0 xdpdrv obj "$XDP_PASS" sec xdp
before=$(ip -n "$NET-bal" link show dev eth0 | grep -o 'prog/xdp id [0-9]*')
if agent_start bal "$config"; then
	not_ok "an interface with a program of somebody else is refused"
	agent_term bal
else
	finished "${AGENT[bal]}"
	is "an interface with a program of somebody else is refused" $? 1
fi
check "the message names the interface" grep -E 'eth0.*(XDP|program)' "${AGENT_LOG[bal]}"
note "  $(grep -E eth0 "${AGENT_LOG[bal]}" | tail -n 1)"
is "that program was left alone" "$(ip -n "$NET-bal" link show dev eth0 | grep -o 'prog/xdp id [0-9]*')" "$before"
detach
is "also by --detach" "$(ip -n "$NET-bal" link show dev eth0 | grep -o 'prog/xdp id [0-9]*')" "$before"
ip -n "$NET-bal" link set dev eth0 xdpdrv off

# An interface that does not exist.
sed -i 's/interfaces: .*/interfaces: [eth7]/' "$config"
if agent_start bal "$config"; then
	not_ok "an interface that does not exist is refused"
	agent_term bal
else
	finished "${AGENT[bal]}"
	is "an interface that does not exist is refused" $? 1
	check "the message names it" grep eth7 "${AGENT_LOG[bal]}"
fi
finish
