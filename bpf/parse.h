/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - Ethernet, VLAN tags, IP and ports. Finds out just enough to say whose packet this is:
 * what is not for a VIP must leave untouched whatever else is odd about it, so an oddity behind the
 * destination address is noted in ports_why and judged only after classify().
 *
 * TCP and UDP right behind an IP header right behind Ethernet take the short way. Everything else
 * is read by parse_odd(), a function of its own to the verifier too. */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#define IP_OFFSET        0x1fff
#define IP_MORE          0x2000
#define MAX_VLAN_TAGS    2
#define MAX_EXTENSIONS   6
#define TCP_FLAGS_AT     13
#define ICMP_QUOTE_PORTS 4 /* of the 8 bytes that RFC 792 has routers quote */

struct vlan_tag {
	__be16 tci, proto;
};

/* The first bytes of IPv6 extension headers that are not fragment headers. */
struct extension {
	__u8 next,
		len; /* in units of 8 bytes, the first not counted; authentication: of 4, less 2 */
	__u8 rest[6];
};

struct fragment_header {
	__u8 next, reserved;
	__be16 offset_more; /* offset in units of 8 bytes << 3 | more */
	__be32 id;
};

static __always_inline void map_v4(union weir_addr *a, __be32 v4)
{
	/* One store a half, as wide as it is read back. */
	a->q[0] = 0;
	a->q[1] = (__u64)v4 << 32 | bpf_htonl(0xffff);
}

/* The flow that a quoted packet belongs to: an endpoint sent it, with the VIP as source, so its
 * client's packets have the addresses and ports the other way round. */
static __always_inline enum weir_reason parse_quoted(struct cursor *c, struct packet *p)
{
	const struct ipv6hdr *v6;
	const struct iphdr *v4;
	union weir_addr vip = p->dst;
	const __be16 *ports;

	if (p->v6) {
		v6 = take(c, sizeof(*v6));
		if (!v6)
			return WEIR_PASS_VIP_OTHER;
		copy(&p->dst, &v6->saddr, 16);
		copy(&p->src, &v6->daddr, 16);
		p->proto = v6->nexthdr;
	} else {
		v4 = take(c, sizeof(*v4));
		if (!v4 || v4->ihl < 5)
			return WEIR_PASS_VIP_OTHER;
		map_v4(&p->dst, v4->saddr);
		map_v4(&p->src, v4->daddr);
		p->proto = v4->protocol;
		c->pos += (v4->ihl * 4 - sizeof(*v4)) & 0x3c;
	}
	ports = take(c, ICMP_QUOTE_PORTS);
	if (!ports || (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP) ||
	    p->dst.q[0] != vip.q[0] || p->dst.q[1] != vip.q[1]) {
		p->dst = vip;
		return WEIR_PASS_VIP_OTHER;
	}
	p->ports[0] = ports[1];
	p->ports[1] = ports[0];
	p->about = 1;
	return WEIR_FORWARD;
}

