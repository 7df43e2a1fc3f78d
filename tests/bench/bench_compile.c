/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_compile.c - how long a view takes to become tables: whole, and after one health change. */
#include <stdio.h>

#include "world.h"

/* Nothing is known from before. */
static double measure_full(struct world *w, uint32_t runs)
{
	double ms[MOST_RUNS];

	for (uint32_t i = 0; i < runs; i++) {
		weir_memo_free(w->memo);
		w->memo = weir_memo_new();
		ms[i] = now_ms();
		world_compile(w);
		ms[i] = now_ms() - ms[i];
	}
	return median(ms, runs);
}

/* One origin after the other fails, and recovers. */
static double measure_change(struct world *w)
{
	double ms[MOST_RUNS];

	for (uint32_t i = 0; i < MOST_RUNS; i++) {
		struct weir_health *h = &w->health[i % w->model->n_origins];

		h->state = WEIR_UNHEALTHY;
		ms[i] = now_ms();
		world_compile(w);
		ms[i] = now_ms() - ms[i];
		h->state = WEIR_HEALTHY;
		world_compile(w);
	}
	return median(ms, MOST_RUNS);
}

static void bench(uint32_t n_lbs, uint32_t n, uint32_t runs, const char *what, double full_bar,
		  double change_bar)
{
	struct world w = world_open(n_lbs, n);
	char name[64];

	snprintf(name, sizeof(name), "compile/%s", what);
	report(name, measure_full(&w, runs), "ms", full_bar);
	snprintf(name, sizeof(name), "compile/%s-health-change", what);
	report(name, measure_change(&w), "ms", change_bar);
	world_close(&w);
}

int main(void)
{
	bench(1, 10, MOST_RUNS, "10-endpoints", 0, 0);
	bench(1, 100, MOST_RUNS, "100-endpoints", 0, 20);
	bench(1, 1000, MOST_RUNS, "1000-endpoints", 0, 0);
	bench(10000, 10, 3, "10000-services-100000-endpoints", 5000, 20);
	return 0;
}
