/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proof.h - what an answer of a signed zone has besides: signatures, and NSECs that show what there
 * is not (RFC 4035, 3.1). Pure; nothing is signed here. */
#ifndef WEIR_ZONE_PROOF_H
#define WEIR_ZONE_PROOF_H

#include "zone/message.h"
#include "zone/snapshot.h"

#define WEIR_PROOFS_MAX 16

/* The longest RRSIG as a record. */
#define WEIR_RRSIG_MAX (WEIR_RR_FIXED + WEIR_RRSIG_FIXED + WEIR_NAME_MAX + WEIR_SIG_BYTES)

/* An NSEC that an answer needs. */
struct weir_proof {
	const struct weir_zone *zone;
	const struct weir_node *node;
	const struct weir_set *set; /* NULL: the node is one of a zone file's chain */
	size_t apex_at, node_at;    /* where names are in the reply; node_at 0: not in it */
};

struct weir_proofs {
	const struct weir_zones *z;
	struct weir_proof of[WEIR_PROOFS_MAX];
	uint32_t n;
};

/* A signature as a record in wire. was: the record as it was signed, rr: as it is answered; their
 * TTLs may differ. */
struct weir_rr weir_rrsig_make(const struct weir_zone *zone, const struct weir_node *owner,
			       const struct weir_rr *was, const struct weir_rr *rr,
			       const struct weir_sig *sig, uint8_t wire[WEIR_RRSIG_MAX]);

/* Adds the signatures of a set (for one that is picked from: of its nth record, rr) behind it, with
 * the TTL of rr. Returns how many. */
unsigned weir_reply_add_sigs(struct weir_reply *r, size_t owner_at, const struct weir_zones *z,
			     const struct weir_zone *zone, const struct weir_node *owner,
			     const struct weir_set *s, const struct weir_rr *rr);

/* A name's own NSEC is needed; sets are what it answers now. False: it has none. */
bool weir_proofs_own(struct weir_proofs *p, const struct weir_zone *zone, size_t apex_at,
		     const struct weir_node *node, size_t node_at, const struct weir_set *sets);

/* The NSEC is needed that passes over a name that does not exist. */
void weir_proofs_cover(struct weir_proofs *p, const struct weir_zone *zone, size_t apex_at,
		       const uint8_t *name);

/* Adds all that is needed, with signatures. Returns how many records. */
unsigned weir_reply_add_proofs(struct weir_reply *r, const struct weir_proofs *p);

#endif
