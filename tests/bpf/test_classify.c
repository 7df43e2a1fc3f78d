/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose packet it is: what is not for a service leaves untouched whatever is odd about it; what
 * is for a VIP and cannot be forwarded is passed or dropped, and counted. */
#include "bed.h"

static struct plane_service tcp4, udp4, tcp6, udp6;
static uint32_t endpoint;

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8::1"

static int services(void **state)
{
	bed_reset(state);
	tcp4 = plane_add_service(plane, VIP4, IPPROTO_TCP, 443, 4096);
	udp4 = plane_add_service(plane, VIP4, IPPROTO_UDP, 443, 4096);
	tcp6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, 4096);
	udp6 = plane_add_service(plane, VIP6, IPPROTO_UDP, 443, 4096);
	endpoint = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.1", "10.0.0.2", LO);
	plane_set_rows(plane, &tcp4, endpoint, REST);
	plane_set_rows(plane, &udp4, endpoint, REST);
	plane_set_rows(plane, &tcp6, endpoint, REST);
	plane_set_rows(plane, &udp6, endpoint, REST);
	return 0;
}

static struct pkt v4(uint8_t proto, const char *dst, uint16_t port)
{
	struct flow f = flow_of(proto, "198.51.100.7", 40000, dst, port);

	return pkt_new(&f, PKT_ACK);
}

static struct pkt v6(uint8_t proto, const char *dst, uint16_t port)
{
	struct flow f = flow_of(proto, "2001:db8:7::7", 40000, dst, port);

	return pkt_new(&f, PKT_ACK);
}

static void passes(struct pkt p, enum weir_reason why)
{
	expect_untouched(p, XDP_PASS, why);
}

static void drops(struct pkt p, enum weir_reason why)
{
	expect(p, XDP_DROP, why);
}

static void packets_for_others_pass_untouched(void **state)
{
	(void)state;
	passes(v4(IPPROTO_TCP, "192.0.2.2", 443), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_UDP, "192.0.2.2", 443), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_ICMP, "192.0.2.2", 0), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_IPIP, "192.0.2.2", 0), WEIR_PASS_NOT_OURS);
	passes(v6(IPPROTO_TCP, "2001:db8::2", 443), WEIR_PASS_NOT_OURS);
	passes(v6(IPPROTO_UDP, "2001:db8::2", 443), WEIR_PASS_NOT_OURS);
	passes(v6(IPPROTO_ICMPV6, "2001:db8::2", 0), WEIR_PASS_NOT_OURS);
	passes(v6(IPPROTO_NONE, "2001:db8::2", 0), WEIR_PASS_NOT_OURS);
}

static void what_is_odd_about_packets_for_others_is_not_our_business(void **state)
{
	struct pkt t4 = v4(IPPROTO_TCP, "192.0.2.2", 443), t6 = v6(IPPROTO_TCP, "2001:db8::2", 443);
	static const uint8_t headers[] = { 0, 43, 51, 60, 135 };

	(void)state;
	passes(pkt_fragment(t4, 0, 1), WEIR_PASS_NOT_OURS);
	passes(pkt_fragment(t4, 100, 0), WEIR_PASS_NOT_OURS);
	passes(pkt_fragment(t6, 0, 1), WEIR_PASS_NOT_OURS);
	for (uint32_t options = 4; options <= 40; options += 4)
		passes(pkt_options(t4, options), WEIR_PASS_NOT_OURS);
	for (size_t i = 0; i < sizeof(headers); i++)
		passes(pkt_extension(t6, headers[i]), WEIR_PASS_NOT_OURS);
	for (uint32_t len = 34; len < t4.len; len++)
		passes(pkt_cut(t4, len), WEIR_PASS_NOT_OURS);
	for (uint32_t len = 54; len < t6.len; len++)
		passes(pkt_cut(t6, len), WEIR_PASS_NOT_OURS);
	for (int first = 0; first < 256; first++) {
		passes(pkt_byte(t4, 14, first), WEIR_PASS_NOT_OURS);
		passes(pkt_byte(t6, 14, first), WEIR_PASS_NOT_OURS);
	}
	passes(pkt_byte(pkt_byte(t4, 16, 0), 17, 0), WEIR_PASS_NOT_OURS);
}

