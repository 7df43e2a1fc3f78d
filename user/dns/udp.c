/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp.c - the sockets of an address, and queries and answers in batches, one system call each way.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/impl.h"
#include "dns/tap.h"

#define BATCH         32
#define RECEIVE_BYTES (4 << 20)
#define SEND_BYTES    (1 << 20)
#define LAST_BATCHES  256 /* that are answered of what is queued when a socket is closed */

/* Where a message came to; sent back, it says where the answer comes from. */
union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct weir_dns_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage peer[BATCH];
	union control control[BATCH];
	struct timespec received; /* for dnstap */
	uint8_t query[BATCH][WEIR_DNS_QUERY_MAX];
	uint8_t answer[BATCH][WEIR_DNS_UDP_SIZE];
};

struct weir_dns_batch *weir_dns_batch_new(void)
{
	struct weir_dns_batch *b = weir_new(struct weir_dns_batch);

	for (unsigned i = 0; i < BATCH; i++) {
		b->in_iov[i] = (struct iovec){ b->query[i], sizeof(b->query[i]) };
		b->in[i].msg_hdr.msg_name = &b->peer[i];
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
	}
	return b;
}

/* --- on the worker's thread --- */

unsigned weir_dns_udp_receive(const struct weir_dns_udp *u, uint32_t worker,
			      struct weir_dns_batch *b, bool wait)
{
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;

		m->msg_namelen = sizeof(b->peer[i]);
		m->msg_control = u->wildcard ? &b->control[i] : NULL;
		m->msg_controllen = u->wildcard ? sizeof(b->control[i]) : 0;
	}
	n = recvmmsg(u->fds[worker], b->in, BATCH, wait ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
	return n > 0 ? (unsigned)n : 0; /* an error of the socket is taken away */
}

/* The source is kept, the interface is left to routing, except where only it gives the address a
 * meaning. */
