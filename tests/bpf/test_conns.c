/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services whose open connections are counted: what opens and closes one. */
#include "conns_bed.h"

/* --- counting --- */

static void a_connection_counts_once_from_its_syn_to_its_end(void **state)
{
	static const uint8_t ends[] = { PKT_FIN | PKT_ACK, PKT_RST, PKT_RST | PKT_ACK };
	struct flow f;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		f = flow(1000 + i);
		sends(&f, PKT_SYN, WEIR_FORWARD, a);
		open_are(1, 0);
		sends(&f, PKT_SYN, WEIR_FORWARD_FLOW, a);
		sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
		sends(&f, PKT_SYN, WEIR_FORWARD_FLOW, a);
		open_are(1, 0);
		sends(&f, ends[i], WEIR_FORWARD_FLOW, a);
		open_are(0, 0);
		sends(&f, ends[i], WEIR_FORWARD_FLOW, a);
		sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
		open_are(0, 0);
		sends(&f, PKT_SYN, WEIR_FORWARD, a);
		open_are(1, 0);
		sends(&f, PKT_RST, WEIR_FORWARD_FLOW, a);
	}
}

static void odd_packets_count_like_plain_ones(void **state)
{
	struct flow f = flow(1000), g = flow_of(IPPROTO_TCP, "2001:db8:7::7", 4000, VIP6, 443);

	(void)state;
	expect_sent(pkt_vlan(pkt_new(&f, PKT_SYN), 7), WEIR_FORWARD, a);
	expect_sent(pkt_extension(pkt_new(&g, PKT_SYN), 60), WEIR_FORWARD, a);
	open_are(2, 0);
	expect_sent(pkt_options(pkt_new(&f, PKT_FIN), 8), WEIR_FORWARD_FLOW, a);
	open_are(1, 0);
	sends(&g, PKT_RST, WEIR_FORWARD_FLOW, a);
	open_are(0, 0);
}

static void a_flow_from_before_counts_from_its_next_packet(void **state)
{
	struct flow f = flow(1000), g = flow(1001), h = flow(1002);

	(void)state;
	sends(&f, PKT_ACK, WEIR_FORWARD, a);
	open_are(1, 0);
	sends(&g, PKT_FIN | PKT_ACK, WEIR_FORWARD, a);
	assert_null(record(&g));
	open_are(1, 0);
	rows(b, a);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	sends(&g, PKT_ACK, WEIR_FORWARD_PREV, a);
	open_are(2, 0);
	sends(&h, PKT_SYN, WEIR_FORWARD, b);
	open_are(2, 1);
}

static void datagrams_open_a_flow_and_never_close_it(void **state)
{
	struct flow f = datagrams(1000), g = datagrams(1001);

	(void)state;
	for (int i = 0; i < 3; i++)
		sends(&f, 0, i ? WEIR_FORWARD_FLOW : WEIR_FORWARD, a);
	open_are(1, 0);
	rows(b, a);
	sends(&f, 0, WEIR_FORWARD_FLOW, a);
	sends(&g, 0, WEIR_FORWARD_PREV, a); /* from before, perhaps */
	open_are(2, 0);
	g = datagrams(1002);
	rows(b, a | WEIR_ROW_UDP_NEW);
	sends(&g, 0, WEIR_FORWARD, b);
	open_are(2, 1);
}

static void a_quic_connection_counts_where_its_id_says(void **state)
{
	struct flow f = datagrams(1000), moved = datagrams(1001);
	struct quic_cid named = quic_cid(0, 9, 1, 1), own = quic_cid(6, 9, 1, 1);

	(void)state;
	plane_set_flags(plane, &udp, COUNTED | WEIR_SERVICE_QUIC,
			(struct weir_special){ .group = 1, .id_bytes = 1 });
	plane_add_server_id(plane, 1, 0, 1, 9, b);
	plane_set_conns(plane, b, 1, 100);
	expect_sent(quic_packet(&f, QUIC_FORM_INITIAL, own), WEIR_FORWARD, a);
	expect_sent(quic_packet(&f, QUIC_FORM_INITIAL, own), WEIR_FORWARD_FLOW, a);
	open_are(1, 0);
	for (int i = 0; i < 2; i++)
		expect_sent(quic_packet(&f, QUIC_FORM_SHORT, named), WEIR_FORWARD_QUIC, b);
	open_are(0, 1);
	expect_sent(quic_packet(&moved, QUIC_FORM_SHORT, named), WEIR_FORWARD_QUIC, b);
	open_are(0, 2); /* it is there, whatever the limit says */
	expect_sent(quic_packet(&f, QUIC_FORM_SHORT, own), WEIR_FORWARD_FLOW, b);
	open_are(0, 2);
}

