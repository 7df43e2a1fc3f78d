/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer_bed.h - what the tests of services that tell their clients apart share: services of one
 * load balancer, and tables whose rows all name one endpoint. Include it once. */
#ifndef WEIR_TESTS_BPF_STEER_BED_H
#define WEIR_TESTS_BPF_STEER_BED_H

#include "bed.h"

#include "../lib/steering.h"

#define VIP      "192.0.2.1"
#define VIP6     "2001:db8::1"
#define GROUP    7
#define ROWS     1024
#define CLASSES  100  /* where those of the services begin: in the middle of a word */
#define WAYS     3000 /* and their ways */
#define SESSIONS WEIR_WAY_SESSIONS
#define UDP_NEW  WEIR_WAY_UDP_NEW

enum service {
	TCP,
	UDP,
	TCP6,
	SERVICES
};
static struct plane_service service[SERVICES], table_a, table_b, table_c;
static uint32_t a, b, c, in_a, in_b, in_c; /* endpoints, and the tables that name them */

static inline void configure(uint16_t flags, uint32_t ways, uint32_t classes)
{
	struct weir_special s = { .group = GROUP, .hold = 1000, .sources = 1 };

	s.steer = (struct weir_steer_ref){ WAYS | ways, classes };
	for (int i = 0; i < SERVICES; i++)
		plane_set_flags(plane, &service[i], WEIR_SERVICE_STEER | flags, s);
}

static inline struct plane_service table_of(const char *vip, uint32_t endpoint)
{
	struct plane_service s = plane_add_service(plane, vip, IPPROTO_TCP, 1, ROWS);

	plane_set_rows(plane, &s, endpoint, REST);
	return s;
}

static inline void way(uint32_t nth, uint32_t cur, uint32_t prev)
{
	plane->ways[WAYS + nth] = (struct weir_way){ cur, prev };
}

/* One class that is not sliced; its way is a's. */
static inline int services(void **state)
{
	bed_reset(state);
	service[TCP] = plane_add_service(plane, VIP, IPPROTO_TCP, 443, ROWS);
	service[UDP] = plane_add_service(plane, VIP, IPPROTO_UDP, 443, ROWS);
	service[TCP6] = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, ROWS);
	a = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.2", LO);
	c = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	table_a = table_of("192.0.2.65", a);
	table_b = table_of("192.0.2.66", b);
	table_c = table_of("192.0.2.67", c);
	in_a = plane_table(&table_a);
	in_b = plane_table(&table_b);
	in_c = plane_table(&table_c);
	configure(0, 0, WEIR_STEER_ONE_CLASS);
	way(0, in_a, REST);
	return 0;
}

static inline int sticky(void **state)
{
	services(state);
	configure(WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY, 0, WEIR_STEER_ONE_CLASS);
	return 0;
}

static inline struct flow client(enum service to, const char *from, uint16_t port)
{
	return flow_of(to == UDP ? IPPROTO_UDP : IPPROTO_TCP, from, port, to == TCP6 ? VIP6 : VIP,
		       443);
}

static inline void syn(struct flow f, enum weir_reason why, uint32_t slot)
{
	expect_sent(pkt_new(&f, PKT_SYN), why, slot);
}

/* A later segment, or a datagram. */
static inline void data(struct flow f, enum weir_reason why, uint32_t slot)
{
	expect_sent(pkt_new(&f, PKT_ACK), why, slot);
}

static inline uint32_t n_records(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			n += plane->flows[i].way[w].key != 0;
	return n;
}

#endif
