/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tsig.h - messages that are signed with a secret which is shared with another server (RFC 8945).
 * Any thread. */
#ifndef WEIR_DNS_TSIG_H
#define WEIR_DNS_TSIG_H

#include <stddef.h>
#include <stdint.h>

#include "zone/names.h"
#include "zone/zone.h"

#define WEIR_TSIG_MAX 448 /* bytes of a TSIG record of ours */

/* What a message's signature says, and what the next one of the exchange is made with. */
struct weir_tsig {
	const struct weir_tsig_key *key;  /* NULL: not ours, or its algorithm is another */
	struct weir_name name, algorithm; /* as sent */
	size_t at;                        /* where the record begins in the message */
	uint16_t error;                   /* BADSIG, BADKEY, BADTIME; 0: it is good */
	uint16_t original_id;
	uint64_t time_s, client_time_s;
	uint8_t mac[64]; /* of the message before */
	uint16_t mac_bytes;
};

/* Looks for a signature as the last record of a query, and judges it. False: it has none. Keys are
 * those of z, which outlives t. */
bool weir_tsig_read(struct weir_tsig *t, const struct weir_zones *z, const uint8_t *query,
		    size_t len, uint32_t now_s);

/* Signs a message of len bytes: adds a record, for which there is room up to WEIR_TSIG_MAX bytes.
 * first: the first answer to a query; else one that follows in a transfer. Returns its new length.
 * An exchange whose query was not good gets the error, unsigned unless it is BADTIME. */
size_t weir_tsig_sign(struct weir_tsig *t, uint8_t *msg, size_t len, bool first, uint32_t now_s);

/* Begins an exchange of ours: signs a query. */
size_t weir_tsig_begin(struct weir_tsig *t, const struct weir_tsig_key *key, uint8_t *msg,
		       size_t len, uint32_t now_s);

#endif
