#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS workers: where they run, which queries they get, and that no query is lost by a change.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
config=$NET_DIR/weir.yaml
CPUS=$(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r a b; do seq "$a" "${b:-$a}"; done | xargs)
read -r CPU_A CPU_B _ <<<"$CPUS"
N_CPUS=$(wc -w <<<"$CPUS")
[ "$N_CPUS" -ge 2 ] || bail "there are two CPUs"

# configure LISTEN WORKERS ADDRESS [CONTROL NAME]: record a.example.org has ADDRESS.
configure() {
	local i

	cat <<-END
		agent:
		  node: ${5:-bal}
		  vips: ["$VIP4"]
		  dns: { listen: [$1], ${2:+workers: $2} }
		  control: 127.0.0.1:${4:-8650}
		  pin_path: $NET_DIR/bpf/${5:-bal}
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		records:
		  - { type: A, name: a.example.org, content: $3 }
	END
	for i in $(seq 100); do
		echo "  - { type: A, name: n$i.example.org, content: 203.0.113.$i }"
	done
}

q() { in_ns client dig +tries=2 +time=2 +short "$@"; }
for i in $(seq 100); do echo "n$i.example.org A"; done >"$NET_DIR/names"

# load FILE CPU SERVER [OPTION...]: queries from the client at this CPU.
load() { in_ns client taskset -c "$2" dnsperf -s "$3" -d "$NET_DIR/names" "${@:4}" >"$1" 2>&1; }
# loaded FILE WORD: "completed" or "lost" of what dnsperf says.
loaded() { sed -nE "s/^ *Queries $2: *([0-9]+).*/\1/p" "$1"; }
# by_cpu CPU [CONTROL]: queries that the worker there had.
by_cpu() {
	in_ns bal "$WEIR_BIN/weirctl" --control "127.0.0.1:${2:-8650}" status --json |
		jq ".dns.workers[] | select(.cpu == $1) | .queries"
}

listen="\"192.0.2.2:53\", \"[2001:db8:1::2]:53\""
configure "$listen" "" 192.0.2.71 >"$config"
agent_must_start bal "$config"

