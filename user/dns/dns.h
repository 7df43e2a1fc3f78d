/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h - the sockets around zone/: UDP by workers, one thread for each CPU, TCP on the loop. All
 * functions are called on the loop's thread, and none waits for a worker, except the last. */
#ifndef WEIR_DNS_DNS_H
#define WEIR_DNS_DNS_H

#include <uv.h>

#include "base/addr.h"
#include "base/err.h"
#include "zone/zone.h"

struct weir_dns;

struct weir_dns_options {
	int filter_fd;    /* the socket filter program for UDP sockets, -1: none; not kept */
	uint32_t workers; /* at most one for each CPU that the process may run on; 0: as many */
};

struct weir_dns_stats {
	uint64_t udp_queries, udp_answers, send_errors;
	uint64_t tcp_queries, tcp_answers; /* those over TLS, too */
	uint64_t tcp_connections, tls_connections, tls_failures;
};

struct weir_dns_worker_stats {
	int cpu;
	uint64_t queries, answers;
};

/* No address is listened on yet, and nothing published. *out is the caller's: weir_dns_close(). */
int weir_dns_open(uv_loop_t *loop, const struct weir_dns_options *o, struct weir_dns **out);

uint32_t weir_dns_workers(const struct weir_dns *d);

/* Whatever is received from now on is answered from this snapshot, which is taken over, and freed
 * when another was published and nobody reads it any more. NULL: all is REFUSED. */
void weir_dns_publish(struct weir_dns *d, struct weir_zones *zones);

/* Whose zones the snapshots that are published from now on are made of, so that queries are counted
 * by the names of zones. Nothing of zones is kept. */
void weir_dns_zones(struct weir_dns *d, const struct weir_zone_conf *zones, uint32_t n);

/* What was published last; NULL: nothing. Until the next is. */
const struct weir_zones *weir_dns_published(const struct weir_dns *d);

/* Takes over what snapshots published before this one refer to, but this one does not: drop(object)
 * when nobody reads them any more. object NULL: nothing is done, nor is d looked at. */
void weir_dns_retire(struct weir_dns *d, void *object, void (*drop)(void *object));

/* Listens on exactly the addresses of conf, UDP and TCP each, TLS on those for TLS: new ones are
 * opened first, and only when all of them could be are the others closed. Those that stay lose
 * nothing that is queued. On a negative errno nothing has changed and *failed (may be NULL) is the
 * address that could not be bound, one of conf. */
int weir_dns_listen(struct weir_dns *d, const struct weir_dns_conf *conf,
		    const struct weir_sockaddr **failed);

/* --- TLS --- */

struct weir_dns_cert;

/* Reads certificate and key; *out is the caller's, NULL if conf has no TLS. On false *err says
 * which file cannot be used, and why. */
bool weir_dns_cert_read(const struct weir_dns_tls_conf *conf, struct weir_dns_cert **out,
			struct weir_err *err);
void weir_dns_cert_free(struct weir_dns_cert *cert); /* takes NULL */

/* Takes it over for connections that begin from now on. */
void weir_dns_use_cert(struct weir_dns *d, struct weir_dns_cert *cert);

void weir_dns_stats(const struct weir_dns *d, struct weir_dns_stats *out);
void weir_dns_worker_stats(const struct weir_dns *d, uint32_t worker,
			   struct weir_dns_worker_stats *out);

/* --- dnstap --- */

/* Messages since it was opened. What is neither lost nor written is on its way, or was thrown away
 * while nobody took it. */
struct weir_dns_tap_stats {
	uint64_t sampled, written;
	uint64_t lost; /* there was no room for them */
	bool open;     /* somebody takes them */
};

/* Does from now on what conf says; what it is doing already it goes on with. */
void weir_dns_use_tap(struct weir_dns *d, const struct weir_dns_tap_conf *conf);

/* False: there is none. */
bool weir_dns_tap(const struct weir_dns *d, struct weir_dns_tap_stats *out);

/* --- what became of queries since d was opened: by enum weir_dns_outcome --- */

/* Where queries of a zone of the model that weir_dns_zones() was told last are counted: the same as
 * long as d is open, whatever number its name has. UINT32_MAX: nowhere. */
uint32_t weir_dns_zone_place(const struct weir_dns *d, uint32_t zone);

/* n more queries for a name (in wire form and lower case) were answered, and not by d. */
void weir_dns_answered_elsewhere(struct weir_dns *d, uint32_t place, enum weir_dns_outcome outcome,
				 const uint8_t *name, size_t len, uint64_t n);

void weir_dns_outcomes(const struct weir_dns *d, uint64_t out[static WEIR_DNS_OUTCOME_COUNT]);

/* Of the zones there ever were, in order of their names; returns the name. */
uint32_t weir_dns_n_zones(const struct weir_dns *d);
const char *weir_dns_zone_outcomes(const struct weir_dns *d, uint32_t zone,
				   uint64_t out[static WEIR_DNS_OUTCOME_COUNT]);

#define WEIR_DNS_NAME_TEXT 1024 /* longest text of a name and its NUL */

struct weir_dns_name {
	char text[WEIR_DNS_NAME_TEXT];
	uint64_t queries, over; /* at most so many, and at least so many without over */
};

/* The names in our zones that are asked for most, the most frequent first. Returns how many, at
 * most n. */
uint32_t weir_dns_top(const struct weir_dns *d, struct weir_dns_name *out, uint32_t n);

/* Answers what is queued, stops and frees everything; needs uv_run() afterwards for handles to
 * close. Waits for each worker to end (ms). Takes NULL. */
void weir_dns_close(struct weir_dns *d);

#endif
