/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conns.h - services whose open connections are counted: limits of endpoints, least connections.
 *
 * COUNTED: every flow is recorded, in rows at rest too, and its record says whether it is counted
 * with its endpoint. That is what lets counts come down again: by FIN and RST here, by silence in
 * the agent's sweep (user/dataplane/conns.c), which also finds what counts should be. A new flow
 * whose endpoint is at its limit goes on to other rows of its table; when all that are asked are
 * full it is dropped, and the next search goes on where this one ended, so that a SYN that comes
 * again finds what this one did not.
 *
 * LEAST: a new flow goes to the first or second row's endpoint, whichever has fewer connections for
 * its weight with this one. Rows are shared out by weights; without dividing by them endpoints
 * would be made equal.
 *
 * RECORDED without COUNTED: not any more, but flows that were recorded stay where they are.
 *
 * What is approximate:
 * - A connection counts from its SYN to its client's FIN or RST, whether or not the endpoint
 * agrees. What it did with them is not seen.
 * - One that was silent for WEIR_FLOW_IDLE_S, or whose client sent nothing but its first packet
 *   for WEIR_FLOW_OPENING_S, does not count until it is heard again. Then it counts in any case.
 * - A datagram flow is open until it was silent for WEIR_FLOW_UDP_S. A QUIC connection whose client
 *   has another address now is another flow, open where its id says.
 * - Flows from before the service counted count from their next packet on.
 * - When neither bucket of a flow has room (beyond some 200,000 flows, or in a flood of SYNs) it
 * goes to its row's endpoint, if that is not full, and is not counted.
 * - Packets of one flow that two CPUs work on at the same moment may count twice, until the next
 *   sweep. Limits are kept all the same: who finds that he was one too many goes on.
 * - With an endpoint that died its TCP flows are lost: they are not counted where they end. */
#ifndef WEIR_CONNS_H
#define WEIR_CONNS_H

/* Set by the agent when it loads the program: WEIR_FLOW_OPENING_S in ticks. */
const volatile __u32 weir_flow_opening = 5 * 250 >> WEIR_FLOW_TICK;

/* Closing may have been counted before opening, on another CPU. */
static __always_inline __u32 conns_open(const struct weir_conns *c)
{
	__s32 n = *(const volatile __u32 *)&c->opened - *(const volatile __u32 *)&c->closed;

	return n < 0 ? 0 : n;
}

static __always_inline int conns_full(const struct weir_conns *c)
{
	return c->limit && conns_open(c) >= c->limit;
}

/* Counts a connection, unless the endpoint is full. Counted first and then looked at again: of CPUs
 * that take the last place at the same moment none is left over it. */
static __always_inline int conns_enter(struct weir_conns *c)
{
	if (conns_full(c))
		return 0;
	if (dry_run())
		return 1;
	__sync_fetch_and_add(&c->opened, 1);
	if (!c->limit || conns_open(c) <= c->limit)
		return 1;
	__sync_fetch_and_add(&c->closed, 1);
	return 0;
}

/* A flow that is there is counted, whatever the limit says. */
static __always_inline void conns_add(__u32 slot)
{
	struct weir_conns *c = find_conns(slot);

	if (c && !dry_run())
		__sync_fetch_and_add(&c->opened, 1);
}

/* Whether a has fewer connections for its weight than b, if each had one more. */
static __always_inline int conns_fewer(const struct weir_conns *a, const struct weir_conns *b)
{
	return (__u64)(conns_open(a) + 1) * b->weight < (__u64)(conns_open(b) + 1) * a->weight;
}

/* Records are in one of two buckets, so that both are full only when nearly all are. */
static __always_inline __u32 conns_bucket(__u64 hash, int other)
{
	__u32 index = (__u32)(hash >> 16);

	if (other)
		index ^= (__u32)(hash >> 48) | 1;
	return index & (WEIR_FLOW_BUCKETS - 1);
}

/* Ways by number, as global functions can answer them: 0 is none. */
static __always_inline struct weir_flow *conns_way(__u32 number)
{
	__u32 at = number - 1, index = at / WEIR_FLOW_WAYS % WEIR_FLOW_BUCKETS;
	struct weir_flow_bucket *b = number ? bpf_map_lookup_elem(&weir_flows, &index) : NULL;

	if (!b)
		return NULL;
	barrier_var(b); /* clang would add to it first, and the verifier refuse that */
	return &b->way[at % WEIR_FLOW_WAYS];
}

