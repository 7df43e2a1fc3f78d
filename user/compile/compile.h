/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile.h - a view into tables: which endpoint each row of each service maps to.
 *
 * A pure function: no clock, no I/O, no random numbers, integers only, so that balancers with the
 * same view build tables that name the same endpoints, on any machine, whatever the order of
 * objects. */
#ifndef WEIR_COMPILE_COMPILE_H
#define WEIR_COMPILE_COMPILE_H

#include "compile/memo.h"
#include "model/view.h"
#include "weir/abi.h"

/* An endpoint as packets see it: unique by address and mode. */
struct weir_tables_endpoint {
	union weir_addr addr;
	uint8_t mode;      /* enum weir_mode */
	bool monitored;    /* some pool with a monitor has it */
	bool healthy;      /* passed its last verdict in every pool with a monitor that has it */
	bool alive;        /* not known to be unhealthy: its flows may stay */
	bool enabled;      /* some pool has it so */
	uint32_t drain_ms; /* how long its flows may stay when it is gone: the longest of balancers
			    * that may use it */
};

/* A prefix of clients: the longest that holds a client decides. */
struct weir_tables_source {
	struct weir_prefix of;
	bool allow;
};

/* The rows of a load balancer, which all its services share. */
struct weir_tables_table {
	const struct weir_lb *lb;
	const uint32_t *members; /* indexes into weir_tables.endpoints */
	const uint32_t *rows;    /* indexes into members, or WEIR_ROW_NOBODY */
	uint32_t n_members;
	uint32_t size;        /* rows, a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX */
	uint64_t digest;      /* of size and rows by endpoint: equal rows, equal digest */
	uint32_t drain_ms;    /* how long a row that changed knows its older flows */
	uint32_t affinity_ms; /* how long it knows its older clients; 0: it does not */
	/* With WEIR_SERVICE_SOURCES: sorted, each prefix once, those of all IPv4 and of all IPv6
	 * addresses among them. */
	const struct weir_tables_source *sources;
	uint32_t n_sources;
};

struct weir_tables_service {
	union weir_addr vip;
	__be16 port;
	uint8_t proto;
	uint16_t flags;                        /* enum weir_service_flag */
	const struct weir_tables_table *table; /* one of weir_tables.tables */
};

struct weir_tables {
	const struct weir_tables_endpoint *endpoints;
	const struct weir_tables_table *tables;
	const struct weir_tables_service *services; /* sorted by vip, proto, port */
	const union weir_addr *vips;                /* every VIP of them once, sorted */
	uint32_t n_endpoints, n_tables, n_services, n_vips;
	uint32_t drain_ms; /* the longest of all */
	uint64_t digest;   /* of services, their flags, and rows by endpoint address: equal input,
			    * equal digest */
};

/* The endpoint of a row, an index into weir_tables.endpoints, or WEIR_ROW_NOBODY. */
static inline uint32_t weir_tables_row(const struct weir_tables_table *t, uint32_t row)
{
	uint32_t member = t->rows[row];

	return member == WEIR_ROW_NOBODY ? WEIR_ROW_NOBODY : t->members[member];
}

/* The view and memo must outlive the tables, which live in arena; their rows are memo's. Rows that
 * memo knows are not built again: that is all it changes. */
const struct weir_tables *weir_compile(const struct weir_view *view, struct weir_memo *memo,
				       struct weir_arena *arena);

#endif
