/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules_steering.c - each rule about which pool takes new flows (vendor-apis, "Steering
 * between pools", "Steering inside a pool", "Load shedding"), as a document, what is true, and the
 * shares that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/rules.h"
#include "model/view.h"
#include "model/yaml.h"
#include "overrides_rules.h"
#include "pool_sets_rules.h"

static struct weir_model *model_of(const char *text)
{
	struct weir_model *m;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err) ||
	    !weir_model_parse(v, &m, &err))
		fail_msg("%s: %s in %s", err.path, err.text, text);
	json_decref(v);
	weir_lines_free(lines);
	return m;
}

/* One place, 10.0.0.0/8, in this country. */
static struct weir_places *places_in(const char *country)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_location is = { .region = (uint8_t)weir_region_of(country, "") };
	struct weir_prefix of;

	memcpy(is.country, country, 2);
	weir_prefix_parse("10.0.0.0/8", &of);
	weir_places_add(b, &of, &is);
	return weir_places_done(b);
}

struct world {
	struct weir_model *model;
	struct weir_places *places;
	struct weir_health health[16];
	struct weir_arena *arena;
	const struct weir_view *view;
};

static void look(struct world *w, const char *health, const uint32_t *latency)
{
	struct weir_facts now = { .health = w->health, .places = w->places, .latency_us = latency };

	for (uint32_t i = 0; i < w->model->n_origins; i++) {
		weir_health_init(&w->health[i], 0);
		w->health[i].state = health[i] == 'h' ? WEIR_HEALTHY : WEIR_UNHEALTHY;
	}
	weir_arena_free(w->arena);
	w->arena = weir_arena_new();
	w->view = weir_view_build(w->model, &now, w->arena);
}

static void end(struct world *w)
{
	weir_arena_free(w->arena);
	weir_places_free(w->places);
	weir_model_free(w->model);
}

/* The decision: with rules of a DNS-only balancer, by those that hold there. */
static const struct weir_steer *steer_of(const struct world *w, uint32_t location)
{
	const struct weir_view_lb *v = &w->view->lbs[0];
	uint64_t bits[(WEIR_MAX_RULES + 63) / 64];
	struct weir_expr_query q = { .lb_name = v->lb->name, .lb_region = "" };

	if (!v->ruled)
		return &v->steer;
	if (location)
		q.lb_region = weir_region_text(w->places->locations[location].region);
	weir_rules_hold(v->lb, &q, bits);
	return &v->ruled[bits[0]].steer;
}

/* What a pool gets of the new flows of clients in a location, over all their slices. */
static double share_of(const struct world *w, uint32_t pool, uint32_t location)
{
	const struct weir_steer *s = steer_of(w, location);
	uint32_t slices = s->sliced ? WEIR_STEER_SLICES : 1;
	uint32_t class = s->class_of ? s->class_of[location] : 0;
	double sum = 0;

	for (uint32_t i = 0; i < slices; i++) {
		const struct weir_mix *mix = &s->mixes[s->ways[class * slices + i].mix];

		for (uint32_t k = 0; k < mix->n; k++)
			if (mix->shares[k].pool->pool->index == pool)
				sum += (double)mix->shares[k].share / WEIR_SHARE_ONE;
	}
	return sum / slices;
}

static void holds(const struct rule *r, const char *document)
{
	struct world w = { .model = model_of(document) };

	w.places = r->country ? places_in(r->country) : NULL;
	look(&w, r->health, NULL);
	for (uint32_t p = 0; p < 4; p++) {
		double is = share_of(&w, p, r->country ? 1 : 0);

		if (fabs(is - r->share[p]) > 0.03)
			fail_msg("%s%s: pool %c has %.3f, not %.3f", r->says,
				 w.model->lbs[0].proxied ? " (proxied)" : "", "abcz"[p], is,
				 r -> share[p]);
	}
	end(&w);
}

static void each_rule_holds(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		holds(&rules[i], rules[i].document);
}

/* Of a proxied balancer, and of one that is DNS-only: there the resolver is in the place. */
static void hold_both_ways(const struct rule *all, unsigned n)
{
	static const char how[] = ", location_strategy: {mode: resolver_ip}";

	for (unsigned i = 0; i < n; i++) {
		const char *proxied = all[i].document, *via = strstr(proxied, VIA);
		char dns_only[2048];

		holds(&all[i], proxied);
		snprintf(dns_only, sizeof(dns_only), "%.*s%s%s", (int)(via - proxied), proxied, how,
			 via + strlen(VIA));
		holds(&all[i], dns_only);
	}
}

static void each_rule_of_overrides_holds(void **state)
{
	(void)state;
	hold_both_ways(overrides, sizeof(overrides) / sizeof(overrides[0]));
}

