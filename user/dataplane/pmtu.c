/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pmtu.c - what routers and endpoints say of outer packets, to their source, which is this machine:
 * that a link has no room for one (RFC 1191 and RFC 8201), or that nobody takes it. They quote the
 * outer header. An MTU is kept with the endpoint for ten minutes, as the kernel does for its own
 * packets, and the packet path tells clients; that nobody is there counts against the endpoint.
 *
 * Nobody can prove that such a message is true. What it can do is bounded: it must quote a header
 * that is put in front of packets now, it only ever makes an endpoint's MTU smaller, and not
 * smaller than what every way takes anyhow. */
#include <net/if.h> /* before linux/icmp.h, which then leaves out what is in it */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "dataplane/routes.h"

#define LEAST_V4   576 /* RFC 1122, section 3.3.2 */
#define LEAST_V6   1280
#define BELIEF_MS  600000
#define AT_ONCE    64 /* messages of each family taken before the loop may do something else */
#define ICMP_BYTES 8
#define SEEN_BYTES 8 /* behind a quoted IP header: what every router quotes */

/* A message: an outer packet from src to dst was larger than mtu, or did not get there at all. */
struct told {
	union weir_addr src, dst;
	uint8_t mode;
	bool refused;
	uint32_t mtu;
};

/* How packets with this behind their outer IP header reach endpoints. False: it is not ours. */
static bool mode_of(const struct weir_plane *p, uint8_t proto, const uint8_t *behind, uint8_t *mode)
{
	uint16_t port;

	memcpy(&port, behind + offsetof(struct udphdr, dest), sizeof(port));
	*mode = proto == IPPROTO_UDP ? WEIR_MODE_GUE : WEIR_MODE_IPIP;
	return proto == IPPROTO_UDP ? port == htons(p->options.gue_port)
				    : proto == IPPROTO_IPIP || proto == IPPROTO_IPV6;
}

/* Raw IPv4 sockets get the IP header too, and nobody has checked what is behind it. */
static bool read_v4(const struct weir_plane *p, const uint8_t *m, size_t len, struct told *t)
{
	size_t at = len ? 4u * (m[0] & 15) : 0;
	struct icmphdr icmp;
	struct iphdr ip;

	if (len < at + ICMP_BYTES + sizeof(ip) + SEEN_BYTES || sum16(m + at, len - at) != 0xffff)
		return false;
	memcpy(&icmp, m + at, sizeof(icmp));
	memcpy(&ip, m + at + ICMP_BYTES, sizeof(ip));
	t->src = weir_addr_v4(&ip.saddr);
	t->dst = weir_addr_v4(&ip.daddr);
	t->mtu = ntohs(icmp.un.frag.mtu); /* 0 from routers older than RFC 1191 */
	t->refused = icmp.code != ICMP_FRAG_NEEDED;
	return icmp.type == ICMP_DEST_UNREACH && ip.version == 4 && ip.ihl == 5 &&
	       mode_of(p, ip.protocol, m + at + ICMP_BYTES + sizeof(ip), &t->mode);
}

static bool read_v6(const struct weir_plane *p, const uint8_t *m, size_t len, struct told *t)
{
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;

	if (len < ICMP_BYTES + sizeof(ip) + SEEN_BYTES)
		return false;
	memcpy(&icmp, m, sizeof(icmp));
	memcpy(&ip, m + ICMP_BYTES, sizeof(ip));
	t->src = weir_addr_v6(&ip.ip6_src);
	t->dst = weir_addr_v6(&ip.ip6_dst);
	t->mtu = ntohl(icmp.icmp6_mtu);
	t->refused = icmp.icmp6_type == ICMP6_DST_UNREACH;
	return (t->refused || icmp.icmp6_type == ICMP6_PACKET_TOO_BIG) && ip.ip6_vfc >> 4 == 6 &&
	       mode_of(p, ip.ip6_nxt, m + ICMP_BYTES + sizeof(ip), &t->mode);
}

