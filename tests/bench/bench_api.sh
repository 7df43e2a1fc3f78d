#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench_api.sh - the API of an agent that has one CPU, by a client that has the other one: reads, and
# writes that are durable on the disk under build/, beside nginx with the same bytes in a file and
# SQLite's bare commits; the same and a start with 10,000 pools; and what passes from a change of
# health to the webhook's request. $1: a regular expression of the rows wanted. Prints lines of JSON;
# everything else goes to the error output.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
exec 3>&1 1>&2
WANTED=${1:-}
EACH=${EACH:-4} POOLS=${POOLS:-10000} FEW=10 # seconds of a load; how many pools are many, and few
SERVER_CPU=0 CLIENT_CPU=1
LIST=/client/v4/accounts/77656972000000000000000000000001/load_balancers/pools
API=http://127.0.0.1:8651 STATIC=http://127.0.0.1:8700 HOOK=http://127.0.0.1:9901/

wanted() { printf '%s\n' "$@" | grep -qE -- "$WANTED"; }
# pin PID: all of its threads on the server's CPU, before whatever else runs there. Not in real time,
# which has to pause for 50 ms of each second when it leaves nothing to others: that is a p99.
pin() {
	local threads=("/proc/$1/task/"*)

	taskset -apc $SERVER_CPU "$1" >/dev/null && renice -n -20 -p "${threads[@]##*/}" >/dev/null
}
client() { in_ns bal nice -n -20 taskset -c $CLIENT_CPU "$@"; }
median() { jq -s 'sort | .[length / 2 | floor]'; }

# row NAME VALUE UNIT [AGAINST FLOOR]
row() {
	note "$*"
	jq -nc --arg name "api/$1" --argjson value "$2" --arg unit "$3" --arg against "${4:-}" \
		--argjson floor "${5:-null}" '{$name, $value, $unit, bar: null, holds: true, $floor,
		against: (if $against == "" then null else $against end),
		ratio: (if $floor == null then null else $value / $floor end)}' >&3
}

configure() {
	agent_yaml
	cat <<-END
		  store: $NET_DIR/weir.db
		  api: { listen: ["127.0.0.1:8651"] }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.1, timeout: 0.1, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1
	echo "load_balancers:"
	lb_yaml www.example.org main main
}

# start_agent: how many ms pass from exec to "ready", in TOOK.
start_agent() {
	local began log

	AGENT_RUNS=$((AGENT_RUNS + 1))
	log=$NET_DIR/agent.bal.$AGENT_RUNS # of its own: the one before has said "ready", too
	began=$(now_ms)
	start bal "$log" taskset -c $SERVER_CPU "$WEIR_BIN/weir-agent" --config "$NET_DIR/weir.yaml"
	AGENT[bal]=$STARTED AGENT_LOG[bal]=$log.err
	wait_until 120 agent_settled bal
	! gone "$STARTED" || bail "the agent becomes ready"
	TOOK=$(($(now_ms) - began))
	pin "$STARTED"
}
# starts: the median of five, in TOOK; the last one stays.
starts() {
	local took=()

	for _ in 1 2 3 4 5; do
		agent_term bal || bail "the agent ends well"
		start_agent
		took+=("$TOOK")
	done
	TOOK=$(printf '%s\n' "${took[@]}" | median)
}

# pools FROM TO: makes these, some thousands at once; their paths are what is asked for from now on.
pools() {
	local from=$1 to

	for ((from = $1; from < $2; from = to)); do
		to=$((from + 3000 < $2 ? from + 3000 : $2))
		jq -nc --argjson from "$from" --argjson to "$to" '{changes: [range($from; $to) | {kind: "pool", id: "p\(.)",
			object: {name: "pool-\(.)", description: "one of many",
			origins: [{name: "one", address: "10.\(. / 65536 | floor).\(. / 256 | floor % 256).\(. % 256)"}]}}]}' \
			>"$NET_DIR/changes"
		in_ns bal curl -sf -m 120 -o "$NET_DIR/words" -d @"$NET_DIR/changes" http://127.0.0.1:8650/weir/v1/changes ||
			bail "pools are made"
	done
	seq -f "$LIST/p%.0f" 0 $(($2 - 1)) >"$NET_DIR/paths"
}

