# shellcheck shell=bash disable=SC2034  # those who source it use what looks unused
# SPDX-License-Identifier: GPL-2.0-or-later
# network.sh - the part of lib.sh that makes the namespaces and the hosts in them; the picture of it
# is there, and it is sourced from there.

NET_MTU=${NET_MTU:-1500} # the client's; between r, balancers and endpoints 100 more

# ns_new NAME
ns_new() {
	ip netns add "$NET-$1" || bail "a namespace can be made"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	ip -n "$NET-$1" link set dev lo up
}

# link NAME IF R_IF MTU: NAME's interface IF, joined to r's R_IF.
link() {
	ip link add name "$2" mtu "$4" netns "$NET-$1" type veth \
		peer name "$3" mtu "$4" netns "$NET-r" || bail "a veth pair can be made for $1"
	ip -n "$NET-$1" link set dev "$2" up
	ip -n "$NET-r" link set dev "$3" up
}

# address NAME IF ADDRESS/LENGTH...
address() {
	local name=$1 dev=$2 a

	shift 2
	for a in "$@"; do
		case $a in
		*:*) ip -n "$NET-$name" address add "$a" dev "$dev" nodad ;;
		*) ip -n "$NET-$name" address add "$a" dev "$dev" ;;
		esac
	done
}

# routes NAME VIA4 VIA6: the default routes.
routes() {
	ip -n "$NET-$1" route add default via "$2"
	ip -n "$NET-$1" -6 route add default via "$3"
}

# net_up: client, r and its LAN, no balancer and no endpoint yet.
net_up() {
	local program frags=()

	[ "$(id -u)" = 0 ] || bail "network namespaces need root"
	for program in "$WEIR_BIN"/weir-agent "$WEIR_BIN"/weirctl "$WEIR_BIN"/weir-decap "$WEIR_LOAD"; do
		[ -x "$program" ] || bail "$program is there (make)"
	done
	mkdir -p build
	NET_DIR=$(mktemp -d "$PWD/build/net.XXXXXX") || bail "a directory can be made under build/"
	mkdir "$NET_DIR/bpf"
	mount -t bpf bpf "$NET_DIR/bpf" || bail "a BPF file system can be mounted"
	[ $NET_MTU -le 3000 ] || frags=(-DFRAGS=1)
	clang -O2 -g "${frags[@]}" -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" \
		-c tests/net/xdp_pass.bpf.c -o "$NET_DIR/xdp_pass.o" || bail "xdp_pass.bpf.c compiles"
	XDP_PASS=$NET_DIR/bpf/xdp_pass
	bpftool prog load "$NET_DIR/xdp_pass.o" "$XDP_PASS" || bail "xdp_pass.bpf.c loads"
	ns_new r
	ns_new client
	in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "$NET-r" link add lan mtu $((NET_MTU + 100)) type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$NET-r" link set dev lan up
	address r lan 192.0.2.1/25 2001:db8:1::1/64
	link client eth0 client $NET_MTU
	address r client 203.0.113.1/24 2001:db8:c::1/64
	address client eth0 $CLIENT4/24 $CLIENT6/64
	routes client 203.0.113.1 2001:db8:c::1
	in_ns client sysctl -qw net.ipv4.ip_local_port_range='1024 65535'
}

# balancer_up NAME [N]: a balancer's namespace, the Nth (1); the first gets the VIPs' traffic.
balancer_up() {
	ns_new "$1"
	balancer_link "$1" "${2:-1}"
	[ "${2:-1}" -ne 1 ] || vips_to 1
}

# balancer_link NAME N: its link, also again when that was deleted.
balancer_link() {
	local n=$2

	link "$1" eth0 "$1" $((NET_MTU + 100))
	ip -n "$NET-r" link set dev "$1" master lan
	in_ns r bpftool net attach xdpdrv pinned "$XDP_PASS" dev "$1" || bail "XDP can be attached to a veth"
	in_ns r ethtool -K "$1" tx off >/dev/null || bail "checksum offload can be switched off"
	address "$1" eth0 192.0.2.$((1 + n))/25 2001:db8:1::$((1 + n))/64
	routes "$1" 192.0.2.1 2001:db8:1::1
	ip -n "$NET-r" neigh flush dev lan to 192.0.2.$((1 + n))
	ip -n "$NET-r" neigh flush dev lan to 2001:db8:1::$((1 + n))
}

