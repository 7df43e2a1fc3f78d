/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIC by connection id: what becomes of flows when rows change, and with what else a service may
 * have. */
#include "quic_bed.h"

static uint32_t n_records(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			n += plane->flows[i].way[w].key != 0;
	return n;
}

/* --- rows that are not at rest --- */

static void an_initial_packet_begins_a_flow(void **state)
{
	struct flow f = client(1);

	(void)state;
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD, b);
	assert_int_equal(plane_record(plane, &quic, &f)->endpoint, b);
	expect_sent(packet(1, QUIC_FORM_0RTT, made_up()), WEIR_FORWARD_FLOW, b);
	expect_sent(packet(1, QUIC_FORM_INITIAL, naming(ID_B)), WEIR_FORWARD_FLOW, b);
	rows(c, b);
	expect_sent(packet(1, QUIC_FORM_INITIAL, naming(ID_B)), WEIR_FORWARD_FLOW, b);
	expect_sent(packet(1, QUIC_FORM_SHORT, made_up()), WEIR_FORWARD_FLOW, b);
	expect_sent(packet(2, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD, c);
}

/* A server has answered already: with the id that it chose, an Initial packet goes on. */
static void an_initial_packet_that_names_a_server_begins_none(void **state)
{
	(void)state;
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_INITIAL, naming(ID_A)), WEIR_FORWARD_PREV, a);
	expect_sent(packet(2, QUIC_FORM_0RTT, naming(ID_A)), WEIR_FORWARD_PREV, a);
	rows(b, a | WEIR_ROW_UDP_NEW);
	expect_sent(packet(3, QUIC_FORM_INITIAL, naming(ID_A)), WEIR_FORWARD, b);
	expect_sent(packet(1, QUIC_FORM_INITIAL, naming(ID_A)), WEIR_FORWARD_FLOW, a);
}

/* A flow that lives is not taken elsewhere, and one of a single packet is begun anew. */
static void an_initial_packet_takes_no_flow_from_its_endpoint(void **state)
{
	(void)state;
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_SHORT, made_up()), WEIR_FORWARD_PREV, a);
	expect_sent(packet(1, QUIC_FORM_SHORT, made_up()), WEIR_FORWARD_FLOW, a);
	expect_sent(packet(1, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD_FLOW, a);
	expect_sent(packet(2, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD, b);
	rows(c, b);
	expect_sent(packet(2, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD, c);
}

static void what_goes_by_id_leaves_no_record(void **state)
{
	(void)state;
	rows(b, c);
	for (uint8_t n = 0; n < 50; n++) {
		by_id(packet(n, QUIC_FORM_HANDSHAKE, naming(ID_A)), a);
		by_id(packet(n, QUIC_FORM_SHORT, naming(ID_A)), a);
	}
	assert_int_equal(n_records(), 0);
}

/* What names nobody is a datagram as any. */
static void other_packets_are_taken_for_older_ones_for_a_while(void **state)
{
	struct flow f = client(5);

	(void)state;
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)), WEIR_FORWARD_PREV, a);
	expect_sent(packet(2, QUIC_FORM_HANDSHAKE, made_up()), WEIR_FORWARD_PREV, a);
	expect_sent(quic_packet_of(&f, QUIC_FORM_INITIAL, 2, made_up()), WEIR_FORWARD_PREV, a);
	rows(b, a | WEIR_ROW_UDP_NEW);
	expect_sent(packet(3, QUIC_FORM_SHORT, naming(NOBODYS)), WEIR_FORWARD, b);
}

/* --- with what else a service may have --- */

static void initial_packets_are_counted_as_connections(void **state)
{
	(void)state;
	by_row(packet(1, QUIC_FORM_INITIAL, made_up()));
	by_row(packet(2, QUIC_FORM_INITIAL, made_up()));
	by_row(packet(2, QUIC_FORM_INITIAL, naming(ID_A)));
	by_row(packet(2, QUIC_FORM_0RTT, made_up()));
	by_row(packet(2, QUIC_FORM_SHORT, made_up()));
	assert_int_equal(plane_stats(plane, c).connections, 2);
	by_id(packet(2, QUIC_FORM_SHORT, naming(ID_A)), a);
	assert_int_equal(plane_stats(plane, a).connections, 0);
	assert_int_equal(plane_stats(plane, a).packets, 1);
}

static void source_rules_come_first(void **state)
{
	(void)state;
	configure(WEIR_SERVICE_SOURCES, BYTES);
	plane_add_source(plane, 1, "::ffff:0:0", 96, WEIR_SOURCE_ALLOW);
	plane_add_source(plane, 1, "198.51.100.1", 32, WEIR_SOURCE_DENY);
	expect(packet(1, QUIC_FORM_SHORT, naming(ID_A)), XDP_DROP, WEIR_DROP_DENIED);
	by_id(packet(2, QUIC_FORM_SHORT, naming(ID_A)), a);
}

/* A client's new connections go where it was, and each goes on where its id says. */
static void an_affinity_is_for_new_connections(void **state)
{
	(void)state;
	configure(WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY, BYTES);
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD_PREV, a);
	by_id(packet(1, QUIC_FORM_SHORT, naming(ID_B)), b);
	rows(b, a | WEIR_ROW_UDP_NEW);
	expect_sent(packet(1, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD_FLOW, a);
	expect_sent(packet(2, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD, b);
}

static void services_without_the_flag_know_no_ids(void **state)
{
	(void)state;
	plane_set_flags(plane, &quic, 0, (struct weir_special){ .group = GROUP });
	by_row(packet(1, QUIC_FORM_SHORT, naming(ID_A)));
	rows(b, a);
	expect_sent(packet(1, QUIC_FORM_INITIAL, made_up()), WEIR_FORWARD_PREV, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_initial_packet_begins_a_flow),
		TEST(an_initial_packet_that_names_a_server_begins_none),
		TEST(an_initial_packet_takes_no_flow_from_its_endpoint),
		TEST(what_goes_by_id_leaves_no_record),
		TEST(other_packets_are_taken_for_older_ones_for_a_while),
		TEST(initial_packets_are_counted_as_connections),
		TEST(source_rules_come_first),
		TEST(an_affinity_is_for_new_connections),
		TEST(services_without_the_flag_know_no_ids),
	};

	return BED_TESTS(tests);
}
