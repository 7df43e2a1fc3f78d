#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the kernel does not take our program behind libxdp's dispatcher: alone on the interface,
# adopted after kill -9, reloaded and detached; what else is there is left alone. At the endpoints
# the kernel's own tunnel devices, and weir-decap.
# shellcheck source=tests/vm/guest.sh disable=SC2317  # wait_until calls functions by their names
. "$(dirname "$0")/guest.sh"

# The program that runs on an interface.
program() { ip -n "$NET-bal" -j link show dev "$1" | jq '.[0].xdp.prog.id // empty'; }
no_program() { [ -z "$(program "$1")" ]; }

net_up
balancer_up bal
link bal eth1 bal1 1600
endpoint_up a
endpoint_up b
endpoints_up c
endpoint_tunnels a
endpoint_tunnels b
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

configure() {
	one_pool "$config" "$@"
	sed -i 's/interfaces: .*/interfaces: [eth0, eth1]/' "$config"
}

# --- somebody else is there, who would share ---
configure a=1 b6=1 c=1
check "another program goes onto an interface first" \
	in_ns bal xdp-loader load -m native eth1 build/tests/vm/other.bpf.o
other=$(program eth1)
check "an agent refuses to start" eval '! agent_start bal "$config"'
check "and says why" grep "eth1: another XDP program is there, and this kernel refuses ours" "${AGENT_LOG[bal]}"
is "it has left the other alone" "$(program eth1)" "$other"
check "and the first interface as it was" no_program eth0
in_ns bal xdp-loader unload eth1 --all

# --- alone ---
agent_must_start bal "$config"
is "without it the agent is alone on both interfaces" "$(attached)" "eth0 native false, eth1 native false"
check "and says so" grep "eth0: attached, native mode, alone (this kernel does not run it" "${AGENT_LOG[bal]}"
is "it says once what the kernel has not" "$(missing_features)" "${WEIR_MISSING:-}"
families_reach a=1 b=1 c=1

# --- the agent dies and comes back ---
digest=$(status bal .table_digest)
transfers_start "$live" --flows 60 --rate 2048
ready=0
for _ in 1 2; do
	agent_kill9 bal
	agent_start bal "$config" && ready=$((ready + 1))
done
is "after kill -9 an agent starts again, twice" $ready 2
is "as it was" "$(attached)" "eth0 native false, eth1 native false"
is "the tables are the same" "$(status bal .table_digest)" "$digest"
sees
configure a=1 b6=0.5
check "a reload is taken" agent_reload bal
sed -i 's/, eth1\]/]/' "$config"
check "an interface can be taken out" agent_reload bal
check "ours goes off it" wait_until 5 no_program eth1
transfers_stop "$live"
is "60 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "60 0"

# --- off again ---
check "on SIGTERM the agent exits 0" agent_term bal
connect "$got" --connections 200 --parallel 32
check_shares "without an agent the packet path goes on" "$got" 50 a=1 b=0.5
check "--detach succeeds" agent_detach bal
check "ours is gone" no_program eth0
check "no pin of ours is left" test ! -e "$NET_DIR/bpf/bal"
finish
