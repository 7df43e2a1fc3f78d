/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_sizes.c - how many rows tables have, by what agent.max_rows has room for. */
#include "tables.h"

#include "compile/rendezvous.h"
#include "compile/sizes.h"

static json_t *pool(uint32_t nth, uint32_t n_origins)
{
	char name[16], address[32];
	json_t *origins = json_array();

	for (uint32_t i = 0; i < n_origins; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		snprintf(address, sizeof(address), "10.%u.%u.%u", nth, i / 250, 1 + i % 250);
		json_array_append_new(origins,
				      json_pack("{s:s, s:s}", "name", name, "address", address));
	}
	snprintf(name, sizeof(name), "p%u", nth);
	return json_pack("{s:s, s:s, s:o}", "id", name, "name", name, "origins", origins);
}

/* A load balancer for each of the pools, of so many origins. */
static struct world with_room(uint32_t max_rows, uint32_t n, const uint32_t *origins)
{
	json_t *pools = json_array(), *lbs = json_array();
	char lb[16], id[16], port[16];

	for (uint32_t i = 0; i < n; i++) {
		json_array_append_new(pools, pool(i, origins[i]));
		snprintf(lb, sizeof(lb), "lb%u.example", i);
		snprintf(id, sizeof(id), "p%u", i);
		snprintf(port, sizeof(port), "tcp/%u", 80 + i);
		json_array_append_new(lbs, json_pack("{s:s, s:b, s:[s], s:s, s:[s]}", "name", lb,
						     "proxied", 1, "default_pools", id,
						     "fallback_pool", id, "listeners", port));
	}
	return world_of(json_pack("{s:{s:[s], s:[s], s:i}, s:o, s:o}", "agent", "interfaces", "lo",
				  "vips", "192.0.2.1", "max_rows", (int)max_rows, "pools", pools,
				  "load_balancers", lbs));
}

static uint32_t size_of(const struct world *w, uint32_t nth)
{
	return service(w, "192.0.2.1", IPPROTO_TCP, (uint16_t)(80 + nth))->table->size;
}

static void tables_are_as_large_as_suits_them_if_all_take_half_of_max_rows(void **state)
{
	static const uint32_t origins[] = { 1000, 100, 5 };
	struct world w = with_room(2097152, 3, origins);

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(size_of(&w, i), weir_rendezvous_size(origins[i]));
	assert_int_equal(w.tables->n_crowded, 0);
	world_close(&w);
}

static void the_largest_tables_are_smaller_where_max_rows_has_no_room(void **state)
{
	static const uint32_t origins[] = { 1000, 500, 100, 5 };
	struct world w = with_room(1048576, 4, origins);

	(void)state;
	/* 2 x 131,072 + 32,768 + 1,024 are less than 524,288, 2 x 262,144 more would be more */
	assert_int_equal(w.tables->size_limit, 131072);
	assert_int_equal(size_of(&w, 0), 131072);
	assert_int_equal(size_of(&w, 1), 131072);
	assert_int_equal(size_of(&w, 2), 32768);
	assert_int_equal(size_of(&w, 3), 1024);
	assert_int_equal(w.tables->n_crowded, 2);
	world_close(&w);
}

static void no_table_is_smaller_than_the_least_whatever_max_rows_is(void **state)
{
	uint32_t origins[100];
	struct world w;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		origins[i] = 14;
	w = with_room(65536, 100, origins);
	assert_int_equal(w.tables->size_limit, WEIR_TABLE_MIN);
	assert_int_equal(size_of(&w, 99), WEIR_TABLE_MIN);
	assert_int_equal(w.tables->n_crowded, 100);
	world_close(&w);
}

static void health_changes_no_size(void **state)
{
	static const uint32_t origins[] = { 200, 14 };
	struct world w = with_room(65536, 2, origins);
	uint32_t size = size_of(&w, 0);

	(void)state;
	assert_true(size < weir_rendezvous_size(200));
	for (uint32_t i = 0; i < w.model->n_origins; i++)
		w.health[i].state = WEIR_UNHEALTHY;
	compile_again(&w);
	assert_int_equal(size_of(&w, 0), size);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_as_large_as_suits_them_if_all_take_half_of_max_rows),
		cmocka_unit_test(the_largest_tables_are_smaller_where_max_rows_has_no_room),
		cmocka_unit_test(no_table_is_smaller_than_the_least_whatever_max_rows_is),
		cmocka_unit_test(health_changes_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
