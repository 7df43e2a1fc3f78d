#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench_dns.sh - DNS servers beside each other: the same zone, the same client, in turns. µs of CPU
# for each answer, of the server's processes and of its side of the veth pair (whose NAPI is a thread
# of its own), at the best rate with at most 1 % lost; and that rate. 1,000 names with four addresses
# (n), and 1,000 that are a weighted one of three aliases (w). $1: a regular expression of the rows
# wanted. Prints lines of JSON; everything else goes to the error output.
#
# Servers with sockets are also asked at one and the same rate (-even; EVEN, 80,000 a second), and
# are held against each other there. An answer takes them the less the more come at once: from
# 40,000 to 200,000 a second it becomes a third cheaper, in bigger batches and with fewer wake-ups.
# The best rates are no such place: a server with the receive buffer that Linux gives (212 KB) loses
# 1 % in any pause of its CPU of some ms, so that its best rate is anything from 40,000 up, round by
# round, and what is cheap by chance is a high rate. All but PowerDNS keep the even one; what is lost
# is said in the row, and a server that loses answers fewer, each at the price of those of a full
# queue.
#
# Part of each figure is the wake-up of the client's CPU, the same for all: the peer's NAPI sleeps
# until an answer comes. CLIENT_US=20: it looks every 20 µs while there is something to do, as a NIC
# that moderates interrupts does, and no server pays for it.
#
# Linux takes real-time threads off their CPU for 50 ms of each second that they would have all of,
# and meanwhile a veth pair's 256 places are full: the best rate would be one that leaves a twentieth
# of the CPU idle. It is told not to, until the end.
#
# weir has no VIP, since no other server balances either: by tc it is alone on its interface, and
# beside the packet program in the rows "tcbeside".
#
#   "send", CPU 1: c1 c2 ...      a veth pair for each server
#   "serve", CPU 0: s1 s2 ...
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
exec 3>&1 1>&2
WANTED=${1:-}
ROUNDS=${ROUNDS:-3}
EVEN=${EVEN:-80000} # questions a second
CLIENT_US=${CLIENT_US:-0}
NAMES=1000
SERVER_CPU=0 CLIENT_CPU=1 # knotd pins its worker to CPU 0, whatever it is told
read -ra SERVERS <<<"${ONLY:-pdns nsd knot knotxdp xdp tc gdnsd weir signed tcbeside tcleast xdpleast}"
declare -A N=() PID=() MAC=()

wanted() { printf '%s\n' "$@" | grep -qE -- "$WANTED"; }
# pin CPU PRIORITY PID: on this CPU, where whatever else runs has to wait: it is not what is measured.
pin() { taskset -apc "$1" "$3" >/dev/null && chrt -f -a -p "$2" "$3"; }
# In a namespace with its own /sys.
sys() { ip netns exec "$NET-$1" "${@:2}"; }

