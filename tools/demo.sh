#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh - weir's main job on real traffic, told as a story: real web servers, real connections,
# deaths and recoveries, in network namespaces that are gone afterwards. Exit status 0 only when
# everything held.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../tests/net/lib.sh"

if [ -t 1 ]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; else bold='' green='' red='' plain=''; fi

# The words of lib.sh, as a story has them.
ok() {
	PASSED=$((PASSED + 1))
	printf '   %sheld%s    %s\n' "$green" "$plain" "$*"
}
not_ok() {
	FAILED=$((FAILED + 1))
	printf '   %sFAILED%s  %s\n' "$red" "$plain" "$*"
}
note() { printf '           %s\n' "$*"; }
step=0
tell() {
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" $step "$1" "$plain"
	shift
	[ $# = 0 ] || printf '   %s\n' "$@"
}

config=
got=
live=

# ask NAME: the addresses DNS has for it, each with how many of 60 answers named it. (Unequal weights
# are honoured by giving one address an answer, each as often as its weight says.)
ask() {
	yes "$1 A" | head -n 60 >"$NET_DIR/queries"
	in_ns client dig @$DNS4 +short +tries=2 +time=1 -f "$NET_DIR/queries" | sort | uniq -c | awk '{print $2, $1}'
}
told() { ask "$1" | awk '{printf "%s%s (%s of 60 answers)", sep, $1, $2; sep = ", "} END {print ""}'; }
names() { ask "$1" | awk '{print $1}' | xargs; }
dns_is() { [ "$(names "$1")" = "$2" ]; }
state_is() { status_is bal ".pools[].origins[] | select(.name == \"$1\") | .state" "$2"; }

# bars FILE NAME=WEIGHT...: the share of each endpoint beside its weight; weight - is one whose pool
# does not serve now, or one that is dead.
bars() {
	local file=$1

	shift
	printf '%s\n' "$@" | jq -Rrn --slurpfile r "$file" '
		def percent: 1000 * . | round / 10 | "\(.) %";
		def pad($n): tostring | . + (" " * ([$n - length, 0] | max));
		[inputs | split("=") | {name: .[0], weight: (.[1] | tonumber? // 0)}] as $all
		| ($all | map(.weight) | add) as $w | ([$r[0].by[]] | add // 1) as $n
		| $all[] | ($r[0].by[.name] // 0) as $c
		| "           \(.name)  " + (if .weight > 0 then "weight \(.weight), \(.weight / $w | percent)" else "takes no part" end
			| pad(20)) + ($c | pad(5)) + "connections, " + ($c / $n | percent | pad(8)) + "#" * (40 * $c / $n | round)'
}

# dies NAME AFTER: kills NAME's web server under a stream of connections, one a millisecond; tells
# when the last of them was sent there, and when DNS for direct.example.org says AFTER.
dies() {
	local name=$1 after=$2 killed named last

	start client "$got" "$WEIR_LOAD" connect --for 60 --every 1 --timeout 0.9 "$VIP4:80"
	stream=$STARTED
	sleep 0.5
	killed=$(now_ms)
	nginx_down "$name"
	wait_until 10 dns_is direct.example.org "$after"
	named=$(($(now_ms) - killed))
	sleep 0.3
	stop "$stream"
	last=$(($(value "$got" '.last_failed.refused // 0') - killed))
	[ $last -ge 0 ] || last=0
	note "direct.example.org was: $before"
	note "direct.example.org is:  $(told direct.example.org)"
	note "of $(value "$got" .connections) connections in this time $(value "$got" .failed) met the dead server and failed"
	at_most "ms from the death to the last connection sent there" $last 2000
	at_most "ms from the death until DNS stopped naming it" $named 2000
}

printf '%sweir: one address, three web servers, real connections%s\n' "$bold" "$plain"
cat <<'END'

   client ---- router ---- balancer, where the agent runs and XDP forwards
                 |
                 +---- a   pool blue,  weight 1     Each is a network namespace of this machine.
                 +---- b   pool blue,  weight 0.5   a, b and c run nginx and answer the client
                 +---- c   pool green, weight 1     directly, past the balancer.
END

tell "The network is made, nginx started on three hosts"
net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
sed "s|PIN_PATH|$NET_DIR/bpf/bal|" tools/demo.yaml >"$config"
check "weir-agent finds the configuration (tools/demo.yaml) good" \
	in_ns bal "$WEIR_BIN/weir-agent" --config "$config" --check

tell "The agent starts, loads its XDP program and asks everybody how they are"
agent_must_start bal "$config"
check "a, b and c pass their first probe" eval \
	'wait_until 5 state_is a healthy && wait_until 5 state_is b healthy && wait_until 5 state_is c healthy'
is "DNS: shop.example.org is the virtual address" "$(names shop.example.org)" "$VIP4"
is "DNS: direct.example.org is every healthy endpoint of blue" "$(names direct.example.org)" \
	"${EP4[a]} ${EP4[b]}"
note "direct.example.org: $(told direct.example.org)"

tell "1,000 TCP connections to $VIP4:80" "Each fetches a page that names its server."
connect "$got" --connections 1000
bars "$got" a=1 b=0.5
is "all 1,000 were answered" "$(value "$got" '"\(.connections - .failed)"')" 1000
# With 1,000 connections the dice alone give +- 1.5 points; four times that would be a fault.
check "the shares are those of the weights, within 6 points" jq -e \
	'.by | (.b // 0) / ([.[]] | add) | . > 0.273 and . < 0.393' "$got"

tell "b's web server is killed, while a connection is opened every millisecond"
before=$(told direct.example.org)
dies b "${EP4[a]}"
connect "$got" --connections 1000
bars "$got" a=1 b=-
is "all of 1,000 new connections were answered by a" "$(value "$got" '"\(.failed) \(.by.a)"')" "0 1000"

tell "a's is killed too: blue has fewer than its minimum of 1, green takes over"
before=$(told direct.example.org)
dies a "${EP4[c]}"
connect "$got" --connections 1000
bars "$got" a=- b=- c=1
is "all of 1,000 new connections were answered by c" "$(value "$got" '"\(.failed) \(.by.c)"')" "0 1000"
is "the status says so" "$(status bal '.load_balancers[] | select(.name == "shop.example.org") | .pool')" green

tell "Both web servers are started again: back to blue"
nginx_up a
nginx_up b
check "DNS names a and b again" wait_until 5 dns_is direct.example.org "${EP4[a]} ${EP4[b]}"
note "direct.example.org: $(told direct.example.org)"
connect "$got" --connections 1000
bars "$got" a=1 b=0.5 c=-
is "all of 1,000 new connections were answered, by blue alone" \
	"$(value "$got" '"\(.failed) \(.by | keys | join(" "))"')" "0 a b"

tell "What the agent knows of all this: weirctl status"
ctl bal status | sed 's/^/   /'

tell "The agent is killed with -9, three times, under 200 transfers that run all the time" \
	"Both ways, every byte checked. The packet path is pinned in the kernel: it waits for nobody."
transfers_start "$live" --flows 200
for _ in 1 2 3; do
	agent_kill9 bal
	note "killed; no agent for half a second"
	sleep 0.5
	agent_must_start bal "$config"
	note "a new agent has adopted what it found: pid ${AGENT[bal]}"
	sleep 0.3
done
stop "$TRANSFERS"
note "$(value "$live" '"\(.bytes_down / 1000 | floor) kB down, \(.bytes_up / 1000 | floor) kB up, at most \(.longest_gap_ms) ms without a byte (one comes every 100)"')"
is "200 transfers, 0 broken" "$(value "$live" '"\(.flows) \(.broken)"')" "200 0"

tell "The end: the agent is told to stop and to take everything with it"
check "SIGTERM: the agent ends" agent_term bal
check "weir-agent --detach removes program and pins" agent_detach bal
is "nothing is pinned any more" "$(ls "$NET_DIR/bpf/bal" 2>/dev/null)" ""

if [ $FAILED = 0 ]; then
	printf '\n%sAll %d statements held.%s\n' "$bold" $PASSED "$plain"
else
	printf '\n%s%d of %d statements did not hold.%s\n' "$bold" $FAILED $((PASSED + FAILED)) "$plain"
fi
exit $((FAILED > 0))
