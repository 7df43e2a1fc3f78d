/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/health.h"

#include <string.h>

#include "base/mem.h"

#define SLOW_STEPS 10 /* of a slow start: 10 %, 20 % and so on */

/* --- one monitor --- */

/* EWMA with alpha 1/8; 0 means "no pass yet", so a measured 0 counts as 1. */
static uint32_t smooth(uint32_t mean_us, uint32_t rtt_us)
{
	int64_t step = ((int64_t)rtt_us - mean_us) / 8;

	if (!rtt_us)
		rtt_us = 1;
	return mean_us ? (uint32_t)(mean_us + step) : rtt_us;
}

static uint64_t newest(uint32_t n)
{
	return n < 64 ? (1ull << n) - 1 : ~0ull;
}

static bool enough(const struct weir_check *c, const struct weir_monitor *m)
{
	return __builtin_popcountll(c->results & newest(m->window)) >= m->threshold;
}

static void check_init(struct weir_check *c, const struct weir_monitor *m)
{
	*c = (struct weir_check){ .reason = WEIR_REASON_NO_RESULT };
	if (!m->window)
		return;
	c->results = newest(m->initial);
	c->state = enough(c, m) ? WEIR_HEALTHY : WEIR_UNKNOWN;
}

/* The state that a monitor without a window says after a verdict. */
static enum weir_state by_streak(struct weir_check *c, const struct weir_monitor *m,
				 enum weir_state seen)
{
	uint32_t needed = seen == WEIR_HEALTHY ? m->consecutive_up : m->consecutive_down;

	if (seen == c->state) {
		c->streak = 0;
		return seen;
	}
	return c->state != WEIR_UNKNOWN && ++c->streak < needed ? c->state : seen;
}

static void check_update(struct weir_check *c, const struct weir_monitor *m,
			 const struct weir_verdict *v, uint64_t wall_ms)
{
	enum weir_state seen = v->pass ? WEIR_HEALTHY : WEIR_UNHEALTHY, is;

	c->checked_ms = wall_ms;
	c->status = v->status;
	c->results = c->results << 1 | v->pass;
	if (v->pass)
		c->rtt_us = smooth(c->rtt_us, v->rtt_us);
	if (m->window)
		is = enough(c, m) ? WEIR_HEALTHY : WEIR_UNHEALTHY;
	else
		is = by_streak(c, m, seen);
	if (is == seen)
		c->reason = v->reason; /* else it still is that of the state */
	if (is != c->state)
		c->streak = 0;
	c->state = is;
}

/* --- all monitors of an origin --- */

/* What the checks that vote add up to. */
struct vote {
	uint32_t voters, failed;
	bool incomplete;
	const struct weir_check *must; /* the first that failed and must not; NULL: none */
	const struct weir_check *first_failed;
	uint32_t n_rtt, status;
	uint64_t rtt_us; /* sum */
};

static struct vote count_votes(const struct weir_health *h, const struct weir_pool *pool)
{
	struct vote t = { 0 };

	for (uint32_t i = 0; i < weir_pool_n_members(pool); i++) {
		const struct weir_member m = weir_pool_member(pool, i);
		const struct weir_check *c = &h->checks[i];
		bool failed = c->state == WEIR_UNHEALTHY;

		if (!weir_member_votes(&m))
			continue;
		t.voters++;
		t.failed += failed;
		t.incomplete |= c->state == WEIR_UNKNOWN;
		if (failed && !t.first_failed)
			t.first_failed = c;
		if (failed && m.must_be_healthy && !t.must)
			t.must = c;
		t.n_rtt += c->rtt_us != 0;
		t.rtt_us += c->rtt_us;
		if (!t.status)
			t.status = c->status;
	}
	return t;
}

/* What is not known yet changes nothing. *why: the check that decided, NULL: all of them. */
static enum weir_state decide(const struct vote *t, enum weir_state was,
			      const struct weir_check **why)
{
	*why = t->must ? t->must : t->first_failed;
	if (t->must || 2 * t->failed > t->voters)
		return WEIR_UNHEALTHY;
	*why = NULL;
	return t->incomplete ? was : WEIR_HEALTHY;
}

/* --- damping --- */

#define FAILURE 1000u

/* Half of it is forgotten after each half-life, and within one as much as has passed of it. */
static uint32_t decayed(const struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms)
{
	uint64_t life = pool->damping_half_life_ms, gone = now_ms - h->penalty_ms;
	uint64_t p = gone / life < 32 ? h->penalty >> (gone / life) : 0;

	return (uint32_t)(p - p * (gone % life) / (2 * life));
}

