/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that take the long way: VLAN tags, extension headers, fragments, ICMP. */
#include "bed.h"

#define VIP4    "192.0.2.1"
#define VIP6    "2001:db8::1"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:7::7"

static struct plane_service tcp[2], udp[2]; /* by family */
static uint32_t a, b, tunnel;

static int services(void **state)
{
	bed_reset(state);
	for (int v6 = 0; v6 < 2; v6++) {
		tcp[v6] = plane_add_service(plane, v6 ? VIP6 : VIP4, IPPROTO_TCP, 443, 4096);
		udp[v6] = plane_add_service(plane, v6 ? VIP6 : VIP4, IPPROTO_UDP, 443, 4096);
	}
	a = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.9", "10.0.0.2", LO);
	tunnel = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	return 0;
}

static void rows(uint32_t cur, uint32_t prev)
{
	for (int v6 = 0; v6 < 2; v6++) {
		plane_set_rows(plane, &tcp[v6], cur, prev);
		plane_set_rows(plane, &udp[v6], cur, prev);
	}
}

static struct flow flow(int v6, uint8_t proto)
{
	return flow_of(proto, v6 ? CLIENT6 : CLIENT4, 4000, v6 ? VIP6 : VIP4, 443);
}

static struct pkt packet(int v6, uint8_t proto)
{
	struct flow f = flow(v6, proto);

	return pkt_new(&f, PKT_ACK);
}

static void vlan_tags_stay(void **state)
{
	(void)state;
	rows(tunnel, REST);
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt plain = packet(v6, IPPROTO_TCP),
			   bare = expect(plain, XDP_TX, WEIR_FORWARD);

		for (uint32_t tags = 1; tags <= 2; tags++) {
			struct pkt in =
				tags == 1 ? pkt_vlan(plain, 5) : pkt_vlan(pkt_vlan(plain, 6), 5);
			struct pkt out = expect(in, XDP_TX, WEIR_FORWARD);

			assert_int_equal(out.len, bare.len + 4 * tags);
			assert_memory_equal(out.data, bare.data, 12);
			assert_memory_equal(out.data + 12, in.data + 12, 4 * tags);
			assert_memory_equal(out.data + 12 + 4 * tags, bare.data + 12,
					    bare.len - 12);
		}
	}
}

static void direct_return_keeps_vlan_tags(void **state)
{
	struct pkt in = pkt_vlan(packet(0, IPPROTO_TCP), 5), out;

	(void)state;
	rows(a, REST);
	out = expect(in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(sent_to(&out), a);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.data + 12, in.data + 12, in.len - 12);
}

static void extension_headers_do_not_hide_the_ports(void **state)
{
	static const uint8_t headers[] = { 0, 43, 51, 60 };
	struct pkt p = packet(1, IPPROTO_TCP), out;

	(void)state;
	rows(tunnel, REST);
	for (size_t i = 0; i < sizeof(headers); i++) {
		struct pkt in = pkt_extension(p, headers[i]);

		out = expect(in, XDP_TX, WEIR_FORWARD);
		assert_memory_equal(out.data + 34, in.data + 14, in.len - 14);
		expect_untouched(pkt_cut(in, 54 + 7), XDP_DROP, WEIR_DROP_TRUNCATED);
		expect_untouched(pkt_cut(in, 54 + 8 + 19), XDP_DROP, WEIR_DROP_TRUNCATED);
	}
}

static void so_many_extension_headers_are_walked_and_no_more(void **state)
{
	struct pkt p = packet(1, IPPROTO_TCP);

	(void)state;
	rows(a, REST);
	for (int n = 1; n <= 6; n++) {
		p = pkt_extension(p, 60);
		expect_sent(p, WEIR_FORWARD, a);
	}
	expect_untouched(pkt_extension(p, 60), XDP_DROP, WEIR_DROP_EXTENSION);
	assert_int_equal(plane_stats(plane, a).packets, 6);
}

