/* SPDX-License-Identifier: GPL-2.0-or-later */
/* canon.h - records in the form in which they are signed (RFC 4034, 6). Pure. */
#ifndef WEIR_ZONE_CANON_H
#define WEIR_ZONE_CANON_H

#include "zone/layer.h"
#include "zone/sign.h"

/* Names in the data of types that are older than DNSSEC are in lower case in what is signed, and so
 * in what we answer. Data that is not what its type says stays as it is. */
void weir_rdata_lower(uint16_t type, uint8_t *data, size_t len);

/* Sorts by data, as signing does (the data alone: types and lengths in wire are equal). Leaves
 * records that come twice once, and returns how many there are. */
uint32_t weir_rrs_sort(struct weir_rr *rrs, uint32_t n);

/* Bytes to be signed. The caller's; free(bytes). */
struct weir_canon {
	uint8_t *bytes;
	size_t len, room;
	const struct weir_rr **order; /* scratch */
	uint32_t n_order;
};

void weir_canon_fini(struct weir_canon *c);

/* What is signed of a set of owner's in the zone apex, for one of which one is picked: of its nth
 * record alone. */
void weir_canon_set(struct weir_canon *c, const struct weir_node *apex,
		    const struct weir_node *owner, const struct weir_set *s, uint32_t nth);

/* The fixed data of the RRSIG of a set with this owner and TTL; s NULL: without times and tag. */
void weir_rrsig_head(uint8_t out[WEIR_RRSIG_FIXED], uint16_t type, const uint8_t *owner,
		     const uint8_t ttl[4], const struct weir_sig *s);

#endif
