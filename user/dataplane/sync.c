/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync.c - makes the maps say what the tables say: a diff against what is there, which may be
 * repeated at any time and after any crash.
 *
 * Services that shall say the same share a table, unless they come from different ones: then each
 * goes on with what its older flows know, in a table of its own, until all are at rest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/dns_impl.h"

struct plan {
	struct weir_plane *p;
	const struct weir_tables *t;
	uint64_t now_ms;
	struct planned *services;      /* by service of t */
	struct weir_special *specials; /* by group of t: of its services */
	struct table **one_of;         /* by table of t: one in the kernel that says it, or will */
	uint32_t *slot_of;             /* by endpoint of t; 0: it has none yet */
};

static const struct weir_special *special_of(const struct plan *s,
					     const struct weir_tables_table *w)
{
	return &s->specials[w->group - s->t->groups];
}

/* Whatever else than rows could run out, counted before anything is changed. */
static int check_room(struct plan *s)
{
	const struct weir_tables *t = s->t;

	if (t->n_services + t->n_vips >= WEIR_MAX_SERVICES) {
		weir_error("%u services are more than the %u the packet path holds", t->n_services,
			   WEIR_MAX_SERVICES - t->n_vips);
		return -ENOSPC;
	}
	if (endpoints_place(s->p, t, s->slot_of) > endpoints_free(s->p)) {
		weir_error(
			"%u endpoints, with those that drain, are more than the packet path holds",
			t->n_endpoints);
		return -ENOSPC;
	}
	if (s->p->n_reverses + reverses_missing(s->p, t) > WEIR_MAX_REVERSES) {
		weir_error("%u addresses and ports of endpoints with nat, and those that drain, "
			   "are more than the packet path holds",
			   t->n_reverses);
		return -ENOSPC;
	}
	return 0;
}

/* --- which table each service shall have --- */

static struct table *plan_table(struct plan *s, const struct weir_tables_table *w,
				struct table *from)
{
	struct table *x = table_new(s->p, from && from->size > w->size ? from->size : w->size);

	if (!x)
		return NULL;
	x->wanted = w;
	x->from = from;
	if (from) {
		x->next_copy = from->copies;
		from->copies = x;
	}
	return x;
}

/* For a service that has x and shall say w: x itself if it is large enough and nobody else's,
 * otherwise a copy. */
static struct table *plan_move(struct plan *s, struct table *x, const struct weir_tables_table *w)
{
	if (!x->wanted && x->size >= w->size)
		x->wanted = w;
	if (x->wanted == w)
		return x;
	for (struct table *copy = x->copies; copy; copy = copy->next_copy)
		if (copy->wanted == w)
			return copy;
	return plan_table(s, w, x);
}

static void find_services(struct plan *s)
{
	const struct weir_tables *t = s->t;

	for (struct table *x = s->p->tables; x; x = x->next) {
		x->wanted = NULL;
		x->from = x->copies = NULL;
	}
	for (uint32_t i = 0; i < t->n_services; i++)
		s->services[i].service = service_find(s->p, &t->services[i].vip,
						      t->services[i].port, t->services[i].proto);
}

static bool plan_services(struct plan *s)
{
	const struct weir_tables *t = s->t;

	if (!steers_plan(s->p, t, s->services, s->now_ms))
		return false;
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *k = &t->services[i];
		struct planned *to = &s->services[i];

		if (!to->service || to->steer)
			continue;
		to->table = plan_move(s, to->service->table, k->table);
		if (!to->table)
			return false;
		s->one_of[k->table - t->tables] = to->table;
	}
	for (uint32_t i = 0; i < t->n_services; i++) {
		struct table **one = &s->one_of[t->services[i].table - t->tables];

		if (s->services[i].service || s->services[i].steer)
			continue;
		if (!*one)
			*one = plan_table(s, t->services[i].table, NULL);
		if (!*one)
			return false;
		s->services[i].table = *one;
	}
	return true;
}

