/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/steer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define ONE        WEIR_SHARE_ONE
#define DEPTH      6 /* pools that may shed, one after the other, for exact shares */
#define DEPTH_MANY 3 /* where more of them shed */

uint16_t weir_lb_pool_weight(const struct weir_lb *lb, const struct weir_pool *pool)
{
	for (uint32_t i = 0; i < lb->n_pool_weights; i++)
		if (lb->pool_weights[i].pool == pool)
			return lb->pool_weights[i].weight;
	return lb->default_weight;
}

bool weir_lb_has_weights(const struct weir_lb *lb)
{
	return lb->policy == WEIR_POLICY_RANDOM || weir_policy_compares(lb->policy);
}

/* A permutation: every step of it can be undone. */
uint32_t weir_shed_place(const struct weir_pool *pool, uint32_t slice)
{
	const uint32_t mask = WEIR_STEER_SLICES - 1;
	uint64_t key = weir_mix64(weir_hash_bytes(0, pool->id, strlen(pool->id)));

	for (int i = 0; i < 4; i++, key >>= 16) {
		slice = (slice ^ (uint32_t)key) & mask;
		slice = slice * ((uint32_t)(key >> 4) | 1) & mask;
		slice ^= slice >> 5;
	}
	return slice;
}

/* Of one balancer: the mixes so far, and room for the next one. */
struct decision {
	const struct weir_lb *lb; /* as it is for the present class */
	const struct weir_view_pool *pools;
	const uint32_t *latency_us;
	uint32_t n_regions;
	struct weir_arena *arena;
	struct weir_mix *mixes;
	uint64_t *hashes;
	uint32_t n_mixes, room;
	/* The present class and slice. */
	const struct weir_view_pool **order;
	uint64_t *weight; /* by place in order */
	uint32_t *shed;   /* by place in order, of ONE */
	uint64_t *got;    /* likewise */
	bool *tried;
	uint32_t n, depth;
	uint64_t left; /* what nobody takes */
	bool sessions;
};

/* --- what a pool sheds of a slice --- */

static bool sheds_by_client(const struct weir_lb *lb, const struct weir_pool *p)
{
	return (p->shed.by_client && p->shed.percent) || (lb->affinity && p->shed.session_percent);
}

/* Places of slices that such a share, in hundredths of a percent, takes in. */
static uint32_t slices_of(uint32_t share)
{
	return (share * WEIR_STEER_SLICES + 5000) / 10000;
}

/* What is shed of a slice, of ONE. Clients with an affinity that are shed go with all of their
 * slice: then new clients of it go, too, and so many fewer of the others. */
static uint32_t shed_of(const struct weir_lb *lb, const struct weir_pool *p, uint32_t slice,
			bool *sessions)
{
	uint32_t of_sessions = lb->affinity ? p->shed.session_percent : 0;
	uint32_t place = weir_shed_place(p, slice), percent = p->shed.percent;

	if (of_sessions && place < slices_of(of_sessions)) {
		*sessions = true;
		return ONE;
	}
	if (p->shed.by_client)
		return place < slices_of(percent) ? ONE : 0;
	if (percent <= of_sessions)
		return 0;
	return (uint32_t)((uint64_t)(percent - of_sessions) * ONE / (10000 - of_sessions));
}

/* --- shares --- */

/* In order: what one sheds is for the next. */
static void chain(struct decision *d, bool all)
{
	uint64_t amount = ONE;

	for (uint32_t i = 0; i < d->n && amount; i++) {
		uint64_t shed = amount * d->shed[i] / ONE;

		if (!d->order[i]->usable && !all)
			continue;
		d->got[i] += amount - shed;
		amount = shed;
	}
	d->left += amount;
}

/* By weight; what one sheds is drawn for again among those that have not been tried. */
static void draw(struct decision *d, uint64_t amount, uint32_t depth, bool all)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (!d->tried[i] && (all || d->order[i]->usable))
			total += d->weight[i];
	if (!total) {
		d->left += amount;
		return;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		uint64_t part, shed;

		if (d->tried[i] || !(all || d->order[i]->usable) || !d->weight[i])
			continue;
		part = amount * d->weight[i] / total;
		shed = depth == d->depth ? 0 : part * d->shed[i] / ONE;
		d->got[i] += part - shed;
		if (!shed)
			continue;
		d->tried[i] = true;
		draw(d, shed, depth + 1, all);
		d->tried[i] = false;
	}
}

