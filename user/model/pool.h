/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.h - the decision about one pool: its state, and which of its origins take new flows with
 * how much of their weight. Load balancers (view.h) only read it. Pure; any thread. */
#ifndef WEIR_MODEL_POOL_H
#define WEIR_MODEL_POOL_H

#include "base/mem.h"
#include "model/health.h"
#include "model/model.h"

/* Words of the pool states (vendor-apis, "From probe to load balancer"). */
enum weir_pool_state {
	WEIR_POOL_UNKNOWN,  /* no monitor, or a monitor without any result */
	WEIR_POOL_HEALTHY,  /* every enabled origin healthy */
	WEIR_POOL_DEGRADED, /* some unhealthy, minimum_origins and quorum met */
	WEIR_POOL_CRITICAL, /* one of the two missed, or nobody to serve */
	WEIR_POOL_DISABLED,
};

/* What a pool lets one of its origins do. */
struct weir_view_origin {
	bool takes;      /* new flows */
	bool takes_last; /* new flows when the pool is the last resort */
	uint32_t weight; /* effective, of WEIR_WEIGHT_ONE; both times */
};

struct weir_view_pool {
	const struct weir_pool *pool;
	enum weir_pool_state state;
	uint32_t healthy;                       /* enabled origins that count as healthy */
	bool usable;                            /* may take traffic in failover order */
	bool panic;                             /* too few are healthy: all take new flows */
	const struct weir_view_origin *origins; /* of the pool, in its order */
};

/* An origin counts as healthy when it is enabled and its health (health.h) lets it have new flows.
 * A pool is usable when it is enabled, has minimum_origins of them, and they have some weight, and
 * quorum percent of that of all enabled ones. Those that count as healthy and have a weight take
 * new flows. When there are none, the last resort is all enabled ones with a weight that have had a
 * verdict (an origin with a monitor gets no traffic before its first one). These serve as well when
 * the share of enabled origins that are not down is below panic_threshold percent: then so many are
 * said to be down that the others could not bear what comes, or that it is not believed; the pool
 * is usable. Those of which something was said by hand are not counted for that, and go on as it
 * was said. */
struct weir_view_pool weir_pool_decide(const struct weir_pool *pool,
				       const struct weir_health *health, struct weir_arena *arena);

/* Whether this origin counts as healthy, by the rule above. */
bool weir_origin_healthy(const struct weir_pool *pool, const struct weir_origin *origin,
			 const struct weir_health *health);

const char *weir_pool_state_text(enum weir_pool_state s);

/* The word for a load balancer, by the decisions about all pools: healthy when all of its pools are
 * usable, degraded when some are, critical when none is (the fallback pool serves); or disabled. */
const char *weir_lb_state_text(const struct weir_lb *lb, const struct weir_view_pool *pools);

#endif
