/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_bench.h - what dns.bpf.c and dns_rate.c agree on. */
#ifndef WEIR_BENCH_DNS_BENCH_H
#define WEIR_BENCH_DNS_BENCH_H

#define DNS_FRAME    77               /* bytes: Ethernet, IPv4, UDP, a question */
#define DNS_FRAME_DO (DNS_FRAME + 11) /* and OPT */
#define DNS_LABEL    54 /* where the name begins: a letter and digits, "bench", "test" */
#define DNS_DIGITS   5
#define DNS_BURST    16 /* questions at once; a power of two */

#endif
