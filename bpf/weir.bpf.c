// SPDX-License-Identifier: GPL-2.0-or-later
/* weir.bpf.c - the packet program: a table of contents. Each stage is a header and returns a
 * reason of the one list in weir/abi.h. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "weir/abi.h"

#include "packet.h"
#include "seeing.h"
#include "maps.h"
#include "buffers.h"
#include "parse.h"
#include "classify.h"
#include "pick.h"
#include "fragment.h"
#include "encap.h"
#include "watch_reply.h"
#include "icmp.h"
#include "mtu.h"
#include "capture.h"
#include "finish.h"
#include "express.h"

/* Ends otherwise than at its endpoint: first for this reason, and then, after what was tried. */
static __always_inline int end(struct xdp_md *ctx, struct packet *p, enum weir_reason why,
			       enum weir_reason then)
{
	if (then != why)
		capture(ctx, p, then, WEIR_CAPTURE_AFTER_ALL);
	else if (why <= WEIR_LAST_REPLY)
		capture(ctx, p, why, WEIR_CAPTURE_OUT);
	return leave(ctx, p, then);
}

/* Whether the kernel can call weir_dns_xdp(): set by the agent. */
const volatile __u8 weir_tail_calls;

/* No action: weir_dns_xdp() is still to come, from where nothing else is on the stack. */
#define DNS_PENDING (-2)

/* There is no endpoint for it. */
static __always_inline int end_here(struct xdp_md *ctx, struct packet *p, enum weir_reason why)
{
	capture(ctx, p, why, WEIR_CAPTURE_IN);
	if (why == WEIR_PASS_DNS && !dry_run())
		return DNS_PENDING;
	if (why == WEIR_REPLY_ECHO)
		return end(ctx, p, why, (enum weir_reason)reply_echo(ctx));
	return end(ctx, p, why, why);
}

/* There is one, but it cannot be sent there. */
static __always_inline int end_unfit(struct xdp_md *ctx, struct packet *p, enum weir_reason why)
{
	enum weir_reason then = why;

	capture(ctx, p, why, WEIR_CAPTURE_IN);
	if (why == WEIR_REPLY_MTU)
		then = (enum weir_reason)reply_mtu(ctx, p->endpoint->mtu, p->l2_len, p->v6,
						   p->frame_len);
	return end(ctx, p, why, then);
}

/* To its endpoint. */
static __always_inline int forward_on(struct xdp_md *ctx, struct packet *p, enum weir_reason why)
{
	enum weir_reason bad;

	capture(ctx, p, why, WEIR_CAPTURE_IN);
	bad = encap(ctx, p);
	if (bad == WEIR_FORWARD)
		return forward(ctx, p, why);
	return end(ctx, p, why, bad);
}

/* A reply that is translated, on to its client. */
static __always_inline int forward_reply(struct xdp_md *ctx, struct nat_work *w,
					 enum weir_reason why, __u32 ifindex)
{
	enum weir_reason bad;

	capture(ctx, &w->p, why, WEIR_CAPTURE_IN);
	bad = (enum weir_reason)nat_rewrite(ctx, w);
	if (bad != WEIR_FORWARD || why != WEIR_FORWARD_NAT_REPLY)
		return end(ctx, &w->p, why, bad == WEIR_FORWARD ? why : bad);
	if (weir_seeing == WEIR_SEEING_CAPTURE)
		capture_packet(ctx, why, WEIR_NO_ENDPOINT, ifindex, WEIR_CAPTURE_OUT);
	if (dry_run())
		note_end(&w->p, why);
	else
		count_reason(&w->p, why);
	return leave_by(ctx, ifindex);
}

/* A packet for no VIP, that nat_take() has taken: a reply, perhaps. A function of its own: few
 * packets come here. */
