/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h - what the operator wants and what is true now, decided: which pool each load balancer
 * uses and which of its origins serve. Everything after it (tables, DNS answers, status) is a
 * pure function of it. Pure; any thread. */
#ifndef WEIR_MODEL_VIEW_H
#define WEIR_MODEL_VIEW_H

#include "base/mem.h"
#include "model/health.h"
#include "model/model.h"

/* Words of the pool states (vendor-apis, "From probe to load balancer"). */
enum weir_pool_state {
	WEIR_POOL_UNKNOWN,  /* no monitor, or a monitor without any result */
	WEIR_POOL_HEALTHY,  /* every enabled origin healthy */
	WEIR_POOL_DEGRADED, /* some unhealthy, minimum_origins met */
	WEIR_POOL_CRITICAL, /* below minimum_origins, or nobody to serve */
	WEIR_POOL_DISABLED,
};

struct weir_view_pool {
	const struct weir_pool *pool;
	enum weir_pool_state state;
	uint32_t healthy; /* enabled origins that count as healthy */
	bool usable;      /* may take traffic in failover order */
};

/* A load balancer's decision. serving: origins that take new flows, weight > 0, in the order of
 * the document. */
struct weir_view_lb {
	const struct weir_lb *lb;
	const struct weir_pool *pool; /* NULL: nobody can serve */
	bool fallback;                /* pool is the fallback pool as last resort */
	const struct weir_origin **serving;
	uint32_t n_serving;
};

struct weir_view {
	const struct weir_model *model;
	const struct weir_health *health; /* by origin index */
	const struct weir_view_pool *pools;
	const struct weir_view_lb *lbs; /* one per load balancer of the model */
};

/* An origin counts as healthy when it is enabled and its pool has no monitor, or its state is
 * healthy. The first enabled pool of default_pools with minimum_origins healthy origins and some
 * weight serves; else the fallback pool if it is enabled, whatever its health: with its healthy
 * origins if it has any, else with all enabled ones that have had a verdict (an origin with a
 * monitor gets no traffic before its first one). A disabled balancer serves nobody.
 * model and health must outlive the view, which lives in arena. */
const struct weir_view *weir_view_build(const struct weir_model *model,
					const struct weir_health *health, struct weir_arena *arena);

/* Whether this origin counts as healthy, by the rule above. */
bool weir_origin_healthy(const struct weir_pool *pool, const struct weir_origin *origin,
			 const struct weir_health *health);

const char *weir_pool_state_text(enum weir_pool_state s);

#endif
