/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_refuse_pool_set.c - pool sets of load balancers that are refused. */
#include "refuse.h"

#define SETS(sets)  TWO "load_balancers: [{name: a.b, " LB ", pool_sets:\n" sets "}]"
#define MATCH(what) SETS("[{overrides: {pools: [web]}, match: " what "}]")
#define IN(what)    MATCH("{topology: " what "}")
#define USE(what)   SETS("[{overrides: {pools: [web], " what "}}]")
#define AT          "load_balancers[0].pool_sets"
#define TOPOLOGY    AT "[0].match.topology"

static const struct bad documents[] = {
	{ "pool sets that are a mapping", SETS("{}"), AT, "must be a list", 3 },
	{ "a pool set that is a text", SETS("[web]"), AT "[0]", "must be a mapping", 4 },
	{ "an unknown member of a pool set", SETS("[{when: x}]"), AT "[0].when",
	  "allowed: name, disabled, match, overrides, fixed_response", 4 },
	{ "a name of a pool set that is a number", SETS("[{name: 7}]"), AT "[0].name",
	  "must be a text", 4 },
	{ "a pool set that is disabled by a text", SETS("[{disabled: y}]"), AT "[0].disabled",
	  "true or false", 4 },
	{ "a pool set that says nothing", SETS("[{match: {default: true}}]"), AT "[0]",
	  "must say overrides.pools, or a fixed_response", 4 },
	{ "a pool set without pools", SETS("[{overrides: {fallback_pool: web}}]"), AT "[0]",
	  "must say overrides.pools", 4 },
	{ "a pool set that has pools and answers by itself",
	  SETS("[{overrides: {pools: [web]}, fixed_response: {status_code: 200}}]"),
	  AT "[0].fixed_response", "leave it or overrides.pools out", 4 },
	{ "a pool set that answers HTTP in packets",
	  AGENT POOL "load_balancers: [{name: a.b, pool_sets: [{fixed_response: {}}], " VIA "}]",
	  AT "[0].fixed_response", "cannot be given in packets", 3 },
	{ "a pool set that answers without a status", SETS("[{fixed_response: {status_code: 1}}]"),
	  AT "[0].fixed_response.status_code", "1 is not from 100 to 999", 4 },
	/* match */
	{ "a match that is a text", MATCH("default"), AT "[0].match", "must be a mapping", 4 },
	{ "a match that says nothing", MATCH("{}"), AT "[0].match",
	  "must say default: true or a topology", 4 },
	{ "a match with default: false alone", MATCH("{default: false}"), AT "[0].match",
	  "must say default: true or a topology", 4 },
	{ "a match by default and by topology",
	  MATCH("{default: true, topology: {regions: [WEU]}}"), AT "[0].match.topology",
	  "default: true is for all clients", 4 },
	{ "a match with another member", MATCH("{region: WEU}"), AT "[0].match.region",
	  "unknown key", 4 },
	{ "a topology that is a list", IN("[WEU]"), TOPOLOGY, "must be a mapping", 4 },
	{ "a topology that says nothing", IN("{}"), TOPOLOGY, "must say pops, countries or regions",
	  4 },
	{ "a topology of empty lists", IN("{pops: [], countries: [], regions: []}"), TOPOLOGY,
	  "must say pops, countries or regions", 4 },
	{ "a topology with another member", IN("{cities: [AMS]}"), TOPOLOGY ".cities",
	  "allowed: pops, countries, regions", 4 },
	{ "regions that are a text", IN("{regions: WEU}"), TOPOLOGY ".regions", "must be a list",
	  4 },
	{ "a region that is none", IN("{regions: [WEU, EU]}"), TOPOLOGY ".regions[1]",
	  "\"EU\" is not a region", 4 },
	{ "a region twice", IN("{regions: [WEU, OC, WEU]}"), TOPOLOGY ".regions[2]",
	  "\"WEU\" is listed twice", 4 },
	{ "a country in small letters", IN("{countries: [de]}"), TOPOLOGY ".countries[0]",
	  "two capital letters", 4 },
	{ "a country that is a number", IN("{countries: [7]}"), TOPOLOGY ".countries[0]",
	  "must be a text", 4 },
	{ "a country twice", IN("{countries: [DE, FR, DE]}"), TOPOLOGY ".countries[2]",
	  "\"DE\" is listed twice", 4 },
	{ "a site with a space", IN("{pops: ['A B']}"), TOPOLOGY ".pops[0]", "is not a site", 4 },
	{ "a site twice", IN("{pops: [AMS, AMS]}"), TOPOLOGY ".pops[1]", "\"AMS\" is listed twice",
	  4 },
	/* overrides */
	{ "overrides of a pool set that are a list", SETS("[{overrides: [web]}]"),
	  AT "[0].overrides", "must be a mapping", 4 },
	{ "an override of a pool set that is a rule's alone", USE("default_pools: [six]"),
	  AT "[0].overrides.default_pools", "leave pools or default_pools out", 4 },
	{ "another one", USE("ttl: 5"), AT "[0].overrides.ttl", "unknown key", 4 },
	{ "weights of a pool set as random_steering", USE("random_steering: {default_weight: 1}"),
	  AT "[0].overrides.random_steering", "unknown key", 4 },
	{ "pools of a pool set that are not there", SETS("[{overrides: {pools: [web, x]}}]"),
	  AT "[0].overrides.pools[1]", "no pool \"x\"", 4 },
	{ "no pools of a pool set", SETS("[{overrides: {pools: []}}]"), AT "[0].overrides.pools",
	  "has 0 items", 4 },
	{ "a fallback pool of a pool set that is not there", USE("fallback_pool: x"),
	  AT "[0].overrides.fallback_pool", "no pool \"x\"", 4 },
	{ "a pool set that chooses by maps", USE("steering_policy: geo"),
	  AT "[0].overrides.steering_policy", "geo chooses by maps", 4 },
	{ "a pool set with an unknown policy", USE("steering_policy: best"),
	  AT "[0].overrides.steering_policy", "is not one of", 4 },
	{ "weights of a pool set for a pool that is not there", USE("pool_weights: {x: 1}"),
	  AT "[0].overrides.pool_weights.x", "no pool \"x\"", 4 },
	{ "a default weight of a pool set above 1", USE("pool_default_weight: 2"),
	  AT "[0].overrides.pool_default_weight", "not from 0 to 1", 4 },
	/* with the rest of the balancer */
	{ "pools of a pool set that cannot be reached",
	  AGENT TWO "load_balancers: [{name: a.b, forwarding: l2, vips: [192.0.2.1], pool_sets:\n"
		    "[{overrides: {pools: [six]}}], " VIA "}]",
	  AT "[0].overrides.forwarding", "cannot change the address family", 5 },
	{ "a pool set that compares connections, beside an affinity",
	  AGENT POOL "load_balancers: [{name: a.b, session_affinity: ip_cookie, pool_sets:\n"
		     "[{overrides: {pools: [web], steering_policy: least_connections}}], " VIA "}]",
	  AT "[0].overrides.session_affinity", "remembers clients", 4 },
};

int main(void)
{
	return refuse_all("pool sets that are refused", documents,
			  sizeof(documents) / sizeof(documents[0]));
}