static void what_is_not_ip_passes_untouched(void **state)
{
	struct pkt arp = pkt_byte(pkt_byte(v4(IPPROTO_TCP, VIP4, 443), 12, 0x08), 13, 0x06);

	(void)state;
	passes(arp, WEIR_PASS_NOT_IP);
	passes(pkt_cut(arp, 14), WEIR_PASS_NOT_IP);
	passes(pkt_vlan(pkt_vlan(pkt_vlan(v4(IPPROTO_TCP, VIP4, 443), 5), 6), 7), WEIR_PASS_NOT_IP);
	passes(pkt_cut(pkt_vlan(v4(IPPROTO_TCP, VIP4, 443), 5), 17), WEIR_PASS_NOT_IP);
	passes(pkt_byte(pkt_byte(arp, 12, 0), 13, 46), WEIR_PASS_NOT_IP); /* 802.3 length */
}

static void a_vip_is_ours_on_the_ports_of_its_services_only(void **state)
{
	(void)state;
	plane_add_service(plane, "192.0.2.9", 0, 0, 0);
	passes(v4(IPPROTO_TCP, VIP4, 80), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_UDP, VIP4, 80), WEIR_PASS_NOT_OURS);
	passes(v6(IPPROTO_TCP, VIP6, 80), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_TCP, "192.0.2.9", 443), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_TCP, VIP4, 0), WEIR_PASS_NOT_OURS);
	passes(v4(IPPROTO_TCP, VIP4, 443 << 8 & 0xffff), WEIR_PASS_NOT_OURS);
	expect(v4(IPPROTO_TCP, VIP4, 443), XDP_TX, WEIR_FORWARD);
	expect(v6(IPPROTO_UDP, VIP6, 443), XDP_TX, WEIR_FORWARD);
}

static void tcp_and_udp_on_one_port_are_two_services(void **state)
{
	uint32_t other = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.1", "10.0.0.3", LO);

	(void)state;
	plane_set_rows(plane, &udp4, other, REST);
	expect_sent(v4(IPPROTO_TCP, VIP4, 443), WEIR_FORWARD, endpoint);
	expect_sent(v4(IPPROTO_UDP, VIP4, 443), WEIR_FORWARD, other);
}

static void other_protocols_for_a_vip_go_to_the_host(void **state)
{
	(void)state;
	passes(pkt_byte(v4(IPPROTO_ICMP, VIP4, 0), 34, 13), WEIR_PASS_VIP_OTHER); /* timestamp */
	passes(pkt_byte(v6(IPPROTO_ICMPV6, VIP6, 0), 54, 135),
	       WEIR_PASS_VIP_OTHER); /* solicitation */
	passes(v4(IPPROTO_GRE, VIP4, 0), WEIR_PASS_VIP_OTHER);
	passes(v4(IPPROTO_SCTP, VIP4, 0), WEIR_PASS_VIP_OTHER);
	passes(v6(IPPROTO_ESP, VIP6, 0), WEIR_PASS_VIP_OTHER);
	passes(v6(IPPROTO_NONE, VIP6, 0), WEIR_PASS_VIP_OTHER);
}

static void ip_options_do_not_hide_the_ports(void **state)
{
	(void)state;
	for (uint32_t options = 4; options <= 40; options += 4) {
		struct pkt t = pkt_options(v4(IPPROTO_TCP, VIP4, 443), options);
		struct pkt u = pkt_options(v4(IPPROTO_UDP, VIP4, 443), options);

		expect_sent(t, WEIR_FORWARD, endpoint);
		expect_sent(u, WEIR_FORWARD, endpoint);
		drops(pkt_cut(t, 14 + 20 + options + 19), WEIR_DROP_TRUNCATED);
		drops(pkt_cut(u, 14 + 20 + options + 7), WEIR_DROP_TRUNCATED);
		passes(pkt_options(v4(IPPROTO_TCP, VIP4, 80), options), WEIR_PASS_NOT_OURS);
	}
}

