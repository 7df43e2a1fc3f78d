/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - libmicrohttpd on the loop, and the table of paths. */
#include "api/api_impl.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "weir/api.h"

#define CONNECTIONS_MAX 128
#define CONNECTION_SEC  10
#define MEMORY_MAX      32768   /* bytes of a connection: request line, headers, buffers */
#define BODY_MAX        65536   /* bytes of a request's body */
#define BODY_CUT        1048576 /* bytes of a body without a length that are read to refuse it */
#define REST            4       /* an answer stays for so many times as long as it took to make */

/* The last answer of a path: those who ask all the time, or all at once, share it, and do not keep
 * the loop from health and DNS. */
struct kept {
	struct MHD_Response *response; /* NULL: none */
	uint64_t until_ns;
};

struct request {
	size_t body_len; /* of all that came */
	char *body;      /* at most BODY_MAX of it */
};

/* A path has one of the first two: an answer for all who ask, or one that depends on what is asked.
 * change: of what is below it, PATH/..., by PUT and DELETE. */
struct route {
	const char *path;
	json_t *(*get)(const struct weir_api *api);
	enum MHD_Result (*ask)(struct weir_api *api, struct MHD_Connection *c);
	enum MHD_Result (*change)(struct weir_api *api, struct MHD_Connection *c, const char *which,
				  const char *method, const char *body, size_t len);
	bool is_told; /* what is below it is changed by POST instead */
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
	{ .path = "/", .get = get_index },
	{ .path = WEIR_API_STATUS, .get = get_status },
	{ .path = WEIR_API_REASONS, .get = get_reasons },
	{ .path = WEIR_API_DNS, .get = get_dns },
	{ .path = WEIR_API_HANDSHAKES, .get = get_handshakes },
	{ .path = WEIR_API_OVERRIDES, .get = get_overrides, .change = api_change_override },
	{ .path = WEIR_API_ZONES, .get = get_zones, .change = api_tell_zone, .is_told = true },
	{ .path = WEIR_API_TRACE, .ask = api_ask_trace },
	{ .path = WEIR_API_DNS_EXPLAIN, .ask = api_ask_explain },
	{ .path = WEIR_API_ZONE_FILE, .ask = api_ask_zone_file },
	{ .path = WEIR_API_REFERENCES, .ask = api_ask_refs },
	{ .path = WEIR_API_CAPTURE, .ask = api_ask_capture },
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static json_t *get_index(const struct weir_api *api)
{
	json_t *paths = json_array();

	(void)api;
	for (size_t i = 0; i < N_ROUTES; i++)
		json_array_append_new(paths, json_string(routes[i].path));
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

enum MHD_Result api_refuse_method(struct MHD_Connection *c, const char *allow, const char *why)
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

static enum MHD_Result refuse_body(struct MHD_Connection *c)
{
	return api_refuse(c, MHD_HTTP_CONTENT_TOO_LARGE, "a body may have at most 65,536 bytes");
}

/* --- requests --- */

/* What is behind "PATH/" of a route that can change it; NULL: path is not below this route. */
static const char *below(const char *path, const struct route *route)
{
	size_t n = strlen(route->path);

	return route->change && !strncmp(path, route->path, n) && path[n] == '/' ? path + n + 1
										 : NULL;
}

static enum MHD_Result change(struct weir_api *api, struct MHD_Connection *c,
			      const struct route *route, const char *which, const char *method,
			      const struct request *r)
{
	if (route->is_told && strcmp(method, "POST") != 0)
		return api_refuse_method(c, "POST", "this path is told something only (POST)");
	if (!route->is_told && strcmp(method, "PUT") != 0 && strcmp(method, "DELETE") != 0)
		return api_refuse_method(c, "PUT, DELETE",
					 "this path can be changed only (PUT, DELETE)");
	return route->change(api, c, which, method, r->body ? r->body : "", r->body_len);
}

static enum MHD_Result serve(struct weir_api *api, struct MHD_Connection *c, const char *path,
			     const char *method, const struct request *r)
{
	for (size_t i = 0; i < N_ROUTES; i++) {
		const char *which = below(path, &routes[i]);

		if (which)
			return change(api, c, &routes[i], which, method, r);
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
			return api_refuse_method(c, "GET, HEAD",
						 "this path can be read only (GET, HEAD)");
		if (routes[i].get)
			return answer(api, c, i);
		if (strcmp(method, "HEAD") == 0)
			return api_refuse_method(c, "GET", "this path can be asked with GET only");
		return routes[i].ask(api, c);
	}
	return api_refuse(c, MHD_HTTP_NOT_FOUND, "no such path; GET / lists what there is");
}

/* --- libmicrohttpd's callbacks --- */

static bool announces_too_much(struct MHD_Connection *c)
{
	const char *len =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return len && strtoull(len, NULL, 10) > BODY_MAX;
}

/* What is more than a body may have is read, to refuse it, and not kept. */
static void keep(struct request *r, const char *data, size_t len)
{
	if (r->body_len + len <= BODY_MAX) {
		r->body = weir_grow(r->body, r->body_len + len, 1);
		memcpy(r->body + r->body_len, data, len);
	}
	r->body_len += len;
}

/* Called once with the headers, then for pieces of the body, then once for the answer. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct request *r = *state;

	(void)version;
	if (!r) {
		*state = weir_new(struct request);
		return announces_too_much(c) ? refuse_body(c) : MHD_YES;
	}
	if (*len) {
		keep(r, data, *len);
		*len = 0;
		return r->body_len > BODY_CUT ? MHD_NO : MHD_YES;
	}
	return r->body_len > BODY_MAX ? refuse_body(c) : serve(arg, c, path, method, r);
}

static void on_request_over(void *arg, struct MHD_Connection *c, void **state,
			    enum MHD_RequestTerminationCode why)
{
	(void)arg;
	(void)c;
	(void)why;
	if (*state)
		free(((struct request *)*state)->body);
	free(*state);
	*state = NULL;
}

static void __attribute__((format(printf, 2, 0))) on_log(void *arg, const char *fmt, va_list ap)
{
	char line[512];

	(void)arg;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\r\n")] = 0;
	weir_warn("http: %s", line);
}

/* --- on the loop --- */

static void on_timer(uv_timer_t *timer);

static unsigned connections(struct weir_api *api)
{
	return MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

/* Runs again after connections ended: at its limit libmicrohttpd stops listening, and only the
 * next run looks whether it may again. */
void api_run(struct weir_api *api)
{
	MHD_UNSIGNED_LONG_LONG ms;
	unsigned before;

	do {
		before = connections(api);
		MHD_run(api->daemon);
	} while (connections(api) < before);
	if (MHD_get_timeout(api->daemon, &ms) == MHD_YES)
		uv_timer_start(&api->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&api->timer);
}

static void on_timer(uv_timer_t *timer)
{
	api_run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	api_run(poll->data);
}

/* A listening socket on exactly this address, or a negative errno. Not libmicrohttpd's own, as
 * that would not tell why it could not. */
static int listen_on(const struct weir_sockaddr *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(addr, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, CONNECTIONS_MAX) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Takes fd over, also when it fails. */
static struct MHD_Daemon *start(int fd, struct weir_api *api)
{
	struct MHD_Daemon *d = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, api, /* no threads */
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_COMPLETED, on_request_over, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_SEC,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);

	if (!d)
		close(fd);
	return d;
}

int weir_api_open(uv_loop_t *loop, const struct weir_sockaddr *addr, struct weir_agent *agent,
		  struct weir_api **out)
{
	struct weir_api *api = weir_new(struct weir_api);
	char text[WEIR_SOCKADDR_TEXT];
	int fd = listen_on(addr), err = fd;

	api->agent = agent;
	api->kept = weir_new_array(N_ROUTES, struct kept);
	if (fd >= 0) {
		api->daemon = start(fd, api);
		err = api->daemon ? 0 : -ENOTSUP;
	}
	if (!err)
		err = uv_poll_init(
			loop, &api->poll,
			MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	if (err) {
		weir_error("cannot listen on the control address %s: %s",
			   weir_sockaddr_text(addr, text), strerror(-err));
		if (api->daemon)
			MHD_stop_daemon(api->daemon);
		free(api->kept);
		free(api);
		return err;
	}
	uv_timer_init(loop, &api->timer);
	api->poll.data = api->timer.data = api;
	uv_poll_start(&api->poll, UV_READABLE, on_poll);
	*out = api;
	return 0;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_poll_closed(uv_handle_t *h)
{
	struct weir_api *api = h->data;

	uv_close((uv_handle_t *)&api->timer, on_timer_closed);
}

void weir_api_close(struct weir_api *api)
{
	if (!api)
		return;
	uv_timer_stop(&api->timer);
	uv_close((uv_handle_t *)&api->poll, on_poll_closed);
	api_resume_captures(api);
	MHD_stop_daemon(api->daemon);
	for (size_t i = 0; i < N_ROUTES; i++)
		forget(&api->kept[i]);
	free(api->kept);
}
