#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNSimple's API, with the vendor's own client and with lexicon: a journey through all of it, and what
# DNS answers of a POOL that is made and changed by it.
# shellcheck disable=SC2016  # $at is jq's
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/api.sh
. tests/net/api.sh

ASK=build/tests/net/ask # the generator never needs sanitizers
net_up
balancer_up bal
api_certificate
config=$NET_DIR/weir.yaml got=$NET_DIR/got
{
	api_yaml 'pop: AMS' | sed 's/^  dns: {/& name_servers: [ns1.example.net, ns2.example.net],/'
	cat <<-END
		zones:
		  - { name: file.example, ns: [ns1.file.example] }
		records:
		  - { type: A, name: www.file.example, content: 192.0.2.77 }
	END
} >"$config"
api_up "$config"
export ZONE_OF_FILE=file.example
journey dnsimple.js

# --- a POOL, under load ---
# asked COUNT: queries of the pool, in $got.
asked() { in_ns client timeout 60 $ASK -n "$1" $DNS4 cdn.example.org A >"$got" 2>"$got.err"; }

call dnsimple 'api.domains.createDomain(1, { name: "example.org" })' >"$got" || bail "a domain can be made: $(cat "$got")"
for member in a b c; do
	call dnsimple "api.zones.createZoneRecord(1, 'example.org', { name: 'cdn', type: 'POOL', content: '$member.example.net', ttl: 60 })" >"$got" ||
		bail "a member can be made: $(cat "$got")"
done
gone=$(jq .data.id "$got")
asked 3000
check "3,000 queries over three members are uniform: chi square below 18.4 (p = 0.0001)" jq -e '
	.answered == 3000 and (.by | keys) == ["a.example.net", "b.example.net", "c.example.net"] and
	([.by[] | . - 1000 | . * .] | add / 1000) < 18.4' "$got"
note "$(jq -c '{sent, answered, by}' "$got")"
start client "$NET_DIR/background" timeout 60 $ASK -s 30 -r 2000 $DNS4 cdn.example.org A
background=$STARTED
check "a member is removed" call dnsimple "api.zones.deleteZoneRecord(1, 'example.org', $gone)"
removed=$(now_ms)
asked 3000
is "it is in no answer from the next query on" "$(jq -c '.by | keys' "$got")" '["a.example.net","b.example.net"]'
stop "$background" TERM
note "$(jq -c "{sent, lost, by}" "$NET_DIR/background")"
check "queries went on before and after" jq -e --argjson at "$removed" '
	.lost == 0 and .sent > 100 and .last["c.example.net"] <= $at and .last["a.example.net"] > $at' "$NET_DIR/background"

# --- HTTP Basic: the password is the token ---
basic() { in_ns client curl -sk -m 20 -o /dev/null -w '%{http_code}' -u "someone@example.org:$1" "$API/v2/whoami"; }
is "HTTP Basic is taken" "$(basic "$TOKEN")" 200
is "with a password that is none it is not" "$(basic "x$TOKEN")" 401

# --- lexicon, as Debian has it ---
lexicon() {
	in_ns client env HOME="$NET_DIR" REQUESTS_CA_BUNDLE="$NODE_EXTRA_CA_CERTS" LEXICON_DNSIMPLE_API_ENDPOINT="$API/v2" \
		timeout 60 /usr/bin/lexicon dnsimple "$@" --auth-token "$TOKEN"
}
txt() { in_ns client dig +short "@$DNS4" _acme-challenge.example.org TXT; }
check "lexicon creates a record" lexicon create example.org TXT --name _acme-challenge --content first --ttl 60
is "which is answered" "$(txt)" '"first"'
is "lists it" "$(lexicon list example.org TXT --output JSON 2>/dev/null | jq -c '[.[] | [.type, .name, .content, .ttl]]')" \
	'[["TXT","_acme-challenge.example.org","first",60]]'
id=$(lexicon list example.org TXT --output JSON 2>/dev/null | jq -r '.[0].id')
check "edits it" lexicon update example.org TXT --identifier "$id" --content second
is "which is answered, too" "$(txt)" '"second"'
check "and deletes it" lexicon delete example.org TXT --name _acme-challenge
is "so that nothing is answered" "$(txt)" ''

# --- over a restart ---
before=$(call dnsimple 'api.zones.listZoneRecords.collectAll(1, "example.org")')
check "the agent ends well" agent_term bal
agent_must_start bal "$config"
is "records and their numbers are the same after a restart" "$(call dnsimple 'api.zones.listZoneRecords.collectAll(1, "example.org")')" "$before"
asked 300
is "and are answered" "$(jq -c '.by | keys' "$got")" '["a.example.net","b.example.net"]'
check "the agent ends well once more" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
