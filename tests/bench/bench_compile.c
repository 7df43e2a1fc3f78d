/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_compile.c - how long a view takes to become tables: whole, and after one health change. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "compile/compile.h"

#define MOST_RUNS 31

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
};

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

/* n_lbs balancers of one service and one pool of n endpoints each. */
static struct world world_open(uint32_t n_lbs, uint32_t n)
{
	json_t *pools = json_array(), *lbs = json_array(), *root;
	struct world w = { 0 };
	struct weir_err err;
	char name[16];

	for (uint32_t i = 0; i < n_lbs; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		json_array_append_new(pools, pool(name, i, n));
		json_array_append_new(lbs, balancer(name, i));
	}
	root = json_pack("{s:{s:[s], s:[s]}, s:[{s:s, s:s, s:i}], s:o, s:o}", "agent", "interfaces",
			 "lo", "vips", "192.0.2.1", "monitors", "id", "m", "type", "tcp", "port",
			 80, "pools", pools, "load_balancers", lbs);
	if (!weir_model_parse(root, &w.model, &err)) {
		fprintf(stderr, "bench_compile: %s: %s\n", err.path, err.text);
		exit(1);
	}
	json_decref(root);
	w.memo = weir_memo_new();
	w.health = weir_new_array(w.model->n_origins, struct weir_health);
	for (uint32_t i = 0; i < w.model->n_origins; i++)
		w.health[i].state = WEIR_HEALTHY;
	return w;
}

static void world_close(struct world *w)
{
	weir_model_free(w->model);
	weir_memo_free(w->memo);
	free(w->health);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median time from health to tables. change: one origin fails before every other run, and
 * what was built in the run before is known. */
static double measure(struct world *w, bool change, uint32_t runs)
{
	double ms[MOST_RUNS];

	for (uint32_t i = 0; i < runs; i++) {
		struct weir_arena *arena = weir_arena_new();
		double start;

		if (!change) {
			weir_memo_free(w->memo);
			w->memo = weir_memo_new();
		}
		start = now_ms();
		if (change)
			w->health[i / 2].state = i % 2 ? WEIR_HEALTHY : WEIR_UNHEALTHY;
		weir_compile(weir_view_build(w->model, w->health, arena), w->memo, arena);
		ms[i] = now_ms() - start;
		weir_arena_free(arena);
		weir_memo_forget(w->memo);
	}
	qsort(ms, runs, sizeof(*ms), by_value);
	return ms[runs / 2];
}

/* bar 0: none. */
static void report(const char *name, double ms, double bar)
{
	char limit[32] = "null";

	if (bar > 0)
		snprintf(limit, sizeof(limit), "%g", bar);
	printf("{\"name\":\"compile/%s\",\"value\":%.3f,\"unit\":\"ms\",\"floor\":null,"
	       "\"ratio\":null,\"bar\":%s,\"holds\":%s}\n",
	       name, ms, limit, bar > 0 && ms > bar ? "false" : "true");
	fflush(stdout);
}

static void bench(uint32_t n_lbs, uint32_t n, uint32_t runs, const char *what, double change_bar)
{
	struct world w = world_open(n_lbs, n);
	char name[64];

	snprintf(name, sizeof(name), "%s-full", what);
	report(name, measure(&w, false, runs), 0);
	snprintf(name, sizeof(name), "%s-health-change", what);
	report(name, measure(&w, true, runs), change_bar);
	world_close(&w);
}

int main(void)
{
	bench(1, 10, MOST_RUNS, "10-endpoints", 0);
	bench(1, 100, MOST_RUNS, "100-endpoints", 20);
	bench(1, 1000, MOST_RUNS, "1000-endpoints", 0);
	bench(10000, 10, 3, "10000-services-of-10", 0);
	return 0;
}
