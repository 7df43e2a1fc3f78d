/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source rules: whose packets a service takes, and how many of them. */
#include "bed.h"

#include <time.h>

#define VIP  "192.0.2.1"
#define VIP6 "2001:db8::1"
#define SET  5

static struct plane_service web, web6, other; /* other: of the same load balancer */
static uint32_t endpoint, group;

/* IPv4 by /24, IPv6 by /56. */
static struct weir_special special(uint32_t rate, uint32_t burst)
{
	struct weir_special s = { .group = group, .sources = SET, .rate = rate, .burst = burst };

	memset(s.rate_mask[0].b, 0xff, 15);
	memset(s.rate_mask[1].b, 0xff, 7);
	return s;
}

static void set_flags(uint16_t flags, uint32_t rate, uint32_t burst)
{
	plane_set_flags(plane, &web, flags, special(rate, burst));
	plane_set_flags(plane, &web6, flags, special(rate, burst));
	plane_set_flags(plane, &other, flags, special(rate, burst));
}

static int services(void **state)
{
	bed_reset(state);
	group++;
	web = plane_add_service(plane, VIP, IPPROTO_TCP, 80, 1024);
	web6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 80, 1024);
	other = plane_add_service(plane, VIP, IPPROTO_UDP, 53, 1024);
	endpoint = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	plane_set_rows(plane, &web, endpoint, REST);
	plane_set_rows(plane, &web6, endpoint, REST);
	plane_set_rows(plane, &other, endpoint, REST);
	return 0;
}

static struct pkt packet_from(const char *client)
{
	int v6 = strchr(client, ':') != NULL;
	struct flow f = flow_of(IPPROTO_TCP, client, 1000, v6 ? VIP6 : VIP, 80);

	return pkt_new(&f, PKT_SYN);
}

static void taken(const char *client)
{
	expect_sent(packet_from(client), WEIR_FORWARD, endpoint);
}

static void refused(const char *client, enum weir_reason why)
{
	expect(packet_from(client), XDP_DROP, why);
}

/* --- allow and deny --- */

static void rules(uint32_t set, enum weir_source v4, enum weir_source v6)
{
	plane_add_source(plane, set, "::", 0, v6);
	plane_add_source(plane, set, "::ffff:0:0", 96, v4);
	set_flags(WEIR_SERVICE_SOURCES, 0, 0);
}

static void the_longest_prefix_decides(void **state)
{
	(void)state;
	rules(SET, WEIR_SOURCE_DENY, WEIR_SOURCE_ALLOW);
	plane_add_source(plane, SET, "198.51.100.0", 24, WEIR_SOURCE_ALLOW);
	plane_add_source(plane, SET, "198.51.100.64", 26, WEIR_SOURCE_DENY);
	plane_add_source(plane, SET, "198.51.100.65", 32, WEIR_SOURCE_ALLOW);
	plane_add_source(plane, SET, "2001:db8:bad::", 48, WEIR_SOURCE_DENY);
	plane_add_source(plane, SET, "2001:db8:bad:1::", 64, WEIR_SOURCE_ALLOW);
	refused("203.0.113.1", WEIR_DROP_DENIED);
	taken("198.51.100.1");
	taken("198.51.100.63");
	refused("198.51.100.64", WEIR_DROP_DENIED);
	taken("198.51.100.65");
	refused("198.51.100.127", WEIR_DROP_DENIED);
	taken("198.51.100.128");
	taken("2001:db8::5");
	refused("2001:db8:bad::5", WEIR_DROP_DENIED);
	taken("2001:db8:bad:1::5");
}

static void a_set_is_one_of_many(void **state)
{
	(void)state;
	rules(SET + 1, WEIR_SOURCE_ALLOW, WEIR_SOURCE_ALLOW);
	refused("198.51.100.1", WEIR_DROP_DENIED); /* of a set that says nothing */
	rules(SET, WEIR_SOURCE_ALLOW, WEIR_SOURCE_ALLOW);
	plane_add_source(plane, SET + 1, "198.51.100.0", 24, WEIR_SOURCE_DENY);
	taken("198.51.100.1");
	set_flags(0, 0, 0);
	plane_add_source(plane, SET, "198.51.100.0", 24, WEIR_SOURCE_DENY);
	taken("198.51.100.1");
}

static void a_denied_packet_leaves_no_trace(void **state)
{
	struct flow f = flow_of(IPPROTO_TCP, "203.0.113.1", 1000, VIP, 80);

	(void)state;
	rules(SET, WEIR_SOURCE_DENY, WEIR_SOURCE_ALLOW);
	plane_set_rows(plane, &web, endpoint, endpoint);
	refused("203.0.113.1", WEIR_DROP_DENIED);
	assert_null(plane_record(plane, &web, &f));
	assert_int_equal(plane_stats(plane, endpoint).packets, 0);
	expect(pkt_vlan(packet_from("203.0.113.1"), 7), XDP_DROP, WEIR_DROP_DENIED);
	expect(pkt_fragment(packet_from("203.0.113.1"), 0, 1), XDP_DROP, WEIR_DROP_DENIED);
	expect(pkt_fragment(packet_from("203.0.113.1"), 9, 0), XDP_DROP, WEIR_DROP_FRAGMENT);
}

