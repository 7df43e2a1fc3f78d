/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_services.c - services and their versions: which there are, and which one is active. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/fastly_impl.h"
#include "base/mem.h"

#define PER_PAGE     20
#define PER_PAGE_MAX 1000

/* --- which --- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void fastly_version_id(const char *service_id, json_int_t number, char out[64])
{
	snprintf(out, 64, "%.40s.%lld", service_id, (long long)number);
}

const json_t *fastly_version_of(const struct api_request *r, const char *service_id,
				json_int_t number)
{
	char id[64];

	fastly_version_id(service_id, number, id);
	return weir_agent_object(r->agent, "fastly_version", id);
}

json_int_t fastly_active_of(const json_t *service)
{
	return json_integer_value(json_object_get(service, "active"));
}

static json_int_t latest_of(const json_t *service)
{
	return json_integer_value(json_object_get(service, "latest"));
}

bool fastly_find_service(struct api_request *r, struct fastly_at *at)
{
	*at = (struct fastly_at){ .service_id = api_param(r, "service") };
	at->service = weir_agent_object(r->agent, "fastly_service", at->service_id);
	if (!at->service)
		fastly_refuse_unknown(r, "Service", at->service_id);
	return at->service;
}

bool fastly_find_version(struct api_request *r, struct fastly_at *at)
{
	const char *text = api_param(r, "version");
	char *end;

	if (!fastly_find_service(r, at))
		return false;
	at->number = strtoll(text, &end, 10);
	if (!*end)
		at->version = fastly_version_of(r, at->service_id, at->number);
	if (!at->version)
		fastly_refuse_unknown(r, "Version", text);
	else
		fastly_version_id(at->service_id, at->number, at->version_id);
	return at->version;
}

bool fastly_find_draft(struct api_request *r, struct fastly_at *at)
{
	if (!fastly_find_version(r, at))
		return false;
	if (!json_is_true(json_object_get(at->version, "locked")))
		return true;
	fastly_refuse(r, 422, "Version '%lld' for service '%s' is locked", (long long)at->number,
		      at->service_id);
	return false;
}

json_t *fastly_touch(const struct api_request *r, const json_t *body)
{
	json_t *copy = json_deep_copy(body);

	json_object_set_new(copy, "updated_at", fastly_now(r));
	return copy;
}

/* --- shown --- */

json_t *fastly_show_version(const json_t *service, const json_t *version)
{
	bool active =
		json_integer_value(json_object_get(version, "number")) == fastly_active_of(service);

	return json_pack("{s:O, s:O, s:O, s:b, s:O, s:b, s:b, s:b, s:[], s:O, s:O, s:n}", "number",
			 json_object_get(version, "number"), "service_id",
			 json_object_get(version, "service_id"), "comment",
			 json_object_get(version, "comment"), "active", active, "locked",
			 json_object_get(version, "locked"), "deployed", active, "staging", false,
			 "testing", false, "environments", "created_at",
			 json_object_get(version, "created_at"), "updated_at",
			 json_object_get(version, "updated_at"), "deleted_at");
}

json_t *fastly_show_versions(const struct api_request *r, const json_t *service)
{
	json_t *out = json_array();

	for (json_int_t n = 1; n <= latest_of(service); n++) {
		const json_t *version = fastly_version_of(r, text_of(service, "id"), n);

		if (version)
			json_array_append_new(out, fastly_show_version(service, version));
	}
	return out;
}

static json_t *show_service(const struct api_request *r, const json_t *service)
{
	json_t *out = json_pack("{s:[], s:b, s:s, s:n}", "environments", "paused", false,
				"publish_key", "", "deleted_at");

	json_object_update(out, (json_t *)service);
	json_object_del(out, "made");
	json_object_del(out, "latest");
	json_object_del(out, "active");
	json_object_set_new(out, "versions", fastly_show_versions(r, service));
	return out;
}

/* --- services --- */

static json_int_t number_arg(const struct api_request *r, const char *name, json_int_t def)
{
	const char *text = api_arg(r, name);
	json_int_t n = text ? strtoll(text, NULL, 10) : def;

	return n >= 1 && n <= 1000000000 ? n : def;
}

