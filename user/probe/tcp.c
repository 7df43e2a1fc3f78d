/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c - probes over one connection; its handshake is the rtt. tcp: that is all. smtp: after it
 * the conversation of smtp.c. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/smtp.h"
#include "probe/target.h"
#include "loop/watch.h"

struct conn {
	struct weir_watch watch; /* first: the watch is the conn */
	struct weir_target *target;
	uint64_t started_ns;
	uint32_t rtt_us; /* 0: the connection is not made yet */
	struct weir_smtp smtp;
};

/* Closes with FIN: bytes that wait unread would turn it into RST, which servers log. */
static void stop(struct weir_target *t)
{
	struct conn *c = t->run;
	char sink[4096];

	t->run = NULL;
	weir_watch_end(t->tools->watches, &c->watch);
	for (int i = 0; i < 16 && recv(c->watch.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0; i++)
		;
	close(c->watch.fd);
	free(c);
}

/* An errno, or 0 and how it ended. */
static void finish(struct weir_target *t, int err, const char *reason, uint32_t rtt_us,
		   uint16_t status)
{
	struct weir_verdict v = { .pass = reason && strcmp(reason, WEIR_REASON_NONE) == 0,
				  .reason = reason,
				  .rtt_us = rtt_us,
				  .status = status };

	weir_target_done(t, !reason || err == ETIMEDOUT ? -err : 0, &v);
}

static void end(struct conn *c, int err, const char *reason)
{
	struct weir_target *t = c->target;
	uint32_t rtt_us = c->rtt_us;
	uint16_t status = c->smtp.code;

	stop(t);
	finish(t, err, reason, rtt_us, status);
}

/* --- smtp --- */

/* The name in HELO is this host's address, which is always a correct one. */
static void greet(const struct conn *c, char *out, size_t size)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char text[WEIR_ADDR_TEXT];
	union weir_addr own;

	getsockname(c->watch.fd, (struct sockaddr *)&ss, &len);
	own = ss.ss_family == AF_INET ? weir_addr_v4(&((struct sockaddr_in *)&ss)->sin_addr)
				      : weir_addr_v6(&((struct sockaddr_in6 *)&ss)->sin6_addr);
	snprintf(out, size, "HELO [%s%s]\r\n",
		 ss.ss_family == AF_INET ? "" : "IPv6:", weir_addr_text(&own, text));
}

/* The next word is what next says. */
static void go_on(struct conn *c, enum weir_smtp_next next)
{
	char line[80] = "QUIT\r\n";

	if (next == WEIR_SMTP_WAIT)
		return;
	if (next == WEIR_SMTP_PASS || next == WEIR_SMTP_FAIL) {
		end(c, 0, next == WEIR_SMTP_PASS ? WEIR_REASON_NONE : WEIR_REASON_CODE_MISMATCH);
		return;
	}
	if (next == WEIR_SMTP_HELO)
		greet(c, line, sizeof(line));
	if (send(c->watch.fd, line, strlen(line), MSG_NOSIGNAL) < 0) /* a line always has room */
		end(c, errno, weir_probe_reason(errno));
}

static void hear(struct conn *c)
{
	char bytes[4096];
	ssize_t n = recv(c->watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		go_on(c, weir_smtp_hear(&c->smtp, bytes, (size_t)n));
	else if (n == 0)
		end(c, 0, WEIR_REASON_RESET);
	else if (errno != EAGAIN)
		end(c, errno, weir_probe_reason(errno));
}

/* --- tcp --- */

/* The connection is made or has failed. */
static void settle(struct conn *c)
{
	uint64_t took_us = (uv_hrtime() - c->started_ns) / 1000;
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		end(c, err, weir_probe_reason(err));
		return;
	}
	c->rtt_us = took_us ? (uint32_t)took_us : 1;
	if (c->target->monitor->type == WEIR_MONITOR_SMTP)
		weir_watch(c->target->tools->watches, &c->watch, EPOLLIN);
	else
		end(c, 0, WEIR_REASON_NONE);
}

static void on_event(struct weir_watch *w, uint32_t events)
{
	struct conn *c = (struct conn *)w;

	(void)events; /* an error is also the socket's, which says more */
	if (c->rtt_us)
		hear(c);
	else
		settle(c);
}

static void expire(struct weir_target *t)
{
	struct conn *c = t->run;
	struct pollfd ready = { .fd = c->watch.fd, .events = c->rtt_us ? POLLIN : POLLOUT };

	if (poll(&ready, 1, 0) > 0) {
		on_event(&c->watch, 0);
		if (t->run != c)
			return;
	}
	end(c, ETIMEDOUT, c->rtt_us ? WEIR_REASON_SMTP_TIMEOUT : WEIR_REASON_TCP_TIMEOUT);
}

static void start(struct weir_target *t)
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
		finish(t, err, weir_probe_reason(err), 0, 0);
		return;
	}
	c = weir_new(struct conn);
	c->target = t;
	c->watch.fd = fd;
	c->watch.fn = on_event;
	c->started_ns = started_ns;
	t->run = c;
	weir_watch(t->tools->watches, &c->watch, EPOLLOUT);
}

const struct weir_engine weir_tcp_engine = { .start = start, .expire = expire, .stop = stop };
