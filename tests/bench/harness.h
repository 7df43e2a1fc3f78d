/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harness.h - what harness.bpf.c and those who load it agree on. */
#ifndef WEIR_BENCH_HARNESS_H
#define WEIR_BENCH_HARNESS_H

#include <linux/types.h>

/* Where in a packet the client is that tells its flow apart. */
enum vary {
	VARY_CLIENT, /* its source */
	VARY_QUOTED, /* an ICMP error: the destination of the packet that it quotes */
};

/* VIPs end in 1 .. BENCH_VIPS. A power of two. */
#define BENCH_VIPS 8

#endif