# --- where they run ---
threads() {
	local task

	for task in /proc/"${AGENT[bal]}"/task/*; do
		grep -q '^weir-dns-' "$task/comm" && sed -n 's/^Cpus_allowed_list:\t//p' "$task/status"
	done
}
is "there is a worker for each CPU, and it stays there" "$(threads | sort -n | xargs)" "$CPUS"
is "of each address every worker has a socket" "$(in_ns bal ss -Huln 'sport = :53' | wc -l)" $((2 * N_CPUS))
is "with 4 MiB to queue queries in (the kernel doubles it)" \
	"$(in_ns bal ss -Hulnm 'sport = :53' | grep -o 'rb[0-9]*' | sort -u)" rb8388608

# --- who gets which ---
for cpu in "$CPU_A" "$CPU_B"; do
	before=$(by_cpu "$cpu")
	load "$NET_DIR/steered" "$cpu" $DNS4 -n 20 -Q 5000
	is "2,000 queries from CPU $cpu are answered" "$(loaded "$NET_DIR/steered" completed)" 2000
	at_least "by the worker there" $(($(by_cpu "$cpu") - before)) 1950
done

# --- what became of them ---
# counted FILTER: of what the agent says of queries.
counted() { ctl bal dns --json | jq -r "$1"; }
outcome() { counted ".outcomes[] | select(.outcome == \"$1\") | .queries"; }
answers=$(outcome ANSWER) denials=$(outcome NXDOMAIN) refusals=$(outcome REFUSED)
for i in $(seq 7); do
	q @$DNS4 hot.example.org # over UDP from any CPU, and over TCP
	[ "$i" -gt 3 ] || q @$DNS4 +tcp hOt.Example.org
	q @$DNS4 www.example.net
done
for i in $(seq 41); do printf '%s A\n' HOT.example.org 'a\.\007\\b\255.example.org'; done >"$NET_DIR/hot"
q @$DNS4 -f "$NET_DIR/hot"
is "answers are counted over both transports" $(($(outcome ANSWER) - answers)) 0
is "and names that do not exist" $(($(outcome NXDOMAIN) - denials)) 92
is "and names of others" $(($(outcome REFUSED) - refusals)) 7
is "of the zone" "$(counted '.zones[] | select(.zone == "example.org") | [.queries, .outcomes.ANSWER, .outcomes.NXDOMAIN] | join(" ")')" \
	"4092 4000 92"
is "of a name, in whatever letters" "$(counted '.names[] | select(.name == "hot.example.org") | "\(.queries) \(.over)"')" "51 0"
is "of one with strange bytes" "$(counted '.names[1] | "\(.name) \(.queries)"')" 'a\.\007\\b\255.example.org 41'
is "each of the others that are told of" "$(counted '[.names[] | select(.queries == 40)] | length')" 98
check "weirctl shows that" grep -Eq '^ +NXDOMAIN +92 +no such name' <<<"$(ctl bal dns)"
check "by zone" grep -Eq '^ +example.org +4092 +4000 +0 +92' <<<"$(ctl bal dns)"
is "and the names that are asked for most" "$(ctl bal dns top --count 3 | wc -l)" 4

# --- changes under load ---
for round in 1 2; do # one client on each CPU
	load "$NET_DIR/load.$round" "$(cut -d' ' -f$round <<<"$CPUS")" $DNS4 -l 8 -Q 5000 &
	clients[round]=$!
done
wait_until 5 eval '[ "$(by_cpu "$CPU_A")" -gt 6000 ]'
changes=0
for i in $(seq 30); do
	more=; [ $((i % 2)) = 0 ] || more=", \"192.0.2.2:5353\", \"127.0.0.53:53\""
	configure "$listen$more" "" 192.0.2.$((100 + i)) >"$config"
	agent_reload bal || { not_ok "change $i is taken"; break; }
	[ "$(q @$DNS4 a.example.org)" = 192.0.2.$((100 + i)) ] && changes=$((changes + 1))
	[ -z "$more" ] || [ "$(q @$DNS4 -p 5353 a.example.org)" = 192.0.2.$((100 + i)) ] ||
		not_ok "an address that was added answers"
done
wait "${clients[@]}"
is "30 changes of a record, and of what is listened on, are answered at once" $changes 30
is "no query of a client on CPU $CPU_A was lost meanwhile" "$(loaded "$NET_DIR/load.1" lost)" 0
is "nor on CPU $CPU_B" "$(loaded "$NET_DIR/load.2" lost)" 0
at_least "of so many" "$(loaded "$NET_DIR/load.1" completed)" 20000

before=$(counted '.zones[] | select(.zone == "example.org") | .queries')
configure "$listen" "" 192.0.2.71 | sed 's/example.org/example.com/' >"$config"
check "another zone takes the place of the first" agent_reload bal
q @$DNS4 a.example.com >"$NET_DIR/words"
configure "$listen" "" 192.0.2.71 >"$config"
check "which comes back" agent_reload bal
q @$DNS4 a.example.org >"$NET_DIR/words"
is "what was counted of it goes on" "$(counted '.zones[] | select(.zone == "example.org") | .queries')" $((before + 1))
is "and of the other one" "$(counted '.zones[] | select(.zone == "example.com") | .queries')" 1

configure "$listen, \"192.0.2.2:53\"" "" 192.0.2.71 >"$config"
check "a bad configuration is refused" eval '! agent_reload bal'
configure "$listen" 1 192.0.2.72 >"$config"
check "the number of workers cannot change while they run" eval '! agent_reload bal'
check "which is said" grep -q 'agent.dns.workers: cannot change' "${AGENT_LOG[bal]}"

# --- answers come from where was asked, also of a socket for all addresses ---
address bal eth0 192.0.2.102/25 2001:db8:1::102/64
configure '"0.0.0.0:53", "[::]:53"' "" 192.0.2.73 >"$config"
check "from single addresses to all of them" agent_reload bal
for at in $DNS4 192.0.2.102 2001:db8:1::2 2001:db8:1::102; do
	is "$at answers as itself" "$(q @$at a.example.org)" 192.0.2.73
done

# --- from an old agent to another one ---
# second NAME CONTROL: starts one more, which answers 192.0.2.NUMBER.
second() {
	configure '"0.0.0.0:53", "[::]:53"' "" "192.0.2.$3" "$2" "$1" >"$NET_DIR/$1.yaml"
	AGENT_RUNS=$((AGENT_RUNS + 1))
	start bal "$NET_DIR/agent.$1" "$WEIR_BIN/weir-agent" --config "$NET_DIR/$1.yaml"
	wait_until 20 grep -q ready "$NET_DIR/agent.$1.err" || bail "a second agent becomes ready"
}

load "$NET_DIR/load.3" "$CPU_A" $DNS4 -l 5 -Q 5000 &
client=$!
wait_until 5 eval '[ "$(by_cpu "$CPU_A")" -gt 6000 ]'
second two 8651 74
two=$STARTED
check "the old agent ends well while a new one listens, too" agent_term bal
is "then the new one answers" "$(q @$DNS4 a.example.org)" 192.0.2.74
wait $client
at_most "queries lost by that, of 25,000" "$(loaded "$NET_DIR/load.3" lost)" 10
second three 8652 75
three=$STARTED
stop $two KILL
is "after one that is killed as well" "$(q @$DNS4 a.example.org)" 192.0.2.75
for cpu in "$CPU_A" "$CPU_B"; do
	before=$(by_cpu "$cpu" 8652)
	load "$NET_DIR/steered" "$cpu" $DNS4 -n 20 -Q 5000
	is "and 2,000 queries from CPU $cpu" "$(loaded "$NET_DIR/steered" completed)" 2000
	at_least "by the worker there, in spite of the sockets that were before its own" \
		$(($(by_cpu "$cpu" 8652) - before)) 1950
done
check "it ends well" stop $three

# --- fewer workers than CPUs ---
configure "$listen" 1 192.0.2.76 >"$config"
agent_must_start bal "$config"
is "one worker, when so configured" "$(threads | xargs)" "$CPU_A"
for cpu in "$CPU_A" "$CPU_B"; do
	load "$NET_DIR/steered" "$cpu" $DNS4 -n 20 -Q 5000
	is "answers 2,000 queries that CPU $cpu received" "$(loaded "$NET_DIR/steered" completed)" 2000
done
check "and ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
