// SPDX-License-Identifier: GPL-2.0-or-later
/* decap.bpf.c - for backends whose kernel has no tunnel device: takes the outer headers off packets
 * that a balancer sent for one of our VIPs (IP in IP, GUE variant 1), and passes them up. What is
 * anything else is passed untouched.
 *
 * A congestion mark made on the way is handed to the inner packet, and where its sender knows no
 * such marks it is dropped (RFC 6040, section 4.2). UDP checksums are not verified: what they are
 * for, the inner packet has its own for. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
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

/* The UDP port that GUE comes to. Written by tools/weir-decap.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __be16);
} decap_port SEC(".maps");

/* What was decapsulated. Read by whoever wants to know (bpftool map dump name decap_counts). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_count);
} decap_counts SEC(".maps");

#define ECN_MASK 3
#define ECN_CE   3

/* A packet in a packet. */
struct tunnel {
	__u32 len;  /* of what is in front of the inner IP header, without Ethernet */
	__u8 proto; /* IPPROTO_IPIP, IPPROTO_IPV6: what is in it */
	__u8 ecn;   /* of the outer header */
};

/* What is in UDP: GUE of variant 1, whose first bits are those of IPv4 or IPv6; else 0. */
static __always_inline __u8 in_udp(struct cursor *c)
{
	const struct udphdr *udp = take(c, sizeof(*udp));
	const __u8 *first = c->pos;
	__u32 key = 0;
	const __be16 *port = bpf_map_lookup_elem(&decap_port, &key);

	if (!udp || !port || udp->dest != *port || (void *)(first + 1) > c->end)
		return 0;
	return *first >> 4 == 4 ? IPPROTO_IPIP : *first >> 4 == 6 ? IPPROTO_IPV6 : 0;
}

/* False: nothing for us to open. */
static __always_inline int outer(struct cursor *c, __be16 h_proto, struct tunnel *t)
{
	if (h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = take(c, sizeof(*ip));

		if (!ip || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
			return 0;
		*t = (struct tunnel){ sizeof(*ip), ip->protocol, ip->tos & ECN_MASK };
	} else if (h_proto == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = take(c, sizeof(*ip));

		if (!ip)
			return 0;
		*t = (struct tunnel){ sizeof(*ip), ip->nexthdr, ip->flow_lbl[0] >> 4 & ECN_MASK };
	} else {
		return 0;
	}
	if (t->proto == IPPROTO_UDP) {
		t->proto = in_udp(c);
		t->len += sizeof(struct udphdr);
	}
	return t->proto == IPPROTO_IPIP || t->proto == IPPROTO_IPV6;
}

/* Hands a mark on. False: the sender knows none. RFC 1624, equation 3. */
static __always_inline int mark_v4(struct iphdr *ip)
{
	__u32 sum = (__u16)~ip->check + bpf_htons(ECN_CE & ~ip->tos);

	if (!(ip->tos & ECN_MASK))
		return 0;
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16)~sum;
	ip->tos |= ECN_CE;
	return 1;
}

static __always_inline int mark_v6(struct ipv6hdr *ip)
{
	if (!(ip->flow_lbl[0] >> 4 & ECN_MASK))
		return 0;
	ip->flow_lbl[0] |= ECN_CE << 4;
	return 1;
}

static __always_inline int is_vip(const union weir_addr *dst)
{
	return bpf_map_lookup_elem(&decap_vips, dst) != NULL;
}

enum verdict {
	LEAVE, /* not ours */
	OPEN,
	DROP,
};

static __always_inline enum verdict look_v4(struct cursor *c, __u8 ecn)
{
	struct iphdr *ip = take(c, sizeof(*ip));
	union weir_addr dst = { .w = { 0, 0, bpf_htonl(0xffff) } };

	if (!ip)
		return LEAVE;
	dst.w[3] = ip->daddr;
	if (!is_vip(&dst))
		return LEAVE;
	return ecn != ECN_CE || mark_v4(ip) ? OPEN : DROP;
}

static __always_inline enum verdict look_v6(struct cursor *c, __u8 ecn)
{
	struct ipv6hdr *ip = take(c, sizeof(*ip));
	union weir_addr dst;

	if (!ip)
		return LEAVE;
	__builtin_memcpy(&dst, &ip->daddr, sizeof(dst));
	if (!is_vip(&dst))
		return LEAVE;
	return ecn != ECN_CE || mark_v6(ip) ? OPEN : DROP;
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

static __always_inline int strip(struct xdp_md *ctx, struct ethhdr eth, const struct tunnel *t)
{
	struct ethhdr *to;

	eth.h_proto = t->proto == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	count(ctx);
	if (bpf_xdp_adjust_head(ctx, (int)t->len))
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
	struct tunnel t;
	enum verdict what;

	if (!eth || !outer(&c, eth->h_proto, &t))
		return XDP_PASS;
	what = t.proto == IPPROTO_IPIP ? look_v4(&c, t.ecn) : look_v6(&c, t.ecn);
	if (what == OPEN)
		return strip(ctx, *eth, &t);
	return what == DROP ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
