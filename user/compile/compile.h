/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile.h - a view into tables: which endpoint each row of each service maps to.
 *
 * A pure function: no clock, no I/O, no random numbers, integers only, so that balancers with the
 * same view build byte-identical tables on any machine, whatever the order of objects. */
#ifndef WEIR_COMPILE_COMPILE_H
#define WEIR_COMPILE_COMPILE_H

#include "model/view.h"
#include "weir/abi.h"

#define WEIR_ROW_NOBODY UINT32_MAX /* a row of a service that nobody can serve */

/* An endpoint as packets see it: unique by address and mode, sorted by them. */
struct weir_tables_endpoint {
	union weir_addr addr;
	uint8_t mode;   /* enum weir_mode */
	bool monitored; /* some pool with a monitor has it */
	bool healthy;   /* passed its last verdict in every pool with a monitor that has it */
	bool alive;     /* not known to be unhealthy: its flows may stay */
};

struct weir_tables_service {
	union weir_addr vip;
	__be16 port;
	uint8_t proto;
	uint32_t size;        /* rows, a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX */
	const uint32_t *rows; /* index into weir_tables.endpoints, or WEIR_ROW_NOBODY; services of
			       * one load balancer share them */
	const struct weir_lb *lb;
};

struct weir_tables {
	const struct weir_tables_endpoint *endpoints;
	const struct weir_tables_service *services; /* sorted by vip, proto, port */
	const union weir_addr *vips;                /* every VIP of them once, sorted */
	uint32_t n_endpoints, n_services, n_vips;
	uint32_t drain_ms; /* longest drain window of any service */
	uint64_t digest;   /* of services and rows by endpoint address: equal input, equal digest */
};

/* The view must outlive the tables, which live in arena. */
const struct weir_tables *weir_compile(const struct weir_view *view, struct weir_arena *arena);

#endif
