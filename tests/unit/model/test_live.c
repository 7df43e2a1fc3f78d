/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_live.c - what live traffic says: who is ejected, for how long, and what pools let happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/view.h"
#include "model/yaml.h"

#define S 1000u

static struct weir_model *model_of(const char *text)
{
	struct weir_model *m;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err) ||
	    !weir_model_parse(v, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v);
	weir_lines_free(lines);
	return m;
}

#define POOL                                                                                        \
	"pools: [{name: p, origins: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2},\n" \
	"  {name: c, address: 10.0.0.3}]}]\n"
#define VIA "proxied: true, listeners: [tcp/80], default_pools: [p], fallback_pool: p"

static const struct weir_pool plain;

static void an_ejection_lasts_twice_as_long_each_time(void **state)
{
	struct weir_health h;
	uint64_t now = 700 * S;

	(void)state;
	weir_health_init(&h, 0);
	for (uint32_t s = 10; s < 640; s *= 2) {
		weir_health_eject(&h, now);
		assert_false(weir_health_readmit(&h, &plain, now + s * S - 1));
		now += s * S;
		assert_true(weir_health_readmit(&h, &plain, now));
		assert_false(weir_health_readmit(&h, &plain, now));
		now += 1 * S;
	}
	weir_health_eject(&h, now); /* not longer than that */
	now += 320 * S;
	assert_true(weir_health_readmit(&h, &plain, now));
	now += 601 * S; /* long ago */
	weir_health_eject(&h, now);
	assert_true(weir_health_readmit(&h, &plain, now + 10 * S));
}

static void probes_have_a_verdict_of_their_own(void **state)
{
	static const struct weir_monitor m = { .consecutive_up = 1, .consecutive_down = 1 };
	static const struct weir_verdict pass = { .pass = true, .reason = WEIR_REASON_NONE };
	const struct weir_pool pool = { .monitor = &m };
	struct weir_check check = { 0 };
	struct weir_health h;

	(void)state;
	weir_health_init(&h, 0);
	h.checks = &check;
	weir_health_update(&h, &pool, 0, &pass, (struct weir_now){ 1, 1 });
	weir_health_eject(&h, 5);
	assert_false(weir_health_update(&h, &pool, 0, &pass, (struct weir_now){ 6, 6 }));
	assert_int_not_equal(h.ejected_until_ms, 0);
	assert_int_equal(h.state, WEIR_HEALTHY);
}

static void who_is_ejected_serves_only_as_last_resort(void **state)
{
	struct weir_model *m = model_of("agent: {vips: [192.0.2.1]}\n" POOL
					"load_balancers: [{name: a.b, " VIA "}]\n");
	struct weir_arena *arena = weir_arena_new();
	struct weir_health health[3];
	const struct weir_view *v;

	(void)state;
	for (int i = 0; i < 3; i++)
		weir_health_init(&health[i], 0);
	weir_health_eject(&health[1], 1);
	v = weir_view_build(m, &(struct weir_facts){ .health = health }, arena);
	assert_int_equal(weir_view_mix(&v->lbs[0])->n_serving, 2);
	assert_int_equal(weir_view_mix(&v->lbs[0])->members[1].now, 0);
	assert_int_equal(v->pools[0].healthy, 2);
	weir_health_eject(&health[0], 1);
	weir_health_eject(&health[2], 1);
	v = weir_view_build(m, &(struct weir_facts){ .health = health }, arena);
	assert_true(v->lbs[0].fallback);
	assert_int_equal(weir_view_mix(&v->lbs[0])->n_serving, 3);
	weir_arena_free(arena);
	weir_model_free(m);
}

