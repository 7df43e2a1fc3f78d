/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.h - all records of a zone, one after the other: for transfers and zone files. Pure. */
#ifndef WEIR_ZONE_WALK_H
#define WEIR_ZONE_WALK_H

#include "zone/snapshot.h"

struct weir_walk {
	const struct weir_zones *z;
	const struct weir_zone *zone;
	bool in_file;                       /* the upper layer is done */
	uint32_t slot;                      /* the next one */
	const struct weir_node *node;       /* of which more is to come; NULL: none */
	const struct weir_set *first, *set; /* of it */
	uint32_t at;                        /* in set */
};

struct weir_walked {
	const struct weir_node *node;
	const struct weir_rr *rr;
	uint16_t type;
};

void weir_walk_begin(struct weir_walk *w, const struct weir_zones *z, const struct weir_zone *zone);

/* The next record, in no particular order but with those of a set together, except the zone's SOA
 * and what signing makes.
 * What changes from query to query is as it is for clients of whom nothing is known: all addresses,
 * and of aliases the one with the largest share. False: that was all. */
bool weir_walk_next(struct weir_walk *w, struct weir_walked *out);

/* Whether the zone has such names. */
bool weir_zone_is_pooled(const struct weir_zones *z, const struct weir_zone *zone);

/* The zone of that name, NULL: none. */
const struct weir_zone *weir_zones_zone(const struct weir_zones *z, const struct weir_name *name);

#endif
