/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows and recorded flows: at rest nothing is remembered; while a change drains, every flow stays
 * where it is. */
#include "bed.h"

#define VIP    "192.0.2.1"
#define CLIENT "198.51.100.7"

static struct plane_service tcp, udp;
static uint32_t a, b, c; /* endpoints */

static int services(void **state)
{
	bed_reset(state);
	tcp = plane_add_service(plane, VIP, IPPROTO_TCP, 443, 4096);
	udp = plane_add_service(plane, VIP, IPPROTO_UDP, 443, 4096);
	a = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.2", LO);
	c = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	return 0;
}

static void rows(uint32_t cur, uint32_t prev)
{
	plane_set_rows(plane, &tcp, cur, prev);
	plane_set_rows(plane, &udp, cur, prev);
}

static struct flow tcp_flow(uint16_t port)
{
	return flow_of(IPPROTO_TCP, CLIENT, port, VIP, 443);
}

static void syn(const struct flow *f, enum weir_reason why, uint32_t slot)
{
	expect_sent(pkt_new(f, PKT_SYN), why, slot);
}

/* In the unit of weir_flow.seen. */
#define SECONDS(n) \
	((plane_idle(plane) >> WEIR_FLOW_FLAGS) * (n) / WEIR_FLOW_IDLE_S << WEIR_FLOW_FLAGS)

/* A later segment, or a datagram. */
static void data(const struct flow *f, enum weir_reason why, uint32_t slot)
{
	expect_sent(pkt_new(f, PKT_ACK), why, slot);
}

static void recorded(const struct flow *f, uint32_t slot, uint32_t established)
{
	const struct weir_flow *r = plane_record(plane, f->proto == IPPROTO_TCP ? &tcp : &udp, f);

	assert_non_null(r);
	assert_int_equal(r->endpoint, slot);
	assert_int_equal(r->seen & WEIR_FLOW_ESTABLISHED, established);
	assert_in_range(plane_now(plane) - (r->seen & ~15u), 0, SECONDS(4));
}

static uint32_t n_records(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			n += plane->flows[i].way[w].key != 0;
	return n;
}

static void at_rest_no_flow_is_recorded(void **state)
{
	struct flow u = flow_of(IPPROTO_UDP, CLIENT, 40000, VIP, 443);

	(void)state;
	rows(a, REST);
	for (uint16_t port = 1000; port < 1100; port++) {
		struct flow f = tcp_flow(port);

		syn(&f, WEIR_FORWARD, a);
		data(&f, WEIR_FORWARD, a);
	}
	data(&u, WEIR_FORWARD, a);
	assert_int_equal(n_records(), 0);
}

static void at_rest_a_record_is_not_looked_at(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(b, a);
	syn(&f, WEIR_FORWARD, b);
	rows(a, REST);
	data(&f, WEIR_FORWARD, a);
}

/* A slot that is too large for 2 bytes. */
static void where_there_is_0_at_rest_the_row_is_asked(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(a, REST);
	memset(plane->rest, 0, 2 * tcp.size * sizeof(uint16_t));
	syn(&f, WEIR_FORWARD, a);
	data(&f, WEIR_FORWARD, a);
	assert_int_equal(n_records(), 0);
}

static void what_there_is_at_rest_spares_the_row(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(a, REST);
	memset(plane->rows, 0, 2 * tcp.size * sizeof(*plane->rows));
	data(&f, WEIR_FORWARD, a);
}

static void a_syn_goes_to_cur_and_is_recorded(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(b, a);
	syn(&f, WEIR_FORWARD, b);
	recorded(&f, b, 0);
	data(&f, WEIR_FORWARD_FLOW, b);
	recorded(&f, b, WEIR_FLOW_ESTABLISHED);
	assert_int_equal(n_records(), 1);
}

