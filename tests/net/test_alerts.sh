#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Notifications: what becomes of endpoints and pools is posted to webhooks, by policies; in order,
# at least once whatever dies, and to nobody who did not ask.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml store=$NET_DIR/weir.db
one=$NET_DIR/one two=$NET_DIR/two # what the two receivers got

configure() { # [ENABLED of the pool "spare"]
	agent_yaml
	printf '  %s\n' "store: $store" 'api: { listen: ["127.0.0.1:8651"] }'
	cat <<-END
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 2 web a=1 b=1 c=1
	pool_yaml spare 1 - d=1 | sed "1a\\    enabled: ${1:-true}"
	pool_yaml quiet 1 web a=1 |
		sed '1a\    notification_filter: { origin: { disable: true }, pool: { healthy: false } }'
	echo "load_balancers:"
	lb_yaml www.example.org spare main
}
configure >"$config"

keep() { build/tests/net/keep "$store" "$@" || bail "an object is kept"; }
policy() { # ID TYPE FILTERS WEBHOOK [ENABLED]
	keep alert_policy "$1" "{\"id\": \"$1\", \"name\": \"$1 news\", \"description\": \"\", \"enabled\": ${5:-true},
		\"alert_type\": \"$2\", \"filters\": $3, \"mechanisms\": {\"webhooks\": [{\"id\": \"$4\"}]}}"
}
health=load_balancing_health_alert enablement=load_balancing_pool_enablement_alert
keep alert_webhook hook1 '{"id": "hook1", "name": "one", "url": "http://127.0.0.1:9901/one", "secret": "s3cret"}'
keep alert_webhook hook2 '{"id": "hook2", "name": "two", "url": "http://127.0.0.1:9902/two"}'
policy all $health '{}' hook1
policy pools $health '{"pool_id": ["main"], "new_health": ["Unhealthy"], "event_source": ["pool"]}' hook2
policy off $health '{}' hook2 false
policy others $health '{"pool_id": ["spare"]}' hook2
keep alert_policy odd "{\"name\": 5, \"enabled\": true, \"alert_type\": \"$health\", \"filters\": {\"pool_id\": 7},
	\"mechanisms\": {\"webhooks\": [7, {\"id\": 8}, {\"id\": \"nowhere\"}]}}"
policy switched $enablement '{"enabled": ["false"]}' hook1

hook_up() { # PORT FILE; pid in HOOK
	start bal "$2.log" python3 tests/net/hook.py "$1" "$2"
	HOOK=$STARTED
	wait_until 10 grep -q ready "$2.log.err" || bail "a receiver listens"
}
origin_is() { status_is bal ".pools[] | select(.id == \"main\").origins[] | select(.name == \"$1\").state" "$2"; }
# got FILE FILTER: of all lines that were taken, with 200.
got() { jq -sr "map(select(.answer == \"200\")) | $2" "$1" 2>/dev/null; }
has() { [ "$(got "$1" "map(select(.body | $2)) | length")" -ge "${3:-1}" ]; } # FILE CONDITION [N]
news() { echo ".text == \"$1\""; }
said() { grep -q "$1" "${AGENT_LOG[bal]}"; }

hook_up 9901 "$one"
one_pid=$HOOK
agent_must_start bal "$config"
wait_until 5 origin_is a healthy && wait_until 5 origin_is b healthy && wait_until 5 origin_is c healthy
check "a webhook that is new gets a test message" wait_until 5 has "$one" '.text | startswith("This is a test")'
is "with nothing but its text, and the secret" "$(got "$one" '.[0] | "\(.body | keys | join(" ")) \(.auth) \(.path) \(.type)"')" \
	"text s3cret /one application/json"
is "that all are healthy at first is no news" "$(got "$one" length)" 1

# --- an endpoint, then its pool ---

nginx_down a
gone="Origin a (${EP4[a]}) of pool main is Unhealthy: TCP connection failed"
check "an endpoint that dies is told" wait_until 5 has "$one" "$(news "$gone")"
is "to whom, of what, and when it began" "$(got "$one" ".[] | select(.body | $(news "$gone")) | .body
	| \"\(.name) \(.policy_id) \(.policy_name) \(.alert_type) \(.alert_event) \(.account_id | length) \(.alert_correlation_id | length)\"")" \
	"all news all all news $health ALERT_STATE_EVENT_START 32 32"
is "for programs" "$(got "$one" ".[] | select(.body | $(news "$gone")) | .body.data
	| \"\(.event_source) \(.old_health) \(.new_health) \(.pool_id) \(.pool_name) \(.origin_name) \(.origin_address) \(.load_balancer_name) \(.failure_reason)\"")" \
	"origin Healthy Unhealthy main main a ${EP4[a]} www.example.org TCP connection failed"
