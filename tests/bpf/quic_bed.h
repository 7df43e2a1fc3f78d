/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic_bed.h - what the tests of QUIC services share: one over each family, endpoints with names
 * and one without, and packets of their connections. */
#ifndef WEIR_TESTS_BPF_QUIC_BED_H
#define WEIR_TESTS_BPF_QUIC_BED_H

#include "bed.h"

#include "../lib/quic.h"

#define VIP      "192.0.2.1"
#define VIP6     "2001:db8::1"
#define GROUP    7
#define ROTATION 2
#define BYTES    3
#define ID_A     0x0a0b0c
#define ID_B     0xfffefd
#define NOBODYS  0x0a0b0d

static struct plane_service quic, quic6;
static uint32_t a, b, c; /* endpoints; c has no id */

static inline void configure(uint16_t more, uint8_t bytes)
{
	struct weir_special s = { .group = GROUP,
				  .id_bytes = (uint32_t)bytes << 4 * ROTATION,
				  .sources = 1,
				  .hold = 1000 };

	plane_set_flags(plane, &quic, WEIR_SERVICE_QUIC | more, s);
	plane_set_flags(plane, &quic6, WEIR_SERVICE_QUIC | more, s);
}

static inline void rows(uint32_t cur, uint32_t prev)
{
	plane_set_rows(plane, &quic, cur, prev);
	plane_set_rows(plane, &quic6, cur, prev);
}

/* Rows at rest name c. */
static inline int services(void **state)
{
	bed_reset(state);
	quic = plane_add_service(plane, VIP, IPPROTO_UDP, 443, 1024);
	quic6 = plane_add_service(plane, VIP6, IPPROTO_UDP, 443, 1024);
	a = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.2", LO);
	c = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	configure(0, BYTES);
	plane_add_server_id(plane, GROUP, ROTATION, BYTES, ID_A, a);
	plane_add_server_id(plane, GROUP, ROTATION, BYTES, ID_B, b);
	rows(c, REST);
	return 0;
}

static inline struct flow client(uint8_t n)
{
	struct flow f = flow_of(IPPROTO_UDP, "198.51.100.0", (uint16_t)(4000 + n), VIP, 443);

	f.src.b[15] = n;
	return f;
}

static inline struct flow client6(uint8_t n)
{
	struct flow f = flow_of(IPPROTO_UDP, "2001:db8:7::", (uint16_t)(4000 + n), VIP6, 443);

	f.src.b[15] = n;
	return f;
}

static inline struct quic_cid naming(uint64_t server)
{
	return quic_cid(ROTATION, server, BYTES, 0x5a);
}

/* What a client makes up: another rotation. */
static inline struct quic_cid made_up(void)
{
	return quic_cid(ROTATION ^ 1, ID_A, BYTES, 0x5a);
}

static inline struct pkt packet(uint8_t n, enum quic_form form, struct quic_cid cid)
{
	struct flow f = client(n);

	return quic_packet(&f, form, cid);
}

static inline void by_id(struct pkt p, uint32_t slot)
{
	expect_sent(p, WEIR_FORWARD_QUIC, slot);
}

static inline void by_row(struct pkt p)
{
	expect_sent(p, WEIR_FORWARD, c);
}

#define TEST(name) cmocka_unit_test_setup(name, services)

#endif
