#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Cloudflare API by its official client for JavaScript and by Debian's for Python, both with no
# more than another base URL, against the agent with its packet path and its DNS.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/api.sh
. tests/net/api.sh

net_up
balancer_up bal
endpoints_up a b
api_certificate
config=$NET_DIR/weir.yaml
{
	api_yaml 'proxied_listeners: [tcp/80]' 'pop: AMS' 'country: NL' |
		sed "s/^  dns: {/& name_servers: [ns1.example.net],/; s/^  vips: .\"$VIP4\"/&, \"$VIP4B\"/"
	cat <<-END
		zones: [{ name: example.org, ns: [ns1.example.net] }]
		pools:
		  - { name: filed, origins: [{ name: a, address: "${EP4[a]}" }] }
	END
} >"$config"
api_up "$config"
export ACCOUNT=77656972000000000000000000000001 VIP=$VIP4 VIP6 VIP_B=$VIP4B A=${EP4[a]} B=${EP4[b]}

journey cloudflare.js
REQUESTS_CA_BUNDLE=$NODE_EXTRA_CA_CERTS journey /usr/bin/python3 cloudflare.py # Debian's
agent_term bal
is "the agent ends as it should" $? 0
check "and has misused no memory" no_sanitizer_report
finish
