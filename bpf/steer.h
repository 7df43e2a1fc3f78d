/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.h - services that tell their clients apart: by where they are, and by a hash of their
 * address, which cuts them in slices. Both choose a way, and that says in which table a packet's
 * row is.
 *
 * A way is changed as a row is: while it is unsettled it has a table of new flows and one of older
 * ones, and a row of both is put together from theirs. What becomes of flows is then decided as
 * for any row that is not at rest.
 *
 * STICKY: clients with a record keep their endpoint when their way changes, and those without one
 * are taken for older ones while their affinity lasts. With WEIR_WAY_SESSIONS they follow: their
 * new flows go to the new table, and are recorded by flow, as all their flows are while the way is
 * unsettled. What was opened before stays where its client is recorded, or with the old table; the
 * record of the client is left as it is, for them alone. Approximate: as long as the way is
 * unsettled nobody remembers by client who has followed, so if his row in the new table changes in
 * that time his next flow goes with it. Where connections are counted, flows are what is recorded
 * of clients, and remembered ones do not follow. */
#ifndef WEIR_BPF_STEER_H
#define WEIR_BPF_STEER_H

/* Of 1,024; independent of what chooses rows, buckets and records. */
static __always_inline __u32 slice_of(const struct packet *p)
{
	return hash_spread(hash_client(p)) >> (64 - WEIR_STEER_SLICE_BITS);
}

static __always_inline __u32 location_of(const struct packet *p)
{
	struct weir_place_key key = { .bits = 32 + 128, .addr = p->src };
	const __u32 *location = bpf_map_lookup_elem(&weir_places, &key);

	return location ? *location : 0;
}

static __always_inline __u32 class_of(__u32 classes, __u32 location)
{
	__u32 at = classes + location, index = at / WEIR_CLASSES_IN_WORD;
	const struct weir_classes *c = bpf_map_lookup_elem(&weir_classes, &index);

	return c ? *(const volatile __u16 *)&c->of[at % WEIR_CLASSES_IN_WORD] : 0;
}

#define NO_WAY (~0ull)

/* The client's way, as one word. NO_WAY cannot be: the agent keeps ways inside the map. */
static __always_inline __u64 find_way(const struct packet *p, const struct weir_special *s)
{
	__u64 ref = *(const volatile __u64 *)&s->steer; /* its halves belong together */
	__u32 ways = (__u32)ref, classes = ref >> 32, location = 0, class = 0, slice = 0;
	const struct weir_way *way;

	if (classes != WEIR_STEER_ONE_CLASS) {
		location = location_of(p);
		class = class_of(classes, location);
	}
	slice = slice_of(p);
	if (ways & WEIR_STEER_SLICED)
		ways = (ways & ~WEIR_STEER_SLICED) + class * WEIR_STEER_SLICES + slice;
	else
		ways += class;
	way = bpf_map_lookup_elem(&weir_ways, &ways);
	if (way && dry_run())
		note_way(location, class, slice, *(const volatile __u64 *)way);
	return way ? *(const volatile __u64 *)way : NO_WAY;
}

/* Where flows without a record belong, by the row that they had in the way's older table. */
static __always_inline __u32 older_slot(__u64 row, __u32 cur)
{
	__u32 prev = row >> 32, slot = prev == WEIR_ROW_REST ? (__u32)row : prev & WEIR_ROW_SLOT;

	return endpoint_alive(slot) ? slot : cur;
}

/* Of the packet that ask_special() left: its row, made of those that its client's way names. Its
 * table is that of new flows from now on. A global function: verified once. */
__attribute__((noinline)) __u64 steer(__u64 hash)
{
	struct packet *p = odd_packet();
	const struct weir_special *s = p ? find_special(p->service_id) : NULL;
	__u64 way = s ? find_way(p, s) : NO_WAY, row;
	__u32 prev = way >> 32;

	if (!p)
		return (__u64)WEIR_ROW_REST << 32;
	if (way != NO_WAY)
		p->table = weir_way_table((__u32)way);
	row = row_of(p->table, hash);
	if (prev != WEIR_WAY_REST) {
		p->way = way & WEIR_WAY_SESSIONS ? WAY_SESSIONS : WAY_UNSETTLED;
		prev = older_slot(row_of(weir_way_table(prev), hash), (__u32)row) |
		       (prev & WEIR_WAY_UDP_NEW);
		row = (__u64)prev << 32 | (__u32)row;
	}
	if (dry_run())
		note_row(p, hash, row);
	return row;
}

/* --- STICKY, in a way that is unsettled: of the packet that ask_special() left --- */

/* The hash by which a flow is recorded: its row is its client's. */
static __always_inline __u64 hash_followed(const struct packet *p, __u64 client)
{
	const __u64 row = WEIR_TABLE_MAX - 1;

	return (hash_flow(p) & ~row) | (client & row);
}

/* The record of a flow or client; NULL: there is none. */
static __always_inline struct weir_flow *find_record(__u64 hash, __u32 id)
{
	struct weir_flow_bucket *b = flow_bucket(hash);

	return b ? flow_find(b, flow_key(hash, id)) : NULL;
}

/* Whether it goes by its flow, and not by its client: remembered clients follow, or did when the
 * flow began. A SYN that begins a flow in place of such a one goes by its client again. Leaves in
 * the packet how it is recorded. A global function: verified once. */
__attribute__((noinline)) int steer_by_flow(__u64 client)
{
	struct packet *p = odd_packet();
	struct weir_flow *f;
	__u64 flow;

	if (!p)
		return 0;
	flow = hash_followed(p, client);
	if (p->way != WAY_SESSIONS) {
		f = find_record(flow, p->service_id);
		if (!f)
			return 0;
		if (p->first && begins_anew(f, flow_now())) {
			if (!dry_run())
				*(volatile __u64 *)&f->key = 0;
			return 0;
		}
	}
	p->record = flow;
	p->client_id = p->service_id;
	return 1;
}

/* The row of a client who is remembered elsewhere: what it opened before belongs there. */
static __always_inline __u64 steer_prev(__u64 row, __u64 client, __u32 group_id)
{
	const struct weir_flow *f = find_record(client, group_id);
	__u32 udp_new = row >> 32 & WEIR_ROW_UDP_NEW;

	if (!f || !endpoint_alive(f->endpoint))
		return row;
	return (__u64)(f->endpoint | udp_new) << 32 | (__u32)row;
}

#endif
