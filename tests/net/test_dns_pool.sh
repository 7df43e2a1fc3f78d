#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# POOL: members are answered as often as their weights say; one that was taken away is in no answer
# from the next query on, and neither is an endpoint that fails, soon after the verdict.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

ASK=build/tests/net/ask # the generator never needs sanitizers
QUERIES=${QUERIES:-300000}
net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got

# members NAME WEIGHT...: POOL records of NAME.
members() {
	local name=$1 member=1 weight

	shift
	for weight in "$@"; do
		echo "  - { type: POOL, name: $name.example.org, content: m$member.example.net, ttl: 60, weight: $weight }"
		member=$((member + 1))
	done
}

# configure WEIGHT...: of the pool that changes.
configure() {
	agent_yaml
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	cat <<-END
		load_balancers:
		  - { name: direct.example.org, default_pools: [main], fallback_pool: main, steering_policy: "off", ttl: 20 }
		records:
	END
	members uniform 1 1 1
	members weighted 1 2 5
	members changes "$@"
	echo "  - { type: A, name: example.org, content: 192.0.2.77 }"
}

# asked OPTION... NAME TYPE: what is answered, in $got.
asked() { in_ns client timeout 120 $ASK "${@:1:$#-2}" $DNS4 "${@: -2}" >"$got" 2>"$got.err"; }

# follows SENTENCE NAME WEIGHT...: QUERIES answers of NAME are as the weights of m1, m2 ... within 2 %.
follows() {
	local sentence=$1 name=$2

	shift 2
	asked -n "$QUERIES" "$name.example.org" A
	check "$sentence" jq -e --argjson w "$(jq -nc '$ARGS.positional | map(tonumber)' --args "$@")" '
		([.by[]] | add) as $n | ($w | add) as $all
		| .answered >= .sent * 0.99 and $n == .answered and (.by | length) == ($w | length)
		  and ([range($w | length) as $i | ($n * $w[$i] / $all) as $want
			| (.by["m\($i + 1).example.net"] // 0) - $want | fabs <= 0.02 * $want] | all)' "$got"
	note "  $(jq -c '{sent, lost, by}' "$got")"
}

# ms_of CLOCK: a time of the log, in ms since 1970.
ms_of() { date -ud "$(date -u +%F) $1" +%s%3N; }

configure 1 1 1 >"$config"
agent_must_start bal "$config"
all_three() { asked -n 30 direct.example.org A && [ "$(jq '.by | length' "$got")" = 3 ]; }
check "all endpoints are answered" wait_until 10 all_three

asked -n 30000 uniform.example.org A
# 2 % of a third of 30,000 is 2.4 standard deviations: chance alone would fail one run in thirty.
check "30,000 queries over three members are uniform: chi square below 18.4 (p = 0.0001)" jq -e '
	([.by[]] | add / 3) as $want | .answered >= 29700 and ([.by[] | . - $want | . * .] | add / $want) < 18.4' "$got"
note "  $(jq -c '{sent, lost, by}' "$got")"
follows "$QUERIES queries over three members are uniform within 2 %" uniform 1 1 1
follows "with weights 1, 2 and 5 each has its share within 2 %" weighted 1 2 5

# A member that is taken away, while queries never stop.
start client "$NET_DIR/background" timeout 60 $ASK -s 30 -r 5000 $DNS4 changes.example.org A
background=$STARTED
asked -n 3000 changes.example.org A
is "before a change all members are answered" "$(jq -c '.by | keys' "$got")" \
	'["m1.example.net","m2.example.net","m3.example.net"]'
configure 1 1 >"$config"
check "a member is taken away" agent_reload bal
changed=$(now_ms)
asked -n 30000 changes.example.org A
is "it is in no answer from the next query on" "$(jq -c '.by | keys' "$got")" '["m1.example.net","m2.example.net"]'
stop "$background" TERM
late=$(jq --argjson at "$changed" '(.last["m3.example.net"] // 0) - $at' "$NET_DIR/background")
at_most "nor in one of the queries that were on their way, ms after it was said" "$late" 0
at_most "none of which was lost" "$(jq .lost "$NET_DIR/background")" "$(jq '.sent / 1000 | ceil' "$NET_DIR/background")"

# An endpoint that fails: how long after the verdict is it named?
worst=0
for round in 1 2 3; do
	start client "$NET_DIR/background" timeout 60 $ASK -s 30 -r 5000 $DNS4 direct.example.org A
	background=$STARTED
	lines=$(wc -l <"${AGENT_LOG[bal]}")
	touch "$NET_DIR/nginx.b/ill"
	said() { tail -n +$((lines + 1)) "${AGENT_LOG[bal]}" | grep -m 1 'pool main: b .* is unhealthy'; }
	wait_until 10 said || bail "the verdict is in the log: $(tail -n 5 "${AGENT_LOG[bal]}")"
	verdict=$(ms_of "$(said | cut -d' ' -f1)")
	sleep 0.5 # for queries after it
	stop "$background" TERM
	last=$(jq --arg b "${EP4[b]}" '.last[$b]' "$NET_DIR/background")
	end=$(jq '[.last[]] | max' "$NET_DIR/background")
	at_least "queries go on after the verdict, ms (round $round)" $((end - verdict)) 200
	note "  the last query that was answered with it was sent $((last - verdict)) ms after the verdict"
	[ $((last - verdict)) -le $worst ] || worst=$((last - verdict))
	rm "$NET_DIR/nginx.b/ill"
	wait_until 10 all_three || bail "it comes back"
done
at_most "an endpoint that failed is named for so many ms after the verdict (50; ten times that to be sure)" $worst 500
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
