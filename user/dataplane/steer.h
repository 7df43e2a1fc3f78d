/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.h - services that tell their clients apart, within this folder: where what they know is in
 * the maps (steer.c), what it becomes (steer_plan.c), and where clients are (clients.c). */
#ifndef WEIR_DATAPLANE_STEER_H
#define WEIR_DATAPLANE_STEER_H

#include "dataplane/plane_impl.h"

/* Location numbers in the kernel. Those of prefixes that move from one location to another, for as
 * long as older flows need to know, are the first ones; then come those of tables, but for 0. */
#define MOVES 1023

/* Which table clients use, of services that have it in common. It is changed by putting another one
 * in its place; only its ways come to rest where they are. */
struct steer {
	struct steer *next;              /* of weir_plane.steers, or of retired ones */
	uint32_t at;                     /* its first way; in front of it is what an agent adopts */
	uint32_t n_classes, n_locations; /* n_locations 0: there is one class */
	uint32_t words;                  /* where its classes are in weir_classes */
	bool sliced;
	uint32_t users; /* services */
	bool seen;      /* by packets */
	uint32_t group, drain_ms, affinity_ms;
	uint32_t unsettled;    /* ways not at rest */
	struct window *window; /* by way; NULL: all are at rest */
	uint64_t changed_ms;
	bool busy;              /* a live flow of its services may be away, as of the last sweep */
	uint64_t digest;        /* of what it was last made to say */
	bool synced;            /* there is such a digest */
	struct table **current; /* by table of its group: the one in the kernel; NULL: unused */
	uint32_t n_current;
	struct table **named; /* all that its ways name, each once */
	uint32_t n_named;
	struct steer *peer; /* while records are swept: another one of this group */

	/* For the sync that is under way: what it shall say, and what it comes from. */
	const struct weir_tables_group *wanted;
	const struct steer *from;
	const struct table *from_table;
};

static inline uint32_t steer_slices(const struct steer *s)
{
	return s->sliced ? WEIR_STEER_SLICES : 1;
}

static inline uint32_t steer_ways(const struct steer *s)
{
	return s->n_classes * steer_slices(s);
}

static inline bool way_rests(struct weir_way way)
{
	return way.prev == WEIR_WAY_REST;
}

/* steer.c */
/* Without content or users; NULL: there is no room. */
struct steer *steer_new(struct weir_plane *p, uint32_t n_classes, bool sliced,
			uint32_t n_locations);
uint32_t steer_class(const struct weir_plane *p, const struct steer *s, uint32_t location);
uint32_t way_name(const struct table *x);
struct table *way_table(const struct weir_plane *p, uint32_t name);
void way_store(struct weir_way *at, struct weir_way way);
/* After its ways were written: counts those not at rest, and notes which tables they name. */
void steer_take_stock(struct weir_plane *p, struct steer *s);

/* clients.c: where a location's clients were before the sync that is under way, in the kernel's
 * numbers, and where they shall be, in those of tables. */
uint32_t location_past(const struct weir_plane *p, uint32_t location);
uint32_t location_future(const struct weir_plane *p, uint32_t location);

#endif
