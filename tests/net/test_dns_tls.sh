#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS over TLS (RFC 7858), by kdig, openssl and hand.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_tls.sh
. tests/net/lib_tls.sh

net_up
balancer_up bal
config=$NET_DIR/weir.yaml
pem=$NET_DIR/pem
mkdir "$pem"

# configure CERTIFICATE KEY [no]: names of files; no: without TLS.
configure() {
	local i

	cat <<-END
		agent:
		  node: bal
		  vips: ["$VIP4"]
		  control: 127.0.0.1:8650
		  pin_path: $NET_DIR/bpf/bal
		  dns:
		    listen: ["192.0.2.2:53"]
	END
	[ "${3:-}" = no ] || cat <<-END
		    tls:
		      listen: ["192.0.2.2", "[2001:db8:1::2]:853"]
		      certificate: $1
		      key: $2
	END
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org] }
		records:
		  - { type: A, name: a.example.org, content: 192.0.2.71 }
	END
	for i in $(seq 100); do
		echo "  - { type: A, name: many.example.org, content: 203.0.113.$((100 + i)) }"
	done
}

in_client() { in_ns client timeout 60 "$@"; }
k() { in_client kdig +tls +timeout=3 +retry=0 "$@"; }
# hello OPTION...: what openssl's client says of the connection, which it ends at once.
hello() { in_client openssl s_client -connect $DNS4:853 "$@" </dev/null 2>&1; }
serial() { hello | openssl x509 -noout -serial 2>&1; }
# said WORD...: of the log
said() { grep -qF "$*" "${AGENT_LOG[bal]}"; }

certificate "$pem/one" DNS:dns.example.org 1
certificate "$pem/other" DNS:dns.example.org 7
cp "$pem/one.crt" "$pem/in.crt"
cp "$pem/one.key" "$pem/in.key"

# --- at the beginning ---
configure "$pem/none.crt" "$pem/in.key" >"$config"
check "an agent whose certificate is missing does not start" eval '! agent_start bal "$config"'
check "and says which" said "agent.dns.tls.certificate: $pem/none.crt: No such file or directory"

configure "$pem/in.crt" "$pem/in.key" >"$config"
agent_must_start bal "$config"
is "it tells where it listens" "$(status bal '.dns.tls_listen | join(" ")')" "192.0.2.2:853 [2001:db8:1::2]:853"

# --- answers ---
is "kdig is answered over TLS" "$(k @$DNS4 +short a.example.org)" 192.0.2.71
is "and over IPv6" "$(k @$DNS6 +short a.example.org)" 192.0.2.71
is "and by its name and this certificate alone" \
	"$(k @$DNS4 +tls-ca="$pem/one.crt" +tls-hostname=dns.example.org +short a.example.org)" 192.0.2.71
check "not by another one" eval '! k @$DNS4 +tls-ca="$pem/other.crt" +tls-hostname=dns.example.org +short a.example.org'
is "an answer of 100 addresses comes whole" "$(k @$DNS4 +short many.example.org | sort -u | wc -l)" 100
is "three queries in one record have three answers" "$(in_client python3 tests/net/dot.py pipeline $DNS4 a.example.org)" "1 2 3"
is "kdig pads, and the answer is padded to 468 bytes" \
	"$(in_client kdig +tls @$DNS4 +padding a.example.org | grep -oE "^;; Received [0-9]+ B")" ";; Received 468 B"
is "and clear TCP is as before" "$(in_client kdig +tcp @$DNS4 +short a.example.org)" 192.0.2.71

# --- handshakes ---
check "TLS 1.3 is spoken" grep -q 'New, TLSv1.3' <<<"$(hello)"
check "and 1.2" grep -q 'New, TLSv1.2' <<<"$(hello -tls1_2)"
check "but not 1.1" eval '! grep -q "New, TLSv1" <<<"$(hello -tls1_1 -cipher DEFAULT@SECLEVEL=0)"'
check "ALPN dot is taken" grep -q 'ALPN protocol: dot' <<<"$(hello -alpn http/1.1,dot)"
check "others alone are not" grep -q 'no application protocol' <<<"$(hello -alpn h2,http/1.1)"
failures=$(status bal .dns.tls_failures)
is "a query in the clear has no answer" "$(in_client python3 tests/net/dot.py clear $DNS4 a.example.org)" 0
is "and is counted" "$(status bal .dns.tls_failures)" $((failures + 1))
is "nobody asked for a password" "$(status bal '.dns.tls_connections > 10')" true

