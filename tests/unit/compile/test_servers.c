/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_servers.c - which endpoints the tables of a QUIC balancer name by server id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compile/compile.h"
#include "model/yaml.h"

/* c serves in no pool that is used now; d has no name. */
#define POOLS                                                                                   \
	"agent: {vips: [192.0.2.1]}\n"                                                          \
	"pools:\n"                                                                              \
	"- {name: p, origins: [{name: b, address: 10.0.0.2, server_id: 'ff02'},\n"              \
	"    {name: a, address: 10.0.0.1, server_id: '0001'}, {name: d, address: 10.0.0.4}]}\n" \
	"- {name: q, origins: [{name: c, address: 10.0.0.3, server_id: '0a03'},\n"              \
	"    {name: a, address: 10.0.0.1, server_id: '0001'}]}\n"                               \
	"load_balancers:\n"
#define QUIC                                                                                \
	"- {name: a.b, proxied: true, listeners: [udp/443, tcp/443], default_pools: [p],\n" \
	"   fallback_pool: q, udp: quic, quic: {config_rotation: 3, server_id_length: 2}}\n"

struct world {
	struct weir_model *model;
	struct weir_memo *memo;
	struct weir_arena *arena;
	const struct weir_tables *tables;
};

static struct world world_of(const char *text)
{
	struct world w = { .memo = weir_memo_new(), .arena = weir_arena_new() };
	struct weir_health *health;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	assert_true(weir_yaml_parse(text, strlen(text), &v, &lines, &err));
	if (!weir_model_parse(v, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v);
	weir_lines_free(lines);
	health = weir_new_array(w.model->n_origins, struct weir_health);
	for (uint32_t i = 0; i < w.model->n_origins; i++)
		health[i].state = WEIR_HEALTHY;
	w.tables = weir_compile(
		weir_view_build(w.model, &(struct weir_facts){ .health = health }, w.arena), w.memo,
		w.arena);
	free(health);
	return w;
}

static void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
}

static uint64_t digest_of(const char *text)
{
	struct world w = world_of(text);
	uint64_t digest = w.tables->digest;

	world_close(&w);
	return digest;
}

static void names(const struct world *w, uint32_t n, uint64_t id, uint8_t last)
{
	const struct weir_tables_server *s = &w->tables->groups[0].servers[n];

	assert_int_equal(s->id, id);
	assert_int_equal(w->tables->endpoints[s->endpoint].addr.b[15], last);
}

static void all_pools_are_named_once_and_in_order(void **state)
{
	struct world w = world_of(POOLS QUIC);

	(void)state;
	assert_int_equal(w.tables->groups[0].n_servers, 3);
	names(&w, 0, 0x0001, 1);
	names(&w, 1, 0x0a03, 3);
	names(&w, 2, 0xff02, 2);
	world_close(&w);
}

static void listeners_for_udp_look_at_ids(void **state)
{
	struct world w = world_of(POOLS QUIC);

	(void)state;
	for (uint32_t i = 0; i < w.tables->n_services; i++) {
		const struct weir_tables_service *s = &w.tables->services[i];

		assert_int_equal(s->flags,
				 s->proto == IPPROTO_UDP ? WEIR_SERVICE_QUIC : WEIR_SERVICE_WATCH);
	}
	world_close(&w);
}

static void other_balancers_name_nobody(void **state)
{
	struct world w = world_of(
		POOLS "- {name: a.b, proxied: true, listeners: [udp/443], default_pools: [p],\n"
		      "   fallback_pool: q}\n"
		      "- {name: c.b, proxied: true, listeners: [tcp/443], default_pools: [p],\n"
		      "   fallback_pool: q, udp: quic, quic: {server_id_length: 2}}\n");

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(w.tables->groups[i].n_servers, 0);
	for (uint32_t i = 0; i < w.tables->n_services; i++)
		assert_false(w.tables->services[i].flags & WEIR_SERVICE_QUIC);
	world_close(&w);
}

/* Balancers that do not agree on a connection id must not look as if they did. */
static void what_ids_say_is_in_the_digest(void **state)
{
	const char *rest = "10.0.0.1, server_id: '0001'}]}\n";
	uint64_t digest = digest_of(POOLS QUIC);
	char text[2048], *at;

	(void)state;
	assert_int_equal(digest_of(POOLS QUIC), digest);
	strcpy(text, POOLS QUIC);
	at = strstr(text, "config_rotation: 3");
	at[strlen("config_rotation: ")] = '4';
	assert_int_not_equal(digest_of(text), digest);
	strcpy(text, POOLS QUIC);
	memcpy(strstr(text, "ff02"), "ff03", 4);
	assert_int_not_equal(digest_of(text), digest);
	strcpy(text, POOLS QUIC);
	memcpy(strstr(text, "ff02"), "0001", 4);
	memcpy(strstr(strstr(text, "name: a, "), "0001"), "ff02", 4);
	memcpy(strstr(text, rest) + strlen(rest) - strlen("0001'}]}\n"), "ff02", 4);
	assert_int_not_equal(digest_of(text), digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pools_are_named_once_and_in_order),
		cmocka_unit_test(listeners_for_udp_look_at_ids),
		cmocka_unit_test(other_balancers_name_nobody),
		cmocka_unit_test(what_ids_say_is_in_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
