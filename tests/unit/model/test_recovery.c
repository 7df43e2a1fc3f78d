/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_recovery.c - what time does to health: slow starts, damping; and panic. */
#include "health_world.h"

#define S 1000u
#define POOL(fields)                                                                  \
	"monitors: [{id: m}]\npools: [{name: p, monitor: m, " fields ", origins: [\n" \
	"{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2},\n"               \
	"{name: c, address: 10.0.0.3}, {name: d, address: 10.0.0.4}]}]\n"

/* The effective weight of the first origin, in percent. */
static unsigned weight(struct world *w)
{
	return (decided(w, 0)->origins[0].weight * 100 + WEIR_WEIGHT_ONE / 2) / WEIR_WEIGHT_ONE;
}

/* --- slow start --- */

static void after_a_recovery_the_weight_rises_in_steps(void **state)
{
	struct world w = world_of(POOL("slow_start: 20"));

	(void)state;
	verdicts(&w, "fppp");
	verdicts(&w, "p");
	for (unsigned percent = 10; percent < 100; percent += 10) {
		assert_int_equal(weight(&w), percent);
		assert_int_equal(pass_ms(&w, 0), 2 * S);
		assert_int_equal(pass_ms(&w, 2 * S - 1), 1);
		assert_int_equal(weight(&w), percent);
		pass_ms(&w, 1);
	}
	assert_int_equal(weight(&w), 100);
	assert_int_equal(pass_ms(&w, 2 * S), 0); /* it is over: no timer is needed */
	assert_int_equal(weight(&w), 100);
	end(&w);
}

static void a_late_timer_skips_steps(void **state)
{
	struct world w = world_of(POOL("slow_start: 20"));

	(void)state;
	verdicts(&w, "f");
	verdicts(&w, "p");
	assert_int_equal(pass_ms(&w, 13 * S), 1 * S);
	assert_int_equal(weight(&w), 70);
	assert_int_equal(pass_ms(&w, 3600 * S), 0);
	assert_int_equal(weight(&w), 100);
	end(&w);
}

static void the_first_verdict_and_no_slow_start_have_all_of_the_weight_at_once(void **state)
{
	struct world w = world_of(POOL("slow_start: 20")), none = world_of(POOL("quorum: 0"));

	(void)state;
	verdicts(&w, "p");
	assert_int_equal(weight(&w), 100);
	assert_int_equal(pass_ms(&w, 0), 0);
	weir_health_assume(&w.health[1], &w.model->pools[0]); /* adopted at a start */
	verdicts(&w, "-p");
	assert_int_equal(w.health[1].withheld, 0);
	verdicts(&none, "f");
	verdicts(&none, "p");
	assert_int_equal(weight(&none), 100);
	end(&w);
	end(&none);
}

static void a_failure_ends_a_slow_start_and_the_next_one_begins_anew(void **state)
{
	struct world w = world_of(POOL("slow_start: 20"));

	(void)state;
	verdicts(&w, "f");
	verdicts(&w, "p");
	pass_ms(&w, 10 * S);
	verdicts(&w, "f");
	assert_int_equal(pass_ms(&w, 0), 0);
	assert_int_equal(weight(&w), 100); /* should it be the last resort */
	verdicts(&w, "p");
	assert_int_equal(weight(&w), 10);
	end(&w);
}

static void who_is_readmitted_starts_slowly(void **state)
{
	struct world w = world_of(POOL("slow_start: 20"));

	(void)state;
	verdicts(&w, "p");
	weir_health_eject(&w.health[0], w.now_ms);
	verdicts(&w, "f");
	verdicts(&w, "p"); /* not yet: it has no flows to be careful with */
	assert_int_equal(w.health[0].withheld, 0);
	w.now_ms += 10 * S;
	assert_true(weir_health_readmit(&w.health[0], &w.model->pools[0], w.now_ms));
	assert_int_equal(weight(&w), 10);
	end(&w);
}

/* --- damping --- */

static void flap(struct world *w)
{
	verdicts(w, "f");
	verdicts(w, "p");
}

