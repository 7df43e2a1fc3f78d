/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp.c - queries and answers in batches, one system call each way. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/sockets.h"

#define BATCH         32
#define ROUNDS        8 /* batches before others on the loop have their turn */
#define RECEIVE_BYTES (4 << 20)

struct weir_dns_udp {
	struct weir_dns *d;
	uv_poll_t poll;
	int fd;
	bool wildcard; /* the address asked comes with each message */
};

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
	uint8_t query[BATCH][WEIR_DNS_QUERY_MAX];
	uint8_t answer[BATCH][WEIR_DNS_UDP_SIZE];
};

struct weir_dns_batch *weir_dns_batch_new(void)
{
	return weir_new(struct weir_dns_batch);
}

static int receive(struct weir_dns_udp *u, struct weir_dns_batch *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->in_iov[i] = (struct iovec){ b->query[i], sizeof(b->query[i]) };
		b->in[i].msg_hdr = (struct msghdr){
			.msg_name = &b->peer[i],
			.msg_namelen = sizeof(b->peer[i]),
			.msg_iov = &b->in_iov[i],
			.msg_iovlen = 1,
			.msg_control = u->wildcard ? &b->control[i] : NULL,
			.msg_controllen = u->wildcard ? sizeof(b->control[i]) : 0,
		};
	}
	return recvmmsg(u->fd, b->in, BATCH, MSG_DONTWAIT, NULL);
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

/* Answers the first n messages of the batch. Returns how many answers there are. */
static unsigned answer(struct weir_dns *d, struct weir_dns_batch *b, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;
		size_t len;

		if (m->msg_flags & MSG_TRUNC)
			continue;
		len = weir_dns_answer(d, b->query[i], b->in[i].msg_len, false, b->answer[k],
				      sizeof(b->answer[k]));
		if (!len)
			continue;
		turn_round(m);
		b->out_iov[k] = (struct iovec){ b->answer[k], len };
		b->out[k].msg_hdr = *m;
		b->out[k].msg_hdr.msg_iov = &b->out_iov[k];
		b->out[k++].msg_hdr.msg_flags = 0;
	}
	return k;
}

/* What cannot be sent now is lost, as datagrams are. */
static void send_all(struct weir_dns_udp *u, struct mmsghdr *out, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		int k = sendmmsg(u->fd, out + done, n - done, MSG_DONTWAIT);

		if (k > 0) {
			u->d->stats.udp_answers += (unsigned)k;
			done += (unsigned)k;
		} else if (errno != EINTR) {
			u->d->stats.send_errors++;
			done++;
		}
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct weir_dns_udp *u = poll->data;
	struct weir_dns_batch *b = u->d->batch;

	(void)events;
	/* libuv watches a socket with an error no more; receiving takes the error away. */
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int n = receive(u, b);

		if (n <= 0)
			return;
		u->d->stats.udp_queries += (unsigned)n;
		send_all(u, b->out, answer(u->d, b, (unsigned)n));
		if (n < BATCH)
			return;
	}
}

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool is_wildcard(const union weir_addr *a)
{
	static const uint8_t zero[16];

	return weir_addr_is_v4(a) ? !memcmp(a->b + 12, zero, 4) : !memcmp(a->b, zero, 16);
}

/* The filter comes before the address, so that nothing is queued unseen. PMTUDISC_OMIT: a forged
 * ICMP message must not make answers fragment (RFC 9715). */
static bool set_options(const struct weir_dns_udp *u, bool v4)
{
	int level = v4 ? SOL_IP : SOL_IPV6;

	if (u->d->filter_fd >= 0 && !set(u->fd, SOL_SOCKET, SO_ATTACH_BPF, u->d->filter_fd))
		return false;
	if (!set(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES) &&
	    !set(u->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES))
		return false;
	if (u->wildcard && !set(u->fd, level, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1))
		return false;
	return v4 ? set(u->fd, level, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
		  : set(u->fd, level, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

int weir_dns_udp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_udp **out)
{
	struct weir_dns_udp *u;
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(a, &ss);
	int fd = weir_dns_socket(a, SOCK_DGRAM), err;

	if (fd < 0)
		return fd;
	u = weir_new(struct weir_dns_udp);
	*u = (struct weir_dns_udp){ .d = d, .fd = fd, .wildcard = is_wildcard(&a->addr) };
	if (!set_options(u, weir_addr_is_v4(&a->addr)) || bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	else
		err = uv_poll_init(d->loop, &u->poll, fd);
	if (err) {
		close(fd);
		free(u);
		return err;
	}
	d->handles++;
	u->poll.data = u;
	uv_poll_start(&u->poll, UV_READABLE, on_readable);
	*out = u;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct weir_dns_udp *u = h->data;
	struct weir_dns *d = u->d;

	free(u);
	weir_dns_handle_closed(d);
}

void weir_dns_udp_close(struct weir_dns_udp *u)
{
	if (!u)
		return;
	uv_close((uv_handle_t *)&u->poll, on_closed);
	close(u->fd);
}
