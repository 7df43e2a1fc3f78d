/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encap.h - puts the endpoint's header in front of the packet. */
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

static __always_inline enum weir_reason encap_v4(struct xdp_md *ctx, const struct packet *p)
{
	const struct weir_endpoint *e = p->endpoint;
	__be16 len = bpf_htons((__u16)(p->ip_len + sizeof(struct iphdr)));
	__u8 inner = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	struct iphdr *ip;
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return WEIR_DROP_NO_HEADROOM;
	data = (void *)(long)ctx->data;
	if (data + HDR_V4 > (void *)(long)ctx->data_end)
		return WEIR_DROP_TRUNCATED;
	copy(data, e->hdr, HDR_V4);
	ip = data + sizeof(struct ethhdr);
	ip->tot_len = len;
	ip->protocol = inner;
	ip->check = fold(e->csum + len + bpf_htons(inner));
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason encap_v6(struct xdp_md *ctx, const struct packet *p)
{
	struct ipv6hdr *ip;
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return WEIR_DROP_NO_HEADROOM;
	data = (void *)(long)ctx->data;
	if (data + HDR_V6 > (void *)(long)ctx->data_end)
		return WEIR_DROP_TRUNCATED;
	copy(data, p->endpoint->hdr, HDR_V6);
	ip = data + sizeof(struct ethhdr);
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

	if (p->ip_len < p->read || p->ip_len + sizeof(struct ethhdr) > p->frame_len)
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
