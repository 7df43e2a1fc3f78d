#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QUIC with a real server and client (of ngtcp2): new connections are shared and follow a change at
# once; those that are there stay at their server by their ids, wherever their clients are and
# whatever becomes of the pool.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_tls.sh
. tests/net/lib_tls.sh

WWW=https://www.example.org
CLIENTS=12
IDS=$PWD/build/tests/net/quic_ids.so
declare -A ID=([a]=0a01 [b]=0b02 [c]=0c03)
declare -A VALIDATES=([c]=-V) # a client's address, by Retry, before it talks to it
declare -A QUIC=()	      # endpoint -> pid

net_up
for program in gtlsserver gtlsclient "$IDS"; do
	command -v "$program" >/dev/null || bail "$program is there (make deps)"
done
certificate "$NET_DIR/www" DNS:www.example.org
head -c 1000000 /dev/urandom >"$NET_DIR/big"
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml

server_listens() { in_ns "$1" ss -Hlun 'sport = 443' | grep -q .; }

# server_up NAME [ID]: answers /name and /big; with an id, its connections are named by it.
server_up() {
	local docs=$NET_DIR/docs.$1

	mkdir -p "$docs"
	echo "$1" >"$docs/name"
	ln -sf "$NET_DIR/big" "$docs/big"
	start "$1" "$NET_DIR/quic.$1" env ${2:+WEIR_SERVER_ID=$2 LD_PRELOAD=$IDS} \
		gtlsserver -q ${VALIDATES[$1]:-} -d "$docs" '*' 443 "$NET_DIR/www.key" "$NET_DIR/www.crt"
	QUIC[$1]=$STARTED
	wait_until 20 server_listens "$1" || bail "gtlsserver serves on $1"
}

# servers with|without: with ids or with connection ids at random.
servers() {
	local name

	for name in "${!QUIC[@]}"; do stop "${QUIC[$name]}"; done
	for name in a b c; do server_up $name "$([ "$1" = with ] && echo ${ID[$name]})"; done
}

# balancer_yaml ORIGIN...: of these, with ids.
balancer_yaml() {
	agent_yaml
	printf 'pools:\n  - name: main\n    origins:\n'
	for name in "$@"; do
		printf '      - { name: %s, address: "%s", server_id: "%s" }\n' "$name" "${EP4[$name]}" "${ID[$name]}"
	done
	cat <<-END
		load_balancers:
		  - name: www.example.org
		    default_pools: [main]
		    fallback_pool: main
		    proxied: true
		    listeners: [udp/443]
		    udp: quic
		    quic: { config_rotation: 0, server_id_length: 2 }
	END
}

# clients N URL VIP OPTION...: so many connections at the same time; what the nth got is in
# $NET_DIR/got.n, its pid in PIDS.
clients() {
	local n=$1 url=$2 vip=$3 i

	shift 3
	PIDS=()
	rm -rf "$NET_DIR"/got.*
	for ((i = 0; i < n; i++)); do
		mkdir "$NET_DIR/got.$i"
		start client "$NET_DIR/client.$i" gtlsclient -q --exit-on-all-streams-close \
			--download="$NET_DIR/got.$i" "$@" "$vip" 443 "$WWW/$url"
		PIDS+=("$STARTED")
	done
}

clients_end() {
	local pid

	for pid in "${PIDS[@]}"; do finished "$pid" 120; done
}

# How many of the clients got the file whole; how many of them each server answered.
whole() {
	local n=0 i

	for ((i = 0; i < ${#PIDS[@]}; i++)); do cmp -s "$NET_DIR/big" "$NET_DIR/got.$i/big" && n=$((n + 1)); done
	echo $n
}
answers() { cat "$NET_DIR"/got.*/name 2>/dev/null | sort | uniq -c | awk '{ printf "%s%s=%d", sep, $2, $1; sep = " " }'; }
answered() { cat "$NET_DIR"/got.*/name 2>/dev/null | grep -c "^$1\$"; }
all_begun() { [ "$(find "$NET_DIR"/got.*/big -size +0 2>/dev/null | wc -l)" -eq $CLIENTS ]; }
by_id() { status bal '.packets[] | select(.reason == "FORWARD_QUIC") | .packets'; }

servers with
balancer_yaml a b c >"$config"
agent_must_start bal "$config"

clients 40 name $VIP4
clients_end
note "answers: $(answers)"
is "40 connections are answered" "$(answered '[abc]')" 40
for name in a b c; do at_least "$name has a part of them" "$(answered $name)" 3; done
clients 12 name $VIP6
clients_end
is "12 connections over IPv6 are answered" "$(answered '[abc]')" 12

# A trace asks for one.
for name in a b c; do
	is "a packet with the id of $name goes there" "$(ctl bal trace --json --quic-id "1f${ID[$name]}0123456789" \
		$CLIENT4:4000 $VIP4:443 udp | jq -r '"\(.reason) \(.endpoint.origin)"')" "FORWARD_QUIC $name"
done
is "with that of nobody by its row" "$(ctl bal trace --json --quic-id 1f0a020123456789 $CLIENT4:4000 $VIP4:443 udp |
	jq -r .reason)" FORWARD
ctl bal trace $CLIENT4:4000 $VIP4:443 udp >"$NET_DIR/said"
is "without an id it is said that there may be one" "$(grep -c -- --quic-id "$NET_DIR/said")" 1

# A client asks when it has moved: by a path that it has had validated, and as behind a NAT.
before=$(by_id)
clients $CLIENTS name $VIP4 --change-local-addr=200ms --delay-stream=1s
clients_end
is "$CLIENTS connections go on from another port" "$(answered '[abc]')" $CLIENTS
clients $CLIENTS name $VIP6 --change-local-addr=200ms --nat-rebinding --delay-stream=1s
clients_end
is "$CLIENTS connections over IPv6 go on when a NAT changes their ports" "$(answered '[abc]')" $CLIENTS
at_least "their packets went by id" $(($(by_id) - before)) $((4 * CLIENTS))

# Downloads that take some seconds together, in the middle of which a leaves the pool, and then all
# clients move.
in_ns r tc qdisc add dev client root tbf rate 10mbit burst 64kb latency 100ms || bail "a link can be made slow"
clients $CLIENTS big $VIP4 --change-local-addr=4s
wait_until 60 all_begun || bail "downloads begin"
balancer_yaml b c >"$config"
check "a leaves the pool" agent_reload bal
at_most "while most of them download" "$(whole)" $((CLIENTS / 3))
clients_end
in_ns r tc qdisc del dev client root
is "all $CLIENTS downloads end well" "$(whole)" $CLIENTS
balancer_yaml a b c >"$config"
check "a comes back" agent_reload bal
balancer_yaml b c >"$config"
check "and leaves again" agent_reload bal
clients 30 name $VIP4
clients_end
is "at once no new connection is a's" "$(answered '[bc]') $(answered a)" "30 0"

# The same where servers have no ids: it is the ids that do it.
servers without
balancer_yaml a b c >"$config"
check "a is there again" agent_reload bal
clients $CLIENTS name $VIP4 --change-local-addr=200ms --nat-rebinding --delay-stream=1s --timeout=5s
clients_end
at_most "without ids connections that move end at another server" "$(answered '[abc]')" $((CLIENTS - 1))
check "the agent ends well" agent_term bal
finish