bool path_learn(struct weir_plane *p, uint32_t slot, uint32_t mtu)
{
	struct slot *s = &p->slots[slot];
	uint32_t least = weir_addr_is_v4(&p->ids[slot].addr) ? LEAST_V4 : LEAST_V6;
	char text[WEIR_ADDR_TEXT];

	if (mtu < least)
		mtu = least;
	if (mtu >= way_mtu(p, s))
		return false;
	if (!s->path_mtu)
		weir_info("%s: the way there takes packets of %u bytes",
			  weir_addr_text(&p->ids[slot].addr, text), mtu);
	s->path_mtu = (uint16_t)mtu;
	s->path_until_ms = p->now_ms + BELIEF_MS;
	if (s->path_until_ms < p->path_next_ms)
		p->path_next_ms = s->path_until_ms;
	return true;
}

static void take(struct weir_plane *p, const struct told *t)
{
	uint32_t slot = endpoint_find(p, &t->dst, 0, t->mode);
	const struct slot *s = &p->slots[slot];
	const struct weir_prefix *outer = plane_outer(p, &t->dst);

	if (!slot || !s->nexthop)
		return;
	if (outer->bits ? !weir_prefix_holds(outer, &t->src) : !weir_addr_eq(&s->src, &t->src))
		return;
	if (t->refused)
		live_refused(p, slot);
	else if (path_learn(p, slot, t->mtu))
		endpoint_write(p, slot);
}

typedef bool read_fn(const struct weir_plane *p, const uint8_t *m, size_t len, struct told *t);

static void drain(struct weir_plane *p, int fd, read_fn *read_message)
{
	uint8_t m[2048];
	struct told t;

	for (int i = 0; fd >= 0 && i < AT_ONCE; i++) {
		ssize_t n = recv(fd, m, sizeof(m), MSG_TRUNC);

		if (n < 0)
			break;
		if ((size_t)n <= sizeof(m) && read_message(p, m, (size_t)n, &t))
			take(p, &t);
	}
}

void pmtu_readable(struct weir_plane *p)
{
	drain(p, p->icmp4, read_v4);
	drain(p, p->icmp6, read_v6);
}

void pmtu_tick(struct weir_plane *p)
{
	if (p->now_ms < p->path_next_ms)
		return;
	p->path_next_ms = UINT64_MAX;
	for (uint32_t i = 1; i < p->slot_top; i++) {
		struct slot *s = &p->slots[i];

		if (!s->path_mtu)
			continue;
		if (s->path_until_ms <= p->now_ms) {
			s->path_mtu = 0;
			route_resolve(p, i);
		} else if (s->path_until_ms < p->path_next_ms) {
			p->path_next_ms = s->path_until_ms;
		}
	}
}

static int open_socket(int family, int proto)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	if (fd < 0 && errno != EAFNOSUPPORT)
		weir_warn("what routers say of the MTU to IPv%d endpoints is not heard: %s",
			  family == AF_INET ? 4 : 6, strerror(errno));
	return fd;
}

void pmtu_open(struct weir_plane *p)
{
	const struct icmp_filter unreachable = { .data = ~(1u << ICMP_DEST_UNREACH) };
	struct icmp6_filter wanted;

	ICMP6_FILTER_SETBLOCKALL(&wanted);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &wanted);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &wanted);
	p->icmp4 = open_socket(AF_INET, IPPROTO_ICMP);
	p->icmp6 = open_socket(AF_INET6, IPPROTO_ICMPV6);
	if (p->icmp4 >= 0)
		setsockopt(p->icmp4, SOL_RAW, ICMP_FILTER, &unreachable, sizeof(unreachable));
	if (p->icmp6 >= 0)
		setsockopt(p->icmp6, IPPROTO_ICMPV6, ICMP6_FILTER, &wanted, sizeof(wanted));
}

void pmtu_close(struct weir_plane *p)
{
	if (p->icmp4 >= 0)
		close(p->icmp4);
	if (p->icmp6 >= 0)
		close(p->icmp6);
}
