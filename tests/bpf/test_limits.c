/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services whose open connections are counted: limits of endpoints, and least connections. */
#include "conns_bed.h"

/* --- limits --- */

static void a_full_endpoint_is_passed_by(void **state)
{
	struct flow f[4];

	(void)state;
	plane_set_conns(plane, a, 2, 100);
	for (uint32_t i = 0; i < 4; i++)
		f[i] = flow(1000 + i);
	sends(&f[0], PKT_SYN, WEIR_FORWARD, a);
	sends(&f[1], PKT_SYN, WEIR_FORWARD, a);
	plane_set_row(plane, other(&f[2], 1), b, REST);
	plane_set_row(plane, other(&f[3], 16), b, REST);
	sends(&f[2], PKT_SYN, WEIR_FORWARD_OTHER, b);
	sends(&f[3], PKT_SYN, WEIR_FORWARD_OTHER, b);
	open_are(2, 2);
	plane_set_rows(plane, &tcp, a, REST);
	for (uint32_t i = 0; i < 4; i++)
		sends(&f[i], PKT_ACK, WEIR_FORWARD_FLOW, i < 2 ? a : b);
	sends(&f[2], PKT_FIN, WEIR_FORWARD_FLOW, b);
	open_are(2, 1);
}

static void where_all_are_full_a_syn_is_dropped_until_one_has_room(void **state)
{
	struct flow f = flow(1000), g = flow(1001), d = datagrams(1002);

	(void)state;
	plane_set_conns(plane, a, 1, 100);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	refused(&g);
	refused(&g);
	expect_untouched(pkt_new(&d, 0), XDP_DROP, WEIR_DROP_FULL);
	assert_null(record(&g));
	open_are(1, 0);
	sends(&f, PKT_RST, WEIR_FORWARD_FLOW, a);
	sends(&g, PKT_SYN, WEIR_FORWARD, a);
	refused(&f); /* it closed, and begins anew */
	open_are(1, 0);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	open_are(1, 0);
}

static void a_search_goes_on_where_the_last_one_ended(void **state)
{
	struct flow f = flow(1000), g = flow(1001);

	(void)state;
	plane_set_conns(plane, a, 1, 100);
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	plane_set_row(plane, other(&g, 40), b, REST);
	refused(&g); /* up to row 16 */
	refused(&g); /* 31 */
	sends(&g, PKT_SYN, WEIR_FORWARD_OTHER, b);
	open_are(1, 1);
}

