/* SPDX-License-Identifier: GPL-2.0-or-later */
/* second.h - where else a flow may go when the endpoint of its row will not do. Other rows of the
 * same table, by other bits of the same hash, so that second choices are shared by weights as first
 * ones are, and all balancers find the same. */
#ifndef WEIR_SECOND_H
#define WEIR_SECOND_H

/* The nth other row of a flow, as an index in weir_rows. */
static __always_inline __u32 other_row_of(struct weir_table_ref table, __u64 hash, __u32 nth)
{
	return table.base + (((__u32)hash + nth * ((__u32)(hash >> 16) | 1)) & table.mask);
}

static __always_inline __u32 other_row(const struct packet *p, __u64 hash, __u32 nth)
{
	return other_row_of(p->table, hash, nth);
}

#endif
