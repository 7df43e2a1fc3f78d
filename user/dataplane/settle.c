/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settle.c - rows come to rest when nothing has to be remembered for them any more.
 *
 * A row is let go when its drain window is over and no flow that was lately seen is recorded with
 * an endpoint other than its cur. Flow records of rows at rest mean nothing and are wiped, so that
 * a later change does not find them, except those of services that count (conns.c). */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

/* The time as records have it, by running the program that reads it. */
static uint32_t flow_now(const struct weir_plane *p)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));

	bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.weir_clock), &run);
	return p->skel->bss->weir_now;
}

/* Tables by what records have in the place of a service id: the rows a record speaks of. Those of a
 * group are chained by peer. */
static struct table **tables_by_id(const struct weir_plane *p)
{
	struct table **by_id = weir_new_array(WEIR_GROUP_ID(WEIR_MAX_SERVICES), struct table *);

	for (uint32_t i = 0; i < p->n_services; i++)
		if (p->service[i].table)
			by_id[p->services[p->service[i].at].key.id] = p->service[i].table;
	for (struct table *x = p->tables; x; x = x->next) {
		struct table **first = &by_id[WEIR_GROUP_ID(x->group)];

		if (!x->group)
			continue;
		x->peer = *first;
		*first = x;
	}
	return by_id;
}

/* Whether a flow may still go on. */
static bool lives(const struct weir_plane *p, const struct weir_flow *f, uint32_t now)
{
	uint32_t idle = p->skel->rodata->weir_flow_idle;

	if (f->seen & WEIR_FLOW_CLOSING)
		idle = idle * WEIR_FLOW_CLOSING_S / WEIR_FLOW_IDLE_S;
	return flow_age(f, now) <= (int32_t)idle;
}

/* Silent for so long that its age would soon look like that of a young one: they wrap. */
static bool ancient(const struct weir_flow *f, uint32_t now)
{
	uint32_t age = (now - f->seen) >> WEIR_FLOW_FLAGS;

	return age > 1u << (30 - WEIR_FLOW_FLAGS) && age < 1u << (31 - WEIR_FLOW_FLAGS);
}

/* Whether this record is still of use for a table; marks its row when the flow needs it. */
static bool table_needs(const struct weir_plane *p, struct table *x, const struct record *r,
			uint32_t now)
{
	const struct weir_flow *f = r->flow;
	bool keep = false;

	for (int k = 0; k < 2 && !ancient(f, now); k++) {
		uint32_t i = r->hash[k] & (x->size - 1);
		const struct weir_row *row = &p->rows[x->base + i];

		if (row->prev == WEIR_ROW_REST)
			continue;
		keep = true;
		if (x->window && /* else the packet path has just unsettled it */
		    f->endpoint != row->cur && endpoint_is_alive(p, f->endpoint) &&
		    lives(p, f, now))
			x->window[i].busy = 1;
	}
	return keep;
}

/* Of a service that tells its clients apart, or of clients of such ones: a group. */
static bool steers_need(const struct weir_plane *p, struct steer *s, uint32_t id,
			const struct record *r, uint32_t now)
{
	const struct weir_flow *f = r->flow;
	bool live = endpoint_is_alive(p, f->endpoint) && lives(p, f, now), keep = false;

	for (; s; s = id < WEIR_MAX_SERVICES ? NULL : steer_peer(s))
		keep |= steer_needs(p, s, r, now, live);
	return keep && !ancient(f, now);
}

static bool keep_record(const struct weir_plane *p, struct table *const *by_id,
			struct steer *const *steers, const struct record *r, uint32_t now)
{
	uint32_t id = (uint32_t)(r->key >> 16) & 0xffff;
	bool keep = false;

	if (id >= WEIR_GROUP_ID(WEIR_MAX_SERVICES))
		return false;
	if (steers[id])
		return steers_need(p, steers[id], id, r, now);
	for (struct table *x = by_id[id]; x; x = id < WEIR_MAX_SERVICES ? NULL : x->peer)
		keep |= table_needs(p, x, r, now);
	return keep;
}

static struct record record_of(struct weir_flow *f, uint64_t key, uint32_t bucket)
{
	uint32_t other = bucket ^ ((uint32_t)(key >> 48) | 1), row = (uint32_t)key & 0xffff;

	return (struct record){ f, key, { bucket << 16 | row, other << 16 | row } };
}

/* Its slot may soon be another endpoint's. */
static bool endpoint_is_gone(const struct weir_plane *p, uint32_t slot)
{
	return slot < p->slot_top && !p->slots[slot].wanted && !endpoint_is_alive(p, slot);
}

/* Marks rows that a live flow away from cur still needs, and wipes records of rows at rest. False:
 * there was no record at all. */
