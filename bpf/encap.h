/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encap.h - puts the endpoint's header in front of the packet. VLAN tags stay. */
#ifndef WEIR_ENCAP_H
#define WEIR_ENCAP_H

#define HDR_L2 14
#define HDR_V4 34
#define HDR_V6 54

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
					 __u32 l2_len, __u32 header)
{
	__u8 *data = (void *)(long)ctx->data;

	if (data + l2_len + header > (__u8 *)(long)ctx->data_end)
		return NULL;
	copy(data + l2_len - 2, e->hdr + 2 * ETH_ALEN, 2 + header);
	return data + l2_len;
}

/* Puts the endpoint's Ethernet header, with the packet's own VLAN tags, and its outer IP header of
 * so many bytes (a constant) in front. Returns where the latter begins; NULL: no room. */
static __always_inline void *open_frame(struct xdp_md *ctx, const struct packet *p, __u32 header)
{
	const struct weir_endpoint *e = p->endpoint;
	__u8 *data;
	__u64 tags;

	if (bpf_xdp_adjust_head(ctx, -(int)header))
		return NULL;
	data = (void *)(long)ctx->data;
	if (data + header + HDR_L2 + 8 > (__u8 *)(long)ctx->data_end)
		return NULL;
	if (p->l2_len == HDR_L2) {
		copy(data, e->hdr, HDR_L2 + header);
		return data + HDR_L2;
	}
	copy(&tags, data + header + 2 * ETH_ALEN, 8); /* all but the type behind a second tag */
	copy(data, e->hdr, 2 * ETH_ALEN);
	copy(data + 2 * ETH_ALEN, &tags, 8);
	return p->l2_len == HDR_L2 + 4 ? behind_tags(ctx, e, HDR_L2 + 4, header)
				       : behind_tags(ctx, e, HDR_L2 + 8, header);
}

static __always_inline enum weir_reason encap_v4(struct xdp_md *ctx, const struct packet *p)
{
	__be16 len = bpf_htons((__u16)(p->ip_len + sizeof(struct iphdr)));
	__u8 inner = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	struct iphdr *ip = open_frame(ctx, p, sizeof(*ip));

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	ip->tot_len = len;
	ip->protocol = inner;
	ip->check = fold(p->endpoint->csum + len + bpf_htons(inner));
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason encap_v6(struct xdp_md *ctx, const struct packet *p)
{
	struct ipv6hdr *ip = open_frame(ctx, p, sizeof(*ip));

	if (!ip)
		return WEIR_DROP_NO_HEADROOM;
	ip->payload_len = bpf_htons((__u16)p->ip_len);
	ip->nexthdr = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	return WEIR_FORWARD;
}

/* Direct server return: the MAC addresses, nothing else. */
static __always_inline enum weir_reason encap_l2(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data;

	if (data + HDR_L2 > (void *)(long)ctx->data_end)
		return WEIR_DROP_TRUNCATED;
	copy(data, p->endpoint->hdr, 2 * ETH_ALEN);
	return WEIR_FORWARD;
}

/* WEIR_FORWARD: the packet is ready to leave. */
static __always_inline enum weir_reason encap(struct xdp_md *ctx, const struct packet *p)
{
	const struct weir_endpoint *e = p->endpoint;

	if (p->ip_len < p->read || p->ip_len + p->l2_len > p->frame_len)
		return WEIR_DROP_TRUNCATED;
	if (!e->ifindex)
		return WEIR_DROP_NO_NEXT_HOP;
	if (e->hdr_len == HDR_L2)
		return encap_l2(ctx, p);
	if (p->ip_len > 65535 - sizeof(struct ipv6hdr))
		return WEIR_DROP_TOO_BIG;
	return e->hdr_len == HDR_V4 ? encap_v4(ctx, p) : encap_v6(ctx, p);
}

#endif
