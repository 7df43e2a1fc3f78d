#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every kind of probe against real servers: nginx, openssl's server, a mail server, a service over
# UDP, hosts that answer pings or do not. What is shown is a reason of the documented words.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a
endpoint_up b
config=$NET_DIR/weir.yaml certs=$NET_DIR/certs
A=${EP4[a]} A6=${EP6[a]} B=${EP4[b]}

# --- the servers ---

mkdir "$certs"
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

# certificate NAME ALTERNATIVES DAYS: of the authority.
certificate() {
	# shellcheck disable=SC2086
	openssl req $key -keyout "$certs/$1.key" -out "$certs/csr" -subj "/CN=$1" &&
		printf 'subjectAltName=%s' "$2" >"$certs/ext" &&
		openssl x509 -req -in "$certs/csr" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" \
			-CAcreateserial -extfile "$certs/ext" -days "$3" -out "$certs/$1.pem"
}

{
	# shellcheck disable=SC2086
	openssl req -x509 $key -keyout "$certs/ca.key" -out "$certs/ca.pem" -subj /CN=authority -days 9
	certificate good "DNS:good.example,IP:$A6" 9
	certificate other DNS:other.example 9
	certificate old DNS:good.example -1
	certificate client DNS:client.example 9
} 2>/dev/null || bail "certificates can be made"

# tls_server PORT CERTIFICATE LINES...: a server block of nginx.
tls_server() {
	printf 'server { listen %s ssl; listen [::]:%s ssl; server_name %s.example; root %s;\n' \
		"$1" "$1" "$2" "$NET_DIR/nginx.a"
	printf 'ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key; location / { return 200 "TLS\\n"; }\n' \
		"$certs" "$2" "$certs" "$2"
	printf '%s\n' "${@:3}" "}"
}

tls=$NET_DIR/nginx.tls
mkdir "$tls"
{
	cat <<-END
		daemon off;
		master_process off;
		pid $tls/pid;
		error_log $tls/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $tls/body;
			proxy_temp_path $tls/proxy;
			fastcgi_temp_path $tls/fastcgi;
			uwsgi_temp_path $tls/uwsgi;
			scgi_temp_path $tls/scgi;
	END
	tls_server 443 good
	tls_server 443 other
	tls_server 8441 good "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;"
	tls_server 8442 old
	tls_server 8443 good "ssl_verify_client on; ssl_client_certificate $certs/ca.pem;"
	echo "server { listen 8444 ssl default_server; ssl_reject_handshake on; }"
	tls_server 8444 good
	echo "server { listen 8080; location / { return 301 https://good.example:443/; } }"
	echo "}"
} >"$tls/nginx.conf"
start a "$tls/out" nginx -p "$tls" -c "$tls/nginx.conf"
start a "$NET_DIR/mail" aiosmtpd -n -l "$A:25"
MAIL=$STARTED
start a "$NET_DIR/mail6" aiosmtpd -n -l "$A6:25"
start a "$NET_DIR/udp" "$WEIR_LOAD" serve --name a --listen "$A:7000" --listen "[$A6]:7000"
# One that wants to see a certificate and says so in the handshake, which nginx does not.
start a "$NET_DIR/strict" openssl s_server -accept 8445 -www -Verify 1 -verify_return_error \
	-CAfile "$certs/ca.pem" -cert "$certs/good.pem" -key "$certs/good.key"
# One that takes connections and says nothing.
start a "$NET_DIR/silent" python3 -c 'import socket, time; s = socket.create_server(("", 7002)); time.sleep(1e6)'
for port in 7002 443 8441 8442 8443 8444 8445 8080 25 7000; do
	wait_until 30 in_ns a bash -c "</dev/tcp/$A/$port" || bail "something listens on port $port of a"
done
wait_until 30 in_ns a bash -c "</dev/tcp/$A6/25" || bail "the mail server listens on IPv6"
touch "$NET_DIR/nginx.b/ill"

# b does not answer pings, and b2, an address of its, answers nobody on this path.
B2=192.0.2.250
in_ns b sysctl -qw net.ipv4.icmp_echo_ignore_all=1
ip -n "$NET-r" route add $B2 via "$B"
ip -n "$NET-b" route add blackhole $B2
ip -n "$NET-bal" route add throw 203.0.113.128/25
# A router limits its errors, and counts its redirects among them.
in_ns r sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.lan.send_redirects=0
ip -n "$NET-bal" route add unreachable 203.0.113.80/28
ip -n "$NET-r" route add unreachable 203.0.113.64/28

