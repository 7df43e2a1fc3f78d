/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.c - all records of a zone. */
#include "zone/walk.h"

#include <string.h>

void weir_walk_begin(struct weir_walk *w, const struct weir_zones *z, const struct weir_zone *zone,
		     bool made)
{
	memset(w, 0, sizeof(*w));
	w->z = z;
	w->zone = zone;
	w->made = made && zone->n_key_sigs;
}

/* --- names --- */

/* The addresses of the next name server of a zone in this one that lies in it: who serves this one
 * alone can ask nobody else for them. */
static const struct weir_node *next_glue(struct weir_walk *w, const struct weir_zone *child)
{
	const struct weir_set *ns = weir_sets_find(child->delegation->sets, WEIR_TYPE_NS);

	while (ns && w->ns <= ns->n) {
		const struct weir_rr *rr = &ns->rrs[w->ns++ - 1];
		const struct weir_node *apex = child->apex;
		struct weir_name name;
		struct weir_found host;

		if (!weir_name_read(rr->wire + WEIR_RR_FIXED, rr->len - WEIR_RR_FIXED, 0, &name) ||
		    !weir_name_is_in(&name, apex->name, apex->len))
			continue;
		host = weir_zones_find(w->z, name.wire, name.len);
		if (host.node)
			return host.node;
	}
	return NULL;
}

static const struct weir_node *next_of_children(struct weir_walk *w)
{
	for (; w->child < w->z->n_zones; w->child++, w->ns = 0) {
		const struct weir_zone *child = w->z->zones[w->child];
		const struct weir_node *n;

		if (!child->delegation || child->parent != w->zone)
			continue;
		if (!w->ns) {
			w->ns = 1;
			return child->delegation;
		}
		n = next_glue(w, child);
		if (n)
			return n;
	}
	return NULL;
}

/* Names of a file that the upper layer has as well are there; and what lies in another zone of ours
 * is that one's. */
static bool is_passed_over(const struct weir_walk *w, const struct weir_node *n)
{
	const struct weir_node *above;
	size_t at;

	if (!w->in_file)
		return n->zone != w->zone;
	above = weir_layer_above(&w->z->upper, n->name, n->len, &at);
	return !at || above->zone != w->zone;
}

static const struct weir_node *next_node(struct weir_walk *w)
{
	const struct weir_layer *l = w->in_file ? w->zone->file : &w->z->upper;

	for (;;) {
		const struct weir_node *n;

		if (!l || !l->slots || w->slot > l->mask) {
			if (w->in_file || !w->zone->file)
				return next_of_children(w);
			w->in_file = true;
			w->slot = 0;
			l = w->zone->file;
			continue;
		}
		n = l->slots[w->slot++];
		if (n && !is_passed_over(w, n))
			return n;
	}
}

static enum weir_walk_place place_of(const struct weir_walk *w)
{
	const struct weir_node *n = w->node, *cut;

	if (w->ns > 1)
		return WEIR_WALK_GLUE;
	if (!w->made)
		return WEIR_WALK_OWN;
	cut = weir_zone_cut(w->z, w->zone, n->name, n->len);
	if (!cut)
		return WEIR_WALK_OWN;
	return cut->len < n->len ? WEIR_WALK_BELOW : WEIR_WALK_CUT;
}

static void make_nsec(struct weir_walk *w)
{
	w->nsec_due = w->made && w->in_file && !w->ns && w->place != WEIR_WALK_BELOW &&
		      w->node->nth != WEIR_NOT_IN_CHAIN;
	if (!w->nsec_due)
		return;
	w->nsec_rr = weir_nsec_of_file(&w->zone->file_chain, w->node->nth, w->zone->denial.wire + 4,
				       w->nsec_wire);
	w->nsec = (struct weir_set){ .rrs = &w->nsec_rr, .n = 1, .type = WEIR_TYPE_NSEC };
}

