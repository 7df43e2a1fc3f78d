/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch_reply.h - what endpoints themselves say, where their replies come by here to be translated:
 * a SYN that is answered lifts a suspicion, one that is refused feeds it. */
#ifndef WEIR_WATCH_REPLY_H
#define WEIR_WATCH_REPLY_H

/* The SYN that a reply to this client acknowledges; NULL: none that is remembered. */
static __always_inline struct weir_syn *answered_syn(const struct nat_work *w, __u32 ack)
{
	__u32 ports =
		(__u32)w->ports[0] << 16 | w->ports[1]; /* as they are in the client's packet */
	__u32 tag = hash_words(weir_hash_key, w->dst.w, w->src.w, ports, IPPROTO_TCP) >> 32;
	__u32 index = syn_index(tag);
	struct weir_syn_bucket *b = bpf_map_lookup_elem(&weir_syns, &index);
	struct weir_syn *s = NULL;

	for (int i = 0; b && i < WEIR_SYN_WAYS; i++)
		if (b->way[i].tag == tag && b->way[i].seq + 1 == ack)
			s = &b->way[i];
	return s;
}

/* A SYN without a listener is answered by a segment with RST and ACK and without a sequence number
 * (RFC 9293, section 3.10.7.1). */
static __always_inline int is_refusal(const struct tcphdr *tcp)
{
	return tcp->rst && tcp->ack && !tcp->seq;
}

/* Of the reply in hand, about to be translated. A global function: verified once. */
__attribute__((noinline)) int watch_reply(struct xdp_md *ctx)
{
	struct nat_work *w = nat_work();
	const struct tcphdr *tcp = (void *)(long)ctx->data;
	struct weir_live *l;
	struct weir_syn *s;
	__u32 now;

	if (!w || w->p.proto != IPPROTO_TCP || w->p.about || w->p.fragment == LATER_FRAGMENT ||
	    dry_run())
		return 0;
	tcp = (void *)tcp + ((w->p.l2_len + w->p.read - sizeof(*tcp)) & WATCH_AT);
	barrier_var(tcp);
	if ((void *)(tcp + 1) > packet_end(ctx) || !(tcp->syn || is_refusal(tcp)))
		return 0;
	s = answered_syn(w, bpf_ntohl(tcp->ack_seq));
	l = s ? find_live(SLOT_OF(s)) : NULL;
	if (!l)
		return 0;
	now = watch_now();
	if (tcp->syn) {
		l->unanswered = 0;
		l->answered_at = now;
		return 0;
	}
	__sync_fetch_and_add(&l->refused, 1);
	blame(l, now);
	if (suspected(l, now))
		tell(l, SLOT_OF(s), now);
	return 0;
}

#endif
