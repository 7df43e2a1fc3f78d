/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.c - all records of a zone. */
#include "zone/walk.h"

void weir_walk_begin(struct weir_walk *w, const struct weir_zones *z, const struct weir_zone *zone)
{
	*w = (struct weir_walk){ .z = z, .zone = zone };
}

static const struct weir_set *sets_of(const struct weir_node *n)
{
	return n->steered ? weir_steered_plain(n->steered) : n->sets;
}

/* The next name of the zone: those of the upper layer go before the same ones of its file. */
static const struct weir_node *next_node(struct weir_walk *w)
{
	const struct weir_layer *l = w->in_file ? w->zone->file : &w->z->upper;

	for (;;) {
		const struct weir_node *n;

		if (!l || !l->slots || w->slot > l->mask) {
			if (w->in_file || !w->zone->file)
				return NULL;
			w->in_file = true;
			w->slot = 0;
			l = w->zone->file;
			continue;
		}
		n = l->slots[w->slot++];
		if (!n || (!w->in_file && n->zone != w->zone) ||
		    (w->in_file && weir_layer_find(&w->z->upper, n->name, n->len)))
			continue;
		return n;
	}
}

/* What signing makes is not in a zone file. */
static bool is_made(uint16_t type)
{
	return type == WEIR_TYPE_NSEC || type == WEIR_TYPE_DNSKEY || type == WEIR_TYPE_CDS ||
	       type == WEIR_TYPE_CDNSKEY;
}

/* Whether an earlier set of the name has its type: then this one is never answered. */
static bool is_hidden(const struct weir_walk *w)
{
	return weir_sets_find(w->first, w->set->type) != w->set;
}

static const struct weir_rr *heaviest(const struct weir_set *s)
{
	const struct weir_rr *best = s->rrs;
	uint32_t share = s->rrs[0].upto;

	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t of = s->rrs[i].upto - s->rrs[i - 1].upto;

		if (of > share) {
			share = of;
			best = &s->rrs[i];
		}
	}
	return best;
}

/* The next record of a set; false: there is none. */
static bool next_of_set(struct weir_walk *w, struct weir_walked *out)
{
	const struct weir_set *s = w->set;
	bool alias = s->one && s->type == WEIR_TYPE_CNAME;

	if (w->at >= (alias ? 1 : s->n) || s->type == WEIR_TYPE_SOA || is_made(s->type) ||
	    is_hidden(w))
		return false;
	*out = (struct weir_walked){ w->node, alias ? heaviest(s) : &s->rrs[w->at], s->type };
	w->at++;
	return true;
}

bool weir_walk_next(struct weir_walk *w, struct weir_walked *out)
{
	for (;;) {
		while (w->set) {
			if (next_of_set(w, out))
				return true;
			w->set = w->set->next;
			w->at = 0;
		}
		w->node = next_node(w);
		if (!w->node)
			return false;
		w->first = w->set = sets_of(w->node);
	}
}

bool weir_zone_is_pooled(const struct weir_zones *z, const struct weir_zone *zone)
{
	for (uint32_t i = 0; z->upper.slots && i <= z->upper.mask; i++) {
		const struct weir_node *n = z->upper.slots[i];

		if (!n || n->zone != zone)
			continue;
		if (n->balanced || n->steered)
			return true;
		for (const struct weir_set *s = n->sets; s; s = s->next)
			if (s->one && s->n > 1)
				return true;
	}
	return false;
}

const struct weir_zone *weir_zones_zone(const struct weir_zones *z, const struct weir_name *name)
{
	const struct weir_node *n = weir_layer_find(&z->upper, name->wire, name->len);

	return n && n == n->zone->apex ? n->zone : NULL;
}
