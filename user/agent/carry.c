/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carry.c - health that is known already, for a new model. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"

static bool same_origin(const struct weir_origin *a, const struct weir_origin *b)
{
	return weir_addr_eq(&a->addr, &b->addr) && a->port == b->port;
}

/* The n-th origin of a pool as it was in another model, most likely in the same place. */
static const struct weir_origin *origin_was(const struct weir_pool *was,
					    const struct weir_pool *pool, uint32_t n)
{
	const struct weir_origin *o = &pool->origins[n];

	if (was && n < was->n_origins && same_origin(&was->origins[n], o))
		return &was->origins[n];
	for (uint32_t i = 0; was && i < was->n_origins; i++)
		if (same_origin(&was->origins[i], o))
			return &was->origins[i];
	return NULL;
}

void agent_index_pools(struct weir_index *x, const struct weir_model *m, struct weir_arena *arena)
{
	weir_index_init(x, m->n_pools, arena);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		uint32_t nth = i;

		weir_index_add(x, m->pools[i].id, strlen(m->pools[i].id), &nth);
	}
}

/* Health for a new model: what is known stays known. At the first start, what the adopted maps
 * say of an endpoint counts until its first verdict, so that a restart moves no traffic. */
struct weir_health *agent_carry_health(const struct weir_agent *a, const struct weir_model *m)
{
	struct weir_now now = agent_now(a);
	struct weir_health *health = weir_health_new(m, now.wall_ms);
	struct weir_arena *arena = weir_arena_new();
	struct weir_index by_id;

	agent_index_pools(&by_id, a->model, arena);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i], *was = NULL;
		uint32_t nth;

		if (a->health && weir_index_find(&by_id, pool->id, strlen(pool->id), &nth))
			was = &a->model->pools[nth];
		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];
			const struct weir_origin *known = origin_was(was, pool, k);

			if (known)
				weir_health_carry(&health[o->index], pool, &a->health[known->index],
						  was, now);
			else if (!a->health &&
				 weir_plane_was_healthy(a->plane, &o->addr, htons(o->port)))
				weir_health_assume(&health[o->index], pool);
		}
	}
	weir_overrides_apply(a->overrides, m, health, now.wall_ms);
	weir_arena_free(arena);
	return health;
}
