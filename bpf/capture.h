/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.h - hands packets to the agent as they came in, once it is known how they end, and as
 * they leave. The agent swaps a program that does so in for as long as a capture lasts; in the one
 * that is there otherwise the verifier leaves nothing of this, and the maps below do not exist. */
#ifndef WEIR_BPF_CAPTURE_H
#define WEIR_BPF_CAPTURE_H

#define NS_PER_S 1000000000ull

/* What to capture, and how much of it there was. Written by user/dataplane/capture.c and by the
 * functions below. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_capture_session);
} weir_capture_session SEC(".maps");

/* Snapshots: struct weir_capture_event and bytes of the packet. Read by the same. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} weir_capture_events SEC(".maps");

/* What the filter asks of the packet in hand. */
struct captured {
	union weir_addr src, dst;
	__be16 ports[2];
	__u8 proto, ports_why, v6, about;
	__u32 taken; /* it is captured */
};

/* Written and read by the functions below. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct captured);
} weir_capture_packet SEC(".maps");

static __always_inline int under(const union weir_addr *a, const union weir_addr *mask,
				 const union weir_addr *want)
{
	return (a->q[0] & mask->q[0]) == want->q[0] && (a->q[1] & mask->q[1]) == want->q[1];
}

/* An ICMP error about a flow has that flow's addresses and ports: it is found by them, and as ICMP.
 * What has no ports that could be read is found by no port. */
static __always_inline int matches_flow(const struct weir_capture_filter *f,
					const struct captured *p)
{
	int icmp = p->about || p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6;
	int no_ports = p->ports_why != WEIR_FORWARD;

	if (f->proto && p->proto != f->proto && !(f->proto == IPPROTO_ICMP && icmp))
		return 0;
	if (f->sport && (no_ports || p->ports[0] != f->sport))
		return 0;
	return !f->dport || (!no_ports && p->ports[1] == f->dport);
}

static __always_inline int matches(const struct weir_capture_filter *f, const struct captured *p,
				   __u32 why)
{
	if (!(f->reasons >> (why & 63) & 1) || (f->family && f->family != (p->v6 ? 6 : 4)))
		return 0;
	return under(&p->src, &f->src_mask, &f->src) && under(&p->dst, &f->dst_mask, &f->dst) &&
	       matches_flow(f, p);
}

static __always_inline int within_rate(struct weir_capture_session *s, __u64 now)
{
	__u64 second = now / NS_PER_S;

	if (!s->filter.rate)
		return 1;
	if (s->second != second) {
		s->second = second;
		s->in_second = 0;
	}
	if (s->in_second >= s->filter.rate)
		return 0;
	__sync_fetch_and_add(&s->in_second, 1);
	return 1;
}

/* Whether this packet is captured: decided once, so that it is whole or not there. */
static __always_inline int decide(struct weir_capture_session *s, const struct captured *p,
				  __u32 why)
{
	__u64 now;

	if (!matches(&s->filter, p, why))
		return 0;
	__sync_fetch_and_add(&s->matched, 1);
	if (s->filter.sample > 1 && bpf_get_prandom_u32() % s->filter.sample)
		return 0;
	now = bpf_ktime_get_ns();
	if (s->taken >= s->filter.count || now >= s->filter.until_ns || !within_rate(s, now))
		return 0;
	__sync_fetch_and_add(&s->taken, 1);
	return 1;
}

static __always_inline void hand_over(struct xdp_md *ctx, struct weir_capture_session *s,
				      const struct weir_capture_event *e)
{
	__u64 len = e->len < s->filter.snaplen ? e->len : s->filter.snaplen;

	if (bpf_perf_event_output(ctx, &weir_capture_events, BPF_F_CURRENT_CPU | len << 32,
				  (void *)e, sizeof(*e)))
		__sync_fetch_and_add(&s->lost, 1);
}

/* at: enum weir_capture_at. A global function: verified once. */
__attribute__((noinline)) int capture_packet(struct xdp_md *ctx, __u32 why, __u32 slot,
					     __u32 ifindex, __u32 at)
{
	struct weir_capture_event e = { .slot = slot, .ifindex = ifindex };
	struct weir_capture_session *s;
	struct captured *p;
	__u32 key = 0;

	if (weir_seeing != WEIR_SEEING_CAPTURE) /* for the verifier: nobody calls it then */
		return 0;
	s = bpf_map_lookup_elem(&weir_capture_session, &key);
	p = bpf_map_lookup_elem(&weir_capture_packet, &key);
	if (!s || !p)
		return 0;
	if (at == WEIR_CAPTURE_IN || (at == WEIR_CAPTURE_AFTER_ALL && !p->taken))
		p->taken = decide(s, p, why);
	else
		e.again = at == WEIR_CAPTURE_AFTER_ALL;
	e.at = at == WEIR_CAPTURE_OUT ? WEIR_CAPTURE_OUT : WEIR_CAPTURE_IN;
	if (!p->taken || !(s->filter.at & e.at))
		return 0;
	e.ns = bpf_ktime_get_ns();
	e.reason = (__u16)why;
	e.len = weir_multi_buffer ? (__u32)bpf_xdp_get_buff_len(ctx)
				  : (__u32)(ctx->data_end - ctx->data);
	hand_over(ctx, s, &e);
	return 0;
}

/* A function of its own: what it needs of the stack its callers do not have to spare (512 bytes for
 * all that call each other, each rounded up to 32 before Linux 6.3). */
static __attribute__((noinline)) void capture_now(struct xdp_md *ctx, const struct packet *p,
						  enum weir_reason why, __u32 at)
{
	__u32 key = 0, ifindex = ctx->ingress_ifindex;
	struct captured *c = bpf_map_lookup_elem(&weir_capture_packet, &key);
	/* Looked up: the pointer of a packet that lies in a map is none to the verifier. */
	const struct weir_endpoint *e = p->endpoint ? find_endpoint(p->slot) : NULL;

	if (!c)
		return;
	if (at == WEIR_CAPTURE_IN)
		*c = (struct captured){
			.src = p->src,
			.dst = p->dst,
			.ports = { p->ports[0], p->ports[1] },
			.proto = p->proto,
			.ports_why = p->ports_why,
			.v6 = p->v6,
			.about = p->about,
		};
	if (at == WEIR_CAPTURE_OUT && why <= WEIR_LAST_FORWARD && e)
		ifindex = e->ifindex;
	capture_packet(ctx, why, e ? p->slot : WEIR_NO_ENDPOINT, ifindex, at);
}

/* Once with WEIR_CAPTURE_IN, when the packet's reason is known and before its bytes change; then
 * with _OUT when it is as it leaves, or with _AFTER_ALL when it met another reason on the way. */
static __always_inline void capture(struct xdp_md *ctx, const struct packet *p,
				    enum weir_reason why, __u32 at)
{
	if (weir_seeing == WEIR_SEEING_CAPTURE)
		capture_now(ctx, p, why, at);
}

#endif
