/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/view.h"

#include <stdlib.h>

/* A member before it is brought into the units of its mix. */
struct raw {
	uint64_t weight, now;
};

/* Parts of the pool's weight, all of it 2^24: of what is configured, and of what serves. */
static void weigh(const struct weir_share *s, struct raw *raw)
{
	const struct weir_pool *pool = s->pool->pool;
	uint64_t all = 0, serving = 0;

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_view_origin *is = &s->pool->origins[i];
		uint64_t weight = (uint64_t)pool->origins[i].weight << 16;

		raw[i].weight = weight;
		raw[i].now = (s->last ? is->takes_last : is->takes)
				     ? weight / WEIR_WEIGHT_ONE * is->weight
				     : 0;
		all += weight;
		serving += raw[i].now;
	}
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		raw[i].weight = all ? (raw[i].weight << 24) / all * s->base : 0;
		raw[i].now = serving ? (raw[i].now << 24) / serving * s->share : 0;
	}
}

/* Into 1 .. WEIR_MEMBER_WEIGHT; nothing stays nothing. */
static uint32_t scale(uint64_t raw, uint64_t most)
{
	uint64_t n = raw ? (raw >> 8) * WEIR_MEMBER_WEIGHT / (most >> 8) : 0;

	return (uint32_t)(raw && !n ? 1 : n);
}

static struct weir_view_mix expand(const struct weir_mix *mix, struct weir_arena *arena)
{
	struct weir_view_mix out = { 0 };
	uint64_t most_weight = 0, most_now = 0;
	uint32_t n = 0, k = 0;
	struct weir_view_member *to;
	struct raw *raw;

	for (uint32_t i = 0; i < mix->n; i++)
		n += mix->shares[i].pool->pool->n_origins;
	to = weir_arena_new_array(arena, n, struct weir_view_member);
	raw = weir_new_array(n, struct raw);
	for (uint32_t i = 0; i < mix->n; k += mix->shares[i++].pool->pool->n_origins)
		weigh(&mix->shares[i], &raw[k]);
	for (k = 0; k < n; k++) {
		most_weight = raw[k].weight > most_weight ? raw[k].weight : most_weight;
		most_now = raw[k].now > most_now ? raw[k].now : most_now;
	}
	k = 0;
	for (uint32_t i = 0; i < mix->n; i++) {
		const struct weir_pool *pool = mix->shares[i].pool->pool;

		for (uint32_t o = 0; o < pool->n_origins; o++, k++) {
			if (!raw[k].weight)
				continue;
			to[out.n] = (struct weir_view_member){ &pool->origins[o], pool,
							       scale(raw[k].weight, most_weight),
							       scale(raw[k].now, most_now) };
			out.n_serving += to[out.n++].now > 0;
		}
	}
	free(raw);
	out.members = to;
	return out;
}

/* A disabled balancer's. */
static struct weir_steer nobody(void)
{
	static const struct weir_mix mix;
	static const struct weir_steer_way way;

	return (struct weir_steer){ .mixes = &mix, .ways = &way, .n_mixes = 1, .n_classes = 1 };
}

static void sum_up(struct weir_view_lb *d)
{
	const struct weir_mix *mix = &d->steer.mixes[d->steer.ways[0].mix];
	const struct weir_share *most = NULL;

	if (!weir_view_mix(d)->n_serving)
		return;
	for (uint32_t i = 0; i < mix->n; i++)
		if (!most || mix->shares[i].share > most->share)
			most = &mix->shares[i];
	d->pool = most->pool->pool;
	d->fallback = most->last;
}

static void decide_lb(struct weir_view_lb *d, const struct weir_lb_classes *classes,
		      const struct weir_view *v, const struct weir_facts *now,
		      struct weir_arena *arena)
{
	struct weir_view_mix *mixes;

	d->steer = d->lb->enabled ? weir_steer_decide(d->lb, classes, v->pools, now->latency_us,
						      v->model->agent.n_regions, arena)
				  : nobody();
	mixes = weir_arena_new_array(arena, d->steer.n_mixes, struct weir_view_mix);
	for (uint32_t i = 0; i < d->steer.n_mixes; i++)
		mixes[i] = expand(&d->steer.mixes[i], arena);
	d->mixes = mixes;
	sum_up(d);
}

static void decide_ruled(struct weir_view_lb *d, const struct weir_lb_classes *classes,
			 const struct weir_view *v, const struct weir_facts *now,
			 struct weir_arena *arena)
{
	uint32_t n = classes->ruled ? 1u << d->lb->n_rules : 0;
	struct weir_view_lb *out = weir_arena_new_array(arena, n, struct weir_view_lb);

	for (uint32_t i = 0; i < n; i++) {
		out[i].lb = classes->ruled[i].lb;
		decide_lb(&out[i], &classes->ruled[i], v, now, arena);
	}
	d->ruled = n ? out : NULL;
}

const struct weir_view *weir_view_build(const struct weir_model *model,
					const struct weir_facts *now, struct weir_arena *arena)
{
	struct weir_view *v = weir_arena_alloc(arena, 1, sizeof(*v));
	struct weir_view_pool *pools =
		weir_arena_new_array(arena, model->n_pools, struct weir_view_pool);
	struct weir_view_lb *lbs = weir_arena_new_array(arena, model->n_lbs, struct weir_view_lb);
	const struct weir_lb_classes *classes =
		now->classes ? now->classes : weir_classes_build(model, now->places, arena);

	for (uint32_t i = 0; i < model->n_pools; i++)
		pools[i] = weir_pool_decide(&model->pools[i], now->health, arena);
	*v = (struct weir_view){ model, now->health, now->places, pools, lbs };
	for (uint32_t i = 0; i < model->n_lbs; i++) {
		lbs[i].lb = &model->lbs[i];
		decide_lb(&lbs[i], &classes[i], v, now, arena);
		decide_ruled(&lbs[i], &classes[i], v, now, arena);
	}
	return v;
}
