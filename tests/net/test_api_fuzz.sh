#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every operation of agent.api, for FUZZ_API_SECONDS, with bodies that are good and that are not: the
# agent answers all, also DNS and probes meanwhile, changes nothing by what it refuses, and is the same
# after kill -9. FUZZ_SEED repeats a run, FUZZ_KEEP is a directory for what led to a failure.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a
config=$NET_DIR/weir.yaml left=$NET_DIR/left
mkdir "$left"
mkdir -m 700 "$NET_DIR/keys"
{
	agent_yaml | sed "s|dns: {|dns: { keys: $NET_DIR/keys, name_servers: [ns1.example.net],|"
	cat <<-END
		  store: $NET_DIR/weir.db
		  api: { listen: ["127.0.0.1:8651"] }
		  proxied_listeners: [tcp/80]
		zones:
		  - { name: file.example, ns: [ns1.file.example] }
		  - { name: signed.example, ns: [ns1.file.example], dnssec: { ds_ttl: 1, propagation: 1 } }
		records: [{ name: www.file.example, type: A, content: 192.0.2.77 }]
		monitors:
		  - { id: steady, type: http, path: /health, port: 8090, interval: 0.2, timeout: 0.2, retries: 0 }
		pools:
		  - { name: filed, origins: [{ name: a, address: "${EP4[a]}" }] }
		  - { name: steady, monitor: steady, origins: [{ name: a, address: "${EP4[a]}" }] }
	END
} >"$config"
# Somebody to be probed, from now on; and how late a probe was since, at most so many ms.
beats_start() {
	start a "$NET_DIR/beats" python3 tests/net/fuzz_api.py beats "${EP4[a]}" 8090 "$NET_DIR/gap"
	beats=$STARTED
	wait_until 10 grep -q ready "$NET_DIR/beats.err" || bail "somebody is there to be probed"
}
beats_stop() {
	local probes gap

	stop "$beats"
	read -r probes gap <"$NET_DIR/gap"
	note "$probes probes"
	at_most "a probe every 0.2 s is never later than this, in ms" "$gap" $(($1 * ${PATIENCE:-1}))
}
agent_must_start bal "$config"

# what MODE ARGUMENT...: what it says is part of this test.
fuzz() {
	local line

	while IFS= read -r line; do
		case $line in
		"not ok - "*) not_ok "${line#not ok - }" ;;
		"ok - "*) ok "${line#ok - }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done < <(in_ns bal python3 tests/net/fuzz_api.py "$@" 2>&1 || echo "not ok - $1 ends well")
}
beats_start
fuzz wide
beats_stop 10000
beats_start
fuzz run "${FUZZ_API_SECONDS:-30}" "$left"
beats_stop 5000

# --- kept ---
objects() { in_ns bal curl -s -m 60 http://127.0.0.1:8650/weir/v1/objects | jq -S . | sha256sum; }
kept="$(objects) $(status bal .store.revision)" digest=$(status bal .table_digest)
agent_kill9 bal
agent_must_start bal "$config"
is "after kill -9 the objects and the revision are the same" "$(objects) $(status bal .store.revision)" "$kept"
check "and the tables" wait_until 20 status_is bal .table_digest "$digest"
check "the agent ends well" agent_term bal
agent_detach bal >/dev/null 2>&1
check "no sanitizer report" no_sanitizer_report
[ "$FAILED" -eq 0 ] || [ -z "${FUZZ_KEEP:-}" ] || cp "$left"/failure.* "$NET_DIR"/agent.*.err "$FUZZ_KEEP"
finish