# --- limits are those of TCP ---
is "a client has 32 connections" "$(in_client python3 tests/net/dot.py many $DNS4 40)" 32
address client eth0 2001:db8:c::3/64 2001:db8:c:1::2/64
ip -n "$NET-r" -6 route add 2001:db8:c:1::/64 via $CLIENT6
is "over IPv6 a client is a /64" "$(in_client python3 tests/net/dot.py many $DNS6 40 $CLIENT6 2001:db8:c::3)" 32
is "and who has another one is another client" \
	"$(in_client python3 tests/net/dot.py many $DNS6 40 $CLIENT6 2001:db8:c:1::2)" 40
mapfile -t crowd < <(for i in $(seq 100 132); do echo 203.0.113.$i; done)
address client eth0 "${crowd[@]/%//24}"
is "when 1,024 connections are there, one more waits until one of them was idle for 2 seconds" \
	"$(in_client python3 tests/net/dot.py crowd $DNS4 a.example.org 2.1 "${crowd[@]}")" "0 1"
start client "$NET_DIR/silent" python3 tests/net/dot.py silent $DNS4
silent=$STARTED

# --- other certificates while it runs ---
start client "$NET_DIR/held" python3 tests/net/dot.py held $DNS4 a.example.org "$NET_DIR/ready" "$NET_DIR/go"
held=$STARTED
check "a connection is open" wait_until 10 test -e "$NET_DIR/ready"
is "the certificate is the first" "$(serial)" "serial=01"
certificate "$pem/in" DNS:dns.example.org 2
check "a renewed one is taken by a reload" agent_reload bal
is "for new connections" "$(serial)" "serial=02"
touch "$NET_DIR/go"
check "those that are open go on" finished $held
is "with answers" "$(cat "$NET_DIR/held")" "1 2"

# refused SENTENCE WORDS: the files that are there now are not taken, and the old ones serve.
refused() {
	check "$1: refused" eval '! agent_reload bal'
	check "  with the reason" said "$2"
	is "  and the old one serves" "$(serial)" "serial=02"
}
cp "$pem/in.key" "$pem/good.key"
cp "$pem/in.crt" "$pem/good.crt"
cp "$pem/other.key" "$pem/in.key"
refused "a key of another certificate" "agent.dns.tls.key: $pem/in.key: has no key that can be used with the certificate: key values mismatch"
echo nothing >"$pem/in.key"
refused "a key that is none" "agent.dns.tls.key: $pem/in.key: has no key that can be used"
openssl ec -aes128 -passout pass:secret -in "$pem/good.key" -out "$pem/in.key" 2>"$NET_DIR/words"
refused "a key with a password" "agent.dns.tls.key: $pem/in.key: has no key that can be used"
cp "$pem/good.key" "$pem/in.key"
echo nothing >"$pem/in.crt"
refused "a certificate that is none" "agent.dns.tls.certificate: $pem/in.crt: has no certificate that can be used: no start line"
rm "$pem/in.crt"
refused "a certificate that is gone" "agent.dns.tls.certificate: $pem/in.crt: No such file"
mkdir "$pem/in.crt"
refused "a certificate that is a directory" "agent.dns.tls.certificate: $pem/in.crt: is no file"
rmdir "$pem/in.crt"
check "the status tells, too" grep -q "$pem/in.crt: is no file" <<<"$(status bal .config.error)"
cp "$pem/good.crt" "$pem/in.crt"
check "the good ones again: taken" agent_reload bal

check "who says nothing is let go" finished $silent
is "after 10 seconds" "$(awk '{print ($1 >= 10 && $1 <= 12)}' "$NET_DIR/silent")" 1

configure "" "" no >"$config"
check "without TLS: taken" agent_reload bal
check "nobody listens there any more" eval 'hello | grep -q "Connection refused"'
is "the rest goes on" "$(in_client kdig @$DNS4 +short a.example.org)" 192.0.2.71
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
