#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Limits of open connections, kept exactly, through the death of the agent and changes of the limit;
# and least connections, which are shared more evenly than by chance.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got

# balance MAX_CONN POLICY ORIGIN...
balance() {
	one_pool "$config" "${@:3}"
	sed -i "s/enabled: true }/enabled: true, max_conn: $1 }/
		s/^    minimum_origins.*/&\n    origin_steering: {policy: $2}/" "$config"
}

# A process that holds connections to this address; its answers are in the file.
hold_start() {
	exec 8>&-
	rm -f "$NET_DIR/fifo"
	mkfifo "$NET_DIR/fifo"
	start client "$NET_DIR/held" python3 tests/net/hold.py "$NET_DIR/fifo" "$1" 80
	exec 8>"$NET_DIR/fifo"
	said=0
}
answered() { [ "$(wc -l <"$NET_DIR/held")" -eq $((said + 1)) ]; }

# hold COMMAND: what is said of it, in HELD.
hold() {
	echo "$1" >&8
	wait_until 60 answered || bail "connections are held: $(cat "$NET_DIR/held.err")"
	said=$((said + 1))
	HELD=$(tail -n 1 "$NET_DIR/held")
}
held() { jq -r "$1" <<<"$HELD"; }

# open_now: how many are open at each, as the balancer counts.
open_now() { status bal '[.pools[0].origins[] | "\(.name)=\(.open)"] | join(" ")'; }
open_is() { [ "$(open_now)" = "$1" ]; }
dropped() { status bal '.packets[] | select(.reason == "DROP_FULL") | .packets'; }
silence() { python3 tests/net/age.py "$NET_DIR/bpf/bal"/v*/weir_flows "$1"; }

check "a limit and an affinity are refused together" eval 'balance 10 random a=1
	echo "    session_affinity: ip_cookie" >>"$config"
	! "$WEIR_BIN/weir-agent" --check -c "$config" 2>"$got" && grep max_conn "$got"'

# --- limits ---

for vip in $VIP4 $VIP6; do
	balance 10 random a=1 b=1 c=0.5
	agent_must_start bal "$config"
	hold_start "$vip"
	before=$(dropped)
	hold "open 40"
	is "10 connections at each endpoint and no more, over ${vip}" "$HELD" '{"a": 10, "b": 10, "c": 10, "failed": 10}'
	is "so the balancer counts" "$(open_now)" "a=10 b=10 c=10"
	at_least "the others' SYNs are dropped with their reason" $(($(dropped) - before)) 10
	hold "close 7"
	check "whose end is seen at once" wait_until 10 eval '[ "$(status bal "[.pools[0].origins[].open] | add")" = 23 ]'
	hold "open 9"
	is "7 places are free again" "$(held .failed)" 2
	is "all of them are taken" "$(open_now)" "a=10 b=10 c=10"
	hold check
	is "no connection has moved" "$HELD" '{"same": 30}'

	agent_kill9 bal
	hold "open 2"
	is "without an agent the limit holds" "$HELD" '{"failed": 2}'
	hold "reset 5"
	hold "open 6"
	is "and places become free" "$(held .failed)" 1
	agent_must_start bal "$config"
	is "the next one counts the same" "$(open_now)" "a=10 b=10 c=10"
	sleep 2.5 # some sweeps
	is "and goes on to" "$(open_now)" "a=10 b=10 c=10"
	hold "open 1"
	is "the limit still holds" "$HELD" '{"failed": 1}'
	hold check
	is "no connection has moved" "$HELD" '{"same": 30}'
	hold "reset 30"
	check "all have ended" wait_until 10 open_is "a=0 b=0 c=0"
	check "the agent ends well" agent_term bal
	agent_detach bal
done

# --- changes ---

balance 5 random a=1 b=1
agent_must_start bal "$config"
hold_start $VIP4
hold "open 10"
is "both endpoints are full" "$HELD" '{"a": 5, "b": 5}'
check "weirctl shows that" eval 'ctl bal status >"$got" && grep -E "a .* 5/5 " "$got"'
check "a trace says who is full" eval 'ctl bal trace --syn $CLIENT4:9 $VIP4:80 tcp >"$got" &&
	grep "5 connections to [ab] .*, which takes 5" "$got" && grep DROP_FULL "$got"'
balance 8 random a=1 b=1
check "the limit is raised" agent_reload bal
hold "open 8"
is "so many more fit" "$(held .failed)" 2
balance 2 random a=1 b=1
check "it is lowered" agent_reload bal
hold check
is "which breaks nothing" "$HELD" '{"same": 16}'
hold "open 1"
is "but nobody new is taken" "$HELD" '{"failed": 1}'
balance 0 random a=1 b=1
check "there is none any more" agent_reload bal
hold "open 20"
is "anybody is taken" "$(held .failed)" null
for _ in 1 2; do
	sleep 1.2
	hold check
	is "no connection has moved" "$HELD" '{"same": 36}'
done
hold "close 36"
balance 8 random a=1 b=1
check "there is one again" agent_reload bal
hold "open 20"
is "and it is kept" "$(held .failed)" 4

# --- clients that vanish ---

hold vanish
hold "open 1"
is "clients that vanished are not known to have" "$HELD" '{"failed": 1}'
silence 310
check "until they were silent for five minutes" wait_until 10 open_is "a=0 b=0"
mac=$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')
start r "$NET_DIR/flood" build/tests/net/flood bal "$mac" $VIP4 80 203.0.113.0 1
check "a flood of SYNs ends" finished "$STARTED" 60
# shellcheck disable=SC2016
check "which fills them up" eval '[ "$(open_now)" != "a=0 b=0" ]'
check "for some seconds" wait_until 30 open_is "a=0 b=0"
hold "open 16"
is "then there is room for clients" "$(held .failed)" null
hold "close 16"
in_ns client "$WEIR_LOAD" udp --flows 40 --requests 1 --timeout 2 $VIP4:9000 >"$got"
is "datagram flows are limited as well" "$(value "$got" '"\(.answers) \(.lost)"')" "16 24"
check "the agent ends well" agent_term bal
agent_detach bal

# --- least connections ---

# spread: between the most and the fewest connections of an endpoint.
spread() { held '[.a, .b, .c // 0] | max - min'; }

balance 0 random a=1 b=1 c=1
agent_must_start bal "$config"
hold_start $VIP4
hold "open 300"
random=$(spread)
is "300 connections by chance" "$(held '.a + .b + .c')" 300
hold "close 300"
balance 0 least_connections a=1 b=1 c=1
check "least connections" agent_reload bal
hold "open 300"
note "by least connections $HELD, by chance apart by $random"
is "300 by least connections" "$(held '.a + .b + .c')" 300
at_most "are shared evenly" "$(spread)" 4
hold "close 150" # the oldest ones
balance 0 least_connections a=1 b=1
check "an endpoint is taken away" agent_reload bal
hold check
is "its connections stay" "$HELD" '{"same": 150}'
hold "close 150"
check "all have ended" wait_until 10 eval '[ "$(status bal "[.pools[0].origins[].open] | add")" = 0 ]'
balance 0 least_connections a=1 b=0.5
check "weights" agent_reload bal
hold "open 150"
at_most "connections follow them" "$(held '[.a - 100, 100 - .a] | max')" 2
agent_kill9 bal
hold "open 30"
at_most "without an agent, too" "$(held '[.a - 20, 20 - .a] | max')" 2
agent_must_start bal "$config"
sleep 1.5
hold check
is "no connection has moved" "$HELD" '{"same": 180}'
exec 8>&-
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
