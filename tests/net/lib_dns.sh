# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib_dns.sh - a zone in which names of every kind are, for tests that have sourced lib.sh and have
# the endpoints a, b and c.

# dns_world_yaml [ADDRESS]: from zones to records, the last of which, changes.example.org, has this
# address; more of them may follow.
dns_world_yaml() {
	cat <<-END
		zones:
		  - { name: example.org, ns: [ns1.example.org, ns2.example.org], minimum: 30 }
		monitors:
		  - { id: web, type: http, path: /health, port: 80, interval: 0.2, timeout: 0.2, retries: 0,
		      consecutive_up: 1, consecutive_down: 1 }
		pools:
	END
	pool_yaml main 1 web a=1 b=1 c=1
	pool_yaml six 1 - a6=1 b6=1
	cat <<-END
		load_balancers:
		  - { name: www.example.org, proxied: true, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", listeners: [tcp/80] }
		  - { name: direct.example.org, proxied: false, default_pools: [main], fallback_pool: main,
		      steering_policy: "off", ttl: 20 }
		  - { name: direct6.example.org, default_pools: [six], fallback_pool: six }
		records:
		  - { type: A, name: ns1.example.org, content: 192.0.2.2, ttl: 300 }
		  - { type: AAAA, name: ns1.example.org, content: "2001:db8:1::2", ttl: 300 }
		  - { type: CNAME, name: alias.example.org, content: www.example.org, ttl: 60 }
		  - { type: CNAME, name: away.example.org, content: www.example.net, ttl: 60 }
		  - { type: POOL, name: pool.example.org, content: one.example.net, ttl: 60, weight: 1 }
		  - { type: POOL, name: pool.example.org, content: two.example.net, ttl: 60, weight: 2 }
		  - { type: POOL, name: pool.example.org, content: five.example.net, ttl: 60, weight: 5 }
		  - { type: A, name: deep.empty.example.org, content: 192.0.2.77 }
		  - { type: A, name: changes.example.org, content: ${1:-192.0.2.78} }
	END
}
