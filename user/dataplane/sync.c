/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync.c - makes the maps say what the tables say: a diff against what is there, which may be
 * repeated at any time and after any crash. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"

#define NO_BASE UINT32_MAX /* a table that needs no new rows */

/* Endpoint slots by row of a service's table; rows of nobody are WEIR_NO_ENDPOINT. */
static uint32_t wanted_slot(const struct weir_tables_service *s, const uint32_t *slot_of,
			    uint32_t row)
{
	uint32_t e = weir_tables_row(s->table, row & (s->table->size - 1));

	return e == WEIR_ROW_NOBODY ? WEIR_NO_ENDPOINT : slot_of[e];
}

/* Everything that could run out, counted before anything is changed. */
static int check_room(struct weir_plane *p, const struct weir_tables *t)
{
	uint32_t units = 0;

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		struct service *k = service_find(p, &s->vip, s->port, s->proto);

		if (!k || p->services[k->at].table.mask + 1 < s->table->size)
			units += s->table->size / ROW_UNIT;
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

/* A larger table: each row begins as the one that now answers for the same low bits of the hash. */
static void grow_table(struct weir_plane *p, struct service *k, uint32_t base, uint32_t size)
{
	struct weir_service *at = &p->services[k->at];
	struct weir_table_ref ref = { base, size - 1 }, old = at->table;
	uint64_t word;

	for (uint32_t i = 0; i < size; i++) {
		row_store(&p->rows[base + i], p->rows[old.base + (i & old.mask)]);
		p->row_since_ms[base + i] = p->row_since_ms[old.base + (i & old.mask)];
	}
	memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&at->table, word, __ATOMIC_RELEASE);
	rows_retire(p, old.base, old.mask + 1);
}

static void sync_rows(struct weir_plane *p, struct service *k, const struct weir_tables_service *s,
		      const uint32_t *slot_of, uint64_t now_ms)
{
	struct weir_table_ref *ref = &p->services[k->at].table;

	k->unsettled = 0;
	for (uint32_t i = 0; i <= ref->mask; i++) {
		struct weir_row *at = &p->rows[ref->base + i];
		struct weir_row row = row_next(p, *at, wanted_slot(s, slot_of, i));
		uint64_t *since = &p->row_since_ms[ref->base + i];

		if (row.cur != at->cur || row.prev != at->prev)
			row_store(at, row);
		if (row.prev != WEIR_ROW_REST) {
			k->unsettled++;
			if (!*since) /* left rest now, or unsettled by an earlier agent */
				*since = now_ms ? now_ms : 1;
		} else if (*since) {
			*since = 0;
		}
	}
	p->records |= k->unsettled > 0;
}

static bool add_service(struct weir_plane *p, const struct weir_tables_service *s, uint32_t base,
			const uint32_t *slot_of)
{
	struct service *k;

	for (uint32_t i = 0; i < s->table->size; i++) {
		row_store(&p->rows[base + i],
			  (struct weir_row){ wanted_slot(s, slot_of, i), WEIR_ROW_REST });
		p->row_since_ms[base + i] = 0;
	}
	k = service_add(p, &s->vip, s->port, s->proto,
			(struct weir_table_ref){ base, s->table->size - 1 });
	if (k)
		k->fresh = true;
	return k;
}

/* What a sync that then failed has added and reserved. */
static void undo(struct weir_plane *p, const struct weir_tables *t, const uint32_t *base)
{
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		const struct service *k = service_find(p, &s->vip, s->port, s->proto);

		if (base[i] != NO_BASE && !(k && k->fresh))
			rows_retire(p, base[i], s->table->size);
	}
	for (uint32_t i = p->n_services; i-- > 0;)
		if (p->service[i].fresh)
			service_remove(p, &p->service[i]);
}

/* Row space for every table that is new or grows; base[i] is for t->services[i]. */
static bool reserve_rows(struct weir_plane *p, const struct weir_tables *t, uint32_t *base)
{
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		struct service *k = service_find(p, &s->vip, s->port, s->proto);

		base[i] = NO_BASE;
		if (k && p->services[k->at].table.mask + 1 >= s->table->size)
			continue;
		if (!rows_alloc(p, s->table->size, &base[i])) {
			for (uint32_t n = i; n-- > 0;)
				if (base[n] != NO_BASE)
					rows_retire(p, base[n], t->services[n].table->size);
			return false;
		}
	}
	return true;
}

/* What is new, before anything that is there changes. */
static bool add_all(struct weir_plane *p, const struct weir_tables *t, const uint32_t *base,
		    const uint32_t *slot_of)
{
	for (uint32_t i = 0; i < p->n_services; i++)
		p->service[i].fresh = p->service[i].wanted = false;
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];

		if (!service_find(p, &s->vip, s->port, s->proto) &&
		    !add_service(p, s, base[i], slot_of))
			return false;
	}
	for (uint32_t i = 0; i < t->n_vips; i++) {
		struct service *k = service_find(p, &t->vips[i], 0, 0);

		if (!k) {
			k = service_add(p, &t->vips[i], 0, 0, (struct weir_table_ref){ 0 });
			if (!k)
				return false;
			k->fresh = true;
		}
		k->wanted = true;
	}
	return true;
}

static void update_all(struct weir_plane *p, const struct weir_tables *t, const uint32_t *base,
		       const uint32_t *slot_of, uint64_t now_ms)
{
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		struct service *k = service_find(p, &s->vip, s->port, s->proto);

		k->wanted = true;
		k->drain_ms = s->table->lb->drain_ms ? s->table->lb->drain_ms : t->drain_ms;
		if (!k->fresh && base[i] != NO_BASE)
			grow_table(p, k, base[i], s->table->size);
		sync_rows(p, k, s, slot_of, now_ms);
	}
	for (uint32_t i = p->n_services; i-- > 0;)
		if (!p->service[i].wanted)
			service_remove(p, &p->service[i]);
}

int weir_plane_sync(struct weir_plane *p, const struct weir_tables *t, uint64_t now_ms)
{
	uint32_t *slot_of, *base;
	int err = check_room(p, t);

	p->now_ms = now_ms;
	if (err)
		return err;
	base = weir_new_array(t->n_services, uint32_t);
	slot_of = weir_new_array(t->n_endpoints, uint32_t);
	if (!reserve_rows(p, t, base)) {
		weir_error("the packet path has no rows left for %u services", t->n_services);
		err = -ENOSPC;
	} else {
		endpoints_sync(p, t, slot_of, now_ms);
		if (add_all(p, t, base, slot_of)) {
			update_all(p, t, base, slot_of, now_ms);
		} else {
			weir_error("the service table of the packet path is too crowded");
			undo(p, t, base);
			err = -ENOSPC;
		}
	}
	free(base);
	free(slot_of);
	return err;
}
