/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_steering.c - what documents say about steering, and what they must not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/model.h"
#include "model/yaml.h"

#define ORIGIN "origins: [{name: a, address: 10.0.0.1}]"
#define POOLS                                                                     \
	"pools: [{name: a, " ORIGIN "}, {name: b, " ORIGIN "}, {name: c, " ORIGIN \
	"}, {name: z, " ORIGIN "}]\n"
#define LB(more) \
	"load_balancers: [{name: w.test, default_pools: [a, b], fallback_pool: z, " more "}]\n"

static bool parse(const char *text, struct weir_model **m, struct weir_err *err)
{
	struct weir_lines *lines;
	bool ok = false;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, err))
		fail_msg("%s", err->text);
	ok = weir_model_parse(v, m, err);
	json_decref(v);
	weir_lines_free(lines);
	return ok;
}

static struct weir_model *model_of(const char *text)
{
	struct weir_model *m;
	struct weir_err err;

	if (!parse(text, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	return m;
}

static void each_policy_has_its_word(void **state)
{
	static const char *const words[] = { "off",
					     "geo",
					     "random",
					     "dynamic_latency",
					     "proximity",
					     "least_connections",
					     "least_outstanding_requests" };
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct weir_model *m;

		snprintf(text, sizeof(text), POOLS LB("steering_policy: '%s'"), words[i]);
		m = model_of(text);
		assert_int_equal(m->lbs[0].policy, i);
		assert_string_equal(weir_policy_text(m->lbs[0].policy), words[i]);
		weir_model_free(m);
	}
}

static void without_a_policy_maps_make_it_geo(void **state)
{
	static const struct {
		const char *more;
		enum weir_policy policy;
	} cases[] = {
		{ "ttl: 30", WEIR_POLICY_OFF },
		{ "steering_policy: '', region_pools: {}", WEIR_POLICY_OFF },
		{ "region_pools: {WEU: [c]}", WEIR_POLICY_GEO },
		{ "steering_policy: '', country_pools: {DE: [c]}", WEIR_POLICY_GEO },
		{ "pop_pools: {AMS: [c]}", WEIR_POLICY_GEO },
		{ "steering_policy: off, pop_pools: {AMS: [c]}", WEIR_POLICY_OFF },
	};
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_model *m;

		snprintf(text, sizeof(text), POOLS LB("%s"), cases[i].more);
		m = model_of(text);
		assert_int_equal(m->lbs[0].policy, cases[i].policy);
		weir_model_free(m);
	}
}

static void a_balancer_knows_all_its_pools_once(void **state)
{
	struct weir_model *m = model_of(
		POOLS LB("region_pools: {WEU: [c, a], ENAM: [b]}, country_pools: {DE: [c, z]}"));
	const struct weir_lb *l = &m->lbs[0];

	(void)state;
	assert_int_equal(l->n_pools, 4);
	assert_string_equal(l->pools[0]->id, "a"); /* those of default_pools first */
	assert_string_equal(l->pools[1]->id, "b");
	assert_int_equal(l->n_region_pools, 2);
	assert_int_equal(l->n_country_pools, 1);
	assert_string_equal(l->country_pools[0].place, "DE");
	assert_string_equal(l->country_pools[0].pools[1]->id, "z");
	weir_model_free(m);
}

static void weights_and_shedding_are_kept(void **state)
{
	struct weir_model *m = model_of(
		"agent: {region: WEU, country: NL, pop: AMS, latitude: 52.37, longitude: 4.9,\n"
		"  geofeed: /etc/weir/geo.csv, geo_database: /usr/share/GeoIP/x.mmdb}\n"
		"pools: [{name: a, latitude: -33.86, longitude: 151.2, load_shedding:\n"
		"  {default_percent: 12.5, default_policy: hash, session_percent: 3}, " ORIGIN
		"},\n"
		"  {name: z, load_shedding: ~, " ORIGIN "}]\n"
		"load_balancers: [{name: w.test, default_pools: [a], fallback_pool: z,\n"
		"  steering_policy: random,\n"
		"  random_steering: {default_weight: 0.5, pool_weights: {a: 0.25, z: 0}}}]\n");
	const struct weir_lb *l = &m->lbs[0];
	const struct weir_pool *a = &m->pools[0];

	(void)state;
	assert_int_equal(l->default_weight, 50);
	assert_int_equal(l->n_pool_weights, 2);
	assert_int_equal(l->pool_weights[0].weight, 25);
	assert_ptr_equal(l->pool_weights[0].pool, a);
	assert_int_equal(a->shed.percent, 1250);
	assert_int_equal(a->shed.session_percent, 300);
	assert_true(a->shed.by_client);
	assert_true(a->at.known);
	assert_int_equal(a->at.latitude, -33860);
	assert_int_equal(a->at.longitude, 151200);
	assert_false(m->pools[1].at.known);
	assert_int_equal(m->pools[1].shed.percent, 0);
	assert_int_equal(m->agent.region, WEIR_REGION_WEU);
	assert_string_equal(m->agent.pop, "AMS");
	assert_string_equal(m->agent.country, "NL");
	assert_true(m->agent.at.known);
	assert_string_equal(m->agent.geofeed, "/etc/weir/geo.csv");
	weir_model_free(m);
}

