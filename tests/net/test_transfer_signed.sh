#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signed zones on another server: Knot takes them, with every signature checked where it can, and what
# it answers validates: whatever health says, in each step of a roll-over, and when the agent comes
# back.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/validate.sh
. tests/net/validate.sh

net_up
balancer_up bal
endpoints_up a b c d
config=$NET_DIR/weir.yaml keys=$NET_DIR/state/keys
SECONDARY=${EP4[d]}
KEY=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0
ZONES="example.org sub.example.org file.example.org"
DELV="@$SECONDARY"

configure() {
	agent_yaml | sed "s|dns: {|dns: { keys: $keys, tsig_keys: [{ name: shared, secret: \"$KEY\" }],|"
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org], ttl: 3, minimum: 2,
		      dnssec: { keys: zsk_ksk, ds_ttl: 3, propagation: 1 },
		      transfer: { keys: [shared], notify: ["$SECONDARY"], pooled: true } }
		  - { name: sub.example.org, ns: [ns1.example.org, ns.sub.example.org], ttl: 3, minimum: 2,
		      dnssec: { ds_ttl: 3, propagation: 1 },
		      transfer: { keys: [shared], notify: ["$SECONDARY"], pooled: true } }
		  - { name: file.example.org, file: $NET_DIR/zone, dnssec: true,
		      transfer: { allow: [192.0.2.0/24], notify: ["$SECONDARY"] } }
		  - { name: held.example.org, ns: [ns1.example.org], dnssec: true, transfer: { allow: [192.0.2.0/24] } }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	pool_yaml uneven 1 web a=1 b=0.5 c=0.25
	cat <<-END
		load_balancers:
		  - { name: www.example.org, proxied: true, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", listeners: [tcp/80], ttl: 2 }
		  - { name: direct.example.org, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", ttl: 2, when_down: none }
		  - { name: direct.sub.example.org, default_pools: [uneven], fallback_pool: uneven,
		      steering_policy: "off", ttl: 2, when_down: none }
	END
	signed_records
	cat <<-END
		  - { type: A, name: ns.sub.example.org, content: 192.0.2.2, ttl: 3 }
		  - { type: CNAME, name: alias.example.org, content: host.sub.example.org, ttl: 3 }
		  - { type: POOL, name: pool.held.example.org, content: www.example.org, weight: 1 }
		  - { type: POOL, name: pool.held.example.org, content: host.sub.example.org, weight: 2 }
		  - { type: NS, name: hidden.file.example.org, content: ns.example.net, ttl: 3 }
	END
}

{
	signed_file
	echo "below.hidden 3 A 192.0.2.12"
} >"$NET_DIR/zone"

{
	signed_kinds
	cat <<-END
		direct.example.org AAAA no
		hidden.file.example.org DS no
	END
} >"$NET_DIR/kinds"
grep -E '^(example.org DNSKEY|a.wild.example.org A|sub.example.org DS|host.sub.example.org A|nobody.sub.example.org A|away.example.org DS) ' \
	"$NET_DIR/kinds" >"$NET_DIR/kinds.few"

# at SERVER QUESTION...; serial SERVER ZONE
at() { in_ns client dig "@$1" +tries=2 +time=2 "${@:2}"; }
serial() { at "$1" +short "$2" SOA | cut -d' ' -f3; }
# Whether the secondary has all that the agent has.
caught_up() {
	local zone

	for zone in $ZONES; do
		[ -n "$(serial "$DNS4" "$zone")" ] && [ "$(serial "$DNS4" "$zone")" = "$(serial "$SECONDARY" "$zone")" ] || return 1
	done
}
addresses() { at "$1" +short "$2" A | sort | xargs; }
names() { [ "$(addresses "$SECONDARY" "$1")" = "$2" ]; }
endpoints() { for e in "$@"; do echo "${EP4[$e]}"; done | sort | xargs; }

secondary_conf() {
	cat <<-END
		server:
		    listen: $SECONDARY@53
		    rundir: $NET_DIR/knot
		log:
		  - target: stderr
		    any: info
		database:
		    storage: $NET_DIR/knot
		key:
		  - id: shared
		    algorithm: hmac-sha256
		    secret: $KEY
		remote:
		  - id: weir
		    address: $DNS4
		    key: shared
		  - id: unsigned
		    address: $DNS4
		acl:
		  - id: weir
		    action: notify
		    key: shared
		  - id: unsigned
		    action: notify
		    address: $DNS4
		template:
		  - id: default
		    storage: $NET_DIR/knot
		zone:
	END
	# With two CSKs, of which one signs, Knot 3.2 finds records without a signature by the other:
	# sub is checked by ldns alone.
	for zone in $ZONES; do
		by=weir checked=on
		[ $zone != file.example.org ] || by=unsigned
		[ $zone != sub.example.org ] || checked=off
		printf '  - domain: %s\n    master: %s\n    acl: [weir, unsigned]\n    dnssec-validation: %s\n' $zone $by $checked
	done
}

# --- it takes them ---

configure >"$config"
mkdir "$NET_DIR/knot"
secondary_conf >"$NET_DIR/knot.conf"
start d "$NET_DIR/knot.log" knotd -c "$NET_DIR/knot.conf"
wait_until 10 in_ns d test -S "$NET_DIR/knot/knot.sock" || bail "knotd runs"
agent_must_start bal "$config"
wait_until 5 status_is bal '.pools[0].healthy' 3
trust
check "a secondary that checks signatures takes them" wait_until 30 caught_up
is "and finds nothing wrong" "$(grep -cE 'DNSSEC, validation failed|semantic error' "$NET_DIR/knot.log.err")" 0
kinds_hold "what it answers"
is "it has all addresses of a choice" "$(addresses "$SECONDARY" direct.sub.example.org)" "$(endpoints a b c)"
is "which validate" "$(delves direct.sub.example.org A)" "fully validated"
is "of aliases the one with the largest share" "$(at "$SECONDARY" +short pool.example.org CNAME)" host.sub.example.org.
is "DS of a zone in it are there" "$(at "$SECONDARY" +short sub.example.org DS)" "$(at $DNS4 +short sub.example.org DS)"

# --- each by itself ---

whole() { in_ns d dig @$DNS4 +time=5 "$@" AXFR +onesoa +noall +answer; }
# complete WHEN: as ldns finds, with every signature and the whole chain.
complete() {
	whole -y hmac-sha256:shared:$KEY example.org >"$NET_DIR/example.org"
	whole -y hmac-sha256:shared:$KEY sub.example.org >"$NET_DIR/sub.example.org"
	whole file.example.org >"$NET_DIR/file.example.org"
	for zone in $ZONES; do
		check "$zone is complete and verified by ldns $1" ldns-verify-zone "$NET_DIR/$zone"
	done
}
complete "at first"
is "who serves the parent alone can ask the child" \
	"$(awk '$1 ~ /^ns.sub.example.org/ { print $4, $5 }' "$NET_DIR/example.org")" "A 192.0.2.2"
is "it is not for those without the secret" "$(in_ns d dig @$DNS4 example.org AXFR | grep -c 'Transfer failed')" 1
is "one with pools is refused where they are not allowed" "$(in_ns d dig @$DNS4 held.example.org AXFR | grep -c 'Transfer failed')" 1

# --- health ---

before=$(serial $DNS4 sub.example.org)
file_before=$(serial $DNS4 file.example.org)
touch "$NET_DIR/nginx.b/ill"
check "one is ill: the secondary hears of it" wait_until 10 names direct.sub.example.org "$(endpoints a c)"
check "the serial went on" test "$(serial $DNS4 sub.example.org)" -gt "$before"
is "that of a zone which says the same did not" "$(serial $DNS4 file.example.org)" "$file_before"
check "who asks for changes gets it whole" \
	test "$(in_ns d dig -y hmac-sha256:shared:$KEY @$DNS4 +tcp +noall +answer sub.example.org "IXFR=$before" | grep -c RRSIG)" -gt 5
check "it catches up" wait_until 10 caught_up
is "what is left validates" "$(delves direct.sub.example.org A) $(delves direct.example.org A)" "fully validated fully validated"
touch "$NET_DIR/nginx.a/ill" "$NET_DIR/nginx.c/ill"
check "nobody is well" wait_until 10 names direct.example.org ""
check "it catches up" wait_until 10 caught_up
is "that there is no address validates" "$(delves direct.example.org A) $(delves direct.sub.example.org A)" \
	"negative response, fully validated negative response, fully validated"
kinds_hold "while nobody is well"
complete "while nobody is well"
rm "$NET_DIR"/nginx.*/ill
check "all are back" wait_until 10 names direct.sub.example.org "$(endpoints a b c)"
check "it catches up" wait_until 10 caught_up

# --- a resolver that validates and asks the secondary alone, during roll-overs ---

cat >"$NET_DIR/unbound.conf" <<-END
	server:
	  directory: "$NET_DIR"
	  chroot: ""
	  username: ""
	  pidfile: "$NET_DIR/unbound.pid"
	  do-daemonize: no
	  use-syslog: no
	  logfile: ""
	  val-log-level: 2
	  interface: 127.0.0.1@5353
	  do-ip6: no
	  access-control: 127.0.0.0/8 allow
	  module-config: "validator iterator"
	  aggressive-nsec: yes
	  harden-below-nxdomain: yes
	  local-zone: "example.org." transparent
	  trust-anchor: "$(sed 's/\. IN DS/. DS/' "$NET_DIR/ds")"
	stub-zone:
	  name: "example.org"
	  stub-addr: $SECONDARY
	stub-zone:
	  name: "sub.example.org"
	  stub-addr: $SECONDARY
	remote-control:
	  control-enable: no
END
start client "$NET_DIR/unbound" unbound -d -c "$NET_DIR/unbound.conf"
flags() { in_ns client dig @127.0.0.1 -p 5353 +tries=1 +time=4 +dnssec "$@" | sed -nE 's/.*status: ([A-Z]+),.*/\1/p; s/^;; flags: ([a-z ]+);.*/\1/p' | xargs; }
resolves() { [ "$(flags "$1" "$2")" = "$3 qr rd ra ad" ] || { echo "$1 $2: $(flags "$1" "$2"), not $3"; tail -n 3 "$NET_DIR/unbound.err"; return 1; }; }
check "unbound validates" wait_until 10 resolves direct.sub.example.org A NOERROR

asking() {
	while :; do
		for what in "host.sub.example.org A NOERROR" "nobody.sub.example.org A NXDOMAIN" \
			"ns1.example.org A NOERROR" "nobody.example.org A NXDOMAIN" "direct.sub.example.org A NOERROR"; do
			# shellcheck disable=SC2086
			resolves $what >>"$NET_DIR/lost" || echo "$(date +%T.%N) $(ring sub.example.org); $(ring example.org)" >>"$NET_DIR/lost"
			echo >>"$NET_DIR/asked"
		done
	done
}
: >"$NET_DIR/lost"
: >"$NET_DIR/asked"
asking &
asker=$!
NET_PIDS[$asker]=1

# step SENTENCE: the secondary has what there is now, and it validates.
step() {
	check "it catches up $1" wait_until 10 caught_up
	kinds_hold "$1" "$NET_DIR/kinds.few"
	complete "$1"
}
check "the DS of the parent is seen" ctl bal zone ds-seen example.org
check "and that of the child" ctl bal zone ds-seen sub.example.org
check "a roll-over of the CSK begins" ctl bal zone roll sub.example.org
step "with a new CSK"
check "when all know it, it signs" wait_until 15 ring_is sub.example.org "csk active, csk ready"
step "while the parent is to have the new DS"
is "the parent has both, there as well" "$(at "$SECONDARY" +short sub.example.org DS | wc -l)" 2
is "and CDS is that of the new one" "$(at "$SECONDARY" +short sub.example.org CDS)" "$(at $DNS4 +short sub.example.org CDS)"
check "the DS is seen" ctl bal zone ds-seen sub.example.org
step "with an old CSK"
check "it goes" wait_until 15 ring_is sub.example.org "csk active"
step "after it"
check "a roll-over of the ZSK begins" ctl bal zone roll example.org zsk
step "with a new ZSK"
check "it signs" wait_until 15 ring_is example.org "ksk active, zsk retired, zsk active"
step "while the ZSK changes"
check "the old one goes" wait_until 15 ring_is example.org "ksk active, zsk active"
step "with the new ZSK"
kill "$asker"
wait "$asker" 2>/dev/null
unset "NET_PIDS[$asker]"
at_least "unbound was asked all the time" "$(wc -l <"$NET_DIR/asked")" 30
is "and always found a chain" "$(wc -l <"$NET_DIR/lost")" 0
head -n 20 "$NET_DIR/lost" | sed 's/^/#   /'

# --- another document, another file, another agent ---

echo "b 3 A 192.0.2.13" >>"$NET_DIR/zone"
configure | sed 's/content: 192.0.2.77/content: 192.0.2.78/' >"$config"
check "both are taken, though nobody wrote another serial" agent_reload bal
check "the secondary has the document's change" wait_until 10 names deep.empty.example.org 192.0.2.78
check "and the file's" wait_until 10 names b.file.example.org 192.0.2.13
check "it catches up" wait_until 10 caught_up
is "they validate" "$(delves deep.empty.example.org A) $(delves b.file.example.org A)" "fully validated fully validated"
before=$(serial $DNS4 example.org)
agent_kill9 bal
agent_must_start bal "$config"
check "an agent that was killed goes on with its serial" wait_until 5 eval '[ "$(serial $DNS4 example.org)" -gt '"$before"' ]'
check "and is followed" wait_until 10 caught_up
kinds_hold "after it"
is "Knot never found anything wrong" "$(grep -cE 'DNSSEC, validation failed|semantic error' "$NET_DIR/knot.log.err")" 0
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
