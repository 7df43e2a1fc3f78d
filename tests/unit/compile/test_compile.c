/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_compile.c - documents and health into tables. */
#include "tables.h"

#include "compile/rendezvous.h"

static void services_are_sorted_and_every_vip_has_every_listener(void **state)
{
	struct world w = world_open();
	const struct weir_tables_service *s = w.tables->services;
	static const uint16_t ports[] = { 80, 443, 8080, 443, 80, 443, 443 };
	static const uint8_t protos[] = { 6, 6, 6, 17, 6, 6, 17 };

	(void)state;
	assert_int_equal(w.tables->n_services, 7);
	assert_int_equal(w.tables->n_vips, 2);
	for (uint32_t i = 0; i < 7; i++) {
		bool v4 = weir_addr_is_v4(&s[i].vip);

		/* ::ffff:192.0.2.1 is before 2001:db8::1 */
		assert_int_equal(v4, i < 4);
		assert_int_equal(ntohs(s[i].port), ports[i]);
		assert_int_equal(s[i].proto, protos[i]);
		assert_true(weir_addr_eq(&s[i].vip, &w.tables->vips[!v4]));
	}
	world_close(&w);
}

static void services_of_one_balancer_share_their_rows(void **state)
{
	struct world w = world_open();
	const struct weir_tables_table *t = service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table;

	(void)state;
	assert_ptr_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 80)->table, t);
	assert_ptr_equal(service(&w, "192.0.2.1", IPPROTO_UDP, 443)->table, t);
	assert_ptr_equal(service(&w, "2001:db8::1", IPPROTO_TCP, 443)->table, t);
	assert_ptr_not_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table, t);
	world_close(&w);
}

static void rows_follow_the_weights(void **state)
{
	struct world w = world_open();
	uint32_t size = w.tables->services->table->size;

	(void)state;
	assert_in_range(rows_of(&w, "10.0.0.1"), size * 4 / 7 * 97 / 100, size * 4 / 7 * 103 / 100);
	assert_in_range(rows_of(&w, "10.0.0.2"), size * 2 / 7 * 97 / 100, size * 2 / 7 * 103 / 100);
	assert_in_range(rows_of(&w, "10.0.0.3"), size / 7 * 97 / 100, size / 7 * 103 / 100);
	world_close(&w);
}

static void an_unhealthy_endpoint_has_no_rows_and_no_other_row_moves(void **state)
{
	struct world w = world_open();
	const struct weir_tables_table *old = service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table,
				       *new;
	uint32_t b;

	(void)state;
	b = (uint32_t)(endpoint(&w, "10.0.0.2") - w.tables->endpoints);
	set_health(&w, "10.0.0.2", WEIR_UNHEALTHY);
	new = service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table;
	assert_int_equal(rows_of(&w, "10.0.0.2"), 0);
	assert_int_equal(new->size, old->size);
	for (uint32_t i = 0; i < new->size; i++)
		assert_true(weir_tables_row(old, i) == b ||
			    weir_tables_row(old, i) == weir_tables_row(new, i));
	assert_false(endpoint(&w, "10.0.0.2")->alive);
	world_close(&w);
}

static void a_pool_below_its_minimum_leaves_all_rows_to_the_next(void **state)
{
	struct world w = world_open();
	uint32_t size = w.tables->services->table->size;

	(void)state;
	set_health(&w, "10.0.0.1", WEIR_UNHEALTHY);
	set_health(&w, "10.0.0.2", WEIR_UNHEALTHY);
	assert_int_equal(rows_of(&w, "2001:db8::d") + rows_of(&w, "10.0.0.3"), size);
	assert_in_range(rows_of(&w, "10.0.0.3"), size * 97 / 200, size * 103 / 200);
	set_health(&w, "10.0.0.2", WEIR_HEALTHY);
	assert_int_equal(rows_of(&w, "10.0.0.2") + rows_of(&w, "10.0.0.3"), size);
	world_close(&w);
}

static void a_service_that_nobody_can_serve_keeps_its_size(void **state)
{
	json_t *root = document(two_pools), *pools = json_object_get(root, "pools");
	struct world w;

	(void)state;
	json_object_set_new(json_array_get(pools, 1), "enabled", json_false());
	w = world_of(root);
	for (uint32_t i = 0; i < w.tables->n_services; i++) {
		const struct weir_tables_service *s = &w.tables->services[i];

		assert_int_equal(s->table->size, weir_rendezvous_size(3));
		for (uint32_t r = 0; ntohs(s->port) == 8080 && r < s->table->size; r++)
			assert_int_equal(weir_tables_row(s->table, r), WEIR_ROW_NOBODY);
	}
	world_close(&w);
}

