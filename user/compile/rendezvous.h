/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rendezvous.h - bounded weighted rendezvous: shares that follow the weights, few rows moved by a
 * change, no history. Pure, integers only.
 *
 * Every candidate claims rows in an order of its own (order.h), claim k at a time that depends on
 * its id, its weight and k alone; a row goes to its first claimant. Left at that, losing a
 * candidate moves its rows and no others, but shares stray from the weights. So a candidate stops
 * at 103 % of what it is due, and once the free rows are only as many as others lack to 97 %, only
 * those claim.
 *
 * The table is built for all candidates and their weights first; then those whose weight is another
 * one now give up what is too much, the rows that they claimed last, and those who lack some claim
 * them. So a failure, a recovery or a slow start moves hardly more than it must, whatever the
 * number of candidates; README.md has the figures. */
#ifndef WEIR_COMPILE_RENDEZVOUS_H
#define WEIR_COMPILE_RENDEZVOUS_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_CANDIDATE_WEIGHT 65535u /* the largest */

struct weir_candidate {
	uint64_t id;     /* hash of what it is (address, mode, port); unique */
	uint32_t weight; /* 1 .. WEIR_CANDIDATE_WEIGHT: of its place among all */
	uint32_t
		now; /* 0 .. WEIR_CANDIDATE_WEIGHT, in units of its own: what it gets; 0: nothing */
};

/* Fills rows[0 .. size-1] with indexes into c by weight, whatever now says; n is not 0. size is a
 * power of two, 4 .. WEIR_TABLE_MAX. The result depends on the set of candidates alone, not on
 * their order (the indexes follow the order). */
void weir_rendezvous_fill(const struct weir_candidate *c, uint32_t n, uint32_t *rows,
			  uint32_t size);

/* Makes shares follow now, which is not 0 for one candidate at least. rows are what
 * weir_rendezvous_fill() made of the same candidates, in the same order. */
void weir_rendezvous_refill(const struct weir_candidate *c, uint32_t n, uint32_t *rows,
			    uint32_t size);

/* How many rows suit a table of n endpoints: a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX. */
uint32_t weir_rendezvous_size(uint32_t n);

#endif