static void an_older_flow_goes_to_prev_and_is_recorded(void **state)
{
	static const uint8_t flags[] = { PKT_ACK, PKT_FIN | PKT_ACK, PKT_RST, PKT_SYN | PKT_ACK,
					 PKT_ACK | PKT_PSH };

	(void)state;
	rows(b, a);
	for (uint16_t i = 0; i < sizeof(flags); i++) {
		struct flow f = tcp_flow((uint16_t)(1000 + i));

		expect_sent(pkt_new(&f, flags[i]), WEIR_FORWARD_PREV, a);
		recorded(&f, a, 0);
		data(&f, WEIR_FORWARD_FLOW, a);
		recorded(&f, a, WEIR_FLOW_ESTABLISHED);
	}
}

static void a_recorded_flow_stays_when_the_row_changes_again(void **state)
{
	struct flow old = tcp_flow(1000), new = tcp_flow(1001);

	(void)state;
	rows(b, a);
	data(&old, WEIR_FORWARD_PREV, a);
	syn(&new, WEIR_FORWARD, b);
	rows(c, a);
	data(&old, WEIR_FORWARD_FLOW, a);
	data(&new, WEIR_FORWARD_FLOW, b);
	rows(a, a);
	data(&new, WEIR_FORWARD_FLOW, b);
	data(&old, WEIR_FORWARD_FLOW, a);
}

static void a_change_back_keeps_flows_recorded_in_between(void **state)
{
	struct flow between = tcp_flow(1000), after = tcp_flow(1001);

	(void)state;
	rows(b, a);
	syn(&between, WEIR_FORWARD, b);
	rows(a, a); /* not at rest, though both are the same */
	data(&between, WEIR_FORWARD_FLOW, b);
	syn(&after, WEIR_FORWARD, a);
	recorded(&after, a, 0);
}

static void a_flow_leaves_a_dead_endpoint_for_cur(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(b, a);
	data(&f, WEIR_FORWARD_PREV, a);
	plane->endpoints[a].state = 0;
	data(&f, WEIR_FORWARD, b);
	recorded(&f, b, WEIR_FLOW_ESTABLISHED);
	plane->endpoints[a].state = WEIR_ENDPOINT_ALIVE;
	data(&f, WEIR_FORWARD_FLOW, b);
}

static void a_syn_again_is_recorded_anew(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(b, a);
	syn(&f, WEIR_FORWARD, b);
	rows(c, a);
	syn(&f, WEIR_FORWARD, c);
	recorded(&f, c, 0);
	data(&f, WEIR_FORWARD_FLOW, c);
	assert_int_equal(n_records(), 1);
}

/* Anybody can send one in the client's name. */
static void a_syn_does_not_move_an_established_flow(void **state)
{
	struct flow f = tcp_flow(1000);

	(void)state;
	rows(b, a);
	data(&f, WEIR_FORWARD_PREV, a);
	data(&f, WEIR_FORWARD_FLOW, a);
	syn(&f, WEIR_FORWARD_FLOW, a);
	recorded(&f, a, WEIR_FLOW_ESTABLISHED);
	plane_record(plane, &tcp, &f)->seen -= plane_idle(plane) + SECONDS(1);
	syn(&f, WEIR_FORWARD, b); /* silent for so long that it is another one */
	data(&f, WEIR_FORWARD_FLOW, b);
	plane->endpoints[b].state = 0;
	rows(c, a);
	syn(&f, WEIR_FORWARD, c);
	plane->endpoints[b].state = WEIR_ENDPOINT_ALIVE;
}

static void datagrams_follow_prev_until_udp_is_new(void **state)
{
	struct flow old = flow_of(IPPROTO_UDP, CLIENT, 1000, VIP, 443);
	struct flow new = flow_of(IPPROTO_UDP, CLIENT, 1001, VIP, 443);

	(void)state;
	rows(b, a);
	data(&old, WEIR_FORWARD_PREV, a);
	recorded(&old, a, 0);
	rows(b, a | WEIR_ROW_UDP_NEW);
	data(&new, WEIR_FORWARD, b);
	recorded(&new, b, 0);
	data(&old, WEIR_FORWARD_FLOW, a);
	data(&new, WEIR_FORWARD_FLOW, b);
	rows(c, a | WEIR_ROW_UDP_NEW);
	data(&new, WEIR_FORWARD_FLOW, b);
}

