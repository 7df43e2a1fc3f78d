/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asked.h - a snapshot of a view alone, and a question to it by a client of whom nothing is known.
 */
#ifndef TESTS_UNIT_ZONE_ASKED_H
#define TESTS_UNIT_ZONE_ASKED_H

#include "zone/zone.h"

static inline struct weir_zones *world_build(const struct weir_view *view)
{
	static const struct weir_self self = { .nsid = "", .version = "" };

	return weir_zones_build(view, NULL, &self, NULL, NULL);
}

static inline size_t world_answer(const struct weir_zones *z, const uint8_t *query, size_t len,
				  bool tcp, uint64_t random, uint8_t *out, size_t cap)
{
	struct weir_asker asker = { .random = random, .tcp = tcp };
	struct weir_told told;

	return weir_zones_answer(z, query, len, &asker, out, cap, &told);
}

#endif
