/* SPDX-License-Identifier: GPL-2.0-or-later */
/* classify.h - whose packet is it: the service table. */
#ifndef WEIR_CLASSIFY_H
#define WEIR_CLASSIFY_H

/* Set by the agent when it loads the program: bits of enum weir_feature. */
const volatile __u32 weir_features;

/* What tells WEIR_SLOT_DNS from WEIR_SLOT_USED, in the word that packets compare. */
#define DNS_BIT ((__u32)(WEIR_SLOT_DNS & ~WEIR_SLOT_USED) << 24)

/* The slot of this address, port and protocol, of this kind (enum weir_slot), and its number; NULL:
 * none. */
static __always_inline const struct weir_service *
find_slot(const union weir_addr *addr, __be16 port, __u8 proto, __u8 kind, __u32 *slot)
{
	union {
		struct {
			__be16 port;
			__u8 proto, used;
		};
		__u32 word;
	} want = { .port = port, .proto = proto, .used = kind };
	__u32 at = weir_service_slot(addr, port, proto);

#pragma clang loop unroll(disable)
	for (int i = 0; i < WEIR_SERVICE_PROBE; i++, at++) {
		__u32 key = at & (WEIR_SERVICE_SLOTS - 1);
		const struct weir_service *s = bpf_map_lookup_elem(&weir_services, &key);

		if (!s || s->key.used == WEIR_SLOT_FREE)
			return NULL;
		if ((*(const volatile __u32 *)&s->key.port & ~DNS_BIT) == want.word &&
		    s->key.vip.q[1] == addr->q[1] && s->key.vip.q[0] == addr->q[0]) {
			*slot = key;
			return s;
		}
	}
	return NULL;
}

static __always_inline const struct weir_service *find_service(const union weir_addr *vip,
							       __be16 port, __u8 proto)
{
	__u32 slot;

	return find_slot(vip, port, proto, WEIR_SLOT_USED, &slot);
}

/* For no VIP: a reply that must be translated, perhaps (WEIR_FORWARD_NAT_REPLY). */
static __always_inline enum weir_reason for_nobody(const struct packet *p)
{
	int flow = p->ports_why == WEIR_FORWARD || p->ports_why == WEIR_FORWARD_FRAGMENT;

	return weir_features && flow ? WEIR_FORWARD_NAT_REPLY : WEIR_PASS_NOT_OURS;
}

/* Where the rows of a service are: base and mask belong together. */
static __always_inline void take_table(struct packet *p, const struct weir_service *s)
{
	__u64 ref = *(const volatile __u64 *)&s->table;

	p->table.base = (__u32)ref;
	p->table.mask = ref >> 32;
}

/* s: the service of its destination, if its ports are known. WEIR_FORWARD: go on to pick().
 * WEIR_FORWARD_NAT_REPLY: go on to nat_reply(). */
static __always_inline enum weir_reason classify(struct packet *p, const struct weir_service *s)
{
	if (p->ports_why != WEIR_FORWARD)
		return find_service(&p->dst, 0, 0) ? p->ports_why : for_nobody(p);
	if (!s)
		return for_nobody(p);
	take_table(p, s);
	p->service_id = s->key.id;
	p->flags = s->key.flags;
	return WEIR_FORWARD;
}

#endif