static void later_fragments_follow_the_first(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt p = packet(v6, IPPROTO_UDP);

		rows(a, REST);
		expect_untouched(pkt_fragment(p, 2, 1), XDP_DROP, WEIR_DROP_FRAGMENT);
		expect_sent(pkt_fragment(p, 0, 1), WEIR_FORWARD, a);
		rows(b, REST); /* a change in the middle of the datagram */
		expect_sent(pkt_fragment(p, 2, 1), WEIR_FORWARD_FRAGMENT, a);
		expect_sent(pkt_fragment(p, 4, 0), WEIR_FORWARD_FRAGMENT, a);
		expect_sent(pkt_fragment(p, 0, 1), WEIR_FORWARD, b); /* the id comes round */
		expect_sent(pkt_fragment(p, 2, 0), WEIR_FORWARD_FRAGMENT, b);
		plane->endpoints[b].state = 0;
		expect_untouched(pkt_fragment(p, 2, 0), XDP_DROP, WEIR_DROP_FRAGMENT);
		plane->endpoints[b].state = WEIR_ENDPOINT_ALIVE;
	}
}

static void fragments_of_other_datagrams_do_not_follow(void **state)
{
	(void)state;
	rows(a, REST);
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt first = pkt_fragment(packet(v6, IPPROTO_UDP), 0, 1);
		struct pkt later = pkt_fragment(packet(v6, IPPROTO_UDP), 2, 0);

		expect_sent(first, WEIR_FORWARD, a);
		expect_sent(later, WEIR_FORWARD_FRAGMENT, a);
		expect_untouched(pkt_byte(later, v6 ? 61 : 19, 77), XDP_DROP,
				 WEIR_DROP_FRAGMENT); /* id */
		expect_untouched(pkt_byte(later, v6 ? 37 : 29, 77), XDP_DROP,
				 WEIR_DROP_FRAGMENT); /* source */
	}
}

static void an_atomic_fragment_is_whole(void **state)
{
	struct flow f = flow(1, IPPROTO_TCP);

	(void)state;
	rows(a, REST);
	expect_sent(pkt_fragment(pkt_new(&f, PKT_ACK), 0, 0), WEIR_FORWARD, a);
}

/* An ICMP error from a router on the way about a packet that an endpoint sent to the client. */
static struct pkt icmp_error(int v6, uint8_t proto, uint8_t type, uint32_t quoted)
{
	struct flow f = flow(v6, proto), back = { f.dst, f.src, f.dport, f.sport, proto };
	struct flow icmp = flow_of(v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				   v6 ? "2001:db8:99::9" : "203.0.113.99", 0, v6 ? VIP6 : VIP4, 0);
	struct pkt about = pkt_new(&back, PKT_ACK), p = pkt_payload(pkt_new(&icmp, 0), 100);
	uint32_t at = v6 ? 62 : 42;

	p.data[at - 8] = type;
	memset(p.data + at, 0, p.len - at);
	memcpy(p.data + at, about.data + 14, quoted);
	return p;
}

static void icmp_errors_reach_the_endpoint_of_their_flow(void **state)
{
	static const uint8_t types[2][3] = { { 3, 11, 12 }, { 1, 2, 3 } };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t ip = v6 ? 40 : 20;

		for (int t = 0; t < 3; t++) {
			rows(a, REST);
			expect_sent(icmp_error(v6, IPPROTO_TCP, types[v6][t], ip + 8),
				    WEIR_FORWARD_ICMP, a);
			expect_sent(icmp_error(v6, IPPROTO_UDP, types[v6][t], ip + 8),
				    WEIR_FORWARD_ICMP, a);
		}
		expect_untouched(pkt_cut(icmp_error(v6, IPPROTO_TCP, types[v6][0], ip + 8),
					 14 + ip + 8 + ip + 3),
				 XDP_PASS, WEIR_PASS_VIP_OTHER);
	}
}

static void icmp_errors_follow_their_flow_and_leave_no_trace(void **state)
{
	struct flow f = flow(0, IPPROTO_TCP);

	(void)state;
	rows(b, a);
	expect_sent(icmp_error(0, IPPROTO_TCP, 3, 28), WEIR_FORWARD_ICMP, a); /* unrecorded: prev */
	assert_null(plane_record(plane, &tcp[0], &f));
	expect_sent(pkt_new(&f, PKT_SYN), WEIR_FORWARD, b);
	rows(a, a);
	expect_sent(icmp_error(0, IPPROTO_TCP, 3, 28), WEIR_FORWARD_ICMP, b);
	assert_false(plane_record(plane, &tcp[0], &f)->seen & WEIR_FLOW_ESTABLISHED);
	assert_int_equal(plane_stats(plane, b).connections, 1);
}