# pair SERVER: its veth pair, of which each end's NAPI is a thread that can be pinned and counted.
pair() {
	local n=$((${#N[@]} + 1))

	N[$1]=$n
	ip link add name "c$n" netns "$NET-send" address 02:00:00:00:00:99 type veth \
		peer name "s$n" netns "$NET-serve" ||
		bail "a veth pair can be made"
	sys send ethtool -K "c$n" gro on tx off >/dev/null
	sys serve ethtool -K "s$n" gro on tx off >/dev/null
	address send "c$n" "10.9.$n.1/24"
	address serve "s$n" "10.9.$n.2/24"
	ip -n "$NET-send" link set dev "c$n" up
	ip -n "$NET-serve" link set dev "s$n" up
	sys send sh -c "echo 1 >/sys/class/net/c$n/threaded"
	sys serve sh -c "echo 1 >/sys/class/net/s$n/threaded"
	sys send sh -c "echo $((CLIENT_US * 1000)) >/sys/class/net/c$n/gro_flush_timeout"
	sys send sh -c "echo $((CLIENT_US ? 100 : 0)) >/sys/class/net/c$n/napi_defer_hard_irqs"
	ip -n "$NET-serve" neigh replace "10.9.$n.1" dev "s$n" lladdr 02:00:00:00:00:99 nud permanent
	MAC[$1]=$(ip -n "$NET-serve" -j link show dev "s$n" | jq -r '.[0].address')
}

# zone_file FORM: the zone in the words of a server.
zone_file() {
	echo '$TTL 300'
	echo '@ 3600 IN SOA ns1.bench.test. hostmaster.bench.test. 1 3600 600 86400 60'
	echo '@ 3600 IN NS ns1.bench.test.'
	echo 'ns1 IN A 192.0.2.53'
	awk -v n=$NAMES -v form="$1" 'BEGIN { for (i = 0; i < n; i++) {
		for (k = 1; k <= 4; k++) printf "n%05d IN A 198.51.%d.%d\n", i, k, i % 250 + 1
		if (form == "gdnsd") printf "w%05d 30 DYNC weighted!w\n", i
		if (form == "pdns") printf "w%05d 30 IN LUA CNAME \"pickwrandom({{1,'\''m1.example.net.'\''},{2,'\''m2.example.net.'\''},{5,'\''m3.example.net.'\''}})\"\n", i
	} }'
}

answers() { in_ns send dig +short +tries=1 +time=1 "@10.9.${N[$1]}.2" "${2:-n00000}.bench.test" A | grep -qE '^(198|m[123]\.)'; }

# begin SERVER COMMAND...: in its namespace, on its CPU.
begin() {
	local server=$1

	start serve "$NET_DIR/$server.out" taskset -c $SERVER_CPU "${@:2}"
	PID[$server]=$STARTED
	wait_until 20 answers "$server" || bail "$server answers: $(tail -n 5 "$NET_DIR/$server.out" "$NET_DIR/$server.out.err")"
}

knot_up() {
	local server=$1 listen=$2 geoip=$3 dir=$NET_DIR/$1

	mkdir -p "$dir/db"
	zone_file knot >"$dir/bench.test.zone"
	{
		cat <<-END
			server:
			    rundir: $dir
			    udp-workers: 1
			    tcp-workers: 1
			    background-workers: 1
			    udp-max-payload: 1232
		END
		if [ -n "$listen" ]; then
			echo "    listen: $listen"
		else
			printf 'xdp:\n    listen: s%s@53\n' "${N[$server]}"
		fi
		printf 'database:\n    storage: %s/db\n' "$dir"
		[ "$geoip" = no ] ||
			printf 'mod-geoip:\n  - id: w\n    config-file: %s/geoip\n    ttl: 30\n    mode: weighted\n' "$dir"
		cat <<-END
			zone:
			  - domain: bench.test
			    storage: $dir
			    file: bench.test.zone
			    zonefile-sync: -1
			    journal-content: none
		END
		[ "$geoip" = no ] || echo "    module: mod-geoip/w"
	} >"$dir/conf"
	awk -v n=$NAMES 'BEGIN { for (i = 0; i < n; i++) printf "w%05d.bench.test:\n  - weight: 1\n    CNAME: m1.example.net.\n  - weight: 2\n    CNAME: m2.example.net.\n  - weight: 5\n    CNAME: m3.example.net.\n", i }' >"$dir/geoip"
	begin "$server" knotd -c "$dir/conf"
}

nsd_up() {
	local dir=$NET_DIR/nsd

	mkdir -p "$dir"
	zone_file nsd >"$dir/zone"
	cat >"$dir/conf" <<-END
		server:
		    ip-address: 10.9.${N[nsd]}.2
		    server-count: 1
		    username: root
		    zonesdir: $dir
		    database: ""
		    pidfile: $dir/pid
		    xfrdfile: $dir/xfrd
		    zonelistfile: $dir/list
		    xfrdir: $dir
		    rrl-ratelimit: 0
		remote-control:
		    control-enable: no
		zone:
		    name: bench.test
		    zonefile: zone
	END
	begin nsd nsd -d -c "$dir/conf"
}

gdnsd_up() {
	local dir=$NET_DIR/gdnsd

	mkdir -p "$dir/zones" "$dir/run" "$dir/state"
	zone_file gdnsd >"$dir/zones/bench.test"
	cat >"$dir/config" <<-END
		options => { listen => [ "10.9.${N[gdnsd]}.2" ], udp_threads => 1, tcp_threads => 1, run_dir => "$dir/run", state_dir => "$dir/state" }
		plugins => { weighted => { w => { m1 => [ m1.example.net., 1 ], m2 => [ m2.example.net., 2 ], m3 => [ m3.example.net., 5 ] } } }
	END
	begin gdnsd gdnsd -c "$dir" start
}

pdns_up() {
	local dir=$NET_DIR/pdns

	mkdir -p "$dir"
	zone_file pdns >"$dir/zone"
	echo "zone \"bench.test\" { type master; file \"$dir/zone\"; };" >"$dir/named.conf"
	begin pdns pdns_server --config-dir="$dir" --launch=bind --bind-config="$dir/named.conf" \
		--local-address="10.9.${N[pdns]}.2" --socket-dir="$dir" --enable-lua-records=shared \
		--receiver-threads=1 --distributor-threads=1 --disable-syslog --daemon=no --guardian=no \
		--setuid= --setgid= --zone-cache-refresh-interval=0
}

# weir_up SERVER KERNEL
weir_up() {
	local server=$1 n=${N[$1]}

	{
		cat <<-END
			agent:
			  node: $server
			  $([ "$2" = off ] || echo "interfaces: [s$n]")
			  $([ "$server" != tcbeside ] || echo "vips: [198.51.100.1]")
			  dns: { listen: ["10.9.$n.2:53"], kernel: $2, workers: 1 }
			  control: 127.0.0.1:$((8650 + n))
			  pin_path: $NET_DIR/bpf/$server
			zones:
			  - { name: bench.test, ns: [ns1.bench.test]$([ "$server" = signed ] && echo ", dnssec: true") }
			records:
			  - { type: A, name: ns1.bench.test, content: 192.0.2.53 }
		END
		awk -v n=$NAMES 'BEGIN { split("1 2 5", weight); for (i = 0; i < n; i++) {
			for (k = 1; k <= 4; k++) printf "  - { type: A, name: n%05d.bench.test, content: 198.51.%d.%d, ttl: 300 }\n", i, k, i % 250 + 1
			for (k = 1; k <= 3; k++) printf "  - { type: POOL, name: w%05d.bench.test, content: m%d.example.net, ttl: 30, weight: %d }\n", i, k, weight[k]
		} }'
	} >"$NET_DIR/$server.yaml"
	begin "$server" "$WEIR_BIN/weir-agent" --config "$NET_DIR/$server.yaml"
}

