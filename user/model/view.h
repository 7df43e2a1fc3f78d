/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h - what the operator wants and what is true now, decided: which pools each load balancer
 * uses and which of their origins serve. Everything after it (tables, DNS answers, status) is a
 * pure function of it. Pure; any thread. */
#ifndef WEIR_MODEL_VIEW_H
#define WEIR_MODEL_VIEW_H

#include "model/steer.h"

#define WEIR_MEMBER_WEIGHT 65535u /* the largest of a mix */

/* An origin of a mix, in units of the mix. */
struct weir_view_member {
	const struct weir_origin *origin;
	const struct weir_pool *pool;
	uint32_t weight; /* 1 .. WEIR_MEMBER_WEIGHT: what it has by configuration, healthy or not */
	uint32_t now;    /* 0 .. WEIR_MEMBER_WEIGHT: what it gets of new flows */
};

struct weir_view_mix {
	const struct weir_view_member *members; /* all with a weight, by pool and origin */
	uint32_t n, n_serving;                  /* n_serving: those that get something */
};

/* A load balancer's decision. */
struct weir_view_lb {
	const struct weir_lb *lb;
	struct weir_steer steer;
	const struct weir_view_mix *mixes; /* steer.n_mixes of them */
	/* Of clients of whom nothing is known: the pool with the largest share, of several the
	 * first one. NULL: nobody can serve. */
	const struct weir_pool *pool;
	bool fallback; /* it is the fallback pool as last resort */
	/* Of a DNS-only balancer with rules: the decision by which of them hold, as bits by their
	 * index (1 << n_rules); lb is then the balancer as they make it. NULL: it has none. */
	const struct weir_view_lb *ruled;
};

struct weir_view {
	const struct weir_model *model;
	const struct weir_health *health; /* by origin index */
	const struct weir_places *places; /* NULL: nobody knows where clients are */
	const struct weir_view_pool *pools;
	const struct weir_view_lb *lbs; /* one per load balancer of the model */
};

/* What is true now. */
struct weir_facts {
	const struct weir_health *health;      /* by origin index */
	const struct weir_places *places;      /* NULL: nobody knows where clients are */
	const struct weir_lb_classes *classes; /* what weir_classes_build() made of them; NULL: it
						* is made here, each time */
	const uint32_t *latency_us;            /* as weir_steer_decide() takes it */
};

/* What takes new flows is decided by pool.h and steer.h. A disabled balancer serves nobody. The
 * model and what now refers to must outlive the view, which lives in arena. */
const struct weir_view *weir_view_build(const struct weir_model *model,
					const struct weir_facts *now, struct weir_arena *arena);

/* What clients get of whom nothing is known. */
static inline const struct weir_view_mix *weir_view_mix(const struct weir_view_lb *v)
{
	return &v->mixes[v->steer.ways[0].mix];
}

#endif
