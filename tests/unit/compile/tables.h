/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables.h - documents and health into tables, for tests that look at them. */
#ifndef WEIR_TEST_TABLES_H
#define WEIR_TEST_TABLES_H

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

static inline void compile_again(struct world *w)
{
	w->view = weir_view_build(w->model, &(struct weir_facts){ .health = w->health }, w->arena);
	w->tables = weir_compile(w->view, w->memo, w->arena);
}

/* Everyone healthy. */
static inline struct world world_of(json_t *root)
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

static inline json_t *document(const char *single_quoted)
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

static inline struct world world_open(void)
{
	return world_of(document(two_pools));
}

static inline void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
	free(w->health);
}

static inline union weir_addr addr(const char *text)
{
	union weir_addr a;

	assert_true(weir_addr_parse(text, &a));
	return a;
}

static inline void set_health(struct world *w, const char *address, enum weir_state state)
{
	union weir_addr a = addr(address);

	for (uint32_t p = 0; p < w->model->n_pools; p++)
		for (uint32_t i = 0; i < w->model->pools[p].n_origins; i++)
			if (weir_addr_eq(&w->model->pools[p].origins[i].addr, &a))
				w->health[w->model->pools[p].origins[i].index].state = state;
	compile_again(w);
}

static inline const struct weir_tables_service *service(const struct world *w, const char *vip,
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
static inline uint32_t rows_of(const struct world *w, const char *address)
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

static inline const struct weir_tables_endpoint *endpoint(const struct world *w,
							  const char *address)
{
	union weir_addr a = addr(address);

	for (uint32_t i = 0; i < w->tables->n_endpoints; i++)
		if (weir_addr_eq(&w->tables->endpoints[i].addr, &a))
			return &w->tables->endpoints[i];
	fail_msg("no endpoint %s", address);
	return NULL;
}

static inline void set(json_t *root, const char *list, size_t nth, const char *key, json_t *value)
{
	json_object_set_new(json_array_get(json_object_get(root, list), nth), key, value);
}

static inline void reverse(json_t *array)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		json_t *item = json_incref(json_array_get(array, i));

		json_array_remove(array, i);
		json_array_append_new(array, item);
	}
}

#endif
