/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that tell their clients apart, as the agent changes them: no flow breaks, what is not
 * needed any more goes, and another agent goes on with it. */
#include "bed.h"

#include "dataplane/steer.h"
#include <bpf/bpf.h>
#include "weir.skel.h"

#define MIN WEIR_TABLE_MIN
enum {
	A = 1, /* services that are off: their rows are the tables */
	B = 2,
};
#define OF_A   0, 2 /* endpoints: the first, how many */
#define OF_B   4, 2
#define THERE  "203.0.113.1"
#define NEARBY "203.0.113.130"

static struct wish_steer steer;
static uint16_t class_of[8];
static struct weir_place place[4];

static struct weir_prefix prefix(const char *addr, uint8_t bits)
{
	return (struct weir_prefix){ pkt_addr(addr), (uint8_t)(96 + bits) };
}

/* Service 0 has tables A and B; all clients use A. */
static int open_steered(void **state)
{
	struct bed *b;

	bed_open(state);
	b = *state;
	bed_serve(b, A, MIN, OF_A);
	bed_serve(b, B, MIN, OF_B);
	b->wish.service[A].on = b->wish.service[B].on = false;
	bed_serve(b, 0, MIN, OF_A);
	memset(&steer, 0, sizeof(steer));
	memset(class_of, 0, sizeof(class_of));
	steer.n_tables = 2;
	steer.rows_of[0] = A;
	steer.rows_of[1] = B;
	steer.n_classes = 1;
	b->wish.service[0].steer = &steer;
	return 0;
}

static void share_out(uint32_t to_b)
{
	steer.sliced = true;
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		steer.way[i].table = i < to_b;
}

static void by_place(struct bed *b, const char *addr, uint8_t bits, uint32_t location)
{
	place[0] = (struct weir_place){ .of = prefix(addr, bits), .location = location };
	b->wish.places = place;
	b->wish.n_places = 1;
	b->wish.n_locations = 3;
	steer.class_of = class_of;
	steer.n_classes = 2;
	steer.way[1].table = 1;
	class_of[1] = 0;
	class_of[2] = 1;
}

/* Flows of clients of their own, or of one from there. */
static struct flow from(uint32_t n, const char *addr)
{
	struct flow f = bed_flow(0, n);

	if (addr)
		f.src = pkt_addr(addr);
	else
		f.src.b[14] = (uint8_t)n;
	return f;
}

static struct bed_flows opened(const struct bed *b, uint32_t first, const char *addr)
{
	struct bed_flows s;

	for (uint32_t i = 0; i < BED_FLOWS; i++) {
		s.f[i] = from(first + i, addr);
		s.at[i] = bed_send(b, &s.f[i], PKT_SYN);
		assert_int_not_equal(s.at[i], NOBODY);
		assert_int_equal(bed_send(b, &s.f[i], PKT_ACK), s.at[i]);
	}
	return s;
}

static uint32_t in_b(const struct bed_flows *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BED_FLOWS; i++)
		n += s->at[i] >= 4;
	return n;
}

static bool steered(const struct bed *b)
{
	return bed_service(b, 0)->key.flags & WEIR_SERVICE_STEER;
}

static uint32_t unsettled(const struct bed *b)
{
	uint32_t n = 0;

	for (const struct steer *s = b->plane->steers; s; s = s->next)
		n += s->unsettled;
	return n;
}

static uint32_t location(const struct bed *b, const char *addr)
{
	struct weir_place_key key = { .bits = 32 + 128, .addr = pkt_addr(addr) };
	uint32_t is = 0;

	bpf_map_lookup_elem(bpf_map__fd(b->plane->skel->maps.weir_places), &key, &is);
	return is;
}

static void slices_are_shed_and_come_back_without_breaking_flows(void **state)
{
	struct bed *b = *state;
	struct bed_flows first, second, third;
	uint32_t rows;

	bed_sync(b);
	rows = bed_usage(b).rows;
	first = opened(b, 0, NULL);
	assert_int_equal(in_b(&first), 0);
	share_out(512);
	bed_sync(b);
	bed_stay(b, &first);
	second = opened(b, 100, NULL);
	assert_in_range(in_b(&second), 4, BED_FLOWS - 4);
	bed_stay(b, &second);
	share_out(0);
	bed_sync(b);
	bed_stay(b, &first);
	bed_stay(b, &second);
	third = opened(b, 200, NULL);
	assert_int_equal(in_b(&third), 0);
	assert_int_equal(unsettled(b), 512);
	bed_pass(b, DRAIN_MS + 1000);
	assert_int_equal(unsettled(b), 512); /* some of the second still live, in B */
	bed_stay(b, &second);
	bed_silence(b);
	bed_pass(b, 1000);
	assert_int_equal(unsettled(b), 0);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
	assert_int_equal(bed_usage(b).rows, rows);
	bed_stay(b, &first);
	bed_stay(b, &third);
}