/* Destination unreachable, time exceeded, parameter problem, and for IPv6 packet too big. */
static __always_inline int is_icmp_error(const struct packet *p, __u8 type)
{
	if (p->v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 11 || type == 12;
}

static __always_inline enum weir_reason parse_icmp(struct cursor *c, struct packet *p)
{
	const struct icmp *icmp = take(c, sizeof(*icmp));

	if (!icmp)
		return WEIR_DROP_TRUNCATED;
	if (icmp->type == (p->v6 ? 128 : 8) && p->plain && !p->fragment)
		return WEIR_REPLY_ECHO;
	if (is_icmp_error(p, icmp->type) && !p->fragment)
		return parse_quoted(c, p);
	return WEIR_PASS_VIP_OTHER;
}

/* Without a branch, which the verifier would follow. */
static __always_inline void take_flags(struct packet *p, __u32 flags, __u32 is_tcp)
{
	p->first = flags >> 1 & ~flags >> 4 & is_tcp; /* SYN, no ACK */
	p->last = (flags | flags >> 2) & is_tcp;      /* FIN or RST */
}

/* TCP or UDP at the cursor. */
static __always_inline enum weir_reason parse_ports(struct cursor *c, struct packet *p)
{
	if (p->proto == IPPROTO_TCP) {
		const struct tcphdr *tcp = take(c, sizeof(*tcp));

		if (!tcp)
			return WEIR_DROP_TRUNCATED;
		p->read += sizeof(*tcp);
		copy(p->ports, tcp, 4);
		take_flags(p, ((const __u8 *)tcp)[TCP_FLAGS_AT], 1);
	} else {
		const struct udphdr *udp = take(c, sizeof(*udp));

		if (!udp)
			return WEIR_DROP_TRUNCATED;
		p->read += sizeof(*udp);
		copy(p->ports, udp, 4);
	}
	return WEIR_FORWARD;
}

static __always_inline enum weir_reason parse_upper(struct cursor *c, struct packet *p)
{
	if (p->fragment == LATER_FRAGMENT)
		return WEIR_FORWARD_FRAGMENT;
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		return parse_ports(c, p);
	if (p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return parse_icmp(c, p);
	return WEIR_PASS_VIP_OTHER;
}

/* Bytes that were compared are read once more, so that to the verifier all that a packet can be is
 * one state from here on. */
static __always_inline __u8 again(const void *byte)
{
	return *(const volatile __u8 *)byte;
}

static __always_inline void take_v4(struct packet *p, const struct iphdr *ip)
{
	map_v4(&p->src, ip->saddr);
	map_v4(&p->dst, ip->daddr);
	p->proto = again(&ip->protocol);
	p->v6 = 0;
	p->tos = ip->tos;
	p->plain = 1;
	p->read = sizeof(*ip);
	p->ip_len = bpf_ntohs(ip->tot_len);
}

static __always_inline void take_v6(struct packet *p, const struct ipv6hdr *ip)
{
	copy(&p->src, &ip->saddr, 16);
	copy(&p->dst, &ip->daddr, 16);
	p->proto = again(&ip->nexthdr);
	p->v6 = 1;
	p->tos = (__u8)(bpf_ntohl(*(const __be32 *)ip) >> 20);
	p->plain = 1;
	p->read = sizeof(*ip);
	p->ip_len = bpf_ntohs(ip->payload_len) + (__u32)sizeof(*ip);
}

static __always_inline enum weir_reason odd_v4(struct cursor *c, struct packet *p)
{
	const struct iphdr *ip = take(c, sizeof(*ip));
	__u32 options;
	__u16 frag;

	if (!ip)
		return WEIR_DROP_TRUNCATED;
	take_v4(p, ip);
	options = (__u32)ip->ihl * 4 - sizeof(*ip);
	if (ip->version != 4 || ip->ihl < 5 || p->ip_len < options + sizeof(*ip)) {
		p->ports_why = WEIR_DROP_BAD_HEADER;
		return WEIR_FORWARD;
	}
	p->plain = !options;
	p->read += (__u16)options;
	frag = bpf_ntohs(ip->frag_off);
	if (frag & (IP_OFFSET | IP_MORE)) {
		p->fragment = frag & IP_OFFSET ? LATER_FRAGMENT : FIRST_FRAGMENT;
		p->fragment_id = ip->id;
	}
	c->pos += options & 0x3c; /* bounds it for the verifier too */
	p->ports_why = parse_upper(c, p);
	return WEIR_FORWARD;
}

/* Hop-by-hop, routing, fragment, authentication, destination options (RFC 8200, section 4). */
static __always_inline int is_extension(__u8 next)
{
	const __u64 all = 1ull << 0 | 1ull << 43 | 1ull << 44 | 1ull << 51 | 1ull << 60;

	return next < 64 && all >> next & 1;
}

static __always_inline void note_fragment(struct packet *p, const struct fragment_header *f)
{
	__u16 offset_more = bpf_ntohs(f->offset_more);

	if (!(offset_more & 0xfff9))
		return; /* an atomic fragment: whole (RFC 6946) */
	p->fragment = offset_more & 0xfff8 ? LATER_FRAGMENT : FIRST_FRAGMENT;
	p->fragment_id = f->id;
}

/* Walks to the upper layer, or behind the fragment header of a later fragment. */
static __always_inline enum weir_reason parse_extensions(struct cursor *c, struct packet *p)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(p->proto); i++) {
		const struct extension *e = take(c, sizeof(*e));

		if (!e)
			return WEIR_DROP_TRUNCATED;
		p->walk = (__u16)(e->len * 8);
		if (p->proto == IPPROTO_FRAGMENT) {
			note_fragment(p, (const void *)e);
			p->walk = 0;
		} else if (p->proto == IPPROTO_AH) {
			p->walk = (__u16)(e->len * 4);
		}
		p->plain = 0;
		p->proto = e->next;
		p->read += (__u16)(sizeof(*e) + p->walk);
		if (p->fragment == LATER_FRAGMENT)
			return WEIR_FORWARD;
		/* Read back, so that the three lengths are one state to the verifier. */
		c->pos += *(volatile __u16 *)&p->walk & 0x7fc;
	}
	return is_extension(p->proto) ? WEIR_DROP_EXTENSION : WEIR_FORWARD;
}

/* An IPv4 address in the form that stands for it in our tables: none that a packet may carry. */
static __always_inline int is_mapped(const union weir_addr *a)
{
	return !a->q[0] && a->w[2] == bpf_htonl(0xffff);
}

static __always_inline enum weir_reason odd_v6(struct cursor *c, struct packet *p)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));

	if (!ip)
		return WEIR_DROP_TRUNCATED;
	take_v6(p, ip);
	if (is_mapped(&p->dst))
		return WEIR_PASS_NOT_OURS;
	if (ip->version != 6) {
		p->ports_why = WEIR_DROP_BAD_HEADER;
		return WEIR_FORWARD;
	}
	p->ports_why = parse_extensions(c, p);
	if (p->ports_why == WEIR_FORWARD)
		p->ports_why = parse_upper(c, p);
	return WEIR_FORWARD;
}

