// SPDX-License-Identifier: GPL-2.0-or-later
/* decap.bpf.c - for backends whose kernel has no tunnel device: takes the outer header off packets
 * that a balancer sent for one of our VIPs, and passes them up. What is anything else is passed
 * untouched; nothing is dropped. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "weir/abi.h"

#include "packet.h"

/* Destinations of inner packets that are taken. Written by tools/weir-decap.c. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, union weir_addr);
	__type(value, __u8);
} decap_vips SEC(".maps");

/* What was decapsulated. Read by whoever wants to know (bpftool map dump name decap_counts). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_count);
} decap_counts SEC(".maps");

/* The inner packet's protocol by the outer header, or 0: not a tunnel packet for us to open. */
static __always_inline __u8 outer(struct cursor *c, __be16 h_proto, __u32 *len)
{
	if (h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = take(c, sizeof(*ip));

		*len = sizeof(*ip);
		if (!ip || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
			return 0;
		return ip->protocol;
	}
	if (h_proto == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = take(c, sizeof(*ip));

		*len = sizeof(*ip);
		return ip ? ip->nexthdr : 0;
	}
	return 0;
}

/* The destination of the inner packet; false: it is cut short. */
static __always_inline int inner_destination(struct cursor *c, __u8 proto, union weir_addr *dst)
{
	const struct iphdr *v4;
	const struct ipv6hdr *v6;

	if (proto == IPPROTO_IPIP) {
		v4 = take(c, sizeof(*v4));
		if (!v4)
			return 0;
		dst->q[0] = 0;
		dst->w[2] = bpf_htonl(0xffff);
		dst->w[3] = v4->daddr;
		return 1;
	}
	v6 = take(c, sizeof(*v6));
	if (!v6)
		return 0;
	__builtin_memcpy(dst, &v6->daddr, sizeof(*dst));
	return 1;
}

static __always_inline void count(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct weir_count *n = bpf_map_lookup_elem(&decap_counts, &key);

	if (!n)
		return;
	n->packets++;
	n->bytes += ctx->data_end - ctx->data;
}

static __always_inline int strip(struct xdp_md *ctx, struct ethhdr eth, __u32 len, __u8 proto)
{
	struct ethhdr *to;

	eth.h_proto = proto == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	count(ctx);
	if (bpf_xdp_adjust_head(ctx, (int)len))
		return XDP_PASS;
	to = (void *)(long)ctx->data;
	if ((void *)(to + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP; /* cannot be: the inner header was there */
	*to = eth;
	return XDP_PASS;
}

SEC("xdp")
int weir_decap(struct xdp_md *ctx)
{
	struct cursor c = { .pos = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end };
	const struct ethhdr *eth = take(&c, sizeof(*eth));
	union weir_addr dst;
	__u32 len = 0;
	__u8 proto;

	if (!eth)
		return XDP_PASS;
	proto = outer(&c, eth->h_proto, &len);
	if (proto != IPPROTO_IPIP && proto != IPPROTO_IPV6)
		return XDP_PASS;
	if (!inner_destination(&c, proto, &dst) || !bpf_map_lookup_elem(&decap_vips, &dst))
		return XDP_PASS;
	return strip(ctx, *eth, len, proto);
}

char LICENSE[] SEC("license") = "GPL";