static void say_no_room(const struct plan *s)
{
	uint64_t rows = 0, enough = s->p->max_rows;

	if (s->p->ways_full) {
		weir_error("what load balancers know of their clients (locations, slices) finds no "
			   "room in the packet path: raise agent.max_rows, which is %u, then "
			   "`weir-agent --detach` once",
			   s->p->max_rows);
		return;
	}
	for (uint32_t i = 0; i < s->t->n_tables; i++)
		rows += s->t->tables[i].size;
	do
		enough *= 2;
	while (enough < rows);
	if (enough > WEIR_MAX_ROWS)
		weir_error("the tables need %llu rows, and find no room in the packet path, which "
			   "has %u; agent.max_rows cannot be more than %u",
			   (unsigned long long)rows, s->p->max_rows, WEIR_MAX_ROWS);
	else
		weir_error("the tables need %llu rows, and find no room in the packet path, which "
			   "has %u, %u of them free: raise agent.max_rows to %llu, then "
			   "`weir-agent --detach` once",
			   (unsigned long long)rows, s->p->max_rows, s->p->free_units * ROW_UNIT,
			   (unsigned long long)enough);
}

/* --- what is new, before anything that is there changes --- */

/* The endpoint slot that a row of a table shall name; tables may be larger than is wanted. */
static uint32_t wanted_slot(const struct plan *s, const struct weir_tables_table *w, uint32_t row)
{
	uint32_t e = weir_tables_row(w, row & (w->size - 1));

	return e == WEIR_ROW_NOBODY ? WEIR_NO_ENDPOINT : s->slot_of[e];
}

static void fill_new(struct plan *s)
{
	for (struct table *x = s->p->tables; x; x = x->next) {
		if (x->seen)
			continue;
		if (x->from) {
			table_copy(s->p, x, x->from);
			continue;
		}
		for (uint32_t i = 0; i < x->size; i++)
			row_store(s->p, x->base + i,
				  (struct weir_row){ wanted_slot(s, x->wanted, i), WEIR_ROW_REST });
		x->digest = x->wanted->digest;
		x->synced = true;
	}
}

/* A VIP's entry without a port. */
static bool add_vips(struct plan *s)
{
	for (uint32_t i = 0; i < s->t->n_vips; i++) {
		struct service *k = service_find(s->p, &s->t->vips[i], 0, 0);

		if (!k) {
			k = service_add(s->p, &s->t->vips[i], NULL, NULL, NULL);
			if (!k)
				return false;
			k->fresh = true;
			service_publish(s->p, k, NULL);
		}
		k->wanted = true;
	}
	return true;
}

static bool add_services(struct plan *s)
{
	for (uint32_t i = 0; i < s->p->n_services; i++)
		s->p->service[i].fresh = s->p->service[i].wanted = false;
	for (uint32_t i = 0; i < s->t->n_services; i++) {
		const struct weir_tables_service *k = &s->t->services[i];
		struct planned *to = &s->services[i];

		if (!to->service) {
			to->service = service_add(s->p, &k->vip, k, to, special_of(s, k->table));
			if (!to->service)
				return false;
			to->service->fresh = true;
		}
		to->service->wanted = true;
	}
	return true;
}

/* Replies of endpoints that a new service names are known before its first packet. */
static bool add_new(struct plan *s)
{
	if (!add_services(s) || !reverses_sync(s->p, s->t, s->services))
		return false;
	for (uint32_t i = 0; i < s->t->n_services; i++)
		if (s->services[i].service->fresh)
			service_publish(s->p, s->services[i].service, &s->t->services[i]);
	return add_vips(s);
}

/* --- what is there --- */

static void sync_rows(const struct plan *s, struct table *x)
{
	const struct weir_tables_table *w = x->wanted;

	x->drain_ms = w->group->drain_ms;
	x->affinity_ms = w->group->affinity_ms;
	x->group = special_of(s, w)->group;
	x->period = w->size;
	if (x->synced && x->digest == w->digest && !x->unsettled)
		return;
	x->unsettled = 0;
	for (uint32_t i = 0; i < x->size; i++) {
		struct weir_row *at = &s->p->rows[x->base + i];
		struct weir_row row = row_next(s->p, *at, wanted_slot(s, w, i));

		if (row.cur != at->cur || row.prev != at->prev) {
			row_store(s->p, x->base + i, row);
			x->changed_ms = s->now_ms;
		}
		if (row.prev != WEIR_ROW_REST) {
			x->unsettled++;
			table_window(x, i, s->now_ms);
		} else if (x->window) {
			x->window[i] = (struct window){ 0 };
		}
	}
	table_rested(x);
	x->digest = w->digest;
	x->synced = true;
	s->p->records |= x->unsettled > 0;
}

