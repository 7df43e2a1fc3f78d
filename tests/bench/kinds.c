/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kinds.c - the packets that are measured. Whoever adds a kind says here what it is, and in
 * harness.bpf.c what makes its packet again what it was. */
#include "kinds.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/quic.h"
#include "../lib/steering.h"
#include "compile/rendezvous.h"
#include "tests/bench/harness.skel.h"
#include "weir.skel.h"

#define CLIENT4 "100.64.0.1"
#define CLIENT6 "2001:db8:c::1"
#define VIP4    "192.0.2.1"
#define VIP6    "2001:db8::1"

#define SERVER_ID_BYTES 4

static struct pkt of(uint8_t proto, const char *src, const char *dst, uint8_t flags)
{
	struct flow f = flow_of(proto, src, 1024, dst, 443);

	return pkt_payload(pkt_new(&f, flags), 8);
}

static struct pkt data4(void)
{
	return of(IPPROTO_TCP, CLIENT4, VIP4, PKT_ACK);
}

static struct pkt data6(void)
{
	return of(IPPROTO_TCP, CLIENT6, VIP6, PKT_ACK);
}

static struct pkt syn4(void)
{
	return of(IPPROTO_TCP, CLIENT4, VIP4, PKT_SYN);
}

static struct pkt udp4(void)
{
	return of(IPPROTO_UDP, CLIENT4, VIP4, 0);
}

/* Of a connection to the last endpoint, by its id. */
static struct pkt quic4(void)
{
	struct flow f = flow_of(IPPROTO_UDP, CLIENT4, 1024, VIP4, 443);

	return quic_packet(&f, QUIC_FORM_SHORT, quic_cid(0, BENCH_ENDPOINTS, SERVER_ID_BYTES, 1));
}

static struct pkt foreign4(void)
{
	return of(IPPROTO_TCP, CLIENT4, "198.51.100.1", PKT_ACK);
}

static struct pkt reply4(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.1.1.1", BENCH_ENDPOINT_PORT, CLIENT4, 1024);

	return pkt_payload(pkt_new(&f, PKT_ACK), 8);
}

/* From a router about a packet of an endpoint to its client: fragmentation needed, too big. */
static struct pkt icmp(uint8_t proto, const char *router, struct pkt about, uint8_t type)
{
	int v6 = proto == IPPROTO_ICMPV6;
	uint32_t at = v6 ? 62 : 42, quoted = at - 22 + 8; /* the IP header and 8 bytes */
	struct flow f = flow_of(proto, router, 0, v6 ? VIP6 : VIP4, 0);
	struct pkt p = pkt_payload(pkt_new(&f, 0), 64);

	p.data[at - 8] = type;
	p.data[at - 7] = v6 ? 0 : 4;
	memcpy(p.data + at, about.data + 14, quoted);
	return p;
}

static struct pkt icmp4(void)
{
	return icmp(IPPROTO_ICMP, "203.0.113.99", of(IPPROTO_TCP, VIP4, CLIENT4, PKT_ACK), 3);
}

static struct pkt icmp6(void)
{
	return icmp(IPPROTO_ICMPV6, "2001:db8:99::9", of(IPPROTO_TCP, VIP6, CLIENT6, PKT_ACK), 2);
}

#define LEAST4        .least = "least-ipip4", .growth = 20
#define LEAST6        .least = "least-ipip6", .growth = 40
#define SERVES4(what) .target = WEIR, .proto = IPPROTO_##what
#define SERVES6(what) SERVES4(what), .v6 = 1

