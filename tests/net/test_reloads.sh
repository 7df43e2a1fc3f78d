#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reloads in a row under load.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
# Each of them moves rows; the last in the list is followed by the first.
pools=("a=1 b=1 c=1 d=1" "a=1 b=1" "b=1 c=0.5 d=1" "c=1 d=1" "a=0.3 d=1" "a=1 b=1 c=1,off d=0")

# shellcheck disable=SC2086
configure() { one_pool "$config" ${pools[$1 % ${#pools[@]}]}; }

DRAIN=3 # windows end meanwhile; nobody is out for longer
configure 0
agent_must_start bal "$config"
transfers_start "$live"
start client "$got" "$WEIR_LOAD" connect --for 60 --every 2 "$VIP4:80"
short=$STARTED
taken=0
for i in $(seq 20); do
	configure "$i"
	agent_reload bal && taken=$((taken + 1))
	sleep 0.1
done
is "20 reloads in a row are taken" $taken 20

# Without waiting for each other, and files that change nothing among them.
for i in $(seq 21 40); do
	configure $((i / 2))
	kill -HUP "${AGENT[bal]}"
	sleep 0.03
done
wait_until 5 status_is bal .config.error null
stop "$short"
is "no short connection failed meanwhile" "$(value "$got" '.failed')" 0
at_least "short connections were made meanwhile" "$(value "$got" '.connections')" 1000
transfers_stop "$live"
is "500 transfers ran through it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"

configure 0
check "a last reload is taken" agent_reload bal
connect "$got" --connections 5000
check_shares "new connections follow the last file" "$got" 10 a=1 b=1 c=1 d=1
check "the agent ends well" agent_term bal
finish
