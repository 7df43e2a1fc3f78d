/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fetching ahead changes no answer, whatever the queries look like. With sanitizers: it reads
 * nothing that is not theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "zonefile.h"

static const char zone[] = APEX "a 300 A 192.0.2.1\na 300 A 192.0.2.2\nb.c 300 AAAA 2001:db8::1\n"
				"*.w 300 CNAME a\nsub 300 NS ns.sub\nns.sub 300 A 192.0.2.3\n";
static const char *const names[] = { "a.example.com",       "b.c.example.com",   "c.example.com",
				     "x.w.example.com",     "h.sub.example.com", "example.com",
				     "nothing.example.com", "example.org" };
#define NAMES (sizeof(names) / sizeof(*names))

/* A query in memory of its own: a byte behind it is nobody's. */
static struct weir_ahead exactly(const struct msg *m, size_t len)
{
	uint8_t *copy = weir_alloc(1, len ? len : 1);

	memcpy(copy, m->b, len);
	return (struct weir_ahead){ copy, len };
}

static size_t answer(const struct weir_zones *z, const struct weir_ahead *q, uint8_t *out)
{
	const struct weir_asker who = { .random = 7 };
	struct weir_told told;

	return weir_zones_answer(z, q->query, q->len, &who, out, WEIR_DNS_UDP_SIZE, &told);
}

static void compare(const struct weir_zones *z, const struct weir_ahead *queries, unsigned n)
{
	static uint8_t before[WEIR_DNS_UDP_SIZE], after[WEIR_DNS_UDP_SIZE];

	for (unsigned i = 0; i < n; i++) {
		size_t len = answer(z, &queries[i], before);

		weir_zones_ahead(z, queries, n);
		assert_int_equal(answer(z, &queries[i], after), len);
		assert_memory_equal(before, after, len);
	}
}

static void answers_are_the_same_with_and_without(void **state)
{
	struct weir_ahead queries[2 * WEIR_AHEAD_MAX];
	struct zonefile z;
	unsigned n = 0;

	(void)state;
	zonefile_open(&z, zone);
	for (; n < 2 * WEIR_AHEAD_MAX; n++) {
		struct msg m = ask(names[n % NAMES], 1);

		queries[n] = exactly(&m, m.len);
	}
	compare(z.zones, queries, n);
	compare(NULL, queries, n);
	for (unsigned i = 0; i < n; i++)
		free((void *)queries[i].query);
	zonefile_close(&z);
}

static void queries_may_end_anywhere(void **state)
{
	struct weir_ahead queries[WEIR_DNS_UDP_SIZE];
	struct msg m = ask("b.c.example.com", 28);
	struct zonefile z;

	(void)state;
	zonefile_open(&z, zone);
	for (size_t len = 0; len <= m.len; len++)
		queries[len] = exactly(&m, len);
	for (size_t at = 0; at + 2 <= m.len; at++)
		weir_zones_ahead(z.zones, queries + at, 2);
	for (size_t len = 0; len <= m.len; len++)
		free((void *)queries[len].query);
	zonefile_close(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_the_same_with_and_without),
		cmocka_unit_test(queries_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
