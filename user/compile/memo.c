/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct entry {
	uint64_t key; /* hash of what follows */
	uint32_t n, size;
	struct weir_candidate *candidates;
	uint32_t *rows;
	uint64_t digest;
	bool asked; /* for, since the last weir_memo_forget() */
};

struct weir_memo {
	struct entry *entries;
	uint32_t n, room;
	uint32_t *index; /* open addressing: hash of key -> entry + 1; twice room */
};

struct weir_memo *weir_memo_new(void)
{
	return weir_new(struct weir_memo);
}

static void forget(struct entry *e)
{
	free(e->candidates);
	free(e->rows);
}

void weir_memo_free(struct weir_memo *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->n; i++)
		forget(&m->entries[i]);
	free(m->entries);
	free(m->index);
	free(m);
}

static uint64_t key_of(const struct weir_candidate *c, uint32_t n, uint32_t size)
{
	uint64_t h = (uint64_t)n << 32 | size;

	for (uint32_t i = 0; i < n; i++)
		h = (weir_mix64(h ^ c[i].id) ^ ((uint64_t)c[i].weight << 32 | c[i].now)) *
		    0x9e3779b97f4a7c15ull;
	return weir_mix64(h);
}

static bool same(const struct entry *e, const struct weir_candidate *c, uint32_t n, uint32_t size)
{
	if (e->n != n || e->size != size)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (e->candidates[i].id != c[i].id || e->candidates[i].weight != c[i].weight ||
		    e->candidates[i].now != c[i].now)
			return false;
	return true;
}

static void put(struct weir_memo *m, uint32_t nth)
{
	uint32_t mask = 2 * m->room - 1, i = (uint32_t)m->entries[nth].key & mask;

	while (m->index[i])
		i = (i + 1) & mask;
	m->index[i] = nth + 1;
}

static struct entry *find(const struct weir_memo *m, uint64_t key, const struct weir_candidate *c,
			  uint32_t n, uint32_t size)
{
	uint32_t mask = 2 * m->room - 1;

	for (uint32_t i = (uint32_t)key & mask; m->room && m->index[i]; i = (i + 1) & mask) {
		struct entry *e = &m->entries[m->index[i] - 1];

		if (e->key == key && same(e, c, n, size))
			return e;
	}
	return NULL;
}

static void reindex(struct weir_memo *m)
{
	free(m->index);
	m->index = weir_new_array(2 * (size_t)m->room, uint32_t);
	for (uint32_t i = 0; i < m->n; i++)
		put(m, i);
}

static struct entry *add(struct weir_memo *m)
{
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->entries = weir_grow(m->entries, m->room, sizeof(*m->entries));
		reindex(m);
	}
	return &m->entries[m->n++];
}

/* Four chains side by side, which do not wait for each other's multiplications. */
static uint64_t digest(const struct entry *e)
{
	uint64_t h[] = { e->size, 1, 2, 3 };

	for (uint32_t i = 0; i < e->size; i++) {
		uint32_t who = e->rows[i];
		uint64_t id = who == WEIR_ROW_NOBODY ? 0 : e->candidates[who].id, *to = &h[i % 4];

		*to = ((*to << 27 | *to >> 37) ^ id) * 0x9e3779b97f4a7c15ull;
	}
	for (int i = 1; i < 4; i++)
		h[0] = weir_mix64(h[0]) ^ h[i];
	return weir_mix64(h[0]);
}

/* What rows would be if everybody had the weight of its place: the same whoever fails, so a failure
 * finds them here. */
static const uint32_t *rows_by_weight(struct weir_memo *m, const struct entry *e)
{
	struct weir_candidate *all = weir_new_array(e->n, struct weir_candidate);
	struct weir_rows rows;

	memcpy(all, e->candidates, e->n * sizeof(*all));
	for (uint32_t i = 0; i < e->n; i++)
		all[i].now = all[i].weight;
	rows = weir_memo_rows(m, all, e->n, e->size);
	free(all);
	return rows.rows;
}

static void build(struct weir_memo *m, struct entry *e)
{
	bool nobody = true, as_placed = true;

	for (uint32_t i = 0; i < e->n; i++) {
		nobody = nobody && !e->candidates[i].now;
		as_placed = as_placed && e->candidates[i].now == e->candidates[i].weight;
	}
	if (nobody) {
		memset(e->rows, 0xff, e->size * sizeof(*e->rows)); /* WEIR_ROW_NOBODY */
	} else if (as_placed) {
		weir_rendezvous_fill(e->candidates, e->n, e->rows, e->size);
	} else {
		memcpy(e->rows, rows_by_weight(m, e), e->size * sizeof(*e->rows));
		weir_rendezvous_refill(e->candidates, e->n, e->rows, e->size);
	}
	e->digest = digest(e);
}

struct weir_rows weir_memo_rows(struct weir_memo *m, const struct weir_candidate *c, uint32_t n,
				uint32_t size)
{
	uint64_t key = key_of(c, n, size);
	struct entry *e = find(m, key, c, n, size), new;

	if (!e) {
		new = (struct entry){
			.key = key,
			.n = n,
			.size = size,
			.candidates = weir_new_array(n, struct weir_candidate),
			.rows = weir_grow(NULL, size, sizeof(*new.rows)),
		};
		memcpy(new.candidates, c, n * sizeof(*c));
		build(m, &new);
		e = add(m);
		*e = new;
		put(m, m->n - 1);
	}
	e->asked = true;
	return (struct weir_rows){ e->rows, e->digest };
}

void weir_memo_forget(struct weir_memo *m)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		if (!m->entries[i].asked) {
			forget(&m->entries[i]);
			continue;
		}
		m->entries[kept] = m->entries[i];
		m->entries[kept++].asked = false;
	}
	m->n = kept;
	if (m->room)
		reindex(m);
}
