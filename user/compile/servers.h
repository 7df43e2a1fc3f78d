/* SPDX-License-Identifier: GPL-2.0-or-later */
/* servers.h - the endpoints that QUIC connection ids of a load balancer name: those of all its
 * pools, whether they serve now or not. Internal to user/compile. */
#ifndef WEIR_COMPILE_SERVERS_H
#define WEIR_COMPILE_SERVERS_H

#include "compile/compile.h"
#include "compile/endpoints.h"

void weir_servers_collect(struct weir_tables_group *g, const struct weir_endpoints *e,
			  struct weir_arena *arena);

/* Of what connection ids say. */
uint64_t weir_servers_digest(const struct weir_tables_group *g, const struct weir_endpoints *e);

#endif
