/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schedule.h - when an origin is probed. Pure; times are of any clock, in milliseconds. */
#ifndef WEIR_MODEL_SCHEDULE_H
#define WEIR_MODEL_SCHEDULE_H

#include "model/model.h"

struct weir_schedule {
	uint64_t due_ms;   /* of the present probe, or the next one */
	uint32_t first_ms; /* from the first probe to the second; 0: that is over */
	uint8_t attempts;  /* of the present probe */
};

/* Begins with one of fresh origins that are new together. The first probe comes soon: at once for
 * a few, spread over up to a tenth of the interval for many. The second comes after a part of the
 * interval by chance (any 64 bits, other ones for each origin), and so all later ones are spread
 * over all of it. */
void weir_schedule_begin(struct weir_schedule *s, uint32_t interval_ms, uint32_t fresh,
			 uint64_t chance, uint64_t now_ms);

/* An attempt begins: the first of a probe that is due, or a further one. */
static inline void weir_schedule_attempt(struct weir_schedule *s)
{
	s->attempts++;
}

/* After an attempt. True: it ran into its time-out and a retry is left, which is to be made at
 * once. Else the probe is over, and s is due for the next one: an interval after this one was, or
 * at once when this one took longer. */
bool weir_schedule_again(struct weir_schedule *s, const struct weir_monitor *m, bool timed_out,
			 uint64_t now_ms);

#endif
