#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# weirctl capture: what is asked for and nothing else, as it comes in and as it leaves, while live
# transfers do not notice, and with the plain packet program back afterwards, however it ends.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml live=$NET_DIR/live file=$NET_DIR/file.pcapng said=$NET_DIR/said
one_pool "$config" a=1 b=1
agent_must_start bal "$config"

# The size of eth0's packet program tells what it was loaded for.
program() {
	local id

	id=$(ip -n "$NET-bal" -j -d link show dev eth0 | jq '.[0].xdp.prog.id')
	bpftool -j prog show id "$id" | jq .bytes_xlated
}
is_plain() { [ "$(program)" = "$plain" ]; }
plain=$(program)

begun() { [ "$(grep -c 'capture: begins' "${AGENT_LOG[bal]}")" -ge "$1" ]; }
ended() { [ "$(grep -c 'capture: ended' "${AGENT_LOG[bal]}")" -ge "$1" ]; }
captures=0
# capture_start OPTION...: in the background, into $file; pid in CAPTURE.
capture_start() {
	captures=$((captures + 1))
	rm -f "$file"
	start bal "$NET_DIR/out" env --default-signal=INT "$WEIR_BIN/weirctl" -c 127.0.0.1:8650 capture -w "$file" "$@"
	CAPTURE=$STARTED
	wait_until 10 begun $captures || bail "a capture begins: $(cat "$NET_DIR/out.err")"
}
# get PORT: from this port, who answered.
get() { in_ns client curl -s -m 5 --local-port "$1" "http://$VIP4/name"; }
# packets FIELD [FILTER]: of the file, a line each.
packets() { tshark -r "$file" -T fields -e "$1" ${2:+-Y "$2"} 2>/dev/null; }
count() { packets frame.number "${1:-}" | wc -l; }

transfers_start "$live"

# One flow of many.
capture_start --src $CLIENT4 --sport 20000 --dport 80 --proto tcp --seconds 30
check "another program captures now" bash -c "[ '$(program)' != '$plain' ]"
name=$(get 20000)
get 20001 >/dev/null
check "an endpoint answers" test -n "$name"
stop "$CAPTURE" INT
is "Ctrl-C ends a capture in good order" $? 0
note "$(cat "$NET_DIR/out.err")"
check "the plain program is back" is_plain
tshark -r "$file" -q -z io,stat,0 >"$said" 2>&1
is "tshark reads the file" $? 0
capinfos -M "$file" >"$said" 2>&1
is "its interfaces are both sides of eth0" "$(sed -n 's/^ *Name = //p' "$said" | tr '\n' ' ')" "eth0 in eth0 out "
is "time is in nanoseconds" "$(grep -c 'Time precision = nanoseconds' "$said")" 2
n=$(count 'frame.interface_name == "eth0 in"')
at_least "packets came in" "$n" 5
is "as many left" "$(count 'frame.interface_name == "eth0 out"')" "$n"
is "all came in from that client and port" \
	"$(count "frame.interface_name == \"eth0 in\" && ip.src == $CLIENT4 && ip.dst == $VIP4 && tcp.srcport == 20000 && tcp.dstport == 80 && !(ip.proto == 4)")" "$n"
is "all left in an outer header for who answered" \
	"$(count "frame.interface_name == \"eth0 out\" && ip.dst == ${EP4[$name]} && ip.proto == 4 && ip.src == $CLIENT4 && tcp.srcport == 20000")" "$n"
is "the comment says why and where to" "$(packets frame.comment | sort -u)" \
	"FORWARD to $name (${EP4[$name]}): forwarded to the endpoint of its row"
is "directions are right" "$(count 'frame.packet_flags_direction == 1') $(count 'frame.packet_flags_direction == 2')" "$n $n"
now=$(date +%s)
at_most "times are those of the clock, in s" \
	"$(packets frame.time_epoch | cut -d. -f1 | while read -r t; do echo $((now > t ? now - t : t - now)); done | sort -n | tail -n 1)" 30
tcpdump -nr "$file" >"$said" 2>&1
is "tcpdump reads it, too" "$? $(grep -c "$CLIENT4.20000 > $VIP4.80" "$said")" "0 $((2 * n))"

