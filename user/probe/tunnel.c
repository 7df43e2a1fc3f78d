/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel.c - a tcp probe of a VIP at one endpoint, through the tunnel that clients' packets take: a
 * SYN in an outer header. The endpoint answers this host directly, so that a SYN/ACK says that it
 * takes outer headers off, has the VIP, and listens there. An RST ends what has begun. Nothing of
 * this is a connection to the kernel: raw sockets send and see, and a port is kept from others. */
#include "probe/tunnel.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/segment.h"
#include "probe/target.h"

#define MAX_SYNS 4096 /* on their way: four times as many as probes run at once */
#define BATCH    1024 /* packets read before the loop has its turn */

/* VIPs of one family. */
struct family {
	uv_poll_t poll; /* first: the handle is the family */
	struct weir_tunnel *tunnel;
	int fd;     /* sees what comes to the port; -1: not opened yet */
	int keeper; /* is bound to it */
	uint16_t port;
	bool v6;
};

struct weir_tunnel {
	uv_loop_t *loop;
	struct family v4, v6;
	unsigned open; /* handles */
	uint32_t next;
	struct syn *syns[MAX_SYNS]; /* by the last bits of their sequence numbers */
};

/* A SYN on its way. */
struct syn {
	struct weir_target *target;
	struct weir_segment segment;
	uint64_t sent_ns;
};

/* --- sending --- */

/* The address from which this host would talk to another one. */
static int source_towards(const struct weir_sockaddr *to, union weir_addr *out)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(to, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, len) ||
	    getsockname(fd, (struct sockaddr *)&ss, &len))
		err = -errno;
	close(fd);
	*out = ss.ss_family == AF_INET ? weir_addr_v4(&((struct sockaddr_in *)&ss)->sin_addr)
				       : weir_addr_v6(&((struct sockaddr_in6 *)&ss)->sin6_addr);
	return err;
}

