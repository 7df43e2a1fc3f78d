/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_digest.c - what decides tables alone: equal input, equal rows; what changed, new ones. */
#include "tables.h"

static void flags_change_the_digest(void **state)
{
	json_t *root = document(two_pools);
	struct world w = world_of(json_deep_copy(root));
	uint64_t before = w.tables->digest;

	(void)state;
	world_close(&w);
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	w = world_of(root);
	assert_int_not_equal(w.tables->digest, before);
	world_close(&w);
}

static void the_order_of_a_document_does_not_change_the_digest(void **state)
{
	struct world w = world_open(), v;
	json_t *root = document(two_pools), *pools = json_object_get(root, "pools");

	(void)state;
	reverse(pools);
	reverse(json_object_get(root, "load_balancers"));
	reverse(json_object_get(json_array_get(pools, 0), "origins"));
	reverse(json_object_get(json_array_get(pools, 1), "origins"));
	v = world_of(root);
	assert_string_equal(v.model->pools[0].name, "second");
	assert_int_equal(v.tables->digest, w.tables->digest);
	world_close(&v);
	world_close(&w);
}

static void a_weight_a_port_or_a_failure_changes_the_digest(void **state)
{
	struct world w = world_open(), v;
	json_t *root = document(two_pools), *item;
	uint64_t digest = w.tables->digest;

	(void)state;
	item = json_array_get(json_object_get(root, "pools"), 0);
	item = json_array_get(json_object_get(item, "origins"), 1);
	json_object_set_new(item, "weight", json_real(0.51));
	v = world_of(root);
	assert_int_not_equal(v.tables->digest, digest);
	world_close(&v);

	root = document(two_pools);
	item = json_array_get(json_object_get(root, "load_balancers"), 1);
	json_array_set_new(json_object_get(item, "listeners"), 0, json_string("tcp/8081"));
	v = world_of(root);
	assert_int_not_equal(v.tables->digest, digest);
	world_close(&v);

	set_health(&w, "10.0.0.1", WEIR_UNHEALTHY);
	assert_int_not_equal(w.tables->digest, digest);
	set_health(&w, "10.0.0.1", WEIR_HEALTHY);
	assert_int_equal(w.tables->digest, digest);
	world_close(&w);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	return (uint32_t)(weir_mix64(*seed += 0x9e3779b97f4a7c15ull) >> 32) % below;
}

static json_t *random_pool(uint64_t *seed, uint32_t nth)
{
	uint32_t n = 1 + draw(seed, 12);
	json_t *origins = json_array();
	char name[32], address[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		snprintf(address, sizeof(address), "10.%u.0.%u", draw(seed, 2) ? nth : 9, i + 1);
		json_array_append_new(origins,
				      json_pack("{s:s, s:s, s:f, s:b}", "name", name, "address",
						address, "weight", draw(seed, 5) / 4.0, "enabled",
						draw(seed, 5) > 0));
	}
	snprintf(name, sizeof(name), "p%u", nth);
	return json_pack("{s:s, s:s, s:s*, s:b, s:o}", "id", name, "name", name, "monitor",
			 draw(seed, 3) ? "m" : NULL, "enabled", draw(seed, 6) > 0, "origins",
			 origins);
}

static json_t *random_document(uint64_t *seed)
{
	json_t *pools = json_array(), *lbs = json_array();
	char name[32], port[16], first[8], second[8], last[8];

	for (uint32_t i = 0; i < 5; i++)
		json_array_append_new(pools, random_pool(seed, i));
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t p = draw(seed, 5);

		snprintf(name, sizeof(name), "lb%u.example.com", i);
		snprintf(port, sizeof(port), "tcp/%u", 80 + i);
		snprintf(first, sizeof(first), "p%u", p);
		snprintf(second, sizeof(second), "p%u", (p + 1) % 5);
		snprintf(last, sizeof(last), "p%u", draw(seed, 5));
		json_array_append_new(
			lbs, json_pack("{s:s, s:b, s:b, s:[s, s], s:s, s:[s]}", "name", name,
				       "proxied", 1, "enabled", draw(seed, 6) > 0, "default_pools",
				       first, second, "fallback_pool", last, "listeners", port));
	}
	return json_pack("{s:{s:[s], s:[s]}, s:[{s:s, s:s, s:i}], s:o, s:o}", "agent", "interfaces",
			 "lo", "vips", "192.0.2.1", "monitors", "id", "m", "type", "tcp", "port",
			 80, "pools", pools, "load_balancers", lbs);
}

static bool serves(const struct weir_view_lb *v, const union weir_addr *a)
{
	const struct weir_view_mix *mix = weir_view_mix(v);

	for (uint32_t i = 0; i < mix->n; i++)
		if (weir_addr_eq(&mix->members[i].origin->addr, a))
			return mix->members[i].origin->enabled && mix->members[i].now;
	return false;
}

