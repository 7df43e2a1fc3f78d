/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a forwarded packet looks like, byte by byte, and when it cannot be forwarded. */
#include <stdbool.h>

#include "bed.h"

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8::1"
#define OWN4 "10.1.2.3"
#define OWN6 "2001:db8:1::3"
#define FAR4 "10.9.8.7"
#define FAR6 "2001:db8:9::7"

static struct plane_service s4, s6;

static int services(void **state)
{
	bed_reset(state);
	s4 = plane_add_service(plane, VIP4, IPPROTO_TCP, 443, 4096);
	s6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, 4096);
	return 0;
}

static uint32_t serve(enum weir_mode mode, const char *own, const char *far, uint32_t ifindex)
{
	uint32_t slot = plane_add_endpoint(plane, mode, own, far, ifindex);

	plane_set_rows(plane, &s4, slot, REST);
	plane_set_rows(plane, &s6, slot, REST);
	return slot;
}

static const struct flow *flow_to(int v6)
{
	static struct flow f[2];

	f[0] = flow_of(IPPROTO_TCP, "198.51.100.7", 40000, VIP4, 443);
	f[1] = flow_of(IPPROTO_TCP, "2001:db8:7::7", 40000, VIP6, 443);
	return &f[v6];
}

static struct pkt data4(void)
{
	return pkt_new(flow_to(0), PKT_ACK);
}

static struct pkt data6(void)
{
	return pkt_new(flow_to(1), PKT_ACK);
}

static void put_macs(uint8_t *frame, uint32_t slot)
{
	plane_mac(slot, 0, frame);
	plane_mac(slot, 1, frame + 6);
}

static bool is_v6(const struct pkt *p)
{
	return p->data[14] >> 4 == 6;
}

/* DSCP and ECN. */
static uint8_t tos(const struct pkt *p)
{
	return is_v6(p) ? (uint8_t)(pkt_get16(p->data + 14) >> 4) : p->data[15];
}

/* The frame that must leave for in, built from the RFCs: 2003 and 4213 (IPv4 outside). */
static struct pkt in_ip4(const struct pkt *in, uint32_t slot, uint32_t ip_len, uint8_t proto,
			 const char *own, const char *far)
{
	union weir_addr src = pkt_addr(own), dst = pkt_addr(far);
	struct pkt p = { .len = in->len + 20 };
	uint8_t *ip = p.data + 14;

	put_macs(p.data, slot);
	pkt_put16(p.data + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = tos(in);
	pkt_put16(ip + 2, (uint16_t)(ip_len + 20));
	pkt_put16(ip + 6, 0x4000); /* DF */
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, src.b + 12, 4);
	memcpy(ip + 16, dst.b + 12, 4);
	pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	memcpy(p.data + 34, in->data + 14, in->len - 14);
	return p;
}

/* RFC 2473: IPv6 outside; the flow label is of the flow's hash. */
static struct pkt in_ip6(const struct pkt *in, uint32_t slot, uint32_t ip_len, uint8_t proto,
			 const char *own, const char *far)
{
	union weir_addr src = pkt_addr(own), dst = pkt_addr(far);
	uint32_t label = plane_hash(flow_to(is_v6(in))) >> 32 & 0xfffff;
	struct pkt p = { .len = in->len + 40 };
	uint8_t *ip = p.data + 14;

	put_macs(p.data, slot);
	pkt_put16(p.data + 12, 0x86dd);
	pkt_put16(ip, (uint16_t)(0x6000 | tos(in) << 4 | label >> 16));
	pkt_put16(ip + 2, (uint16_t)label);
	pkt_put16(ip + 4, (uint16_t)ip_len);
	ip[6] = proto;
	ip[7] = 64;
	memcpy(ip + 8, src.b, 16);
	memcpy(ip + 24, dst.b, 16);
	memcpy(p.data + 54, in->data + 14, in->len - 14);
	return p;
}

static void leaves_as(struct pkt in, struct pkt want)
{
	struct pkt out = expect(in, XDP_TX, WEIR_FORWARD);

	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.data, want.data, want.len);
}

static void ipv4_travels_in_ipv4(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	struct pkt in = data4();

	(void)state;
	leaves_as(in, in_ip4(&in, slot, in.len - 14, 4, OWN4, FAR4));
}

static void ipv6_travels_in_ipv4(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	struct pkt in = data6();

	(void)state;
	leaves_as(in, in_ip4(&in, slot, in.len - 14, 41, OWN4, FAR4));
}

