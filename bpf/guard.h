/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.h - which clients a service takes packets from, and how many: its source rules.
 *
 * SOURCES: the longest prefix that holds the client's address says whether it is allowed. An ICMP
 * error is its flow's client's.
 *
 * RATE: a bucket of tokens for each prefix of clients and load balancer. That is approximate:
 * packets that come in on several CPUs at the same moment may take the same token, and when more
 * than WEIR_RATE_WAYS prefixes that share a line of the table send at the same time, the one that
 * was silent for longest is forgotten and begins anew with a full bucket. */
#ifndef WEIR_GUARD_H
#define WEIR_GUARD_H

/* Prefixes of clients. Written by user/dataplane/sources.c, read by source_allowed(). The one map
 * here that costs a helper, for services that ask for it. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_MAX_SOURCES);
	__type(key, struct weir_source_key);
	__type(value, __u32);
} weir_sources SEC(".maps");

/* What clients sent of late. Written and read by rate_allows(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_RATE_BUCKETS);
	__type(key, __u32);
	__type(value, struct weir_rate_bucket);
} weir_rates SEC(".maps");

static __always_inline int source_allowed(const struct packet *p, const struct weir_special *s)
{
	struct weir_source_key key = { .bits = 32 + 128, .set = s->sources, .addr = p->src };
	const __u32 *allowed = bpf_map_lookup_elem(&weir_sources, &key);

	return allowed && *allowed == WEIR_SOURCE_ALLOW;
}

/* In jiffies. Another CPU may have written a later one than now. */
static __always_inline __u32 rate_age(const struct weir_rate *r, __u32 now)
{
	__s32 age = (__s32)(now - r->at);

	return age < 0 ? 0 : age;
}

/* The way of this prefix; else the one that was silent for longest, which it may take. */
static __always_inline struct weir_rate *rate_of(struct weir_rate_bucket *b, __u64 who, __u32 now)
{
	struct weir_rate *oldest = &b->way[0];
	__u32 most = 0;

	for (int i = 0; i < WEIR_RATE_WAYS; i++) {
		struct weir_rate *r = &b->way[i];
		__u32 age = r->who ? rate_age(r, now) : 0xffffffff;

		if (r->who == who)
			return r;
		if (age >= most) {
			most = age;
			oldest = r;
		}
	}
	return oldest;
}

/* Takes a token of this prefix's (a hash), if there is one. */
static __always_inline int rate_spend(__u64 who, __u32 rate, __u32 burst)
{
	__u32 index = (__u32)(who >> 16) & (WEIR_RATE_BUCKETS - 1), now = (__u32)bpf_jiffies64();
	struct weir_rate_bucket *b = bpf_map_lookup_elem(&weir_rates, &index);
	__u64 full = (__u64)burst * weir_hz, credit = full;
	struct weir_rate *r;
	int allowed;

	if (!b)
		return 0;
	who |= 1; /* 0 is free */
	r = rate_of(b, who, now);
	if (r->who == who)
		credit = r->credit + (__u64)rate_age(r, now) * rate;
	if (credit > full)
		credit = full;
	allowed = credit >= weir_hz;
	if (dry_run())
		return allowed;
	r->who = who;
	r->credit = (__u32)(allowed ? credit - weir_hz : credit);
	r->at = now;
	return allowed;
}

static __always_inline int rate_allows(const struct packet *p, const struct weir_special *s)
{
	static const __u32 none[4];
	const union weir_addr *mask = &s->rate_mask[p->v6 & 1];
	union weir_addr of = { .q = { p->src.q[0] & mask->q[0], p->src.q[1] & mask->q[1] } };

	return rate_spend(hash_words(weir_hash_key, of.w, none, s->group, 1), s->rate, s->burst);
}

/* Of the packet that hand_over() left: enum weir_reason; WEIR_FORWARD: go on. A global function:
 * verified once. */
__attribute__((noinline)) int guard(void)
{
	const struct packet *p = odd_packet();
	const struct weir_special *s = p ? find_special(p->service_id) : NULL;

	if (!s)
		return WEIR_DROP_NO_ENDPOINT;
	if (p->flags & WEIR_SERVICE_SOURCES && !source_allowed(p, s))
		return WEIR_DROP_DENIED;
	if (p->flags & WEIR_SERVICE_RATE && !p->about && !rate_allows(p, s))
		return WEIR_DROP_RATE;
	return WEIR_FORWARD;
}

#endif
