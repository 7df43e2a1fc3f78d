/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header in front of an endpoint's packets follows the kernel's routes and neighbours. */
#include "bed.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>

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

static void a_link_that_went_down_is_followed_and_found_again(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	sh("ip link set w0 down");
	assert_true(until(b, unreachable));
	sh("ip link set w0 up");
	for (int e = 0; e < ENDPOINTS; e++) { /* the kernel forgot them */
		char line[96];

		snprintf(
			line, sizeof(line),
			"ip neigh replace 10.1.0.%d lladdr 06:00:00:00:00:%02x dev w0 nud permanent",
			e + 1, e);
		sh(line);
	}
	assert_true(until(b, reached));
	assert_int_equal(template(b, 0)->hdr[5], 0);
}

/* --- many endpoints behind a gateway --- */

#define MANY 1000

/* Endpoints 10.2.0.0 and on, all by a gateway. */
static void sync_many(struct bed *b, uint32_t first, uint32_t n)
{
	struct weir_tables_endpoint *e = weir_new_array(MANY, struct weir_tables_endpoint);
	struct weir_tables t = { .endpoints = e, .n_endpoints = n };

	for (uint32_t i = 0; i < n; i++) {
		uint8_t v4[4] = { 10, 2, (uint8_t)((first + i) >> 8), (uint8_t)(first + i) };

		e[i] = (struct weir_tables_endpoint){ .addr = weir_addr_v4(v4), .alive = true };
	}
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	free(e);
}

static void gateways(void)
{
	sh("ip neigh replace 10.1.200.1 lladdr 06:00:00:00:00:71 dev w0 nud permanent");
	sh("ip neigh replace 10.1.200.2 lladdr 06:00:00:00:00:72 dev w0 nud permanent");
	sh("ip route replace 10.2.0.0/16 via 10.1.200.1 dev w0");
}

static void no_gateways(void)
{
	sh("ip route del 10.2.0.0/16");
	sh("ip neigh del 10.1.200.1 dev w0");
	sh("ip neigh del 10.1.200.2 dev w0");
}

/* How many endpoints are reached by a MAC address that ends so. */
static uint32_t reached_by(const struct bed *b, uint8_t last)
{
	uint32_t n = 0;

	for (uint32_t s = 1; s <= 2 * MANY; s++)
		n += b->ids[s].used && b->endpoints[s].ifindex && b->endpoints[s].hdr[5] == last;
	return n;
}

static uint32_t slot_of(const struct bed *b, const char *address)
{
	union weir_addr a = pkt_addr(address);

	for (uint32_t s = 1; s <= 2 * MANY; s++)
		if (b->ids[s].used && !memcmp(&b->ids[s].addr, &a, sizeof(a)))
			return s;
	fail_msg("%s has no slot", address);
	return 0;
}

static bool more_to_do(const struct bed *b)
{
	struct pollfd fd = { .fd = weir_plane_fd(b->plane), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void take_events(struct bed *b)
{
	while (more_to_do(b))
		weir_plane_readable(b->plane);
}

static void a_change_of_many_routes_is_followed_in_small_steps(void **state)
{
	struct bed *b = *state;
	uint32_t steps = 0;

	gateways();
	sync_many(b, 0, MANY);
	take_events(b);
	assert_int_equal(reached_by(b, 0x71), MANY);
	sh("ip route replace 10.2.0.0/16 via 10.1.200.2 dev w0");
	while (more_to_do(b)) {
		uint32_t before = reached_by(b, 0x72);

		weir_plane_readable(b->plane);
		assert_in_range(reached_by(b, 0x72) - before, 0, MANY / 2);
		steps++;
	}
	assert_in_range(steps, 3, MANY);
	assert_int_equal(reached_by(b, 0x72), MANY);
	no_gateways();
}

static void only_what_a_route_is_about_is_asked_for(void **state)
{
	struct bed *b = *state;

	gateways();
	sync_many(b, 0, MANY);
	take_events(b);
	b->endpoints[slot_of(b, "10.2.1.3")].hdr[5] = 0; /* what is asked for is written anew */
	b->endpoints[slot_of(b, "10.2.1.4")].hdr[5] = 0;
	b->endpoints[slot_of(b, "10.2.1.7")].hdr[5] = 0;
	b->endpoints[slot_of(b, "10.2.1.8")].hdr[5] = 0;
	sh("ip route add 10.3.0.0/16 via 10.1.200.2 dev w0");
	sh("ip route add 10.2.1.4/30 via 10.1.200.2 dev w0");
	take_events(b);
	assert_int_equal(reached_by(b, 0x72), 4);
	assert_int_equal(reached_by(b, 0), 2);
	sh("ip route del 10.2.1.4/30");
	take_events(b);
	assert_int_equal(reached_by(b, 0x71), MANY - 2);
	sh("ip addr add 10.1.255.253/16 dev w0"); /* may be about any */
	sh("ip addr del 10.1.255.253/16 dev w0");
	take_events(b);
	assert_int_equal(reached_by(b, 0x71), MANY);
	sync_many(b, MANY / 2, MANY); /* others than before */
	sh("ip route add 10.2.5.0/30 via 10.1.200.2 dev w0");
	take_events(b);
	assert_int_equal(reached_by(b, 0x72), 4);
	sh("ip route del 10.2.5.0/30");
	sh("ip route del 10.3.0.0/16");
	no_gateways();
}

/* Some leave, others come and take their slots: the gateway's new address reaches all who are
 * there. */
static void a_gateways_new_address_reaches_all_behind_it(void **state)
{
	struct bed *b = *state;

	gateways();
	sync_many(b, 0, MANY);
	sync_many(b, 100, MANY - 300);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(reached_by(b, 0x71), MANY - 300);
	sh("ip neigh replace 10.1.200.1 lladdr 06:00:00:00:00:73 dev w0 nud permanent");
	take_events(b);
	assert_int_equal(reached_by(b, 0x73), MANY - 300);
	sync_many(b, 100, MANY);
	sh("ip neigh replace 10.1.200.1 lladdr 06:00:00:00:00:74 dev w0 nud permanent");
	take_events(b);
	assert_int_equal(reached_by(b, 0x74), MANY);
	no_gateways();
}

/* More than the socket holds, and then what matters. */
static void what_the_kernel_could_not_tell_is_asked_for(void **state)
{
	struct bed *b = *state;

	gateways();
	sync_many(b, 0, MANY);
	take_events(b);
	sh("for i in $(seq 8000); do for mac in 1 2; do echo neigh replace 10.1.201.1 lladdr "
	   "06:00:00:00:01:0$mac dev w0 nud permanent; done; done | ip -batch -");
	sh("ip neigh replace 10.1.200.1 lladdr 06:00:00:00:00:75 dev w0 nud permanent");
	sh("ip route replace 10.2.1.4/30 via 10.1.200.2 dev w0");
	take_events(b);
	assert_int_equal(reached_by(b, 0x75), MANY - 4);
	assert_int_equal(reached_by(b, 0x72), 4);
	sh("ip route del 10.2.1.4/30 && ip neigh del 10.1.201.1 dev w0");
	no_gateways();
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
		BED_TEST(a_link_that_went_down_is_followed_and_found_again),
		BED_TEST(a_change_of_many_routes_is_followed_in_small_steps),
		BED_TEST(only_what_a_route_is_about_is_asked_for),
		BED_TEST(a_gateways_new_address_reaches_all_behind_it),
		BED_TEST(what_the_kernel_could_not_tell_is_asked_for),
	};

	return BED_TESTS(tests);
}
