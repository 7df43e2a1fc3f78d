/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.c - weir's own way to the objects of the model: what the file and the store have, one by
 * one, and changes of several at once. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "api/objects.h"

static const char *const kinds[] = { "monitor",       "monitor_group", "pool",
				     "load_balancer", "zone",          "record" };
#define N_KINDS  (sizeof(kinds) / sizeof(kinds[0]))
#define ID_BYTES 16  /* of ids that we make, as hexadecimal digits */
#define ID_MAX   255 /* bytes of others */

static bool is_kind(const char *s)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i], s))
			return true;
	return false;
}

static void refuse(struct api_request *r, unsigned status, const char *path, const char *text)
{
	struct weir_err err;

	weir_err_set(&err, path, "%s", text);
	r->vendor->fail(r, status, &err);
}

/* The kind in the path; NULL: it is none, said. */
static const char *kind_of(struct api_request *r)
{
	const char *kind = api_param(r, "kind");

	if (is_kind(kind))
		return kind;
	refuse(r, MHD_HTTP_NOT_FOUND, "",
	       "there are monitor, monitor_group, pool, load_balancer, zone and record");
	return NULL;
}

/* The object in the path; NULL: there is none, said. */
static const json_t *object_of(struct api_request *r, const char **kind)
{
	const json_t *body;

	*kind = kind_of(r);
	if (!*kind)
		return NULL;
	body = weir_agent_object(r->agent, *kind, api_param(r, "id"));
	if (!body)
		refuse(r, MHD_HTTP_NOT_FOUND, "id", "there is no such object");
	return body;
}

/* --- reading --- */

static json_t *shown(struct api_request *r, const char *kind, const char *id, json_t *body)
{
	return json_pack("{s:s, s:s, s:b, s:O}", "kind", kind, "id", id, "file",
			 weir_agent_is_files(r->agent, kind, id), "object", body);
}

static void add_all(struct api_request *r, const char *kind, json_t *list)
{
	const char *id;
	json_t *body;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, kind), id, body)
		json_array_append_new(list, shown(r, kind, id, body));
}

void api_objects_all(struct api_request *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < N_KINDS; i++)
		add_all(r, kinds[i], list);
	r->reply = json_pack("{s:o}", "objects", list);
}

void api_objects_of_kind(struct api_request *r)
{
	const char *kind = kind_of(r);

	if (!kind)
		return;
	r->reply = json_pack("{s:[]}", "objects");
	add_all(r, kind, json_object_get(r->reply, "objects"));
}

void api_objects_one(struct api_request *r)
{
	const char *kind;
	const json_t *body = object_of(r, &kind);

	if (body)
		r->reply = shown(r, kind, api_param(r, "id"), (json_t *)body);
}

/* --- changing --- */

/* What is stored has its id and the times at which it was made and changed last; body is the
 * caller's, was NULL if there was none. */
static json_t *stamped(const struct api_request *r, const char *id, json_t *body, const json_t *was)
{
	json_t *out = json_copy(body), *made = json_object_get(was, "created_on");
	char now[32];

	api_time(r->now_ms, 6, now);
	json_object_set_new(out, "id", json_string(id));
	if (made)
		json_object_set(out, "created_on", made);
	else
		json_object_set_new(out, "created_on", json_string(now));
	json_object_set_new(out, "modified_on", json_string(now));
	return out;
}

static bool has_object(struct api_request *r)
{
	if (json_is_object(r->body))
		return true;
	refuse(r, MHD_HTTP_BAD_REQUEST, "", "the body must be an object");
	return false;
}

/* An id is a part of a path, and clients take . and .. out of paths. */
static bool can_be_id(const char *id)
{
	if (!*id || strlen(id) > ID_MAX || !strcmp(id, ".") || !strcmp(id, ".."))
		return false;
	for (; *id; id++)
		if (*id == '/' || (unsigned char)*id < ' ' || *id == 0x7f)
			return false;
	return true;
}

/* Whether an object that is not there yet (was: NULL) can have this id; false: said. path: where it
 * stands. */
static bool has_good_id(struct api_request *r, const json_t *was, const char *id, const char *path)
{
	if (was || can_be_id(id))
		return true;
	refuse(r, MHD_HTTP_BAD_REQUEST, path,
	       "must be a part of a path: 1 to 255 bytes without / and control characters, and not "
	       ". or ..");
	return false;
}

static void put(struct api_request *r, const char *kind, const char *id, json_t *body)
{
	const json_t *was = weir_agent_object(r->agent, kind, id);

	if (!has_good_id(r, was, id, "id"))
		return;
	api_change(r, kind, id, stamped(r, id, body, was));
	r->reply = json_pack("{s:s, s:s}", "kind", kind, "id", id);
}

