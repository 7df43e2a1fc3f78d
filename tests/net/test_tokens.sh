#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tokens: who is served on agent.api and agent.control, and what weirctl does with the store.
# shellcheck disable=SC2016,SC2317  # what eval gets, and what is called by name
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml control=http://127.0.0.1:8650 api=http://127.0.0.1:8651
body=$NET_DIR/body store=$NET_DIR/weir.db

# configure [LINE]: the agent section with agent.api, and a line more of it.
configure() {
	agent_yaml | grep -v interfaces
	[ -z "${1:-}" ] || echo "  $1"
	echo "  api: { listen: ['127.0.0.1:8651', '[::1]:8651'] }"
}

http() { in_ns bal curl -s -m 20 "$@"; }
# code CODE ARGUMENT...: this is what curl gets.
code() { is "curl ${*:2}: $1" "$(http -o "$body" -w '%{http_code}' "${@:2}")" "$1"; }
# with TOKEN CODE ARGUMENT...: the same with a token.
with() { is "with a token, ${*:3}: $2" "$(http -o "$body" -w '%{http_code}' -H "Authorization: Bearer $1" "${@:3}")" "$2"; }
said() { grep -qE "$*" "${AGENT_LOG[bal]}"; }

# --- without a store ---
configure >"$config"
agent_must_start bal "$config"
code 401 $api/weir/v1/status
check "a refusal says what is needed" jq -e '.error | contains("Bearer")' "$body"
with nonsense 503 $api/weir/v1/status
check "without a store there are no tokens, which is said" jq -e '.error | contains("agent.store")' "$body"
code 503 -d '{"name":"a","scope":"read"}' $control/weir/v1/tokens
ctl bal token list >"$NET_DIR/out" 2>&1
is "weirctl says so, too" "$?" 1
check "in words" grep -q "agent.store is not configured" "$NET_DIR/out"
agent_term bal

# --- with one ---
configure "store: $store" >"$config"
agent_must_start bal "$config"
is "there are no tokens at first" "$(ctl bal token list)" "there are no tokens"
reader=$(ctl bal token create --name reader --scope read)
writer=$(ctl bal token create --name writer --scope write)
check "a token is a word of 48 characters" grep -qE '^weir_[A-Za-z0-9_-]{43}$' <<<"$reader"
check "no two are the same" [ "$reader" != "$writer" ]
is "both are listed with their scopes" "$(ctl bal token list --json | jq -c '[.tokens[] | [.name, .scope, .used]]')" \
	'[["reader","read",null],["writer","write",null]]'
check "their making is in the log" said 'control from 127.0.0.1: POST /weir/v1/tokens: reader'
check "the secrets are not" eval '! said "$reader|$writer"'
check "nor in the store" eval '! cat "$store"* | grep -aqE "$reader|$writer"'
ctl bal token create --name reader --scope read >"$NET_DIR/out" 2>&1
is "a name is taken once" "$?" 1
check "which is said" grep -q 'reader' "$NET_DIR/out"
code 400 -d '{"name":"a b","scope":"read"}' $control/weir/v1/tokens
code 400 -d '{"name":"a","scope":"all"}' $control/weir/v1/tokens
code 400 -d '{"name":"a"' $control/weir/v1/tokens
code 400 -d '{"name":"a","name":"b","scope":"read"}' $control/weir/v1/tokens
deep=$(printf '[%.0s' $(seq 100))
code 400 -d "$deep" $control/weir/v1/tokens
check "what is nested too deep is told so" jq -e '.error | contains("64 levels")' "$body"
code 400 -d '{"name":1e999,"scope":"read"}' $control/weir/v1/tokens
ctl bal token create --name x >"$NET_DIR/out" 2>&1
is "weirctl asks for a scope" "$?" 2