/* Every cut from the end of the Ethernet header (less is no frame for the kernel) on. */
static void every_truncation_for_a_vip_is_dropped(void **state)
{
	struct pkt kinds[] = { v4(IPPROTO_TCP, VIP4, 443), v4(IPPROTO_UDP, VIP4, 443),
			       v6(IPPROTO_TCP, VIP6, 443), v6(IPPROTO_UDP, VIP6, 443) };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (uint32_t len = 14; len < kinds[k].len; len++)
			drops(pkt_cut(kinds[k], len), WEIR_DROP_TRUNCATED);
		expect(kinds[k], XDP_TX, WEIR_FORWARD);
	}
	assert_int_equal(plane_stats(plane, endpoint).packets, sizeof(kinds) / sizeof(*kinds));
}

static void a_header_that_contradicts_itself_is_dropped(void **state)
{
	struct pkt t4 = v4(IPPROTO_TCP, VIP4, 443), t6 = v6(IPPROTO_TCP, VIP6, 443);

	(void)state;
	for (int first = 0; first < 256; first++) {
		if (first >> 4 != 4 || (first & 15) < 5)
			drops(pkt_byte(t4, 14, first), WEIR_DROP_BAD_HEADER);
		if (first >> 4 != 6)
			drops(pkt_byte(t6, 14, first), WEIR_DROP_BAD_HEADER);
	}
	for (int total = 0; total < 20; total++) /* a total length smaller than the header */
		drops(pkt_byte(pkt_byte(t4, 16, 0), 17, total), WEIR_DROP_TRUNCATED);
}

static void a_length_beyond_the_frame_is_dropped(void **state)
{
	struct pkt t4 = v4(IPPROTO_TCP, VIP4, 443), t6 = v6(IPPROTO_TCP, VIP6, 443);

	(void)state;
	drops(pkt_byte(t4, 17, t4.data[17] + 1), WEIR_DROP_TRUNCATED);
	drops(pkt_byte(pkt_byte(t4, 16, 0xff), 17, 0xff), WEIR_DROP_TRUNCATED);
	drops(pkt_byte(t6, 19, t6.data[19] + 1), WEIR_DROP_TRUNCATED);
	drops(pkt_byte(pkt_byte(t6, 18, 0xff), 19, 0xff), WEIR_DROP_TRUNCATED);
}

static void ports_in_the_padding_are_no_ports(void **state)
{
	struct pkt t4 = v4(IPPROTO_TCP, VIP4, 443), t6 = v6(IPPROTO_TCP, VIP6, 443);

	(void)state;
	drops(pkt_byte(t4, 17, 20 + 19), WEIR_DROP_TRUNCATED);
	drops(pkt_byte(t6, 19, 19), WEIR_DROP_TRUNCATED);
	drops(pkt_byte(v4(IPPROTO_UDP, VIP4, 443), 17, 20 + 7), WEIR_DROP_TRUNCATED);
	expect(pkt_byte(t4, 17, 20 + 20), XDP_TX, WEIR_FORWARD);
	expect(pkt_byte(t6, 19, 20), XDP_TX, WEIR_FORWARD);
}

static void a_mapped_address_on_the_wire_is_no_ipv4_vip(void **state)
{
	union weir_addr vip = pkt_addr(VIP4);
	struct pkt p = v6(IPPROTO_TCP, VIP6, 443);

	(void)state;
	memcpy(p.data + 38, vip.b, 16);
	passes(p, WEIR_PASS_NOT_OURS);
}

static void a_service_is_found_behind_its_full_neighbours(void **state)
{
	union weir_addr vip = pkt_addr(VIP4);
	uint32_t at = weir_service_slot(&vip, htons(443), IPPROTO_TCP);
	struct weir_service own = plane->services[at];

	(void)state;
	assert_int_equal(own.key.id, tcp4.id);
	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		uint32_t to = (at + i) & (WEIR_SERVICE_SLOTS - 1);

		plane->services[to] = own;
		expect(v4(IPPROTO_TCP, VIP4, 443), XDP_TX, WEIR_FORWARD);
		plane->services[to].key.vip.b[15] ^= 0x80; /* now somebody else's */
		plane->services[to].key.used = i & 1 ? WEIR_SLOT_USED : WEIR_SLOT_DELETED;
	}
	plane->services[(at + WEIR_SERVICE_PROBE) & (WEIR_SERVICE_SLOTS - 1)] = own;
	passes(v4(IPPROTO_TCP, VIP4, 443), WEIR_PASS_NOT_OURS);
}

