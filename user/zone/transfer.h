/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.h - a whole zone as messages (RFC 5936); a client that asks for changes only gets the
 * whole zone, too, unless it has it (RFC 1995). Pure; the snapshot outlives the transfer. */
#ifndef WEIR_ZONE_TRANSFER_H
#define WEIR_ZONE_TRANSFER_H

#include "zone/message.h"
#include "zone/walk.h"

struct weir_transfer {
	struct weir_walk walk;
	struct weir_query q;
	uint8_t header[WEIR_DNS_HEADER + WEIR_NAME_MAX + 4]; /* and question, as it was asked */
	struct weir_walked next;                             /* to be sent; rr NULL: the SOA */
	bool begun, short_form, done; /* short: the SOA alone, the client is up to date */
};

/* Whether a message asks for a transfer: type AXFR or IXFR, class IN. */
bool weir_transfer_asked(const uint8_t *query, size_t len);

/* Begins to answer such a query of a client, whose signature with key (NULL: it has none) is good.
 * False: it is refused, which weir_zones_answer() says. Who may is said by the zone's transfer: by
 * address, by key, or both; and whether one may be taken that has names which are answered by
 * chance or health, as these are answered at the time. One that is signed has its keys, signatures
 * and NSEC with it: who has taken it answers as we would, without a key. */
bool weir_transfer_begin(struct weir_transfer *t, const struct weir_zones *z, const uint8_t *query,
			 size_t len, const union weir_addr *client,
			 const struct weir_tsig_key *key);

/* The next message, of at most cap bytes (at least 4096). 0: that was all. */
size_t weir_transfer_next(struct weir_transfer *t, uint8_t *out, size_t cap);

/* What other servers are told of a zone. */
struct weir_zone_news {
	const uint8_t *name;
	size_t name_bytes;
	uint32_t serial;
	const struct weir_transfer_conf *transfer;
};

/* Of the zone with this index in the snapshot. False: it has fewer. */
bool weir_zones_news(const struct weir_zones *z, uint32_t i, struct weir_zone_news *out);

/* Writes a NOTIFY for it (RFC 1996); out has room for 512 bytes. Returns its length. */
size_t weir_notify_write(const struct weir_zone_news *n, uint16_t id, uint8_t *out);

#endif
