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

/* An endpoint as packets see it: unique by address, mode and port. */
struct weir_tables_endpoint {
	union weir_addr addr;
	__be16 port;       /* modes that rewrite it; 0: the listener's, and in all other modes */
	uint8_t mode;      /* enum weir_mode */
	bool monitored;    /* some pool with a monitor has it */
	bool healthy;      /* passed its last verdict in every pool with a monitor that has it */
	bool alive;        /* not known to be unhealthy: its flows may stay */
	bool enabled;      /* some pool has it so */
	uint32_t drain_ms; /* how long its flows may stay when it is gone: the longest of balancers
			    * that may use it */
	bool counted;      /* some balancer that may use it counts open connections */
	uint16_t weight;   /* for comparing them: the largest that a pool gives it, and where
			    * pools are compared, too, that share of it which the pool's weight is */
	uint32_t max_conn; /* the smallest that a pool gives it; 0: none */
};

/* A prefix of clients: the longest that holds a client decides. */
struct weir_tables_source {
	struct weir_prefix of;
	bool allow;
};

/* What a server id in QUIC connection ids names. */
struct weir_tables_server {
	uint64_t id;
	uint32_t endpoint; /* an index into weir_tables.endpoints */
};

/* What the services of a load balancer have in common, whichever rows they use. */
struct weir_tables_group {
	const struct weir_lb *lb;
	uint32_t drain_ms;    /* how long a row that changed knows its older flows */
	uint32_t affinity_ms; /* how long it knows its older clients; 0: it does not */
	/* With WEIR_SERVICE_SOURCES: sorted, each prefix once, those of all IPv4 and of all IPv6
	 * addresses among them. */
	const struct weir_tables_source *sources;
	uint32_t n_sources;
	/* With WEIR_SERVICE_QUIC: sorted, each id once. */
	const struct weir_tables_server *servers;
	uint32_t n_servers;
};

/* Rows of a load balancer, which all its services share. One that tells its clients apart has
 * several such tables. */
struct weir_tables_table {
	const struct weir_tables_group *group; /* one of weir_tables.groups */
	const uint32_t *members;               /* indexes into weir_tables.endpoints */
	const uint32_t *rows;                  /* indexes into members, or WEIR_ROW_NOBODY */
	uint32_t n_members;
	uint32_t size;   /* rows, a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX */
	uint64_t digest; /* of size and rows by endpoint: equal rows, equal digest */
};

/* Where some of a load balancer's clients go. */
struct weir_tables_way {
	uint32_t table; /* an index into weir_tables.tables, of the same group */
	bool sessions;  /* clients with an affinity, too: their new flows */
};

/* How a load balancer tells its clients apart: by where they are, and by what their address hashes
 * to. */
struct weir_tables_steer {
	const uint16_t *class_of; /* by location, weir_tables.places; NULL: there is one class */
	uint32_t n_classes;
	bool sliced; /* a class has WEIR_STEER_SLICES ways, by a hash of the client's address; else
		      * one */
	const struct weir_tables_way *ways; /* those of class 0, of class 1, ... */
	uint64_t digest; /* of all this, tables counted from the first of their group's */
};

struct weir_tables_service {
	union weir_addr vip;
	__be16 port;
	uint8_t proto;
	uint16_t flags;                        /* enum weir_service_flag */
	const struct weir_tables_table *table; /* one of weir_tables.tables */
	const struct weir_tables_steer *steer; /* NULL: table takes all; else it is that of ways[0]
						*/
};

/* Where replies come from that are those of a service: an endpoint of WEIR_MODE_NAT that it may
 * use. */
struct weir_tables_reverse {
	union weir_addr addr;
	__be16 port;
	uint8_t proto;
	uint32_t service; /* index into weir_tables.services */
};

struct weir_tables {
	const struct weir_tables_endpoint *endpoints;
	const struct weir_tables_group *groups;
	const struct weir_tables_table *tables;
	const struct weir_tables_service *services; /* sorted by vip, proto, port */
	const union weir_addr *vips;                /* every VIP of them once, sorted */
	const struct weir_tables_reverse *reverses; /* sorted by addr, proto, port; each once */
	const struct weir_place *places;            /* sorted; each prefix once */
	uint32_t n_places, n_locations;             /* n_locations 0: nobody asks for any */
	uint32_t n_endpoints, n_groups, n_tables, n_services, n_vips, n_reverses;
	const struct weir_nat_sources *nat; /* for endpoints with WEIR_MODE_FULLNAT */
	uint32_t drain_ms;                  /* the longest of all */
	uint32_t size_limit; /* no table has more rows, as agent.max_rows has no room for more */
	uint32_t n_crowded;  /* load balancers whose tables are smaller for that */
	uint64_t digest; /* of services, their flags, limits, rows and server ids by endpoint: equal
			  * input, equal digest */
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