static void the_service_table_goes_round(void **state)
{
	const uint32_t last = WEIR_SERVICE_SLOTS - 1;
	union weir_addr vip;
	uint32_t n = 0, port = 0;
	struct plane_service s;
	char text[16];

	(void)state;
	do { /* some address and port begin in the last slot */
		port = 1 + n / 256;
		snprintf(text, sizeof(text), "192.0.3.%u", n++ & 255);
		vip = pkt_addr(text);
		assert_in_range(port, 1, 65535);
	} while (weir_service_slot(&vip, htons((uint16_t)port), IPPROTO_TCP) != last);
	plane->services[last] = (struct weir_service){ .key = { .used = WEIR_SLOT_USED } };
	s = plane_add_service(plane, text, IPPROTO_TCP, (uint16_t)port, 4096);
	plane_set_rows(plane, &s, endpoint, REST);
	assert_int_equal(plane->services[0].key.id, s.id);
	expect_sent(v4(IPPROTO_TCP, text, (uint16_t)port), WEIR_FORWARD, endpoint);
}

/* VIPs differ in their last byte, as operators number them: nobody waits behind many others, and
 * a quarter of the table can be filled. */
static void vips_of_one_network_do_not_crowd_together(void **state)
{
	static const uint16_t ports[] = { 80, 443 };
	char text[32];
	uint32_t farthest = 0;

	(void)state;
	for (uint32_t i = 0; i < WEIR_MAX_SERVICES / 2; i++) {
		union weir_addr vip;
		uint32_t at, far = 0;

		snprintf(text, sizeof(text), i & 2 ? "2001:db8:5::%x" : "10.5.%u.%u",
			 i & 2 ? i / 4 : i / 1024, i / 4 & 255);
		vip = pkt_addr(text);
		at = weir_service_slot(&vip, htons(ports[i & 1]), IPPROTO_TCP);
		while (plane->services[(at + far) & (WEIR_SERVICE_SLOTS - 1)].key.used)
			far++;
		plane->services[(at + far) & (WEIR_SERVICE_SLOTS - 1)].key.used = WEIR_SLOT_USED;
		farthest = far > farthest ? far : farthest;
	}
	assert_in_range(farthest, 0, WEIR_SERVICE_PROBE / 2);
}

static void a_deleted_service_is_nobodys(void **state)
{
	union weir_addr vip = pkt_addr(VIP4);
	uint32_t at = weir_service_slot(&vip, htons(443), IPPROTO_TCP);

	(void)state;
	assert_int_equal(plane->services[at].key.id, tcp4.id);
	plane->services[at].key.used = WEIR_SLOT_DELETED;
	passes(v4(IPPROTO_TCP, VIP4, 443), WEIR_PASS_NOT_OURS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(packets_for_others_pass_untouched),
		TEST(what_is_odd_about_packets_for_others_is_not_our_business),
		TEST(what_is_not_ip_passes_untouched),
		TEST(a_vip_is_ours_on_the_ports_of_its_services_only),
		TEST(tcp_and_udp_on_one_port_are_two_services),
		TEST(other_protocols_for_a_vip_go_to_the_host),
		TEST(ip_options_do_not_hide_the_ports),
		TEST(every_truncation_for_a_vip_is_dropped),
		TEST(a_header_that_contradicts_itself_is_dropped),
		TEST(a_length_beyond_the_frame_is_dropped),
		TEST(ports_in_the_padding_are_no_ports),
		TEST(a_mapped_address_on_the_wire_is_no_ipv4_vip),
		TEST(a_service_is_found_behind_its_full_neighbours),
		TEST(the_service_table_goes_round),
		TEST(vips_of_one_network_do_not_crowd_together),
		TEST(a_deleted_service_is_nobodys),
	};

	return BED_TESTS(tests);
}
