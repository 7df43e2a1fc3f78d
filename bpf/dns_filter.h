/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_filter.h - the filter on the agent's DNS sockets (UDP). What no well-formed query looks
 * like, and what is too much, is dropped before it is queued, so that it costs neither memory nor
 * a wake-up; why is counted. A socket filter cannot answer: opcodes other than QUERY pass, to be
 * told NOTIMP, and so does what slips through the rate of its source, with its whole answer.
 *
 * The data of a UDP socket's skb begins at the UDP header, and its length is that of the header
 * and the message. Bytes are fetched by helper: they may lie in a fragment. */
#ifndef WEIR_BPF_DNS_FILTER_H
#define WEIR_BPF_DNS_FILTER_H

#include "dns_guard.h"

#define DNS_AT       8  /* where the message begins: after the UDP header */
#define DNS_QUESTION 20 /* where its question begins */

/* Leaves what dns_judge() looks at. */
static __always_inline enum weir_dns_reason filter_load(struct __sk_buff *skb, struct dns_work *w)
{
	__u32 rest = skb->len - DNS_QUESTION, n;

	if (skb->len < DNS_QUESTION + 1 + WEIR_HOT_FIXED ||
	    bpf_skb_load_bytes(skb, DNS_AT, &w->header, sizeof(w->header)))
		return WEIR_DNS_DROP_SHORT;
	w->len = skb->len - DNS_AT;
	w->rest = rest;
	n = rest < sizeof(w->name) ? rest : sizeof(w->name);
	n = ((n - 1) & DNS_NAME_MASK) + 1; /* for the verifier: it is that already */
	if (bpf_skb_load_bytes(skb, DNS_QUESTION, w->name, n))
		return WEIR_DNS_DROP_SHORT;
	return WEIR_DNS_QUERY;
}

static __always_inline void filter_load_source(struct __sk_buff *skb, struct dns_work *w)
{
	w->src.q[0] = w->src.q[1] = 0;
	w->v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	if (w->v6) {
		bpf_skb_load_bytes_relative(skb, __builtin_offsetof(struct ipv6hdr, saddr), &w->src,
					    16, BPF_HDR_START_NET);
		return;
	}
	w->src.w[2] = bpf_htonl(0xffff);
	bpf_skb_load_bytes_relative(skb, __builtin_offsetof(struct iphdr, saddr), &w->src.w[3], 4,
				    BPF_HDR_START_NET);
}

static __always_inline enum weir_dns_reason filter_judge(struct __sk_buff *skb)
{
	const struct weir_dns_guard *g = dns_guard();
	struct dns_work *w = dns_work();
	enum weir_dns_reason why;

	if (!g || !w)
		return WEIR_DNS_DROP_SHORT;
	why = filter_load(skb, w);
	if (why == WEIR_DNS_QUERY)
		why = (enum weir_dns_reason)dns_judge(DNS_ROAD_SOCKET);
	if (why != WEIR_DNS_QUERY || !g->rate)
		return why;
	filter_load_source(skb, w);
	why = (enum weir_dns_reason)dns_charge();
	return why == WEIR_DNS_SLIP ? WEIR_DNS_QUERY : why;
}

SEC("socket")
int weir_dns_filter(struct __sk_buff *skb)
{
	enum weir_dns_reason why = filter_judge(skb);

	dns_count(why, skb->len > DNS_AT ? skb->len - DNS_AT : 0);
	return why == WEIR_DNS_QUERY ? (int)skb->len : 0;
}

#endif