/* A failure more. So many, or so nearly, hold the origin down until half of that is left. */
static void damp(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms)
{
	uint64_t limit = (uint64_t)pool->damping_failures * FAILURE, lives = 0, p;

	if (!limit)
		return;
	p = decayed(h, pool, now_ms) + FAILURE;
	h->penalty = (uint32_t)(p < 4 * limit ? p : 4 * limit);
	h->penalty_ms = now_ms;
	if (h->penalty < limit - FAILURE / 2) /* what was forgotten since the first is no failure */
		return;
	for (p = h->penalty; 2 * p > limit; p /= 2)
		lives++;
	h->held_until_ms = now_ms + lives * pool->damping_half_life_ms;
}

/* --- slow start --- */

/* It may have new flows again, unless something else still keeps it from them. */
static void recover(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms)
{
	if (!pool->slow_start_ms || h->held_until_ms || h->ejected_until_ms ||
	    (weir_pool_monitored(pool) && h->state != WEIR_HEALTHY))
		return;
	h->ramp_ms = now_ms;
	h->withheld = WEIR_WEIGHT_ONE - WEIR_WEIGHT_ONE / SLOW_STEPS;
}

static void stop_ramp(struct weir_health *h)
{
	h->ramp_ms = 0;
	h->withheld = 0;
}

/* True: another step. */
static bool ramp(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms,
		 uint64_t *due)
{
	uint64_t gone = now_ms - h->ramp_ms, steps, next_ms;
	uint32_t was = h->withheld;

	if (!h->ramp_ms)
		return false;
	if (gone >= pool->slow_start_ms) {
		stop_ramp(h);
		return true;
	}
	steps = gone * SLOW_STEPS / pool->slow_start_ms + 1;
	h->withheld = (uint32_t)(WEIR_WEIGHT_ONE - WEIR_WEIGHT_ONE * steps / SLOW_STEPS);
	next_ms = h->ramp_ms + (steps * pool->slow_start_ms + SLOW_STEPS - 1) / SLOW_STEPS;
	if (next_ms < *due)
		*due = next_ms;
	return h->withheld != was;
}

bool weir_health_pass(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms,
		      uint64_t *due)
{
	bool changed = false;

	if (h->held_until_ms && now_ms >= h->held_until_ms) {
		h->held_until_ms = 0;
		recover(h, pool, now_ms);
		changed = true;
	} else if (h->held_until_ms && h->held_until_ms < *due) {
		*due = h->held_until_ms;
	}
	return ramp(h, pool, now_ms, due) || changed;
}

/* --- verdicts --- */

static bool merge(struct weir_health *h, const struct weir_pool *pool, struct weir_now now)
{
	struct vote t = count_votes(h, pool);
	enum weir_state was = h->state;
	const struct weir_check *why;

	if (!t.voters)
		return false;
	h->state = decide(&t, was, &why);
	h->rtt_us = t.n_rtt ? (uint32_t)(t.rtt_us / t.n_rtt) : 0;
	h->status = (uint16_t)(why ? why->status : t.status);
	if (h->state != WEIR_UNKNOWN)
		h->reason = why ? why->reason : WEIR_REASON_NONE;
	if (h->state == was)
		return false;
	h->since_ms = now.wall_ms;
	if (h->state == WEIR_UNHEALTHY)
		stop_ramp(h);
	if (h->state == WEIR_UNHEALTHY && was == WEIR_HEALTHY)
		damp(h, pool, now.steady_ms);
	if (h->state == WEIR_HEALTHY && was == WEIR_UNHEALTHY)
		recover(h, pool, now.steady_ms);
	return true;
}

bool weir_health_update(struct weir_health *h, const struct weir_pool *pool, uint32_t member,
			const struct weir_verdict *v, struct weir_now now)
{
	const struct weir_member m = weir_pool_member(pool, member);

	check_update(&h->checks[member], m.monitor, v, now.wall_ms);
	h->checked_ms = now.wall_ms;
	return merge(h, pool, now);
}

bool weir_health_complete(const struct weir_health *h, const struct weir_pool *pool)
{
	for (uint32_t i = 0; !h->fault && i < weir_pool_n_members(pool); i++)
		if (weir_pool_member(pool, i).enabled && !h->checks[i].checked_ms)
			return false;
	return true;
}

/* --- where they begin --- */

void weir_health_init(struct weir_health *h, uint64_t wall_ms)
{
	*h = (struct weir_health){ .reason = WEIR_REASON_NO_RESULT, .since_ms = wall_ms };
}

struct weir_health *weir_health_new(const struct weir_model *m, uint64_t wall_ms)
{
	size_t n_checks = 0;
	struct weir_health *all;
	struct weir_check *checks;

