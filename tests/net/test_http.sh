#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server of agent.api: where it may listen, TLS and its certificate, clients that are slow, many
# or gone, and that none of them keeps the agent from health and DNS.
# shellcheck disable=SC2016,SC2317  # what eval gets, and what is called by name
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_tls.sh
. tests/net/lib_tls.sh

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml pem=$NET_DIR/pem body=$NET_DIR/body
mkdir "$pem"

# configure API: the agent section with this agent.api, and a balancer of a and b.
configure() {
	agent_yaml
	cat <<-END
		  store: $NET_DIR/weir.db
		  api: { $1 }
		zones: [{ name: example.org, ns: [ns1.example.org] }]
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 1, timeout: 1, retries: 0 }
		pools:
	END
	pool_yaml main 1 web a=1
	pool_yaml last 1 web b=1
	echo "load_balancers: [{ name: www.example.org, default_pools: [main], fallback_pool: last }]"
}

clients() { in_ns "$1" timeout 120 python3 tests/net/http_clients.py "${@:2}"; }
https() { in_ns client curl -s -m 20 --cacert "$pem/in.crt" --resolve api.example.org:8443:192.0.2.2 "$@"; }
serial() { in_ns client openssl s_client -connect 192.0.2.2:8443 </dev/null 2>&1 | openssl x509 -noout -serial 2>&1; }
said() { grep -qF "$*" "${AGENT_LOG[bal]}"; }
answers() { [ "$(in_ns client dig "@$DNS4" +tries=2 +time=2 +short www.example.org | xargs)" = "$1" ]; }
checks() { "$WEIR_BIN/weir-agent" --check --config "$config" >"$NET_DIR/out" 2>&1; }

certificate "$pem/in" DNS:api.example.org 1
certificate "$pem/other" DNS:api.example.org 2
tls="tls: { certificate: $pem/in.crt, key: $pem/in.key }"
both="listen: ['127.0.0.1:8651', '192.0.2.2:8443']"

# --- where it may listen ---
configure "$both" >"$config"
checks
is "clear text on an address that others reach is refused" "$?" 2
check "with a sentence" grep -q "agent.api.listen\[1\]: 192.0.2.2:8443 is not a loopback address: it needs agent.api.tls" "$NET_DIR/out"
configure "$both, insecure: true" >"$config"
check "unless it is wanted" checks
configure "$both, $tls" | sed 's/control: 127.0.0.1/control: 192.0.2.2/' >"$config"
checks
is "agent.control stays on a loopback address" "$?" 2
check "which is said" grep -q "agent.control: 192.0.2.2:8650 is not a loopback address" "$NET_DIR/out"
configure "$both, tls: { certificate: $pem/none.crt, key: $pem/in.key }" >"$config"
check "an agent whose certificate is missing does not start" eval '! agent_start bal "$config"'
check "and says which" said "agent.api.tls.certificate: cannot read $pem/none.crt"
configure "$both, tls: { certificate: $pem/in.crt, key: $pem/other.key }" >"$config"
check "nor with a key of another one" eval '! agent_start bal "$config"'
check "which is said" said "are no certificate and its key"

# --- TLS ---
configure "$both, $tls" >"$config"
agent_must_start bal "$config"
token=$(ctl bal token create --name t --scope write)
is "curl is served, who verifies" \
	"$(https -o "$body" -w '%{http_code}' -H "Authorization: Bearer $token" https://api.example.org:8443/weir/v1/status)" 200
is "not without a token" "$(https -o "$body" -w '%{http_code}' https://api.example.org:8443/weir/v1/status)" 401
is "nor in clear text" "$(in_ns client curl -s -m 5 -o "$body" -w '%{http_code}' http://192.0.2.2:8443/)" 000
is "nor with TLS 1.1" "$(https --tls-max 1.1 -o "$body" -w '%{http_code}' https://api.example.org:8443/)" 000
is "1.2 is fine" "$(https --tls-max 1.2 -o "$body" -w '%{http_code}' https://api.example.org:8443/)" 401

