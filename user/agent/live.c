/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.c - what live traffic says of origins, taken into their health: who does not answer is
 * ejected from its pools for some time, as far as they let it, and probed at once. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "agent/agent_impl.h"
#include "base/log.h"

#define MUTE_MS 10000 /* between lines about what a pool does not let happen */

static uint32_t n_ejected(const struct weir_agent *a, const struct weir_pool *pool,
			  uint32_t *enabled)
{
	uint32_t n = 0;

	*enabled = 0;
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		if (!pool->origins[i].enabled)
			continue;
		++*enabled;
		n += a->health[pool->origins[i].index].ejected_until_ms != 0;
	}
	return n;
}

/* False: too many are ejected already. */
static bool eject(struct weir_agent *a, const struct weir_pool *pool, const struct weir_origin *o)
{
	struct weir_health *h = &a->health[o->index];
	uint64_t now_ms = agent_uptime_ms(a);
	uint32_t enabled, n = n_ejected(a, pool, &enabled);

	if (!weir_may_eject(pool, n, enabled)) {
		if (now_ms >= a->mute_until_ms)
			weir_warn("pool %s: %s (%s) does not answer live connections, and stays: "
				  "%u of %u are ejected, max_ejection_percent is %u",
				  pool->id, o->name, o->address, n, enabled,
				  pool->max_ejection_percent);
		a->mute_until_ms = now_ms + MUTE_MS;
		return false;
	}
	weir_health_eject(h, now_ms);
	weir_warn("pool %s: %s (%s) does not answer live connections: no new ones for %u s",
		  pool->id, o->name, o->address, (unsigned)((h->ejected_until_ms - now_ms) / 1000));
	weir_prober_hurry(a->prober, o->index);
	return true;
}

/* An endpoint may be in several pools. One that panics lets nobody go. */
void agent_on_silence(void *agent, const struct weir_endpoint_id *endpoint)
{
	struct weir_agent *a = agent;
	bool any = false;

	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_pool *pool = &a->model->pools[i];

		if (!pool->enabled || a->view->pools[i].panic)
			continue;
		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];

			if (agent_is_of(o, endpoint) && o->enabled &&
			    weir_origin_healthy(pool, o, a->health))
				any |= eject(a, pool, o);
		}
	}
	if (any)
		agent_flush(a);
}

void agent_readmit(struct weir_agent *a)
{
	uint64_t now_ms = agent_uptime_ms(a);
	bool any = false;

	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_pool *pool = &a->model->pools[i];

		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];

			if (!weir_health_readmit(&a->health[o->index], pool, now_ms))
				continue;
			weir_info("pool %s: %s (%s) may have new connections again", pool->id,
				  o->name, o->address);
			weir_plane_forgive(a->plane, &o->addr, htons(o->port));
			weir_prober_hurry(a->prober, o->index);
			agent_pass(a, pool, &a->health[o->index]);
			any = true;
		}
	}
	if (any)
		agent_flush(a);
}
