/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick.h - which endpoint: the row, and for rows that are not at rest the recorded flow. */
#ifndef WEIR_PICK_H
#define WEIR_PICK_H

#include "hash.h"
#include "second.h"

/* Set by the agent when it loads the program. */
const volatile __u32 weir_flow_idle = 300 * 250 >> WEIR_FLOW_TICK; /* WEIR_FLOW_IDLE_S in ticks */
const volatile __u32 weir_flow_young = 250 >> WEIR_FLOW_TICK;      /* WEIR_FLOW_YOUNG_S */

static __always_inline const struct weir_endpoint *find_endpoint(__u32 slot)
{
	return bpf_map_lookup_elem(&weir_endpoints, &slot);
}

static __always_inline int endpoint_alive(__u32 slot)
{
	const struct weir_endpoint *e = find_endpoint(slot);

	return e && slot != WEIR_NO_ENDPOINT && (e->state & WEIR_ENDPOINT_ALIVE);
}

/* As records have it. */
static __always_inline __u32 flow_now(void)
{
	return (__u32)(bpf_jiffies64() >> WEIR_FLOW_TICK) << WEIR_FLOW_FLAGS;
}

/* In ticks. A record may be of later than now: another CPU wrote it, or it is to be kept for so
 * much longer. */
static __always_inline __u32 flow_age(const struct weir_flow *f, __u32 now)
{
	const __u32 flags = (1u << WEIR_FLOW_FLAGS) - 1;
	__s32 age = (__s32)((now | flags) - f->seen) >> WEIR_FLOW_FLAGS;

	return age < 0 ? 0 : age;
}

static __always_inline __u32 flow_away(__u32 slot, __u32 cur)
{
	return slot == cur ? 0 : WEIR_FLOW_AWAY;
}

/* How readily a way is given up, the highest first: free, forgotten, then a flow that is
 * closing, then one of a single packet, each by its age; 0: never. young: a flow of one packet
 * does not give way sooner, in ticks. */
static __always_inline __u32 flow_eviction(const struct weir_flow *f, __u32 now, __u32 young)
{
	__u32 age = flow_age(f, now);

	if (!f->key || age > weir_flow_idle)
		return 0xffffffff - !!f->key;
	if (f->seen & WEIR_FLOW_CLOSING)
		return 0x80000000 | age;
	return f->seen & WEIR_FLOW_ESTABLISHED || age < young ? 0 : age + 1;
}

/* --- a record may be counted: conns.h --- */

/* NULL: of nobody. */
static __always_inline struct weir_conns *find_conns(__u32 slot)
{
	__u32 index = weir_conns_index(slot);

	return slot == WEIR_NO_ENDPOINT ? NULL : bpf_map_lookup_elem(&weir_conns, &index);
}

/* A recorded flow is not counted any more, if it was. */
static __always_inline void conns_leave(const struct weir_flow *f)
{
	struct weir_conns *c = find_conns(f->endpoint);

	if (c && f->seen & WEIR_FLOW_OPEN && !dry_run())
		__sync_fetch_and_add(&c->closed, 1);
}

/* In the place of another flow, perhaps, or of the same one as it was. The key is written last, so
 * that nobody finds a half-written record. */
static __always_inline void flow_write(struct weir_flow *to, __u64 key, __u32 slot, __u32 seen)
{
	if (to->key)
		conns_leave(to);
	*(volatile __u64 *)&to->key = 0;
	*(volatile __u32 *)&to->endpoint = slot;
	*(volatile __u32 *)&to->seen = seen;
	*(volatile __u64 *)&to->key = key;
}

/* Records a flow with its first packet; false: no way of its bucket gives way. */
static __always_inline int flow_record(struct weir_flow_bucket *b, __u64 key, __u32 slot, __u32 now,
				       __u32 young)
{
	struct weir_flow *to = NULL;
	__u32 best = 0;

	for (int i = 0; i < WEIR_FLOW_WAYS; i++) {
		__u32 e = flow_eviction(&b->way[i], now, young);

		if (e > best) {
			best = e;
			to = &b->way[i];
		}
	}
	if (to && !dry_run())
		flow_write(to, key, slot, now);
	return to != NULL;
}

