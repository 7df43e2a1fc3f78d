/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - whether endpoints answer, told by what their clients send: with direct return no reply
 * comes by here.
 *
 * A SYN that comes again was not answered. The last SYN of each flow is kept in a table of
 * small buckets, by its flow and sequence number. When SYNs of some flows one after the other come
 * again, and in the meantime nobody's handshake with the endpoint ends, the endpoint is suspected:
 * the agent is told, and a SYN that comes again goes to another endpoint. The flow is recorded
 * there, and its row leaves rest, so that the record is found. No flow is moved for its second SYN
 * alone: one is lost now and then on any way; for its third it is, if the endpoint answers nobody
 * else.
 *
 * Which handshakes end is seen by the segments of one flow in WEIR_SYN_SAMPLE, those whose hash
 * says so; all other segments pay for a comparison.
 *
 * Approximate: a flood of SYNs takes the places of others before they come again. Anybody can send
 * SYNs twice, in any name: an endpoint that answers nobody else is suspected for that, so the agent
 * bounds how many it takes out. */
#ifndef WEIR_WATCH_H
#define WEIR_WATCH_H

#include "second.h"

#define WATCH_MS(ms) ((ms)*weir_hz / 1000)
#define SLOT_OF(syn) ((syn)->slot & WEIR_ROW_SLOT)

/* A segment, in the arguments of a function that takes no pointer. */
#define WATCH_AT      0x3fff /* where its TCP header is */
#define WATCH_FIRST   0x4000
#define WATCH_V6      0x8000
#define WATCH_COUNTED 0x8000 /* of an id */
/* A table and an id in records as one word: there are five arguments to a function. */
#define WATCH_TABLE(ref, id) ((__u64)(ref).base << 37 | (__u64)(ref).mask << 16 | (id))
#define WATCH_REF(table)                                                \
	{                                                               \
		.base = (table) >> 37, .mask = (table) >> 16 & 0x1fffff \
	}
_Static_assert(WEIR_MAX_ROWS <= 1 << 27 && WEIR_TABLE_MAX <= 1 << 21, "WATCH_TABLE");
#define WATCH_L2 16 /* the length of its Ethernet header begins here */

/* In jiffies: a clock that is exact costs as much as all the rest. */
static __always_inline __u32 watch_now(void)
{
	return (__u32)bpf_jiffies64();
}

/* In units of 1,024 ns, for handshakes of the sample. */
static __always_inline __u32 exact_now(void)
{
	return (__u32)(bpf_ktime_get_ns() >> 10);
}

static __always_inline struct weir_live *find_live(__u32 slot)
{
	return bpf_map_lookup_elem(&weir_live, &slot);
}

/* Nobody was answered of late, as far as is seen. */
static __always_inline int is_mute(const struct weir_live *l, __u32 now)
{
	return now - l->answered_at >= WATCH_MS(WEIR_SUSPECT_MUTE_MS);
}

static __always_inline int suspected(const struct weir_live *l, __u32 now)
{
	return l && l->unanswered >= WEIR_SUSPECT &&
	       now - l->again_at < WATCH_MS(WEIR_SUSPECT_S * 1000) && is_mute(l, now);
}

static __always_inline void tell(struct weir_live *l, __u32 slot, __u32 now)
{
	struct weir_news news = { .slot = slot };

	if (now - l->told_at < WATCH_MS(WEIR_TELL_MS))
		return;
	l->told_at = now;
	bpf_ringbuf_output(&weir_news, &news, sizeof(news), 0);
}

/* Another flow was not answered, or was refused. */
static __always_inline void blame(struct weir_live *l, __u32 now)
{
	__u32 before = l->unanswered,
	      ms = before < WEIR_SUSPECT ? WEIR_SUSPECT_MS : WEIR_SUSPECT_S * 1000;

	if (now - l->again_at > WATCH_MS(ms))
		before = 0;
	l->unanswered = before + 1;
	l->again_at = now;
}

/* An endpoint that is neither suspected nor one of these two, by another row; slot: none was found.
 */
static __always_inline __u32 second_choice(struct weir_table_ref table, __u64 hash, __u32 slot,
					   __u32 last, __u32 now)
{
#pragma clang loop unroll(disable)
	for (__u32 n = 1; n <= WEIR_SECOND_TRIES; n++) {
		__u32 index = other_row_of(table, hash, n);
		const struct weir_row *row = bpf_map_lookup_elem(&weir_rows, &index);
		__u32 other = row ? row->cur : slot;

		if (other != slot && other != last && endpoint_alive(other) &&
		    !suspected(find_live(other), now))
			return other;
	}
	return slot;
}