static void a_lower_limit_breaks_nothing(void **state)
{
	struct flow f[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		f[i] = flow(1000 + i);
	for (uint32_t i = 0; i < 3; i++)
		sends(&f[i], PKT_SYN, WEIR_FORWARD, a);
	plane_set_conns(plane, a, 2, 100);
	for (uint32_t i = 0; i < 3; i++)
		sends(&f[i], PKT_ACK, WEIR_FORWARD_FLOW, a);
	refused(&f[3]);
	sends(&f[0], PKT_FIN, WEIR_FORWARD_FLOW, a);
	refused(&f[3]);
	sends(&f[1], PKT_FIN, WEIR_FORWARD_FLOW, a);
	sends(&f[3], PKT_SYN, WEIR_FORWARD, a);
	open_are(2, 0);
}

static void what_is_recorded_stays_when_nobody_counts_any_more(void **state)
{
	struct flow f = flow(1000), g = flow(1001), h = flow(1002);

	(void)state;
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	sends(&g, PKT_SYN, WEIR_FORWARD, a);
	sends(&g, PKT_ACK, WEIR_FORWARD_FLOW, a);
	rows(b, REST);
	plane_set_conns(plane, b, 1, 100);
	set_flags(WEIR_SERVICE_RECORDED);
	sends(&f, PKT_ACK, WEIR_FORWARD_FLOW, a);
	for (uint16_t i = 0; i < 3; i++) {
		h = flow(2000 + i);
		sends(&h, PKT_SYN, WEIR_FORWARD, b);
		assert_null(record(&h));
	}
	sends(&g, PKT_FIN, WEIR_FORWARD_FLOW, a);
	sends(&g, PKT_SYN, WEIR_FORWARD, b);
	open_are(1, 0);
	rows(b, c); /* as everywhere else */
	sends(&h, PKT_ACK, WEIR_FORWARD_PREV, c);
	set_flags(0);
	rows(b, REST);
	sends(&f, PKT_ACK, WEIR_FORWARD, b);
}

/* --- least connections --- */

static void a_flow_goes_to_the_second_if_that_has_fewer(void **state)
{
	struct flow f[4];

	(void)state;
	set_flags(LEAST);
	for (uint32_t i = 0; i < 4; i++) {
		f[i] = flow(1000 + i);
		plane_set_row(plane, other(&f[i], 1), b, REST);
	}
	sends(&f[0], PKT_SYN, WEIR_FORWARD, a);
	sends(&f[1], PKT_SYN, WEIR_FORWARD_OTHER, b);
	sends(&f[2], PKT_SYN, WEIR_FORWARD, a);
	open_are(2, 1);
	sends(&f[0], PKT_FIN, WEIR_FORWARD_FLOW, a);
	sends(&f[3], PKT_SYN, WEIR_FORWARD, a); /* equal ones stay in their row */
	sends(&f[1], PKT_ACK, WEIR_FORWARD_FLOW, b);
	open_are(2, 1);
	set_flags(COUNTED);
	sends(&f[0], PKT_SYN, WEIR_FORWARD, a);
}

static void connections_are_divided_by_weights(void **state)
{
	struct flow f = flow(1000), g = flow(1001);

	(void)state;
	set_flags(LEAST);
	plane_set_conns(plane, b, 0, 50);
	plane_set_row(plane, other(&f, 1), b, REST);
	plane_set_row(plane, other(&g, 1), b, REST);
	plane->conns[weir_conns_index(a)].opened = 11;
	plane->conns[weir_conns_index(b)].opened = 5;
	sends(&f, PKT_SYN, WEIR_FORWARD, a); /* 12 of 100, 6 of 50 */
	sends(&g, PKT_SYN, WEIR_FORWARD_OTHER, b);
	open_are(12, 6);
}

static void the_better_one_may_be_full(void **state)
{
	struct flow f = flow(1000);

	(void)state;
	set_flags(LEAST);
	plane_set_conns(plane, b, 3, 100);
	plane_set_row(plane, other(&f, 1), b, REST);
	plane->conns[weir_conns_index(a)].opened = 9;
	plane->conns[weir_conns_index(b)].opened = 3;
	sends(&f, PKT_SYN, WEIR_FORWARD, a);
	open_are(10, 3);
}

/* Rows by weights 1, 0.5 and 0.25; the largest distance from these, in connections. */
static double uneven(uint16_t flags, uint32_t n)
{
	const uint32_t weight[] = { 100, 50, 25 }, slot[] = { a, b, c };
	uint64_t mix = 1;
	double most = 0;

	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t r = (uint32_t)((mix = mix * 6364136223846793005ull + 1) >> 40) % 175;

		plane_set_row(plane, tcp.base + i, r < 100 ? a : r < 150 ? b : c, REST);
	}
	for (uint32_t i = 0; i < 3; i++)
		plane_set_conns(plane, slot[i], 0, (uint16_t)weight[i]);
	set_flags(flags);
	for (uint32_t i = 0; i < n; i++) {
		struct flow f = flow(70000 + i);
		struct pkt p = pkt_new(&f, PKT_SYN);

		assert_int_equal(plane_run(plane, &p, NULL), XDP_TX);
	}
	for (uint32_t i = 0; i < 3; i++) {
		double off = plane_open(plane, slot[i]) - n * weight[i] / 175.0;

		most = off > most ? off : -off > most ? -off : most;
	}
	return most;
}

static void shares_are_nearer_to_the_weights_than_by_rows_alone(void **state)
{
	double by_rows = uneven(COUNTED, 3500), least;

	services(state);
	least = uneven(LEAST, 3500);
	print_message("3500 connections at weights 1, 0.5, 0.25: off by %.0f, by rows alone %.0f\n",
		      least, by_rows);
	assert_true(least < 4);
	assert_true(by_rows > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_endpoint_is_passed_by),
		TEST(where_all_are_full_a_syn_is_dropped_until_one_has_room),
		TEST(a_search_goes_on_where_the_last_one_ended),
		TEST(a_lower_limit_breaks_nothing),
		TEST(what_is_recorded_stays_when_nobody_counts_any_more),
		TEST(a_flow_goes_to_the_second_if_that_has_fewer),
		TEST(connections_are_divided_by_weights),
		TEST(the_better_one_may_be_full),
		TEST(shares_are_nearer_to_the_weights_than_by_rows_alone),
	};

	return BED_TESTS(tests);
}