static void flows_at_home_keep_no_way_from_rest(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	share_out(512);
	bed_sync(b);
	share_out(1024);
	bed_sync(b);
	s = opened(b, 0, NULL);
	assert_int_equal(in_b(&s), BED_FLOWS);
	bed_pass(b, 0);
	bed_silence_s(b, 2); /* they are as old as that, and the change is older */
	bed_stay(b, &s);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(unsettled(b), 0);
	bed_stay(b, &s);
}

static void steering_begins_and_ends_without_breaking_flows(void **state)
{
	struct bed *b = *state;
	struct bed_flows first, second;

	b->wish.service[0].steer = NULL;
	bed_sync(b);
	assert_false(steered(b));
	first = opened(b, 0, NULL);
	b->wish.service[0].steer = &steer;
	share_out(700);
	bed_sync(b);
	assert_true(steered(b));
	bed_stay(b, &first);
	second = opened(b, 100, NULL);
	assert_in_range(in_b(&second), 4, BED_FLOWS - 1);
	b->wish.service[0].steer = NULL;
	bed_sync(b);
	assert_true(steered(b));
	bed_stay(b, &first);
	bed_stay(b, &second);
	bed_silence(b);
	bed_pass(b, 0);
	bed_pass(b, DRAIN_MS + 1000);
	assert_int_equal(unsettled(b), 0);
	bed_sync(b);
	assert_false(steered(b));
	bed_stay(b, &first);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, MIN);
	assert_null(b->plane->steers);
}

static void what_tells_nobody_apart_any_more_goes(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	by_place(b, "203.0.113.0", 24, 2);
	share_out(300);
	bed_sync(b);
	steer.class_of = NULL;
	steer.n_classes = 1;
	steer.sliced = false;
	steer.way[0].table = 1;
	bed_sync(b);
	assert_true(b->plane->steers->n_locations && b->plane->steers->sliced);
	s = opened(b, 0, NULL);
	bed_silence(b);
	bed_pass(b, 0);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(unsettled(b), 0);
	bed_sync(b);
	assert_int_equal(b->plane->steers->n_locations, 0);
	assert_false(b->plane->steers->sliced);
	assert_int_equal(b->plane->steers->n_classes, 1);
	bed_stay(b, &s);
}

static void clients_of_a_place_have_their_table(void **state)
{
	struct bed *b = *state;
	struct bed_flows here, there;

	by_place(b, "203.0.113.0", 24, 2);
	bed_sync(b);
	here = opened(b, 0, NULL);
	there = opened(b, 100, THERE);
	assert_int_equal(in_b(&here), 0);
	assert_int_equal(in_b(&there), BED_FLOWS);
	assert_int_equal(unsettled(b), 0); /* nobody was anywhere before */
	class_of[2] = 0;
	bed_sync(b);
	bed_stay(b, &there);
	there = opened(b, 200, THERE);
	assert_int_equal(in_b(&there), 0);
}

static void a_prefix_moves_without_breaking_flows(void **state)
{
	struct bed *b = *state;
	struct bed_flows first, second, nearby;

	by_place(b, "203.0.113.0", 24, 1);
	class_of[0] = 1;
	bed_sync(b);
	first = opened(b, 0, THERE);
	nearby = opened(b, 50, NEARBY);
	assert_int_equal(in_b(&first), 0);
	place[1] = (struct weir_place){ .of = prefix("203.0.113.0", 25), .location = 2 };
	b->wish.n_places = 2;
	bed_sync(b);
	assert_in_range(location(b, THERE), 1, MOVES);
	assert_int_equal(location(b, NEARBY), MOVES + 1);
	bed_stay(b, &first);
	bed_stay(b, &nearby);
	second = opened(b, 100, THERE);
	assert_int_equal(in_b(&second), BED_FLOWS);
	bed_sync(b);
	bed_stay(b, &first);
	bed_silence(b);
	bed_pass(b, 0);
	for (int i = 0; i < 4; i++)
		bed_pass(b, DRAIN_MS);
	assert_int_equal(location(b, THERE), MOVES + 2);
	bed_stay(b, &second);
	b->wish.n_places = 1; /* it is gone: its clients are where they were */
	bed_sync(b);
	bed_stay(b, &second);
	first = opened(b, 200, THERE);
	assert_int_equal(in_b(&first), 0);
	bed_silence(b);
	bed_pass(b, 0);
	for (int i = 0; i < 4; i++)
		bed_pass(b, DRAIN_MS);
	assert_int_equal(location(b, THERE), MOVES + 1);
	assert_int_equal(b->plane->n_locations, MOVES + 3);
	bed_stay(b, &first);
}