static void the_udp_flag_changes_nothing_for_tcp(void **state)
{
	struct flow old = tcp_flow(1000), new = tcp_flow(1001);

	(void)state;
	rows(b, a | WEIR_ROW_UDP_NEW);
	data(&old, WEIR_FORWARD_PREV, a);
	syn(&new, WEIR_FORWARD, b);
}

static void a_record_belongs_to_one_service(void **state)
{
	struct flow f = tcp_flow(1000);
	struct weir_flow *r;

	(void)state;
	rows(b, a);
	syn(&f, WEIR_FORWARD, b);
	r = plane_record(plane, &tcp, &f);
	assert_non_null(r);
	r->key ^= (uint64_t)(tcp.id ^ udp.id) << 16;
	data(&f, WEIR_FORWARD_PREV, a);
}

static void an_unsettled_row_without_a_cur_keeps_its_older_flows(void **state)
{
	struct flow old = tcp_flow(1000), new = tcp_flow(1001);

	(void)state;
	rows(WEIR_NO_ENDPOINT, a);
	data(&old, WEIR_FORWARD_PREV, a);
	expect(pkt_new(&new, PKT_SYN), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	expect(pkt_new(&new, PKT_ACK), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	rows(b, a);
	syn(&new, WEIR_FORWARD, b);
	data(&old, WEIR_FORWARD_FLOW, a);
}

/* Flows of one bucket: n of them. */
static void neighbours(struct flow *out, uint32_t n)
{
	struct flow f = tcp_flow(1);
	uint32_t found = 0;

	out[found++] = f;
	for (uint32_t i = 1; found < n; i++) {
		f.src.b[13] = (uint8_t)(i >> 24);
		f.src.b[14] = (uint8_t)(i >> 16);
		f.sport = (uint16_t)i;
		if (plane_bucket(plane, &f) == plane_bucket(plane, &out[0]))
			out[found++] = f;
	}
}

#define CROWD (WEIR_FLOW_WAYS + 1)

static void fill(const struct flow *f, uint32_t n, int established)
{
	for (uint32_t i = 0; i < n; i++) {
		syn(&f[i], WEIR_FORWARD, b);
		if (established)
			data(&f[i], WEIR_FORWARD_FLOW, b);
	}
}

static struct weir_flow *record_of(const struct flow *f)
{
	return plane_record(plane, &tcp, f);
}

static void a_first_packet_never_evicts_an_established_flow(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 1);
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a); /* where the packets after it will go */
	data(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a);
	assert_null(record_of(&f[WEIR_FLOW_WAYS]));
	for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++)
		data(&f[i], WEIR_FORWARD_FLOW, b);
}

static void the_oldest_flow_of_one_packet_gives_way(void **state)
{
	struct flow f[CROWD];

	(void)state;
	neighbours(f, CROWD);
	for (uint32_t oldest = 0; oldest < WEIR_FLOW_WAYS; oldest++) {
		memset(plane_bucket(plane, f), 0, sizeof(struct weir_flow_bucket));
		rows(b, a);
		fill(f, WEIR_FLOW_WAYS, 0);
		for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++)
			record_of(&f[i])->seen -= SECONDS(i == oldest ? 10 : 5);
		syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD, b);
		for (uint32_t i = 0; i < CROWD; i++)
			assert_int_equal(!record_of(&f[i]), i == oldest);
	}
}

static void a_flow_of_one_packet_gives_way_before_established_ones(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 1);
	record_of(&f[2])->seen &= ~WEIR_FLOW_ESTABLISHED;
	for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++)
		record_of(&f[i])->seen -= SECONDS(i == 2 ? 5 : 20);
	data(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a);
	assert_null(record_of(&f[2]));
	recorded(&f[WEIR_FLOW_WAYS], a, 0);
}

