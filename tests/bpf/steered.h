/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steered.h - which row a packet has where clients are told apart, read plainly: a part of the
 * description that test_reference.c holds against the packet program. Include it from chosen.h. */
#ifndef WEIR_TESTS_BPF_STEERED_H
#define WEIR_TESTS_BPF_STEERED_H

#include "../lib/steering.h"

#define STEER_TABLES    4
#define STEER_LOCATIONS 4
#define STEER_WAYS      (STEER_LOCATIONS * WEIR_STEER_SLICES)

static struct plane_service steer_table[STEER_TABLES];
static uint32_t roll(uint32_t n);

/* Where clients are; 0: of none of these. */
static const struct rule places[] = {
	{ "198.51.100.0", 29, 1 },
	{ "198.51.100.4", 31, 2 },
	{ "2001:db8:7::2", 127, 3 },
};

/* Locations 1 and 3 are of one class. */
static uint32_t class_of(uint32_t location)
{
	return location == 3 ? 1 : location;
}

static void steer_reshape(void)
{
	uint32_t cur = plane_table(&steer_table[roll(STEER_TABLES)]);
	uint32_t prev = plane_table(&steer_table[roll(STEER_TABLES)]);
	const struct plane_service *t = &steer_table[roll(STEER_TABLES)];

	plane->ways[roll(STEER_WAYS)] = (struct weir_way){
		.cur = cur | (roll(2) ? WEIR_WAY_SESSIONS : 0),
		.prev = roll(3) ? prev | (roll(2) ? WEIR_WAY_UDP_NEW : 0) : WEIR_WAY_REST,
	};
	plane_set_row(plane, t->base + roll(t->size), roll(8),
		      roll(2) ? roll(8) | (roll(2) ? WEIR_ROW_UDP_NEW : 0) : REST);
}

static void steer_world(void)
{
	for (uint32_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		plane_add_place(plane, places[i].addr, places[i].bits, places[i].is);
	for (uint32_t i = 0; i < STEER_LOCATIONS; i++)
		plane->classes[i / 4].of[i % 4] = (uint16_t)class_of(i);
	for (uint32_t i = 0; i < STEER_WAYS; i++)
		plane->ways[i] = (struct weir_way){ plane_table(&steer_table[i % STEER_TABLES]),
						    WEIR_WAY_REST };
	for (uint32_t i = 0; i < 20000; i++)
		steer_reshape();
}

struct steered {
	struct plane_service table; /* of new flows */
	struct weir_row row;
	bool unsettled, sessions;
};

static const struct plane_service *table_named(uint32_t way)
{
	for (uint32_t i = 0; i < STEER_TABLES; i++)
		if (plane_table(&steer_table[i]) == (way & WEIR_WAY_TABLE_BITS))
			return &steer_table[i];
	return NULL;
}

/* chooses: the hash that rows are chosen by. */
static struct steered see_way(const struct weir_special *special, const struct flow *f,
			      uint64_t chooses)
{
	bool one = special->steer.classes == WEIR_STEER_ONE_CLASS;
	uint32_t class =
		one ? 0 : class_of(longest(places, sizeof(places) / sizeof(*places), &f->src));
	bool sliced = special->steer.ways & WEIR_STEER_SLICED;
	struct weir_way way =
		plane->ways[sliced ? class * WEIR_STEER_SLICES + plane_slice(f) : class];
	struct steered s = { .table = *table_named(way.cur) };
	struct weir_row older;
	uint32_t slot;

	s.row = plane->rows[s.table.base + chooses % s.table.size];
	if (way.prev == WEIR_WAY_REST)
		return s;
	older = plane->rows[table_named(way.prev)->base + chooses % s.table.size];
	slot = older.prev == REST ? older.cur : older.prev & WEIR_ROW_SLOT;
	s.row.prev = (alive(slot) ? slot : s.row.cur) |
		     (way.prev & WEIR_WAY_UDP_NEW ? WEIR_ROW_UDP_NEW : 0);
	s.unsettled = true;
	s.sessions = way.cur & WEIR_WAY_SESSIONS;
	return s;
}

#endif
