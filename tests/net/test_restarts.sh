#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent killed, stopped and started under load: packets never wait for it.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

one_pool "$config" a=1 b=1 c=1
agent_must_start bal "$config"
digest=$(status bal .table_digest)
transfers_start "$live"
start client "$got" "$WEIR_LOAD" connect --for 60 --every 2 "$VIP4:80"
short=$STARTED

ready=0
for _ in 1 2 3 4 5; do
	agent_kill9 bal
	sleep 0.1
	agent_start bal "$config" && ready=$((ready + 1))
done
is "after kill -9 an agent starts again, 5 times" $ready 5
is "the tables are the same" "$(status bal .table_digest)" "$digest"

# Killed right after it was told of a change, so that it dies at any point of it.
ready=0
for i in 1 2 3 4 5; do
	if [ $((i % 2)) = 1 ]; then one_pool "$config" a=1 b=0.2; else one_pool "$config" a=1 b=1 c=1; fi
	kill -HUP "${AGENT[bal]}"
	sleep 0.00$i
	agent_kill9 bal
	agent_start bal "$config" && ready=$((ready + 1))
done
is "after kill -9 in the middle of a reload an agent starts again, 5 times" $ready 5
is "the new agent follows the file" "$(status bal '[.services[0].endpoints[].address] | sort | join(" ")')" \
	"${EP4[a]} ${EP4[b]}"

check "on SIGTERM the agent exits 0" agent_term bal
sleep 0.5
one_pool "$config" b=1 c=1
check "after SIGTERM an agent starts again" agent_start bal "$config"
stop "$short"
is "no short connection failed meanwhile" "$(value "$got" '.failed')" 0
at_least "short connections were made meanwhile" "$(value "$got" '.connections')" 1000
transfers_stop "$live"
is "500 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
connect "$got" --connections 5000
check_shares "new connections follow the last file" "$got" 10 b=1 c=1

agent_term bal
connect "$got" --connections 2000
check_shares "without an agent the packet path goes on" "$got" 15 b=1 c=1

# Pins of another ABI version.
mkdir "$NET_DIR/bpf/bal/v999"
in_ns bal bpftool map create "$NET_DIR/bpf/bal/v999/weir_rows" type array key 4 value 4 entries 1 name other
if agent_start bal "$config"; then not_ok "an agent refuses pins of another ABI version"; else
	finished "${AGENT[bal]}"
	is "an agent refuses pins of another ABI version" $? 1
	check "and says so" grep -iE 'ABI|version' "${AGENT_LOG[bal]}"
	note "  $(tail -n 1 "${AGENT_LOG[bal]}")"
fi
connect "$got" --connections 2000
check_shares "and leaves the packet path as it is" "$got" 15 b=1 c=1
finish
