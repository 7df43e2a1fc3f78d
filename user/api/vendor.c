/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vendor.c - which facade a request is for, which of its routes, and what becomes of its changes.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api_impl.h"
#include "api/parse.h"
#include "base/log.h"
#include "base/mem.h"

#define NO_PATH    "no such path; GET / lists what there is"
#define ALLOW_SIZE 64

/* --- which --- */

/* A vendor whose paths have no prefix has those that begin as its routes do. */
static bool begins_as_routes(const char *target, const struct api_vendor *v)
{
	for (const struct api_route *route = v->routes; route->method; route++) {
		size_t n = strcspn(route->path, "/");

		if (strncmp(target + 1, route->path, n) == 0 && strchr("/?", target[1 + n]))
			return true;
	}
	return false;
}

static const struct api_vendor *vendor_of(const char *target)
{
	for (const struct api_vendor *const *v = api_vendors; *v; v++)
		if (strncmp(target, (*v)->prefix, strlen((*v)->prefix)) == 0 &&
		    ((*v)->prefix[1] || begins_as_routes(target, *v)))
			return *v;
	return NULL;
}

/* Whether segments are those of a template: {...} stands for any one that is not empty. */
static bool fits(const char *template, const struct api_request *r)
{
	size_t i = 0;

	for (; i < r->n_segments && *template; i++) {
		size_t n = strcspn(template, "/");

		if (*template == '{' ? !*r->segments[i]
				     : strncmp(template, r->segments[i], n) || r->segments[i][n])
			return false;
		template += n + (template[n] == '/');
	}
	return i == r->n_segments && !*template;
}

static const struct api_route *route_of(const struct api_request *r)
{
	for (const struct api_route *route = r->vendor->routes; route && route->method; route++)
		if (strcmp(route->method, r->method) == 0 && fits(route->path, r))
			return route;
	return NULL;
}

bool api_find(struct api_call *call, struct weir_err *err)
{
	struct api_request *r = &call->r;
	char *query = strchr(call->target, '?');
	const struct api_vendor *v = call->own ? NULL : vendor_of(call->target);

	if (query)
		*query++ = 0;
	r->path = call->target;
	r->now_ms = api_wall_ms();
	r->vendor = v ? v : &api_weir;
	r->args = api_parse_form(query ? query : "", query ? strlen(query) : 0, err);
	if (!r->args) {
		r->args = json_object();
		return false;
	}
	if (!v)
		return true;
	call->path = strdup(call->target + strlen(v->prefix));
	if (!api_split(call->path, r->segments, API_SEGMENTS, &r->n_segments, err))
		return false;
	r->route = route_of(r);
	return true;
}

/* --- replies --- */

void api_forget_reply(struct api_request *r)
{
	json_decref(r->reply);
	json_decref(r->headers);
	json_decref(r->changes);
	free(r->text);
	r->reply = r->headers = r->changes = NULL;
	r->text = NULL;
	r->content_type = NULL;
	r->status = 0;
	r->n_changes = 0;
}

void api_fail(struct api_call *call, unsigned status, const char *fmt, ...)
{
	struct weir_err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	api_forget_reply(&call->r);
	call->r.vendor->fail(&call->r, status, &err);
	if (!call->r.status)
		call->r.status = status;
}

static struct MHD_Response *response_of(struct api_request *r)
{
	const char *type = r->text ? r->content_type : "application/json";
	char *text = r->text;
	struct MHD_Response *response;

