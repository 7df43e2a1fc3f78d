/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c - a probe that passes when the handshake completes; its rtt is the time that took. */
#include "probe/target.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

struct conn {
	uv_poll_t poll; /* first: the handle is the conn */
	struct weir_target *target;
	int fd;
	uint64_t started_ns;
};

static void on_closed(uv_handle_t *h)
{
	free(h);
}

static void finish(struct weir_target *t, int err, uint32_t rtt_us)
{
	struct weir_verdict v = { .pass = !err, .reason = WEIR_REASON_NONE, .rtt_us = rtt_us };

	if (err)
		v.reason = weir_probe_reason(err);
	weir_target_done(t, !v.reason || err == ETIMEDOUT ? -err : 0, &v);
}

/* Closes with FIN: bytes that wait unread would turn it into RST, which servers log. */
void weir_tcp_stop(struct weir_target *t)
{
	struct conn *c = t->run;
	char sink[4096];

	t->run = NULL;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	for (int i = 0; i < 16 && recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0; i++)
		;
	close(c->fd);
}

/* The connection is made or has failed. */
static void settle(struct conn *c)
{
	struct weir_target *t = c->target;
	uint64_t took_us = (uv_hrtime() - c->started_ns) / 1000;
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	weir_tcp_stop(t);
	finish(t, err, err ? 0 : took_us ? (uint32_t)took_us : 1);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	(void)status; /* an error is also the socket's, which says more */
	(void)events;
	settle((struct conn *)poll);
}

void weir_tcp_expire(struct weir_target *t)
{
	struct conn *c = t->run;
	struct pollfd ready = { .fd = c->fd, .events = POLLOUT };

	if (poll(&ready, 1, 0) > 0) {
		settle(c);
		return;
	}
	weir_tcp_stop(t);
	finish(t, ETIMEDOUT, 0);
}

void weir_tcp_start(struct weir_target *t)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&t->to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint64_t started_ns = uv_hrtime();
	struct conn *c;
	int err;

	if (fd < 0 || (connect(fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)) {
		err = errno;
		if (fd >= 0)
			close(fd);
		finish(t, err, 0);
		return;
	}
	c = weir_new(struct conn);
	c->target = t;
	c->fd = fd;
	c->started_ns = started_ns;
	err = uv_poll_init(t->timer.loop, &c->poll, fd);
	assert(!err); /* a fresh socket can be polled */
	t->run = c;
	uv_poll_start(&c->poll, UV_WRITABLE, on_event);
}
