#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signed zones as validators see them: delv and drill, which ask the agent itself, and unbound, which
# caches; answers and denials of every kind, whatever health says, and in every step of a roll-over.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/validate.sh
. tests/net/validate.sh

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml keys=$NET_DIR/state/keys

# The parent is example.org, with a KSK and a ZSK; sub and file lie in it with one key each, plain is
# not signed. Times are so short that a roll-over takes seconds.
configure() {
	agent_yaml | sed "s|dns: {|dns: { keys: $keys,|"
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org], ttl: 3, minimum: 2,
		      dnssec: { keys: zsk_ksk, ds_ttl: 30, propagation: 1 } }
		  - { name: sub.example.org, ns: [ns1.example.org], ttl: 3, minimum: 2,
		      dnssec: { ds_ttl: 3, propagation: 1 } }
		  - { name: file.example.org, file: $NET_DIR/zone, dnssec: true }
		  - { name: plain.example.org, ns: [ns1.example.org], ttl: 3, minimum: 2 }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	pool_yaml uneven 1 web a=1 b=0.5 c=0.25
	pool_yaml six 1 - a6=1 b6=1
	cat <<-END
		load_balancers:
		  - { name: www.example.org, proxied: true, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", listeners: [tcp/80], ttl: 2 }
		  - { name: direct.example.org, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", ttl: 2, when_down: none }
		  - { name: direct.sub.example.org, default_pools: [uneven], fallback_pool: uneven,
		      steering_policy: "off", ttl: 2, when_down: none }
		  - { name: direct6.example.org, default_pools: [six], fallback_pool: six, ttl: 2 }
	END
	for i in $(seq 150); do # so many that a change of health is signed beside the loop
		echo "  - { name: n$i.many.example.org, default_pools: [main], fallback_pool: main, steering_policy: \"off\", ttl: 2 }"
	done
	signed_records
	cat <<-END
		  - { type: A, name: host.plain.example.org, content: 192.0.2.4, ttl: 3 }
		  - { type: CNAME, name: alias.example.org, content: chain.example.org, ttl: 3 }
		  - { type: CNAME, name: chain.example.org, content: host.sub.example.org, ttl: 3 }
	END
}

signed_file >"$NET_DIR/zone"

q() { in_ns client dig @$DNS4 +tries=2 +time=2 "$@"; }

# --- validators ---

# NAME TYPE WHAT, of every kind.
{
	signed_kinds
	cat <<-END
		www.example.org AAAA yes
		direct6.example.org AAAA yes
		direct6.example.org A no
		*.wild.example.org A yes
		alias.example.org CNAME yes
		pool.example.org A yes
		plain.example.org DS no
		host.plain.example.org A plain
		nobody.plain.example.org A plain
		m.file.example.org AAAA no
	END
} >"$NET_DIR/kinds"

# One of each, for every step of a roll-over.
grep -E '^(example.org DNSKEY|a.wild.example.org A|pool.example.org A|sub.example.org DS|host.sub.example.org A|nobody.sub.example.org A|away.example.org DS) ' \
	"$NET_DIR/kinds" >"$NET_DIR/kinds.few"

few_hold() { kinds_hold "$1" "$NET_DIR/kinds.few"; }

# --- the zone as it is ---

configure >"$config"
agent_must_start bal "$config"
wait_until 5 status_is bal '.pools[0].healthy' 3
trust
kinds_hold "at first"
is "keys are for the agent alone" "$(stat -c %a "$keys" "$keys"/* | sort -u | xargs)" "600 700"
is "the parent has the DS of its children, and their own word for it" \
	"$(q +short sub.example.org DS | tr -d ' ')" "$(dnssec sub.example.org | awk '/ IN DS / {print $4 $5 $6 $7}')"
is "without DO there are no signatures" "$(q www.example.org A | grep -c RRSIG)" 0
is "AD and CD are never set" "$(q +dnssec +adflag +cdflag www.example.org A | grep -cE 'flags:.* (ad|cd)[ ;]')" 0
is "a choice has a signature of its own" "$(q +dnssec +noall +answer pool.example.org CNAME | awk '{print $4}' | xargs)" "CNAME RRSIG"
is "what does not fit is asked again by TCP" \
	"$(q +dnssec +bufsize=512 +ignore x.nobody.example.org A | grep -c 'flags: qr aa tc')" 1
check "over TCP it is validated as well" grep -q "fully validated" <<<"$(DELV="@$DNS4 +tcp" delves www.example.org A)"
for _ in $(seq 20); do delves direct.sub.example.org A; done | sort | uniq -c >"$NET_DIR/choices"
is "20 choices among three of different weights are validated" "$(xargs <"$NET_DIR/choices")" "20 fully validated"

dnssec example.org | sed -n 's/ IN DNSKEY 257/ 3 IN DNSKEY 257/p' >"$NET_DIR/drill.key"
for name in www host.sub a.wild; do
	check "drill follows $name.example.org to its key" grep -q '(A)\|is trusted\|^;; Chase successful' \
		<<<"$(in_ns client drill -S -k "$NET_DIR/drill.key" @$DNS4 $name.example.org A 2>&1)"
done

# --- what must not hold ---

for type in 1 47 48 43; do
	start client "$NET_DIR/tamper.$type" python3 tests/net/tamper.py $((5300 + type)) $DNS4 $type
	tampers=$STARTED
	wait_until 5 eval "in_ns client ss -Hlun 'sport = :$((5300 + type))' | grep -q ."
	case $type in
	1) name=www.example.org ;;
	47) name=nobody.example.org ;;
	48) name=www.example.org ;;
	43) name=host.sub.example.org ;;
	esac
	check "a changed signature of type $type is not validated" \
		eval "! grep -q 'fully validated' <<<\"\$(DELV='@127.0.0.1 -p $((5300 + type))' delves $name A)\""
	stop "$tampers"