static void a_silent_flow_that_the_agent_gave_up_counts_again_when_it_is_heard(void **state)
{
	struct flow f = flow(1000), g = flow(1001);

	(void)state;
	plane_set_conns(plane, a, 1, 100);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	record(&f)->seen &= ~WEIR_FLOW_OPEN;
	plane->conns[weir_conns_index(a)].closed++;
	sends(&g, PKT_SYN, WEIR_FORWARD, a);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a); /* whatever the limit says */
	open_are(2, 0);
	record(&f)->seen &= ~WEIR_FLOW_OPEN;
	plane->conns[weir_conns_index(a)].closed++;
	sends(&f, PKT_FIN, WEIR_FORWARD_FLOW, a);
	open_are(1, 0);
}

static void a_syn_begins_anew_where_nobody_answered_or_spoke_for_long(void **state)
{
	struct flow f = flow(1000), g = flow(1001);

	(void)state;
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	sends(&g, PKT_SYN, WEIR_FORWARD, a);
	sends(&g, PKT_ACK, WEIR_FORWARD_FLOW, a);
	rows(b, REST);
	was_silent(&f, WEIR_FLOW_OPENING_S - 2);
	sends(&f, PKT_SYN, WEIR_FORWARD_FLOW, a);
	was_silent(&f, WEIR_FLOW_OPENING_S + 1);
	sends(&f, PKT_SYN, WEIR_FORWARD, b);
	was_silent(&g, WEIR_FLOW_IDLE_S - 10);
	sends(&g, PKT_SYN, WEIR_FORWARD_FLOW, a);
	open_are(1, 1);
	was_silent(&g, WEIR_FLOW_IDLE_S + 1);
	sends(&g, PKT_SYN, WEIR_FORWARD, b);
	open_are(0, 2);
}

static void an_icmp_error_finds_the_flow_and_leaves_no_trace(void **state)
{
	struct flow f = flow(1000), back = flow_of(IPPROTO_TCP, VIP, 443, CLIENT, 1000), icmp;
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;

	(void)state;
	icmp = flow_of(IPPROTO_ICMP, "198.51.100.254", 0, VIP, 0);
	f.src = pkt_addr(CLIENT);
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[34] = 3;
	memcpy(p.data + 42, quoted.data + 14, 28);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
	assert_null(record(&f));
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	rows(b, REST);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
	plane->endpoints[a].state = 0;
	expect_sent(p, WEIR_FORWARD_ICMP, b);
	open_are(1, 0);
}

static void with_its_endpoint_a_connection_ends(void **state)
{
	struct flow f = flow(1000), g = datagrams(1001), h = flow(1002);

	(void)state;
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	sends(&g, 0, WEIR_FORWARD, a);
	sends(&h, PKT_SYN, WEIR_FORWARD, a);
	rows(b, REST);
	plane->endpoints[a].state = 0;
	sends(&f, PKT_ACK, WEIR_FORWARD, b); /* to be told so */
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, b);
	open_are(2, 0);
	sends(&g, 0, WEIR_FORWARD, b);
	sends(&h, PKT_SYN, WEIR_FORWARD, b);
	open_are(0, 2);
	sends(&f, PKT_SYN, WEIR_FORWARD, b);
	open_are(0, 3);
}

/* --- where there is no room for records --- */

static struct weir_flow_bucket *bucket(const struct flow *f, int second)
{
	uint64_t h = plane_hash(f), at = h >> 16;