static void who_fails_too_often_is_held_down_for_about_a_half_life(void **state)
{
	struct world w = world_of(POOL("flap_damping: {failures: 3, half_life: 60}"));
	char takes[27];

	(void)state;
	verdicts(&w, "pppp");
	flap(&w);
	pass_ms(&w, 10 * S);
	flap(&w);
	assert_string_equal(taking(&w, takes), "abcd");
	assert_int_equal(pass_ms(&w, 5 * S), 0);
	flap(&w);
	assert_string_equal(taking(&w, takes), "bcd");
	assert_int_equal(w.health[0].state, WEIR_HEALTHY); /* beneath */
	assert_string_equal(weir_health_text(&w.health[0], &w.model->pools[0]), "unhealthy");
	assert_string_equal(weir_health_reason(&w.health[0], &w.model->pools[0]),
			    WEIR_REASON_DAMPED);
	assert_int_equal(pass_ms(&w, 60 * S - 1), 1);
	assert_string_equal(taking(&w, takes), "bcd");
	pass_ms(&w, 1);
	assert_string_equal(taking(&w, takes), "abcd");
	assert_string_equal(weir_health_reason(&w.health[0], &w.model->pools[0]), WEIR_REASON_NONE);
	end(&w);
}

static void failures_that_lie_apart_are_forgotten(void **state)
{
	struct world w = world_of(POOL("flap_damping: {failures: 3, half_life: 60}"));

	(void)state;
	verdicts(&w, "pppp");
	for (int i = 0; i < 100; i++) { /* 1 + 1/2 + 1/4 ... is less than 3 */
		flap(&w);
		assert_int_equal(w.health[0].held_until_ms, 0);
		pass_ms(&w, 60 * S);
	}
	end(&w);
}

static void many_failures_hold_longer_but_not_for_ever(void **state)
{
	struct world w = world_of(POOL("flap_damping: {failures: 3, half_life: 60}"));

	(void)state;
	verdicts(&w, "pppp");
	for (int i = 0; i < 1000; i++)
		flap(&w);
	assert_int_equal(w.health[0].held_until_ms - w.now_ms, 180 * S);
	end(&w);
}

static void who_was_held_down_starts_slowly(void **state)
{
	struct world w = world_of(POOL("flap_damping: {failures: 1, half_life: 60}, "
				       "slow_start: 20"));

	(void)state;
	verdicts(&w, "p");
	flap(&w);
	assert_int_equal(w.health[0].withheld, 0);
	pass_ms(&w, 60 * S);
	assert_int_equal(weight(&w), 10);
	end(&w);
}

/* --- a new model --- */

static void what_is_known_goes_along_to_a_new_model(void **state)
{
	struct world w = world_of(POOL("slow_start: 20")), next = world_of(POOL("slow_start: 20")),
		     other = world_of("monitors: [{id: n}]\npools: [{name: p, monitor: n, "
				      "origins: [{name: a, address: 10.0.0.1}]}]\n");
	const struct weir_override down = { .state = WEIR_FORCED_DOWN };

	(void)state;
	verdicts(&w, "f");
	verdicts(&w, "p");
	w.health[0].forced = &down;
	weir_health_carry(&next.health[0], &next.model->pools[0], &w.health[0], &w.model->pools[0],
			  now_of(&w));
	assert_int_equal(weight(&next), 10);
	assert_ptr_equal(next.health[0].forced, NULL);
	assert_int_equal(next.health[0].checks[0].state, WEIR_HEALTHY);
	weir_health_carry(&other.health[0], &other.model->pools[0], &w.health[0],
			  &w.model->pools[0], now_of(&w));
	assert_int_equal(other.health[0].state, WEIR_HEALTHY); /* until n says otherwise */
	assert_int_equal(other.health[0].checks[0].state, WEIR_UNKNOWN);
	assert_int_equal(weight(&other), 100);
	assert_true(verdict(&other, 0, 0, 0, false));
	end(&w);
	end(&next);
	end(&other);
}

