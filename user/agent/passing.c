/* SPDX-License-Identifier: GPL-2.0-or-later */
/* passing.c - what time alone changes: steps of slow starts, ends of damping and of what was said
 * by hand. The timer is armed for the first of them, and not at all when there is none. */
#include "agent/agent_impl.h"
#include "base/log.h"

static void on_pass(uv_timer_t *t)
{
	struct weir_agent *a = t->data;

	agent_pass_all(a);
	agent_flush(a);
}

/* No later than due_ms. */
static void arm(struct weir_agent *a, uint64_t due_ms)
{
	uint64_t now_ms = agent_uptime_ms(a);

	if (due_ms >= a->pass_ms)
		return;
	a->pass_ms = due_ms;
	uv_timer_start(&a->pass, on_pass, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

void agent_pass(struct weir_agent *a, const struct weir_pool *pool, struct weir_health *h)
{
	uint64_t due_ms = UINT64_MAX;

	weir_health_pass(h, pool, agent_uptime_ms(a), &due_ms);
	arm(a, due_ms);
}

static uint64_t pass_origins(struct weir_agent *a)
{
	uint64_t now_ms = agent_uptime_ms(a), due_ms = UINT64_MAX;

	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_pool *pool = &a->model->pools[i];

		for (uint32_t k = 0; k < pool->n_origins; k++)
			weir_health_pass(&a->health[pool->origins[k].index], pool, now_ms, &due_ms);
	}
	return due_ms;
}

/* An end by the wall clock is looked for again after an hour at the latest, as that clock may be
 * set. */
#define HOUR_MS 3600000

static uint64_t pass_overrides(struct weir_agent *a)
{
	struct weir_now now = agent_now(a);
	uint64_t end_ms;
	uint32_t ended;

	ended = weir_overrides_expire(a->overrides, now.wall_ms);
	if (ended)
		weir_info("the time of %u overrides is over", ended);
	end_ms = weir_overrides_apply(a->overrides, a->model, a->health, now.wall_ms);
	if (!end_ms)
		return UINT64_MAX;
	return now.steady_ms + (end_ms - now.wall_ms < HOUR_MS ? end_ms - now.wall_ms : HOUR_MS);
}

void agent_pass_all(struct weir_agent *a)
{
	uint64_t origins_ms = pass_origins(a), overrides_ms = pass_overrides(a);

	uv_timer_stop(&a->pass);
	a->pass_ms = UINT64_MAX;
	arm(a, origins_ms < overrides_ms ? origins_ms : overrides_ms);
}
