/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.h - dnstap: queries and their answers for who watches, through a thread of fstrm's. A clerk
 * hands messages over and never waits: what has no room is lost, and counted. */
#ifndef WEIR_DNS_TAP_H
#define WEIR_DNS_TAP_H

#include <time.h>

#include "dns/dns.h"

struct weir_dns_tap;

enum weir_dns_transport {
	WEIR_DNS_UDP = 1, /* numbers of dnstap's SocketProtocol */
	WEIR_DNS_TCP = 2,
	WEIR_DNS_DOT = 3,
};

/* A query that was answered. */
struct weir_dns_tapped {
	enum weir_dns_transport transport;
	struct weir_sockaddr client, server;
	struct timespec asked, answered; /* wall clock */
	const uint8_t *query, *answer;
	size_t query_len, answer_len; /* answer_len 0: there was none */
};

/* For clerks 0 .. n_clerks - 1. Neither socket nor file need be there: they are tried again every
 * few seconds. NULL: no memory. Nothing of conf is kept. */
struct weir_dns_tap *weir_dns_tap_open(const struct weir_dns_tap_conf *conf, uint32_t n_clerks);

/* No clerk uses it any more. Waits until what is queued is written, or nobody takes it for a
 * second: not on the loop's thread. */
void weir_dns_tap_close(struct weir_dns_tap *t);

/* Whether what is open does what conf says. A file that was moved away is to be opened again. */
bool weir_dns_tap_is_as(const struct weir_dns_tap *t, const struct weir_dns_tap_conf *conf);

/* Whether this query is one of the sample. */
bool weir_dns_tap_wants(const struct weir_dns_tap *t, uint64_t random);

/* On this clerk's thread. alloc: it may allocate memory for messages that are larger than those of
 * UDP. */
void weir_dns_tap_take(struct weir_dns_tap *t, uint32_t clerk, const struct weir_dns_tapped *q,
		       bool alloc);

void weir_dns_tap_stats(const struct weir_dns_tap *t, struct weir_dns_tap_stats *out);

#endif
