/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build_sign.c - what makes a zone a signed one: its keys, its chain, and a signature for every set
 * that can be answered. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zone/build.h"
#include "zone/canon.h"

struct signing {
	struct weir_zones_build *b;
	struct weir_canon canon;
	struct weir_sig *sigs;
	uint32_t n_sigs, room;
	/* Names of signed zones that are the zone's own, zone by zone in canonical order. */
	struct weir_node **names;
	uint32_t n_names, names_room;
};

/* --- zones in zones --- */

static void put_data(struct weir_arena *a, struct weir_node *node, uint16_t type, uint32_t ttl,
		     const struct weir_data_list *list)
{
	struct weir_rr *rrs = weir_arena_new_array(a, list->n, struct weir_rr);

	for (uint32_t i = 0; i < list->n; i++)
		rrs[i] = weir_rr_make(a, type, ttl, list->of[i].bytes, list->of[i].len);
	if (list->n)
		weir_node_put(a, node, type, rrs, weir_rrs_sort(rrs, list->n));
}

static uint32_t ttl_of(const struct weir_rr *rr)
{
	return (uint32_t)rr->wire[4] << 24 | (uint32_t)rr->wire[5] << 16 |
	       (uint32_t)rr->wire[6] << 8 | rr->wire[7];
}

/* NS as the zone itself has them, DS as the parent's file does, or of the zone's keys. */
static const struct weir_node *delegation_of(struct weir_zones_build *b,
					     const struct weir_zone *zone)
{
	const struct weir_node *apex = zone->apex, *below = NULL;
	const struct weir_set *ns = weir_sets_find(apex->sets, WEIR_TYPE_NS), *ds = NULL;
	const struct weir_zone_keys *keys = weir_build_keys(b, zone);
	struct weir_arena *a = b->z->arena;
	struct weir_node *n = weir_arena_alloc(a, 1, sizeof(*n) + apex->len);

	n->zone = zone->parent;
	n->len = apex->len;
	n->nth = WEIR_NOT_IN_CHAIN;
	n->cut = true;
	memcpy(n->name, apex->name, apex->len);
	if (zone->parent->file)
		below = weir_layer_find(zone->parent->file, apex->name, apex->len);
	if (below)
		ds = weir_sets_find(below->sets, WEIR_TYPE_DS);
	if (ns)
		weir_node_put(a, n, WEIR_TYPE_NS, ns->rrs, ns->n);
	if (ds && !(keys && keys->ds.n)) {
		struct weir_set *copy = weir_node_put(a, n, WEIR_TYPE_DS, ds->rrs, ds->n);

		copy->sig = ds->sig;
		copy->filed = true;
	} else if (keys) {
		put_data(a, n, WEIR_TYPE_DS, ttl_of(&zone->parent->soa), &keys->ds);
	}
	return n;
}

void weir_build_parents(struct weir_zones_build *b)
{
	for (uint32_t i = 0; i < b->view->model->n_zones; i++) {
		struct weir_zone *zone = b->zones[i];
		const struct weir_node *above;
		size_t label, at;

		if (!zone || zone->apex->len == 1)
			continue;
		label = 1u + zone->apex->name[0];
		above = weir_layer_above(&b->z->upper, zone->apex->name + label,
					 zone->apex->len - label, &at);
		if (!above)
			continue;
		zone->parent = above->zone;
		zone->delegation = delegation_of(b, zone);
	}
}

/* --- names in order --- */

static int by_zone_and_name(const void *x, const void *y)
{
	const struct weir_node *a = *(struct weir_node *const *)x;
	const struct weir_node *b = *(struct weir_node *const *)y;

	if (a->zone != b->zone)
		return a->zone->index < b->zone->index ? -1 : 1;
	return weir_wire_cmp(a->name, b->name);
}

static void sort_names(struct signing *g)
{
	if (g->n_names)
		qsort(g->names, g->n_names, sizeof(*g->names), by_zone_and_name);
}

static bool is_below_cut(const struct weir_zones *z, const struct weir_node *n)
{
	size_t label = 1u + n->name[0];

	return n->cut && n->len > n->zone->apex->len &&
	       weir_zone_cut(z, n->zone, n->name + label, n->len - label);
}

