/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_work.h - the DNS message in hand, and what became of messages. */
#ifndef WEIR_BPF_DNS_WORK_H
#define WEIR_BPF_DNS_WORK_H

#include "weir/dns_answer.h"

#define DNS_NAME_MASK 0xff /* of offsets in a name's bytes */

/* Messages and their bytes (without the UDP header) by enum weir_dns_reason. Written by
 * dns_count(), read by user/dataplane for status and metrics. */
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

struct dns_work {
	struct weir_hot_query q;
	union weir_addr src;
	__u32 at;     /* of the message in its frame */
	__u32 len;    /* of the message */
	__u32 l2_len; /* of the frame */
	__u32 v6;

	/* For dns_judge(). */
	struct dns_header header;
	/* What is behind the header, as it came. */
	__u8 name[WEIR_DNS_NAME + 1] __attribute__((aligned(8)));
	__u32 rest;             /* bytes behind the header, all of them */
	__u32 name_len, labels; /* with the root's */
	__u8 label_at[WEIR_DNS_MAX_LABELS + 1];
	__u32 turn;
	__u32 begins[WEIR_DNS_NAME + 1]; /* turn: here a label of this name does */
};

/* The message in hand. Written and read by the programs that read messages, one after the other on
 * a CPU. What is read from a map is unknown to the verifier, so that it need not follow each length
 * of a name through all that comes after. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns_work);
} weir_dns_work SEC(".maps");

static __always_inline struct dns_work *dns_work(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&weir_dns_work, &key);
}

static __always_inline void dns_count(enum weir_dns_reason why, __u32 bytes)
{
	__u32 key = why;
	struct weir_count *n = bpf_map_lookup_elem(&weir_dns_counts, &key);

	if (!n)
		return;
	n->packets++;
	n->bytes += bytes;
}

#endif
