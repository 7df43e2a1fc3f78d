/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rule.c - rules of load balancers: their order, and the balancer that each makes of its own.
 */
#include "parsing.h"

#define TOP "agent: {vips: [192.0.2.1]}\npools: [{name: a, " ORIGINS "}, {name: b, " ORIGINS "}]\n"
#define LB  "load_balancers: [{name: a.b, default_pools: [a], fallback_pool: a, ttl: 60, rules:\n"

static void rules_are_in_the_order_of_their_priority_then_of_the_document(void **state)
{
	struct weir_model *m = model_of(TOP LB "[{name: x, priority: 7}, {name: y, priority: 0},\n"
					       " {name: z}, {name: w, priority: 0}]}]");
	static const char *const order[] = { "y", "w", "z", "x" };

	(void)state;
	assert_int_equal(m->lbs[0].n_rules, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(m->lbs[0].rules[i].name, order[i]);
	weir_model_free(m);
}

static void a_rule_makes_a_balancer_of_its_own(void **state)
{
	struct weir_model *m = model_of(
		TOP LB
		"[{name: x, condition: dns.qry.type eq 28, terminates: true, overrides:\n"
		"  {default_pools: [b, a], fallback_pool: b, ttl: 5, steering_policy: 'off'}},\n"
		" {condition: '', disabled: true, overrides: {}},\n"
		" {fixed_response: {status_code: 503, content_type: text/plain,\n"
		"  location: '', message_body: away}}]}]");
	const struct weir_lb *l = m->lbs;
	const struct weir_rule *r = l->rules;

	(void)state;
	assert_string_equal(r[0].condition, "dns.qry.type eq 28");
	assert_non_null(r[0].when);
	assert_true(r[0].terminates && !r[0].disabled);
	assert_int_equal(r[0].lb->n_default_pools, 2);
	assert_ptr_equal(r[0].lb->default_pools[0], &m->pools[1]);
	assert_ptr_equal(r[0].lb->fallback_pool, &m->pools[1]);
	assert_int_equal(r[0].lb->ttl, 5);
	assert_string_equal(r[0].lb->name, "a.b");
	assert_int_equal(l->n_default_pools, 1);
	assert_int_equal(l->ttl, 60);
	assert_null(r[1].when);
	assert_true(r[1].disabled && !r[1].terminates);
	assert_int_equal(r[1].lb->ttl, 60);
	assert_true(r[2].terminates);
	assert_int_equal(r[2].response->status_code, 503);
	assert_string_equal(r[2].response->message_body, "away");
	weir_model_free(m);
}

static void a_proxied_balancer_has_rules_over_clients(void **state)
{
	struct weir_model *m = model_of(
		TOP
		"load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1],\n"
		" default_pools: [a], fallback_pool: a, rules: [{condition: 'ip.src in\n"
		" {198.51.100.0/24}', overrides: {default_pools: [b], session_affinity: ip_cookie,\n"
		" session_affinity_ttl: 1800}}]}]");
	const struct weir_rule *r = m->lbs[0].rules;

	(void)state;
	assert_true(r->lb->affinity && !m->lbs[0].affinity);
	assert_int_equal(r->lb->session_affinity_ttl, 1800);
	assert_int_equal(m->lbs[0].session_affinity_ttl, 82800);
	assert_int_equal(r->lb->n_vips, 1);
	weir_model_free(m);
}

static void a_map_of_a_rule_takes_the_place_of_the_balancers(void **state)
{
	struct weir_model *m = model_of(
		TOP
		"load_balancers: [{name: a.b, default_pools: [a], fallback_pool: a,\n"
		" region_pools: {WEU: [a], EEU: [a], OC: [a]}, country_pools: {DE: [a], FR: [a]},\n"
		" pop_pools: {AMS: [a]}, random_steering: {pool_weights: {a: 0.2, b: 0.3}},\n"
		" rules: [{overrides: {region_pools: {ENAM: [b]}, country_pools: {US: [b, a]},\n"
		"  pop_pools: {}, random_steering: {pool_weights: {b: 0.7}}}}]}]");
	const struct weir_lb *r = m->lbs[0].rules[0].lb;

	(void)state;
	assert_int_equal(r->n_region_pools, 1);
	assert_string_equal(r->region_pools[0].place, "ENAM");
	assert_int_equal(r->n_country_pools, 1);
	assert_int_equal(r->country_pools[0].n, 2);
	assert_int_equal(r->n_pop_pools, 0);
	assert_int_equal(r->n_pool_weights, 1);
	assert_int_equal(r->pool_weights[0].weight, 70);
	assert_int_equal(m->lbs[0].n_region_pools, 3);
	assert_int_equal(m->lbs[0].n_pool_weights, 2);
	weir_model_free(m);
}

static void overrides_may_list_pools_and_weigh_them(void **state)
{
	struct weir_model *m = model_of(
		TOP "load_balancers: [{name: a.b, default_pools: [a], fallback_pool: a,\n"
		    " region_pools: {WEU: [a]}, random_steering: {pool_weights: {a: 0.2}},\n"
		    " rules: [{overrides: {steering_policy: random, pools: [b, a],\n"
		    "  pool_weights: {b: 0.5, a: 0.25}, pool_default_weight: 0.1}}]}]");
	const struct weir_lb *l = m->lbs[0].rules[0].lb;

	(void)state;
	assert_int_equal(l->n_default_pools, 2);
	assert_string_equal(l->default_pools[0]->id, "b");
	assert_int_equal(l->n_region_pools, 0);
	assert_int_equal(l->n_pool_weights, 2);
	assert_int_equal(l->pool_weights[0].weight, 50);
	assert_int_equal(l->default_weight, 10);
	assert_int_equal(m->lbs[0].n_pools, 2); /* packets and answers may be of both */
	assert_int_equal(m->lbs[0].default_weight, 100);
	assert_int_equal(m->n_notes, 0);
	weir_model_free(m);
}

static void weights_that_the_policy_makes_nothing_of_get_a_note(void **state)
{
	struct weir_model *m =
		model_of(TOP LB "[{overrides: {pools: [b], pool_weights: {b: 1}}},\n"
				"{overrides: {pool_default_weight: 1, steering_policy: geo}},\n"
				"{overrides: {pool_default_weight: 1, steering_policy: random}},\n"
				"{overrides: {pool_weights: {}}}]}]");

	(void)state;
	assert_int_equal(m->n_notes, 2);
	assert_string_equal(m->notes[0].path, "load_balancers[0].rules[0].overrides.pool_weights");
	assert_string_equal(m->notes[0].text,
			    "counts where the steering_policy is random, least_connections or "
			    "least_outstanding_requests; here it is off");
	assert_string_equal(m->notes[1].path,
			    "load_balancers[0].rules[1].overrides.pool_default_weight");
	assert_non_null(strstr(m->notes[1].text, "here it is geo"));
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_in_the_order_of_their_priority_then_of_the_document),
		cmocka_unit_test(a_rule_makes_a_balancer_of_its_own),
		cmocka_unit_test(a_map_of_a_rule_takes_the_place_of_the_balancers),
		cmocka_unit_test(overrides_may_list_pools_and_weigh_them),
		cmocka_unit_test(weights_that_the_policy_makes_nothing_of_get_a_note),
		cmocka_unit_test(a_proxied_balancer_has_rules_over_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