static __always_inline __u64 flow_key(__u64 hash, __u32 service_id)
{
	return hash >> 32 << 32 | service_id << 16 | (hash & 0xffff);
}

static __always_inline struct weir_flow_bucket *flow_bucket(__u64 hash)
{
	__u32 index = (__u32)(hash >> 16) & (WEIR_FLOW_BUCKETS - 1);

	return bpf_map_lookup_elem(&weir_flows, &index);
}

static __always_inline struct weir_flow *flow_find(struct weir_flow_bucket *b, __u64 key)
{
	for (int i = 0; i < WEIR_FLOW_WAYS; i++)
		if (b->way[i].key == key)
			return &b->way[i];
	return NULL;
}

/* What pick_flow() asks of a packet, and what it answers: a reason and a slot. */
enum flow_kind {
	FLOW_FIRST = 1, /* of a new flow */
	FLOW_LAST = 2,
	FLOW_ABOUT = 4,
	FLOW_MAYBE = 8, /* of a new flow, if the row says that flows without a record are new */
	FLOW_SYN = 16,  /* whatever it begins */
};
#define PICKED(why, slot) ((__u64)(why) << 32 | (slot))

/* Whether a SYN begins a flow in place of the recorded one. Not while that is alive: anybody can
 * send a SYN in a client's name, and it must not take the flow elsewhere. */
static __always_inline int begins_anew(const struct weir_flow *f, __u32 now)
{
	return !(f->seen & WEIR_FLOW_ESTABLISHED) || f->seen & WEIR_FLOW_CLOSING ||
	       flow_age(f, now) > weir_flow_idle;
}

/* A packet of a recorded flow: it stays where it is recorded, if that endpoint lives. */
static __always_inline __u64 pick_recorded(struct weir_flow *f, __u32 cur, __u32 now, __u32 kind,
					   __u32 hold)
{
	__u32 slot = f->endpoint, flags = f->seen & (WEIR_FLOW_ESTABLISHED | WEIR_FLOW_CLOSING);

	if (kind & FLOW_FIRST && begins_anew(f, now)) {
		f->endpoint = cur;
		f->seen = now;
		return PICKED(WEIR_FORWARD, cur);
	}
	flags |= (kind & FLOW_SYN ? 0 : WEIR_FLOW_ESTABLISHED) |
		 (kind & FLOW_LAST ? WEIR_FLOW_CLOSING : 0) | flow_away(slot, cur);
	if (flags & WEIR_FLOW_ESTABLISHED)
		now += hold << WEIR_FLOW_FLAGS;
	f->seen = now | flags;
	if (endpoint_alive(slot))
		return PICKED(WEIR_FORWARD_FLOW, slot);
	f->endpoint = cur;
	f->seen &= ~WEIR_FLOW_AWAY;
	return PICKED(WEIR_FORWARD, cur);
}

/* A packet of a row that is not at rest. A SYN goes to cur and is recorded. Another packet stays
 * where its flow is recorded, if that endpoint lives; without a record it belongs to a flow from
 * before the change, goes to prev and is recorded too. Where there is no room for a record, a SYN
 * goes to prev like the packets that follow it will. hold: ticks that an established record lives
 * for longer than others. A global function: verified once, and what it answers is
 * unknown to the verifier, which then need not follow each case through encap(). */
