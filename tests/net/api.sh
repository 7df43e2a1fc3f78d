# shellcheck shell=bash disable=SC2034  # those who source it use what looks unused
# SPDX-License-Identifier: GPL-2.0-or-later
# api.sh - what tests of the vendors' APIs share, behind lib.sh: an agent that serves them over TLS,
# a token, and the vendors' own clients (tests/api).

# shellcheck source=tests/net/lib_tls.sh
. tests/net/lib_tls.sh

API=https://$DNS4:8651
export NODE_PATH=$PWD/build/api/node_modules NODE_EXTRA_CA_CERTS=

# api_yaml LINE...: the agent section with agent.api and a store, and more lines of it.
api_yaml() {
	agent_yaml bal
	cat <<-END
		  api: { listen: ["$DNS4:8651"], tls: { certificate: $NET_DIR/api.crt, key: $NET_DIR/api.key } }
		  store: $NET_DIR/weir.db
	END
	[ $# -eq 0 ] || printf '  %s\n' "$@"
}

# A certificate of the agent's address, which clients are told to trust.
api_certificate() {
	certificate "$NET_DIR/api" "IP:$DNS4"
	export NODE_EXTRA_CA_CERTS=$NET_DIR/api.crt
}

# api_up CONFIG: the agent, with tokens TOKEN and READER for clients.
api_up() {
	[ -d build/api/node_modules ] || bail "the vendors' clients are there (make build/api/node_modules/.package-lock.json)"
	agent_must_start bal "$1"
	TOKEN=$(ctl bal token create --name writer --scope write) || bail "a token can be made"
	READER=$(ctl bal token create --name reader --scope read) || bail "another one can be made"
	export API TOKEN READER DNS=$DNS4
}

# journey [INTERPRETER] FILE: what it says is part of this test.
journey() {
	local said rc with=node

	[ $# -eq 1 ] || { with=$1 && shift; }
	said=$(in_ns client timeout 300 "$with" "tests/api/$1" 2>&1)
	rc=$?
	printf '%s\n' "$said"
	PASSED=$((PASSED + $(grep -c '^ok ' <<<"$said")))
	FAILED=$((FAILED + $(grep -c '^not ok ' <<<"$said")))
	[ $rc -eq 0 ] || grep -q '^not ok ' <<<"$said" || not_ok "$with tests/api/$1 ends well: $rc"
}

# call VENDOR EXPRESSION: one call of a client; its result as JSON.
call() { in_ns client timeout 60 node tests/api/call.js "$@"; }
