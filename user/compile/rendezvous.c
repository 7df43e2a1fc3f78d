/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/rendezvous.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "weir/abi.h"

#define BAND_PERCENT 3
#define FREE         UINT32_MAX
#define SLICE_SHIFT  3 /* a slice of time has size >> 3 claims or fewer */

struct claimant {
	uint64_t id, pace;               /* 2^48 / weight */
	uint64_t time;                   /* of its next claim */
	uint32_t index, weight;          /* index: of the caller */
	uint32_t first, step, lag;       /* claims rows first, first + step, ...; lag: 16 bits */
	uint32_t next;                   /* number of its next claim */
	uint32_t count, floor, due, cap; /* rows */
};

struct claim {
	uint64_t time;
	uint32_t who, row; /* who: place in race.c */
};

struct race {
	struct claimant *c; /* sorted by id */
	uint32_t n;
	uint32_t *rows; /* who has it, or FREE */
	uint32_t size, n_free;
	uint32_t owed;    /* rows that claimants lack to their floors */
	uint32_t *active; /* who may still claim */
	uint32_t n_active;
	struct claim *claims, *sorted; /* of one slice */
	uint32_t *buckets, room;
};

/* log2(x) with 32 fractional bits, x > 0. The cubic meets log2 and its slope at powers of two; it
 * is monotonic, and its slope is less than 2 % off in between. */
static uint64_t log2_fixed(uint64_t x)
{
	unsigned int whole = 63 - (unsigned int)__builtin_clzll(x);
	uint64_t f = (x << (63 - whole) << 1) >> 32;
	uint64_t bend = (29013ull << 16) - ((10748 * f) >> 16); /* 0.4427 - 0.1640 f */
	uint64_t arch = (f * ((1ull << 32) - f)) >> 32;

	return ((uint64_t)whole << 32) + f + ((arch * bend) >> 32);
}

/* When claim k is made: the (k + lag) / size quantile of an exponential race, -log(1 - x) / weight.
 * The quantiles of a candidate are evenly spaced, so counts stray less than with random ones. */
static uint64_t claim_time(const struct claimant *c, uint32_t k, uint32_t size)
{
	uint64_t whole = (uint64_t)size << 16, part = ((uint64_t)k << 16) + c->lag;
	uint64_t level = log2_fixed(whole) - log2_fixed(whole - part);

	return (uint64_t)(((unsigned __int128)level * c->pace) >> 32);
}

static int by_id(const void *a, const void *b)
{
	const struct claimant *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void enter(struct race *r, const struct weir_candidate *c, bool now)
{
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t weight = now ? c[i].now : c[i].weight;
		uint64_t h = weir_mix64(c[i].id);

		assert((weight || now) && weight <= WEIR_CANDIDATE_WEIGHT);
		r->c[i] = (struct claimant){
			.id = c[i].id,
			.pace = weight ? (1ull << 48) / weight : 0,
			.index = i,
			.weight = weight,
			.first = h & (r->size - 1),
			.step = (h >> 16 & (r->size - 1)) | 1,
			.lag = h >> 48,
		};
	}
	qsort(r->c, r->n, sizeof(*r->c), by_id);
}

/* How many rows each is due. */
static void set_bounds(struct race *r)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < r->n; i++)
		total += r->c[i].weight;
	for (uint32_t i = 0; i < r->n; i++) {
		struct claimant *c = &r->c[i];
		uint64_t due = (uint64_t)c->weight * r->size;
		uint64_t least = (due * (100 - BAND_PERCENT) + total * 100 - 1) / (total * 100);
		uint64_t most = due * (100 + BAND_PERCENT) / (total * 100);
		uint64_t up = (due + total - 1) / total;

		c->due = (uint32_t)(due / total);
		c->floor = (uint32_t)(least < c->due ? least : c->due);
		c->cap = (uint32_t)(most > up ? most : up);
	}
}