/* Records a flow with an endpoint other than its row's. False: there is no room. */
static __always_inline int move_flow(struct weir_table_ref table, __u64 hash, __u32 id, __u32 to)
{
	__u32 index = table.base + ((__u32)hash & table.mask), now = flow_now();
	struct weir_flow_bucket *b = flow_bucket(hash);
	struct weir_row *row = bpf_map_lookup_elem(&weir_rows, &index);
	volatile __u16 *rest = rest_of(index);
	struct weir_flow *f = b ? flow_find(b, flow_key(hash, id)) : NULL;

	if (!row || !rest || !b)
		return 0;
	if (f) {
		f->endpoint = to;
		f->seen = now;
	} else if (!flow_record(b, flow_key(hash, id), to, now, weir_flow_young)) {
		return 0;
	}
	if (row->prev ==
	    WEIR_ROW_REST) /* the agent may write it now: it says the same, or mends it */
		*(volatile __u32 *)&row->prev = row->cur;
	*rest = 0;
	return 1;
}

/* The same where flows are counted: with the endpoint that has it now, if that has room. */
static __always_inline int move_counted(__u64 hash, __u32 id, __u32 to)
{
	struct weir_flow *f = conns_way(conns_find(hash, flow_key(hash, id)));
	struct weir_conns *c = find_conns(to);

	if (!f || !c || !conns_enter(c))
		return 0;
	conns_leave(f);
	f->endpoint = to;
	f->seen = flow_now() | WEIR_FLOW_OPEN;
	return 1;
}

static __always_inline int move(struct weir_table_ref table, __u64 hash, __u32 id, __u32 to)
{
	if (id & WATCH_COUNTED)
		return move_counted(hash, id & ~WATCH_COUNTED, to);
	return move_flow(table, hash, id, to);
}

/* A SYN that was sent to an endpoint before, and not answered. */
__attribute__((noinline)) __u64 watch_again(__u64 hash, __u64 table, __u64 picked, __u32 slot,
					    __u32 is_second)
{
	const struct weir_table_ref ref = WATCH_REF(table);
	struct weir_live *before = find_live(slot & WEIR_ROW_SLOT), *l = find_live((__u32)picked);
	__u32 now = watch_now(), to;

	if (!before || !l)
		return picked;
	if (is_second) {
		__sync_fetch_and_add(&before->again, 1);
		blame(before, now);
	}
	if (suspected(before, now))
		tell(before, slot, now);
	if (!suspected(l, now) && (is_second || !is_mute(l, now)))
		return picked;
	to = second_choice(ref, hash, (__u32)picked, slot, now);
	if (to == (__u32)picked || !move(ref, hash, table & 0xffff, to))
		return picked;
	__sync_fetch_and_add(&l->moved, 1);
	return PICKED(WEIR_FORWARD_SECOND, to);
}

static __always_inline __u32 syn_index(__u32 tag)
{
	return (tag ^ tag >> 16) & (WEIR_SYN_BUCKETS - 1);
}

/* The way of a flow's SYN with this sequence number; else the oldest, which it may take. */
static __always_inline struct weir_syn *syn_way(struct weir_syn_bucket *b, __u32 tag, __u32 seq,
						__u32 now)
{
	struct weir_syn *oldest = &b->way[0];

	for (int i = 0; i < WEIR_SYN_WAYS; i++) {
		struct weir_syn *s = &b->way[i];

		if (s->tag == tag && s->seq == seq)
			return s;
		if (now - s->at > now - oldest->at)
			oldest = s;
	}
	return oldest;
}

static __always_inline struct weir_begun *find_begun(__u32 tag)
{
	__u32 index = tag / WEIR_SYN_SAMPLE & (WEIR_BEGUN - 1);

	return bpf_map_lookup_elem(&weir_begun, &index);
}

/* A handshake of the sample begins. */
static __always_inline void watch_begin(__u32 tag)
{
	struct weir_begun *b = find_begun(tag);

	if (!b)
		return;
	b->tag = tag;
	b->at = exact_now();
}

/* Notes a SYN; and where it is sent, if it came before. */
static __always_inline __u64 watch_syn(struct weir_syn_bucket *b, __u32 tag, __u32 seq, __u64 hash,
				       __u64 table, __u64 picked)
{
	__u32 now = watch_now(), flags = 0, age;
	struct weir_live *l = find_live((__u32)picked);
	struct weir_syn *s = syn_way(b, tag, seq, now);

	age = now - s->at;
	if (s->tag == tag && s->seq == seq && age < WATCH_MS(WEIR_SYN_LIFE_S * 1000)) {
		if (age < WATCH_MS(WEIR_SYN_RTO_MS) || s->slot & WEIR_SYN_ANSWERED)
			return picked;
		flags = WEIR_SYN_AGAIN;
		picked = watch_again(hash, table, picked, SLOT_OF(s), !(s->slot & WEIR_SYN_AGAIN));
	} else if (l) {
		__sync_fetch_and_add(&l->syns, 1);
		if (tag % WEIR_SYN_SAMPLE == 0)
			watch_begin(tag);
	}
	s->tag = tag;
	s->seq = seq;
	s->at = now;
	s->slot = (__u32)picked | flags;
	return picked;
}

