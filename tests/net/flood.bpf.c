// SPDX-License-Identifier: GPL-2.0-or-later
/* flood.bpf.c - makes a flood inside the kernel: flood.c runs it over live frames, and each leaves
 * by an interface with another source address, port and sequence number. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

__u32 ifindex; /* where frames leave */
__u32 network; /* of the sources, host order: hosts 128 to 255 of it send, which no test has */
__u64 sent;

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 random = bpf_get_prandom_u32();
	__u32 sum = 0;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	ip->saddr = bpf_htonl(network | 0x80 | (random & 0x7f));
	ip->check = 0;
	for (int i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
	tcp->source = (__be16)(random >> 16);
	tcp->seq = bpf_get_prandom_u32(); /* its checksum stays wrong: no endpoint answers it */
	__sync_fetch_and_add(&sent, 1);
	return (int)bpf_redirect(ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
