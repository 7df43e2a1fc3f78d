# shellcheck shell=bash disable=SC2034  # those who source it use what looks unused
# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - a small network of namespaces with the real programs in it, and assertions in TAP.
#
#   client 203.0.113.2 ---- r ---- routed endpoints 192.0.2.129/31, .131/31, ...
#                           |
#                         bridge "lan" 192.0.2.0/25: balancers .2 .3, endpoints of the LAN .11 ...
#
# r routes the VIPs (198.51.100.0/24, 2001:db8:f::/64) to the balancer, whose one interface is
# eth0: what comes in leaves there again. Endpoints have the VIPs on lo and answer the client
# through r, past the balancer. Everything also speaks IPv6.
#
# What a veth pair needs before it can carry this:
# * an XDP program on the far end of a device that sends by XDP_TX, else the frames are lost;
# * no checksum offload on that far end, else what arrives has no checksum to carry on with;
# * MTU 1600 between r, balancers and endpoints: the outer header comes on top of 1500;
# * nsenter and not `ip netns exec`, which hides the BPF file system.
#
# Source it from the root's tests/net or tools. It goes to the root of the tree, and whatever ends
# the script - also a signal - stops the processes that were started here and removes namespaces,
# the BPF file system and the files. Every wait is bounded.
set -u
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

WEIR_BIN=${WEIR_BIN:-build}	      # build/san: the programs with sanitizers
WEIR_LOAD=${WEIR_LOAD:-build/weirload} # the generator never needs them
# Freed memory is filled, so that a library without checks that still reads it trips as well.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:max_free_fill_size=65536 UBSAN_OPTIONS=print_stacktrace=1

NET=weir-$$ # every namespace is $NET-something
NET_DIR=    # files of this run; its "bpf" is a BPF file system
PASSED=0 FAILED=0
declare -A NET_PIDS=() # pid -> 1: what was started and not yet stopped

# What tests name things by.
CLIENT4=203.0.113.2 CLIENT6=2001:db8:c::2
VIP4=198.51.100.1 VIP6=2001:db8:f::1 VIP4B=198.51.100.2 VIP6B=2001:db8:f::2
DNS4=192.0.2.2 DNS6=2001:db8:1::2 # the first balancer
declare -A EP4=() EP6=()	  # endpoint -> address
declare -A NGINX=() SERVE=()	  # endpoint -> pid
declare -A AGENT=() AGENT_LOG=()  # balancer -> pid, file
AGENT_RUNS=0

# --- saying ---

note() { printf '# %s\n' "$*"; }

ok() {
	PASSED=$((PASSED + 1))
	printf 'ok - %s\n' "$*"
}

not_ok() {
	FAILED=$((FAILED + 1))
	printf 'not ok - %s\n' "$*"
}

# check SENTENCE COMMAND...: the sentence holds when the command does; its words are shown if not.
check() {
	local sentence=$1

	shift
	if "$@" >"$NET_DIR/words" 2>&1; then # in this shell: it may wait for its children
		ok "$sentence"
	else
		not_ok "$sentence"
		head -n 40 "$NET_DIR/words" | sed 's/^/#   /'
	fi
}

# is SENTENCE GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "  got '$2', want '$3'"
	fi
}

# at_most SENTENCE GOT LIMIT: whole numbers.
at_most() {
	if [ -n "$2" ] && [ "$2" -le "$3" ] 2>/dev/null; then
		ok "$1 ($2 <= $3)"
	else
		not_ok "$1"
		note "  got '$2', at most $3"
	fi
}

# at_least SENTENCE GOT LIMIT
at_least() {
	if [ -n "$2" ] && [ "$2" -ge "$3" ] 2>/dev/null; then
		ok "$1 ($2 >= $3)"
	else
		not_ok "$1"
		note "  got '$2', at least $3"
	fi
}

# bail SENTENCE: the rest of this script makes no sense.
bail() {
	not_ok "$*"
	exit 1
}

# --- time ---

now_ms() {
	local t=${EPOCHREALTIME/./}

	echo $((t / 1000))
}

# wait_until SECONDS COMMAND...: false when it did not come true in time, PATIENCE times as long.
wait_until() {
	local end=$(($(now_ms) + $1 * 1000 * ${PATIENCE:-1}))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt $end ] || return 1
		sleep 0.02
	done
}

# --- processes ---

