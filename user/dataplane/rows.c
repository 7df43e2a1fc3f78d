/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows.c - row space, and what a row becomes when its endpoint changes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

void rows_init(struct weir_plane *p)
{
	p->n_units = p->free_units = p->max_rows / ROW_UNIT;
	p->unit_used = weir_new_array(p->n_units, uint8_t);
}

/* Which of the sizes there are: a unit, two, four, ... */
static uint32_t size_class(uint32_t units)
{
	return (uint32_t)__builtin_ctz(units);
}

/* First fit, aligned to the size. */
bool rows_alloc(struct weir_plane *p, uint32_t size, uint32_t *base)
{
	uint32_t units = size / ROW_UNIT, *from = &p->unit_hint[size_class(units)];

	for (; *from + units <= p->n_units; *from += units) {
		if (memchr(p->unit_used + *from, 1, units))
			continue;
		*base = *from * ROW_UNIT;
		rows_take(p, *base, size);
		return true;
	}
	return false;
}

void rows_take(struct weir_plane *p, uint32_t base, uint32_t size)
{
	memset(p->unit_used + base / ROW_UNIT, 1, size / ROW_UNIT);
	p->free_units -= size / ROW_UNIT;
}

void rows_free(struct weir_plane *p, uint32_t base, uint32_t size)
{
	uint32_t unit = base / ROW_UNIT;

	memset(p->unit_used + unit, 0, size / ROW_UNIT);
	p->free_units += size / ROW_UNIT;
	for (uint32_t c = 0; c < ROW_SIZES; c++) {
		uint32_t aligned = unit & ~((1u << c) - 1);

		if (aligned < p->unit_hint[c])
			p->unit_hint[c] = aligned;
	}
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

/* The packet path may write the row at any time, so that it is not at rest any more, and 0 here
 * after it: that must not be lost. */
void row_adopt(struct weir_plane *p, uint32_t index)
{
	uint16_t *rest = &p->rest[index / WEIR_REST_ROWS].slot[index % WEIR_REST_ROWS];
	const struct weir_row row = p->rows[index];
	bool fits = row.prev == WEIR_ROW_REST && row.cur <= UINT16_MAX;

	__atomic_store_n(rest, fits ? (uint16_t)row.cur : 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&p->rows[index].prev, __ATOMIC_SEQ_CST) != WEIR_ROW_REST)
		__atomic_store_n(rest, 0, __ATOMIC_RELEASE);
}

void row_store(struct weir_plane *p, uint32_t index, struct weir_row row)
{
	uint64_t word;

	memcpy(&word, &row, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&p->rows[index], word, __ATOMIC_RELEASE);
	row_adopt(p, index);
}
