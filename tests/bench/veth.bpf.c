// SPDX-License-Identifier: GPL-2.0-or-later
/* veth.bpf.c - both ends of a veth pair that a packet program is measured on: who sends, and who
 * takes what comes back. Each device has one queue, so that nobody else counts at the same time. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "veth.h"

/* Set by veth.c. */
__u32 out;       /* the interface that frames are sent by */
__u32 flow_mask; /* number of flows - 1 */
__u8 eth[14];
__u32 old; /* the last 16 bits of the address of the endpoint that a change is about */

/* Read by veth.c. */
__u32 counter;
__u64 came; /* frames */
__u32 n_aimed;
__u32 aimed[VETH_AIMED]; /* clients whose SYNs go to that endpoint */
__u64 last_ns[2];        /* when a SYN last went elsewhere, and there (CLOCK_MONOTONIC) */

/* A live frame, over and over: its memory is used again, with what was put in front of it the last
 * time. */
SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	__u32 n = counter++ & flow_mask;

	if (data + VETH_FRAME > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(data, eth, 14);
	*(__u32 *)(data + 26) = bpf_htonl(0x0a000000 | n);
	*(__u16 *)(data + 34) = bpf_htons(1024 + (n & 0x3fff));
	return (int)bpf_redirect(out, 0);
}

SEC("xdp")
int count_drop(struct xdp_md *ctx)
{
	came++;
	return XDP_DROP;
}

/* Takes what is encapsulated in IPv4 and, of SYNs, down when they went where. */
SEC("xdp")
int arrive(struct xdp_md *ctx)
{
	const __u8 *data = (void *)(long)ctx->data;
	__u32 there;

	if (data + 20 + VETH_FRAME > (const __u8 *)(long)ctx->data_end ||
	    *(const __u16 *)(data + 12) != bpf_htons(0x0800) || data[23] != IPPROTO_IPIP)
		return XDP_PASS;
	came++;
	if (data[67] != VETH_SYN)
		return XDP_DROP;
	there = bpf_ntohs(*(const __u16 *)(data + 32)) == old;
	last_ns[there] = bpf_ktime_get_ns();
	if (there && n_aimed < VETH_AIMED)
		aimed[n_aimed++ & (VETH_AIMED - 1)] = bpf_ntohl(*(const __u32 *)(data + 46));
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
