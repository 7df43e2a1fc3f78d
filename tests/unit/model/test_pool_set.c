/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pool_set.c - pool sets of load balancers: what is kept of them, what is said about them, and
 * how many there may be. */
#include "parsing.h"

#define POOLS   "pools: [{name: a, " ORIGINS "}, {name: b, " ORIGINS "}, {name: c, " ORIGINS "}]\n"
#define LB      "load_balancers: [{name: x.y, default_pools: [a], fallback_pool: a, "
#define TO_B    "overrides: {pools: [b]}"
#define IN(set) "{match: {topology: {" set "}}, " TO_B "}"

static void a_pool_set_makes_a_balancer_of_its_own(void **state)
{
	struct weir_model *m = model_of(
		"agent: {pop: AMS}\n" POOLS LB
		"random_steering: {default_weight: 0.2, pool_weights: {a: 0.5}},\n"
		" region_pools: {WEU: [a]}, rules: [{overrides: {pools: [a]}}], pool_sets: [\n"
		" {name: here, match: {topology: {pops: [FRA, AMS], countries: [AA, ZZ],\n"
		"  regions: [WNAM, NEAS]}}, overrides: {pools: [c, b], fallback_pool: b,\n"
		"  pool_weights: {c: 0.3}, pool_default_weight: 0.7, steering_policy: random}},\n"
		" {disabled: true, match: {default: true, topology: null}, " TO_B "}]}]\n");
	const struct weir_pool_set *s = m->lbs[0].pool_sets;

	(void)state;
	assert_int_equal(m->lbs[0].n_pool_sets, 2);
	assert_string_equal(s->name, "here");
	assert_true(s->by_country && s->by_region && !s->elsewhere && !s->disabled);
	assert_int_equal(s->countries[0], 1);
	assert_int_equal(s->countries[WEIR_COUNTRIES / 64], 1ull << (WEIR_COUNTRIES - 1) % 64);
	assert_int_equal(s->regions, 1 << WEIR_REGION_WNAM | 1 << WEIR_REGION_NEAS);
	assert_int_equal(s->lb->n_default_pools, 2);
	assert_string_equal(s->lb->default_pools[0]->id, "c");
	assert_string_equal(s->lb->fallback_pool->id, "b");
	assert_int_equal(s->lb->policy, WEIR_POLICY_RANDOM);
	assert_int_equal(s->lb->n_pool_weights, 1);
	assert_int_equal(s->lb->default_weight, 70);
	assert_int_equal(s->lb->n_region_pools + s->lb->n_rules + s->lb->n_pool_sets, 0);
	assert_true(s[1].disabled && !s[1].by_country && !s[1].by_region);
	assert_string_equal(s[1].name, "");
	assert_string_equal(s[1].lb->fallback_pool->id, "a");
	assert_int_equal(s[1].lb->default_weight, 100);
	assert_int_equal(m->lbs[0].policy, WEIR_POLICY_GEO);
	assert_int_equal(m->lbs[0].n_pools, 3); /* packets and answers may be of all of them */
	assert_int_equal(m->n_notes, 0);
	weir_model_free(m);
}

static void no_pool_sets_are_as_good_as_an_empty_list(void **state)
{
	static const char *const texts[] = { POOLS LB "pool_sets: []}]\n",
					     POOLS LB "pool_sets: null}]\n" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct weir_model *m = model_of(texts[i]);

		assert_int_equal(m->lbs[0].n_pool_sets, 0);
		weir_model_free(m);
	}
}

static void what_a_set_says_without_effect_gets_a_note(void **state)
{
	static const struct {
		const char *text, *path, *says;
	} notes[] = {
		{ POOLS LB "pool_sets: [" IN("pops: [AMS]") "]}]\n", "[0].match.topology.pops",
		  "is for nobody: agent.pop does not say" },
		{ POOLS LB "pool_sets: [" IN("regions: [OC]") ", {" TO_B
							      "}, " IN("regions: [ME]") "]}]\n",
		  "[2]", "is for nobody, as are those behind it: pool_sets[1] is for all" },
		{ POOLS LB "pool_sets: [{overrides: {pools: [b], pool_weights: {b: 1}}}]}]\n",
		  "[0].overrides.pool_weights", "here it is off" },
		{ POOLS LB "pool_sets: [{fixed_response: {status_code: 403}}]}]\n",
		  "[0].fixed_response", "is answered in DNS by no address; there is no HTTP" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct weir_model *m = model_of(notes[i].text);
		char path[128];

		snprintf(path, sizeof(path), "load_balancers[0].pool_sets%s", notes[i].path);
		assert_int_equal(m->n_notes, 1);
		assert_string_equal(m->notes[0].path, path);
		assert_non_null(strstr(m->notes[0].text, notes[i].says));
		weir_model_free(m);
	}
}

/* A balancer with so many sets, of so many sites each. */
static bool takes(uint32_t sets, uint32_t sites, struct weir_err *err)
{
	json_t *pops = json_array(), *list = json_array(), *doc;
	struct weir_model *m;
	char name[16];
	bool ok;

	for (uint32_t i = 0; i < sites; i++) {
		snprintf(name, sizeof(name), "P%u", i);
		json_array_append_new(pops, json_string(name));
	}
	for (uint32_t i = 0; i < sets; i++)
		json_array_append_new(list,
				      json_pack("{s:{s:{s:O}}, s:{s:[s]}}", "match", "topology",
						"pops", pops, "overrides", "pools", "a"));
	json_decref(pops);
	doc = json_pack("{s:[{s:s, s:[{s:s, s:s}]}], s:[{s:s, s:[s], s:s, s:o}]}", "pools", "name",
			"a", "origins", "name", "o", "address", "10.0.0.1", "load_balancers",
			"name", "x.y", "default_pools", "a", "fallback_pool", "a", "pool_sets",
			list);
	ok = weir_model_parse(doc, &m, err);
	json_decref(doc);
	if (ok)
		weir_model_free(m);
	return ok;
}

static void there_may_be_1000_sets_of_1000_places(void **state)
{
	struct weir_err err;

	(void)state;
	assert_true(takes(1000, 1, &err));
	assert_true(takes(1, 1000, &err));
	assert_false(takes(1001, 1, &err));
	assert_string_equal(err.path, "load_balancers[0].pool_sets");
	assert_string_equal(err.text, "has 1001 items, not 0 to 1000");
	assert_false(takes(1, 1001, &err));
	assert_string_equal(err.path, "load_balancers[0].pool_sets[0].match.topology.pops");
	assert_string_equal(err.text, "has 1001 items, not 0 to 1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_set_makes_a_balancer_of_its_own),
		cmocka_unit_test(no_pool_sets_are_as_good_as_an_empty_list),
		cmocka_unit_test(what_a_set_says_without_effect_gets_a_note),
		cmocka_unit_test(there_may_be_1000_sets_of_1000_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
