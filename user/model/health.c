/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/health.h"

void weir_health_init(struct weir_health *h, uint64_t now_ms)
{
	*h = (struct weir_health){ .reason = WEIR_REASON_NO_RESULT, .since_ms = now_ms };
}

/* EWMA with alpha 1/8; 0 means "no pass yet", so a measured 0 counts as 1. */
static uint32_t smooth(uint32_t mean_us, uint32_t rtt_us)
{
	int64_t step = ((int64_t)rtt_us - mean_us) / 8;

	if (!rtt_us)
		rtt_us = 1;
	return mean_us ? (uint32_t)(mean_us + step) : rtt_us;
}

bool weir_health_update(struct weir_health *h, const struct weir_monitor *m,
			const struct weir_verdict *v, uint64_t now_ms)
{
	enum weir_state seen = v->pass ? WEIR_HEALTHY : WEIR_UNHEALTHY;
	uint32_t needed = v->pass ? m->consecutive_up : m->consecutive_down;

	h->checked_ms = now_ms;
	h->status = v->status;
	if (v->pass)
		h->rtt_us = smooth(h->rtt_us, v->rtt_us);
	if (seen == h->state) {
		h->streak = 0;
		h->reason = v->reason;
		return false;
	}
	if (h->state != WEIR_UNKNOWN && ++h->streak < needed)
		return false; /* the reason still is that of the state */
	h->state = seen;
	h->reason = v->reason;
	h->since_ms = now_ms;
	h->streak = 0;
	return true;
}

const char *weir_state_text(enum weir_state s)
{
	switch (s) {
	case WEIR_UNKNOWN:
		return "unknown";
	case WEIR_HEALTHY:
		return "healthy";
	case WEIR_UNHEALTHY:
		return "unhealthy";
	}
	return "?";
}
