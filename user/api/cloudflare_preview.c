/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_preview.c - what a monitor would say of pools: asked for, and read until it is there.
 */
#include <string.h>

#include "api/cloudflare_impl.h"

/* Of the body, over a monitor that there is (or NULL). NULL: the reply says why not. */
static json_t *monitor_of(struct api_request *r, const json_t *stored)
{
	json_t *base = stored ? json_incref((json_t *)stored) : json_object();
	json_t *body = r->body ? json_incref(r->body) : json_object();
	json_t *taken = cf_take(r, &cf_monitors, body);
	json_t *monitor = taken ? cf_body(r, &cf_monitors, taken, base, true) : NULL;

	json_decref(body);
	json_decref(base);
	return monitor;
}

/* The monitor is taken over. */
static void begin(struct api_request *r, json_t *monitor, const json_t *pools)
{
	json_t *ids = json_array(), *name;
	struct weir_err err;
	char preview[CF_ID];
	const char *id;

	json_object_foreach((json_t *)pools, id, name)
	{
		json_array_append_new(ids, json_string(id));
	}
	api_random_id(preview, CF_ID_BYTES);
	if (weir_agent_preview(r->agent, preview, monitor, ids, &err))
		cf_reply(r, json_pack("{s:s, s:O}", "preview_id", preview, "pools", pools));
	else
		cf_invalid(r, NULL, "%s%s%s",
			   strncmp(err.path, "monitors[0].", 12) == 0 ? err.path + 12 : err.path,
			   err.path[0] ? " " : "", err.text);
	json_decref(ids);
	json_decref(monitor);
}

void cf_preview_pool(struct api_request *r, const struct cf_kind *k)
{
	const json_t *pool = cf_find(r, k);
	json_t *monitor = pool ? monitor_of(r, weir_agent_object(r->agent, "monitor",
								 cf_text(pool, "monitor")))
			       : NULL;
	json_t *pools;

	if (!monitor)
		return;
	pools = json_pack("{s:O}", cf_text(pool, "id"), json_object_get(pool, "name"));
	begin(r, monitor, pools);
	json_decref(pools);
}

static bool has_member(const struct api_request *r, const char *group, const char *monitor)
{
	const json_t *body = weir_agent_object(r->agent, "monitor_group", group), *m;
	size_t i;

	json_array_foreach(json_object_get(body, "members"), i, m)
	{
		if (strcmp(cf_text(m, "monitor_id"), monitor) == 0)
			return true;
	}
	return false;
}

/* With every pool that has it, by itself or in a group. */
void cf_preview_monitor(struct api_request *r, const struct cf_kind *k)
{
	const json_t *stored = cf_find(r, k);
	json_t *monitor = stored ? monitor_of(r, stored) : NULL, *pools, *pool;
	const char *id, *own = cf_text(stored, "id");

	if (!monitor)
		return;
	pools = json_object();
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "pool"), id, pool)
	{
		if (strcmp(cf_text(pool, "monitor"), own) == 0 ||
		    has_member(r, cf_text(pool, "monitor_group"), own))
			json_object_set(pools, id, json_object_get(pool, "name"));
	}
	begin(r, monitor, pools);
	json_decref(pools);
}

/* A pool as far as it is known, by the origins that it has now. */
static json_t *show_pool(const json_t *pool, const json_t *state)
{
	json_t *verdicts = cf_verdicts(pool, state), *item, *v;
	json_int_t healthy = 0;
	const char *address;
	size_t i;

	json_array_foreach(verdicts, i, item)
	{
		json_object_foreach(item, address, v)
		{
			healthy += json_is_true(json_object_get(v, "healthy"));
		}
	}
	return json_pack("{s:b, s:o}", "healthy",
			 healthy >= json_integer_value(json_object_get(state, "minimum_origins")),
			 "origins", verdicts);
}

void cf_preview(struct api_request *r, const struct cf_kind *k)
{
	const char *id = api_param(r, "id"), *pool_id;
	const json_t *result = weir_agent_previewed(r->agent, id);
	json_t *shown, *state;

	(void)k;
	if (!result) {
		cf_fail(r, 404, CF_UNKNOWN, NULL, "preview not found: \"%s\"", id);
		return;
	}
	shown = json_object();
	json_object_foreach((json_t *)result, pool_id, state)
	{
		const json_t *pool = weir_agent_object(r->agent, "pool", pool_id);

		if (pool)
			json_object_set_new(shown, pool_id, show_pool(pool, state));
	}
	cf_reply(r, shown);
}