static void a_pool_says_how_many_may_be_ejected(void **state)
{
	struct weir_pool half = { .max_ejection_percent = 50 },
			 all = { .max_ejection_percent = 100 };
	struct weir_pool none = { 0 };

	(void)state;
	assert_false(weir_may_eject(&half, 0, 1));
	assert_true(weir_may_eject(&half, 0, 2));
	assert_false(weir_may_eject(&half, 1, 3));
	assert_true(weir_may_eject(&half, 1, 4));
	assert_true(weir_may_eject(&all, 2, 3));
	assert_false(weir_may_eject(&all, 3, 3));
	assert_false(weir_may_eject(&none, 0, 100));
}

static void what_is_configured_is_taken(void **state)
{
	struct weir_model *m =
		model_of("agent:\n  vips: [192.0.2.1]\n"
			 "  client_regions: [{name: x, prefixes: [10.0.0.0/8, 'fd00::/8']}, "
			 "{name: y, prefixes: [10.1.0.0/16]}]\n"
			 "pools: [{name: p, max_ejection_percent: 20, origins: [{name: a, address: "
			 "10.0.0.1}]}]\n"
			 "load_balancers:\n"
			 "- {name: a.b, " VIA "}\n");

	(void)state;
	assert_int_equal(m->pools[0].max_ejection_percent, 20);
	assert_int_equal(m->agent.n_regions, 2);
	assert_string_equal(m->agent.regions[1].name, "y");
	assert_int_equal(m->agent.regions[0].n_prefixes, 2);
	assert_true(m->lbs[0].passive_health);
	assert_true(weir_lb_watches(&m->lbs[0]));
	weir_model_free(m);
}

/* By passive_health, affinity and zero_downtime_failover. */
static void who_is_watched(void **state)
{
	static const struct {
		const char *text;
		bool watched;
	} cases[] = {
		{ "", true },
		{ ", passive_health: false", false },
		{ ", session_affinity_attributes: {zero_downtime_failover: none}", true },
		{ ", session_affinity: ip_cookie", false },
		{ ", session_affinity: ip_cookie, session_affinity_attributes: "
		  "{zero_downtime_failover: none}",
		  false },
		{ ", session_affinity: ip_cookie, session_affinity_attributes: "
		  "{zero_downtime_failover: temporary}",
		  true },
		{ ", session_affinity: ip_cookie, session_affinity_attributes: "
		  "{zero_downtime_failover: sticky}",
		  true },
		{ ", passive_health: false, session_affinity: ip_cookie, "
		  "session_affinity_attributes: {zero_downtime_failover: sticky}",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[1024];
		struct weir_model *m;

		snprintf(text, sizeof(text),
			 "agent: {vips: [192.0.2.1]}\n" POOL "load_balancers: [{name: a.b, " VIA
			 "%s}]\n",
			 cases[i].text);
		m = model_of(text);
		assert_int_equal(weir_lb_watches(&m->lbs[0]), cases[i].watched);
		weir_model_free(m);
	}
}

static void regions_are_equal_or_not(void **state)
{
	static const char *const others[] = {
		"[]",
		"[{name: y, prefixes: [10.0.0.0/8]}]",
		"[{name: x, prefixes: [10.0.0.0/9]}]",
		"[{name: x, prefixes: [10.0.0.0/8, 11.0.0.0/8]}]",
	};
	struct weir_model *x = model_of(
				  "agent: {client_regions: [{name: x, prefixes: [10.0.0.0/8]}]}"),
			  *y;

	(void)state;
	assert_true(weir_regions_eq(&x->agent, &x->agent));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		char text[256];

		snprintf(text, sizeof(text), "agent: {client_regions: %s}", others[i]);
		y = model_of(text);
		assert_false(weir_regions_eq(&x->agent, &y->agent));
		weir_model_free(y);
	}
	weir_model_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ejection_lasts_twice_as_long_each_time),
		cmocka_unit_test(probes_have_a_verdict_of_their_own),
		cmocka_unit_test(who_is_ejected_serves_only_as_last_resort),
		cmocka_unit_test(a_pool_says_how_many_may_be_ejected),
		cmocka_unit_test(what_is_configured_is_taken),
		cmocka_unit_test(who_is_watched),
		cmocka_unit_test(regions_are_equal_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
