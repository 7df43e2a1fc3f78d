/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.c - a document into a model. Sections are taken in the order in which they refer to each
 * other, so that what a reference means is known when it is met. */
#include "model/parse.h"
#include "model/rdata.h"

#include <stdlib.h>

static void init_indexes(struct weir_parse *p)
{
	struct weir_index *all[] = { &p->vips,  &p->zones,      &p->monitors, &p->groups,
				     &p->pools, &p->pool_names, &p->lbs,      &p->lb_names };

	for (size_t i = 0; i < WEIR_COUNT(all); i++)
		weir_index_init(all[i], 0, p->arena);
	weir_index_init(&p->hosts, WEIR_MAX_HOSTS, p->arena);
}

static bool take_root(struct weir_parse *p, const json_t *root)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("agent", weir_take_agent),
		WEIR_CUSTOM("zones", weir_take_zones),
		WEIR_CUSTOM("monitors", weir_take_monitors),
		WEIR_CUSTOM("monitor_groups", weir_take_groups),
		WEIR_CUSTOM("pools", weir_take_pools),
		WEIR_CUSTOM("load_balancers", weir_take_lbs),
		WEIR_CUSTOM("records", weir_take_records),
	};
	struct weir_at at = { .p = p, .v = root };

	weir_agent_defaults(&p->model->agent);
	p->n_proxied = weir_count_proxied(root);
	return weir_take_fields(&at, fields, WEIR_COUNT(fields), p->model) && weir_check_lbs(&at);
}

bool weir_model_parse(const json_t *root, struct weir_model **out, struct weir_err *err)
{
	return weir_model_build(root, NULL, out, err);
}

bool weir_model_build(const json_t *root, const struct weir_hosts *hosts, struct weir_model **out,
		      struct weir_err *err)
{
	struct weir_parse p = { .arena = weir_arena_new(), .err = err };
	bool ok;

	p.model = weir_arena_alloc(p.arena, 1, sizeof(*p.model));
	p.model->arena = p.arena;
	init_indexes(&p);
	ok = take_root(&p, root);
	weir_rdata_free(p.rdata);
	if (!ok) {
		weir_arena_free(p.arena);
		return false;
	}
	weir_expand(&p, hosts);
	*out = p.model;
	return true;
}

void weir_model_free(struct weir_model *m)
{
	if (m)
		weir_arena_free(m->arena); /* m is in it */
}