check "of a pool that lets only bad news of itself through, its death is told" \
	wait_until 5 has "$one" "$(news "Pool quiet is Unhealthy: 0 of 1 origins are healthy, 1 are needed")"
is "and nothing of its origins" "$(got "$one" 'map(select(.body.data.pool_id == "quiet" and .body.data.event_source == "origin")) | length')" 0

nginx_down b
pool_gone="Pool main is Unhealthy: 1 of 3 origins are healthy, 2 are needed"
check "a pool that has too few is told" wait_until 5 has "$one" "$(news "$pool_gone")"
is "after the endpoint that it misses" \
	"$(got "$one" 'map(select(.body.data.pool_id == "main") | .body.data.event_source + " " + (.body.data.origin_name // "")) | join(", ")')" \
	"origin a, origin b, pool "

# --- a receiver that is down at first ---

check "that a receiver takes nothing is said" wait_until 5 said "webhook hook2 took no message"
hook_up 9902 "$two"
two_pid=$HOOK
check "it gets what it missed" wait_until 30 has "$two" "$(news "$pool_gone")"
is "and only what its policies want" "$(got "$two" 'map(.body.policy_id) | join(" ")')" pools
is "without a secret it has no header" "$(got "$two" '.[-1].auth')" null

# --- ends of incidents ---

nginx_up a
check "that an endpoint is back is told" wait_until 5 has "$one" ".data.origin_name == \"a\" and .data.new_health == \"Healthy\""
check "and that its pool is" wait_until 5 has "$one" ".data.event_source == \"pool\" and .data.pool_id == \"main\" and .data.new_health == \"Healthy\""
is "an incident's beginning and end have the same id, and others another" \
	"$(got "$one" 'map(.body | select(.data.origin_name == "a" and .data.pool_id == "main")) | "\(map(.alert_event) | join(" ")) \(map(.alert_correlation_id) | unique | length)"')" \
	"ALERT_STATE_EVENT_START ALERT_STATE_EVENT_END 1"
is "of a pool that does not tell good news there is none" "$(got "$one" 'map(select(.body.data.pool_id == "quiet")) | length')" 1

# --- an agent that dies ---

stop $one_pid KILL
nginx_down c
check "what a receiver does not take waits" wait_until 5 said "webhook hook1 took no message"
agent_kill9 bal
hook_up 9901 "$one"
one_pid=$HOOK
agent_must_start bal "$config"
check "what was not delivered when the agent died is" wait_until 10 has "$one" ".data.origin_name == \"c\" and .data.new_health == \"Unhealthy\""
wait_until 5 origin_is c unhealthy
agent_kill9 bal
nginx_up c
agent_must_start bal "$config"
check "so is what happened while there was none" wait_until 10 has "$one" ".data.origin_name == \"c\" and .data.new_health == \"Healthy\""
is "and the incident is the same" "$(got "$one" 'map(.body | select(.data.origin_name == "c") | .alert_correlation_id) | unique | length')" 1
is "what did not change is not told again" "$(got "$one" 'map(.body | select(.data.origin_name == "a")) | length')" 2
is "nor are new webhooks greeted again" "$(got "$one" 'map(.body | select(.policy_id == null)) | length')" 1

# --- switched off and on ---

configure false >"$config"
check "a pool is switched off" agent_reload bal
check "that is told" wait_until 5 has "$one" "$(news "Pool spare is disabled") and .data.enabled == false and .alert_type == \"$enablement\""
configure true >"$config"
check "it is switched on" agent_reload bal

# --- order, with a receiver that refuses every second message, and one that never answers ---

nginx_up b
check "an endpoint is back, and that is told" wait_until 5 has "$one" ".data.origin_name == \"b\" and .data.new_health == \"Healthy\""
echo half >"$one.answer"
echo hang >"$two.answer"
for _ in 1 2 3; do
	nginx_down a
	nginx_down b
	wait_until 5 origin_is a unhealthy && wait_until 5 origin_is b unhealthy
	nginx_up a
	nginx_up b
	wait_until 5 origin_is a healthy && wait_until 5 origin_is b healthy
