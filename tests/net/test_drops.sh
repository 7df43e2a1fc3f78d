#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# weirctl drops: why packets ended as they did, live, with rates.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a
config=$NET_DIR/weir.yaml live=$NET_DIR/live once=$NET_DIR/once
one_pool "$config" a=1,off # nobody serves
agent_must_start bal "$config"

# datagrams COUNT: to the VIP, 100 bytes on the wire each
datagrams() {
	in_ns client python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    s.sendto(bytes(58), (sys.argv[1], 9000))' $VIP4 "$1"
}
# of FILE FIELD: of the reason that those datagrams meet, in every line
of() { jq -c ".reasons[] | select(.reason == \"DROP_NO_ENDPOINT\") | .$2" "$1"; }
has_total() { [ "$(of "$live" packets | tail -n 1)" = "$1" ]; }

datagrams 1000
ctl bal drops --count 1 --json >"$once"
is "1000 datagrams for nobody are 1000 drops" "$(of "$once" packets)" 1000
is "with their bytes" "$(of "$once" bytes)" 100000
is "one look has no rate" "$(of "$once" packets_per_s)" null
is "every reason of the status is there" "$(jq -c '[.reasons[].reason]' "$once")" \
	"$(status bal '[(.packets, .dns.filter)[].reason] | tojson')"

# What a shell starts in the background does not hear Ctrl-C.
start bal "$live" env --default-signal=INT "$WEIR_BIN/weirctl" -c 127.0.0.1:8650 drops -j -i 0.1
drops=$STARTED
check "it goes on looking" wait_until 5 has_total 1000
datagrams 500
check "500 more show up" wait_until 5 has_total 1500
stop "$drops" INT
is "and ends on Ctrl-C" $? 130
# Every line against the one before: the rate is what came in between, and somewhere it was not 0.
rates='[.[] | {t: .clock_ms} + (.reasons[] | select(.reason == "DROP_NO_ENDPOINT"))]
	| [range(1; length) as $i | select(.[$i].t > .[$i - 1].t) | {rate: .[$i].packets_per_s, bytes: .[$i].bytes_per_s,
		want: ((.[$i].packets - .[$i - 1].packets) * 1000 / (.[$i].t - .[$i - 1].t))}]
	| all(.rate - .want | fabs < 1) and all(.bytes - 100 * .want | fabs < 100) and any(.rate > 100)'
check "rates are those since the line before" jq -se "$rates" "$live"

# Without a terminal, lines; on one, a table that is drawn anew.
ctl bal drops -n 2 -i 0.1 >"$once"
is "lines for a file: a title, and a line each time" \
	"$(grep -c '^TIME ' "$once") $(grep -c 'DROP  DROP_NO_ENDPOINT *1500 *150000 ' "$once")" "1 2"
note "$(tail -n 1 "$once")"
NO_COLOR='' in_ns bal script -qec "$WEIR_BIN/weirctl -c 127.0.0.1:8650 drops -n 2 -i 0.1" /dev/null >"$once" </dev/null
is "a table for a terminal, twice in the same place" \
	"$(grep -c $'\033\\[H\033\\[2J' "$once") $(grep -c 'DROP_NO_ENDPOINT .*no endpoint can serve' "$once")" "2 2"

for bad in "--interval 0" "--interval x" "--count 0" "--count 1.5" "--interval 1e9"; do
	# shellcheck disable=SC2086
	ctl bal drops $bad >"$once" 2>&1
	is "drops $bad: exit 2, with what is allowed" "$? $(grep -c 'number from' "$once")" "2 1"
done
ctl bal status --interval 1 >"$once" 2>&1
is "an option of another command is refused" "$? $(grep -c 'does not go with' "$once")" "2 1"
start bal "$live" "$WEIR_BIN/weirctl" --control 127.0.0.1:8650 drops -i 0.1
drops=$STARTED
check "it runs" wait_until 5 grep -q DROP "$live"
check "the agent ends well" agent_term bal
finished "$drops" 10
is "without an agent it ends and says so" "$? $(grep -c 'cannot reach the agent' "$live.err")" "1 1"
check "no sanitizer report" no_sanitizer_report
finish
