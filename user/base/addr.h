/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.h - addresses of either family as 16 bytes (IPv4 mapped), and their text. Any thread. */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "weir/abi.h"

#define WEIR_ADDR_TEXT     46 /* longest text of an address and its NUL */
#define WEIR_SOCKADDR_TEXT 56 /* [address]:port */

/* "192.0.2.1" or "2001:db8::1"; an IPv4-mapped IPv6 text is refused (it would be two spellings of
 * one address). False: text is no address; *out is untouched. */
bool weir_addr_parse(const char *text, union weir_addr *out);

/* Canonical text (RFC 5952). Returns out. */
const char *weir_addr_text(const union weir_addr *a, char out[WEIR_ADDR_TEXT]);

bool weir_addr_is_v4(const union weir_addr *a);
bool weir_addr_eq(const union weir_addr *a, const union weir_addr *b);
int weir_addr_cmp(const union weir_addr *a, const union weir_addr *b); /* memcmp order */

/* From and to the kernel's form: 4 or 16 bytes in network order. */
union weir_addr weir_addr_v4(const void *four);
union weir_addr weir_addr_v6(const void *sixteen);

/* All addresses whose first bits are those of addr. */
struct weir_prefix {
	union weir_addr addr;
	uint8_t bits; /* of 128, for IPv4 too */
};

/* "192.0.2.0/24" or "2001:db8::/32"; an address alone has all its bits. False: text is neither, or
 * has bits behind its length; *out is untouched. */
bool weir_prefix_parse(const char *text, struct weir_prefix *out);
bool weir_prefix_holds(const struct weir_prefix *p, const union weir_addr *a);
bool weir_prefix_eq(const struct weir_prefix *a, const struct weir_prefix *b);

/* A transport address. */
struct weir_sockaddr {
	union weir_addr addr;
	uint16_t port; /* host order */
};

/* "192.0.2.1:53" or "[2001:db8::1]:53"; a text without a port gets default_port (0: none is an
 * error). */
bool weir_sockaddr_parse(const char *text, uint16_t default_port, struct weir_sockaddr *out);
const char *weir_sockaddr_text(const struct weir_sockaddr *s, char out[WEIR_SOCKADDR_TEXT]);

/* Fills ss (sockaddr_in or sockaddr_in6) and returns its length. */
socklen_t weir_sockaddr_native(const struct weir_sockaddr *s, struct sockaddr_storage *ss);

#endif