/* Who may claim from here on, and what they lack. */
static void line_up(struct race *r)
{
	r->owed = 0;
	r->n_active = 0;
	for (uint32_t i = 0; i < r->n; i++) {
		struct claimant *c = &r->c[i];

		if (!c->weight)
			continue;
		r->active[r->n_active++] = i;
		c->next = 0;
		c->time = claim_time(c, 0, r->size);
		if (c->count < c->floor)
			r->owed += c->floor - c->count;
	}
}

static bool may_claim(const struct race *r, const struct claimant *c)
{
	return c->count < c->floor || (c->count < c->cap && r->n_free > r->owed);
}

/* Forgets those who are done; whoever may not claim now never will again. Returns the weight of
 * the rest. */
static uint64_t drop_inactive(struct race *r)
{
	uint64_t weight = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->n_active; i++) {
		const struct claimant *c = &r->c[r->active[i]];

		if (c->next == r->size || !may_claim(r, c))
			continue;
		weight += c->weight;
		r->active[kept++] = r->active[i];
	}
	r->n_active = kept;
	assert(kept);
	return weight;
}

/* The claims before end on rows that are free now. */
static uint32_t collect(struct race *r, uint64_t end)
{
	uint32_t m = 0, size = r->size;

	for (uint32_t i = 0; i < r->n_active; i++) {
		struct claimant *c = &r->c[r->active[i]];

		while (c->time < end && c->next < size) {
			uint32_t row = (c->first + c->next * c->step) & (size - 1);

			if (r->rows[row] == FREE) {
				assert(m < r->room);
				r->claims[m++] = (struct claim){ c->time, r->active[i], row };
			}
			if (++c->next < size)
				c->time = claim_time(c, c->next, size);
		}
	}
	return m;
}

static bool later(const struct claim *a, const struct claim *b)
{
	return a->time > b->time || (a->time == b->time && a->who > b->who);
}

/* By time, then who: buckets by the first bits of the time since start, then neighbours. */
static void sort_claims(struct race *r, uint32_t m, uint64_t start, unsigned int slice_bits)
{
	unsigned int bits = 0, shift;

	while (1u << bits < m && bits < slice_bits)
		bits++;
	shift = slice_bits - bits;
	memset(r->buckets, 0, ((1ul << bits) + 1) * sizeof(*r->buckets));
	for (uint32_t i = 0; i < m; i++)
		r->buckets[((r->claims[i].time - start) >> shift) + 1]++;
	for (uint32_t i = 0; i < 1u << bits; i++)
		r->buckets[i + 1] += r->buckets[i];
	for (uint32_t i = 0; i < m; i++)
		r->sorted[r->buckets[(r->claims[i].time - start) >> shift]++] = r->claims[i];
	for (uint32_t i = 1; i < m; i++) {
		struct claim moving = r->sorted[i];
		uint32_t at = i;

		for (; at && later(&r->sorted[at - 1], &moving); at--)
			r->sorted[at] = r->sorted[at - 1];
		r->sorted[at] = moving;
	}
}

static void grant(struct race *r, const struct claim *claim)
{
	struct claimant *c = &r->c[claim->who];

	if (r->rows[claim->row] != FREE || !may_claim(r, c))
		return;
	if (c->count < c->floor)
		r->owed--;
	c->count++;
	r->rows[claim->row] = claim->who;
	r->n_free--;
}

/* Slices are only there to sort fewer claims: where they begin changes nothing. */
static void run(struct race *r)
{
	uint64_t table_time = 5ull
			      << 46; /* less than a candidate of weight 1 takes for size claims */
	uint64_t start = 0;

	while (r->n_free) {
		uint64_t slice = table_time / drop_inactive(r) >> SLICE_SHIFT;
		unsigned int bits = slice > 1 ? 63 - (unsigned int)__builtin_clzll(slice) : 0;
		uint32_t m = collect(r, start + (1ull << bits));

		sort_claims(r, m, start, bits);
		for (uint32_t i = 0; i < m; i++)
			grant(r, &r->sorted[i]);
		start += 1ull << bits;
	}
}

