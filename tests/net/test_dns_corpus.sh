#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The questions of tests/dns/corpus, over UDP and TCP, with IPv4 and IPv6: the agent's answers are
# those that are written there; and they are those of Knot, which has the same zones, but for what
# tests/dns/corpus/knot.differences lists with reasons.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

ZONES=(example.com sub.example.com other.test example)
SECRET=000102030405060708090a0b0c0d0e0f
KNOT4=192.0.2.100
net_up
balancer_up bal
address bal eth0 $KNOT4/25

{
	agent_yaml | sed "s/dns: {/dns: { nsid: weir-1, cookie_secret: \"$SECRET\",/"
	echo "zones:"
	for zone in "${ZONES[@]}"; do
		echo "  - { name: $zone, file: $PWD/tests/dns/corpus/zones/$zone.zone }"
	done
} >"$NET_DIR/weir.yaml"
mkdir -p "$NET_DIR/knot/db"
{
	cat <<-END
		server:
		    rundir: $NET_DIR/knot
		    listen: $KNOT4@53
		    identity: weir-1
		    nsid: weir-1
		    udp-max-payload: 1232
		    edns-client-subnet: on
		database:
		    storage: $NET_DIR/knot/db
		mod-cookies:
		  - id: default
		    secret: 0x$SECRET
		template:
		  - id: default
		    storage: $PWD/tests/dns/corpus/zones
		    file: "%s.zone"
		    zonefile-sync: -1
		    journal-content: none
		    global-module: mod-cookies/default
		zone:
	END
	printf '  - domain: %s\n' "${ZONES[@]}"
} >"$NET_DIR/knot/knot.conf"

# corpus WHAT...: its lines count as this script's own.
corpus() {
	local line

	in_ns client /usr/bin/python3 tests/dns/corpus.py "$@" >"$NET_DIR/corpus" 2>"$NET_DIR/corpus.err" ||
		! grep -q Traceback "$NET_DIR/corpus.err" || not_ok "$*: $(<"$NET_DIR/corpus.err")"
	while IFS= read -r line; do
		case $line in
		"ok - "*) ok "${line#ok - }" ;;
		"not ok - "*) not_ok "${line#not ok - }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$NET_DIR/corpus"
}

knot_answers() { in_ns client dig +short +tries=1 +time=1 @$KNOT4 example SOA | grep -q hostmaster; }

agent_must_start bal "$NET_DIR/weir.yaml"
start bal "$NET_DIR/knot/out" knotd -c "$NET_DIR/knot/knot.conf"
wait_until 20 knot_answers || bail "knotd serves the same zones: $(tail -n 5 "$NET_DIR/knot/out.err")"

questions=$(grep -hc '^?' tests/dns/corpus/*.txt | awk '{n += $1} END {print n}')
at_least "questions in the corpus" "$questions" 300
corpus check $DNS4
corpus check $DNS6
corpus differences tests/dns/corpus/knot.differences $KNOT4
corpus cookies $DNS4 $KNOT4
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
