/* SPDX-License-Identifier: GPL-2.0-or-later */
/* override.c - what is said by hand while the agent runs. */
#include <errno.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/log.h"

static void add(json_t *list, const struct weir_pool *pool, const struct weir_origin *origin,
		const struct weir_override *o)
{
	json_t *of =
		json_pack("{s:s, s:s?}", "pool", pool->id, "origin", origin ? origin->name : NULL);
	json_t *said = agent_override(o);

	json_object_update(of, said);
	json_decref(said);
	json_array_append_new(list, of);
}

json_t *weir_agent_overrides(const struct weir_agent *a)
{
	uint64_t now_ms = agent_now_ms();
	json_t *list = json_array();

	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_pool *pool = &a->model->pools[i];
		const struct weir_override *o = weir_overrides_of(a->overrides, pool, NULL, now_ms);

		if (o)
			add(list, pool, NULL, o);
		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *origin = &pool->origins[k];

			o = weir_overrides_of(a->overrides, pool, origin, now_ms);
			if (o)
				add(list, pool, origin, o);
		}
	}
	return json_pack("{s:s, s:o}", "node", a->model->agent.node, "overrides", list);
}

/* Whether there is such a pool and, unless it is NULL, such an origin of it; else *err. */
static int find(const struct weir_model *m, const char *pool, const char *origin,
		struct weir_err *err)
{
	const struct weir_pool *p = NULL;

	for (uint32_t i = 0; i < m->n_pools && !p; i++)
		if (!strcmp(m->pools[i].id, pool))
			p = &m->pools[i];
	if (!p) {
		weir_err_set(err, "", "there is no pool \"%.60s\"", pool);
		return -ENOENT;
	}
	for (uint32_t i = 0; origin && i < p->n_origins; i++)
		if (!strcmp(p->origins[i].name, origin))
			return 0;
	if (!origin)
		return 0;
	weir_err_set(err, "", "pool %s has no origin \"%.60s\"", p->id, origin);
	return -ENOENT;
}

static int set(struct weir_agent *a, const char *pool, const char *origin, const json_t *body,
	       struct weir_err *err)
{
	struct weir_arena *arena = weir_arena_new();
	struct weir_override o;
	int rc = 0;

	if (!weir_override_parse(body, agent_now_ms(), arena, &o, err)) {
		rc = -EINVAL;
	} else if (!weir_overrides_set(a->overrides, pool, origin, &o)) {
		weir_err_set(err, "", "there are %d overrides already", WEIR_OVERRIDES_MAX);
		rc = -ENOSPC;
	} else {
		weir_warn("pool %s%s%s: forced %s by %s: %s", pool, origin ? ", " : "",
			  origin ? origin : "", weir_forced_text(o.state), o.by, o.reason);
	}
	weir_arena_free(arena);
	return rc;
}

static int clear(struct weir_agent *a, const char *pool, const char *origin, struct weir_err *err)
{
	if (!weir_overrides_clear(a->overrides, pool, origin)) {
		weir_err_set(err, "",
			     "nothing was said of it here (what the configuration says ends "
			     "by a change of it)");
		return -ENOENT;
	}
	weir_info("pool %s%s%s: not forced any more", pool, origin ? ", " : "",
		  origin ? origin : "");
	return 0;
}

int weir_agent_override(struct weir_agent *a, const char *pool, const char *origin,
			const json_t *body, struct weir_err *err)
{
	int rc = find(a->model, pool, origin, err);

	if (!rc)
		rc = body ? set(a, pool, origin, body, err) : clear(a, pool, origin, err);
	if (rc)
		return rc;
	agent_pass_all(a);
	agent_flush(a);
	return 0;
}
