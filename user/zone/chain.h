/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.h - the names of a signed zone in canonical order, each of which says in an NSEC which
 * comes next and what types it has itself (RFC 4034, 4). Pure. */
#ifndef WEIR_ZONE_CHAIN_H
#define WEIR_ZONE_CHAIN_H

#include "zone/layer.h"

struct weir_chain {
	const struct weir_node *const *at;
	uint32_t n;
};

/* The last name of a chain that is not after this one; WEIR_NOT_IN_CHAIN: all are. */
uint32_t weir_chain_find(const struct weir_chain *c, const uint8_t *name);

/* The longest data of an NSEC: a name, and for each of 256 windows of types 34 bytes. */
#define WEIR_NSEC_MAX (WEIR_NAME_MAX + 256 * 34)

/* The data of the NSEC of a name that has sets, in front of next. At a delegation only NS and DS
 * are the zone's own. Returns its length. */
size_t weir_nsec_data(const struct weir_set *sets, bool delegation, const struct weir_node *next,
		      uint8_t out[WEIR_NSEC_MAX]);

/* The NSEC of the nth name of a zone file's chain, in wire, with a TTL as it is in a record. */
struct weir_rr weir_nsec_of_file(const struct weir_chain *c, uint32_t nth, const uint8_t ttl[4],
				 uint8_t wire[WEIR_RR_FIXED + WEIR_NSEC_MAX]);

#endif
