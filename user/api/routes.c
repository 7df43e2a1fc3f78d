/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes.c - weir's own paths: what is read, asked and told, and answers that are kept. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/mem.h"
#include "weir/api.h"

#define REST 4 /* an answer stays for so many times as long as it took to make */

/* The last answer of a path: those who ask all the time, or all at once, share it, and do not keep
 * the loop from health and DNS. */
struct kept {
	struct MHD_Response *response; /* NULL: none */
	uint64_t until_ns;
};

/* A path has one of the first two: an answer for all who ask, or one that depends on what is asked.
 * change: of what is below it, PATH/..., by PUT and DELETE. */
struct route {
	const char *path;
	json_t *(*get)(const struct weir_api *api);
	enum MHD_Result (*ask)(struct weir_api *api, struct MHD_Connection *c);
	enum MHD_Result (*change)(struct weir_api *api, struct MHD_Connection *c, const char *which,
				  const char *method, const char *body, size_t len);
	bool is_told;    /* what is below it is changed by POST instead */
	bool is_private; /* read with a token that may write only */
	/* For /weir/v1/openapi.json: a few words; names of arguments; the paths below it. */
	const char *summary, *query;
	const char *below[3];
};

static json_t *get_index(const struct weir_api *api);

static json_t *get_status(const struct weir_api *api)
{
	return weir_agent_status(api->agent);
}

static json_t *get_handshakes(const struct weir_api *api)
{
	return weir_agent_handshakes(api->agent);
}

static json_t *get_dns(const struct weir_api *api)
{
	return weir_agent_dns(api->agent);
}

static json_t *get_reasons(const struct weir_api *api)
{
	return weir_agent_reasons(api->agent);
}

static json_t *get_overrides(const struct weir_api *api)
{
	return weir_agent_overrides(api->agent);
}

static json_t *get_zones(const struct weir_api *api)
{
	return weir_agent_zones(api->agent);
}

static const struct route routes[] = {
	{ .path = "/", .get = get_index, .summary = "List paths" },
	{ .path = WEIR_API_STATUS, .get = get_status, .summary = "The state of the agent" },
	{ .path = WEIR_API_REASONS,
	  .get = get_reasons,
	  .summary = "What became of packets and queries" },
	{ .path = WEIR_API_DNS, .get = get_dns, .summary = "What became of DNS queries" },
	{ .path = WEIR_API_HANDSHAKES,
	  .get = get_handshakes,
	  .summary = "How long handshakes took" },
	{ .path = WEIR_API_OVERRIDES,
	  .get = get_overrides,
	  .change = api_change_override,
	  .summary = "What holds by hand",
	  .below = { "/{pool}", "/{pool}/{origin}" } },
	{ .path = WEIR_API_ZONES,
	  .get = get_zones,
	  .change = api_tell_zone,
	  .is_told = true,
	  .summary = "Zones and their keys",
	  .below = { "/{zone}/roll", "/{zone}/ds-seen" } },
	{ .path = WEIR_API_TRACE,
	  .ask = api_ask_trace,
	  .summary = "What the packet path does with a packet of a flow",
	  .query = "src dst proto flags quic_id" },
	{ .path = WEIR_API_DNS_EXPLAIN,
	  .ask = api_ask_explain,
	  .summary = "What a question would be answered, and why",
	  .query = "name type client subnet" },
	{ .path = WEIR_API_ZONE_FILE,
	  .ask = api_ask_zone_file,
	  .summary = "A zone as a file",
	  .query = "name" },
	{ .path = WEIR_API_REFERENCES,
	  .ask = api_ask_refs,
	  .summary = "Who refers to an object, and to whom it refers",
	  .query = "type id" },
	{ .path = WEIR_API_CAPTURE,
	  .ask = api_ask_capture,
	  .is_private = true,
	  .summary = "Packets as a pcapng file that grows while they come",
	  .query = "src dst sport dport proto reason at snaplen count seconds sample rate" },
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static json_t *get_index(const struct weir_api *api)
{
	json_t *paths = json_array();

	(void)api;
	for (size_t i = 0; i < N_ROUTES; i++)
		json_array_append_new(paths, json_string(routes[i].path));
	api_weir_paths(paths);
	return json_pack("{s:s, s:s, s:o}", "name", "weir", "version", WEIR_VERSION, "paths",
			 paths);
}

/* --- answers --- */

/* Takes body over. NULL: no memory. */
static struct MHD_Response *response_of(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));
	struct MHD_Response *r;

	json_decref(body);
	if (!text)
		return NULL;
	r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return r;
}

