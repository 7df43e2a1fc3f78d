/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/rules.h"

#include <stdlib.h>
#include <string.h>

struct list {
	struct weir_prefix *of;
	uint32_t n, room;
};

static void collect(const struct weir_expr *e, struct list *to)
{
	if (!e)
		return;
	collect(e->a, to);
	collect(e->b, to);
	if (e->op != WEIR_EXPR_IN || e->field != WEIR_EXPR_SRC)
		return;
	for (uint32_t i = 0; i < e->n; i++) {
		if (to->n == to->room) {
			to->room = to->room ? 2 * to->room : 64;
			to->of = weir_grow(to->of, to->room, sizeof(*to->of));
		}
		to->of[to->n++] = e->prefixes[i];
	}
}

static int by_prefix(const void *a, const void *b)
{
	const struct weir_prefix *x = a, *y = b;
	int order = weir_addr_cmp(&x->addr, &y->addr);

	return order ? order : x->bits - y->bits;
}

const struct weir_prefix *weir_rules_prefixes(const struct weir_model *m, struct weir_arena *arena,
					      uint32_t *n)
{
	struct list all = { 0 };
	struct weir_prefix *kept;

	for (uint32_t i = 0; i < m->n_lbs; i++)
		for (uint32_t k = 0; m->lbs[i].proxied && k < m->lbs[i].n_rules; k++)
			if (!m->lbs[i].rules[k].disabled)
				collect(m->lbs[i].rules[k].when, &all);
	if (all.n)
		qsort(all.of, all.n, sizeof(*all.of), by_prefix);
	kept = weir_arena_new_array(arena, all.n, struct weir_prefix);
	*n = 0;
	for (uint32_t i = 0; i < all.n; i++)
		if (!*n || by_prefix(&kept[*n - 1], &all.of[i]))
			kept[(*n)++] = all.of[i];
	free(all.of);
	return kept;
}

/* The address behind all of a prefix. False: there is none. */
static bool behind(const struct weir_prefix *p, union weir_addr *out)
{
	union weir_addr a = p->addr;

	for (uint32_t i = p->bits; i-- > 0;) { /* add one in its last bit */
		a.b[i / 8] ^= (uint8_t)(0x80 >> i % 8);
		if (a.b[i / 8] & 0x80 >> i % 8) {
			*out = a;
			return true;
		}
	}
	return false;
}

bool weir_rules_address(const struct weir_prefix *prefixes, uint32_t n, uint32_t part,
			union weir_addr *out)
{
	const struct weir_prefix *of = &prefixes[part - 1];
	union weir_addr a = of->addr;

	/* Sorted: those that are in it follow, and those that are in them follow these. */
	for (uint32_t i = part; i < n && weir_prefix_holds(of, &prefixes[i].addr); i++)
		if (weir_prefix_holds(&prefixes[i], &a) &&
		    (!behind(&prefixes[i], &a) || !weir_prefix_holds(of, &a)))
			return false;
	*out = a;
	return true;
}

void weir_rules_hold(const struct weir_lb *lb, const struct weir_expr_query *q,
		     uint64_t bits[(WEIR_MAX_RULES + 63) / 64])
{
	memset(bits, 0, (WEIR_MAX_RULES + 63) / 64 * sizeof(*bits));
	for (uint32_t i = 0; i < lb->n_rules; i++) {
		if (lb->rules[i].disabled || !weir_expr_eval(lb->rules[i].when, q))
			continue;
		bits[i / 64] |= 1ull << i % 64;
		if (lb->rules[i].terminates)
			return;
	}
}

static void override_maps(struct weir_lb *to, const struct weir_lb *by, const struct weir_lb *own,
			  bool all)
{
	if (all || by->region_pools != own->region_pools) {
		to->region_pools = by->region_pools;
		to->n_region_pools = by->n_region_pools;
	}
	if (all || by->country_pools != own->country_pools) {
		to->country_pools = by->country_pools;
		to->n_country_pools = by->n_country_pools;
	}
	if (all || by->pop_pools != own->pop_pools) {
		to->pop_pools = by->pop_pools;
		to->n_pop_pools = by->n_pop_pools;
	}
}

/* What a rule does not override is the balancer's own: the same list, and a value that it does not
 * say. */
static void override(struct weir_lb *to, const struct weir_lb *by, uint8_t said,
		     const struct weir_lb *own)
{
	if (by->default_pools != own->default_pools) {
		to->default_pools = by->default_pools;
		to->n_default_pools = by->n_default_pools;
	}
	override_maps(to, by, own, said & WEIR_SAID_POOLS);
	if (by->pool_weights != own->pool_weights) {
		to->pool_weights = by->pool_weights;
		to->n_pool_weights = by->n_pool_weights;
	}
	if (said & WEIR_SAID_FALLBACK)
		to->fallback_pool = by->fallback_pool;
	if (said & WEIR_SAID_POLICY) {
		to->policy = by->policy;
		to->by_maps = by->by_maps;
	}
	if (said & WEIR_SAID_DEFAULT_WEIGHT)
		to->default_weight = by->default_weight;
	if (said & WEIR_SAID_TTL)
		to->ttl = by->ttl;
	if (said & WEIR_SAID_LOCATION) {
		to->location_mode = by->location_mode;
		to->prefer_ecs = by->prefer_ecs;
	}
}

const struct weir_lb *weir_rules_apply(const struct weir_lb *lb, const struct weir_pool_set *set,
				       const uint64_t *bits, struct weir_arena *arena)
{
	const uint8_t all =
		WEIR_SAID_POOLS | WEIR_SAID_FALLBACK | WEIR_SAID_POLICY | WEIR_SAID_DEFAULT_WEIGHT;
	struct weir_lb *to = weir_arena_new_array(arena, 1, struct weir_lb);

	*to = *lb;
	if (set)
		override(to, set->lb, all, lb);
	for (uint32_t i = 0; i < lb->n_rules; i++)
		if (bits[i / 64] >> i % 64 & 1)
			override(to, lb->rules[i].lb, lb->rules[i].said, lb);
	if (to->by_maps)
		to->policy = weir_policy_of_maps(to);
	return to;
}
