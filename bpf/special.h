/* SPDX-License-Identifier: GPL-2.0-or-later */
/* special.h - services that are not usual, by their flags.
 *
 * CLIENT: a row is chosen by the client's address alone, so that all its flows reach one endpoint,
 * whatever port of the load balancer they are for. Flows are recorded one by one as ever.
 *
 * STICKY: clients are recorded, not flows, and an affinity outlives a change. At rest nobody knows
 * which clients came before, so in a row that has changed every client without a record is taken
 * for one that did: its SYN goes to prev too, and it is recorded there. That is approximate: a
 * client that is new in that time stays with prev as well. When the affinity has had its time (it
 * is counted from the change) clients without a record go to cur; recorded ones stay until they
 * were silent for that time. Where there is no room to record a client it goes to prev while the
 * time lasts, and to prev or cur afterwards.
 *
 * UDP_REQUEST: a change of a row holds for the next datagram; none is recorded.
 *
 * SOURCES, RATE: guard.h. QUIC: quic.h. DNS: dns.h. COUNTED, LEAST, RECORDED: conns.h. STEER:
 * steer.h. */
#ifndef WEIR_SPECIAL_H
#define WEIR_SPECIAL_H

static __always_inline const struct weir_special *find_special(__u32 service_id)
{
	return bpf_map_lookup_elem(&weir_specials, &service_id);
}

#include "guard.h"
#include "quic.h"
#include "conns.h"
#include "steer.h"

/* What chooses the row (the lowest bits), the bucket and the record of a packet. */
static __always_inline __u64 hash_special(struct packet *p)
{
	const __u64 row = WEIR_TABLE_MAX - 1;
	__u64 flow = hash_flow(p), client;

	p->hash = flow >> 32;
	if (!(p->flags & WEIR_SERVICE_CLIENT))
		return flow;
	client = hash_client(p);
	return p->flags & WEIR_SERVICE_STICKY ? client : (flow & ~row) | (client & row);
}

/* Any packet of a client may be its first one after the change; no packet is its last one. */
static __always_inline __u32 client_kind(const struct packet *p)
{
	return p->about * FLOW_ABOUT | p->first * (FLOW_MAYBE | FLOW_SYN) |
	       (p->proto == IPPROTO_UDP) * FLOW_MAYBE;
}

static __always_inline __u64 find_special_row(struct packet *p, __u64 hash)
{
	p->way = WAY_REST;
	return p->flags & WEIR_SERVICE_STEER ? steer(hash) : find_row(p, hash);
}

/* The packet that ask_special() left. A global function: verified once. */
__attribute__((noinline)) __u64 pick_special(struct xdp_md *ctx)
{
	struct packet *p = odd_packet();
	const struct weir_special *s;
	enum weir_reason why;
	__u64 hash, row;
	__u32 slot;

	if (!p)
		return PICKED(WEIR_DROP_NO_ENDPOINT, 0);
	if (p->flags & WEIR_SERVICE_DNS)
		return PICKED(WEIR_PASS_DNS, WEIR_NO_ENDPOINT);
	s = find_special(p->service_id);
	if (!s)
		return PICKED(WEIR_DROP_NO_ENDPOINT, 0);
	why = WEIR_FORWARD;
	if (p->flags & (WEIR_SERVICE_SOURCES | WEIR_SERVICE_RATE))
		why = (enum weir_reason)guard();
	if (why != WEIR_FORWARD)
		return PICKED(why, WEIR_NO_ENDPOINT);
	hash = p->record = hash_special(p);
	p->client_id = (__u16)WEIR_GROUP_ID(s->group);
	slot = p->flags & WEIR_SERVICE_QUIC ? pick_quic(ctx) : WEIR_NO_ENDPOINT;
	if (slot != WEIR_NO_ENDPOINT) {
		if (dry_run()) /* note what would be without the id */
			find_special_row(p, hash);
		if (p->flags & WEIR_SERVICE_COUNTED)
			conns_heard(hash, slot);
		return PICKED(WEIR_FORWARD_QUIC, slot);
	}
	row = find_special_row(p, hash);
	if (p->flags & WEIR_SERVICE_RECORDED) {
		__u64 picked = pick_counted(hash, row);

		if (picked)
			return picked;
	}
	if (row >> 32 == WEIR_ROW_REST || p->flags & WEIR_SERVICE_UDP_REQUEST)
		return PICKED(p->about ? WEIR_FORWARD_ICMP : WEIR_FORWARD, (__u32)row);
	if (p->flags & WEIR_SERVICE_STICKY && p->way != WAY_REST && steer_by_flow(hash))
		return pick_flow(p->record, steer_prev(row, hash, WEIR_GROUP_ID(s->group)),
				 p->service_id, flow_kind(p), 0);
	if (p->flags & WEIR_SERVICE_STICKY)
		return pick_flow(hash, row, WEIR_GROUP_ID(s->group), client_kind(p), s->hold);
	return pick_flow(hash, row, p->service_id, flow_kind(p), 0);
}

/* Leaves the packet where pick_special() finds it. */
static __always_inline __u64 ask_special(struct xdp_md *ctx, struct packet *p)
{
	struct packet *hand = odd_packet();
	__u64 picked;

	if (!hand)
		return PICKED(WEIR_DROP_NO_ENDPOINT, 0);
	copy(hand, p, __builtin_offsetof(struct packet, read));
	hand->read = p->read;
	hand->proto = p->proto;
	hand->first = p->first;
	hand->last = p->last;
	hand->v6 = p->v6;
	hand->l2_len = p->l2_len;
	hand->about = p->about;
	hand->service_id = p->service_id;
	hand->flags = p->flags;
	hand->table = p->table;
	picked = pick_special(ctx);
	p->hash = hand->hash;
	p->table = hand->table;
	p->first = hand->first;
	p->record = hand->record;
	p->client_id = hand->client_id;
	return picked;
}

#endif
