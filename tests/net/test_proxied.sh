#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS records that are proxied: answered with the VIPs, forwarded to what they say; a load balancer
# of the same name goes before them while it is enabled.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

net_up
balancer_up bal
endpoints_up a b c
config=$NET_DIR/weir.yaml got=$NET_DIR/got live=$NET_DIR/live

configure() { # ENABLED of the load balancer, PROXIED of the records
	agent_yaml
	cat <<-END
		  proxied_listeners: [tcp/80, tcp/9000]
		zones: [{ name: example.org, ns: [ns1.example.org] }]
		pools: [{ name: main, origins: [{ name: c, address: ${EP4[c]} }] }]
		load_balancers:
		  - { name: www.example.org, enabled: $1, proxied: true, default_pools: [main],
		      fallback_pool: main, listeners: [tcp/80, tcp/9000] }
		records:
		  - { type: A, name: www.example.org, content: ${EP4[a]}, proxied: $2 }
		  - { type: A, name: www.example.org, content: ${EP4[b]} }
		  - { type: A, name: plain.example.org, content: ${EP4[b]} }
	END
}

q() { in_ns client dig @$DNS4 +short +tries=2 +time=2 "$@" | sort | xargs; }

configure true true >"$config"
agent_must_start bal "$config"
is "a load balancer of the name is answered" "$(q www.example.org A)" $VIP4
connect "$got" --connections 500
check_shares "and has the connections" "$got" 1 c=1
is "that is said" "$(status bal '.config.notes[] | select(.path == "records[0]") | .text')" \
	"the load balancer of this name goes before, as long as it is enabled"
at_least "in the log, too" "$(grep -c 'note: records\[0\]' "${AGENT_LOG[bal]}")" 1
transfers_start "$live"

configure false true >"$config"
check "it is disabled" agent_reload bal
is "then the records are: with VIPs" "$(q www.example.org A)" $VIP4
is "of both families" "$(q www.example.org AAAA)" $VIP6
is "a record that is not proxied has its address" "$(q plain.example.org A)" "${EP4[b]}"
connect "$got" --connections 2000
check_shares "connections are spread over the addresses of the records" "$got" 12 a=1 b=1
is "a record beside proxied ones is proxied, too, and that is said" \
	"$(status bal '.config.notes[] | select(.path == "records[1]") | .text')" \
	"is proxied, since records[0] of the same name is"
check "also by weirctl" eval 'ctl bal status | grep -q "note  *records\[1\]: is proxied"'
check "and by --check" eval '"$WEIR_BIN/weir-agent" --check -c "$config" | grep -q "^note: records\[1\]: is"'

configure true true >"$config"
check "it is enabled again" agent_reload bal
connect "$got" --connections 500
check_shares "and goes before them" "$got" 1 c=1
transfers_stop "$live"
is "500 transfers ran through all of it, 0 broke" "$(value "$live" '"\(.flows) \(.broken)"')" "500 0"

configure false false >"$config"
check "nothing is proxied" agent_reload bal
is "then the addresses are answered" "$(q www.example.org A)" "$(printf '%s\n' "${EP4[a]}" "${EP4[b]}" | sort | xargs)"
is "there is no service" "$(status bal '.services | length')" 0
check "the agent ends well" agent_term bal
check "no sanitizer report" no_sanitizer_report
finish
