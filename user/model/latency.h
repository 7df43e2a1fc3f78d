/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latency.h - how long pools take to answer, steady enough to steer by. Pure; any thread. */
#ifndef WEIR_MODEL_LATENCY_H
#define WEIR_MODEL_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

/* What a pool takes, in us; 0: not known. */
struct weir_latency {
	uint32_t mean;  /* of what was measured, the last ones count most */
	uint32_t shown; /* what is steered by */
};

/* Takes a measurement in. What is steered by follows only when it is off by a quarter, so that two
 * pools that are about as quick do not take turns. True: it did. */
static inline bool weir_latency_take(struct weir_latency *l, uint32_t us)
{
	uint64_t mean = l->mean ? ((uint64_t)l->mean * 3 + us + 2) / 4 : us;

	l->mean = (uint32_t)mean + !mean;
	if ((uint64_t)l->shown * 5 >= (uint64_t)l->mean * 4 &&
	    (uint64_t)l->shown * 4 <= (uint64_t)l->mean * 5)
		return false;
	l->shown = l->mean;
	return true;
}

#endif