static void add_name(struct signing *g, struct weir_node *n)
{
	if (!weir_build_keys(g->b, n->zone) || is_below_cut(g->b->z, n))
		return;
	if (g->n_names == g->names_room) {
		g->names_room = g->names_room ? 2 * g->names_room : 64;
		g->names = weir_grow(g->names, g->names_room, sizeof(*g->names));
	}
	g->names[g->n_names++] = n;
}

static void gather_names(struct signing *g)
{
	const struct weir_layer *l = &g->b->z->upper;

	for (uint32_t i = 0; l->slots && i <= l->mask; i++)
		if (l->slots[i])
			add_name(g, l->slots[i]);
	for (uint32_t i = 0; i < g->b->view->model->n_zones; i++)
		if (g->b->zones[i] && g->b->zones[i]->delegation)
			add_name(g, (struct weir_node *)g->b->zones[i]->delegation);
	sort_names(g);
}

/* How many names from the ith on are of its zone. */
static uint32_t run_of(const struct signing *g, uint32_t i)
{
	uint32_t n = 1;

	while (i + n < g->n_names && g->names[i + n]->zone == g->names[i]->zone)
		n++;
	return n;
}

/* --- the names of a zone's file between those of the upper layer --- */

static bool is_in(const struct weir_node *n, const struct weir_node *above)
{
	return weir_wire_is_in(n->name, n->len, above->name, above->len);
}

/* The first name of the file behind n, and if that is a delegation, behind all that is below it. */
static const struct weir_node *file_next(const struct weir_chain *file, const struct weir_node *n)
{
	uint32_t low = weir_chain_find(file, n->name) + 1, high = file->n; /* NOT_IN_CHAIN + 1: 0 */

	while (n->cut && low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (is_in(file->at[mid], n))
			low = mid + 1;
		else
			high = mid;
	}
	return low < file->n ? file->at[low] : NULL;
}

/* What comes after the ith of n names of a zone, in either layer. */
static const struct weir_node *next_of(struct weir_node *const *names, uint32_t n, uint32_t i)
{
	const struct weir_node *upper = i + 1 < n ? names[i + 1] : NULL;
	const struct weir_node *lower = file_next(&names[i]->zone->file_chain, names[i]);

	if (!upper || (lower && weir_wire_cmp(lower->name, upper->name) < 0))
		upper = lower;
	return upper ? upper : names[0];
}

/* Names that only have names below them have no NSEC. A balancer that nobody serves has one, which
 * says so: a chain does not change with health. */
static void drop_empty(struct signing *g)
{
	uint32_t kept = 0;

	for (uint32_t i = 0, run; i < g->n_names; i += run) {
		run = run_of(g, i);
		for (uint32_t k = 0; k < run; k++) {
			struct weir_node *n = g->names[i + k];

			if (n->sets || n->steered || n->balanced ||
			    !is_in(next_of(g->names + i, run, k), n))
				g->names[kept++] = n;
		}
	}
	g->n_names = kept;
}

/* The name of the file whose NSEC passes over the ith of names; NULL: there is none, or it is not
 * in use. */
static const struct weir_node *passes_over(struct weir_node *const *names, uint32_t i)
{
	const struct weir_chain *file = &names[i]->zone->file_chain;
	uint32_t at = weir_chain_find(file, names[i]->name);
	const struct weir_node *n;

	if (at == WEIR_NOT_IN_CHAIN)
		return NULL;
	n = file->at[at];
	if (!weir_wire_cmp(n->name, names[i]->name) ||
	    weir_wire_cmp(n->name, names[i - 1]->name) <= 0)
		return NULL;
	return names[i - 1]->cut && is_in(n, names[i - 1]) ? NULL : n;
}

/* Names of files before which an upper name is put become upper ones. */
static void promote(struct signing *g)
{
	uint32_t before = g->n_names;

	for (uint32_t i = 1; i < before; i++) {
		const struct weir_zone *zone = g->names[i]->zone;
		const struct weir_node *n = NULL;
		struct weir_node *copy;

		if (g->names[i - 1]->zone == zone)
			n = passes_over(g->names, i);
		if (!n)
			continue;
		copy = weir_layer_add(&g->b->z->upper, n->name, n->len);
		copy->zone = zone;
		copy->sets = n->sets;
		copy->cut = n->cut;
		add_name(g, copy);
	}
	sort_names(g);
}

