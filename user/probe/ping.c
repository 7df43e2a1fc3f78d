/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ping.c - probes that begin with a ping. icmp_ping: it is answered, and the time that took is the
 * rtt. udp_icmp: after that a datagram is not refused, until the time is over or an answer comes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/icmp.h"
#include "probe/target.h"
#include "loop/watch.h"

/* Some programs take an empty datagram for the end of what they read. */
#define DATAGRAM "weir\n"

struct probe {
	struct weir_watch watch; /* of the datagram's socket; -1: there is none yet */
	struct weir_ping ping;   /* until it is answered */
	struct weir_target *target;
	uint32_t rtt_us;
};

static void stop(struct weir_target *t)
{
	struct probe *p = t->run;

	t->run = NULL;
	weir_ping_forget(t->tools->icmp, &p->ping);
	if (p->watch.fd >= 0) {
		weir_watch_end(t->tools->watches, &p->watch);
		close(p->watch.fd);
	}
	free(p);
}

/* Ends the probe with an errno and the word for it, or well. */
static void finish(struct probe *p, int err, const char *reason)
{
	struct weir_verdict v = { .pass = !err, .reason = reason, .rtt_us = p->rtt_us };
	struct weir_target *t = p->target;

	stop(t);
	weir_target_done(t, !reason || err == ETIMEDOUT ? -err : 0, &v);
}

/* A firewall of this host is in the way, as another one might be. */
static const char *reason_of(int err)
{
	return err == EPERM || err == EACCES ? WEIR_REASON_OTHER : weir_probe_reason(err);
}

/* What the socket of the datagram has got. False: nothing. */
static bool hear(struct probe *p)
{
	char byte;

	if (recv(p->watch.fd, &byte, 1, MSG_DONTWAIT) >= 0)
		finish(p, 0, WEIR_REASON_NONE);
	else if (errno == ECONNREFUSED)
		finish(p, ECONNREFUSED, WEIR_REASON_UDP_CLOSED);
	else if (errno == EAGAIN)
		return false;
	else
		finish(p, errno, reason_of(errno));
	return true;
}

static void on_event(struct weir_watch *w, uint32_t events)
{
	(void)events; /* an error is also the socket's, which says more */
	hear((struct probe *)w);
}

static void send_datagram(struct probe *p)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&p->target->to, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len) ||
	    send(fd, DATAGRAM, sizeof(DATAGRAM) - 1, 0) < 0) {
		err = errno;
		if (fd >= 0)
			close(fd);
		finish(p, err, reason_of(err));
		return;
	}
	p->watch.fd = fd;
	p->watch.fn = on_event;
	weir_watch(p->target->tools->watches, &p->watch, EPOLLIN);
}

static void on_pong(struct weir_ping *ping, int err)
{
	struct probe *p = (struct probe *)((char *)ping - offsetof(struct probe, ping));
	uint64_t took_us = (uv_hrtime() - ping->sent_ns) / 1000;

	if (err) {
		finish(p, -err, weir_probe_reason(-err));
		return;
	}
	p->rtt_us = took_us ? (uint32_t)took_us : 1;
	if (p->target->engine == &weir_udp_engine)
		send_datagram(p);
	else
		finish(p, 0, WEIR_REASON_NONE);
}

static void start(struct weir_target *t)
{
	struct probe *p = weir_new(struct probe);
	int err;

	p->target = t;
	p->watch.fd = -1;
	p->ping.to = t->to.addr;
	p->ping.done = on_pong;
	t->run = p;
	err = weir_ping_send(t->tools->icmp, &p->ping);
	if (err)
		finish(p, -err, err == -EPERM ? NULL : reason_of(-err));
}

static void expire(struct weir_target *t)
{
	struct probe *p = t->run;

	weir_icmp_drain(t->tools->icmp); /* may end it */
	if (t->run != p)
		return;
	if (p->watch.fd < 0)
		finish(p, ETIMEDOUT, WEIR_REASON_ICMP_TIMEOUT);
	else if (!hear(p))
		finish(p, 0, WEIR_REASON_NONE);
}

const struct weir_engine weir_ping_engine = { .start = start, .expire = expire, .stop = stop };
const struct weir_engine weir_udp_engine = { .start = start, .expire = expire, .stop = stop };
