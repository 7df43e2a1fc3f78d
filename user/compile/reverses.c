/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/reverses.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

static uint32_t count(const struct weir_tables *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_lb *lb = t->services[i].table->group->lb;

		if (lb->forwarding != WEIR_MODE_NAT)
			continue;
		for (uint32_t k = 0; k < lb->n_pools; k++)
			n += lb->pools[k]->n_origins;
	}
	return n;
}

static void add_pool(struct weir_tables_reverse *to, uint32_t *n, const struct weir_tables *t,
		     uint32_t service, const struct weir_pool *pool)
{
	const struct weir_tables_service *s = &t->services[service];

	for (uint32_t i = 0; i < pool->n_origins; i++)
		to[(*n)++] = (struct weir_tables_reverse){
			.addr = pool->origins[i].addr,
			.port = pool->origins[i].port ? htons(pool->origins[i].port) : s->port,
			.proto = s->proto,
			.service = service,
		};
}

static int by_place(const void *a, const void *b)
{
	const struct weir_tables_reverse *x = a, *y = b;
	int order = weir_addr_cmp(&x->addr, &y->addr);

	if (!order)
		order = x->proto - y->proto;
	return order ? order : ntohs(x->port) - ntohs(y->port);
}

void weir_reverses_collect(struct weir_tables *t, struct weir_arena *arena)
{
	uint32_t most = count(t), n = 0, kept = 0;
	struct weir_tables_reverse *to =
		weir_arena_new_array(arena, most, struct weir_tables_reverse);

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_lb *lb = t->services[i].table->group->lb;

		if (lb->forwarding != WEIR_MODE_NAT)
			continue;
		for (uint32_t k = 0; k < lb->n_pools; k++)
			add_pool(to, &n, t, i, lb->pools[k]);
	}
	qsort(to, n, sizeof(*to), by_place);
	for (uint32_t i = 0; i < n; i++) {
		if (!kept || by_place(&to[kept - 1], &to[i]))
			to[kept++] = to[i];
		assert(to[kept - 1].service == to[i].service); /* validation refuses others */
	}
	t->reverses = to;
	t->n_reverses = kept;
}
