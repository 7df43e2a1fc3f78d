/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seeing.h - the program as an instrument: a dry run for traces, and captures (capture.h).
 *
 * For a trace the agent loads this program once more over the same maps, and runs a packet of its
 * own through it. Stages note what they decide, and write to no map that others read. In the
 * program that carries traffic weir_seeing is 0: the verifier removes what it asks for, and a load
 * of one byte stays. */
#ifndef WEIR_BPF_SEEING_H
#define WEIR_BPF_SEEING_H

#include "weir/seeing.h"

/* Set by the agent when it loads the program: enum weir_seeing. */
const volatile __u8 weir_seeing;

/* Of the last dry run. Cleared and read by the agent. */
struct weir_trace weir_trace;

static __always_inline int dry_run(void)
{
	return weir_seeing == WEIR_SEEING_DRY;
}

static __always_inline void note_row(const struct packet *p, __u64 hash, __u64 word)
{
	weir_trace.service_id = p->service_id;
	weir_trace.base = p->table.base;
	weir_trace.mask = p->table.mask;
	weir_trace.row = (__u32)hash & p->table.mask;
	weir_trace.cur = (__u32)word;
	weir_trace.prev = word >> 32;
}

static __always_inline void note_way(__u32 location, __u32 class, __u32 slice, __u64 way)
{
	weir_trace.location = location;
	weir_trace.class = class;
	weir_trace.slice = slice;
	weir_trace.way_cur = (__u32)way;
	weir_trace.way_prev = way >> 32;
	weir_trace.steered = 1;
}

/* Goes on with a copy of the record, if there is one, so that it stays as it is. */
static __always_inline struct weir_flow *note_record(const struct weir_flow *f,
						     struct weir_flow *copy)
{
	weir_trace.record = f ? WEIR_TRACE_RECORD : WEIR_TRACE_NO_RECORD;
	if (!f)
		return NULL;
	*copy = *f;
	weir_trace.record_slot = copy->endpoint;
	return copy;
}

/* A new flow, and what there is at its row's endpoint. */
static __always_inline void note_choice(__u32 open, __u32 limit, __u32 nth)
{
	weir_trace.counted = 1;
	weir_trace.open = open;
	weir_trace.limit = limit;
	weir_trace.nth = nth;
}

static __always_inline void note_end(const struct packet *p, enum weir_reason why)
{
	weir_trace.reason = why;
	weir_trace.endpoint = p->endpoint ? p->slot : WEIR_NO_ENDPOINT;
}

#endif
