/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffers.h - frames that lie in several buffers: jumbo frames, where the kernel can hand them
 * over. The program reaches the first buffer, which ends at ctx->data_end; the rest is carried
 * along, out of reach. */
#ifndef WEIR_BUFFERS_H
#define WEIR_BUFFERS_H

/* Set by the agent: what the kernel has of it. */
const volatile __u8 weir_multi_buffer, weir_pull_data;

/* Bytes that the first buffer shall have: more than the headers of most packets. Drivers that
 * leave it empty (mlx5 is said to) have little more room. */
#define FIRST_BUFFER 192

/* Of the kernel (Linux 6.18): moves bytes into the first buffer, until it has so many. */
extern int bpf_xdp_pull_data(struct xdp_md *ctx, __u32 len) __ksym __weak;

/* Whether the IP packet is longer than the frame it came in. A frame in several buffers is looked
 * at a second time: until then frame_len is that of the first buffer. */
static __always_inline int cut_short(struct xdp_md *ctx, struct packet *p)
{
	if (__builtin_expect(p->ip_len + p->l2_len <= p->frame_len, 1))
		return 0;
	if (weir_multi_buffer)
		p->frame_len = (__u32)bpf_xdp_get_buff_len(ctx);
	return p->ip_len + p->l2_len > p->frame_len;
}

/* Makes the first buffer hold the headers, if the kernel can do that. A function of its own, since
 * pulling makes void all that was known of the packet. */
__attribute__((noinline)) int pull_headers(struct xdp_md *ctx)
{
	__u32 first = (__u32)(ctx->data_end - ctx->data), whole;

	if (!weir_pull_data || first >= FIRST_BUFFER)
		return 0;
	whole = (__u32)bpf_xdp_get_buff_len(ctx);
	if (whole == first)
		return 0;
	return bpf_xdp_pull_data(ctx, whole < FIRST_BUFFER ? whole : FIRST_BUFFER);
}

/* Whether what a header lacks is in another buffer. why: what parse_odd() said. */
static __always_inline int is_split(struct xdp_md *ctx, const struct packet *p,
				    enum weir_reason why)
{
	if (!weir_multi_buffer || why != WEIR_DROP_TRUNCATED)
		return 0;
	return bpf_xdp_get_buff_len(ctx) > p->frame_len;
}

#endif
