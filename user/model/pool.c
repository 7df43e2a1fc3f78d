/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/pool.h"

bool weir_origin_healthy(const struct weir_pool *pool, const struct weir_origin *origin,
			 const struct weir_health *health)
{
	return origin->enabled && !origin->fault && weir_health_up(&health[origin->index], pool);
}

/* Health is ignored, but nobody serves before its first verdict, nor against what was said by
 * hand. */
static bool may_be_last(const struct weir_pool *pool, const struct weir_origin *o,
			const struct weir_health *health)
{
	const struct weir_health *h = &health[o->index];

	if (!o->enabled || h->forced)
		return weir_origin_healthy(pool, o, health);
	return !weir_pool_monitored(pool) || h->state != WEIR_UNKNOWN;
}

/* What the origins of a pool add up to. */
struct tally {
	uint32_t enabled, healthy, known;     /* known: a monitor had a verdict */
	uint64_t weight, of_weight;           /* of the healthy ones; of all enabled ones */
	uint32_t last;                        /* could serve as the last resort, with a weight */
	uint32_t left_alone, left_alone_down; /* nobody said anything of them by hand */
};

static struct tally count(const struct weir_pool *pool, const struct weir_health *health)
{
	struct tally t = { 0 };

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		const struct weir_health *h = &health[o->index];
		bool up = weir_origin_healthy(pool, o, health);
		bool known = h->forced || h->fault || h->state != WEIR_UNKNOWN ||
			     !weir_pool_monitored(pool);

		if (!o->enabled)
			continue;
		t.enabled++;
		t.known += known;
		t.healthy += up;
		t.weight += up ? o->weight : 0;
		t.of_weight += o->weight;
		t.last += o->weight && may_be_last(pool, o, health);
		t.left_alone += !h->forced;
		t.left_alone_down += !h->forced && known && !up;
	}
	return t;
}

static bool has_quorum(const struct weir_pool *pool, const struct tally *t)
{
	return t->healthy >= pool->minimum_origins && t->weight &&
	       t->weight * 100 >= t->of_weight * pool->quorum;
}

/* Who has had no verdict yet is not down, so that no pool begins with it. */
static bool panics(const struct weir_pool *pool, const struct tally *t)
{
	return t->last && (uint64_t)(t->left_alone - t->left_alone_down) * 100 <
				  (uint64_t)t->left_alone * pool->panic_threshold;
}

static enum weir_pool_state state_of(const struct weir_pool *pool, const struct tally *t)
{
	if (!pool->enabled)
		return WEIR_POOL_DISABLED;
	if (t->enabled && !t->known)
		return WEIR_POOL_UNKNOWN;
	if (!has_quorum(pool, t))
		return WEIR_POOL_CRITICAL;
	if (!weir_pool_monitored(pool))
		return WEIR_POOL_UNKNOWN;
	return t->healthy == t->enabled ? WEIR_POOL_HEALTHY : WEIR_POOL_DEGRADED;
}

static const struct weir_view_origin *decide_origins(const struct weir_pool *pool,
						     const struct tally *t, bool panic,
						     const struct weir_health *health,
						     struct weir_arena *arena)
{
	struct weir_view_origin *all =
		weir_arena_new_array(arena, pool->n_origins, struct weir_view_origin);

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		bool up = o->weight && weir_origin_healthy(pool, o, health);
		bool last = o->weight && may_be_last(pool, o, health);

		all[i] = (struct weir_view_origin){
			.takes = panic ? last : up,
			.takes_last = panic || !t->weight ? last : up,
			.weight = WEIR_WEIGHT_ONE - health[o->index].withheld,
		};
	}
	return all;
}

struct weir_view_pool weir_pool_decide(const struct weir_pool *pool,
				       const struct weir_health *health, struct weir_arena *arena)
{
	struct tally t = count(pool, health);
	bool panic = panics(pool, &t);

	return (struct weir_view_pool){
		.pool = pool,
		.state = state_of(pool, &t),
		.healthy = t.healthy,
		.panic = panic,
		.usable = pool->enabled && (panic || has_quorum(pool, &t)),
		.origins = decide_origins(pool, &t, panic, health, arena),
	};
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

const char *weir_lb_state_text(const struct weir_lb *lb, const struct weir_view_pool *pools)
{
	uint32_t usable = 0;

	if (!lb->enabled)
		return "disabled";
	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		usable += pools[lb->default_pools[i]->index].usable;
	if (!usable)
		return "critical";
	return usable == lb->n_default_pools ? "healthy" : "degraded";
}