static void ipv4_travels_in_ipv6(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN6, FAR6, LO);
	struct pkt in = data4();

	(void)state;
	leaves_as(in, in_ip6(&in, slot, in.len - 14, 4, OWN6, FAR6));
}

static void ipv6_travels_in_ipv6(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN6, FAR6, LO);
	struct pkt in = data6();

	(void)state;
	leaves_as(in, in_ip6(&in, slot, in.len - 14, 41, OWN6, FAR6));
}

static void every_length_is_encapsulated_exactly(void **state)
{
	uint32_t v4 = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	uint32_t v6 = plane_add_endpoint(plane, WEIR_MODE_IPIP, OWN6, FAR6, LO);

	(void)state;
	plane_set_rows(plane, &s6, v6, REST);
	for (uint32_t more = 0; more <= 1450; more++) {
		struct pkt in4 = pkt_payload(data4(), more), in6 = pkt_payload(data6(), more);

		leaves_as(in4, in_ip4(&in4, v4, in4.len - 14, 4, OWN4, FAR4));
		leaves_as(in6, in_ip6(&in6, v6, in6.len - 14, 41, OWN6, FAR6));
	}
}

/* Checksums whose sum carries more than once, and those that come out as 0 or 0xffff, too. */
static void the_outer_checksum_is_right_for_any_addresses(void **state)
{
	char own[32], far[32];

	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		struct pkt in = pkt_payload(i & 1 ? data4() : data6(), (uint32_t)rand() % 1400);
		struct pkt out;

		snprintf(own, sizeof(own), "%d.%d.255.255", rand() % 256, rand() % 256);
		snprintf(far, sizeof(far), "255.255.%d.%d", rand() % 256, rand() % 256);
		serve(WEIR_MODE_IPIP, own, far, LO);
		out = expect(in, XDP_TX, WEIR_FORWARD);
		assert_int_equal(pkt_checksum(out.data + 14, 20, 0), 0);
	}
}

static void dscp_and_ecn_are_copied_outside(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t slot = serve(WEIR_MODE_IPIP, v6 ? OWN6 : OWN4, v6 ? FAR6 : FAR4, LO);

		for (int t = 0; t < 256; t++) {
			struct pkt in4 = pkt_byte(data4(), 15, t), in6 = data6();

			pkt_put16(in6.data + 14, (uint16_t)(0x6000 | t << 4));
			assert_int_equal(tos(&in6), t);
			leaves_as(in4, v6 ? in_ip6(&in4, slot, in4.len - 14, 4, OWN6, FAR6)
					  : in_ip4(&in4, slot, in4.len - 14, 4, OWN4, FAR4));
			leaves_as(in6, v6 ? in_ip6(&in6, slot, in6.len - 14, 41, OWN6, FAR6)
					  : in_ip4(&in6, slot, in6.len - 14, 41, OWN4, FAR4));
		}
	}
}

static void direct_return_changes_the_mac_addresses_only(void **state)
{
	uint32_t slot = serve(WEIR_MODE_L2, OWN4, FAR4, LO);
	struct pkt kinds[] = { data4(), data6(), pkt_options(data4(), 12), pkt_pad(data4(), 90) };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct pkt want = kinds[i];

		put_macs(want.data, slot);
		leaves_as(kinds[i], want);
	}
}

static void ip_options_stay_in_the_inner_packet(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	struct pkt in = pkt_options(data4(), 40);

	(void)state;
	leaves_as(in, in_ip4(&in, slot, in.len - 14, 4, OWN4, FAR4));
}

static void ethernet_padding_is_not_counted_into_the_tunnel(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	struct pkt ack = data4(), in;

	(void)state;
	pkt_put16(ack.data + 16, 40); /* no payload: the shortest segment, in the shortest frame */
	pkt_put16(ack.data + 24, 0);
	pkt_put16(ack.data + 24, pkt_checksum(ack.data + 14, 20, 0));
	in = pkt_pad(pkt_cut(ack, 54), 60);
	leaves_as(in, in_ip4(&in, slot, 40, 4, OWN4, FAR4));
	slot = serve(WEIR_MODE_IPIP, OWN6, FAR6, LO);
	leaves_as(in, in_ip6(&in, slot, 40, 4, OWN6, FAR6));
	in = pkt_pad(data6(), 200);
	leaves_as(in, in_ip6(&in, slot, data6().len - 14, 41, OWN6, FAR6));
}

