// SPDX-License-Identifier: GPL-2.0-or-later
/* xdp_pass.bpf.c - does nothing, on the other end of a veth whose device sends by XDP_TX: the
 * kernel delivers such frames only to a peer that runs XDP too. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* A veth takes only programs for frames in several buffers when its MTU is more than a page. */
#ifdef FRAGS
SEC("xdp.frags")
#else
SEC("xdp")
#endif
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