static void each_rule_of_pool_sets_holds(void **state)
{
	(void)state;
	hold_both_ways(pool_sets, sizeof(pool_sets) / sizeof(pool_sets[0]));
}

static void a_set_with_a_fixed_response_sends_its_clients_nowhere(void **state)
{
	struct world w = {
		.model = model_of(PLAIN LB(
			", rules: [{overrides: {pools: [b]}}], pool_sets: [{fixed_response: "
			"{status_code: 503}, match: {topology: {countries: [DE]}}}]"))
	};

	(void)state;
	w.places = places_in("DE");
	for (unsigned i = 0; i < 2; i++) { /* whatever the health */
		const struct weir_steer *s;
		const struct weir_mix *mix;

		look(&w, i ? "xxxx" : "hhhh", NULL);
		s = steer_of(&w, 1);
		mix = &s->mixes[s->ways[s->class_of[1]].mix];
		assert_int_equal(mix->n, 0);
		assert_true(mix->nobody);
		assert_float_equal(share_of(&w, i ? 3 : 1, 0), 1, 0.001);
	}
	end(&w);
}

static void hash_sheds_a_fixed_slice_of_the_clients(void **state)
{
	struct world ten = { .model = model_of(
				     POOLS(SHED("default_percent: 10, default_policy: hash"), "",
					   "") LB("")) };
	struct world thirty = { .model = model_of(
					POOLS(SHED("default_percent: 30, default_policy: hash"), "",
					      "") LB("")) };
	uint32_t shed = 0;

	(void)state;
	look(&ten, "hhhh", NULL);
	look(&thirty, "hhhh", NULL);
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++) {
		uint32_t of_ten = ten.view->lbs[0].steer.ways[i].mix;
		uint32_t of_thirty = thirty.view->lbs[0].steer.ways[i].mix;
		bool at_ten = ten.view->lbs[0].steer.mixes[of_ten].shares[0].pool->pool->index;
		bool at_thirty =
			thirty.view->lbs[0].steer.mixes[of_thirty].shares[0].pool->pool->index;

		assert_true(!at_ten || at_thirty); /* who was shed stays shed */
		shed += at_thirty;
	}
	assert_int_equal(shed, 307);
	end(&ten);
	end(&thirty);
}

static void sessions_are_shed_in_slices_of_their_own(void **state)
{
	struct world w = { .model = model_of(
				   PROXIED POOLS(SHED("default_percent: 40, session_percent: 10"),
						 "", "") LB(VIA ", session_affinity: ip_cookie")) };
	uint32_t n = 0;

	(void)state;
	look(&w, "hhhh", NULL);
	assert_true(w.view->lbs[0].steer.sliced);
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++) {
		const struct weir_steer_way *way = &w.view->lbs[0].steer.ways[i];
		const struct weir_mix *mix = &w.view->lbs[0].steer.mixes[way->mix];

		n += way->sessions;
		assert_int_equal(mix->n, way->sessions ? 1 : 2);
		assert_int_equal(mix->shares[0].pool->pool->index, way->sessions ? 1 : 0);
	}
	assert_int_equal(n, 102);
	look(&w, "xhhh", NULL); /* nobody has a session there that could be shed */
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		assert_false(w.view->lbs[0].steer.ways[i].sessions);
	end(&w);
}

static void each_slice_has_a_place_of_its_own(void **state)
{
	struct weir_pool a = { .id = "a" }, b = { .id = "b" };
	bool seen[WEIR_STEER_SLICES] = { false };
	uint32_t both = 0;

	(void)state;
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++) {
		uint32_t at = weir_shed_place(&a, i);

		assert_in_range(at, 0, WEIR_STEER_SLICES - 1);
		assert_false(seen[at]);
		seen[at] = true;
		both += at < 512 && weir_shed_place(&b, i) < 512;
	}
	assert_in_range(both, 256 - 48, 256 + 48);
}

static void dynamic_latency_prefers_the_quickest_pool(void **state)
{
	struct world w = { .model = model_of(PLAIN LB(", steering_policy: dynamic_latency")) };
	uint32_t us[] = { 900, 300, 500, 0 };

	(void)state;
	look(&w, "hhhh", us);
	assert_float_equal(share_of(&w, 1, 0), 1, 0.001);
	look(&w, "hxhh", us);
	assert_float_equal(share_of(&w, 2, 0), 1, 0.001);
	us[2] = 0; /* nobody knows */
	look(&w, "hxhh", us);
	assert_float_equal(share_of(&w, 0, 0), 1, 0.001);
	end(&w);
}

