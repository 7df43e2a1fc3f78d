/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steered.c - sets that depend on who asks. */
#include "base/hash.h"
#include "model/expr.h"
#include "model/places.h"
#include "model/rules.h"
#include "zone/snapshot.h"

#define V4_BITS 96 /* in front of those of an IPv4 address */

static uint8_t family_bits(const struct weir_subnet *s, unsigned bits)
{
	if (s->family != 1)
		return (uint8_t)bits;
	return (uint8_t)(bits > V4_BITS ? bits - V4_BITS : 0);
}

/* A subnet of no bits says that its client is not to be told by (RFC 7871, 7.1.2). */
static void locate(const struct weir_zones *z, const struct weir_steered_by *by,
		   const struct weir_steered_query *q, struct weir_zone_way *w)
{
	unsigned bits;

	w->location = 0;
	w->by_subnet = by->by_subnet && q->subnet;
	if (w->by_subnet && q->subnet->source) {
		bits = weir_places_locate(z->places, &q->subnet->addr, &w->location);
		w->scope = family_bits(q->subnet, bits);
	} else if (!w->by_subnet && by->by_resolver) {
		weir_places_locate(z->places, q->client, &w->location);
	}
}

/* "www.example.com": conditions compare names as texts. */
static void text_of(const uint8_t *name, char out[WEIR_NAME_MAX + 1])
{
	size_t n = 0;

	for (unsigned left; (left = *name);) {
		for (name++; left; left--)
			out[n++] = (char)*name++;
		out[n++] = '.';
	}
	out[n ? n - 1 : 0] = 0;
}

/* Which rules hold. What a condition says of the subnet is for no wider one than was sent. */
static uint32_t rules_of(const struct weir_zones *z, const struct weir_steered *s,
			 const struct weir_steered_query *q, struct weir_zone_way *w)
{
	uint64_t bits[(WEIR_MAX_RULES + 63) / 64];
	char name[WEIR_NAME_MAX + 1];
	const bool has_subnet = q->subnet && q->subnet->source;
	struct weir_expr_query x = {
		.src = q->client,
		.lb_name = s->lb->name,
		.lb_region = s->region,
		.qname = name,
		.qtype = q->type,
		.client = has_subnet ? &q->subnet->addr : NULL,
	};

	text_of(q->name, name);
	if (w->location && z->places->locations[w->location].region)
		x.lb_region = weir_region_text(z->places->locations[w->location].region);
	weir_rules_hold(s->lb, &x, bits);
	if (has_subnet && q->subnet->source > w->scope)
		w->scope = q->subnet->source;
	return (uint32_t)bits[0];
}

struct weir_zone_way weir_steered_way(const struct weir_zones *z, const struct weir_steered *s,
				      const struct weir_steered_query *q)
{
	struct weir_zone_way w = { 0 };
	const struct weir_steered_by *by = s->by;
	uint32_t way = 0;

	locate(z, by, q, &w);
	if (s->lb) {
		w.rules = rules_of(z, s, q, &w);
		by += w.rules;
		locate(z, by, q, &w);
	}
	if (by->class_of)
		way = by->class_of[w.location];
	if (by->sliced)
		way = way * WEIR_STEER_SLICES +
		      weir_hash_bytes(0, q->client, sizeof(*q->client)) % WEIR_STEER_SLICES;
	w.mix = by->first_mix + by->ways[way].mix;
	return w;
}
