/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clerk.h - who answers queries and keeps the books of it: one for each worker, two for the loop.
 * Used by one thread; others only read what it counted. */
#ifndef WEIR_DNS_CLERK_H
#define WEIR_DNS_CLERK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/top.h"
#include "dns/tap.h"
#include "zone/zone.h"

#define WEIR_DNS_ZONES_OF_CHUNK 256
#define WEIR_DNS_CHUNKS         256

struct weir_dns_world;

/* By enum weir_dns_outcome. */
struct weir_dns_outcomes {
	_Atomic uint64_t of[WEIR_DNS_OUTCOME_COUNT];
};

/* Written by one thread, read by any. Of a zone: by its place in counts.c. The loop makes a chunk
 * before anybody sees a world that has a place in it. */
struct weir_dns_tally {
	_Atomic uint64_t queries, answers, send_errors;
	struct weir_dns_outcomes all;
	struct weir_dns_outcomes *zones[WEIR_DNS_CHUNKS];
	struct weir_top *names; /* of our zones, in wire form and lower case */
};

/* Adds to a counter that this thread alone writes. */
static inline void weir_dns_count(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t weir_dns_counted(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

struct weir_dns_clerk {
	uint32_t number; /* of all clerks */
	uint64_t random;
	uint32_t now_s; /* wall clock, set before each batch */
	struct weir_dns_tally tally;
};

/* A random number that the answer to the last query has nothing to do with. */
static inline uint64_t weir_dns_clerk_dice(const struct weir_dns_clerk *c)
{
	return weir_mix64(~c->random);
}

/* 0 or a negative errno. fini takes one that is all zero. */
int weir_dns_clerk_init(struct weir_dns_clerk *c, uint32_t number);
void weir_dns_clerk_fini(struct weir_dns_clerk *c);

/* The clock is read once for several queries. */
void weir_dns_clerk_tick(struct weir_dns_clerk *c);

/* As weir_zones_answer(), with a fresh random number. */
size_t weir_dns_clerk_answer(struct weir_dns_clerk *c, const struct weir_dns_world *world,
			     const uint8_t *query, size_t len, const union weir_addr *client,
			     enum weir_dns_transport over, uint8_t *out, size_t cap);

#endif