# in_ns NAME COMMAND...
in_ns() { nsenter --net="/run/netns/$NET-$1" -- "${@:2}"; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# start NAME FILE COMMAND...: in the background, output to FILE and FILE.err, pid in STARTED.
start() {
	local where=$1 out=$2

	shift 2
	nsenter --net="/run/netns/$NET-$where" -- "$@" </dev/null >"$out" 2>"$out.err" &
	STARTED=$!
	NET_PIDS[$STARTED]=1
}

# finished PID [SECONDS]: waits for what was started, at most so long (60); its exit status.
finished() {
	local rc

	{
		wait_until "${2:-60}" gone "$1" || kill -KILL "$1"
		wait "$1"
		rc=$?
	} 2>/dev/null # the shell tells of every job that was killed
	unset "NET_PIDS[$1]"
	return $rc
}

# stop PID [SIGNAL]: ends what was started; its exit status.
stop() {
	kill -"${2:-TERM}" "$1" 2>/dev/null
	finished "$1" 20
}

# --- beginning and end ---

net_cleanup() {
	local rc=$? pid name

	trap '' INT TERM HUP PIPE
	trap - EXIT
	exec 2>/dev/null
	if [ $FAILED -gt 0 ] && [ -n "$NET_DIR" ]; then
		for name in "$NET_DIR"/agent.*.err; do
			[ -s "$name" ] || continue
			note "end of ${name##*/}:"
			tail -n 25 "$name" | sed 's/^/#   /'
		done
	fi
	for pid in "${!NET_PIDS[@]}"; do kill -TERM "$pid"; done
	for pid in "${!NET_PIDS[@]}"; do
		wait_until 3 gone "$pid" || kill -KILL "$pid"
		wait "$pid"
	done
	for name in $(ip netns list | cut -d' ' -f1); do
		case $name in "$NET"-*) ip netns del "$name" ;; esac
	done
	if [ -n "$NET_DIR" ] && [ -d "$NET_DIR" ]; then
		if mountpoint -q "$NET_DIR/bpf"; then umount "$NET_DIR/bpf" || umount -l "$NET_DIR/bpf"; fi
		mountpoint -q "$NET_DIR/bpf" || rm -rf "${NET_DIR:?}"
	fi
	if ip netns list | grep -q "^$NET-" || [ -d "${NET_DIR:-/nonexistent}" ]; then
		not_ok "nothing is left behind"
	fi
	[ $rc -le 128 ] || note "interrupted; everything that was started is stopped and removed"
	[ $rc -eq 0 ] && [ $FAILED -gt 0 ] && rc=1
	exit $rc
}

# Ends a test script: its exit status is that of its checks.
finish() {
	note "$PASSED ok, $FAILED not ok"
	exit $((FAILED > 0))
}

trap net_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP PIPE

. tests/net/network.sh

# --- weir ---

# agent_yaml [BALANCER [N]]: the agent section of a configuration.
agent_yaml() {
	local name=${1:-bal} n=${2:-1}

	cat <<-END
		agent:
		  node: $name
		  region: WEU
		  interfaces: [eth0]
		  vips: ["$VIP4", "$VIP6"]
		  dns: { listen: ["192.0.2.$((1 + n)):53", "[2001:db8:1::$((1 + n))]:53"] }
		  control: 127.0.0.1:8650
		  pin_path: $NET_DIR/bpf/$name
		  hash_key: 000102030405060708090a0b0c0d0e0f
		  drain_duration: ${DRAIN:-60}
	END
}

