/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/multi.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define KEPT_CONNECTIONS 16L

struct weir_alert_multi {
	uv_timer_t timer; /* first: the handle is the multi */
	CURLM *curl;
	weir_alert_done_fn *done;
	void *arg;
};

/* A socket of libcurl's. */
struct watch {
	uv_poll_t poll; /* first */
	struct weir_alert_multi *multi;
	curl_socket_t fd;
};

static void on_closed(uv_handle_t *h)
{
	free(h);
}

/* Whoever is called here may add and remove transfers: nothing but m is kept over the call. */
static void collect(struct weir_alert_multi *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left))) {
		CURL *easy = msg->easy_handle;
		CURLcode result = msg->data.result;

		curl_multi_remove_handle(m->curl, easy);
		m->done(m->arg, easy, result);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct weir_alert_multi *m = (struct weir_alert_multi *)timer;
	long timeout_ms = -1;
	int running;

	curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(m);
	/* libuv's clock is cut to milliseconds, so this may be a moment too early for libcurl,
	 * which then asks no second time. */
	if (!uv_is_active((uv_handle_t *)timer)) {
		curl_multi_timeout(m->curl, &timeout_ms);
		if (timeout_ms >= 0)
			uv_timer_start(timer, on_timer, (uint64_t)timeout_ms, 0);
	}
}

/* libcurl's CURLMOPT_TIMERFUNCTION. */
static int set_timer(CURLM *curl, long timeout_ms, void *arg)
{
	struct weir_alert_multi *m = arg;

	(void)curl;
	uv_update_time(m->timer.loop);
	if (timeout_ms < 0)
		uv_timer_stop(&m->timer);
	else
		uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct watch *w = (struct watch *)poll;
	struct weir_alert_multi *m = w->multi;
	int flags = 0, running;

	if (status < 0)
		flags |= CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(m->curl, w->fd, flags, &running); /* may end the watch */
	collect(m);
}

static struct watch *watch_new(struct weir_alert_multi *m, curl_socket_t fd)
{
	struct watch *w = weir_new(struct watch);
	int err = uv_poll_init_socket(m->timer.loop, &w->poll, fd);

	assert(!err); /* a socket that libcurl has just made */
	w->multi = m;
	w->fd = fd;
	curl_multi_assign(m->curl, fd, w);
	return w;
}

/* libcurl's CURLMOPT_SOCKETFUNCTION; it closes the socket after CURL_POLL_REMOVE. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct weir_alert_multi *m = arg;
	struct watch *w = watched;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_closed);
		}
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch_new(m, fd);
	uv_poll_start(&w->poll,
		      (what & CURL_POLL_IN ? UV_READABLE : 0) |
			      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
		      on_socket);
	return 0;
}

int weir_alert_multi_open(uv_loop_t *loop, weir_alert_done_fn *done, void *arg,
			  struct weir_alert_multi **out)
{
	struct weir_alert_multi *m;
	CURLM *curl;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOTSUP;
	curl = curl_multi_init();
	if (!curl) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	m = weir_new(struct weir_alert_multi);
	m->curl = curl;
	m->done = done;
	m->arg = arg;
	uv_timer_init(loop, &m->timer);
	curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
	*out = m;
	return 0;
}

void weir_alert_multi_close(struct weir_alert_multi *m)
{
	curl_multi_cleanup(m->curl);
	curl_global_cleanup();
	uv_close((uv_handle_t *)&m->timer, on_closed);
}

void weir_alert_multi_add(struct weir_alert_multi *m, CURL *easy)
{
	CURLMcode rc = curl_multi_add_handle(m->curl, easy);

	assert(rc == CURLM_OK);
}

void weir_alert_multi_remove(struct weir_alert_multi *m, CURL *easy)
{
	curl_multi_remove_handle(m->curl, easy);
}
