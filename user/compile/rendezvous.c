/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/rendezvous.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "weir/abi.h"

#define ROWS_PER_ENDPOINT 128
#define NOBODY            UINT32_MAX

struct runner {
	uint64_t id;
	uint32_t index, weight, left; /* rows still due */
	uint32_t at, step;            /* claims rows at, at + step, ... */
	uint64_t progress, rest;
};

static int by_id(const void *a, const void *b)
{
	const struct runner *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_rest(const void *a, const void *b)
{
	const struct runner *x = a, *y = b;

	return x->rest > y->rest ? -1 : x->rest < y->rest ? 1 : by_id(a, b);
}

/* Exact shares by largest remainder. */
static uint32_t share(struct runner *r, uint32_t n, uint32_t size)
{
	uint64_t total = 0, given = 0;
	uint32_t top = 0;

	for (uint32_t i = 0; i < n; i++)
		total += r[i].weight;
	for (uint32_t i = 0; i < n; i++) {
		r[i].left = r[i].weight * (uint64_t)size / total;
		r[i].rest = r[i].weight * (uint64_t)size % total;
		given += r[i].left;
		if (r[i].weight > top)
			top = r[i].weight;
	}
	qsort(r, n, sizeof(*r), by_rest);
	for (uint32_t i = 0; given < size; i++, given++)
		r[i].left++;
	qsort(r, n, sizeof(*r), by_id);
	return top;
}

static uint32_t claim(struct runner *r, uint32_t *rows, uint32_t size)
{
	uint32_t at = r->at;

	r->at = (r->at + r->step) & (size - 1);
	if (rows[at] != NOBODY)
		return 0;
	rows[at] = r->index;
	r->left--;
	return 1;
}

void weir_rendezvous_fill(const struct weir_candidate *c, uint32_t n, uint32_t *rows, uint32_t size)
{
	struct runner *r = weir_new_array(n, struct runner);
	uint32_t top, left = size;

	assert(n && !(size & (size - 1)));
	for (uint32_t i = 0; i < n; i++)
		r[i] = (struct runner){
			.id = c[i].id,
			.index = i,
			.weight = c[i].weight,
			.at = weir_mix64(c[i].id) & (size - 1),
			.step = (weir_mix64(c[i].id + 1) & (size - 1)) | 1,
		};
	top = share(r, n, size);
	memset(rows, 0xff, size * sizeof(*rows));
	for (uint64_t turn = 0; left && turn < 16ull * size; turn++)
		for (uint32_t i = 0; i < n; i++) {
			r[i].progress += r[i].weight;
			if (r[i].progress < top || !r[i].left)
				continue;
			r[i].progress -= top;
			left -= claim(&r[i], rows, size);
		}
	for (uint32_t i = 0; i < n; i++)
		while (r[i].left)
			claim(&r[i], rows, size);
	free(r);
}

uint32_t weir_rendezvous_size(uint32_t n)
{
	uint32_t size = WEIR_TABLE_MIN;

	while (size < WEIR_TABLE_MAX && size < (uint64_t)n * ROWS_PER_ENDPOINT)
		size *= 2;
	return size;
}
