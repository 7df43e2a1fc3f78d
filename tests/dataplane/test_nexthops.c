/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header in front of an endpoint's packets follows the kernel's routes and neighbours. */
#include "bed.h"

#include <net/if.h>
#include <poll.h>

#define WAIT_MS 3000

static void sh(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* Takes the kernel's notifications in until this is so. */
static bool until(struct bed *b, bool (*so)(const struct bed *b))
{
	struct pollfd fd = { .fd = weir_plane_fd(b->plane), .events = POLLIN };

	for (int i = 0; !so(b) && i < 100; i++) {
		poll(&fd, 1, WAIT_MS / 100);
		weir_plane_readable(b->plane);
	}
	return so(b);
}

static const struct weir_endpoint *template(const struct bed *b, uint32_t endpoint)
{
	uint32_t slot = bed_slot(b, endpoint);

	assert_int_not_equal(slot, 0);
	return &b->endpoints[slot];
}

static bool reached(const struct bed *b)
{
	return template(b, 0)->ifindex != 0;
}

static bool moved(const struct bed *b)
{
	return template(b, 0)->hdr[5] == 0x77;
}

static bool unreachable(const struct bed *b)
{
	return template(b, 0)->ifindex == 0;
}

static void an_ipip_header_is_right_but_for_the_packets_part(void **state)
{
	struct bed *b = *state;
	const uint8_t outer[20] = { 0x45, 0, 0,  0, 0,   0,   0x40, 0, 64, 0,
				    0,    0, 10, 1, 255, 254, 10,   1, 0,  1 };
	const uint8_t next[6] = { 6, 0, 0, 0, 0, 0 };
	const struct weir_endpoint *e;
	uint32_t sum = 0;
	uint16_t word;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	e = template(b, 0);
	assert_int_equal(e->hdr_len, 34);
	assert_memory_equal(e->hdr, next, 6);
	assert_int_equal(pkt_get16(e->hdr + 12), 0x0800);
	assert_memory_equal(e->hdr + 14, outer, 20);
	for (int i = 0; i < 20; i += 2) {
		memcpy(&word, outer + i, 2);
		sum += word;
	}
	assert_int_equal(e->csum, (sum & 0xffff) + (sum >> 16));
	assert_int_equal(e->ifindex, if_nametoindex("w0"));
	assert_int_equal(e->state, WEIR_ENDPOINT_ALIVE);
}

static bool narrow(const struct bed *b)
{
	return template(b, 0)->mtu == 1400 - 20;
}

static bool wide(const struct bed *b)
{
	return template(b, 0)->mtu == 1600 - 20;
}

static void what_is_left_of_the_ways_mtu_is_known_and_followed(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 2);
	bed_sync(b);
	assert_int_equal(template(b, 0)->mtu, 1500 - 20);
	assert_int_equal(template(b, 1)->mtu, 1500);
	sh("ip route add 10.1.0.1/32 dev w0 mtu 1400");
	assert_true(until(b, narrow));
	sh("ip route del 10.1.0.1/32");
	sh("ip link set dev w0 mtu 1600");
	assert_true(until(b, wide));
	assert_int_equal(template(b, 1)->mtu, 1600);
	sh("ip link set dev w0 mtu 1500");
}

static void a_direct_return_header_is_ethernet_alone(void **state)
{
	struct bed *b = *state;
	const uint8_t next[6] = { 6, 0, 0, 0, 0, 1 };

	bed_serve(b, 0, WEIR_TABLE_MIN, 1, 1);
	bed_sync(b);
	assert_int_equal(template(b, 1)->hdr_len, 14);
	assert_memory_equal(template(b, 1)->hdr, next, 6);
}

static void packets_leave_from_the_interfaces_own_address(void **state)
{
	struct bed *b = *state;
	const uint8_t own[6] = { 6, 0, 0, 0, 1, 0 };

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	assert_memory_equal(template(b, 0)->hdr + 6, own, 6);
}

static void a_new_mac_address_is_followed(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	sh("ip neigh replace 10.1.0.1 lladdr 06:00:00:00:00:77 dev w0 nud permanent");
	assert_true(until(b, moved));
	assert_int_equal(template(b, 0)->hdr_len, 34);
	assert_int_equal(template(b, 0)->state, WEIR_ENDPOINT_ALIVE);
	sh("ip neigh replace 10.1.0.1 lladdr 06:00:00:00:00:00 dev w0 nud permanent");
}

static void a_neighbour_that_falls_silent_keeps_its_address(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	sh("ip neigh del 10.1.0.1 dev w0");
	assert_false(until(b, unreachable));
	sh("ip neigh replace 10.1.0.1 lladdr 06:00:00:00:00:00 dev w0 nud permanent");
}

static void a_route_by_a_gateway_is_followed(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	sh("ip neigh add 10.1.200.1 lladdr 06:00:00:00:00:77 dev w0 nud permanent");
	sh("ip route add 10.1.0.1/32 via 10.1.200.1 dev w0");
	assert_true(until(b, moved));
	sh("ip route del 10.1.0.1/32");
	sh("ip neigh del 10.1.200.1 dev w0");
}

static void without_a_route_there_is_no_next_hop_until_there_is_one(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	sh("ip route add unreachable 10.1.0.1/32");
	bed_sync(b);
	assert_true(unreachable(b));
	assert_int_equal(bed_send(b, &f, PKT_SYN), NOBODY);
	sh("ip route del unreachable 10.1.0.1/32");
	assert_true(until(b, reached));
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
}

static void an_endpoint_that_is_gone_is_not_looked_for(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 2);
	bed_sync(b);
	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	b->wish.endpoint[1].there = false;
	bed_sync(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 10000);
	sh("ip neigh del 10.1.0.2 dev w0");
	weir_plane_readable(b->plane);
	bed_pass(b, 10000);
	sh("! ip neigh show to 10.1.0.2 | grep -q .");
	sh("ip neigh replace 10.1.0.2 lladdr 06:00:00:00:00:01 dev w0 nud permanent");
	b->wish.endpoint[1].there = true;
	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 2);
	bed_sync(b);
	assert_int_equal(template(b, 1)->hdr[5], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(an_ipip_header_is_right_but_for_the_packets_part),
		BED_TEST(what_is_left_of_the_ways_mtu_is_known_and_followed),
		BED_TEST(a_direct_return_header_is_ethernet_alone),
		BED_TEST(packets_leave_from_the_interfaces_own_address),
		BED_TEST(a_new_mac_address_is_followed),
		BED_TEST(a_neighbour_that_falls_silent_keeps_its_address),
		BED_TEST(a_route_by_a_gateway_is_followed),
		BED_TEST(without_a_route_there_is_no_next_hop_until_there_is_one),
		BED_TEST(an_endpoint_that_is_gone_is_not_looked_for),
	};

	return BED_TESTS(tests);
}
