/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translated destinations: programs that can, and whose replies are whose, through changes, drains
 * and agents that come and go. */
#include "nat_bed.h"

static uint32_t reverses(const struct bed *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		n += b->services[i].key.used == WEIR_SLOT_REVERSE;
	return n;
}

static void programs_translate_only_while_an_endpoint_needs_it(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);
	uint32_t at;

	bed_serve(b, 0, MIN, 4, 2);
	bed_sync(b);
	assert_int_equal(features(b), 0);
	assert_false(replied(b, &f, 0));
	use_nat(b, WEIR_MODE_NAT, 0, 0, 2);
	bed_sync(b);
	assert_int_equal(features(b), WEIR_FEATURE_NAT);
	assert_int_equal(reverses(b), 2);
	at = bed_send(b, &f, PKT_SYN);
	assert_in_range(at, 0, 1);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1));
	assert_false(replied(b, &f, 2));
	bed_serve(b, 0, MIN, 4, 2);
	b->wish.service[0].reverses = 0;
	for (uint32_t e = 0; e < 2; e++)
		b->wish.endpoint[e].there = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(features(b), WEIR_FEATURE_NAT);
	assert_int_equal(bed_send(b, &f, PKT_ACK), at);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1));
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(reverses(b), 0);
	assert_int_equal(features(b), 0);
	assert_false(replied(b, &f, 0));
	assert_in_range(bed_send(b, &f, PKT_ACK), 4, 5);
}

static void addresses_and_ports_become_the_endpoints(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 7), is;
	struct pkt out;

	use_nat(b, WEIR_MODE_NAT, 0, 3, 1);
	bed_sync(b);
	out = leaves(b, &f, PKT_SYN);
	assert_int_not_equal(out.len, 0);
	f.dst = bed_addr(3);
	f.dport = EPORT;
	is = flow_in(&out);
	assert_true(same_flow(&is, &f));
}

static void the_next_agent_adopts_replies_before_it_knows_what_is_wanted(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 3);

	use_nat(b, WEIR_MODE_NAT, 0, 0, 2);
	bed_sync(b);
	bed_leave(b);
	bed_return(b);
	assert_int_equal(features(b), WEIR_FEATURE_NAT);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1));
	bed_pass(b, 1000);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1));
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(reverses(b), 2);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1));
}

/* What an earlier agent left: of a service that stays, and of one that goes. */
static void an_adopted_reverse_ends_when_nobody_wants_it(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 3);

	use_nat(b, WEIR_MODE_NAT, 0, 0, 3);
	use_nat(b, WEIR_MODE_NAT, 1, 4, 2);
	bed_sync(b);
	assert_int_equal(reverses(b), 5);
	bed_leave(b);
	bed_return(b);
	use_nat(b, WEIR_MODE_NAT, 0, 0, 1);
	b->wish.endpoint[1].there = b->wish.endpoint[2].there = false;
	b->wish.service[1].on = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(reverses(b), 3);
	assert_true(replied(b, &f, 0) && replied(b, &f, 1) && replied(b, &f, 2));
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(reverses(b), 1);
	assert_true(replied(b, &f, 0));
	assert_false(replied(b, &f, 1));
}

/* Rows are not the only way to an endpoint: connection ids lead there, too. */
static void replies_of_who_has_no_rows_are_known_for_the_window(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 3);

	use_nat(b, WEIR_MODE_NAT, 0, 2, 1);
	use_nat(b, WEIR_MODE_NAT, 0, 0, 1);
	b->wish.service[0].reverses |= 1u << 2;
	bed_sync(b);
	assert_true(replied(b, &f, 2));
	b->wish.service[0].reverses = 1u << 0;
	bed_sync(b);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	assert_true(replied(b, &f, 2));
	bed_pass(b, 1000);
	assert_false(replied(b, &f, 2));
	assert_true(replied(b, &f, 0));
}

static void replies_follow_an_endpoint_to_another_service(void **state)
{
	struct bed *b = *state;
	struct flow zero = bed_flow(0, 3), one = bed_flow(1, 3);

	use_nat(b, WEIR_MODE_NAT, 0, 0, 1);
	use_nat(b, WEIR_MODE_NAT, 1, 1, 1);
	bed_sync(b);
	assert_true(replied(b, &zero, 0) && replied(b, &one, 1));
	use_nat(b, WEIR_MODE_NAT, 0, 1, 1);
	use_nat(b, WEIR_MODE_NAT, 1, 0, 1);
	bed_sync(b);
	assert_true(replied(b, &zero, 1) && replied(b, &one, 0));
	assert_int_equal(reverses(b), 2);
}

