/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_refuse_lb.c - load balancers that are refused. */
#include "refuse.h"

static const struct bad documents[] = {
	{ "a load balancer without a fallback pool",
	  POOL "load_balancers: [{name: a.b, default_pools: [web]}]", "load_balancers[0]",
	  "fallback_pool is missing", 2 },
	{ "a load balancer without default pools",
	  POOL "load_balancers: [{name: a.b, fallback_pool: web}]", "load_balancers[0]",
	  "default_pools is missing", 2 },
	{ "a default pool that is not there",
	  TWO "load_balancers:\n- name: a.b\n  default_pools:\n  - web\n  - web2\n"
	      "  fallback_pool: web\n",
	  "load_balancers[0].default_pools[1]",
	  "no pool \"web2\", did you mean \"web\"? pools are: web, six", 7 },
	{ "a pool where there are none",
	  "load_balancers: [{name: a.b, default_pools: [web], fallback_pool: web}]",
	  "load_balancers[0].default_pools[0]", "there are none", 1 },
	{ "a default pool that is listed twice",
	  POOL "load_balancers: [{name: a.b, default_pools: [web, web], fallback_pool: web}]",
	  "load_balancers[0].default_pools[1]", "listed twice", 2 },
	{ "a name that is no host name", POOL "load_balancers: [{name: a b, " LB "}]",
	  "load_balancers[0].name", "not a host name", 2 },
	{ "a label of 64 characters",
	  POOL "load_balancers: [{name: "
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b, " LB "}]",
	  "load_balancers[0].name", "longer than 63", 2 },
	{ "a label that begins with a hyphen", POOL "load_balancers: [{name: -a.b, " LB "}]",
	  "load_balancers[0].name", "begins or ends with -", 2 },
	{ "two load balancers of one name",
	  POOL "load_balancers:\n- {name: a.b, " LB "}\n- {name: A.b., id: x, " LB "}\n",
	  "load_balancers[1].name", "load_balancers[0] already", 4 },
	{ "two load balancers of one id",
	  POOL "load_balancers:\n- {name: a.b, id: x, " LB "}\n- {name: c.b, id: x, " LB "}\n",
	  "load_balancers[1].id", "load_balancers[0] already", 4 },
	{ "a name outside the zones", ZONE POOL "load_balancers: [{name: a.example.org, " LB "}]",
	  "load_balancers[0].name", "in none of the zones", 3 },
	{ "a name that only ends like a zone",
	  ZONE POOL "load_balancers: [{name: badexample.com, " LB "}]", "load_balancers[0].name",
	  "in none of the zones", 3 },
	{ "an empty list of listeners",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [], " LB "}]",
	  "load_balancers[0].listeners", "must not be empty", 3 },
	{ "a proxied load balancer without a VIP", POOL "load_balancers: [{name: a.b, " VIA "}]",
	  "load_balancers[0]", "agent.vips is empty", 2 },
	{ "a listener of an unknown protocol",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1, sctp/2], " LB
		     "}]",
	  "load_balancers[0].listeners[1]", "as in tcp/443", 3 },
	{ "a listener at port 0",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/0], " LB "}]",
	  "load_balancers[0].listeners[0]", "as in tcp/443", 3 },
	{ "a listener beyond port 65535",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/65536], " LB "}]",
	  "load_balancers[0].listeners[0]", "as in tcp/443", 3 },
	{ "a listener that is listed twice",
	  AGENT POOL "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1, tcp/1], " LB
		     "}]",
	  "load_balancers[0].listeners[1]", "twice", 3 },
	{ "listeners of a DNS-only load balancer",
	  POOL "load_balancers:\n- name: a.b\n  listeners: [tcp/80]\n  default_pools: [web]\n"
	       "  fallback_pool: web\n",
	  "load_balancers[0].listeners", "for proxied load balancers", 4 },
	{ "forwarding of a DNS-only load balancer",
	  POOL "load_balancers: [{name: a.b, forwarding: l2, " LB "}]",
	  "load_balancers[0].forwarding", "for proxied load balancers", 2 },
	{ "a VIP that the agent does not have",
	  AGENT POOL "load_balancers: [{name: a.b, vips: [192.0.2.9], " VIA "}]",
	  "load_balancers[0].vips[0]", "192.0.2.9 is not one of agent.vips", 3 },
	{ "two load balancers that claim one VIP, protocol and port",
	  AGENT POOL "load_balancers:\n- {name: a.b, " VIA
		     "}\n- {name: c.b, vips: ['2001:db8::1'], " VIA "}\n",
	  "load_balancers[1].listeners[0]",
	  "tcp/80 on 2001:db8::1 belongs to load balancer a.b already, and packets do not", 5 },
	{ "unknown forwarding",
	  AGENT POOL "load_balancers: [{name: a.b, forwarding: gre, " VIA "}]",
	  "load_balancers[0].forwarding", "one of: ipip, l2, gue", 3 },
	{ "direct return that would change the family",
	  AGENT TWO
	  "load_balancers: [{name: a.b, forwarding: l2, vips: [192.0.2.1], proxied: true,\n"
	  " listeners: [tcp/80], default_pools: [web], fallback_pool: six}]",
	  "load_balancers[0].forwarding", "origin \"a\" of pool \"six\" is fd00::1", 4 },
	{ "a host name with nat",
	  AGENT "pools: [{name: web, origins: [{name: h, address: w.example}]}]\n"
		"load_balancers: [{name: a.b, forwarding: nat, " VIA "}]",
	  "load_balancers[0].forwarding", "origin \"h\" of pool \"web\" has a host name", 3 },
	{ "a host name behind VIPs of both families that are not translated",
	  AGENT "pools: [{name: web, origins: [{name: h, address: w.example}]}]\n"
		"load_balancers: [{name: a.b, forwarding: l2, " VIA "}]",
	  "load_balancers[0].forwarding", "give the balancer vips of one family", 3 },
	{ "an origin among the outer sources",
	  "agent: {vips: [192.0.2.1], outer_source: [10.0.0.0/24]}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: gue, " VIA "}]",
	  "load_balancers[0]", "from its own address", 3 },
	{ "an origin that is a VIP of the balancer",
	  "agent: {vips: [10.0.0.1]}\n" POOL "load_balancers: [{name: a.b, " VIA "}]",
	  "load_balancers[0]", "would come back", 3 },
	{ "an unknown steering policy",
	  POOL "load_balancers: [{name: a.b, steering_policy: best, " LB "}]",
	  "load_balancers[0].steering_policy", "one of: off", 2 },
	{ "an affinity by headers that are not named",
	  AGENT POOL "load_balancers: [{name: a.b, session_affinity: header, " VIA "}]",
	  "load_balancers[0]", "needs session_affinity_attributes.headers", 3 },
	{ "an affinity by headers for a day",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity: header, session_affinity_ttl: 86400,\nsession_affinity_attributes: {headers: [x]}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_ttl", "86400 is not from 30 to 3600, as of headers",
	  3 },
	{ "an affinity by headers that sticks after a failure",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity: header,\nsession_affinity_attributes: {headers: [x], zero_downtime_failover: sticky}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.zero_downtime_failover",
	  "sticky cannot be", 4 },
	{ "a header with a space",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {headers: [a, b c]}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.headers[1]", "not the name of a header",
	  3 },
	{ "an empty header",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {headers: ['']}, " VIA "}]",
	  "load_balancers[0].session_affinity_attributes.headers[0]", "not the name of a header",
	  3 },
	{ "a cookie without a name among headers",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {headers: ['cookie:a,,b']}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.headers[0]", "not the name of a header",
	  3 },
	{ "a cookie that ends with a comma among headers",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {headers: ['cookie:a,']}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.headers[0]", "not the name of a header",
	  3 },
	{ "a header that is listed twice",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {headers: [X-A, x-a]}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.headers[1]", "\"x-a\" is listed twice",
	  3 },
	{ "headers that are no list",
	  AGENT POOL "load_balancers: [{name: a.b, session_affinity_attributes: {headers: x}, " VIA
		     "}]",
	  "load_balancers[0].session_affinity_attributes.headers", "must be a list", 3 },
	{ "an unknown samesite",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {samesite: auto}, " VIA "}]",
	  "load_balancers[0].session_affinity_attributes.samesite",
	  "one of: Auto, Lax, None, Strict", 3 },
	{ "an unknown secure",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {secure: true}, " VIA "}]",
	  "load_balancers[0].session_affinity_attributes.secure", "must be a text", 3 },
	{ "samesite None that is never secure",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {samesite: None, secure: Never}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.secure", "cannot be with samesite: None",
	  3 },
	{ "require_all_headers that is a number",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {require_all_headers: 1}, " VIA
	  "}]",
	  "load_balancers[0].session_affinity_attributes.require_all_headers", "true or false", 3 },
	{ "adaptive routing that is a word",
	  AGENT POOL "load_balancers: [{name: a.b, adaptive_routing: true, " VIA "}]",
	  "load_balancers[0].adaptive_routing", "must be a mapping", 3 },
	{ "an unknown member of adaptive routing",
	  AGENT POOL "load_balancers: [{name: a.b, adaptive_routing: {failover: true}, " VIA "}]",
	  "load_balancers[0].adaptive_routing.failover", "allowed: failover_across_pools", 3 },
	{ "failover across pools that is a text",
	  AGENT POOL
	  "load_balancers: [{name: a.b, adaptive_routing: {failover_across_pools: y}, " VIA "}]",
	  "load_balancers[0].adaptive_routing.failover_across_pools", "true or false", 3 },
	{ "an affinity by cookie without packets",
	  POOL "load_balancers: [{name: a.b, session_affinity: cookie, " LB "}]",
	  "load_balancers[0].session_affinity", "for proxied load balancers", 2 },
	{ "an affinity by header without packets",
	  POOL "load_balancers: [{name: a.b, session_affinity: header,\n"
	       "session_affinity_attributes: {headers: [x]}, " LB "}]",
	  "load_balancers[0].session_affinity", "for proxied load balancers", 2 },
	{ "an unknown affinity", POOL "load_balancers: [{name: a.b, session_affinity: ip, " LB "}]",
	  "load_balancers[0].session_affinity",
	  "\"ip\" is not one of: none, cookie, ip_cookie, header", 2 },
	{ "an affinity of half an hour less a second",
	  POOL "load_balancers: [{name: a.b, session_affinity_ttl: 1799, " LB "}]",
	  "load_balancers[0].session_affinity_ttl", "1799 is not from 1800 to 604800", 2 },
	{ "an unknown word for UDP", POOL "load_balancers: [{name: a.b, udp: packet, " LB "}]",
	  "load_balancers[0].udp", "one of: flow, request, quic", 2 },
	{ "an affinity of datagrams that are by themselves",
	  AGENT POOL "load_balancers: [{name: a.b, udp: request, session_affinity: ip_cookie, " VIA
		     "}]",
	  "load_balancers[0].udp", "which session_affinity forbids", 3 },
	{ "a limit of connections that nobody can count",
	  "pools: [{name: p, origins: [{name: o, address: 10.0.0.1, max_conn: 262145}]}]",
	  "pools[0].origins[0].max_conn", "262145 is not from 0 to 262144", 1 },
	{ "an affinity and a limit of connections",
	  AGENT "pools: [{name: web, origins: [{name: o, address: 10.0.0.1, max_conn: 2}]}]\n"
		"load_balancers: [{name: a.b, session_affinity: ip_cookie, " VIA "}]",
	  "load_balancers[0].session_affinity", "pool \"web\" has a max_conn", 3 },
	{ "an affinity and least connections",
	  AGENT "pools: [{name: web, origins: [{name: o, address: 10.0.0.1}],\n"
		"origin_steering: {policy: least_connections}}]\n"
		"load_balancers: [{name: a.b, session_affinity: ip_cookie, " VIA "}]",
	  "load_balancers[0].session_affinity", "pool \"web\" has least_connections", 4 },
	{ "datagrams by themselves and a limit of connections",
	  AGENT "pools: [{name: web, origins: [{name: o, address: 10.0.0.1, max_conn: 2}]}]\n"
		"load_balancers: [{name: a.b, udp: request, " VIA "}]",
	  "load_balancers[0].udp", "has a max_conn, which counts flows", 3 },
	{ "a source prefix with bits behind its length",
	  POOL "load_balancers: [{name: a.b, source_rules: {allow: [10.0.0.0/8, 10.0.0.1/8]}, " LB
	       "}]",
	  "load_balancers[0].source_rules.allow[1]", "\"10.0.0.1/8\" is not a prefix", 2 },
	{ "a source prefix that is allowed and denied",
	  POOL "load_balancers: [{name: a.b, source_rules: {allow: ['fd00::/8', 10.0.0.0/8],\n"
	       "deny: [10.0.0.0/8]}, " LB "}]",
	  "load_balancers[0].source_rules.deny[0]", "10.0.0.0/8 is allow[1] already", 3 },
	{ "a rate of no packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {rate: {burst: 1}}, " LB "}]",
	  "load_balancers[0].source_rules.rate", "packets_per_second is missing", 2 },
	{ "a rate of too many packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {rate: {packets_per_second: 1e9}}, " LB
	       "}]",
	  "load_balancers[0].source_rules.rate.packets_per_second", "from 1 to 10000000", 2 },
	{ "source rules without packets",
	  POOL "load_balancers: [{name: a.b, source_rules: {}, " LB "}]",
	  "load_balancers[0].source_rules", "for proxied load balancers", 2 },
	{ "passive health where DNS alone answers",
	  POOL "load_balancers: [{name: a.b, passive_health: true, " LB "}]",
	  "load_balancers[0].passive_health", "for proxied load balancers", 2 },
	{ "a failover of no kind",
	  AGENT POOL "load_balancers: [{name: a.b, session_affinity_attributes:\n"
		     " {zero_downtime_failover: always}, " VIA "}]",
	  "load_balancers[0].session_affinity_attributes.zero_downtime_failover", "temporary", 4 },
	{ "more than all that may be ejected",
	  "pools: [{name: a, max_ejection_percent: 101, origins: [{name: a, address: 10.0.0.1}]}]",
	  "pools[0].max_ejection_percent", "from 0 to 100", 1 },
	{ "two regions of one name",
	  "agent: {client_regions: [{name: x, prefixes: [10.0.0.0/8]},\n"
	  " {name: x, prefixes: [11.0.0.0/8]}]}",
	  "agent.client_regions[1].name", "\"x\" is client_regions[0] already", 2 },
	{ "a prefix in two regions",
	  "agent: {client_regions: [{name: x, prefixes: [10.0.0.0/8]},\n"
	  " {name: y, prefixes: [11.0.0.0/8, 10.0.0.0/8]}]}",
	  "agent.client_regions[1].prefixes[1]", "is in client_regions[0] already", 2 },
	{ "a region of nothing", "agent: {client_regions: [{name: x, prefixes: []}]}",
	  "agent.client_regions[0].prefixes", "1", 1 },
	{ "an affinity without packets",
	  POOL "load_balancers: [{name: a.b, session_affinity: ip_cookie, " LB "}]",
	  "load_balancers[0].session_affinity", "for proxied load balancers", 2 },
	{ "a ttl of 0", POOL "load_balancers: [{name: a.b, ttl: 0, " LB "}]",
	  "load_balancers[0].ttl", "0 is not from 1", 2 },
	{ "a drain longer than a day for one load balancer",
	  POOL
	  "load_balancers: [{name: a.b, session_affinity_attributes: {drain_duration: 1e6}, " LB
	  "}]",
	  "load_balancers[0].session_affinity_attributes.drain_duration", "from 0 to 86400", 2 },
};

int main(void)
{
	return refuse_all("load balancers that are refused", documents,
			  sizeof(documents) / sizeof(documents[0]));
}
