/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic.c - which server ids name which endpoints: open addressing that packets read while it is
 * written. An id that a balancer does not have any more stays for the drain window, like the flows
 * of an endpoint that has left; one that another endpoint gets is that one's at once. Ids of
 * another rotation stay in the same way, so that it can be changed under connections. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"

/* The agent's side of a server id. */
struct server {
	uint32_t at; /* slot in the map */
	bool wanted; /* by the last tables */
	bool known;  /* drain_ms is */
	uint32_t drain_ms;
	uint64_t until_ms; /* not wanted: when it goes; 0: nobody has said yet */
};

static void publish(struct weir_server_id *to, uint32_t owner)
{
	__atomic_store_n(&to->owner, owner, __ATOMIC_RELEASE);
}

static struct server *remember(struct weir_plane *p, uint32_t at)
{
	p->servers = weir_grow(p->servers, p->n_servers + 1, sizeof(*p->servers));
	p->server_index[at] = p->n_servers;
	p->servers[p->n_servers] = (struct server){ .at = at };
	return &p->servers[p->n_servers++];
}

void servers_adopt(struct weir_plane *p)
{
	p->server_index = weir_new_array(WEIR_SERVER_ID_SLOTS, uint32_t);
	for (uint32_t at = 0; at < WEIR_SERVER_ID_SLOTS; at++)
		if (p->server_ids[at].owner > WEIR_ID_DELETED)
			remember(p, at);
}

/* The one that is there, or a new one; NULL: its probe sequence is full. */
static struct server *find_or_add(struct weir_plane *p, uint32_t owner, uint64_t id, uint32_t slot)
{
	uint32_t start = weir_server_id_slot(owner, id), to = WEIR_SERVER_ID_SLOTS;

	for (uint32_t i = 0; i < WEIR_SERVER_ID_PROBE; i++) {
		uint32_t at = (start + i) & (WEIR_SERVER_ID_SLOTS - 1);
		const struct weir_server_id *s = &p->server_ids[at];

		if (s->owner == owner && s->id == id)
			return &p->servers[p->server_index[at]];
		if (s->owner <= WEIR_ID_DELETED && to == WEIR_SERVER_ID_SLOTS)
			to = at;
		if (s->owner == WEIR_ID_FREE)
			break;
	}
	if (to == WEIR_SERVER_ID_SLOTS)
		return NULL;
	p->server_ids[to].id = id;
	p->server_ids[to].slot = slot;
	publish(&p->server_ids[to], owner);
	return remember(p, to);
}

static int want(struct weir_plane *p, const struct weir_tables_group *t, uint32_t group,
		const struct weir_tables_server *server, uint32_t slot)
{
	uint32_t owner = WEIR_ID_OWNER(group, t->lb->config_rotation, t->lb->server_id_length);
	struct server *s = find_or_add(p, owner, server->id, slot);

	if (!s) {
		weir_error("%s: the packet path has no room for its server ids", t->lb->name);
		return -ENOSPC;
	}
	if (p->server_ids[s->at].slot != slot)
		__atomic_store_n(&p->server_ids[s->at].slot, slot, __ATOMIC_RELEASE);
	s->wanted = s->known = true;
	s->drain_ms = t->drain_ms;
	s->until_ms = 0;
	return 0;
}

/* How long ids are that may come, by group: what is wanted goes before what drains. */
static uint32_t *lengths_by_group(const struct weir_plane *p)
{
	uint32_t *of = weir_new_array(WEIR_MAX_SERVICES, uint32_t);

	for (int wanted = 0; wanted < 2; wanted++)
		for (uint32_t i = 0; i < p->n_servers; i++) {
			uint32_t owner = p->server_ids[p->servers[i].at].owner;
			uint32_t *to = &of[owner >> 8], shift = 4 * (owner >> 5 & 7);

			if (p->servers[i].wanted == wanted)
				*to = (*to & ~(15u << shift)) | (owner >> 1 & 15) << shift;
		}
	return of;
}

static void note_lengths(const struct weir_plane *p, const struct weir_tables *t,
			 struct weir_special *specials)
{
	uint32_t *by_group = lengths_by_group(p);

	for (uint32_t i = 0; i < t->n_groups; i++)
		if (t->groups[i].lb->quic)
			specials[i].id_bytes = by_group[specials[i].group];
	free(by_group);
}

int servers_sync(struct weir_plane *p, const struct weir_tables *t, const uint32_t *slot_of,
		 struct weir_special *specials, uint64_t now_ms)
{
	int err = 0;

	for (uint32_t i = 0; i < p->n_servers; i++)
		p->servers[i].wanted = false;
	for (uint32_t i = 0; i < t->n_groups; i++) {
		const struct weir_tables_group *x = &t->groups[i];

		for (uint32_t n = 0; n < x->n_servers && !err; n++)
			err = want(p, x, specials[i].group, &x->servers[n],
				   slot_of[x->servers[n].endpoint]);
	}
	for (uint32_t i = 0; i < p->n_servers; i++) {
		struct server *s = &p->servers[i];

		if (!s->wanted && !s->until_ms)
			s->until_ms = now_ms + (s->known ? s->drain_ms : t->drain_ms) + 1;
	}
	if (p->n_servers)
		note_lengths(p, t, specials);
	return err;
}

/* The last slot of a probe sequence becomes free again, and deleted ones before it too. */
static void free_tail(struct weir_plane *p, uint32_t at)
{
	uint32_t next = (at + 1) & (WEIR_SERVER_ID_SLOTS - 1);

	while (p->server_ids[next].owner == WEIR_ID_FREE &&
	       p->server_ids[at].owner == WEIR_ID_DELETED) {
		publish(&p->server_ids[at], WEIR_ID_FREE);
		next = at;
		at = (at - 1) & (WEIR_SERVER_ID_SLOTS - 1);
	}
}

/* Moves the last one to its place. */
static void forget(struct weir_plane *p, struct server *s)
{
	publish(&p->server_ids[s->at], WEIR_ID_DELETED);
	free_tail(p, s->at);
	*s = p->servers[--p->n_servers];
	p->server_index[s->at] = (uint32_t)(s - p->servers);
}

/* Whether its endpoint's slot may be given to another one. */
static bool is_orphan(const struct weir_plane *p, const struct server *s)
{
	uint32_t slot = p->server_ids[s->at].slot;

	return !p->slots[slot].wanted && !p->endpoints[slot].state;
}

void servers_reclaim(struct weir_plane *p, uint64_t now_ms)
{
	for (uint32_t i = p->n_servers; i-- > 0;) {
		struct server *s = &p->servers[i];

		if ((s->until_ms && now_ms >= s->until_ms) || is_orphan(p, s))
			forget(p, s);
	}
}