# --- who is served where ---
code 200 $control/weir/v1/status
code 401 $api/weir/v1/status
check "and how to come again" grep -qi '^www-authenticate: bearer' <<<"$(http -D - -o "$body" $api/)"
with "$reader" 200 $api/weir/v1/status
with "$reader" 200 "http://[::1]:8651/weir/v1/status"
with "${reader}x" 401 $api/weir/v1/status
with "$(head -c 2000 /dev/zero | tr '\0' x)" 401 $api/weir/v1/status
code 401 -H "Authorization: Basic $reader" $api/weir/v1/status
code 401 -H "Authorization: Bearer" $api/weir/v1/status
with "$reader" 403 -X PUT -d '{}' $api/weir/v1/overrides/p
with "$writer" 404 -X PUT -d '{"state":"up","reason":"r"}' $api/weir/v1/overrides/p
with "$reader" 403 $api/weir/v1/capture
with "$writer" 409 $api/weir/v1/capture
with "$writer" 404 $api/weir/v1/tokens
with "$writer" 404 -d '{"name":"x","scope":"write"}' $api/weir/v1/tokens
with "$writer" 404 $api/weir/v1/history
with "$writer" 404 -d '{"revision":0}' $api/weir/v1/rollback
with "$writer" 404 -d "{\"path\":\"$NET_DIR/stolen\"}" $api/weir/v1/backup
check "nothing was written" [ ! -e "$NET_DIR/stolen" ]
with "$reader" 404 $api/nowhere
code 401 $api/nowhere
code 404 $control/nowhere
with "$reader" 405 $api/weir/v1/rollback
check "a method that a path has not is told which it has" \
	grep -qi '^allow: GET, HEAD' <<<"$(http -D - -o "$body" -X PATCH $control/weir/v1/openapi.json)"
with "$reader" 400 "$api/weir/v1/%ff"
with "$reader" 400 "$api/weir/v1/openapi.json?a=%zz"
with "$reader" 400 "$api/weir/v1/$(printf 'a/%.0s' $(seq 13))"
is "a HEAD has no body" "$(http -I $control/weir/v1/openapi.json | tail -n 1 | tr -d '\r')" ""
is "that it was used is known" "$(ctl bal token list --json | jq -c '[.tokens[].used | . != null]')" '[true,true]'

# --- bodies ---
head -c 1100000 /dev/zero | tr '\0' ' ' >"$NET_DIR/much"
code 413 -H 'Expect:' --data-binary "@$NET_DIR/much" $control/weir/v1/tokens
code 413 -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary "@$NET_DIR/much" $control/weir/v1/tokens
code 401 -H 'Expect:' --data-binary "@$NET_DIR/much" $api/weir/v1/tokens
{ head -c 1000000 /dev/zero | tr '\0' ' ' && echo '{"name":"wide","scope":"read"}'; } >"$NET_DIR/wide"
code 200 -H 'Expect:' --data-binary "@$NET_DIR/wide" $control/weir/v1/tokens
code 200 -X GET -d 'not JSON' $control/weir/v1/tokens
code 200 -X DELETE -d 'not JSON' $control/weir/v1/tokens/wide
code 400 -X POST -H 'Content-Type: application/json' $control/weir/v1/tokens

# --- revoked ---
ctl bal token revoke writer
is "a token can be revoked" "$?" 0
with "$writer" 401 -X PUT -d '{"state":"up","reason":"r"}' $api/weir/v1/overrides/p
with "$reader" 200 $api/weir/v1/status
ctl bal token revoke writer 2>"$NET_DIR/out"
is "once" "$?" 1
again=$(ctl bal token create --name writer --scope write)
with "$again" 404 -X DELETE $api/weir/v1/overrides/p
with "$writer" 401 $api/weir/v1/status

# --- those who guess ---
for _ in $(seq 20); do http -o /dev/null -H "Authorization: Bearer guess" --interface 127.0.0.9 $api/; done
is "who guesses is told to wait" "$(http -o "$body" -w '%{http_code}' -H "Authorization: Bearer guess" --interface 127.0.0.9 $api/)" 429
with "$reader" 200 $api/weir/v1/status
is "a token that is in use is not told so" \
	"$(http -o "$body" -w '%{http_code}' -H "Authorization: Bearer $reader" --interface 127.0.0.9 $api/)" 200

# --- what the store has ---
is "nothing was changed" "$(ctl bal history)" "nothing was changed"
ctl bal rollback 5 2>"$NET_DIR/out"
is "there is no such revision" "$?" 1
is "what is as it was is left so" "$(ctl bal rollback 0)" "everything is as it was then"
code 400 "$control/weir/v1/history?limit=0"
code 400 "$control/weir/v1/history?before=x"
check "a copy can be made" ctl bal backup "$NET_DIR/copy.db"
check "nobody else reads it" [ "$(stat -c %a "$NET_DIR/copy.db")" = 600 ]
ctl bal backup "$NET_DIR/copy.db" 2>"$NET_DIR/out"
is "not over a file that is there" "$?" 1
code 400 -d '{"path":"relative"}' $control/weir/v1/backup
agent_term bal
configure "store: $NET_DIR/copy.db" >"$config"
agent_must_start bal "$config"
with "$reader" 200 $api/weir/v1/status
with "$again" 404 -X DELETE $api/weir/v1/overrides/p
with "$writer" 401 $api/weir/v1/status
check "the agent ends well" agent_term bal
check "and no memory was misused" no_sanitizer_report
finish
