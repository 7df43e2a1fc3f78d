/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop/watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define BATCH 256 /* events before the loop has its turn */

struct weir_watches {
	uv_poll_t poll; /* first: the handle is the watches */
	int fd;
	int n; /* events in hand */
	struct epoll_event ready[BATCH];
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct weir_watches *s = (struct weir_watches *)poll;

	(void)status;
	(void)events;
	s->n = epoll_wait(s->fd, s->ready, BATCH, 0);
	for (int i = 0; i < s->n; i++) {
		struct weir_watch *w = s->ready[i].data.ptr;

		if (w)
			w->fn(w, s->ready[i].events);
	}
	s->n = 0;
}

void weir_watch(struct weir_watches *s, struct weir_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events | EPOLLERR, .data.ptr = w };
	int err;

	if (e.events == w->events)
		return;
	err = epoll_ctl(s->fd, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e);
	assert(!err); /* an open socket can be watched */
	w->events = e.events;
}

void weir_watch_end(struct weir_watches *s, struct weir_watch *w)
{
	struct epoll_event none = { .events = 0 };

	epoll_ctl(s->fd, EPOLL_CTL_DEL, w->fd, &none);
	w->events = 0;
	for (int i = 0; i < s->n; i++)
		if (s->ready[i].data.ptr == w)
			s->ready[i].data.ptr = NULL;
}

int weir_watches_open(uv_loop_t *loop, struct weir_watches **out)
{
	struct weir_watches *s = weir_new(struct weir_watches);
	int err;

	s->fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->fd < 0) {
		err = -errno;
		free(s);
		return err;
	}
	err = uv_poll_init(loop, &s->poll, s->fd);
	assert(!err);
	uv_poll_start(&s->poll, UV_READABLE, on_ready);
	*out = s;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	free(h);
}

void weir_watches_close(struct weir_watches *s)
{
	uv_close((uv_handle_t *)&s->poll, on_closed);
	close(s->fd);
}
