/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sockets.h - the inside of a weir_dns. On the loop's thread. */
#ifndef WEIR_DNS_SOCKETS_H
#define WEIR_DNS_SOCKETS_H

#include "dns/dns.h"

#define WEIR_DNS_QUERY_MAX 4096 /* as bpf/dns_filter.h: no query is larger */

struct weir_dns_udp;
struct weir_dns_tcp;
struct weir_dns_conn;
struct weir_dns_batch;

struct weir_dns {
	uv_loop_t *loop;
	struct weir_zones *const *zones;
	int filter_fd; /* ours, -1: none */
	uint64_t random;
	struct weir_dns_stats stats;

	struct weir_dns_place *places; /* listened on */
	uint32_t n_places;
	struct weir_dns_batch *batch; /* scratch of udp.c */

	struct weir_dns_conn *conns;
	uint32_t n_conns;
	uv_timer_t sweep;                     /* runs while there are connections */
	uint8_t frame[2 + WEIR_DNS_MAX_SIZE]; /* scratch of tcp.c: length and answer */

	uint32_t handles; /* not yet closed; the last one frees a closing weir_dns */
	bool closing;
};

/* A socket of a's family, not bound, with the options that UDP and TCP have in common. Returns it
 * or a negative errno. */
int weir_dns_socket(const struct weir_sockaddr *a, int type);

/* Answers from the present snapshot with a fresh random number. */
size_t weir_dns_answer(struct weir_dns *d, const uint8_t *query, size_t len, bool tcp, uint8_t *out,
		       size_t cap);

/* A libuv handle of d was closed. May free d. */
void weir_dns_handle_closed(struct weir_dns *d);

/* 0 or a negative errno; *out is closed by the function below it, which takes NULL. */
int weir_dns_udp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_udp **out);
void weir_dns_udp_close(struct weir_dns_udp *u);
int weir_dns_tcp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_tcp **out);
void weir_dns_tcp_close(struct weir_dns_tcp *t); /* its connections live on */

struct weir_dns_batch *weir_dns_batch_new(void); /* free() */
void weir_dns_conns_init(struct weir_dns *d);
void weir_dns_conns_close(struct weir_dns *d);

#endif
