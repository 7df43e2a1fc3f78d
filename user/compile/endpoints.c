/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/endpoints.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

#define MODES WEIR_MODE_COUNT

/* Collects each pool once in each mode in which a balancer may use it. */
struct use {
	const struct weir_pool *pool;
	uint8_t mode;
};

struct visit {
	const struct weir_view *view;
	struct weir_arena *arena;
	struct weir_tables_endpoint *out;
	struct weir_endpoints to;
	uint32_t n;
	struct use *uses;
	uint32_t n_uses, most; /* endpoints, if none of them are equal */
	uint32_t *index, mask; /* open addressing: identity -> endpoint + 1 */
	uint64_t *ahead;       /* identities of the origins of one pool */
	uint32_t *drain_ms;    /* the longest of its balancers, as weir_endpoints.of */
	bool *counted;         /* by some of them, likewise */
	uint16_t *pool_weight; /* the largest of those that compare pools, likewise; 0: none does */
};

static uint32_t *index_slot(const struct visit *v, const struct weir_tables_endpoint *e,
			    uint64_t identity)
{
	uint32_t i = (uint32_t)identity & v->mask;

	for (; v->index[i]; i = (i + 1) & v->mask) {
		const struct weir_tables_endpoint *is = &v->out[v->index[i] - 1];

		if (is->mode == e->mode && is->port == e->port && weir_addr_eq(&is->addr, &e->addr))
			break;
	}
	return &v->index[i];
}

/* One of equal ones is alive if any of them is. */
static uint32_t merge(struct visit *v, const struct weir_tables_endpoint *e, uint64_t identity)
{
	uint32_t *slot = index_slot(v, e, identity);

	if (*slot) {
		struct weir_tables_endpoint *is = &v->out[*slot - 1];

		is->monitored |= e->monitored;
		is->healthy &= e->healthy;
		is->alive |= e->alive;
		is->enabled |= e->enabled;
		is->counted |= e->counted;
		if (is->drain_ms < e->drain_ms)
			is->drain_ms = e->drain_ms;
		if (is->weight < e->weight)
			is->weight = e->weight;
		if (e->max_conn && (!is->max_conn || is->max_conn > e->max_conn))
			is->max_conn = e->max_conn;
	} else {
		v->to.identity[v->n] = identity;
		v->out[v->n++] = *e;
		*slot = v->n;
	}
	return *slot - 1;
}

/* The port that packets to an origin get; 0: they keep theirs. */
static uint16_t port_of(const struct weir_origin *o, uint8_t mode)
{
	return weir_mode_is_nat(mode) ? o->port : 0;
}

/* Where pools are compared, too: their weight is in hundredths, 0: they are not. */
static uint16_t share_of(uint16_t weight, uint16_t of_pool)
{
	uint32_t share = of_pool ? (uint32_t)weight * of_pool / 100 : weight;

	return (uint16_t)(weight && !share ? 1 : share);
}

static void add_pool(struct visit *v, const struct weir_pool *pool, uint8_t mode)
{
	uint32_t *of = v->to.of[pool->index * MODES + mode];
	uint16_t pool_weight = v->pool_weight[pool->index * MODES + mode];

	for (uint32_t i = 0; i < pool->n_origins; i++) { /* waiting for the index took most time */
		const struct weir_origin *o = &pool->origins[i];
		uint64_t how = (uint64_t)port_of(o, mode) << 8 | mode;

		v->ahead[i] = weir_hash_bytes(how, &o->addr, sizeof(o->addr));
		__builtin_prefetch(&v->index[(uint32_t)v->ahead[i] & v->mask]);
	}
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		const struct weir_health *h = &v->view->health[o->index];
		const struct weir_tables_endpoint e = {
			.addr = o->addr,
			.port = htons(port_of(o, mode)),
			.mode = mode,
			.monitored = weir_pool_monitored(pool),
			.healthy = !weir_pool_monitored(pool) || h->state == WEIR_HEALTHY,
			.alive = weir_health_alive(h, pool),
			.enabled = o->enabled && pool->enabled,
			.drain_ms = v->drain_ms[pool->index * MODES + mode],
			.counted = v->counted[pool->index * MODES + mode],
			.weight = share_of(o->weight, pool_weight),
			.max_conn = o->max_conn,
		};

		if (!o->fault) /* else it has no weight: nobody asks for its endpoint */
			of[i] = merge(v, &e, v->ahead[i]);
	}
}

