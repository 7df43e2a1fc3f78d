/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts_seen.c - what was seen last of the pools of a model, in short: those that are as they were
 * need no closer look. It is carried over to the next model, since most changes are about few
 * pools. */
#include "agent/alerts_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NOT_SEEN 0xff

/* The same for as long as a pool has the same origins. */
static uint64_t key_of(const struct weir_pool *pool)
{
	uint64_t key = weir_hash_bytes(pool->n_origins, pool->id, strlen(pool->id) + 1);

	for (uint32_t k = 0; k < pool->n_origins; k++) {
		const char *name = pool->origins[k].name;

		key = weir_hash_bytes(key, name, strlen(name) + 1);
	}
	return key;
}

/* Pools that the model does not have are forgotten. */
static void forget_pools(struct agent_alerts *l, const struct weir_model *m)
{
	struct weir_arena *arena = weir_arena_new();
	struct weir_index by_id;
	const char *id;
	json_t *of;
	uint32_t nth;
	void *next;

	agent_index_pools(&by_id, m, arena);
	json_object_foreach_safe(l->pools, next, id, of)
	{
		if (weir_index_find(&by_id, id, strlen(id), &nth))
			continue;
		agent_keep_note(l, "pool", id, NULL);
		json_object_del(l->pools, id);
	}
	weir_arena_free(arena);
}

static void find_balancers(struct agent_alerts *l, const struct weir_model *m)
{
	free(l->balancers);
	l->balancers = weir_new_array(m->n_pools + 1, const char *);
	for (uint32_t i = m->n_lbs; i--;)
		for (uint32_t k = 0; k < m->lbs[i].n_pools; k++)
			l->balancers[m->lbs[i].pools[k]->index] = m->lbs[i].name;
}

static struct agent_seen *index_seen(const struct agent_alerts *l, struct weir_index *by_key,
				     struct weir_arena *arena)
{
	weir_index_init(by_key, l->n_seen, arena);
	for (uint32_t i = 0; i < l->n_seen; i++) {
		uint32_t nth = i;

		weir_index_add(by_key, &l->seen[i].key, sizeof(l->seen[i].key), &nth);
	}
	return l->seen;
}

/* Returns how many pools of the model were seen before. */
static uint32_t carry_over(struct agent_alerts *l, const struct weir_model *m)
{
	struct agent_seen *now = weir_new_array(m->n_pools + 1, struct agent_seen);
	uint8_t *origins = weir_new_array(m->n_origins + 1, uint8_t);
	struct weir_arena *arena = weir_arena_new();
	struct weir_index by_key;
	const struct agent_seen *was = index_seen(l, &by_key, arena);
	uint32_t nth, found = 0;

	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i];

		now[i] = (struct agent_seen){ key_of(pool), pool->origins[0].index, NOT_SEEN };
		if (!weir_index_find(&by_key, &now[i].key, sizeof(now[i].key), &nth))
			continue;
		now[i].is = was[nth].is;
		memcpy(origins + now[i].first, l->seen_origins + was[nth].first, pool->n_origins);
		found++;
	}
	weir_arena_free(arena);
	free(l->seen);
	free(l->seen_origins);
	l->seen = now;
	l->seen_origins = origins;
	return found;
}

void agent_seen_model(struct agent_alerts *l, const struct weir_model *m)
{
	uint32_t n_before = l->n_seen;
	bool first = !l->seen_of;

	l->seen_of = m;
	find_balancers(l, m);
	if (carry_over(l, m) < n_before || first) /* some are gone, or it is not known */
		forget_pools(l, m);
	l->n_seen = m->n_pools;
}

bool agent_seen_so(struct agent_alerts *l, const struct weir_view *view, uint32_t nth)
{
	const struct weir_view_pool *v = &view->pools[nth];
	const struct weir_pool *pool = v->pool;
	uint8_t is = (uint8_t)(agent_pool_health(view, v) | pool->enabled << 2);
	bool same = is == l->seen[nth].is;

	l->seen[nth].is = is;
	for (uint32_t k = 0; k < pool->n_origins; k++) {
		uint32_t i = pool->origins[k].index;

		is = (uint8_t)agent_origin_health(view, pool, &pool->origins[k]);
		same &= is == l->seen_origins[i];
		l->seen_origins[i] = is;
	}
	return same;
}

void agent_seen_free(struct agent_alerts *l)
{
	free(l->seen);
	free(l->seen_origins);
	free(l->balancers);
}
