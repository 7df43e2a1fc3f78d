/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.h - for endpoints that take no tunnel: the destination becomes the endpoint's address and
 * port, and its replies, which must come back through here, get the VIP's again. No flow is
 * recorded for that: an endpoint's address, protocol and port belong to one service. Where they
 * cannot, or replies would go elsewhere, the source becomes one of our own (nat_ports.h).
 *
 * Checksums follow by what has changed (RFC 1624), so a damaged packet stays a damaged one. ICMP
 * errors about a flow are translated in both directions, with the header that they quote (RFC
 * 5508). Whoever translates is a router: the time to live goes down. Nothing is written before it
 * is known that the packet leaves.
 *
 * The parts are functions of their own, verified once. Older kernels let them take no pointer but
 * the context, so the packet is handed over in a map. */
#ifndef WEIR_NAT_H
#define WEIR_NAT_H

#define FAMILY_V4 2 /* AF_INET */
#define FAMILY_V6 10
#define UDP_CHECK 6 /* where in the header */
#define TCP_CHECK 16
#define QUOTED    8 /* bytes of the quoted transport header that are needed */
#define TCP_FIN   0x01
#define TCP_SYN   0x02
#define TCP_RST   0x04
#define TCP_ACK   0x10

/* What nat_borrow() looks for. */
struct nat_search {
	__u64 hash, key; /* of the flow; key without its local port */
	__u32 service, now;
	__u16 first_port, n_ports;
	__u32 pad;
};

struct nat_work {
	struct packet p; /* as it came; without what only tunnels and rows need */
	/* What becomes of the flow's addresses and ports. */
	union weir_addr src, dst;
	__be16 ports[2];
	__u8 macs[2 * ETH_ALEN];
	__u8 leaves;       /* by us: else the host still has to route it */
	__u8 keeps_source; /* an ICMP error whose sender is not translated */
	__u8 tcp_flags;    /* of a packet of the flow; 0: no TCP */
	__u8 pad[5];
	struct nat_search search;
	struct bpf_fib_lookup way; /* to a client */
};

/* The packet in hand. Written and read by the functions below. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_work);
} weir_nat_work SEC(".maps");

static __always_inline struct nat_work *nat_work(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&weir_nat_work, &key);
}

/* Hands the packet over, field by field: the rest of it was never set. */
static __always_inline struct nat_work *nat_take(const struct packet *p)
{
	struct nat_work *w = nat_work();

	if (!w)
		return NULL;
	w->p.src = p->src;
	w->p.dst = p->dst;
	copy(w->p.ports, p->ports, 4);
	w->p.read = p->read;
	w->p.proto = p->proto;
	w->p.ports_why = p->ports_why;
	w->p.v6 = p->v6;
	w->p.l2_len = p->l2_len;
	w->p.about = p->about;
	w->p.fragment = p->fragment;
	w->p.fragment_id = p->fragment ? p->fragment_id : 0;
	w->p.tos = p->tos;
	w->p.ip_len = p->ip_len;
	w->p.frame_len = p->frame_len;
	w->p.endpoint = NULL;
	return w;
}

/* --- checksums, by what a sum of 16-bit words grows when these become those --- */