	if (!text && r->reply)
		text = json_dumps(r->reply,
				  JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	r->text = NULL;
	if (!text)
		return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	else
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

enum MHD_Result api_send(struct api_call *call)
{
	struct api_request *r = &call->r;
	struct MHD_Response *response = response_of(r);
	enum MHD_Result ok;
	json_t *header;
	size_t i;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (call->at->draining) /* see api_on_request_over() */
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	json_array_foreach(r->headers, i, header)
		MHD_add_response_header(response, json_string_value(json_array_get(header, 0)),
					json_string_value(json_array_get(header, 1)));
	ok = MHD_queue_response(r->connection, r->status ? r->status : MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ok;
}

/* "GET, HEAD, PUT": the methods that the path has; empty: it is none. */
static void allowed(const struct api_request *r, char out[ALLOW_SIZE])
{
	size_t n = 0;

	out[0] = 0;
	for (const struct api_route *route = r->vendor->routes; route && route->method; route++)
		if (fits(route->path, r) && !strstr(out, route->method) && n < ALLOW_SIZE - 16)
			n += (size_t)snprintf(out + n, ALLOW_SIZE - n, "%s%s", n ? ", " : "",
					      strcmp(route->method, "GET") ? route->method
									   : "GET, HEAD");
}

static void fail_route(struct api_call *call)
{
	char allow[ALLOW_SIZE];

	allowed(&call->r, allow);
	if (!allow[0]) {
		api_fail(call, MHD_HTTP_NOT_FOUND, NO_PATH);
		return;
	}
	api_fail(call, MHD_HTTP_METHOD_NOT_ALLOWED, "this path has no %s, only %s", call->r.method,
		 allow);
	api_add_header(&call->r, MHD_HTTP_HEADER_ALLOW, allow);
}

/* --- changes --- */

/* Outlives a client that goes away, and the server. */
struct changing {
	struct api_call *call; /* NULL: gone */
};

/* What a log line or a terminal can hold. */
static void what_text(const struct api_request *r, char out[256])
{
	const struct api_call *call = (const struct api_call *)r; /* its first member */

	if (call->what[0])
		snprintf(out, 256, "%s", call->what);
	else
		snprintf(out, 256, "%s %s", r->method, r->path);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void api_audit(const struct api_request *r, const char *of)
{
	char what[256];

	what_text(r, what);
	weir_info("api: %s from %s: %s: %s", r->token.name, r->from, what, of);
}

static void fail_change(struct api_call *call, const struct weir_changed *result)
{
	static const unsigned status[] = {
		[WEIR_REFUSED_INVALID] = MHD_HTTP_BAD_REQUEST,
		[WEIR_REFUSED_FILES] = MHD_HTTP_BAD_REQUEST,
		[WEIR_REFUSED_IN_USE] = MHD_HTTP_PRECONDITION_FAILED,
		[WEIR_REFUSED_STORE] = MHD_HTTP_SERVICE_UNAVAILABLE,
		[WEIR_REFUSED_APPLY] = MHD_HTTP_INTERNAL_SERVER_ERROR,
	};

	api_fail(call, status[result->refused], "%s%s%s", result->err.path,
		 result->err.path[0] ? ": " : "", result->err.text);
}

static void on_changed(void *arg, const struct weir_changed *result)
{
	struct changing *ch = arg;
	struct api_call *call = ch->call;
	char revision[24];

	free(ch);
	if (!call)
		return;
	call->change = NULL;
	call->api->changing = NULL;
	if (result->refused) {
		json_t *changes = json_incref(call->r.changes); /* changed() may look at them */

		api_forget_reply(&call->r);
		call->r.changes = changes;
	} else {
		snprintf(revision, sizeof(revision), "%llu", (unsigned long long)result->revision);
		api_add_header(&call->r, "Weir-Revision", revision);
		api_forget_answers(call->api);
	}
	if (call->r.vendor->changed)
		call->r.vendor->changed(&call->r, result);
	else if (result->refused)
		fail_change(call, result);
	call->ready = true;
	api_go_on(call);
}

/* 0: they are under way, or made already. */
static int begin_changes(struct api_call *call)
{
	struct api_request *r = &call->r;
	struct weir_change *changes = weir_new_array(r->n_changes, struct weir_change);
	struct changing *ch = weir_new(struct changing);
	char what[256];
	struct weir_author author = { .who = r->token.name, .from = r->from, .what = what };
	int err;

	what_text(r, what);
	for (size_t i = 0; i < r->n_changes; i++) {
		json_t *c = json_array_get(r->changes, i), *body = json_object_get(c, "body");

		changes[i].kind = json_string_value(json_object_get(c, "kind"));
		changes[i].id = json_string_value(json_object_get(c, "id"));
		changes[i].body = json_is_null(body) ? NULL : body;
	}
	ch->call = call;
	call->change = ch;
	call->api->changing = call;
	err = weir_agent_change(r->agent, &author, changes, r->n_changes, on_changed, ch);
	free(changes);
	if (err) {
		call->change = NULL;
		call->api->changing = NULL;
		free(ch);
	}
	return err;
}

void api_leave_change(struct api_call *call)
{
	if (!call->change)
		return;
	call->change->call = NULL;
	call->change = NULL;
	call->api->changing = NULL;
}

/* --- a request --- */

/* Bodies of GET are nobody's; those of DELETE mean something to some, and are no mistake of those
 * that send one by habit. */
static bool take_body(struct api_call *call)
{
	struct api_request *r = &call->r;
	struct weir_err err;

	if (strcmp(r->method, "GET") == 0 || !call->body_kept || r->body)
		return true;
	r->body = r->vendor->forms ? api_parse_form(call->body, call->body_kept, &err)
				   : api_parse_json(call->body, call->body_kept, &err);
	if (r->body || strcmp(r->method, "DELETE") == 0)
		return true;
	api_fail(call, MHD_HTTP_BAD_REQUEST, "%s%s%s", err.path, err.path[0] ? ": " : "", err.text);
	return false;
}

uint64_t api_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void ask_facade(struct api_call *call)
{
	struct api_request *r = &call->r;
	const struct weir_api_conf *conf = &weir_agent_conf(r->agent)->api;

	r->account_id = conf->account_id;
	r->account_name = conf->account_name;
	r->now_ms = api_wall_ms();
	if (r->route)
		r->route->serve(r);
	else if (r->vendor->serve)
		r->vendor->serve(r);
	else
		fail_route(call);
}

static void drop_changes(struct api_request *r)
{
	json_decref(r->changes);
	r->changes = NULL;
	r->n_changes = 0;
}

/* False: its change is under way, or another one, and it waits. */
static bool run(struct api_call *call)
{
	struct api_request *r = &call->r;
	int err = 0;

	if (take_body(call))
		ask_facade(call);
	if (r->status >= MHD_HTTP_BAD_REQUEST) /* it may have been half way through them */
		drop_changes(r);
	assert(call->write || !r->n_changes);
	if (r->n_changes > json_array_size(r->changes)) {
		api_fail(call, MHD_HTTP_CONTENT_TOO_LARGE,
			 "one request may change at most %d objects", API_CHANGES);
	} else if (r->n_changes) {
		err = begin_changes(call);
		if (!err)
			return call->ready;
	}
	if (err == -EBUSY) {
		api_forget_reply(r);
		api_wait(&call->api->writes, call, true);
		return false;
	}
	if (err)
		api_fail(call, MHD_HTTP_INTERNAL_SERVER_ERROR, "the change cannot be made: %s",
			 strerror(-err));
	call->ready = true;
	return true;
}

bool api_serve(struct api_call *call)
{
	struct weir_api *api = call->api;

	if (!call->admitted) {
		enum api_admission may = api_admit(call);

		call->refused = may == API_REFUSED;
		if (may == API_LATER)
			api_wait(&api->writes, call, call->turn);
		if (may != API_ADMITTED)
			return may == API_REFUSED;
	}
	if (call->own)
		return true;
	if (call->alone && (weir_agent_is_busy(api->agent) || (api->writes.first && !call->turn))) {
		api_wait(&api->writes, call, call->turn);
		return false;
	}
	if (!call->alone && !call->turn && api_turn_is_over(api)) {
		api_wait(&api->reads, call, false);
		return false;
	}
	return run(call);
}
