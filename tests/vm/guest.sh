# shellcheck shell=bash disable=SC2034  # those who source it use what looks unused
# SPDX-License-Identifier: GPL-2.0-or-later
# guest.sh - what scenarios inside a guest have beyond tests/net/lib.sh, which it sources: the
# kernel's own tunnel devices at the endpoints.
# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"

PATIENCE=10 # an emulated machine is slow, and others run beside it

# The guest has no compiler: what net_up wants is there already.
clang() { cp build/tests/net/xdp_pass.bpf.o "${@: -1}"; }

# The kernel's devices take every outer header off that there is: IPv4 or IPv6, in either.
endpoint_tunnels() {
	local name=$1 dev

	{
		ip -n "$NET-$name" link add in4 type ipip local "${EP4[$name]}" remote any &&
			ip -n "$NET-$name" link add six4 type sit mode ip6ip local "${EP4[$name]}" remote any &&
			ip -n "$NET-$name" link add in6 type ip6tnl mode any local "${EP6[$name]}" remote :: encaplimit none
	} || bail "tunnel devices can be made on $name"
	for dev in in4 six4 in6; do ip -n "$NET-$name" link set dev $dev up; done
}
# received NAME DEVICE: packets.
received() { ip -n "$NET-$1" -s -j link show dev "$2" | jq '.[0].stats64.rx.packets'; }

# families_reach NAME=SHARE...: clients of both families reach all of them; a is there by its IPv4
# address, b by its IPv6 address, and both have tunnel devices.
families_reach() {
	local dev

	connect "$got" --connections 240 --parallel 32
	check_shares "IPv4 clients reach endpoints of both families" "$got" 40 "$@"
	TARGET="[$VIP6]:80" connect "$got" --connections 240 --parallel 32
	check_shares "IPv6 clients reach endpoints of both families" "$got" 40 "$@"
	for dev in in4 six4; do at_least "a's device $dev decapsulated" "$(received a $dev)" 150; done
	at_least "b's device in6 decapsulated, of both families" "$(received b in6)" 300
}

# sees: a trace says where a connection goes, and a capture has its packets, both ways.
sees() {
	local said=$NET_DIR/capture name

	name=$(ctl bal trace --json "$CLIENT4:20000" $VIP4:80 tcp --syn | jq -r .endpoint.origin)
	start bal "$said" "$WEIR_BIN/weirctl" -c 127.0.0.1:8650 capture -w "$said.pcapng" \
		--src $CLIENT4 --sport 20000 --dport 80 --count 3 --seconds 60
	check "a capture begins" wait_until 20 grep -q 'capture: begins' "${AGENT_LOG[bal]}"
	is "a connection goes where its trace said" \
		"$(in_ns client curl -s -m 60 --local-port 20000 "http://$VIP4/name")" "${name%6}"
	finished "$STARTED" 70
	is "its capture ends well" $? 0
	check "with its packets as they came and as they left" \
		grep 'count is reached; 3 of [0-9]* packets.* 6 snapshots, 0 lost' "$said.err"
	at_least "all of them are in the file" "$(stat -c %s "$said.pcapng")" 1000
}

# What the agent says it is attached to: name, mode, whether it shares.
attached() { status bal '[.interfaces[] | "\(.name) \(.mode) \(.shared)"] | sort | join(", ")'; }

# What the kernel that runs has not and the agent does without: names, as its log says them.
missing_features() { sed -n 's/.*this kernel has no \(.*\), switched off$/\1/p' "${AGENT_LOG[bal]}"; }
