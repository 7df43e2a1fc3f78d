/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly.c - the API of Fastly: its routes, errors and headers, and what is neither a service's nor
 * a version's. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/fastly_impl.h"

#define HOUR_S 3600

/* --- replies --- */

static const char *message_of(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad request";
	case 401:
		return "Provided credentials are missing or invalid";
	case 403:
		return "You are not authorized to perform this action";
	case 404:
		return "Record not found";
	case 405:
		return "Method not allowed";
	case 409:
		return "Duplicate record";
	case 413:
		return "Request entity too large";
	case 422:
		return "Version locked";
	case 429:
		return "Too many requests";
	case 503:
		return "Service unavailable";
	default:
		return "Internal server error";
	}
}

/* No rate is enforced: there is always as much left as there was. */
static void add_rate(struct api_request *r)
{
	char reset[24];

	if (strcmp(r->method, "GET") == 0)
		return;
	snprintf(reset, sizeof(reset), "%" PRIu64, r->now_ms / 1000 / HOUR_S * HOUR_S + HOUR_S);
	json_decref(r->headers);
	r->headers = NULL;
	api_add_header(r, "Fastly-RateLimit-Remaining", "1000");
	api_add_header(r, "Fastly-RateLimit-Reset", reset);
}

void fastly_reply(struct api_request *r, json_t *reply)
{
	json_decref(r->reply);
	r->reply = reply;
	r->status = 200;
	add_rate(r);
}

void fastly_reply_ok(struct api_request *r)
{
	fastly_reply(r, json_pack("{s:s}", "status", "ok"));
}

void fastly_refuse(struct api_request *r, unsigned status, const char *fmt, ...)
{
	char detail[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	json_array_clear(r->changes);
	r->n_changes = 0;
	fastly_reply(r, json_pack("{s:s, s:o*}", "msg", message_of(status), "detail",
				  *detail ? api_text(detail) : NULL));
	r->status = status;
}

void fastly_refuse_unknown(struct api_request *r, const char *word, const char *name)
{
	const char *service = api_param(r, "service"), *version = api_param(r, "version");

	fastly_refuse(r, 404,
		      "Couldn't find %s '{ deleted => 0000-00-00 00:00:00, %s => %s%s%s%s%s }'",
		      word, r->n_segments > 4 && version ? "name" : "id", name,
		      service && service != name ? ", service => " : "",
		      service && service != name ? service : "", version ? ", version => " : "",
		      version ? version : "");
}

/* --- what the server has a reply for --- */

static const char *token_of(const struct api_request *r)
{
	return api_header(r, "Fastly-Key");
}

static void unauthorized(struct api_request *r, bool has_one, bool write)
{
	fastly_refuse(r, has_one && write ? 403 : 401, "%s", "");
}

static void fail(struct api_request *r, unsigned status, const struct weir_err *err)
{
	fastly_refuse(r, status, "%s%s%s", err ? err->path : "",
		      err && err->path[0] && err->text[0] ? ": " : "", err ? err->text : "");
}

/* "origins[2].address" of a pool is the address of a server. */
static void explain_path(const char *path, const json_t *body, char out[512])
{
	unsigned nth = 0;
	int n = 0;
	const json_t *origin;

	sscanf(path, "origins[%u]%n", &nth, &n);
	origin = n ? json_array_get(json_object_get(body, "origins"), nth) : NULL;
	if (origin)
		snprintf(out, 512, "server %s: %s%s",
			 json_string_value(json_object_get(origin, "name")),
			 path + n + (path[n] == '.'), path[n] ? ": " : "");
	else
		snprintf(out, 512, "%s%s", path, *path ? ": " : "");
}

void fastly_explain(const struct api_request *r, const struct weir_changed *result,
		    struct weir_err *out)
{
	const json_t *change = json_array_get(r->changes, result->which);
	const json_t *body = json_object_get(change, "body");
	const char *of = json_string_value(json_object_get(body, "description"));
	char path[512], text[512];

	explain_path(result->err.path, body, path);
	api_reword(result->err.text, "origins", "another server", text);
	weir_err_set(out, "", "%s%s%s%s", of ? of : "", of ? ": " : "", path, text);
}

static void changed(struct api_request *r, const struct weir_changed *result)
{
	struct weir_err why;

	switch (result->refused) {
	case WEIR_REFUSED_NOT:
		if (r->route->serve == fastly_activate)
			fastly_say_notes(r, result->notes);
		return;
	case WEIR_REFUSED_INVALID:
		fastly_explain(r, result, &why);
		fastly_refuse(r, 400, "%s", why.text);
		return;
	case WEIR_REFUSED_FILES:
	case WEIR_REFUSED_IN_USE:
		fastly_refuse(r, 400, "%s", result->err.text);
		return;
	case WEIR_REFUSED_STORE:
		fastly_refuse(r, 503, "%s: %s", result->err.path, result->err.text);
		return;
	case WEIR_REFUSED_APPLY:
		fastly_refuse(r, 500, "%s: %s", result->err.path, result->err.text);
		return;
	}
}

/* --- ids, times and texts --- */

void fastly_new_id(char out[FASTLY_ID])
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char hex[2 * 2 * (FASTLY_ID - 1) + 1];

	api_random_id(hex, 2 * (FASTLY_ID - 1));
	for (size_t i = 0; i < FASTLY_ID - 1; i++) {
		char four[5] = { 0 };

		memcpy(four, hex + 4 * i, 4);
		out[i] = digits[strtoul(four, NULL, 16) % 62];
	}
	out[FASTLY_ID - 1] = 0;
}