/* The way in which a flow is recorded. */
__attribute__((noinline)) __u32 conns_find(__u64 hash, __u64 key)
{
	for (int i = 0; i < 2; i++) {
		__u32 index = conns_bucket(hash, i);
		const struct weir_flow_bucket *b = bpf_map_lookup_elem(&weir_flows, &index);

		for (__u32 way = 0; b && way < WEIR_FLOW_WAYS; way++)
			if (b->way[way].key == key)
				return index * WEIR_FLOW_WAYS + way + 1;
	}
	return 0;
}

/* The way of one of its buckets that is given up most readily, for a flow without a record. */
__attribute__((noinline)) __u32 conns_room(__u64 hash, __u32 now, __u32 young)
{
	__u32 best = 0, to = 0;

	for (int i = 0; i < 2; i++) {
		__u32 index = conns_bucket(hash, i);
		const struct weir_flow_bucket *b = bpf_map_lookup_elem(&weir_flows, &index);

		for (__u32 way = 0; b && way < WEIR_FLOW_WAYS; way++) {
			__u32 e = flow_eviction(&b->way[way], now, young);

			if (e <= best)
				continue;
			best = e;
			to = index * WEIR_FLOW_WAYS + way + 1;
		}
	}
	return to;
}

static __always_inline void conns_record(struct weir_flow *to, __u64 key, __u32 slot, __u32 seen)
{
	if (!dry_run())
		flow_write(to, key, slot, seen);
}

/* The endpoint of the nth row that a flow may have; 0 is its own. */
static __always_inline __u32 conns_candidate(const struct packet *p, __u64 hash, __u32 cur,
					     __u32 nth)
{
	__u32 index = other_row(p, hash, nth);
	const struct weir_row *row = nth ? bpf_map_lookup_elem(&weir_rows, &index) : NULL;

	return row ? *(const volatile __u32 *)&row->cur : cur;
}

/* A new flow, counted with an endpoint that has room: PICKED(). */
__attribute__((noinline)) __u64 conns_choose(__u64 hash, __u32 cur)
{
	struct weir_conns *first = find_conns(cur), *c;
	const struct packet *p = odd_packet();
	__u32 swap = 0, slot, nth;

	if (!p || !first)
		return PICKED(WEIR_DROP_NO_ENDPOINT, WEIR_NO_ENDPOINT);
	c = find_conns(conns_candidate(p, hash, cur, 1));
	if (p->flags & WEIR_SERVICE_LEAST && c)
		swap = conns_fewer(c, first);
	for (__u32 i = 0; i <= WEIR_CONNS_TRIES; i++) {
		nth = i < 2 ? i ^ swap : i + first->turn;
		slot = conns_candidate(p, hash, cur, nth);
		c = find_conns(slot);
		if (dry_run())
			note_choice(conns_open(first), first->limit, nth);
		if (c && conns_enter(c))
			return PICKED(nth ? WEIR_FORWARD_OTHER : WEIR_FORWARD, slot);
	}
	if (!dry_run())
		first->turn += WEIR_CONNS_TRIES - 1;
	return PICKED(WEIR_DROP_FULL, WEIR_NO_ENDPOINT);
}

/* Where packets of a row belong that no record speaks of. */
static __always_inline __u64 conns_unrecorded(__u64 row)
{
	__u32 prev = row >> 32;

	return prev == WEIR_ROW_REST ? PICKED(WEIR_FORWARD, (__u32)row)
				     : PICKED(WEIR_FORWARD_PREV, prev & WEIR_ROW_SLOT);
}

/* A flow begins. to: its record from before, or one that gives way to it; NULL: there is no room,
 * and it goes where the packets that follow it will. */
static __always_inline __u64 conns_begin(const struct packet *p, __u64 hash, __u64 row,
					 struct weir_flow *to, __u32 now)
{
	__u64 picked = PICKED(WEIR_FORWARD, (__u32)row);
	const struct weir_conns *c;

	if (!to) {
		picked = conns_unrecorded(row);
		c = find_conns((__u32)picked);
		return c && conns_full(c) ? PICKED(WEIR_DROP_FULL, WEIR_NO_ENDPOINT) : picked;
	}
	if (p->flags & WEIR_SERVICE_COUNTED) {
		picked = conns_choose(hash, (__u32)row);
		now |= WEIR_FLOW_OPEN;
	}
	if ((__u32)picked != WEIR_NO_ENDPOINT)
		conns_record(to, flow_key(hash, p->service_id), (__u32)picked, now);
	return picked;
}

/* Whether a SYN begins a flow in place of the recorded one: as in other services, except that one
 * that comes again for want of an answer stays where it was counted. */
static __always_inline int conns_anew(const struct weir_flow *f, __u32 now)
{
	if (f->seen & (WEIR_FLOW_ESTABLISHED | WEIR_FLOW_CLOSING))
		return begins_anew(f, now);
	return flow_age(f, now) > weir_flow_opening;
}

