/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.h - TCP segments without data, from the IP header on. Pure. */
#ifndef WEIR_PROBE_SEGMENT_H
#define WEIR_PROBE_SEGMENT_H

#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

#define WEIR_SEGMENT_BYTES 60 /* of the longest */

struct weir_segment {
	struct weir_sockaddr from, to; /* of one family */
	uint32_t sequence, ack;
	uint8_t flags; /* TH_SYN, TH_RST, TH_ACK */
};

/* Returns the length. */
size_t weir_segment_write(const struct weir_segment *s, uint8_t out[WEIR_SEGMENT_BYTES]);

/* The TCP header of a segment; addresses and what is in front of it the caller knows. False: it is
 * not there as a whole. */
bool weir_segment_read(struct weir_segment *s, const uint8_t *tcp, size_t len);

#endif
