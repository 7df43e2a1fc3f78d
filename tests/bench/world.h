/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.h - what the benchmarks of the agent's side have in common: a model of many balancers,
 * its health, clocks and result lines. */
#ifndef WEIR_BENCH_WORLD_H
#define WEIR_BENCH_WORLD_H

#include "base/mem.h"
#include "compile/compile.h"

#define MOST_RUNS 31

struct world {
	struct weir_model *model;
	struct weir_health *health;
	struct weir_memo *memo;
	struct weir_arena *arena; /* of the tables in use */
	const struct weir_lb_classes *classes;
	struct weir_arena *told_apart; /* of classes */
	const struct weir_tables *tables;
};

/* n_lbs balancers of one service and one pool each, of n endpoints 10.0.0.1 and so on. All are
 * healthy; nothing is compiled yet. */
struct world world_open(uint32_t n_lbs, uint32_t n);
void world_close(struct world *w);

/* The same with one endpoint of the last pool disabled, as after a reload. Health, memo and tables
 * stay. */
void world_reload(struct world *w, uint32_t n_lbs, uint32_t n);

/* Builds the tables for the health there is now; older ones are gone. */
void world_compile(struct world *w);

/* Of the CPU, kernel's part included: nothing here waits, and what else the machine does is no
 * part of it. */
double now_ms(void);
/* Sorts. */
double median(double *values, uint32_t n);

/* bar 0: none. */
void report(const char *name, double value, const char *unit, double bar);

#endif
