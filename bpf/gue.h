/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gue.h - IP in UDP: variant 1 of GUE (draft-ietf-intarea-gue), in which the IP header follows the
 * UDP header at once. The source port tells flows apart for routers and receive queues.
 *
 * The UDP checksum is right without reading the payload: a TCP segment or datagram whose own
 * checksum holds sums to the complement of its pseudo-header, and an IPv4 header to nothing. An
 * inner packet that was damaged on its way makes an outer one that is, too. Where the inner
 * packet has no such checksum (fragments, options, UDP without) the outer one is 0: none, which
 * RFC 6935 allows over IPv6 as well. */
#ifndef WEIR_GUE_H
#define WEIR_GUE_H

#define GUE_FIRST_PORT 0xc000 /* of the ephemeral ports (RFC 6335) */

/* Adds up to more than 16 bits; each word as it lies in memory. */
static __always_inline __u64 sum_v4(const struct packet *p)
{
	__be16 len = bpf_htons((__u16)(p->ip_len - sizeof(struct iphdr)));

	return (__u64)(__u32)~p->src.w[3] + (__u32)~p->dst.w[3] + (__u16)~len +
	       (__u16)~bpf_htons(p->proto);
}

/* The addresses and the length cancel out: they are in the header and in the pseudo-header. */
static __always_inline __u64 sum_v6(const struct ipv6hdr *inner, const struct packet *p)
{
	return (__u64) * (const __u32 *)inner + *((const __u16 *)inner + 3) +
	       (__u16)~bpf_htons(p->proto);
}

/* Whether the inner packet has a checksum of its own, over all of it. */
static __always_inline int has_checksum(const void *inner, const struct packet *p, const void *end)
{
	const struct udphdr *udp = inner + (p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!p->plain || p->fragment || p->about || (const void *)(udp + 1) > end)
		return 0;
	return p->proto == IPPROTO_TCP || udp->check;
}

/* pseudo: the sum of the outer addresses. */
static __always_inline void fill_udp(struct udphdr *udp, const struct packet *p, __u64 pseudo,
				     const void *end)
{
	__be16 len = bpf_htons((__u16)(p->ip_len + sizeof(*udp)));
	const void *inner = udp + 1;
	__u64 sum;

	udp->source = bpf_htons(GUE_FIRST_PORT | (p->hash & ~GUE_FIRST_PORT & 0xffff));
	udp->dest = weir_gue_port;
	udp->len = len;
	udp->check = 0;
	if (!has_checksum(inner, p, end))
		return;
	sum = pseudo + (p->v6 ? sum_v6(inner, p) : sum_v4(p)) + udp->source + udp->dest +
	      2ull * len + bpf_htons(IPPROTO_UDP);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	udp->check = fold((__u32)sum);
	if (!udp->check)
		udp->check = 0xffff;
}

static __always_inline enum weir_reason gue_v4(struct xdp_md *ctx, const struct packet *p)
{
	struct iphdr *ip = open_frame(ctx, p, sizeof(*ip) + sizeof(struct udphdr), sizeof(*ip));
	__u64 addresses, pseudo;

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	pseudo = fill_v4(ip, p, p->ip_len + sizeof(*ip) + sizeof(struct udphdr), IPPROTO_UDP);
	/* Not from the packet, to which they were written a moment ago in other words than these:
	 * the CPU would wait for that. */
	copy(&addresses, p->endpoint->hdr + HDR_L2 + __builtin_offsetof(struct iphdr, saddr), 8);
	pseudo += (__u32)addresses + (addresses >> 32);
	fill_udp((void *)(ip + 1), p, pseudo, packet_end(ctx));
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason gue_v6(struct xdp_md *ctx, const struct packet *p)
{
	struct ipv6hdr *ip = open_frame(ctx, p, sizeof(*ip) + sizeof(struct udphdr), sizeof(*ip));
	__be32 spread;

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	spread = fill_v6(ip, p, p->ip_len + sizeof(struct udphdr), IPPROTO_UDP);
	fill_udp((void *)(ip + 1), p, (__u64)p->endpoint->csum + spread, packet_end(ctx));
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason encap_gue(struct xdp_md *ctx, const struct packet *p)
{
	return p->endpoint->hdr_len == WEIR_HDR_GUE4 ? gue_v4(ctx, p) : gue_v6(ctx, p);
}

#endif
