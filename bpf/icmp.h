/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.h - pings to VIPs, answered where they come in: a VIP need not be an address of this host.
 */
#ifndef WEIR_ICMP_H
#define WEIR_ICMP_H

#define REPLY_TTL 64

static __always_inline void swap_macs(__u8 *eth)
{
	__u8 mac[ETH_ALEN];

	copy(mac, eth, ETH_ALEN);
	copy(eth, eth + ETH_ALEN, ETH_ALEN);
	copy(eth + ETH_ALEN, mac, ETH_ALEN);
}

static __always_inline int echo_v4(struct iphdr *ip, void *end)
{
	struct icmp *icmp = (void *)(ip + 1);
	__be32 vip;

	if ((void *)(icmp + 1) > end)
		return -1;
	vip = ip->daddr;
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	checksum_replace(&ip->check, bpf_htons((__u16)(ip->ttl << 8)), bpf_htons(REPLY_TTL << 8));
	ip->ttl = REPLY_TTL;
	icmp->type = 0;
	checksum_replace(&icmp->checksum, bpf_htons(8 << 8), 0);
	return 0;
}

static __always_inline int echo_v6(struct ipv6hdr *ip, void *end)
{
	struct icmp *icmp = (void *)(ip + 1);
	struct in6_addr vip;

	if ((void *)(icmp + 1) > end)
		return -1;
	vip = ip->daddr;
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	ip->hop_limit = REPLY_TTL;
	icmp->type = 129;
	checksum_replace(&icmp->checksum, bpf_htons(128 << 8), bpf_htons(129 << 8));
	return 0;
}

/* Turns the request of odd_packet() round. A global function: verified once. */
__attribute__((noinline)) int reply_echo(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	const struct packet *p = odd_packet();
	void *end = (void *)(long)ctx->data_end, *ip;

	if (!p || data + HDR_L2 > (__u8 *)end)
		return WEIR_DROP_TRUNCATED;
	ip = data + (p->l2_len & 0x1f);
	barrier_var(ip); /* one register for the bound and the stores */
	if (p->v6 ? echo_v6(ip, end) : echo_v4(ip, end))
		return WEIR_DROP_TRUNCATED;
	swap_macs(data);
	return WEIR_REPLY_ECHO;
}

#endif
