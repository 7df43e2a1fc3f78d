/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handshakes.c - how long clients wait for a pool's endpoints, as live traffic shows it: for those
 * who ask, and for balancers that steer by it. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "agent/agent_impl.h"

/* Ports tell endpoints apart only where they are written into packets. */
bool agent_is_of(const struct weir_origin *o, const struct weir_endpoint_id *e)
{
	return weir_addr_eq(&o->addr, &e->addr) &&
	       (!weir_mode_is_nat(e->mode) || e->port == htons(o->port));
}

/* An origin, by its address, and its pool. */
struct place {
	union weir_addr addr;
	const struct weir_origin *origin;
	uint32_t pool;
};

struct gathering {
	struct place *places; /* sorted by address */
	uint32_t n_places, n_regions;
	struct agent_handshakes *sums; /* by pool and region */
};

static int by_addr(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	return weir_addr_cmp(&a->addr, &b->addr);
}

static void add(struct agent_handshakes *to, const struct weir_handshakes *h)
{
	for (uint32_t i = 0; i < WEIR_HANDSHAKE_BUCKETS; i++) {
		to->n[i] += h->n[i];
		to->all += h->n[i];
	}
}

static void on_handshakes(void *arg, const struct weir_endpoint_id *endpoint, uint32_t region,
			  const struct weir_handshakes *h)
{
	struct gathering *g = arg;
	struct place key = { .addr = endpoint->addr };
	const struct place *at = bsearch(&key, g->places, g->n_places, sizeof(*g->places), by_addr);

	if (!at || region >= g->n_regions)
		return;
	while (at > g->places && !by_addr(at - 1, &key))
		at--;
	for (; at < g->places + g->n_places && !by_addr(at, &key); at++)
		if (agent_is_of(at->origin, endpoint))
			add(&g->sums[at->pool * g->n_regions + region], h);
}

/* The time that this share of all handshakes took at most, in us: where its bucket ends. */
uint32_t agent_handshakes_us(const struct agent_handshakes *s, unsigned percent)
{
	uint64_t needed = (s->all * percent + 99) / 100, n = 0;
	uint32_t i = 0;

	while (i + 1 < WEIR_HANDSHAKE_BUCKETS && (n += s->n[i]) < needed)
		i++;
	if (++i < 4)
		return i;
	return (4 + i % 4) << (i / 4 - 1);
}

struct agent_handshakes *agent_handshakes_gather(const struct weir_agent *a)
{
	const struct weir_model *m = a->model;
	struct gathering g = { .n_regions = m->agent.n_regions + 1 };

	g.places = weir_new_array(m->n_origins, struct place);
	g.sums = weir_new_array((size_t)m->n_pools * g.n_regions, struct agent_handshakes);
	for (uint32_t i = 0; i < m->n_pools; i++)
		for (uint32_t k = 0; k < m->pools[i].n_origins; k++) {
			const struct weir_origin *o = &m->pools[i].origins[k];

			g.places[g.n_places++] = (struct place){ o->addr, o, i };
		}
	qsort(g.places, g.n_places, sizeof(*g.places), by_addr);
	weir_plane_handshakes(a->plane, on_handshakes, &g);
	free(g.places);
	return g.sums;
}

static json_t *regions(const struct weir_agent *a, const struct agent_handshakes *of)
{
	json_t *out = json_array();

	for (uint32_t r = 0; r <= a->model->agent.n_regions; r++) {
		const struct agent_handshakes *s = &of[r];

		if (s->all)
			json_array_append_new(
				out, json_pack("{s:s?, s:I, s:I, s:I, s:I}", "region",
					       r ? a->model->agent.regions[r - 1].name : NULL,
					       "handshakes", (json_int_t)s->all, "p50_us",
					       (json_int_t)agent_handshakes_us(s, 50), "p90_us",
					       (json_int_t)agent_handshakes_us(s, 90), "p99_us",
					       (json_int_t)agent_handshakes_us(s, 99)));
	}
	return out;
}

json_t *weir_agent_handshakes(const struct weir_agent *a)
{
	struct agent_handshakes *sums = agent_handshakes_gather(a);
	uint32_t n_regions = a->model->agent.n_regions + 1;
	json_t *pools = json_array();

	for (uint32_t i = 0; i < a->model->n_pools; i++)
		json_array_append_new(pools,
				      json_pack("{s:s, s:o}", "pool", a->model->pools[i].id,
						"regions", regions(a, &sums[i * n_regions])));
	free(sums);
	return json_pack("{s:s, s:i, s:o}", "node", a->model->agent.node, "sample", WEIR_SYN_SAMPLE,
			 "pools", pools);
}
