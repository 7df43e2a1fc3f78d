/* SPDX-License-Identifier: GPL-2.0-or-later */
/* figures.h - what the benchmarks share: time, medians, and the line of JSON for a figure. */
#ifndef WEIR_BENCH_FIGURES_H
#define WEIR_BENCH_FIGURES_H

#include <stdint.h>

/* CPU time of this thread. */
uint64_t figure_cpu_ns(void);

/* Of n values, which stay as they are. */
double figure_median(const double *values, uint32_t n);

/* One line of the table: a value, and what it is held against. */
struct figure {
	const char *name, *unit;
	double value;
	const char *against; /* the name of the figure it is held against; NULL: none */
	double floor, ratio; /* that figure's value, and the ratio to it */
	double bar;          /* the most that the ratio may be; 0: none */
	int bar_of_value;    /* ... that the value may be */
	int at_least;        /* the least, not the most */
	const char *note;    /* may be NULL */
};
/* A figure of n rounds, and of the rounds of another (NULL: none). The ratio is the median of each
 * round's: between rounds these machines drift. */
void figure_of(struct figure *f, const double *rounds, const char *against, const double *others,
	       uint32_t n);
void figure_print(const struct figure *f);

#endif
