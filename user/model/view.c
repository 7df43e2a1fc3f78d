/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/view.h"

bool weir_origin_healthy(const struct weir_pool *pool, const struct weir_origin *origin,
			 const struct weir_health *health)
{
	return origin->enabled && (!pool->monitor || health[origin->index].state == WEIR_HEALTHY);
}

/* What the origins of a pool add up to. */
struct tally {
	uint32_t enabled, healthy, known; /* known: a monitor had a verdict */
	uint32_t weight;                  /* of the healthy ones */
};

static struct tally count(const struct weir_pool *pool, const struct weir_health *health)
{
	struct tally t = { 0 };

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];

		t.enabled += o->enabled;
		t.known += o->enabled && health[o->index].state != WEIR_UNKNOWN;
		if (weir_origin_healthy(pool, o, health)) {
			t.healthy++;
			t.weight += o->weight;
		}
	}
	return t;
}

static enum weir_pool_state state_of(const struct weir_pool *pool, const struct tally *t,
				     bool usable)
{
	if (!pool->enabled)
		return WEIR_POOL_DISABLED;
	if (pool->monitor && t->enabled && !t->known)
		return WEIR_POOL_UNKNOWN;
	if (!usable)
		return WEIR_POOL_CRITICAL;
	if (!pool->monitor)
		return WEIR_POOL_UNKNOWN;
	return t->healthy == t->enabled ? WEIR_POOL_HEALTHY : WEIR_POOL_DEGRADED;
}

static struct weir_view_pool decide_pool(const struct weir_pool *pool,
					 const struct weir_health *health)
{
	struct tally t = count(pool, health);
	bool usable = pool->enabled && t.healthy >= pool->minimum_origins && t.weight;

	return (struct weir_view_pool){
		.pool = pool,
		.state = state_of(pool, &t, usable),
		.healthy = t.healthy,
		.usable = usable,
	};
}

/* Last resort: health is ignored, but nobody serves before its first verdict. */
static bool may_serve_as_last(const struct weir_pool *pool, const struct weir_origin *o,
			      const struct weir_health *health)
{
	return o->enabled && (!pool->monitor || health[o->index].state != WEIR_UNKNOWN);
}

/* Fills d with the origins of the pool that may serve; last: whatever their health. */
static bool serve(struct weir_view_lb *d, const struct weir_pool *pool, bool last,
		  const struct weir_health *health, struct weir_arena *arena)
{
	uint32_t n = 0;

	d->serving = weir_arena_new_array(arena, pool->n_origins, const struct weir_origin *);
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];

		if (o->weight && (last ? may_serve_as_last(pool, o, health)
				       : weir_origin_healthy(pool, o, health)))
			d->serving[n++] = o;
	}
	d->n_serving = n;
	d->pool = n ? pool : NULL;
	return n;
}

static void decide_lb(struct weir_view_lb *d, const struct weir_view_pool *pools,
		      const struct weir_health *health, struct weir_arena *arena)
{
	const struct weir_pool *last = d->lb->fallback_pool;

	if (!d->lb->enabled)
		return;
	for (uint32_t i = 0; i < d->lb->n_default_pools; i++) {
		const struct weir_pool *p = d->lb->default_pools[i];

		if (pools[p->index].usable && serve(d, p, false, health, arena))
			return;
	}
	if (last->enabled)
		d->fallback =
			serve(d, last, false, health, arena) || serve(d, last, true, health, arena);
}

const struct weir_view *weir_view_build(const struct weir_model *model,
					const struct weir_health *health, struct weir_arena *arena)
{
	struct weir_view *v = weir_arena_alloc(arena, 1, sizeof(*v));
	struct weir_view_pool *pools =
		weir_arena_new_array(arena, model->n_pools, struct weir_view_pool);
	struct weir_view_lb *lbs = weir_arena_new_array(arena, model->n_lbs, struct weir_view_lb);

	for (uint32_t i = 0; i < model->n_pools; i++)
		pools[i] = decide_pool(&model->pools[i], health);
	for (uint32_t i = 0; i < model->n_lbs; i++) {
		lbs[i].lb = &model->lbs[i];
		decide_lb(&lbs[i], pools, health, arena);
	}
	*v = (struct weir_view){ .model = model, .health = health, .pools = pools, .lbs = lbs };
	return v;
}

const char *weir_pool_state_text(enum weir_pool_state s)
{
	switch (s) {
	case WEIR_POOL_UNKNOWN:
		return "unknown";
	case WEIR_POOL_HEALTHY:
		return "healthy";
	case WEIR_POOL_DEGRADED:
		return "degraded";
	case WEIR_POOL_CRITICAL:
		return "critical";
	case WEIR_POOL_DISABLED:
		return "disabled";
	}
	return "?";
}