# load FILE METHOD CONNECTIONS [BASE]: what wrk found.
load() {
	METHOD=$2 PATHS=$NET_DIR/paths client wrk -t 1 -c "$3" -d "$EACH" -s tests/bench/api_load.lua "${4:-$API}" >"$1.all"
	tail -n 1 "$1.all" >"$1"
	note "$2, $3 connections: $(cat "$1")"
	[ "$(value "$1" .bad)" = 0 ] || bail "all requests succeed: $(cat "$1.all")"
}

# get FILE URL: ms of a whole answer, the median of nine.
get() {
	for _ in 1 2 3 4 5 6 7 8 9; do
		client curl -sf -m 60 -o "$1" -w '%{time_total}\n' -H "Authorization: Bearer $TOKEN" "$2" || bail "$2 answers"
	done | jq '. * 1000' | median
}

# nginx, on the same CPU, with files where the agent has objects.
static_up() {
	mkdir -p "$NET_DIR/static$LIST"
	sed "s/listen 80 backlog=4096;/listen 127.0.0.1:8700;/; /listen \[::\]:80/d; s|$NET_DIR/nginx.a|$NET_DIR/static|g" \
		"$NET_DIR/nginx.a/nginx.conf" >"$NET_DIR/static/nginx.conf"
	start bal "$NET_DIR/static/out" nginx -p "$NET_DIR/static" -c "$NET_DIR/static/nginx.conf"
	wait_until 10 in_ns bal curl -s -m 1 $STATIC/ || bail "nginx serves files"
	pin "$STARTED"
}

few() {
	local i

	for i in $(seq 0 $((FEW - 1))); do # what the agent answers, as a file
		in_ns bal curl -sf -H "Authorization: Bearer $TOKEN" -o "$NET_DIR/static$LIST/p$i" "$API$LIST/p$i" || bail "a pool is shown"
	done
	load "$NET_DIR/read" GET 16
	load "$NET_DIR/read.nginx" GET 16 $STATIC
	row read "$(value "$NET_DIR/read" .rate)" /s nginx "$(value "$NET_DIR/read.nginx" .rate)"
	row read-p99 "$(value "$NET_DIR/read" .p99)" ms nginx "$(value "$NET_DIR/read.nginx" .p99)"
	client taskset -c $SERVER_CPU python3 tests/bench/api_commits.py "$NET_DIR/bare.db" "$EACH" >"$NET_DIR/bare"
	note "bare commits: $(cat "$NET_DIR/bare")"
	load "$NET_DIR/write" PATCH 4
	load "$NET_DIR/write.1" PATCH 1
	row write "$(value "$NET_DIR/write" .rate)" /s commit "$(value "$NET_DIR/bare" .rate)"
	row write-p99 "$(value "$NET_DIR/write" .p99)" ms commit "$(value "$NET_DIR/bare" .p99)"
	row write-alone "$(value "$NET_DIR/write.1" .p50)" ms commit "$(value "$NET_DIR/bare" .p50)"
}

many() {
	local began few_took list

	starts
	few_took=$TOOK
	began=$(now_ms)
	pools $FEW "$POOLS"
	note "$POOLS pools were made in $(($(now_ms) - began)) ms"
	load "$NET_DIR/write.many" PATCH 1
	row "write-$POOLS" "$(value "$NET_DIR/write.many" .p50)" ms api/write-alone "$(value "$NET_DIR/write.1" .p50)"
	row "write-$POOLS-p99" "$(value "$NET_DIR/write.many" .p99)" ms commit "$(value "$NET_DIR/bare" .p99)"
	load "$NET_DIR/read.many" GET 16
	row "read-$POOLS" "$(value "$NET_DIR/read.many" .rate)" /s api/read "$(value "$NET_DIR/read" .rate)"
	list=$(get "$NET_DIR/static/list" "$API$LIST")
	[ "$(jq '.result | length' "$NET_DIR/static/list")" -ge "$POOLS" ] || bail "all pools are listed"
	row "list-$POOLS" "$list" ms nginx "$(get "$NET_DIR/list" $STATIC/list)"
	row "list-$POOLS-bytes" "$(stat -c %s "$NET_DIR/static/list")" B
	starts
	row "start-$POOLS" "$TOOK" ms api/start "$few_took"
}