static void dynamic_latency_goes_by_the_region_of_the_client(void **state)
{
	struct world w = { .model = model_of(
				   "agent: {client_regions: [{name: n, prefixes: "
				   "[10.0.0.0/8]}, {name: s, prefixes: [11.0.0.0/8]}]}\n" PLAIN LB(
					   ", steering_policy: dynamic_latency")) };
	/* by pool: of all, of n, of s */
	static const uint32_t us[] = { 900, 100, 900, 300, 300, 300, 500, 500, 0, 0, 0, 0 };
	struct weir_places_builder *b = weir_places_new();

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		weir_places_add(b, &w.model->agent.regions[i].prefixes[0],
				&(struct weir_location){ .client_region = (uint16_t)(i + 1) });
	w.places = weir_places_done(b);
	look(&w, "hhhh", us);
	assert_float_equal(share_of(&w, 1, 0), 1, 0.001); /* nobody's region: of all */
	assert_float_equal(share_of(&w, 0, 1), 1, 0.001);
	assert_float_equal(share_of(&w, 1, 2), 1, 0.001);
	look(&w, "xhhh", us);
	assert_float_equal(share_of(&w, 1, 1), 1, 0.001);
	end(&w);
}

#define AT(lat, lon) ", latitude: " lat ", longitude: " lon

/* Amsterdam, New York, Tokyo. */
static void proximity_goes_to_the_nearest_pool(void **state)
{
	static const struct {
		struct weir_point from;
		uint32_t nearest, next;
	} clients[] = {
		{ { 48900, 2300, true }, 0, 1 },    /* Paris */
		{ { 41900, -87600, true }, 1, 0 },  /* Chicago */
		{ { 37600, 127000, true }, 2, 0 },  /* Seoul */
		{ { 21300, -157900, true }, 2, 1 }, /* Honolulu, across the date line */
		{ { -90000, 0, true }, 2, 1 },      /* the South Pole: by latitude alone */
	};
	struct world w = { .model = model_of(
				   POOLS(AT("52.4", "4.9"), AT("40.7", "-74"), AT("35.7", "139.7"))
					   LB(", steering_policy: proximity")) };

	(void)state;
	for (unsigned i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct weir_places_builder *b = weir_places_new();
		struct weir_prefix of;

		weir_prefix_parse("10.0.0.0/8", &of);
		weir_places_add(b, &of, &(struct weir_location){ .at = clients[i].from });
		w.places = weir_places_done(b);
		look(&w, "hhhh", NULL);
		assert_float_equal(share_of(&w, clients[i].nearest, 1), 1, 0.001);
		assert_float_equal(share_of(&w, 0, 0), 1, 0.001);
		look(&w,
		     clients[i].nearest == 0   ? "xhhh"
		     : clients[i].nearest == 1 ? "hxhh"
					       : "hhxh",
		     NULL);
		assert_float_equal(share_of(&w, clients[i].next, 1), 1, 0.001);
		weir_places_free(w.places);
		w.places = NULL;
	}
	end(&w);
}

static void proximity_without_a_place_goes_from_the_balancer(void **state)
{
	struct world w = { .model = model_of("agent: {latitude: 35, longitude: 139}\n" POOLS(
				   AT("52.4", "4.9"), "", AT("35.7", "139.7"))
						     LB(", steering_policy: proximity")) };

	(void)state;
	look(&w, "hhhh", NULL);
	assert_float_equal(share_of(&w, 2, 0), 1, 0.001);
	look(&w, "hhxh", NULL);
	assert_float_equal(share_of(&w, 0, 0), 1, 0.001);
	look(&w, "xhxh", NULL); /* that of which it is not known where it is comes last */
	assert_float_equal(share_of(&w, 1, 0), 1, 0.001);
	end(&w);
}

static void shares_add_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct world w = { .model = model_of(rules[i].document) };

		look(&w, rules[i].health, NULL);
		for (uint32_t k = 0; k < w.view->lbs[0].steer.n_mixes; k++) {
			const struct weir_mix *mix = &w.view->lbs[0].steer.mixes[k];
			uint64_t sum = 0;

			for (uint32_t s = 0; s < mix->n; s++)
				sum += mix->shares[s].share;
			assert_true(!mix->n || sum == WEIR_SHARE_ONE);
		}
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_holds),
		cmocka_unit_test(each_rule_of_overrides_holds),
		cmocka_unit_test(each_rule_of_pool_sets_holds),
		cmocka_unit_test(a_set_with_a_fixed_response_sends_its_clients_nowhere),
		cmocka_unit_test(hash_sheds_a_fixed_slice_of_the_clients),
		cmocka_unit_test(sessions_are_shed_in_slices_of_their_own),
		cmocka_unit_test(each_slice_has_a_place_of_its_own),
		cmocka_unit_test(dynamic_latency_prefers_the_quickest_pool),
		cmocka_unit_test(dynamic_latency_goes_by_the_region_of_the_client),
		cmocka_unit_test(proximity_goes_to_the_nearest_pool),
		cmocka_unit_test(proximity_without_a_place_goes_from_the_balancer),
		cmocka_unit_test(shares_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