static void where_dns_looks_for_clients_is_kept(void **state)
{
	struct weir_model *m =
		model_of(POOLS LB("location_strategy: {mode: resolver_ip, prefer_ecs: geo}"));

	(void)state;
	assert_int_equal(m->lbs[0].location_mode, WEIR_LOCATION_RESOLVER);
	assert_int_equal(m->lbs[0].prefer_ecs, WEIR_ECS_GEO);
	assert_int_equal(m->n_notes, 0);
	weir_model_free(m);
	m = model_of(POOLS LB("ttl: 30"));
	assert_int_equal(m->lbs[0].location_mode, WEIR_LOCATION_POP);
	assert_int_equal(m->lbs[0].prefer_ecs, WEIR_ECS_PROXIMITY);
	weir_model_free(m);
}

struct refusal {
	const char *text, *path, *says;
};

static void refused(const struct refusal *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct weir_model *m;
		struct weir_err err;

		if (parse(all[i].text, &m, &err))
			fail_msg("taken: %s", all[i].text);
		assert_string_equal(err.path, all[i].path);
		if (!strstr(err.text, all[i].says))
			fail_msg("%s: %s", err.path, err.text);
	}
}

static void wrong_places_and_policies_are_said(void **state)
{
	static const struct refusal all[] = {
		{ POOLS LB("steering_policy: best"), "load_balancers[0].steering_policy",
		  "\"best\" is not one of: off, geo" },
		{ POOLS LB("region_pools: [a]"), "load_balancers[0].region_pools",
		  "must be a mapping of lists" },
		{ POOLS LB("region_pools: {EU: [a]}"), "load_balancers[0].region_pools.EU",
		  "\"EU\" is not a region" },
		{ POOLS LB("region_pools: {WEU: []}"), "load_balancers[0].region_pools.WEU",
		  "has 0 items" },
		{ POOLS LB("region_pools: {WEU: [a, a]}"), "load_balancers[0].region_pools.WEU[1]",
		  "\"a\" is listed twice" },
		{ POOLS LB("region_pools: {WEU: [x]}"), "load_balancers[0].region_pools.WEU[0]",
		  "no pool \"x\"" },
		{ POOLS LB("country_pools: {de: [a]}"), "load_balancers[0].country_pools.de",
		  "two capital letters" },
		{ POOLS LB("country_pools: {DEU: [a]}"), "load_balancers[0].country_pools.DEU",
		  "two capital letters" },
		{ POOLS LB("pop_pools: {'A B': [a]}"), "load_balancers[0].pop_pools.A B",
		  "not a site" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

static void wrong_weights_and_locations_are_said(void **state)
{
	static const struct refusal all[] = {
		{ POOLS LB("random_steering: {default_weight: 2}"),
		  "load_balancers[0].random_steering.default_weight", "not from 0 to 1" },
		{ POOLS LB("random_steering: {default_weight: 0.123}"),
		  "load_balancers[0].random_steering.default_weight", "steps of 0.01" },
		{ POOLS LB("random_steering: {pool_weights: [1]}"),
		  "load_balancers[0].random_steering.pool_weights", "must be a mapping of pools" },
		{ POOLS LB("random_steering: {pool_weights: {x: 1}}"),
		  "load_balancers[0].random_steering.pool_weights.x", "no pool \"x\"" },
		{ POOLS LB("random_steering: {pool_weights: {a: -1}}"),
		  "load_balancers[0].random_steering.pool_weights.a", "not from 0 to 1" },
		{ POOLS LB("random_steering: {weights: {}}"),
		  "load_balancers[0].random_steering.weights", "unknown key" },
		{ POOLS LB("location_strategy: {mode: client}"),
		  "load_balancers[0].location_strategy.mode", "one of: pop, resolver_ip" },
		{ POOLS LB("location_strategy: {prefer_ecs: yes}"),
		  "load_balancers[0].location_strategy.prefer_ecs", "one of: proximity, always" },
		{ POOLS LB("location_strategy: pop"), "load_balancers[0].location_strategy",
		  "must be a mapping" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

static void wrong_pools_are_said(void **state)
{
	static const struct refusal all[] = {
		{ "pools: [{name: a, latitude: 1, " ORIGIN "}]", "pools[0].latitude",
		  "go together" },
		{ "pools: [{name: a, longitude: 1, " ORIGIN "}]", "pools[0].longitude",
		  "go together" },
		{ "pools: [{name: a, latitude: 91, longitude: 1, " ORIGIN "}]", "pools[0].latitude",
		  "-90 to 90" },
		{ "pools: [{name: a, latitude: 1, longitude: east, " ORIGIN "}]",
		  "pools[0].longitude", "-180 to 180" },
		{ "pools: [{name: a, load_shedding: 5, " ORIGIN "}]", "pools[0].load_shedding",
		  "must be a mapping" },
		{ "pools: [{name: a, load_shedding: {default_percent: 101}, " ORIGIN "}]",
		  "pools[0].load_shedding.default_percent", "not from 0 to 100" },
		{ "pools: [{name: a, load_shedding: {default_policy: client}, " ORIGIN "}]",
		  "pools[0].load_shedding.default_policy", "one of: random, hash" },
		{ "pools: [{name: a, load_shedding: {session_policy: random}, " ORIGIN "}]",
		  "pools[0].load_shedding.session_policy", "one of: hash" },
		{ "pools: [{name: a, load_shedding: {session_percent: -1}, " ORIGIN "}]",
		  "pools[0].load_shedding.session_percent", "not from 0 to 100" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

static void a_wrong_place_of_the_balancer_is_said(void **state)
{
	static const struct refusal all[] = {
		{ "agent: {region: EU}", "agent.region", "\"EU\" is not a region" },
		{ "agent: {country: Germany}", "agent.country", "two capital letters" },
		{ "agent: {pop: 'a/b'}", "agent.pop", "not a site" },
		{ "agent: {latitude: 3}", "agent.latitude", "go together" },
		{ "agent: {geofeed: geo.csv}", "agent.geofeed", "not an absolute path" },
		{ "agent: {geo_database: 3}", "agent.geo_database", "must be a text" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

static void every_country_is_in_one_region(void **state)
{
	(void)state;
	assert_int_equal(weir_region_of("DE", ""), WEIR_REGION_WEU);
	assert_int_equal(weir_region_of("US", "CA"), WEIR_REGION_WNAM);
	assert_int_equal(weir_region_of("US", "NY"), WEIR_REGION_ENAM);
	assert_int_equal(weir_region_of("US", ""), WEIR_REGION_ENAM);
	assert_int_equal(weir_region_of("CA", "BC"), WEIR_REGION_WNAM);
	assert_int_equal(weir_region_of("MX", "CA"), WEIR_REGION_WNAM);
	assert_int_equal(weir_region_of("JP", "13"), WEIR_REGION_NEAS);
	assert_int_equal(weir_region_of("XX", ""), WEIR_REGION_NONE);
	for (unsigned r = 1; r < WEIR_REGION_CODES; r++)
		assert_int_equal(weir_region_parse(weir_region_text(r)), r);
	assert_int_equal(weir_region_parse(""), WEIR_REGION_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_has_its_word),
		cmocka_unit_test(without_a_policy_maps_make_it_geo),
		cmocka_unit_test(a_balancer_knows_all_its_pools_once),
		cmocka_unit_test(weights_and_shedding_are_kept),
		cmocka_unit_test(where_dns_looks_for_clients_is_kept),
		cmocka_unit_test(wrong_places_and_policies_are_said),
		cmocka_unit_test(wrong_weights_and_locations_are_said),
		cmocka_unit_test(wrong_pools_are_said),
		cmocka_unit_test(a_wrong_place_of_the_balancer_is_said),
		cmocka_unit_test(every_country_is_in_one_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
