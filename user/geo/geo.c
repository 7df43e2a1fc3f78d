/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "geo/geo.h"

#include "model/rules.h"

static void add_regions(const struct weir_agent_conf *a, struct weir_places_builder *to)
{
	for (uint32_t i = 0; i < a->n_regions; i++)
		for (uint32_t k = 0; k < a->regions[i].n_prefixes; k++)
			weir_places_add(
				to, &a->regions[i].prefixes[k],
				&(struct weir_location){ .client_region = (uint16_t)(i + 1) });
}

static void add_parts(const struct weir_model *m, struct weir_places_builder *to)
{
	struct weir_arena *arena = weir_arena_new();
	uint32_t n;
	const struct weir_prefix *of = weir_rules_prefixes(m, arena, &n);

	for (uint32_t i = 0; i < n; i++)
		weir_places_add(to, &of[i], &(struct weir_location){ .part = i + 1 });
	weir_arena_free(arena);
}

bool weir_geo_read(const struct weir_model *m, struct weir_places **out, struct weir_err *err)
{
	const struct weir_agent_conf *a = &m->agent;
	struct weir_places_builder *b = weir_places_new();

	/* The operator's own file knows better than a database. */
	if (a->geofeed && !weir_geofeed_read(a->geofeed, b, err))
		goto bad;
	weir_places_source(b);
	if (a->geo_database && !weir_mmdb_read(a->geo_database, b, err))
		goto bad;
	weir_places_source(b);
	add_regions(a, b);
	add_parts(m, b);
	*out = weir_places_done(b);
	return true;
bad:
	weir_places_drop(b);
	return false;
}
