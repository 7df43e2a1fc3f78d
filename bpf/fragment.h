/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fragment.h - only the first fragment of a datagram has ports: it leads, the others follow it to
 * the same endpoint. A later one that overtakes its first is dropped; its sender repeats. */
#ifndef WEIR_FRAGMENT_H
#define WEIR_FRAGMENT_H

/* Where the first fragment of a datagram went, by source, destination, id and protocol (RFC 791,
 * RFC 8200). Written and read by the functions below. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_FRAGMENT_BUCKETS);
	__type(key, __u32);
	__type(value, struct weir_flow_bucket);
} weir_fragments SEC(".maps");

static __always_inline __u64 fragment_hash(const struct packet *p)
{
	__u8 proto = p->v6 ? 0 : p->proto; /* IPv6 ids do not depend on it */

	return hash_words(weir_hash_key, p->src.w, p->dst.w, p->fragment_id, proto) |
	       1; /* 0 is free */
}

static __always_inline struct weir_flow_bucket *fragment_bucket(__u64 hash)
{
	__u32 index = (__u32)(hash >> 8) & (WEIR_FRAGMENT_BUCKETS - 1);

	return bpf_map_lookup_elem(&weir_fragments, &index);
}

/* Remembers where a first fragment goes. A function of its own: verified once. */
__attribute__((noinline)) int fragment_lead(__u64 hash, __u32 slot)
{
	struct weir_flow_bucket *b = fragment_bucket(hash);
	struct weir_flow *f = b ? flow_find(b, hash) : NULL;
	__u32 now = flow_now();

	if (dry_run())
		return 0;
	if (f) { /* an id that comes round */
		f->endpoint = slot;
		f->seen = now;
	} else if (b) {
		flow_record(b, hash, slot, now, weir_flow_young);
	}
	return 0;
}

/* With p->endpoint set: go on to encap(). */
static __always_inline enum weir_reason fragment_follow(struct packet *p)
{
	__u64 hash = fragment_hash(p);
	struct weir_flow_bucket *b = fragment_bucket(hash);
	struct weir_flow *f = b ? flow_find(b, hash) : NULL;

	if (!f || !endpoint_alive(f->endpoint))
		return WEIR_DROP_FRAGMENT;
	p->hash = hash >> 32;
	p->slot = f->endpoint;
	p->endpoint = find_endpoint(p->slot);
	return p->endpoint ? WEIR_FORWARD_FRAGMENT : WEIR_DROP_FRAGMENT;
}

#endif
