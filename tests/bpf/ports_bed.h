/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports_bed.h - for tests of local ports: services of either family and protocol whose one endpoint
 * sees all clients behind one address of ours. Include it once. */
#ifndef WEIR_TESTS_BPF_PORTS_BED_H
#define WEIR_TESTS_BPF_PORTS_BED_H

#include "nat_bed.h"

#define FIRST 20000
#define PORTS 30000

static const char *const source[2] = { "10.50.0.1", "2001:db8:50::1" };
static struct plane_service services[2][2]; /* by family, UDP */
static uint32_t slots[2];

static inline int setup(void **state)
{
	bed_reset(state);
	*plane->nat =
		(struct weir_nat_conf){ .first_port = FIRST,
					.n_ports = PORTS,
					.n_v4 = 1,
					.n_v6 = 1,
					.source = { pkt_addr(source[0]), pkt_addr(source[1]) } };
	for (int v6 = 0; v6 < 2; v6++) {
		slots[v6] = plane_add_nat(plane, WEIR_MODE_FULLNAT, endpoint[v6], EPORT, LO);
		for (int udp = 0; udp < 2; udp++) {
			services[v6][udp] =
				plane_add_service(plane, vip[v6], protos[udp], VPORT, 64);
			plane_set_rows(plane, &services[v6][udp], slots[v6], REST);
		}
	}
	return 0;
}

/* The flow of a client that has this number. */
static inline struct flow outside(int v6, uint8_t proto, uint32_t n)
{
	struct flow f = flow_of(proto, client[v6], (uint16_t)(CPORT + n / 200), vip[v6], VPORT);

	f.src.b[15] = (uint8_t)(1 + n % 200);
	return f;
}

/* The only entry of a client's flow; NULL: there is none. */
static inline struct weir_nat_flow *entry_of(const struct flow *f)
{
	struct weir_nat_flow *found = NULL;

	for (uint32_t i = 0; i < WEIR_NAT_BUCKETS * WEIR_NAT_WAYS; i++) {
		struct weir_nat_flow *e =
			&plane->nat_flows[i / WEIR_NAT_WAYS].way[i % WEIR_NAT_WAYS];

		if (!e->key || (uint16_t)(e->key >> 16) != htons(f->sport) ||
		    (e->key >> 52 & 1) != (f->proto == IPPROTO_UDP) ||
		    memcmp(&e->client, &f->src, sizeof(e->client)))
			continue;
		assert_null(found);
		found = e;
	}
	return found;
}

static inline uint32_t entries(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_NAT_BUCKETS * WEIR_NAT_WAYS; i++)
		n += plane->nat_flows[i / WEIR_NAT_WAYS].way[i % WEIR_NAT_WAYS].key != 0;
	return n;
}

/* As if so many seconds had passed since the flow's last packet, and a bit. */
static inline void silence(const struct flow *f, uint32_t seconds, int more_ticks)
{
	uint32_t ticks = seconds * plane->skel->rodata->weir_hz >> WEIR_NAT_TICK;

	entry_of(f)->seen -= (ticks + (uint32_t)more_ticks) << WEIR_NAT_FLAGS;
}

/* Sends a packet of a flow, which must get there; the flow as its endpoint sees it. */
static inline struct flow sends(const struct flow *f, uint8_t flags)
{
	struct pkt in = pkt_new(f, flags), out = expect(in, XDP_TX, WEIR_FORWARD), want;
	int v6 = v6_of(&in);
	struct flow seen = flow_of(f->proto, source[v6], pkt_get16(out.data + upper_at(&out)),
				   endpoint[v6], EPORT);

	assert_in_range(seen.sport, plane->nat->first_port,
			plane->nat->first_port + plane->nat->n_ports - 1);
	want = to_endpoint(translated(in, &seen), slots[v6]);
	same(&out, &want);
	return seen;
}

/* The endpoint answers: the flow's client gets it. */
static inline void answer(const struct flow *seen, const struct flow *f, uint8_t flags)
{
	struct flow in = back(seen), out = back(f);
	struct pkt p = pkt_new(&in, flags);

	expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY, to_client(translated(p, &out)));
}

static inline void establish(const struct flow *f)
{
	struct flow seen = sends(f, PKT_SYN);

	answer(&seen, f, PKT_SYN | PKT_ACK);
	sends(f, PKT_ACK);
}

static inline void refused(const struct flow *f, uint8_t flags)
{
	expect_untouched(pkt_new(f, flags), XDP_DROP, WEIR_DROP_NO_PORT);
}

#endif