# --- another certificate ---
mkfifo "$NET_DIR/asks"
start client "$NET_DIR/again" sh -c "timeout 60 python3 tests/net/http_clients.py again 192.0.2.2 8443 $token <$NET_DIR/asks"
exec 7>"$NET_DIR/asks"
echo >&7
lines() { [ "$(wc -l <"$NET_DIR/again")" = "$1" ]; }
check "a connection is served" wait_until 10 lines 1
cp "$pem/other.crt" "$pem/in.crt"
cp "$pem/other.key" "$pem/in.key"
is "a certificate stays until a reload" "$(serial)" serial=01
check "a reload" agent_reload bal
check "has another one" wait_until 5 eval '[ "$(serial)" = serial=02 ]'
echo >&7
check "the older connection goes on" wait_until 10 lines 2
is "with the older one" "$(xargs <"$NET_DIR/again")" "200 serial=01 200 serial=01"
check "and ends after that" wait_until 5 gone "$STARTED"
exec 7>&-
echo nonsense >"$pem/in.crt"
agent_reload bal
check "one that is none is refused" wait_until 5 said "goes on with its older certificate"
is "and the older one stays" "$(serial)" serial=02
cp "$pem/other.crt" "$pem/in.crt"
configure "listen: ['127.0.0.1:8651'], $tls" >"$config"
check "where it listens stays as it is" eval '! agent_reload bal'
check "which the status says" eval 'status bal .config.error | grep -q "agent.api: where it listens"'
configure "$both, $tls" >"$config"
check "the configuration is good again" agent_reload bal

# --- those who are slow ---
slow=()
for what in hello header body; do
	start bal "$NET_DIR/slow.$what" timeout 60 python3 tests/net/http_clients.py trickle $what 127.0.0.1 8651
	slow+=("$STARTED")
done
for pid in "${slow[@]}"; do finished "$pid"; done
for what in hello header body; do
	at_least "a client that trickles (${what}) has ten seconds, in ms" "$(cat "$NET_DIR/slow.$what")" 8500
	at_most "and not many more" "$(cat "$NET_DIR/slow.$what")" $((13000 * ${PATIENCE:-1}))
done

# --- those who are many ---
check "the balancer answers its first pool" wait_until 10 answers "${EP4[a]}"
is "one address has 256 connections" "$(clients bal hold 300 127.0.0.1 8651 127.0.0.2 request </dev/null)" 256
mkfifo "$NET_DIR/wait"
for i in 3 4 5 6; do
	[ $i -lt 5 ] && half=request || half=handshake
	start bal "$NET_DIR/held.$i" sh -c "timeout 120 python3 tests/net/http_clients.py hold 240 127.0.0.1 8651 127.0.0.$i $half <$NET_DIR/wait"
done
exec 8>"$NET_DIR/wait"
all_held() { [ "$(cat "$NET_DIR"/held.* | paste -sd+ | bc)" = 960 ]; }
check "960 clients hold a connection" wait_until 30 all_held
start bal "$NET_DIR/busy" timeout 120 python3 tests/net/http_clients.py busy 60 5 127.0.0.1 8651 127.0.0.7 "$token" /weir/v1/reasons
busy=$STARTED
start client "$NET_DIR/dns" build/tests/net/dns_ask steady udp $DNS4 1 4000 www.example.org A
dns=$STARTED
touch "$NET_DIR/nginx.a/ill"
began=$(now_ms)
check "health is seen meanwhile" wait_until 5 answers "${EP4[b]}"
at_most "as soon as without them, in ms" $(($(now_ms) - began)) $((2500 * ${PATIENCE:-1}))
finished "$dns"
note "DNS: $(cat "$NET_DIR/dns.err")"
is "all questions are answered" "$(cat "$NET_DIR/dns.err")" "answered 4000, again 0, lost 0"
is "weirctl is, too" "$(status bal .node)" bal
finished "$busy"
note "60 more: $(cat "$NET_DIR/busy")"
is "and 60 clients that have a token" "$(value "$NET_DIR/busy" .failed)" 0
at_least "who ask a lot" "$(value "$NET_DIR/busy" .requests)" 500

