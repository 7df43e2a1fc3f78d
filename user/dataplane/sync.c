/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync.c - makes the maps say what the tables say: a diff against what is there, which may be
 * repeated at any time and after any crash. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"

/* Endpoint slots by row of a service's table; rows of nobody are WEIR_NO_ENDPOINT. */
static uint32_t wanted_slot(const struct weir_tables_service *s, const uint32_t *slot_of,
			    uint32_t row)
{
	uint32_t e = s->rows[row & (s->size - 1)];

	return e == WEIR_ROW_NOBODY ? WEIR_NO_ENDPOINT : slot_of[e];
}

/* Everything that could run out, counted before anything is changed. */
static int check_room(struct weir_plane *p, const struct weir_tables *t)
{
	uint32_t units = 0;

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		struct service *k = service_find(p, &s->vip, s->port, s->proto);

		if (!k || p->services[k->at].table.mask + 1 < s->size)
			units += s->size / ROW_UNIT;
	}
	if (t->n_services + t->n_vips >= WEIR_MAX_SERVICES) {
		weir_error("%u services are more than the %u the packet path holds", t->n_services,
			   WEIR_MAX_SERVICES - t->n_vips);
		return -ENOSPC;
	}
	if (endpoints_missing(p, t) > endpoints_free(p)) {
		weir_error(
			"%u endpoints, with those that drain, are more than the packet path holds",
			t->n_endpoints);
		return -ENOSPC;
	}
	if (units > rows_free_units(p)) {
		weir_error("the tables need %u rows more than the packet path has left",
			   (units - rows_free_units(p)) * ROW_UNIT);
		return -ENOSPC;
	}
	return 0;
}

static void changed(struct service *k, uint64_t now_ms, uint32_t drain_ms)
{
	k->udp_until_ms = now_ms + UDP_WINDOW_MS;
	k->drain_until_ms = now_ms + drain_ms;
}

/* The row that now answers for what row i of a larger table will: the same low bits of the hash. */
static void grow_table(struct weir_plane *p, struct service *k, uint32_t base, uint32_t size)
{
	struct weir_service *at = &p->services[k->at];
	struct weir_table_ref ref = { base, size - 1 }, old = at->table;
	uint64_t word;

	for (uint32_t i = 0; i < size; i++)
		row_store(&p->rows[base + i], p->rows[old.base + (i & old.mask)]);
	__builtin_memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&at->table, word, __ATOMIC_RELEASE);
	rows_retire(p, old.base, old.mask + 1);
}

static int sync_rows(struct weir_plane *p, struct service *k, const struct weir_tables_service *s,
		     const uint32_t *slot_of, uint32_t drain_ms, uint64_t now_ms)
{
	struct weir_table_ref *ref = &p->services[k->at].table;
	uint32_t base, unsettled = 0;
	bool moved = false;

	if (ref->mask + 1 < s->size) {
		if (!rows_alloc(p, s->size, &base))
			return -ENOSPC;
		grow_table(p, k, base, s->size);
	}
	for (uint32_t i = 0; i <= ref->mask; i++) {
		struct weir_row *at = &p->rows[ref->base + i];
		struct weir_row row = row_next(p, *at, wanted_slot(s, slot_of, i));

		unsettled += row.prev != WEIR_ROW_REST;
		if (row.cur == at->cur && row.prev == at->prev)
			continue;
		moved |= row.prev != WEIR_ROW_REST;
		row_store(at, row);
	}
	k->unsettled = unsettled;
	/* Rows that an earlier agent left unsettled start their windows again. */
	if (moved || (unsettled && !k->drain_until_ms))
		changed(k, now_ms, drain_ms);
	p->records |= unsettled > 0;
	return 0;
}

static int add_service(struct weir_plane *p, const struct weir_tables_service *s,
		       const uint32_t *slot_of)
{
	struct service *k;
	uint32_t base;

	if (!rows_alloc(p, s->size, &base))
		return -ENOSPC;
	for (uint32_t i = 0; i < s->size; i++)
		row_store(&p->rows[base + i],
			  (struct weir_row){ wanted_slot(s, slot_of, i), WEIR_ROW_REST });
	k = service_add(p, &s->vip, s->port, s->proto,
			(struct weir_table_ref){ base, s->size - 1 });
	if (!k) {
		rows_retire(p, base, s->size);
		return -ENOSPC;
	}
	k->wanted = true;
	return 0;
}

static int sync_services(struct weir_plane *p, const struct weir_tables *t, const uint32_t *slot_of,
			 uint64_t now_ms)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		struct service *k = service_find(p, &s->vip, s->port, s->proto);
		uint32_t drain_ms = s->lb->drain_ms ? s->lb->drain_ms : t->drain_ms;

		if (k) {
			k->wanted = true;
			err = sync_rows(p, k, s, slot_of, drain_ms, now_ms);
		} else {
			err = add_service(p, s, slot_of);
		}
	}
	return err;
}

static int sync_vips(struct weir_plane *p, const struct weir_tables *t)
{
	for (uint32_t i = 0; i < t->n_vips; i++) {
		struct service *k = service_find(p, &t->vips[i], 0, 0);

		if (!k)
			k = service_add(p, &t->vips[i], 0, 0, (struct weir_table_ref){ 0 });
		if (!k)
			return -ENOSPC;
		k->wanted = true;
	}
	return 0;
}

int weir_plane_sync(struct weir_plane *p, const struct weir_tables *t, uint64_t now_ms)
{
	uint32_t *slot_of;
	int err = check_room(p, t);

	if (err)
		return err;
	slot_of = weir_new_array(t->n_endpoints, uint32_t);
	endpoints_sync(p, t, slot_of);
	for (uint32_t i = 0; i < p->n_services; i++)
		p->service[i].wanted = false;
	err = sync_services(p, t, slot_of, now_ms);
	if (!err)
		err = sync_vips(p, t);
	for (uint32_t i = p->n_services; !err && i-- > 0;)
		if (!p->service[i].wanted)
			service_remove(p, &p->service[i]);
	free(slot_of);
	if (err)
		weir_error(
			"the packet path has no room left for a service; it is as it was otherwise");
	return err;
}
