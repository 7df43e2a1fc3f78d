/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_filter.h - the filter on the agent's DNS sockets (UDP). What no well-formed query looks
 * like is dropped before it is queued, so that junk costs neither memory nor a wake-up; why is
 * counted. A socket filter cannot answer: opcodes other than QUERY pass, to be told NOTIMP.
 *
 * The data of a UDP socket's skb begins at the UDP header, and its length is that of the header
 * and the message. Bytes are fetched by helper: they may lie in a fragment. */
#ifndef WEIR_BPF_DNS_FILTER_H
#define WEIR_BPF_DNS_FILTER_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "weir/abi.h"

#define DNS_AT       8    /* where the message begins: after the UDP header */
#define DNS_QUESTION 20   /* where its question begins */
#define DNS_TAIL     4    /* type and class, after the name */
#define DNS_LARGEST  4096 /* no query is larger, whatever its options */
#define DNS_LABEL    63
#define DNS_NAME     255
#define DNS_LABELS   128 /* of the longest name, the root's included */

/* Messages and their bytes (without the UDP header) by enum weir_dns_reason. Written by
 * weir_dns_filter(), read by user/dataplane for status and metrics. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_DNS_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct weir_count);
} weir_dns_counts SEC(".maps");

struct dns_header {
	__be16 id;
	__u8 flags; /* QR, opcode (4 bits), AA, TC, RD */
	__u8 rcode;
	__be16 questions, answers, authority, additional;
};

/* An answer section is for NOTIFY, authority for IXFR (one SOA) and UPDATE; a query's additional
 * section has room for OPT and a signature or two. */
static __always_inline int dns_counts_ok(const struct dns_header *h)
{
	if (h->questions != bpf_htons(1))
		return 0;
	if ((h->flags >> 3) & 15)
		return 1;
	return !h->answers && bpf_ntohs(h->authority) <= 1 && bpf_ntohs(h->additional) <= 3;
}

/* A name without pointers (a first name has nothing to point at), then its type and class. */
static __always_inline int dns_question_ok(struct __sk_buff *skb)
{
	__u32 off = DNS_QUESTION;
	__u8 label = 0;

	for (int i = 0; i < DNS_LABELS; i++) {
		if (bpf_skb_load_bytes(skb, off, &label, 1) || label > DNS_LABEL)
			return 0;
		off += 1 + label;
		if (off > DNS_QUESTION + DNS_NAME)
			return 0;
		if (!label)
			return off + DNS_TAIL <= skb->len;
	}
	return 0;
}

static __always_inline enum weir_dns_reason dns_judge(struct __sk_buff *skb)
{
	struct dns_header h;

	if (skb->len < DNS_QUESTION + 1 + DNS_TAIL ||
	    bpf_skb_load_bytes(skb, DNS_AT, &h, sizeof(h)))
		return WEIR_DNS_DROP_SHORT;
	if (skb->len > DNS_AT + DNS_LARGEST)
		return WEIR_DNS_DROP_LARGE;
	if (h.flags & 0x80)
		return WEIR_DNS_DROP_RESPONSE;
	if (!dns_counts_ok(&h))
		return WEIR_DNS_DROP_COUNTS;
	return dns_question_ok(skb) ? WEIR_DNS_QUERY : WEIR_DNS_DROP_NAME;
}

SEC("socket")
int weir_dns_filter(struct __sk_buff *skb)
{
	__u32 why = dns_judge(skb);
	struct weir_count *c = bpf_map_lookup_elem(&weir_dns_counts, &why);

	if (c) {
		c->packets++;
		if (skb->len > DNS_AT)
			c->bytes += skb->len - DNS_AT;
	}
	return why == WEIR_DNS_QUERY ? (int)skb->len : 0;
}

#endif
