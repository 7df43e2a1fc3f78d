/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_steer.h - the part of abi.h, which includes it, that is about services with
 * WEIR_SERVICE_STEER: which table a client's row is in. The same rules, and WEIR_ABI, hold for it.
 *
 * The longest prefix of weir_places that holds a client says at which location it is, weir_classes
 * which class a service has that location in, and weir_ways, by class and slice of clients, where
 * it goes. */
#ifndef WEIR_ABI_STEER_H
#define WEIR_ABI_STEER_H

#define WEIR_MAX_PLACES         8388608 /* prefixes; memory is taken for those that are there */
#define WEIR_STEER_SLICE_BITS   10
#define WEIR_STEER_SLICES       (1 << WEIR_STEER_SLICE_BITS) /* of clients, by their address */
#define WEIR_WAYS_PER_ROW(n)    ((n) / 4)                    /* ways there are, by rows */
#define WEIR_CLASSES_PER_ROW(n) ((n) / 4) /* words of weir_classes there are, by rows */
#define WEIR_CLASSES_IN_WORD    4

/* A prefix of clients; its value is the number of a location, 1 or more. */
struct weir_place_key {
	__u32 bits; /* of what follows: 32 and those of the prefix */
	__u32 pad;
	union weir_addr addr;
};

/* Classes of locations, WEIR_CLASSES_IN_WORD at a time. */
struct weir_classes {
	__u16 of[WEIR_CLASSES_IN_WORD];
};

/* Where what a service knows of its clients is: one 8-byte word, so that all of it is replaced by
 * one store while packets flow. */
struct weir_steer_ref {
	__u32 ways;    /* first of class 0 | WEIR_STEER_SLICED: a class has one for each slice */
	__u32 classes; /* index of location 0's; WEIR_STEER_ONE_CLASS: all are in class 0 */
};
#define WEIR_STEER_SLICED    0x80000000u
#define WEIR_STEER_ONE_CLASS 0xffffffffu

/* The word in front of a service's first way is no way: what an agent adopts, the numbers of
 * classes and locations. */

/* A way: the table of new flows, and what older flows of its clients need to know, as in a row.
 * At rest prev is WEIR_WAY_REST. Otherwise the way is unsettled: a client's row is {cur's cur,
 * prev's prev}, or prev's cur where that row is at rest, and the same goes for it as for a row
 * that is not at rest. One aligned 8-byte store writes a way. */
struct weir_way {
	__u32 cur;  /* WEIR_WAY_TABLE() | WEIR_WAY_SESSIONS */
	__u32 prev; /* WEIR_WAY_TABLE() | WEIR_WAY_UDP_NEW, or WEIR_WAY_REST */
};
#define WEIR_WAY_REST       0xffffffffu
#define WEIR_WAY_SESSIONS   0x40000000u /* STICKY: new flows of clients with a record, too */
#define WEIR_WAY_UDP_NEW    0x80000000u /* as WEIR_ROW_UDP_NEW */
#define WEIR_WAY_TABLE_BITS 0x00ffffffu

/* A table, by its first row and the binary logarithm of its size / WEIR_TABLE_MIN. */
#define WEIR_WAY_TABLE(base, log2) ((base) / WEIR_TABLE_MIN | (__u32)(log2) << 20)

static inline struct weir_table_ref weir_way_table(__u32 way)
{
	struct weir_table_ref ref = {
		.base = (way & 0xfffff) * WEIR_TABLE_MIN,
		.mask = (WEIR_TABLE_MIN << (way >> 20 & 15)) - 1,
	};

	return ref;
}

_Static_assert(WEIR_MAX_ROWS / WEIR_TABLE_MIN <= 1 << 20 && WEIR_TABLE_MAX <= WEIR_TABLE_MIN << 15,
	       "WEIR_WAY_TABLE");
_Static_assert(sizeof(struct weir_place_key) == 24, "weir_place_key");
_Static_assert(sizeof(struct weir_classes) == 8, "weir_classes");
_Static_assert(sizeof(struct weir_way) == 8, "weir_way");

#endif
