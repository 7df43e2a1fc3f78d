/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_sign.c - the names of a zone file in order, and the signatures of its sets. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "zone/canon.h"
#include "zone/file.h"
#include "zone/types.h"

/* --- order --- */

static int by_name(const void *x, const void *y)
{
	const struct weir_node *const *a = x, *const *b = y;

	return weir_wire_cmp((*a)->name, (*b)->name);
}

/* Of what is below a delegation nothing is the zone's own. */
static bool is_below_cut(const struct weir_layer *l, const struct weir_node *n)
{
	size_t label = 1u + n->name[0];

	return n->cut && weir_layer_find(l, n->name + label, n->len - label)->cut;
}

static uint32_t ttl_of(const struct weir_rr *rr)
{
	uint32_t ttl;

	memcpy(&ttl, rr->wire + 4, sizeof(ttl));
	return ntohl(ttl);
}

static void number_sets(struct weir_zone_file *f, const struct weir_node *n)
{
	for (const struct weir_set *s = n->sets; s; s = s->next) {
		struct weir_set *set = (struct weir_set *)s; /* nobody else has seen it yet */

		if (n->cut && s->type != WEIR_TYPE_DS)
			continue;
		if (set->n > WEIR_SET_MAX) /* signed as it is answered */
			set->n = WEIR_SET_MAX;
		set->sig = ++f->n_set_sigs;
		if (ttl_of(s->rrs) > f->max_ttl)
			f->max_ttl = ttl_of(s->rrs);
	}
}

void weir_zone_file_order(struct weir_zone_file *f)
{
	const struct weir_layer *l = &f->layer;
	struct weir_node **at = weir_arena_new_array(l->arena, l->used, struct weir_node *);
	uint32_t n = 0;

	for (uint32_t i = 0; i <= l->mask; i++)
		if (l->slots[i] && l->slots[i]->sets && !is_below_cut(l, l->slots[i]))
			at[n++] = l->slots[i];
	qsort(at, n, sizeof(*at), by_name);
	for (uint32_t i = 0; i < n; i++) {
		at[i]->nth = i;
		number_sets(f, at[i]);
	}
	f->chain = (struct weir_chain){ (const struct weir_node *const *)at, n };
}

/* --- signatures --- */

struct file_signing {
	const struct weir_zone_file *f, *older;
	const struct weir_sig *old; /* NULL: nothing is kept */
	struct weir_file_sigs *out;
	uint32_t fresh_s;
	struct weir_canon canon, was;
	const void *key;
	weir_sign_fn *sign;
	void *arg;
};

/* The NSEC of the nth name of a file as a set. */
struct nsec {
	uint8_t wire[WEIR_RR_FIXED + WEIR_NSEC_MAX];
	struct weir_rr rr;
	struct weir_set set;
};

static const struct weir_set *nsec_of(const struct weir_zone_file *f, uint32_t nth, struct nsec *n)
{
	n->rr = weir_nsec_of_file(&f->chain, nth, f->denial.wire + 4, n->wire);
	n->set = (struct weir_set){ .rrs = &n->rr, .n = 1, .type = WEIR_TYPE_NSEC };
	return &n->set;
}

/* Keeps or makes a signature. before: what the older file has in its place, with the signature of
 * that number; NULL: nothing. */
static void sign_set(struct file_signing *g, const struct weir_node *owner,
		     const struct weir_set *s, const struct weir_set *before, uint32_t old,
		     uint32_t number)
{
	const struct weir_node *apex = g->f->chain.at[0];
	struct weir_sig *sig = &g->out->of[number];

	weir_canon_set(&g->canon, apex, owner, s, 0);
	if (before) {
		weir_canon_set(&g->was, apex, owner, before, 0);
		if (g->was.len == g->canon.len && g->old[old].until_s >= g->fresh_s &&
		    !memcmp(g->was.bytes, g->canon.bytes, g->canon.len)) {
			*sig = g->old[old];
			return;
		}
	}
	g->sign(g->arg, g->key, g->canon.bytes, g->canon.len, sig);
}

static void sign_name(struct file_signing *g, const struct weir_node *n,
		      const struct weir_node *was)
{
	struct nsec now, before;

	for (const struct weir_set *s = n->sets; s; s = s->next) {
		const struct weir_set *o = was ? weir_sets_find(was->sets, s->type) : NULL;

		if (s->sig)
			sign_set(g, n, s, o && o->sig ? o : NULL, o ? o->sig - 1 : 0, s->sig - 1);
	}
	sign_set(g, n, nsec_of(g->f, n->nth, &now),
		 was ? nsec_of(g->older, was->nth, &before) : NULL,
		 was ? g->older->n_set_sigs + was->nth : 0, g->f->n_set_sigs + n->nth);
}

struct weir_file_sigs *weir_zone_file_sign(const struct weir_zone_file *f,
					   const struct weir_zone_file *older,
					   const struct weir_file_sigs *sigs_of_older,
					   uint32_t fresh_s, const void *key, weir_sign_fn *sign,
					   void *arg)
{
	uint32_t n = f->n_set_sigs + f->chain.n;
	struct file_signing g = {
		.f = f, .older = older, .fresh_s = fresh_s, .key = key, .sign = sign, .arg = arg
	};

	g.old = sigs_of_older ? sigs_of_older->of : NULL;
	g.out = weir_alloc(1, sizeof(*g.out) + n * sizeof(*g.out->of));
	g.out->n = n;
	g.out->until_s = UINT32_MAX;
	for (uint32_t i = 0; i < f->chain.n; i++) {
		const struct weir_node *name = f->chain.at[i], *was = NULL;

		if (g.old)
			was = weir_layer_find(&older->layer, name->name, name->len);
		sign_name(&g, name, was && was->nth != WEIR_NOT_IN_CHAIN ? was : NULL);
	}
	for (uint32_t i = 0; i < n; i++)
		if (g.out->of[i].until_s < g.out->until_s)
			g.out->until_s = g.out->of[i].until_s;
	weir_canon_fini(&g.canon);
	weir_canon_fini(&g.was);
	return g.out;
}
