/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_view.c - which pool serves, and which of its origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/view.h"
#include "model/yaml.h"

#define MAX_ORIGINS 16

/* A model, the health of its origins as a word (u unknown, h healthy, x unhealthy; all in the
 * order of the document) and the view of both. */
struct world {
	struct weir_model *model;
	struct weir_health health[MAX_ORIGINS];
	struct weir_arena *arena;
	const struct weir_view *view;
};

static void look(struct world *w, const char *health)
{
	assert_int_equal(strlen(health), w->model->n_origins);
	for (uint32_t i = 0; health[i]; i++) {
		weir_health_init(&w->health[i], 0);
		w->health[i].state = health[i] == 'h'   ? WEIR_HEALTHY
				     : health[i] == 'x' ? WEIR_UNHEALTHY
							: WEIR_UNKNOWN;
	}
	weir_arena_free(w->arena);
	w->arena = weir_arena_new();
	w->view = weir_view_build(w->model, &(struct weir_facts){ .health = w->health }, w->arena);
}

static struct world world_of(const char *text)
{
	struct world w = { 0 };
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err) ||
	    !weir_model_parse(v, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v);
	weir_lines_free(lines);
	return w;
}

static void end(struct world *w)
{
	weir_arena_free(w->arena);
	weir_model_free(w->model);
}

/* The first load balancer uses this pool ("" for none) and exactly these origins. */
static void serves(const struct world *w, const char *pool, bool fallback, const char *origins)
{
	const struct weir_view_lb *l = &w->view->lbs[0];
	const struct weir_view_mix *mix = weir_view_mix(l);
	char is[64] = "";

	for (uint32_t i = 0; i < mix->n; i++)
		if (mix->members[i].now)
			strcat(is, mix->members[i].origin->name);
	assert_string_equal(l->pool ? l->pool->id : "", pool);
	assert_string_equal(is, origins);
	assert_int_equal(l->fallback, fallback);
}

#define MONITOR "monitors: [{id: m}]\n"
#define ONE                                                                     \
	"pools:\n- name: one\n  monitor: m\n  minimum_origins: 2\n  origins:\n" \
	"  - {name: a, address: 10.0.0.1}\n  - {name: b, address: 10.0.0.2}\n"  \
	"  - {name: c, address: 10.0.0.3}\n"
#define TWO "- name: two\n  monitor: m\n  origins: [{name: d, address: 10.0.0.4}]\n"
#define LAST                                       \
	"- name: last\n  monitor: m\n  origins:\n" \
	"  - {name: e, address: 10.0.0.5}\n  - {name: f, address: 10.0.0.6}\n"
#define LB "load_balancers: [{name: a.b, default_pools: [one, two], fallback_pool: last}]\n"

static void pools_fail_over_in_order_and_back(void **state)
{
	struct world w = world_of(MONITOR ONE TWO LAST LB);

	(void)state;
	look(&w, "hhhhhh");
	serves(&w, "one", false, "abc");
	look(&w, "hxhhhh");
	serves(&w, "one", false, "ac");
	look(&w, "hxxhhh"); /* below minimum_origins */
	serves(&w, "two", false, "d");
	look(&w, "xxxxhh");
	serves(&w, "last", true, "ef");
	look(&w, "hhxxhh");
	serves(&w, "one", false, "ab");
	end(&w);
}

static void a_minimum_is_met_by_healthy_origins_only(void **state)
{
	struct world w = world_of(MONITOR ONE TWO LAST LB);

	(void)state;
	look(&w, "huuhhh");
	serves(&w, "two", false, "d");
	assert_int_equal(w.view->pools[0].healthy, 1);
	assert_false(w.view->pools[0].usable);
	look(&w, "huhuuu");
	serves(&w, "one", false, "ac");
	assert_int_equal(w.view->pools[0].healthy, 2);
	assert_true(w.view->pools[0].usable);
	end(&w);
}

static void the_fallback_pool_serves_with_its_healthy_origins_if_it_has_any(void **state)
{
	struct world w = world_of(MONITOR ONE TWO LAST LB);

	(void)state;
	look(&w, "xxxxxh");
	serves(&w, "last", true, "f");
	look(&w, "xxxxxx");
	serves(&w, "last", true, "ef");
	end(&w);
}

