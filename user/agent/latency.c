/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latency.c - what pools take to answer, for balancers that steer by it: handshakes of live
 * traffic, by clients' regions, and probes where there are none. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"

#define EVERY_MS 10000 /* between looks */
#define FEW      8     /* handshakes say nothing */

static bool anybody_asks(const struct weir_model *m)
{
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (m->lbs[i].policy == WEIR_POLICY_DYNAMIC_LATENCY)
			return true;
	return false;
}

/* The mean over those that are healthy; 0: nobody knows. */
static uint32_t by_probes(const struct weir_agent *a, const struct weir_pool *pool)
{
	uint64_t sum = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_health *h = &a->health[pool->origins[i].index];

		if (weir_origin_healthy(pool, &pool->origins[i], a->health) && h->rtt_us) {
			sum += h->rtt_us;
			n++;
		}
	}
	return n ? (uint32_t)(sum / n) : 0;
}

/* What came since the last look: half of the handshakes took so long at most; 0: too few to say. */
static uint32_t since(const struct agent_handshakes *now, const struct agent_handshakes *last)
{
	struct agent_handshakes new = { 0 };

	if (now->all < last->all) /* some of what was counted is gone */
		return 0;
	for (uint32_t i = 0; i < WEIR_HANDSHAKE_BUCKETS; i++) {
		new.n[i] = now->n[i] > last->n[i] ? now->n[i] - last->n[i] : 0;
		new.all += new.n[i];
	}
	return new.all < FEW ? 0 : agent_handshakes_us(&new, 50);
}

static void sum_up(struct agent_handshakes *to, const struct agent_handshakes *of, uint32_t n)
{
	*to = (struct agent_handshakes){ 0 };
	for (uint32_t r = 0; r < n; r++) {
		for (uint32_t i = 0; i < WEIR_HANDSHAKE_BUCKETS; i++)
			to->n[i] += of[r].n[i];
		to->all += of[r].all;
	}
}

/* A pool's, of all clients and of those of each region. */
static bool look_at(struct weir_agent *a, uint32_t pool, const struct agent_handshakes *now)
{
	struct agent_latency *l = &a->latency;
	uint32_t n = l->n_regions + 1, at = pool * n;
	struct agent_handshakes all, was;
	bool changed = false;
	uint32_t us;

	sum_up(&all, &now[at], n);
	sum_up(&was, &l->last[at], n);
	us = since(&all, &was);
	if (!us)
		us = by_probes(a, &a->model->pools[pool]);
	if (us)
		changed = weir_latency_take(&l->of[at], us);
	for (uint32_t r = 1; r < n; r++) {
		us = since(&now[at + r], &l->last[at + r]);
		if (us)
			changed |= weir_latency_take(&l->of[at + r], us);
	}
	for (uint32_t r = 0; r < n; r++)
		l->us[at + r] = l->of[at + r].shown;
	return changed;
}

void agent_latency_look(struct weir_agent *a)
{
	struct agent_handshakes *now;
	bool changed = false;

	if (agent_uptime_ms(a) < a->latency.due_ms || !anybody_asks(a->model))
		return;
	a->latency.due_ms = agent_uptime_ms(a) + EVERY_MS;
	now = agent_handshakes_gather(a);
	for (uint32_t i = 0; i < a->model->n_pools; i++)
		changed |= look_at(a, i, now);
	free(a->latency.last);
	a->latency.last = now;
	if (changed)
		agent_flush(a);
}

/* What a pool that was there before took stays known. */
static void carry(struct agent_latency *l, const struct weir_model *m,
		  const struct agent_latency *was, const struct weir_model *old)
{
	uint32_t n = l->n_regions + 1;
	struct weir_arena *arena = weir_arena_new();
	struct weir_index by_id;

	agent_index_pools(&by_id, old, arena);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const char *id = m->pools[i].id;
		uint32_t nth;

		if (!weir_index_find(&by_id, id, strlen(id), &nth))
			continue;
		memcpy(&l->of[i * n], &was->of[nth * n], n * sizeof(*l->of));
		memcpy(&l->us[i * n], &was->us[nth * n], n * sizeof(*l->us));
	}
	weir_arena_free(arena);
}

struct agent_latency agent_latency_for(const struct weir_agent *a, const struct weir_model *m)
{
	struct agent_latency l = { .n_regions = m->agent.n_regions };
	size_t n = (size_t)m->n_pools * (l.n_regions + 1);

	l.of = weir_new_array(n, struct weir_latency);
	l.us = weir_new_array(n, uint32_t);
	l.last = weir_new_array(n, struct agent_handshakes);
	if (a->latency.of && weir_regions_eq(&a->model->agent, &m->agent))
		carry(&l, m, &a->latency, a->model);
	return l;
}

void agent_latency_free(struct agent_latency *l)
{
	free(l->of);
	free(l->us);
	free(l->last);
}
