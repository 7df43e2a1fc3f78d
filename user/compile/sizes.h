/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sizes.h - how many rows tables have: by configuration alone, so that health changes no size, and
 * balancers of one configuration have the same ones.
 *
 * Where agent.max_rows has no room for all tables as large as suits them, the largest are smaller:
 * none has more rows than fit when all take half of it, and half is left for what a change needs
 * beside them. Shares hold as they do in larger ones; a change of a pool moves more rows. */
#ifndef WEIR_COMPILE_SIZES_H
#define WEIR_COMPILE_SIZES_H

#include "model/model.h"

/* Whether it has tables at all. */
static inline bool weir_has_tables(const struct weir_lb *lb)
{
	return lb->proxied && lb->enabled;
}

/* What its tables would have. */
uint32_t weir_size_that_suits(const struct weir_lb *lb);

/* The most rows that a table has: a power of two, WEIR_TABLE_MIN .. WEIR_TABLE_MAX. */
uint32_t weir_size_limit(const struct weir_model *m);

#endif
