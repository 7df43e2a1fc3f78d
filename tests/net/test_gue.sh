#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IP in UDP: every family in every family, another port, outer source addresses that vary,
# congestion marks.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# A connection from a port that an older one had a moment ago stays where that was.
STRAYS=2

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live
export FORWARDING=gue
in_ns client sysctl -qw net.ipv4.tcp_ecn=1 # for the last part

# family WORDS VIP SUFFIX: SUFFIX 6 makes the endpoints IPv6.
family() {
	local words=$1 s=$3

	one_pool "$config" "a$s=1" "b$s=1"
	check "$words: the configuration is taken" agent_reload bal
	TARGET=$2:80 connect "$got" --connections 4000
	check_shares "$words: 4,000 connections are shared within 8 %" "$got" 8 a=1 b=1
	in_ns client "$WEIR_LOAD" udp --flows 4000 --requests 2 "$2:9000" >"$got"
	is "$words: 4,000 UDP flows are answered" "$(value "$got" '"\(.flows) \(.lost) \(.wrong)"')" "4000 0 0"
	TARGET=$2:9000 transfers_start "$live" --flows 200
	one_pool "$config" "b$s=1" "c$s=1"
	check "$words: a change is taken" agent_reload bal
	TARGET=$2:80 connect "$got" --connections 2000
	check_shares "$words: new connections follow it" "$got" 15 b=1 c=1
	FORWARDING=ipip one_pool "$config" "b$s=1" "c$s=1"
	check "$words: the way can become IPIP" agent_reload bal
	TARGET=$2:80 connect "$got" --connections 500
	check_shares "$words: and works" "$got" 25 b=1 c=1
	one_pool "$config" "b$s=1" "c$s=1"
	check "$words: and GUE again" agent_reload bal
	transfers_stop "$live"
	is "$words: 200 transfers through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "200 0"
	in_ns client "$WEIR_LOAD" transfers --flows 4 --rate 0 --size 10000000 "$2:9000" >"$live" 2>"$live.err"
	is "$words: full segments both ways, as fast as it goes" "$(value "$live" '.complete')" 4
}

DRAIN=3
one_pool "$config" a=1
agent_must_start bal "$config"
is "the status names the forwarding mode" "$(status bal '.services[0].forwarding')" gue
family "IPv4 in IPv4" "$VIP4" ''
family "IPv6 in IPv6" "[$VIP6]" 6
family "IPv4 in IPv6" "$VIP4" 6
family "IPv6 in IPv4" "[$VIP6]" ''

# --- what is fixed while the agent runs ---
cp "$config" "$NET_DIR/before.yaml"
# refused KEY LINE: not taken by a reload, which says why.
refused() {
	sed "s|^  node:.*|&\n  $1: $2|" "$NET_DIR/before.yaml" >"$config"
	check "a reload with another $1 is refused" eval '! agent_reload bal'
	check "and says what to do" status_is bal ".config.error | test(\"agent.$1: cannot change.*restart it\")" true
}
refused gue_port 9886
refused outer_source '[198.18.0.0/24]'
check "the agent ends well" agent_term bal

# --- another port, and sources that vary; seen where they leave r ---
cat >"$NET_DIR/see.py" <<'END'
import ipaddress, socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20) # SO_RCVBUFFORCE: all of it waits while this does
s.bind((sys.argv[1], 0))
s.settimeout(20)
print("ready", file=sys.stderr, flush=True)
want, port = int(sys.argv[2]), int(sys.argv[3])
seen = {4: (set(), set()), 6: (set(), set())}
n = {4: 0, 6: 0}
while min(n.values()) < want:
    p, _ = s.recvfrom(2048)
    version, at = p[14] >> 4, 54 if p[14] >> 4 == 6 else 34
    if version not in seen or p[20 if version == 6 else 23] != 17:
        continue
    sport, dport = struct.unpack("!HH", p[at:at + 4])
    if dport != port:
        continue
    seen[version][0].add(str(ipaddress.ip_address(p[22:38] if version == 6 else p[26:30])))
    seen[version][1].add(sport)
    n[version] += 1
for version, net in (4, sys.argv[4]), (6, sys.argv[5]):
    sources, ports = seen[version]
    assert all(ipaddress.ip_address(a) in ipaddress.ip_network(net) for a in sources), sources
    print(version, len(sources), len(ports) > 200)
END
for name in a b; do in_ns $name "$WEIR_BIN/weir-decap" --interface eth0 --detach; done
endpoint_decap a --gue-port 9886
endpoint_decap b
endpoint_decap b --gue-port 9886
one_pool "$config" a=1 b6=1
sed -i 's|^  node:.*|&\n  gue_port: 9886\n  outer_source: [198.18.0.0/26, "2001:db8:5::/122"]|' "$config"
agent_must_start bal "$config"
start r "$NET_DIR/seen" python3 "$NET_DIR/see.py" bal 5000 9886 198.18.0.0/26 2001:db8:5::/122
see=$STARTED
wait_until 10 grep -q ready "$NET_DIR/seen.err" || bail "packets can be watched"
connect "$got" --connections 2000
check_shares "another port is served" "$got" 15 a=1 b=1
TARGET="[$VIP6]:80" connect "$got" --connections 2000
check_shares "for IPv6 clients too" "$got" 15 a=1 b=1
check "packets were seen, all from the prefixes" finished "$see" 30
is "IPv4 and IPv6 outside, from 64 addresses each, and many ports" "$(paste -sd, "$NET_DIR/seen")" \
	"4 64 True,6 64 True"

# --- a router on the way marks what it would drop ---
ce() { in_ns "$1" nstat -asz | awk -v n="$2" '$1 == n { print $2 }'; }
clang -O2 -g -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" \
	-c tests/net/xdp_mark.bpf.c -o "$NET_DIR/xdp_mark.o" || bail "xdp_mark.bpf.c compiles"
bpftool prog load "$NET_DIR/xdp_mark.o" "$NET_DIR/bpf/xdp_mark" || bail "xdp_mark.bpf.c loads"
in_ns r bpftool net attach xdpdrv pinned "$NET_DIR/bpf/xdp_mark" dev bal overwrite || bail "xdp_mark attaches"
is "no packet was marked so far" "$(ce a IpExtInCEPkts) $(ce b Ip6InCEPkts)" "0 0"
for vip in $VIP4 "[$VIP6]"; do
	in_ns client "$WEIR_LOAD" transfers --flows 8 --rate 0 --size 200000 "$vip:9000" >"$live" 2>"$live.err"
	is "$vip: transfers through marks come to their end" "$(value "$live" '.complete')" 8
done
at_least "an endpoint saw marks on what came in IPv4" "$(ce a IpExtInCEPkts)" 50
at_least "and on what came in IPv6" "$(ce b Ip6InCEPkts)" 50
at_least "and its clients were told" "$(ce client TcpExtTCPDeliveredCE)" 50
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