done
start client "$NET_DIR/tamper.0" python3 tests/net/tamper.py 5300 $DNS4 0
tampers=$STARTED
wait_until 5 eval "in_ns client ss -Hlun 'sport = :5300' | grep -q ."
check "none changed, by the same way, is" wait_until 20 \
	eval "[ \"\$(DELV='@127.0.0.1 -p 5300' delves www.example.org A)\" = 'fully validated' ]"
stop "$tampers"

# --- a resolver that validates and caches ---

cat >"$NET_DIR/unbound.conf" <<-END
	server:
	  directory: "$NET_DIR"
	  chroot: ""
	  username: ""
	  pidfile: "$NET_DIR/unbound.pid"
	  do-daemonize: no
	  use-syslog: no
	  logfile: ""
	  verbosity: 1
	  val-log-level: 2
	  log-servfail: yes
	  interface: 127.0.0.1@5353
	  do-ip6: no
	  access-control: 127.0.0.0/8 allow
	  module-config: "validator iterator"
	  aggressive-nsec: yes
	  harden-below-nxdomain: yes
	  qname-minimisation: yes
	  local-zone: "example.org." transparent
	  trust-anchor: "$(sed 's/\. IN DS/. DS/' "$NET_DIR/ds")"
	stub-zone:
	  name: "example.org"
	  stub-addr: $DNS4
	remote-control:
	  control-enable: no
END
start client "$NET_DIR/unbound" unbound -d -c "$NET_DIR/unbound.conf"
u() { in_ns client dig @127.0.0.1 -p 5353 +tries=1 +time=4 +dnssec "$@"; }
u_flags() { u "$@" | sed -nE 's/.*status: ([A-Z]+),.*/\1/p; s/^;; flags: ([a-z ]+);.*/\1/p' | xargs; }
wait_until 10 eval '[ -n "$(u_flags ns1.example.org A)" ]' || note "unbound: $(tail -n 3 "$NET_DIR/unbound.err")"

# resolves NAME TYPE WANT: unbound's answer, validated.
resolves() {
	local got

	got=$(u_flags "$1" "$2")
	[ "$got" = "$3 qr rd ra ad" ] || { echo "$1 $2: $got, not $3"; tail -n 3 "$NET_DIR/unbound.err"; return 1; }
}
check "unbound validates a balancer" resolves direct.sub.example.org A NOERROR
check "an alias into another zone" resolves alias.example.org A NOERROR
check "a wildcard" resolves q.wild.example.org A NOERROR
check "what there is not" resolves nobody.sub.example.org A NXDOMAIN
check "a type that there is not" resolves direct6.example.org A NOERROR
check "an empty non-terminal" resolves empty.example.org A NOERROR
is "and takes what is not signed as such" "$(u_flags host.plain.example.org A)" "NOERROR qr rd ra"

# --- health ---