done
rm "$one.answer"
pools_main='map(.body | select(.data.pool_id == "main" and .policy_id == "all"))'
all_of() { [ "$(got "$one" "$pools_main | map(select(.data.origin_name == \"$1\")) | length")" -ge 8 ]; }
check "a receiver that refuses some gets all" wait_until 60 all_of a
wait_until 20 all_of b
for name in a b; do
	is "those of $name in the order in which they happened" \
		"$(got "$one" "$pools_main | map(select(.data.origin_name == \"$name\").data.new_health) | join(\" \")")" \
		"Unhealthy Healthy Unhealthy Healthy Unhealthy Healthy Unhealthy Healthy"
done
is "none of them later than one that happened after it" "$(got "$one" "$pools_main | map(.ts) | . == sort")" true

# --- one that answers without an end, or too late ---

echo flood >"$one.answer"
nginx_down a
wait_until 5 origin_is a unhealthy
nginx_up a
floods() { [ "$(jq -s 'map(select(.answer == "flood")) | length' "$one")" -ge 2 ]; }
check "an answer without an end is cut off, and counts" wait_until 10 floods
rm "$one.answer"
at_most "a receiver that does not answer is asked again after ten seconds, not before" \
	"$(jq -s 'map(select(.answer == "hang")) | length' "$two")" 6

# --- what Cloudflare's clients see of it ---

wait_until 5 origin_is a healthy
token=$(ctl bal token create --name test --scope write | grep -o 'weir_[A-Za-z0-9_-]*')
account=accounts/77656972000000000000000000000001/alerting/v3
api() { # METHOD PATH [BODY]
	in_ns bal curl -s -X "$1" -H "Authorization: Bearer $token" "http://127.0.0.1:8651/client/v4/$2" ${3:+--json "$3"}
}
events() { api GET "user/load_balancing_analytics/events?$1" | jq -r "$2"; }
is "the event log of a pool has what became of it, newest first" \
	"$(events 'pool_id=main' '.result | (map(.id) == (map(.id) | sort | reverse)), (map(.pool.name) | unique == ["main"]), length > 10' | xargs)" "true true true"
is "by the name of an origin: when that changed" \
	"$(events 'pool_name=main&origin_name=c' '[.result | reverse | .[].origins[] | select(.name == "c") | .healthy] | map(tostring) | join(" ")')" \
	"false true"
is "by its health, too" "$(events 'origin_name=c&origin_healthy=false' '.result | length')" 1
is "with why, and where it is" "$(events 'origin_name=c&origin_healthy=false' '.result[0].origins[] | select(.name == "c")
	| "\(.address) \(.ip) \(.enabled) \(.changed) \(.failure_reason)"')" "${EP4[c]} ${EP4[c]} true true TCP connection failed"
is "there is none of tomorrow" "$(events "since=$(date -u -d tomorrow +%Y-%m-%dT%H:%M:%SZ)" '.result | length')" 0
history() { api GET "$account/history?per_page=1000" | jq -r "$1"; }
is "the history has what was sent, newest first" \
	"$(history '.result | (map(.sent) == (map(.sent) | sort | reverse)), (map(.mechanism_type) | unique == ["webhook"])' | xargs)" "true true"
is "as it was sent" "$(history '[.result[] | select(.mechanism == "hook2")][-1] | "\(.policy_id) \(.name) \(.alert_type) \(.alert_body | fromjson.text)"')" \
	"pools pools news $health $pool_gone"
is "a webhook shows when it took something, and not its secret" \
	"$(api GET "$account/destinations/webhooks/hook1" | jq -r '.result | "\(.last_success | length) \(.last_failure | length) \(has("secret"))"')" "27 27 false"
new=$(api POST "$account/destinations/webhooks" '{"name": "three", "url": "http://127.0.0.1:9901/three", "secret": "other"}' | jq -r .result.id)
check "one that is made gets a test message" wait_until 5 eval "got '$one' 'map(select(.path == \"/three\" and .auth == \"other\")) | length' | grep -qx 1"
is "a secret that is no header is refused" \
	"$(api POST "$account/destinations/webhooks" '{"name": "x", "url": "http://127.0.0.1/", "secret": "a\nb"}' | jq -r '.success, (.errors[0].message | contains("control"))' | xargs)" "false true"
is "it is removed again" "$(api DELETE "$account/destinations/webhooks/$new" | jq .success)" true
check "a message to a webhook that is not there is given up" said "a message to webhook nowhere is given up: there is no such webhook"

# --- what was kept ---

check "the agent ends well" agent_term bal
kept() { # SQL: rows as JSON lists
	python3 -c 'import json, sqlite3, sys
print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))' "$store" "$1"
}
is "all that hook1 took is history, in the same order" \
	"$(kept "select body from letter where done is not null order by id" |
		jq -c '[.[][0] | fromjson | select(.webhook == "hook1" and .payload.data.pool_id == "main").payload.text]')" \
	"$(jq -sc '[.[] | select((.answer == "200" or .answer == "flood") and .body.data.pool_id == "main").body.text]' "$one")"
is "the event log has each change, and which origins changed" \
	"$(kept "select body from event order by id limit 2" | jq -r '[.[][0] | fromjson
		| "\(.pool.name) \(.pool.healthy) \(.pool.changed) \([.origins[] | select(.changed).name] | join(" "))"] | sort | join(", ")')" \
	"main true false a, quiet false true a"
is "when a receiver took something last is kept" \
	"$(kept "select body from note where key = 'webhook/hook1'" | jq -r '.[0][0] | fromjson | .success > .failure')" true
check "no sanitizer has said anything" no_sanitizer_report
stop $one_pid KILL
stop $two_pid KILL
finish
