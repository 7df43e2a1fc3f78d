/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conns_bed.h - for tests of services whose open connections are counted. Include it once. */
#ifndef WEIR_TESTS_BPF_CONNS_BED_H
#define WEIR_TESTS_BPF_CONNS_BED_H

#include "bed.h"

#include "../lib/quic.h"

#define VIP     "192.0.2.1"
#define VIP6    "2001:db8::1"
#define CLIENT  "198.51.100.7"
#define ROWS    1024
#define COUNTED (WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED)
#define LEAST   (COUNTED | WEIR_SERVICE_LEAST)

static struct plane_service tcp, udp, tcp6;
static uint32_t a, b, c; /* endpoints */

static inline void set_flags(uint16_t flags)
{
	plane_set_flags(plane, &tcp, flags, (struct weir_special){ .group = 1 });
	plane_set_flags(plane, &udp, flags, (struct weir_special){ .group = 1 });
	plane_set_flags(plane, &tcp6, flags, (struct weir_special){ .group = 1 });
}

static inline void rows(uint32_t cur, uint32_t prev)
{
	plane_set_rows(plane, &tcp, cur, prev);
	plane_set_rows(plane, &udp, cur, prev);
	plane_set_rows(plane, &tcp6, cur, prev);
}

/* All rows name a, nobody has a limit, weights are equal. */
static inline int services(void **state)
{
	uint32_t *slot[] = { &a, &b, &c };

	bed_reset(state);
	tcp = plane_add_service(plane, VIP, IPPROTO_TCP, 443, ROWS);
	udp = plane_add_service(plane, VIP, IPPROTO_UDP, 443, ROWS);
	tcp6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, ROWS);
	for (int i = 0; i < 3; i++) {
		*slot[i] = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
		plane_set_conns(plane, *slot[i], 0, 100);
	}
	rows(a, REST);
	set_flags(COUNTED);
	return 0;
}

static inline struct flow flow(uint32_t n)
{
	struct flow f = flow_of(IPPROTO_TCP, CLIENT, (uint16_t)n, VIP, 443);

	f.src.b[14] = (uint8_t)(n >> 16);
	return f;
}

static inline struct flow datagrams(uint32_t n)
{
	struct flow f = flow(n);

	f.proto = IPPROTO_UDP;
	return f;
}

static inline void sends(const struct flow *f, uint8_t tcp_flags, enum weir_reason why,
			 uint32_t slot)
{
	expect_sent(pkt_new(f, tcp_flags), why, slot);
}

static inline void refused(const struct flow *f)
{
	expect_untouched(pkt_new(f, PKT_SYN), XDP_DROP, WEIR_DROP_FULL);
}

static inline void open_are(int32_t of_a, int32_t of_b)
{
	assert_int_equal(plane_open(plane, a), of_a);
	assert_int_equal(plane_open(plane, b), of_b);
}

static inline struct weir_flow *record(const struct flow *f)
{
	return plane_record(plane, f->proto == IPPROTO_TCP ? &tcp : &udp, f);
}

/* The nth row that a flow may have. */
static inline uint32_t other(const struct flow *f, uint32_t nth)
{
	uint64_t h = plane_hash(f);

	return tcp.base + ((uint32_t)h + nth * ((uint32_t)(h >> 16) | 1)) % ROWS;
}

static inline void was_silent(const struct flow *f, uint32_t seconds)
{
	uint32_t idle = plane_idle(plane) >> WEIR_FLOW_FLAGS;

	record(f)->seen -= idle * seconds / WEIR_FLOW_IDLE_S << WEIR_FLOW_FLAGS;
}

#define TEST(name) cmocka_unit_test_setup(name, services)

#endif
