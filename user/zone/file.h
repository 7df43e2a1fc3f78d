/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h - a zone file (master file, RFC 1035, 5) becomes a layer of names. Pure: bytes in. */
#ifndef WEIR_ZONE_FILE_H
#define WEIR_ZONE_FILE_H

#include "base/err.h"
#include "zone/chain.h"
#include "zone/layer.h"
#include "zone/sign.h"

/* Immutable; snapshots refer to it, so it is freed after those that do. */
struct weir_zone_file {
	struct weir_layer layer;    /* of names in the zone, its apex among them */
	struct weir_chain chain;    /* of these, when they are in order */
	uint32_t n_set_sigs;        /* that its sets have when they are signed; then come NSECs */
	struct weir_rr soa, denial; /* the latter with the TTL of negative answers */
	uint32_t serial, n_records;
	uint32_t max_ttl; /* of what is signed, when it is in order, s */
	bool delegates;   /* some name below the apex has NS */
	/* Of whoever keeps files, and not part of what is immutable: how many others need this one
	 * still, and whether it is theirs alone. */
	uint32_t held;
	bool orphan;
};

/* Reads the zone name (with or without a final dot). It has to have one SOA and some NS at its
 * apex and nothing outside; $ORIGIN, $TTL and all types in presentation format are known, $INCLUDE
 * and DNAME are not, nor is what signing makes, since that is done here. NULL: *err has line and
 * reason. */
struct weir_zone_file *weir_zone_file_parse(const char *name, const char *text, size_t len,
					    struct weir_err *err);
void weir_zone_file_free(struct weir_zone_file *f); /* takes NULL */

/* Puts the names of a file in the order in which they are signed. Once, before anything else sees
 * the file. n log n of its names. */
void weir_zone_file_order(struct weir_zone_file *f);

/* Signs a file that is in order, with the key of its zone: what an older one of the zone (may be f
 * itself; NULL: none) that was signed with the same key had as well keeps its signature, if that
 * does not end before fresh_s. On any thread for which sign() is. */
struct weir_file_sigs *weir_zone_file_sign(const struct weir_zone_file *f,
					   const struct weir_zone_file *older,
					   const struct weir_file_sigs *sigs_of_older,
					   uint32_t fresh_s, const void *key, weir_sign_fn *sign,
					   void *arg);

#endif
