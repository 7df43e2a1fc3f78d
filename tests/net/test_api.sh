#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent's HTTP server: methods, paths and limits, and that asking does not keep the agent from
# its work.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml at=http://127.0.0.1:8650
{
	agent_yaml | grep -v interfaces
	echo "pools:"
	for pool in 0 1 2 3 4 5 6 7; do
		printf '  - name: p%d\n    origins:\n' $pool
		for i in $(seq 0 1249); do
			printf '      - { name: o%d, address: 10.%d.%d.%d }\n' "$i" $pool $((i / 250)) $((i % 250))
		done
	done
	echo "load_balancers: [{ name: www.example.org, default_pools: [p0], fallback_pool: p0 }]"
} >"$config"
agent_must_start bal "$config"

http() { in_ns bal curl -s -m 20 "$@"; }
# code CODE ARGUMENT...: this is what curl gets.
code() { is "curl ${*:2}: $1" "$(http -o "$NET_DIR/body" -w '%{http_code}' "${@:2}")" "$1"; }

code 200 $at/
is "/ lists the paths" "$(jq -c .paths "$NET_DIR/body")" '["/","/weir/v1/status","/weir/v1/reasons","/weir/v1/dns","/weir/v1/handshakes","/weir/v1/overrides","/weir/v1/zones","/weir/v1/trace","/weir/v1/dns/explain","/weir/v1/zone-file","/weir/v1/references","/weir/v1/capture","/weir/v1/openapi.json","/weir/v1/tokens","/weir/v1/history","/weir/v1/events","/weir/v1/rollback","/weir/v1/backup","/weir/v1/objects","/weir/v1/changes"]'
code 200 $at/weir/v1/status
is "the status has every origin" "$(jq '[.pools[].origins[]] | length' "$NET_DIR/body")" 10000
code 200 -I $at/weir/v1/status
code 404 $at/weir/v1/status/
check "an error is JSON with a sentence" jq -e '.error | length > 10' "$NET_DIR/body"
code 405 -X PUT -d '{}' $at/weir/v1/status
check "which says what is allowed" grep -qi '^allow: GET, HEAD' <<<"$(http -D - -o /dev/null -X DELETE $at/)"
code 200 "$at/weir/v1/references?type=pool&id=p0"
is "who refers to a pool" "$(jq -c '[.removable, .references[].resource_name]' "$NET_DIR/body")" '[false,"www.example.org"]'
code 404 "$at/weir/v1/references?type=pool&id=nobody"
code 400 "$at/weir/v1/references?type=zone&id=p0"
code 400 "$at/weir/v1/references?type=pool"
is "weirctl refs says so" "$(ctl bal refs pool p0 | tail -1)" \
	'pool "p0" is in use by 1 object; take it out there first: load_balancer www.example.org (default_pools)'
is "and of one that nobody uses" "$(ctl bal refs pool p1 | tail -1)" "nobody refers to it"
head -c 70000 /dev/zero >"$NET_DIR/much"
code 413 -H 'Expect:' --data-binary "@$NET_DIR/much" $at/
code 413 -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary "@$NET_DIR/much" $at/

# The first answer is made; what is asked meanwhile and soon after costs next to nothing.
sleep 2
began=$(now_ms)
http -o /dev/null $at/weir/v1/status
one=$(($(now_ms) - began + 1))
asked=() && for _ in $(seq 100); do asked+=("$at/weir/v1/status"); done
began=$(now_ms)
http -I "${asked[@]}" >"$NET_DIR/answers"
at_most "100 more answers take less time than 30 would that are made for each, in ms" \
	$(($(now_ms) - began)) $((30 * one))
is "all of them are answers" "$(grep -c '200 OK' "$NET_DIR/answers")" 100
check "a reload is seen" agent_reload bal
check "the agent ends well" agent_term bal
finish