	return &plane->flows[(second ? at ^ (h >> 48 | 1) : at) % WEIR_FLOW_BUCKETS];
}

static void fill(struct weir_flow_bucket *to, uint32_t seen)
{
	for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
		to->way[w] = (struct weir_flow){ w + 1, c, plane_now(plane) | seen };
}

static void records_have_two_places(void **state)
{
	struct flow f = flow(1000);

	(void)state;
	fill(bucket(&f, 0), WEIR_FLOW_ESTABLISHED);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	assert_int_equal(record(&f), &bucket(&f, 1)->way[0]);
	rows(b, REST);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	open_are(1, 0);
}

static void without_a_record_a_flow_follows_its_row_and_is_not_counted(void **state)
{
	struct flow f = flow(1000), g = flow(2000);

	(void)state;
	plane_set_conns(plane, a, 1, 100);
	fill(bucket(&f, 0), WEIR_FLOW_ESTABLISHED);
	fill(bucket(&f, 1), WEIR_FLOW_ESTABLISHED);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	sends(&f, PKT_ACK, WEIR_FORWARD, a);
	assert_null(record(&f));
	open_are(0, 0);
	sends(&g, PKT_SYN, WEIR_FORWARD, a);
	plane_set_row(plane, other(&f, 1), b, REST);
	refused(&f); /* its packets would not find the way elsewhere */
	plane_set_conns(plane, a, 2, 100);
	plane_set_rows(plane, &tcp, b, a);
	sends(&f, PKT_SYN, WEIR_FORWARD_PREV, a);
	open_are(1, 0);
}

static void who_gives_way_does_not_count_any_more(void **state)
{
	struct flow f = flow(1000);
	struct weir_flow_bucket *to = bucket(&f, 0);

	(void)state;
	fill(to, WEIR_FLOW_ESTABLISHED | WEIR_FLOW_OPEN);
	fill(bucket(&f, 1), WEIR_FLOW_ESTABLISHED | WEIR_FLOW_OPEN);
	plane->conns[weir_conns_index(c)].opened = 2 * WEIR_FLOW_WAYS;
	to->way[2].seen -= plane_idle(plane) + (10 << WEIR_FLOW_FLAGS);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	assert_int_equal(record(&f), &to->way[2]);
	assert_int_equal(plane_open(plane, c), 2 * WEIR_FLOW_WAYS - 1);
	open_are(1, 0);
}

/* Services share the places for records. */
static void who_gives_way_to_another_service_does_not_either(void **state)
{
	struct flow f = flow(1000);
	struct weir_flow_bucket *to = bucket(&f, 0);

	(void)state;
	set_flags(0);
	rows(a, b); /* it is recorded */
	fill(to, WEIR_FLOW_ESTABLISHED | WEIR_FLOW_OPEN);
	plane->conns[weir_conns_index(c)].opened = WEIR_FLOW_WAYS;
	to->way[1].seen -= plane_idle(plane) + (10 << WEIR_FLOW_FLAGS);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	assert_int_equal(record(&f), &to->way[1]);
	assert_int_equal(plane_open(plane, c), WEIR_FLOW_WAYS - 1);
	open_are(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_counts_once_from_its_syn_to_its_end),
		TEST(odd_packets_count_like_plain_ones),
		TEST(a_flow_from_before_counts_from_its_next_packet),
		TEST(datagrams_open_a_flow_and_never_close_it),
		TEST(a_quic_connection_counts_where_its_id_says),
		TEST(a_silent_flow_that_the_agent_gave_up_counts_again_when_it_is_heard),
		TEST(a_syn_begins_anew_where_nobody_answered_or_spoke_for_long),
		TEST(an_icmp_error_finds_the_flow_and_leaves_no_trace),
		TEST(with_its_endpoint_a_connection_ends),
		TEST(records_have_two_places),
		TEST(without_a_record_a_flow_follows_its_row_and_is_not_counted),
		TEST(who_gives_way_does_not_count_any_more),
		TEST(who_gives_way_to_another_service_does_not_either),
	};

	return BED_TESTS(tests);
}