/* Tables that say the same and are at rest have no past that differs: the largest takes the
 * services of the others. */
static void merge(struct plan *s)
{
	memset(s->one_of, 0, s->t->n_tables * sizeof(struct table *));
	for (struct table *x = s->p->tables; x; x = x->next) {
		struct table **one = x->wanted ? &s->one_of[x->wanted - s->t->tables] : NULL;

		if (one && !x->unsettled && (!*one || (*one)->size < x->size))
			*one = x;
	}
	for (uint32_t i = 0; i < s->t->n_services; i++) {
		struct table *one = s->one_of[s->t->services[i].table - s->t->tables];
		struct service *k = s->services[i].service;

		if (one && one != k->table && !k->table->unsettled)
			table_join(s->p, k, one);
	}
}

static void remove_unwanted(struct weir_plane *p)
{
	for (uint32_t i = p->n_services; i-- > 0;)
		if (!p->service[i].wanted)
			service_remove(p, &p->service[i]);
}

static void write_specials(const struct plan *s)
{
	for (uint32_t i = 0; i < s->t->n_services; i++) {
		const struct weir_tables_service *k = &s->t->services[i];

		struct planned *to = &s->services[i];

		special_write(s->p, &s->p->services[to->service->at].key, k->flags, to->steer,
			      special_of(s, k->table));
		steer_join(to->service, to->steer);
		if (to->steer)
			steers_set_group(to->steer, special_of(s, k->table)->group);
	}
}

/* Where clients are told apart ways come first: until then packets go by the service's table. */
static void join_tables(struct plan *s, bool steered)
{
	for (uint32_t i = 0; i < s->t->n_services; i++) {
		const struct planned *to = &s->services[i];

		if (!to->steer != steered && to->service->table != to->table)
			table_join(s->p, to->service, to->table);
	}
}

static void update_all(struct plan *s)
{
	join_tables(s, false);
	write_specials(s);
	join_tables(s, true);
	steers_sweep(s->p);
	for (struct table *x = s->p->tables; x; x = x->next)
		if (x->wanted)
			sync_rows(s, x);
	merge(s);
	remove_unwanted(s->p);
}

/* What a sync that then failed has added. */
static void undo(struct weir_plane *p)
{
	for (uint32_t i = p->n_services; i-- > 0;)
		if (p->service[i].fresh)
			service_remove(p, &p->service[i]);
}

static int carry_out(struct plan *s)
{
	int err = check_room(s);

	if (err)
		return err;
	clients_plan(s->p, s->t);
	find_services(s);
	if (!plan_services(s)) {
		say_no_room(s);
		return -ENOSPC;
	}
	s->specials = specials_plan(s->p, s->t, s->services);
	err = sources_sync(s->p, s->t, s->services, s->specials);
	if (err)
		return err;
	err = nat_sync(s->p, s->t);
	if (err)
		return err;
	endpoints_sync(s->p, s->t, s->slot_of, s->now_ms);
	s->p->loose = true;
	err = servers_sync(s->p, s->t, s->slot_of, s->specials, s->now_ms);
	if (err)
		return err;
	fill_new(s);
	if (!add_new(s)) {
		weir_error("the service table of the packet path is too crowded");
		undo(s->p);
		return -ENOSPC;
	}
	update_all(s);
	s->p->loose = false;
	return clients_sync(s->p);
}

int weir_plane_sync(struct weir_plane *p, const struct weir_tables *t, uint64_t now_ms)
{
	struct plan s = { .p = p, .t = t, .now_ms = now_ms };
	int err;

	p->now_ms = now_ms;
	live_notice(p, now_ms);
	s.services = weir_new_array(t->n_services, struct planned);
	s.one_of = weir_new_array(t->n_tables, struct table *);
	s.slot_of = weir_new_array(t->n_endpoints, uint32_t);
	err = carry_out(&s);
	dns_place(p);
	clients_forget_plan(p);
	steers_sweep(p);
	tables_sweep(p);
	free(s.services);
	free(s.specials);
	free(s.one_of);
	endpoints_placed(p, s.slot_of, t->n_endpoints);
	return err;
}