/* A packet of a recorded flow: it stays there if that endpoint lives. */
static __always_inline __u64 conns_go_on(const struct packet *p, struct weir_flow *f, __u64 hash,
					 __u64 row, __u32 now)
{
	__u32 flags = f->seen & ((1u << WEIR_FLOW_FLAGS) - 1) & ~WEIR_FLOW_AWAY;
	int alive = endpoint_alive(f->endpoint);

	if (alive ? p->first && conns_anew(f, now) : p->first || p->proto == IPPROTO_UDP)
		return conns_begin(p, hash, row, f, now);
	if (p->last || !alive) {
		conns_leave(f);
		flags = (flags & ~WEIR_FLOW_OPEN) | WEIR_FLOW_CLOSING;
	} else if (!(flags & (WEIR_FLOW_OPEN | WEIR_FLOW_CLOSING)) &&
		   p->flags & WEIR_SERVICE_COUNTED) {
		conns_add(f->endpoint);
		flags |= WEIR_FLOW_OPEN;
	}
	flags |= p->first ? 0 : WEIR_FLOW_ESTABLISHED;
	f->seen = now | flags | (alive ? flow_away(f->endpoint, (__u32)row) : 0);
	if (alive)
		return PICKED(WEIR_FORWARD_FLOW, f->endpoint);
	f->endpoint = (__u32)row;
	return PICKED(WEIR_FORWARD, (__u32)row);
}

/* A packet of a flow without a record: the first one, or the flow is older than the counting. */
static __always_inline __u64 conns_meet(const struct packet *p, __u64 hash, __u64 row, __u32 now)
{
	__u64 picked = conns_unrecorded(row);
	__u32 prev = row >> 32, young = weir_flow_young;
	struct weir_flow *to;

	if (p->first || (p->proto == IPPROTO_UDP && prev & WEIR_ROW_UDP_NEW))
		return conns_begin(p, hash, row, conns_way(conns_room(hash, now, young)), now);
	if (p->last || (__u32)picked == WEIR_NO_ENDPOINT)
		return picked;
	if (p->proto == IPPROTO_TCP && prev != WEIR_ROW_REST)
		young = 0; /* it lives, and must not follow the row */
	to = conns_way(conns_room(hash, now, young));
	if (to) {
		conns_add((__u32)picked);
		conns_record(to, flow_key(hash, p->service_id), (__u32)picked,
			     now | WEIR_FLOW_OPEN | flow_away((__u32)picked, (__u32)row));
	}
	return picked;
}

/* A packet of a flow that is known to be open at an endpoint, whatever is recorded. */
__attribute__((noinline)) int conns_heard(__u64 hash, __u32 slot)
{
	const struct packet *p = odd_packet();
	__u32 now = flow_now(), seen = now | WEIR_FLOW_OPEN;
	struct weir_flow *f;
	__u64 key;

	if (!p || dry_run())
		return 0;
	key = flow_key(hash, p->service_id);
	f = conns_way(conns_find(hash, key));
	if (f)
		seen |= WEIR_FLOW_ESTABLISHED;
	else
		f = conns_way(conns_room(hash, now, weir_flow_young));
	if (!f)
		return 0;
	if (f->key == key && f->endpoint == slot && f->seen & WEIR_FLOW_OPEN) {
		f->seen = seen;
		return 1;
	}
	conns_add(slot);
	conns_record(f, key, slot, seen);
	return 1;
}

/* The packet that ask_special() left, of a service with RECORDED; 0: none of its flow's is
 * recorded, nor shall be. A global function: verified once. */
__attribute__((noinline)) __u64 pick_counted(__u64 hash, __u64 row)
{
	const struct packet *p = odd_packet();
	struct weir_flow *f, noted;
	__u32 now = flow_now();

	if (!p)
		return PICKED(WEIR_DROP_NO_ENDPOINT, WEIR_NO_ENDPOINT);
	f = conns_way(conns_find(hash, flow_key(hash, p->service_id)));
	if (dry_run())
		f = note_record(f, &noted);
	if (p->about) /* not a packet of the flow: it leaves no trace */
		return PICKED(WEIR_FORWARD_ICMP, !f ? conns_unrecorded(row) & 0xffffffff
						 : endpoint_alive(f->endpoint) ? f->endpoint
									       : (__u32)row);
	if (f)
		return conns_go_on(p, f, hash, row, now);
	return p->flags & WEIR_SERVICE_COUNTED ? conns_meet(p, hash, row, now) : 0;
}

#endif
