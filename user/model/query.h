/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.h - what a client asks of the packet path in the arguments of a URL, checked. Pure. */
#ifndef WEIR_MODEL_QUERY_H
#define WEIR_MODEL_QUERY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "weir/seeing.h"

#define WEIR_QUIC_ID_BYTES 20 /* the longest connection id */

/* A packet to trace: src and dst of one family; proto is IPPROTO_TCP or IPPROTO_UDP. */
struct weir_trace_query {
	struct weir_sockaddr src, dst;
	uint8_t proto;
	bool syn; /* TCP: a first packet, instead of one in the middle of a flow */
	uint8_t quic_id[WEIR_QUIC_ID_BYTES]; /* UDP: of a QUIC packet with a short header */
	uint8_t quic_id_bytes;               /* 0: a datagram of nothing */
};

#define WEIR_CAPTURE_SNAPLEN 16384

/* A capture always ends. filter.until_ns is not set here: there is no clock. */
struct weir_capture_query {
	struct weir_capture_filter filter;
	uint32_t count; /* of packets */
	uint32_t for_ms;
};

/* args: an object of texts, as they are in the URL. False: *err says what is allowed. */
bool weir_trace_query_parse(const json_t *args, struct weir_trace_query *out, struct weir_err *err);
bool weir_capture_query_parse(const json_t *args, struct weir_capture_query *out,
			      struct weir_err *err);

#endif