/* The nth of a list that is shown in the order of age, or the other way round. */
static json_int_t place(json_int_t n, json_int_t all, bool down)
{
	return down ? all - 1 - n : n;
}

void fastly_list_services(struct api_request *r)
{
	json_t *services = (json_t *)weir_agent_objects(r->agent, "fastly_service"), *service;
	json_int_t page = number_arg(r, "page", 1), per_page = number_arg(r, "per_page", PER_PAGE);
	json_int_t all = (json_int_t)json_object_size(services), n = 0;
	const char *id, *direction = api_arg(r, "direction");
	bool down = direction && strcmp(direction, "descend") == 0;
	const json_t **list = weir_new_array((size_t)all, const json_t *);
	json_t *out = json_array();

	if (per_page > PER_PAGE_MAX)
		per_page = PER_PAGE_MAX;
	if (!api_arg(r, "page") && !api_arg(r, "per_page"))
		per_page = all + 1;
	json_object_foreach(services, id, service) list[n++] = service;
	for (n = (page - 1) * per_page; n < all && n < page * per_page; n++) {
		const json_t *one = list[place(n, all, down)];
		json_int_t active = fastly_active_of(one);
		json_t *shown = show_service(r, one);

		json_object_set_new(shown, "version",
				    json_integer(active ? active : latest_of(one)));
		json_array_append_new(out, shown);
	}
	free(list);
	fastly_reply(r, out);
}

static const json_t *find_by_name(const struct api_request *r, const char *name)
{
	const json_t *service;
	const char *id;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, "fastly_service"), id, service)
	{
		if (strcmp(text_of(service, "name"), name) == 0)
			return service;
	}
	return NULL;
}

void fastly_search_service(struct api_request *r)
{
	const char *name = api_arg(r, "name");
	const json_t *service = find_by_name(r, name ? name : "");

	if (service)
		fastly_reply(r, show_service(r, service));
	else
		fastly_refuse_unknown(r, "Service", name ? name : "");
}

/* A name that no other service has. */
static bool is_free(struct api_request *r, const char *name, const json_t *own)
{
	const json_t *other;

	if (!name || !*name || strlen(name) > FASTLY_NAME) {
		fastly_refuse(r, 400, "Name must be a text of 1 to %d characters", FASTLY_NAME);
		return false;
	}
	other = find_by_name(r, name);
	if (!other || other == own)
		return true;
	fastly_refuse(r, 409, "Duplicate service: '%s'", name);
	return false;
}

json_t *fastly_new_version(const struct api_request *r, const char *service_id, json_int_t number)
{
	json_t *version = json_pack("{s:s, s:I, s:b, s:s, s:o, s:o}", "service_id", service_id,
				    "number", number, "locked", false, "comment", "", "created_at",
				    fastly_now(r), "updated_at", fastly_now(r));

	for (size_t i = 0; fastly_kind(i); i++)
		json_object_set_new(version, fastly_kind(i), json_object());
	return version;
}

static const char *word(const struct api_request *r, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(r->body, key));

	return s ? s : def;
}

void fastly_create_service(struct api_request *r)
{
	const char *name = word(r, "name", ""), *type = word(r, "type", "vcl");
	char id[FASTLY_ID], version_id[64];
	json_t *service, *version, *shown;

	if (!is_free(r, name, NULL))
		return;
	if (strcmp(type, "vcl") != 0 && strcmp(type, "wasm") != 0) {
		fastly_refuse(r, 400, "Type '%.60s' is neither vcl nor wasm", type);
		return;
	}
	fastly_new_id(id);
	fastly_version_id(id, 1, version_id);
	service = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:[], s:o, s:o}", "id", id, "name",
			    name, "type", type, "comment", word(r, "comment", ""), "customer_id",
			    word(r, "customer_id", r->account_id), "active", (json_int_t)0,
			    "latest", (json_int_t)1, "made", "created_at", fastly_now(r),
			    "updated_at", fastly_now(r));
	version = fastly_new_version(r, id, 1);
	shown = show_service(r, service);
	json_array_append_new(json_object_get(shown, "versions"),
			      fastly_show_version(service, version));
	fastly_reply(r, shown);
	api_change(r, "fastly_service", id, service);
	api_change(r, "fastly_version", version_id, version);
}