static void no_row_names_an_endpoint_that_does_not_serve(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint32_t run = 0; run < 500; run++) {
		struct world w = world_of(random_document(&seed));

		for (uint32_t i = 0; i < w.model->n_origins; i++)
			w.health[i].state = draw(&seed, 3);
		compile_again(&w);
		for (uint32_t i = 0; i < w.tables->n_tables; i++) {
			const struct weir_tables_table *t = &w.tables->tables[i];
			const struct weir_view_lb *v = &w.view->lbs[t->group->lb->index];

			for (uint32_t r = 0; r < t->size; r++) {
				uint32_t e = weir_tables_row(t, r);

				assert_true(e == WEIR_ROW_NOBODY
						    ? !weir_view_mix(v)->n_serving
						    : serves(v, &w.tables->endpoints[e].addr));
			}
		}
		world_close(&w);
	}
}

static void same_tables(const struct weir_tables *a, const struct weir_tables *b)
{
	assert_int_equal(a->digest, b->digest);
	assert_int_equal(a->n_tables, b->n_tables);
	assert_int_equal(a->n_endpoints, b->n_endpoints);
	for (uint32_t i = 0; i < a->n_endpoints; i++) {
		const struct weir_tables_endpoint *x = &a->endpoints[i], *y = &b->endpoints[i];

		assert_true(weir_addr_eq(&x->addr, &y->addr) && x->mode == y->mode &&
			    x->monitored == y->monitored && x->healthy == y->healthy &&
			    x->alive == y->alive);
	}
	for (uint32_t i = 0; i < a->n_tables; i++) {
		const struct weir_tables_table *x = &a->tables[i], *y = &b->tables[i];

		assert_int_equal(x->size, y->size);
		assert_int_equal(x->digest, y->digest);
		assert_int_equal(x->n_members, y->n_members);
		assert_memory_equal(x->members, y->members, x->n_members * sizeof(*x->members));
		assert_memory_equal(x->rows, y->rows, x->size * sizeof(*x->rows));
	}
}

static void rows_that_were_kept_are_those_that_would_be_built(void **state)
{
	struct weir_memo *memo = weir_memo_new();
	uint64_t seed = 2;

	(void)state;
	for (uint32_t run = 0; run < 200; run++) {
		struct world w = world_of(random_document(&seed));

		for (uint32_t change = 0; change < 8; change++) {
			const struct weir_tables *kept;

			w.health[draw(&seed, w.model->n_origins)].state = draw(&seed, 3);
			weir_memo_free(w.memo);
			w.memo = weir_memo_new();
			compile_again(&w);
			kept = weir_compile(w.view, memo, w.arena);
			if (change & 1)
				weir_memo_forget(memo);
			same_tables(kept, w.tables);
		}
		world_close(&w);
	}
	weir_memo_free(memo);
}

static const uint32_t *rows_for(const struct weir_tables *t, const char *lb)
{
	for (uint32_t i = 0; i < t->n_tables; i++)
		if (!strcmp(t->tables[i].group->lb->name, lb))
			return t->tables[i].rows;
	fail_msg("no table of %s", lb);
	return NULL;
}

static void a_change_builds_only_the_rows_it_changes(void **state)
{
	struct world w = world_open(), other;
	const uint32_t *www = rows_for(w.tables, "www.example.com");
	const uint32_t *api = rows_for(w.tables, "api.example.com");
	json_t *root = document(two_pools), *pools = json_object_get(root, "pools");

	(void)state;
	set_health(&w, "10.0.0.1", WEIR_UNHEALTHY);
	assert_ptr_not_equal(rows_for(w.tables, "www.example.com"), www);
	assert_ptr_equal(rows_for(w.tables, "api.example.com"), api);
	set_health(&w, "10.0.0.1", WEIR_HEALTHY);
	assert_ptr_equal(rows_for(w.tables, "www.example.com"), www);

	/* Another document, with the same pools in another order and one more before them. */
	json_array_insert_new(pools, 0, json_deep_copy(json_array_get(pools, 1)));
	json_object_set_new(json_array_get(pools, 0), "name", json_string("new"));
	json_object_set_new(json_array_get(pools, 0), "id", json_string("new"));
	reverse(json_object_get(root, "load_balancers"));
	other = world_of(root);
	other.tables = weir_compile(other.view, w.memo, other.arena);
	assert_ptr_equal(rows_for(other.tables, "www.example.com"), www);
	assert_ptr_equal(rows_for(other.tables, "api.example.com"), api);
	world_close(&other);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_change_the_digest),
		cmocka_unit_test(the_order_of_a_document_does_not_change_the_digest),
		cmocka_unit_test(a_weight_a_port_or_a_failure_changes_the_digest),
		cmocka_unit_test(no_row_names_an_endpoint_that_does_not_serve),
		cmocka_unit_test(rows_that_were_kept_are_those_that_would_be_built),
		cmocka_unit_test(a_change_builds_only_the_rows_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
