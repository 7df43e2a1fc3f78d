/* SPDX-License-Identifier: BSD-2-Clause */
/* rendezvous.h - bounded weighted rendezvous: shares that follow the weights, few rows moved by a
 * change, no history. Pure. */
#ifndef WEIR_COMPILE_RENDEZVOUS_H
#define WEIR_COMPILE_RENDEZVOUS_H

#include <stdint.h>

struct weir_candidate {
	uint64_t id;     /* hash of what it is (address, mode); unique */
	uint32_t weight; /* > 0 */
};

/* Fills rows[0 .. size-1] with indexes into c. n >= 1; size is a power of two. The result depends
 * on the set of candidates alone, not on their order (the indexes follow the order). */
void weir_rendezvous_fill(const struct weir_candidate *c, uint32_t n, uint32_t *rows,
			  uint32_t size);

/* How many rows a table of n endpoints has: a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX. */
uint32_t weir_rendezvous_size(uint32_t n);

#endif
