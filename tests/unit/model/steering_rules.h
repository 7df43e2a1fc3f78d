/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steering_rules.h - each rule about which pool takes new flows, as a document, what is true, and
 * the shares that follow. */
#ifndef STEERING_RULES_H
#define STEERING_RULES_H

/* Pools a, b, c with an origin each, and z, the fallback; all with a monitor. */
#define POOL(id, address, more) \
	"{name: " id ", monitor: m, origins: [{name: o, address: " address "}]" more "}"
#define POOLS(a, b, c)                                                                       \
	"monitors: [{id: m}]\npools: [" POOL("a", "10.0.0.1", a) ", " POOL(                  \
		"b", "10.0.0.2", b) ", " POOL("c", "10.0.0.3", c) ", " POOL("z", "10.0.0.9", \
									    "") "]\n"
#define PLAIN POOLS("", "", "")
#define LB(more) \
	"load_balancers: [{name: w.test, default_pools: [a, b, c], fallback_pool: z" more "}]\n"
#define PROXIED   "agent: {vips: [192.0.2.1]}\n"
#define VIA       ", proxied: true, listeners: [tcp/80]"
#define SHED(how) ", load_shedding: {" how "}"

struct rule {
	const char *says;
	const char *document;
	const char *health;  /* of a, b, c, z: h healthy, x unhealthy */
	const char *country; /* of the client; NULL: it is not known */
	double share[4];     /* of a, b, c, z, of all new flows */
};

