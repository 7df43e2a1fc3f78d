/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables.c - tables in the kernel: their row space, and which services have them in common.
 *
 * Services share a table as long as they share its past: their packets find the same cur and the
 * same prev. Flow records carry the service, so no flow takes another's for its own. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

static struct table *remember(struct weir_plane *p, uint32_t base, uint32_t size)
{
	struct table *x = weir_new(struct table);

	x->base = base;
	x->size = size;
	x->next = p->tables;
	p->tables = x;
	p->table_at[base / ROW_UNIT] = x;
	return x;
}

struct table *table_new(struct weir_plane *p, uint32_t size)
{
	uint32_t base;

	return rows_alloc(p, size, &base) ? remember(p, base, size) : NULL;
}

void table_join(struct weir_plane *p, struct service *k, struct table *x)
{
	struct weir_table_ref ref = { x->base, x->size - 1 };
	uint64_t word;

	if (k->table)
		k->table->users--;
	k->table = x;
	x->users++;
	x->seen = true;
	memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&p->services[k->at].table, word, __ATOMIC_RELEASE);
}

void table_window(struct table *x, uint32_t row, uint64_t now_ms)
{
	if (!x->window)
		x->window = weir_new_array(x->size, struct window);
	if (x->window[row].open)
		return;
	x->window[row].open = 1;
	x->window[row].since_ms = (uint32_t)now_ms & WINDOW_MASK;
}

void table_rested(struct table *x)
{
	if (x->unsettled)
		return;
	free(x->window);
	x->window = NULL;
}

void table_copy(struct weir_plane *p, struct table *x, const struct table *from)
{
	for (uint32_t i = 0; i < x->size; i++)
		row_store(p, x->base + i, p->rows[from->base + (i & (from->size - 1))]);
	if (!from->window)
		return;
	x->window = weir_new_array(x->size, struct window);
	for (uint32_t i = 0; i < x->size; i++)
		x->window[i] = from->window[i & (from->size - 1)];
}

/* NULL: it is no larger than it need be, not at rest, or there is no room for another. */
static struct table *smaller(struct weir_plane *p, const struct table *x)
{
	struct table *small;

	if (x->unsettled || x->named || !x->period || x->period == x->size)
		return NULL;
	small = table_new(p, x->period);
	if (!small)
		return NULL;
	table_copy(p, small, x);
	small->drain_ms = x->drain_ms;
	small->digest = x->digest;
	small->synced = x->synced;
	small->period = x->period;
	return small;
}

void tables_shrink(struct weir_plane *p)
{
	bool any = false;

	for (struct table *x = p->tables; x; x = x->next) {
		x->copies = smaller(p, x);
		any |= x->copies != NULL;
	}
	for (uint32_t i = 0; any && i < p->n_services; i++) {
		struct service *k = &p->service[i];

		if (k->table && k->table->copies)
			table_join(p, k, k->table->copies);
	}
	tables_sweep(p);
}

/* Forgets a table and gives its space out again. */
static void drop(struct weir_plane *p, struct table *x)
{
	if (p->table_at[x->base / ROW_UNIT] == x)
		p->table_at[x->base / ROW_UNIT] = NULL;
	rows_free(p, x->base, x->size);
	free(x->window);
	free(x);
}

void tables_sweep(struct weir_plane *p)
{
	struct table **at = &p->tables;

	while (*at) {
		struct table *x = *at;

		if (x->users || x->named) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		if (x->seen) {
			x->next = p->retired;
			p->retired = x;
		} else {
			drop(p, x);
		}
	}
}

void tables_reclaim(struct weir_plane *p)
{
	while (p->retired) {
		struct table *x = p->retired;

		p->retired = x->next;
		drop(p, x);
	}
}

void tables_free(struct weir_plane *p)
{
	for (struct table *x = p->tables; x; x = x->next)
		x->users = x->named = 0;
	tables_sweep(p);
	tables_reclaim(p);
}

/* Rows that an earlier agent left unsettled; since when is not known. */
static void count_unsettled(const struct weir_plane *p, struct table *x)
{
	for (uint32_t i = 0; i < x->size; i++)
		x->unsettled += p->rows[x->base + i].prev != WEIR_ROW_REST;
	if (x->unsettled)
		x->window = weir_new_array(x->size, struct window);
}

struct table *table_adopt(struct weir_plane *p, uint32_t base, uint32_t size)
{
	struct table *x;

	rows_take(p, base, size);
	x = remember(p, base, size);
	x->seen = true;
	x->drain_ms = UINT32_MAX;
	for (uint32_t i = 0; i < size; i++)
		row_adopt(p, base + i);
	count_unsettled(p, x);
	return x;
}

void tables_adopt(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct weir_service *k = &p->services[p->service[i].at];
		struct table *x = p->table_at[k->table.base / ROW_UNIT];

		if (!k->key.proto)
			continue;
		if (!x)
			x = table_adopt(p, k->table.base, k->table.mask + 1);
		x->users++;
		p->service[i].table = x;
	}
}
