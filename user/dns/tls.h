/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.h - DNS over TLS (RFC 7858) without sockets: bytes of the wire in and out, clear ones out and
 * in. On the loop's thread. Certificates: dns.h. */
#ifndef WEIR_DNS_TLS_H
#define WEIR_DNS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"

/* A connection's. */
struct weir_dns_tls;

/* NULL: no memory. The certificate may be freed before it. */
struct weir_dns_tls *weir_dns_tls_new(const struct weir_dns_cert *cert);
void weir_dns_tls_free(struct weir_dns_tls *t); /* takes NULL */

/* Takes bytes of the wire in. */
void weir_dns_tls_feed(struct weir_dns_tls *t, const void *bytes, size_t len);

enum weir_dns_tls_state {
	WEIR_DNS_TLS_OPEN,
	WEIR_DNS_TLS_ENDED,  /* the client says that it sends no more */
	WEIR_DNS_TLS_FAILED, /* what is on its way out is the last */
};

/* The next clear bytes, as many as there are and fit (*len 0: none now). */
enum weir_dns_tls_state weir_dns_tls_read(struct weir_dns_tls *t, void *to, size_t room,
					  size_t *len);

/* Clear bytes for the client. False: it cannot be. */
bool weir_dns_tls_write(struct weir_dns_tls *t, const void *bytes, size_t len);

/* The next bytes for the wire, as many as there are and fit; 0: none. */
size_t weir_dns_tls_take(struct weir_dns_tls *t, void *to, size_t room);

/* No more clear bytes for the client: what that takes is for the wire. */
void weir_dns_tls_end(struct weir_dns_tls *t);

/* The handshake is over. */
bool weir_dns_tls_is_up(const struct weir_dns_tls *t);

#endif
