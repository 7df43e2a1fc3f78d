/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finish.h - counts the packet and turns its reason into an action. */
#ifndef WEIR_FINISH_H
#define WEIR_FINISH_H

static __always_inline void count_reason(const struct packet *p, enum weir_reason why)
{
	__u32 key = why;
	struct weir_count *n = bpf_map_lookup_elem(&weir_reason_counts, &key);

	if (!n)
		return;
	n->packets++;
	n->bytes += p->frame_len;
}

static __always_inline void count_endpoint(const struct packet *p)
{
	__u32 slot = p->slot; /* a copy: the packet of express.h has no address */
	struct weir_endpoint_stats *n = bpf_map_lookup_elem(&weir_endpoint_counts, &slot);

	if (!n)
		return;
	n->packets++;
	n->bytes += p->frame_len;
	n->connections += p->first;
}

/* Answered, passed to the host, or dropped. */
static __always_inline int leave(struct xdp_md *ctx, struct packet *p, enum weir_reason why)
{
	cut_short(ctx, p); /* for the count */
	if (dry_run())
		note_end(p, why);
	else
		count_reason(p, why);
	if (why <= WEIR_LAST_REPLY)
		return XDP_TX;
	return why > WEIR_LAST_PASS ? XDP_DROP : XDP_PASS;
}

static __always_inline int leave_by(struct xdp_md *ctx, __u32 ifindex)
{
	if (ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return (int)bpf_redirect_map(&weir_devices, ifindex, XDP_DROP);
}

static __always_inline int count_forward(const struct packet *p, enum weir_reason why, int action)
{
	if (action != XDP_DROP)
		count_endpoint(p);
	count_reason(p, why);
	return action;
}

/* Out of the interface its endpoint is reached by. */
static __always_inline int forward(struct xdp_md *ctx, const struct packet *p, enum weir_reason why)
{
	const __u8 seeing = weir_seeing; /* read once: this is where most packets go */
	int action = leave_by(ctx, p->endpoint->ifindex);

	if (action == XDP_DROP)
		why = WEIR_DROP_NO_DEVICE;
	if (seeing == WEIR_SEEING_CAPTURE)
		capture_now(ctx, p, why, WEIR_CAPTURE_OUT);
	if (seeing == WEIR_SEEING_DRY) {
		note_end(p, why);
		return action;
	}
	return count_forward(p, why, action);
}

#endif
