/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c - a request from its first line to its reply: libmicrohttpd's callbacks. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/mem.h"

#define VENDOR_BODY_MAX 1048576   /* bytes of a request's body on paths of vendors */
#define BODY_CUT        2097152   /* bytes of a body that are read to refuse it */
#define BODIES_MAX      134217728 /* bytes of all bodies that are kept at one time */
#define SEND_S          60        /* for a reply to be taken */
#define AGAIN_S         20        /* until the next request is there, which began in time */

void *api_on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct api_listener *l = arg;
	struct api_call *call = weir_new(struct api_call);
	const struct sockaddr *sa =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	union weir_addr a = { 0 };

	if (sa->sa_family == AF_INET)
		a = weir_addr_v4(&((const struct sockaddr_in *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		a = weir_addr_v6(&((const struct sockaddr_in6 *)sa)->sin6_addr);
	call->api = l->api;
	call->at = l;
	call->target = strdup(target);
	call->r.from = weir_addr_text(&a, call->from);
	call->r.connection = c;
	call->r.agent = l->api->agent;
	return call;
}

static size_t body_max(const struct api_call *call)
{
	return call->own ? API_BODY_MAX : VENDOR_BODY_MAX;
}

static enum MHD_Result refuse_body(struct api_call *call)
{
	if (call->own)
		return api_refuse(call->r.connection, MHD_HTTP_CONTENT_TOO_LARGE,
				  "a body may have at most 65,536 bytes");
	api_fail(call, MHD_HTTP_CONTENT_TOO_LARGE, "a body may have at most 1,048,576 bytes");
	return api_send(call);
}

static bool announces_too_much(const struct api_call *call)
{
	const char *len = api_header(&call->r, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return len && strtoull(len, NULL, 10) > body_max(call);
}

/* A capture shows what not all may see. */
static bool is_write(const struct api_call *call, const char *path)
{
	return strcmp(call->r.method, "GET") != 0 || (call->own && api_is_private(path));
}

/* With the headers: who asks is looked at before a body is kept. What is refused is told once the
 * body is there, as a client that still sends would not see it; unless that is long. */
static enum MHD_Result begin(struct api_call *call, const char *path, const char *method)
{
	struct weir_err err;
	bool found;

	call->begun = true;
	call->own = api_is_own(path);
	call->r.method = strcmp(method, "HEAD") ? method : "GET";
	found = api_find(call, &err);
	call->write = is_write(call, path);
	call->alone = !call->own && (call->write || (call->r.route && call->r.route->alone));
	call->refused = api_admit(call) == API_REFUSED;
	if (!found && !call->refused) {
		api_fail(call, MHD_HTTP_BAD_REQUEST, "%s%s%s", err.path, err.path[0] ? ": " : "",
			 err.text);
		call->refused = true;
	}
	if (!announces_too_much(call))
		return MHD_YES;
	return call->refused ? api_send(call) : refuse_body(call);
}

/* What is more than a body may have is read, to refuse it, and not kept. */
static void keep(struct api_call *call, const char *data, size_t len)
{
	if (call->refused || call->body_len + len > body_max(call)) {
		call->body_len += len;
		return;
	}
	if (call->api->body_bytes + len > BODIES_MAX) {
		api_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "too many bodies at one time");
		call->refused = true;
		return;
	}
	call->body = weir_grow(call->body, call->body_len + len + 1, 1);
	memcpy(call->body + call->body_len, data, len);
	call->body_len += len;
	call->body_kept += len;
	call->api->body_bytes += len;
	call->body[call->body_len] = 0;
}

/* Everything is there, or it has waited. */
static enum MHD_Result finish(struct api_call *call, const char *path, const char *method)
{
	struct MHD_Connection *c = call->r.connection;

	if (call->body_len > body_max(call) && !call->refused)
		return refuse_body(call);
	if (!call->ready && !call->refused && !api_serve(call)) {
		api_connection_has(c, 0);
		MHD_suspend_connection(c);
		call->suspended = true;
		return MHD_YES;
	}
	api_connection_has(c, SEND_S);
	return call->own && !call->refused ? api_serve_own(call, path, method) : api_send(call);
}

/* Called once with the headers, then for pieces of the body, then once for the answer, and again
 * when it was suspended. */
enum MHD_Result api_on_request(void *arg, struct MHD_Connection *c, const char *path,
			       const char *method, const char *version, const char *data,
			       size_t *len, void **state)
{
	struct api_call *call = *state;

	(void)arg;
	(void)c;
	(void)version;
	if (!call->begun)
		return begin(call, path, method);
	if (*len) {
		keep(call, data, *len);
		*len = 0;
		return call->body_len > BODY_CUT ? MHD_NO : MHD_YES;
	}
	return finish(call, path, method);
}

void api_on_request_over(void *arg, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct api_call *call = *state;

	(void)arg;
	if (!call)
		return;
	if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		api_connection_has(c, AGAIN_S);
	if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK && call->at->draining)
		api_connection_end(c); /* the next one is for the newer daemon */
	api_wait_no_more(call);
	api_leave_change(call);
	call->api->body_bytes -= call->body_kept;
	api_forget_reply(&call->r);
	json_decref(call->r.args);
	json_decref(call->r.body);
	free(call->body);
	free(call->target);
	free(call->path);
	free(call);
	*state = NULL;
}
