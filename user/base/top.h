/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.h - which keys of a stream are the most frequent, in fixed memory ("space saving": a key that
 * is not kept takes the place of the rarest one, and its count with it). One thread adds; any
 * thread may look meanwhile. */
#ifndef WEIR_BASE_TOP_H
#define WEIR_BASE_TOP_H

#include <stdint.h>

#define WEIR_TOP_WORDS 32  /* of the longest key: 256 bytes */
#define WEIR_TOP_SETS  128 /* a key belongs to one of them */
#define WEIR_TOP_WAYS  8   /* of which this many are kept */

struct weir_top;

/* seed: keys cannot be chosen to drive each other out by who does not know it. free(). */
struct weir_top *weir_top_new(uint64_t seed);

/* Counts a key of 1 to WEIR_TOP_WORDS words, none of which is a beginning of another, n times. A
 * key with more than 1 / WEIR_TOP_WAYS of what its set was given is always among those kept. */
void weir_top_add(struct weir_top *t, const uint64_t *key, unsigned words, uint64_t n);

/* Every key that is kept, its words behind its own 0. It was counted at most this often, and at
 * least so often without over. One that is being replaced may be left out. */
void weir_top_each(const struct weir_top *t,
		   void (*each)(void *arg, const uint64_t key[static WEIR_TOP_WORDS],
				uint64_t count, uint64_t over),
		   void *arg);

#endif
