/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.h - which pools take the new flows of which clients, and what share of them (vendor-apis,
 * "Steering between pools" and "Load shedding"). Pure; any thread. */
#ifndef WEIR_MODEL_STEER_H
#define WEIR_MODEL_STEER_H

#include "model/classes.h"
#include "model/pool.h"

#define WEIR_SHARE_ONE (1u << 20)

/* What a pool has of a mix. */
struct weir_share {
	const struct weir_view_pool *pool;
	uint32_t share; /* of new flows, of WEIR_SHARE_ONE; 0: it only has its base */
	uint32_t base;  /* what it would have if all pools were usable: what its place among the
			 * others goes by, so that its coming and going moves no flows of theirs */
	bool last;      /* it serves as the last resort, whatever its health */
};

/* Pools among which new flows are shared. Without any nobody can serve, or is to (nobody). */
struct weir_mix {
	const struct weir_share *shares;
	uint32_t n;
	bool nobody;
};

/* Where the new flows of some clients go. */
struct weir_steer_way {
	uint32_t mix;  /* index */
	bool sessions; /* those of clients with an affinity, too */
};

/* The decision for one load balancer. Clients are told apart by class, and if some pool sheds by
 * client address also by slice, which is a hash of that address. */
struct weir_steer {
	const struct weir_mix *mixes;      /* at least one */
	const struct weir_steer_way *ways; /* those of class 0, of class 1, ... */
	const uint16_t *class_of;          /* by location; NULL: there is one class */
	uint32_t n_mixes, n_classes;
	uint64_t classes_digest; /* of class_of */
	bool sliced; /* a class has WEIR_STEER_SLICES ways, else one; whatever the health */
};

/* pools: the decisions about all pools of the model, by index. latency_us: what pools take to
 * answer, by pool index and client region (of n_regions; 0: of all clients); 0: not known; NULL: of
 * none. What a pool sheds is for the next one, with weights for one that is drawn among the others;
 * what all of them shed is for the fallback pool. With weights and more than six pools that shed,
 * what was shed three times stays where it comes to. */
struct weir_steer weir_steer_decide(const struct weir_lb *lb, const struct weir_lb_classes *classes,
				    const struct weir_view_pool *pools, const uint32_t *latency_us,
				    uint32_t n_regions, struct weir_arena *arena);

/* The weight of a pool where balancers have them, in hundredths. */
uint16_t weir_lb_pool_weight(const struct weir_lb *lb, const struct weir_pool *pool);

/* Whether new flows are shared by weights, not in an order. */
bool weir_lb_has_weights(const struct weir_lb *lb);

/* Where a slice of clients is in the order in which a pool sheds them: each slice has a place of
 * its own, 0 .. WEIR_STEER_SLICES - 1. */
uint32_t weir_shed_place(const struct weir_pool *pool, uint32_t slice);

#endif
