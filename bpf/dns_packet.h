/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_packet.h - a frame with a query becomes the frame with its answer: what the XDP and the tc
 * program have in common. Only plain datagrams: no fragments, IP options or extension headers, and
 * nobody who cannot be answered.
 *
 * Checksums of queries are not looked at, and those of answers are made from what is sent: a query
 * that was damaged on its way gets an answer to what arrived, which its sender does not take. */
#ifndef WEIR_BPF_DNS_PACKET_H
#define WEIR_BPF_DNS_PACKET_H

#include "dns_cookie.h"

#define DNS_AT_MASK 0x7f /* where a message can begin in a frame: at most 22 + 40 + 8 */
#define DNS_IP_DF   0x4000

/* Of functions that touch a frame which may begin anywhere: the kernel lets programs do that. */
#define DNS_ANYWHERE __attribute__((no_sanitize("alignment")))

/* Prepared answers: those that are large, and those that are not. Written by
 * user/dataplane/dns_answers.c, read by dns_find(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_MAX_HOT_ANSWERS);
	__type(key, struct weir_hot_key);
	__type(value, struct weir_hot_answer);
} weir_dns_answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_MAX_HOT_ANSWERS);
	__type(key, struct weir_hot_key);
	__type(value, struct weir_hot_small);
} weir_dns_small SEC(".maps");

/* An entry: one of them. */
struct dns_found {
	const struct weir_hot_answer *large;
	const struct weir_hot_small *small;
};

/* How often each was answered, by CPU: as many as there can be. Written by dns_hit(), read by
 * user/dataplane/dns_hits.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_dns_hits);
} weir_dns_hits SEC(".maps");

/* Counts an answer with records of an entry. */
static __always_inline void dns_hit(__u32 hits)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct weir_dns_hits *h = bpf_map_lookup_elem(&weir_dns_hits, &cpu);

	if (h)
		h->of[hits & (WEIR_MAX_HOT_ANSWERS - 1)]++;
}

/* Whether an answer may be sent to where a datagram says that it is from. */
static __always_inline int dns_is_client(const union weir_addr *src, const union weir_addr *dst,
					 int v6)
{
	__u8 first = v6 ? src->b[0] : src->b[12];

	if (src->q[0] == dst->q[0] && src->q[1] == dst->q[1])
		return 0;
	if (v6)
		return first != 0xff && (src->q[0] || src->q[1]);
	return first && first != 127 && first < 224;
}

static __always_inline enum weir_dns_reason dns_take_udp(struct cursor *c, struct dns_work *w,
							 __u32 ip_len, __u32 at)
{
	const struct udphdr *udp = take(c, sizeof(*udp));

	if (!udp || !udp->source || bpf_ntohs(udp->len) != ip_len ||
	    ip_len < sizeof(*udp) + WEIR_HOT_HEADER)
		return WEIR_DNS_PASS_PACKET;
	w->at = at + sizeof(*udp);
	w->len = ip_len - sizeof(*udp);
	return WEIR_DNS_QUERY;
}

static __always_inline enum weir_dns_reason dns_take_v4(struct cursor *c, struct dns_work *w,
							__u32 room)
{
	const struct iphdr *ip = take(c, sizeof(*ip));
	union weir_addr dst;
	__u32 len;

	if (!ip || *(const __u8 *)ip != 0x45 || ip->protocol != IPPROTO_UDP ||
	    ip->frag_off & bpf_htons(IP_OFFSET | IP_MORE))
		return WEIR_DNS_PASS_PACKET;
	len = bpf_ntohs(ip->tot_len);
	map_v4(&w->src, ip->saddr);
	map_v4(&dst, ip->daddr);
	w->v6 = 0;
	if (len < sizeof(*ip) || len > room || !dns_is_client(&w->src, &dst, 0))
		return WEIR_DNS_PASS_PACKET;
	return dns_take_udp(c, w, len - sizeof(*ip), w->l2_len + sizeof(*ip));
}

