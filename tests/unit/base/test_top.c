/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The most frequent keys are found, whatever else is in the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/top.h"

#define RARE   1000000
#define OFTEN  20   /* keys */
#define TIMES  5000 /* each of them, among RARE others */
#define ROUNDS 300

struct seen {
	uint64_t count[OFTEN], over[OFTEN];
	uint64_t n, sum, torn;
};

/* Of two words that follow from each other, so that halves of two keys do not go together. */
static void make(uint64_t n, uint64_t key[2])
{
	key[0] = n + 1;
	key[1] = weir_mix64(n + 1);
}

static void add(struct weir_top *t, uint64_t n)
{
	uint64_t key[2];

	make(n, key);
	weir_top_add(t, key, 2, 1);
}

static void on_key(void *arg, const uint64_t key[static WEIR_TOP_WORDS], uint64_t count,
		   uint64_t over)
{
	struct seen *s = arg;

	s->n++;
	s->sum += count;
	s->torn += key[1] != weir_mix64(key[0]) || key[2] || over >= count;
	if (key[0] <= OFTEN) {
		s->count[key[0] - 1] = count;
		s->over[key[0] - 1] = over;
	}
}

static struct seen look(const struct weir_top *t)
{
	struct seen s = { 0 };

	weir_top_each(t, on_key, &s);
	return s;
}

static void few_keys_are_counted_exactly(void **state)
{
	struct weir_top *t = weir_top_new(7);
	struct seen s;

	(void)state;
	for (uint64_t k = 0; k < OFTEN; k++)
		for (uint64_t i = 0; i <= k; i++)
			add(t, k);
	s = look(t);
	assert_int_equal(s.n, OFTEN);
	for (uint64_t k = 0; k < OFTEN; k++) {
		assert_int_equal(s.count[k], k + 1);
		assert_int_equal(s.over[k], 0);
	}
	free(t);
}

static void frequent_keys_stay_among_a_million_others(void **state)
{
	struct weir_top *t = weir_top_new(8);
	struct seen s;

	(void)state;
	for (uint64_t i = 0; i < RARE; i++) {
		add(t, OFTEN + i);
		if (i % (RARE / TIMES) == 0)
			for (uint64_t k = 0; k < OFTEN; k++)
				add(t, k);
	}
	s = look(t);
	assert_int_equal(s.n, WEIR_TOP_SETS * WEIR_TOP_WAYS);
	assert_int_equal(s.sum, RARE + OFTEN * TIMES); /* counts are handed on, never lost */
	for (uint64_t k = 0; k < OFTEN; k++) {
		assert_true(s.count[k] >= TIMES);
		assert_true(s.count[k] - s.over[k] <= TIMES);
		assert_true(s.count[k] < TIMES + TIMES / 2);
	}
	free(t);
}

static void a_longer_key_is_another_one(void **state)
{
	struct weir_top *t = weir_top_new(9);
	uint64_t key[WEIR_TOP_WORDS];
	struct seen s;

	(void)state;
	memset(key, 1, sizeof(key));
	weir_top_add(t, key, WEIR_TOP_WORDS, 1);
	key[WEIR_TOP_WORDS - 1]++;
	weir_top_add(t, key, WEIR_TOP_WORDS, 1);
	s = look(t);
	assert_int_equal(s.n, 2);
	free(t);
}

static void many_at_once_count_as_many(void **state)
{
	struct weir_top *t = weir_top_new(10);
	uint64_t key[2];
	struct seen s;

	(void)state;
	make(0, key);
	weir_top_add(t, key, 2, 1000);
	add(t, 0);
	add(t, 1);
	s = look(t);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.count[0], 1001);
	assert_int_equal(s.count[1], 1);
	free(t);
}

/* --- threads --- */

struct race {
	struct weir_top *t;
	atomic_bool over;
};

static void *add_all_the_time(void *arg)
{
	struct race *r = arg;

	for (uint64_t n = 0; !atomic_load(&r->over); n++)
		add(r->t, n);
	return NULL;
}

static void a_key_that_is_being_replaced_is_not_seen(void **state)
{
	struct race r = { .t = weir_top_new(10) };
	uint64_t torn = 0, n = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, add_all_the_time, &r), 0);
	while (n < ROUNDS) {
		struct seen s = look(r.t);

		torn += s.torn;
		n += s.n > 0;
	}
	atomic_store(&r.over, true);
	pthread_join(thread, NULL);
	assert_int_equal(torn, 0);
	free(r.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_keys_are_counted_exactly),
		cmocka_unit_test(frequent_keys_stay_among_a_million_others),
		cmocka_unit_test(a_longer_key_is_another_one),
		cmocka_unit_test(many_at_once_count_as_many),
		cmocka_unit_test(a_key_that_is_being_replaced_is_not_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
