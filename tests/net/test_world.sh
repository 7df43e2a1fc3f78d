#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A world that does not fit the configuration, or stops fitting it: ports that are taken,
# interfaces that go.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml

# taken TYPE ADDRESS PORT: somebody else has it; pid in TAKEN.
taken() {
	start bal "$NET_DIR/taken" python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1]))
s.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "SOCK_STREAM":
    s.listen()
print("taken", flush=True)
time.sleep(60)' "$@"
	TAKEN=$STARTED
	wait_until 10 grep -q taken "$NET_DIR/taken" || bail "$2 port $3 can be taken"
}

{
	agent_yaml
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		pools:
		  - name: main
		    origins: [{ name: a, address: 192.0.2.1 }]
		load_balancers:
	END
	lb_yaml www.example.org main main
	echo "records: [{ type: A, name: one.example.org, content: 192.0.2.77 }]"
} >"$config"

has_xdp() { ip -n "$NET-bal" link show dev eth0 | grep -q 'prog/xdp'; }
# What is pinned of services and endpoints.
pinned() {
	for map in weir_services weir_endpoints weir_endpoint_ids; do
		bpftool map dump pinned "$NET_DIR/bpf/bal/v"*/$map
	done | md5sum
}
# refuses SENTENCE WORDS CONFIG [OPTION...]: an agent that starts with it ends with 1 and says so.
refuses() {
	in_ns bal timeout 30 "$WEIR_BIN/weir-agent" --config "$3" "${@:4}" >"$NET_DIR/said" 2>&1
	is "$1" $? 1
	check "and says why" grep -E "$2" "$NET_DIR/said"
}

# The control address.
taken SOCK_STREAM 127.0.0.1 8650
refuses "an agent whose control address is taken ends" "control address.*in use" "$config"
check "and has attached nothing" eval '! has_xdp'
stop "$TAKEN"
agent_detach bal

# A first start that is refused half way.
sed 's/interfaces: .*/interfaces: [eth0, eth9]/' "$config" >"$NET_DIR/two.yaml"
refuses "an agent with an interface that does not exist ends" "eth9" "$NET_DIR/two.yaml"
check "and has left the other as it was" eval '! has_xdp'

# The same where an earlier agent's packet path is.
check "an agent starts" agent_start bal "$config"
check "and ends" agent_term bal
before=$(pinned)
sed -e 's/address: 192.0.2.1/address: 192.0.2.9/' "$NET_DIR/two.yaml" >"$NET_DIR/other.yaml"
refuses "an agent that is refused over an adopted packet path" "eth9" "$NET_DIR/other.yaml" --detach
check "leaves it attached, also with --detach" has_xdp
is "and its tables as they are" "$(pinned)" "$before"
taken SOCK_STREAM 127.0.0.1 8650
sed -i 's/, eth9//' "$NET_DIR/other.yaml"
refuses "the same for a taken control address" "control address.*in use" "$NET_DIR/other.yaml"
is "whatever is configured" "$(pinned)" "$before"
stop "$TAKEN"

# A DNS address.
taken SOCK_DGRAM $DNS4 53
check "an agent whose DNS address is taken starts" agent_start bal "$config"
check "and says which" grep -E "dns.*$DNS4:53.*in use" "${AGENT_LOG[bal]}"
is "its status names none as open" "$(status bal '.dns.listen | length')" 0
sed -i 's/192.0.2.77/192.0.2.78/' "$config"
check "other changes are taken meanwhile" agent_reload bal
stop "$TAKEN"
check "when it is free DNS begins by itself" wait_until 5 status_is bal '.dns.listen | length' 2
is "and answers" "$(in_ns client dig @$DNS4 +short +tries=1 +time=2 one.example.org A)" 192.0.2.78
at_most "the log is not filled" "$(grep -c 'in use' "${AGENT_LOG[bal]}")" 2

# Interfaces.
runs() { status_is bal '.interfaces | map("\(.name) \(.mode)") | join(", ")' "$1"; }
extra() { ip -n "$NET-bal" link add name "$1" type veth peer name "$1-far" && ip -n "$NET-bal" link set dev "$1" up; }
extra_has_xdp() { ip -n "$NET-bal" link show dev eth1 | grep -q 'prog/xdp'; }
extra eth1
sed -i 's/interfaces: .*/interfaces: [eth0, eth1]/' "$config"
check "a second interface is taken" agent_reload bal
ip -n "$NET-bal" link del dev eth1
check "when it is gone the status says so" wait_until 5 runs "eth0 native, eth1 detached"
sed -i 's/192.0.2.78/192.0.2.79/' "$config"
check "and other changes are taken" agent_reload bal
extra eth1
check "when it comes back" wait_until 5 runs "eth0 native, eth1 native"
check "it has the program" extra_has_xdp
in_ns bal bpftool net detach xdpdrv dev eth0
check "a program that was taken off is seen, and comes back" wait_until 5 has_xdp
check "and the log tells" grep -E 'eth0: .*taken off' "${AGENT_LOG[bal]}"
check "eth0 is as it was" wait_until 5 runs "eth0 native, eth1 native"
in_ns bal bpftool net detach xdpdrv dev eth1
in_ns bal bpftool net attach xdpdrv pinned "$XDP_PASS" dev eth1
check "an interface that another program took is said to be lost" wait_until 5 runs "eth0 native, eth1 detached"
in_ns bal bpftool net detach xdpdrv dev eth1
check "and taken again when it is free" wait_until 15 runs "eth0 native, eth1 native"
sed -i 's/interfaces: .*/interfaces: [eth0]/' "$config"
check "one that is no longer named is let go" agent_reload bal
check "at once" eval '! extra_has_xdp'
check "the agent ends well" agent_term bal
agent_detach bal
check "no sanitizer report" no_sanitizer_report
finish
