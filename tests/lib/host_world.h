/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_world.h - services, rows and endpoints of every kind for the programs of host.h. */
#ifndef WEIR_TESTS_HOST_WORLD_H
#define WEIR_TESTS_HOST_WORLD_H

#include "host.h"

/* Endpoints of every kind, and rows of every kind that name them. */
enum host_kind {
	HOST_NOBODY,
	HOST_V4,
	HOST_V6,
	HOST_L2,
	HOST_GUE4,
	HOST_GUE6,
	HOST_NAT4,
	HOST_NAT6,
	HOST_FULLNAT4,
	HOST_FULLNAT6,
	HOST_SMALL,  /* IPv4, by a way that takes little */
	HOST_FAR,    /* IPv4, by another interface */
	HOST_NO_HOP, /* no next hop */
	HOST_DEAD,
	HOST_KINDS,
};

#define HOST_VIP4      ((union weir_addr){ { [10] = 0xff, 0xff, 192, 0, 2, 1 } })
#define HOST_VIP6      ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } })
#define HOST_SOURCE4   ((union weir_addr){ { [10] = 0xff, 0xff, 10, 0, 0, 1 } })
#define HOST_SOURCE6   ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 3 } })
#define HOST_NAT_ADDR4 ((union weir_addr){ { [10] = 0xff, 0xff, 10, 9, 8, 7 } })
#define HOST_NAT_ADDR6 ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } })

static inline struct weir_endpoint host_endpoint(enum host_kind kind)
{
	struct weir_endpoint e = { .hdr = { 6, 0, 0, 0, 0, (__u8)kind, 6 },
				   .hdr_len = 34,
				   .mtu = 65535 - 40,
				   .state = kind == HOST_DEAD ? 0 : WEIR_ENDPOINT_ALIVE,
				   .ifindex = kind == HOST_FAR ? 2 : kind != HOST_NO_HOP };

	e.hdr[12] = 0x08;
	e.hdr[14] = 0x45;
	if (kind == HOST_L2) {
		e.hdr_len = 14;
		e.mtu = 65535;
	}
	if (kind == HOST_SMALL)
		e.mtu = 600;
	if (kind == HOST_V6 || kind == HOST_GUE6) {
		e.hdr_len = 54;
		e.hdr[12] = 0x86;
		e.hdr[13] = 0xdd;
		e.hdr[14] = 0x60;
	}
	e.csum = e.hdr_len == 34 ? 0x45 : 0;
	if (kind >= HOST_NAT4 && kind <= HOST_FULLNAT6) {
		int v6 = kind == HOST_NAT6 || kind == HOST_FULLNAT6;
		union weir_addr to = v6 ? HOST_NAT_ADDR6 : HOST_NAT_ADDR4;

		e.hdr_len = kind >= HOST_FULLNAT4 ? 2 : 1;
		e.mtu = 65535;
		memcpy(e.hdr + WEIR_NAT_ADDR, &to, sizeof(to));
		e.hdr[WEIR_NAT_PORT] = 80;
	}
	if (kind == HOST_GUE4 || kind == HOST_GUE6)
		e.hdr_len += 8;
	return e;
}

static inline uint32_t host_service(union weir_addr vip, uint16_t port, uint8_t proto, uint16_t id)
{
	__be16 be = (__be16)(port >> 8 | port << 8);
	uint32_t at = weir_service_slot(&vip, be, proto);

	while (host.services[at].key.used)
		at = (at + 1) & (WEIR_SERVICE_SLOTS - 1);
	host.services[at] = (struct weir_service){
		.key = { vip, be, proto, WEIR_SLOT_USED, id, 0 },
		.table = { 0, HOST_ROWS - 1 },
	};
	if (proto == 6)
		host.services[at].key.flags = WEIR_SERVICE_WATCH;
	return at;
}

/* A service, and that replies from a translated endpoint's port 0x5000 are its own. */
static inline void host_nat_service(union weir_addr vip, uint16_t port, uint8_t proto, uint16_t id,
				    union weir_addr endpoint)
{
	uint32_t at = host_service(vip, port, proto, id);
	struct weir_service *r = &host.services[host_service(endpoint, 80 << 8, proto, 0)];

	r->key.used = WEIR_SLOT_REVERSE;
	r->table = (struct weir_table_ref){ at, id };
}

