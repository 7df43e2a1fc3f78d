/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rendezvous.c - shares that follow the weights, and what a change moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "compile/rendezvous.h"
#include "weir/abi.h"

#define MOST     1000 /* candidates */
#define DUE_BAND 30   /* rows due from which shares must be within 3 % */

struct table {
	struct weir_candidate c[MOST];
	uint32_t n, size;
	uint32_t rows[WEIR_TABLE_MAX];
};

static struct table before, after;

static uint64_t draw(uint64_t *seed)
{
	return weir_mix64(*seed += 0x9e3779b97f4a7c15ull);
}

/* Candidates with weights lightest .. heaviest. */
static void draw_table(struct table *t, uint32_t n, uint32_t size, uint32_t lightest,
		       uint32_t heaviest, uint64_t seed)
{
	t->n = n;
	t->size = size;
	for (uint32_t i = 0; i < n; i++) {
		t->c[i].id = draw(&seed);
		t->c[i].weight = lightest + (uint32_t)(draw(&seed) % (heaviest - lightest + 1));
		t->c[i].now = t->c[i].weight;
	}
}

static void fill(struct table *t)
{
	weir_rendezvous_fill(t->c, t->n, t->rows, t->size);
	for (uint32_t i = 0; i < t->n; i++)
		if (t->c[i].now != t->c[i].weight) {
			weir_rendezvous_refill(t->c, t->n, t->rows, t->size);
			break;
		}
}

static uint64_t owner(const struct table *t, uint32_t row)
{
	return t->c[t->rows[row]].id;
}

static uint32_t rows_of(const struct table *t, uint64_t id)
{
	uint32_t rows = 0;

	for (uint32_t i = 0; i < t->size; i++)
		rows += owner(t, i) == id;
	return rows;
}

static uint32_t rows_moved(const struct table *a, const struct table *b)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < a->size; i++)
		moved += owner(a, i) != owner(b, i);
	return moved;
}

static uint64_t weight_now(const struct table *t)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < t->n; i++)
		total += t->c[i].now;
	return total;
}

/* Within 3 % of what it is due, or within one row where 3 % is less than that. */
static void check_shares(const struct table *t)
{
	uint64_t total = weight_now(t);
	uint32_t rows[MOST] = { 0 };

	for (uint32_t i = 0; i < t->size; i++)
		rows[t->rows[i]]++;
	for (uint32_t i = 0; i < t->n; i++) {
		double due = (double)t->c[i].now * t->size / (double)total;
		double off = rows[i] > due ? rows[i] - due : due - rows[i];

		if (!t->c[i].now)
			assert_int_equal(rows[i], 0);
		else if (off >= 1 && (due < DUE_BAND || off > 0.03 * due))
			fail_msg("%u of %u candidates: weight %u, due %.2f rows, has %u", i, t->n,
				 t->c[i].now, due, rows[i]);
	}
}

static void shares_are_within_3_percent_of_any_weights(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 5, 10, 30, 100, 300, 1000 };
	static const uint32_t heaviest[] = { 1, 2, 100, 10000, 65535 };

	(void)state;
	for (uint32_t k = 0; k < 9; k++)
		for (uint32_t h = 0; h < 5; h++)
			for (uint64_t seed = 0; seed < 6; seed++) {
				uint32_t size = weir_rendezvous_size(counts[k]) << seed % 2;

				if (size > WEIR_TABLE_MAX)
					continue;
				draw_table(&before, counts[k], size, 1, heaviest[h], seed);
				fill(&before);
				check_shares(&before);
			}
}

static void two_candidates_of_weights_1_and_100_share_as_told(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		draw_table(&before, 2 + seed % 2, weir_rendezvous_size(2), 100, 100, seed);
		before.c[0].weight = 1;
		fill(&before);
		check_shares(&before);
	}
}

static void shares_hold_when_many_do_not_serve(void **state)
{
	static const uint32_t counts[] = { 2, 3, 10, 100, 1000 };

	(void)state;
	for (uint32_t k = 0; k < 5; k++)
		for (uint64_t seed = 0; seed < 20; seed++) {
			uint64_t coin = seed;

			draw_table(&before, counts[k], weir_rendezvous_size(counts[k]), 50, 200,
				   seed);
			for (uint32_t i = 1; i < counts[k]; i++)
				before.c[i].now *= draw(&coin) % 20 < seed;
			fill(&before);
			check_shares(&before);
		}
}