exec 8>&-
rm "$NET_DIR/wait"
mkfifo "$NET_DIR/wait"

# Five times 240 are more than there is room for, until those that send nothing are cut off.
for i in 10 11 12 13 14; do
	start bal "$NET_DIR/more.$i" sh -c "timeout 120 python3 tests/net/http_clients.py hold 240 127.0.0.1 8651 127.0.0.$i handshake <$NET_DIR/wait"
done
exec 8>"$NET_DIR/wait"
check "the server has no room" wait_until 8 eval '[ "$(in_ns bal ss -Htn state established "sport = :8651" | wc -l)" -ge 1150 ]'
began=$(now_ms)
is "who comes when there is no room is served in the end" \
	"$(in_ns bal curl -sk -m 40 --retry 10 --retry-all-errors -o "$body" -w '%{http_code}' -H "Authorization: Bearer $token" https://127.0.0.1:8651/weir/v1/reasons)" 200
at_most "after those who hold it had their ten seconds, in ms" $(($(now_ms) - began)) $((14000 * ${PATIENCE:-1}))
exec 8>&-

# --- those who ask much: DNS over TCP is the loop's, too ---
start bal "$NET_DIR/much" timeout 120 python3 tests/net/http_clients.py busy 100 4 127.0.0.1 8651 127.0.0.7 "$token" /weir/v1/openapi.json
much=$STARTED
wait_until 10 eval '[ "$(in_ns bal ss -Htn state established "sport = :8651" | wc -l)" -ge 100 ]'
for _ in $(seq 30); do in_ns client dig "@$DNS4" +tcp +tries=1 +time=5 www.example.org; done |
	sed -n 's/^;; Query time: \([0-9]*\) msec/\1/p' | sort -n >"$NET_DIR/times"
finished "$much"
note "100 clients: $(cat "$NET_DIR/much"); DNS in ms: $(xargs <"$NET_DIR/times")"
is "all are answered" "$(wc -l <"$NET_DIR/times") $(value "$NET_DIR/much" .failed)" "30 0"
at_most "DNS over TCP is answered between their requests, in ms" "$(tail -n 1 "$NET_DIR/times")" $((500 * ${PATIENCE:-1}))

check "all the while no probe came too late" eval '! said imeout'

# --- those who are gone ---
configure "listen: ['127.0.0.1:8651']" >"$config"
agent_term bal
agent_must_start bal "$config"
is "writes at one time are all made" "$(clients bal order 30 127.0.0.1 8651 "$token" | tr ' ' '\n' | sort | uniq -c | xargs)" "30 200"
is "in the order in which they came" \
	"$(ctl bal history --json -n 30 | jq -c '[.history[].changes[0].after.description | tonumber] | reverse == [range(30)]')" true
clients bal leave 50 127.0.0.1 8651 "$token"
is "who leaves disturbs nobody" \
	"$(in_ns bal curl -s -m 20 -o "$body" -w '%{http_code}' -H "Authorization: Bearer $token" -X DELETE http://127.0.0.1:8651/weir/v1/objects/pool/ordered)" 200
revision=$(ctl bal history --json | jq .revision)
check "a change can be taken back" ctl bal rollback $((revision - 1))
is "and is a change itself" "$(ctl bal history --json | jq .revision)" $((revision + 1))
is "after which things are what they were" \
	"$(in_ns bal curl -s -m 20 http://127.0.0.1:8650/weir/v1/objects/pool/ordered | jq -r .object.description)" 29
clients bal leave 50 127.0.0.1 8651 "$token"
check "an agent ends well amid of it" agent_term bal
check "and no memory was misused" no_sanitizer_report
finish
