/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_counts.c - which services count open connections, and what their endpoints may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compile/compile.h"

#define COUNTED WEIR_SERVICE_COUNTED
#define LEAST   (WEIR_SERVICE_COUNTED | WEIR_SERVICE_LEAST)

/* b is in two pools; api uses the plain one alone, old the limited one in another mode. */
static const char text[] =
	"{'agent': {'interfaces': ['lo'], 'vips': ['192.0.2.1']},"
	" 'monitors': [{'id': 'm', 'type': 'tcp', 'port': 80}],"
	" 'pools': ["
	"  {'name': 'least', 'origin_steering': {'policy': 'least_connections'}, 'monitor': 'm',"
	"   'origins': [{'name': 'a', 'address': '10.0.0.1', 'weight': 0.5, 'max_conn': 7},"
	"               {'name': 'b', 'address': '10.0.0.2', 'weight': 0.2, 'max_conn': 9}]},"
	"  {'name': 'limited', 'origins': ["
	"   {'name': 'b', 'address': '10.0.0.2', 'weight': 0.3, 'max_conn': 8},"
	"   {'name': 'c', 'address': '10.0.0.3'}]},"
	"  {'name': 'plain', 'origins': [{'name': 'd', 'address': '10.0.0.4'}]}],"
	" 'load_balancers': ["
	"  {'name': 'www.example.com', 'proxied': true, 'default_pools': ['least'],"
	"   'fallback_pool': 'limited', 'listeners': ['tcp/80', 'udp/80']},"
	"  {'name': 'api.example.com', 'proxied': true, 'default_pools': ['plain'],"
	"   'fallback_pool': 'plain', 'listeners': ['tcp/81']},"
	"  {'name': 'old.example.com', 'proxied': true, 'default_pools': ['plain'],"
	"   'fallback_pool': 'limited', 'listeners': ['tcp/82'], 'forwarding': 'l2'}]}";

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
	struct weir_arena *arena;
	const struct weir_tables *tables;
};

static void compile(struct world *w, enum weir_state state)
{
	for (uint32_t i = 0; i < w->model->n_origins; i++)
		w->health[i].state = state;
	w->tables = weir_compile(
		weir_view_build(w->model, &(struct weir_facts){ .health = w->health }, w->arena),
		w->memo, w->arena);
}

/* With one number of the document changed, where from is not NULL. */
static struct world world_open(const char *from, char to)
{
	struct world w = { .memo = weir_memo_new(), .arena = weir_arena_new() };
	char *copy = strdup(text);
	struct weir_err err;
	json_t *root;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (from) {
		char *at = strstr(copy, from);

		assert_non_null(at);
		at[strlen(from) - 1] = to;
	}
	root = json_loads(copy, 0, NULL);
	if (!weir_model_parse(root, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(root);
	free(copy);
	w.health = weir_new_array(w.model->n_origins, struct weir_health);
	compile(&w, WEIR_HEALTHY);
	return w;
}

static void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
	free(w->health);
}

static const struct weir_tables_endpoint *endpoint(const struct world *w, uint8_t last,
						   uint8_t mode)
{
	for (uint32_t i = 0; i < w->tables->n_endpoints; i++) {
		const struct weir_tables_endpoint *e = &w->tables->endpoints[i];

		if (e->addr.b[15] == last && e->mode == mode)
			return e;
	}
	fail_msg("no endpoint %u in mode %u", last, mode);
	return NULL;
}

/* In the order of protocols and ports: TCP 80, 81, 82, UDP 80. */
static void flags_are(const struct world *w, uint16_t www, uint16_t api, uint16_t old)
{
	assert_int_equal(w->tables->n_services, 4);
	assert_int_equal(w->tables->services[0].flags, www | WEIR_SERVICE_WATCH);
	assert_int_equal(w->tables->services[1].flags, api | WEIR_SERVICE_WATCH);
	assert_int_equal(w->tables->services[2].flags, old | WEIR_SERVICE_WATCH);
	assert_int_equal(w->tables->services[3].flags, www);
}

static void a_balancer_counts_if_one_of_its_pools_must(void **state)
{
	struct world w = world_open(NULL, 0);

	(void)state;
	flags_are(&w, LEAST, 0, COUNTED);
	compile(&w, WEIR_UNHEALTHY); /* the other pool takes over */
	flags_are(&w, COUNTED, 0, COUNTED);
	world_close(&w);
}

static void an_endpoint_has_the_smallest_limit_and_the_largest_weight(void **state)
{
	struct world w = world_open(NULL, 0);
	const struct weir_tables_endpoint *a = endpoint(&w, 1, WEIR_MODE_IPIP),
					  *b = endpoint(&w, 2, WEIR_MODE_IPIP),
					  *c = endpoint(&w, 3, WEIR_MODE_IPIP),
					  *d = endpoint(&w, 4, WEIR_MODE_IPIP);

	(void)state;
	assert_true(a->counted && b->counted && c->counted);
	assert_false(d->counted);
	assert_int_equal(a->max_conn, 7);
	assert_int_equal(a->weight, WEIR_WEIGHT_MAX / 2);
	assert_int_equal(b->max_conn, 8);
	assert_int_equal(b->weight, 3 * WEIR_WEIGHT_MAX / 10);
	assert_int_equal(c->max_conn, 0);
	assert_int_equal(c->weight, WEIR_WEIGHT_MAX);
	b = endpoint(&w, 2, WEIR_MODE_L2); /* counted apart */
	d = endpoint(&w, 4, WEIR_MODE_L2);
	assert_true(b->counted && d->counted);
	assert_int_equal(b->max_conn, 8);
	world_close(&w);
}

static void a_limit_changes_the_digest_but_no_rows(void **state)
{
	struct world w = world_open(NULL, 0), other = world_open("\"max_conn\": 7", '6');

	(void)state;
	assert_int_not_equal(w.tables->digest, other.tables->digest);
	for (uint32_t i = 0; i < w.tables->n_tables; i++)
		assert_int_equal(w.tables->tables[i].digest, other.tables->tables[i].digest);
	world_close(&other);
	other = world_open("\"max_conn\": 9", '8'); /* not the smallest */
	assert_int_equal(w.tables->digest, other.tables->digest);
	world_close(&other);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_balancer_counts_if_one_of_its_pools_must),
		cmocka_unit_test(an_endpoint_has_the_smallest_limit_and_the_largest_weight),
		cmocka_unit_test(a_limit_changes_the_digest_but_no_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