/* Of two, the other one having 100, over several tables: one may stray by more than a step. */
static uint32_t rows_by_weight(uint32_t weight)
{
	uint32_t rows = 0;

	for (uint64_t seed = 0; seed < 40; seed++) {
		draw_table(&before, 2, weir_rendezvous_size(2), 100, 100, seed);
		before.c[0].weight = before.c[0].now = weight;
		fill(&before);
		rows += rows_of(&before, before.c[0].id);
	}
	return rows;
}

static void a_weight_step_of_a_hundredth_shows_in_the_rows(void **state)
{
	(void)state;
	for (uint32_t weight = 1; weight < 100; weight++)
		assert_true(rows_by_weight(weight + 1) > rows_by_weight(weight));
}

/* How many times the rows that must move do move, over several tables, in thousandths. */
typedef uint32_t change(struct table *t, uint32_t who);

static uint32_t moved_permille(uint32_t n, change *apply)
{
	uint64_t moved = 0, must = 0;

	for (uint64_t seed = 0; seed < 12; seed++) {
		draw_table(&before, n, weir_rendezvous_size(n), 50, 200, seed + 100);
		after = before;
		fill(&before);
		must += apply(&after, seed % n);
		fill(&after);
		moved += rows_moved(&before, &after);
	}
	return (uint32_t)(moved * 1000 / must);
}

static uint32_t fail_one(struct table *t, uint32_t who)
{
	t->c[who].now = 0;
	return rows_of(&before, t->c[who].id);
}

static uint32_t remove_one(struct table *t, uint32_t who)
{
	uint64_t id = t->c[who].id;

	t->c[who] = t->c[--t->n];
	return rows_of(&before, id);
}

static uint32_t add_one(struct table *t, uint32_t who)
{
	uint64_t total = weight_now(t);

	t->n++;
	t->c[t->n - 1] = (struct weir_candidate){ weir_mix64(who), 100, 100 };
	return (uint32_t)(100ull * t->size / (total + 100));
}

static uint32_t lighten_one(struct table *t, uint32_t who)
{
	uint64_t total = weight_now(t), weight = t->c[who].weight, less = weight - weight / 10;

	t->c[who].weight = t->c[who].now = (uint32_t)less;
	return (uint32_t)(weight * t->size / total - less * t->size / (total - weight + less));
}

/* The same, while its place among the others stays that of its whole weight. */
static uint32_t lighten_for_now(struct table *t, uint32_t who)
{
	uint32_t must, weight = t->c[who].weight;

	must = lighten_one(t, who);
	t->c[who].weight = weight;
	return must;
}

static uint32_t weigh_little_for_now(struct table *t, uint32_t who)
{
	uint32_t due = (uint32_t)((uint64_t)t->c[who].weight * t->size / weight_now(t) / 10);

	t->c[who].now = t->c[who].weight / 10;
	return rows_of(&before, t->c[who].id) - due;
}

static void a_failure_moves_no_row_but_its_own(void **state)
{
	(void)state;
	assert_int_equal(moved_permille(3, fail_one), 1000);
	assert_int_equal(moved_permille(10, fail_one), 1000);
	assert_int_equal(moved_permille(100, fail_one), 1000);
	assert_int_equal(moved_permille(1000, fail_one), 1000);
}

static void a_second_failure_moves_little_more_than_its_own(void **state)
{
	(void)state;
	for (uint32_t n = 10; n <= 1000; n *= 10) {
		uint64_t moved = 0, must = 0;

		for (uint64_t seed = 0; seed < 12; seed++) {
			draw_table(&before, n, weir_rendezvous_size(n), 50, 200, seed);
			before.c[0].now = 0;
			after = before;
			after.c[1].now = 0;
			fill(&before);
			fill(&after);
			must += rows_of(&before, before.c[1].id);
			moved += rows_moved(&before, &after);
		}
		assert_in_range(moved * 1000 / must, 1000, 1200);
	}
}

static void removing_one_from_the_pool_barely_moves_the_others(void **state)
{
	(void)state;
	for (uint32_t n = 3; n <= 100; n += n / 2)
		assert_in_range(moved_permille(n, remove_one), 1000, 1200);
	assert_in_range(moved_permille(100, remove_one), 1000, 1200);
	assert_in_range(moved_permille(250, remove_one), 1000, 1500);
	assert_in_range(moved_permille(600, remove_one), 1000, 1500);
	assert_in_range(moved_permille(1000, remove_one), 1000, 1500);
}

static void adding_one_to_the_pool_barely_moves_the_others(void **state)
{
	(void)state;
	for (uint32_t n = 3; n <= 100; n += n / 2)
		assert_in_range(moved_permille(n, add_one), 950, 1250);
	assert_in_range(moved_permille(99, add_one), 950, 1250);
	assert_in_range(moved_permille(999, add_one), 950, 1500);
}

