/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h - queries to the agent's DNS addresses, answered in the kernel where an answer is prepared.
 * What is to be answered otherwise goes on to the agent's sockets, and junk ends here.
 *
 * weir_dns_xdp() is called by weir_xdp() for datagrams to such an address, weir_dns_tc() looks for
 * them itself. */
#ifndef WEIR_BPF_DNS_H
#define WEIR_BPF_DNS_H

#include <linux/pkt_cls.h>

#include "dns_packet.h"

/* --- XDP --- */

/* A global function each, so that each is verified once. */
__attribute__((noinline)) int dns_locate_xdp(struct xdp_md *ctx)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_locate((void *)(long)ctx->data, (void *)(long)ctx->data_end, w);
}

__attribute__((noinline)) int dns_read_name_xdp(struct xdp_md *ctx)
{
	struct dns_work *w = dns_work();

	if (!w)
		return 0;
	return dns_read_name((void *)(long)ctx->data, (void *)(long)ctx->data_end, w);
}

__attribute__((noinline)) int dns_read_rest_xdp(struct xdp_md *ctx)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_read_rest((void *)(long)ctx->data, (void *)(long)ctx->data_end, w);
}

__attribute__((noinline)) int dns_leave_xdp(struct xdp_md *ctx)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_leave((void *)(long)ctx->data, (void *)(long)ctx->data_end, w);
}

/* Moves what is in front of the records, len bytes (more than 8), to the beginning of the frame,
 * from which it is by bytes away. */
DNS_ANYWHERE static __always_inline int dns_move(struct xdp_md *ctx, __u32 by, __u32 len)
{
	__u8 *data = (void *)(long)ctx->data, *from;
	const __u8 *end = packet_end(ctx);
	__u32 last = (len - 8) & 0xff;
	__u64 word;

	by &= 0x7ff;
	barrier_var(by);
	from = data + by + last;
	if (from + 8 > end)
		return -1;
	word = *(const __u64 *)from; /* before it is written over */
	from = data + by;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 256; i += 8) {
		if (i + 8 > len)
			break;
		if (from + i + 8 > end || data + i + 8 > end)
			return -1;
		*(__u64 *)(data + i) = *(const __u64 *)(from + i);
	}
	barrier_var(last);
	data += last;
	if (data + 8 > end)
		return -1;
	*(__u64 *)data = word;
	return 0;
}

/* Gives the frame the length of its answer, of size bytes: at its end, or where there is no room,
 * as in most buffers of a socket, in front. 0: it is as it was. */
__attribute__((noinline)) int dns_resize_xdp(struct xdp_md *ctx, __u32 size)
{
	const struct dns_work *w = dns_work();
	int grow;

	if (!w)
		return 0;
	grow = (int)(w->at + size) - (int)(ctx->data_end - ctx->data);
	if (!grow || !bpf_xdp_adjust_tail(ctx, grow))
		return 1;
	if (grow < 0 || bpf_xdp_adjust_head(ctx, -grow))
		return 0;
	return !dns_move(ctx, (__u32)grow, w->at + weir_hot_question_end(&w->q)) ? 1 : -1;
}

static __always_inline enum weir_dns_reason dns_answer_xdp(struct xdp_md *ctx, struct dns_work *w,
							   const struct dns_found *f)
{
	struct weir_hot_plan plan;
	__u64 last = dns_plan(f, &plan);
	enum weir_dns_reason why = dns_decide(w, &plan);
	int resized;

	if (why != WEIR_DNS_QUERY && why != WEIR_DNS_SLIP)
		return why;
	resized = dns_resize_xdp(ctx, weir_hot_size(&w->q, &plan));
	if (!resized)
		return WEIR_DNS_PASS_ROOM;
	if (resized < 0 || dns_finish((void *)(long)ctx->data, packet_end(ctx), w, f, &plan, last,
				      why == WEIR_DNS_QUERY))
		return WEIR_DNS_DROP_CHANGED;
	return why == WEIR_DNS_SLIP ? why : WEIR_DNS_ANSWER_XDP;
}

