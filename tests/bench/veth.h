/* SPDX-License-Identifier: GPL-2.0-or-later */
/* veth.h - what veth.bpf.c and veth.c agree on. */
#ifndef WEIR_BENCH_VETH_H
#define WEIR_BENCH_VETH_H

#define VETH_FRAME 64 /* bytes: Ethernet, IPv4, TCP, a little payload */
#define VETH_AIMED 32 /* clients that are aimed at one endpoint; a power of two */
#define VETH_SYN   0x02

#endif
