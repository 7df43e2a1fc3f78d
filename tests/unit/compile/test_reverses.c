/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_reverses.c - endpoints with ports of their own, and whose replies are whose. */
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

#include "base/mem.h"
#include "compile/compile.h"
#include "model/yaml.h"

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
	struct weir_arena *arena;
	const struct weir_tables *tables;
};

static struct world world_of(const char *text)
{
	struct world w = { .memo = weir_memo_new(), .arena = weir_arena_new() };
	const struct weir_view *view;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *root;

	if (!weir_yaml_parse(text, strlen(text), &root, &lines, &err) ||
	    !weir_model_parse(root, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(root);
	weir_lines_free(lines);
	w.health = weir_new_array(w.model->n_origins, struct weir_health);
	view = weir_view_build(w.model, &(struct weir_facts){ .health = w.health }, w.arena);
	w.tables = weir_compile(view, w.memo, w.arena);
	return w;
}

static void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
	free(w->health);
}

#define AGENT "agent: {vips: [192.0.2.1, 192.0.2.2], nat: {sources: [198.51.100.1]}}\n"
#define POOLS                                                                         \
	"pools:\n"                                                                    \
	"- {name: one, origins: [{name: a, address: 10.0.0.1, port: 8080},\n"         \
	"                        {name: b, address: 10.0.0.2},\n"                     \
	"                        {name: c, address: 10.0.0.1, port: 8081}]}\n"        \
	"- {name: two, origins: [{name: a, address: 10.0.0.1, port: 8080},\n"         \
	"                        {name: d, address: 10.0.0.3, port: 70, weight: 0,\n" \
	"                         enabled: false}]}\n"
#define BALANCER(mode)                                                                  \
	"{name: a.b, proxied: true, forwarding: " mode ", default_pools: [one, two],\n" \
	" fallback_pool: two, vips: [192.0.2.1], listeners: [tcp/80, udp/80]}"

/* "10.0.0.1 8080 mode 3", ... in the order of tables. */
static void endpoints_are(const struct world *w, const char *want)
{
	char is[1024] = "", addr[WEIR_ADDR_TEXT];
	size_t used = 0;

	for (uint32_t i = 0; i < w->tables->n_endpoints; i++) {
		const struct weir_tables_endpoint *e = &w->tables->endpoints[i];

		used += (size_t)snprintf(is + used, sizeof(is) - used, "%s%s %u mode %u",
					 i ? ", " : "", weir_addr_text(&e->addr, addr),
					 ntohs(e->port), e->mode);
	}
	assert_string_equal(is, want);
}

static void an_origins_port_counts_where_it_is_rewritten(void **state)
{
	struct world w = world_of(AGENT POOLS "load_balancers: [" BALANCER("ipip") "]");

	(void)state;
	endpoints_are(&w, "10.0.0.1 0 mode 0, 10.0.0.2 0 mode 0, 10.0.0.3 0 mode 0");
	assert_int_equal(w.tables->n_reverses, 0);
	world_close(&w);
	w = world_of(AGENT POOLS "load_balancers: [" BALANCER("fullnat") "]");
	endpoints_are(&w, "10.0.0.1 8080 mode 4, 10.0.0.2 0 mode 4, 10.0.0.1 8081 mode 4, "
			  "10.0.0.3 70 mode 4");
	assert_int_equal(w.tables->n_reverses, 0);
	assert_ptr_equal(w.tables->nat, &w.model->agent.nat);
	world_close(&w);
}

static void rows_are_shared_by_all_ports_of_an_address(void **state)
{
	struct world w = world_of(AGENT POOLS "load_balancers: [" BALANCER("nat") "]");
	const struct weir_tables_table *t = &w.tables->tables[0];
	uint32_t n[4] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < t->size; i++)
		n[weir_tables_row(t, i)]++;
	for (uint32_t i = 0; i < 3; i++)
		assert_in_range(n[i], t->size * 97 / 300, t->size * 103 / 300 + 1);
	assert_int_equal(n[3], 0);
	world_close(&w);
}

static void another_port_is_another_digest(void **state)
{
	static const char text[] = AGENT
		"pools: [{name: one, origins: [{name: a, address: 10.0.0.1, port: %u}]}]\n"
		"load_balancers: [{name: a.b, proxied: true, forwarding: %s, default_pools: [one],\n"
		" fallback_pool: one, vips: [192.0.2.1], listeners: [tcp/80]}]";

	(void)state;
	for (int nat = 0; nat < 2; nat++) {
		struct world w[2];
		char said[512];

		for (unsigned i = 0; i < 2; i++) {
			snprintf(said, sizeof(said), text, 80 + i, nat ? "nat" : "gue");
			w[i] = world_of(said);
		}
		assert_int_equal(w[0].tables->digest != w[1].tables->digest, nat);
		world_close(&w[0]);
		world_close(&w[1]);
	}
}

/* Each by itself: where from, and the VIP and port that it is of. */
static void every_origin_that_may_serve_has_its_replies(void **state)
{
	static const char *const want[] = {
		"10.0.0.1 tcp/8080 of 192.0.2.1 tcp/80", "10.0.0.1 tcp/8081 of 192.0.2.1 tcp/80",
		"10.0.0.1 udp/8080 of 192.0.2.1 udp/80", "10.0.0.1 udp/8081 of 192.0.2.1 udp/80",
		"10.0.0.2 tcp/80 of 192.0.2.1 tcp/80",   "10.0.0.2 tcp/90 of 192.0.2.2 tcp/90",
		"10.0.0.2 udp/80 of 192.0.2.1 udp/80",   "10.0.0.3 tcp/70 of 192.0.2.1 tcp/80",
		"10.0.0.3 udp/70 of 192.0.2.1 udp/80",
	};
	struct world w = world_of(
		AGENT POOLS
		"- {name: three, origins: [{name: b, address: 10.0.0.2}]}\n"
		"load_balancers:\n"
		"- {name: z.b, proxied: true, forwarding: fullnat, default_pools: [one],\n"
		"   fallback_pool: one, vips: [192.0.2.2], listeners: [tcp/80]}\n"
		"- {name: y.b, proxied: true, forwarding: nat, default_pools: [three],\n"
		"   fallback_pool: three, vips: [192.0.2.2], listeners: [tcp/90]}\n"
		"- {name: x.b, proxied: true, forwarding: nat, default_pools: [three],\n"
		"   fallback_pool: three, vips: [192.0.2.2], listeners: [tcp/91], enabled: false}\n"
		"- " BALANCER("nat") "\n");
	char from[WEIR_ADDR_TEXT], vip[WEIR_ADDR_TEXT], is[256];

	(void)state;
	assert_int_equal(w.tables->n_reverses, sizeof(want) / sizeof(*want));
	for (uint32_t i = 0; i < w.tables->n_reverses; i++) {
		const struct weir_tables_reverse *r = &w.tables->reverses[i];
		const struct weir_tables_service *s = &w.tables->services[r->service];

		snprintf(is, sizeof(is), "%s %s/%u of %s %s/%u", weir_addr_text(&r->addr, from),
			 r->proto == IPPROTO_TCP ? "tcp" : "udp", ntohs(r->port),
			 weir_addr_text(&s->vip, vip), s->proto == IPPROTO_TCP ? "tcp" : "udp",
			 ntohs(s->port));
		assert_string_equal(is, want[i]);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_origins_port_counts_where_it_is_rewritten),
		cmocka_unit_test(rows_are_shared_by_all_ports_of_an_address),
		cmocka_unit_test(another_port_is_another_digest),
		cmocka_unit_test(every_origin_that_may_serve_has_its_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
