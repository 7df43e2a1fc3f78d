/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.h - all records of a zone, one after the other: for transfers and zone files. Pure. */
#ifndef WEIR_ZONE_WALK_H
#define WEIR_ZONE_WALK_H

#include "zone/proof.h"

/* Whose data those of a name are. */
enum weir_walk_place {
	WEIR_WALK_OWN,
	WEIR_WALK_CUT,   /* a delegation */
	WEIR_WALK_BELOW, /* below one; this, and: */
	WEIR_WALK_GLUE,  /* of another zone of ours that lies in this one */
};

struct weir_walk {
	const struct weir_zones *z;
	const struct weir_zone *zone;
	bool made;                          /* with what signing makes */
	bool in_file;                       /* the upper layer is done */
	uint32_t slot;                      /* the next one */
	uint32_t child, ns;                 /* the next zone in it; of that, the next name server */
	const struct weir_node *node;       /* of which more is to come; NULL: none */
	const struct weir_set *first, *set; /* of it */
	enum weir_walk_place place;
	uint32_t at, sig; /* in set */

	/* The NSEC of a name of a zone file, which comes last. */
	bool nsec_due;
	struct weir_set nsec;
	struct weir_rr nsec_rr, sig_rr;
	uint8_t nsec_wire[WEIR_RR_FIXED + WEIR_NSEC_MAX], sig_wire[WEIR_RRSIG_MAX];
};

struct weir_walked {
	const struct weir_node *node;
	const struct weir_rr *rr; /* the walk's own, maybe: until its next record */
	uint16_t type;
};

/* made: with what signing makes of a zone that is signed. */
void weir_walk_begin(struct weir_walk *w, const struct weir_zones *z, const struct weir_zone *zone,
		     bool made);

/* The next record, in no particular order but with those of a set together, and its signatures
 * behind them; except the zone's SOA, of which there are the signatures alone. Of zones of ours
 * that lie in it there is the delegation.
 * What changes from query to query is as it is for clients of whom nothing is known: all addresses,
 * and of aliases the one with the largest share. False: that was all. */
bool weir_walk_next(struct weir_walk *w, struct weir_walked *out);

/* Whether the zone has such names. */
bool weir_zone_is_pooled(const struct weir_zones *z, const struct weir_zone *zone);

/* The zone of that name, NULL: none. */
const struct weir_zone *weir_zones_zone(const struct weir_zones *z, const struct weir_name *name);

#endif