static void another_agent_goes_on(void **state)
{
	struct bed *b = *state;
	struct bed_flows first, second;

	by_place(b, "203.0.113.0", 24, 1);
	share_out(300);
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		steer.way[WEIR_STEER_SLICES + i].table = 1;
	bed_sync(b);
	first = opened(b, 0, NULL);
	place[0].location = 2;
	share_out(600);
	bed_sync(b);
	second = opened(b, 100, THERE);
	assert_int_equal(in_b(&second), BED_FLOWS);
	for (int again = 0; again < 2; again++) {
		bed_leave(b);
		bed_return(b);
		bed_stay(b, &first);
		bed_stay(b, &second);
		bed_sync(b);
		bed_stay(b, &first);
		bed_stay(b, &second);
		bed_pass(b, 1000);
	}
	bed_silence(b);
	bed_pass(b, 0);
	for (int i = 0; i < 4; i++)
		bed_pass(b, DRAIN_MS);
	assert_int_equal(unsettled(b), 0);
	assert_int_equal(location(b, THERE), MOVES + 2);
	bed_stay(b, &second);
	assert_int_equal(bed_usage(b).rows, 2 * MIN);
}

/* A change of rows is one of rows: ways stay as they are. */
static void an_endpoint_of_a_table_dies_and_comes_back(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	share_out(512);
	bed_sync(b);
	s = opened(b, 0, NULL);
	for (uint32_t i = 0; i < MIN; i++)
		b->wish.service[B].rows[i] = 5;
	b->wish.endpoint[4].alive = false;
	bed_sync(b);
	assert_int_equal(unsettled(b), 0);
	for (uint32_t i = 0; i < BED_FLOWS; i++)
		assert_int_equal(bed_send(b, &s.f[i], PKT_ACK), s.at[i] == 4 ? 5 : s.at[i]);
	s = opened(b, 100, NULL);
	bed_serve(b, B, MIN, OF_B);
	b->wish.service[B].on = false;
	bed_sync(b);
	assert_int_equal(unsettled(b), 0);
	bed_stay(b, &s);
	assert_int_equal(bed_usage(b).rows, 2 * MIN);
}

static void clients_with_an_affinity_follow_when_it_says_so(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	b->wish.service[0].flags = WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY;
	b->wish.service[0].affinity_ms = 10 * DRAIN_MS;
	share_out(0);
	bed_sync(b);
	s = opened(b, 0, NULL);
	share_out(1024);
	bed_sync(b);
	bed_stay(b, &s);
	s = opened(b, 50, NULL);
	assert_int_equal(in_b(&s), 0); /* who is new is not known */
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		steer.way[i].sessions = true;
	bed_sync(b);
	bed_stay(b, &s);
	s = opened(b, 100, NULL);
	assert_int_equal(in_b(&s), BED_FLOWS);
	share_out(0);
	bed_sync(b);
	bed_stay(b, &s);
}

static void a_trace_says_which_way(void **state)
{
	struct bed *b = *state;
	struct weir_trace_query q = { .src = { pkt_addr(THERE), 1000 },
				      .dst = { bed_flow(0, 0).dst, 443 },
				      .proto = IPPROTO_TCP };
	struct weir_plane_trace t;
	struct flow f;

	by_place(b, "203.0.113.0", 24, 1);
	bed_sync(b);
	place[0].location = 2;
	bed_sync(b);
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.noted.steered, 1);
	assert_int_equal(t.way.location, 2);
	assert_true(t.way.moving);
	assert_false(t.way.at_rest);
	assert_int_equal(t.way.cur.mask, MIN - 1);
	assert_int_equal(t.way.cur.base, t.noted.base);
	assert_int_not_equal(t.way.prev.base, t.noted.base);
	f = (struct flow){ q.src.addr, q.dst.addr, 1000, 443, IPPROTO_TCP };
	assert_int_equal(bed_send(b, &f, PKT_ACK), t.endpoint.mac[5]);
	for (int i = 0; i < 4; i++) {
		bed_silence(b);
		bed_pass(b, DRAIN_MS);
	}
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.way.location, 2);
	assert_true(t.way.at_rest);
	assert_false(t.way.moving);
	b->wish.service[0].steer = NULL;
	bed_sync(b);
	bed_silence(b);
	bed_pass(b, 0);
	bed_pass(b, DRAIN_MS);
	bed_sync(b);
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.noted.steered, 0);
}

/* Tables and ways without room change nothing. */
static void what_does_not_fit_changes_nothing(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	bed_sync(b);
	s = opened(b, 0, NULL);
	memset(b->plane->way_used, 1, b->plane->n_way_units);
	share_out(512);
	assert_int_equal(bed_try(b), -ENOSPC);
	bed_stay(b, &s);
	s = opened(b, 100, NULL);
	assert_int_equal(in_b(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_steered, bed_close)
		TEST(slices_are_shed_and_come_back_without_breaking_flows),
		TEST(flows_at_home_keep_no_way_from_rest),
		TEST(steering_begins_and_ends_without_breaking_flows),
		TEST(what_tells_nobody_apart_any_more_goes),
		TEST(clients_of_a_place_have_their_table),
		TEST(a_prefix_moves_without_breaking_flows),
		TEST(another_agent_goes_on),
		TEST(an_endpoint_of_a_table_dies_and_comes_back),
		TEST(clients_with_an_affinity_follow_when_it_says_so),
		TEST(a_trace_says_which_way),
		TEST(what_does_not_fit_changes_nothing),
	};

	return BED_TESTS(tests);
}
