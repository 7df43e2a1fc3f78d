/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harness.h - what harness.bpf.c and those who load it agree on. */
#ifndef WEIR_BENCH_HARNESS_H
#define WEIR_BENCH_HARNESS_H

#include <linux/types.h>

/* Where in a packet the client is that tells its flow apart. */
enum vary {
	VARY_CLIENT, /* its source */
	VARY_QUOTED, /* an ICMP error: the destination of the packet that it quotes */
	VARY_REPLY,  /* its destination; its source is an endpoint */
};

/* VIPs end in 1 .. BENCH_VIPS. A power of two. */
#define BENCH_VIPS 8

/* Of each VIP: 10.VIP.1.1 and so on. */
#define BENCH_ENDPOINTS     100
#define BENCH_ENDPOINT_PORT 8080 /* where they take no tunnel */

#endif
