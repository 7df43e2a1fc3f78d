/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtu.h - tells a client that its packet does not fit through the way to its endpoint once it is
 * encapsulated: fragmentation needed (RFC 1191), packet too big (RFC 8201). It comes from the VIP,
 * quotes the packet's beginning, and is rate-limited. A packet that may be fragmented is answered,
 * too: its sender then fragments it itself, and the fragments keep together. */
#ifndef WEIR_MTU_H
#define WEIR_MTU_H

#include "budget.h"

/* Bytes quoted. With all headers at most 576 (RFC 1812) and 1,280 (RFC 4443), and less than any
 * packet that is too large for a way that takes so many. */
#define QUOTE_V4  512
#define QUOTE_V6  1200
#define MOST_TAGS (2 * sizeof(struct vlan_tag))

/* Errors that may still be sent. Written and read by may_tell(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} weir_icmp_budget SEC(".maps");

static __always_inline int may_tell(void)
{
	__u32 key = 0;
	struct budget *b = bpf_map_lookup_elem(&weir_icmp_budget, &key);

	return b && budget_spend(b, WEIR_ICMP_PER_S, WEIR_ICMP_BURST);
}

/* The Internet checksum of so many bytes (a constant) and a sum begun before. The packet must hold
 * them. The helper takes 512 at a time; its price does not matter here. */
static __always_inline __u16 checksum(void *from, __u32 len, __wsum sum)
{
	for (__u32 at = 0; at < len; at += 512)
		sum = (__wsum)bpf_csum_diff(NULL, 0, from + at, len - at < 512 ? len - at : 512,
					    sum);
	return fold(sum);
}

/* Behind it is the packet that it is about. */
static __always_inline int tell_v4(struct iphdr *ip, __u32 mtu, const void *end)
{
	const struct iphdr *about = (void *)ip + sizeof(*ip) + sizeof(struct icmp);
	struct icmp *icmp = (void *)(ip + 1);

	if ((const void *)about + QUOTE_V4 > end)
		return -1;
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = 0xc0, /* network control, as routers do */
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + QUOTE_V4),
		.ttl = REPLY_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = about->daddr,
		.daddr = about->saddr,
	};
	*icmp = (struct icmp){ .type = 3, .code = 4, .rest = { 0, bpf_htons((__u16)mtu) } };
	ip->check = checksum(ip, sizeof(*ip), 0);
	icmp->checksum = checksum(icmp, sizeof(*icmp) + QUOTE_V4, 0);
	return 0;
}

static __always_inline int tell_v6(struct ipv6hdr *ip, __u32 mtu, const void *end)
{
	const struct ipv6hdr *about = (void *)ip + sizeof(*ip) + sizeof(struct icmp);
	const __u32 len = sizeof(struct icmp) + QUOTE_V6;
	struct icmp *icmp = (void *)(ip + 1);
	__wsum pseudo = bpf_htons(len) + bpf_htons(IPPROTO_ICMPV6);

	if ((const void *)about + QUOTE_V6 > end)
		return -1;
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(len),
		.nexthdr = IPPROTO_ICMPV6,
		.hop_limit = REPLY_TTL,
	};
	copy(&ip->saddr, &about->daddr, 16);
	copy(&ip->daddr, &about->saddr, 16);
	if (mtu < IPV6_MIN_MTU)
		mtu = IPV6_MIN_MTU;
	*icmp = (struct icmp){ .type = 2, .rest = { 0, bpf_htons((__u16)mtu) } };
	pseudo = (__wsum)bpf_csum_diff(NULL, 0, (void *)&ip->saddr, 32, pseudo);
	icmp->checksum = checksum(icmp, len, pseudo);
	return 0;
}

/* Makes an error of the packet in hand. l2_len, v6, frame_len: of struct packet. A global function:
 * verified once. */
__attribute__((noinline)) int reply_mtu(struct xdp_md *ctx, __u32 mtu, __u32 l2_len, __u32 v6,
					__u32 frame_len)
{
	const int grow = (int)(v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
			 (int)sizeof(struct icmp);
	__u32 quote = l2_len + (v6 ? QUOTE_V6 : QUOTE_V4);
	__u8 *data;
	void *ip;

	if (frame_len < quote || !may_tell())
		return WEIR_DROP_MTU;
	if (bpf_xdp_adjust_tail(ctx, (int)(quote - frame_len)) || bpf_xdp_adjust_head(ctx, -grow))
		return WEIR_DROP_MTU;
	data = (void *)(long)ctx->data;
	if (data + grow + HDR_L2 + MOST_TAGS > (__u8 *)(long)ctx->data_end)
		return WEIR_DROP_MTU;
	copy(data, data + grow, HDR_L2 + MOST_TAGS); /* the IP header takes what was too much */
	swap_macs(data);
	ip = data + (l2_len & 0x1f);
	barrier_var(ip); /* one register for the bound and the stores */
	if (v6 ? tell_v6(ip, mtu, (void *)(long)ctx->data_end)
	       : tell_v4(ip, mtu, (void *)(long)ctx->data_end))
		return WEIR_DROP_MTU;
	return WEIR_REPLY_MTU;
}

#endif