static void one_pool_can_be_reached_in_every_mode(void **state)
{
	json_t *root = document(two_pools), *lbs = json_object_get(root, "load_balancers");
	struct world w;
	uint32_t n[WEIR_MODE_COUNT] = { 0 };

	(void)state;
	json_object_set_new(json_array_get(lbs, 0), "forwarding", json_string("gue"));
	json_array_append_new(lbs, json_pack("{s:s, s:b, s:s, s:s, s:[s], s:[s], s:[s]}", "name",
					     "v6.example.com", "proxied", 1, "forwarding", "gue",
					     "fallback_pool", "second", "default_pools", "first",
					     "listeners", "tcp/81", "vips", "2001:db8::1"));
	w = world_of(root);
	for (uint32_t i = 0; i < w.tables->n_endpoints; i++)
		n[w.tables->endpoints[i].mode]++;
	assert_int_equal(n[WEIR_MODE_IPIP], 2);
	assert_int_equal(n[WEIR_MODE_L2], 0);
	assert_int_equal(n[WEIR_MODE_GUE], 4);
	world_close(&w);
}

static void endpoints_are_unique_and_include_those_that_do_not_serve(void **state)
{
	struct world w = world_open();

	(void)state;
	assert_int_equal(w.tables->n_endpoints, 4);
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_false(weir_addr_eq(&w.tables->endpoints[k].addr,
						  &w.tables->endpoints[i].addr));
	assert_int_equal(rows_of(&w, "2001:db8::d"), 0);
	assert_false(endpoint(&w, "2001:db8::d")->monitored);
	assert_true(endpoint(&w, "10.0.0.1")->monitored);
	world_close(&w);
}

static void an_endpoint_is_alive_until_every_pool_calls_it_unhealthy(void **state)
{
	struct world w = world_open();

	(void)state;
	set_health(&w, "10.0.0.1", WEIR_UNKNOWN);
	assert_true(endpoint(&w, "10.0.0.1")->alive);
	set_health(&w, "10.0.0.1", WEIR_UNHEALTHY);
	assert_false(endpoint(&w, "10.0.0.1")->alive);
	set_health(&w, "10.0.0.3", WEIR_UNHEALTHY); /* the second pool has no monitor */
	assert_true(endpoint(&w, "10.0.0.3")->alive);
	assert_true(endpoint(&w, "10.0.0.3")->monitored);
	world_close(&w);
}

static void an_endpoint_is_healthy_when_every_pool_with_a_monitor_says_so(void **state)
{
	struct world w = world_open();

	(void)state;
	assert_true(endpoint(&w, "10.0.0.3")->healthy);
	assert_true(endpoint(&w, "2001:db8::d")->healthy); /* nobody asks */
	set_health(&w, "10.0.0.3", WEIR_UNKNOWN);
	assert_false(endpoint(&w, "10.0.0.3")->healthy);
	set_health(&w, "10.0.0.3", WEIR_UNHEALTHY);
	assert_false(endpoint(&w, "10.0.0.3")->healthy);
	world_close(&w);
}

static void the_drain_window_is_the_longest_of_any_service(void **state)
{
	struct world w = world_open();

	(void)state;
	assert_int_equal(w.tables->drain_ms, 7200 * 1000);
	world_close(&w);
}

static uint16_t watched(const struct weir_tables_service *k)
{
	return k->proto == IPPROTO_TCP ? WEIR_SERVICE_WATCH : 0;
}

static void a_service_has_the_flags_of_its_balancer_and_pools(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	w = world_of(json_deep_copy(root));
	for (uint32_t i = 0; i < w.tables->n_services; i++)
		assert_int_equal(w.tables->services[i].flags, watched(&w.tables->services[i]));
	world_close(&w);
	/* The pool that serves www does not hash, the next one does: a flow keeps its row when
	 * that takes over. */
	set(root, "pools", 1, "origin_steering", json_pack("{ss}", "policy", "hash"));
	w = world_of(json_deep_copy(root));
	for (uint32_t i = 0; i < w.tables->n_services; i++)
		assert_int_equal(w.tables->services[i].flags,
				 WEIR_SERVICE_CLIENT | watched(&w.tables->services[i]));
	world_close(&w);
	set(root, "pools", 1, "origin_steering", json_null());
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, WEIR_SERVICE_WATCH);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->flags,
			 WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY);
	world_close(&w);
}

