/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_health.c - verdicts into states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/health.h"

static const struct weir_monitor quick = { .consecutive_up = 1, .consecutive_down = 1 };
static const struct weir_monitor slow = { .consecutive_up = 2, .consecutive_down = 3 };

static const struct weir_verdict pass = {
	.pass = true, .reason = WEIR_REASON_NONE, .rtt_us = 800, .status = 200
};
static const struct weir_verdict failure = { .reason = WEIR_REASON_CODE_MISMATCH, .status = 503 };

static struct weir_check check;

static void begin(struct weir_health *h, uint64_t wall_ms)
{
	weir_health_init(h, wall_ms);
	check = (struct weir_check){ .reason = WEIR_REASON_NO_RESULT };
	h->checks = &check;
}

/* A verdict of the only monitor of a pool. */
static bool update(struct weir_health *h, const struct weir_monitor *m,
		   const struct weir_verdict *v, uint64_t now_ms)
{
	const struct weir_pool pool = { .monitor = m };

	return weir_health_update(h, &pool, 0, v, (struct weir_now){ now_ms, now_ms });
}

static void an_origin_without_verdicts_is_unknown(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 7);
	assert_int_equal(h.state, WEIR_UNKNOWN);
	assert_string_equal(h.reason, WEIR_REASON_NO_RESULT);
	assert_int_equal(h.since_ms, 7);
	assert_int_equal(h.checked_ms, 0);
	assert_int_equal(h.rtt_us, 0);
}

static void the_first_verdict_decides_at_once(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 1);
	assert_true(update(&h, &slow, &pass, 2));
	assert_int_equal(h.state, WEIR_HEALTHY);
	assert_string_equal(h.reason, WEIR_REASON_NONE);
	assert_int_equal(h.since_ms, 2);
	begin(&h, 1);
	assert_true(update(&h, &slow, &failure, 3));
	assert_int_equal(h.state, WEIR_UNHEALTHY);
	assert_string_equal(h.reason, WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(h.since_ms, 3);
}

static void one_failure_is_enough_when_one_is_asked_for(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 1);
	update(&h, &quick, &pass, 2);
	assert_true(update(&h, &quick, &failure, 3));
	assert_int_equal(h.state, WEIR_UNHEALTHY);
	assert_true(update(&h, &quick, &pass, 4));
	assert_int_equal(h.state, WEIR_HEALTHY);
}

static void only_failures_in_a_row_take_an_origin_down(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 0);
	update(&h, &slow, &pass, 1);
	assert_false(update(&h, &slow, &failure, 2));
	assert_false(update(&h, &slow, &failure, 3));
	assert_int_equal(check.streak, 2);
	assert_false(update(&h, &slow, &pass, 4)); /* begins again */
	assert_false(update(&h, &slow, &failure, 5));
	assert_false(update(&h, &slow, &failure, 6));
	assert_int_equal(h.state, WEIR_HEALTHY);
	assert_int_equal(h.since_ms, 1);
	assert_true(update(&h, &slow, &failure, 7));
	assert_int_equal(h.state, WEIR_UNHEALTHY);
	assert_int_equal(h.since_ms, 7);
	assert_int_equal(check.streak, 0);
}

static void only_passes_in_a_row_bring_it_back(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 0);
	update(&h, &slow, &failure, 1);
	assert_false(update(&h, &slow, &pass, 2));
	assert_false(update(&h, &slow, &failure, 3));
	assert_false(update(&h, &slow, &pass, 4));
	assert_int_equal(h.state, WEIR_UNHEALTHY);
	assert_true(update(&h, &slow, &pass, 5));
	assert_int_equal(h.state, WEIR_HEALTHY);
}

static void the_reason_is_that_of_the_state(void **state)
{
	const struct weir_verdict timeout = { .reason = WEIR_REASON_HTTP_TIMEOUT };
	struct weir_health h;

	(void)state;
	begin(&h, 0);
	update(&h, &slow, &pass, 1);
	update(&h, &slow, &failure, 2);
	assert_string_equal(h.reason, WEIR_REASON_NONE);
	update(&h, &slow, &failure, 3);
	update(&h, &slow, &failure, 4);
	assert_string_equal(h.reason, WEIR_REASON_CODE_MISMATCH);
	update(&h, &slow, &timeout, 5);
	assert_string_equal(h.reason, WEIR_REASON_HTTP_TIMEOUT);
	update(&h, &slow, &pass, 6);
	assert_string_equal(h.reason, WEIR_REASON_HTTP_TIMEOUT);
}

static void status_and_time_are_of_the_last_verdict(void **state)
{
	struct weir_health h;

	(void)state;
	begin(&h, 0);
	update(&h, &slow, &pass, 10);
	assert_int_equal(h.status, 200);
	update(&h, &slow, &failure, 20);
	assert_int_equal(h.status, 503);
	assert_int_equal(h.checked_ms, 20);
}

static void the_round_trip_time_is_smoothed_over_passes(void **state)
{
	struct weir_verdict v = pass;
	struct weir_health h;

	(void)state;
	begin(&h, 0);
	update(&h, &quick, &v, 1);
	assert_int_equal(h.rtt_us, 800);
	v.rtt_us = 1600;
	update(&h, &quick, &v, 2);
	assert_int_equal(h.rtt_us, 900);
	update(&h, &quick, &failure, 3);
	assert_int_equal(h.rtt_us, 900);
	v.rtt_us = 100;
	update(&h, &quick, &v, 4);
	assert_int_equal(h.rtt_us, 800);
	v.rtt_us = UINT32_MAX;
	for (unsigned i = 0; i < 300; i++)
		update(&h, &quick, &v, 5);
	assert_in_range(h.rtt_us, UINT32_MAX - 8, UINT32_MAX);
}

static void a_streak_of_any_length_comes_to_its_end(void **state)
{
	const struct weir_monitor patient = { .consecutive_up = 1000, .consecutive_down = 1000 };
	struct weir_health h;
	unsigned n = 1;

	(void)state;
	begin(&h, 0);
	update(&h, &patient, &pass, 1);
	while (!update(&h, &patient, &failure, 2))
		n++;
	assert_int_equal(n, 1000);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(weir_state_text(WEIR_UNKNOWN), "unknown");
	assert_string_equal(weir_state_text(WEIR_HEALTHY), "healthy");
	assert_string_equal(weir_state_text(WEIR_UNHEALTHY), "unhealthy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_origin_without_verdicts_is_unknown),
		cmocka_unit_test(the_first_verdict_decides_at_once),
		cmocka_unit_test(one_failure_is_enough_when_one_is_asked_for),
		cmocka_unit_test(only_failures_in_a_row_take_an_origin_down),
		cmocka_unit_test(only_passes_in_a_row_bring_it_back),
		cmocka_unit_test(the_reason_is_that_of_the_state),
		cmocka_unit_test(status_and_time_are_of_the_last_verdict),
		cmocka_unit_test(the_round_trip_time_is_smoothed_over_passes),
		cmocka_unit_test(a_streak_of_any_length_comes_to_its_end),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