static __always_inline enum weir_dns_reason dns_process_xdp(struct xdp_md *ctx, struct dns_work *w)
{
	enum weir_dns_reason why = (enum weir_dns_reason)dns_locate_xdp(ctx), pass;
	struct dns_found f;

	if (why != WEIR_DNS_QUERY)
		return why;
	pass = WEIR_DNS_PASS_ODD;
	if (dns_read_name_xdp(ctx))
		pass = (enum weir_dns_reason)dns_read_rest_xdp(ctx);
	if (pass == WEIR_DNS_QUERY) {
		f = dns_find(w);
		if (f.small || f.large)
			return dns_answer_xdp(ctx, w, &f);
		pass = WEIR_DNS_PASS_NAME;
	}
	why = (enum weir_dns_reason)dns_leave_xdp(ctx);
	if (why == WEIR_DNS_QUERY)
		why = (enum weir_dns_reason)dns_judge(DNS_ROAD_PACKET);
	return why == WEIR_DNS_QUERY ? pass : why;
}

SEC("xdp")
int weir_dns_xdp(struct xdp_md *ctx)
{
	struct packet p = { .frame_len = (__u32)(ctx->data_end - ctx->data) };
	struct dns_work *w = dns_work();
	enum weir_dns_reason why;

	if (!w)
		return XDP_PASS;
	if (weir_multi_buffer)
		p.frame_len = (__u32)bpf_xdp_get_buff_len(ctx);
	w->len = 0;
	why = dns_process_xdp(ctx, w);
	dns_count(why, w->len);
	if (why <= WEIR_DNS_LAST_ANSWER) {
		count_reason(&p, WEIR_REPLY_DNS);
		return XDP_TX;
	}
	count_reason(&p, why <= WEIR_DNS_LAST_PASS ? WEIR_PASS_DNS : WEIR_DROP_DNS);
	return why <= WEIR_DNS_LAST_PASS ? XDP_PASS : XDP_DROP;
}

/* --- tc --- */

__attribute__((noinline)) int dns_locate_tc(struct __sk_buff *skb)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_locate((void *)(long)skb->data, (void *)(long)skb->data_end, w);
}

__attribute__((noinline)) int dns_read_name_tc(struct __sk_buff *skb)
{
	struct dns_work *w = dns_work();

	if (!w)
		return 0;
	return dns_read_name((void *)(long)skb->data, (void *)(long)skb->data_end, w);
}

__attribute__((noinline)) int dns_read_rest_tc(struct __sk_buff *skb)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_read_rest((void *)(long)skb->data, (void *)(long)skb->data_end, w);
}

__attribute__((noinline)) int dns_leave_tc(struct __sk_buff *skb)
{
	struct dns_work *w = dns_work();

	if (!w)
		return WEIR_DNS_PASS_PACKET;
	return dns_leave((void *)(long)skb->data, (void *)(long)skb->data_end, w);
}

/* Whether a frame is a datagram to one of the agent's DNS addresses. */
__attribute__((noinline)) int dns_is_for_us(struct __sk_buff *skb)
{
	const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct weir_service *s;
	struct packet p;

	if (is_plain_v4(data, end))
		plain_target_v4(data, &p);
	else if (is_plain_v6(data, end))
		plain_target_v6(data, &p);
	else
		return 0;
	s = find_service(&p.dst, p.ports[1], p.proto);
	return s && s->key.used == WEIR_SLOT_DNS;
}

/* A sum that only the device was to finish: the sender is on this host, and so is what would finish
 * that of the answer again. */
