/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_objects.c - what clients say of an object, what is stored of it, and what they read:
 * the same for all kinds, by the tables of their fields. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_impl.h"

const char *cf_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

bool cf_is_same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return (!x && !y) || json_equal(x, y);
}

/* --- taking --- */

static const struct cf_field *field_of(const struct cf_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static json_t *keep(struct api_request *r, const struct cf_field *fields, const json_t *from,
		    const char *where);

static json_t *keep_value(struct api_request *r, const struct cf_field *f, json_t *v,
			  const char *where)
{
	json_t *out, *item;
	size_t i;

	if (f->of && json_is_object(v))
		return keep(r, f->of, v, where);
	if (!f->of || !json_is_array(v))
		return json_incref(v);
	out = json_array();
	json_array_foreach(v, i, item)
	{
		json_array_append_new(out, json_is_object(item) ? keep(r, f->of, item, where)
								: json_incref(item));
	}
	return out;
}

/* What is read of objects beside their fields, and so comes back from some. */
static bool is_only_shown(const char *key)
{
	static const char *const keys[] = {
		"id",
		"healthy",
		"failure_reason",
		"zone_id",
		"zone_name",
		"proxiable",
		"meta",
		"name_servers",
		"owner",
		"permissions",
		"original_name_servers",
		"original_registrar",
		"created_at",
		"original_dnshost",
		"activated_on",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* What the model would not know is not for it, whoever says it. Inside, null is absent. */
static json_t *keep(struct api_request *r, const struct cf_field *fields, const json_t *from,
		    const char *where)
{
	json_t *out = json_object(), *v;
	char path[CF_NAME];
	const char *key;

	json_object_foreach((json_t *)from, key, v)
	{
		const struct cf_field *f = field_of(fields, key);

		snprintf(path, sizeof(path), "%s%s%s", where, *where ? "." : "", key);
		if (!f && !is_only_shown(key))
			cf_say(r, CF_IGNORED, "%s is no field here, and was ignored", path);
		else if (f && !(f->how & CF_READ_ONLY) &&
			 !(json_is_null(v) && (*where || f->how & CF_STAYS)))
			json_object_set_new(out, key, keep_value(r, f, v, path));
	}
	return out;
}

static bool is_nothing(const struct cf_field *f, const json_t *v)
{
	return json_is_null(v) ||
	       ((f->how & CF_DETACHES) && json_is_string(v) && !*json_string_value(v));
}

json_t *cf_take(struct api_request *r, const struct cf_kind *k, const json_t *body)
{
	if (json_is_object(body))
		return keep(r, k->fields, body, "");
	cf_invalid(r, NULL, "the body must be a JSON object with the fields of a %s", k->word);
	return NULL;
}

/* --- storing --- */

static bool check_required(struct api_request *r, const struct cf_kind *k, const json_t *body)
{
	char pointer[CF_NAME];

	for (const struct cf_field *f = k->fields; f->key; f++) {
		if (!(f->how & CF_REQUIRED) || json_object_get(body, f->key))
			continue;
		snprintf(pointer, sizeof(pointer), "/%s", f->key);
		return cf_invalid(r, pointer, "%s is missing", f->key);
	}
	return true;
}

static bool check_unique(struct api_request *r, const struct cf_kind *k, const json_t *body)
{
	const char *value = k->unique ? cf_text(body, k->unique) : "", *id;
	char pointer[CF_NAME];
	json_t *other;

	if (!*value)
		return true;
	json_object_foreach((json_t *)weir_agent_objects(r->agent, k->kind), id, other)
	{
		if (strcmp(id, cf_text(body, "id")) == 0 ||
		    strcasecmp(cf_text(other, k->unique), value) != 0)
			continue;
		snprintf(pointer, sizeof(pointer), "/%s", k->unique);
		return cf_fail(r, 400, CF_TAKEN, pointer,
			       "value not unique: %s \"%s\" is that of %s %s", k->unique, value,
			       k->word, id);
	}
	return true;
}

static void set_time(const struct api_request *r, json_t *body, const char *key)
{
	char text[CF_TIME];

	json_object_set_new(body, key, json_string(api_time(r->now_ms, 6, text)));
}

/* What taken says, over what is there; null takes away. */
static void put_over(const struct cf_kind *k, json_t *body, const json_t *taken)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)taken, key, v)
	{
		if (is_nothing(field_of(k->fields, key), v))
			json_object_del(body, key);
		else
			json_object_set(body, key, v);
	}
}

/* What stays the same whoever replaces it. */
static json_t *identity(const struct api_request *r, const json_t *was)
{
	json_t *created = json_object_get(was, "created_on"), *body = json_object();
	char id[CF_ID];

	if (was) {
		json_object_set(body, "id", json_object_get(was, "id"));
		if (created)
			json_object_set(body, "created_on", created);
		return body;
	}
	api_random_id(id, CF_ID_BYTES);
	json_object_set_new(body, "id", json_string(id));
	set_time(r, body, "created_on");
	return body;
}

