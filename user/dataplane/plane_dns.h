/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_dns.h - the part of plane.h that is about DNS: queries that the kernel answers, and the
 * guard of the agent's sockets. The same rules hold for it.
 *
 * What the maps say stays when the agent ends: the kernel goes on answering, as it was last told.
 */
#ifndef WEIR_DATAPLANE_PLANE_DNS_H
#define WEIR_DATAPLANE_PLANE_DNS_H

#include "dataplane/plane.h"
#include "model/dns.h"

/* Queries to exactly these addresses and ports are answered in the kernel, this way. An address
 * that stands for all there are (0.0.0.0, ::), and one that a service has by now, is left to the
 * sockets. -EBUSY: another tc filter is in the place of ours; -ENOSPC; both were said. */
int weir_plane_dns_listen(struct weir_plane *p, const struct weir_sockaddr *at, uint32_t n,
			  enum weir_dns_kernel how);

/* How many queries each prefix of clients may send. */
void weir_plane_dns_limit(struct weir_plane *p, const struct weir_dns_limit *limit);

/* Cookies of clients are made with this secret, of 16 bytes; NULL: they get none. To be called
 * again when the clock on the wall was set: now_s are seconds since 1970. */
void weir_plane_dns_cookies(struct weir_plane *p, const uint8_t *secret, uint64_t now_s);

/* Names of which zones are ours, all of them: between begin and end. */
void weir_plane_dns_zones_begin(struct weir_plane *p);
void weir_plane_dns_zone(struct weir_plane *p, uint64_t key, uint32_t labels);
void weir_plane_dns_zones_end(struct weir_plane *p);

/* The answers that are prepared, between begin and end; only what differs is written. all: those
 * that were not named until the end are gone; else only those of them that change with health.
 * begin() returns whether all must be named (also when all was false). tag: for whoever counts.
 * end() returns whether there is room now for some that had none: they may all be named once more.
 */
bool weir_plane_dns_begin(struct weir_plane *p, bool all);
bool weir_plane_dns_put(struct weir_plane *p, const struct weir_hot_key *key,
			const struct weir_hot_answer *answer, bool changes, uint64_t tag);
bool weir_plane_dns_end(struct weir_plane *p);

/* How many answers are prepared, and how many were written since the start. */
uint32_t weir_plane_dns_answers(const struct weir_plane *p, uint64_t *written);

/* Tells of every name (in wire form and lower case) and tag that was answered since this was called
 * last, how often; also of entries that are gone by now. What an earlier agent's answers were is
 * not told. */
typedef void weir_plane_hits_fn(void *arg, const uint8_t *name, size_t len, uint64_t tag,
				uint64_t n);
void weir_plane_dns_hits(struct weir_plane *p, weir_plane_hits_fn *fn, void *arg);

/* The program for DNS sockets (SO_ATTACH_BPF), owned by p. */
int weir_plane_dns_filter_fd(const struct weir_plane *p);

void weir_plane_dns_reasons(const struct weir_plane *p,
			    struct weir_count out[WEIR_DNS_REASON_COUNT]);

#endif