static bool enter_node(struct weir_walk *w)
{
	w->node = next_node(w);
	if (!w->node)
		return false;
	w->place = place_of(w);
	make_nsec(w);
	w->first = w->set = weir_node_plain(w->node);
	return true;
}

/* --- sets --- */

/* Whether it is told: not what signing makes, unless it is wanted; nor where an earlier set of the
 * name has its type, since then it is never answered. */
static bool is_told(const struct weir_walk *w)
{
	const struct weir_set *s = w->set;

	if (s == &w->nsec)
		return true;
	if (w->place == WEIR_WALK_GLUE && s->type != WEIR_TYPE_A && s->type != WEIR_TYPE_AAAA)
		return false;
	if (!w->made && (s->type == WEIR_TYPE_NSEC || weir_type_is_of_keys(s->type)))
		return false;
	return weir_sets_find(w->first, s->type) == s;
}

static uint32_t heaviest(const struct weir_set *s)
{
	uint32_t share = s->rrs[0].upto, best = 0;

	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t of = s->rrs[i].upto - s->rrs[i - 1].upto;

		if (of > share) {
			share = of;
			best = i;
		}
	}
	return best;
}

static bool is_picked(const struct weir_set *s)
{
	return s->one && s->type == WEIR_TYPE_CNAME;
}

/* The next record of a set; false: there is none. */
static bool next_of_set(struct weir_walk *w, struct weir_walked *out)
{
	const struct weir_set *s = w->set;

	if (w->at >= (is_picked(s) ? 1 : s->n) || s->type == WEIR_TYPE_SOA)
		return false;
	*out = (struct weir_walked){ w->node, &s->rrs[is_picked(s) ? heaviest(s) : w->at],
				     s->type };
	w->at++;
	return true;
}

/* --- signatures --- */

/* Those of a set as it is told. */
static const struct weir_sig *sigs_of(const struct weir_walk *w, uint32_t *n)
{
	const struct weir_set *s = w->set;
	const struct weir_sig *sigs = s->filed ? w->zone->file_sigs : w->z->sigs;

	*n = 1;
	if (s == &w->nsec)
		return &w->zone->file_nsec_sigs[w->node->nth];
	if (!s->sig || w->place >= WEIR_WALK_BELOW ||
	    (w->place == WEIR_WALK_CUT && s->type != WEIR_TYPE_DS && s->type != WEIR_TYPE_NSEC))
		return NULL;
	sigs += s->sig - 1;
	if (weir_type_is_of_keys(s->type))
		*n = w->zone->n_key_sigs;
	if (is_picked(s))
		return sigs + heaviest(s);
	return weir_set_is_whole(w->zone, s) ? sigs + s->n : sigs;
}

static bool next_sig(struct weir_walk *w, struct weir_walked *out)
{
	const struct weir_set *s = w->set;
	const struct weir_sig *sigs;
	const struct weir_rr *rr = &s->rrs[is_picked(s) ? heaviest(s) : 0];
	uint32_t n;

	if (!w->made)
		return false;
	sigs = sigs_of(w, &n);
	if (!sigs || w->sig >= n)
		return false;
	w->sig_rr = weir_rrsig_make(w->zone, w->node, rr, rr, &sigs[w->sig++], w->sig_wire);
	*out = (struct weir_walked){ w->node, &w->sig_rr, WEIR_TYPE_RRSIG };
	return true;
}

static void next_set(struct weir_walk *w)
{
	w->set = w->set == &w->nsec ? NULL : w->set->next;
	w->at = w->sig = 0;
}

bool weir_walk_next(struct weir_walk *w, struct weir_walked *out)
{
	for (;;) {
		for (; w->set; next_set(w))
			if (is_told(w) && (next_of_set(w, out) || next_sig(w, out)))
				return true;
		if (w->nsec_due) {
			w->nsec_due = false;
			w->set = &w->nsec;
		} else if (!enter_node(w)) {
			return false;
		}
	}
}

/* --- zones --- */

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