static __always_inline __u64 growth(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline void checksum_grow(__sum16 *check, __u64 by)
{
	__u64 sum = (__u16) ~*check + by;

	sum = (sum & 0xffffffff) + (sum >> 32);
	*check = fold((__u32)((sum & 0xffff) + (sum >> 16)));
}

static __always_inline __u64 replace(__u32 *at, __u32 to)
{
	__u64 by = growth(*at, to);

	*at = to;
	return by;
}

static __always_inline __u64 replace_v4(struct iphdr *ip, __be32 src, __be32 dst)
{
	__u64 by = replace(&ip->saddr, src) + replace(&ip->daddr, dst);

	checksum_grow(&ip->check, by);
	return by;
}

static __always_inline __u64 replace_v6(struct in6_addr *at, const union weir_addr *to)
{
	__u64 by = 0;

	for (int i = 0; i < 4; i++)
		by += replace(&at->s6_addr32[i], to->w[i]);
	return by;
}

/* The two ports, and a checksum over them and the addresses; what bytes changed by is returned.
 * check: NULL, or where it is. */
static __always_inline __u64 replace_ports(__u32 *at, __be16 first, __be16 second, __sum16 *check,
					   int udp, __u64 addresses)
{
	__u64 by = replace(at, bpf_htonl((__u32)bpf_ntohs(first) << 16 | bpf_ntohs(second)));
	__sum16 old;

	if (!check || (udp && !*check)) /* 0: there is none */
		return by;
	old = *check;
	checksum_grow(check, by + addresses);
	if (udp && !*check)
		*check = 0xffff;
	return by + (__u16)~old + *check;
}

/* --- rewriting --- */

/* The packet that an ICMP error quotes went the other way on the flow. */
static __always_inline int nat_quoted_v4(void *icmp, const void *end, const struct nat_work *w)
{
	struct iphdr *ip = icmp + sizeof(struct icmp);
	__u32 header, room;
	__sum16 old;
	__u64 by;
	void *l4;

	if ((void *)(ip + 1) > end)
		return WEIR_DROP_TRUNCATED;
	header = (__u32)(ip->ihl * 4) & 0x3c;
	l4 = (void *)ip + header;
	barrier_var(l4);
	room = w->p.ip_len - w->p.read - sizeof(struct icmp);
	if (l4 + QUOTED > end || room < header + QUOTED || room > w->p.ip_len)
		return WEIR_DROP_TRUNCATED;
	old = ip->check;
	by = replace_v4(ip, w->dst.w[3], w->src.w[3]);
	if (w->p.proto == IPPROTO_UDP)
		by += replace_ports(l4, w->ports[1], w->ports[0], l4 + UDP_CHECK, 1, by);
	else if (room >= header + TCP_CHECK + 2 && l4 + TCP_CHECK + 2 <= end)
		by += replace_ports(l4, w->ports[1], w->ports[0], l4 + TCP_CHECK, 0, by);
	else
		by += replace_ports(l4, w->ports[1], w->ports[0], NULL, 0, by);
	checksum_grow(&((struct icmp *)icmp)->checksum, by + (__u16)~old + ip->check);
	return WEIR_FORWARD;
}

static __always_inline int nat_quoted_v6(void *icmp, const void *end, const struct nat_work *w)
{
	struct ipv6hdr *ip = icmp + sizeof(struct icmp);
	void *l4 = ip + 1;
	__u32 room = w->p.ip_len - w->p.read - sizeof(struct icmp);
	__u64 by;

	if (l4 + QUOTED > end || room < sizeof(*ip) + QUOTED || room > w->p.ip_len)
		return WEIR_DROP_TRUNCATED;
	by = replace_v6(&ip->saddr, &w->dst) + replace_v6(&ip->daddr, &w->src);
	if (w->p.proto == IPPROTO_UDP)
		by += replace_ports(l4, w->ports[1], w->ports[0], l4 + UDP_CHECK, 1, by);
	else if (room >= sizeof(*ip) + TCP_CHECK + 2 && l4 + TCP_CHECK + 2 <= end)
		by += replace_ports(l4, w->ports[1], w->ports[0], l4 + TCP_CHECK, 0, by);
	else
		by += replace_ports(l4, w->ports[1], w->ports[0], NULL, 0, by);
	checksum_grow(&((struct icmp *)icmp)->checksum, by);
	return WEIR_FORWARD;
}

__attribute__((noinline)) int nat_quoted(struct xdp_md *ctx)
{
	struct nat_work *w = nat_work();
	void *icmp = (void *)(long)ctx->data;

	if (!w)
		return WEIR_DROP_TRUNCATED;
	icmp += (w->p.l2_len + w->p.read) & 0x3fff;
	barrier_var(icmp);
	return w->p.v6 ? nat_quoted_v6(icmp, packet_end(ctx), w)
		       : nat_quoted_v4(icmp, packet_end(ctx), w);
}

/* Ports, and the checksum that knows the addresses by a pseudo-header. */
static __always_inline int nat_upper(struct xdp_md *ctx, const struct nat_work *w, __u64 addresses)
{
	__u32 tcp = w->p.proto == IPPROTO_TCP;
	__u32 header = w->p.about ? 0 : tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	void *upper = (void *)(long)ctx->data + ((w->p.l2_len + w->p.read - header) & 0x3fff);
	const void *end = packet_end(ctx);

	barrier_var(upper);
	if (upper + sizeof(struct udphdr) > end)
		return WEIR_DROP_TRUNCATED;
	if (w->p.about) {
		if (w->p.v6)
			checksum_grow(&((struct icmp *)upper)->checksum, addresses);
	} else if (!tcp) {
		replace_ports(upper, w->ports[0], w->ports[1], upper + UDP_CHECK, 1, addresses);
	} else if (upper + sizeof(struct tcphdr) <= end) {
		replace_ports(upper, w->ports[0], w->ports[1], upper + TCP_CHECK, 0, addresses);
	}
	return WEIR_FORWARD;
}

/* The outer, or only, IP header, which the packet holds. *by: what its addresses change a sum by.
 */
static __always_inline int nat_header_v4(struct iphdr *ip, const void *end,
					 const struct nat_work *w, __u64 *by)
{
	__u16 from;

	if ((void *)(ip + 1) > end)
		return WEIR_DROP_TRUNCATED;
	from = *(__u16 *)&ip->ttl;
	if (w->leaves) {
		ip->ttl--;
		checksum_grow(&ip->check, (__u16)~from + *(__u16 *)&ip->ttl);
	}
	*by = replace_v4(ip, w->keeps_source ? ip->saddr : w->src.w[3], w->dst.w[3]);
	return WEIR_FORWARD;
}

static __always_inline int nat_header_v6(struct ipv6hdr *ip, const void *end,
					 const struct nat_work *w, __u64 *by)
{
	if ((void *)(ip + 1) > end)
		return WEIR_DROP_TRUNCATED;
	*by = replace_v6(&ip->daddr, &w->dst);
	if (!w->keeps_source)
		*by += replace_v6(&ip->saddr, &w->src);
	ip->hop_limit -= w->leaves;
	return WEIR_FORWARD;
}

/* Addresses, ports, hop count and neighbours. */
__attribute__((noinline)) int nat_outer(struct xdp_md *ctx)
{
	struct nat_work *w = nat_work();
	__u8 *data = (void *)(long)ctx->data, *ip;
	const __u8 *end = packet_end(ctx);
	__u64 by = 0;
	int why;

	if (!w || data + HDR_L2 > end)
		return WEIR_DROP_TRUNCATED;
	ip = data + (w->p.l2_len & 0x1f);
	barrier_var(ip); /* one register for the bounds and the stores */
	why = w->p.v6 ? nat_header_v6((void *)ip, end, w, &by)
		      : nat_header_v4((void *)ip, end, w, &by);
	if (why != WEIR_FORWARD)
		return why;
	if (w->leaves)
		copy(data, w->macs, 2 * ETH_ALEN);
	return w->p.fragment == LATER_FRAGMENT ? WEIR_FORWARD : nat_upper(ctx, w, by);
}

/* Whether its time ends here, if it is we who send it on. */
static __always_inline int nat_expires(struct xdp_md *ctx, const struct nat_work *w)
{
	const __u8 *ip = (void *)(long)ctx->data + (w->p.l2_len & 0x1f);

	barrier_var(ip);
	if (!w->leaves || ip + 9 > (const __u8 *)packet_end(ctx))
		return 0;
	return ip[w->p.v6 ? 7 : 8] <= 1;
}

/* Makes of the packet, which is as long as it says, what w says. */
static __always_inline int nat_rewrite(struct xdp_md *ctx, const struct nat_work *w)
{
	int why = nat_expires(ctx, w) ? WEIR_DROP_TTL : WEIR_FORWARD;

	if (why == WEIR_FORWARD && w->p.about)
		why = nat_quoted(ctx);
	return why == WEIR_FORWARD ? nat_outer(ctx) : why;
}

static __always_inline const struct weir_service *service_at(__u32 slot)
{
	slot &= WEIR_SERVICE_SLOTS - 1;
	return bpf_map_lookup_elem(&weir_services, &slot);
}

/* TCP_*, where the header is. */
static __always_inline __u8 nat_tcp_flags(struct xdp_md *ctx, const struct packet *p)
{
	__u32 at = p->l2_len + p->read - sizeof(struct tcphdr) + TCP_FLAGS_AT;
	const __u8 *flags = (void *)(long)ctx->data + (at & 0x3fff);

	barrier_var(flags);
	if (p->proto != IPPROTO_TCP || p->about || p->fragment == LATER_FRAGMENT ||
	    flags + 1 > (const __u8 *)packet_end(ctx))
		return 0;
	return *flags;
}

#include "nat_ports.h"

/* --- from clients to endpoints --- */

/* WEIR_FORWARD: the packet is ready to leave. */
__attribute__((noinline)) int nat_to_endpoint(struct xdp_md *ctx, __u32 slot)
{
	const struct weir_endpoint *e = find_endpoint(slot);
	struct nat_work *w = nat_work();
	int why;

	if (!e || !w)
		return WEIR_DROP_NO_ENDPOINT;
	w->src = w->p.src;
	copy(&w->dst, e->hdr + WEIR_NAT_ADDR, 16);
	w->ports[0] = w->p.ports[0];
	copy(&w->ports[1], e->hdr + WEIR_NAT_PORT, 2);
	if (!w->ports[1])
		w->ports[1] = w->p.ports[1];
	copy(w->macs, e->hdr, 2 * ETH_ALEN);
	w->leaves = 1;
	w->keeps_source = w->p.about;
	if (weir_features & WEIR_FEATURE_FULLNAT && e->hdr_len == WEIR_HDR_FULLNAT) {
		w->keeps_source = 0;
		w->tcp_flags = nat_tcp_flags(ctx, &w->p);
		why = nat_borrow(slot);
		if (why != WEIR_FORWARD)
			return why;
	}
	return nat_rewrite(ctx, w);
}

static __always_inline enum weir_reason encap_nat(struct xdp_md *ctx, const struct packet *p)
{
	if (!nat_take(p))
		return WEIR_DROP_NO_ENDPOINT;
	return (enum weir_reason)nat_to_endpoint(ctx, p->slot);
}

/* --- from endpoints to clients --- */

/* What a datagram of replies is remembered by, where others have an endpoint's slot. */
#define FRAGMENT_REPLY 0x80000000u /* | slot of its service */

/* A reply of an endpoint that has one service: that, and in w the client. NULL: it is none. */
static __always_inline const struct weir_service *nat_reverse(struct nat_work *w, __u32 *mark)
{
	const struct packet *p = &w->p;
	const struct weir_service *r, *s;
	__u32 at;

	r = find_slot(&p->src, p->ports[0], p->proto, WEIR_SLOT_REVERSE, &at);
	if (!r)
		return NULL;
	s = service_at(r->table.base);
	if (!s || s->key.used != WEIR_SLOT_USED || s->key.id != r->table.mask)
		return NULL; /* it is just being removed */
	*mark = FRAGMENT_REPLY | r->table.base;
	w->dst = p->dst;
	w->ports[1] = p->ports[1];
	return s;
}

static __always_inline const struct weir_service *nat_datagram(struct nat_work *w)
{
	__u64 hash = fragment_hash(&w->p);
	struct weir_flow_bucket *b = fragment_bucket(hash);
	struct weir_flow *f = b ? flow_find(b, hash) : NULL;
	__u32 mark = f ? f->endpoint : 0;

	if (weir_features & WEIR_FEATURE_FULLNAT && mark >= FRAGMENT_LENT)
		return nat_lent_before(w, mark);
	w->dst = w->p.dst;
	return mark & FRAGMENT_REPLY ? service_at(mark & ~FRAGMENT_REPLY) : NULL;
}

/* The service that a packet is a reply of. */
static __always_inline const struct weir_service *nat_find(struct xdp_md *ctx, struct nat_work *w,
							   __u32 *mark)
{
	const struct weir_service *s = NULL;

	if (w->p.fragment == LATER_FRAGMENT)
		return nat_datagram(w);
	if (weir_features & WEIR_FEATURE_FULLNAT) {
		w->tcp_flags = nat_tcp_flags(ctx, &w->p);
		s = nat_lent(w, mark);
	}
	if (!s && weir_features & WEIR_FEATURE_NAT)
		s = nat_reverse(w, mark);
	return s;
}

/* The way to the client, which nobody but the kernel knows. */
static __always_inline long nat_route(struct xdp_md *ctx, struct nat_work *w)
{
	struct bpf_fib_lookup *f = &w->way;

	*f = (struct bpf_fib_lookup){
		.family = w->p.v6 ? FAMILY_V6 : FAMILY_V4,
		.l4_protocol = w->p.proto,
		.sport = w->ports[0],
		.dport = w->ports[1],
		.tot_len = w->p.ip_len > 65535 ? 65535 : (__u16)w->p.ip_len,
		.ifindex = ctx->ingress_ifindex,
	};
	if (w->p.v6) {
		copy(f->ipv6_src, &w->src, 16);
		copy(f->ipv6_dst, &w->dst, 16);
	} else {
		f->tos = w->p.tos;
		f->ipv4_src = w->src.w[3];
		f->ipv4_dst = w->dst.w[3];
	}
	return bpf_fib_lookup(ctx, f, sizeof(*f), 0);
}

/* Whether packets can be sent out of it from here. */
static __always_inline int is_device(const struct xdp_md *ctx, __u32 ifindex)
{
	return ifindex == ctx->ingress_ifindex || bpf_map_lookup_elem(&weir_devices, &ifindex);
}

/* Decides whether it is sent, or the host has to do it because that must find the next hop first.
 * What is for the host itself (the answer to a probe) the kernel would not forward: that stays as
 * it is. */
static __always_inline __u64 nat_send(struct xdp_md *ctx, struct nat_work *w, __u32 mark)
{
	long way = nat_route(ctx, w);
	__u32 mtu = w->way.mtu_result, ifindex = w->way.ifindex;

	if (way == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return PICKED(WEIR_PASS_NO_FORWARDING, 0);
	if (way == BPF_FIB_LKUP_RET_FRAG_NEEDED) /* before 5.12 the kernel does not say the MTU */
		return mtu < w->p.ip_len && !w->p.about ? PICKED(WEIR_REPLY_MTU, mtu)
							: PICKED(WEIR_DROP_MTU, 0);
	if (way != BPF_FIB_LKUP_RET_SUCCESS && way != BPF_FIB_LKUP_RET_NO_NEIGH)
		return PICKED(WEIR_PASS_NOT_OURS, 0);
	if (w->p.fragment == FIRST_FRAGMENT)
		fragment_lead(fragment_hash(&w->p), mark);
	w->leaves = way == BPF_FIB_LKUP_RET_SUCCESS && is_device(ctx, ifindex);
	w->keeps_source = 0;
	copy(w->macs, w->way.dmac, ETH_ALEN);
	copy(w->macs + ETH_ALEN, w->way.smac, ETH_ALEN);
	return PICKED(w->leaves ? WEIR_FORWARD_NAT_REPLY : WEIR_PASS_NAT_REPLY, ifindex);
}

/* Of a packet for no VIP, that nat_take() has taken: is it a reply, and what becomes of it? The
 * reason, and the interface that it leaves by, or the MTU that it exceeds. Nothing is written. */
__attribute__((noinline)) __u64 nat_reply(struct xdp_md *ctx)
{
	struct nat_work *w = nat_work();
	const struct weir_service *s;
	__u32 mark = 0;

	if (!w || (w->p.v6 && is_mapped(&w->p.src)))
		return PICKED(WEIR_PASS_NOT_OURS, 0);
	s = nat_find(ctx, w, &mark);
	if (!s)
		return PICKED(WEIR_PASS_NOT_OURS, 0);
	if (w->p.ip_len < w->p.read || cut_short(ctx, &w->p))
		return PICKED(WEIR_DROP_TRUNCATED, 0);
	w->src = s->key.vip;
	w->ports[0] = s->key.port;
	return nat_send(ctx, w, mark);
}

#endif
