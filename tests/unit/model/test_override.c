/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_override.c - what is said by hand: of whom, for how long, and what it does. */
#include "health_world.h"
#include "model/override.h"

#define POOL(of_pool, of_a)                                                          \
	"monitors: [{id: m}]\npools: [{name: p, monitor: m, " of_pool "origins: [\n" \
	"{name: a, address: 10.0.0.1" of_a "}, {name: b, address: 10.0.0.2}]}]\n"    \
	"load_balancers: [{name: a.b, default_pools: [p], fallback_pool: p}]\n"
#define FOR_EVER(s)                                                 \
	{                                                           \
		.state = WEIR_FORCED_##s, .reason = "r", .by = "me" \
	}

/* What holds of an origin of the first pool: up, down, draining or "". */
static const char *of(const struct world *w, uint32_t origin)
{
	const struct weir_override *o = w->health[origin].forced;

	return o ? weir_forced_text(o->state) : "";
}

static void what_is_forced_counts_whatever_else_is_known(void **state)
{
	static const struct {
		enum weir_forced forced;
		char verdict;
		bool ejected, takes, last, alive;
	} cases[] = {
		{ WEIR_FORCED_UP, 'p', false, true, true, true },
		{ WEIR_FORCED_UP, 'f', false, true, true, true },
		{ WEIR_FORCED_UP, '-', false, true, true, true },
		{ WEIR_FORCED_UP, 'p', true, true, true, true },
		{ WEIR_FORCED_DOWN, 'p', false, false, false, false },
		{ WEIR_FORCED_DOWN, 'f', false, false, false, false },
		{ WEIR_FORCED_DRAINING, 'p', false, false, false, true },
		{ WEIR_FORCED_DRAINING, 'f', false, false, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct weir_override o = { .state = cases[i].forced };
		struct world w = world_of(POOL("", ""));
		const struct weir_view_pool *p;

		verdicts(&w, (const char[]){ cases[i].verdict, 'f', 0 });
		if (cases[i].ejected)
			weir_health_eject(&w.health[0], w.now_ms);
		w.health[0].forced = &o;
		p = decided(&w, 0);
		assert_int_equal(p->origins[0].takes, cases[i].takes);
		assert_int_equal(p->origins[0].takes_last, cases[i].last);
		assert_int_equal(weir_health_alive(&w.health[0], p->pool), cases[i].alive);
		end(&w);
	}
}

static void nobody_serves_against_what_was_said_not_even_as_the_last_resort(void **state)
{
	struct world w = world_of(POOL("override: {state: draining, reason: r}, ", ""));
	struct weir_overrides *l = weir_overrides_new();

	(void)state;
	verdicts(&w, "pp");
	weir_overrides_apply(l, w.model, w.health, WALL);
	decided(&w, 0);
	assert_int_equal(weir_view_mix(&w.view->lbs[0])->n_serving, 0);
	assert_string_equal(weir_pool_state_text(w.view->pools[0].state), "critical");
	weir_overrides_free(l);
	end(&w);
}

static void a_disabled_origin_that_is_forced_up_stays_disabled(void **state)
{
	struct world w = world_of(POOL("", ", enabled: false, override: {state: up, reason: r}"));
	struct weir_overrides *l = weir_overrides_new();
	char takes[27];

	(void)state;
	weir_overrides_apply(l, w.model, w.health, WALL);
	verdicts(&w, "-p");
	assert_string_equal(taking(&w, takes), "b");
	weir_overrides_free(l);
	end(&w);
}

static void what_is_said_later_and_of_less_counts(void **state)
{
	struct world w = world_of(
		POOL("override: {state: down, reason: r}, ", ", override: {state: up, reason: s}"));
	struct weir_overrides *l = weir_overrides_new();
	const struct weir_override up = FOR_EVER(UP), draining = FOR_EVER(DRAINING);

	(void)state;
	weir_overrides_apply(l, w.model, w.health, WALL);
	assert_string_equal(of(&w, 0), "up"); /* of the origin itself */
	assert_string_equal(of(&w, 1), "down");
	assert_string_equal(w.health[0].forced->by, "the configuration");
	weir_overrides_set(l, "p", NULL, &draining);
	weir_overrides_apply(l, w.model, w.health, WALL);
	assert_string_equal(of(&w, 0), "up");
	assert_string_equal(of(&w, 1), "draining");
	assert_string_equal(weir_overrides_of(l, &w.model->pools[0], NULL, WALL)->by, "me");
	weir_overrides_set(l, "p", "a", &draining);
	weir_overrides_set(l, "p", "b", &up);
	weir_overrides_set(l, "p", "b", &draining);
	weir_overrides_set(l, "q", "a", &up); /* of a pool that there is not */
	weir_overrides_apply(l, w.model, w.health, WALL);
	assert_string_equal(of(&w, 0), "draining");
	assert_string_equal(of(&w, 1), "draining");
	assert_true(weir_overrides_clear(l, "p", "b"));
	assert_false(weir_overrides_clear(l, "p", "b"));
	assert_true(weir_overrides_clear(l, "p", NULL));
	weir_overrides_apply(l, w.model, w.health, WALL);
	assert_string_equal(of(&w, 0), "draining");
	assert_string_equal(of(&w, 1), "down"); /* as in the document */
	weir_overrides_free(l);
	end(&w);
}

static void what_was_said_ends(void **state)
{
	/* 2023-11-14T22:13:20Z is WALL */
	struct world w = world_of(POOL("override: {state: down, reason: r, until: "
				       "'2023-11-14T22:13:50Z'}, ",
				       ""));
	struct weir_overrides *l = weir_overrides_new();
	struct weir_override up = FOR_EVER(UP);

	(void)state;
	up.until_ms = WALL + 10000;
	weir_overrides_set(l, "p", "a", &up);
	assert_int_equal(weir_overrides_apply(l, w.model, w.health, WALL), WALL + 10000);
	assert_string_equal(of(&w, 0), "up");
	assert_int_equal(weir_overrides_apply(l, w.model, w.health, WALL + 10000), WALL + 30000);
	assert_string_equal(of(&w, 0), "down");
	assert_int_equal(weir_overrides_expire(l, WALL + 9999), 0);
	assert_int_equal(weir_overrides_expire(l, WALL + 10000), 1);
	assert_false(weir_overrides_clear(l, "p", "a"));
	assert_int_equal(weir_overrides_apply(l, w.model, w.health, WALL + 30000), 0);
	assert_string_equal(of(&w, 0), "");
	assert_ptr_equal(weir_overrides_of(l, &w.model->pools[0], NULL, WALL + 30000), NULL);
	weir_overrides_free(l);
	end(&w);
}

static void there_is_room_for_so_many(void **state)
{
	struct weir_overrides *l = weir_overrides_new();
	const struct weir_override up = FOR_EVER(UP);
	char name[16];

	(void)state;
	for (int i = 0; i < WEIR_OVERRIDES_MAX; i++) {
		snprintf(name, sizeof(name), "o%d", i);
		assert_true(weir_overrides_set(l, "p", name, &up));
	}
	assert_false(weir_overrides_set(l, "p", NULL, &up));
	assert_true(weir_overrides_set(l, "p", "o7", &up)); /* instead of itself */
	weir_overrides_free(l);
}

/* A body, with ' for ", to an override or to what is wrong with it. */
static bool request(const char *body, struct weir_arena *arena, struct weir_override *o,
		    struct weir_err *err)
{
	char text[256];
	json_t *v;
	bool ok;

	strcpy(text, body);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	v = json_loads(text, 0, NULL);
	assert_non_null(v);
	ok = weir_override_parse(v, WALL, arena, o, err);
	json_decref(v);
	return ok;
}

static void requests_are_taken(void **state)
{
	static const struct {
		const char *body;
		uint64_t until_ms;
	} cases[] = {
		{ "{'state': 'down', 'reason': 'disk'}", 0 },
		{ "{'state': 'up', 'reason': 'r', 'for': 1.5}", WALL + 1500 },
		{ "{'state': 'draining', 'reason': 'r', 'until': '2023-11-14T23:13:21+01:00'}",
		  WALL + 1000 },
		{ "{'state': 'down', 'reason': 'r', 'until': '2023-11-14T17:43:22.75-04:30'}",
		  WALL + 2000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct weir_arena *arena = weir_arena_new();
		struct weir_err err = { 0 };
		struct weir_override o;

		if (!request(cases[i].body, arena, &o, &err))
			fail_msg("%s: %s: %s", cases[i].body, err.path, err.text);
		assert_int_equal(o.until_ms, cases[i].until_ms);
		assert_int_equal(o.since_ms, WALL);
		assert_string_equal(o.by, "the API");
		weir_arena_free(arena);
	}
}

static void bad_requests_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "{'state': 'off', 'reason': 'r'}", "state", "not one of: up, down, draining" },
		{ "{'reason': 'r'}", "", "state is missing" },
		{ "{'state': 'up'}", "", "reason is missing" },
		{ "{'state': 'up', 'reason': ' '}", "reason", "must not be empty" },
		{ "{'state': 'up', 'reason': 'a\\nb'}", "reason", "control character" },
		{ "{'state': 'up', 'reason': 'r', 'by': ''}", "by", "must not be empty" },
		{ "{'state': 'up', 'reason': 'r', 'for': 2592001}", "for",
		  "is not from 0 to 2.592e+06" },
		{ "{'state': 'up', 'reason': 'r', 'for': 1, 'until': '2030-01-01T00:00:00Z'}",
		  "for", "exclude each other" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2023-11-14T22:13:20Z'}", "until",
		  "in the past" },
		{ "{'state': 'up', 'reason': 'r', 'until': 'tomorrow'}", "until", "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '1960-01-01T00:00:00Z'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2030-02-30T00:00:00Z'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2030-01-01T25:00:00Z'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2030-01-01 00:00:00Z'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2030-01-01T00:00:00'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'until': '2030-01-01T00:00:00+24:00'}", "until",
		  "not a time" },
		{ "{'state': 'up', 'reason': 'r', 'who': 'x'}", "who", "unknown key" },
		{ "[]", "", "must be a mapping" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct weir_arena *arena = weir_arena_new();
		struct weir_err err = { 0 };
		struct weir_override o;

		if (request(cases[i].text, arena, &o, &err))
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(err.path, cases[i].path);
		if (!strstr(err.text, cases[i].fragment))
			fail_msg("%s: %s", cases[i].text, err.text);
		weir_arena_free(arena);
	}
}

static void bad_documents_are_refused(void **state)
{
	static const struct refusal all[] = {
		{ POOL("override: down, ", ""), "pools[0].override", "must be a mapping" },
		{ POOL("override: {state: down}, ", ""), "pools[0].override", "reason is missing" },
		{ POOL("", ", override: {state: drain, reason: r}"),
		  "pools[0].origins[0].override.state", "not one of: up, down, draining" },
		{ POOL("override: {state: up, reason: r, for: 10}, ", ""), "pools[0].override.for",
		  "unknown key" },
		{ POOL("override: {state: up, reason: r, until: 2030-01-01}, ", ""),
		  "pools[0].override.until", "not a time" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forced_counts_whatever_else_is_known),
		cmocka_unit_test(nobody_serves_against_what_was_said_not_even_as_the_last_resort),
		cmocka_unit_test(a_disabled_origin_that_is_forced_up_stays_disabled),
		cmocka_unit_test(what_is_said_later_and_of_less_counts),
		cmocka_unit_test(what_was_said_ends),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(requests_are_taken),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(bad_documents_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
