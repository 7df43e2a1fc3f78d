/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_guard.h - which messages are worth an answer: what no query looks like is dropped, names of
 * none of our zones pass at a bounded rate, to be refused, and so do the queries of each prefix of
 * clients.
 *
 * Everything is approximate in the same way as guard.h. A query is charged to its source once:
 * where it is answered in the kernel, or by the filter on the sockets when it comes to them. */
#ifndef WEIR_BPF_DNS_GUARD_H
#define WEIR_BPF_DNS_GUARD_H

#include "budget.h"
#include "dns_work.h"

/* Apexes of zones, by weir_dns_zone_key(). Written by user/dataplane/dns.c, read by dns_is_ours().
 * Somebody who finds another name of the same hash gets it refused by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_DNS_MAX_ZONES);
	__type(key, __u64);
	__type(value, __u32);
} weir_dns_zones SEC(".maps");

/* Written by user/dataplane/dns.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_dns_guard);
} weir_dns_guard SEC(".maps");

/* Where a message is looked at. */
enum dns_road {
	DNS_ROAD_PACKET,
	DNS_ROAD_SOCKET,
	DNS_ROADS,
};

/* Foreign names that may still pass, by road. Written and read by dns_may_refuse(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DNS_ROADS);
	__type(key, __u32);
	__type(value, struct budget);
} weir_dns_budget SEC(".maps");

static __always_inline const struct weir_dns_guard *dns_guard(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&weir_dns_guard, &key);
}

static __always_inline int dns_may_refuse(__u32 road)
{
	struct budget *b = bpf_map_lookup_elem(&weir_dns_budget, &road);

	return b && budget_spend(b, WEIR_DNS_FOREIGN_PER_S, WEIR_DNS_FOREIGN_PER_S);
}

/* An answer section is for NOTIFY, authority for IXFR (one SOA) and UPDATE; a query's additional
 * section has room for OPT and a signature or two. */
static __always_inline int dns_counts_ok(const struct dns_header *h)
{
	if (h->questions != bpf_htons(1))
		return 0;
	if ((h->flags >> 3) & 15)
		return 1;
	return !h->answers && bpf_ntohs(h->authority) <= 1 && bpf_ntohs(h->additional) <= 3;
}

/* A name without pointers (a first name has nothing to point at), then its type and class. Bytes of
 * w->name that the message has not got are of another one: it ends behind its own. A global
 * function: verified once. */
__attribute__((noinline)) int dns_walk(void)
{
	struct dns_work *w = dns_work();
	__u32 off = 0, turn;

	if (!w)
		return 0;
	turn = ++w->turn;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i <= WEIR_DNS_MAX_LABELS; i++) {
		__u32 label = w->name[off & DNS_NAME_MASK];

		if (label > 63)
			return 0;
		w->label_at[i] = (__u8)off;
		w->begins[off & DNS_NAME_MASK] = turn;
		off += 1 + label;
		if (off > WEIR_DNS_NAME)
			return 0;
		if (label)
			continue;
		w->name_len = off;
		w->labels = i + 1;
		return off + WEIR_HOT_FIXED <= w->rest;
	}
	return 0;
}

static __always_inline __u8 dns_lower(__u8 c)
{
	return c | ((__u8)(c - 'A') < 26) << 5;
}

/* Whether a suffix of the name is a zone's apex. From its end, as far as the deepest apex. A
 * global function: verified once. */
__attribute__((noinline)) int dns_is_ours(void)
{
	const struct weir_dns_guard *g = dns_guard();
	const struct dns_work *w = dns_work();
	__u32 deep, skip, floor, end, turn;
	__u64 hash = 0;

	if (!g || !w)
		return 0;
	deep = g->labels + 1;
	skip = w->labels > deep ? w->labels - deep : 0;
	floor = w->label_at[skip & WEIR_DNS_MAX_LABELS];
	end = w->name_len;
	turn = w->turn;
#pragma clang loop unroll(disable)
	for (__u32 i = 1; i <= WEIR_DNS_NAME; i++) {
		__u32 at = end - i;
		__u64 key;

		if ((__s32)at < (__s32)floor)
			break;
		hash = weir_dns_zone_hash(hash, dns_lower(w->name[at & DNS_NAME_MASK]));
		if (w->begins[at & DNS_NAME_MASK] != turn)
			continue;
		key = weir_dns_zone_key(hash);
		if (bpf_map_lookup_elem(&weir_dns_zones, &key))
			return 1;
	}
	return 0;
}

/* Of the message in w, whose header, name and rest are there. A global function: verified once. */
__attribute__((noinline)) int dns_judge(__u32 road)
{
	const struct weir_dns_guard *g = dns_guard();
	struct dns_work *w = dns_work();

	if (!g || !w)
		return WEIR_DNS_DROP_NAME;
	if (w->len > WEIR_DNS_LARGEST)
		return WEIR_DNS_DROP_LARGE;
	if (w->header.flags & WEIR_HOT_QR)
		return WEIR_DNS_DROP_RESPONSE;
	if (!dns_counts_ok(&w->header))
		return WEIR_DNS_DROP_COUNTS;
	if (!dns_walk())
		return WEIR_DNS_DROP_NAME;
	if (g->zones && !dns_is_ours() && !dns_may_refuse(road))
		return WEIR_DNS_DROP_FOREIGN;
	return WEIR_DNS_QUERY;
}

/* Charges a query of w->src. WEIR_DNS_QUERY: it is within its rate, WEIR_DNS_SLIP: it is not, but
 * let through; else WEIR_DNS_DROP_RATE. A global function: verified once. */
__attribute__((noinline)) int dns_charge(void)
{
	static const __u32 none[4];
	const struct weir_dns_guard *g = dns_guard();
	const struct dns_work *w = dns_work();
	const union weir_addr *mask;
	union weir_addr of;
	__u32 slip;

	if (!g || !w || !g->rate)
		return WEIR_DNS_QUERY;
	mask = &g->mask[w->v6 & 1];
	of.q[0] = w->src.q[0] & mask->q[0];
	of.q[1] = w->src.q[1] & mask->q[1];
	/* No load balancer has group 0. */
	if (rate_spend(hash_words(weir_hash_key, of.w, none, 0, 2), g->rate, g->burst))
		return WEIR_DNS_QUERY;
	slip = g->slip;
	if (slip && !(bpf_get_prandom_u32() % slip))
		return WEIR_DNS_SLIP;
	return WEIR_DNS_DROP_RATE;
}

#endif