__attribute__((noinline)) int dns_is_unfinished(struct __sk_buff *skb)
{
	const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct dns_work *w = dns_work();
	const struct udphdr *udp;
	__u16 finished;
	const __u8 *ip;
	__u64 sum;

	if (!w)
		return 0;
	ip = data + (w->l2_len & 0x1f);
	barrier_var(ip);
	if (w->v6) {
		const __be32 *a = (const void *)(ip + 8);

		udp = (const void *)(ip + sizeof(struct ipv6hdr));
		if ((const __u8 *)(udp + 1) > end)
			return 0;
		sum = (__u64)a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
	} else {
		udp = (const void *)(ip + sizeof(struct iphdr));
		if ((const __u8 *)(udp + 1) > end)
			return 0;
		sum = (__u64)((const struct iphdr *)ip)->saddr + ((const struct iphdr *)ip)->daddr;
	}
	sum += udp->len + bpf_htons(IPPROTO_UDP);
	finished = dns_fold(sum);
	return (udp->check ^ finished) == 0xffff;
}

static __always_inline enum weir_dns_reason dns_answer_tc(struct __sk_buff *skb, struct dns_work *w,
							  const struct dns_found *f)
{
	struct weir_hot_plan plan;
	enum weir_dns_reason why;
	__u64 last;

	if (dns_is_unfinished(skb))
		return WEIR_DNS_PASS_PACKET;
	last = dns_plan(f, &plan);
	why = dns_decide(w, &plan);
	if (why != WEIR_DNS_QUERY && why != WEIR_DNS_SLIP)
		return why;
	if (bpf_skb_change_tail(skb, w->at + weir_hot_size(&w->q, &plan), 0))
		return WEIR_DNS_PASS_ROOM;
	if (dns_finish((void *)(long)skb->data, (void *)(long)skb->data_end, w, f, &plan, last,
		       why == WEIR_DNS_QUERY))
		return WEIR_DNS_DROP_CHANGED;
	return why == WEIR_DNS_SLIP ? why : WEIR_DNS_ANSWER_TC;
}

static __always_inline enum weir_dns_reason dns_process_tc(struct __sk_buff *skb,
							   struct dns_work *w)
{
	enum weir_dns_reason why, pass;
	struct dns_found f;

	if (skb->len > WEIR_DNS_LARGEST) /* no query */
		return WEIR_DNS_PASS_PACKET;
	if (skb->len > skb->data_end - skb->data && bpf_skb_pull_data(skb, skb->len))
		return WEIR_DNS_PASS_PACKET;
	why = (enum weir_dns_reason)dns_locate_tc(skb);
	if (why != WEIR_DNS_QUERY)
		return why;
	pass = WEIR_DNS_PASS_ODD;
	if (dns_read_name_tc(skb))
		pass = (enum weir_dns_reason)dns_read_rest_tc(skb);
	if (pass == WEIR_DNS_QUERY) {
		f = dns_find(w);
		if (f.small || f.large)
			return dns_answer_tc(skb, w, &f);
		pass = WEIR_DNS_PASS_NAME;
	}
	why = (enum weir_dns_reason)dns_leave_tc(skb);
	if (why == WEIR_DNS_QUERY)
		why = (enum weir_dns_reason)dns_judge(DNS_ROAD_PACKET);
	return why == WEIR_DNS_QUERY ? pass : why;
}

/* On ingress. What is not for us, or passes on, goes to programs behind this one. */
SEC("tc")
int weir_dns_tc(struct __sk_buff *skb)
{
	const __u32 headers = HDR_L2 + sizeof(struct ipv6hdr) + sizeof(struct tcphdr);
	struct dns_work *w = dns_work();
	enum weir_dns_reason why;

	if (!w)
		return TC_ACT_UNSPEC;
	if (skb->data + headers > skb->data_end && skb->len > skb->data_end - skb->data)
		bpf_skb_pull_data(skb, skb->len < headers ? skb->len : headers);
	if (!dns_is_for_us(skb))
		return TC_ACT_UNSPEC;
	w->len = 0;
	why = dns_process_tc(skb, w);
	dns_count(why, w->len);
	if (why <= WEIR_DNS_LAST_ANSWER)
		return (int)bpf_redirect(skb->ifindex, 0);
	return why <= WEIR_DNS_LAST_PASS ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

#endif
