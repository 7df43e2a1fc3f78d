/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoints.c - who has which endpoint slot, and the header in front of its packets. */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/hash.h"
#include "dataplane/routes.h"
#include "weir.skel.h"

#define INDEX_SIZE (2 * WEIR_MAX_ENDPOINTS)
#define OUTER_TTL  64

static uint32_t index_start(const union weir_addr *addr, __be16 port, uint8_t mode)
{
	uint64_t how = (uint64_t)port << 8 | mode;

	return (uint32_t)weir_hash_bytes(how, addr->b, sizeof(addr->b)) & (INDEX_SIZE - 1);
}

static bool is_id(const struct weir_endpoint_id *id, const union weir_addr *addr, __be16 port,
		  uint8_t mode)
{
	return id->mode == mode && id->port == port && weir_addr_eq(&id->addr, addr);
}

uint32_t endpoint_find(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
		       uint8_t mode)
{
	if (!weir_mode_is_nat(mode))
		port = 0;
	for (uint32_t i = index_start(addr, port, mode); p->slot_index[i];
	     i = (i + 1) & (INDEX_SIZE - 1))
		if (is_id(&p->ids[p->slot_index[i]], addr, port, mode))
			return p->slot_index[i];
	return WEIR_NO_ENDPOINT;
}

static void index_add(struct weir_plane *p, uint32_t slot)
{
	const struct weir_endpoint_id *id = &p->ids[slot];
	uint32_t i = index_start(&id->addr, id->port, id->mode);

	while (p->slot_index[i])
		i = (i + 1) & (INDEX_SIZE - 1);
	p->slot_index[i] = slot;
}

void endpoints_reindex(struct weir_plane *p)
{
	memset(p->slot_index, 0, INDEX_SIZE * sizeof(*p->slot_index));
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			index_add(p, s);
}

void endpoints_adopt(struct weir_plane *p)
{
	p->slots = weir_new_array(WEIR_MAX_ENDPOINTS, struct slot);
	p->slot_index = weir_new_array(INDEX_SIZE, uint32_t);
	p->slot_top = p->slot_hint = 1;
	for (uint32_t s = 1; s < WEIR_MAX_ENDPOINTS; s++)
		if (p->ids[s].used)
			p->slot_top = s + 1;
	endpoints_reindex(p);
}

static bool is_at(const struct weir_plane *p, uint32_t slot, const struct weir_tables_endpoint *e)
{
	const struct weir_endpoint_id *id = &p->ids[slot];

	return id->used && is_id(id, &e->addr, e->port, e->mode);
}

uint32_t endpoints_place(struct weir_plane *p, const struct weir_tables *t, uint32_t *slot_of)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < t->n_endpoints; i++) {
		const struct weir_tables_endpoint *e = &t->endpoints[i];

		slot_of[i] = i < p->n_placed && is_at(p, p->placed[i], e)
				     ? p->placed[i]
				     : endpoint_find(p, &e->addr, e->port, e->mode);
		missing += !slot_of[i];
	}
	return missing;
}

uint32_t endpoints_free(const struct weir_plane *p)
{
	uint32_t n = WEIR_MAX_ENDPOINTS - p->slot_top;

	for (uint32_t s = 1; s < p->slot_top; s++)
		n += !p->ids[s].used;
	return n;
}

static uint32_t slot_alloc(struct weir_plane *p, const struct weir_tables_endpoint *e)
{
	uint32_t s = p->slot_hint;

	while (s < p->slot_top && p->ids[s].used)
		s++;
	assert(s < WEIR_MAX_ENDPOINTS); /* the caller has counted */
	if (s == p->slot_top)
		p->slot_top++;
	p->slot_hint = s + 1;
	p->slots[s] = (struct slot){ 0 };
	p->ids[s] = (struct weir_endpoint_id){
		.addr = e->addr, .port = e->port, .mode = e->mode, .used = 1
	};
	index_add(p, s);
	routes_endpoints_changed(p);
	return s;
}

