/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edns.h - OPT records: what a query asks for in one, and what it is told (RFC 6891). Pure. */
#ifndef WEIR_ZONE_EDNS_H
#define WEIR_ZONE_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct weir_asker;

#define WEIR_COOKIE_CLIENT 8
#define WEIR_COOKIE_SERVER 16 /* of ours (RFC 9018) */
#define WEIR_NSID_MAX      64
#define WEIR_OPT_FIXED     11

/* What a server says of itself. */
struct weir_self {
	const char *nsid, *version;   /* at most WEIR_NSID_MAX bytes; "": not told */
	const uint8_t *cookie_secret; /* 16 bytes; NULL: no cookies */
};

/* A client-subnet option (RFC 7871). */
struct weir_subnet {
	union weir_addr addr;
	uint8_t family;        /* as in the option: 1 or 2 */
	uint8_t source, scope; /* bits of that family; scope: what the answer is for */
};

/* What OPT asks for. */
struct weir_edns {
	uint16_t udp_size;
	uint8_t version;
	bool sent, dnssec_ok, nsid, has_subnet, has_cookie, keepalive, padding;
	struct weir_subnet subnet;
	uint8_t cookie[WEIR_COOKIE_CLIENT + 32];
	uint8_t server_bytes; /* of the server's half of cookie; 0: none was sent */
};

/* Reads the options of an OPT of version 0. False: malformed. Those that are not known are ignored.
 */
bool weir_edns_read(const uint8_t *options, size_t len, struct weir_edns *e);

/* How many bytes OPT takes in the answer, without padding; 0: none was sent. */
size_t weir_edns_size(const struct weir_edns *e, const struct weir_asker *asker,
		      const struct weir_self *self);

/* How many more of padding an answer of len bytes gets, OPT included, which may have cap at the
 * most: 0, unless it was asked for over TLS (RFC 7830; blocks of RFC 8467, 4.1). */
size_t weir_edns_padding(const struct weir_edns *e, const struct weir_asker *asker, size_t len,
			 size_t cap);

/* Writes it: as many bytes, and padding. rcode: of the answer, of 12 bits. */
void weir_edns_write(const struct weir_edns *e, const struct weir_asker *asker,
		     const struct weir_self *self, unsigned rcode, size_t padding, uint8_t *out);

/* Whether the client has sent a cookie of ours, for its address, that is not too old. */
bool weir_cookie_ok(const struct weir_edns *e, const struct weir_asker *asker,
		    const struct weir_self *self);

#endif
