/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/classes.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/rules.h"

#define MAX_CLASSES 65535

/* What rules make of a balancer, by which of them hold, over a pool set of it. */
struct ruled {
	const struct weir_pool_set *set;
	uint64_t bits[(WEIR_MAX_RULES + 63) / 64];
	const struct weir_lb *lb;
};

struct builder {
	const struct weir_model *m;
	const struct weir_lb *lb;          /* as it is for the clients in hand */
	const struct weir_pool_set **sets; /* of the balancer in hand, by location */
	struct ruled *ruled;
	uint32_t n_ruled, ruled_room;
	const struct weir_prefix *prefixes; /* of rules */
	uint32_t n_prefixes;
	struct weir_arena *arena;
	struct weir_class *classes;
	uint32_t n, room;
	const struct weir_pool **order; /* room for those of the largest balancer */
	uint32_t *distance;             /* likewise */
	bool *taken;                    /* likewise */
};

/* The class of these candidates, which may be there. They are copied if not. */
static uint16_t class_for(struct builder *b, const struct weir_class *is)
{
	const struct weir_pool **pools;

	for (uint32_t i = 0; i < b->n; i++)
		if (b->classes[i].lb == is->lb && b->classes[i].n == is->n &&
		    b->classes[i].client_region == is->client_region &&
		    b->classes[i].nobody == is->nobody &&
		    memcmp(b->classes[i].pools, is->pools, is->n * sizeof(*is->pools)) == 0)
			return (uint16_t)i;
	if (b->n == MAX_CLASSES)
		return 0;
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->classes = weir_grow(b->classes, b->room, sizeof(*b->classes));
	}
	pools = weir_arena_new_array(b->arena, is->n, const struct weir_pool *);
	memcpy(pools, is->pools, is->n * sizeof(*pools));
	b->classes[b->n] = *is;
	b->classes[b->n].pools = pools;
	return (uint16_t)b->n++;
}

static struct weir_class by_default(const struct weir_lb *lb)
{
	return (struct weir_class){ .lb = lb,
				    .pools = lb->default_pools,
				    .n = lb->n_default_pools };
}

/* A client of whom nothing is known is where this balancer is. */
static struct weir_location settled(const struct weir_agent_conf *agent,
				    const struct weir_location *at)
{
	struct weir_location out = *at;

	if (!at->country[0] && !at->region) {
		memcpy(out.country, agent->country, strnlen(agent->country, 2));
		out.region = (uint8_t)agent->region;
	}
	return out;
}

static bool look_up(const struct weir_place_pools *map, uint32_t n, const char *place,
		    struct weir_class *out)
{
	for (uint32_t i = 0; *place && i < n; i++)
		if (strcmp(map[i].place, place) == 0) {
			out->pools = map[i].pools;
			out->n = map[i].n;
			return true;
		}
	return false;
}

/* The site's list, else the country's, else the region's, else that of all. */
static struct weir_class by_place(const struct builder *b, const struct weir_location *at)
{
	const struct weir_location is = settled(&b->m->agent, at);
	const struct weir_lb *lb = b->lb;
	struct weir_class c = by_default(lb);

	if (!look_up(lb->pop_pools, lb->n_pop_pools, b->m->agent.pop, &c) &&
	    !look_up(lb->country_pools, lb->n_country_pools, is.country, &c))
		look_up(lb->region_pools, lb->n_region_pools, weir_region_text(is.region), &c);
	return c;
}

/* Along the surface of the Earth, in kilometres: as exact as coordinates in whole degrees are
 * worth, and the same on all machines. */
static uint32_t distance(const struct weir_point *a, const struct weir_point *b)
{
	const double degree = 3.14159265358979323846 / 180 / 1000;
	double x = (a->latitude - b->latitude) * degree / 2;
	double y = (a->longitude - b->longitude) * degree / 2;
	double h = sin(x) * sin(x) +
		   cos(a->latitude * degree) * cos(b->latitude * degree) * sin(y) * sin(y);

	return (uint32_t)lround(2 * 6371 * asin(sqrt(h < 1 ? h : 1)));
}

/* The nearest pools first; the rest, and those of which it is not known where they are, keep the
 * order of the balancer. */
static struct weir_class by_distance(struct builder *b, const struct weir_location *at)
{
	const struct weir_point *from = at->at.known ? &at->at : &b->m->agent.at;
	const struct weir_lb *lb = b->lb;
	uint32_t n = 0;