/* Packets read this line: it is written only when it says something new. */
static void set_alive(struct weir_plane *p, uint32_t slot, bool alive)
{
	uint8_t state = alive ? WEIR_ENDPOINT_ALIVE : 0;

	if (p->endpoints[slot].state != state)
		__atomic_store_n(&p->endpoints[slot].state, state, __ATOMIC_RELEASE);
}

void endpoints_sync(struct weir_plane *p, const struct weir_tables *t, uint32_t *slot_of,
		    uint64_t now_ms)
{
	p->turn++;
	for (uint32_t i = 0; i < t->n_endpoints; i++) {
		const struct weir_tables_endpoint *e = &t->endpoints[i];
		uint32_t s = slot_of[i] ? slot_of[i] : slot_alloc(p, e);

		if (!p->slots[s].wanted && !p->slots[s].nexthop)
			route_resolve(p, s);
		p->slots[s].turn = p->turn;
		p->slots[s].enabled = e->enabled;
		p->slots[s].drain_ms = e->drain_ms;
		p->ids[s].healthy = e->healthy;
		set_alive(p, s, e->alive);
		conns_configure(p, s, e);
		slot_of[i] = s;
	}
	for (uint32_t s = 1; s < p->slot_top; s++) {
		struct slot *k = &p->slots[s];

		bool was_wanted = k->wanted; /* not by this agent: it knows no window */
		uint64_t until_ms = now_ms + (was_wanted ? k->drain_ms : t->drain_ms);

		k->wanted = k->turn == p->turn;
		if (k->wanted)
			k->drain_until_ms = 0;
		else if (!k->drain_until_ms)
			k->drain_until_ms = until_ms ? until_ms : 1;
	}
}

void endpoints_placed(struct weir_plane *p, uint32_t *slot_of, uint32_t n)
{
	free(p->placed);
	p->placed = slot_of;
	p->n_placed = n;
}

void endpoint_release(struct weir_plane *p, uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	struct weir_endpoint_stats *zero;

	route_forget(p, slot);
	routes_endpoints_changed(p);
	p->ids[slot] = (struct weir_endpoint_id){ 0 };
	if (slot < p->slot_hint)
		p->slot_hint = slot;
	p->slots[slot] = (struct slot){ 0 };
	memset(&p->endpoints[slot], 0, sizeof(p->endpoints[slot]));
	p->conns[weir_conns_index(slot)] = (struct weir_conns){ 0 };
	live_forget(p, slot);
	zero = weir_new_array((size_t)cpus, struct weir_endpoint_stats);
	bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_endpoint_counts), &slot, zero, BPF_ANY);
	free(zero);
}

uint16_t sum16(const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		uint16_t w = 0;

		memcpy(&w, b + i, len - i < 2 ? 1 : 2);
		sum += w;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void ether_type(struct weir_endpoint *e, uint16_t type)
{
	uint16_t be = htons(type);

	memcpy(e->hdr + 2 * ETH_ALEN, &be, sizeof(be));
}

/* RFC 2003: DF set, so that the path's MTU is found. */
static void outer_v4(struct weir_endpoint *e, const struct slot *s,
		     const struct weir_endpoint_id *id)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = OUTER_TTL,
		.frag_off = htons(IP_DF),
	};

	memcpy(&ip.saddr, &s->src.b[12], 4);
	memcpy(&ip.daddr, &id->addr.b[12], 4);
	e->hdr_len = WEIR_HDR_IP4;
	memcpy(e->hdr + ETH_HLEN, &ip, sizeof(ip));
	e->csum = sum16(&ip, sizeof(ip));
	ether_type(e, ETH_P_IP);
}