static void share_out(struct decision *d, bool all)
{
	uint32_t shedding = 0;

	memset(d->got, 0, d->n * sizeof(*d->got));
	d->left = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		d->tried[i] = d->shed[i] == ONE;
		shedding += d->shed[i] > 0 && d->shed[i] < ONE;
	}
	d->depth = shedding > DEPTH ? DEPTH_MANY : DEPTH;
	if (weir_lb_has_weights(d->lb))
		draw(d, ONE, 0, all);
	else
		chain(d, all);
}

/* --- mixes --- */

static bool mix_eq(const struct weir_mix *a, const struct weir_mix *b)
{
	if (a->n != b->n || a->nobody != b->nobody)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->shares[i].pool != b->shares[i].pool ||
		    a->shares[i].share != b->shares[i].share ||
		    a->shares[i].base != b->shares[i].base ||
		    a->shares[i].last != b->shares[i].last)
			return false;
	return true;
}

static uint64_t mix_hash(const struct weir_mix *x)
{
	uint64_t h = x->n;

	for (uint32_t i = 0; i < x->n; i++) {
		h = weir_mix64(h ^ (uintptr_t)x->shares[i].pool);
		h = weir_mix64(h ^ ((uint64_t)x->shares[i].share << 32 | x->shares[i].base));
	}
	return h;
}

/* The number of this mix, which may be there; it is copied if not. */
static uint32_t number_of(struct decision *d, const struct weir_mix *is)
{
	uint64_t hash = mix_hash(is);
	struct weir_share *shares;

	for (uint32_t i = d->n_mixes; i-- > 0;)
		if (d->hashes[i] == hash && mix_eq(&d->mixes[i], is))
			return i;
	if (d->n_mixes == d->room) {
		d->room = d->room ? 2 * d->room : 4;
		d->mixes = weir_grow(d->mixes, d->room, sizeof(*d->mixes));
		d->hashes = weir_grow(d->hashes, d->room, sizeof(*d->hashes));
	}
	shares = weir_arena_new_array(d->arena, is->n, struct weir_share);
	if (is->n)
		memcpy(shares, is->shares, is->n * sizeof(*shares));
	d->mixes[d->n_mixes] = (struct weir_mix){ shares, is->n, is->nobody };
	d->hashes[d->n_mixes] = hash;
	return d->n_mixes++;
}

/* Somebody takes new flows when the pool is the last resort. */
static bool can_be_last(const struct weir_view_pool *p)
{
	for (uint32_t i = 0; p->pool->enabled && i < p->pool->n_origins; i++)
		if (p->origins[i].takes_last)
			return true;
	return false;
}

static const struct weir_view_pool *last_of(const struct decision *d)
{
	return &d->pools[d->lb->fallback_pool->index];
}

/* What nobody takes is for the fallback pool. */
static void add_last(const struct decision *d, struct weir_share *s, uint32_t *n)
{
	const struct weir_view_pool *last = last_of(d);
	uint32_t i = 0;

	if (!d->left || !can_be_last(last))
		return;
	while (i < *n && s[i].pool != last)
		i++;
	if (i == *n)
		s[(*n)++] = (struct weir_share){ .pool = last };
	s[i].last = !s[i].share;
	s[i].share += (uint32_t)d->left;
}

/* What the fallback pool cannot take either stays with those who would rather not have it; what
 * rounding lost is for the largest share. */
static void fill_up(struct weir_share *s, uint32_t n)
{
	uint32_t sum = 0, most = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += s[i].share;
	if (!sum)
		return;
	for (uint32_t i = 0, all = sum; i < n; i++) {
		uint32_t grown = (uint32_t)((uint64_t)s[i].share * ONE / all);

		sum += grown - s[i].share;
		s[i].share = grown;
		most = grown > s[most].share ? i : most;
	}
	s[most].share += ONE - sum;
}

static uint32_t mix(struct decision *d)
{
	struct weir_share *s = weir_new_array(d->n + 1, struct weir_share);
	bool weights = weir_lb_has_weights(d->lb);
	uint32_t n = 0, nth;
	struct weir_mix is;

	if (weights) {
		share_out(d, true);
		for (uint32_t i = 0; i < d->n; i++)
			s[i].base = (uint32_t)d->got[i];
	}
	share_out(d, false);
	if (d->left == ONE && !can_be_last(last_of(d))) { /* nobody may shed it, then */
		memset(d->shed, 0, d->n * sizeof(*d->shed));
		share_out(d, false);
	}
	for (uint32_t i = 0; i < d->n; i++)
		if (s[i].base || d->got[i])
			s[n++] = (struct weir_share){ d->order[i], (uint32_t)d->got[i], s[i].base,
						      false };
	add_last(d, s, &n);
	fill_up(s, n);
	for (uint32_t i = 0; i < n; i++)
		if (!weights || !s[i].base)
			s[i].base = s[i].share;
	is = (struct weir_mix){ s, n, false };
	nth = number_of(d, &is);
	free(s);
	return nth;
}