json_t *fastly_now(const struct api_request *r)
{
	char now[32];

	return json_string(api_time(r->now_ms, 0, now));
}

const char *fastly_text(const json_t *body, const char *key, char room[32])
{
	const json_t *v = json_object_get(body, key);

	if (json_is_array(v)) /* the last of several counts */
		v = json_array_get(v, json_array_size(v) - 1);
	if (json_is_integer(v))
		snprintf(room, 32, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(room, 32, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(room, 32, "%d", json_is_true(v));
	else
		return json_string_value(v);
	return room;
}

/* --- what is nobody's --- */

static void token_self(struct api_request *r)
{
	const char *agent = api_header(r, "User-Agent");
	char id[24], created[32], used[32];

	snprintf(id, sizeof(id), "%" PRIu64, r->token.id);
	api_time(r->token.created_ms, 0, created);
	api_time(r->token.used_ms ? r->token.used_ms : r->now_ms, 0, used);
	fastly_reply(r, json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s], s:[], s:s, s:s, s:n, s:s, s:o}",
				  "id", id, "user_id", id, "customer_id", r->account_id, "name",
				  r->token.name, "scope",
				  r->token.may_write ? "global" : "global:read", "scopes",
				  r->token.may_write ? "global" : "global:read", "services",
				  "created_at", created, "last_used_at", used, "expires_at", "ip",
				  r->from, "user_agent", api_text(agent ? agent : "")));
}

/* There is one: this machine. */
static void datacenters(struct api_request *r)
{
	const struct weir_agent_conf *c = weir_agent_conf(r->agent);
	const char *code = c->pop && *c->pop ? c->pop : c->node;

	fastly_reply(r, json_pack("[{s:s, s:s, s:s, s:s, s:n}]", "code", code, "name", c->node,
				  "group", c->country ? c->country : "", "stats_region",
				  c->country ? c->country : "", "shield"));
}

/* The vendor's command line tool asks for it before anything else. */
static void openid(struct api_request *r)
{
	fastly_reply(r, json_object());
}

/* --- routes --- */

#define SERVICE "service/{service}"
#define VERSION SERVICE "/version/{version}"
#define LINK    VERSION "/director/{name}/backend/{backend}"
#define POOL    SERVICE "/pool/{pool}"

/* By position: method, path, summary, query, request, response, function. */
#define ROUTE(m, p, s, q, in, out, fn)                                                            \
	{                                                                                         \
		.method = m, .path = p, .summary = s, .query = q, .request = in, .response = out, \
		.serve = fn                                                                       \
	}

/* What all kinds of objects of a version have. */
#define OBJECTS(kind, Kind)                                                                        \
	ROUTE("GET", VERSION "/" kind, "List: " kind, NULL, NULL, Kind "List",                     \
	      fastly_list_objects),                                                                \
		ROUTE("POST", VERSION "/" kind, "Create: " kind, NULL, Kind "Form", Kind,          \
		      fastly_create_object),                                                       \
		ROUTE("GET", VERSION "/" kind "/{name}", "Show: " kind, NULL, NULL, Kind,          \
		      fastly_get_object),                                                          \
		ROUTE("PUT", VERSION "/" kind "/{name}", "Edit: " kind, NULL, Kind "Form", Kind,   \
		      fastly_update_object),                                                       \
		ROUTE("DELETE", VERSION "/" kind "/{name}", "Delete: " kind, NULL, NULL, "Status", \
		      fastly_delete_object)

