/* SPDX-License-Identifier: GPL-2.0-or-later */
/* services.c - the service table: open addressing that packets read while it is written. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

/* port, proto and used as the one word that the packet path compares. */
static void publish(struct weir_service_key *key, __be16 port, uint8_t proto, uint8_t used)
{
	struct {
		__be16 port;
		uint8_t proto, used;
	} w = { port, proto, used };
	uint32_t word;

	memcpy(&word, &w, sizeof(word));
	__atomic_store_n((uint32_t *)(void *)&key->port, word, __ATOMIC_RELEASE);
}

static struct service *remember(struct weir_plane *p, uint32_t at)
{
	struct service *s;

	p->service_index[at] = p->n_services;
	s = &p->service[p->n_services++];
	*s = (struct service){ .at = at };
	return s;
}

void services_adopt(struct weir_plane *p)
{
	p->service = weir_new_array(WEIR_SERVICE_SLOTS, struct service);
	p->service_index = weir_new_array(WEIR_SERVICE_SLOTS, uint32_t);
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
	uint32_t start = weir_service_slot(vip, port, proto);

	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		uint32_t at = (start + i) & (WEIR_SERVICE_SLOTS - 1);
		const struct weir_service_key *k = &p->services[at].key;

		if (k->used == WEIR_SLOT_USED && k->port == port && k->proto == proto &&
		    weir_addr_eq(&k->vip, vip))
			return &p->service[p->service_index[at]];
	}
	return NULL;
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
			    const struct weir_tables_service *new, struct table *table,
			    const struct weir_special *special)
{
	__be16 port = new ? new->port : 0;
	uint8_t proto = new ? new->proto : 0;
	uint32_t start = weir_service_slot(vip, port, proto);

	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		uint32_t at = (start + i) & (WEIR_SERVICE_SLOTS - 1);
		struct weir_service *k = &p->services[at];
		struct service *s;

		if (k->key.used == WEIR_SLOT_USED)
			continue;
		k->key.vip = *vip;
		k->key.id = proto ? take_id(p) : 0;
		if (proto && !k->key.id)
			return NULL;
		k->key.flags = 0;
		k->table = (struct weir_table_ref){ 0 };
		s = remember(p, at);
		if (new) {
			table_join(p, s, table);
			special_write(p, &k->key, new->flags, special);
		}
		publish(&k->key, port, proto, WEIR_SLOT_USED);
		return s;
	}
	return NULL;
}

/* The last slot of a probe sequence becomes free again, and deleted ones before it too. */
static void free_tail(struct weir_plane *p, uint32_t at)
{
	uint32_t next = (at + 1) & (WEIR_SERVICE_SLOTS - 1);

	while (p->services[next].key.used == WEIR_SLOT_FREE &&
	       p->services[at].key.used == WEIR_SLOT_DELETED) {
		publish(&p->services[at].key, 0, 0, WEIR_SLOT_FREE);
		next = at;
		at = (at - 1) & (WEIR_SERVICE_SLOTS - 1);
	}
}

void service_remove(struct weir_plane *p, struct service *s)
{
	struct weir_service *k = &p->services[s->at];

	publish(&k->key, 0, 0, WEIR_SLOT_DELETED);
	if (s->table) {
		s->table->users--;
		p->id_used[k->key.id] = false;
	}
	free_tail(p, s->at);
	*s = p->service[--p->n_services];
	p->service_index[s->at] = (uint32_t)(s - p->service);
}
