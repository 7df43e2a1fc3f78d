#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fail-over: a pool below its minimum_origins, the next one, and the fallback pool.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml got=$NET_DIR/got
{
	agent_yaml
	cat <<-END
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 2, consecutive_down: 2 }
		pools:
	END
	pool_yaml first 2 web a=1 b=1
	pool_yaml second 1 web c=1
	pool_yaml last 1 web d=1
	echo "load_balancers:"
	lb_yaml www.example.org last first second
} >"$config"

ill() { touch "$NET_DIR/nginx.$1/ill"; }
well() { rm -f "$NET_DIR/nginx.$1/ill"; }

# serves SENTENCE NAME...: within 5 s these and nobody else serve.
serves() {
	local sentence=$1 want

	shift
	want=$(for name in "$@"; do echo "${EP4[$name]}"; done | sort | jq -Rrn '[inputs] | join(" ")')
	wait_until 5 status_is bal '[.services[0].endpoints[] | select(.rows > 0) | .address] | sort | join(" ")' "$want" ||
		note "  $(status bal -c '.services[0]')"
	connect "$got" --connections 3000
	check_shares "$sentence" "$got" 15 "${@/%/=1}"
}

agent_must_start bal "$config"
serves "the first pool serves" a b
is "the status names it" "$(status bal '.load_balancers[0] | "\(.pool) \(.fallback)"')" "first false"
ill a
serves "below its minimum_origins: the second pool serves" c
is "the status says so" "$(status bal '(.load_balancers[0].pool) + " " + (.pools[] | select(.id == "first").state)')" \
	"second critical"
ill c
serves "that one ill too: the fallback pool serves" d
is "the status names it as fallback" "$(status bal '.load_balancers[0] | "\(.pool) \(.fallback)"')" "last true"
ill d
check "that one ill, too" wait_until 5 status_is bal '.pools[] | select(.id == "last").state' critical
serves "the fallback pool serves as last resort, ill as it is" d
well a
serves "the first pool is back above its minimum, and serves" a b
is "the status names it again" "$(status bal '.load_balancers[0] | "\(.pool) \(.fallback)"')" "first false"
well c d
ill b
serves "the second pool is well again, and serves when the first is not" c
check "the agent ends well" agent_term bal
finish
