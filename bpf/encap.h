/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encap.h - puts the endpoint's header in front of the packet. VLAN tags stay.
 *
 * DSCP and ECN are copied outside: the uniform model of RFC 2983, and the normal mode of RFC 6040
 * for an ingress, so that a mark made on the way is seen by the endpoint. The inner packet stays
 * as it is, its TTL too: the VIP is here, this is its last hop (RFC 2003, section 3.1, has only
 * those count down who forward); an endpoint that lacks the VIP would send packets round, but it
 * counts down. */
#ifndef WEIR_ENCAP_H
#define WEIR_ENCAP_H

/* Set by the agent when it loads the program. */
const volatile __be16 weir_gue_port = bpf_htons(WEIR_GUE_PORT);
/* Outer source addresses vary in these bits of their last word, so that the receive queues of an
 * endpoint share the load also where it hashes over addresses alone. 0: they do not. Bits that a
 * template has set stay: an agent with other options may have written it a moment ago. */
const volatile __be32 weir_spread_v4, weir_spread_v6;

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* RFC 1624, equation 3. */
static __always_inline void checksum_replace(__sum16 *sum, __u16 from, __u16 to)
{
	*sum = fold((__u16) ~*sum + (__u16)~from + to);
}

/* l2_len is a constant, as the verifier likes it. */
static __always_inline void *behind_tags(struct xdp_md *ctx, const struct weir_endpoint *e,
					 __u32 l2_len, __u32 front, __u32 header)
{
	__u8 *data = (void *)(long)ctx->data;

	if (data + l2_len + front > (__u8 *)packet_end(ctx))
		return NULL;
	copy(data + l2_len - 2, e->hdr + 2 * ETH_ALEN, 2 + header);
	return data + l2_len;
}

/* Makes room for so many bytes (front, a constant), and puts the endpoint's Ethernet header, with
 * the packet's own VLAN tags, and its outer IP header (header, a constant) there. Returns where
 * the latter begins; NULL: no room. */
static __always_inline void *open_frame(struct xdp_md *ctx, const struct packet *p, __u32 front,
					__u32 header)
{
	const struct weir_endpoint *e = p->endpoint;
	__u8 *data;
	__u64 tags;

	if (bpf_xdp_adjust_head(ctx, -(int)front))
		return NULL;
	data = (void *)(long)ctx->data;
	if (data + front + HDR_L2 + 8 > (__u8 *)packet_end(ctx))
		return NULL;
	if (p->l2_len == HDR_L2) {
		copy(data, e->hdr, HDR_L2 + header);
		return data + HDR_L2;
	}
	copy(&tags, data + front + 2 * ETH_ALEN, 8); /* all but the type behind a second tag */
	copy(data, e->hdr, 2 * ETH_ALEN);
	copy(data + 2 * ETH_ALEN, &tags, 8);
	return p->l2_len == HDR_L2 + 4 ? behind_tags(ctx, e, HDR_L2 + 4, front, header)
				       : behind_tags(ctx, e, HDR_L2 + 8, front, header);
}

/* What depends on the packet in an outer IPv4 header. Returns what was added to the source. */
static __always_inline __be32 fill_v4(struct iphdr *ip, const struct packet *p, __u32 len,
				      __u8 proto)
{
	__be16 total = bpf_htons((__u16)len);
	__u32 sum = p->endpoint->csum + ((__u32)p->tos << 8) + total + bpf_htons(proto);
	__be32 spread = 0;

	if (weir_spread_v4) {
		spread = weir_spread_v4 & p->hash & ~ip->saddr;
		ip->saddr |= spread;
		sum += (spread & 0xffff) + (spread >> 16);
	}
	ip->tos = p->tos;
	ip->tot_len = total;
	ip->protocol = proto;
	ip->check = fold(sum);
	return spread;
}

/* The flow label lets routers and receive queues tell flows apart (RFC 6438). Returns what was
 * added to the last word of the source. */
static __always_inline __be32 fill_v6(struct ipv6hdr *ip, const struct packet *p, __u32 len,
				      __u8 proto)
{
	__be32 spread = 0;

	*(__u32 *)ip = bpf_htonl(0x60000000u | (__u32)p->tos << 20 | (p->hash & 0xfffff));
	ip->payload_len = bpf_htons((__u16)len);
	ip->nexthdr = proto;
	if (weir_spread_v6) {
		spread = weir_spread_v6 & p->hash & ~ip->saddr.s6_addr32[3];
		ip->saddr.s6_addr32[3] |= spread;
	}
	return spread;
}

static __always_inline __u8 inner_protocol(const struct packet *p)
{
	return p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static __always_inline enum weir_reason encap_v4(struct xdp_md *ctx, const struct packet *p)
{
	struct iphdr *ip = open_frame(ctx, p, sizeof(*ip), sizeof(*ip));

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	fill_v4(ip, p, p->ip_len + sizeof(*ip), inner_protocol(p));
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason encap_v6(struct xdp_md *ctx, const struct packet *p)
{
	struct ipv6hdr *ip = open_frame(ctx, p, sizeof(*ip), sizeof(*ip));

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	fill_v6(ip, p, p->ip_len, inner_protocol(p));
	return WEIR_FORWARD;
}

/* Direct server return: the MAC addresses, nothing else. */
static __always_inline enum weir_reason encap_l2(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data;

	if (data + HDR_L2 > packet_end(ctx))
		return WEIR_DROP_TRUNCATED;
	copy(data, p->endpoint->hdr, 2 * ETH_ALEN);
	return WEIR_FORWARD;
}

#include "gue.h"
#include "nat.h"

/* An IPv6 packet of the least size that every way must take goes, whatever is said of this one: its
 * sender could not make it smaller (RFC 8201, section 4). */
static __always_inline int fits(const struct packet *p)
{
	return p->ip_len <= p->endpoint->mtu || (p->v6 && p->ip_len <= IPV6_MIN_MTU);
}

/* WEIR_FORWARD: the packet can go to its endpoint. WEIR_REPLY_MTU: its sender may be told. */
static __always_inline enum weir_reason sendable(struct xdp_md *ctx, struct packet *p)
{
	if (p->ip_len < p->read || cut_short(ctx, p))
		return WEIR_DROP_TRUNCATED;
	if (!p->endpoint->ifindex)
		return WEIR_DROP_NO_NEXT_HOP;
	if (!fits(p))
		return p->about ? WEIR_DROP_MTU : WEIR_REPLY_MTU; /* no errors about errors */
	return WEIR_FORWARD;
}

static __always_inline int is_nat(const struct weir_endpoint *e)
{
	return weir_features && e->hdr_len < WEIR_HDR_L2;
}

/* WEIR_FORWARD: the packet is ready to leave. For modes that put something in front, or L2. */
static __always_inline enum weir_reason encap_front(struct xdp_md *ctx, const struct packet *p)
{
	const struct weir_endpoint *e = p->endpoint;

	if (e->hdr_len == WEIR_HDR_IP4)
		return encap_v4(ctx, p);
	if (e->hdr_len == WEIR_HDR_IP6)
		return encap_v6(ctx, p);
	if (e->hdr_len == WEIR_HDR_L2)
		return encap_l2(ctx, p);
	return encap_gue(ctx, p);
}

/* The same for all modes. */
static __always_inline enum weir_reason encap(struct xdp_md *ctx, const struct packet *p)
{
	return is_nat(p->endpoint) ? encap_nat(ctx, p) : encap_front(ctx, p);
}

#endif