# --- what is probed, and what must be found ---

declare -A WANT=()

# probed POOL REASON ADDRESS PORT MONITOR [FIELDS-OF-POOL [HOST [FIELD-OF-ORIGIN]]]
probed() {
	local host=

	WANT[$1]=$2
	[ -z "${7:-}" ] || host=", header: { Host: [$7] }"
	[ -z "${8:-}" ] || host="$host, $8"
	printf '  - name: %s\n    monitor: %s\n' "$1" "$5"
	printf '%s\n' "${6:-}" | sed '/./s/^/    /'
	printf '    origins: [{ name: o, address: "%s", port: %s%s }]\n' "$3" "$4" "$host"
}

good="No failures" ca="tls_ca_cert: $certs/ca.pem"

# pem FIELD FILE: the file's text as the field's value.
pem() {
	printf '%s: |\n' "$1"
	sed 's/^/  /' "$certs/$2"
}

# with FIELD...: fields of a pool, after the authority.
with() { printf '%s\n' "$ca" "$@"; }

# monitor ID TYPE [FIELDS [TIMEOUT]]
monitor() { printf '  - { id: %s, type: %s, interval: 1, timeout: %s, retries: 0%s }\n' "$1" "$2" "${4:-0.9}" "${3:+, $3}"; }

pools() {
	probed http "$good" "$A" 80 http
	probed http6 "$good" "$A6" 80 http
	probed http-ill "Response code mismatch error" "$B" 80 http
	probed http-body "Response body mismatch error" "$A" 80 body
	probed http-refused "TCP connection failed" "$A" 81 http
	probed http-lost "TCP Timeout" $B2 80 http
	probed http-silent "HTTP timeout occurred" "$A" 7002 http
	probed http-mail "HTTP Invalid Response" "$A" 25 http
	probed http-no-route "Network Unreachable" 203.0.113.129 80 http
	probed http-no-host "No route to host error" 203.0.113.81 80 http
	# b refuses its health at its own address; a's says so for it.
	probed http-elsewhere "$good" "$B" 80 http "" "" "probe_address: $A"
	probed tcp-elsewhere "$good" "$A" 81 tcp "" "" "probe_port: 80"
	probed via "$good" "$A" 80 via
	probed via-closed "TCP connection failed" "$A" 81 via
	probed via-6 "$good" "$A" 80 via6
	probed via-gue "$good" "$A" 80 via-gue
	probed via-no-tunnel "TCP Timeout" "$B" 80 via
	probed http-tls "$good" "$A" 8080 moved "$ca"
	probed tcp "$good" "$A" 80 tcp
	probed tcp6 "$good" "$A6" 80 tcp
	probed tcp-refused "TCP connection failed" "$A" 81 tcp
	probed tcp-lost "TCP Timeout" $B2 80 tcp
	probed https "$good" "$A" 443 https "$ca" good.example
	probed https-text "$good" "$A" 443 https "$(pem tls_ca_cert ca.pem)" good.example
	probed https-sni "$good" "$A" 443 https "$ca" other.example
	probed https-sni-of-pool "$good" "$A" 443 https "$(with "tls_sni_hostname: other.example")"
	probed https-address "$good" "$A6" 443 https "$ca"
	probed https-no-name "TLS name mismatch error" "$A" 443 https "$ca"
	probed https-name "TLS name mismatch error" "$A" 443 https "$ca" bad.example
	probed https-cert-name "$good" "$A" 443 https "$(with "tls_cert_hostname: good.example")" bad.example
	probed https-ca "TLS untrusted certificate error" "$A" 443 https "" good.example
	probed https-old "TLS untrusted certificate error" "$A" 8442 https "$ca" good.example
	probed https-any "$good" "$A" 8442 insecure "" bad.example
	probed https-unchecked "$good" "$A" 8442 https "tls_check_cert: false" bad.example
	probed https-version "TLS protocol error" "$A" 8441 https "$(with "min_tls_version: 1.3")" good.example
	probed https-version-12 "$good" "$A" 8441 https "$(with "max_tls_version: 1.2")" good.example
	probed https-cipher "TLS Handshake Failure" "$A" 8441 https \
		"$(with "tls_ciphers: ECDHE-ECDSA-AES128-GCM-SHA256")" good.example
	probed https-ciphers "$good" "$A" 8441 https \
		"$(with "tls_ciphers: ECDHE-ECDSA-AES256-GCM-SHA384")" good.example
	probed https-unknown "TLS unrecognized name error" "$A" 8444 https "$ca" bad.example
	probed https-known "$good" "$A" 8444 https "$ca" good.example
	probed https-client "Response code mismatch error" "$A" 8443 https "$ca" good.example
	probed https-client-shown "$good" "$A" 8443 https \
		"$(with "tls_client_cert: $certs/client.pem" "tls_client_key: $certs/client.key")" good.example
	probed https-client-strict "TLS Handshake Failure" "$A" 8445 https "$ca" good.example
	probed https-plain "TLS protocol error" "$A" 80 https "$ca" good.example
	probed https-file "Monitor Config Error" "$A" 443 https "tls_ca_cert: $certs/nowhere.pem" good.example
	probed smtp "$good" "$A" 25 smtp
	probed smtp6 "$good" "$A6" 25 smtp
	probed smtp-silent "SMTP timeout occurred" "$A" 7002 smtp
	probed smtp-refused "TCP connection failed" "$A" 26 smtp
	probed ping "$good" "$A" 0 ping
	probed ping6 "$good" "$A6" 0 ping
	probed ping-ignored "ICMP timeout occurred" "$B" 0 ping
	probed ping-no-route "Network Unreachable" 203.0.113.129 0 ping
	probed ping-no-host "No route to host error" 203.0.113.65 0 ping
	probed udp "$good" "$A" 7000 udp
	probed udp6 "$good" "$A6" 7000 udp
	probed udp-closed "UDP port unreachable" "$A" 7001 udp
	probed udp6-closed "UDP port unreachable" "$A6" 7001 udp
	probed udp-no-ping "ICMP timeout occurred" "$B" 9000 udp
}

