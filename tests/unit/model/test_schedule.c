/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_schedule.c - when probes run, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "model/schedule.h"

#define START    1000000 /* the clock's */
#define MANY     10000
#define INTERVAL 5000
#define SLICES   50

static const struct weir_monitor usual = { .interval_ms = INTERVAL,
					   .timeout_ms = 1000,
					   .retries = 2 };

static struct weir_schedule begun(uint32_t fresh, uint64_t chance)
{
	struct weir_schedule s;

	weir_schedule_begin(&s, INTERVAL, fresh, chance, START);
	return s;
}

/* A probe that is made when it is due and takes so long, without a time-out. */
static void probe(struct weir_schedule *s, const struct weir_monitor *m, uint32_t took_ms)
{
	weir_schedule_attempt(s);
	assert_false(weir_schedule_again(s, m, false, s->due_ms + took_ms));
}

static void one_origin_is_probed_at_once(void **state)
{
	(void)state;
	for (uint64_t chance = 0; chance < 1000; chance++)
		assert_in_range(begun(1, chance).due_ms, START, START + 2);
}

static void many_origins_begin_within_a_tenth_of_the_interval(void **state)
{
	uint64_t first = UINT64_MAX, last = 0;

	(void)state;
	for (uint64_t chance = 0; chance < MANY; chance++) {
		uint64_t due_ms = begun(MANY, chance).due_ms;

		first = due_ms < first ? due_ms : first;
		last = due_ms > last ? due_ms : last;
	}
	assert_int_equal(first, START);
	assert_int_equal(last, START + INTERVAL / 10);
}

static void the_second_probe_comes_within_an_interval_and_then_all_after_one(void **state)
{
	(void)state;
	for (uint64_t chance = 0; chance < 1000; chance++) {
		struct weir_schedule s = begun(1000, chance);
		uint64_t due_ms = s.due_ms;

		probe(&s, &usual, 3);
		assert_in_range(s.due_ms - due_ms, 1, INTERVAL);
		for (int i = 0; i < 5; i++) {
			due_ms = s.due_ms;
			probe(&s, &usual, 900);
			assert_int_equal(s.due_ms - due_ms, INTERVAL);
		}
	}
}

/* Probes in each fiftieth of the third interval: none has much more than its part. */
static void ten_thousand_origins_spread_over_the_interval(void **state)
{
	unsigned slices[SLICES] = { 0 };

	(void)state;
	for (uint64_t chance = 0; chance < MANY; chance++) {
		struct weir_schedule s = begun(MANY, chance);

		while (s.due_ms < START + 2 * INTERVAL)
			probe(&s, &usual, 1);
		assert_in_range(s.due_ms, START + 2 * INTERVAL, START + 3 * INTERVAL);
		slices[(s.due_ms - START - 2 * INTERVAL) * SLICES / INTERVAL]++;
	}
	for (unsigned i = 0; i < SLICES; i++)
		assert_in_range(slices[i], MANY / SLICES * 2 / 3, MANY / SLICES * 4 / 3);
}

static void only_time_outs_are_repeated_as_often_as_told(void **state)
{
	struct weir_schedule s = begun(1, 0);

	(void)state;
	for (unsigned retries = 0; retries <= 5; retries++) {
		struct weir_monitor m = usual;

		m.retries = (uint8_t)retries;
		for (unsigned i = 0; i < retries; i++) {
			weir_schedule_attempt(&s);
			assert_true(weir_schedule_again(&s, &m, true, s.due_ms + 10));
		}
		weir_schedule_attempt(&s);
		assert_false(weir_schedule_again(&s, &m, true, s.due_ms + 20));
	}
	weir_schedule_attempt(&s);
	assert_true(weir_schedule_again(&s, &usual, true, s.due_ms));
	weir_schedule_attempt(&s);
	assert_false(
		weir_schedule_again(&s, &usual, false, s.due_ms)); /* another failure, or a pass */
	weir_schedule_attempt(&s);
	assert_true(
		weir_schedule_again(&s, &usual, true, s.due_ms)); /* of the next probe, from 0 */
}

static void time_outs_and_retries_do_not_move_the_next_probe(void **state)
{
	struct weir_schedule s = begun(1, 7);
	uint64_t due_ms, now_ms;

	(void)state;
	probe(&s, &usual, 1);
	due_ms = now_ms = s.due_ms;
	do {
		weir_schedule_attempt(&s);
		now_ms += usual.timeout_ms;
	} while (weir_schedule_again(&s, &usual, true, now_ms));
	assert_int_equal(now_ms, due_ms + 3 * usual.timeout_ms);
	assert_int_equal(s.due_ms, due_ms + INTERVAL);
}

static void a_probe_that_took_longer_than_the_interval_is_followed_at_once(void **state)
{
	struct weir_schedule s = begun(1, 7);
	uint64_t due_ms;

	(void)state;
	probe(&s, &usual, 1);
	due_ms = s.due_ms;
	probe(&s, &usual, 3 * INTERVAL);
	assert_int_equal(s.due_ms, due_ms + 3 * INTERVAL); /* one, not three */
	probe(&s, &usual, 1);
	assert_int_equal(s.due_ms, due_ms + 4 * INTERVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_origin_is_probed_at_once),
		cmocka_unit_test(many_origins_begin_within_a_tenth_of_the_interval),
		cmocka_unit_test(the_second_probe_comes_within_an_interval_and_then_all_after_one),
		cmocka_unit_test(ten_thousand_origins_spread_over_the_interval),
		cmocka_unit_test(only_time_outs_are_repeated_as_often_as_told),
		cmocka_unit_test(time_outs_and_retries_do_not_move_the_next_probe),
		cmocka_unit_test(a_probe_that_took_longer_than_the_interval_is_followed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