static void a_monitor_that_left_its_group_has_no_say_any_more(void **state)
{
#define GROUP(members)                                                                      \
	"monitors: [{id: m}, {id: n}]\nmonitor_groups: [{id: g, members: [" members "]}]\n" \
	"pools: [{name: p, monitor_group: g, origins: [{name: a, address: 10.0.0.1}]}]\n"
	struct world w = world_of(GROUP("{monitor_id: m}, {monitor_id: n, must_be_healthy: true}")),
		     next = world_of(GROUP("{monitor_id: m}"));

	(void)state;
	verdict(&w, 0, 0, 0, true);
	verdict(&w, 0, 0, 1, false);
	assert_int_equal(w.health[0].state, WEIR_UNHEALTHY);
	weir_health_carry(&next.health[0], &next.model->pools[0], &w.health[0], &w.model->pools[0],
			  now_of(&w));
	assert_int_equal(next.health[0].state, WEIR_HEALTHY);
	end(&w);
	end(&next);
}

/* --- panic --- */

static void below_the_panic_threshold_all_enabled_origins_serve(void **state)
{
	static const struct {
		const char *verdicts, *taking, *state;
		bool panic;
	} cases[] = {
		{ "pppp", "abcd", "healthy", false },
		{ "ppff", "ab", "degraded", false },  /* at the threshold */
		{ "pfff", "abcd", "critical", true }, /* minimum_origins is missed, too */
		{ "ffff", "abcd", "critical", true },
		{ "----", "", "unknown", false }, /* nothing is known: nobody is down */
		{ "f---", "", "critical", false },
		{ "fff-", "abc", "critical", true }, /* never without a verdict */
	};
	char takes[27];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w = world_of(POOL("panic_threshold: 50, minimum_origins: 2"));

		verdicts(&w, cases[i].verdicts);
		if (strcmp(taking(&w, takes), cases[i].taking) ||
		    w.view->pools[0].panic != cases[i].panic ||
		    strcmp(weir_pool_state_text(w.view->pools[0].state), cases[i].state))
			fail_msg("%s: %s take flows", cases[i].verdicts, takes);
		end(&w);
	}
}

static void panic_is_off_by_default_and_spares_who_was_taken_down_by_hand(void **state)
{
	static const struct weir_override down = { .state = WEIR_FORCED_DOWN },
					  draining = { .state = WEIR_FORCED_DRAINING };
	struct world off = world_of(POOL("quorum: 0")), w = world_of(POOL("panic_threshold: 60"));
	char takes[27];

	(void)state;
	verdicts(&off, "pfff");
	assert_string_equal(taking(&off, takes), "a");
	assert_false(off.view->pools[0].panic);
	verdicts(&w, "pppp");
	w.health[0].forced = &down;
	w.health[1].forced = &draining;
	assert_string_equal(taking(&w, takes), "cd"); /* two of two */
	assert_false(w.view->pools[0].panic);
	verdicts(&w, "---f");
	assert_string_equal(taking(&w, takes), "cd");
	assert_true(w.view->pools[0].panic);
	end(&off);
	end(&w);
}

/* --- documents --- */