json_t *cf_body(struct api_request *r, const struct cf_kind *k, json_t *taken, const json_t *was,
		bool edit)
{
	json_t *body = edit ? json_deep_copy(was) : identity(r, was);

	put_over(k, body, taken);
	json_decref(taken);
	set_time(r, body, "modified_on");
	if ((edit || check_required(r, k, body)) && (!k->settle || k->settle(r, body, was)) &&
	    check_unique(r, k, body))
		return body;
	json_decref(body);
	return NULL;
}

/* --- showing --- */

/* What a field is that was not said: JSON, of which most is a word or a number. */
static json_t *unset_value(const char *text)
{
	size_t n = strlen(text);

	switch (text[0]) {
	case 't':
		return json_true();
	case 'f':
		return json_false();
	case 'n':
		return json_null();
	case '"':
		return json_stringn(text + 1, n - 2);
	case '{':
	case '[':
		if (n == 2)
			return text[0] == '{' ? json_object() : json_array();
		return json_loads(text, 0, NULL);
	default:
		return json_integer(atoll(text));
	}
}

static void show_fields(const struct cf_field *fields, const json_t *from, json_t *to);

static json_t *show_value(const struct cf_field *f, json_t *v)
{
	json_t *out, *item;
	size_t i;

	if (f->of && json_is_object(v)) {
		out = json_object();
		show_fields(f->of, v, out);
		return out;
	}
	if (!f->of || !json_is_array(v))
		return json_incref(v);
	out = json_array();
	json_array_foreach(v, i, item)
	{
		json_t *shown = json_is_object(item) ? json_object() : json_incref(item);

		if (json_is_object(item))
			show_fields(f->of, item, shown);
		json_array_append_new(out, shown);
	}
	return out;
}

static void show_fields(const struct cf_field *fields, const json_t *from, json_t *to)
{
	for (const struct cf_field *f = fields; f->key; f++) {
		json_t *v = json_object_get(from, f->key);

		if (f->how & CF_SECRET)
			continue;
		if (v && !json_is_null(v))
			json_object_set_new(to, f->key, show_value(f, v));
		else if (f->unset)
			json_object_set_new(to, f->key, unset_value(f->unset));
	}
}

json_t *cf_show(const struct api_request *r, const struct cf_kind *k, const json_t *stored)
{
	json_t *out = json_object();

	json_object_set(out, "id", json_object_get(stored, "id"));
	show_fields(k->fields, stored, out);
	if (k->complete)
		k->complete(r, stored, out);
	return out;
}

void cf_drop_changes(struct api_request *r)
{
	json_decref(r->changes);
	r->changes = NULL;
	r->n_changes = 0;
}

/* --- operations --- */

/* Ids of some kinds are written as UUIDs by some. */
static const json_t *object_of(const struct api_request *r, const struct cf_kind *k, const char *id)
{
	const json_t *body = weir_agent_object(r->agent, k->kind, id);
	char bare[CF_ID];
	size_t n = 0;

	if (body || strlen(id) != 36)
		return body;
	for (; *id && n < CF_ID - 1; id++)
		if (*id != '-')
			bare[n++] = *id;
	bare[n] = 0;
	return weir_agent_object(r->agent, k->kind, bare);
}

const json_t *cf_find(struct api_request *r, const struct cf_kind *k)
{
	const char *id = api_param(r, "id");
	const json_t *body = id ? object_of(r, k, id) : NULL;

	if (body && (!k->concerns || k->concerns(r, body)))
		return body;
	cf_fail(r, 404, k->unknown ? k->unknown : CF_UNKNOWN, NULL, "%s not found: \"%s\"", k->word,
		id ? id : "");
	return NULL;
}

void cf_list(struct api_request *r, const struct cf_kind *k)
{
	struct cf_found found;

	cf_found(r, k, &found);
	cf_reply_found(r, k, &found, 0, 1, 100000);
}

void cf_get(struct api_request *r, const struct cf_kind *k)
{
	const json_t *body = cf_find(r, k);

	if (body)
		cf_reply(r, cf_show(r, k, body));
}

static void store(struct api_request *r, const struct cf_kind *k, const json_t *was, bool edit)
{
	json_t *taken = cf_take(r, k, r->body);
	json_t *body = taken ? cf_body(r, k, taken, was, edit) : NULL;

	if (!body)
		return;
	cf_reply(r, cf_show(r, k, body));
	api_change(r, k->kind, cf_text(body, "id"), body);
}

void cf_create(struct api_request *r, const struct cf_kind *k)
{
	store(r, k, NULL, false);
}

void cf_replace(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (was)
		store(r, k, was, false);
}

void cf_edit(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (was)
		store(r, k, was, true);
}

void cf_remove(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (!was)
		return;
	cf_reply(r, k->shown_when_gone ? cf_show(r, k, was)
				       : json_pack("{s:O}", "id", json_object_get(was, "id")));
	api_change(r, k->kind, cf_text(was, "id"), NULL);
}