/* Makes a UDP service one of QUIC: server id k of a byte is endpoint k. */
static inline void host_quic(union weir_addr vip, uint16_t id)
{
	uint32_t owner = WEIR_ID_OWNER(id, 0, 1);
	struct weir_service *s = host.services;

	while (s->key.id != id || memcmp(&s->key.vip, &vip, sizeof(vip)))
		s++;
	s->key.flags = WEIR_SERVICE_QUIC;
	host.specials[id] = (struct weir_special){ .group = id, .id_bytes = 1 };
	for (uint32_t k = 1; k < HOST_KINDS; k++) {
		uint32_t at = weir_server_id_slot(owner, k);

		while (host.server_ids[at].owner)
			at = (at + 1) & (WEIR_SERVER_ID_SLOTS - 1);
		host.server_ids[at] = (struct weir_server_id){ k, owner, k };
	}
}

/* IPv6 services count their connections; endpoints of every second kind take a few. */
static inline void host_count(void)
{
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		if (host.services[i].key.used == WEIR_SLOT_USED && host.services[i].key.id >= 3)
			host.services[i].key.flags |=
				WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST;
	for (uint32_t k = 1; k < HOST_KINDS; k++)
		host.conns[weir_conns_index(k)] =
			(struct weir_conns){ .limit = k & 1 ? 2 * k : 0, .weight = (__u16)k };
}

/* Services tell their clients apart: by the last byte of their address, and IPv6 ones in slices,
 * too. Ways name quarters of the rows. */
static inline void host_steer(void)
{
	for (uint32_t i = 0; i < HOST_CLASSES; i++)
		host.classes[0].of[i] = (__u16)i;
	for (uint32_t i = 0; i < HOST_CLASSES * WEIR_STEER_SLICES; i++) {
		uint32_t cur = i % 4, prev = i / 4 % 5, flags = i / 20 % 4;

		host.ways[i].cur = WEIR_WAY_TABLE(cur * WEIR_TABLE_MIN, 0) |
				   (flags & 1 ? WEIR_WAY_SESSIONS : 0);
		host.ways[i].prev = prev == 4 ? WEIR_WAY_REST
					      : WEIR_WAY_TABLE(prev * WEIR_TABLE_MIN, 0) |
							(flags & 2 ? WEIR_WAY_UDP_NEW : 0);
	}
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		struct weir_service_key *key = &host.services[i].key;

		if (key->used != WEIR_SLOT_USED || !key->proto)
			continue;
		key->flags |= WEIR_SERVICE_STEER;
		if (key->id == 1)
			key->flags |= WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY;
		host.specials[key->id].group = key->id;
		host.specials[key->id].steer =
			(struct weir_steer_ref){ key->id >= 3 ? WEIR_STEER_SLICED : 0, 0 };
	}
}

static inline void host_row(uint32_t i, struct weir_row row, int rest)
{
	host.rows[i] = row;
	host.rest[i / WEIR_REST_ROWS].slot[i % WEIR_REST_ROWS] =
		rest && row.prev == WEIR_ROW_REST ? (__u16)row.cur : 0;
}

/* TCP and UDP port 443 of both VIPs, over one table. All rows are at rest with this endpoint;
 * HOST_KINDS: of every kind, at rest and not. */
static inline void host_world(enum host_kind all)
{
	memset(&host, 0, sizeof(host));
	host.jiffies = 1000000;
	host.nat_conf[0] =
		(struct weir_nat_conf){ 0x4000, 4, 1, 1, { 0 }, { HOST_SOURCE4, HOST_SOURCE6 } };
	for (uint32_t k = 1; k < HOST_KINDS; k++)
		host.endpoints[k] = host_endpoint((enum host_kind)k);
	for (uint32_t i = 0; i < HOST_ROWS; i++) {
		uint32_t prev = i / HOST_KINDS % (HOST_KINDS + 1);
		struct weir_row row = { i % HOST_KINDS, prev | (i & 64 ? WEIR_ROW_UDP_NEW : 0) };

		if (prev == HOST_KINDS)
			row.prev = WEIR_ROW_REST;
		if (all != HOST_KINDS)
			row = (struct weir_row){ all, WEIR_ROW_REST };
		host_row(i, row, i % 7 != 0); /* some as if their slot was large */
	}
	host_service(HOST_VIP4, 0, 0, 0);
	host_service(HOST_VIP6, 0, 0, 0);
	host_nat_service(HOST_VIP4, 443, 6, 1, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP4, 443, 17, 2, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP6, 443, 6, 3, HOST_NAT_ADDR6);
	host_nat_service(HOST_VIP6, 443, 17, 4, HOST_NAT_ADDR6);
	host_quic(HOST_VIP4, 2);
	host_quic(HOST_VIP6, 4);
	if (all != HOST_KINDS)
		return;
	host_count();
	host_steer();
}

#endif
