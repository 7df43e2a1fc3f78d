/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/rendezvous.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "compile/order.h"
#include "weir/abi.h"

#define BAND_PERCENT 3
#define SLICE_SHIFT  3      /* a slice of time has about size >> 3 claims, or fewer */
#define LN2          45426u /* 16 fractional bits */
#define WORD(row)    ((row) / 64)
#define BIT(row)     (1ull << (row) % 64)

struct claimant {
	uint64_t id, pace;               /* 2^48 / weight */
	uint32_t weight, lag;            /* lag: 16 bits */
	uint32_t next, row;              /* number of its next claim, and the row */
	uint32_t count, floor, due, cap; /* rows */
};

struct claim {
	uint64_t time;
	uint32_t who, row;
};

struct race {
	struct claimant *c; /* in the caller's order, as all that is by claimant */
	struct weir_order *order;
	uint32_t n;
	uint32_t *rows; /* who has it, unless it is free */
	uint64_t *free; /* by row, a bit */
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

/* How many claims are made before a time, which is not long after that of claim k, if k or more
 * are. Newton's method comes within one or two. */
static uint32_t claims_until(const struct claimant *c, uint32_t k, uint64_t end, uint32_t size)
{
	for (int i = 0; i < 4 && k < size; i++) {
		int64_t left = (int64_t)(end - claim_time(c, k, size));
		int64_t level = (int64_t)(((__int128)left * c->weight) >> 16);
		int64_t by = (int64_t)(((__int128)level * LN2 * (size - k)) >> 48);

		k = by < -(int64_t)k ? 0 : by > size - k ? size : k + (uint32_t)by;
		if (by >= -2 && by <= 2)
			break;
	}
	while (k && claim_time(c, k - 1, size) >= end)
		k--;
	while (k < size && claim_time(c, k, size) < end)
		k++;
	return k;
}

static void enter(struct race *r, const struct weir_candidate *c, bool now)
{
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t weight = now ? c[i].now : c[i].weight;

		assert((weight || now) && weight <= WEIR_CANDIDATE_WEIGHT);
		r->c[i] = (struct claimant){
			.id = c[i].id,
			.pace = weight ? (1ull << 48) / weight : 0,
			.weight = weight,
			.lag = weir_mix64(c[i].id) >> 48,
		};
		if (weight)
			weir_order_init(&r->order[i], c[i].id, r->size);
	}
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
		c->row = r->order[i].first;
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

static void add_claim(struct race *r, uint32_t at, uint32_t who, uint32_t k, uint32_t row)
{
	if (at == r->room) {
		r->room *= 2;
		r->claims = weir_grow(r->claims, r->room, sizeof(*r->claims));
	}
	r->claims[at] = (struct claim){ claim_time(&r->c[who], k, r->size), who, row };
}

/* The claims before end on rows that are free now. */
static uint32_t collect(struct race *r, uint64_t end)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < r->n_active; i++) {
		uint32_t who = r->active[i];
		struct claimant *c = &r->c[who];
		uint32_t row = c->row, until = claims_until(c, c->next, end, r->size);

		for (uint32_t k = c->next; k < until;
		     row = weir_order_next(&r->order[who], row, ++k))
			if (r->free[WORD(row)] & BIT(row))
				add_claim(r, m++, who, k, row);
		c->next = until;
		c->row = row;
	}
	return m;
}

static bool later(const struct race *r, const struct claim *a, const struct claim *b)
{
	return a->time > b->time || (a->time == b->time && r->c[a->who].id > r->c[b->who].id);
}

/* By time, then id: buckets by the first bits of the time since start, then neighbours. */
static void sort_claims(struct race *r, uint32_t m, uint64_t start, unsigned int slice_bits)
{
	unsigned int bits = 0, shift;

	while (1u << bits < m && bits < slice_bits)
		bits++;
	shift = slice_bits - bits;
	r->sorted = weir_grow(r->sorted, r->room, sizeof(*r->sorted));
	r->buckets = weir_grow(r->buckets, (1ul << bits) + 1, sizeof(*r->buckets));
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

		for (; at && later(r, &r->sorted[at - 1], &moving); at--)
			r->sorted[at] = r->sorted[at - 1];
		r->sorted[at] = moving;
	}
}

static void grant(struct race *r, const struct claim *claim)
{
	struct claimant *c = &r->c[claim->who];

	if (!(r->free[WORD(claim->row)] & BIT(claim->row)) || !may_claim(r, c))
		return;
	if (c->count < c->floor)
		r->owed--;
	c->count++;
	r->rows[claim->row] = claim->who;
	r->free[WORD(claim->row)] &= ~BIT(claim->row);
	r->n_free--;
}