static void services_are_watched_unless_clients_are_to_stay(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	set(root, "load_balancers", 0, "passive_health", json_false());
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	set(root, "load_balancers", 1, "session_affinity_attributes",
	    json_pack("{ss}", "zero_downtime_failover", "sticky"));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, 0);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->flags,
			 WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY | WEIR_SERVICE_WATCH);
	world_close(&w);
}

static void source_rules_say_what_becomes_of_everybody(void **state)
{
	json_t *root = document(two_pools);
	const struct weir_tables_group *t;
	struct world w;

	(void)state;
	set(root, "load_balancers", 0, "source_rules",
	    json_pack("{s:[s], s:[s,s]}", "allow", "198.51.100.0/24", "deny", "198.51.100.0/25",
		      "::/0"));
	set(root, "load_balancers", 1, "source_rules",
	    json_pack("{s:[s], s:{s:i}}", "deny", "2001:db8::/32", "rate", "packets_per_second",
		      5));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags,
			 WEIR_SERVICE_SOURCES | WEIR_SERVICE_WATCH);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->flags,
			 WEIR_SERVICE_SOURCES | WEIR_SERVICE_RATE | WEIR_SERVICE_WATCH);
	t = service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table->group;
	assert_int_equal(t->n_sources, 4);
	assert_true(t->sources[0].of.bits == 0 && !t->sources[0].allow);
	assert_true(t->sources[1].of.bits == 96 && !t->sources[1].allow);
	assert_true(t->sources[2].of.bits == 120 && t->sources[2].allow);
	assert_true(t->sources[3].of.bits == 121 && !t->sources[3].allow);
	t = service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table->group;
	assert_int_equal(t->n_sources, 3);
	assert_true(t->sources[0].of.bits == 0 && t->sources[0].allow);
	assert_true(t->sources[1].of.bits == 96 && t->sources[1].allow);
	assert_true(t->sources[2].of.bits == 32 && !t->sources[2].allow);
	world_close(&w);
}

static void requests_are_of_udp_only(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	set(root, "load_balancers", 0, "udp", json_string("request"));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_UDP, 443)->flags,
			 WEIR_SERVICE_UDP_REQUEST);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, WEIR_SERVICE_WATCH);
	world_close(&w);
}

static void a_table_has_the_windows_of_its_balancer(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	set(root, "load_balancers", 1, "session_affinity_ttl", json_integer(604800));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table->group->drain_ms,
			 7200000);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table->group->affinity_ms, 0);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table->group->drain_ms,
			 300000);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table->group->affinity_ms,
			 604800000);
	world_close(&w);
	/* An endpoint has the longest of those that may use it. */
	root = document(two_pools);
	set(root, "load_balancers", 0, "default_pools", json_pack("[s]", "first"));
	set(root, "load_balancers", 0, "fallback_pool", json_string("first"));
	w = world_of(root);
	assert_int_equal(endpoint(&w, "10.0.0.1")->drain_ms, 7200000);
	assert_int_equal(endpoint(&w, "10.0.0.3")->drain_ms, 7200000);
	assert_int_equal(endpoint(&w, "2001:db8::d")->drain_ms, 300000);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_sorted_and_every_vip_has_every_listener),
		cmocka_unit_test(services_of_one_balancer_share_their_rows),
		cmocka_unit_test(rows_follow_the_weights),
		cmocka_unit_test(an_unhealthy_endpoint_has_no_rows_and_no_other_row_moves),
		cmocka_unit_test(a_pool_below_its_minimum_leaves_all_rows_to_the_next),
		cmocka_unit_test(a_service_that_nobody_can_serve_keeps_its_size),
		cmocka_unit_test(one_pool_can_be_reached_in_every_mode),
		cmocka_unit_test(endpoints_are_unique_and_include_those_that_do_not_serve),
		cmocka_unit_test(an_endpoint_is_alive_until_every_pool_calls_it_unhealthy),
		cmocka_unit_test(an_endpoint_is_healthy_when_every_pool_with_a_monitor_says_so),
		cmocka_unit_test(the_drain_window_is_the_longest_of_any_service),
		cmocka_unit_test(a_service_has_the_flags_of_its_balancer_and_pools),
		cmocka_unit_test(services_are_watched_unless_clients_are_to_stay),
		cmocka_unit_test(source_rules_say_what_becomes_of_everybody),
		cmocka_unit_test(requests_are_of_udp_only),
		cmocka_unit_test(a_table_has_the_windows_of_its_balancer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
