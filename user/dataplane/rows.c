/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows.c - row space, and what a row becomes when its endpoint changes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

/* First fit, aligned to the size. */
bool rows_alloc(struct weir_plane *p, uint32_t size, uint32_t *base)
{
	uint32_t units = size / ROW_UNIT;

	for (uint32_t u = 0; u + units <= ROW_UNITS; u += units) {
		if (memchr(p->unit_used + u, 1, units))
			continue;
		memset(p->unit_used + u, 1, units);
		*base = u * ROW_UNIT;
		return true;
	}
	return false;
}

void rows_take(struct weir_plane *p, uint32_t base, uint32_t size)
{
	memset(p->unit_used + base / ROW_UNIT, 1, size / ROW_UNIT);
}

void rows_retire(struct weir_plane *p, uint32_t base, uint32_t size)
{
	p->retired = weir_grow(p->retired, p->n_retired + 1, sizeof(*p->retired));
	p->retired[p->n_retired++] = (struct retired){ base, size };
}

/* By now (a tick later) no packet that saw a retired table is still on its way. */
void rows_reclaim(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_retired; i++)
		memset(p->unit_used + p->retired[i].base / ROW_UNIT, 0,
		       p->retired[i].size / ROW_UNIT);
	p->n_retired = 0;
}

uint32_t rows_free_units(const struct weir_plane *p)
{
	uint32_t n = 0;

	for (uint32_t u = 0; u < ROW_UNITS; u++)
		n += !p->unit_used[u];
	return n;
}

/* Unrecorded flows stay with the endpoint they have been with since the row was last at rest, so
 * prev is set when a row leaves rest and then kept, whatever cur does: flows that began in
 * between are recorded. Only a dead endpoint is no prev; when that leaves nothing to remember,
 * the row is at rest again. */
struct weir_row row_next(const struct weir_plane *p, struct weir_row old, uint32_t cur)
{
	bool rest = old.prev == WEIR_ROW_REST;
	uint32_t prev = rest ? old.cur : old.prev & WEIR_ROW_SLOT;
	uint32_t flags = rest ? 0 : old.prev & WEIR_ROW_UDP_NEW;

	if (rest && (old.cur == cur || !endpoint_is_alive(p, prev)))
		return (struct weir_row){ cur, WEIR_ROW_REST };
	if (!endpoint_is_alive(p, prev))
		prev = cur;
	return (struct weir_row){ cur, prev | flags };
}

void row_store(struct weir_row *at, struct weir_row row)
{
	uint64_t word;

	memcpy(&word, &row, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)at, word, __ATOMIC_RELEASE);
}