static __always_inline enum weir_dns_reason dns_take_v6(struct cursor *c, struct dns_work *w,
							__u32 room)
{
	const struct ipv6hdr *ip = take(c, sizeof(*ip));
	union weir_addr dst;
	__u32 len;

	if (!ip || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return WEIR_DNS_PASS_PACKET;
	len = bpf_ntohs(ip->payload_len);
	copy(&w->src, &ip->saddr, 16);
	copy(&dst, &ip->daddr, 16);
	w->v6 = 1;
	if (len + sizeof(*ip) > room || !dns_is_client(&w->src, &dst, 1))
		return WEIR_DNS_PASS_PACKET;
	return dns_take_udp(c, w, len, w->l2_len + sizeof(*ip));
}

/* Finds the message of a frame. */
static __always_inline enum weir_dns_reason dns_locate(const __u8 *data, const __u8 *end,
						       struct dns_work *w)
{
	struct cursor c = { .pos = (void *)data, .end = (void *)end };
	const struct ethhdr *eth = take(&c, sizeof(*eth));
	__u32 frame = (__u32)(end - data);
	__be16 proto;

	if (!eth || eth->h_dest[0] & 1)
		return WEIR_DNS_PASS_PACKET;
	w->l2_len = sizeof(*eth);
	proto = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS && is_vlan(proto); i++) {
		const struct vlan_tag *tag = take(&c, sizeof(*tag));

		if (!tag)
			return WEIR_DNS_PASS_PACKET;
		proto = tag->proto;
		w->l2_len += sizeof(*tag);
	}
	if (proto == bpf_htons(ETH_P_IP))
		return dns_take_v4(&c, w, frame - w->l2_len);
	if (proto == bpf_htons(ETH_P_IPV6))
		return dns_take_v6(&c, w, frame - w->l2_len);
	return WEIR_DNS_PASS_PACKET;
}

/* Reads the header and the name of the message. 0: it is odd. */
static __always_inline int dns_read_name(const __u8 *data, const __u8 *end, struct dns_work *w)
{
	const __u8 *msg = data + (w->at & DNS_AT_MASK);

	if (!weir_hot_read_header(msg, end))
		return 0;
	weir_hot_read_name(msg, end, &w->q);
	return 1;
}

static __always_inline enum weir_dns_reason dns_read_rest(const __u8 *data, const __u8 *end,
							  struct dns_work *w)
{
	return weir_hot_read_rest(data + (w->at & DNS_AT_MASK), end, w->len, &w->q);
}

/* Leaves what dns_judge() looks at. */
static __always_inline enum weir_dns_reason dns_leave(const __u8 *data, const __u8 *end,
						      struct dns_work *w)
{
	const __u8 *msg = data + (w->at & DNS_AT_MASK);
	__u32 have = (__u32)(end - msg);
	__u64 word;

	if (w->len < WEIR_HOT_HEADER + 1 + WEIR_HOT_FIXED || msg + WEIR_HOT_HEADER > end)
		return WEIR_DNS_DROP_SHORT;
	copy(&w->header, msg, WEIR_HOT_HEADER);
	w->rest = w->len - WEIR_HOT_HEADER;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < sizeof(w->name); i += 8) {
		int last = weir_hot_word(msg, end, WEIR_HOT_HEADER + i, have, &word);

		if (last < 0)
			break;
		*(__u64 *)(w->name + i) = word;
		if (last)
			break;
	}
	return WEIR_DNS_QUERY;
}

static __always_inline struct dns_found dns_look_up(const struct weir_hot_key *key)
{
	struct dns_found f = { .small = bpf_map_lookup_elem(&weir_dns_small, key) };

	if (!f.small)
		f.large = bpf_map_lookup_elem(&weir_dns_answers, key);
	return f;
}

static __always_inline int dns_is_signed(const struct dns_found *f)
{
	__u8 flags = f->small ? f->small->flags : f->large ? f->large->flags : 0;

	return flags & WEIR_HOT_SIGNED;
}

/* The entry that answers the question in w, if there is one. */
static __always_inline struct dns_found dns_find(const struct dns_work *w)
{
	/* As wide as it is read back. */
	union {
		__u64 q[2];
		struct weir_hot_key key;
	} k = { .q = { w->q.hash, w->q.type } };
	struct dns_found f = dns_look_up(&k.key);

	if (w->q.dnssec_ok && dns_is_signed(&f)) {
		k.key.dnssec_ok = 1;
		f = dns_look_up(&k.key);
	}
	if (f.small && !weir_hot_is_name(&w->q, f.small->name, f.small->name_len, WEIR_SMALL_NAME))
		f.small = NULL;
	if (f.large && !weir_hot_same_name(&w->q, f.large))
		f.large = NULL;
	return f;
}

static __always_inline __u16 dns_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Each returns what the addresses add up to, in words of 32 bits. */
DNS_ANYWHERE static __always_inline __u64 dns_write_v4(struct iphdr *ip, __u32 len)
{
	__be32 src = ip->daddr, dst = ip->saddr;
	__be16 total = bpf_htons((__u16)(len + sizeof(*ip)));
	__u64 addresses = (__u64)src + dst;

	/* Never fragmented, not even on its way (RFC 9715). */
	*(__be32 *)ip = bpf_htonl(0x45000000) | (__u32)total << 16;
	*((__be32 *)ip + 1) = bpf_htonl(DNS_IP_DF);
	*((__be32 *)ip + 2) = bpf_htonl(REPLY_TTL << 24 | IPPROTO_UDP << 16);
	ip->saddr = src;
	ip->daddr = dst;
	ip->check = dns_fold(addresses + bpf_htonl(0x45000000) + ((__u64)total << 16) +
			     bpf_htonl(DNS_IP_DF) + bpf_htonl(REPLY_TTL << 24 | IPPROTO_UDP << 16));
	return addresses;
}