static void a_tenth_less_weight_moves_twice_that_much_or_less(void **state)
{
	(void)state;
	for (uint32_t n = 3; n <= 100; n += n / 2)
		assert_in_range(moved_permille(n, lighten_one), 900, 2200);
	assert_in_range(moved_permille(100, lighten_one), 900, 2200);
	assert_in_range(moved_permille(1000, lighten_one), 900, 2200);
}

static void a_weight_that_is_less_for_now_moves_no_row_but_its_own(void **state)
{
	(void)state;
	for (uint32_t n = 3; n <= 100; n += n / 2)
		assert_in_range(moved_permille(n, lighten_for_now), 300, 1050);
	assert_in_range(moved_permille(1000, lighten_for_now), 300, 1200);
	assert_in_range(moved_permille(10, weigh_little_for_now), 950, 1050);
	assert_in_range(moved_permille(1000, weigh_little_for_now), 900, 1200);
}

static void shares_follow_the_weights_of_now(void **state)
{
	static const uint32_t counts[] = { 2, 3, 10, 100, 1000 };

	(void)state;
	for (uint32_t k = 0; k < 5; k++)
		for (uint64_t seed = 0; seed < 40; seed++) {
			uint64_t coin = seed;

			draw_table(&before, counts[k], weir_rendezvous_size(counts[k]), 50, 200,
				   seed);
			for (uint32_t i = 0; i < counts[k]; i++)
				if (draw(&coin) % 40 < seed)
					before.c[i].now = (uint32_t)(draw(&coin) % 300);
			before.c[0].now += !before.c[0].now;
			fill(&before);
			check_shares(&before);
		}
}

static void the_order_of_candidates_changes_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		uint32_t n = 2 + (uint32_t)(seed * seed) % 300;

		draw_table(&before, n, 16384, 1, 100, seed);
		for (uint32_t i = 1; i < n; i++)
			before.c[i].now *= i % 3 > 0;
		after = before;
		for (uint32_t i = 0; i < n; i++)
			after.c[i] = before.c[n - 1 - i];
		fill(&before);
		fill(&after);
		assert_int_equal(rows_moved(&before, &after), 0);
	}
}

static void every_machine_and_compiler_builds_the_same_table(void **state)
{
	uint64_t digest = 0;

	(void)state;
	draw_table(&before, 100, 16384, 1, 65535, 7);
	before.c[3].now = 0;
	fill(&before);
	for (uint32_t i = 0; i < before.size; i++)
		digest = weir_mix64(digest ^ owner(&before, i));
	if (digest != 0xb6d2c6e8c76313baull)
		fail_msg("the digest is 0x%llx", (unsigned long long)digest);
}

static void a_table_is_a_power_of_two_within_its_limits(void **state)
{
	(void)state;
	assert_int_equal(weir_rendezvous_size(0), WEIR_TABLE_MIN);
	assert_int_equal(weir_rendezvous_size(4), WEIR_TABLE_MIN);
	assert_int_equal(weir_rendezvous_size(20), 2048);
	assert_int_equal(weir_rendezvous_size(100), 32768);
	assert_int_equal(weir_rendezvous_size(1000), WEIR_TABLE_MAX);
	assert_int_equal(weir_rendezvous_size(UINT32_MAX), WEIR_TABLE_MAX);
	for (uint32_t n = 1; n < 2000; n++) {
		uint32_t size = weir_rendezvous_size(n);

		assert_int_equal(size & (size - 1), 0);
		assert_true(size >= weir_rendezvous_size(n - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_within_3_percent_of_any_weights),
		cmocka_unit_test(two_candidates_of_weights_1_and_100_share_as_told),
		cmocka_unit_test(shares_hold_when_many_do_not_serve),
		cmocka_unit_test(a_weight_step_of_a_hundredth_shows_in_the_rows),
		cmocka_unit_test(a_failure_moves_no_row_but_its_own),
		cmocka_unit_test(a_second_failure_moves_little_more_than_its_own),
		cmocka_unit_test(removing_one_from_the_pool_barely_moves_the_others),
		cmocka_unit_test(adding_one_to_the_pool_barely_moves_the_others),
		cmocka_unit_test(a_tenth_less_weight_moves_twice_that_much_or_less),
		cmocka_unit_test(a_weight_that_is_less_for_now_moves_no_row_but_its_own),
		cmocka_unit_test(shares_follow_the_weights_of_now),
		cmocka_unit_test(the_order_of_candidates_changes_nothing),
		cmocka_unit_test(every_machine_and_compiler_builds_the_same_table),
		cmocka_unit_test(a_table_is_a_power_of_two_within_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
