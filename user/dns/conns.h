/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conns.h - the connections that there are, and how long each may stay. What goes over them is
 * tcp.c's. On the loop's thread. */
#ifndef WEIR_DNS_CONNS_H
#define WEIR_DNS_CONNS_H

#include "dns/impl.h"

struct weir_dns_conn {
	struct weir_dns *d;
	struct weir_dns_conn *next, *prev; /* in the order of their last query or answer */
	uv_tcp_t handle;
	struct weir_dns_tls *tls; /* NULL: clear */
	union weir_addr peer;     /* whose limits are counted: of IPv6 its /64 */
	union weir_addr client;
	struct weir_dns_transfer *transfer; /* goes before further queries; NULL: none */
	uint64_t deadline_ms;               /* of the loop's clock */
	bool ended;                         /* the client sends no more */
	size_t have;                        /* bytes of in */
	uint8_t in[2 + WEIR_DNS_QUERY_MAX];
};

/* To be accepted into: its handle is ready. The caller's, until it is added: with drop it ends, and
 * is freed later. */
struct weir_dns_conn *weir_dns_conn_new(struct weir_dns *d);
void weir_dns_conn_drop(struct weir_dns_conn *c);

/* Finds out whose it is, and makes room for it. False: there is none. */
bool weir_dns_conn_admit(struct weir_dns_conn *c);
void weir_dns_conn_add(struct weir_dns_conn *c);

/* A query or an answer: one that was added may stay for longer. */
void weir_dns_conn_touch(struct weir_dns_conn *c);
/* Ends and, later, frees one that was added. */
void weir_dns_conn_close(struct weir_dns_conn *c);

#endif