/* --- signatures --- */

static uint32_t new_sig(struct signing *g, const void *key)
{
	struct weir_sig *sig;

	if (g->n_sigs == g->room) {
		g->room = g->room ? 2 * g->room : 64;
		g->sigs = weir_grow(g->sigs, g->room, sizeof(*g->sigs));
	}
	sig = &g->sigs[g->n_sigs];
	g->b->signer->sign(g->b->signer->arg, key, g->canon.bytes, g->canon.len, sig);
	if (sig->until_s < g->b->z->signed_until_s)
		g->b->z->signed_until_s = sig->until_s;
	return ++g->n_sigs;
}

static void tell_ttl(struct signing *g, const struct weir_zone *zone, const struct weir_set *s)
{
	uint32_t *max = g->b->signer->max_ttl ? &g->b->signer->max_ttl[zone->index] : NULL;

	for (uint32_t i = 0; max && i < s->n; i++)
		if (ttl_of(&s->rrs[i]) > *max)
			*max = ttl_of(&s->rrs[i]);
}

static void sign_set(struct signing *g, const struct weir_node *owner, struct weir_set *s)
{
	const struct weir_node *apex = owner->zone->apex;
	const struct weir_zone_keys *keys = weir_build_keys(g->b, owner->zone);

	if (!s->one && s->n > WEIR_SET_MAX) /* signed as it is answered */
		s->n = WEIR_SET_MAX;
	tell_ttl(g, owner->zone, s);
	s->sig = g->n_sigs + 1;
	if (weir_type_is_of_keys(s->type)) {
		weir_canon_set(&g->canon, apex, owner, s, 0);
		for (uint32_t i = 0; i < keys->n_key_keys; i++) {
			new_sig(g, keys->key_keys[i]);
			memset(g->canon.bytes + WEIR_RRSIG_UNTIL, 0,
			       WEIR_RRSIG_FIXED - WEIR_RRSIG_UNTIL);
		}
		return;
	}
	for (uint32_t i = 0; i < (s->one ? s->n : 1); i++) {
		weir_canon_set(&g->canon, apex, owner, s, i);
		new_sig(g, keys->zone_key);
	}
	if (weir_set_is_whole(owner->zone, s)) {
		struct weir_set whole = *s;

		whole.one = false;
		weir_canon_set(&g->canon, apex, owner, &whole, 0);
		new_sig(g, keys->zone_key);
	}
}

/* All that have none yet; those of a file are signed as the file is. */
static void sign_sets(struct signing *g, const struct weir_node *owner, const struct weir_set *s)
{
	for (; s; s = s->next)
		if (!s->sig && !s->filed && !(owner->zone->counted && s->type == WEIR_TYPE_SOA) &&
		    (!owner->cut || s->type == WEIR_TYPE_DS || s->type == WEIR_TYPE_NSEC))
			sign_set(g, owner, (struct weir_set *)s); /* made here, for this snapshot */
}

/* --- NSEC --- */

static const struct weir_set *put_nsec(struct signing *g, const struct weir_node *owner,
				       const struct weir_set *told, const struct weir_set *rest,
				       const struct weir_node *next)
{
	struct weir_arena *a = g->b->z->arena;
	struct weir_set *s = weir_arena_new_array(a, 1, struct weir_set);
	struct weir_rr *rr = weir_arena_new_array(a, 1, struct weir_rr);
	uint8_t data[WEIR_NSEC_MAX];
	size_t len = weir_nsec_data(told, owner->cut, next, data);

	*rr = weir_rr_make(a, WEIR_TYPE_NSEC, ttl_of(&owner->zone->denial), data, len);
	*s = (struct weir_set){ .next = rest, .rrs = rr, .n = 1, .type = WEIR_TYPE_NSEC };
	return s;
}

/* All that any of the mixes has: who asks for another name is told of no type that it is missing.
 * In scratch, for as long as s exists. */
static const struct weir_set *united(struct weir_arena *scratch, const struct weir_steered *s)
{
	struct weir_set *all = NULL;

	for (uint32_t i = 0; i < s->n_mixes; i++) {
		for (const struct weir_set *set = s->mixes[i]; set; set = set->next) {
			struct weir_set *copy;

			if (weir_sets_find(all, set->type))
				continue;
			copy = weir_arena_new_array(scratch, 1, struct weir_set);
			*copy = (struct weir_set){ .next = all, .type = set->type };
			all = copy;
		}
	}
	return all;
}