	for (uint32_t i = 0; i < m->n_pools; i++)
		n_checks += (size_t)weir_pool_n_members(&m->pools[i]) * m->pools[i].n_origins;
	all = weir_alloc(1, m->n_origins * sizeof(*all) + n_checks * sizeof(*checks));
	checks = (struct weir_check *)(all + m->n_origins);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i];

		for (uint32_t k = 0; k < pool->n_origins; k++) {
			struct weir_health *h = &all[pool->origins[k].index];

			weir_health_init(h, wall_ms);
			h->fault = pool->origins[k].fault;
			h->checks = checks;
			for (uint32_t c = 0; c < weir_pool_n_members(pool); c++)
				check_init(checks++, weir_pool_member(pool, c).monitor);
			merge(h, pool, (struct weir_now){ .wall_ms = wall_ms });
		}
	}
	return all;
}

void weir_health_carry(struct weir_health *to, const struct weir_pool *pool,
		       const struct weir_health *from, const struct weir_pool *was,
		       struct weir_now now)
{
	struct weir_check *checks = to->checks;
	const char *fault = to->fault;

	*to = *from;
	to->checks = checks;
	to->forced = NULL;
	to->fault = fault;
	for (uint32_t i = 0; i < weir_pool_n_members(pool); i++)
		for (uint32_t k = 0; k < weir_pool_n_members(was); k++)
			if (!strcmp(weir_pool_member(pool, i).monitor->id,
				    weir_pool_member(was, k).monitor->id))
				checks[i] = from->checks[k];
	if (!pool->slow_start_ms)
		stop_ramp(to);
	if (!pool->damping_failures)
		to->held_until_ms = to->penalty = 0;
	merge(to, pool, now);
}

void weir_health_assume(struct weir_health *h, const struct weir_pool *pool)
{
	h->state = WEIR_HEALTHY;
	for (uint32_t i = 0; i < weir_pool_n_members(pool); i++)
		h->checks[i].state = WEIR_HEALTHY;
}

/* --- live traffic --- */

#define EJECT_MS     10000
#define EJECT_DOUBLE 5 /* times */
#define FORGET_MS    600000

void weir_health_eject(struct weir_health *h, uint64_t now_ms)
{
	uint32_t doubled;

	if (now_ms - h->readmitted_ms > FORGET_MS)
		h->ejections = 0;
	doubled = h->ejections < EJECT_DOUBLE ? h->ejections : EJECT_DOUBLE;
	h->ejections++;
	h->ejected_until_ms = now_ms + ((uint64_t)EJECT_MS << doubled);
	stop_ramp(h);
}

bool weir_health_readmit(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms)
{
	if (!h->ejected_until_ms || now_ms < h->ejected_until_ms)
		return false;
	h->ejected_until_ms = 0;
	h->readmitted_ms = now_ms;
	recover(h, pool, now_ms);
	return true;
}

bool weir_may_eject(const struct weir_pool *pool, uint32_t ejected, uint32_t enabled)
{
	return (uint64_t)(ejected + 1) * 100 <= (uint64_t)enabled * pool->max_ejection_percent;
}

/* --- what counts --- */

bool weir_health_up(const struct weir_health *h, const struct weir_pool *pool)
{
	if (h->fault)
		return false;
	if (h->forced)
		return h->forced->state == WEIR_FORCED_UP;
	return !h->ejected_until_ms && !h->held_until_ms &&
	       (!weir_pool_monitored(pool) || h->state == WEIR_HEALTHY);
}

bool weir_health_alive(const struct weir_health *h, const struct weir_pool *pool)
{
	if (h->fault)
		return false;
	if (h->forced)
		return h->forced->state != WEIR_FORCED_DOWN;
	return !weir_pool_monitored(pool) || h->state != WEIR_UNHEALTHY;
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

const char *weir_health_text(const struct weir_health *h, const struct weir_pool *pool)
{
	if (h->fault)
		return weir_state_text(WEIR_UNHEALTHY);
	if (h->forced && h->forced->state == WEIR_FORCED_DRAINING)
		return weir_forced_text(WEIR_FORCED_DRAINING);
	if (h->forced || h->ejected_until_ms || h->held_until_ms)
		return weir_state_text(weir_health_up(h, pool) ? WEIR_HEALTHY : WEIR_UNHEALTHY);
	return weir_pool_monitored(pool) ? weir_state_text(h->state) : "unmonitored";
}

const char *weir_health_reason(const struct weir_health *h, const struct weir_pool *pool)
{
	if (h->fault)
		return h->fault;
	if (h->forced)
		return h->forced->reason;
	if (h->ejected_until_ms)
		return WEIR_REASON_LIVE;
	if (h->held_until_ms)
		return WEIR_REASON_DAMPED;
	return weir_pool_monitored(pool) ? h->reason : WEIR_REASON_NO_MONITOR;
}

const char *weir_forced_text(enum weir_forced f)
{
	static const char *const words[] = { "", "up", "down", "draining" };

	return words[f];
}
