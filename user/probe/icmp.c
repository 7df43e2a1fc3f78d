/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/icmp.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"

#define MAX_PINGS   4096 /* on their way: four times as many as probes run at once */
#define QUEUE_BYTES (1 << 20)
#define BATCH       1024 /* packets read before the loop has its turn */

/* A raw socket of one family. */
struct family {
	uv_poll_t poll; /* first: the handle is the family */
	struct weir_icmp *icmp;
	int fd; /* or a negative errno: why there is none */
	bool v6;
};

struct weir_icmp {
	struct family v4, v6;
	uint16_t id; /* of all requests, by chance */
	uint16_t next;
	unsigned open;                      /* handles */
	struct weir_ping *pings[MAX_PINGS]; /* by sequence */
};

/* Echo requests, and the headers of their answers, which are the same in both families. */
struct echo {
	uint8_t type, code;
	uint16_t checksum;
	__be16 id, sequence;
	uint64_t token;
};

/* What an echo of ours is about: whom it came from or was for, and its bytes as far as they are
 * known. */
struct seen {
	union weir_addr addr;
	struct echo echo;
};

static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static struct weir_ping **place(struct weir_icmp *i, uint16_t sequence)
{
	return &i->pings[sequence % MAX_PINGS];
}

void weir_ping_forget(struct weir_icmp *i, struct weir_ping *p)
{
	if (*place(i, p->sequence) == p)
		*place(i, p->sequence) = NULL;
}

int weir_ping_send(struct weir_icmp *i, struct weir_ping *p)
{
	const struct family *f = weir_addr_is_v4(&p->to) ? &i->v4 : &i->v6;
	struct echo e = { .type = f->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .id = htons(i->id) };
	struct weir_sockaddr to = { .addr = p->to };
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&to, &ss);
	unsigned tried = 0;

	if (f->fd < 0)
		return f->fd;
	if (getrandom(&p->token, sizeof(p->token), 0) != sizeof(p->token))
		return -EAGAIN;
	while (*place(i, i->next))
		if (i->next++, ++tried == MAX_PINGS)
			return -EAGAIN;
	p->sequence = i->next++;
	e.sequence = htons(p->sequence);
	e.token = p->token;
	e.checksum = f->v6 ? 0 : checksum(&e, sizeof(e)); /* the kernel knows that of IPv6 */
	p->sent_ns = uv_hrtime();
	if (sendto(f->fd, &e, sizeof(e), 0, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	*place(i, p->sequence) = p;
	return 0;
}

/* --- what comes in --- */

/* The request that these first bytes of a request or an answer belong to; NULL: none of ours. */
static struct weir_ping *find(struct weir_icmp *i, const struct seen *s)
{
	struct weir_ping *p = *place(i, ntohs(s->echo.sequence));

	if (s->echo.id != htons(i->id) || !p || p->sequence != ntohs(s->echo.sequence))
		return NULL;
	return weir_addr_eq(&p->to, &s->addr) ? p : NULL;
}

static void on_reply(struct weir_icmp *i, const struct seen *s)
{
	struct weir_ping *p = find(i, s);

	if (!p || p->token != s->echo.token)
		return;
	weir_ping_forget(i, p);
	p->done(p, 0);
}

/* Routers return as little as the header, so the token may not be there. */
static void on_unreachable(struct weir_icmp *i, const struct seen *s, bool network)
{
	struct weir_ping *p = find(i, s);

	if (!p)
		return;
	weir_ping_forget(i, p);
	p->done(p, network ? -ENETUNREACH : -EHOSTUNREACH);
}

/* The length of the IPv4 header at data. 0: it is not there as a whole, or not of ICMP. */
static size_t header4(const uint8_t *data, size_t len)
{
	const struct iphdr *ip = (const struct iphdr *)data;
	size_t n = len >= sizeof(*ip) ? ip->ihl * 4u : 0;

	return n >= sizeof(*ip) && n <= len && ip->protocol == IPPROTO_ICMP ? n : 0;
}

/* Raw IPv4 sockets give the IP header, too. */
static void take4(struct weir_icmp *i, const uint8_t *data, size_t len)
{
	struct seen s;
	size_t n = header4(data, len), inner;

	if (!n || len - n < sizeof(s.echo))
		return;
	s.addr = weir_addr_v4(data + offsetof(struct iphdr, saddr));
	memcpy(&s.echo, data + n, sizeof(s.echo));
	if (s.echo.type == ICMP_ECHOREPLY) {
		on_reply(i, &s);
		return;
	}
	data += n + sizeof(struct icmphdr);
	len -= n + sizeof(struct icmphdr);
	inner = header4(data, len);
	if (s.echo.type != ICMP_DEST_UNREACH || !inner || len - inner < sizeof(struct icmphdr))
		return;
	n = s.echo.code;
	s.addr = weir_addr_v4(data + offsetof(struct iphdr, daddr));
	memcpy(&s.echo, data + inner, sizeof(struct icmphdr));
	if (s.echo.type == ICMP_ECHO)
		on_unreachable(i, &s, n == ICMP_NET_UNREACH);
}

/* Raw IPv6 sockets give what comes after the IP header. */
static void take6(struct weir_icmp *i, const struct sockaddr_in6 *from, const uint8_t *data,
		  size_t len)
{
	const struct ip6_hdr *ip = (const struct ip6_hdr *)(data + sizeof(struct icmp6_hdr));
	struct seen s;
	uint8_t code;

	if (len < sizeof(s.echo))
		return;
	s.addr = weir_addr_v6(&from->sin6_addr);
	memcpy(&s.echo, data, sizeof(s.echo));
	if (s.echo.type == ICMP6_ECHO_REPLY) {
		on_reply(i, &s);
		return;
	}
	if (s.echo.type != ICMP6_DST_UNREACH || len < 2 * sizeof(struct icmp6_hdr) + sizeof(*ip) ||
	    ip->ip6_nxt != IPPROTO_ICMPV6)
		return;
	code = s.echo.code;
	s.addr = weir_addr_v6(&ip->ip6_dst);
	memcpy(&s.echo, ip + 1, sizeof(struct icmp6_hdr));
	if (s.echo.type == ICMP6_ECHO_REQUEST)
		on_unreachable(i, &s, code == ICMP6_DST_UNREACH_NOROUTE);
}

static void drain(struct family *f)
{
	struct sockaddr_storage from = { 0 };
	uint8_t data[512] __attribute__((aligned(8)));
	socklen_t from_len;
	ssize_t n;

	for (int left = BATCH; left > 0; left--) {
		from_len = sizeof(from);
		n = recvfrom(f->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
		if (n < 0)
			return;
		if (f->v6)
			take6(f->icmp, (struct sockaddr_in6 *)&from, data, (size_t)n);
		else
			take4(f->icmp, data, (size_t)n);
	}
}

void weir_icmp_drain(struct weir_icmp *i)
{
	if (i->v4.fd >= 0)
		drain(&i->v4);
	if (i->v6.fd >= 0)
		drain(&i->v6);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	drain((struct family *)poll);
}

/* --- the sockets --- */

/* What no probe waits for does not wake the agent. */
static int filter(const struct family *f, int fd)
{
	struct icmp_filter v4 = { ~(1u << ICMP_ECHOREPLY | 1u << ICMP_DEST_UNREACH) };
	struct icmp6_filter v6;

	if (!f->v6)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4));
	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &v6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
}

