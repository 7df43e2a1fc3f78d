/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.h - where clients are: prefixes, and what is known of the place of each. Made by adding
 * prefixes in any order, from several sources that know different things; then immutable. Pure. */
#ifndef WEIR_MODEL_PLACES_H
#define WEIR_MODEL_PLACES_H

#include "base/addr.h"
#include "base/mem.h"
#include "model/model.h"

#define WEIR_MAX_LOCATIONS 65535 /* besides the unknown one */

/* What is known of a place. */
struct weir_location {
	char country[3];        /* ISO 3166-1 alpha-2, capital letters; "": not known */
	uint8_t region;         /* enum weir_region_code */
	uint16_t client_region; /* of agent.client_regions, counted from 1; 0: none */
	uint32_t part;          /* of those that rules tell apart: weir_rules_prefixes() */
	struct weir_point at;
};

/* The longest prefix that holds a client says where it is; a client that none holds is at location
 * 0, of which nothing is known. */
struct weir_place {
	struct weir_prefix of;
	uint32_t location; /* 0: the unknown one; see weir_places.locations */
	uint32_t in;       /* the longest other prefix that holds it: its index + 1; 0: none does */
};

struct weir_places {
	const struct weir_place *places; /* sorted by address and length; each prefix once */
	const struct weir_location *locations;
	uint32_t n_places, n_locations; /* locations: at least one */
	uint64_t digest;                /* of all of that: equal places, equal digest */
};

/* --- making them --- */
struct weir_places_builder;

struct weir_places_builder *weir_places_new(void);

/* What is added from here on is of another source, which knows less well: what an earlier one says
 * of a prefix stands for all that is in it. Client regions and parts are not of any source. */
void weir_places_source(struct weir_places_builder *b);

/* What the source says of a prefix. What it does not know of it, it may know of a shorter one. Of
 * the same prefix the first word stands. */
void weir_places_add(struct weir_places_builder *b, const struct weir_prefix *of,
		     const struct weir_location *is);

/* Ends the builder. Coordinates are rounded to whole degrees, or coarser, until there are no more
 * than WEIR_MAX_LOCATIONS different places; prefixes that say no more than a shorter one are left
 * out. Free it with weir_places_free(). */
struct weir_places *weir_places_done(struct weir_places_builder *b);
void weir_places_drop(struct weir_places_builder *b); /* takes NULL */
void weir_places_free(struct weir_places *p);         /* takes NULL */

/* Where a client is: an index into locations. */
uint32_t weir_places_find(const struct weir_places *p, const union weir_addr *client);

/* The same, and how many bits of the address (of 128) it takes: all that share them are there. p
 * NULL knows nothing: location 0, 0 bits. */
unsigned weir_places_locate(const struct weir_places *p, const union weir_addr *client,
			    uint32_t *location);

#endif
