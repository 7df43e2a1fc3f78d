/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_compile.c - how long a view takes to become tables: whole, and after one health change. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "world.h"

/* What this process has of memory now, what it has freed given back. */
static double resident_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	malloc_trim(0);
	if (f) {
		if (fscanf(f, "%*u %lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

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

/* Model, health, view, and tables of now and of one failure before. */
static void report_memory(const char *what, double before)
{
	char name[64];

	snprintf(name, sizeof(name), "compile/%s-memory", what);
	report(name, resident_mib() - before, "MiB", 0);
}

static void bench(uint32_t n_lbs, uint32_t n, uint32_t runs, const char *what, double full_bar,
		  double change_bar)
{
	double before = resident_mib();
	struct world w = world_open(n_lbs, n);
	char name[64];

	snprintf(name, sizeof(name), "compile/%s", what);
	report(name, measure_full(&w, runs), "ms", full_bar);
	snprintf(name, sizeof(name), "compile/%s-health-change", what);
	report(name, measure_change(&w), "ms", change_bar);
	report_memory(what, before);
	world_close(&w);
}

int main(void)
{
	bench(1, 10, MOST_RUNS, "10-endpoints", 0, 0);
	bench(1, 100, MOST_RUNS, "100-endpoints", 0, 20);
	bench(1, 1000, MOST_RUNS, "1000-endpoints", 0, 0);
	bench(10, 10, MOST_RUNS, "10-services", 0, 0);
	bench(1000, 10, MOST_RUNS, "1000-services", 0, 0);
	bench(10000, 10, 3, "10000-services-100000-endpoints", 5000, 20);
	return 0;
}
