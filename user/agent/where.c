/* SPDX-License-Identifier: GPL-2.0-or-later */
/* where.c - where clients are, for a model: read from files when they are new, else kept. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/hash.h"
#include "geo/geo.h"
#include "model/rules.h"

static bool same_file(const char *a, const char *b, const struct agent_stamp *was,
		      struct agent_stamp *is)
{
	*is = agent_stamp_of(b);
	return !a == !b && (!a || strcmp(a, b) == 0) && agent_stamp_eq(was, is);
}

/* What rules tell apart; 0: nothing. */
static uint64_t parts_digest(const struct weir_model *m)
{
	struct weir_arena *arena = weir_arena_new();
	uint64_t h = 0;
	uint32_t n;
	const struct weir_prefix *of = weir_rules_prefixes(m, arena, &n);

	for (uint32_t i = 0; i < n; i++)
		h = weir_hash_bytes(h + of[i].bits + 1, &of[i].addr, sizeof(of[i].addr));
	weir_arena_free(arena);
	return h;
}

static bool asks_where(const struct weir_agent_conf *a, const struct agent_where *w)
{
	return a->geofeed || a->geo_database || a->n_regions || w->parts;
}

bool agent_where_read(const struct weir_agent *a, const struct weir_model *m,
		      struct agent_zone_reading *read, struct agent_where *out,
		      struct weir_err *err)
{
	const struct weir_agent_conf *was = &a->model->agent, *is = &m->agent;
	bool same = same_file(was->geofeed, is->geofeed, &a->where.geofeed, &out->geofeed);

	same &= same_file(was->geo_database, is->geo_database, &a->where.database, &out->database);
	out->places = NULL;
	out->presigned = NULL;
	out->parts = parts_digest(m);
	out->kept =
		a->where.arena && same && weir_regions_eq(was, is) && out->parts == a->where.parts;
	if (out->kept)
		out->places = a->where.places;
	else if (asks_where(is, out) && !weir_geo_read(m, &out->places, err))
		return false;
	if (!agent_zone_files_read(m, &a->where.zones, read, &out->zones, err)) {
		if (!out->kept)
			weir_places_free(out->places);
		return false;
	}
	if (!agent_signing_read(a->signing, m, err)) {
		agent_zone_files_drop(&out->zones);
		if (!out->kept)
			weir_places_free(out->places);
		return false;
	}
	out->arena = weir_arena_new();
	out->classes = weir_classes_build(m, out->places, out->arena);
	return true;
}

void agent_where_keep(const struct weir_agent *a, const struct weir_model *m,
		      struct agent_where *out)
{
	*out = a->where;
	out->presigned = NULL;
	out->kept = true;
	agent_zone_files_keep(&a->where.zones, &out->zones);
	out->arena = weir_arena_new();
	out->classes = weir_classes_build(m, out->places, out->arena);
}

void agent_where_drop(struct agent_where *w)
{
	weir_arena_free(w->arena);
	agent_zone_files_drop(&w->zones);
	if (!w->kept)
		weir_places_free(w->places);
}

static void drop_arena(void *arena)
{
	weir_arena_free(arena);
}

static void drop_places(void *places)
{
	weir_places_free(places);
}

/* DNS may still answer from snapshots that refer to the older ones. */
void agent_where_take(struct weir_agent *a, struct agent_where *w)
{
	agent_zone_files_replace(&a->where.zones, &w->zones, a->dns);
	weir_dns_retire(a->dns, a->where.arena, drop_arena);
	if (!w->kept)
		weir_dns_retire(a->dns, a->where.places, drop_places);
	a->where = *w;
	a->where.kept = false;
}
