/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick.h - which endpoint: the row, and for rows that are not at rest the recorded flow. */
#ifndef WEIR_PICK_H
#define WEIR_PICK_H

#include "hash.h"

/* Set by the agent when it loads the program. */
const volatile __u32 weir_hash_key[WEIR_HASH_KEYS];
const volatile __u32 weir_flow_idle = 300 * 250; /* WEIR_FLOW_IDLE_S in jiffies */
const volatile __u32 weir_flow_young = 250;      /* WEIR_FLOW_YOUNG_S */

static __always_inline const struct weir_endpoint *find_endpoint(__u32 slot)
{
	return bpf_map_lookup_elem(&weir_endpoints, &slot);
}

static __always_inline int endpoint_alive(__u32 slot)
{
	const struct weir_endpoint *e = find_endpoint(slot);

	return e && slot != WEIR_NO_ENDPOINT && (e->state & WEIR_ENDPOINT_ALIVE);
}

/* In jiffies. Another CPU may have written a later one than now. */
static __always_inline __u32 flow_age(const struct weir_flow *f, __u32 now)
{
	const __u32 flags = (1u << WEIR_FLOW_FLAGS) - 1;
	__s32 age = (__s32)((now | flags) - f->seen) >> WEIR_FLOW_FLAGS;

	return age < 0 ? 0 : age;
}

/* How readily a way is given up, the highest first: free or forgotten, then a flow that is
 * closing, then one of a single packet, each by its age; 0: never. */
static __always_inline __u32 flow_eviction(const struct weir_flow *f, __u32 now)
{
	__u32 age = flow_age(f, now);

	if (!f->key || age > weir_flow_idle)
		return 0xffffffff;
	if (f->seen & WEIR_FLOW_CLOSING)
		return 0x80000000 | age;
	return f->seen & WEIR_FLOW_ESTABLISHED || age < weir_flow_young ? 0 : age;
}

/* Records a flow with its first packet; false: no way of its bucket gives way. The key is written
 * last, so that nobody finds a half-written record. */
static __always_inline int flow_record(struct weir_flow_bucket *b, __u64 key, __u32 slot, __u32 now)
{
	struct weir_flow *to = NULL;
	__u32 best = 0;

	for (int i = 0; i < WEIR_FLOW_WAYS; i++) {
		__u32 e = flow_eviction(&b->way[i], now);

		if (e > best) {
			best = e;
			to = &b->way[i];
		}
	}
	if (!to)
		return 0;
	*(volatile __u64 *)&to->key = 0;
	*(volatile __u32 *)&to->endpoint = slot;
	*(volatile __u32 *)&to->seen = now;
	*(volatile __u64 *)&to->key = key;
	return 1;
}

static __always_inline struct weir_flow *flow_find(struct weir_flow_bucket *b, __u64 key)
{
	for (int i = 0; i < WEIR_FLOW_WAYS; i++)
		if (b->way[i].key == key)
			return &b->way[i];
	return NULL;
}

/* A packet of a row that is not at rest. A SYN goes to cur and is recorded. Another packet stays
 * where its flow is recorded, if that endpoint lives; without a record it belongs to a flow from
 * before the change, goes to prev and is recorded too. Where there is no room for a record, a SYN
 * goes to prev like the packets that follow it will. */
static __always_inline enum weir_reason pick_flow(struct packet *p, __u64 hash, __u32 cur,
						  __u32 prev)
{
	__u32 index = (__u32)(hash >> 16) & (WEIR_FLOW_BUCKETS - 1);
	__u64 key = hash >> 32 << 32 | p->service_id << 16 | (hash & 0xffff);
	struct weir_flow_bucket *b = bpf_map_lookup_elem(&weir_flows, &index);
	__u32 now = (__u32)bpf_jiffies64() << WEIR_FLOW_FLAGS;
	__u32 old = prev & WEIR_ROW_SLOT;
	struct weir_flow *f;

	if (!b) /* cannot be: the index is masked */
		return WEIR_DROP_NO_ENDPOINT;
	f = flow_find(b, key);
	if (p->about) { /* not a packet of the flow: it leaves no trace */
		p->slot = f && endpoint_alive(f->endpoint) ? f->endpoint : f ? cur : old;
		return WEIR_FORWARD_ICMP;
	}
	if (f && p->first) { /* a new flow, or its SYN again: record it anew */
		f->endpoint = cur;
		f->seen = now;
		p->slot = cur;
		return WEIR_FORWARD;
	}
	if (f) {
		f->seen = now | WEIR_FLOW_ESTABLISHED | (f->seen & WEIR_FLOW_CLOSING) |
			  (p->last ? WEIR_FLOW_CLOSING : 0);
		p->slot = f->endpoint;
		if (endpoint_alive(p->slot))
			return WEIR_FORWARD_FLOW;
		f->endpoint = p->slot = cur;
		return WEIR_FORWARD;
	}
	if (p->first || (p->proto == IPPROTO_UDP && prev & WEIR_ROW_UDP_NEW)) {
		if (flow_record(b, key, cur, now)) {
			p->slot = cur;
			return WEIR_FORWARD;
		}
	} else {
		flow_record(b, key, old, now);
	}
	p->slot = old;
	return WEIR_FORWARD_PREV;
}

/* With p->endpoint set: go on to encap(). */
static __always_inline enum weir_reason pick(struct packet *p)
{
	__u64 hash = hash_flow(weir_hash_key, p);
	__u32 index = p->table.base + ((__u32)hash & p->table.mask);
	const struct weir_row *row = bpf_map_lookup_elem(&weir_rows, &index);
	enum weir_reason why = p->about ? WEIR_FORWARD_ICMP : WEIR_FORWARD;
	__u64 word;

	if (!row) /* cannot be: the agent keeps tables inside the map */
		return WEIR_DROP_NO_ENDPOINT;
	word = *(const volatile __u64 *)row;
	p->slot = (__u32)word;
	if ((word >> 32) != WEIR_ROW_REST)
		why = pick_flow(p, hash, (__u32)word, word >> 32);
	if (p->slot == WEIR_NO_ENDPOINT)
		return WEIR_DROP_NO_ENDPOINT;
	p->endpoint = find_endpoint(p->slot);
	return p->endpoint ? why : WEIR_DROP_NO_ENDPOINT;
}

#endif