static void nobody_serves_before_its_first_verdict_not_even_as_last_resort(void **state)
{
	struct world w = world_of(MONITOR ONE TWO LAST LB);

	(void)state;
	look(&w, "uuuuuu");
	serves(&w, "", false, "");
	look(&w, "xxxxux");
	serves(&w, "last", true, "f");
	end(&w);
}

static void a_disabled_fallback_pool_serves_nobody(void **state)
{
	struct world w = world_of(MONITOR ONE TWO "- name: last\n  enabled: false\n  origins:\n"
						  "  - {name: e, address: 10.0.0.5}\n" LB);

	(void)state;
	look(&w, "xxxxh");
	serves(&w, "", false, "");
	look(&w, "xxxhx");
	serves(&w, "two", false, "d");
	end(&w);
}

static void disabled_origins_of_the_fallback_pool_stay_out(void **state)
{
	struct world w =
		world_of(MONITOR ONE TWO "- name: last\n  monitor: m\n  origins:\n"
					 "  - {name: e, address: 10.0.0.5, enabled: false}\n"
					 "  - {name: f, address: 10.0.0.6}\n"
					 "  - {name: g, address: 10.0.0.7, weight: 0}\n" LB);

	(void)state;
	look(&w, "xxxxhxx");
	serves(&w, "last", true, "f");
	look(&w, "xxxxhxh"); /* g is healthy, but takes no traffic */
	serves(&w, "last", true, "f");
	end(&w);
}

static void a_fallback_pool_in_the_order_is_no_last_resort(void **state)
{
	struct world w = world_of(MONITOR ONE TWO "load_balancers: [{name: a.b, default_pools: "
						  "[one, two], fallback_pool: one}]\n");

	(void)state;
	look(&w, "hhxh");
	serves(&w, "one", false, "ab");
	look(&w, "hxxx");
	serves(&w, "one", true, "a");
	end(&w);
}

static void a_disabled_pool_is_skipped(void **state)
{
	struct world w =
		world_of(MONITOR "pools:\n- name: one\n  enabled: false\n  monitor: m\n"
				 "  origins: [{name: a, address: 10.0.0.1}]\n" TWO LAST LB);

	(void)state;
	look(&w, "hhhh");
	serves(&w, "two", false, "d");
	assert_int_equal(w.view->pools[0].state, WEIR_POOL_DISABLED);
	assert_false(w.view->pools[0].usable);
	end(&w);
}

static void a_disabled_origin_gets_no_traffic_and_does_not_count(void **state)
{
	struct world w = world_of(MONITOR "pools:\n- name: one\n  monitor: m\n  origins:\n"
					  "  - {name: a, address: 10.0.0.1, enabled: false}\n"
					  "  - {name: b, address: 10.0.0.2}\n" TWO LAST LB);

	(void)state;
	look(&w, "hhhhh");
	serves(&w, "one", false, "b");
	assert_int_equal(w.view->pools[0].healthy, 1);
	assert_int_equal(w.view->pools[0].state, WEIR_POOL_HEALTHY);
	assert_false(
		weir_origin_healthy(&w.model->pools[0], &w.model->pools[0].origins[0], w.health));
	look(&w, "hxhhh");
	serves(&w, "two", false, "d");
	end(&w);
}

static void weight_0_gets_no_traffic_but_counts_as_healthy(void **state)
{
	struct world w =
		world_of(MONITOR "pools:\n- name: one\n  monitor: m\n  minimum_origins: 2\n"
				 "  origins:\n"
				 "  - {name: a, address: 10.0.0.1, weight: 0}\n"
				 "  - {name: b, address: 10.0.0.2}\n" TWO LAST LB);

	(void)state;
	look(&w, "hhhhh");
	serves(&w, "one", false, "b");
	look(&w, "xhhhh");
	serves(&w, "two", false, "d");
	end(&w);
}

static void a_pool_without_weight_is_skipped(void **state)
{
	struct world w =
		world_of(MONITOR "pools:\n- name: one\n  monitor: m\n  origins:\n"
				 "  - {name: a, address: 10.0.0.1, weight: 0}\n" TWO LAST LB);

	(void)state;
	look(&w, "hhhh");
	serves(&w, "two", false, "d");
	assert_int_equal(w.view->pools[0].state, WEIR_POOL_CRITICAL);
	end(&w);
}

