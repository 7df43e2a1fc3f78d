/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_refuse_rule.c - rules of load balancers that are refused. */
#include "refuse.h"

static const struct bad documents[] = {
	{ "a rule that is a text",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [x], " LB "}]",
	  "load_balancers[0].rules[0]", "must be a mapping", 3 },
	{ "an unknown member of a rule",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{when: x}], " LB
	  "}]",
	  "load_balancers[0].rules[0].when", "allowed: name, condition", 3 },
	{ "a rule name of 201 bytes",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{name: 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'}], " LB
	  "}]",
	  "load_balancers[0].rules[0].name", "201 bytes long, more than 200", 3 },
	{ "a priority below 0",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{priority: -1}], " LB
	  "}]",
	  "load_balancers[0].rules[0].priority", "-1 is not from 0", 3 },
	{ "a priority that is a fraction",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{priority: 1.5}], " LB
	  "}]",
	  "load_balancers[0].rules[0].priority", "whole number", 3 },
	{ "a rule that is disabled by a number",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{disabled: 1}], " LB
	  "}]",
	  "load_balancers[0].rules[0].disabled", "true or false", 3 },
	{ "a rule that terminates by a text",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{terminates: y}], " LB
	  "}]",
	  "load_balancers[0].rules[0].terminates", "true or false", 3 },
	{ "a condition that is a list",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{condition: [x]}], " LB
	  "}]",
	  "load_balancers[0].rules[0].condition", "must be a text", 3 },
	{ "a condition that ends early",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{}, {condition: ip.src eq}], " LB
	  "}]",
	  "load_balancers[0].rules[1].condition", "at character 10: an address", 3 },
	{ "a condition over HTTP",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{condition: 'http.host eq \"a\"'}], " LB
	  "}]",
	  "load_balancers[0].rules[0].condition", "could never be evaluated", 3 },
	{ "a condition over a question where packets come",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{condition: dns.qry.type eq 1}], " LB
	  "}]",
	  "load_balancers[0].rules[0].condition", "is of DNS questions", 3 },
	{ "a fixed response in packets",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{fixed_response: {status_code: 200}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].fixed_response", "cannot be given in packets", 3 },
	{ "a fixed response of no status",
	  AGENT POOL
	  "load_balancers: [{name: a.b, rules: [{fixed_response: {status_code: 99}}], " LB "}]",
	  "load_balancers[0].rules[0].fixed_response.status_code", "from 100 to 999", 3 },
	{ "a fixed response with a long type",
	  AGENT POOL
	  "load_balancers: [{name: a.b, rules: [{fixed_response: {content_type: 'ttttttttttttttttttttttttttttttttt'}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].fixed_response.content_type", "33 bytes long", 3 },
	{ "a fixed response with a body of 1025 bytes",
	  AGENT POOL
	  "load_balancers: [{name: a.b, rules: [{fixed_response: {message_body: 'ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt'}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].fixed_response.message_body", "1025 bytes long", 3 },
	{ "overrides that are a list",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: []}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides", "must be a mapping", 3 },
	{ "an override of what cannot be overridden",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {listeners: [tcp/1]}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.listeners", "unknown key", 3 },
	{ "an override with a pool that is not there",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {default_pools: [web, wab]}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.default_pools[1]", "did you mean \"web\"", 3 },
	{ "an override with a pool twice",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {default_pools: [web, web]}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.default_pools[1]", "listed twice", 3 },
	{ "an override with no pool",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {default_pools: []}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.default_pools", "has 0 items", 3 },
	{ "an override with a fallback pool that is not there",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {fallback_pool: x}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.fallback_pool", "no pool \"x\"", 3 },
	{ "an override of the ttl to nothing",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {ttl: 0}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.ttl", "0 is not from 1", 3 },
	{ "an override of the affinity to something else",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {session_affinity: ip}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.session_affinity", "one of: none", 3 },
	{ "an override of the affinity to headers that are not named",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {session_affinity: header}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides", "needs session_affinity_attributes.headers", 3 },
	{ "an override of the affinity to a second",
	  AGENT POOL
	  "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], rules: [{overrides: {session_affinity_ttl: 1}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.session_affinity_ttl", "1 is not from 1800", 3 },
	{ "an override with an affinity where DNS alone answers",
	  AGENT POOL
	  "load_balancers: [{name: a.b, rules: [{overrides: {session_affinity: ip_cookie}}], " LB
	  "}]",
	  "load_balancers[0].rules[0].overrides.session_affinity", "for proxied load balancers",
	  3 },
	{ "an override with a pool that counts, beside an affinity",
	  AGENT "pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]}, {name: few,\n"
		"origins: [{name: a, address: 10.0.0.2, max_conn: 1}]}]\n"
		"load_balancers: [{name: a.b, session_affinity: ip_cookie, rules: [{overrides:\n"
		"{default_pools: [few]}}], " VIA "}]",
	  "load_balancers[0].rules[0].overrides.session_affinity", "pool \"few\" has a max_conn",
	  4 },
	{ "an override with a pool that cannot be reached",
	  AGENT TWO "load_balancers: [{name: a.b, forwarding: l2, vips: [192.0.2.1], rules:\n"
		    "[{overrides: {default_pools: [six]}}], " VIA "}]",
	  "load_balancers[0].rules[0].overrides.forwarding", "cannot change the address family",
	  5 },
	{ "pools beside default_pools",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web], default_pools: [six]}}]}]",
	  "load_balancers[0].rules[0].overrides.default_pools", "leave pools or default_pools out",
	  4 },
	{ "pools beside a map of regions",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web], region_pools: {WEU: [six]}}}]}]",
	  "load_balancers[0].rules[0].overrides.region_pools", "leave pools or region_pools out",
	  4 },
	{ "pools beside a map of countries",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {country_pools: {DE: [six]}, pools: [web]}}]}]",
	  "load_balancers[0].rules[0].overrides.country_pools", "leave pools or country_pools out",
	  4 },
	{ "pools beside a map of sites",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web], pop_pools: {AMS: [six]}}}]}]",
	  "load_balancers[0].rules[0].overrides.pop_pools", "leave pools or pop_pools out", 4 },
	{ "pools that are chosen by maps",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web], steering_policy: geo}}]}]",
	  "load_balancers[0].rules[0].overrides.steering_policy", "geo chooses by maps", 4 },
	{ "pools that are a text",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: web}}]}]",
	  "load_balancers[0].rules[0].overrides.pools", "must be a list", 4 },
	{ "pools that are none",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: []}}]}]",
	  "load_balancers[0].rules[0].overrides.pools", "has 0 items", 4 },
	{ "a pool twice among pools",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web, six, web]}}]}]",
	  "load_balancers[0].rules[0].overrides.pools[2]", "\"web\" is listed twice", 4 },
	{ "a pool among pools that is not there",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pools: [web, sox]}}]}]",
	  "load_balancers[0].rules[0].overrides.pools[1]", "did you mean \"six\"", 4 },
	{ "pools where the rule answers by itself",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{fixed_response: {}, overrides: {pools: [web]}}]}]",
	  "load_balancers[0].rules[0].fixed_response", "uses no pools", 4 },
	{ "pool_weights beside random_steering",
	  TWO
	  "load_balancers: [{name: a.b, " LB ", rules:\n"
	  "[{overrides: {pool_weights: {web: 1}, random_steering: {pool_weights: {six: 1}}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_weights",
	  "random_steering says what pools weigh", 4 },
	{ "pool_default_weight beside random_steering",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_default_weight: 1, random_steering: {}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_default_weight", "leave one of them out", 4 },
	{ "pool_weights that are a list",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_weights: [web]}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_weights", "must be a mapping of pools", 4 },
	{ "pool_weights of a pool that is not there",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_weights: {wob: 1}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_weights.wob", "did you mean \"web\"", 4 },
	{ "pool_weights above 1",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_weights: {web: 1.1}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_weights.web", "not from 0 to 1", 4 },
	{ "pool_weights that are a text",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_weights: {web: heavy}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_weights.web", "must be a number", 4 },
	{ "a pool_default_weight below 0",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_default_weight: -0.1}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_default_weight", "not from 0 to 1", 4 },
	{ "a pool_default_weight in too small steps",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_default_weight: 0.123}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_default_weight", "steps of 0.01", 4 },
	{ "a pool_default_weight that is a mapping",
	  TWO "load_balancers: [{name: a.b, " LB ", rules:\n"
	      "[{overrides: {pool_default_weight: {web: 1}}}]}]",
	  "load_balancers[0].rules[0].overrides.pool_default_weight", "must be a number", 4 },
	{ "pools that cannot be reached",
	  AGENT TWO "load_balancers: [{name: a.b, forwarding: l2, vips: [192.0.2.1], rules:\n"
		    "[{overrides: {pools: [six]}}], " VIA "}]",
	  "load_balancers[0].rules[0].overrides.forwarding", "cannot change the address family",
	  5 },
	{ "pools of which connections are compared, beside an affinity",
	  AGENT POOL
	  "load_balancers: [{name: a.b, session_affinity: ip_cookie, rules: [{overrides:\n"
	  "{pools: [web], steering_policy: least_connections}}], " VIA "}]",
	  "load_balancers[0].rules[0].overrides.session_affinity", "remembers clients", 3 },
	{ "rules that are a mapping", POOL "load_balancers: [{name: a.b, rules: {}, " LB "}]",
	  "load_balancers[0].rules", "must be a list", 2 },
};

int main(void)
{
	return refuse_all("rules that are refused", documents,
			  sizeof(documents) / sizeof(documents[0]));
}