/* What the pool weighs where open connections are compared: the most, if some clients have another
 * weight for it. */
static void weigh(const struct weir_lb *lb, const struct weir_pool *pool, uint16_t *heaviest)
{
	const struct weir_lb *of;

	for (uint32_t i = 0; (of = weir_lb_variant(lb, i)); i++)
		if (weir_policy_compares(of->policy) && *heaviest < weir_lb_pool_weight(of, pool))
			*heaviest = weir_lb_pool_weight(of, pool);
}

static void use_pool(struct visit *v, const struct weir_pool *pool, const struct weir_lb *lb)
{
	uint8_t mode = lb->forwarding;
	uint32_t **of = &v->to.of[pool->index * MODES + mode];
	uint32_t *longest = &v->drain_ms[pool->index * MODES + mode];
	uint16_t *heaviest = &v->pool_weight[pool->index * MODES + mode];
	uint32_t drain_ms = weir_lb_drain_ms(v->view->model, lb);

	assert(mode < MODES);
	weigh(lb, pool, heaviest);
	if (*longest < drain_ms)
		*longest = drain_ms;
	v->counted[pool->index * MODES + mode] |= weir_lb_counts(lb);
	if (*of)
		return;
	*of = weir_arena_new_array(v->arena, pool->n_origins, uint32_t);
	v->most += pool->n_origins;
	v->uses[v->n_uses++] = (struct use){ pool, mode };
}

static void use_pools(struct visit *v)
{
	const struct weir_model *m = v->view->model;

	v->uses = weir_new_array(MODES * (size_t)m->n_pools, struct use);
	v->drain_ms = weir_new_array(MODES * (size_t)m->n_pools, uint32_t);
	v->counted = weir_new_array(MODES * (size_t)m->n_pools, bool);
	v->pool_weight = weir_new_array(MODES * (size_t)m->n_pools, uint16_t);
	v->to.of = weir_arena_new_array(v->arena, MODES * (size_t)m->n_pools, uint32_t *);
	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *lb = &m->lbs[i];

		if (!lb->proxied)
			continue;
		for (uint32_t k = 0; k < lb->n_pools; k++)
			use_pool(v, lb->pools[k], lb);
	}
}

struct weir_endpoints weir_endpoints_collect(struct weir_tables *t, const struct weir_view *view,
					     struct weir_arena *arena)
{
	struct visit v = { .view = view, .arena = arena };
	size_t size = 4;

	use_pools(&v);
	while (size < 2 * (size_t)v.most)
		size *= 2;
	v.mask = (uint32_t)size - 1;
	v.index = weir_new_array(size, uint32_t);
	v.ahead = weir_new_array(v.most, uint64_t);
	v.out = weir_arena_new_array(arena, v.most, struct weir_tables_endpoint);
	v.to.identity = weir_arena_new_array(arena, v.most, uint64_t);
	for (uint32_t i = 0; i < v.n_uses; i++)
		add_pool(&v, v.uses[i].pool, v.uses[i].mode);
	free(v.uses);
	free(v.drain_ms);
	free(v.counted);
	free(v.pool_weight);
	free(v.index);
	free(v.ahead);
	t->n_endpoints = v.n;
	t->endpoints = v.out;
	return v.to;
}

const uint32_t *weir_endpoints_of(const struct weir_endpoints *e, const struct weir_pool *pool,
				  uint8_t mode)
{
	const uint32_t *of = e->of[pool->index * MODES + mode];

	assert(of);
	return of;
}
