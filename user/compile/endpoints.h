/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoints.h - every endpoint that a proxied load balancer may ever use, once. Pure. */
#ifndef WEIR_COMPILE_ENDPOINTS_H
#define WEIR_COMPILE_ENDPOINTS_H

#include "compile/compile.h"

struct weir_endpoints {
	uint64_t *identity; /* by endpoint: a hash of what it is, equal on every machine */
	uint32_t **of;      /* weir_endpoints_of() */
};

/* Sets t->endpoints and t->n_endpoints: all origins of all pools that proxied balancers name,
 * also those that serve nobody now, so that draining and adoption know them; in the order in which
 * balancers name them. Everything lives in arena. */
struct weir_endpoints weir_endpoints_collect(struct weir_tables *t, const struct weir_view *view,
					     struct weir_arena *arena);

/* The endpoints of a pool's origins, by their place in it, as a balancer reaches them. */
const uint32_t *weir_endpoints_of(const struct weir_endpoints *e, const struct weir_pool *pool,
				  uint8_t mode);

#endif