/* Slices are only there to sort fewer claims: where they begin and end changes nothing. The fewer
 * rows are free, the longer they are. */
static void run(struct race *r)
{
	/* less than a candidate of weight 1 takes for size claims */
	const uint64_t table_time = 5ull << 46;
	uint64_t start = 0;

	while (r->n_free) {
		uint64_t slice = table_time / drop_inactive(r) >> SLICE_SHIFT;
		unsigned int bits;
		uint32_t m;

		for (int i = 1; i <= SLICE_SHIFT && r->n_free < r->size >> i; i++)
			slice *= 2;
		bits = slice > 1 ? 63 - (unsigned int)__builtin_clzll(slice) : 0;
		m = collect(r, start + (1ull << bits));
		sort_claims(r, m, start, bits);
		for (uint32_t i = 0; i < m; i++)
			grant(r, &r->sorted[i]);
		start += 1ull << bits;
	}
}

static struct race begin(const struct weir_candidate *c, uint32_t n, uint32_t *rows, uint32_t size,
			 bool now)
{
	uint32_t room = (size >> SLICE_SHIFT) + n;
	struct race r = {
		.c = weir_new_array(n, struct claimant),
		.order = weir_new_array(n, struct weir_order),
		.n = n,
		.rows = rows,
		.free = weir_new_array(WORD(size - 1) + 1, uint64_t),
		.size = size,
		.active = weir_new_array(n, uint32_t),
		.claims = weir_new_array(room, struct claim),
		.room = room,
	};

	assert(size >= 4 && size <= WEIR_TABLE_MAX && !(size & (size - 1)));
	enter(&r, c, now);
	set_bounds(&r);
	return r;
}

static void end(struct race *r)
{
	free(r->c);
	free(r->order);
	free(r->free);
	free(r->active);
	free(r->claims);
	free(r->sorted);
	free(r->buckets);
}

void weir_rendezvous_fill(const struct weir_candidate *c, uint32_t n, uint32_t *rows, uint32_t size)
{
	struct race r = begin(c, n, rows, size, false);

	for (uint32_t i = 0; i < size; i++)
		r.free[WORD(i)] |= BIT(i);
	r.n_free = size;
	line_up(&r);
	run(&r);
	end(&r);
}

/* Those of its rows that it claimed first, as many as it keeps. */
static void mark_kept(struct race *r, uint32_t who, uint32_t keep, uint64_t *kept)
{
	uint32_t row = r->order[who].first;

	for (uint32_t k = 0; keep; row = weir_order_next(&r->order[who], row, ++k)) {
		if (r->rows[row] != who || r->free[WORD(row)] & BIT(row))
			continue;
		kept[WORD(row)] |= BIT(row);
		keep--;
	}
}

/* Those who have more than most give up the rest: the rows that they claimed last. */
static void give_up(struct race *r, uint32_t (*most)(const struct claimant *))
{
	uint64_t *kept = weir_new_array(WORD(r->size - 1) + 1, uint64_t);
	bool *gives = weir_new_array(r->n, bool);

	for (uint32_t i = 0; i < r->n; i++) {
		struct claimant *c = &r->c[i];

		gives[i] = c->count > most(c);
		if (!gives[i])
			continue;
		r->n_free += c->count - most(c);
		c->count = most(c);
		mark_kept(r, i, c->count, kept);
	}
	for (uint32_t row = 0; row < r->size; row++)
		if (gives[r->rows[row]] && !(kept[WORD(row)] & BIT(row)))
			r->free[WORD(row)] |= BIT(row);
	free(kept);
	free(gives);
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
	struct race r = begin(c, n, rows, size, true);

	for (uint32_t i = 0; i < size; i++)
		r.c[rows[i]].count++;
	give_up(&r, to_cap);
	line_up(&r);
	if (r.owed > r.n_free) { /* what others have in their bands is somebody's */
		give_up(&r, to_due);
		line_up(&r);
	}
	run(&r);
	end(&r);
}

/* The largest pools that the sizes suit, by what it moves when one of them leaves: README.md. */
uint32_t weir_rendezvous_size(uint32_t n)
{
	static const uint16_t most[] = { 13, 20, 29, 41, 64, 160, 256, 400, 640 };
	uint32_t size = WEIR_TABLE_MIN;

	for (uint32_t i = 0; i < sizeof(most) / sizeof(*most) && n > most[i]; i++)
		size *= 2;
	return size;
}
