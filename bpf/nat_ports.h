/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_ports.h - local ports, for endpoints that see all clients behind our own addresses.
 *
 * A flow has a few candidates for its local port, by its hash. Its entry is in the bucket of one of
 * them; a new flow takes the first that is free, or whose owner has been silent for too long, or
 * else one that is still opening. A packet of an established flow that has no entry (it was silent
 * for hours) is treated as new: most get the same port again, and where not the endpoint's RST
 * ends the connection at both ends, where a drop would leave it hanging.
 *
 * Entries are read without a lock: the key is written last and compared again after the rest was
 * read. Who takes one holds a lock, so that no port has two owners. */
#ifndef WEIR_NAT_PORTS_H
#define WEIR_NAT_PORTS_H

/* For whoever takes an entry, by its bucket. Written and read by nat_claim(). */
struct nat_lock {
	struct bpf_spin_lock lock;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_NAT_LOCKS);
	__type(key, __u32);
	__type(value, struct nat_lock);
} weir_nat_locks SEC(".maps");

static __always_inline const struct weir_nat_conf *nat_conf(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&weir_nat_conf, &key);
}

static __always_inline struct weir_nat_bucket *nat_bucket(__u32 index)
{
	index &= WEIR_NAT_BUCKETS - 1;
	return bpf_map_lookup_elem(&weir_nat_flows, &index);
}

/* What an endpoint at `to` sees of a flow from `from`. The same for packets both ways. */
static __always_inline __u32 nat_hash(const union weir_addr *to, const union weir_addr *from,
				      __be16 port, __be16 local_port, __u8 proto)
{
	return (__u32)hash_words(weir_hash_key, to->w, from->w, (__u32)port << 16 | local_port,
				 proto);
}

/* --- how long an entry is its owner's --- */

static __always_inline __u32 nat_now(void)
{
	return (__u32)(bpf_jiffies64() >> WEIR_NAT_TICK) << WEIR_NAT_FLAGS;
}

static __always_inline __u32 nat_ticks(__u32 seconds)
{
	return seconds * weir_hz >> WEIR_NAT_TICK;
}

/* In ticks. Another CPU may have written a later one than now. */
static __always_inline __u32 nat_age(__u32 seen, __u32 now)
{
	const __u32 flags = (1u << WEIR_NAT_FLAGS) - 1;
	__s32 age = (__s32)((now | flags) - seen) >> WEIR_NAT_FLAGS;

	return age < 0 ? 0 : age;
}

static __always_inline int nat_is_opening(__u32 seen, int udp)
{
	return !(seen & (udp ? WEIR_NAT_REPLIED : WEIR_NAT_ESTABLISHED));
}

static __always_inline __u32 nat_idle(__u32 seen, int udp)
{
	const __u32 both = WEIR_NAT_FIN_CLIENT | WEIR_NAT_FIN_ENDPOINT;

	if (udp)
		return nat_ticks(WEIR_NAT_UDP_S);
	if ((seen & both) == both)
		return nat_ticks(WEIR_NAT_CLOSING_S);
	return nat_ticks(nat_is_opening(seen, 0) ? WEIR_NAT_OPENING_S : WEIR_NAT_TCP_S);
}

#define NAT_FREE    0xffffffffu
#define NAT_EXPIRED 0x80000000u

/* How readily an entry is given up, the highest first; 0: not at all. */
static __always_inline __u32 nat_eviction(const struct weir_nat_flow *f, __u32 now)
{
	__u32 seen = f->seen, age = nat_age(seen, now);
	int udp = f->key >> 52 & 1;

	if (!f->key)
		return NAT_FREE;
	if (age > nat_idle(seen, udp))
		return NAT_EXPIRED | age;
	return nat_is_opening(seen, udp) && age > nat_ticks(WEIR_NAT_YOUNG_S) ? age : 0;
}

/* The way of a bucket that an entry with this key may take, and how readily it is given up. A port
 * that is there already is nobody else's, in whichever way. */
static __always_inline __u32 nat_room(const struct weir_nat_bucket *b, __u64 key, __u32 now,
				      __u32 *way)
{
	__u32 first = nat_eviction(&b->way[0], now), second = nat_eviction(&b->way[1], now);

	*way = second > first;
	if (b->way[0].key && !((b->way[0].key ^ key) & WEIR_NAT_LOCAL))
		*way = 0;
	else if (b->way[1].key && !((b->way[1].key ^ key) & WEIR_NAT_LOCAL))
		*way = 1;
	return *way ? second : first;
}

