/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_servers.c - servers of a pool. They are no version's: what is said of them holds at once
 * in the active one, and in all others that have the pool. */
#include <string.h>

#include "api/fastly_fields.h"
#include "api/fastly_impl.h"

static const struct fastly_field fields[] = {
	FASTLY_TEXT_FIELD("address", ""),
	FASTLY_DIGITS_FIELD("port", "80", 1, 65535),
	FASTLY_DIGITS_FIELD("weight", "100", 1, 100),
	FASTLY_DIGITS_FIELD("max_conn", "0", 0, 1000000),
	FASTLY_BOOLEAN_FIELD("disabled", "0"),
	FASTLY_MAYBE_FIELD("override_host"),
	FASTLY_TEXT_FIELD("comment", ""),
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

json_t *fastly_servers_of(const struct api_request *r, const char *pool_id,
			  const struct fastly_instead *instead)
{
	json_t *out = json_array(), *server;
	bool done = !instead || !instead->id;
	const char *id;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, "fastly_server"), id, server)
	{
		const char *of = json_string_value(json_object_get(server, "pool_id"));

		if (strcmp(of, pool_id) != 0)
			continue;
		if (instead && instead->id && strcmp(instead->id, id) == 0) {
			done = true;
			if (instead->body)
				json_array_append(out, instead->body);
		} else {
			json_array_append(out, server);
		}
	}
	if (!done && instead->body &&
	    strcmp(json_string_value(json_object_get(instead->body, "pool_id")), pool_id) == 0)
		json_array_append(out, instead->body);
	return out;
}

/* Whether a version has a pool of this id. */
static bool has_pool(const json_t *version, const char *pool_id)
{
	json_t *pool;
	const char *name;

	json_object_foreach(json_object_get(version, "pools"), name, pool)
	{
		if (strcmp(json_string_value(json_object_get(pool, "id")), pool_id) == 0)
			return true;
	}
	return false;
}

void fastly_drop_servers(struct api_request *r, const struct fastly_at *at, const char *pool_id)
{
	json_int_t latest = json_integer_value(json_object_get(at->service, "latest"));
	json_t *servers, *server;
	size_t i;

	for (json_int_t n = 1; n <= latest; n++)
		if (n != at->number && has_pool(fastly_version_of(r, at->service_id, n), pool_id))
			return;
	servers = fastly_servers_of(r, pool_id, NULL);
	json_array_foreach(servers, i, server) api_change(
		r, "fastly_server", json_string_value(json_object_get(server, "id")), NULL);
	json_decref(servers);
}

/* Of the service in the path, in any of its versions. False: it was refused. */
static bool find_pool(struct api_request *r, struct fastly_at *at)
{
	const char *pool_id = api_param(r, "pool");
	json_int_t latest;

	if (!fastly_find_service(r, at))
		return false;
	latest = json_integer_value(json_object_get(at->service, "latest"));
	for (json_int_t n = latest; n >= 1; n--)
		if (has_pool(fastly_version_of(r, at->service_id, n), pool_id))
			return true;
	fastly_refuse_unknown(r, "Pool", pool_id);
	return false;
}

static const json_t *find(struct api_request *r, struct fastly_at *at)
{
	const char *id = api_param(r, "server");
	const json_t *server;

	if (!find_pool(r, at))
		return NULL;
	server = weir_agent_object(r->agent, "fastly_server", id);
	if (server && strcmp(json_string_value(json_object_get(server, "pool_id")),
			     api_param(r, "pool")) == 0)
		return server;
	fastly_refuse_unknown(r, "Server", id);
	return NULL;
}

void fastly_list_servers(struct api_request *r)
{
	struct fastly_at at;

	if (find_pool(r, &at))
		fastly_reply(r, fastly_servers_of(r, api_param(r, "pool"), NULL));
}

void fastly_get_server(struct api_request *r)
{
	struct fastly_at at;
	const json_t *server = find(r, &at);

	if (server)
		fastly_reply(r, json_deep_copy(server));
}

/* The server is body (taken over; NULL: gone), and what is active follows. */
static bool put(struct api_request *r, const struct fastly_at *at, const char *id, json_t *body)
{
	const json_t *version = fastly_version_of(r, at->service_id, fastly_active_of(at->service));
	struct fastly_instead instead = { id, body };
	json_t *service, *notes;
	struct weir_err why;
	bool ok = true;

	api_change(r, "fastly_server", id, body);
	if (!has_pool(version, api_param(r, "pool")))
		return true;
	service = json_deep_copy(at->service);
	notes = json_array();
	ok = fastly_make(r, service, version, &instead, notes, &why);
	json_decref(notes);
	if (!ok)
		fastly_refuse(r, 400, "%s", why.text);
	else if (!json_equal(service, at->service))
		api_change(r, "fastly_service", at->service_id, json_incref(service));
	json_decref(service);
	return ok;
}

static bool take(struct api_request *r, json_t *body)
{
	const char *address;
	struct weir_err err;

	if (!fastly_take_fields(fields, N_FIELDS, r->body, body, &err)) {
		fastly_refuse(r, 400, "%s %s", err.path, err.text);
		return false;
	}
	address = json_string_value(json_object_get(body, "address"));
	if (*address)
		return true;
	fastly_refuse(r, 400, "Address is missing");
	return false;
}

void fastly_create_server(struct api_request *r)
{
	struct fastly_at at;
	char id[FASTLY_ID];
	json_t *body;

	if (!find_pool(r, &at))
		return;
	fastly_new_id(id);
	body = json_pack("{s:s, s:s, s:s, s:o, s:o, s:n}", "id", id, "service_id", at.service_id,
			 "pool_id", api_param(r, "pool"), "created_at", fastly_now(r), "updated_at",
			 fastly_now(r), "deleted_at");
	fastly_defaults(fields, N_FIELDS, body);
	if (!take(r, body)) {
		json_decref(body);
		return;
	}
	json_incref(body);
	if (put(r, &at, id, body))
		fastly_reply(r, json_deep_copy(body));
	json_decref(body);
}

void fastly_update_server(struct api_request *r)
{
	struct fastly_at at;
	const json_t *server = find(r, &at);
	json_t *body;

	if (!server)
		return;
	body = fastly_touch(r, server);
	if (!take(r, body)) {
		json_decref(body);
		return;
	}
	json_incref(body);
	if (put(r, &at, api_param(r, "server"), body))
		fastly_reply(r, json_deep_copy(body));
	json_decref(body);
}

void fastly_delete_server(struct api_request *r)
{
	struct fastly_at at;
	json_t *all;
	size_t n;

	if (!find(r, &at))
		return;
	all = fastly_servers_of(r, api_param(r, "pool"), NULL);
	n = json_array_size(all);
	json_decref(all);
	if (n == 1) {
		fastly_refuse(r, 400, "Cannot delete only server in a pool");
		return;
	}
	if (put(r, &at, api_param(r, "server"), NULL))
		fastly_reply_ok(r);
}
