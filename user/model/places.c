/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define DEPTH 130 /* prefixes that hold each other */

struct said {
	struct weir_prefix of;
	struct weir_location is;
	uint32_t nth; /* in the order in which they were added */
	uint32_t in;  /* as in struct weir_place */
	uint32_t source;
};

struct weir_places_builder {
	struct said *said;
	uint32_t n, room, source;
};

struct weir_places_builder *weir_places_new(void)
{
	return weir_new(struct weir_places_builder);
}

void weir_places_drop(struct weir_places_builder *b)
{
	if (b)
		free(b->said);
	free(b);
}

void weir_places_source(struct weir_places_builder *b)
{
	b->source++;
}

void weir_places_add(struct weir_places_builder *b, const struct weir_prefix *of,
		     const struct weir_location *is)
{
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 1024;
		b->said = weir_grow(b->said, b->room, sizeof(*b->said));
	}
	b->said[b->n] = (struct said){ .of = *of, .is = *is, .nth = b->n, .source = b->source };
	b->n++;
}

static int by_prefix(const void *a, const void *b)
{
	const struct said *x = a, *y = b;
	int order = weir_addr_cmp(&x->of.addr, &y->of.addr);

	if (!order)
		order = x->of.bits - y->of.bits;
	return order ? order : (x->nth > y->nth) - (x->nth < y->nth);
}

/* What to does not know it gets from from. */
static void fill(struct weir_location *to, const struct weir_location *from)
{
	if (!to->country[0]) {
		memcpy(to->country, from->country, sizeof(to->country));
		if (!to->region)
			to->region = from->region;
	}
	if (!to->client_region)
		to->client_region = from->client_region;
	if (!to->part)
		to->part = from->part;
	if (!to->at.known)
		to->at = from->at;
}

static bool location_eq(const struct weir_location *a, const struct weir_location *b)
{
	return memcmp(a->country, b->country, sizeof(a->country)) == 0 && a->region == b->region &&
	       a->client_region == b->client_region && a->part == b->part &&
	       a->at.known == b->at.known && a->at.latitude == b->at.latitude &&
	       a->at.longitude == b->at.longitude;
}

/* Each prefix once. */
static void merge(struct weir_places_builder *b)
{
	uint32_t kept = 0;

	if (b->n)
		qsort(b->said, b->n, sizeof(*b->said), by_prefix);
	for (uint32_t i = 0; i < b->n; i++) {
		if (kept && weir_prefix_eq(&b->said[kept - 1].of, &b->said[i].of))
			fill(&b->said[kept - 1].is, &b->said[i].is);
		else
			b->said[kept++] = b->said[i];
	}
	b->n = kept;
}

/* IPv4 addresses are a part of what a short prefix of IPv6 holds, which says nothing of them. */
static bool speaks_of(const struct weir_prefix *outer, const struct weir_prefix *inner)
{
	return outer->bits >= 96 || !weir_addr_is_v4(&inner->addr);
}

static void round_to(struct weir_point *p, int32_t step)
{
	if (!p->known)
		return;
	p->latitude = (p->latitude + 90000 + step / 2) / step * step - 90000;
	p->longitude = (p->longitude + 180000 + step / 2) / step * step - 180000;
	if (p->longitude >= 180000) /* the same meridian */
		p->longitude -= 360000;
}

/* What a prefix is said to be, in one that holds it. */
static void settle_in(struct said *s, const struct said *in)
{
	uint16_t client_region = s->is.client_region;
	uint32_t part = s->is.part;

	if (in->source < s->source) {
		struct weir_location is = in->is;

		fill(&is, &s->is);
		s->is = is;
		s->source = in->source;
	} else {
		fill(&s->is, &in->is);
	}
	s->is.client_region = client_region ? client_region : in->is.client_region;
	s->is.part = part ? part : in->is.part;
}

/* Prefixes in order are a walk through the tree of them: those that hold the present one are on a
 * stack. Each gets what it does not know itself, and those that then say the same as the one they
 * are in are left out. */
static void inherit(struct weir_places_builder *b)
{
	uint32_t stack[DEPTH], depth = 0, kept = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct said s = b->said[i];

		while (depth && !weir_prefix_holds(&b->said[stack[depth - 1]].of, &s.of.addr))
			depth--;
		if (depth) {
			const struct said *in = &b->said[stack[depth - 1]];

			if (speaks_of(&in->of, &s.of))
				settle_in(&s, in);
			if (location_eq(&s.is, &in->is))
				continue;
		}
		s.in = depth ? stack[depth - 1] + 1 : 0;
		b->said[kept] = s;
		stack[depth++] = kept++;
	}
	b->n = kept;
}

/* Numbers of different places, by open addressing. */
struct numbers {
	uint32_t *slots, mask; /* number of a location, 0: free */
	struct weir_location *all;
	uint32_t n;
};

static uint64_t location_hash(const struct weir_location *is)
{
	uint64_t h = weir_hash_bytes((uint64_t)is->part << 32 | (uint64_t)is->region << 16 |
					     is->client_region,
				     is->country, sizeof(is->country));
	uint64_t at = (uint64_t)(uint32_t)is->at.latitude << 32 | (uint32_t)is->at.longitude;

	return is->at.known ? weir_mix64(h ^ at) : h;
}

