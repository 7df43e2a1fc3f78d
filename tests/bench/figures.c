/* SPDX-License-Identifier: GPL-2.0-or-later */
/* figures.c - what the benchmarks share. */
#include "figures.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_ROUNDS 64

uint64_t figure_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double figure_median(const double *values, uint32_t n)
{
	double v[MOST_ROUNDS];

	assert(n && n <= MOST_ROUNDS);
	memcpy(v, values, n * sizeof(v[0]));
	qsort(v, n, sizeof(v[0]), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void figure_of(struct figure *f, const double *rounds, const char *against, const double *others,
	       uint32_t n)
{
	double ratios[MOST_ROUNDS];

	f->value = figure_median(rounds, n);
	if (!others)
		return;
	for (uint32_t i = 0; i < n; i++)
		ratios[i] = rounds[i] / others[i];
	f->against = against;
	f->floor = figure_median(others, n);
	f->ratio = figure_median(ratios, n);
}

static void print_text(const char *key, const char *text)
{
	if (text)
		printf("\"%s\":\"%s\",", key, text);
	else
		printf("\"%s\":null,", key);
}

static void print_number(const char *key, int there, double value)
{
	if (there)
		printf("\"%s\":%.4g,", key, value);
	else
		printf("\"%s\":null,", key);
}

void figure_print(const struct figure *f)
{
	double held = f->bar_of_value ? f->value : f->ratio;
	int holds = !f->bar || (f->at_least ? held >= f->bar : held <= f->bar);

	putchar('{');
	print_text("name", f->name);
	print_text("unit", f->unit);
	print_number("value", 1, f->value);
	print_text("against", f->against);
	print_number("floor", !!f->against, f->floor);
	print_number("ratio", !!f->against, f->ratio);
	print_number("bar", !!f->bar, f->bar);
	print_text("note", f->note);
	print_text("bar_of", f->bar_of_value ? "value" : "ratio");
	printf("\"at_least\":%s,\"holds\":%s}\n", f->at_least ? "true" : "false",
	       holds ? "true" : "false");
	fflush(stdout);
}
