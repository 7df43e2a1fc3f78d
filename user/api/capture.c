/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.c - a capture as an answer that goes on while packets come. While there is nothing to
 * send its connection is suspended; the agent says when there is. */
#include "api/api_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/mem.h"
#include "weir/api.h"

#define BLOCK      16384 /* bytes asked for at a time */
#define STALLED_S  60    /* a client that takes nothing for so long has left */
#define MEDIA_TYPE "application/x-pcapng"

struct stream {
	struct stream *next;
	struct weir_api *api;
	struct api_listener *at;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	struct weir_capture *capture;
	bool suspended;
};

/* A client that wants no more shuts its side down, or is gone. */
static bool has_left(const struct stream *s)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(s->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd fd = { .fd = info->connect_fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) > 0;
}

static void resume(struct stream *s)
{
	if (s->suspended)
		MHD_resume_connection(s->connection);
	s->suspended = false;
}

static void on_news(void *arg)
{
	struct stream *s = arg;

	if (has_left(s))
		weir_capture_end(s->capture, "its client wanted no more");
	if (!s->suspended || !weir_capture_ready(s->capture))
		return;
	resume(s);
	s->at->resumed = true;
	api_next_turn(s->api);
}

/* libmicrohttpd asks for the next bytes. */
static ssize_t on_read(void *arg, uint64_t at, char *to, size_t room)
{
	struct stream *s = arg;
	size_t n = weir_capture_take(s->capture, to, room);
	const char *summary;

	(void)at;
	if (n)
		return (ssize_t)n;
	summary = weir_capture_summary(s->capture);
	if (summary) {
		MHD_add_response_footer(s->response, WEIR_API_CAPTURE_TRAILER, summary);
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	MHD_suspend_connection(s->connection);
	s->suspended = true;
	return 0;
}

static void on_over(void *arg)
{
	struct stream *s = arg;

	for (struct stream **at = &s->api->streams; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	weir_capture_free(s->capture);
	free(s);
}

static enum MHD_Result send_stream(struct weir_api *api, struct MHD_Connection *c, struct stream *s)
{
	enum MHD_Result ok;

	s->response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, s, on_over);
	if (!s->response) {
		weir_capture_free(s->capture);
		free(s);
		return MHD_NO;
	}
	s->next = api->streams;
	api->streams = s;
	MHD_add_response_header(s->response, MHD_HTTP_HEADER_CONTENT_TYPE, MEDIA_TYPE);
	MHD_add_response_header(s->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(s->response, MHD_HTTP_HEADER_TRAILER, WEIR_API_CAPTURE_TRAILER);
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)STALLED_S);
	api_connection_has(c, 0);
	ok = MHD_queue_response(c, MHD_HTTP_OK, s->response);
	MHD_destroy_response(s->response); /* on_over() when the connection has done with it */
	return ok;
}

static unsigned status_of(int rc)
{
	if (rc == -EINVAL)
		return MHD_HTTP_BAD_REQUEST;
	return rc == -EBUSY || rc == -ENODEV ? MHD_HTTP_CONFLICT : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

enum MHD_Result api_ask_capture(struct weir_api *api, struct MHD_Connection *c)
{
	struct stream *s = weir_new(struct stream);
	struct weir_err err;
	json_t *args = api_args(c, &err);
	int rc;

	s->api = api;
	s->at = api_listener_of(api, c);
	s->connection = c;
	rc = args ? weir_agent_capture(api->agent, args, on_news, s, &s->capture, &err) : -EINVAL;
	json_decref(args);
	if (!rc)
		return send_stream(api, c, s);
	free(s);
	return api_refuse_err(c, status_of(rc), &err);
}

void api_resume_captures(struct weir_api *api)
{
	for (struct stream *s = api->streams; s; s = s->next)
		resume(s);
}
