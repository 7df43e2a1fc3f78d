/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_monitors.c - monitors, groups of them, and who refers to whom. */
#include <stdio.h>
#include <string.h>

#include "api/cloudflare_impl.h"

#define TIMEOUT 5

static const struct cf_field monitor_fields[] = {
	CF("type", "string", "\"http\""),
	CF("description", "string", "\"\""),
	CF("method", "string", 0),
	CF("path", "string", 0),
	CF("port", "integer", "0"),
	CF("header", "object", "{}"),
	CF("expected_codes", "string", 0),
	CF("expected_body", "string", "\"\""),
	CF("interval", "number", "60"),
	CF("timeout", "number", 0),
	CF("retries", "integer", "2"),
	CF("consecutive_up", "integer", "0"),
	CF("consecutive_down", "integer", "0"),
	CF("follow_redirects", "boolean", "false"),
	CF("allow_insecure", "boolean", "false"),
	CF("probe_zone", "string", "\"\""),
	/* another vendor's, and ours */
	CF("window", "integer", 0),
	CF("threshold", "integer", 0),
	CF("initial", "integer", 0),
	CF("via", "object", 0),
	CF_TIMES,
	{ 0 },
};

static void unless_said(json_t *shown, const char *key, const char *text)
{
	if (!*cf_text(shown, key))
		json_object_set_new(shown, key, json_string(text));
}

/* Defaults that depend on the type, or on another field. */
static void complete_monitor(const struct api_request *r, const json_t *stored, json_t *shown)
{
	bool http = strncmp(cf_text(shown, "type"), "http", 4) == 0;
	double interval = json_number_value(json_object_get(shown, "interval"));

	(void)r;
	(void)stored;
	unless_said(shown, "method", http ? "GET" : "connection_established");
	unless_said(shown, "path", http ? "/" : "");
	unless_said(shown, "expected_codes", http ? "200" : "");
	if (json_object_get(shown, "timeout"))
		return;
	if (interval < TIMEOUT)
		json_object_set(shown, "timeout", json_object_get(shown, "interval"));
	else
		json_object_set_new(shown, "timeout", json_integer(TIMEOUT));
}

const struct cf_kind cf_monitors = {
	.kind = "monitor",
	.word = "monitor",
	.fields = monitor_fields,
	.complete = complete_monitor,
};

/* --- groups --- */

static const struct cf_field member_fields[] = {
	CF_HOW("monitor_id", "string", CF_REQUIRED, 0),
	CF("enabled", "boolean", "true"),
	CF("monitoring_only", "boolean", "false"),
	CF("must_be_healthy", "boolean", "false"),
	CF_HOW("created_at", "string", CF_READ_ONLY, 0),
	CF_HOW("updated_at", "string", CF_READ_ONLY, 0),
	{ 0 },
};

static const struct cf_field group_fields[] = {
	CF_HOW("description", "string", CF_REQUIRED, "\"\""),
	CF_OF("members", "array", CF_REQUIRED, 0, member_fields),
	CF_TIMES,
	{ 0 },
};

static const json_t *member_of(const json_t *group, const char *monitor)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(group, "members"), i, m)
	{
		if (strcmp(cf_text(m, "monitor_id"), monitor) == 0)
			return m;
	}
	return NULL;
}

/* Whether a member is as it was, but for its times. */
static bool is_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "enabled", "monitoring_only", "must_be_healthy" };

	for (size_t i = 0; i < 3; i++)
		if (!cf_is_same(a, b, keys[i]))
			return false;
	return true;
}

/* Members know since when they are there, and as they are. */
static bool settle_group(struct api_request *r, json_t *body, const json_t *was)
{
	char text[CF_TIME];
	json_t *m;
	size_t i;

	api_time(r->now_ms, 6, text);
	json_array_foreach(json_object_get(body, "members"), i, m)
	{
		const json_t *before = member_of(was, cf_text(m, "monitor_id"));
		const char *created = cf_text(before, "created_at");
		const char *updated = cf_text(before, "updated_at");

		if (!json_is_object(m))
			continue;
		json_object_set_new(m, "created_at", json_string(*created ? created : text));
		json_object_set_new(m, "updated_at",
				    json_string(*updated && is_same(m, before) ? updated : text));
	}
	return true;
}

const struct cf_kind cf_groups = {
	.kind = "monitor_group",
	.word = "monitor group",
	.fields = group_fields,
	.settle = settle_group,
	.shown_when_gone = true,
};

/* --- references --- */

static json_t *references(const struct api_request *r, const char *kind, const char *id)
{
	json_t *args = json_pack("{s:s, s:s}", "type", kind, "id", id), *all = NULL, *out, *ref;
	struct weir_err err;
	size_t i;

	if (weir_agent_refs(r->agent, args, &all, &err))
		all = NULL;
	json_decref(args);
	out = json_array();
	json_array_foreach(json_object_get(all, "references"), i, ref)
	{
		json_object_del(ref, "field");
		json_array_append(out, ref);
	}
	json_decref(all);
	return out;
}

void cf_references(struct api_request *r, const struct cf_kind *k)
{
	const json_t *body = cf_find(r, k);

	if (body)
		cf_reply_list(r, references(r, k->kind, cf_text(body, "id")), 0, 1, 100000);
}

/* --- search --- */

static bool holds(const json_t *body, const char *what)
{
	static const char *const keys[] = { "id", "name", "description" };

	for (size_t i = 0; i < 3; i++)
		if (strcasestr(cf_text(body, keys[i]), what))
			return true;
	return false;
}

/* Those of a reference that are asked for: "" none, * all, or of one type. */
static json_t *chosen(json_t *all, const char *type)
{
	json_t *out = json_array(), *ref;
	size_t i;

	json_array_foreach(all, i, ref)
	{
		if (strcmp(type, "*") == 0 || strcmp(cf_text(ref, "reference_type"), type) == 0)
			json_array_append(out, ref);
	}
	json_decref(all);
	return out;
}

static json_t *resource(const struct api_request *r, const char *kind, const json_t *body)
{
	const char *which = api_arg(r, "references"), *name = cf_text(body, "name");
	json_t *out;

	if (!*name)
		name = cf_text(body, "description");
	out = json_pack("{s:s, s:O, s:s}", "resource_type", kind, "resource_id",
			json_object_get(body, "id"), "resource_name",
			*name ? name : cf_text(body, "id"));
	json_object_set_new(out, "references",
			    which && *which
				    ? chosen(references(r, kind, cf_text(body, "id")), which)
				    : json_array());
	return out;
}

/* The page of references that are worked out is the one that is shown. */
void cf_search(struct api_request *r, const struct cf_kind *k)
{
	static const char *const kinds[] = { "load_balancer", "monitor", "pool" };
	const char *query = api_arg(r, "query"), *id;
	struct cf_found found = { 0 };
	json_t *list = json_array(), *body;
	size_t first, n, from[4] = { 0 };

	(void)k;
	for (size_t i = 0; i < 3; i++) {
		json_object_foreach((json_t *)weir_agent_objects(r->agent, kinds[i]), id, body)
		{
			if (!query || holds(body, query))
				cf_found_add(&found, body);
		}
		from[i + 1] = found.n;
	}
	cf_reply(r, json_pack("{s:o}", "resources", list));
	cf_page(r, found.n, 25, 1, 1000, &first, &n);
	for (size_t i = first, kind = 0; i < first + n; i++) {
		while (i >= from[kind + 1])
			kind++;
		json_array_append_new(list, resource(r, kinds[kind], found.all[i]));
	}
	cf_found_free(&found);
}
