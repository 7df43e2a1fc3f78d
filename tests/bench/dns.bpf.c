// SPDX-License-Identifier: GPL-2.0-or-later
/* dns.bpf.c - the client's side of a DNS server that is measured: who asks, out of live frames that
 * each get another name, port and id, and who counts what is answered. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "dns_bench.h"

/* Set by dns_rate.c. */
__u32 out;   /* the interface that frames are sent by */
__u32 names; /* how many */
__u64 step;  /* ns from burst to burst */
__u8 question[DNS_FRAME_DO];

__u64 next_ns; /* CLOCK_MONOTONIC, of the next burst; 0: now */
__u32 counter;

/* Read by dns_rate.c. */
__u64 good, bad; /* answers with records, others */

static long is_time(__u32 i, void *unused)
{
	return bpf_ktime_get_ns() >= next_ns;
}

/* Those who wait sleep too long, and a call for each burst would take too long. */
static __always_inline void pace(void)
{
	if (!next_ns)
		next_ns = bpf_ktime_get_ns();
	bpf_loop(1 << 16, is_time, NULL, 0);
	next_ns += step;
}

/* A frame's memory is used again: all of it is written. Digits of the name are where the first
 * label ends. No UDP checksum: IPv4 may go without. */
static __always_inline int next(struct xdp_md *ctx, const __u32 size)
{
	__u8 *data = (void *)(long)ctx->data;
	__u32 n = counter++, name = n * 7919 % names;

	if (data + size > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!(n % DNS_BURST))
		pace();
	__builtin_memcpy(data, question, size);
	*(__u16 *)(data + 34) = bpf_htons(1024 + (n & 0x3fff));
	*(__u16 *)(data + 42) = (__u16)n;
	for (int i = DNS_DIGITS; i; i--, name /= 10)
		data[DNS_LABEL + 1 + i] = '0' + name % 10;
	return (int)bpf_redirect(out, 0);
}

SEC("xdp")
int ask(struct xdp_md *ctx)
{
	return next(ctx, DNS_FRAME);
}

SEC("xdp")
int ask_do(struct xdp_md *ctx)
{
	return next(ctx, DNS_FRAME_DO);
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	const __u8 *data = (void *)(long)ctx->data;

	if (data + DNS_LABEL > (const __u8 *)(long)ctx->data_end ||
	    *(const __u16 *)(data + 12) != bpf_htons(0x0800) || data[23] != IPPROTO_UDP ||
	    *(const __u16 *)(data + 34) != bpf_htons(53))
		return XDP_PASS;
	if ((data[44] & 0x82) == 0x80 && !(data[45] & 15) && data[49])
		good++;
	else
		bad++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
