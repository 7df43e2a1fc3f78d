/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What readers hold is not dropped, and what nobody holds is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pub.h"

#define READERS 3
#define CHANGES 200000
#define ALIVE   0x616c697665u

static void drop_int(void *object)
{
	++*(int *)object;
}

static void what_a_reader_found_stays_until_it_leaves(void **state)
{
	struct weir_pub *p = weir_pub_new(2);
	int a = 0, b = 0;

	(void)state;
	assert_null(weir_pub_enter(p, 0));
	weir_pub_leave(p, 0);
	weir_pub_set(p, &a);
	assert_ptr_equal(weir_pub_enter(p, 0), &a);
	weir_pub_set(p, &b);
	weir_pub_retire(p, &a, drop_int);
	assert_true(weir_pub_collect(p));
	assert_ptr_equal(weir_pub_enter(p, 1), &b); /* who comes later does not hold it up */
	weir_pub_leave(p, 0);
	assert_int_equal(a, 0);
	assert_false(weir_pub_collect(p));
	assert_int_equal(a, 1);
	assert_ptr_equal(weir_pub_get(p), &b);
	weir_pub_leave(p, 1);
	weir_pub_free(p);
	assert_int_equal(a, 1);
	assert_int_equal(b, 0);
}

static void entering_again_lets_go_of_what_was_found_before(void **state)
{
	struct weir_pub *p = weir_pub_new(1);
	int a = 0, b = 0;

	(void)state;
	weir_pub_set(p, &a);
	weir_pub_enter(p, 0);
	weir_pub_set(p, &b);
	weir_pub_retire(p, &a, drop_int);
	assert_ptr_equal(weir_pub_enter(p, 0), &b);
	assert_false(weir_pub_collect(p));
	assert_int_equal(a, 1);
	weir_pub_leave(p, 0);
	weir_pub_free(p);
}

static void what_still_waits_is_dropped_at_the_end(void **state)
{
	struct weir_pub *p = weir_pub_new(1);
	int n = 0;

	(void)state;
	weir_pub_enter(p, 0);
	for (int i = 0; i < 10; i++)
		weir_pub_retire(p, &n, drop_int);
	assert_true(weir_pub_collect(p));
	assert_int_equal(n, 0);
	weir_pub_free(p);
	assert_int_equal(n, 10);
	weir_pub_free(NULL);
}

/* --- threads --- */

struct object {
	uint64_t alive[32];
};

struct race {
	struct weir_pub *p;
	atomic_bool over;
	atomic_uint bad;
};

struct racer {
	struct race *race;
	uint32_t reader;
};

static void drop_object(void *object)
{
	struct object *o = object;

	for (int i = 0; i < 32; i++)
		o->alive[i] = 0;
	free(o);
}

static void *read_all_the_time(void *arg)
{
	const struct racer *me = arg;
	struct race *r = me->race;

	while (!atomic_load(&r->over)) {
		const struct object *o = weir_pub_enter(r->p, me->reader);

		for (int i = 0; i < 32; i++)
			if (o->alive[i] != ALIVE)
				atomic_fetch_add(&r->bad, 1);
		weir_pub_leave(r->p, me->reader);
	}
	return NULL;
}

static struct object *fresh(void)
{
	struct object *o = weir_new(struct object);

	for (int i = 0; i < 32; i++)
		o->alive[i] = ALIVE;
	return o;
}

static void no_reader_meets_what_was_dropped(void **state)
{
	struct race r = { .p = weir_pub_new(READERS) };
	struct racer racers[READERS];
	pthread_t threads[READERS];

	(void)state;
	weir_pub_set(r.p, fresh());
	for (int i = 0; i < READERS; i++) {
		racers[i] = (struct racer){ &r, (uint32_t)i };
		assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &racers[i]),
				 0);
	}
	for (int i = 0; i < CHANGES; i++) {
		struct object *old = weir_pub_get(r.p);

		weir_pub_set(r.p, fresh());
		weir_pub_retire(r.p, old, drop_object);
		weir_pub_collect(r.p);
	}
	atomic_store(&r.over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&r.bad), 0);
	assert_false(weir_pub_collect(r.p));
	drop_object(weir_pub_get(r.p));
	weir_pub_free(r.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_reader_found_stays_until_it_leaves),
		cmocka_unit_test(entering_again_lets_go_of_what_was_found_before),
		cmocka_unit_test(what_still_waits_is_dropped_at_the_end),
		cmocka_unit_test(no_reader_meets_what_was_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
