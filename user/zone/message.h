/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.h - reading a query and writing its reply, without knowing what is in our zones. */
#ifndef WEIR_ZONE_MESSAGE_H
#define WEIR_ZONE_MESSAGE_H

#include "zone/edns.h"
#include "zone/layer.h"

#define WEIR_DNS_HEADER 12

enum weir_rcode {
	WEIR_NOERROR = 0,
	WEIR_FORMERR = 1,
	WEIR_SERVFAIL = 2,
	WEIR_NXDOMAIN = 3,
	WEIR_NOTIMP = 4,
	WEIR_REFUSED = 5,
	WEIR_BADVERS = 16, /* extended: the upper bits go into OPT */
};

struct weir_query {
	struct weir_name name;
	uint16_t type, class;
	uint16_t question_end; /* in the message; WEIR_DNS_HEADER: no question was understood */
	struct weir_edns edns;
};

/* Reads a message of at least WEIR_DNS_HEADER bytes that is no response. Whatever it returns, q
 * holds what was understood until then. Without a question it may be correct, too: then it asks for
 * a cookie (RFC 7873, 5.4). */
enum weir_rcode weir_query_read(const uint8_t *msg, size_t len, struct weir_query *q);

/* self.c: version.bind and its like are told if the operator says what (RFC 4892). "": nothing. */
const char *weir_self_text(const struct weir_self *self, const struct weir_query *q);

struct weir_reply {
	uint8_t *out;
	size_t len, limit;
	uint16_t answers, authority, additional;
	enum weir_rcode rcode;
	bool authoritative;
	bool full; /* a record did not fit */
};

/* Starts a reply to msg in out: header and question. The last reserved bytes of limit are for OPT.
 */
void weir_reply_begin(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q,
		      uint8_t *out, size_t limit, size_t reserved);

/* Adds a record whose owner's name begins at offset owner. Returns the offset of its data; the
 * caller counts it, unless the reply is full. */
size_t weir_reply_add(struct weir_reply *r, size_t owner, const struct weir_rr *rr);

/* The same for a name of which only labels, in front of what is at suffix, are not in the reply.
 * Returns the offset of its name. */
size_t weir_reply_add_below(struct weir_reply *r, const uint8_t *labels, size_t len, size_t suffix,
			    const struct weir_rr *rr);

/* Writes the header, with as many more additional records as the caller adds behind it. A full
 * reply is cut to its question, with TC. Returns the length. */
size_t weir_reply_finish(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q,
			 unsigned more);

#endif
