#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that stay: a load balancer's affinity through changes, and a pool's hash policy.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=60
net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml
for n in $(seq $CLIENTS); do
	address client eth0 203.0.113.$((100 + n))/32 "2001:db8:c::$(printf %x $((256 + n)))/128"
done
DRAIN=5

# balance OPTION ORIGIN...: the option is of the load balancer, or of its pool.
balance() {
	local option=$1

	shift
	one_pool "$config" "$@"
	case $option in
	session*) echo "    $option" >>"$config" ;;
	*) sed -i "s/^    minimum_origins.*/&\n    $option/" "$config" ;;
	esac
}

# who FILE: whom each client reaches, and how many reach more than one.
who() {
	in_ns client python3 tests/net/who.py $VIP4 203.0.113.101 $CLIENTS 80 9000 >"$1"
	in_ns client python3 tests/net/who.py $VIP6 2001:db8:c::101 $CLIENTS 80 9000 >>"$1"
	note "$(cut -d' ' -f2- "$1" | sort | uniq -c | xargs)"
}
torn() { awk 'NF != 2' "$1" | wc -l; }
failures() { grep -c failed "$1"; }
moved() { diff "$1" "$2" | grep -c '^<'; }
at() { grep -c " $1\$" "$2"; }

check "a cookie cannot be seen: the address is, and that is said" eval 'balance "session_affinity: cookie" a=1 b=1 c=1
	"$WEIR_BIN/weir-agent" --check -c "$config" 2>&1 | grep "clients are known by their address"'

balance 'session_affinity: ip_cookie' a=1 b=1 c=1
agent_must_start bal "$config"
who "$NET_DIR/first"
is "each client reaches one endpoint, by HTTP and by UDP" "$(torn "$NET_DIR/first") $(failures "$NET_DIR/first")" "0 0"
for name in a b c; do at_least "some are at $name" "$(at $name "$NET_DIR/first")" 15; done

balance 'session_affinity: ip_cookie' a=1 b=1 c=1 d=1
check "an endpoint is added" agent_reload bal
who "$NET_DIR/added"
is "no client moves" "$(moved "$NET_DIR/first" "$NET_DIR/added")" 0
balance 'session_affinity: ip_cookie' a=0.1 b=1 c=1 d=1
check "one gets a smaller weight" agent_reload bal
who "$NET_DIR/weighted"
is "no client moves" "$(moved "$NET_DIR/first" "$NET_DIR/weighted")" 0
balance 'session_affinity: ip_cookie' b=1 c=1 d=1
check "it is removed" agent_reload bal
who "$NET_DIR/removed"
is "no client moves while it drains" "$(moved "$NET_DIR/first" "$NET_DIR/removed")" 0
left() { who "$NET_DIR/left" && [ "$(at a "$NET_DIR/left")" = 0 ]; }
check "then it has no clients" wait_until 20 left
is "who was there moved, and nobody else" "$(moved "$NET_DIR/first" "$NET_DIR/left")" "$(at a "$NET_DIR/first")"
is "as a whole" "$(torn "$NET_DIR/left") $(failures "$NET_DIR/left")" "0 0"
check "the agent ends well" agent_term bal

agent_must_start bal "$config"
who "$NET_DIR/again"
is "another agent moves no client" "$(moved "$NET_DIR/left" "$NET_DIR/again")" 0
check "the agent ends well" agent_term bal
agent_detach bal

balance 'origin_steering: {policy: hash}' a=1 b=1 c=1
agent_must_start bal "$config"
who "$NET_DIR/first"
is "by hash each client reaches one endpoint" "$(torn "$NET_DIR/first") $(failures "$NET_DIR/first")" "0 0"
transfers_start "$NET_DIR/live" --flows 50 --seconds 3
balance 'origin_steering: {policy: hash}' d=1
check "all endpoints are replaced" agent_reload bal
connect "$NET_DIR/got" --connections 100
check_shares "a new connection does not follow the older ones of its client" "$NET_DIR/got" 0 d=1
finished "$TRANSFERS"
note "transfers: $(cat "$NET_DIR/live")"
is "which stay" "$(value "$NET_DIR/live" '"\(.flows) \(.broken)"')" "50 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
