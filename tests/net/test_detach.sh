#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Taking the packet path away, and programs of others on the interface.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml got=$NET_DIR/got

has_xdp() { ip -n "$NET-bal" link show dev eth0 | grep -q 'prog/xdp'; }

one_pool "$config" a=1 b=1
check "--detach with nothing to detach is no error" agent_detach bal
agent_must_start bal "$config"
is "the status names the interface and its mode" "$(status bal '.interfaces[0] | "\(.name) \(.mode)"')" "eth0 native"
connect "$got" --connections 2000
check_shares "it forwards" "$got" 15 a=1 b=1
check "SIGTERM ends the agent" agent_term bal
check "and leaves the program on the interface" has_xdp
check "--detach without an agent succeeds" agent_detach bal
check "no program is left on the interface" eval '! has_xdp'
is "no pin is left" "$(ls "$NET_DIR/bpf/bal" 2>/dev/null)" ""
connect "$got" --connections 5 --timeout 0.3
is "nothing is forwarded any more" "$(value "$got" '.by | length')" 0
check "an agent starts anew after it" agent_start bal "$config"
connect "$got" --connections 2000
check_shares "and forwards" "$got" 15 a=1 b=1
agent_term bal
agent_detach bal

# One that is told beforehand takes it off when it ends.
start bal "$NET_DIR/agent.bal.detach" "$WEIR_BIN/weir-agent" --config "$config" --detach
AGENT[bal]=$STARTED AGENT_LOG[bal]=$NET_DIR/agent.bal.detach.err
wait_until 20 grep -q ready "${AGENT_LOG[bal]}"
connect "$got" --connections 2000
check_shares "an agent with --detach forwards" "$got" 15 a=1 b=1
check "on SIGTERM it ends" agent_term bal
check "and leaves no program on the interface" eval '! has_xdp'
is "nor a pin" "$(ls "$NET_DIR/bpf/bal" 2>/dev/null)" ""

# Generic mode on demand.
sed -i 's/^  interfaces:/  attach: generic\n  interfaces:/' "$config"
in_ns r ethtool -K bal gso off tso off gro off >/dev/null
agent_must_start bal "$config"
is "attach: generic is obeyed" "$(status bal '.interfaces[0].mode')" generic
connect "$got" --connections 2000
check_shares "and forwards" "$got" 15 a=1 b=1
agent_term bal
check "--detach succeeds" agent_detach bal
check "and leaves no program on the interface" eval '! has_xdp'
in_ns bal bpftool net detach xdpgeneric dev eth0 2>/dev/null # were it so, what follows could not be tried
sed -i '/attach: generic/d' "$config"

# A program of somebody else, which does not share.
in_ns bal bpftool net attach xdpdrv pinned "$XDP_PASS" dev eth0 || bail "another program can be attached"
xdp() { ip -n "$NET-bal" link show dev eth0 | grep -o 'prog/xdp id [0-9]* name [a-z_]*'; }
before=$(xdp)
check "a program of somebody else is there" grep xdp_pass <<<"$before"
if agent_start bal "$config"; then
	not_ok "an interface with a program of somebody else is refused"
	agent_term bal
else
	finished "${AGENT[bal]}"
	is "an interface with a program of somebody else is refused" $? 1
fi
check "the message names the interface" grep -E 'eth0.*(XDP|program)' "${AGENT_LOG[bal]}"
note "  $(grep -E eth0 "${AGENT_LOG[bal]}" | tail -n 1)"
is "that program was left alone" "$(xdp)" "$before"
agent_detach bal
is "also by --detach" "$(xdp)" "$before"
in_ns bal bpftool net detach xdpdrv dev eth0

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