__attribute__((noinline)) int process_reply(struct xdp_md *ctx)
{
	__u64 out = nat_reply(ctx);
	enum weir_reason why = (enum weir_reason)(out >> 32), then = why;
	struct nat_work *w = nat_work();

	if (!w)
		return XDP_PASS;
	if (why == WEIR_FORWARD_NAT_REPLY || why == WEIR_PASS_NAT_REPLY) {
		watch_reply(ctx);
		return forward_reply(ctx, w, why, (__u32)out);
	}
	capture(ctx, &w->p, why, WEIR_CAPTURE_IN);
	if (why == WEIR_REPLY_MTU)
		then = (enum weir_reason)reply_mtu(ctx, (__u32)out, w->p.l2_len, w->p.v6,
						   w->p.frame_len);
	return end(ctx, &w->p, why, then);
}

/* No action: process_reply() is still to come, from where there is more stack left. */
#define REPLY_PENDING (-1)

/* From a packet that was read to its action. */
static __always_inline int process(struct xdp_md *ctx, struct packet *p, enum weir_reason why,
				   const struct weir_service *s, int plain)
{
	enum weir_reason bad;

	if (why == WEIR_FORWARD)
		why = classify(p, s);
	if (plain && (why == WEIR_FORWARD || why == WEIR_FORWARD_NAT_REPLY))
		parse_plain_rest(p);
	if (why == WEIR_FORWARD_NAT_REPLY)
		return nat_take(p) ? REPLY_PENDING : XDP_PASS;
	if (why == WEIR_FORWARD)
		why = pick(ctx, p);
	else if (why == WEIR_FORWARD_FRAGMENT)
		why = fragment_follow(p);
	if (!p->endpoint)
		return end_here(ctx, p, why);
	if (p->fragment == FIRST_FRAGMENT)
		fragment_lead(fragment_hash(p), p->slot);
	bad = sendable(ctx, p);
	return bad == WEIR_FORWARD ? forward_on(ctx, p, why) : end_unfit(ctx, p, bad);
}

/* The long way, for all that is odd: a function of its own, so that the short way is made without
 * what it has no use for. */
__attribute__((noinline)) int process_odd(struct xdp_md *ctx)
{
	const struct packet *odd = odd_packet();
	const struct weir_service *s = NULL;
	enum weir_reason why;
	struct packet p;

	pull_headers(ctx);
	why = (enum weir_reason)parse_odd(ctx);
	if (weir_seeing == WEIR_SEEING_CAPTURE) /* what is no IP packet has no addresses */
		__builtin_memset(&p, 0, sizeof(p));
	p.endpoint = NULL;
	p.ip_len = p.l2_len = 0;
	if (why == WEIR_FORWARD && odd)
		copy(&p, odd, PACKET_PARSED);
	p.frame_len = (__u32)(ctx->data_end - ctx->data);
	if (is_split(ctx, &p, why == WEIR_FORWARD ? p.ports_why : why))
		why = WEIR_PASS_SPLIT;
	if (why == WEIR_FORWARD && p.ports_why == WEIR_FORWARD)
		s = find_service(&p.dst, p.ports[1], p.proto);
	return process(ctx, &p, why, s, 0);
}

/* What express() does not take, of all that was read the short way. A function of its own, so that
 * its packet does not lie on the stack beside the way of most packets. */
static __attribute__((noinline)) int process_plain(struct xdp_md *ctx, const struct weir_service *s,
						   __u32 v6)
{
	const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	/* Each stage sets what it finds out: clearing it all would cost 2 ns. */
	struct packet p;

	p.endpoint = NULL;
	p.frame_len = (__u32)(end - data);
	p.ports_why = WEIR_FORWARD;
	p.l2_len = HDR_L2;
	p.about = p.fragment = 0;
	if (v6) {
		if (!is_plain_v6(data, end))
			return XDP_PASS;
		plain_target_v6(data, &p);
		parse_plain_v6(data, &p);
	} else {
		if (!is_plain_v4(data, end))
			return XDP_PASS;
		plain_target_v4(data, &p);
		parse_plain_v4(data, &p);
	}
	asm volatile("" : : "r"(&p) : "memory"); /* all of it is in its place: fewer spills */
	return process(ctx, &p, WEIR_FORWARD, s, 1);
}