# What nothing that answers by tc or XDP can be below: no server, and no answer that is one.
least_up() {
	local dev=s${N[$1]} object=build/tests/bench/bounce.bpf.o

	start serve "$NET_DIR/$1.out" sleep 3600
	PID[$1]=$STARTED
	if [ "$1" = xdpleast ]; then
		ip -n "$NET-serve" link set dev "$dev" xdpdrv obj $object sec xdp
	else
		sys serve tc qdisc add dev "$dev" clsact &&
			sys serve tc filter add dev "$dev" ingress bpf direct-action obj $object sec tc
	fi || bail "the least that $1 can be is attached"
}

server_up() {
	case $1 in
	knot) knot_up knot "10.9.${N[knot]}.2" yes ;;
	knotxdp) knot_up knotxdp "" no ;;
	weir | signed) weir_up "$1" off ;;
	tc | xdp) weir_up "$1" "$1" ;;
	tcbeside) weir_up "$1" tc ;;
	tcleast | xdpleast) least_up "$1" ;;
	*) "$1_up" ;;
	esac
}

# descendants PID...: and these themselves.
descendants() {
	local pid

	for pid in "$@"; do
		echo "$pid"
		# shellcheck disable=SC2046
		descendants $(pgrep -P "$pid")
	done
}

# The thread that takes what comes in for an interface.
napi() { pgrep "^napi/$1-" | head -n 1; }

# measure SERVER LETTER RATE: what dns_rate says.
measure() {
	local n=${N[$1]} p dnssec=0

	[ "$1" != signed ] || dnssec=1

	# As a softirq would: what comes in is taken before the server goes on.
	for p in $(napi "s$n"); do pin $SERVER_CPU 2 "$p"; done
	for p in $(descendants "${PID[$1]}"); do pin $SERVER_CPU 1 "$p"; done
	for p in $(napi "c$n"); do pin $CLIENT_CPU 2 "$p"; done
	# shellcheck disable=SC2046
	in_ns send chrt -f 1 taskset -c $CLIENT_CPU timeout 120 build/tests/bench/dns_rate "$2" $dnssec "$3" "c$n" "10.9.$n.1" \
		"10.9.$n.2" "${MAC[$1]}" $(descendants "${PID[$1]}") $(napi "s$n") || bail "$1 is measured"
}

# Whether it answers by sockets.
has_sockets() { [[ $1 =~ ^(pdns|nsd|knot|gdnsd|weir|signed)$ ]]; }