/* What a name answers depends on who asks, and so do the types it has. */
static void deny_steered(struct signing *g, struct weir_node *n, const struct weir_node *next)
{
	const struct weir_steered *s = n->steered;
	const struct weir_set **mixes = (const struct weir_set **)s->mixes; /* made here as well */
	struct weir_arena *scratch = weir_arena_new();
	const struct weir_set *all = united(scratch, s);

	for (uint32_t i = 0; i < s->n_mixes; i++) {
		mixes[i] = put_nsec(g, n, mixes[i], mixes[i], next);
		sign_sets(g, n, mixes[i]);
	}
	n->sets = put_nsec(g, n, all, n->sets, next);
	weir_arena_free(scratch);
}

static void sign_name(struct signing *g, struct weir_node *n, const struct weir_node *next)
{
	if (n->steered)
		deny_steered(g, n, next);
	else
		n->sets = put_nsec(g, n, n->sets, n->sets, next);
	sign_sets(g, n, n->sets);
}

/* --- all of it --- */

static void add_keys(struct signing *g)
{
	struct weir_arena *a = g->b->z->arena;

	for (uint32_t i = 0; i < g->b->view->model->n_zones; i++) {
		struct weir_zone *zone = g->b->zones[i];
		const struct weir_zone_keys *keys = zone ? weir_build_keys(g->b, zone) : NULL;
		struct weir_node *apex;

		if (!keys)
			continue;
		apex = (struct weir_node *)zone->apex;
		put_data(a, apex, WEIR_TYPE_CDNSKEY, keys->ttl, &keys->cdnskeys);
		put_data(a, apex, WEIR_TYPE_CDS, keys->ttl, &keys->cds);
		put_data(a, apex, WEIR_TYPE_DNSKEY, keys->ttl, &keys->dnskeys);
		zone->n_key_sigs = keys->n_key_keys;
		assert(!zone->file || keys->file);
		if (keys->file) {
			zone->file_sigs = keys->file->of;
			zone->file_nsec_sigs = keys->file->of + keys->file->n - zone->file_chain.n;
		}
	}
}

static void sign_zones(struct signing *g)
{
	struct weir_arena *a = g->b->z->arena;

	for (uint32_t i = 0, run; i < g->n_names; i += run) {
		struct weir_zone *zone = g->b->zones[g->names[i]->zone->index];
		struct weir_node **at;

		run = run_of(g, i);
		at = weir_arena_new_array(a, run, struct weir_node *);
		memcpy(at, g->names + i, run * sizeof(*at));
		zone->chain = (struct weir_chain){ (const struct weir_node *const *)at, run };
		for (uint32_t k = 0; k < run; k++)
			sign_name(g, at[k], next_of(at, run, k));
	}
}

/* Which serial a zone has follows from all else that it says, signatures included. */
static void sign_serials(struct signing *g)
{
	g->b->z->sigs = g->sigs;
	weir_build_count(g->b);
	for (uint32_t i = 0; i < g->b->z->n_zones; i++) {
		const struct weir_zone *zone = g->b->z->zones[i];

		if (zone->counted && weir_build_keys(g->b, zone))
			sign_set(
				g, zone->apex,
				(struct weir_set *)weir_sets_find(zone->apex->sets, WEIR_TYPE_SOA));
	}
}

void weir_build_sign(struct weir_zones_build *b)
{
	struct signing g = { .b = b };
	struct weir_sig *sigs;

	b->z->signed_until_s = UINT32_MAX;
	if (!b->signer) {
		weir_build_count(b);
		return;
	}
	add_keys(&g);
	gather_names(&g);
	drop_empty(&g);
	promote(&g);
	sign_zones(&g);
	sign_serials(&g);
	sigs = weir_arena_new_array(b->z->arena, g.n_sigs, struct weir_sig);
	if (g.n_sigs)
		memcpy(sigs, g.sigs, g.n_sigs * sizeof(*sigs));
	b->z->sigs = sigs;
	weir_canon_fini(&g.canon);
	free(g.sigs);
	free(g.names);
}
