/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_config.c - any bytes as a configuration: an error with a place, or a model whose view and
 * whose zones can be built for any health. What is true of every accepted document is asserted. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/view.h"
#include "model/yaml.h"
#include "../unit/zone/asked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build_view(const struct weir_model *m, unsigned seed)
{
	struct weir_health *health = weir_new_array(m->n_origins, struct weir_health);
	struct weir_arena *arena = weir_arena_new();
	const struct weir_view *v;

	for (uint32_t i = 0; i < m->n_origins; i++) {
		weir_health_init(&health[i], 0);
		health[i].state = (i + seed) % 3;
	}
	v = weir_view_build(m, &(struct weir_facts){ .health = health }, arena);
	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_view_mix *mix = weir_view_mix(&v->lbs[i]);

		assert(!v->lbs[i].pool == !mix->n_serving);
		for (uint32_t k = 0; k < mix->n; k++)
			assert(mix->members[k].weight &&
			       (!mix->members[k].now || mix->members[k].origin->enabled));
	}
	weir_zones_free(world_build(v));
	weir_arena_free(arena);
	free(health);
}

static void use(const struct weir_model *m)
{
	for (uint32_t i = 0; i < m->n_monitors; i++)
		assert(m->monitors[i].id && m->monitors[i].method &&
		       m->monitors[i].timeout_ms <= m->monitors[i].interval_ms);
	for (uint32_t i = 0; i < m->n_lbs; i++)
		assert(m->lbs[i].n_default_pools && m->lbs[i].fallback_pool &&
		       (!m->lbs[i].proxied || (m->lbs[i].n_vips && m->lbs[i].n_listeners)));
	for (uint32_t i = 0; i < m->n_records; i++)
		assert(strlen(m->records[i].name) <= 253);
	for (unsigned seed = 0; seed < 3; seed++)
		build_view(m, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_lines *lines;
	struct weir_model *m;
	struct weir_err err = { 0 };
	json_t *root, *text;

	if (!weir_yaml_parse((const char *)data, size, &root, &lines, &err)) {
		assert(err.line && err.column && *err.text);
		return 0;
	}
	if (weir_model_parse(root, &m, &err)) {
		use(m);
		weir_model_free(m);
	} else {
		weir_lines_locate(lines, &err);
		text = json_pack("[ss]", err.path, err.text); /* fit for the API */
		assert(err.line && *err.text && text);
		json_decref(text);
	}
	json_decref(root);
	weir_lines_free(lines);
	return 0;
}
