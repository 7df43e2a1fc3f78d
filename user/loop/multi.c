/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop/multi.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

struct weir_multi {
	uv_timer_t timer; /* first: the handle is the multi */
	CURLM *curl;
	struct weir_watches *watches;
	weir_multi_done_fn *done;
	void *arg;
};

/* A socket of libcurl's. */
struct watch {
	struct weir_watch watch; /* first */
	struct weir_multi *multi;
};

static void on_closed(uv_handle_t *h)
{
	free(h);
}

/* Whoever is called here may add and remove transfers: nothing but m is kept over the call. */
static void collect(struct weir_multi *m)
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
	struct weir_multi *m = (struct weir_multi *)timer;
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
	struct weir_multi *m = arg;

	(void)curl;
	uv_update_time(m->timer.loop);
	if (timeout_ms < 0)
		uv_timer_stop(&m->timer);
	else
		uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static void on_socket(struct weir_watch *watch, uint32_t events)
{
	struct weir_multi *m = ((struct watch *)watch)->multi;
	int flags = 0, running;

	/* After an error 0 makes libcurl look at the socket itself, and learn which error. */
	if (!(events & EPOLLERR) && events & (EPOLLIN | EPOLLHUP))
		flags |= CURL_CSELECT_IN;
	if (!(events & EPOLLERR) && events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(m->curl, watch->fd, flags, &running); /* may end the watch */
	collect(m);
}

static struct watch *watch_new(struct weir_multi *m, curl_socket_t fd)
{
	struct watch *w = weir_new(struct watch);

	w->watch.fn = on_socket;
	w->watch.fd = fd;
	w->multi = m;
	curl_multi_assign(m->curl, fd, w);
	return w;
}

/* libcurl's CURLMOPT_SOCKETFUNCTION; it closes the socket after CURL_POLL_REMOVE. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct weir_multi *m = arg;
	struct watch *w = watched;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			weir_watch_end(m->watches, &w->watch);
		free(w);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch_new(m, fd);
	weir_watch(m->watches, &w->watch,
		   (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u));
	return 0;
}

int weir_multi_open(uv_loop_t *loop, struct weir_watches *watches, long kept,
		    weir_multi_done_fn *done, void *arg, struct weir_multi **out)
{
	struct weir_multi *m;
	CURLM *curl;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOTSUP;
	curl = curl_multi_init();
	if (!curl) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	m = weir_new(struct weir_multi);
	m->curl = curl;
	m->done = done;
	m->arg = arg;
	m->watches = watches;
	uv_timer_init(loop, &m->timer);
	curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	if (kept)
		curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, kept);
	*out = m;
	return 0;
}

void weir_multi_close(struct weir_multi *m)
{
	curl_multi_cleanup(m->curl);
	curl_global_cleanup();
	uv_close((uv_handle_t *)&m->timer, on_closed);
}

void weir_multi_add(struct weir_multi *m, CURL *easy)
{
	CURLMcode rc = curl_multi_add_handle(m->curl, easy);

	assert(rc == CURLM_OK);
}

void weir_multi_remove(struct weir_multi *m, CURL *easy)
{
	curl_multi_remove_handle(m->curl, easy);
}
