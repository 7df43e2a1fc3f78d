/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_schema.c - the schemas of the OpenAPI document, by the tables of fields. "pool" is
 * what a client may say of one, "shown.pool" what it reads, "reply.pool" that in its envelope, and
 * "list.pool" a page of them. */
#include <stdio.h>
#include <string.h>

#include "api/cloudflare_impl.h"

#define REF "#/components/schemas/cloudflare."

static const struct {
	const char *name;
	const struct cf_kind *kind;
} kinds[] = {
	{ "pool", &cf_pools },        { "monitor", &cf_monitors }, { "monitor_group", &cf_groups },
	{ "load_balancer", &cf_lbs }, { "zone", &cf_zones },       { "record", &cf_records },
	{ "webhook", &cf_webhooks },  { "policy", &cf_policies },
};

static const struct cf_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	return NULL;
}

static json_t *schema_of(const struct cf_field *fields, bool shown);

static json_t *field_schema(const struct cf_field *f, bool shown)
{
	json_t *of = f->of ? schema_of(f->of, shown) : NULL;

	if (of && strcmp(f->type, "object") == 0) {
		json_object_set_new(of, "type", json_pack("[s, s]", "object", "null"));
		return of;
	}
	return json_pack("{s:[s, s], s:o*}", "type", f->type, "null", "items", of);
}

static json_t *schema_of(const struct cf_field *fields, bool shown)
{
	json_t *properties = json_object();

	for (const struct cf_field *f = fields; f->key; f++)
		if (shown ? !(f->how & CF_SECRET) : !(f->how & CF_READ_ONLY))
			json_object_set_new(properties, f->key, field_schema(f, shown));
	return json_pack("{s:s, s:o}", "type", "object", "properties", properties);
}

static json_t *ref(const char *prefix, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), REF "%s%s", prefix, name);
	return json_pack("{s:s}", "$ref", text);
}

static json_t *envelope(json_t *result)
{
	return json_pack("{s:s, s:[s, s, s, s], s:{s:o, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}",
			 "type", "object", "required", "result", "success", "errors", "messages",
			 "properties", "result", result, "success", "type", "boolean", "errors",
			 "type", "array", "messages", "type", "array", "result_info", "type",
			 "object");
}

static json_t *shown(const char *name)
{
	const struct cf_kind *k = kind_of(name);
	json_t *schema;

	if (!k)
		return json_pack("{s:s}", "type", "object"); /* gone, health, reference */
	schema = schema_of(k->fields, true);
	json_object_set_new(json_object_get(schema, "properties"), "id",
			    json_pack("{s:s}", "type", "string"));
	json_object_set_new(schema, "required", json_pack("[s]", "id"));
	return schema;
}

static json_t *batch(void)
{
	return json_pack("{s:s, s:{s:{s:s, s:{s:s}}, s:{s:s, s:o}, s:{s:s, s:o}, s:{s:s, s:o}}}",
			 "type", "object", "properties", "deletes", "type", "array", "items",
			 "type", "object", "patches", "type", "array", "items", ref("", "record"),
			 "puts", "type", "array", "items", ref("", "record"), "posts", "type",
			 "array", "items", ref("", "record"));
}

json_t *cf_schema(const char *name)
{
	const struct cf_kind *k = kind_of(name);

	if (k)
		return schema_of(k->fields, false);
	if (strncmp(name, "shown.", 6) == 0)
		return shown(name + 6);
	if (strncmp(name, "reply.", 6) == 0)
		return envelope(ref("shown.", name + 6));
	if (strncmp(name, "list.", 5) == 0)
		return envelope(
			json_pack("{s:s, s:o}", "type", "array", "items", ref("shown.", name + 5)));
	if (strcmp(name, "batch") == 0)
		return batch();
	if (strcmp(name, "bulk") == 0)
		return json_pack("{s:s, s:{s:{s:s}}}", "type", "object", "properties",
				 "notification_email", "const", "");
	return NULL;
}
