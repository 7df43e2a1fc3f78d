/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_by_health.c - what becomes of a slow start, and of what is said by hand, in the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "model/yaml.h"

static const char text[] =
	"agent: {vips: [192.0.2.1]}\n"
	"pools: [{name: p, origins: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2},\n"
	"{name: c, address: 10.0.0.3}, {name: d, address: 10.0.0.4, weight: 0.01}]}]\n"
	"load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], default_pools: [p],\n"
	"fallback_pool: p}]\n";

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
	struct weir_arena *arena;
	const struct weir_tables *tables;
};

static void compile(struct world *w)
{
	weir_arena_free(w->arena);
	w->arena = weir_arena_new();
	w->tables = weir_compile(
		weir_view_build(w->model, &(struct weir_facts){ .health = w->health }, w->arena),
		w->memo, w->arena);
}

static struct world world_open(void)
{
	struct world w = { .memo = weir_memo_new() };
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err) ||
	    !weir_model_parse(v, &w.model, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v);
	weir_lines_free(lines);
	w.health = weir_health_new(w.model, 0);
	return w;
}

static void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_memo_free(w->memo);
	weir_model_free(w->model);
	free(w->health);
}

static const struct weir_tables_endpoint *endpoint(const struct world *w, uint32_t origin)
{
	uint32_t i = 0;

	while (!weir_addr_eq(&w->tables->endpoints[i].addr,
			     &w->model->pools[0].origins[origin].addr))
		i++;
	return &w->tables->endpoints[i];
}

/* The share of rows of an origin, in 1/1,000. */
static uint32_t share(const struct world *w, uint32_t origin)
{
	const struct weir_tables_table *t = &w->tables->tables[0];
	const struct weir_tables_endpoint *e = endpoint(w, origin);
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->size; i++) {
		uint32_t row = weir_tables_row(t, i);

		n += row != WEIR_ROW_NOBODY && &w->tables->endpoints[row] == e;
	}
	return n * 1000 / t->size;
}

static void rows_follow_the_effective_weight(void **state)
{
	struct world w = world_open();

	(void)state;
	for (uint32_t percent = 10; percent <= 100; percent += 10) {
		uint32_t due = 1000 * percent / (percent + 201);

		w.health[0].withheld = WEIR_WEIGHT_ONE / 100 * (100 - percent);
		compile(&w);
		assert_in_range(share(&w, 0), due * 94 / 100, due * 106 / 100);
		assert_in_range(share(&w, 1), (1000 - due) * 46 / 100, (1000 - due) * 54 / 100);
	}
	w.health[3].withheld = WEIR_WEIGHT_ONE / 10 * 9; /* of the least that there is */
	compile(&w);
	assert_in_range(share(&w, 3), 0, 1); /* of 201 parts a tenth of one, not one */
	world_close(&w);
}

static void who_drains_has_no_rows_and_keeps_its_flows_who_is_down_loses_them(void **state)
{
	static const struct weir_override draining = { .state = WEIR_FORCED_DRAINING },
					  down = { .state = WEIR_FORCED_DOWN };
	struct world w = world_open();

	(void)state;
	w.health[0].forced = &draining;
	w.health[1].forced = &down;
	compile(&w);
	assert_int_equal(share(&w, 0), 0);
	assert_int_equal(share(&w, 1), 0);
	assert_true(share(&w, 2) > 950);
	assert_true(endpoint(&w, 0)->alive);
	assert_true(endpoint(&w, 0)->enabled);
	assert_false(endpoint(&w, 1)->alive);
	assert_true(endpoint(&w, 2)->alive);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_follow_the_effective_weight),
		cmocka_unit_test(who_drains_has_no_rows_and_keeps_its_flows_who_is_down_loses_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
