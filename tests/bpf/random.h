/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.h - a small world and random packets for it, the same in every run: for programs that are
 * held against each other. */
#ifndef WEIR_TESTS_BPF_RANDOM_H
#define WEIR_TESTS_BPF_RANDOM_H

#include <stdbool.h>

#include "bed.h"

#include "../lib/quic.h"

#define ROWS    64
#define CLIENTS 40

enum {
	NONE,
	V4,
	V6,
	L2,
	LOST, /* no next hop */
	DEAD,
	KINDS
}; /* endpoint slots by kind */

static const char *const vips[] = { "192.0.2.1", "2001:db8::1" };
static struct plane_service services[2][2]; /* by family, UDP */
static uint64_t seed = 20261128;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* --- what there is --- */

static void make_world(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		services[v6][0] = plane_add_service(plane, vips[v6], IPPROTO_TCP, 443, ROWS);
		services[v6][1] = plane_add_service(plane, vips[v6], IPPROTO_UDP, 443, ROWS);
	}
	plane_set_flags(
		plane, &services[1][0],
		WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY | WEIR_SERVICE_RATE,
		(struct weir_special){ .group = 1, .hold = 9, .rate = 1, .burst = 1000000 });
	for (uint32_t kind = V4; kind < KINDS; kind++)
		plane_add_server_id(plane, 2, 0, 1, kind, kind);
	for (uint32_t kind = V4; kind < KINDS; kind++)
		plane_add_endpoint(plane, kind == L2 ? WEIR_MODE_L2 : WEIR_MODE_IPIP,
				   kind == V6 ? "2001:db8:9::9" : "10.0.0.9",
				   kind == V6 ? "2001:db8:9::1" : "10.0.0.1",
				   kind == LOST ? 0 : LO);
	plane->endpoints[DEAD].state = 0;
	for (int v6 = 0; v6 < 2; v6++)
		plane_set_flags(plane, &services[v6][1],
				(v6 ? 0 : WEIR_SERVICE_QUIC) | WEIR_SERVICE_COUNTED |
					WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST,
				(struct weir_special){ .group = 2, .id_bytes = 1 });
	for (uint32_t kind = V4; kind < KINDS; kind++)
		plane_set_conns(plane, kind, 5 * kind, (uint16_t)kind);
}

static void reshape(void)
{
	const struct plane_service *s = &services[roll(2)][roll(2)];
	uint32_t prev = roll(3) ? roll(KINDS) | (roll(2) ? WEIR_ROW_UDP_NEW : 0) : REST;

	plane_set_row(plane, s->base + roll(s->size), roll(KINDS), prev);
}

static struct flow random_flow(void)
{
	int v6 = (int)roll(2);
	uint32_t n = roll(CLIENTS);

	return flow_of(roll(2) ? IPPROTO_TCP : IPPROTO_UDP, v6 ? "2001:db8:7::7" : "198.51.100.7",
		       (uint16_t)(4000 + n), vips[v6], n % 8 ? 443 : 444);
}

/* An error about a packet of this flow that its endpoint sent. */
static struct pkt random_error(const struct flow *f)
{
	bool v6 = f->src.b[0] != 0;
	struct flow back = { f->dst, f->src, f->dport, f->sport, f->proto }, icmp = *f;
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;
	uint32_t at = v6 ? 14 + 40 + 8 : 14 + 20 + 8;

	icmp.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[at - 8] = v6 ? 1 : 3;
	memcpy(p.data + at, quoted.data + 14, v6 ? 48 : 28);
	return p;
}

static struct pkt random_packet(void)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_ACK, PKT_FIN | PKT_ACK, PKT_SYN | PKT_ACK };
	struct flow f = random_flow();
	struct pkt p = pkt_new(&f, flags[roll(4)]);
	bool v6 = f.src.b[0] != 0;

	if (f.proto == IPPROTO_UDP && roll(2))
		p = quic_packet(&f, (enum quic_form)roll(5),
				quic_cid((uint8_t)roll(2), roll(KINDS), 1, 7));
	switch (roll(11)) {
	case 0:
		return v6 ? pkt_extension(p, (uint8_t)roll(140)) : pkt_options(p, 4 * roll(11));
	case 1:
		return pkt_fragment(p, (uint16_t)(roll(2) * roll(100)), (int)roll(2));
	case 2:
		return pkt_vlan(p, 7);
	case 3:
		return pkt_cut(p, 14 + roll(p.len - 14));
	case 4:
		return pkt_byte(p, 12 + roll(p.len - 12), (int)roll(256));
	case 5:
		return random_error(&f);
	case 6:
		f.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		return pkt_new(&f, 0);
	}
	return p;
}

#endif