static __always_inline int is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* What is behind the tags. A function of its own, so that it is verified once and not for each
 * number of tags. */
__attribute__((noinline)) int parse_odd_ip(struct xdp_md *ctx, __u32 l2_len, __u32 v6)
{
	struct cursor c = { .pos = (void *)(long)ctx->data + (l2_len & 0x1f),
			    .end = (void *)(long)ctx->data_end };
	struct packet *p = odd_packet();

	if (!p)
		return WEIR_DROP_TRUNCATED;
	return v6 ? odd_v6(&c, p) : odd_v4(&c, p);
}

/* Frames with VLAN tags, IPv4 options, IPv6 extension headers; fragments, ICMP, and all that is no
 * TCP or UDP. A global function: verified once, not for every way that leads here. */
__attribute__((noinline)) int parse_odd(struct xdp_md *ctx)
{
	struct cursor c = { .pos = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end };
	const struct ethhdr *eth = take(&c, sizeof(*eth));
	struct packet *p = odd_packet();
	__be16 proto;

	if (!eth || !p)
		return WEIR_DROP_TRUNCATED;
	p->first = p->last = p->about = p->fragment = 0;
	p->l2_len = sizeof(*eth);
	proto = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS && is_vlan(proto); i++) {
		const struct vlan_tag *tag = take(&c, sizeof(*tag));

		if (!tag)
			return WEIR_PASS_NOT_IP;
		proto = tag->proto;
		p->l2_len += sizeof(*tag);
	}
	if (proto != bpf_htons(ETH_P_IP) && proto != bpf_htons(ETH_P_IPV6))
		return WEIR_PASS_NOT_IP;
	return parse_odd_ip(ctx, p->l2_len, proto == bpf_htons(ETH_P_IPV6));
}

/* As one load: of a packed field clang makes two. */
static __always_inline __be16 type_of(const __u8 *frame)
{
	__be16 type;

	copy(&type, frame + 2 * ETH_ALEN, sizeof(type));
	return type;
}

/* The short way: TCP or UDP right behind an IP header without options, in a frame that holds more
 * than all of it. A function for each family, so that the stages behind them are made for each,
 * too. */
static __always_inline int is_plain_v4(const __u8 *data, const __u8 *end)
{
	const struct iphdr *ip = (void *)(data + HDR_L2);

	return (const __u8 *)(ip + 1) + sizeof(struct tcphdr) <= end &&
	       type_of(data) == bpf_htons(ETH_P_IP) && *(const __u8 *)ip == 0x45 &&
	       !(ip->frag_off & bpf_htons(IP_OFFSET | IP_MORE)) &&
	       (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP);
}

static __always_inline int is_plain_v6(const __u8 *data, const __u8 *end)
{
	const struct ipv6hdr *ip = (void *)(data + HDR_L2);
	union weir_addr dst;

	if ((const __u8 *)(ip + 1) + sizeof(struct tcphdr) > end ||
	    type_of(data) != bpf_htons(ETH_P_IPV6) || ip->version != 6 ||
	    (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP))
		return 0;
	copy(&dst, &ip->daddr, sizeof(dst));
	return !is_mapped(&dst);
}

/* Whom it is for: all that is read of a packet that is nobody's. */
static __always_inline void plain_target_v4(const __u8 *data, struct packet *p)
{
	const struct iphdr *ip = (void *)(data + HDR_L2);

	map_v4(&p->dst, ip->daddr);
	copy(p->ports, ip + 1, 4);
	p->proto = again(&ip->protocol);
	p->ip_len = bpf_ntohs(ip->tot_len);
}

static __always_inline void plain_target_v6(const __u8 *data, struct packet *p)
{
	const struct ipv6hdr *ip = (void *)(data + HDR_L2);

	copy(&p->dst, &ip->daddr, 16);
	copy(p->ports, ip + 1, 4);
	p->proto = again(&ip->nexthdr);
	p->ip_len = bpf_ntohs(ip->payload_len) + (__u32)sizeof(*ip);
}

static __always_inline void parse_plain_v4(const __u8 *data, struct packet *p)
{
	const struct iphdr *ip = (void *)(data + HDR_L2);

	take_v4(p, ip);
	p->tcp_flags = ((const __u8 *)(ip + 1))[TCP_FLAGS_AT];
}

static __always_inline void parse_plain_v6(const __u8 *data, struct packet *p)
{
	const struct ipv6hdr *ip = (void *)(data + HDR_L2);

	take_v6(p, ip);
	p->tcp_flags = ((const __u8 *)(ip + 1))[TCP_FLAGS_AT];
}

/* What of a packet of the short way matters only once it is ours. */
static __always_inline void parse_plain_rest(struct packet *p)
{
	__u32 is_tcp = p->proto >> 1 & 1; /* of 6 and 17 */

	take_flags(p, p->tcp_flags, is_tcp);
	p->read += sizeof(struct udphdr) + is_tcp * (sizeof(struct tcphdr) - sizeof(struct udphdr));
}

#endif