static void bad_documents_are_refused(void **state)
{
	static const struct refusal all[] = {
		{ POOL("slow_start: -1"), "pools[0].slow_start", "-1 is not from 0 to 86400" },
		{ POOL("quorum: 101"), "pools[0].quorum", "101 is not from 0 to 100" },
		{ POOL("panic_threshold: x"), "pools[0].panic_threshold", "whole number" },
		{ POOL("flap_damping: 3"), "pools[0].flap_damping", "must be a mapping" },
		{ POOL("flap_damping: {failures: 101}"), "pools[0].flap_damping.failures",
		  "101 is not from 0 to 100" },
		{ POOL("flap_damping: {half_life: 0}"), "pools[0].flap_damping.half_life",
		  "0 is not from 1 to 86400" },
		{ "monitors: [{id: m, window: 65}]", "monitors[0].window",
		  "65 is not from 0 to 64" },
		{ "monitors: [{id: m, window: 5}]", "monitors[0].threshold",
		  "0 is not from 1 to the window, 5" },
		{ "monitors: [{id: m, window: 5, threshold: 6}]", "monitors[0].threshold",
		  "6 is not from 1 to the window, 5" },
		{ "monitors: [{id: m, window: 5, threshold: 5, initial: 6}]", "monitors[0].initial",
		  "6 is more than the window, 5" },
		{ "monitors: [{id: m, threshold: 2}]", "monitors[0].threshold", "of a window" },
		{ "monitors: [{id: m, initial: 2}]", "monitors[0].initial", "of a window" },
		{ "monitors: [{id: m, window: 5, threshold: 3, consecutive_up: 2}]",
		  "monitors[0].consecutive_up", "exclude each other" },
		{ "monitors: [{id: m, window: 5, threshold: 3, consecutive_down: 1}]",
		  "monitors[0].consecutive_down", "exclude each other" },
		{ "monitor_groups: [{id: g, members: []}]", "monitor_groups[0].members",
		  "has 0 items" },
		{ "monitor_groups: [{id: g}]", "monitor_groups[0]", "members is missing" },
		{ "monitor_groups: [{id: g, members: [{monitor_id: m}]}]",
		  "monitor_groups[0].members[0].monitor_id", "no monitor \"m\"; there are none" },
		{ "monitor_groups: [{id: g, members: [{monitor_id: ''}]}]",
		  "monitor_groups[0].members[0].monitor_id", "must not be empty" },
		{ "monitors: [{id: m}]\n"
		  "monitor_groups: [{id: g, members: [{monitor_id: m}, {monitor_id: m}]}]",
		  "monitor_groups[0].members[1].monitor_id", "\"m\" is a member already" },
		{ "monitors: [{id: m}]\nmonitor_groups: [{id: g, members: [{monitor_id: m}]}, "
		  "{id: g, members: [{monitor_id: m}]}]",
		  "monitor_groups[1].id", "\"g\" is monitor_groups[0] already" },
		{ POOL("monitor_group: g"), "pools[0].monitor_group",
		  "no monitor group \"g\"; there are none" },
		{ "monitors: [{id: m}]\nmonitor_groups: [{id: g, members: [{monitor_id: m}]}]\n"
		  "pools: [{name: p, monitor: m, monitor_group: g, origins: [{name: a, address: "
		  "10.0.0.1}]}]",
		  "pools[0].monitor_group", "a monitor or a monitor_group, not both" },
		{ "monitors: [{id: m, type: tcp}]\n"
		  "monitor_groups: [{id: g, members: [{monitor_id: m}]}]\n"
		  "pools: [{name: p, monitor_group: g, origins: [{name: a, address: 10.0.0.1}]}]",
		  "pools[0].origins[0]", "neither has its tcp monitor \"m\"" },
	};

	(void)state;
	refused(all, sizeof(all) / sizeof(*all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_recovery_the_weight_rises_in_steps),
		cmocka_unit_test(a_late_timer_skips_steps),
		cmocka_unit_test(
			the_first_verdict_and_no_slow_start_have_all_of_the_weight_at_once),
		cmocka_unit_test(a_failure_ends_a_slow_start_and_the_next_one_begins_anew),
		cmocka_unit_test(who_is_readmitted_starts_slowly),
		cmocka_unit_test(who_fails_too_often_is_held_down_for_about_a_half_life),
		cmocka_unit_test(failures_that_lie_apart_are_forgotten),
		cmocka_unit_test(many_failures_hold_longer_but_not_for_ever),
		cmocka_unit_test(who_was_held_down_starts_slowly),
		cmocka_unit_test(what_is_known_goes_along_to_a_new_model),
		cmocka_unit_test(a_monitor_that_left_its_group_has_no_say_any_more),
		cmocka_unit_test(below_the_panic_threshold_all_enabled_origins_serve),
		cmocka_unit_test(panic_is_off_by_default_and_spares_who_was_taken_down_by_hand),
		cmocka_unit_test(bad_documents_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