	if (!from->known)
		return by_default(lb);
	for (uint32_t i = 0; i < lb->n_default_pools; i++) {
		const struct weir_point *to = &lb->default_pools[i]->at;

		b->distance[i] = to->known ? distance(from, to) : UINT32_MAX;
		b->taken[i] = false;
	}
	for (; n < WEIR_NEAREST && n < lb->n_default_pools; n++) {
		uint32_t best = UINT32_MAX;

		for (uint32_t i = 0; i < lb->n_default_pools; i++)
			if (!b->taken[i] && b->distance[i] != UINT32_MAX &&
			    (best == UINT32_MAX || b->distance[i] < b->distance[best]))
				best = i;
		if (best == UINT32_MAX)
			break;
		b->taken[best] = true;
		b->order[n] = lb->default_pools[best];
	}
	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		if (!b->taken[i])
			b->order[n++] = lb->default_pools[i];
	return (struct weir_class){ .lb = lb, .pools = b->order, .n = n };
}

static struct weir_class candidates(struct builder *b, const struct weir_location *at)
{
	struct weir_class c = by_default(b->lb);

	switch (b->lb->policy) {
	case WEIR_POLICY_GEO:
		return by_place(b, at);
	case WEIR_POLICY_PROXIMITY:
		return by_distance(b, at);
	case WEIR_POLICY_DYNAMIC_LATENCY:
		c.client_region = at->client_region;
		return c;
	default:
		return c;
	}
}

/* --- pool sets --- */

static bool has_country(const struct weir_pool_set *s, const char *country)
{
	uint32_t i = (uint32_t)(country[0] - 'A') * 26 + (uint32_t)(country[1] - 'A');

	return country[0] && i < WEIR_COUNTRIES && s->countries[i / 64] >> i % 64 & 1;
}

const struct weir_pool_set *weir_lb_pool_set(const struct weir_lb *lb,
					     const struct weir_agent_conf *agent,
					     const struct weir_location *at)
{
	const struct weir_location is = settled(agent, at);

	for (uint32_t i = 0; i < lb->n_pool_sets; i++) {
		const struct weir_pool_set *s = &lb->pool_sets[i];

		if (!s->disabled && !s->elsewhere &&
		    (!s->by_country || has_country(s, is.country)) &&
		    (!s->by_region || s->regions >> is.region & 1))
			return s;
	}
	return NULL;
}

/* --- rules --- */

static bool has_rules(const struct weir_lb *lb)
{
	return lb->proxied && lb->n_rules;
}

/* Which rules hold in a location. A part that others have all of has no clients. */
static void hold(const struct builder *b, const struct weir_lb *lb, const struct weir_location *at,
		 uint64_t *bits)
{
	struct weir_expr_query q = { .lb_name = lb->name };
	union weir_addr src;

	q.lb_region = weir_region_text(at->region ? at->region : b->m->agent.region);
	if (at->part && weir_rules_address(b->prefixes, b->n_prefixes, at->part, &src))
		q.src = &src;
	weir_rules_hold(lb, &q, bits);
}

/* What a pool set and the rules that hold make of a balancer. */
static const struct weir_lb *ruled(struct builder *b, const struct weir_lb *lb,
				   const struct ruled *is)
{
	struct ruled *to;

	for (uint32_t i = 0; i < b->n_ruled; i++)
		if (b->ruled[i].set == is->set &&
		    memcmp(b->ruled[i].bits, is->bits, sizeof(is->bits)) == 0)
			return b->ruled[i].lb;
	if (b->n_ruled == b->ruled_room) {
		b->ruled_room = b->ruled_room ? 2 * b->ruled_room : 4;
		b->ruled = weir_grow(b->ruled, b->ruled_room, sizeof(*b->ruled));
	}
	to = &b->ruled[b->n_ruled++];
	*to = *is;
	return to->lb = weir_rules_apply(lb, is->set, is->bits, b->arena);
}

static const struct weir_location *location(const struct weir_places *places, uint32_t i)
{
	static const struct weir_location unknown;

	return places ? &places->locations[i] : &unknown;
}

/* Once for all that rules make of the balancer. */
static void find_sets(struct builder *b, const struct weir_lb *lb, const struct weir_places *places)
{
	uint32_t n = places ? places->n_locations : 1;

	for (uint32_t i = 0; i < n; i++)
		b->sets[i] = lb->n_pool_sets
				     ? weir_lb_pool_set(lb, &b->m->agent, location(places, i))
				     : NULL;
}

/* The class of clients in a location. bits: the rules that hold; NULL: they go by the location. */
static struct weir_class class_at(struct builder *b, const struct weir_lb *lb, const uint64_t *bits,
				  const struct weir_pool_set *set, const struct weir_location *at)
{
	struct ruled is = { .set = set };

	b->lb = lb;
	if (is.set && is.set->response)
		return (struct weir_class){ .lb = lb, .pools = lb->default_pools, .nobody = true };
	if (bits)
		memcpy(is.bits, bits, sizeof(is.bits));
	else if (has_rules(lb))
		hold(b, lb, at, is.bits);
	if (is.set || bits || has_rules(lb))
		b->lb = ruled(b, lb, &is);
	return candidates(b, at);
}

/* Balancers with equal maps share one. */
struct maps {
	const uint16_t **all;
	uint64_t *hashes;
	uint32_t n;
};

