/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - Ethernet, IP and ports. Finds out just enough to say whose packet this is: what is
 * not for a VIP must leave untouched whatever else is odd about it, so an oddity behind the
 * destination address is noted in ports_why and judged only after classify(). */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#define IP_FRAGMENT 0x3fff /* offset and more-fragments; the rest is DF and a reserved bit */

static __always_inline enum weir_reason parse_ports(struct cursor *c, struct packet *p)
{
	if (p->proto == IPPROTO_TCP) {
		const struct tcphdr *tcp = take(c, sizeof(*tcp));

		if (!tcp)
			return WEIR_DROP_TRUNCATED;
		p->read += sizeof(*tcp);
		copy(p->ports, tcp, 4);
		p->first = tcp->syn && !tcp->ack;
		p->last = tcp->fin || tcp->rst;
		return WEIR_FORWARD;
	}
	if (p->proto == IPPROTO_UDP) {
		const struct udphdr *udp = take(c, sizeof(*udp));

		if (!udp)
			return WEIR_DROP_TRUNCATED;
		p->read += sizeof(*udp);
		copy(p->ports, udp, 4);
		return WEIR_FORWARD;
	}
	return WEIR_PASS_VIP_OTHER;
}

static __always_inline void map_v4(union weir_addr *a, __be32 v4)
{
	/* One store a half, as wide as it is read back. */
	a->q[0] = 0;
	a->q[1] = (__u64)v4 << 32 | bpf_htonl(0xffff);
}

static __always_inline enum weir_reason parse_v4(struct cursor *c, struct packet *p)
{
	const struct iphdr *ip = take(c, sizeof(*ip));
	__u32 options;

	if (!ip)
		return WEIR_DROP_TRUNCATED;
	map_v4(&p->src, ip->saddr);
	map_v4(&p->dst, ip->daddr);
	p->proto = ip->protocol;
	p->ip_len = bpf_ntohs(ip->tot_len);
	options = (__u32)ip->ihl * 4 - sizeof(*ip);
	if (ip->version != 4 || ip->ihl < 5 || p->ip_len < options + sizeof(*ip)) {
		p->ports_why = WEIR_DROP_BAD_HEADER;
		return WEIR_FORWARD;
	}
	if (ip->frag_off & bpf_htons(IP_FRAGMENT)) {
		p->ports_why = WEIR_DROP_FRAGMENT;
		return WEIR_FORWARD;
	}
	c->pos += options & 0x3c; /* bounds it for the verifier too */
	p->read = (__u8)(sizeof(*ip) + options);
	p->ports_why = parse_ports(c, p);
	return WEIR_FORWARD;
}

/* Next headers that are no upper layer: hop-by-hop, routing, fragment, authentication,
 * destination options, mobility (RFC 8200, section 4). */
static __always_inline int is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
}

/* An IPv4 address in the form that stands for it in our tables: none that a packet may carry. */
static __always_inline int is_mapped(const union weir_addr *a)
{
	return !a->q[0] && a->w[2] == bpf_htonl(0xffff);
}

static __always_inline enum weir_reason parse_v6(struct cursor *c, struct packet *p)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));

	if (!ip)
		return WEIR_DROP_TRUNCATED;
	copy(&p->src, &ip->saddr, 16);
	copy(&p->dst, &ip->daddr, 16);
	p->proto = ip->nexthdr;
	p->v6 = 1;
	p->read = sizeof(*ip);
	p->ip_len = bpf_ntohs(ip->payload_len) + (__u32)sizeof(*ip);
	if (is_mapped(&p->dst))
		return WEIR_PASS_NOT_OURS;
	if (ip->version != 6)
		p->ports_why = WEIR_DROP_BAD_HEADER;
	else if (p->proto == IPPROTO_FRAGMENT)
		p->ports_why = WEIR_DROP_FRAGMENT;
	else if (is_extension(p->proto))
		p->ports_why = WEIR_DROP_EXTENSION;
	else
		p->ports_why = parse_ports(c, p);
	return WEIR_FORWARD;
}

/* WEIR_FORWARD: go on to classify(). */
static __always_inline enum weir_reason parse(struct cursor *c, struct packet *p)
{
	const struct ethhdr *eth;

	p->frame_len = (__u32)(c->end - c->pos);
	p->endpoint = NULL;
	p->first = p->last = p->v6 = 0;
	eth = take(c, sizeof(*eth));
	if (!eth)
		return WEIR_DROP_TRUNCATED;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_v4(c, p);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_v6(c, p);
	return WEIR_PASS_NOT_IP;
}

#endif
