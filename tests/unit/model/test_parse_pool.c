/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse_pool.c - pools and origins: what their fields become, and what is the default. */
#include "parsing.h"

static void every_hundredth_of_a_weight_is_exact(void **state)
{
	char text[200];

	(void)state;
	for (unsigned i = 0; i <= 100; i++) {
		struct weir_model *m;

		snprintf(
			text, sizeof(text),
			"pools: [{name: p, origins: [{name: a, address: 10.0.0.1, weight: %.2f}]}]",
			i / 100.0);
		m = model_of(text);
		assert_int_equal(m->pools[0].origins[0].weight, i * WEIR_WEIGHT_MAX / 100);
		weir_model_free(m);
	}
}

static void pools_and_origins_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"monitors: [{id: a}, {id: b, type: tcp}]\n"
		"pools:\n"
		"- {name: p, monitor: '', " ORIGINS "}\n"
		"- name: q\n  id: Q.1\n  description: d\n  enabled: false\n  minimum_origins: 2\n"
		"  monitor: b\n  origin_steering: {policy: random}\n  load_shedding: ~\n"
		"  check_regions: []\n"
		"  origins:\n"
		"  - {name: x, address: 10.0.0.1, port: 81}\n"
		"  - {name: y, address: 10.0.0.1, port: 82, weight: 0, enabled: false}\n"
		"  - {name: z, address: 2001:DB8::1, port: 1, header: {Host: ['a.b:81']}}\n");
	const struct weir_pool *q = &m->pools[1];

	(void)state;
	assert_int_equal(m->n_origins, 4);
	assert_string_equal(m->pools[0].id, "p");
	assert_null(m->pools[0].monitor);
	assert_true(m->pools[0].enabled);
	assert_int_equal(m->pools[0].minimum_origins, 1);
	assert_int_equal(m->pools[0].origins[0].weight, WEIR_WEIGHT_MAX);
	assert_true(m->pools[0].origins[0].enabled);
	assert_null(m->pools[0].origins[0].host);
	assert_string_equal(q->id, "Q.1");
	assert_int_equal(q->index, 1);
	assert_false(q->enabled);
	assert_int_equal(q->minimum_origins, 2);
	assert_ptr_equal(q->monitor, &m->monitors[1]);
	assert_int_equal(q->n_origins, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(q->origins[i].index, i + 1);
	assert_int_equal(q->origins[1].port, 82);
	assert_int_equal(q->origins[1].weight, 0);
	assert_false(q->origins[1].enabled);
	is_addr(&q->origins[2].addr, "2001:db8::1");
	assert_string_equal(q->origins[2].address, "2001:DB8::1");
	assert_string_equal(q->origins[2].host, "a.b:81");
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hundredth_of_a_weight_is_exact),
		cmocka_unit_test(pools_and_origins_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