static const struct api_route routes[] = {
	ROUTE("GET", "service", "List services", "page per_page sort direction", NULL, "Services",
	      fastly_list_services),
	ROUTE("POST", "service", "Create a service", NULL, "ServiceForm", "Service",
	      fastly_create_service),
	ROUTE("GET", "service/search", "Find a service by its name", "name", NULL, "Service",
	      fastly_search_service),
	ROUTE("GET", SERVICE, "Show a service", NULL, NULL, "Service", fastly_get_service),
	ROUTE("PUT", SERVICE, "Edit a service", NULL, "ServiceForm", "Service",
	      fastly_update_service),
	ROUTE("DELETE", SERVICE, "Delete a service", NULL, NULL, "Status", fastly_delete_service),
	ROUTE("GET", SERVICE "/details", "A service with all of a version", "version", NULL, NULL,
	      fastly_service_details),
	ROUTE("GET", SERVICE "/domain", "List domains of the active version", NULL, NULL,
	      "DomainList", fastly_service_domains),
	ROUTE("GET", SERVICE "/version", "List versions", NULL, NULL, "Versions",
	      fastly_list_versions),
	ROUTE("POST", SERVICE "/version", "Create an empty version", NULL, "VersionForm",
	      "VersionCreated", fastly_create_version),
	ROUTE("GET", VERSION, "Show a version", NULL, NULL, "Version", fastly_get_version),
	ROUTE("PUT", VERSION, "Comment a version", NULL, "VersionForm", "Version",
	      fastly_update_version),
	ROUTE("PUT", VERSION "/clone", "Make a new version like this one", NULL, NULL, "Version",
	      fastly_clone),
	ROUTE("PUT", VERSION "/activate", "Have this version take connections", NULL, NULL,
	      "Version", fastly_activate),
	ROUTE("PUT", VERSION "/deactivate", "Have no version take connections", NULL, NULL,
	      "Version", fastly_deactivate),
	ROUTE("PUT", VERSION "/lock", "Let nobody change a version", NULL, NULL, "Version",
	      fastly_lock),
	ROUTE("GET", VERSION "/validate", "Whether a version can be active", NULL, NULL,
	      "Validation", fastly_validate),
	OBJECTS("pool", "Pool"),
	OBJECTS("healthcheck", "Healthcheck"),
	OBJECTS("condition", "Condition"),
	OBJECTS("backend", "Backend"),
	OBJECTS("director", "Director"),
	OBJECTS("domain", "Domain"),
	ROUTE("GET", LINK, "Whether a backend is of a director", NULL, NULL, NULL, fastly_get_link),
	ROUTE("POST", LINK, "Add a backend to a director", NULL, NULL, NULL, fastly_link),
	ROUTE("DELETE", LINK, "Remove a backend from a director", NULL, NULL, "Status",
	      fastly_unlink),
	ROUTE("GET", POOL "/servers", "List servers", NULL, NULL, "Servers", fastly_list_servers),
	ROUTE("POST", POOL "/server", "Create a server", NULL, "ServerForm", "Server",
	      fastly_create_server),
	ROUTE("GET", POOL "/server/{server}", "Show a server", NULL, NULL, "Server",
	      fastly_get_server),
	ROUTE("PUT", POOL "/server/{server}", "Edit a server", NULL, "ServerForm", "Server",
	      fastly_update_server),
	ROUTE("DELETE", POOL "/server/{server}", "Delete a server", NULL, NULL, "Status",
	      fastly_delete_server),
	ROUTE("GET", "tokens/self", "Whose token this is", NULL, NULL, NULL, token_self),
	ROUTE("GET", "datacenters", "List sites", NULL, NULL, NULL, datacenters),
	{ .method = "GET",
	  .path = "realms/fastly/.well-known/openid-configuration",
	  .summary = "Nothing: there is no log-in",
	  .serve = openid,
	  .open = true },
	{ 0 },
};

const struct api_vendor api_fastly = {
	.name = "fastly",
	.prefix = "/",
	.token = token_of,
	.unauthorized = unauthorized,
	.fail = fail,
	.changed = changed,
	.routes = routes,
	.schema = fastly_schema,
	.forms = true,
};