/* The kernel writes the outer header. */
static int send_through(const struct weir_target *t, const struct weir_segment *s)
{
	const struct weir_via *via = t->monitor->via;
	struct weir_sockaddr endpoint = { .addr = t->origin->addr };
	uint8_t packet[WEIR_SEGMENT_BYTES];
	size_t n = weir_segment_write(s, packet);
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, err = 0;

	if (via->mode == WEIR_MODE_GUE)
		endpoint.port = via->gue_port;
	len = weir_sockaddr_native(&endpoint, &ss);
	fd = via->mode == WEIR_MODE_GUE
		     ? socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)
		     : socket(ss.ss_family, SOCK_RAW | SOCK_CLOEXEC,
			      weir_addr_is_v4(&s->to.addr) ? IPPROTO_IPIP : IPPROTO_IPV6);
	if (fd < 0)
		return -errno;
	if (sendto(fd, packet, n, 0, (struct sockaddr *)&ss, len) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* --- seeing --- */

static void forget(struct weir_target *t)
{
	struct syn *s = t->run;
	struct syn **place = &t->tools->tunnel->syns[s->segment.sequence % MAX_SYNS];

	if (*place == s)
		*place = NULL;
	t->run = NULL;
	free(s);
}

static void finish(struct weir_target *t, int err, const char *reason, uint32_t rtt_us)
{
	struct weir_verdict v = { .pass = !err, .reason = reason, .rtt_us = rtt_us };

	forget(t);
	weir_target_done(t, !reason || err == ETIMEDOUT ? -err : 0, &v);
}

/* The endpoint need not wait for an ACK. */
static void reset(const struct syn *s, const struct weir_segment *answer)
{
	struct weir_segment rst = s->segment;

	rst.flags = TH_RST;
	rst.sequence = answer->ack;
	send_through(s->target, &rst); /* it gives up by itself without */
}

static void on_answer(struct weir_tunnel *u, const struct weir_segment *a)
{
	struct syn *s = u->syns[(a->ack - 1) % MAX_SYNS];
	uint64_t took_us;

	if (!s || a->ack != s->segment.sequence + 1 || a->from.port != s->segment.to.port ||
	    !weir_addr_eq(&a->from.addr, &s->segment.to.addr))
		return;
	if (a->flags & TH_RST) {
		finish(s->target, ECONNREFUSED, WEIR_REASON_TCP_FAILED, 0);
	} else if ((a->flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK)) {
		took_us = (uv_hrtime() - s->sent_ns) / 1000;
		reset(s, a);
		finish(s->target, 0, WEIR_REASON_NONE, took_us ? (uint32_t)took_us : 1);
	}
}

/* Raw IPv4 sockets give the IP header, those of IPv6 what comes after it. */
static void drain(struct family *f)
{
	uint8_t data[256] __attribute__((aligned(4)));
	struct weir_segment a;
	struct sockaddr_in6 from;
	socklen_t len;
	size_t head;
	ssize_t n;

	for (int left = BATCH; left > 0; left--) {
		len = sizeof(from);
		n = recvfrom(f->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &len);
		if (n < (ssize_t)sizeof(struct iphdr)) {
			if (n < 0)
				return;
			continue;
		}
		head = f->v6 ? 0 : ((struct iphdr *)data)->ihl * 4u;
		a.from.addr = f->v6 ? weir_addr_v6(&from.sin6_addr)
				    : weir_addr_v4(&((struct iphdr *)data)->saddr);
		if (head <= (size_t)n && weir_segment_read(&a, data + head, (size_t)n - head))
			on_answer(f->tunnel, &a);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	drain((struct family *)poll);
}

/* --- sockets --- */

/* What comes to other ports does not wake the agent. */
static int filter(const struct family *f, int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(f->v6 ? BPF_LDX | BPF_W | BPF_IMM : BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct tcphdr, th_dport)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, f->port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 256),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* A port that no connection of this host will have. */
static int keep_port(struct family *f)
{
	struct sockaddr_storage ss = { .ss_family = f->v6 ? AF_INET6 : AF_INET };
	socklen_t len = sizeof(ss);

	f->keeper = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->keeper < 0 || bind(f->keeper, (struct sockaddr *)&ss, len) ||
	    getsockname(f->keeper, (struct sockaddr *)&ss, &len))
		return -1;
	f->port = ntohs(((struct sockaddr_in *)&ss)->sin_port); /* where IPv6 has it, too */
	return 0;
}

static int family_open(struct family *f)
{
	int err;

	if (f->fd >= 0)
		return 0;
	f->fd = socket(f->v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       IPPROTO_TCP);
	if (f->fd < 0 || keep_port(f) || filter(f, f->fd)) {
		err = -errno;
		if (f->keeper >= 0)
			close(f->keeper);
		if (f->fd >= 0)
			close(f->fd);
		f->fd = f->keeper = -1;
		return err;
	}
	uv_poll_init(f->tunnel->loop, &f->poll, f->fd);
	uv_poll_start(&f->poll, UV_READABLE, on_readable);
	f->tunnel->open++;
	return 0;
}

/* --- the engine --- */

/* A sequence number that nobody guesses, with a place of its own. */
static int number(struct weir_tunnel *u, struct syn *s)
{
	uint32_t chance;
	unsigned tried = 0;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -EAGAIN;
	while (u->syns[u->next % MAX_SYNS])
		if (u->next++, ++tried == MAX_SYNS)
			return -EAGAIN;
	s->segment.sequence = chance / MAX_SYNS * MAX_SYNS + u->next++ % MAX_SYNS;
	u->syns[s->segment.sequence % MAX_SYNS] = s;
	return 0;
}

static int emit(struct weir_tunnel *u, struct syn *s)
{
	struct weir_target *t = s->target;
	struct family *f = weir_addr_is_v4(&t->monitor->via->vip) ? &u->v4 : &u->v6;
	int err = family_open(f);

	if (err)
		return err;
	s->segment.to = (struct weir_sockaddr){ .addr = t->monitor->via->vip, .port = t->to.port };
	s->segment.from.port = f->port;
	s->segment.flags = TH_SYN;
	err = source_towards(&s->segment.to, &s->segment.from.addr);
	if (!err)
		err = number(u, s);
	s->sent_ns = uv_hrtime();
	return err ? err : send_through(t, &s->segment);
}

static void start(struct weir_target *t)
{
	struct syn *s = weir_new(struct syn);
	int err;

	s->target = t;
	t->run = s;
	err = emit(t->tools->tunnel, s);
	if (err) /* who may not open raw sockets has found nothing out */
		finish(t, -err, err == -EPERM ? NULL : weir_probe_reason(-err), 0);
}

static void expire(struct weir_target *t)
{
	struct weir_tunnel *u = t->tools->tunnel;
	struct syn *s = t->run;

	drain(weir_addr_is_v4(&s->segment.to.addr) ? &u->v4 : &u->v6); /* may end it */
	if (t->run == s)
		finish(t, ETIMEDOUT, WEIR_REASON_TCP_TIMEOUT, 0);
}

const struct weir_engine weir_tunnel_engine = { .start = start, .expire = expire, .stop = forget };

/* --- beginning and end --- */

struct weir_tunnel *weir_tunnel_open(uv_loop_t *loop)
{
	struct weir_tunnel *u = weir_new(struct weir_tunnel);

	u->loop = loop;
	u->v4 = (struct family){ .tunnel = u, .fd = -1, .keeper = -1 };
	u->v6 = (struct family){ .tunnel = u, .fd = -1, .keeper = -1, .v6 = true };
	return u;
}

static void on_closed(uv_handle_t *h)
{
	struct weir_tunnel *u = ((struct family *)h)->tunnel;

	if (!--u->open)
		free(u);
}

static void family_close(struct family *f)
{
	if (f->fd < 0)
		return;
	uv_close((uv_handle_t *)&f->poll, on_closed);
	close(f->fd);
	close(f->keeper);
}

void weir_tunnel_close(struct weir_tunnel *u)
{
	bool any = u->open > 0;

	family_close(&u->v4);
	family_close(&u->v6);
	if (!any)
		free(u);
}
