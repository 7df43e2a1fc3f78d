/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.h - echo requests and who answers them: one socket a family for all of them. On the loop's
 * thread only. */
#ifndef WEIR_PROBE_ICMP_H
#define WEIR_PROBE_ICMP_H

#include <uv.h>

#include "base/addr.h"

struct weir_icmp;
struct weir_ping;

/* The request is answered (err 0), or an ICMP error says that it cannot be (a negative errno). It
 * is forgotten by then. Called from the loop or from weir_icmp_drain(). */
typedef void weir_pong_fn(struct weir_ping *p, int err);

/* A request on its way. The caller's, who sets done and to. */
struct weir_ping {
	weir_pong_fn *done;
	union weir_addr to;
	uint64_t token; /* in its payload, to tell its answer from what others make up */
	uint64_t sent_ns;
	uint16_t sequence;
};

/* Where a socket cannot be had, weir_ping_send() says why. */
struct weir_icmp *weir_icmp_open(uv_loop_t *loop);

/* No request may be on its way. Needs uv_run() for handles to close. */
void weir_icmp_close(struct weir_icmp *i);

/* 0, or why it could not be sent: a negative errno, -EPERM where this host may not send any. */
int weir_ping_send(struct weir_icmp *i, struct weir_ping *p);

/* Its answer is not waited for any more. */
void weir_ping_forget(struct weir_icmp *i, struct weir_ping *p);

/* Takes in what the sockets hold, for those who cannot wait for the loop. */
void weir_icmp_drain(struct weir_icmp *i);

#endif
