/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h - the sockets around zone/: UDP and TCP on each listen address. On the loop's thread. */
#ifndef WEIR_DNS_DNS_H
#define WEIR_DNS_DNS_H

#include <uv.h>

#include "base/addr.h"
#include "zone/zone.h"

struct weir_dns;

struct weir_dns_stats {
	uint64_t udp_queries, udp_answers, tcp_queries, tcp_answers, tcp_connections;
	uint64_t send_errors;
};

/* Takes the snapshot source: the pointer that *zones holds at each query is answered from (the
 * agent replaces it between callbacks). filter_fd: the socket filter program for UDP sockets, -1
 * for none; not kept. No address is listened on yet. *out is the caller's: weir_dns_close(). */
int weir_dns_open(uv_loop_t *loop, struct weir_zones *const *zones, int filter_fd,
		  struct weir_dns **out);

/* Listens on exactly these addresses, UDP and TCP each: new ones are opened first, and only when
 * all of them could be are the others closed. On a negative errno nothing has changed and *failed
 * (may be NULL) is the index of the address that could not be bound. */
int weir_dns_listen(struct weir_dns *d, const struct weir_sockaddr *addrs, uint32_t n,
		    uint32_t *failed);

void weir_dns_stats(const struct weir_dns *d, struct weir_dns_stats *out);

/* Stops and frees everything; needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_dns_close(struct weir_dns *d);

#endif