/* What is held against each other is measured close to each other. */
const struct kind kinds[] = {
	{ "least-ipip4", .target = LEAST_V4, .packet = data4, .growth = 20 },
	{ "least-balancer4", .target = LEAST_BALANCER, .packet = data4, LEAST4,
	  .proto = IPPROTO_TCP },
	{ "tcp4-data", .packet = data4, LEAST4, SERVES4(TCP) },
	{ "gue4-data", .packet = data4, .least = "least-ipip4", .growth = 28, SERVES4(TCP),
	  .mode = WEIR_MODE_GUE },
	{ "least-ipip6", .target = LEAST_V6, .packet = data6, .growth = 40 },
	{ "tcp6-data", .packet = data6, LEAST6, SERVES6(TCP) },
	{ "gue6-data", .packet = data6, .least = "least-ipip6", .growth = 48, SERVES6(TCP),
	  .mode = WEIR_MODE_GUE },
	{ "nat4-data", .packet = data4, .least = "least-ipip4", SERVES4(TCP), .mode = WEIR_MODE_NAT,
	  .nat = 1 },
	{ "nat4-reply", .packet = reply4, .least = "least-ipip4", SERVES4(TCP),
	  .mode = WEIR_MODE_NAT, .nat = 1, .vary = VARY_REPLY, .why = WEIR_FORWARD_NAT_REPLY },
	{ "tcp4-recorded", .packet = data4, LEAST4, SERVES4(TCP), .flows = RECORDED,
	  .why = WEIR_FORWARD_FLOW },
	{ "tcp6-recorded", .packet = data6, LEAST6, SERVES6(TCP), .flows = RECORDED,
	  .why = WEIR_FORWARD_FLOW },
	{ "tcp4-syn", .packet = syn4, LEAST4, SERVES4(TCP) },
	{ "tcp4-syn-recorded", .packet = syn4, LEAST4, SERVES4(TCP), .flows = EACH_NEW },
	{ "tcp4-counted", .packet = data4, LEAST4, SERVES4(TCP), .flows = RECORDED, .counted = 1,
	  .why = WEIR_FORWARD_FLOW },
	{ "tcp4-syn-counted", .packet = syn4, LEAST4, SERVES4(TCP), .flows = EACH_NEW,
	  .counted = 1 },
	{ "tcp4-steered", .packet = data4, LEAST4, SERVES4(TCP), .steered = 1 },
	{ "tcp4-placed", .packet = data4, LEAST4, SERVES4(TCP), .steered = 2 },
	{ "udp4", .packet = udp4, LEAST4, SERVES4(UDP) },
	{ "quic4-by-id", .packet = quic4, LEAST4, SERVES4(UDP), .why = WEIR_FORWARD_QUIC },
	{ "icmp4-error", .packet = icmp4, LEAST4, SERVES4(TCP), .vary = VARY_QUOTED,
	  .why = WEIR_FORWARD_ICMP },
	{ "icmp6-error", .packet = icmp6, LEAST6, SERVES6(TCP), .vary = VARY_QUOTED,
	  .why = WEIR_FORWARD_ICMP },
	{ "not-for-us", .packet = foreign4, .least = "least-ipip4", SERVES4(TCP),
	  .why = WEIR_PASS_NOT_OURS },
	{ "not-for-us-nat", .packet = foreign4, .least = "least-ipip4", SERVES4(TCP), .nat = 1,
	  .why = WEIR_PASS_NOT_OURS },
};
const uint32_t n_kinds = sizeof(kinds) / sizeof(kinds[0]);

const struct bar bars[] = {
	{ "tcp4-data", 1, "least-ipip4", 1, 2 },
	{ "tcp6-data", 1, "least-ipip6", 1, 2 },
	{ "tcp4-data", 1 << 20, "tcp4-data", 1, 1.3 },
	{ "tcp6-data", 1 << 20, "tcp6-data", 1, 1.3 },
	{ "tcp4-syn-recorded", 0, NULL, 0, 150 },
	{ "gue4-data", 0, "tcp4-data", 0, 1.3 },
	{ "gue6-data", 0, "tcp6-data", 0, 1.3 },
	{ "not-for-us", 0, NULL, 0, 5 },
};
const uint32_t n_bars = sizeof(bars) / sizeof(bars[0]);

static void set_nat(struct weir_bpf *skel)
{
	skel->rodata->weir_features = WEIR_FEATURE_NAT;
}

/* Clients are behind 172.16.0.2. */
void kind_planes(struct plane *planes[2])
{
	static const char network[] =
		"sysctl -qw net.ipv4.conf.all.forwarding=1 && ip link set plane1 up && "
		"ip link set plane0 up && ip addr add 172.16.0.1/24 dev plane0 && "
		"ip neigh add 172.16.0.2 lladdr 06:00:00:00:00:02 dev plane0 nud permanent && "
		"ip route add 100.64.0.0/10 via 172.16.0.2";
	uint32_t ifindex = plane_namespace();

	if (system(network)) {
		fprintf(stderr, "bench_packet: no network can be made\n");
		exit(1);
	}
	for (int nat = 0; nat < 2; nat++) {
		planes[nat] = plane_load_with(nat ? set_nat : NULL);
		plane_add_device(planes[nat], ifindex);
	}
}

static uint32_t add_endpoints(struct plane *p, const struct kind *k, uint32_t vip)
{
	uint32_t first = p->next_endpoint;
	char addr[48];

	for (uint32_t e = 1; e <= BENCH_ENDPOINTS; e++) {
		snprintf(addr, sizeof(addr), k->v6 ? "2001:db8:%x::%x" : "10.%u.1.%u", vip, e);
		if (k->mode == WEIR_MODE_NAT)
			plane_add_nat(p, k->mode, addr, BENCH_ENDPOINT_PORT, 1);
		else
			plane_add_endpoint(p, k->mode, k->v6 ? "2001:db8:ff::1" : "10.255.0.1",
					   addr, 1);
	}
	return first;
}