static uint32_t number_of(struct numbers *x, const struct weir_location *is)
{
	uint64_t h = location_hash(is);
	uint32_t i;

	for (i = (uint32_t)h & x->mask; x->slots[i]; i = (i + 1) & x->mask)
		if (location_eq(&x->all[x->slots[i]], is))
			return x->slots[i];
	if (x->n > WEIR_MAX_LOCATIONS)
		return UINT32_MAX;
	x->slots[i] = x->n;
	x->all[x->n] = *is;
	return x->n++;
}

/* False: there are too many different ones. */
static bool number_all(const struct weir_places_builder *b, struct weir_place *places,
		       struct numbers *x)
{
	memset(x->slots, 0, ((size_t)x->mask + 1) * sizeof(*x->slots));
	x->n = 1;
	for (uint32_t i = 0; i < b->n; i++) {
		static const struct weir_location unknown;
		uint32_t nth =
			location_eq(&b->said[i].is, &unknown) ? 0 : number_of(x, &b->said[i].is);

		if (nth == UINT32_MAX)
			return false;
		places[i] = (struct weir_place){ b->said[i].of, nth, b->said[i].in };
	}
	return true;
}

/* A prefix of IPv6 that holds all of IPv4 must not answer for it. */
static void part_families(struct weir_places_builder *b)
{
	static const struct weir_prefix v4 = { { { [10] = 0xff, 0xff } }, 96 };
	bool wide = false, has_v4 = false;

	for (uint32_t i = 0; i < b->n; i++) {
		wide |= b->said[i].of.bits < 96 && weir_prefix_holds(&b->said[i].of, &v4.addr);
		has_v4 |= weir_prefix_eq(&b->said[i].of, &v4);
	}
	if (wide && !has_v4)
		weir_places_add(b, &v4, &(struct weir_location){ 0 });
}

static uint64_t digest(const struct weir_place *places, uint32_t n,
		       const struct weir_location *locations, uint32_t n_locations)
{
	uint64_t h = n;

	for (uint32_t i = 0; i < n; i++) {
		h = weir_hash_bytes(h, &places[i].of.addr, sizeof(places[i].of.addr));
		h = weir_mix64(h ^ ((uint64_t)places[i].of.bits << 32 | places[i].location));
	}
	for (uint32_t i = 0; i < n_locations; i++)
		h = weir_mix64(h ^ location_hash(&locations[i]));
	return h;
}

struct weir_places *weir_places_done(struct weir_places_builder *b)
{
	struct weir_places *p = weir_new(struct weir_places);
	struct weir_place *places;
	struct numbers x = { .mask = 4 * (WEIR_MAX_LOCATIONS + 1) - 1 };

	part_families(b);
	merge(b);
	x.slots = weir_new_array(x.mask + 1, uint32_t);
	x.all = weir_new_array(WEIR_MAX_LOCATIONS + 2, struct weir_location);
	places = weir_new_array(b->n, struct weir_place);
	for (int32_t step = 1000;; step *= 2) {
		for (uint32_t i = 0; i < b->n; i++)
			round_to(&b->said[i].is.at, step);
		if (step == 1000)
			inherit(b);
		if (number_all(b, places, &x))
			break;
	}
	free(x.slots);
	*p = (struct weir_places){ places, x.all, b->n, x.n, digest(places, b->n, x.all, x.n) };
	weir_places_drop(b);
	return p;
}

void weir_places_free(struct weir_places *p)
{
	if (!p)
		return;
	free((void *)p->places);
	free((void *)p->locations);
	free(p);
}

/* How many of the first bits two addresses share. */
static unsigned common_bits(const union weir_addr *a, const union weir_addr *b)
{
	unsigned i = 0;

	while (i < 16 && a->b[i] == b->b[i])
		i++;
	return i == 16 ? 128 : 8 * i + (unsigned)__builtin_clz(a->b[i] ^ b->b[i]) - 24;
}

/* How many places begin at the address or before it. */
static uint32_t begin_before(const struct weir_places *p, const union weir_addr *client)
{
	uint32_t low = 0, high = p->n_places;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (weir_addr_cmp(&p->places[mid].of.addr, client) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Of these the longest that holds the client is the last one, or one of those that hold that one's
 * beginning, too. 0: none; else its index + 1. */
static uint32_t holder(const struct weir_places *p, uint32_t last, const union weir_addr *client)
{
	while (last && !weir_prefix_holds(&p->places[last - 1].of, client))
		last = p->places[last - 1].in;
	return last;
}

uint32_t weir_places_find(const struct weir_places *p, const union weir_addr *client)
{
	uint32_t of = holder(p, begin_before(p, client), client);

	return of ? p->places[of - 1].location : 0;
}

/* The places next to the client on both sides are the nearest ones: bits that tell it from them
 * tell it from all. */
unsigned weir_places_locate(const struct weir_places *p, const union weir_addr *client,
			    uint32_t *location)
{
	uint32_t last, of;
	unsigned bits, apart;

	*location = 0;
	if (!p)
		return 0;
	last = begin_before(p, client);
	of = holder(p, last, client);
	bits = of ? p->places[of - 1].of.bits : 0;
	if (of)
		*location = p->places[of - 1].location;
	if (last && last != of) {
		apart = common_bits(client, &p->places[last - 1].of.addr) + 1;
		bits = apart > bits ? apart : bits;
	}
	if (last < p->n_places) {
		apart = common_bits(client, &p->places[last].of.addr) + 1;
		bits = apart > bits ? apart : bits;
	}
	return bits;
}
