/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that tell their clients apart: which table a packet's row is in, and that no change of
 * that breaks a flow. */
#include "steer_bed.h"

#define HERE  "198.51.100.7"
#define THERE "203.0.113.7"
#define HERE6 "2001:db8:7::7"

/* --- which way --- */

static void the_longest_prefix_says_the_location_and_that_the_class(void **state)
{
	(void)state;
	configure(0, 0, CLASSES + 1);
	for (uint16_t location = 0; location < 9; location++)
		plane->classes[(CLASSES + 1 + location) / 4].of[(CLASSES + 1 + location) % 4] =
			location == 0   ? 2
			: location == 5 ? 1
					: 0;
	way(0, in_a, REST);
	way(1, in_b, REST);
	way(2, in_c, REST);
	plane_add_place(plane, "198.51.100.0", 24, 5);
	plane_add_place(plane, "198.51.100.128", 25, 8);
	plane_add_place(plane, "2001:db8:7::", 48, 5);
	data(client(TCP, HERE, 1), WEIR_FORWARD, b);
	data(client(UDP, HERE, 1), WEIR_FORWARD, b);
	data(client(TCP, "198.51.100.200", 1), WEIR_FORWARD, a);
	data(client(TCP, THERE, 1), WEIR_FORWARD, c);
	data(client(TCP6, HERE6, 1), WEIR_FORWARD, b);
	data(client(TCP6, "2001:db8:8::7", 1), WEIR_FORWARD, c);
	assert_int_equal(n_records(), 0);
}

static struct flow nth_client(uint32_t n, enum service to)
{
	struct flow f = client(to, to == TCP6 ? "2001:db8:7::" : "198.51.0.0", (uint16_t)n);

	f.src.b[14] = (uint8_t)(n >> 8);
	f.src.b[15] = (uint8_t)n;
	return f;
}

static void a_slice_of_clients_goes_its_way_with_all_its_flows(void **state)
{
	uint32_t there = 0;

	(void)state;
	configure(0, WEIR_STEER_SLICED, WEIR_STEER_ONE_CLASS);
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		way(i, i < 300 ? in_b : in_a, REST);
	for (uint32_t n = 0; n < 3000; n++)
		for (int to = 0; to < SERVICES; to++) {
			struct flow f = nth_client(n, to);
			uint32_t slot = plane_slice(&f) < 300 ? b : a;

			data(f, WEIR_FORWARD, slot);
			f.sport += 7;
			data(f, WEIR_FORWARD, slot);
			there += to == TCP && slot == b;
		}
	assert_in_range(there, 3000 * 300 / 1024 * 9 / 10, 3000 * 300 / 1024 * 11 / 10);
}

/* Else a table would not be shared by its weights within a slice. */
static void slices_say_nothing_of_rows_and_buckets(void **state)
{
	uint32_t same_row = 0, same_bucket = 0, n_of = 0;

	(void)state;
	for (uint32_t n = 0; n < 65536; n++) {
		struct flow f = nth_client(n, TCP);
		uint64_t hash = plane_hash_client(&f);

		if (plane_slice(&f) % 8)
			continue;
		n_of++;
		same_row += hash % 8 == 0;
		same_bucket += (hash >> 16) % 8 == 0;
	}
	assert_in_range(n_of, 65536 / 8 - 400, 65536 / 8 + 400);
	assert_in_range(same_row, n_of / 8 - 150, n_of / 8 + 150);
	assert_in_range(same_bucket, n_of / 8 - 150, n_of / 8 + 150);
}

static void each_class_has_slices_of_its_own(void **state)
{
	struct flow here = client(TCP, HERE, 1), there = client(TCP, THERE, 1);

	(void)state;
	configure(0, WEIR_STEER_SLICED, CLASSES);
	plane->classes[CLASSES / 4] = (struct weir_classes){ { 0, 1 } };
	plane_add_place(plane, "203.0.113.0", 24, 1);
	for (uint32_t i = 0; i < 2 * WEIR_STEER_SLICES; i++)
		way(i, in_a, REST);
	way(plane_slice(&here), in_b, REST);
	way(WEIR_STEER_SLICES + plane_slice(&there), in_c, REST);
	data(here, WEIR_FORWARD, b);
	data(there, WEIR_FORWARD, c);
}