static bool sweep(struct weir_plane *p)
{
	struct table **by_id = tables_by_id(p);
	struct steer **steers = steers_by_id(p);
	struct conns_sweep *c = conns_sweep_begin(p);
	uint32_t now = flow_now(p);
	bool any = false;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS; i++) {
		struct weir_flow *f = &p->flows[i / WEIR_FLOW_WAYS].way[i % WEIR_FLOW_WAYS];
		uint64_t key = __atomic_load_n(&f->key, __ATOMIC_RELAXED);
		struct record r = record_of(f, key, i / WEIR_FLOW_WAYS);
		bool keep;

		if (!key)
			continue;
		any = true;
		keep = keep_record(p, by_id, steers, &r, now);
		keep |= conns_keep(p, c, f, key, now);
		if (!keep || endpoint_is_gone(p, f->endpoint))
			__atomic_store_n(&f->key, 0, __ATOMIC_RELAXED);
	}
	free(by_id);
	free(steers);
	conns_sweep_end(p, c);
	return any || c;
}

/* An endpoint that is no longer configured keeps its flows for the drain window, then no more. */
static void end_drains(struct weir_plane *p, uint64_t now_ms)
{
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used && p->slots[s].drain_until_ms &&
		    now_ms >= p->slots[s].drain_until_ms)
			p->endpoints[s].state = 0;
}

/* How long clients without a record are taken for older ones. Where prev is not to be used any more
 * they get the drain window, as flows do. */
static uint32_t affinity_ms(const struct weir_plane *p, const struct table *x, uint32_t prev)
{
	const struct slot *s = &p->slots[prev & WEIR_ROW_SLOT & (WEIR_MAX_ENDPOINTS - 1)];

	return s->wanted && s->enabled ? x->affinity_ms : x->drain_ms;
}

static void settle_row(struct weir_plane *p, const struct table *x, uint32_t i, uint64_t now_ms)
{
	struct weir_row *at = &p->rows[x->base + i], row = *at;
	struct window *w = &x->window[i];
	uint32_t age = window_age_ms(w, now_ms), drain_ms = x->drain_ms;
	uint32_t new_ms = UDP_WINDOW_MS; /* from then on unrecorded flows may be new ones */

	if (x->affinity_ms)
		new_ms = drain_ms = affinity_ms(p, x, row.prev);
	if (age >= drain_ms && !w->busy)
		row.prev = WEIR_ROW_REST;
	else if (age >= new_ms)
		row.prev |= WEIR_ROW_UDP_NEW;
	w->busy = 0;
	if (row.prev == WEIR_ROW_REST)
		*w = (struct window){ 0 };
	else if (!endpoint_is_alive(p, row.prev & WEIR_ROW_SLOT))
		row.prev = row.cur | (row.prev & WEIR_ROW_UDP_NEW);
	if (row.prev != at->prev)
		row_store(p, x->base + i, row);
}

static void settle_table(struct weir_plane *p, struct table *x, uint64_t now_ms)
{
	x->unsettled = 0;
	for (uint32_t i = 0; i < x->size; i++) {
		if (p->rows[x->base + i].prev == WEIR_ROW_REST)
			continue;
		table_window(x, i, now_ms);
		settle_row(p, x, i, now_ms);
		x->unsettled += p->rows[x->base + i].prev != WEIR_ROW_REST;
	}
	table_rested(x);
}

/* Which slots rows name. After a sync the rows at rest of all tables name wanted ones only, but for
 * tables that only older flows use. */
static uint8_t *named_slots(const struct weir_plane *p)
{
	uint8_t *named = weir_new_array(WEIR_MAX_ENDPOINTS, uint8_t);

	for (const struct table *x = p->tables; x; x = x->next) {
		if (!x->unsettled && x->wanted && !p->loose)
			continue;
		for (uint32_t i = 0; i < x->size; i++) {
			const struct weir_row *row = &p->rows[x->base + i];

			named[row->cur % WEIR_MAX_ENDPOINTS] = 1;
			named[row->prev % WEIR_MAX_ENDPOINTS] = 1;
		}
	}
	return named;
}

/* Frees the slots of endpoints that are gone and that no row names. */
static void release_slots(struct weir_plane *p)
{
	uint8_t *named = NULL;

	for (uint32_t s = 1; s < p->slot_top; s++) {
		if (!p->ids[s].used || p->slots[s].wanted || p->endpoints[s].state)
			continue;
		if (!named)
			named = named_slots(p);
		if (!named[s])
			endpoint_release(p, s);
	}
	if (named)
		endpoints_reindex(p);
	free(named);
}

void settle(struct weir_plane *p, uint64_t now_ms)
{
	end_drains(p, now_ms);
	if (p->records) {
		p->records = sweep(p);
		for (struct table *x = p->tables; x; x = x->next) {
			if (x->unsettled)
				settle_table(p, x, now_ms);
			p->records |= x->unsettled > 0;
		}
		steers_settle(p, now_ms);
	}
	clients_settle(p);
	servers_reclaim(p, now_ms);
	release_slots(p);
}
