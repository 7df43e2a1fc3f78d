/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reverses.c - whose replies are whose, where only the destination is translated: entries of the
 * service table that name the slot and id of a service in it.
 *
 * One is there before a row names its endpoint, and stays for the drain window and until no row
 * knows an older flow: replies of a flow find it as long as the flow finds its endpoint, be it by a
 * row or by a connection id. */
#include <stdlib.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

static void remember(struct weir_plane *p, uint32_t at)
{
	p->place_taken[at] = true;
	p->place_index[at] = p->n_reverses;
	p->reverse[p->n_reverses++] = (struct reverse){ .at = at };
}

void reverses_adopt(struct weir_plane *p)
{
	p->reverse = weir_new_array(WEIR_MAX_REVERSES, struct reverse);
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS && p->n_reverses < WEIR_MAX_REVERSES; i++)
		if (p->services[i].key.used == WEIR_SLOT_REVERSE)
			remember(p, i);
	p->n_left = p->n_reverses;
}

static uint32_t find(const struct weir_plane *p, const struct weir_tables_reverse *r)
{
	return place_find(p, &r->addr, r->port, r->proto, WEIR_SLOT_REVERSE);
}

uint32_t reverses_missing(const struct weir_plane *p, const struct weir_tables *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_reverses; i++)
		n += find(p, &t->reverses[i]) == NO_PLACE;
	return n;
}

/* Slot and id belong together: one store. */
static void point(struct weir_plane *p, uint32_t at, uint32_t service)
{
	union {
		struct weir_table_ref ref;
		uint64_t word;
	} to = { { service, p->services[service].key.id } };
	uint64_t *is = (uint64_t *)(void *)&p->services[at].table;

	if (*is != to.word)
		__atomic_store_n(is, to.word, __ATOMIC_RELEASE);
}

bool reverses_sync(struct weir_plane *p, const struct weir_tables *t,
		   const struct planned *services)
{
	for (uint32_t i = 0; i < p->n_reverses; i++) {
		struct reverse *r = &p->reverse[i];

		r->wanted = false;
		if (!r->until_ms)
			r->until_ms = p->now_ms + t->drain_ms + 1;
	}
	p->n_left = p->n_reverses;
	for (uint32_t i = 0; i < t->n_reverses; i++) {
		const struct weir_tables_reverse *r = &t->reverses[i];
		uint32_t at = find(p, r);
		bool fresh = at == NO_PLACE;

		if (fresh) {
			at = place_take(p, &r->addr, r->port, r->proto);
			if (at == NO_PLACE)
				return false;
			remember(p, at);
		}
		p->n_left -= !fresh;
		p->reverse[p->place_index[at]] = (struct reverse){ .at = at, .wanted = true };
		point(p, at, services[r->service].service->at);
		if (fresh)
			place_publish(p, at, r->port, r->proto, WEIR_SLOT_REVERSE);
	}
	return true;
}

/* Whether a flow may still be with the endpoint. */
static bool needed(const struct weir_plane *p, const struct reverse *r)
{
	struct weir_table_ref to = p->services[r->at].table;
	const struct weir_service_key *key = &p->services[to.base % WEIR_SERVICE_SLOTS].key;
	const struct table *table;

	if (r->wanted || !r->until_ms)
		return true;
	if (key->used != WEIR_SLOT_USED || key->id != to.mask)
		return false;
	table = p->service[p->place_index[to.base % WEIR_SERVICE_SLOTS]].table;
	return p->now_ms < r->until_ms || (table && table->unsettled);
}

void reverses_reclaim(struct weir_plane *p)
{
	for (uint32_t i = p->n_left ? p->n_reverses : 0; i-- > 0;) {
		struct reverse *r = &p->reverse[i];

		if (needed(p, r))
			continue;
		place_leave(p, r->at);
		*r = p->reverse[--p->n_reverses];
		p->place_index[r->at] = i;
		p->n_left--;
	}
}
