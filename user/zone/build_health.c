/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build_health.c - what health means for the answers of DNS-only balancers: who is answered when
 * nobody is healthy, and for how long an answer is good. */
#include "model/health.h"
#include "zone/build.h"

/* --- nobody is healthy --- */

static bool is_last_resort(const struct weir_mix *mix)
{
	for (uint32_t i = 0; i < mix->n; i++)
		if (mix->shares[i].share && !mix->shares[i].last)
			return false;
	return !mix->nobody;
}

/* What an origin weighs when health does not count. One whose name nobody knows has no weight left,
 * but can still be named: as much as any other of its pool. */
static uint32_t weight_of(const struct weir_pool *pool, const struct weir_origin *o)
{
	uint32_t most = 1;

	if (!o->enabled)
		return 0;
	if (!o->fault || !o->host_name || o->flatten_cname)
		return o->weight;
	for (uint32_t i = 0; i < pool->n_origins; i++)
		most = pool->origins[i].weight > most ? pool->origins[i].weight : most;
	return most;
}

/* Every origin of every default pool. */
static struct weir_view_mix everybody(struct weir_arena *a, const struct weir_lb *lb)
{
	struct weir_view_member *m;
	uint32_t n = 0;

	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		n += lb->default_pools[i]->n_origins;
	m = weir_arena_new_array(a, n, struct weir_view_member);
	n = 0;
	for (uint32_t i = 0; i < lb->n_default_pools; i++) {
		const struct weir_pool *pool = lb->default_pools[i];

		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];
			uint32_t weight = pool->enabled ? weight_of(pool, o) : 0;

			if (weight)
				m[n++] = (struct weir_view_member){ o, pool, weight, weight };
		}
	}
	return (struct weir_view_mix){ m, n, n };
}

const struct weir_view_mix *weir_build_mixes(struct weir_zones_build *b,
					     const struct weir_view_lb *v)
{
	struct weir_view_mix *out;

	if (v->lb->when_down == WEIR_DOWN_FALLBACK)
		return v->mixes;
	out = weir_arena_new_array(b->z->arena, v->steer.n_mixes, struct weir_view_mix);
	for (uint32_t i = 0; i < v->steer.n_mixes; i++) {
		if (!is_last_resort(&v->steer.mixes[i]))
			out[i] = v->mixes[i];
		else if (v->lb->when_down == WEIR_DOWN_ALL)
			out[i] = everybody(b->z->arena, v->lb);
	}
	return out;
}

/* --- how long an answer is good --- */

/* Verdicts that it takes to change a check's state. Of a window one may be enough. */
static uint32_t verdicts_left(const struct weir_monitor *m, const struct weir_check *c)
{
	uint32_t need = c->state == WEIR_HEALTHY ? m->consecutive_down : m->consecutive_up;

	if (m->window || c->state == WEIR_UNKNOWN || need <= c->streak)
		return 1;
	return need - c->streak;
}

static uint64_t steady_ms(const struct weir_pool *pool, const struct weir_health *h)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < weir_pool_n_members(pool); i++) {
		const struct weir_member m = weir_pool_member(pool, i);
		uint64_t ms;

		if (!weir_member_votes(&m) || !h->checks)
			continue;
		ms = (uint64_t)verdicts_left(m.monitor, &h->checks[i]) * m.monitor->interval_ms;
		least = ms < least ? ms : least;
	}
	return least;
}

uint32_t weir_build_ttl(const struct weir_zones_build *b, const struct weir_lb *lb)
{
	const struct weir_dns_conf *conf = &b->view->model->agent.dns;
	uint32_t low = conf->minimum_ttl == WEIR_TTL_HALF ? lb->ttl / 2 : conf->minimum_ttl;
	uint64_t ms = UINT64_MAX;

	for (uint32_t i = 0; b->view->health && i < lb->n_pools; i++) {
		const struct weir_pool *pool = lb->pools[i];

		for (uint32_t k = 0; pool->enabled && k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];
			uint64_t of = o->enabled ? steady_ms(pool, &b->view->health[o->index])
						 : UINT64_MAX;

			ms = of < ms ? of : ms;
		}
	}
	if (ms / 1000 >= lb->ttl || low >= lb->ttl)
		return lb->ttl;
	return ms / 1000 > low ? (uint32_t)(ms / 1000) : low;
}
