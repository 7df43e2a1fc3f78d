#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /weir/v1/openapi.json is a good OpenAPI 3.1 document, and says what is served.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml document=$NET_DIR/openapi.json at=http://127.0.0.1:8650
{
	agent_yaml | grep -v interfaces
	echo "  store: $NET_DIR/weir.db"
} >"$config"
agent_must_start bal "$config"
[ -d build/api/node_modules ] || bail "the validator is there (make build/api/node_modules/.package-lock.json)"

http() { in_ns bal curl -s -m 20 "$@"; }
check "the document is there" http -f -o "$document" $at/weir/v1/openapi.json
while IFS= read -r line; do
	case $line in
	"not ok - "*) not_ok "${line#not ok - }" ;;
	"ok - "*) ok "${line#ok - }" ;;
	*) printf '%s\n' "$line" ;;
	esac
done < <(node tests/api/openapi.mjs "$document" 2>&1)

is "paths that / lists are in it" \
	"$(http $at/ | jq -r '.paths[]' | sort | comm -23 - <(jq -r '.paths | keys[]' "$document" | sort))" ""

# Every operation is one: without a token it is refused as that, with one of another method as that.
token=$(ctl bal token create --name t --scope read)
unserved=0
while read -r method path open; do
	# shellcheck disable=SC2001
	concrete=$(sed 's/{[^}]*}/x1/g' <<<"$path")
	code=$(http -o "$NET_DIR/body" -w '%{http_code}' -X "${method^^}" "$at$concrete")
	case $path:$code in
	/weir/*:401 | /weir/*:403 | *:5??) ;; # agent.control asks nobody for tokens
	/weir/* | /:200) continue ;;
	*:40[013]) continue ;;
	*) [ "$open" = true ] && continue ;;
	esac
	unserved=$((unserved + 1))
	note "$method $path: $code"
done < <(jq -r '.paths | to_entries[] | .key as $path | .value | to_entries[]
	| "\(.key) \($path) \(.value.security == [])"' "$document" | grep -vE ' /weir/v1/(capture|tokens|rollback|backup|changes)')
is "every operation is served" "$unserved" 0
unknown=0
while read -r path; do
	code=$(http -o "$NET_DIR/body" -w '%{http_code}' -H "Authorization: Bearer $token" -H "Fastly-Key: $token" "$at$path")
	[ "$code" = 404 ] || [ "$code" = 405 ] || { unknown=$((unknown + 1)) && note "$path: $code"; }
done < <(jq -r '.paths | keys[]' "$document" | grep -v '^/weir' | sed 's/{[^}]*}/x1/g; s|$|/no/such/thing|' | sort -u)
is "what is not in it is not there" "$unknown" 0
check "the agent ends well" agent_term bal
finish
