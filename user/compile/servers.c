/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/servers.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/hash.h"

static bool wants_servers(const struct weir_lb *lb)
{
	bool is = false;

	for (uint32_t i = 0; i < lb->n_listeners; i++)
		is |= lb->listeners[i].proto == IPPROTO_UDP;
	return is && lb->quic;
}

static void add_pool(struct weir_tables_server *to, uint32_t *n, const struct weir_pool *pool,
		     const uint32_t *endpoints)
{
	for (uint32_t i = 0; i < pool->n_origins; i++)
		if (pool->origins[i].server_id_bytes)
			to[(*n)++] = (struct weir_tables_server){ pool->origins[i].server_id,
								  endpoints[i] };
}

static int by_id(const void *a, const void *b)
{
	const struct weir_tables_server *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

void weir_servers_collect(struct weir_tables_group *g, const struct weir_endpoints *e,
			  struct weir_arena *arena)
{
	const struct weir_lb *lb = g->lb;
	uint32_t room = 0, n = 0;
	struct weir_tables_server *to;

	if (!wants_servers(lb))
		return;
	for (uint32_t i = 0; i < lb->n_pools; i++)
		room += lb->pools[i]->n_origins;
	to = weir_arena_new_array(arena, room, struct weir_tables_server);
	for (uint32_t i = 0; i < lb->n_pools; i++)
		add_pool(to, &n, lb->pools[i], weir_endpoints_of(e, lb->pools[i], lb->forwarding));
	qsort(to, n, sizeof(*to), by_id);
	for (uint32_t i = 0; i < n; i++) /* the same one, by another pool */
		if (!i || to[i].id != to[i - 1].id)
			to[g->n_servers++] = to[i];
	g->servers = to;
}

uint64_t weir_servers_digest(const struct weir_tables_group *g, const struct weir_endpoints *e)
{
	uint64_t h = (uint64_t)g->lb->config_rotation << 8 | g->lb->server_id_length;

	for (uint32_t i = 0; i < g->n_servers; i++) {
		h = weir_mix64(h ^ g->servers[i].id);
		h = weir_mix64(h ^ e->identity[g->servers[i].endpoint]);
	}
	return h;
}