void api_objects_create(struct api_request *r)
{
	const char *kind = kind_of(r);
	const json_t *said = json_object_get(r->body, "id");
	const char *given = json_string_value(said);
	char id[2 * ID_BYTES + 1];

	if (!kind || !has_object(r))
		return;
	if (said && !given) {
		refuse(r, MHD_HTTP_BAD_REQUEST, "id", "must be a text");
		return;
	}
	api_random_id(id, ID_BYTES);
	if (given && weir_agent_object(r->agent, kind, given)) {
		refuse(r, MHD_HTTP_CONFLICT, "id", "is that of another object already");
		return;
	}
	put(r, kind, given ? given : id, r->body);
}

void api_objects_replace(struct api_request *r)
{
	const char *kind = kind_of(r);

	if (kind && has_object(r))
		put(r, kind, api_param(r, "id"), r->body);
}

/* Members of the body take the place of those that are there; null takes one away. */
void api_objects_edit(struct api_request *r)
{
	const char *kind, *key;
	const json_t *was = object_of(r, &kind);
	json_t *body, *value;

	if (!was || !has_object(r))
		return;
	body = json_copy((json_t *)was);
	json_object_foreach(r->body, key, value)
	{
		if (json_is_null(value))
			json_object_del(body, key);
		else
			json_object_set(body, key, value);
	}
	put(r, kind, api_param(r, "id"), body);
	json_decref(body);
}

void api_objects_remove(struct api_request *r)
{
	const char *kind;

	if (!object_of(r, &kind))
		return;
	api_change(r, kind, api_param(r, "id"), NULL);
	r->reply = json_pack("{s:s, s:s}", "kind", kind, "id", api_param(r, "id"));
}

/* One of the list; false: it is not what it must be, said. */
static bool add_change(struct api_request *r, size_t nth, const json_t *change)
{
	const char *kind = json_string_value(json_object_get(change, "kind"));
	const char *id = json_string_value(json_object_get(change, "id"));
	json_t *body = json_object_get(change, "object");
	const json_t *was;
	char path[48];

	if (!kind || !is_kind(kind) || !id || (!json_is_object(body) && !json_is_null(body))) {
		snprintf(path, sizeof(path), "changes[%zu]", nth);
		refuse(r, MHD_HTTP_BAD_REQUEST, path,
		       "must have a kind (monitor, monitor_group, pool, load_balancer, zone or "
		       "record), an id, and an object or null");
		return false;
	}
	if (json_is_null(body)) {
		api_change(r, kind, id, NULL);
		return true;
	}
	was = weir_agent_object(r->agent, kind, id);
	snprintf(path, sizeof(path), "changes[%zu].id", nth);
	if (!has_good_id(r, was, id, path))
		return false;
	api_change(r, kind, id, stamped(r, id, body, was));
	return true;
}

void api_objects_change(struct api_request *r)
{
	const json_t *list = json_object_get(r->body, "changes"), *change;
	size_t i;

	if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > API_CHANGES) {
		refuse(r, MHD_HTTP_BAD_REQUEST, "changes", "must be a list of 1 to 4096 changes");
		return;
	}
	json_array_foreach(list, i, change) if (!add_change(r, i, change)) return;
	r->reply = json_pack("{s:I}", "changes", (json_int_t)json_array_size(list));
}

/* --- what became of it --- */

static unsigned status_of(enum weir_refusal why)
{
	switch (why) {
	case WEIR_REFUSED_INVALID:
		return MHD_HTTP_BAD_REQUEST;
	case WEIR_REFUSED_FILES:
	case WEIR_REFUSED_IN_USE:
		return MHD_HTTP_CONFLICT;
	case WEIR_REFUSED_NOT:
	case WEIR_REFUSED_STORE:
	case WEIR_REFUSED_APPLY:
		break;
	}
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/* Of several changes the error says which one it is about. */
void api_objects_changed(struct api_request *r, const struct weir_changed *result)
{
	const json_t *change = json_array_get(r->changes, result->which);
	struct weir_err err = result->err;

	if (!result->refused) {
		json_object_set_new(r->reply, "revision",
				    json_integer((json_int_t)result->revision));
		if (json_array_size(result->notes))
			json_object_set(r->reply, "notes", result->notes);
		return;
	}
	if (result->refused != WEIR_REFUSED_STORE && result->refused != WEIR_REFUSED_APPLY)
		weir_err_set(&err, "", "%s %s: %s%s%s",
			     json_string_value(json_object_get(change, "kind")),
			     json_string_value(json_object_get(change, "id")), result->err.path,
			     result->err.path[0] ? ": " : "", result->err.text);
	r->vendor->fail(r, status_of(result->refused), &err);
}
