/* SPDX-License-Identifier: GPL-2.0-or-later */
/* override.c - what is said by hand while the agent runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/alerts_impl.h"
#include "base/log.h"

#define NOTE "override" /* what is kept of one: a note of the store, under this and its pool */

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

/* --- what outlives the agent --- */

/* o NULL: it is taken back. */
static void keep(struct weir_agent *a, const char *pool, const char *origin,
		 const struct weir_override *o)
{
	json_t *body = NULL;
	char *id;

	if (!a->alerts)
		return;
	if (asprintf(&id, "%s/%s", pool, origin ? origin : "") < 0)
		abort();
	if (o)
		body = json_pack("{s:s, s:s?, s:i, s:s, s:s, s:I, s:I}", "pool", pool, "origin",
				 origin, "state", (int)o->state, "reason", o->reason, "by", o->by,
				 "since", (json_int_t)o->since_ms, "until",
				 (json_int_t)o->until_ms);
	agent_keep_note(a->alerts, NOTE, id, body);
	json_decref(body);
	free(id);
}

static void restore(struct weir_agent *a, const json_t *note)
{
	const char *pool = json_string_value(json_object_get(note, "pool"));
	const char *origin = json_string_value(json_object_get(note, "origin"));
	const struct weir_override o = {
		.state = (enum weir_forced)json_integer_value(json_object_get(note, "state")),
		.reason = json_string_value(json_object_get(note, "reason")),
		.by = json_string_value(json_object_get(note, "by")),
		.since_ms = (uint64_t)json_integer_value(json_object_get(note, "since")),
		.until_ms = (uint64_t)json_integer_value(json_object_get(note, "until")),
	};

	if (!pool || !o.reason || !o.by)
		return;
	if (o.until_ms && o.until_ms <= agent_now_ms())
		keep(a, pool, origin, NULL);
	else
		weir_overrides_set(a->overrides, pool, origin, &o);
}

int agent_overrides_restore(struct weir_agent *a)
{
	json_t *notes, *note;
	struct weir_err err;
	const char *key;

	if (!a->store)
		return 0;
	if (!weir_store_notes(a->store, &notes, &err)) {
		weir_error("%s: %s", err.path, err.text);
		return -EIO;
	}
	json_object_foreach(notes, key, note) if (!strncmp(key, NOTE "/", sizeof(NOTE)))
		restore(a, note);
	json_decref(notes);
	agent_pass_all(a);
	return 0;
}

/* --- what is said --- */

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
		keep(a, pool, origin, &o);
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
	keep(a, pool, origin, NULL);
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