/* weir_dns_xdp(), or nothing while the kernel is to answer no query. Pinned, since an array of
 * programs that nobody in user space knows any more is emptied. Written by user/dataplane/dns.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} weir_dns_program SEC(".maps");

/* A packet's action; what is still to come is done here, in the program itself. */
static __always_inline int conclude(struct xdp_md *ctx, int action)
{
	struct packet p;

	if (weir_features && action == REPLY_PENDING)
		return process_reply(ctx);
	if (action != DNS_PENDING)
		return action;
	if (weir_tail_calls)
		bpf_tail_call(ctx, &weir_dns_program, 0);
	p.frame_len = weir_multi_buffer ? (__u32)bpf_xdp_get_buff_len(ctx)
					: (__u32)(ctx->data_end - ctx->data);
	count_reason(&p, WEIR_PASS_DNS);
	return XDP_PASS;
}

static __always_inline void begin_plain(struct packet *p, const __u8 *data, const __u8 *end)
{
	__u32 len = (__u32)(end - data);

	barrier_var(len); /* 32 bits from here on: no need to cut it again for each count */
	p->frame_len = len;
	p->l2_len = HDR_L2;
	p->first = p->about = p->fragment = 0;
	p->endpoint = NULL;
	p->slot = WEIR_NO_ENDPOINT;
}

/* Nobody's, and nothing more is to be found out about it. */
static __always_inline int is_foreign(const struct weir_service *s)
{
	return !s && !weir_features && weir_seeing != WEIR_SEEING_CAPTURE;
}

/* A query, which goes no further where nobody watches. */
static __always_inline int is_query(const struct weir_service *s)
{
	return s && !weir_seeing && s->key.flags & WEIR_SERVICE_DNS;
}

static __always_inline int process_v4(struct xdp_md *ctx, const __u8 *data, const __u8 *end)
{
	const struct weir_service *s;
	struct packet p;

	begin_plain(&p, data, end);
	plain_target_v4(data, &p);
	s = find_service(&p.dst, p.ports[1], p.proto);
	if (is_foreign(s))
		return leave(ctx, &p, WEIR_PASS_NOT_OURS);
	if (s) {
		parse_plain_v4(data, &p);
		if (express(&p, s))
			return express_forward(ctx, &p);
	}
	return conclude(ctx, is_query(s) ? DNS_PENDING : process_plain(ctx, s, 0));
}

static __always_inline int process_v6(struct xdp_md *ctx, const __u8 *data, const __u8 *end)
{
	const struct weir_service *s;
	struct packet p;

	begin_plain(&p, data, end);
	plain_target_v6(data, &p);
	s = find_service(&p.dst, p.ports[1], p.proto);
	if (is_foreign(s))
		return leave(ctx, &p, WEIR_PASS_NOT_OURS);
	if (s) {
		parse_plain_v6(data, &p);
		if (express(&p, s))
			return express_forward(ctx, &p);
	}
	return conclude(ctx, is_query(s) ? DNS_PENDING : process_plain(ctx, s, 1));
}

/* The first one of its section: that is the one libxdp attaches. */
SEC("xdp")
int weir_xdp(struct xdp_md *ctx)
{
	const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (is_plain_v4(data, end))
		return process_v4(ctx, data, end);
	if (is_plain_v6(data, end))
		return process_v6(ctx, data, end);
	return conclude(ctx, process_odd(ctx));
}

#include "dns.h"
#include "dns_filter.h"

/* What flow_now() says: run by the agent, which must read the ages of recorded flows. */
__u32 weir_now;

SEC("socket")
int weir_clock(struct __sk_buff *skb)
{
	weir_now = flow_now();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