# row NAME SERVER-FILE UNIT FIELD [AGAINST AGAINST-FILE BAR]
row() {
	jq -nc --arg name "$1" --arg unit "$3" --arg field "$4" --arg against "${5:-}" --arg bar "${7:-}" \
		--slurpfile v "$2" --slurpfile f "${6:-$2}" '
		def median: sort | .[length / 2 | floor];
		($v | map(.[$field])) as $values | ($f | map(.[$field])) as $floors
		| {$name, $unit, value: ($values | median), bar: null, holds: true}
		| if $against == "" then . + {against: null, floor: null, ratio: null}
		  else . + {$against, floor: ($floors | median),
			ratio: ([range($values | length) as $i | $values[$i] / $floors[$i]] | median)} end
		| if $bar == "" then . else . + {bar: ($bar | tonumber), holds: (.ratio <= ($bar | tonumber))} end
		| (($v | map(.lost) | median) * 1000 | round / 10) as $lost
		| if $lost <= 1 then . else . + {note: "\($lost) % lost"} end' >&3
}

# against SERVER FILES: who it is held against, and the bar, of those that there are FILES.server of.
against() {
	local who bar=''

	case $1 in
	xdp) who=knotxdp bar=0.35 ;;
	tc) who=gdnsd bar=0.3 ;;
	tcbeside) who=tc ;;
	weir) who=gdnsd bar=1.1 ;;
	signed) who=weir bar=1.3 ;;
	*) who=xdp ;;
	esac
	[ ! -s "$2.$who" ] || echo "$who $bar"
}

# rows LETTER WHAT
rows() {
	local server r=$NET_DIR/rounds.$1 who bar

	for server in ${SERVERS[*]}; do
		[ -s "$r.$server" ] || continue
		read -r who bar <<<"$(against "$server" "$r")"
		! has_sockets "$server" || bar='' # that is held at the even rate
		row "dns/$2-$server" "$r.$server" "us" us ${who:+"dns/$2-$who" "$r.$who"} $bar
		row "dns/$2-$server-rate" "$r.$server" "q/s" rate ${who:+"dns/$2-$who-rate" "$r.$who"}
	done
	r=$NET_DIR/even.$1
	for server in ${SERVERS[*]}; do
		[ -s "$r.$server" ] || continue
		read -r who bar <<<"$(against "$server" "$r")"
		row "dns/$2-$server-even" "$r.$server" "us" us ${who:+"dns/$2-$who-even" "$r.$who"} $bar
	done
}

# turn FILES RATE SERVER...: a round of a letter, one server after the other.
turn() {
	local server got

	for server in "${@:3}"; do
		case $letter$server in wnsd | wknotxdp | w*least) continue ;; esac
		got=$(measure "$server" "$letter" "$2") || bail "$got"
		echo "$got" >>"$NET_DIR/$1.$letter.$server"
		note "round $round, $letter, $server: $got"
	done
}

wanted dns/{addresses,weighted}-{pdns,nsd,knot,gdnsd,knotxdp,weir,signed,tc,tcbeside,xdp,tcleast,xdpleast}{,-rate,-even} || exit 0
tests/lib/install.sh knot knot-module-geoip nsd gdnsd pdns-server pdns-backend-bind || exit 1
throttle=$(sysctl -n kernel.sched_rt_runtime_us)
trap 'rc=$?; sysctl -qw kernel.sched_rt_runtime_us="$throttle"; (exit $rc); net_cleanup' EXIT
sysctl -qw kernel.sched_rt_runtime_us=-1
net_up
ns_new send
ns_new serve
printf 'zones: [{ name: bench.test, ns: [a.bench.test], dnssec: true }]\n' >"$NET_DIR/signed.yaml"
"$WEIR_BIN/weir-agent" --check --config "$NET_DIR/signed.yaml" || SERVERS=("${SERVERS[@]/signed/}")
for server in ${SERVERS[*]}; do
	pair "$server"
	server_up "$server"
done
mapfile -t sockets < <(for server in ${SERVERS[*]}; do ! has_sockets "$server" || echo "$server"; done)
for round in $(seq "$ROUNDS"); do
	for letter in n w; do
		turn rounds 0 ${SERVERS[*]}
		turn even "$EVEN" "${sockets[@]}"
	done
done
rows n addresses
rows w weighted
exit $((FAILED > 0))
