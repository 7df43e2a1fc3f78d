/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oracle_documents.h - random documents of one proxied load balancer: all policies, with shedding,
 * rules and pool sets. */
#ifndef WEIR_TEST_ORACLE_DOCUMENTS_H
#define WEIR_TEST_ORACLE_DOCUMENTS_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/hash.h"

#define POOLS     5
#define ADDRESSES 32

static uint64_t seed;

static inline uint32_t draw(uint32_t below)
{
	return (uint32_t)(weir_mix64(seed += 0x9e3779b97f4a7c15ull) >> 33) % below;
}

static inline double chance(void)
{
	return draw(1u << 30) / (double)(1u << 30);
}

static inline json_t *random_origins(void)
{
	uint32_t n = 1 + draw(6), first = draw(ADDRESSES);
	json_t *origins = json_array();
	char name[16], address[16];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		snprintf(address, sizeof(address), "10.0.0.%u", 1 + (first + i * 5) % ADDRESSES);
		json_array_append_new(origins, json_pack("{s:s, s:s, s:f, s:b}", "name", name,
							 "address", address, "weight",
							 draw(8) ? (1 + draw(100)) / 100. : 0.,
							 "enabled", draw(8) > 0));
	}
	return origins;
}

static inline json_t *random_pools(void)
{
	static const char *const policies[] = { "random", "hash" };
	json_t *pools = json_array();
	char name[8];

	for (uint32_t i = 0; i < POOLS; i++) {
		json_t *p = json_pack("{s:s, s:b, s:o, s:i}", "name", "p", "enabled", draw(8) > 0,
				      "origins", random_origins(), "minimum_origins", 1);

		snprintf(name, sizeof(name), "p%u", i);
		json_object_set_new(p, "name", json_string(name));
		if (draw(3))
			json_object_set_new(p, "monitor", json_string("m"));
		if (!draw(3))
			json_object_set_new(p, "load_shedding",
					    json_pack("{s:i, s:s}", "default_percent",
						      10 * (int)draw(11), "default_policy",
						      policies[draw(2)]));
		json_array_append_new(pools, p);
	}
	return pools;
}

static inline json_t *random_list(void)
{
	uint32_t n = 1 + draw(3), first = draw(POOLS);
	json_t *list = json_array();
	char name[8];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "p%u", (first + i) % POOLS);
		json_array_append_new(list, json_string(name));
	}
	return list;
}

static inline json_t *random_pool(void)
{
	char name[8];

	snprintf(name, sizeof(name), "p%u", draw(POOLS));
	return json_string(name);
}

static inline const char *random_policy(bool geo)
{
	static const char *const policies[] = { "off",
						"random",
						"dynamic_latency",
						"proximity",
						"least_connections",
						"least_outstanding_requests",
						"",
						"geo" };

	return policies[draw(geo ? 8 : 6)];
}

static inline json_t *random_weights(void)
{
	json_t *weights = json_object();

	for (uint32_t i = draw(3); i; i--) {
		json_t *pool = random_pool();

		json_object_set_new(weights, json_string_value(pool), json_real(draw(11) / 10.));
		json_decref(pool);
	}
	return weights;
}

/* What overrides say of which pools are used, how they are chosen, and what they weigh. */
static inline json_t *random_overrides(void)
{
	json_t *o = json_object();
	bool pools = draw(2);

	if (pools)
		json_object_set_new(o, "pools", random_list());
	else if (draw(2))
		json_object_set_new(o, "default_pools", random_list());
	if (!pools && !draw(3))
		json_object_set_new(o, "region_pools", json_pack("{s:o}", "WEU", random_list()));
	if (draw(2))
		json_object_set_new(o, "steering_policy", json_string(random_policy(!pools)));
	if (!draw(3))
		json_object_set_new(o, "fallback_pool", random_pool());
	switch (draw(4)) {
	case 0:
		json_object_set_new(o, "random_steering",
				    json_pack("{s:o}", "pool_weights", random_weights()));
		break;
	case 1:
		json_object_set_new(o, "pool_default_weight", json_real(draw(11) / 10.));
		/* fall through */
	case 2:
		json_object_set_new(o, "pool_weights", random_weights());
	}
	return o;
}

static const char *const conditions[] = { "", "cf.load_balancer.region eq \"WEU\"",
					  "cf.load_balancer.region ne \"WEU\"" };

static inline json_t *random_rules(void)
{
	json_t *rules = json_array();

	for (uint32_t i = draw(4); i; i--)
		json_array_append_new(rules, json_pack("{s:s, s:b, s:b, s:o}", "condition",
						       conditions[draw(3)], "terminates", !draw(4),
						       "disabled", !draw(5), "overrides",
						       random_overrides()));
	return rules;
}

static inline json_t *random_set(void)
{
	static const char *const matches[] = { "{\"topology\": {\"regions\": [\"WEU\"]}}",
					       "{\"topology\": {\"regions\": [\"OC\", \"ENAM\"]}}",
					       "{\"default\": true}" };
	json_t *set = json_pack("{s:b, s:{s:o}, s:o}", "disabled", !draw(5), "overrides", "pools",
				random_list(), "match", json_loads(matches[draw(3)], 0, NULL));
	json_t *overrides = json_object_get(set, "overrides");

	if (draw(2))
		json_object_set_new(overrides, "steering_policy",
				    json_string(random_policy(false)));
	if (draw(2))
		json_object_set_new(overrides, "pool_weights", random_weights());
	if (!draw(3))
		json_object_set_new(overrides, "pool_default_weight", json_real(draw(11) / 10.));
	if (!draw(3))
		json_object_set_new(overrides, "fallback_pool", random_pool());
	return set;
}

static inline json_t *random_sets(void)
{
	json_t *sets = json_array();

	for (uint32_t i = draw(2) ? 0 : 1 + draw(3); i; i--)
		json_array_append_new(sets, random_set());
	return sets;
}

static inline json_t *random_balancer(void)
{
	json_t *lb = json_pack(
		"{s:s, s:b, s:[s], s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name", "w.test", "proxied",
		1, "listeners", "tcp/80", "default_pools", random_list(), "fallback_pool",
		random_pool(), "steering_policy", random_policy(true), "random_steering",
		json_pack("{s:f, s:{s:f}}", "default_weight", draw(11) / 10., "pool_weights", "p0",
			  draw(11) / 10.),
		"region_pools",
		draw(3) ? json_pack("{s:o, s:o}", "WEU", random_list(), "ENAM", random_list())
			: json_object(),
		"rules", random_rules(), "pool_sets", random_sets());

	return lb;
}

static inline json_t *random_document(void)
{
	return json_pack("{s:{s:[s]}, s:[{s:s}], s:o, s:[o]}", "agent", "vips", "192.0.2.1",
			 "monitors", "id", "m", "pools", random_pools(), "load_balancers",
			 random_balancer());
}

#endif