pools >"$NET_DIR/pools" # in this shell, which keeps what is wanted
{
	agent_yaml
	echo "monitors:"
	monitor http http "path: /health, follow_redirects: false"
	monitor body http "path: /health, expected_body: nonesuch"
	monitor moved http "follow_redirects: true, expected_body: tls"
	monitor tcp tcp
	monitor via tcp "via: { forwarding: ipip, vip: $VIP4 }"
	monitor via6 tcp "via: { forwarding: ipip, vip: '$VIP6' }"
	monitor via-gue tcp "via: { forwarding: gue, vip: $VIP4 }"
	monitor https https "expected_body: tls"
	monitor insecure https "allow_insecure: true"
	monitor smtp smtp
	monitor ping icmp_ping
	monitor udp udp_icmp "" 0.5
	echo "pools:"
	cat "$NET_DIR/pools"
} >"$config"

agent_must_start bal "$config"
found() { status bal '[.pools[] | "\(.id)=\(.origins[0].reason)"] | .[]'; }
all_found() {
	local pool

	for pool in "${!WANT[@]}"; do
		grep -qxF "$pool=${WANT[$pool]}" "$NET_DIR/found" || return 1
	done
}
look() { found >"$NET_DIR/found" && all_found; }
wait_until 60 look
for pool in $(sed -n 's/^  - name: //p' "$NET_DIR/pools"); do
	is "$pool: ${WANT[$pool]}" "$(sed -n "s/^$pool=//p" "$NET_DIR/found")" "${WANT[$pool]}"
done
check "weirctl shows them, too" grep -q "TLS untrusted certificate error" <(ctl bal status)

# reason_is POOL REASON
reason_is() { status_is bal ".pools[] | select(.id == \"$1\").origins[0].reason" "$2"; }

endpoint_decap b
check "an endpoint is up when its tunnel is" wait_until 20 reason_is via-no-tunnel "$good"
ip -n "$NET-a" address del "$VIP4/32" dev lo
check "one that lost the VIP is down" wait_until 20 reason_is via "TCP Timeout"
check "but the VIP that it has is not" reason_is via-6 "$good"
address a lo "$VIP4/32"
check "it is up when it has the VIP again" wait_until 20 reason_is via "$good"
in_ns a sysctl -qw net.ipv4.icmp_echo_ignore_all=1
stop "$MAIL"
check "a host that stops answering pings is down" wait_until 20 reason_is ping "ICMP timeout occurred"
check "for probes that begin with one as well" wait_until 20 reason_is udp "ICMP timeout occurred"
check "a mail server that ends is down" wait_until 20 reason_is smtp "TCP connection failed"
in_ns a sysctl -qw net.ipv4.icmp_echo_ignore_all=0
check "the host is up when it answers again" wait_until 20 reason_is udp "$good"
check "the agent ends well" agent_term bal
check "no sanitizer complains" no_sanitizer_report
finish