static void an_icmp_error_is_of_the_client_it_is_about(void **state)
{
	struct flow back = flow_of(IPPROTO_TCP, VIP, 80, "203.0.113.1", 1000), icmp;
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;

	(void)state;
	rules(SET, WEIR_SOURCE_DENY, WEIR_SOURCE_DENY);
	icmp = flow_of(IPPROTO_ICMP, "198.51.100.254", 0, VIP, 0);
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[34] = 3;
	memcpy(p.data + 42, quoted.data + 14, 28);
	expect(p, XDP_DROP, WEIR_DROP_DENIED);
	plane_add_source(plane, SET, "203.0.113.1", 32, WEIR_SOURCE_ALLOW);
	expect_sent(p, WEIR_FORWARD_ICMP, endpoint);
}

/* --- rate --- */

static void a_prefix_may_send_its_burst_and_then_waits(void **state)
{
	(void)state;
	set_flags(WEIR_SERVICE_RATE, 1, 5);
	for (int i = 0; i < 5; i++)
		taken(i & 1 ? "198.51.100.1" : "198.51.100.200");
	refused("198.51.100.1", WEIR_DROP_RATE);
	refused("198.51.100.77", WEIR_DROP_RATE);
	taken("198.51.101.1");
	for (int i = 0; i < 5; i++)
		taken(i & 1 ? "2001:db8:1:1::1" : "2001:db8:1:0::2");
	refused("2001:db8:1:ff::", WEIR_DROP_RATE);
	taken("2001:db8:1:100::");
}

static void the_services_of_a_balancer_count_together(void **state)
{
	struct flow dns = flow_of(IPPROTO_UDP, "198.51.100.9", 1000, VIP, 53);

	(void)state;
	set_flags(WEIR_SERVICE_RATE, 1, 3);
	taken("198.51.100.1");
	expect_sent(pkt_new(&dns, 0), WEIR_FORWARD, endpoint);
	taken("198.51.100.1");
	expect(pkt_new(&dns, 0), XDP_DROP, WEIR_DROP_RATE);
	group++; /* another load balancer's */
	plane_set_flags(plane, &other, WEIR_SERVICE_RATE, special(1, 3));
	expect_sent(pkt_new(&dns, 0), WEIR_FORWARD, endpoint);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void it_goes_on_at_its_rate(void **state)
{
	struct pkt p = packet_from("198.51.100.1");
	const uint32_t rate = 1000, burst = 2000; /* more than any pause of this process earns */
	uint32_t passed = 0, sent = 0, least;
	double begun, took;

	(void)state;
	set_flags(WEIR_SERVICE_RATE, rate, burst);
	begun = seconds();
	do {
		passed += plane_run(plane, &p, NULL) == XDP_TX;
		sent++;
		took = seconds() - begun;
	} while (took < 0.5);
	least = burst + (uint32_t)(took * rate * 0.8);
	assert_in_range(passed, sent < least ? sent : least, /* emulation is slow */
			burst + (uint32_t)(took * rate * 1.05) + 10);
}

static void rules_come_first(void **state)
{
	(void)state;
	rules(SET, WEIR_SOURCE_DENY, WEIR_SOURCE_ALLOW);
	set_flags(WEIR_SERVICE_RATE | WEIR_SERVICE_SOURCES, 1, 2);
	for (int i = 0; i < 3; i++)
		refused("198.51.100.1", WEIR_DROP_DENIED);
	plane_add_source(plane, SET, "198.51.100.1", 32, WEIR_SOURCE_ALLOW);
	taken("198.51.100.1");
	taken("198.51.100.1");
	refused("198.51.100.1", WEIR_DROP_RATE);
	refused("198.51.100.2", WEIR_DROP_DENIED);
}

/* The text of the nth prefix that has the table's line in common with the first. */
static void neighbour(uint32_t nth, char text[32])
{
	static const union weir_addr none;
	uint32_t found = 0;
	uint64_t line = 0;

	for (uint32_t i = 0;; i++) {
		union weir_addr a;
		uint64_t who;

		snprintf(text, 32, "10.%u.%u.0", i >> 8 & 255, i & 255);
		if (i >= 65536)
			snprintf(text, 32, "%u.%u.%u.0", 20 + (i >> 16), i >> 8 & 255, i & 255);
		a = pkt_addr(text);
		who = plane_hash_of(&a, &none, group, 1);
		if (!i)
			line = who >> 16 & (WEIR_RATE_BUCKETS - 1);
		if ((who >> 16 & (WEIR_RATE_BUCKETS - 1)) == line && found++ == nth)
			return;
	}
}

static void prefixes_of_a_line_do_not_share_a_bucket(void **state)
{
	char text[WEIR_RATE_WAYS + 1][32];

	(void)state;
	set_flags(WEIR_SERVICE_RATE, 1, 2);
	for (uint32_t i = 0; i <= WEIR_RATE_WAYS; i++)
		neighbour(i, text[i]);
	for (uint32_t i = 0; i < WEIR_RATE_WAYS; i++) {
		taken(text[i]);
		taken(text[i]);
	}
	for (uint32_t i = 0; i < WEIR_RATE_WAYS; i++)
		refused(text[i], WEIR_DROP_RATE);
	taken(text[WEIR_RATE_WAYS]); /* takes the place of one of them */
	taken(text[WEIR_RATE_WAYS]);
	refused(text[WEIR_RATE_WAYS], WEIR_DROP_RATE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(the_longest_prefix_decides),
		TEST(a_set_is_one_of_many),
		TEST(a_denied_packet_leaves_no_trace),
		TEST(an_icmp_error_is_of_the_client_it_is_about),
		TEST(a_prefix_may_send_its_burst_and_then_waits),
		TEST(the_services_of_a_balancer_count_together),
		TEST(it_goes_on_at_its_rate),
		TEST(rules_come_first),
		TEST(prefixes_of_a_line_do_not_share_a_bucket),
	};

	return BED_TESTS(tests);
}
