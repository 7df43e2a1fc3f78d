/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.h - the order in which a candidate claims the rows of a table: a permutation of its own,
 * by its id and the size of the table alone.
 *
 * A table of q x q rows is the plane over the field of q elements. A candidate claims it line by
 * line, all lines having one slope, which differs from candidate to candidate. Lines of different
 * slopes meet in one row, so any two candidates want the same row about as often as any other two,
 * and what one of them leaves is wanted next by all others alike. A table of 2 x q x q rows is two
 * planes, of which lines are taken in turns. */
#ifndef WEIR_COMPILE_ORDER_H
#define WEIR_COMPILE_ORDER_H

#include <stdint.h>

#define WEIR_ORDER_BITS 20 /* of a row's number, at most */

/* The next row differs from the last one by one of these words (Gray code), as a row's number
 * depends on that of its claim by exclusive or alone. */
struct weir_order {
	uint32_t first;
	uint32_t step[WEIR_ORDER_BITS + 1]; /* the last one is 0 */
};

/* size: a power of two, 4 .. 1 << WEIR_ORDER_BITS. */
void weir_order_init(struct weir_order *o, uint64_t id, uint32_t size);

/* The row of claim k, from that of the claim before; after the last one it means nothing. */
static inline uint32_t weir_order_next(const struct weir_order *o, uint32_t row, uint32_t k)
{
	return row ^ o->step[__builtin_ctz(k)];
}

#endif
