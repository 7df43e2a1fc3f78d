/* SPDX-License-Identifier: GPL-2.0-or-later */
/* classes.h - which clients a load balancer tells apart by where they are and by its rules, and in
 * which order each class of them may use its pools. By the model and the places alone, whatever the
 * health: a class keeps its meaning until one of them is replaced. Pure; any thread. */
#ifndef WEIR_MODEL_CLASSES_H
#define WEIR_MODEL_CLASSES_H

#include "model/places.h"

/* How many of the nearest pools proximity puts in order; those behind them keep theirs. */
#define WEIR_NEAREST 3

struct weir_class {
	const struct weir_lb *lb; /* the balancer, with what rules make of it for them */
	const struct weir_pool *const *pools; /* candidates, in failover order */
	uint32_t n;
	uint16_t client_region; /* as in struct weir_location */
	bool nobody;            /* a fixed response: whatever the health */
};

/* Of one load balancer. */
struct weir_lb_classes {
	const struct weir_lb *lb; /* as rules, but no pool sets, make it (ruled), or as it is */
	const struct weir_class *classes; /* at least one: that of location 0 comes first */
	uint32_t n;
	const uint16_t *class_of; /* by location; NULL: there is one class */
	uint64_t digest;          /* of class_of */
	/* Of a DNS-only balancer with rules: the same by which of them hold, as bits by their index
	 * (1 << n_rules of them). NULL: it has none, or packets are told apart by them. */
	const struct weir_lb_classes *ruled;
};

/* The pool set of a balancer that is for clients there; NULL: none is. */
const struct weir_pool_set *weir_lb_pool_set(const struct weir_lb *lb,
					     const struct weir_agent_conf *agent,
					     const struct weir_location *at);

/* By load balancer of the model. places NULL: nobody knows where clients are. A client of whom it
 * is not known is where this balancer is. Lives in arena and refers to the model. */
const struct weir_lb_classes *weir_classes_build(const struct weir_model *m,
						 const struct weir_places *places,
						 struct weir_arena *arena);

#endif
