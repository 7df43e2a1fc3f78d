/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/endpoints.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

static int by_address_and_mode(const void *a, const void *b)
{
	const struct weir_tables_endpoint *x = a, *y = b;
	int order = weir_addr_cmp(&x->addr, &y->addr);

	return order ? order : x->mode - y->mode;
}

/* Collects each pool once in each mode in which a balancer may use it. */
struct visit {
	const struct weir_view *view;
	bool *seen; /* by pool index and mode */
	struct weir_tables_endpoint *out;
	uint32_t n;
};

static void add_pool(struct visit *v, const struct weir_pool *pool, uint8_t mode)
{
	bool *seen = &v->seen[WEIR_MODE_COUNT * pool->index + mode];

	if (*seen)
		return;
	*seen = true;
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		enum weir_state state = v->view->health[o->index].state;

		v->out[v->n++] = (struct weir_tables_endpoint){
			.addr = o->addr,
			.mode = mode,
			.monitored = pool->monitor,
			.healthy = !pool->monitor || state == WEIR_HEALTHY,
			.alive = !pool->monitor || state != WEIR_UNHEALTHY,
		};
	}
}

static void add_pools(struct visit *v)
{
	const struct weir_model *m = v->view->model;

	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *lb = &m->lbs[i];

		if (!lb->proxied)
			continue;
		for (uint32_t k = 0; k < lb->n_default_pools; k++)
			add_pool(v, lb->default_pools[k], lb->forwarding);
		if (lb->fallback_pool)
			add_pool(v, lb->fallback_pool, lb->forwarding);
	}
}

/* Sorts and makes one of equal ones: alive if any of them is. */
static uint32_t merge(struct weir_tables_endpoint *e, uint32_t n)
{
	uint32_t kept = 0;

	qsort(e, n, sizeof(*e), by_address_and_mode);
	for (uint32_t i = 0; i < n; i++) {
		if (kept && !by_address_and_mode(&e[kept - 1], &e[i])) {
			e[kept - 1].monitored |= e[i].monitored;
			e[kept - 1].healthy &= e[i].healthy;
			e[kept - 1].alive |= e[i].alive;
		} else {
			e[kept++] = e[i];
		}
	}
	return kept;
}

void weir_endpoints_collect(struct weir_tables *t, const struct weir_view *view,
			    struct weir_arena *arena)
{
	const struct weir_model *m = view->model;
	struct visit v = {
		.view = view,
		.seen = weir_arena_new_array(arena, WEIR_MODE_COUNT * (size_t)m->n_pools, bool),
		.out = weir_arena_new_array(arena, WEIR_MODE_COUNT * (size_t)m->n_origins,
					    struct weir_tables_endpoint),
	};

	add_pools(&v);
	t->n_endpoints = merge(v.out, v.n);
	t->endpoints = v.out;
}

uint32_t weir_endpoints_find(const struct weir_tables *t, const union weir_addr *addr, uint8_t mode)
{
	struct weir_tables_endpoint key = { .addr = *addr, .mode = mode };
	const struct weir_tables_endpoint *e =
		bsearch(&key, t->endpoints, t->n_endpoints, sizeof(key), by_address_and_mode);

	assert(e);
	return (uint32_t)(e - t->endpoints);
}

uint64_t weir_endpoint_identity(const struct weir_tables_endpoint *e)
{
	return weir_hash_bytes(e->mode, &e->addr, sizeof(e->addr));
}
