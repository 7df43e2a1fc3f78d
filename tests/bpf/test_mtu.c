/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that do not fit through the way to their endpoint: who is told, and what. */
#include <time.h>

#include "bed.h"

#define MTU 1400

static const char *const vip[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const client[2] = { "198.51.100.7", "2001:db8:7::7" };
static struct plane_service tcp[2], udp[2];
static uint32_t endpoint;

/* As many errors as may be sent at once are allowed again. */
static void wait_for_budget(void)
{
	const struct timespec refill = { 0, 1000000000l / WEIR_ICMP_PER_S * WEIR_ICMP_BURST };

	nanosleep(&refill, NULL); /* it is time that refills it */
}

static int setup(void **state)
{
	bed_reset(state);
	for (int v6 = 0; v6 < 2; v6++) {
		tcp[v6] = plane_add_service(plane, vip[v6], IPPROTO_TCP, 443, 4096);
		udp[v6] = plane_add_service(plane, vip[v6], IPPROTO_UDP, 443, 4096);
	}
	endpoint = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	plane->endpoints[endpoint].mtu = MTU;
	for (int v6 = 0; v6 < 2; v6++) {
		plane_set_rows(plane, &tcp[v6], endpoint, REST);
		plane_set_rows(plane, &udp[v6], endpoint, REST);
	}
	wait_for_budget();
	return 0;
}

/* A packet whose IP packet has this length. */
static struct pkt sized(int v6, uint8_t proto, uint32_t ip_len)
{
	struct flow f = flow_of(proto, client[v6], 4000, vip[v6], 443);
	struct pkt p = pkt_new(&f, PKT_ACK);

	return pkt_payload(p, ip_len - (p.len - 14));
}

static void check_answer_v4(const struct pkt *in, const struct pkt *out, uint32_t l2)
{
	const uint8_t *ip = out->data + l2, *was = in->data + l2, *icmp = ip + 20;

	assert_int_equal(out->len, l2 + 20 + 8 + 512);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(pkt_get16(ip + 2), out->len - l2);
	assert_int_equal(ip[9], IPPROTO_ICMP);
	assert_int_equal(pkt_checksum(ip, 20, 0), 0);
	assert_memory_equal(ip + 12, was + 16, 4);
	assert_memory_equal(ip + 16, was + 12, 4);
	assert_int_equal(pkt_get16(icmp), 0x0304);
	assert_int_equal(pkt_get16(icmp + 4), 0);
	assert_int_equal(pkt_get16(icmp + 6), MTU);
	assert_int_equal(pkt_checksum(icmp, 8 + 512, 0), 0);
	assert_memory_equal(icmp + 8, was, 512);
}

static void check_answer_v6(const struct pkt *in, const struct pkt *out, uint32_t l2)
{
	const uint8_t *ip = out->data + l2, *was = in->data + l2, *icmp = ip + 40;
	uint32_t pseudo = 8 + 1200 + IPPROTO_ICMPV6;

	assert_int_equal(out->len, l2 + 40 + 8 + 1200);
	assert_true(out->len - l2 <= 1280);
	assert_int_equal(ip[0] >> 4, 6);
	assert_int_equal(pkt_get16(ip + 4), 8 + 1200);
	assert_int_equal(ip[6], IPPROTO_ICMPV6);
	assert_memory_equal(ip + 8, was + 24, 16);
	assert_memory_equal(ip + 24, was + 8, 16);
	assert_int_equal(pkt_get16(icmp), 0x0200);
	assert_int_equal(pkt_get16(icmp + 4), 0);
	assert_int_equal(pkt_get16(icmp + 6), MTU);
	for (int i = 0; i < 32; i += 2)
		pseudo += pkt_get16(ip + 8 + i);
	assert_int_equal(pkt_checksum(icmp, 8 + 1200, pseudo), 0);
	assert_memory_equal(icmp + 8, was, 1200);
}

static void is_answered(struct pkt in, int v6, uint32_t l2)
{
	struct pkt out = expect(in, XDP_TX, WEIR_REPLY_MTU);

	assert_memory_equal(out.data, in.data + 6, 6);
	assert_memory_equal(out.data + 6, in.data, 6);
	assert_memory_equal(out.data + 12, in.data + 12, l2 - 12);
	if (v6)
		check_answer_v6(&in, &out, l2);
	else
		check_answer_v4(&in, &out, l2);
}

static void the_largest_that_fits_is_forwarded_and_the_next_is_answered(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int i = 0; i < 2; i++) {
			expect_sent(sized(v6, protos[i], MTU), WEIR_FORWARD, endpoint);
			is_answered(sized(v6, protos[i], MTU + 1), v6, 14);
			is_answered(sized(v6, protos[i], 1500), v6, 14);
		}
	}
	assert_int_equal(plane_stats(plane, endpoint).packets, 4);
}