DNS_ANYWHERE static __always_inline __u64 dns_write_v6(struct ipv6hdr *ip, __u32 len)
{
	union weir_addr was;
	__be32 *src = (__be32 *)&ip->saddr, *dst = (__be32 *)&ip->daddr;

	copy(&was, dst, 16);
	copy(dst, src, 16);
	copy(src, &was, 16);
	*(__be32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons((__u16)len);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = REPLY_TTL;
	return (__u64)src[0] + src[1] + src[2] + src[3] + dst[0] + dst[1] + dst[2] + dst[3];
}

/* Makes the frame, which has the length of the answer's by now, the answer's. Negative: something
 * would be outside. */
DNS_ANYWHERE static __always_inline int dns_write(__u8 *data, const __u8 *end,
						  const struct dns_work *w,
						  const struct weir_hot_plan *plan,
						  const __u8 *blob, __u32 room)
{
	__u32 len = sizeof(struct udphdr) + weir_hot_size(&w->q, plan), sum;
	struct udphdr *udp;
	__u8 *ip, *msg;
	__u64 all;
	__be32 ports;

	if (data + HDR_L2 > end)
		return -1;
	swap_macs(data);
	ip = data + (w->l2_len & 0x1f);
	msg = data + (w->at & DNS_AT_MASK);
	if (weir_hot_write(msg, end, &w->q, plan, blob, room, &sum))
		return -1;
	barrier_var(ip);
	if (w->v6) {
		udp = (void *)(ip + sizeof(struct ipv6hdr));
		if ((const __u8 *)(udp + 1) > end)
			return -1;
		all = dns_write_v6((void *)ip, len);
	} else {
		udp = (void *)(ip + sizeof(struct iphdr));
		if ((const __u8 *)(udp + 1) > end)
			return -1;
		all = dns_write_v4((void *)ip, len);
	}
	ports = *(const __be32 *)udp;
	*(__be32 *)udp = ports << 16 | ports >> 16;
	udp->len = bpf_htons((__u16)len);
	all += (__u64)ports + bpf_htons((__u16)len) * 2u + bpf_htons(IPPROTO_UDP) + sum;
	udp->check = dns_fold(all);
	if (!udp->check)
		udp->check = 0xffff;
	return 0;
}

/* What is to be answered to the question in w, with which an entry was found; then whether it fits,
 * and whether its source may have it: who has a cookie of ours is no forged one, and has no
 * limit. */
static __always_inline enum weir_dns_reason dns_decide(const struct dns_work *w,
						       struct weir_hot_plan *plan)
{
	int known = w->q.cookie_len && dns_cookie();
	enum weir_dns_reason why;

	if (weir_hot_size(&w->q, plan) > w->q.size)
		return WEIR_DNS_PASS_SIZE;
	why = known ? WEIR_DNS_QUERY : (enum weir_dns_reason)dns_charge();
	if (why == WEIR_DNS_SLIP)
		weir_hot_truncate(plan);
	return why;
}

/* Throws the die. Returns the version of the entry, of which there is one. */
static __always_inline __u64 dns_plan(const struct dns_found *f, struct weir_hot_plan *plan)
{
	__u32 die = bpf_get_prandom_u32();
	__u64 last;

	if (f->small) {
		last = *(const volatile __u64 *)&f->small->last;
		*plan = weir_hot_plan_small(f->small, die);
	} else {
		last = *(const volatile __u64 *)&f->large->last;
		*plan = weir_hot_plan(f->large, die);
	}
	return last;
}

/* Writes the answer that was planned, and counts it if it is that of an entry that was one and the
 * same all the time. Negative: it is none. */
static __always_inline int dns_finish(__u8 *data, const __u8 *end, const struct dns_work *w,
				      const struct dns_found *f, const struct weir_hot_plan *plan,
				      __u64 last, int counts)
{
	__u64 first;
	__u32 hits;

	if (f->small) {
		if (dns_write(data, end, w, plan, f->small->blob, WEIR_SMALL_BLOB))
			return -1;
		first = *(const volatile __u64 *)&f->small->first;
		hits = f->small->hits;
	} else {
		if (dns_write(data, end, w, plan, f->large->blob, WEIR_HOT_BLOB))
			return -1;
		first = *(const volatile __u64 *)&f->large->first;
		hits = f->large->hits;
	}
	if (first != last)
		return -1;
	if (counts)
		dns_hit(hits);
	return 0;
}

#endif
