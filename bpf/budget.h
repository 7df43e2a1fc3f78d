/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget.h - what may be done so often a second, and so often at once, by each CPU. */
#ifndef WEIR_BPF_BUDGET_H
#define WEIR_BPF_BUDGET_H

struct budget {
	__u64 at;      /* jiffies */
	__u64 credits; /* each time costs weir_hz of them */
};

/* Whether it may be done once more, which is charged. b: of a map with one for each CPU. */
static __always_inline int budget_spend(struct budget *b, __u32 per_s, __u32 burst)
{
	__u64 now = bpf_jiffies64(), credits = b->credits + (now - b->at) * per_s;

	if (credits > (__u64)burst * weir_hz)
		credits = (__u64)burst * weir_hz;
	b->at = now;
	b->credits = credits;
	if (credits < weir_hz)
		return 0;
	b->credits -= weir_hz;
	return 1;
}

#endif