static const struct rule rules[] = {
	/* off */
	{ "off: the first healthy pool in order takes all", PLAIN LB(""), "hhhh", NULL, { 1 } },
	{ "off: a pool that is down is passed over",
	  PLAIN LB(", steering_policy: off"),
	  "xhhh",
	  NULL,
	  { 0, 1 } },
	{ "off: and the next one", PLAIN LB(", steering_policy: off"), "xxhh", NULL, { 0, 0, 1 } },
	{ "when everything else is down the fallback pool is used",
	  PLAIN LB(""),
	  "xxxh",
	  NULL,
	  { 0, 0, 0, 1 } },
	{ "the health of the fallback pool is ignored",
	  PLAIN LB(""),
	  "xxxx",
	  NULL,
	  { 0, 0, 0, 1 } },
	/* geo */
	{ "geo: the country's list comes before the region's",
	  PLAIN LB(", country_pools: {DE: [b]}, region_pools: {WEU: [c]}"),
	  "hhhh",
	  "DE",
	  { 0, 1 } },
	{ "geo: else the region's",
	  PLAIN LB(", country_pools: {DE: [b]}, region_pools: {WEU: [c]}"),
	  "hhhh",
	  "FR",
	  { 0, 0, 1 } },
	{ "geo: clients elsewhere use default_pools",
	  PLAIN LB(", country_pools: {DE: [b]}, region_pools: {WEU: [c]}"),
	  "hhhh",
	  "JP",
	  { 1 } },
	{ "geo: the site's list comes before all others",
	  "agent: {pop: AMS}\n" PLAIN LB(
		  ", pop_pools: {AMS: [c]}, country_pools: {DE: [b]}, region_pools: {WEU: [b]}"),
	  "hhhh",
	  "DE",
	  { 0, 0, 1 } },
	{ "geo: another site's list is not used",
	  "agent: {pop: FRA}\n" PLAIN LB(", pop_pools: {AMS: [c]}, country_pools: {DE: [b]}"),
	  "hhhh",
	  "DE",
	  { 0, 1 } },
	{ "geo: the first healthy pool of the list",
	  PLAIN LB(", region_pools: {WEU: [c, b]}"),
	  "hhxh",
	  "DE",
	  { 0, 1 } },
	{ "geo: when all of the list are down, the fallback pool, not default_pools",
	  PLAIN LB(", region_pools: {WEU: [c, b]}"),
	  "hxxh",
	  "DE",
	  { 0, 0, 0, 1 } },
	{ "geo: a client of whom nothing is known is where the balancer is",
	  "agent: {region: WEU, country: NL}\n" PLAIN LB(
		  ", country_pools: {NL: [b]}, region_pools: {WEU: [c]}"),
	  "hhhh",
	  NULL,
	  { 0, 1 } },
	{ "geo: maps mean nothing when the policy is off",
	  PLAIN LB(", steering_policy: off, region_pools: {WEU: [c]}"),
	  "hhhh",
	  "DE",
	  { 1 } },
	/* random */
	{ "random: all pools alike",
	  PLAIN LB(", steering_policy: random"),
	  "hhhh",
	  NULL,
	  { 1. / 3, 1. / 3, 1. / 3 } },
	{ "random: by the weights of random_steering",
	  PLAIN LB(", steering_policy: random, "
		   "random_steering: {default_weight: 0.2, pool_weights: {a: 0.6}}"),
	  "hhhh",
	  NULL,
	  { .6, .2, .2 } },
	{ "random: the remaining pools share what a pool that is down had",
	  PLAIN LB(", steering_policy: random, "
		   "random_steering: {default_weight: 0.2, pool_weights: {a: 0.6}}"),
	  "hxhh",
	  NULL,
	  { .75, 0, .25 } },
	{ "random: a pool of weight 0 gets nothing",
	  PLAIN LB(", steering_policy: random, random_steering: {pool_weights: {a: 0}}"),
	  "hhhh",
	  NULL,
	  { 0, .5, .5 } },
	{ "random: when only pools of weight 0 are left, the fallback pool",
	  PLAIN LB(", steering_policy: random, random_steering: {pool_weights: {a: 0}}"),
	  "hxxh",
	  NULL,
	  { 0, 0, 0, 1 } },
	/* least_* */
	{ "least_connections: shares before connections are compared go by weight",
	  PLAIN LB(", steering_policy: least_connections, "
		   "random_steering: {pool_weights: {a: 0.5}}"),
	  "hhhh",
	  NULL,
	  { .2, .4, .4 } },
	{ "least_outstanding_requests: the same, as requests cannot be seen",
	  PLAIN LB(", steering_policy: least_outstanding_requests"),
	  "hhxh",
	  NULL,
	  { .5, .5 } },
	/* dynamic_latency and proximity, without what they go by */
	{ "dynamic_latency: pools without data keep the failover order",
	  PLAIN LB(", steering_policy: dynamic_latency"),
	  "xhhh",
	  NULL,
	  { 0, 1 } },
	{ "proximity: without coordinates the failover order stays",
	  PLAIN LB(", steering_policy: proximity"),
	  "xhhh",
	  NULL,
	  { 0, 1 } },
	/* shedding */
	{ "default_percent of new traffic is pushed on to the next pool",
	  POOLS(SHED("default_percent: 30"), "", "") LB(""),
	  "hhhh",
	  NULL,
	  { .7, .3 } },
	{ "that is the next one that is healthy",
	  POOLS(SHED("default_percent: 30"), "", "") LB(""),
	  "hxhh",
	  NULL,
	  { .7, 0, .3 } },
	{ "a pool sheds of what it would get, also of what was shed before",
	  POOLS(SHED("default_percent: 30"), SHED("default_percent: 50"), "") LB(""),
	  "hhhh",
	  NULL,
	  { .7, .15, .15 } },
	{ "if all pools shed, the remainder lands in the fallback pool",
	  POOLS(SHED("default_percent: 50"), SHED("default_percent: 50"),
		SHED("default_percent: 50")) LB(""),
	  "hhhh",
	  NULL,
	  { .5, .25, .125, .125 } },
	{ "a pool that sheds everything is passed over",
	  POOLS(SHED("default_percent: 100"), "", "") LB(""),
	  "hhhh",
	  NULL,
	  { 0, 1 } },
	{ "the pool's settings act the same in every policy: random",
	  POOLS(SHED("default_percent: 50"), "", "") LB(", steering_policy: random"),
	  "hhhh",
	  NULL,
	  { 1. / 6, 5. / 12, 5. / 12 } },
	{ "random: what all shed lands in the fallback pool",
	  POOLS(SHED("default_percent: 50"), SHED("default_percent: 50"),
		SHED("default_percent: 50")) LB(", steering_policy: random"),
	  "hhhh",
	  NULL,
	  { .875 / 3, .875 / 3, .875 / 3, .125 } },
	{ "a policy of hash sheds the same share, of the clients",
	  POOLS(SHED("default_percent: 30, default_policy: hash"), "", "") LB(""),
	  "hhhh",
	  NULL,
	  { .7, .3 } },
	{ "slices of two pools do not depend on each other",
	  POOLS(SHED("default_percent: 40, default_policy: hash"),
		SHED("default_percent: 50, default_policy: hash"), "") LB(""),
	  "hhhh",
	  NULL,
	  { .6, .2, .2 } },
	{ "session_percent means nothing without an affinity",
	  POOLS(SHED("session_percent: 30"), "", "") LB(""),
	  "hhhh",
	  NULL,
	  { 1 } },
	{ "sessions that are shed take new clients of their slice with them",
	  PROXIED POOLS(SHED("default_percent: 40, session_percent: 10"), "", "")
		  LB(VIA ", session_affinity: ip_cookie"),
	  "hhhh",
	  NULL,
	  { .6, .4 } },
	{ "more sessions than new clients shed: both go",
	  PROXIED POOLS(SHED("default_percent: 10, session_percent: 25"), "", "")
		  LB(VIA ", session_affinity: ip_cookie"),
	  "hhhh",
	  NULL,
	  { .75, .25 } },
	/* none */
	{ "a disabled balancer serves nobody", PLAIN LB(", enabled: false"), "hhhh", NULL, { 0 } },
};

#endif