# By count and by time; sides; snaplen.
capture_start --dst $VIP4 --dport 80 --count 3 --at out --snaplen 60
for port in 20002 20003; do get $port >/dev/null; done
finished "$CAPTURE" 10
is "a capture ends when its count is reached" "$? $(count)" "0 3"
is "of one side" "$(packets frame.interface_name | sort -u)" "eth0 out"
is "no more bytes than asked for" "$(packets frame.cap_len | sort -u)" 60
check "it says so" grep -q 'its count is reached; 3 of' "$NET_DIR/out.err"
capture_start --dport 81 --seconds 0.5
finished "$CAPTURE" 10
is "and when its time is over" "$? $(count)" "0 0"
check "a file without packets is one" capinfos "$file"
check "the plain program is back" is_plain

# Drops, with their reason.
in_ns client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 20004))' # the port is free
capture_start --reason drops --count 1000 --seconds 20
in_ns r python3 tests/net/noise.py packets bal "$(ip -n "$NET-bal" -j link show dev eth0 | jq -r '.[0].address')" $VIP4 $VIP6 3000 1
stop "$CAPTURE" INT
at_least "drops are captured" "$(count)" 50
is "as they came in, none left, and nothing else" \
	"$(count 'frame.interface_name == "eth0 out"') $(packets frame.comment | grep -cvE '^DROP_[A-Z_]*( for [ab] \([0-9.:a-f]*\))?: ')" "0 0"
note "$(packets frame.comment | cut -d: -f1 | sort | uniq -c | tr -s ' \n' ' ')"

# Everything that 500 transfers send.
capture_start --snaplen 64 --seconds 2 --count 1000000
finished "$CAPTURE" 20
is "all of it ends well" $? 0
note "$(cat "$NET_DIR/out.err")"
at_least "everything is captured" "$(count)" 20000
is "as much as is said" "$(count)" "$(sed -n 's/.* \([0-9]*\) snapshots.*/\1/p' "$NET_DIR/out.err")"

# Into a pipe: what comes is there at once.
captures=$((captures + 1))
start bal "$said" bash -c "$WEIR_BIN/weirctl -c 127.0.0.1:8650 capture -w - --sport 20005 --dport 80 2>$NET_DIR/out.err | tcpdump -nlr - 2>/dev/null"
pipe=$STARTED
check "a capture begins" wait_until 10 begun $captures
get 20005 >/dev/null
seen() { [ "$(grep -c "$CLIENT4.20005 > $VIP4.80" "$said")" -ge 10 ]; }
check "tcpdump shows packets while the capture goes on" wait_until 5 seen
ctl bal capture -w "$NET_DIR/second" >"$NET_DIR/second.err" 2>&1
is "there is one capture at a time" "$? $(grep -c 'one at a time' "$NET_DIR/second.err") $([ -e "$NET_DIR/second" ] && echo file)" "1 1 "
pkill -KILL -P "$pipe" -x weirctl
check "a client that is killed ends its capture" wait_until 5 ended $captures
check "the plain program is back" is_plain
finished "$pipe" 10

# Refusals leave what is there.
echo precious >"$file"
for bad in "--src 1.2.3.4/8" "--proto sctp" "--reason DROP_IT" "--count 0" "--snaplen 1" "--sample 5" "--rate fast" \
	"--src 1.2.3.4 --dst ::1" "--at out --reason drops"; do
	# shellcheck disable=SC2086
	ctl bal capture -w "$file" $bad >"$said" 2>&1
	is "capture $bad: exit 2" "$? $(grep -c "^weirctl: [a-z]*: " "$said")" "2 1"
done
is "a refused capture overwrites no file" "$(cat "$file")" precious
ctl bal capture -w /nonexistent/file --seconds 5 >"$said" 2>&1
is "a file that cannot be written" "$? $(grep -c 'No such file' "$said")" "1 1"
is "HEAD captures nothing" "$(in_ns bal curl -sI -o /dev/null -w '%{http_code}' http://127.0.0.1:8650/weir/v1/capture)" 405
captures=$(grep -c 'capture: begins' "${AGENT_LOG[bal]}")
check "all have ended" wait_until 5 ended "$captures"

# The agent stops, or dies, in the middle of a capture.
capture_start --dport 80 --seconds 60
check "the agent ends well in the middle of a capture" agent_term bal
finished "$CAPTURE" 10
is "weirctl says so" "$? $(grep -c 'agent' "$NET_DIR/out.err")" "1 1"
check "the plain program is back" is_plain
agent_must_start bal "$config"
captures=0
capture_start --dport 80 --seconds 60
agent_kill9 bal
finished "$CAPTURE" 10
check "the program that captures goes on forwarding without an agent" test -n "$(get 20006)"
check "it is still there" bash -c "[ '$(program)' != '$plain' ]"
agent_must_start bal "$config"
check "the next agent puts the plain one back" is_plain

transfers_stop "$live"
is "500 transfers ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
