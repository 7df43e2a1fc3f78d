/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_compile.c - documents and health into tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "compile/compile.h"
#include "compile/rendezvous.h"

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
	struct weir_arena *arena;
	const struct weir_view *view;
	const struct weir_tables *tables;
};

static const char two_pools[] =
	"{'agent': {'interfaces': ['lo'], 'vips': ['192.0.2.1', '2001:db8::1']},"
	" 'monitors': [{'id': 'm', 'type': 'tcp', 'port': 80}],"
	" 'pools': ["
	"  {'id': 'first', 'name': 'first', 'monitor': 'm', 'minimum_origins': 2, 'origins': ["
	"   {'name': 'a', 'address': '10.0.0.1', 'weight': 1},"
	"   {'name': 'b', 'address': '10.0.0.2', 'weight': 0.5},"
	"   {'name': 'c', 'address': '10.0.0.3', 'weight': 0.25}]},"
	"  {'id': 'second', 'name': 'second', 'origins': ["
	"   {'name': 'd', 'address': '2001:db8::d'},"
	"   {'name': 'c', 'address': '10.0.0.3'}]}],"
	" 'load_balancers': ["
	"  {'name': 'www.example.com', 'proxied': true, 'default_pools': ['first', 'second'],"
	"   'fallback_pool': 'second', 'listeners': ['udp/443', 'tcp/443', 'tcp/80'],"
	"   'session_affinity_attributes': {'drain_duration': 7200}},"
	"  {'name': 'api.example.com', 'proxied': true, 'default_pools': ['second'],"
	"   'fallback_pool': 'second', 'listeners': ['tcp/8080'], 'vips': ['192.0.2.1']}]}";

static void compile_again(struct world *w)
{
	w->view = weir_view_build(w->model, w->health, w->arena);
	w->tables = weir_compile(w->view, w->memo, w->arena);
}

/* Everyone healthy. */
static struct world world_of(json_t *root)
{
	struct world w = { .memo = weir_memo_new(), .arena = weir_arena_new() };
	struct weir_err err;

	if (!weir_model_parse(root, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(root);
	w.health = weir_new_array(w.model->n_origins, struct weir_health);
	for (uint32_t i = 0; i < w.model->n_origins; i++)
		w.health[i].state = WEIR_HEALTHY;
	compile_again(&w);
	return w;
}

static json_t *document(const char *single_quoted)
{
	char *text = strdup(single_quoted);
	json_error_t err;
	json_t *root;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	root = json_loads(text, 0, &err);
	if (!root)
		fail_msg("%d: %s", err.position, err.text);
	free(text);
	return root;
}

static struct world world_open(void)
{
	return world_of(document(two_pools));
}

static void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
	free(w->health);
}

static union weir_addr addr(const char *text)
{
	union weir_addr a;

	assert_true(weir_addr_parse(text, &a));
	return a;
}

static void set_health(struct world *w, const char *address, enum weir_state state)
{
	union weir_addr a = addr(address);

	for (uint32_t p = 0; p < w->model->n_pools; p++)
		for (uint32_t i = 0; i < w->model->pools[p].n_origins; i++)
			if (weir_addr_eq(&w->model->pools[p].origins[i].addr, &a))
				w->health[w->model->pools[p].origins[i].index].state = state;
	compile_again(w);
}

static const struct weir_tables_service *service(const struct world *w, const char *vip,
						 uint8_t proto, uint16_t port)
{
	union weir_addr a = addr(vip);

	for (uint32_t i = 0; i < w->tables->n_services; i++) {
		const struct weir_tables_service *s = &w->tables->services[i];

		if (weir_addr_eq(&s->vip, &a) && s->proto == proto && ntohs(s->port) == port)
			return s;
	}
	fail_msg("no service %s %u/%u", vip, proto, port);
	return NULL;
}

/* Of the rows of www.example.com, which are shared. */
static uint32_t rows_of(const struct world *w, const char *address)
{
	const struct weir_tables_table *t = service(w, "192.0.2.1", IPPROTO_TCP, 443)->table;
	union weir_addr a = addr(address);
	uint32_t rows = 0;

	for (uint32_t i = 0; i < t->size; i++) {
		uint32_t e = weir_tables_row(t, i);

		rows += e != WEIR_ROW_NOBODY && weir_addr_eq(&w->tables->endpoints[e].addr, &a);
	}
	return rows;
}

static const struct weir_tables_endpoint *endpoint(const struct world *w, const char *address)
{
	union weir_addr a = addr(address);

	for (uint32_t i = 0; i < w->tables->n_endpoints; i++)
		if (weir_addr_eq(&w->tables->endpoints[i].addr, &a))
			return &w->tables->endpoints[i];
	fail_msg("no endpoint %s", address);
	return NULL;
}

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

static void set(json_t *root, const char *list, size_t nth, const char *key, json_t *value)
{
	json_object_set_new(json_array_get(json_object_get(root, list), nth), key, value);
}

static void a_service_has_the_flags_of_its_balancer_and_pools(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	w = world_of(json_deep_copy(root));
	for (uint32_t i = 0; i < w.tables->n_services; i++)
		assert_int_equal(w.tables->services[i].flags, 0);
	world_close(&w);
	/* The pool that serves www does not hash, the next one does: a flow keeps its row when
	 * that takes over. */
	set(root, "pools", 1, "origin_steering", json_pack("{ss}", "policy", "hash"));
	w = world_of(json_deep_copy(root));
	for (uint32_t i = 0; i < w.tables->n_services; i++)
		assert_int_equal(w.tables->services[i].flags, WEIR_SERVICE_CLIENT);
	world_close(&w);
	set(root, "pools", 1, "origin_steering", json_null());
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, 0);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->flags,
			 WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY);
	world_close(&w);
}

