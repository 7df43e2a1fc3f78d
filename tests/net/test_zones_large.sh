#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zone files that take long to read: the agent goes on meanwhile with probes, packets and answers,
# and refuses a bad one as it does a small one.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

NAMES=${NAMES:-600000}
net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml zone=$NET_DIR/big.example.zone

# zone_file SERIAL NAMES [LINE]
zone_file() {
	printf '$TTL 300\n@ SOA ns1 hostmaster %s 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.2\nserial TXT "%s"\n' "$1" "$1"
	seq "$2" | awk '{ printf "host%d A 10.%d.%d.%d\n", $1, $1 / 65536, $1 / 256 % 256, $1 % 256 }'
	echo "${3:-}"
}
put() {
	zone_file "$@" >"$zone.new"
	mv "$zone.new" "$zone"
}
configure() {
	agent_yaml
	cat <<-END
		  store: $NET_DIR/weir.db
		zones:
		  - { name: big.example, file: "$zone" }
		  - { name: example.org, ns: [ns1.example.org] }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.7, timeout: 0.6, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1
	printf '%s\n' "$@"
}
short() { in_ns client dig @$DNS4 +tries=1 +time=2 +short "$@" | xargs; }
revision() { status bal .config.revision; }
revised() { [ "$(revision)" != "$1" ]; }

lag_start() {
	start client "$NET_DIR/lag" python3 tests/net/lag.py $DNS4 serial.big.example
	LAG=$STARTED
	wait_until 5 grep -q asking "$NET_DIR/lag" || bail "the loop is asked"
}
# lag_stop SENTENCE TEXTS: what was answered meanwhile; and nothing waited for long.
lag_stop() {
	local n worst texts

	stop "$LAG"
	read -r n worst texts < <(tail -n 1 "$NET_DIR/lag")
	check "$1: $texts" eval "[[ \"$texts\" =~ ^($2)$ ]]"
	at_least "the loop answered all the time" "$n" 20
	at_most "and never took longer than so many ms" "$worst" $((500 * ${PATIENCE:-1}))
}
no_probe_was_late() { ! grep -q 'is unhealthy' "${AGENT_LOG[bal]}"; }

put 1 10
configure >"$config"
agent_must_start bal "$config"
wait_until 5 status_is bal '.pools[0].healthy' 2

# --- a large one ---
before=$(revision)
put 2 "$NAMES"
lag_start
began=$(now_ms)
kill -HUP "${AGENT[bal]}"
check "a reload is in effect when its file is read" wait_until 30 revised "$before"
took=$(($(now_ms) - began))
wait_until 2 eval '[ "$(short serial.big.example TXT)" = 2 ]'
lag_stop "until then the older one was answered" "1 2"
note "$NAMES names: $took ms"
at_least "it took so long that the loop would have been missed, in ms" "$took" 300
is "all of it is there" "$(short "host$NAMES.big.example" A)" \
	"10.$((NAMES / 65536)).$((NAMES / 256 % 256)).$((NAMES % 256))"
check "no probe was late" no_probe_was_late

# --- a bad one ---
put 3 "$NAMES" "broken A 10.0.0.256"
lag_start
check "one that is bad in its last line is refused" eval '! agent_reload bal'
wait_until 30 eval 'status bal .config.error | grep -q line'
is "with its name, line and reason" "$(status bal .config.error | grep -c "$zone: line $((NAMES + 6)): ")" 1
lag_stop "the last good one is served on" "2"
is "and no other revision" "$(revision)" $((before + 1))

# --- changes while one is read ---
put 4 "$NAMES"
before=$(revision)
lag_start
kill -HUP "${AGENT[bal]}"
check "a change by the API waits for it, and is made" \
	ctl bal record create name=x.example.org type=A content=192.0.2.77
is "both are in effect" "$(short serial.big.example TXT) $(short x.example.org A) $(($(revision) - before))" "4 192.0.2.77 1"
lag_stop "a change does not read it again" "2 4"
put 5 "$NAMES"
check "a change takes a file that is another one as well" \
	ctl bal record create name=y.example.org type=A content=192.0.2.78
is "and is in effect with it" "$(short serial.big.example TXT) $(short y.example.org A)" "5 192.0.2.78"
put 6 "$NAMES"
before=$(revision)
lag_start
kill -HUP "${AGENT[bal]}"
put 7 10
configure "records: [{ type: A, name: z.example.org, content: 192.0.2.79 }]" >"$config"
kill -HUP "${AGENT[bal]}"
check "a reload that comes while another one reads is made after it" \
	wait_until 30 eval '[ "$(short serial.big.example TXT) $(short z.example.org A)" = "7 192.0.2.79" ]'
lag_stop "one after the other" "5( 6)? 7" # what 6 said was true for some ms
is "as two revisions" $(($(revision) - before)) 2
check "no probe was late all the time" no_probe_was_late

# --- the end ---
put 8 "$NAMES"
kill -HUP "${AGENT[bal]}"
check "an agent that reads ends well" agent_term bal
put 9 10
agent_must_start bal "$config"
is "and begins with what is there" "$(short serial.big.example TXT) $(short x.example.org A)" "9 192.0.2.77"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
