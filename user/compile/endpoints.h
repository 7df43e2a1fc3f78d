/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoints.h - every endpoint that a proxied load balancer may ever use, unique and sorted.
 * Pure. */
#ifndef WEIR_COMPILE_ENDPOINTS_H
#define WEIR_COMPILE_ENDPOINTS_H

#include "compile/compile.h"

/* Sets t->endpoints and t->n_endpoints: all origins of all pools that proxied balancers name,
 * also those that serve nobody now, so that draining and adoption know them. */
void weir_endpoints_collect(struct weir_tables *t, const struct weir_view *view,
			    struct weir_arena *arena);

/* The index of an endpoint that weir_endpoints_collect() has seen. */
uint32_t weir_endpoints_find(const struct weir_tables *t, const union weir_addr *addr,
			     uint8_t mode);

/* A hash of what it is: equal on every machine, whatever its index. */
uint64_t weir_endpoint_identity(const struct weir_tables_endpoint *e);

#endif