static void source_rules_say_what_becomes_of_everybody(void **state)
{
	json_t *root = document(two_pools);
	const struct weir_tables_table *t;
	struct world w;

	(void)state;
	set(root, "load_balancers", 0, "source_rules",
	    json_pack("{s:[s], s:[s,s]}", "allow", "198.51.100.0/24", "deny", "198.51.100.0/25",
		      "::/0"));
	set(root, "load_balancers", 1, "source_rules",
	    json_pack("{s:[s], s:{s:i}}", "deny", "2001:db8::/32", "rate", "packets_per_second",
		      5));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, WEIR_SERVICE_SOURCES);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->flags,
			 WEIR_SERVICE_SOURCES | WEIR_SERVICE_RATE);
	t = service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table;
	assert_int_equal(t->n_sources, 4);
	assert_true(t->sources[0].of.bits == 0 && !t->sources[0].allow);
	assert_true(t->sources[1].of.bits == 96 && !t->sources[1].allow);
	assert_true(t->sources[2].of.bits == 120 && t->sources[2].allow);
	assert_true(t->sources[3].of.bits == 121 && !t->sources[3].allow);
	t = service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table;
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
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->flags, 0);
	world_close(&w);
}

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

static void a_table_has_the_windows_of_its_balancer(void **state)
{
	json_t *root = document(two_pools);
	struct world w;

	(void)state;
	set(root, "load_balancers", 1, "session_affinity", json_string("ip_cookie"));
	set(root, "load_balancers", 1, "session_affinity_ttl", json_integer(604800));
	w = world_of(root);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table->drain_ms, 7200000);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 443)->table->affinity_ms, 0);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table->drain_ms, 300000);
	assert_int_equal(service(&w, "192.0.2.1", IPPROTO_TCP, 8080)->table->affinity_ms,
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

static void reverse(json_t *array)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		json_t *item = json_incref(json_array_get(array, i));

		json_array_remove(array, i);
		json_array_append_new(array, item);
	}
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
	for (uint32_t i = 0; i < v->n_serving; i++)
		if (weir_addr_eq(&v->serving[i]->addr, a))
			return v->serving[i]->enabled && v->serving[i]->weight;
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
			const struct weir_view_lb *v = &w.view->lbs[t->lb->index];

			for (uint32_t r = 0; r < t->size; r++) {
				uint32_t e = weir_tables_row(t, r);

				assert_true(e == WEIR_ROW_NOBODY
						    ? !v->n_serving
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
		if (!strcmp(t->tables[i].lb->name, lb))
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
		cmocka_unit_test(source_rules_say_what_becomes_of_everybody),
		cmocka_unit_test(requests_are_of_udp_only),
		cmocka_unit_test(flags_change_the_digest),
		cmocka_unit_test(a_table_has_the_windows_of_its_balancer),
		cmocka_unit_test(the_order_of_a_document_does_not_change_the_digest),
		cmocka_unit_test(a_weight_a_port_or_a_failure_changes_the_digest),
		cmocka_unit_test(no_row_names_an_endpoint_that_does_not_serve),
		cmocka_unit_test(rows_that_were_kept_are_those_that_would_be_built),
		cmocka_unit_test(a_change_builds_only_the_rows_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
