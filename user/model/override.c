/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/override.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	char *pool, *origin; /* origin NULL: the pool as a whole */
	struct weir_override o;
	struct weir_arena *arena; /* of all of it */
};

struct weir_overrides {
	struct entry *entries[WEIR_OVERRIDES_MAX];
	uint32_t n;
};

struct weir_overrides *weir_overrides_new(void)
{
	return weir_new(struct weir_overrides);
}

void weir_overrides_free(struct weir_overrides *l)
{
	for (uint32_t i = 0; l && i < l->n; i++)
		weir_arena_free(l->entries[i]->arena);
	free(l);
}

static bool is_for(const struct entry *e, const char *pool, const char *origin)
{
	return !strcmp(e->pool, pool) && !e->origin == !origin &&
	       (!origin || !strcmp(e->origin, origin));
}

static void forget(struct weir_overrides *l, uint32_t i)
{
	weir_arena_free(l->entries[i]->arena);
	l->entries[i] = l->entries[--l->n];
}

bool weir_overrides_clear(struct weir_overrides *l, const char *pool, const char *origin)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (!is_for(l->entries[i], pool, origin))
			continue;
		forget(l, i);
		return true;
	}
	return false;
}

bool weir_overrides_set(struct weir_overrides *l, const char *pool, const char *origin,
			const struct weir_override *o)
{
	struct weir_arena *arena;
	struct entry *e;

	weir_overrides_clear(l, pool, origin);
	if (l->n == WEIR_OVERRIDES_MAX)
		return false;
	arena = weir_arena_new();
	e = weir_arena_new_array(arena, 1, struct entry);
	*e = (struct entry){
		.pool = weir_arena_strdup(arena, pool),
		.origin = weir_arena_strdup(arena, origin),
		.o = *o,
		.arena = arena,
	};
	e->o.reason = weir_arena_strdup(arena, o->reason);
	e->o.by = weir_arena_strdup(arena, o->by);
	l->entries[l->n++] = e;
	return true;
}

static bool holds(const struct weir_override *o, uint64_t wall_ms)
{
	return o->state != WEIR_FORCED_NOT && (!o->until_ms || wall_ms < o->until_ms);
}

uint32_t weir_overrides_expire(struct weir_overrides *l, uint64_t wall_ms)
{
	uint32_t n = l->n;

	for (uint32_t i = n; i-- > 0;)
		if (!holds(&l->entries[i]->o, wall_ms))
			forget(l, i);
	return n - l->n;
}

const struct weir_override *weir_overrides_of(const struct weir_overrides *l,
					      const struct weir_pool *pool,
					      const struct weir_origin *origin, uint64_t wall_ms)
{
	const struct weir_override *documents = origin ? &origin->override : &pool->override;

	for (uint32_t i = 0; i < l->n; i++)
		if (holds(&l->entries[i]->o, wall_ms) &&
		    is_for(l->entries[i], pool->id, origin ? origin->name : NULL))
			return &l->entries[i]->o;
	return holds(documents, wall_ms) ? documents : NULL;
}

/* What ends later than now may be hidden now by something else that ends earlier. */
static void note_end(const struct weir_override *o, uint64_t wall_ms, uint64_t *first)
{
	if (o->until_ms > wall_ms && (!*first || o->until_ms < *first))
		*first = o->until_ms;
}

uint64_t weir_overrides_apply(const struct weir_overrides *l, const struct weir_model *m,
			      struct weir_health *health, uint64_t wall_ms)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < l->n; i++)
		note_end(&l->entries[i]->o, wall_ms, &first);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i];
		const struct weir_override *of_pool = weir_overrides_of(l, pool, NULL, wall_ms);

		note_end(&pool->override, wall_ms, &first);
		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];
			const struct weir_override *own = weir_overrides_of(l, pool, o, wall_ms);

			health[o->index].forced = own ? own : of_pool;
			note_end(&o->override, wall_ms, &first);
		}
	}
	return first;
}