void fastly_get_service(struct api_request *r)
{
	struct fastly_at at;

	if (fastly_find_service(r, &at))
		fastly_reply(r, show_service(r, at.service));
}

void fastly_update_service(struct api_request *r)
{
	struct fastly_at at;
	const char *name;
	json_t *copy;

	if (!fastly_find_service(r, &at))
		return;
	name = word(r, "name", text_of(at.service, "name"));
	if (!is_free(r, name, at.service))
		return;
	copy = fastly_touch(r, at.service);
	json_object_set_new(copy, "name", json_string(name));
	json_object_set_new(copy, "comment",
			    json_string(word(r, "comment", text_of(at.service, "comment"))));
	fastly_reply(r, show_service(r, copy));
	api_change(r, "fastly_service", at.service_id, copy);
}

static void delete_servers(struct api_request *r, const char *service_id)
{
	const json_t *server;
	const char *id;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, "fastly_server"), id, server)
	{
		if (strcmp(text_of(server, "service_id"), service_id) == 0)
			api_change(r, "fastly_server", id, NULL);
	}
}

void fastly_delete_service(struct api_request *r)
{
	struct fastly_at at;
	char id[64];

	if (!fastly_find_service(r, &at))
		return;
	if (fastly_active_of(at.service)) {
		fastly_refuse(r, 400, "Service '%s' has an active version: deactivate it first",
			      at.service_id);
		return;
	}
	for (json_int_t n = 1; n <= latest_of(at.service); n++) {
		fastly_version_id(at.service_id, n, id);
		if (weir_agent_object(r->agent, "fastly_version", id))
			api_change(r, "fastly_version", id, NULL);
	}
	delete_servers(r, at.service_id);
	api_change(r, "fastly_service", at.service_id, NULL);
	fastly_reply_ok(r);
}

/* --- a service with a whole version --- */

static json_t *show_whole(const struct fastly_at *at)
{
	static const char *const nothing[] = { "cache_settings",   "gzips",    "headers",
					       "request_settings", "snippets", "vcls",
					       "response_objects", "wordpress" };
	json_t *out = fastly_show_version(at->service, at->version);

	for (size_t i = 0; fastly_kind(i); i++)
		json_object_set_new(out, fastly_kind(i), fastly_show_all(at, fastly_kind(i)));
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		json_object_set_new(out, nothing[i], json_array());
	json_object_set_new(out, "settings",
			    json_pack("{s:s, s:I, s:s, s:i, s:i}", "service_id", at->service_id,
				      "version", at->number, "general.default_host", "",
				      "general.default_ttl", 3600, "general.default_pci", 0));
	return out;
}

static bool at_number(const struct api_request *r, struct fastly_at *at, json_int_t number)
{
	at->number = number;
	at->version = fastly_version_of(r, at->service_id, number);
	return at->version;
}

void fastly_service_details(struct api_request *r)
{
	struct fastly_at at;
	json_t *out;

	if (!fastly_find_service(r, &at))
		return;
	out = show_service(r, at.service);
	json_object_set_new(out, "active_version",
			    at_number(r, &at, fastly_active_of(at.service)) ? show_whole(&at)
									    : json_null());
	if (at_number(r, &at, number_arg(r, "version", latest_of(at.service)))) {
		json_object_set_new(out, "version", show_whole(&at));
		fastly_reply(r, out);
		return;
	}
	json_decref(out);
	fastly_refuse_unknown(r, "Version", api_arg(r, "version"));
}

void fastly_service_domains(struct api_request *r)
{
	struct fastly_at at;
	json_int_t active;

	if (!fastly_find_service(r, &at))
		return;
	active = fastly_active_of(at.service);
	fastly_reply(r, at_number(r, &at, active ? active : latest_of(at.service))
				? fastly_show_all(&at, "domains")
				: json_array());
}
