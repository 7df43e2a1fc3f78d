/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/schedule.h"

#include "base/hash.h"

#define SPREAD_MS 2 /* between first probes, on average */

void weir_schedule_begin(struct weir_schedule *s, uint32_t interval_ms, uint32_t fresh,
			 uint64_t chance, uint64_t now_ms)
{
	uint64_t spread_ms = (uint64_t)fresh * SPREAD_MS;

	if (spread_ms > interval_ms / 10)
		spread_ms = interval_ms / 10;
	*s = (struct weir_schedule){
		.due_ms = now_ms + weir_mix64(chance) % (spread_ms + 1),
		.first_ms = 1 + (uint32_t)(weir_mix64(~chance) % interval_ms),
	};
}

bool weir_schedule_again(struct weir_schedule *s, const struct weir_monitor *m, bool timed_out,
			 uint64_t now_ms)
{
	if (timed_out && s->attempts <= m->retries)
		return true;
	s->attempts = 0;
	s->due_ms += s->first_ms ? s->first_ms : m->interval_ms;
	s->first_ms = 0;
	if (s->due_ms < now_ms)
		s->due_ms = now_ms;
	return false;
}