# vips_to N: r sends the VIPs' traffic to the Nth balancer.
vips_to() {
	ip -n "$NET-r" route replace 198.51.100.0/24 via 192.0.2.$((1 + $1))
	ip -n "$NET-r" -6 route replace 2001:db8:f::/64 via 2001:db8:1::$((1 + $1))
}

# endpoint_up NAME [lan]: a host with the VIPs on lo, behind r or on the balancers' LAN, with nginx
# on port 80 and weirload's server on the VIPs' port 9000. It takes outer headers off by itself
# once endpoint_decap was called.
endpoint_up() {
	local name=$1 n=$((${#EP4[@]} + 1))

	ns_new "$name"
	link "$name" eth0 "$name" $((NET_MTU + 100))
	if [ "${2:-}" = lan ]; then
		EP4[$name]=192.0.2.$((10 + n)) EP6[$name]=2001:db8:1::$((10 + n))
		ip -n "$NET-r" link set dev "$name" master lan
		address "$name" eth0 "${EP4[$name]}/25" "${EP6[$name]}/64"
		routes "$name" 192.0.2.1 2001:db8:1::1
	else
		EP4[$name]=192.0.2.$((127 + 2 * n)) EP6[$name]=2001:db8:b:$n::2
		address r "$name" 192.0.2.$((126 + 2 * n))/31 "2001:db8:b:$n::1/64"
		address "$name" eth0 "${EP4[$name]}/31" "${EP6[$name]}/64"
		routes "$name" 192.0.2.$((126 + 2 * n)) "2001:db8:b:$n::1"
	fi
	in_ns "$name" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
		net.ipv4.conf.eth0.rp_filter=0
	address "$name" lo $VIP4/32 $VIP4B/32 $VIP6/128 $VIP6B/128
	nginx_up "$name"
	start "$name" "$NET_DIR/serve.$name" "$WEIR_LOAD" serve --name "$name" \
		--listen $VIP4:9000 --listen "[$VIP6]:9000"
	SERVE[$name]=$STARTED
	wait_until 5 grep -q ready "$NET_DIR/serve.$name.err" || bail "weirload serves on $name"
}

# endpoint_decap NAME [OPTION...]: takes outer headers off what arrives for the VIPs.
endpoint_decap() {
	in_ns "$1" "$WEIR_BIN/weir-decap" --interface eth0 --vip $VIP4 --vip $VIP4B --vip $VIP6 \
		--vip $VIP6B "${@:2}" >"$NET_DIR/decap.$1" 2>&1 || {
		note "$(cat "$NET_DIR/decap.$1")"
		bail "weir-decap attaches on $1"
	}
}

# endpoints_up NAME...: routed endpoints that take outer headers off.
endpoints_up() {
	local name

	for name in "$@"; do
		endpoint_up "$name"
		endpoint_decap "$name"
	done
}

# nginx_up NAME: /name answers the endpoint's name; /health says ok while NAME.ill does not exist.
nginx_up() {
	local name=$1 dir=$NET_DIR/nginx.$1

	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $dir/pid;
		error_log $dir/error.log;
		events { worker_connections 8192; }
		http {
			access_log off;
			client_body_temp_path $dir/body;
			proxy_temp_path $dir/proxy;
			fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi;
			scgi_temp_path $dir/scgi;
			server {
				listen 80 backlog=4096;
				listen [::]:80 backlog=4096 ipv6only=on;
				root $dir;
				location = /name { return 200 "$name\n"; }
				location = /health {
					if (-e $dir/ill) { return 503; }
					return 200 "ok\n";
				}
			}
		}
	END
	start "$name" "$dir/out" nginx -p "$dir" -c "$dir/nginx.conf"
	NGINX[$name]=$STARTED
	wait_until 10 in_ns "$name" curl -sf -m 1 http://127.0.0.1/name || {
		note "$(cat "$dir/error.log" "$dir/out.err")"
		bail "nginx serves on $name"
	}
}

# nginx_down NAME: at once, as in a crash.
nginx_down() { stop "${NGINX[$1]}" KILL; }
