/* SPDX-License-Identifier: GPL-2.0-or-later */
/* impl.h - the inside of a weir_dns: what the loop owns, and what workers see of it. */
#ifndef WEIR_DNS_IMPL_H
#define WEIR_DNS_IMPL_H

#include "base/pub.h"
#include "dns/clerk.h"
#include "dns/dns.h"
#include "zone/names.h"

#define WEIR_DNS_QUERY_MAX     4096 /* as bpf/dns_filter.h: no query is larger */
#define WEIR_DNS_MAX_PLACES    64   /* as many as agent.dns.listen may have, and tls.listen */
#define WEIR_DNS_MAX_WORKERS   256
#define WEIR_DNS_MAX_TRANSFERS 16 /* of zones, at the same time */
#define WEIR_DNS_WAIT_MS       20 /* in a socket, before all are waited for again */

struct weir_dns_tcp;
struct weir_dns_conn;
struct weir_dns_worker;
struct weir_dns_transfer;
struct weir_dns_notice;
struct weir_dns_tap;

/* The UDP sockets of an address, one for each worker. Immutable once workers see it. */
struct weir_dns_udp {
	struct weir_dns *d;
	struct weir_sockaddr at;
	bool wildcard; /* the address asked comes with each message */
	uint32_t n;
	int fds[]; /* by worker */
};

/* What is listened on. Immutable; its sockets live on while another one has them. */
struct weir_dns_sockets {
	uint64_t generation;
	uint32_t n;
	const struct weir_dns_udp *udp[WEIR_DNS_MAX_PLACES];
};

/* What is answered from, by whom and where; a worker looks at it before each batch. Immutable,
 * replaced as a whole, though its parts may be those of the one before. */
struct weir_dns_world {
	struct weir_zones *zones;
	struct weir_dns_tap *tap; /* NULL: nobody watches */
	const uint32_t *places;   /* of counters, by zone of the model that zones was made of */
	uint32_t n_places;
	const struct weir_dns_sockets *sockets;
};

/* Where a zone's counters are. */
struct weir_dns_zone_place {
	char *name;
	uint32_t place;
};

/* A zone's serial that other servers were told. */
struct weir_dns_serial {
	uint32_t serial;
	uint8_t name_bytes;
	uint8_t name[WEIR_NAME_MAX];
};

struct weir_dns_place {
	struct weir_sockaddr at;
	bool tls;
	struct weir_dns_udp *udp; /* NULL: tls */
	struct weir_dns_tcp *tcp;
};

struct weir_dns {
	uv_loop_t *loop;
	int filter_fd; /* ours, -1: none */

	struct weir_pub *pub; /* of a weir_dns_world; reader i is worker i, those behind them are
			       * transfers */
	bool transfers[WEIR_DNS_MAX_TRANSFERS]; /* under way */
	uv_timer_t collect;                     /* runs while something of an older world waits */
	struct weir_dns_clerk tcp;              /* of the loop's thread */
	struct weir_dns_clerk rest;             /* likewise: of UDP, when its sockets are closed */

	struct weir_dns_zone_place *zones; /* all there ever were, by name */
	uint32_t n_zones;
	uint32_t *next_places; /* of the next world; NULL: those of this one */
	uint32_t n_next_places;

	struct weir_dns_worker *workers; /* n_workers, running once something is listened on */
	uint32_t n_workers;
	bool running;

	struct weir_dns_place *places; /* listened on */
	uint32_t n_places;
	uint64_t generation; /* of sockets */

	struct weir_dns_cert *cert;           /* of connections to come; NULL: none */
	struct weir_dns_conn *conns, *oldest; /* the last used one first */
	struct weir_dns_notice *notices;      /* on their way */
	uint32_t n_notices, n_serials;
	struct weir_dns_serial *serials; /* of zones with servers to be told */

	uint32_t n_conns;
	uint64_t tcp_connections, tls_connections, tls_failures;
	uv_timer_t sweep;                     /* runs while there are connections */
	uint8_t frame[2 + WEIR_DNS_MAX_SIZE]; /* scratch of tcp.c: length and answer */
	uint8_t wire[16384];                  /* likewise: of TLS, as it comes and goes */

