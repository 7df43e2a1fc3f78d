/* SPDX-License-Identifier: GPL-2.0-or-later */
/* classify.h - whose packet is it: the service table. */
#ifndef WEIR_CLASSIFY_H
#define WEIR_CLASSIFY_H

/* The slot of this VIP, protocol and port; NULL: not ours. */
static __always_inline const struct weir_service *find_service(const union weir_addr *vip,
							       __be16 port, __u8 proto)
{
	union {
		struct {
			__be16 port;
			__u8 proto, used;
		};
		__u32 word;
	} want = { .port = port, .proto = proto, .used = WEIR_SLOT_USED };
	__u32 at = weir_service_slot(vip, port, proto);

#pragma clang loop unroll(disable)
	for (int i = 0; i < WEIR_SERVICE_PROBE; i++, at++) {
		__u32 key = at & (WEIR_SERVICE_SLOTS - 1);
		const struct weir_service *s = bpf_map_lookup_elem(&weir_services, &key);

		if (!s || s->key.used == WEIR_SLOT_FREE)
			return NULL;
		if (*(const volatile __u32 *)&s->key.port == want.word &&
		    s->key.vip.q[1] == vip->q[1] && s->key.vip.q[0] == vip->q[0])
			return s;
	}
	return NULL;
}

/* WEIR_FORWARD: go on to pick(). */
static __always_inline enum weir_reason classify(struct packet *p)
{
	const struct weir_service *s;
	__u64 ref;

	if (p->ports_why != WEIR_FORWARD)
		return find_service(&p->dst, 0, 0) ? p->ports_why : WEIR_PASS_NOT_OURS;
	s = find_service(&p->dst, p->ports[1], p->proto);
	if (!s)
		return WEIR_PASS_NOT_OURS;
	ref = *(const volatile __u64 *)&s->table; /* base and mask belong together */
	p->table.base = (__u32)ref;
	p->table.mask = ref >> 32;
	p->service_id = s->key.id;
	p->flags = s->key.flags;
	return WEIR_FORWARD;
}

#endif
