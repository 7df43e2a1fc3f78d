/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.c - models, clocks and result lines. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static json_t *pool(const char *name, uint32_t nth, uint32_t n)
{
	json_t *origins = json_array();
	char id[16], address[32];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t host = nth * n + i + 1;

		snprintf(id, sizeof(id), "o%u", i);
		snprintf(address, sizeof(address), "10.%u.%u.%u", host >> 16, host >> 8 & 255,
			 host & 255);
		json_array_append_new(origins,
				      json_pack("{s:s, s:s, s:f}", "name", id, "address", address,
						"weight", (25 + host * 37 % 76) / 100.0));
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "id", name, "name", name, "monitor", "m",
			 "origins", origins);
}

static json_t *balancer(const char *pool_name, uint32_t nth)
{
	char name[32], listener[16];

	snprintf(name, sizeof(name), "lb%u.example.com", nth);
	snprintf(listener, sizeof(listener), "tcp/%u", nth + 1);
	return json_pack("{s:s, s:b, s:[s], s:s, s:[s]}", "name", name, "proxied", 1,
			 "default_pools", pool_name, "fallback_pool", pool_name, "listeners",
			 listener);
}

static json_t *document(uint32_t n_lbs, uint32_t n)
{
	json_t *pools = json_array(), *lbs = json_array();
	char name[16];

	for (uint32_t i = 0; i < n_lbs; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		json_array_append_new(pools, pool(name, i, n));
		json_array_append_new(lbs, balancer(name, i));
	}
	return json_pack("{s:{s:[s], s:[s]}, s:[{s:s, s:s, s:i}], s:o, s:o}", "agent", "interfaces",
			 "lo", "vips", "192.0.2.1", "monitors", "id", "m", "type", "tcp", "port",
			 80, "pools", pools, "load_balancers", lbs);
}

static struct weir_model *parse(json_t *root)
{
	struct weir_model *model;
	struct weir_err err;

	if (!weir_model_parse(root, &model, &err)) {
		fprintf(stderr, "bench: %s: %s\n", err.path, err.text);
		exit(1);
	}
	json_decref(root);
	return model;
}

/* And who its balancers tell apart, which an agent also finds out once. */
static void take_model(struct world *w, json_t *root)
{
	weir_arena_free(w->told_apart);
	weir_model_free(w->model);
	w->model = parse(root);
	w->told_apart = weir_arena_new();
	w->classes = weir_classes_build(w->model, NULL, w->told_apart);
}

struct world world_open(uint32_t n_lbs, uint32_t n)
{
	struct world w = { .memo = weir_memo_new() };

	take_model(&w, document(n_lbs, n));
	w.health = weir_health_new(w.model, 0);
	for (uint32_t i = 0; i < w.model->n_pools; i++)
		for (uint32_t k = 0; k < w.model->pools[i].n_origins; k++)
			weir_health_assume(&w.health[w.model->pools[i].origins[k].index],
					   &w.model->pools[i]);
	return w;
}

void world_close(struct world *w)
{
	weir_arena_free(w->arena);
	weir_arena_free(w->told_apart);
	weir_model_free(w->model);
	weir_memo_free(w->memo);
	free(w->health);
}

void world_reload(struct world *w, uint32_t n_lbs, uint32_t n)
{
	json_t *root = document(n_lbs, n), *pools = json_object_get(root, "pools");
	json_t *origins = json_object_get(json_array_get(pools, n_lbs - 1), "origins");

	json_object_set_new(json_array_get(origins, 0), "enabled", json_false());
	weir_arena_free(w->arena);
	w->arena = NULL;
	take_model(w, root);
}

void world_compile(struct world *w)
{
	struct weir_facts now = { .health = w->health, .classes = w->classes };
	struct weir_arena *arena = weir_arena_new();

	w->tables = weir_compile(weir_view_build(w->model, &now, arena), w->memo, arena);
	weir_arena_free(w->arena);
	w->arena = arena;
	weir_memo_forget(w->memo);
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

void report(const char *name, double value, const char *unit, double bar)
{
	char limit[32] = "null";

	if (bar > 0)
		snprintf(limit, sizeof(limit), "%g", bar);
	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"floor\":null,\"ratio\":null,"
	       "\"bar\":%s,\"holds\":%s}\n",
	       name, value, unit, limit, bar > 0 && value > bar ? "false" : "true");
	fflush(stdout);
}
