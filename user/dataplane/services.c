/* SPDX-License-Identifier: GPL-2.0-or-later */
/* services.c - services: which slots of the service table are theirs, and their ids. */
#include <stdlib.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

static struct service *remember(struct weir_plane *p, uint32_t at)
{
	struct service *s;

	p->place_taken[at] = true;
	p->place_index[at] = p->n_services;
	s = &p->service[p->n_services++];
	*s = (struct service){ .at = at };
	return s;
}

void services_adopt(struct weir_plane *p)
{
	p->service = weir_new_array(WEIR_SERVICE_SLOTS, struct service);
	p->id_used = weir_new_array(WEIR_MAX_SERVICES, bool);
	p->id_used[0] = true; /* a key of 0 is a free flow record */
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		const struct weir_service *k = &p->services[i];

		if (k->key.used != WEIR_SLOT_USED)
			continue;
		remember(p, i);
		if (!k->key.proto)
			continue;
		p->id_used[k->key.id] = true;
		if (k->key.id >= p->next_service_id)
			p->next_service_id = (uint16_t)(k->key.id + 1);
	}
}

struct service *service_find(struct weir_plane *p, const union weir_addr *vip, __be16 port,
			     uint8_t proto)
{
	uint32_t at = place_find(p, vip, port, proto, WEIR_SLOT_USED);

	return at == NO_PLACE ? NULL : &p->service[p->place_index[at]];
}

/* An id that no service has; 0: there is none. Flow records carry ids, so the numbers go round. */
static uint16_t take_id(struct weir_plane *p)
{
	for (uint32_t i = 0; i < WEIR_MAX_SERVICES; i++) {
		uint16_t id = (uint16_t)((p->next_service_id + i) % WEIR_MAX_SERVICES);

		if (p->id_used[id])
			continue;
		p->id_used[id] = true;
		p->next_service_id = (uint16_t)(id + 1);
		return id;
	}
	return 0;
}

struct service *service_add(struct weir_plane *p, const union weir_addr *vip,
			    const struct weir_tables_service *new, const struct planned *to,
			    const struct weir_special *special)
{
	uint16_t id = new ? take_id(p) : 0;
	uint32_t at = place_take(p, vip, new ? new->port : 0, new ? new->proto : 0);
	struct weir_service_key *key = &p->services[at % WEIR_SERVICE_SLOTS].key;
	struct service *s;

	if (at == NO_PLACE || (new && !id)) {
		if (at != NO_PLACE)
			place_leave(p, at);
		if (id)
			p->id_used[id] = false;
		return NULL;
	}
	s = remember(p, at);
	key->id = id;
	if (new) {
		table_join(p, s, to->table);
		special_write(p, key, new->flags, to->steer, special);
		steer_join(s, to->steer);
	}
	return s;
}

void service_publish(struct weir_plane *p, const struct service *s,
		     const struct weir_tables_service *new)
{
	place_publish(p, s->at, new ? new->port : 0, new ? new->proto : 0, WEIR_SLOT_USED);
}

void service_remove(struct weir_plane *p, struct service *s)
{
	place_leave(p, s->at);
	if (s->table) {
		s->table->users--;
		steer_join(s, NULL);
		p->id_used[p->services[s->at].key.id] = false;
	}
	*s = p->service[--p->n_services];
	p->place_index[s->at] = (uint32_t)(s - p->service);
}