static void without_a_monitor_health_is_not_considered(void **state)
{
	struct world w = world_of("pools:\n- name: one\n  origins:\n"
				  "  - {name: a, address: 10.0.0.1}\n"
				  "  - {name: b, address: 10.0.0.2, enabled: false}\n"
				  "load_balancers: [{name: a.b, default_pools: [one], "
				  "fallback_pool: one}]\n");

	(void)state;
	look(&w, "xh");
	serves(&w, "one", false, "a");
	assert_int_equal(w.view->pools[0].state, WEIR_POOL_UNKNOWN);
	assert_true(w.view->pools[0].usable);
	end(&w);
}

static void a_disabled_load_balancer_serves_nobody(void **state)
{
	struct world w = world_of(MONITOR ONE "load_balancers: [{name: a.b, enabled: false, "
					      "default_pools: [one], fallback_pool: one}]\n");

	(void)state;
	look(&w, "hhh");
	serves(&w, "", false, "");
	assert_ptr_equal(w.view->lbs[0].lb, &w.model->lbs[0]);
	end(&w);
}

static void pool_states_have_the_words_of_the_api(void **state)
{
	struct world w = world_of(MONITOR ONE);
	const struct {
		const char *health, *word;
	} cases[] = {
		{ "uuu", "unknown" },  { "hhh", "healthy" },  { "hhx", "degraded" },
		{ "hhu", "degraded" }, { "hxx", "critical" }, { "xxx", "critical" },
		{ "xuu", "critical" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		look(&w, cases[i].health);
		assert_string_equal(weir_pool_state_text(w.view->pools[0].state), cases[i].word);
	}
	assert_string_equal(weir_pool_state_text(WEIR_POOL_DISABLED), "disabled");
	end(&w);
}

/* What the first pool decides about its origins: t takes new flows, l only as the last resort. */
static void decides(const struct world *w, const char *expected)
{
	const struct weir_view_pool *p = &w->view->pools[0];

	for (uint32_t i = 0; expected[i]; i++) {
		assert_int_equal(p->origins[i].takes, expected[i] == 't');
		assert_int_equal(p->origins[i].takes_last, expected[i] != '-');
		assert_int_equal(p->origins[i].weight, WEIR_WEIGHT_ONE);
	}
}

static void a_pool_says_who_takes_flows_and_who_would_as_the_last_resort(void **state)
{
	struct world w =
		world_of(MONITOR "pools:\n- name: one\n  monitor: m\n  origins:\n"
				 "  - {name: a, address: 10.0.0.1}\n"
				 "  - {name: b, address: 10.0.0.2, weight: 0}\n"
				 "  - {name: c, address: 10.0.0.3, enabled: false}\n"
				 "  - {name: d, address: 10.0.0.4, weight: 0.5}\n" TWO LAST LB);

	(void)state;
	look(&w, "hhhhhhh");
	decides(&w, "t--t");
	look(&w, "hhhxhhh"); /* last resort: those that are healthy, as long as there are any */
	decides(&w, "t---");
	look(&w, "xhhxhhh");
	decides(&w, "l--l");
	look(&w, "uhhxhhh");
	decides(&w, "---l");
	end(&w);
}

static void an_empty_model_has_an_empty_view(void **state)
{
	struct world w = world_of("");

	(void)state;
	look(&w, "");
	assert_ptr_equal(w.view->model, w.model);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_fail_over_in_order_and_back),
		cmocka_unit_test(a_minimum_is_met_by_healthy_origins_only),
		cmocka_unit_test(the_fallback_pool_serves_with_its_healthy_origins_if_it_has_any),
		cmocka_unit_test(nobody_serves_before_its_first_verdict_not_even_as_last_resort),
		cmocka_unit_test(a_disabled_fallback_pool_serves_nobody),
		cmocka_unit_test(disabled_origins_of_the_fallback_pool_stay_out),
		cmocka_unit_test(a_fallback_pool_in_the_order_is_no_last_resort),
		cmocka_unit_test(a_disabled_pool_is_skipped),
		cmocka_unit_test(a_disabled_origin_gets_no_traffic_and_does_not_count),
		cmocka_unit_test(weight_0_gets_no_traffic_but_counts_as_healthy),
		cmocka_unit_test(a_pool_without_weight_is_skipped),
		cmocka_unit_test(without_a_monitor_health_is_not_considered),
		cmocka_unit_test(a_disabled_load_balancer_serves_nobody),
		cmocka_unit_test(pool_states_have_the_words_of_the_api),
		cmocka_unit_test(a_pool_says_who_takes_flows_and_who_would_as_the_last_resort),
		cmocka_unit_test(an_empty_model_has_an_empty_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