static void another_interface_is_reached_by_redirect(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, OTHER);
	struct pkt in = data4(), want = in_ip4(&in, slot, in.len - 14, 4, OWN4, FAR4), out;

	(void)state;
	out = expect(in, XDP_REDIRECT, WEIR_FORWARD);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.data, want.data, want.len);
	serve(WEIR_MODE_L2, OWN4, FAR4, OTHER);
	expect(in, XDP_REDIRECT, WEIR_FORWARD);
}

static void without_its_interface_a_packet_is_dropped(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, OTHER + 1);

	(void)state;
	expect(data4(), XDP_DROP, WEIR_DROP_NO_DEVICE);
	assert_int_equal(plane_stats(plane, slot).packets, 0);
}

static void without_an_endpoint_a_packet_is_dropped(void **state)
{
	(void)state;
	expect_untouched(data4(), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	expect_untouched(data6(), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	plane_set_rows(plane, &s4, WEIR_MAX_ENDPOINTS, REST); /* no slot: never written */
	expect_untouched(data4(), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	assert_int_equal(plane_stats(plane, WEIR_NO_ENDPOINT).packets, 0);
}

static void without_a_next_hop_a_packet_is_dropped(void **state)
{
	uint32_t slot;

	(void)state;
	slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, 0);
	expect_untouched(data4(), XDP_DROP, WEIR_DROP_NO_NEXT_HOP);
	assert_int_equal(plane_stats(plane, slot).packets, 0);
	serve(WEIR_MODE_IPIP, OWN6, FAR6, 0);
	expect_untouched(data6(), XDP_DROP, WEIR_DROP_NO_NEXT_HOP);
	serve(WEIR_MODE_L2, OWN4, FAR4, 0);
	expect_untouched(data4(), XDP_DROP, WEIR_DROP_NO_NEXT_HOP);
	plane->endpoints[plane->next_endpoint - 1].ifindex = LO;
	expect(data4(), XDP_TX, WEIR_FORWARD);
}

static void an_endpoint_counts_packets_bytes_and_connections(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, OWN4, FAR4, LO), bytes = 0;
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 40000, VIP4, 443);
	struct flow g = flow_of(IPPROTO_TCP, "2001:db8:7::7", 40000, VIP6, 443);
	struct pkt all[] = {
		pkt_new(&f, PKT_SYN),
		pkt_new(&f, PKT_ACK),
		pkt_payload(pkt_new(&f, PKT_ACK | PKT_PSH), 900),
		pkt_new(&f, PKT_SYN | PKT_ACK), /* not a first segment */
		pkt_new(&f, PKT_FIN | PKT_ACK),
		pkt_new(&g, PKT_SYN),
		pkt_pad(pkt_new(&g, PKT_RST), 100),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		bytes += all[i].len;
		expect(all[i], XDP_TX, WEIR_FORWARD);
	}
	assert_int_equal(plane_stats(plane, slot).packets, sizeof(all) / sizeof(*all));
	assert_int_equal(plane_stats(plane, slot).bytes, bytes);
	assert_int_equal(plane_stats(plane, slot).connections, 2);
	assert_int_equal(plane_stats(plane, slot + 1).packets, 0);
}

static void tcp_options_and_checksums_are_of_no_concern(void **state)
{
	struct pkt p = data4();

	(void)state;
	serve(WEIR_MODE_IPIP, OWN4, FAR4, LO);
	p.data[24] ^= 0xff; /* the IP checksum: the endpoint will judge */
	p.data[50] ^= 0xff;
	expect(p, XDP_TX, WEIR_FORWARD);
	for (int offset = 0; offset < 256; offset++)
		expect(pkt_byte(p, 14 + 20 + 12, offset), XDP_TX, WEIR_FORWARD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(ipv4_travels_in_ipv4),
		TEST(ipv6_travels_in_ipv4),
		TEST(ipv4_travels_in_ipv6),
		TEST(ipv6_travels_in_ipv6),
		TEST(every_length_is_encapsulated_exactly),
		TEST(the_outer_checksum_is_right_for_any_addresses),
		TEST(dscp_and_ecn_are_copied_outside),
		TEST(direct_return_changes_the_mac_addresses_only),
		TEST(ip_options_stay_in_the_inner_packet),
		TEST(ethernet_padding_is_not_counted_into_the_tunnel),
		TEST(another_interface_is_reached_by_redirect),
		TEST(without_its_interface_a_packet_is_dropped),
		TEST(without_an_endpoint_a_packet_is_dropped),
		TEST(without_a_next_hop_a_packet_is_dropped),
		TEST(an_endpoint_counts_packets_bytes_and_connections),
		TEST(tcp_options_and_checksums_are_of_no_concern),
	};

	return BED_TESTS(tests);
}