	uint32_t handles; /* not yet closed; the last one frees a closing weir_dns */
	bool closing;
};

/* A socket of a's family, not bound, with the options that UDP and TCP have in common; type may
 * have SOCK_NONBLOCK. Returns it or a negative errno. */
int weir_dns_socket(const struct weir_sockaddr *a, int type);

/* The address in a, which is of IPv4 or IPv6; false: of neither. */
bool weir_dns_address(const struct sockaddr_storage *a, union weir_addr *out);

/* The present world, on the loop's thread. */
static inline const struct weir_dns_world *weir_dns_world(const struct weir_dns *d)
{
	return weir_pub_get(d->pub);
}

/* A libuv handle of d was closed. May free d. */
void weir_dns_handle_closed(struct weir_dns *d);

/* --- worker.c --- */

/* The workers' CPUs, at most n (0: all) of those that this process may run on, and clerks. fini
 * also when that failed; they do not run then. */
int weir_dns_workers_init(struct weir_dns *d, uint32_t n);
void weir_dns_workers_fini(struct weir_dns *d);
int weir_dns_workers_start(struct weir_dns *d);
/* There is another world that they should see soon, though nothing may be received. */
void weir_dns_workers_wake(struct weir_dns *d);
void weir_dns_workers_stop(struct weir_dns *d);
int weir_dns_worker_cpu(const struct weir_dns *d, uint32_t worker);
struct weir_dns_tally *weir_dns_worker_tally(const struct weir_dns *d, uint32_t worker);

/* --- counts.c --- */
void weir_dns_counts_free(struct weir_dns *d);

/* --- udp.c --- */

/* Sockets for each worker. 0 or a negative errno; *out is closed by the function below it. */
int weir_dns_udp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_udp **out);
/* No worker serves it any more. Answers what is still queued. Takes NULL. */
void weir_dns_udp_close(void *udp);

struct weir_dns_batch;
struct weir_dns_batch *weir_dns_batch_new(void); /* free() */

/* Receives what is there, or with wait what comes within WEIR_DNS_WAIT_MS. Returns how many
 * messages are in the batch; 0: none, or the socket had an error. On the worker's thread. */
unsigned weir_dns_udp_receive(const struct weir_dns_udp *u, uint32_t worker,
			      struct weir_dns_batch *b, bool wait);
/* Answers what is in the batch, and sends. */
void weir_dns_udp_answer(const struct weir_dns_udp *u, uint32_t worker,
			 const struct weir_dns_world *world, struct weir_dns_clerk *clerk,
			 struct weir_dns_batch *b, unsigned n);

/* --- transfer.c --- */

/* Whether a query may have a signature that is to be looked at; and the answer to such a one, as
 * weir_zones_answer(). */
bool weir_dns_is_signed(const struct weir_zones *z, const uint8_t *query, size_t len);
size_t weir_dns_answer_signed(const struct weir_zones *z, const uint8_t *query, size_t len,
			      const struct weir_asker *asker, uint8_t *out, size_t cap,
			      struct weir_told *told);

/* A query for a whole zone, if the client may have it; NULL: it is none, or is answered as others
 * are (REFUSED). The caller's, on the loop's thread. */
struct weir_dns_transfer *weir_dns_transfer_begin(struct weir_dns *d, const uint8_t *query,
						  size_t len, const union weir_addr *client);
/* The next message of it; 0: that was all. */
size_t weir_dns_transfer_next(struct weir_dns_transfer *x, uint8_t *out, size_t cap);
void weir_dns_transfer_end(struct weir_dns_transfer *x); /* takes NULL */

/* --- notify.c: tells servers of zones that are others than those told before --- */
void weir_dns_notify(struct weir_dns *d, const struct weir_zones *z);
void weir_dns_notify_end(struct weir_dns *d);

/* --- tcp.c: the same; its connections live on --- */
int weir_dns_tcp_open(struct weir_dns *d, const struct weir_sockaddr *a, bool tls,
		      struct weir_dns_tcp **out);
void weir_dns_tcp_close(struct weir_dns_tcp *t); /* takes NULL */

/* --- conns.c: all connections of d, and the end of them --- */
void weir_dns_conns_init(struct weir_dns *d);
void weir_dns_conns_close(struct weir_dns *d);

#endif