static void a_young_flow_of_one_packet_does_not_give_way(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 0);
	for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++)
		record_of(&f[i])->seen -= (SECONDS(1) / 2) & ~15u;
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a);
	for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++)
		assert_non_null(record_of(&f[i]));
}

/* In a flood of SYNs every way is young. */
static void a_flow_from_before_finds_its_way_among_young_ones(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 0);
	record_of(&f[1])->seen -= SECONDS(1) / 2;
	data(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a);
	assert_null(record_of(&f[1]));
	recorded(&f[WEIR_FLOW_WAYS], a, 0);
}

static void a_closing_flow_gives_way_first_also_after_its_last_packets(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 1);
	expect_sent(pkt_new(&f[1], PKT_FIN | PKT_ACK), WEIR_FORWARD_FLOW, b);
	data(&f[1], WEIR_FORWARD_FLOW, b);
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD, b);
	assert_null(record_of(&f[1]));
	expect_sent(pkt_new(&f[2], PKT_RST), WEIR_FORWARD_FLOW, b);
	syn(&f[2], WEIR_FORWARD, b); /* its ports are used again: a new flow */
	assert_false(record_of(&f[2])->seen & WEIR_FLOW_CLOSING);
}

static void a_silent_flow_is_forgotten_after_its_time_only(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 1);
	record_of(&f[1])->seen -= plane_idle(plane) - SECONDS(4);
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD_PREV, a);
	record_of(&f[1])->seen -= SECONDS(4) + (1 << WEIR_FLOW_FLAGS);
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD, b);
	assert_null(record_of(&f[1]));
	recorded(&f[WEIR_FLOW_WAYS], b, 0);
}

static void a_free_way_is_taken_before_anyone_gives_way(void **state)
{
	struct flow f[CROWD];

	(void)state;
	rows(b, a);
	neighbours(f, CROWD);
	fill(f, WEIR_FLOW_WAYS, 0);
	record_of(&f[3])->key = 0;
	syn(&f[WEIR_FLOW_WAYS], WEIR_FORWARD, b);
	for (uint32_t i = 0; i < 3; i++)
		assert_non_null(record_of(&f[i]));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(at_rest_no_flow_is_recorded),
		TEST(at_rest_a_record_is_not_looked_at),
		TEST(where_there_is_0_at_rest_the_row_is_asked),
		TEST(what_there_is_at_rest_spares_the_row),
		TEST(a_syn_goes_to_cur_and_is_recorded),
		TEST(an_older_flow_goes_to_prev_and_is_recorded),
		TEST(a_recorded_flow_stays_when_the_row_changes_again),
		TEST(a_change_back_keeps_flows_recorded_in_between),
		TEST(a_flow_leaves_a_dead_endpoint_for_cur),
		TEST(a_syn_again_is_recorded_anew),
		TEST(a_syn_does_not_move_an_established_flow),
		TEST(datagrams_follow_prev_until_udp_is_new),
		TEST(the_udp_flag_changes_nothing_for_tcp),
		TEST(a_record_belongs_to_one_service),
		TEST(an_unsettled_row_without_a_cur_keeps_its_older_flows),
		TEST(a_first_packet_never_evicts_an_established_flow),
		TEST(the_oldest_flow_of_one_packet_gives_way),
		TEST(a_flow_of_one_packet_gives_way_before_established_ones),
		TEST(a_young_flow_of_one_packet_does_not_give_way),
		TEST(a_flow_from_before_finds_its_way_among_young_ones),
		TEST(a_closing_flow_gives_way_first_also_after_its_last_packets),
		TEST(a_silent_flow_is_forgotten_after_its_time_only),
		TEST(a_free_way_is_taken_before_anyone_gives_way),
	};

	return BED_TESTS(tests);
}
