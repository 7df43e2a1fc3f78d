// SPDX-License-Identifier: GPL-2.0-or-later
/* xdp_mark.bpf.c - a router with a full queue: marks what knows congestion marks (RFC 3168). */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

static __always_inline void mark_v4(struct iphdr *ip)
{
	__u8 ecn = ip->tos & 3;
	__u32 sum = (__u16)~ip->check + bpf_htons(3 - ecn);

	if (!ecn)
		return;
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16)~sum;
	ip->tos |= 3;
}

SEC("xdp")
int xdp_mark(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);

	if ((void *)(ip6 + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		mark_v4(ip);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6) && ip6->flow_lbl[0] & 0x30)
		ip6->flow_lbl[0] |= 0x30;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