/* The services must be there, and what is there is looked for at length: only where needed. */
static void add_replies(struct plane *p, const struct kind *k, const char *vip, uint32_t v)
{
	char addr[48];

	for (uint32_t e = 1; k->vary == VARY_REPLY && e <= BENCH_ENDPOINTS; e++) {
		snprintf(addr, sizeof(addr), "10.%u.1.%u", v, e);
		plane_add_reverse(p, addr, BENCH_ENDPOINT_PORT, k->proto, vip, 443);
	}
}

/* Server id n is the nth endpoint's. */
static void name_endpoints(struct plane *p, const struct plane_service *s, uint32_t first)
{
	plane_set_flags(p, s, WEIR_SERVICE_QUIC,
			(struct weir_special){ .group = s->id, .id_bytes = SERVER_ID_BYTES });
	for (uint32_t n = 1; n <= BENCH_ENDPOINTS; n++)
		plane_add_server_id(p, s->id, 0, SERVER_ID_BYTES, n, first + n - 1);
}

/* Nobody is ever full. */
static void count_endpoints(struct plane *p, const struct plane_service *s, uint32_t first)
{
	plane_set_flags(p, s, WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_WATCH,
			(struct weir_special){ .group = s->id });
	for (uint32_t n = 0; n < BENCH_ENDPOINTS; n++)
		plane_set_conns(p, first + n, UINT32_MAX / 2, 100);
}

/* All ways lead to the one table. With places, each /24 of clients is at a location. */
static void steer_clients(struct plane *p, const struct kind *k, const struct plane_service *s)
{
	uint32_t first = s->id * WEIR_STEER_SLICES;
	char addr[48];

	plane_set_flags(p, s, WEIR_SERVICE_STEER | WEIR_SERVICE_WATCH,
			(struct weir_special){
				.group = s->id,
				.steer = { first | WEIR_STEER_SLICED,
					   k->steered == 2 ? 0 : WEIR_STEER_ONE_CLASS },
			});
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		p->ways[first + i] = (struct weir_way){ plane_table(s), WEIR_WAY_REST };
	for (uint32_t i = 0; s->id == 1 && k->steered == 2 && i < 1 << 14; i++) {
		snprintf(addr, sizeof(addr), "100.%u.%u.0", 64 + i / 256, i % 256);
		plane_add_place(p, addr, 24, 1 + i % 250);
	}
}

void kind_load(const struct kind *k, struct plane *p)
{
	uint32_t size = weir_rendezvous_size(BENCH_ENDPOINTS); /* as the agent makes them */
	char vip[48];

	plane_reset(p);
	for (uint32_t v = 1; v <= BENCH_VIPS; v++) {
		struct plane_service s;
		uint32_t first;

		snprintf(vip, sizeof(vip), k->v6 ? "2001:db8::%u" : "192.0.2.%u", v);
		s = plane_add_service(p, vip, k->proto, 443, size);
		first = add_endpoints(p, k, v);
		for (uint32_t r = 0; r < s.size; r++)
			plane_set_row(p, s.base + r, first + r % BENCH_ENDPOINTS,
				      k->flows == AT_REST || k->counted
					      ? WEIR_ROW_REST
					      : first + (r + 1) % BENCH_ENDPOINTS);
		add_replies(p, k, vip, v);
		if (k->proto == IPPROTO_TCP) /* as every balancer is, unless it says otherwise */
			plane_set_flags(p, &s, WEIR_SERVICE_WATCH, (struct weir_special){ 0 });
		if (k->why == WEIR_FORWARD_QUIC)
			name_endpoints(p, &s, first);
		if (k->counted)
			count_endpoints(p, &s, first);
		if (k->steered)
			steer_clients(p, k, &s);
	}
}

struct harness_bpf *kind_harness(const struct plane *p)
{
	struct harness_bpf *h = harness_bpf__open();

	assert(h);
	memcpy((void *)h->rodata->weir_hash_key, (const void *)p->skel->rodata->weir_hash_key,
	       sizeof(h->rodata->weir_hash_key));
	memcpy((void *)&h->rodata->weir_hash_v4, (const void *)&p->skel->rodata->weir_hash_v4,
	       sizeof(h->rodata->weir_hash_v4));
	if (bpf_map__reuse_fd(h->maps.weir_services, bpf_map__fd(p->skel->maps.weir_services)) ||
	    bpf_map__reuse_fd(h->maps.weir_rest, bpf_map__fd(p->skel->maps.weir_rest)) ||
	    bpf_map__reuse_fd(h->maps.weir_endpoints, bpf_map__fd(p->skel->maps.weir_endpoints)) ||
	    bpf_map__reuse_fd(h->maps.weir_endpoint_counts,
			      bpf_map__fd(p->skel->maps.weir_endpoint_counts)) ||
	    harness_bpf__load(h)) {
		fprintf(stderr, "bench: the kernel does not take the harness\n");
		exit(1);
	}
	return h;
}
