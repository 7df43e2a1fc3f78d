# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# validate.sh - what tests of signed zones have in common: zones with names of every kind, keys as
# weirctl shows them, and delv, which validates an answer from the DS of example.org on.

# signed_records: of example.org and sub.example.org in the configuration; more may follow.
signed_records() {
	cat <<-END
		records:
		  - { type: A, name: ns1.example.org, content: 192.0.2.2, ttl: 3 }
		  - { type: A, name: host.sub.example.org, content: 192.0.2.3, ttl: 3 }
		  - { type: A, name: "*.wild.example.org", content: 192.0.2.5, ttl: 3 }
		  - { type: CNAME, name: "*.other.example.org", content: www.example.org, ttl: 3 }
		  - { type: CNAME, name: lost.example.org, content: nothing.sub.example.org, ttl: 3 }
		  - { type: POOL, name: pool.example.org, content: www.example.org, ttl: 2, weight: 1 }
		  - { type: POOL, name: pool.example.org, content: host.sub.example.org, ttl: 2, weight: 2 }
		  - { type: A, name: deep.empty.example.org, content: 192.0.2.77, ttl: 3 }
		  - { type: MX, name: mail.example.org, content: "10 Host.Sub.example.org.", ttl: 3 }
		  - { type: TXT, name: mail.example.org, content: "v=spf1 -all", ttl: 3 }
		  - { type: NS, name: away.example.org, content: ns.away.example.org, ttl: 3 }
		  - { type: A, name: ns.away.example.org, content: 192.0.2.99, ttl: 3 }
		  - { type: NS, name: safe.example.org, content: ns.away.example.org, ttl: 3 }
		  - { type: DS, name: safe.example.org, ttl: 3,
		      content: "1 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766" }
		  - { type: A, name: m.file.example.org, content: 192.0.2.6, ttl: 3 }
	END
}

# signed_file: the zone file.example.org.
signed_file() {
	cat <<-END
		\$ORIGIN file.example.org.
		@ 3 SOA ns1.example.org. hostmaster.example.org. 1 3600 600 86400 2
		@ 3 NS ns1.example.org.
		a 3 A 192.0.2.10
		z 3 AAAA 2001:db8::10
		in.the.middle 3 TXT "of nothing"
		cut 3 NS ns.cut
		ns.cut 3 A 192.0.2.11
	END
}

# signed_kinds: lines of NAME TYPE WHAT for kinds_hold, of every kind.
signed_kinds() {
	cat <<-END
		example.org SOA yes
		example.org NS yes
		example.org DNSKEY yes
		example.org NSEC yes
		example.org A no
		www.example.org A yes
		www.example.org TXT no
		a.wild.example.org A yes
		a.b.wild.example.org A yes
		a.wild.example.org AAAA no
		x.other.example.org A yes
		x.other.example.org TXT no
		alias.example.org A yes
		alias.example.org AAAA no
		lost.example.org A no
		pool.example.org CNAME yes
		empty.example.org A no
		nobody.example.org A no
		x.nobody.example.org A no
		zzz.example.org A no
		mail.example.org MX yes
		mail.example.org TXT yes
		away.example.org DS no
		safe.example.org DS yes
		sub.example.org DS yes
		sub.example.org DNSKEY yes
		sub.example.org SOA yes
		host.sub.example.org A yes
		host.sub.example.org DS no
		nobody.sub.example.org A no
		a.file.example.org A yes
		m.file.example.org A yes
		l.file.example.org A no
		n.file.example.org A no
		zz.file.example.org A no
		the.middle.file.example.org A no
		in.the.middle.file.example.org TXT yes
		cut.file.example.org DS no
	END
}

dnssec() { ctl bal zone dnssec "$@"; }
ring() { dnssec "$1" --json | jq -r '[.dnssec.ring[] | "\(.role) \(.state)"] | join(", ")'; }
ring_is() { [ "$(ring "$1")" = "$2" ]; }

# trust: what the parent of example.org says of it now.
trust() {
	dnssec example.org | grep ' IN DS ' >"$NET_DIR/ds"
	{
		echo 'trust-anchors {'
		awk '{ printf "\t\"%s\" static-ds %s %s %s \"%s\";\n", $1, $4, $5, $6, $7 }' "$NET_DIR/ds"
		echo '};'
	} >"$NET_DIR/anchors"
}

# delves NAME TYPE: delv's word for it; asked by DELV_IN with the options DELV.
delves() {
	in_ns "${DELV_IN:-client}" delv ${DELV:-@$DNS4} -a "$NET_DIR/anchors" +root=example.org "$1" "$2" 2>&1 |
		tee "$NET_DIR/delv" |
		sed -nE 's/^; (negative response, )?(fully validated|unsigned answer)$/\1\2/p; /ncache/d; s/^;; resolution failed: //p' |
		sort -u | xargs -d '\n'
}

# kinds_hold SENTENCE [FILE]: all of these, or those of another file.
kinds_hold() {
	local name type what got bad=0 kinds=${2:-$NET_DIR/kinds}

	while read -r name type what; do
		got=$(delves "$name" "$type")
		case $what/$got in
		"yes/fully validated" | "no/negative response, fully validated") ;;
		"no/fully validated") grep -q '^; .*NSEC' "$NET_DIR/delv" || bad=$((bad + 1)) ;; # behind an alias
		"plain/unsigned answer" | "plain/negative response, unsigned answer") ;;
		*)
			bad=$((bad + 1))
			echo "$name $type: $got"
			tail -n 5 "$NET_DIR/delv"
			;;
		esac
	done <"$kinds" >"$NET_DIR/kinds.bad"
	if [ $bad = 0 ]; then
		ok "$1: $(wc -l <"$kinds") answers and denials are validated by delv"
	else
		not_ok "$1: $bad of $(wc -l <"$kinds") are not validated"
		head -n 40 "$NET_DIR/kinds.bad" | sed 's/^/#   /'
	fi
}