static const uint16_t *share(struct maps *s, const uint16_t *map, uint32_t n, uint64_t hash,
			     struct weir_arena *arena)
{
	uint16_t *kept;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->hashes[i] == hash && memcmp(s->all[i], map, n * sizeof(*map)) == 0)
			return s->all[i];
	kept = weir_arena_new_array(arena, n, uint16_t);
	memcpy(kept, map, n * sizeof(*map));
	s->hashes[s->n] = hash;
	return s->all[s->n++] = kept;
}

static struct weir_lb_classes classify(struct builder *b, const struct weir_lb *lb,
				       const uint64_t *bits, const struct weir_places *places,
				       struct maps *maps, uint16_t *map)
{
	uint32_t n = places ? places->n_locations : 1;
	struct weir_class *kept, c;
	struct weir_lb_classes out;

	b->n = b->n_ruled = 0;
	for (uint32_t i = 0; i < n; i++) {
		c = class_at(b, lb, bits, b->sets[i], location(places, i));
		map[i] = class_for(b, &c);
	}
	kept = weir_arena_new_array(b->arena, b->n, struct weir_class);
	memcpy(kept, b->classes, b->n * sizeof(*kept));
	out = (struct weir_lb_classes){ .classes = kept, .n = b->n };
	if (b->n > 1) {
		out.digest = weir_hash_bytes(n, map, n * sizeof(*map));
		out.class_of = share(maps, map, n, out.digest, b->arena);
	}
	return out;
}

/* Whether it matters to the balancer where clients are. */
static bool asks(const struct weir_lb *lb)
{
	return has_rules(lb) || lb->n_pool_sets || lb->policy == WEIR_POLICY_GEO ||
	       lb->policy == WEIR_POLICY_PROXIMITY || lb->policy == WEIR_POLICY_DYNAMIC_LATENCY;
}

/* Of a balancer to which it does not matter. */
static struct weir_lb_classes all_alike(const struct weir_lb *lb, struct weir_arena *arena)
{
	struct weir_class *one = weir_arena_new_array(arena, 1, struct weir_class);

	*one = by_default(lb);
	return (struct weir_lb_classes){ .classes = one, .n = 1 };
}

static uint32_t n_variants(const struct weir_lb *lb)
{
	return !lb->proxied && lb->n_rules ? 1u << lb->n_rules : 0;
}

/* What each set of rules that may hold makes of a DNS-only balancer. */
static const struct weir_lb_classes *variants(struct builder *b, const struct weir_lb *lb,
					      const struct weir_places *places, struct maps *maps,
					      uint16_t *map)
{
	uint32_t n = n_variants(lb);
	struct weir_lb_classes *out = weir_arena_new_array(b->arena, n, struct weir_lb_classes);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t bits[(WEIR_MAX_RULES + 63) / 64] = { i };

		const struct weir_lb *as = weir_rules_apply(lb, NULL, bits, b->arena);

		out[i] = asks(as) ? classify(b, lb, bits, places, maps, map)
				  : all_alike(as, b->arena);
		out[i].lb = as;
	}
	return n ? out : NULL;
}

/* At most so many maps are made. */
static size_t n_maps(const struct weir_model *m)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_lbs; i++)
		n += 1 + n_variants(&m->lbs[i]);
	return n;
}

const struct weir_lb_classes *weir_classes_build(const struct weir_model *m,
						 const struct weir_places *places,
						 struct weir_arena *arena)
{
	struct weir_lb_classes *out = weir_arena_new_array(arena, m->n_lbs, struct weir_lb_classes);
	uint32_t most = 0, n_locations = places ? places->n_locations : 1;
	struct builder b = { .m = m, .arena = arena };
	struct maps maps = { weir_new_array(n_maps(m), const uint16_t *),
			     weir_new_array(n_maps(m), uint64_t), 0 };
	uint16_t *map = weir_new_array(n_locations, uint16_t);

	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (m->lbs[i].n_pools > most)
			most = m->lbs[i].n_pools;
	b.prefixes = weir_rules_prefixes(m, arena, &b.n_prefixes);
	b.order = weir_new_array(most, const struct weir_pool *);
	b.distance = weir_new_array(most, uint32_t);
	b.taken = weir_new_array(most, bool);
	b.sets = weir_new_array(n_locations, const struct weir_pool_set *);
	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *lb = &m->lbs[i];

		if (asks(lb) || n_variants(lb))
			find_sets(&b, lb, places);
		out[i] = asks(lb) ? classify(&b, lb, NULL, places, &maps, map)
				  : all_alike(lb, arena);
		out[i].lb = lb;
		out[i].ruled = variants(&b, lb, places, &maps, map);
	}
	free(b.order);
	free(b.distance);
	free(b.taken);
	free(b.sets);
	free(b.classes);
	free(b.ruled);
	free(maps.all);
	free(maps.hashes);
	free(map);
	return out;
}
