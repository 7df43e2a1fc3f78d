/* SPDX-License-Identifier: GPL-2.0-or-later */
/* express.h - the lane of most packets: of a flow that is under way, for a service that is not
 * special, in a row at rest, small enough for its endpoint. It comes to what all stages would come
 * to, with what they need not ask here left out. It has a description of the packet of its own,
 * which clang keeps in registers; what it does not take goes through the stages as it came. */
#ifndef WEIR_EXPRESS_H
#define WEIR_EXPRESS_H

/* Whether a packet that was read the short way is on its way to p->endpoint. */
static __always_inline int express(struct packet *p, const struct weir_service *s)
{
	__u32 is_tcp = p->proto >> 1 & 1; /* of 6 and 17 */
	const struct weir_endpoint *e;
	const volatile __u16 *rest;
	__u64 hash;

	if (weir_seeing || s->key.flags & ~WEIR_SERVICE_WATCH || p->tcp_flags >> 1 & is_tcp)
		return 0;
	take_table(p, s);
	hash = hash_flow(p);
	p->hash = hash >> 32;
	if (!(p->hash % WEIR_SYN_SAMPLE) && is_tcp)
		return 0;
	rest = rest_of(p->table.base + ((__u32)hash & p->table.mask));
	p->slot = rest ? *rest : 0;
	e = find_endpoint(p->slot);
	if (!e || !p->slot || !e->ifindex || p->ip_len > e->mtu || is_nat(e) ||
	    p->ip_len < p->read + sizeof(struct udphdr) + is_tcp * 12 ||
	    p->ip_len + HDR_L2 > p->frame_len)
		return 0;
	p->endpoint = e;
	return 1;
}

/* As forward_on() does it, where nobody watches. */
static __always_inline int express_forward(struct xdp_md *ctx, struct packet *p)
{
	enum weir_reason why = encap_front(ctx, p);
	int action;

	if (why != WEIR_FORWARD)
		return leave(ctx, p, why);
	action = leave_by(ctx, p->endpoint->ifindex);
	return count_forward(p, action == XDP_DROP ? WEIR_DROP_NO_DEVICE : WEIR_FORWARD, action);
}

#endif
