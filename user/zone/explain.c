/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.c - what a name is for who asks. */
#include "zone/explain.h"

#include "zone/snapshot.h"

static void of_node(const struct weir_zones *z, const struct weir_node *node,
		    const struct weir_steered_query *q, struct weir_step *out)
{
	const struct weir_steered *s = node->steered;
	struct weir_zone_way way;

	out->by = node->name;
	out->balanced = node->balanced;
	out->in_file = !node->zone;
	if (!s)
		return;
	way = weir_steered_way(z, s, q);
	out->rules = way.rules;
	out->mix = way.mix - s->by[way.rules].first_mix;
	out->location = way.location;
	out->by_subnet = way.by_subnet;
	out->scope = way.scope;
}

void weir_zones_step(const struct weir_zones *z, const uint8_t *name, size_t len, uint16_t type,
		     const struct weir_asker *asker, const struct weir_subnet *subnet,
		     struct weir_step *out)
{
	const struct weir_steered_query q = { &asker->client, subnet, name, type };
	struct weir_found f = weir_zones_find(z, name, len);

	*out = (struct weir_step){ .kind = WEIR_STEP_OUTSIDE, .zone = UINT32_MAX };
	if (!f.zone)
		return;
	out->zone = f.zone->index;
	if (f.cut) {
		out->kind = WEIR_STEP_REFERRED;
		out->by = f.cut->name;
	} else if (f.node || f.wild) {
		out->kind = f.node ? WEIR_STEP_NAME : WEIR_STEP_WILDCARD;
		of_node(z, f.node ? f.node : f.wild, &q, out);
		if (f.node && !f.node->sets && !f.node->steered && !f.node->balanced)
			out->kind = WEIR_STEP_EMPTY;
	} else {
		out->kind = WEIR_STEP_MISSING;
	}
}