static void forget(struct kept *k)
{
	if (k->response)
		MHD_destroy_response(k->response); /* unless a connection still sends it */
	k->response = NULL;
}

void api_forget_answers(struct weir_api *api)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		api->kept[i].until_ns = 0;
}

static enum MHD_Result answer(struct weir_api *api, struct MHD_Connection *c, size_t route)
{
	struct kept *k = &api->kept[route];
	uint64_t now_ns = uv_hrtime();

	if (now_ns >= k->until_ns) {
		forget(k);
		k->response = response_of(routes[route].get(api));
		k->until_ns = uv_hrtime() + REST * (uv_hrtime() - now_ns);
	}
	return k->response ? MHD_queue_response(c, MHD_HTTP_OK, k->response) : MHD_NO;
}

enum MHD_Result api_reply(struct MHD_Connection *c, unsigned status, json_t *body)
{
	struct MHD_Response *r = response_of(body);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result refuse_method(struct MHD_Connection *c, const char *allow, const char *why)
{
	struct MHD_Response *r = response_of(json_pack("{s:s}", "error", why));
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	ok = MHD_queue_response(c, MHD_HTTP_METHOD_NOT_ALLOWED, r);
	MHD_destroy_response(r);
	return ok;
}

enum MHD_Result api_refuse(struct MHD_Connection *c, unsigned status, const char *why)
{
	return api_reply(c, status, json_pack("{s:s}", "error", why));
}

/* --- requests --- */

/* What is behind "PATH/" of a route that can change it; NULL: path is not below this route. */
static const char *below(const char *path, const struct route *route)
{
	size_t n = strlen(route->path);

	return route->change && !strncmp(path, route->path, n) && path[n] == '/' ? path + n + 1
										 : NULL;
}

/* The index of path, or of what it is below; -1: none. */
static int find(const char *path)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		if (strcmp(path, routes[i].path) == 0 || below(path, &routes[i]))
			return (int)i;
	return -1;
}

bool api_is_own(const char *path)
{
	return find(path) >= 0;
}

bool api_is_private(const char *path)
{
	return routes[find(path)].is_private;
}

static enum MHD_Result change(struct api_call *call, const struct route *route, const char *which,
			      const char *method)
{
	struct MHD_Connection *c = call->r.connection;

	if (route->is_told && strcmp(method, "POST") != 0)
		return refuse_method(c, "POST", "this path is told something only (POST)");
	if (!route->is_told && strcmp(method, "PUT") != 0 && strcmp(method, "DELETE") != 0)
		return refuse_method(c, "PUT, DELETE",
				     "this path can be changed only (PUT, DELETE)");
	return route->change(call->api, c, which, method, call->body ? call->body : "",
			     call->body_len);
}

enum MHD_Result api_serve_own(struct api_call *call, const char *path, const char *method)
{
	const struct route *route = &routes[find(path)];
	struct MHD_Connection *c = call->r.connection;
	const char *which = below(path, route);

	if (which)
		return change(call, route, which, method);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return refuse_method(c, "GET, HEAD", "this path can be read only (GET, HEAD)");
	if (route->get)
		return answer(call->api, c, (size_t)(route - routes));
	if (strcmp(method, "HEAD") == 0)
		return refuse_method(c, "GET", "this path can be asked with GET only");
	return route->ask(call->api, c);
}

struct kept *api_kept_new(void)
{
	return weir_new_array(N_ROUTES, struct kept);
}

void api_kept_free(struct kept *kept)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		forget(&kept[i]);
	free(kept);
}

/* --- for /weir/v1/openapi.json --- */

void api_describe_own(json_t *paths)
{
	char path[128];

	for (const struct route *r = routes; r < routes + N_ROUTES; r++) {
		api_describe(paths, r->path, "GET", api_operation(r->path, r->summary, r->query));
		for (size_t i = 0; i < 3 && r->below[i]; i++) {
			snprintf(path, sizeof(path), "%s%s", r->path, r->below[i]);
			if (r->is_told) {
				api_describe(paths, path, "POST",
					     api_operation(path, "Tell it", NULL));
				continue;
			}
			api_describe(paths, path, "PUT", api_operation(path, "Say it", NULL));
			api_describe(paths, path, "DELETE",
				     api_operation(path, "Take it back", NULL));
		}
	}
}