static void outer_v6(struct weir_endpoint *e, const struct slot *s,
		     const struct weir_endpoint_id *id)
{
	struct ip6_hdr ip = { .ip6_hlim = OUTER_TTL };

	ip.ip6_vfc = 6 << 4;
	memcpy(&ip.ip6_src, s->src.b, 16);
	memcpy(&ip.ip6_dst, id->addr.b, 16);
	e->hdr_len = WEIR_HDR_IP6;
	memcpy(e->hdr + ETH_HLEN, &ip, sizeof(ip));
	e->csum = sum16(&ip.ip6_src, 2 * sizeof(ip.ip6_src));
	ether_type(e, ETH_P_IPV6);
}

/* Nothing is put in front: addresses and port become these. */
static void translated(struct weir_endpoint *e, const struct weir_endpoint_id *id)
{
	memcpy(e->hdr + WEIR_NAT_ADDR, &id->addr, sizeof(id->addr));
	memcpy(e->hdr + WEIR_NAT_PORT, &id->port, sizeof(id->port));
	e->hdr_len = id->mode == WEIR_MODE_NAT ? WEIR_HDR_NAT : WEIR_HDR_FULLNAT;
}

/* What is behind the MAC addresses, except for L2. */
static void header_of(struct weir_endpoint *e, const struct slot *s,
		      const struct weir_endpoint_id *id)
{
	if (weir_mode_is_nat(id->mode))
		translated(e, id);
	else if (id->mode != WEIR_MODE_L2 && weir_addr_is_v4(&id->addr))
		outer_v4(e, s, id);
	else if (id->mode != WEIR_MODE_L2)
		outer_v6(e, s, id);
	if (id->mode == WEIR_MODE_GUE)
		e->hdr_len += sizeof(struct udphdr);
}

uint32_t way_mtu(const struct weir_plane *p, const struct slot *s)
{
	uint32_t mtu = s->mtu ? s->mtu : p->nexthops[s->nexthop - 1].mtu;

	if (mtu > 65535)
		mtu = 65535;
	return s->path_mtu && s->path_mtu < mtu ? s->path_mtu : mtu;
}

/* What of the way's MTU is left for the packets of clients. */
static uint16_t inner_mtu(const struct weir_plane *p, const struct slot *s, uint32_t overhead)
{
	uint32_t mtu = way_mtu(p, s);

	return (uint16_t)(mtu > overhead ? mtu - overhead : 0);
}

/* Writes what the packet path needs, except the alive bit, from the slot's next hop. The first
 * eight bytes (the next hop's MAC) are one store: that is what changes while packets flow. */
void endpoint_write(struct weir_plane *p, uint32_t slot)
{
	const struct slot *s = &p->slots[slot];
	const struct weir_endpoint_id *id = &p->ids[slot];
	const struct nexthop *n = s->nexthop ? &p->nexthops[s->nexthop - 1] : NULL;
	struct weir_endpoint *to = &p->endpoints[slot], e = { .hdr_len = ETH_HLEN };
	uint64_t first;

	if (!n || !n->known) {
		__atomic_store_n(&to->ifindex, 0, __ATOMIC_RELEASE);
		return;
	}
	memcpy(e.hdr, n->mac, ETH_ALEN);
	memcpy(e.hdr + ETH_ALEN, n->own_mac, ETH_ALEN);
	header_of(&e, s, id);
	e.mtu = inner_mtu(p, s, e.hdr_len > ETH_HLEN ? e.hdr_len - ETH_HLEN : 0);
	if (to->ifindex != n->ifindex || to->hdr_len != e.hdr_len ||
	    memcmp(to->hdr + 8, e.hdr + 8,
		   sizeof(e.hdr) - 8)) /* a counted drop, not half a header */
		__atomic_store_n(&to->ifindex, 0, __ATOMIC_RELEASE);
	memcpy(&first, e.hdr, 8);
	__atomic_store_n((uint64_t *)(void *)to->hdr, first, __ATOMIC_RELAXED);
	memcpy(to->hdr + 8, e.hdr + 8, sizeof(e.hdr) - 8);
	to->hdr_len = e.hdr_len;
	to->csum = e.csum;
	to->mtu = e.mtu;
	__atomic_store_n(&to->ifindex, n->ifindex, __ATOMIC_RELEASE);
}