# pool_yaml NAME MINIMUM MONITOR|- ORIGIN...: an item of pools. ORIGIN: NAME=WEIGHT of an endpoint,
# with IPv6 for NAME6=WEIGHT and switched off by NAME=WEIGHT,off.
pool_yaml() {
	local pool=$1 monitor=$3 origin name weight rest

	printf '  - name: %s\n    minimum_origins: %s\n' "$pool" "$2"
	[ "$monitor" = - ] || printf '    monitor: %s\n' "$monitor"
	printf '    origins:\n'
	shift 3
	for origin in "$@"; do
		name=${origin%%=*} rest=${origin#*=}
		weight=${rest%%,*}
		printf '      - { name: %s, address: "%s", weight: %s, enabled: %s }\n' "$name" \
			"$(endpoint_address "$name")" "$weight" \
			"$([ "$rest" = "$weight" ] && echo true || echo false)"
	done
}

# endpoint_address NAME|NAME6
endpoint_address() {
	if [ -n "${EP4[$1]:-}" ]; then echo "${EP4[$1]}"; else echo "${EP6[${1%6}]}"; fi
}

# lb_yaml NAME FALLBACK POOL...: an item of load_balancers, on all VIPs unless VIPS says which
# ("ADDRESS", ...), with ipip unless FORWARDING says how.
lb_yaml() {
	local name=$1 fallback=$2 pools

	shift 2
	pools=$(printf '%s, ' "$@")
	cat <<-END
		  - name: $name
		    default_pools: [${pools%, }]
		    fallback_pool: $fallback
		    proxied: true
		    steering_policy: "off"
		    forwarding: ${FORWARDING:-ipip}
		    vips: [${VIPS:-"$VIP4", "$VIP6"}]
		    listeners: [tcp/80, tcp/9000, udp/9000]
	END
}

# one_pool FILE ORIGIN...: a configuration with one pool without a monitor.
one_pool() {
	local file=$1

	shift
	{
		agent_yaml "${BALANCER:-bal}" "${BALANCER_N:-1}"
		echo "pools:"
		pool_yaml main 1 - "$@"
		echo "load_balancers:"
		lb_yaml www.example.org main main
	} >"$file"
}

agent_settled() { gone "${AGENT[$1]}" || grep -q ready "${AGENT_LOG[$1]}"; }

# agent_start BALANCER CONFIG: false when it ends instead of becoming ready.
agent_start() {
	local log

	AGENT_RUNS=$((AGENT_RUNS + 1))
	log=$NET_DIR/agent.$1.$AGENT_RUNS
	start "$1" "$log" "$WEIR_BIN/weir-agent" --config "$2"
	AGENT[$1]=$STARTED AGENT_LOG[$1]=$log.err
	wait_until 30 agent_settled "$1" && ! gone "$STARTED"
}

# The same where nothing else makes sense without it.
agent_must_start() { agent_start "$@" || bail "the agent becomes ready"; }

agent_kill9() { stop "${AGENT[$1]}" KILL; }

# agent_term BALANCER: its exit status.
agent_term() { stop "${AGENT[$1]}" TERM; }

# agent_detach BALANCER: without an agent, what is attached and pinned goes.
agent_detach() { in_ns "$1" timeout $((30 * ${PATIENCE:-1})) "$WEIR_BIN/weir-agent" --detach --pin-path "$NET_DIR/bpf/$1"; }

ctl() { in_ns "$1" "$WEIR_BIN/weirctl" --control 127.0.0.1:8650 "${@:2}"; }

# status BALANCER [JQ FILTER]: of the status as JSON.
status() {
	local json

	json=$(ctl "$1" status --json) && jq -r "${2:-.}" <<<"$json"
}

# status_is BALANCER FILTER VALUE
status_is() { [ "$(status "$1" "$2" 2>/dev/null)" = "$3" ]; }

# agent_reload BALANCER: true when the file was taken, false when it was refused.
agent_reload() {
	local before after

	before=$(config_said "$1") || return 1
	kill -HUP "${AGENT[$1]}"
	wait_until 10 config_changed "$1" "$before"
	[ -n "$after" ] && [ "${after%% *}" != "${before%% *}" ]
}
config_said() { status "$1" '"\(.config.revision) \(.config.error)"'; }
config_changed() { after=$(config_said "$1") && [ "$after" != "$2" ]; }

# No agent of this run said that memory was misused.
no_sanitizer_report() {
	! grep -hE 'AddressSanitizer|LeakSanitizer|runtime error:' "$NET_DIR"/agent.*.err
}

# --- traffic ---

# connect FILE [OPTION...]: short connections from the client to the VIP (TARGET), judged in FILE.
connect() { in_ns client "$WEIR_LOAD" connect --timeout $((3 * ${PATIENCE:-1})) "${@:2}" "${TARGET:-$VIP4:80}" >"$1"; }

# transfers_start FILE [OPTION...]: long transfers in the background; pid in TRANSFERS.
transfers_start() {
	start client "$1" "$WEIR_LOAD" transfers --stall $((10 * ${PATIENCE:-1})) "${@:2}" "${TARGET:-$VIP4:9000}"
	TRANSFERS=$STARTED
	wait_until 20 grep -q started "$1.err" || bail "the transfers start"
}

# transfers_stop FILE: ends them and says what broke.
transfers_stop() {
	stop "$TRANSFERS" TERM
	note "transfers: $(cat "$1")"
	[ "$(jq .broken "$1")" = 0 ] || grep -v started "$1.err" | head -n 5 | sed 's/^/#   /'
}

# value FILE FILTER: from a result.
value() { jq -r "$2" "$1"; }

# shares FILE TOLERANCE NAME=WEIGHT...: everyone's count is within TOLERANCE % of its share by
# weight, nobody else has any (more than STRAYS connections), nothing failed.
shares() {
	local file=$1 tolerance=$2 want

	shift 2
	want=$(printf '%s\n' "$@" | jq -Rn '[inputs | split("=") | {(.[0]): (.[1] | tonumber)}] | add')
	jq -er --argjson want "$want" --argjson tolerance "$tolerance" --argjson strays "${STRAYS:-0}" '
		([.by[]] | add // 0) as $n | ([$want[]] | add) as $w
		| .by as $by | [$want | to_entries[]
			| {name: .key, want: (100 * .value / $w), got: (100 * ($by[.key] // 0) / ([$n, 1] | max))}
			| .ok = ((.got - .want | fabs) <= .want * $tolerance / 100)] as $all
		| ($by | keys - ($want | keys)) as $strangers
		| "\(.connections // .flows) with \(.failed // .lost) failed \(.failures): " + ([$all[]
			| "\(.name) \(.got * 100 | round / 100) % of \(.want * 100 | round / 100) %"]
			| join(", ")) + ($strangers | map(", and " + .) | join("")),
		(([$strangers[] | $by[.]] | add // 0) <= $strays and ($all | all(.ok)) and (.failed // .lost) == 0)' "$file" |
		{ read -r line && echo "$line" && read -r held && [ "$held" = true ]; }
}

# check_shares SENTENCE FILE TOLERANCE NAME=WEIGHT...
check_shares() {
	local sentence=$1 said

	shift
	if said=$(shares "$@"); then ok "$sentence"; else not_ok "$sentence"; fi
	note "  $said"
}