/* --- taking one --- */

static __always_inline int nat_is(const struct weir_nat_flow *f, __u64 key, __u32 service,
				  const union weir_addr *client)
{
	return !((f->key ^ key) & ~WEIR_NAT_GENERATION) && f->service == service &&
	       f->client.q[0] == client->q[0] && f->client.q[1] == client->q[1];
}

#define NAT_BUSY (1ull << 63) /* nobody's, and not free either: that ends a search */

static __always_inline void nat_take_over(struct weir_nat_flow *f, __u64 key, __u32 service,
					  const union weir_addr *client, __u32 seen)
{
	__u64 generation = (f->key + (1ull << 53)) & WEIR_NAT_GENERATION;

	*(volatile __u64 *)&f->key = NAT_BUSY;
	*(volatile __u64 *)&f->client.q[0] = client->q[0];
	*(volatile __u64 *)&f->client.q[1] = client->q[1];
	*(volatile __u32 *)&f->service = service;
	*(volatile __u32 *)&f->seen = seen;
	*(volatile __u64 *)&f->key = key | generation;
}

/* What flags a packet of a flow brings, that has these in its entry. */
static __always_inline __u32 nat_flags(const struct nat_work *w, __u32 had, int reply)
{
	const __u32 both = WEIR_NAT_FIN_CLIENT | WEIR_NAT_FIN_ENDPOINT;
	__u32 flags = had & ((1u << WEIR_NAT_FLAGS) - 1);

	if (!reply && (w->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return 0; /* a new connection between the same */
	if (w->tcp_flags & TCP_RST)
		return flags | both;
	if (w->tcp_flags & TCP_FIN)
		flags |= reply ? WEIR_NAT_FIN_ENDPOINT : WEIR_NAT_FIN_CLIENT;
	if (reply)
		return flags | WEIR_NAT_REPLIED;
	return flags & WEIR_NAT_REPLIED ? flags | WEIR_NAT_ESTABLISHED : flags;
}

/* An entry's cache line is only written to when that says something new. */
static __always_inline void nat_refresh(struct weir_nat_flow *f, const struct nat_work *w,
					__u32 now, int reply)
{
	__u32 seen = f->seen, next = now | nat_flags(w, seen, reply);

	if (next != seen && !w->p.about && !dry_run())
		f->seen = next;
}

/* Which of our addresses a client has: always the same one, so that fragments without ports have
 * it, too. The number of the source; WEIR_NAT_SOURCES: there is none. */
static __always_inline __u32 nat_source(const struct weir_nat_conf *c, const struct packet *p)
{
	static const __u32 none[4];
	__u32 n = p->v6 ? c->n_v6 : c->n_v4;
	__u64 hash = (__u32)hash_words(weir_hash_key, p->src.w, none, 0, 0);

	if (!n)
		return WEIR_NAT_SOURCES;
	return ((p->v6 ? c->n_v4 : 0) + (__u32)(hash * n >> 32)) & (WEIR_NAT_SOURCES - 1);
}

/* The i-th candidate for the local port, as it is in packets. */
static __always_inline __be16 nat_port(const struct nat_search *s, __u32 i)
{
	__u64 h = (__u32)hash_spread(s->hash + i);

	return bpf_htons((__u16)(s->first_port + (h * s->n_ports >> 32)));
}

#define NAT_FOUND (1ull << 33) /* the flow has this one */
#define NAT_LAST  (1ull << 32) /* the flow has none that comes later; or'ed to how free it is */

/* Looks whether the flow in hand has its i-th candidate, and sets the port if so. A function of its
 * own: verified once, not for each i. */
__attribute__((noinline)) __u64 nat_try(__u32 i)
{
	struct nat_work *w = nat_work();
	struct weir_nat_bucket *b;
	struct nat_search *s;
	__be16 port;
	__u64 key;
	__u32 way;

	if (!w)
		return NAT_LAST;
	s = &w->search;
	port = nat_port(s, i);
	key = s->key | port;
	b = nat_bucket(nat_hash(&w->dst, &w->src, w->ports[1], port, w->p.proto));
	if (!b)
		return NAT_LAST;
	for (int k = 0; k < WEIR_NAT_WAYS; k++) {
		if (!nat_is(&b->way[k], key, s->service, &w->p.src))
			continue;
		w->ports[0] = port;
		nat_refresh(&b->way[k], w, s->now, 0);
		return NAT_FOUND;
	}
	return nat_room(b, key, s->now, &way) | (b->way[0].key ? 0 : NAT_LAST); /* never used */
}

/* Takes the i-th candidate. False: somebody was faster. */
static __always_inline int nat_claim(struct nat_work *w, __u32 i)
{
	const struct nat_search *s = &w->search;
	__be16 port = nat_port(s, i);
	__u32 index = nat_hash(&w->dst, &w->src, w->ports[1], port, w->p.proto);
	__u32 at = index & (WEIR_NAT_LOCKS - 1), seen = s->now | nat_flags(w, 0, 0), way;
	struct nat_lock *l = bpf_map_lookup_elem(&weir_nat_locks, &at);
	struct weir_nat_bucket *b = nat_bucket(index);
	__u64 key = s->key | port;
	int mine;

	w->ports[0] = port;
	if (!l || !b || dry_run())
		return dry_run();
	bpf_spin_lock(&l->lock);
	mine = nat_is(&b->way[0], key, s->service, &w->p.src) ||
	       nat_is(&b->way[1], key, s->service, &w->p.src);
	if (!mine && nat_room(b, key, s->now, &way)) {
		nat_take_over(way ? &b->way[1] : &b->way[0], key, s->service, &w->p.src, seen);
		mine = 1;
	}
	bpf_spin_unlock(&l->lock);
	return mine;
}

/* The flow's local port among its candidates, or the best that it can take. */
static __always_inline int nat_find_port(struct nat_work *w)
{
	__u32 best = 0, best_i = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < WEIR_NAT_TRIES; i++) {
		__u64 got = nat_try(i);

		if (got & NAT_FOUND)
			return WEIR_FORWARD;
		if ((__u32)got > best) {
			best = (__u32)got;
			best_i = i;
		}
		if (got & NAT_LAST)
			break;
	}
	if (w->p.about)
		return WEIR_DROP_NO_FLOW;
	return best && nat_claim(w, best_i) ? WEIR_FORWARD : WEIR_DROP_NO_PORT;
}

/* Sets source and port of a packet whose w->dst and w->ports[1] are its endpoint's. A function of
 * its own: verified once. */
__attribute__((noinline)) int nat_borrow(__u32 slot)
{
	const struct weir_nat_conf *c = nat_conf();
	struct nat_work *w = nat_work();
	const struct weir_service *service;
	struct nat_search *s;
	__u32 source, at;
	const __u32 *p;

	if (!c || !w)
		return WEIR_DROP_NO_PORT;
	source = nat_source(c, &w->p);
	if (source == WEIR_NAT_SOURCES)
		return WEIR_DROP_NO_PORT;
	w->src = c->source[source];
	if (w->p.fragment == LATER_FRAGMENT)
		return WEIR_FORWARD;
	service = find_slot(&w->p.dst, w->p.ports[1], w->p.proto, WEIR_SLOT_USED, &at);
	if (!service)
		return WEIR_DROP_NO_PORT; /* it was removed a moment ago */
	p = (const __u32 *)w->p.ports;
	s = &w->search;
	s->hash = hash_words(weir_hash_key, w->p.src.w, w->p.dst.w, *p, w->p.proto);
	s->key = WEIR_NAT_KEY(0, w->p.ports[0], slot & (WEIR_MAX_ENDPOINTS - 1), source,
			      w->p.proto == IPPROTO_UDP);
	s->service = at << WEIR_NAT_ID_BITS | service->key.id;
	s->now = nat_now();
	s->first_port = c->first_port;
	s->n_ports = c->n_ports;
	return nat_find_port(w);
}

/* --- replies --- */

/* What a datagram of such replies is remembered by: with it generation and place of the entry. */
#define FRAGMENT_LENT         0xc0000000u
#define LENT_PLACE            (WEIR_NAT_BUCKETS * WEIR_NAT_WAYS - 1)
#define LENT_MARK(key, place) (FRAGMENT_LENT | ((__u32)((key) >> 53) << 20 & 0x3ff00000) | (place))

_Static_assert(LENT_PLACE == 0xfffff, "LENT_MARK");

/* The service that an entry is of, if the packet comes from the endpoint that it is about. */
static __always_inline const struct weir_service *nat_lender(const struct nat_work *w, __u64 key,
							     __u32 service)
{
	const struct weir_endpoint *e = find_endpoint(WEIR_NAT_SLOT(key));
	const struct weir_service *s = service_at(service >> WEIR_NAT_ID_BITS);
	union weir_addr addr;
	__be16 port;

	if (!e || !s || e->hdr_len != WEIR_HDR_FULLNAT || s->key.used != WEIR_SLOT_USED ||
	    s->key.id != (service & ((1 << WEIR_NAT_ID_BITS) - 1)))
		return NULL;
	copy(&addr, e->hdr + WEIR_NAT_ADDR, sizeof(addr));
	copy(&port, e->hdr + WEIR_NAT_PORT, sizeof(port));
	if (addr.q[0] != w->p.src.q[0] || addr.q[1] != w->p.src.q[1])
		return NULL;
	if (w->p.fragment == LATER_FRAGMENT)
		return s;
	if (s->key.proto != w->p.proto || (port ? port : s->key.port) != w->p.ports[0])
		return NULL;
	return s;
}

/* Gives the packet back to the client that an entry says. mark 0: any generation of it. */
static __always_inline const struct weir_service *
nat_give_back(struct nat_work *w, struct weir_nat_flow *f, __u32 place, __u32 *mark)
{
	__u64 key = *(volatile __u64 *)&f->key;
	const struct weir_service *s;
	__u32 service;

	w->dst.q[0] = *(volatile __u64 *)&f->client.q[0];
	w->dst.q[1] = *(volatile __u64 *)&f->client.q[1];
	service = *(volatile __u32 *)&f->service;
	if (!key || *(volatile __u64 *)&f->key != key)
		return NULL; /* it is just being given to somebody else */
	if (*mark && *mark != LENT_MARK(key, place))
		return NULL;
	*mark = LENT_MARK(key, place);
	w->ports[1] = (__be16)(key >> 16);
	s = nat_lender(w, key, service);
	if (s && w->p.fragment != LATER_FRAGMENT)
		nat_refresh(f, w, nat_now(), 1);
	return s;
}

/* The number of the source that a packet is for; WEIR_NAT_SOURCES: none. */
static __always_inline __u32 nat_find_source(const union weir_addr *a)
{
	const struct weir_nat_conf *c = nat_conf();

	for (__u32 i = 0; c && i < WEIR_NAT_SOURCES && i < (__u32)c->n_v4 + c->n_v6; i++)
		if (c->source[i].q[0] == a->q[0] && c->source[i].q[1] == a->q[1])
			return i;
	return WEIR_NAT_SOURCES;
}

/* A reply to one of our sources: the service, and in w the client. NULL: it is none. */
static __always_inline const struct weir_service *nat_lent(struct nat_work *w, __u32 *mark)
{
	const struct packet *p = &w->p;
	__u32 source = nat_find_source(&p->dst), index;
	__u64 local = WEIR_NAT_KEY(p->ports[1], 0, 0, source, p->proto == IPPROTO_UDP);
	struct weir_nat_bucket *b;

	if (source == WEIR_NAT_SOURCES)
		return NULL;
	index = nat_hash(&p->src, &p->dst, p->ports[0], p->ports[1], p->proto) &
		(WEIR_NAT_BUCKETS - 1);
	b = nat_bucket(index);
	if (!b)
		return NULL;
	if (b->way[0].key && !((b->way[0].key ^ local) & WEIR_NAT_LOCAL))
		return nat_give_back(w, &b->way[0], 2 * index, mark);
	if (b->way[1].key && !((b->way[1].key ^ local) & WEIR_NAT_LOCAL))
		return nat_give_back(w, &b->way[1], 2 * index + 1, mark);
	return NULL;
}

/* The same for what follows a first fragment. */
static __always_inline const struct weir_service *nat_lent_before(struct nat_work *w, __u32 mark)
{
	__u32 place = mark & LENT_PLACE;
	struct weir_nat_bucket *b = nat_bucket(place >> 1);

	if (!b)
		return NULL;
	return nat_give_back(w, place & 1 ? &b->way[1] : &b->way[0], place, &mark);
}

#endif