static struct race begin(const struct weir_candidate *c, uint32_t n, uint32_t size, bool now)
{
	uint32_t room = (size >> SLICE_SHIFT) + 2 * n;
	struct race r = {
		.c = weir_new_array(n, struct claimant),
		.n = n,
		.rows = weir_new_array(size, uint32_t),
		.size = size,
		.active = weir_new_array(n, uint32_t),
		.claims = weir_new_array(room, struct claim),
		.sorted = weir_new_array(room, struct claim),
		.buckets = weir_new_array(2 * (size_t)room + 1, uint32_t),
		.room = room,
	};

	assert(size && size <= WEIR_TABLE_MAX && !(size & (size - 1)));
	enter(&r, c, now);
	set_bounds(&r);
	return r;
}

static void end(struct race *r, uint32_t *rows)
{
	for (uint32_t i = 0; i < r->size; i++)
		rows[i] = r->c[r->rows[i]].index;
	free(r->rows);
	free(r->c);
	free(r->active);
	free(r->claims);
	free(r->sorted);
	free(r->buckets);
}

void weir_rendezvous_fill(const struct weir_candidate *c, uint32_t n, uint32_t *rows, uint32_t size)
{
	struct race r = begin(c, n, size, false);

	memset(r.rows, 0xff, size * sizeof(*r.rows)); /* FREE */
	r.n_free = size;
	line_up(&r);
	run(&r);
	end(&r, rows);
}

/* A row that may be given up, and the number of the claim that it was got by. */
struct surplus {
	uint32_t who, nth, row;
};

static int by_claim(const void *a, const void *b)
{
	const struct surplus *x = a, *y = b;

	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	return x->nth > y->nth ? -1 : x->nth < y->nth; /* the last one first */
}

/* Of an odd number, modulo 2^32: each step doubles the bits that are right. */
static uint32_t inverse(uint32_t odd)
{
	uint32_t x = odd;

	for (int i = 0; i < 4; i++)
		x *= 2 - odd * x;
	return x;
}

/* Those who have more than most give up the rest. */
static void give_up(struct race *r, uint32_t (*most)(const struct claimant *))
{
	struct surplus *s = NULL;
	uint32_t m = 0, room = 0;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->c[i].count > most(&r->c[i]))
			room += r->c[i].count;
	if (room)
		s = weir_new_array(room, struct surplus);
	for (uint32_t row = 0; row < r->size && room; row++) {
		uint32_t who = r->rows[row];
		const struct claimant *c = &r->c[who];

		if (who != FREE && c->count > most(c))
			s[m++] = (struct surplus){
				who, (row - c->first) * inverse(c->step) & (r->size - 1), row
			};
	}
	if (m)
		qsort(s, m, sizeof(*s), by_claim);
	for (uint32_t i = 0; i < m; i++) {
		struct claimant *c = &r->c[s[i].who];

		if (c->count <= most(c))
			continue;
		c->count--;
		r->rows[s[i].row] = FREE;
		r->n_free++;
	}
	free(s);
}

static uint32_t to_cap(const struct claimant *c)
{
	return c->cap;
}

static uint32_t to_due(const struct claimant *c)
{
	return c->due;
}

void weir_rendezvous_refill(const struct weir_candidate *c, uint32_t n, uint32_t *rows,
			    uint32_t size)
{
	struct race r = begin(c, n, size, true);
	uint32_t *place = weir_new_array(n, uint32_t);

	for (uint32_t i = 0; i < n; i++)
		place[r.c[i].index] = i;
	for (uint32_t i = 0; i < size; i++) {
		r.rows[i] = place[rows[i]];
		r.c[place[rows[i]]].count++;
	}
	free(place);
	give_up(&r, to_cap);
	line_up(&r);
	if (r.owed > r.n_free) { /* what others have in their bands is somebody's */
		give_up(&r, to_due);
		line_up(&r);
	}
	run(&r);
	end(&r, rows);
}

uint32_t weir_rendezvous_size(uint32_t n)
{
	uint64_t least = n * (100 + 5 * (uint64_t)n); /* README.md: what fewer rows cost */
	uint32_t size = WEIR_TABLE_MIN;

	while (size < WEIR_TABLE_MAX && size < least)
		size *= 2;
	return size;
}
