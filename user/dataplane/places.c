/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.c - the service table's slots: open addressing that packets read while it is written. */
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"

void places_init(struct weir_plane *p)
{
	p->place_taken = weir_new_array(WEIR_SERVICE_SLOTS, bool);
	p->place_index = weir_new_array(WEIR_SERVICE_SLOTS, uint32_t);
}

/* port, proto and used as the one word that the packet path compares. */
void place_publish(struct weir_plane *p, uint32_t at, __be16 port, uint8_t proto, uint8_t used)
{
	struct {
		__be16 port;
		uint8_t proto, used;
	} w = { port, proto, used };
	uint32_t word;

	memcpy(&word, &w, sizeof(word));
	__atomic_store_n((uint32_t *)(void *)&p->services[at].key.port, word, __ATOMIC_RELEASE);
}

uint32_t place_find(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
		    uint8_t proto, uint8_t used)
{
	uint32_t start = weir_service_slot(addr, port, proto);

	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		uint32_t at = (start + i) & (WEIR_SERVICE_SLOTS - 1);
		const struct weir_service_key *k = &p->services[at].key;

		if (k->used == used && k->port == port && k->proto == proto &&
		    weir_addr_eq(&k->vip, addr))
			return at;
	}
	return NO_PLACE;
}

uint32_t place_take(struct weir_plane *p, const union weir_addr *addr, __be16 port, uint8_t proto)
{
	uint32_t start = weir_service_slot(addr, port, proto);

	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		uint32_t at = (start + i) & (WEIR_SERVICE_SLOTS - 1);

		if (p->place_taken[at])
			continue;
		place_publish(p, at, 0, 0, WEIR_SLOT_DELETED);
		p->place_taken[at] = true;
		p->services[at].key.vip = *addr;
		p->services[at].key.id = p->services[at].key.flags = 0;
		p->services[at].table = (struct weir_table_ref){ 0 };
		return at;
	}
	return NO_PLACE;
}

/* The last slot of a probe sequence becomes free again, and deleted ones before it too. */
static void free_tail(struct weir_plane *p, uint32_t at)
{
	uint32_t next = (at + 1) & (WEIR_SERVICE_SLOTS - 1);

	while (p->services[next].key.used == WEIR_SLOT_FREE && !p->place_taken[at] &&
	       p->services[at].key.used == WEIR_SLOT_DELETED) {
		place_publish(p, at, 0, 0, WEIR_SLOT_FREE);
		next = at;
		at = (at - 1) & (WEIR_SERVICE_SLOTS - 1);
	}
}

void place_leave(struct weir_plane *p, uint32_t at)
{
	place_publish(p, at, 0, 0, WEIR_SLOT_DELETED);
	p->place_taken[at] = false;
	free_tail(p, at);
}