down_holds() {
	[ -z "$(q +short direct.example.org A)" ] && [ "$(delves direct.example.org A)" = "negative response, fully validated" ] &&
		[ "$(delves direct.sub.example.org A)" = "negative response, fully validated" ]
}
names() { [ "$(q +short direct.example.org A | sort | xargs)" = "$1" ]; }
touch "$NET_DIR/nginx.b/ill"
check "one is ill" wait_until 5 names "$(printf '%s\n' "${EP4[a]}" "${EP4[c]}" | sort | xargs)"
is "the rest are validated" "$(delves direct.example.org A)" "fully validated"
is "the same holds of many names" "$(for i in 1 75 150; do delves n$i.many.example.org A; q +short n$i.many.example.org A; done | sort | uniq -c | xargs)" \
	"$(printf '%s\n' "${EP4[a]}" "${EP4[c]}" | sort | sed 's/^/3 /' | xargs) 3 fully validated"
touch "$NET_DIR/nginx.a/ill" "$NET_DIR/nginx.c/ill"
check "nobody is well: that there is no address is validated" wait_until 5 down_holds
kinds_hold "while nobody is well"
rm "$NET_DIR"/nginx.*/ill
check "all are back" wait_until 5 names "$(printf '%s\n' "${EP4[a]}" "${EP4[b]}" "${EP4[c]}" | sort | xargs)"
is "and validated" "$(delves direct.example.org A)" "fully validated"
check "unbound learns it when what it knew has ended" wait_until 8 \
	eval '[ -n "$(u +short direct.example.org A)" ] && resolves direct.example.org A NOERROR'

# --- roll-overs: a resolver with a cache asks all the time, and must never be lost ---

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

is "ds-seen is for a key that waits" "$(ctl bal zone ds-seen nowhere.example 2>&1 | grep -c 'there is no zone')" 1
check "a key of which nobody knows the DS is not rolled" eval '! ctl bal zone roll sub.example.org 2>"$NET_DIR/err" && grep -q "ds-seen" "$NET_DIR/err"'
check "the DS is seen" ctl bal zone ds-seen sub.example.org
check "and that of the parent" ctl bal zone ds-seen example.org
is "one key does all" "$(ring sub.example.org)" "csk active"
check "there is no ZSK to roll" eval '! ctl bal zone roll sub.example.org zsk 2>/dev/null'

check "a roll-over of the CSK begins" ctl bal zone roll sub.example.org
is "the new one is published" "$(ring sub.example.org)" "csk active, csk published"
few_hold "with a new CSK"
check "another one does not begin meanwhile" eval '! ctl bal zone roll sub.example.org 2>/dev/null'
check "when all know it, it signs" wait_until 15 ring_is sub.example.org "csk active, csk ready"
is "the parent has both DS" "$(q +short sub.example.org DS | wc -l)" 2
is "CDS is that of the new one" "$(q +short sub.example.org CDS | tr -d ' ')" \
	"$(dnssec sub.example.org --json | jq -r '.dnssec.ring[1].ds' | awk '{print $4 $5 $6 $7}')"
is "and validated" "$(delves sub.example.org CDS) $(delves sub.example.org CDNSKEY)" "fully validated fully validated"
few_hold "while the parent is to have the new DS"
check "it has" ctl bal zone ds-seen sub.example.org
is "the old one is on its way out" "$(ring sub.example.org)" "csk retired, csk active"
few_hold "with an old CSK"
check "and gone" wait_until 15 ring_is sub.example.org "csk active"
is "no CDS is left" "$(q +short sub.example.org CDS)" ""
few_hold "after it"

check "a roll-over of the parent's ZSK begins" ctl bal zone roll example.org zsk
check "it signs when all know it, and the old one stays" wait_until 15 ring_is example.org "ksk active, zsk retired, zsk active"
few_hold "while the ZSK changes"
check "which is gone when nobody needs it" wait_until 15 ring_is example.org "ksk active, zsk active"
kill "$asker"
wait "$asker" 2>/dev/null
unset "NET_PIDS[$asker]"
at_least "unbound was asked all the time" "$(wc -l <"$NET_DIR/asked")" 50
is "and always found a chain" "$(wc -l <"$NET_DIR/lost")" 0
head -n 20 "$NET_DIR/lost" | sed 's/^/#   /'

check "a roll-over of the parent's KSK begins" ctl bal zone roll example.org ksk
few_hold "with a new KSK and the old DS"
check "its DS can be given out" wait_until 15 ring_is example.org "ksk active, zsk active, ksk ready"
cp "$NET_DIR/anchors" "$NET_DIR/anchors.old"
dnssec example.org | grep ' IN DS ' | tail -n 1 >"$NET_DIR/new"
trust
is "there are two DS" "$(wc -l <"$NET_DIR/ds")" 2
few_hold "with either DS"
ctl bal zone ds-seen example.org >/dev/null
cp "$NET_DIR/anchors.old" "$NET_DIR/anchors"
few_hold "with the old DS that is still known"
trust
is "the one that is left is the new one" "$(cat "$NET_DIR/ds")" "$(cat "$NET_DIR/new")"
check "the old one goes" wait_until 60 ring_is example.org "zsk active, ksk active"
few_hold "with the new DS"