static void an_endpoint_with_another_port_is_another_endpoint(void **state)
{
	struct bed *b = *state;
	struct weir_plane_endpoint_stats stats;
	union weir_addr addr = bed_addr(0);
	struct flow f = bed_flow(0, 3);
	struct pkt out;

	use_nat(b, WEIR_MODE_NAT, 0, 0, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	b->wish.endpoint[0].port = 9090;
	bed_sync(b);
	assert_true(weir_plane_endpoint(b->plane, &addr, htons(EPORT), WEIR_MODE_NAT, &stats));
	assert_int_equal(stats.packets, 1);
	assert_true(weir_plane_endpoint(b->plane, &addr, htons(9090), WEIR_MODE_NAT, &stats));
	assert_int_equal(stats.packets, 0);
	assert_false(weir_plane_endpoint(b->plane, &addr, htons(9091), WEIR_MODE_NAT, &stats));
	assert_true(weir_plane_was_healthy(b->plane, &addr, htons(9090)));
	assert_false(weir_plane_was_healthy(b->plane, &addr, 0));
	out = leaves(b, &f, PKT_ACK);
	assert_int_equal(flow_in(&out).dport, EPORT);
	f = bed_flow(0, 4);
	out = leaves(b, &f, PKT_SYN);
	assert_int_equal(flow_in(&out).dport, 9090);
}

/* Flows of the balancers meanwhile: nothing is in the way of finding others. */
static void services_and_reverses_come_and_go_in_one_table(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 200; i++) {
		struct flow f = bed_flow(i % 3, i);
		uint32_t e = i % ENDPOINTS;

		memset(&b->wish, 0, sizeof(b->wish));
		use_nat(b, WEIR_MODE_NAT, i % 3, e, 1);
		b->wish.endpoint[e].drain_ms = 1;
		b->wish.service[i % 3].drain_ms = 1;
		bed_sync(b);
		assert_int_equal(bed_send(b, &f, PKT_SYN), e);
		assert_true(replied(b, &f, e));
		bed_pass(b, 1000);
	}
	memset(&b->wish, 0, sizeof(b->wish));
	bed_sync(b);
	bed_pass(b, DRAIN_MS);
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		assert_int_equal(b->services[i].key.used, WEIR_SLOT_FREE);
}

/* Slots that an agent before this one has given away, as it seems: as many as a search looks at. */
static void crowd(struct bed *b, uint32_t first)
{
	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++)
		b->services[(first + i) % WEIR_SERVICE_SLOTS].key =
			(struct weir_service_key){ .vip = pkt_addr("192.0.2.200"),
						   .port = htons((uint16_t)(i + 1)),
						   .used = WEIR_SLOT_USED };
}

static void no_service_is_there_without_the_replies_of_its_endpoints(void **state)
{
	struct bed *b = *state;
	union weir_addr addr = bed_addr(2);

	bed_leave(b);
	crowd(b, weir_service_slot(&addr, htons(EPORT), IPPROTO_TCP));
	bed_return(b);
	use_nat(b, WEIR_MODE_NAT, 0, 0, 4);
	assert_int_equal(bed_try(b), -ENOSPC);
	assert_null(bed_service(b, 0));
	b->wish.service[0].on = false; /* whatever was there goes on */
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(reverses(b), 0);
	b->wish.service[0].on = true;
	bed_sync(b); /* what crowded is gone */
	assert_int_equal(reverses(b), 4);
	assert_non_null(bed_service(b, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(programs_translate_only_while_an_endpoint_needs_it),
		BED_TEST(addresses_and_ports_become_the_endpoints),
		BED_TEST(the_next_agent_adopts_replies_before_it_knows_what_is_wanted),
		BED_TEST(an_adopted_reverse_ends_when_nobody_wants_it),
		BED_TEST(replies_of_who_has_no_rows_are_known_for_the_window),
		BED_TEST(replies_follow_an_endpoint_to_another_service),
		BED_TEST(an_endpoint_with_another_port_is_another_endpoint),
		BED_TEST(services_and_reverses_come_and_go_in_one_table),
		BED_TEST(no_service_is_there_without_the_replies_of_its_endpoints),
	};

	return cmocka_run_group_tests(tests, make, bed_remove);
}