/* --- classes and slices --- */

/* Clients of this region, else all of them; less 1, so that what nobody knows is the longest. */
static uint32_t latency_of(const struct decision *d, const struct weir_view_pool *p,
			   uint16_t region)
{
	const uint32_t *l = &d->latency_us[(size_t)p->pool->index * (d->n_regions + 1)];

	return (l[region] ? l[region] : l[0]) - 1;
}

/* The quickest first, those that nobody knows last; else the order stays. */
static void by_latency(struct decision *d, uint16_t region)
{
	for (uint32_t i = 1; i < d->n; i++) {
		const struct weir_view_pool *p = d->order[i];
		uint32_t us = latency_of(d, p, region), k = i;

		for (; k && latency_of(d, d->order[k - 1], region) > us; k--)
			d->order[k] = d->order[k - 1];
		d->order[k] = p;
	}
}

static void enter(struct decision *d, const struct weir_class *c)
{
	d->lb = c->lb;
	d->n = c->n;
	for (uint32_t i = 0; i < c->n; i++)
		d->order[i] = &d->pools[c->pools[i]->index];
	if (d->lb->policy == WEIR_POLICY_DYNAMIC_LATENCY && d->latency_us)
		by_latency(d, c->client_region);
	for (uint32_t i = 0; i < c->n; i++)
		d->weight[i] = weir_lb_pool_weight(d->lb, d->order[i]->pool);
}

static struct weir_steer_way way_of(struct decision *d, uint32_t slice)
{
	struct weir_steer_way w;

	d->sessions = false;
	for (uint32_t i = 0; i < d->n; i++) {
		bool sessions = false;

		d->shed[i] = shed_of(d->lb, d->order[i]->pool, slice, &sessions);
		d->sessions |= sessions && d->order[i]->usable;
	}
	w.mix = mix(d);
	w.sessions = d->sessions;
	return w;
}

/* To nobody, whatever the health. */
static struct weir_steer_way no_way(struct decision *d)
{
	static const struct weir_mix nobody = { .nobody = true };

	return (struct weir_steer_way){ .mix = number_of(d, &nobody) };
}

static bool is_sliced(const struct weir_lb *lb)
{
	for (uint32_t i = 0; i < lb->n_pools; i++)
		if (sheds_by_client(lb, lb->pools[i]))
			return true;
	return false;
}

static void open(struct decision *d, const struct weir_lb_classes *classes)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < classes->n; i++)
		if (classes->classes[i].n > most)
			most = classes->classes[i].n;
	d->order = weir_new_array(most, const struct weir_view_pool *);
	d->weight = weir_new_array(most, uint64_t);
	d->shed = weir_new_array(most, uint32_t);
	d->got = weir_new_array(most, uint64_t);
	d->tried = weir_new_array(most, bool);
}

/* Keeps the mixes in the arena. */
static const struct weir_mix *finish(struct decision *d)
{
	struct weir_mix *kept = weir_arena_new_array(d->arena, d->n_mixes, struct weir_mix);

	memcpy(kept, d->mixes, d->n_mixes * sizeof(*kept));
	free(d->mixes);
	free(d->hashes);
	free(d->order);
	free(d->weight);
	free(d->shed);
	free(d->got);
	free(d->tried);
	return kept;
}

struct weir_steer weir_steer_decide(const struct weir_lb *lb, const struct weir_lb_classes *classes,
				    const struct weir_view_pool *pools, const uint32_t *latency_us,
				    uint32_t n_regions, struct weir_arena *arena)
{
	struct weir_steer s = { .n_classes = classes->n,
				.class_of = classes->class_of,
				.classes_digest = classes->digest };
	struct decision d = { .lb = lb,
			      .pools = pools,
			      .latency_us = latency_us,
			      .n_regions = n_regions,
			      .arena = arena };
	uint32_t slices;
	struct weir_steer_way *ways;

	s.sliced = is_sliced(lb);
	slices = s.sliced ? WEIR_STEER_SLICES : 1;
	ways = weir_arena_new_array(arena, (size_t)classes->n * slices, struct weir_steer_way);
	open(&d, classes);
	for (uint32_t c = 0; c < classes->n; c++) {
		enter(&d, &classes->classes[c]);
		for (uint32_t i = 0; i < slices; i++)
			ways[c * slices + i] =
				classes->classes[c].nobody ? no_way(&d) : way_of(&d, i);
	}
	s.ways = ways;
	s.n_mixes = d.n_mixes;
	s.mixes = finish(&d);
	return s;
}