# --- keys outlive the agent, however it ends ---

for i in 1 2 3 4 5 6; do
	ctl bal zone roll example.org zsk >/dev/null 2>&1 &
	sleep "0.0$((RANDOM % 30 + 10))"
	agent_kill9 bal
	wait $! 2>/dev/null
	agent_must_start bal "$config"
	wait_until 20 eval 'ring_is example.org "zsk active, ksk active" || ring_is example.org "ksk active, zsk active"'
	[ "$(delves host.sub.example.org A)$(delves nobody.example.org A)" = "fully validatednegative response, fully validated" ] ||
		not_ok "killed in the middle of a change of keys, it is the same zone ($i)"
done
ok "six times killed in the middle of a change of keys, it is the same zone"
is "nothing else is left beside the keys" "$(ls "$keys" | xargs)" \
	"example.org.keys file.example.org.keys sub.example.org.keys"

# --- input ---

sed -i 's/keys: zsk_ksk, //' "$config"
check "another kind of keys is refused" eval '! agent_reload bal'
is "with words" "$(status bal .config.error | grep -c 'zones\[0\].dnssec: keys must be zsk_ksk')" 1
configure >"$config"
echo "b 3 A 192.0.2.12" >>"$NET_DIR/zone"
check "another zone file is taken" agent_reload bal
is "and its new name validated" "$(wait_until 3 eval '[ -n "$(q +short b.file.example.org A)" ]'; delves b.file.example.org A)" "fully validated"
{ sed -n '1,3p' "$NET_DIR/zone"; for i in $(seq 2000); do echo "n$i 3 A 192.0.2.12"; done; } >"$NET_DIR/zone.new"
mv "$NET_DIR/zone.new" "$NET_DIR/zone"
check "one of 2,000 names is taken" agent_reload bal
is "and answered, since it is signed by then" "$(q +short n2000.file.example.org A)" 192.0.2.12
is "and validated" "$(delves n1234.file.example.org A) $(delves n12345.file.example.org A)" \
	"fully validated negative response, fully validated"
{ sed -n '2,3p' "$NET_DIR/zone"; for i in $(seq 2000); do echo "n$i 3 A 192.0.2.14"; done; } | sed '1i $ORIGIN new.example.org.' >"$NET_DIR/zone.new"
configure | sed "s|^monitors:|  - { name: new.example.org, file: $NET_DIR/zone.new, dnssec: { ds_ttl: 3, propagation: 1 } }\n&|" >"$config"
check "another zone, of as many, is taken" agent_reload bal
is "and answered at once, too" "$(q +short n2000.new.example.org A)" 192.0.2.14
is "and validated, for its DS is there" "$(wait_until 8 eval '[ "$(delves n77.new.example.org A)" = "fully validated" ]'; delves n1234.new.example.org A) $(delves n12345.new.example.org A)" \
	"fully validated negative response, fully validated"
echo "broken A 192.0.2.256" >>"$NET_DIR/zone.new"
sed -i 's/192.0.2.12$/192.0.2.15/' "$NET_DIR/zone"
check "when one of two files is bad" eval '! agent_reload bal'
is "neither is taken" "$(q +short n2000.file.example.org A)" 192.0.2.12
sed -i '$d' "$NET_DIR/zone.new"
check "when it is good again" agent_reload bal
is "both are" "$(q +short n2000.file.example.org A)" 192.0.2.15
is "and the file's is validated" "$(wait_until 8 eval '[ "$(delves n77.file.example.org A)" = "fully validated" ]'; delves n1234.file.example.org A)" "fully validated"
configure >"$config"
agent_reload bal
chmod 644 "$keys/sub.example.org.keys"
agent_term bal
check "keys that others can read are refused" eval '! agent_start bal "$config"'
chmod 600 "$keys/sub.example.org.keys"
echo '{' >"$keys/sub.example.org.keys"
check "and those that are none, with the line" eval '! agent_start bal "$config" && grep -q "zones.1..dnssec: .*sub.example.org.keys: line" "${AGENT_LOG[bal]}"'
check "no sanitizer report" no_sanitizer_report
finish