__attribute__((noinline)) __u64 pick_flow(__u64 hash, __u64 row, __u32 service_id, __u32 kind,
					  __u32 hold)
{
	__u64 key = flow_key(hash, service_id);
	struct weir_flow_bucket *b = flow_bucket(hash);
	__u32 now = flow_now(), prev = row >> 32, cur = (__u32)row;
	__u32 old = prev & WEIR_ROW_SLOT;
	struct weir_flow *f, noted;

	if (!b) /* cannot be: the index is masked */
		return PICKED(WEIR_DROP_NO_ENDPOINT, 0);
	f = flow_find(b, key);
	if (dry_run())
		f = note_record(f, &noted);
	if (kind & FLOW_ABOUT) /* not a packet of the flow: it leaves no trace */
		return PICKED(WEIR_FORWARD_ICMP, f && endpoint_alive(f->endpoint) ? f->endpoint
						 : f                              ? cur
										  : old);
	if (f)
		return pick_recorded(f, cur, now, kind, hold);
	if (kind & FLOW_FIRST || (kind & FLOW_MAYBE && prev & WEIR_ROW_UDP_NEW)) {
		if (flow_record(b, key, cur, now, weir_flow_young))
			return PICKED(WEIR_FORWARD, cur);
	} else { /* a TCP flow that lives: the handshakes of a flood do not keep it out */
		flow_record(b, key, old, now | flow_away(old, cur),
			    kind & FLOW_MAYBE ? weir_flow_young : 0);
	}
	return PICKED(WEIR_FORWARD_PREV, old);
}

/* Without a branch: the verifier would follow each. */
static __always_inline __u32 flow_kind(const struct packet *p)
{
	return p->first * (FLOW_FIRST | FLOW_SYN) | p->last * FLOW_LAST | p->about * FLOW_ABOUT |
	       (p->proto == IPPROTO_UDP) * FLOW_MAYBE;
}

/* Where the slot of a row is if that is at rest; 0 in it: ask the row. */
static __always_inline volatile __u16 *rest_of(__u32 index)
{
	__u32 line = index / WEIR_REST_ROWS;
	struct weir_rest *r = bpf_map_lookup_elem(&weir_rest, &line);

	return r ? &r->slot[index % WEIR_REST_ROWS] : NULL;
}

/* The row of a table that a hash chooses, as one word. */
static __always_inline __u64 row_of(struct weir_table_ref table, __u64 hash)
{
	__u32 index = table.base + ((__u32)hash & table.mask);
	const volatile __u16 *rest = rest_of(index);
	const struct weir_row *row;
	__u32 slot = rest ? *rest : 0;

	if (slot)
		return (__u64)WEIR_ROW_REST << 32 | slot;
	row = bpf_map_lookup_elem(&weir_rows, &index);
	if (!row) /* it is there: the agent keeps tables inside the map */
		return (__u64)WEIR_ROW_REST << 32;
	return *(const volatile __u64 *)row;
}

static __always_inline __u64 find_row(const struct packet *p, __u64 hash)
{
	__u64 word = row_of(p->table, hash);

	if (dry_run())
		note_row(p, hash, word);
	return word;
}

/* A service without flags, or one that is watched. */
static __always_inline __u64 pick_usual(struct packet *p)
{
	__u64 hash = hash_flow(p), row = find_row(p, hash);

	p->hash = hash >> 32;
	p->record = hash;
	if (row >> 32 != WEIR_ROW_REST)
		return pick_flow(hash, row, p->service_id, flow_kind(p), 0);
	return PICKED(p->about ? WEIR_FORWARD_ICMP : WEIR_FORWARD, (__u32)row);
}

#include "special.h"
#include "watch.h"

/* With p->endpoint set: go on to encap(). */
static __always_inline enum weir_reason pick(struct xdp_md *ctx, struct packet *p)
{
	__u64 picked = p->flags & ~WEIR_SERVICE_WATCH ? ask_special(ctx, p) : pick_usual(p);
	enum weir_reason why;

	if (p->flags & WEIR_SERVICE_WATCH)
		picked = watch(ctx, p, picked);
	why = (enum weir_reason)(picked >> 32);
	p->slot = (__u32)picked;
	if (p->slot == WEIR_NO_ENDPOINT)
		return why > WEIR_LAST_FORWARD ? why : WEIR_DROP_NO_ENDPOINT;
	p->endpoint = find_endpoint(p->slot);
	return p->endpoint ? why : WEIR_DROP_NO_ENDPOINT;
}

#endif