static void turn_round(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
		((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
	} else if (c && c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *p = (void *)CMSG_DATA(c);

		if (!IN6_IS_ADDR_LINKLOCAL(&p->ipi6_addr))
			p->ipi6_ifindex = 0;
	}
}

static uint16_t port_of(const struct sockaddr_storage *ss)
{
	const void *p = ss;

	return ntohs(ss->ss_family == AF_INET ? ((const struct sockaddr_in *)p)->sin_port
					      : ((const struct sockaddr_in6 *)p)->sin6_port);
}

/* Where a message came to. */
static struct weir_sockaddr asked_at(const struct weir_dns_udp *u, struct msghdr *m)
{
	struct weir_sockaddr at = u->at;
	struct cmsghdr *c = u->wildcard ? CMSG_FIRSTHDR(m) : NULL;

	if (c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO)
		at.addr = weir_addr_v4(&((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_addr);
	else if (c && c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		at.addr = weir_addr_v6(&((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_addr);
	return at;
}

/* Message i of the batch, and its answer. */
static void tap(const struct weir_dns_udp *u, const struct weir_dns_world *world,
		struct weir_dns_clerk *clerk, struct weir_dns_batch *b, unsigned i,
		const struct iovec *answer)
{
	struct weir_dns_tapped q = {
		.transport = WEIR_DNS_UDP,
		.client.port = port_of(&b->peer[i]),
		.server = asked_at(u, &b->in[i].msg_hdr),
		.asked = b->received,
		.query = b->query[i],
		.query_len = b->in[i].msg_len,
		.answer = answer->iov_base,
		.answer_len = answer->iov_len,
	};

	weir_dns_address(&b->peer[i], &q.client.addr);
	clock_gettime(CLOCK_REALTIME, &q.answered);
	weir_dns_tap_take(world->tap, clerk->number, &q, false);
}

static void look_ahead(const struct weir_dns_world *world, struct weir_dns_batch *b, unsigned n)
{
	struct weir_ahead queries[BATCH];

	for (unsigned i = 0; i < n; i++) {
		queries[i] = (struct weir_ahead){ b->query[i], b->in[i].msg_len };
		__builtin_prefetch(b->answer[i], 1);
	}
	weir_zones_ahead(world->zones, queries, n);
}

/* Answers the first n messages of the batch. Returns how many answers there are. */
static unsigned answer(const struct weir_dns_udp *u, struct weir_dns_clerk *clerk,
		       const struct weir_dns_world *world, struct weir_dns_batch *b, unsigned n)
{
	unsigned k = 0;

	look_ahead(world, b, n);
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;
		union weir_addr client;

		if (m->msg_flags & MSG_TRUNC || !weir_dns_address(&b->peer[i], &client))
			continue;
		b->out_iov[k].iov_base = b->answer[k];
		b->out_iov[k].iov_len =
			weir_dns_clerk_answer(clerk, world, b->query[i], b->in[i].msg_len, &client,
					      WEIR_DNS_UDP, b->answer[k], sizeof(b->answer[k]));
		if (world->tap && weir_dns_tap_wants(world->tap, weir_dns_clerk_dice(clerk)))
			tap(u, world, clerk, b, i, &b->out_iov[k]);
		if (!b->out_iov[k].iov_len)
			continue;
		turn_round(m);
		b->out[k].msg_hdr = *m;
		b->out[k].msg_hdr.msg_iov = &b->out_iov[k];
		b->out[k++].msg_hdr.msg_flags = 0;
	}
	return k;
}

/* What cannot be sent now is lost, as datagrams are. */
static void send_all(int fd, struct mmsghdr *out, unsigned n, struct weir_dns_tally *t)
{
	for (unsigned done = 0; done < n;) {
		int k = sendmmsg(fd, out + done, n - done, MSG_DONTWAIT);

		if (k > 0) {
			weir_dns_count(&t->answers, (unsigned)k);
			done += (unsigned)k;
		} else if (errno != EINTR) {
			weir_dns_count(&t->send_errors, 1);
			done++;
		}
	}
}

void weir_dns_udp_answer(const struct weir_dns_udp *u, uint32_t worker,
			 const struct weir_dns_world *world, struct weir_dns_clerk *clerk,
			 struct weir_dns_batch *b, unsigned n)
{
	weir_dns_count(&clerk->tally.queries, n);
	if (world->tap)
		clock_gettime(CLOCK_REALTIME, &b->received);
	send_all(u->fds[worker], b->out, answer(u, clerk, world, b, n), &clerk->tally);
}

/* --- on the loop's thread --- */

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool is_wildcard(const union weir_addr *a)
{
	static const uint8_t zero[16];

	return weir_addr_is_v4(a) ? !memcmp(a->b + 12, zero, 4) : !memcmp(a->b, zero, 16);
}

/* Of a receive that waits. */
static bool set_patience(int fd)
{
	struct timeval t = { .tv_usec = WEIR_DNS_WAIT_MS * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0;
}

static bool set_buffers(int fd)
{
	return (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES) ||
		set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES)) &&
	       (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BYTES) ||
		set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BYTES));
}

/* The filter comes before the address, so that nothing is queued unseen. PMTUDISC_OMIT: a forged
 * ICMP message must not make answers fragment (RFC 9715). */
static bool set_options(int fd, const struct weir_dns_udp *u, int filter_fd)
{
	bool v4 = weir_addr_is_v4(&u->at.addr);
	int level = v4 ? SOL_IP : SOL_IPV6;

	if (filter_fd >= 0 && !set(fd, SOL_SOCKET, SO_ATTACH_BPF, filter_fd))
		return false;
	if (!set_buffers(fd) || !set_patience(fd))
		return false;
	if (u->wildcard && !set(fd, level, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1))
		return false;
	return v4 ? set(fd, level, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
		  : set(fd, level, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

/* A query goes to the worker of the CPU that received it. The program's result is an index among
 * the sockets of the address in the order in which they were bound. What has no worker, and what
 * is beyond the last socket, is spread by the kernel's hash over all.
 *
 * While an older agent still has its sockets here the first ones are its, and it answers. When one
 * of them is closed the kernel puts the last of all in its place: closed from the last to the
 * first, as here, and by the kernel when it ends a process, they leave ours in their order, if they
 * were as many. If not, queries meet a worker of another CPU, and are answered all the same. */
static bool steer(const struct weir_dns *d, int fd)
{
	struct sock_filter code[2 * WEIR_DNS_MAX_WORKERS + 2];
	struct sock_fprog prog = { .filter = code };
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 (uint32_t)(SKF_AD_OFF + SKF_AD_CPU));
	for (uint32_t i = 0; i < d->n_workers; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (uint32_t)weir_dns_worker_cpu(d, i), 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	prog.len = (unsigned short)n;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) == 0;
}

static int make_sockets(struct weir_dns *d, struct weir_dns_udp *u)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&u->at, &ss);

	for (uint32_t i = 0; i < u->n; i++) {
		u->fds[i] = weir_dns_socket(&u->at, SOCK_DGRAM);
		if (u->fds[i] < 0)
			return u->fds[i];
		if (!set_options(u->fds[i], u, d->filter_fd))
			return -errno;
	}
	for (uint32_t i = 0; i < u->n; i++)
		if (bind(u->fds[i], (struct sockaddr *)&ss, len))
			return -errno;
	return steer(d, u->fds[0]) ? 0 : -errno;
}

int weir_dns_udp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_udp **out)
{
	struct weir_dns_udp *u = weir_alloc(1, sizeof(*u) + d->n_workers * sizeof(u->fds[0]));
	int err;

	u->d = d;
	u->at = *a;
	u->wildcard = is_wildcard(&a->addr);
	u->n = d->n_workers;
	for (uint32_t i = 0; i < u->n; i++)
		u->fds[i] = -1;
	err = make_sockets(d, u);
	if (err)
		weir_dns_udp_close(u);
	else
		*out = u;
	return err;
}

void weir_dns_udp_close(void *udp)
{
	struct weir_dns_udp *u = udp;
	struct weir_dns_batch *b;

	if (!u)
		return;
	b = weir_dns_batch_new();
	weir_dns_clerk_tick(&u->d->rest);
	for (uint32_t i = u->n; i--;) {
		if (u->fds[i] < 0)
			continue;
		for (unsigned k = 0; k < LAST_BATCHES; k++) {
			unsigned n = weir_dns_udp_receive(u, i, b, false);

			if (!n)
				break;
			weir_dns_udp_answer(u, i, weir_dns_world(u->d), &u->d->rest, b, n);
		}
		close(u->fds[i]);
	}
	free(b);
	free(u);
}