static int open_socket(const struct family *f)
{
	int fd = socket(f->v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int bytes = QUEUE_BYTES, err;

	if (fd < 0)
		return -errno;
	if (filter(f, fd) || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void family_open(struct weir_icmp *i, struct family *f, uv_loop_t *loop, bool v6)
{
	f->icmp = i;
	f->v6 = v6;
	f->fd = open_socket(f);
	if (f->fd < 0)
		return;
	uv_poll_init(loop, &f->poll, f->fd);
	uv_poll_start(&f->poll, UV_READABLE, on_readable);
	i->open++;
}

struct weir_icmp *weir_icmp_open(uv_loop_t *loop)
{
	struct weir_icmp *i = weir_new(struct weir_icmp);

	if (getrandom(&i->id, sizeof(i->id), 0) != sizeof(i->id))
		i->id = (uint16_t)getpid();
	family_open(i, &i->v4, loop, false);
	family_open(i, &i->v6, loop, true);
	return i;
}

static void on_closed(uv_handle_t *h)
{
	struct weir_icmp *i = ((struct family *)h)->icmp;

	if (!--i->open)
		free(i);
}

static void family_close(struct family *f)
{
	if (f->fd < 0)
		return;
	uv_close((uv_handle_t *)&f->poll, on_closed);
	close(f->fd);
}

void weir_icmp_close(struct weir_icmp *i)
{
	bool any = i->open > 0;

	family_close(&i->v4);
	family_close(&i->v6);
	if (!any)
		free(i);
}
