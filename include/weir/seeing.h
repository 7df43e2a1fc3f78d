/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seeing.h - what the packet program and the agent share for traces and captures. None of it is
 * pinned: agent and program come from one build, so that nothing here needs an ABI version. */
#ifndef WEIR_SEEING_H
#define WEIR_SEEING_H

#include "weir/abi.h"

/* What a program is loaded for. */
enum weir_seeing {
	WEIR_SEEING_NOTHING = 0, /* traffic */
	WEIR_SEEING_DRY = 1,     /* traces: it carries no traffic */
	WEIR_SEEING_CAPTURE = 2, /* traffic, while it is captured */
};

/* What a trace's packet met, noted stage by stage. What was not come to is 0. */
struct weir_trace {
	__u32 reason;      /* enum weir_reason: how it ended */
	__u32 service_id;  /* 0: of no service */
	__u32 base, mask;  /* of its table */
	__u32 row;         /* in its table */
	__u32 cur, prev;   /* of that row, as in struct weir_row */
	__u32 record;      /* enum weir_trace_record */
	__u32 record_slot; /* where the flow is recorded */
	__u32 endpoint;    /* slot; 0: none */
	__u32 counted;     /* a new flow that is counted where it goes: what follows is known */
	__u32 open, limit; /* connections of its row's endpoint; limit 0: none */
	__u32 nth;         /* other row that it goes by; 0: its own */
	__u32 steered;     /* its client's way is known: what follows */
	__u32 location, class, slice;
	__u32 way_cur, way_prev; /* as in struct weir_way */
};

enum weir_trace_record {
	WEIR_TRACE_NOT_LOOKED = 0, /* the row is at rest */
	WEIR_TRACE_NO_RECORD = 1,
	WEIR_TRACE_RECORD = 2,
};

/* When a packet is captured. */
enum weir_capture_at {
	WEIR_CAPTURE_IN = 1,  /* as it came in */
	WEIR_CAPTURE_OUT = 2, /* as it leaves */
	/* Within the program: as it came in, once more, since something else became of it. */
	WEIR_CAPTURE_AFTER_ALL = 4,
};

/* Which packets are captured, how many, and how much of each. */
struct weir_capture_filter {
	union weir_addr src, src_mask, dst, dst_mask; /* address & mask */
	__be16 sport, dport;                          /* 0: any */
	__u8 proto;                                   /* IPPROTO_TCP, _UDP, _ICMP; 0: any */
	__u8 family;                                  /* 4, 6; 0: any */
	__u8 at;                                      /* enum weir_capture_at, bits */
	__u8 pad;
	__u64 reasons; /* bits by enum weir_reason */
	__u32 snaplen; /* bytes of a packet */
	__u32 sample;  /* one in so many, at random; 1: all */
	__u32 rate;    /* packets a second; 0: any */
	__u32 pad2;
	__u64 count;    /* packets in all */
	__u64 until_ns; /* CLOCK_MONOTONIC */
};

/* A capture. The filter is written by the agent before a program that reads it is on an interface;
 * the counters by the program. CPUs that count at the same moment may let a few packets more
 * through than count and rate say; the agent keeps to count. */
struct weir_capture_session {
	struct weir_capture_filter filter;
	__u64 matched;           /* packets that the filter is for */
	__u64 taken;             /* of them, after sample, rate and count */
	__u64 lost;              /* snapshots without room in the agent's ring */
	__u64 second, in_second; /* of CLOCK_MONOTONIC; taken in it */
};

/* In front of the bytes of each snapshot. */
struct weir_capture_event {
	__u64 ns;      /* CLOCK_MONOTONIC */
	__u32 len;     /* of the packet: at most snaplen bytes of it follow */
	__u32 ifindex; /* it came in by, or leaves by */
	__u32 slot;    /* of the endpoint; 0: none */
	__u16 reason;  /* enum weir_reason */
	__u8 at;       /* WEIR_CAPTURE_IN, _OUT */
	__u8 again;    /* of a packet that was handed over before, for another reason */
};

_Static_assert(WEIR_REASON_COUNT <= 64, "reasons fit the bits of a capture's filter");

#endif