/* --- a change of ways --- */

static void older_flows_stay_and_new_ones_go_the_new_way(void **state)
{
	(void)state;
	way(0, in_b, in_a);
	data(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	syn(client(TCP, HERE, 2), WEIR_FORWARD, b);
	data(client(TCP, HERE, 2), WEIR_FORWARD_FLOW, b);
	data(client(UDP, HERE, 3), WEIR_FORWARD_PREV, a);
	data(client(TCP6, HERE6, 4), WEIR_FORWARD_PREV, a);
	way(0, in_c, in_a | UDP_NEW);
	data(client(TCP, HERE, 1), WEIR_FORWARD_FLOW, a);
	data(client(TCP, HERE, 2), WEIR_FORWARD_FLOW, b);
	data(client(UDP, HERE, 3), WEIR_FORWARD_FLOW, a);
	data(client(TCP, HERE, 5), WEIR_FORWARD_PREV, a);
	data(client(UDP, HERE, 6), WEIR_FORWARD, c);
	assert_int_equal(n_records(), 6);
	way(0, in_c, REST);
	data(client(TCP, HERE, 1), WEIR_FORWARD, c);
}

static void rows_of_both_tables_may_be_unsettled_too(void **state)
{
	(void)state;
	plane_set_rows(plane, &table_a, c, a);
	way(0, in_b, in_a);
	data(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	plane_set_rows(plane, &table_b, c, b);
	plane_set_rows(plane, &table_a, a, REST);
	syn(client(TCP, HERE, 2), WEIR_FORWARD, c);
	data(client(TCP, HERE, 3), WEIR_FORWARD_PREV, a);
	way(0, in_b, REST);
	data(client(TCP, HERE, 4), WEIR_FORWARD_PREV, b);
	data(client(TCP, HERE, 2), WEIR_FORWARD_FLOW, c);
}

static void nobody_is_sent_to_a_dead_endpoint(void **state)
{
	(void)state;
	way(0, in_b, in_a);
	data(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	plane->endpoints[a].state = 0;
	data(client(TCP, HERE, 1), WEIR_FORWARD, b);
	data(client(TCP, HERE, 2), WEIR_FORWARD_PREV, b);
	plane_set_rows(plane, &table_a, WEIR_NO_ENDPOINT, REST);
	data(client(TCP, HERE, 3), WEIR_FORWARD_PREV, b);
}

/* What the agent lets ways come to rest by. */
static void a_record_says_whether_its_flow_is_away(void **state)
{
	struct flow older = client(TCP, HERE, 1), newer = client(TCP, HERE, 2);
	struct weir_flow *f;

	(void)state;
	way(0, in_b, in_a);
	data(older, WEIR_FORWARD_PREV, a);
	syn(newer, WEIR_FORWARD, b);
	f = plane_record(plane, &service[TCP], &older);
	assert_true(f->seen & WEIR_FLOW_AWAY);
	data(older, WEIR_FORWARD_FLOW, a);
	assert_true(f->seen & WEIR_FLOW_AWAY);
	f = plane_record(plane, &service[TCP], &newer);
	assert_false(f->seen & WEIR_FLOW_AWAY);
	way(0, in_a, in_a);
	data(newer, WEIR_FORWARD_FLOW, b);
	assert_true(f->seen & WEIR_FLOW_AWAY);
	data(older, WEIR_FORWARD_FLOW, a);
	assert_false(plane_record(plane, &service[TCP], &older)->seen & WEIR_FLOW_AWAY);
}

/* --- clients that are remembered --- */

static void remembered_clients_stay_when_their_way_changes(void **state)
{
	(void)state;
	way(0, in_b, in_a);
	syn(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	syn(client(TCP, HERE, 2), WEIR_FORWARD_FLOW, a);
	data(client(UDP, HERE, 2), WEIR_FORWARD_FLOW, a);
	way(0, in_b, in_a | UDP_NEW);
	syn(client(TCP, HERE, 3), WEIR_FORWARD_FLOW, a);
	syn(client(TCP, THERE, 1), WEIR_FORWARD, b);
	syn(client(TCP, THERE, 2), WEIR_FORWARD_FLOW, b);
	assert_int_equal(n_records(), 2);
}

static void with_sessions_their_new_flows_go_and_their_old_ones_stay(void **state)
{
	(void)state;
	way(0, in_b, in_a);
	syn(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	way(0, in_c | SESSIONS, in_b);
	syn(client(TCP, HERE, 2), WEIR_FORWARD, c);
	data(client(TCP, HERE, 2), WEIR_FORWARD_FLOW, c);
	data(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	data(client(TCP, HERE, 1), WEIR_FORWARD_FLOW, a);
	data(client(UDP, HERE, 1), WEIR_FORWARD_PREV, a);
	data(client(TCP, THERE, 1), WEIR_FORWARD_PREV, b);
	syn(client(TCP, THERE, 2), WEIR_FORWARD, c);
	data(client(TCP, THERE, 2), WEIR_FORWARD_FLOW, c);
	plane->endpoints[a].state = 0;
	data(client(TCP, HERE, 3), WEIR_FORWARD_PREV, b);
}

/* A way back, or on, while the way is unsettled. */
static void what_was_opened_with_sessions_stays_after_them(void **state)
{
	struct flow moved = client(TCP, HERE, 2), again = client(TCP, HERE, 3);

	(void)state;
	way(0, in_b | SESSIONS, in_a);
	syn(moved, WEIR_FORWARD, b);
	data(moved, WEIR_FORWARD_FLOW, b);
	syn(again, WEIR_FORWARD, b);
	data(client(TCP, HERE, 1), WEIR_FORWARD_PREV, a);
	way(0, in_a, in_a);
	data(moved, WEIR_FORWARD_FLOW, b);
	syn(client(TCP, HERE, 4), WEIR_FORWARD_PREV, a);
	syn(again, WEIR_FORWARD_FLOW, a); /* its endpoint never answered */
	data(again, WEIR_FORWARD_FLOW, a);
	syn(moved, WEIR_FORWARD_FLOW, b); /* anybody can send one */
	data(moved, WEIR_FORWARD_FLOW, b);
}

/* --- with what else a service may be --- */

static void an_icmp_error_follows_its_flow(void **state)
{
	struct flow f = client(TCP, HERE, 2), back = { f.dst, f.src, f.dport, f.sport, f.proto };
	struct flow icmp = f;
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;

	(void)state;
	way(0, in_b, in_a);
	icmp.proto = IPPROTO_ICMP;
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[34] = 3;
	memcpy(p.data + 42, quoted.data + 14, 28);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
	syn(f, WEIR_FORWARD, b);
	expect_sent(p, WEIR_FORWARD_ICMP, b);
	way(0, in_c, REST);
	expect_sent(p, WEIR_FORWARD_ICMP, c);
}

static void a_later_fragment_follows_the_first(void **state)
{
	struct flow f = client(UDP, HERE, 2);

	(void)state;
	way(0, in_b, in_a | UDP_NEW);
	expect_sent(pkt_fragment(pkt_new(&f, 0), 0, 1), WEIR_FORWARD, b);
	way(0, in_c, REST);
	expect_sent(pkt_fragment(pkt_new(&f, 0), 10, 0), WEIR_FORWARD_FRAGMENT, b);
}

static void connections_are_counted_where_the_way_leads(void **state)
{
	(void)state;
	configure(WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED, 0, WEIR_STEER_ONE_CLASS);
	plane_set_conns(plane, a, 0, 1);
	plane_set_conns(plane, b, 1, 1);
	plane_set_conns(plane, c, 0, 1);
	data(client(TCP, HERE, 1), WEIR_FORWARD, a);
	way(0, in_b, in_a);
	data(client(TCP, HERE, 2), WEIR_FORWARD_PREV, a);
	syn(client(TCP, HERE, 3), WEIR_FORWARD, b);
	assert_int_equal(plane_open(plane, a), 2);
	assert_int_equal(plane_open(plane, b), 1);
	way(0, in_c, REST);
	data(client(TCP, HERE, 1), WEIR_FORWARD_FLOW, a);
	data(client(TCP, HERE, 3), WEIR_FORWARD_FLOW, b);
	syn(client(TCP, HERE, 4), WEIR_FORWARD, c);
	assert_int_equal(plane_open(plane, c), 1);
}

static void requests_go_the_new_way_at_once(void **state)
{
	(void)state;
	configure(WEIR_SERVICE_UDP_REQUEST, 0, WEIR_STEER_ONE_CLASS);
	way(0, in_b, in_a);
	data(client(UDP, HERE, 1), WEIR_FORWARD, b);
	assert_int_equal(n_records(), 0);
}

/* Every second row of its client's table is another endpoint's. */
static void a_second_choice_is_of_the_ways_table(void **state)
{
	struct flow f = client(TCP, HERE, 2);
	struct weir_syn *s;

	(void)state;
	configure(WEIR_SERVICE_WATCH, 0, WEIR_STEER_ONE_CLASS);
	for (uint32_t i = 0; i < ROWS; i++)
		plane_set_row(plane, table_b.base + i, i % 2 ? b : c, REST);
	while (plane_hash(&f) % 2 == 0)
		f.sport++;
	way(0, in_b, REST);
	syn(f, WEIR_FORWARD, b);
	s = plane_syn(plane, &f);
	s->at -= plane_jiffies(plane, 1000);
	plane->live[b].unanswered = WEIR_SUSPECT;
	plane->live[b].again_at = plane_syn_now(plane);
	syn(f, WEIR_FORWARD_SECOND, c);
	data(f, WEIR_FORWARD_FLOW, c);
}

/* The agent sees to it that this cannot be. */
static void without_a_way_its_service_s_table_serves(void **state)
{
	(void)state;
	plane_set_rows(plane, &service[TCP], c, REST);
	configure(0, 0x7fffffff - WAYS, WEIR_STEER_ONE_CLASS);
	data(client(TCP, HERE, 1), WEIR_FORWARD, c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)        cmocka_unit_test_setup(name, services)
#define STICKY_TEST(name) cmocka_unit_test_setup(name, sticky)
		TEST(the_longest_prefix_says_the_location_and_that_the_class),
		TEST(a_slice_of_clients_goes_its_way_with_all_its_flows),
		TEST(slices_say_nothing_of_rows_and_buckets),
		TEST(each_class_has_slices_of_its_own),
		TEST(older_flows_stay_and_new_ones_go_the_new_way),
		TEST(rows_of_both_tables_may_be_unsettled_too),
		TEST(nobody_is_sent_to_a_dead_endpoint),
		TEST(a_record_says_whether_its_flow_is_away),
		STICKY_TEST(remembered_clients_stay_when_their_way_changes),
		STICKY_TEST(with_sessions_their_new_flows_go_and_their_old_ones_stay),
		STICKY_TEST(what_was_opened_with_sessions_stays_after_them),
		TEST(an_icmp_error_follows_its_flow),
		TEST(a_later_fragment_follows_the_first),
		TEST(connections_are_counted_where_the_way_leads),
		TEST(requests_go_the_new_way_at_once),
		TEST(a_second_choice_is_of_the_ways_table),
		TEST(without_a_way_its_service_s_table_serves),
	};

	return BED_TESTS(tests);
}
