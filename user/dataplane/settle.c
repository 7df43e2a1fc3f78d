/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settle.c - rows come to rest when nothing has to be remembered for them any more.
 *
 * A row is let go when its drain window is over and no flow that was lately seen is recorded with
 * an endpoint other than its cur. Flow records of rows at rest mean nothing and are wiped, so that
 * a later change does not find them. */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

/* The kernel's jiffies, by running the program that reads them. */
static uint32_t jiffies(const struct weir_plane *p)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));

	bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.weir_clock), &run);
	return (uint32_t)p->skel->bss->weir_jiffies;
}

/* Tables by service id: the rows a flow record speaks of. */
static struct weir_table_ref *tables_by_id(const struct weir_plane *p)
{
	struct weir_table_ref *by_id = weir_new_array(WEIR_MAX_SERVICES, struct weir_table_ref);

	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct weir_service *k = &p->services[p->service[i].at];

		if (k->key.id)
			by_id[k->key.id] = k->table;
	}
	return by_id;
}

static struct weir_row *row_of(const struct weir_plane *p, const struct weir_table_ref *by_id,
			       uint64_t key)
{
	uint32_t id = (uint32_t)(key >> 16) & 0xffff;
	struct weir_table_ref ref = by_id[id % WEIR_MAX_SERVICES];

	return ref.mask ? &p->rows[ref.base + ((uint32_t)key & 0xffff & ref.mask)] : NULL;
}

/* Whether a flow may still go on. Packets do meanwhile: it may have been seen later than now. */
static bool lives(const struct weir_plane *p, const struct weir_flow *f, uint32_t now)
{
	const uint32_t flags = (1u << WEIR_FLOW_FLAGS) - 1;
	int32_t age = (int32_t)((now << WEIR_FLOW_FLAGS | flags) - f->seen) >> WEIR_FLOW_FLAGS;
	uint32_t idle = p->skel->rodata->weir_flow_idle;

	if (f->seen & WEIR_FLOW_CLOSING)
		idle = idle / WEIR_FLOW_IDLE_S * WEIR_FLOW_CLOSING_S;
	return age <= (int32_t)idle;
}

/* Silent for so long that its age would soon look like that of a young one: they wrap. */
static bool ancient(const struct weir_flow *f, uint32_t now)
{
	uint32_t age = ((now << WEIR_FLOW_FLAGS) - f->seen) >> WEIR_FLOW_FLAGS;

	return age > 1u << 28 && age < 1u << 29;
}

/* Marks rows that a live flow away from cur still needs, and wipes records of rows at rest. False:
 * there was no record at all. */
static bool sweep(struct weir_plane *p, uint8_t *busy)
{
	struct weir_table_ref *by_id = tables_by_id(p);
	uint32_t now = jiffies(p);
	bool any = false;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS; i++) {
		struct weir_flow *f = &p->flows[i / WEIR_FLOW_WAYS].way[i % WEIR_FLOW_WAYS];
		uint64_t key = __atomic_load_n(&f->key, __ATOMIC_RELAXED);
		struct weir_row *row;

		if (!key)
			continue;
		any = true;
		row = row_of(p, by_id, key);
		if (!row || row->prev == WEIR_ROW_REST || ancient(f, now))
			__atomic_store_n(&f->key, 0, __ATOMIC_RELAXED);
		else if (f->endpoint != row->cur && endpoint_is_alive(p, f->endpoint) &&
			 lives(p, f, now))
			busy[row - p->rows] = 1;
	}
	free(by_id);
	return any;
}

/* An endpoint that is no longer configured keeps its flows for the drain window, then no more. */
static void end_drains(struct weir_plane *p, uint64_t now_ms)
{
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used && p->slots[s].drain_until_ms &&
		    now_ms >= p->slots[s].drain_until_ms)
			p->endpoints[s].state = 0;
}

static void settle_service(struct weir_plane *p, struct service *k, const uint8_t *busy,
			   uint64_t now_ms)
{
	const struct weir_table_ref *ref = &p->services[k->at].table;

	k->unsettled = 0;
	for (uint32_t i = 0; i <= ref->mask; i++) {
		struct weir_row *at = &p->rows[ref->base + i], row = *at;
		uint64_t *since = &p->row_since_ms[ref->base + i];

		if (row.prev == WEIR_ROW_REST)
			continue;
		if (now_ms >= *since + k->drain_ms && !busy[ref->base + i])
			row.prev = WEIR_ROW_REST;
		else if (now_ms >= *since + UDP_WINDOW_MS)
			row.prev |= WEIR_ROW_UDP_NEW;
		if (row.prev != WEIR_ROW_REST && !endpoint_is_alive(p, row.prev & WEIR_ROW_SLOT))
			row.prev = row.cur | (row.prev & WEIR_ROW_UDP_NEW);
		if (row.prev != at->prev)
			row_store(at, row);
		if (row.prev == WEIR_ROW_REST)
			*since = 0;
		k->unsettled += row.prev != WEIR_ROW_REST;
	}
}

/* Frees the slots of endpoints that are gone and that no row names. */
static void release_slots(struct weir_plane *p)
{
	uint8_t *named = NULL;

	for (uint32_t s = 1; s < p->slot_top; s++) {
		if (!p->ids[s].used || p->slots[s].wanted || p->endpoints[s].state)
			continue;
		if (!named) {
			named = weir_new_array(WEIR_MAX_ENDPOINTS, uint8_t);
			for (uint32_t i = 0; i < p->n_services; i++) {
				struct weir_table_ref ref = p->services[p->service[i].at].table;

				for (uint32_t r = 0; ref.mask && r <= ref.mask; r++) {
					const struct weir_row *row = &p->rows[ref.base + r];

					named[row->cur % WEIR_MAX_ENDPOINTS] = 1;
					named[row->prev % WEIR_MAX_ENDPOINTS] = 1;
				}
			}
		}
		if (!named[s])
			endpoint_release(p, s);
	}
	if (named)
		endpoints_reindex(p);
	free(named);
}

void settle(struct weir_plane *p, uint64_t now_ms)
{
	uint8_t *busy;

	end_drains(p, now_ms);
	if (p->records) {
		busy = weir_new_array(WEIR_MAX_ROWS, uint8_t);
		p->records = sweep(p, busy);
		for (uint32_t i = 0; i < p->n_services; i++) {
			if (p->service[i].unsettled)
				settle_service(p, &p->service[i], busy, now_ms);
			p->records |= p->service[i].unsettled > 0;
		}
		free(busy);
	}
	release_slots(p);
}
