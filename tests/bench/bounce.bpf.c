// SPDX-License-Identifier: GPL-2.0-or-later
/* bounce.bpf.c - the least that a program can do which answers DNS from tc or XDP: the query goes
 * back as it is, called an answer. What a server costs above that is its own. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dns_bench.h"

/* Of IPv4 without options. No UDP checksum: IPv4 may go without. */
static __always_inline int turn(__u8 *data, const __u8 *end)
{
	__u8 mac[6];
	__u32 addr;
	__u16 port;

	if (data + DNS_LABEL > end || *(__u16 *)(data + 12) != bpf_htons(0x0800) ||
	    data[23] != IPPROTO_UDP || *(__u16 *)(data + 36) != bpf_htons(53))
		return 0;
	__builtin_memcpy(mac, data, 6);
	__builtin_memcpy(data, data + 6, 6);
	__builtin_memcpy(data + 6, mac, 6);
	__builtin_memcpy(&addr, data + 26, 4);
	__builtin_memcpy(data + 26, data + 30, 4);
	__builtin_memcpy(data + 30, &addr, 4);
	port = *(__u16 *)(data + 34);
	*(__u16 *)(data + 34) = *(__u16 *)(data + 36);
	*(__u16 *)(data + 36) = port;
	*(__u16 *)(data + 40) = 0;
	data[44] |= 0x80;
	data[49] = 1;
	return 1;
}

SEC("tc")
int bounce_tc(struct __sk_buff *skb)
{
	if (bpf_skb_pull_data(skb, DNS_LABEL) ||
	    !turn((void *)(long)skb->data, (const void *)(long)skb->data_end))
		return TC_ACT_OK;
	return (int)bpf_redirect(skb->ifindex, 0);
}

SEC("xdp")
int bounce_xdp(struct xdp_md *ctx)
{
	return turn((void *)(long)ctx->data, (const void *)(long)ctx->data_end) ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
