/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_versions.c - versions: drafts, which anybody may change, and the one that is active. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/fastly_impl.h"
#include "base/mem.h"

void fastly_list_versions(struct api_request *r)
{
	struct fastly_at at;

	if (fastly_find_service(r, &at))
		fastly_reply(r, fastly_show_versions(r, at.service));
}

void fastly_get_version(struct api_request *r)
{
	struct fastly_at at;

	if (fastly_find_version(r, &at))
		fastly_reply(r, fastly_show_version(at.service, at.version));
}

static void set_comment(const struct api_request *r, json_t *version)
{
	json_t *comment = json_object_get(r->body, "comment");

	if (json_is_string(comment))
		json_object_set(version, "comment", comment);
}

/* --- new ones --- */

/* Puts a new version of the service into the changes, with the next number. */
static void add(struct api_request *r, const struct fastly_at *at, json_t *version,
		json_int_t number)
{
	json_t *service = json_copy((json_t *)at->service);
	char id[64];

	json_object_set_new(service, "latest", json_integer(number));
	fastly_version_id(at->service_id, number, id);
	api_change(r, "fastly_service", at->service_id, service);
	api_change(r, "fastly_version", id, version);
}

static json_int_t next_of(const struct fastly_at *at)
{
	return json_integer_value(json_object_get(at->service, "latest")) + 1;
}

void fastly_create_version(struct api_request *r)
{
	struct fastly_at at;
	json_t *version;

	if (!fastly_find_service(r, &at))
		return;
	version = fastly_new_version(r, at.service_id, next_of(&at));
	set_comment(r, version);
	fastly_reply(r,
		     json_pack("{s:s, s:I}", "service_id", at.service_id, "number", next_of(&at)));
	if (json_object_get(r->body, "comment"))
		json_object_set(r->reply, "comment", json_object_get(version, "comment"));
	add(r, &at, version, next_of(&at));
}

void fastly_clone(struct api_request *r)
{
	struct fastly_at at;
	json_t *version;

	if (!fastly_find_version(r, &at))
		return;
	version = fastly_touch(r, at.version);
	json_object_set_new(version, "number", json_integer(next_of(&at)));
	json_object_set_new(version, "locked", json_false());
	json_object_set_new(version, "created_at", fastly_now(r));
	fastly_reply(r, fastly_show_version(at.service, version));
	add(r, &at, version, next_of(&at));
}

/* --- changed --- */

void fastly_update_version(struct api_request *r)
{
	struct fastly_at at;
	json_t *version;

	if (!fastly_find_version(r, &at))
		return;
	version = fastly_touch(r, at.version);
	set_comment(r, version);
	fastly_reply(r, fastly_show_version(at.service, version));
	api_change(r, "fastly_version", at.version_id, version);
}

static json_t *locked(const struct api_request *r, const struct fastly_at *at)
{
	json_t *version = fastly_touch(r, at->version);

	json_object_set_new(version, "locked", json_true());
	return version;
}

void fastly_lock(struct api_request *r)
{
	struct fastly_at at;
	json_t *version;

	if (!fastly_find_version(r, &at))
		return;
	version = locked(r, &at);
	fastly_reply(r, fastly_show_version(at.service, version));
	api_change(r, "fastly_version", at.version_id, version);
}

/* --- which is active --- */

static void say(struct api_request *r, const json_t *notes)
{
	char *text = fastly_join(notes);

	if (text)
		json_object_set_new(r->reply, "msg", json_string(text));
	free(text);
}

void fastly_activate(struct api_request *r)
{
	json_t *service, *version, *notes;
	struct weir_err why;
	struct fastly_at at;

	if (!fastly_find_version(r, &at))
		return;
	service = fastly_touch(r, at.service);
	json_object_set_new(service, "active", json_integer(at.number));
	notes = json_array();
	version = locked(r, &at);
	if (fastly_make(r, service, version, NULL, notes, &why)) {
		fastly_reply(r, fastly_show_version(service, version));
		say(r, notes);
		api_change(r, "fastly_service", at.service_id, json_incref(service));
		api_change(r, "fastly_version", at.version_id, json_incref(version));
	} else {
		fastly_refuse(r, 400, "%s", why.text);
	}
	json_decref(service);
	json_decref(version);
	json_decref(notes);
}

/* The model's own notes stand behind ours. */
void fastly_say_notes(struct api_request *r, const json_t *notes)
{
	json_t *all = json_array(), *msg = json_object_get(r->reply, "msg"), *note;
	size_t i;

	if (msg)
		json_array_append(all, msg);
	json_array_foreach((json_t *)notes, i, note) json_array_append_new(
		all, json_sprintf("%s: %s", json_string_value(json_object_get(note, "path")),
				  json_string_value(json_object_get(note, "text"))));
	say(r, all);
	json_decref(all);
}

void fastly_deactivate(struct api_request *r)
{
	struct fastly_at at;
	struct weir_err why;
	json_t *service;

	if (!fastly_find_version(r, &at))
		return;
	if (fastly_active_of(at.service) != at.number) {
		fastly_refuse(r, 400, "Version '%lld' for service '%s' is not active",
			      (long long)at.number, at.service_id);
		return;
	}
	service = fastly_touch(r, at.service);
	json_object_set_new(service, "active", json_integer(0));
	fastly_make(r, service, NULL, NULL, NULL, &why);
	fastly_reply(r, fastly_show_version(service, at.version));
	api_change(r, "fastly_service", at.service_id, service);
}

/* --- what would become of it --- */

/* Whether the model would take the changes of the request, which are not made. */
static void check(struct api_request *r, json_t *notes, struct weir_err *why)
{
	size_t n = json_array_size(r->changes), i;
	struct weir_change *changes = weir_new_array(n, struct weir_change);
	struct weir_changed result;
	json_t *change, *note;

	json_array_foreach(r->changes, i, change)
	{
		json_t *body = json_object_get(change, "body");

		changes[i] = (struct weir_change){
			.kind = json_string_value(json_object_get(change, "kind")),
			.id = json_string_value(json_object_get(change, "id")),
			.body = json_is_null(body) ? NULL : body,
		};
	}
	weir_agent_check(r->agent, changes, n, &result);
	if (result.refused)
		fastly_explain(r, &result, why);
	json_array_foreach(result.notes, i, note) json_array_append_new(
		notes, json_sprintf("%s: %s", json_string_value(json_object_get(note, "path")),
				    json_string_value(json_object_get(note, "text"))));
	json_decref(result.notes);
	free(changes);
}

void fastly_validate(struct api_request *r)
{
	json_t *service, *notes;
	struct weir_err why = { 0 };
	struct fastly_at at;
	char *text;

	if (!fastly_find_version(r, &at))
		return;
	service = json_deep_copy(at.service);
	notes = json_array();
	if (fastly_make(r, service, at.version, NULL, notes, &why))
		check(r, notes, &why);
	json_array_clear(r->changes);
	r->n_changes = 0;
	text = why.text[0] ? NULL : fastly_join(notes);
	if (why.text[0])
		fastly_reply(r,
			     json_pack("{s:s, s:o}", "status", "error", "msg", api_text(why.text)));
	else
		fastly_reply(r, json_pack("{s:s, s:s?}", "status", "ok", "msg", text));
	free(text);
	json_decref(notes);
	json_decref(service);
}
