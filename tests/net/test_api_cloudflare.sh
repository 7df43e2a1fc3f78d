#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Cloudflare API by its official client for JavaScript and by Debian's for Python, unmodified but
# for the base URL, against the agent with its packet path and its DNS.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

export NODE_PATH=$PWD/build/api/node_modules
[ -d "$NODE_PATH/cloudflare" ] || bail "the client is there (make build/api/node_modules/.package-lock.json)"
net_up
balancer_up bal
endpoints_up a b
config=$NET_DIR/weir.yaml
{
	agent_yaml | sed 's/^  dns: {/&name_servers: [ns1.example.net], /'
	cat <<-END
		  api: { listen: ["127.0.0.1:8651"] }
		  proxied_listeners: [tcp/80]
		  store: $NET_DIR/weir.db
		  pop: AMS
		  country: NL
		  vips: ["$VIP4"]
		zones: [{ name: example.org, ns: [ns1.example.net] }]
		pools:
		  - { name: filed, origins: [{ name: a, address: "${EP4[a]}" }] }
	END
} | awk '!/^  vips:/ || !n++' >"$config"
sed -i "s/^  vips: .*/  vips: [\"$VIP4\"]/" "$config"
agent_must_start bal "$config"

token() { ctl bal token create --name "$1" --scope "$2" | grep -o 'weir_[A-Za-z0-9_-]*'; }
TOKEN=$(token journey write) READ_TOKEN=$(token reader read)
export TOKEN READ_TOKEN API=http://127.0.0.1:8651/client/v4 ACCOUNT=77656972000000000000000000000001
export VIP=$VIP4 DNS=$DNS4 A=${EP4[a]} B=${EP4[b]}
export CLIENT="nsenter --net=/run/netns/$NET-client --"

# journey COMMAND...: its sentences are this test's.
journey() {
	local out=$NET_DIR/journey line rc

	in_ns bal timeout 120 "$@" >"$out" 2>&1
	rc=$?
	while IFS= read -r line; do
		case $line in
		"ok - "*) ok "${line#ok - }" ;;
		"not ok - "*) not_ok "${line#not ok - }" ;;
		*) note "${line#\# }" ;;
		esac
	done <"$out"
	grep -q '^not ok' "$out" || is "${*: -1} ends well" $rc 0
}

journey node tests/api/cloudflare.js
check "the agent lives" status bal .version
finish
