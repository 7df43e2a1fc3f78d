/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conns.c - open connections of endpoints: limits, and the sweep that corrects counts.
 *
 * The packet path counts connections that begin and end. What neither it nor anybody else sees the
 * end of, the sweep does: records that were silent for too long do not count any more. The count of
 * an endpoint should then be the number of records that do. Packets go on while it looks at them,
 * so it may be off by as many as were opened and closed meanwhile; a count beyond that is wrong,
 * for whatever reason, and is corrected that far. */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

struct conns_sweep {
	struct weir_service_key **key; /* by id, of services with records in rows at rest */
	bool *kept;                    /* by id: it still has one */
	struct weir_conns *before;     /* by slot */
	uint32_t *open;                /* by slot: records that count */
};

static struct weir_conns *conns_of(const struct weir_plane *p, uint32_t slot)
{
	return &p->conns[weir_conns_index(slot)];
}

static struct weir_conns conns_now(const struct weir_plane *p, uint32_t slot)
{
	const struct weir_conns *c = conns_of(p, slot);

	return (struct weir_conns){
		.opened = __atomic_load_n(&c->opened, __ATOMIC_RELAXED),
		.closed = __atomic_load_n(&c->closed, __ATOMIC_RELAXED),
	};
}

uint32_t conns_open(const struct weir_plane *p, uint32_t slot)
{
	struct weir_conns now = conns_now(p, slot);
	int32_t open = (int32_t)(now.opened - now.closed);

	return open < 0 ? 0 : (uint32_t)open;
}

/* Packets read this line: it is written only when it says something new. */
void conns_configure(struct weir_plane *p, uint32_t slot, const struct weir_tables_endpoint *e)
{
	struct weir_conns *c = conns_of(p, slot);

	p->slots[slot].counted = e->counted;
	if (c->limit != e->max_conn)
		__atomic_store_n(&c->limit, e->max_conn, __ATOMIC_RELAXED);
	if (c->weight != e->weight)
		__atomic_store_n(&c->weight, e->weight, __ATOMIC_RELAXED);
}

struct conns_sweep *conns_sweep_begin(struct weir_plane *p)
{
	struct conns_sweep *c = NULL;

	for (uint32_t i = 0; i < p->n_services; i++) {
		struct weir_service_key *key = &p->services[p->service[i].at].key;

		if (!(key->flags & WEIR_SERVICE_RECORDED))
			continue;
		if (!c) {
			c = weir_new(struct conns_sweep);
			c->key = weir_new_array(WEIR_MAX_SERVICES, struct weir_service_key *);
			c->kept = weir_new_array(WEIR_MAX_SERVICES, bool);
			c->before = weir_new_array(p->slot_top, struct weir_conns);
			c->open = weir_new_array(p->slot_top, uint32_t);
		}
		c->key[key->id] = key;
	}
	for (uint32_t s = 1; c && s < p->slot_top; s++)
		c->before[s] = conns_now(p, s);
	return c;
}

/* How long a flow may be silent and still count as an open connection. */
static uint32_t counts_s(const struct weir_service_key *key, uint32_t seen)
{
	if (!(seen & WEIR_FLOW_ESTABLISHED))
		return WEIR_FLOW_OPENING_S;
	return key->proto == IPPROTO_UDP ? WEIR_FLOW_UDP_S : WEIR_FLOW_IDLE_S;
}

/* And keep its record. */
static uint32_t kept_s(const struct weir_service_key *key, uint32_t seen)
{
	if (seen & WEIR_FLOW_CLOSING)
		return WEIR_FLOW_CLOSING_S;
	return seen & WEIR_FLOW_ESTABLISHED && key->proto == IPPROTO_TCP ? WEIR_FLOW_SILENT_S
									 : WEIR_FLOW_IDLE_S;
}

bool conns_keep(struct weir_plane *p, struct conns_sweep *c, struct weir_flow *f, uint64_t key,
		uint32_t now)
{
	uint32_t id = (uint32_t)(key >> 16) & 0xffff, hz = p->skel->rodata->weir_hz;
	const struct weir_service_key *of = c && id < WEIR_MAX_SERVICES ? c->key[id] : NULL;
	uint32_t seen = __atomic_load_n(&f->seen, __ATOMIC_RELAXED), slot = f->endpoint;
	int32_t age = flow_age(&(struct weir_flow){ .seen = seen }, now);

	if (!of || slot >= p->slot_top || age > (int32_t)(kept_s(of, seen) * hz >> WEIR_FLOW_TICK))
		return false;
	c->kept[id] = true;
	if (!(seen & WEIR_FLOW_OPEN))
		return true;
	if (endpoint_is_alive(p, slot) &&
	    age <= (int32_t)(counts_s(of, seen) * hz >> WEIR_FLOW_TICK))
		c->open[slot]++;
	else /* unless a packet came just now: then the next sweep decides */
		__atomic_compare_exchange_n(&f->seen, &seen, seen & ~WEIR_FLOW_OPEN, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return true;
}

/* Between how many there can be, after what happened during the sweep, the count is believed. */
static void correct(struct weir_plane *p, const struct conns_sweep *c, uint32_t slot)
{
	struct weir_conns now = conns_now(p, slot), *to = conns_of(p, slot);
	int32_t count = (int32_t)(now.opened - now.closed);
	int32_t most = (int32_t)(c->open[slot] + (now.opened - c->before[slot].opened));
	int32_t least = (int32_t)(c->open[slot] - (now.closed - c->before[slot].closed));

	if (count > most)
		__atomic_fetch_add(&to->closed, (uint32_t)(count - most), __ATOMIC_RELAXED);
	else if (count < least)
		__atomic_fetch_add(&to->opened, (uint32_t)(least - count), __ATOMIC_RELAXED);
}

void conns_sweep_end(struct weir_plane *p, struct conns_sweep *c)
{
	if (!c)
		return;
	for (uint32_t s = 1; s < p->slot_top; s++)
		correct(p, c, s);
	for (uint32_t id = 0; id < WEIR_MAX_SERVICES; id++) {
		struct weir_service_key *key = c->key[id];

		if (key && !c->kept[id] && !(key->flags & WEIR_SERVICE_COUNTED))
			__atomic_store_n(&key->flags,
					 (uint16_t)(key->flags & ~WEIR_SERVICE_RECORDED),
					 __ATOMIC_RELEASE);
	}
	free(c->key);
	free(c->kept);
	free(c->before);
	free(c->open);
	free(c);
}