/* The client's region. */
static __always_inline __u32 region_of(struct xdp_md *ctx, __u32 what)
{
	struct weir_region_key key = { .bits = 32 + 128 };
	const __u8 *ip = (void *)(long)ctx->data + (what >> WATCH_L2 & 0x1f);
	const __u32 *region;

	barrier_var(ip);
	if (ip + sizeof(struct ipv6hdr) > (const __u8 *)packet_end(ctx))
		return 0;
	if (what & WATCH_V6)
		copy(&key.addr, ip + 8, 16);
	else
		map_v4(&key.addr, *(const __be32 *)(ip + 12));
	region = bpf_map_lookup_elem(&weir_regions, &key);
	return region ? *region : 0;
}

/* A handshake of the sample has ended: counts how long it took, if nobody has taken its place. */
__attribute__((noinline)) int watch_time(struct xdp_md *ctx, __u32 what, __u32 slot, __u32 tag)
{
	static const struct weir_handshakes none;
	struct weir_handshake_key key = { .slot = slot, .region = region_of(ctx, what) };
	struct weir_handshakes *h = bpf_map_lookup_elem(&weir_handshakes, &key);
	const struct weir_begun *b = find_begun(tag);
	__u32 at;

	if (!b || b->tag != tag)
		return 0;
	at = weir_handshake_bucket((__u32)(((__u64)(exact_now() - b->at) << 10) / 1000));
	if (!h) {
		bpf_map_update_elem(&weir_handshakes, &key, &none, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&weir_handshakes, &key);
	}
	if (h && at < WEIR_HANDSHAKE_BUCKETS)
		__sync_fetch_and_add(&h->n[at], 1);
	return 0;
}

/* The first segment behind a SYN: its handshake has ended. */
static __always_inline void watch_answer(struct xdp_md *ctx, struct weir_syn *s, __u32 what)
{
	struct weir_live *l = find_live(SLOT_OF(s));
	__u32 now;

	if (s->slot & WEIR_SYN_ANSWERED || !l)
		return;
	now = watch_now();
	if (!(s->slot & WEIR_SYN_AGAIN))
		watch_time(ctx, what, SLOT_OF(s), s->tag);
	s->slot |= WEIR_SYN_ANSWERED;
	__sync_fetch_and_add(&l->answered, 1);
	l->unanswered = 0;
	l->answered_at = now;
}

static __always_inline void watch_data(struct xdp_md *ctx, struct weir_syn_bucket *b, __u32 tag,
				       __u32 seq, __u32 what)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < WEIR_SYN_WAYS; i++) {
		if (b->way[i].tag != tag || b->way[i].seq + 1 != seq)
			continue;
		watch_answer(ctx, &b->way[i], what);
		return;
	}
}

/* A SYN, or a segment of a flow in the sample. What the flow was given, or what it is given
 * instead. A global function: verified once. table: WATCH_TABLE(); what:
 * hash of the flow << 32 | WATCH_*. */
__attribute__((noinline)) __u64 watch_tcp(struct xdp_md *ctx, __u64 hash, __u64 table, __u64 picked,
					  __u64 what)
{
	const __u8 *tcp = (void *)(long)ctx->data + (what & WATCH_AT);
	__u32 tag = what >> 32, index = syn_index(tag), seq;
	struct weir_syn_bucket *b = bpf_map_lookup_elem(&weir_syns, &index);

	barrier_var(tcp);
	if (!b || tcp + 8 > (const __u8 *)packet_end(ctx))
		return picked;
	seq = bpf_ntohl(*(const __be32 *)(tcp + 4));
	if (what & WATCH_FIRST)
		return watch_syn(b, tag, seq, hash, table, picked);
	watch_data(ctx, b, tag, seq, (__u32)what);
	return picked;
}

static __always_inline __u64 watch(struct xdp_md *ctx, const struct packet *p, __u64 picked)
{
	__u32 id = p->flags & WEIR_SERVICE_STICKY ? p->client_id : p->service_id, what;

	if (!p->first && p->hash % WEIR_SYN_SAMPLE)
		return picked;
	if (p->proto != IPPROTO_TCP || p->about || dry_run() || !(__u32)picked)
		return picked;
	if (p->flags & WEIR_SERVICE_RECORDED)
		id |= WATCH_COUNTED;
	what = (p->l2_len + p->read - sizeof(struct tcphdr)) & WATCH_AT;
	what |= p->first * WATCH_FIRST | p->v6 * WATCH_V6 | p->l2_len << WATCH_L2;
	return watch_tcp(ctx, p->record, WATCH_TABLE(p->table, id), picked,
			 (__u64)p->hash << 32 | what);
}

#endif