# alerting PATH BODY: makes something, and prints its id.
alerting() {
	in_ns bal curl -sf -m 10 -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
		"$API${LIST%load_balancers/pools}alerting/v3/$1" -d "$2" | jq -er .result.id
}
# shellcheck disable=SC2317
has_more() { [ "$(wc -l <"$NET_DIR/hook")" -gt "$1" ]; }

# shellcheck disable=SC2317
since_other() {
	status bal '.pools[] | select(.id == "main").origins[0].since' >"$NET_DIR/since"
	[ "$(cat "$NET_DIR/since")" != "$1" ]
}

# Health of a changes by hand, and the receiver tells when it was told.
webhook() {
	local n was lag post i id

	start bal "$NET_DIR/hook.log" taskset -c $CLIENT_CPU python3 tests/net/hook.py 9901 "$NET_DIR/hook"
	wait_until 10 grep -q ready "$NET_DIR/hook.log.err" || bail "a receiver listens"
	id=$(alerting destinations/webhooks "{\"name\":\"bench\",\"url\":\"$HOOK\"}") || bail "a webhook is made"
	alerting policies "{\"name\":\"bench\",\"enabled\":true,\"alert_type\":\"load_balancing_health_alert\",
		\"filters\":{\"event_source\":[\"origin\"]},\"mechanisms\":{\"webhooks\":[{\"id\":\"$id\"}]}}" >"$NET_DIR/words" ||
		bail "a policy is made"
	was=$(status bal '.pools[] | select(.id == "main").origins[0].since')
	wait_until 10 has_more 0 || bail "a webhook that is new gets a message"
	post=$(for i in $(seq 20); do
		in_ns bal curl -sf -o "$NET_DIR/words" -w '%{time_total}\n' -d '{"text":"by hand"}' $HOOK || bail "it answers"
	done | jq '. * 1000' | median)
	for i in $(seq 21); do
		n=$(wc -l <"$NET_DIR/hook")
		if [ $((i % 2)) = 1 ]; then touch "$NET_DIR/nginx.a/ill"; else rm "$NET_DIR/nginx.a/ill"; fi
		wait_until 10 has_more "$n" || bail "the receiver is told"
		wait_until 10 since_other "$was" || bail "the status tells when it changed" # it is kept for a while
		was=$(cat "$NET_DIR/since")
		tail -n 1 "$NET_DIR/hook" | jq --arg was "$was" '.at - (($was[0:19] + "Z" | fromdate) * 1000 + ($was[20:23] | tonumber))'
	done >"$NET_DIR/lags"
	note "lags: $(xargs <"$NET_DIR/lags")"
	lag=$(median <"$NET_DIR/lags")
	row webhook-lag "$lag" ms "a POST by curl" "$post"
}

wanted "api/"{read,write}{,-p99,"-$POOLS"} api/write-alone "api/write-$POOLS-p99" "api/list-$POOLS"{,-bytes} \
	"api/start-$POOLS" api/webhook-lag || exit 0
tests/lib/install.sh wrk || exit 1
net_up
balancer_up bal
endpoints_up a
configure >"$NET_DIR/weir.yaml"
start_agent
TOKEN=$(ctl bal token create --name bench --scope write) || bail "a token can be made"
export TOKEN
pools 0 $FEW
static_up
few
many
webhook
exit $((FAILED > 0))
