#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside another XDP program behind libxdp's dispatcher, on two interfaces, with the kernel's own
# tunnel devices at the endpoints: attached, adopted after kill -9, reloaded and detached.
# shellcheck source=tests/vm/guest.sh disable=SC2317  # wait_until calls functions by their names
. "$(dirname "$0")/guest.sh"

# programs IF: whose programs the dispatcher runs there, in their order; nothing without one.
programs() { in_ns bal xdp-loader status "$1" | awk '$1 == "=>" { printf "%s%s", sep, $3; sep = " " }'; }
# program_id IF NAME
program_id() { in_ns bal xdp-loader status "$1" | awk -v name="$2" '$1 == "=>" && $3 == name { print $4 }'; }
# The map of the program that is there now. By name there may be two: one of a program that was
# taken off lives on where an agent that was killed has left libxdp's pins behind.
other_packets() {
	local map

	map=$(bpftool -j prog show id "$(program_id eth0 other_xdp)" | jq '.map_ids[]' | while read -r id; do
		bpftool -j map show id "$id" | jq 'select(.name == "other_packets").id'
	done)
	bpftool -j map dump id "$map" | jq '.[0].formatted.value // .[0].value'
}
programs_are() { [ "$(programs "$1")" = "$2" ]; }
# agent_spawn BALANCER CONFIG: like agent_start, but does not wait.
agent_spawn() {
	AGENT_LOG[$1]=$NET_DIR/agent.spawned.err
	start "$1" "$NET_DIR/agent.spawned" "$WEIR_BIN/weir-agent" --config "$2"
	AGENT[$1]=$STARTED
}

net_up
balancer_up bal
link bal eth1 bal1 1600
endpoint_up a
endpoint_up b
endpoint_tunnels a
endpoint_tunnels b
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

configure() {
	one_pool "$config" "$@"
	sed -i 's/interfaces: .*/interfaces: [eth0, eth1]/' "$config"
}

configure a=1 b6=1
check "another program goes onto the interface first" \
	in_ns bal xdp-loader load -m native eth0 build/tests/vm/other.bpf.o
is "it runs behind the dispatcher" "$(programs eth0)" other_xdp

began=$(now_ms)
agent_must_start bal "$config"
note "the agent was ready after $(($(now_ms) - began)) ms"
is "the agent says that it shares both interfaces" "$(attached)" "eth0 native true, eth1 native true"
is "both programs are behind the dispatcher" "$(programs eth0)" "other_xdp weir_xdp"
is "the other interface has ours alone" "$(programs eth1)" "weir_xdp"
is "it says once what the kernel has not" "$(missing_features)" "${WEIR_MISSING:-}"

before=$(other_packets)
families_reach a=1 b=1
at_least "the other program saw the packets, too" $(($(other_packets) - before)) 1440

# --- the agent dies and comes back ---
other=$(program_id eth0 other_xdp) digest=$(status bal .table_digest)
transfers_start "$live" --flows 60 --rate 2048
ready=0
for _ in 1 2; do
	agent_kill9 bal
	agent_start bal "$config" && ready=$((ready + 1))
done
is "after kill -9 an agent starts again, twice" $ready 2
is "and shares again" "$(attached)" "eth0 native true, eth1 native true"
is "ours is not there twice" "$(programs eth0)" "other_xdp weir_xdp"
is "nor on the other interface" "$(programs eth1)" "weir_xdp"
is "the other program stayed" "$(program_id eth0 other_xdp)" "$other"
is "the tables are the same" "$(status bal .table_digest)" "$digest"

# Killed between the new one's arrival and the old one's leave: both are there. libxdp pins what
# belongs to a dispatcher in a folder named by its interface's index and its own number.
index=$(ip -n "$NET-bal" -j link show dev eth0 | jq '.[0].ifindex')
dispatchers() { echo /sys/fs/bpf/xdp/dispatch-"$index"-*; }
for _ in 1 2 3 4 5; do
	agent_kill9 bal
	old=$(dispatchers)
	agent_spawn bal "$config"
	end=$(($(now_ms) + 120000)) # an emulated kernel verifies for half a minute
	while [[ " $(dispatchers) " = *" $old "* ]] && [ "$(now_ms)" -lt $end ]; do :; done
	agent_kill9 bal
	state=$(programs eth0)
	[[ $state != *weir_xdp*weir_xdp* ]] || break
done
is "an agent was killed in the midst of attaching" "$state" "other_xdp weir_xdp weir_xdp"
check "the next one starts" agent_start bal "$config"
is "and leaves one of ours" "$(programs eth0) / $(programs eth1)" "other_xdp weir_xdp / weir_xdp"

ours=$(program_id eth0 weir_xdp)
open_files() { find "/proc/${AGENT[bal]}/fd" -type l | wc -l; }
files=$(open_files)
configure a=1 b6=0.5
check "a reload is taken" agent_reload bal
configure a=1 b6=1
check "and another" agent_reload bal
at_most "reloads leave no file open" "$(open_files)" "$files"
is "both programs are the same as before" "$(program_id eth0 other_xdp) $(program_id eth0 weir_xdp)" "$other $ours"
check "the other program can leave" in_ns bal xdp-loader unload eth0 --id "$other"
is "ours stays" "$(programs eth0)" weir_xdp
check "and come back" in_ns bal xdp-loader load -m native eth0 build/tests/vm/other.bpf.o
other=$(program_id eth0 other_xdp)
check "after it a reload is taken, too" agent_reload bal
is "ours is not there twice after it" "$(programs eth0)" "other_xdp weir_xdp"
sed -i 's/, eth1\]/]/' "$config"
check "an interface can be taken out" agent_reload bal
check "ours goes off it" wait_until 5 programs_are eth1 ""
is "and stays on the other" "$(programs eth0)" "other_xdp weir_xdp"
configure a=1 b6=1
check "and put in again" agent_reload bal
check "ours is on it again" wait_until 5 programs_are eth1 weir_xdp
sees
is "after a capture ours is not there twice" "$(programs eth0) / $(programs eth1)" "other_xdp weir_xdp / weir_xdp"
transfers_stop "$live"
is "60 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "60 0"

# --- off again ---
check "on SIGTERM the agent exits 0" agent_term bal
connect "$got" --connections 200 --parallel 32
check_shares "without an agent the packet path goes on" "$got" 50 a=1 b=1
check "--detach succeeds" in_ns bal "$WEIR_BIN/weir-agent" --detach --pin-path "$NET_DIR/bpf/bal"
is "ours is gone" "$(programs eth0)" other_xdp
is "the other program stayed" "$(program_id eth0 other_xdp)" "$other"
is "the other interface has no program left" "$(ip -n "$NET-bal" link show dev eth1 | grep prog/xdp)" ""
check "no pin of ours is left" test ! -e "$NET_DIR/bpf/bal"
before=$(other_packets)
in_ns client curl -s -m 1 "http://$VIP4/" >/dev/null
check "the other program still runs" test "$(other_packets)" -gt "$before"
check "an agent starts anew beside it" agent_start bal "$config"
is "and both are there" "$(programs eth0)" "other_xdp weir_xdp"
connect "$got" --connections 200 --parallel 32
check_shares "and forwards" "$got" 50 a=1 b=1
finish
