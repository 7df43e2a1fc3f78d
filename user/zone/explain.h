/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.h - which names a question goes through, and what answers at each. Pure. */
#ifndef WEIR_ZONE_EXPLAIN_H
#define WEIR_ZONE_EXPLAIN_H

#include "zone/zone.h"

enum weir_step_kind {
	WEIR_STEP_OUTSIDE,  /* in none of the zones */
	WEIR_STEP_REFERRED, /* in or below a delegation */
	WEIR_STEP_NAME,
	WEIR_STEP_WILDCARD,
	WEIR_STEP_EMPTY, /* it only has names below it */
	WEIR_STEP_MISSING,
};

struct weir_step {
	enum weir_step_kind kind;
	uint32_t zone;     /* by index in the model; UINT32_MAX: none */
	const uint8_t *by; /* the name that answers, or the delegation; NULL: none does. In z. */
	bool balanced;     /* by a load balancer */
	bool in_file;      /* by the zone's file alone */
	uint32_t rules;    /* of the balancer, that hold, as bits by their index */
	uint32_t mix;      /* of the balancer's as these make it: which one this client gets */
	uint32_t location; /* there, by subnet or resolver; 0: not known */
	bool by_subnet;
	unsigned scope; /* bits of the subnet's family that this is the answer for */
};

/* What a name in wire form and lower case is for who asks; subnet is what the query says, NULL:
 * nothing. */
void weir_zones_step(const struct weir_zones *z, const uint8_t *name, size_t len, uint16_t type,
		     const struct weir_asker *asker, const struct weir_subnet *subnet,
		     struct weir_step *out);

#endif