static void an_error_about_what_no_vip_sent_goes_to_the_host(void **state)
{
	struct pkt p = icmp_error(0, IPPROTO_TCP, 3, 28);

	(void)state;
	rows(a, REST);
	expect_untouched(pkt_byte(p, 42 + 12 + 3, 99), XDP_PASS, WEIR_PASS_VIP_OTHER);
	expect_untouched(pkt_byte(p, 42 + 9, IPPROTO_GRE), XDP_PASS, WEIR_PASS_VIP_OTHER);
	expect_untouched(pkt_byte(p, 42 + 21, 99), XDP_PASS, WEIR_PASS_NOT_OURS); /* no such port */
}

static struct pkt ping(int v6, const char *to, uint16_t id)
{
	struct flow f =
		flow_of(v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, v6 ? CLIENT6 : CLIENT4, 0, to, 0);
	struct pkt p = pkt_new(&f, 0);
	uint8_t *icmp = p.data + (v6 ? 54 : 34);
	uint32_t n = p.len - (v6 ? 54 : 34), pseudo = 0;

	pkt_put16(icmp + 4, id);
	pkt_put16(icmp + 2, 0);
	for (int i = 22; v6 && i < 54; i += 2)
		pseudo += pkt_get16(p.data + i);
	pkt_put16(icmp + 2, pkt_checksum(icmp, n, v6 ? pseudo + n + IPPROTO_ICMPV6 : 0));
	return p;
}

static void check_pong(const struct pkt *in, const struct pkt *out, int v6)
{
	uint32_t l4 = v6 ? 54 : 34, n = v6 ? 16 : 4, src = v6 ? 22 : 26, pseudo = 0;

	assert_int_equal(out->len, in->len);
	assert_memory_equal(out->data, in->data + 6, 6);
	assert_memory_equal(out->data + 6, in->data, 6);
	assert_memory_equal(out->data + src, in->data + src + n, n);
	assert_memory_equal(out->data + src + n, in->data + src, n);
	assert_int_equal(out->data[l4], v6 ? 129 : 0);
	for (uint32_t i = 22; v6 && i < 54; i += 2)
		pseudo += pkt_get16(out->data + i);
	if (v6)
		pseudo += out->len - 54 + IPPROTO_ICMPV6;
	else
		assert_int_equal(pkt_checksum(out->data + 14, 20, 0), 0);
	assert_int_equal(pkt_checksum(out->data + l4, out->len - l4, pseudo), 0);
	assert_memory_equal(out->data + l4 + 4, in->data + l4 + 4, in->len - l4 - 4);
}

static void pings_to_a_vip_are_answered_with_the_right_checksum_for_every_id(void **state)
{
	struct pkt in, out;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (uint32_t id = 0; id < 65536; id++) {
			in = ping(v6, v6 ? VIP6 : VIP4, (uint16_t)id);
			assert_int_equal(plane_run(plane, &in, &out), XDP_TX);
			check_pong(&in, &out, v6);
		}
		assert_int_equal(plane_count(plane, WEIR_REPLY_ECHO), 65536 * (v6 + 1));
	}
}

static void pings_to_others_are_theirs(void **state)
{
	(void)state;
	expect_untouched(ping(0, "192.0.2.2", 1), XDP_PASS, WEIR_PASS_NOT_OURS);
	expect_untouched(ping(1, "2001:db8::2", 1), XDP_PASS, WEIR_PASS_NOT_OURS);
	expect_untouched(pkt_byte(ping(0, VIP4, 1), 34, 0), XDP_PASS,
			 WEIR_PASS_VIP_OTHER); /* a reply */
	expect_untouched(pkt_options(ping(0, VIP4, 1), 4), XDP_PASS, WEIR_PASS_VIP_OTHER);
	expect_untouched(pkt_cut(ping(0, VIP4, 1), 34 + 7), XDP_DROP, WEIR_DROP_TRUNCATED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(vlan_tags_stay),
		TEST(direct_return_keeps_vlan_tags),
		TEST(extension_headers_do_not_hide_the_ports),
		TEST(so_many_extension_headers_are_walked_and_no_more),
		TEST(later_fragments_follow_the_first),
		TEST(fragments_of_other_datagrams_do_not_follow),
		TEST(an_atomic_fragment_is_whole),
		TEST(icmp_errors_reach_the_endpoint_of_their_flow),
		TEST(icmp_errors_follow_their_flow_and_leave_no_trace),
		TEST(an_error_about_what_no_vip_sent_goes_to_the_host),
		TEST(pings_to_a_vip_are_answered_with_the_right_checksum_for_every_id),
		TEST(pings_to_others_are_theirs),
	};

	return BED_TESTS(tests);
}