static void answers_keep_vlan_tags(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt in = sized(v6, IPPROTO_TCP, 1500);

		is_answered(pkt_vlan(in, 5), v6, 18);
		is_answered(pkt_vlan(pkt_vlan(in, 6), 5), v6, 22);
	}
}

static void what_is_odd_about_a_large_packet_does_not_matter(void **state)
{
	struct pkt first = pkt_fragment(sized(0, IPPROTO_UDP, 1480), 0, 1);

	(void)state;
	is_answered(pkt_options(sized(0, IPPROTO_TCP, 1460), 40), 0, 14);
	is_answered(pkt_extension(sized(1, IPPROTO_TCP, 1480), 60), 1, 14);
	is_answered(first, 0, 14);
	is_answered(pkt_fragment(sized(0, IPPROTO_UDP, 1480), 1, 1), 0, 14); /* follows it */
}

/* Its sender could not make it smaller. */
static void what_every_ipv6_way_takes_goes_by_this_one_too(void **state)
{
	struct pkt out;

	(void)state;
	plane->endpoints[endpoint].mtu = 1000;
	expect_sent(sized(1, IPPROTO_TCP, 1280), WEIR_FORWARD, endpoint);
	out = expect(sized(1, IPPROTO_TCP, 1281), XDP_TX, WEIR_REPLY_MTU);
	assert_int_equal(pkt_get16(out.data + 14 + 40 + 6), 1280);
	expect_sent(sized(0, IPPROTO_TCP, 1000), WEIR_FORWARD, endpoint);
	out = expect(sized(0, IPPROTO_TCP, 1001), XDP_TX, WEIR_REPLY_MTU);
	assert_int_equal(pkt_get16(out.data + 14 + 20 + 6), 1000);
}

static void no_error_is_sent_about_an_error(void **state)
{
	struct flow back = flow_of(IPPROTO_TCP, vip[0], 443, client[0], 4000);
	struct flow icmp = flow_of(IPPROTO_ICMP, "198.51.100.99", 0, vip[0], 0);
	struct pkt quoted = pkt_new(&back, PKT_ACK), p = pkt_payload(pkt_new(&icmp, 0), 600);

	(void)state;
	p.data[34] = 3;
	memcpy(p.data + 42, quoted.data + 14, 40);
	expect_sent(p, WEIR_FORWARD_ICMP, endpoint);
	plane->endpoints[endpoint].mtu = 548;
	expect(p, XDP_DROP, WEIR_DROP_MTU);
}

static void direct_return_has_an_mtu_too(void **state)
{
	(void)state;
	endpoint = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.9", "10.0.0.1", LO);
	plane->endpoints[endpoint].mtu = MTU;
	plane_set_rows(plane, &tcp[0], endpoint, REST);
	expect_sent(sized(0, IPPROTO_TCP, MTU), WEIR_FORWARD, endpoint);
	is_answered(sized(0, IPPROTO_TCP, MTU + 1), 0, 14);
}

static void answers_are_rate_limited(void **state)
{
	struct pkt big = sized(0, IPPROTO_TCP, 1500);
	uint32_t sent = 0, n = 50 * WEIR_ICMP_BURST;
	struct timespec begin, end;
	double s;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint32_t i = 0; i < n; i++)
		sent += plane_run(plane, &big, NULL) == XDP_TX;
	clock_gettime(CLOCK_MONOTONIC, &end);
	s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	assert_int_equal(plane_count(plane, WEIR_REPLY_MTU), sent);
	assert_int_equal(plane_count(plane, WEIR_DROP_MTU), n - sent);
	assert_true(sent >= WEIR_ICMP_BURST / 2);
	/* Of each of the two CPUs that it may have run on, and a tick of the clock. */
	assert_true(sent <= 2 * (WEIR_ICMP_BURST + WEIR_ICMP_PER_S * (s + 0.02)));
	assert_true(sent < n / 2 || s > 1);
	wait_for_budget();
	is_answered(big, 0, 14);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(the_largest_that_fits_is_forwarded_and_the_next_is_answered),
		TEST(answers_keep_vlan_tags),
		TEST(what_is_odd_about_a_large_packet_does_not_matter),
		TEST(what_every_ipv6_way_takes_goes_by_this_one_too),
		TEST(no_error_is_sent_about_an_error),
		TEST(direct_return_has_an_mtu_too),
		TEST(answers_are_rate_limited),
	};

	return BED_TESTS(tests);
}
