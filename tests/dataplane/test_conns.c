/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open connections, as the agent sees to them: limits, what silence ends, counts that are wrong,
 * and records that outlive it and the counting. */
#include "bed.h"

#include <pthread.h>
#include <stdatomic.h>

#define MIN     WEIR_TABLE_MIN
#define COUNTED WEIR_SERVICE_COUNTED
#define LEAST   (WEIR_SERVICE_COUNTED | WEIR_SERVICE_LEAST)

/* Endpoints 0 and 1 serve a service that counts. */
static void serve(struct bed *b, uint32_t service, uint16_t flags)
{
	bed_serve(b, service, MIN, 0, 2);
	b->wish.service[service].flags = flags;
	bed_sync(b);
}

static struct weir_conns *conns(const struct bed *b, uint32_t endpoint)
{
	return &b->conns[weir_conns_index(bed_slot(b, endpoint))];
}

static int32_t open_at(const struct bed *b, uint32_t endpoint)
{
	const struct weir_conns *c = conns(b, endpoint);

	return (int32_t)(c->opened - c->closed);
}

/* Of these flows, so many are open where they are. */
static void open_are(const struct bed *b, const struct bed_flows *s, uint32_t n)
{
	int32_t want[2] = { 0 };

	for (uint32_t i = 0; i < n; i++)
		want[s->at[i]]++;
	assert_int_equal(open_at(b, 0), want[0]);
	assert_int_equal(open_at(b, 1), want[1]);
}

static void limits_and_weights_are_where_packets_read_them(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;
	struct flow f = bed_flow(0, 500);

	b->wish.endpoint[0].max_conn = 3;
	serve(b, 0, COUNTED);
	assert_int_equal(conns(b, 0)->limit, 3);
	assert_int_equal(conns(b, 1)->limit, 0);
	assert_int_equal(conns(b, 0)->weight, 100);
	assert_int_equal(bed_service(b, 0)->key.flags, COUNTED | WEIR_SERVICE_RECORDED);
	s = bed_flows(b, 0, 0);
	assert_int_equal(open_at(b, 0), 3);
	assert_int_equal(open_at(b, 1), BED_FLOWS - 3);
	b->wish.endpoint[0].max_conn = b->wish.endpoint[1].max_conn = 2;
	bed_sync(b);
	bed_stay(b, &s);
	assert_int_equal(bed_send(b, &f, PKT_SYN), NOBODY);
	b->wish.endpoint[0].max_conn = 0;
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_stay(b, &s);
	assert_int_equal(open_at(b, 0), 4);
}

static void what_the_agent_says_of_an_endpoint(void **state)
{
	struct bed *b = *state;
	struct weir_plane_endpoint_stats s;

	b->wish.endpoint[0].max_conn = 40;
	serve(b, 0, LEAST);
	bed_flows(b, 0, 0);
	assert_true(
		weir_plane_endpoint(b->plane, &b->ids[bed_slot(b, 0)].addr, 0, WEIR_MODE_IPIP, &s));
	assert_true(s.counted);
	assert_int_equal(s.open, open_at(b, 0));
	assert_int_equal(s.max_conn, 40);
	conns(b, 0)->closed += 100; /* until the next sweep */
	assert_true(
		weir_plane_endpoint(b->plane, &b->ids[bed_slot(b, 0)].addr, 0, WEIR_MODE_IPIP, &s));
	assert_int_equal(s.open, 0);
}

static void rows_at_rest_keep_their_records(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, LEAST);
	s = bed_flows(b, 0, 0);
	for (int i = 0; i < 5; i++)
		bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	assert_int_equal(bed_records(b), BED_FLOWS);
	bed_stay(b, &s);
	open_are(b, &s, BED_FLOWS);
	for (uint32_t i = 0; i < BED_FLOWS; i += 2)
		assert_int_equal(bed_send(b, &s.f[i], PKT_FIN), s.at[i]);
	assert_int_equal(open_at(b, 0) + open_at(b, 1), BED_FLOWS / 2);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), BED_FLOWS);
	bed_silence_s(b, WEIR_FLOW_CLOSING_S + 1);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), BED_FLOWS / 2);
}

static void silent_connections_do_not_count_but_stay_where_they_are(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, LEAST);
	s = bed_flows(b, 0, 0);
	bed_stay(b, &s);
	bed_silence_s(b, WEIR_FLOW_IDLE_S - 10);
	bed_pass(b, 1000);
	open_are(b, &s, BED_FLOWS);
	bed_silence_s(b, 20);
	bed_pass(b, 1000);
	open_are(b, &s, 0);
	bed_silence_s(b, WEIR_FLOW_SILENT_S - WEIR_FLOW_IDLE_S - 60);
	bed_pass(b, 1000);
	bed_stay(b, &s);
	open_are(b, &s, BED_FLOWS);
	bed_silence_s(b, WEIR_FLOW_SILENT_S + 10);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
	open_are(b, &s, 0);
}

static void who_never_goes_on_counts_for_seconds_only(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, LEAST);
	s = bed_flows(b, 0, 0);
	bed_silence_s(b, WEIR_FLOW_OPENING_S - 1);
	bed_pass(b, 1000);
	open_are(b, &s, BED_FLOWS);
	bed_silence_s(b, 3);
	bed_pass(b, 1000);
	open_are(b, &s, 0);
	bed_stay(b, &s); /* late, but there */
	open_are(b, &s, BED_FLOWS);
}

static void datagram_flows_end_by_silence(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 3, LEAST);
	s = bed_flows(b, 3, 0);
	bed_stay(b, &s);
	bed_silence_s(b, WEIR_FLOW_UDP_S - 5);
	bed_pass(b, 1000);
	open_are(b, &s, BED_FLOWS);
	bed_silence_s(b, 10);
	bed_pass(b, 1000);
	open_are(b, &s, 0);
	bed_silence_s(b, WEIR_FLOW_IDLE_S);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
}

static void a_wrong_count_is_put_right(void **state)
{
	static const uint32_t wrong[] = { 1, 1000, UINT32_MAX, UINT32_MAX - 1000 };
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, COUNTED);
	s = bed_flows(b, 0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		conns(b, 0)->opened += wrong[i];
		conns(b, 1)->closed += wrong[i];
		bed_pass(b, 1000);
		open_are(b, &s, BED_FLOWS);
	}
	memset(b->flows, 0, WEIR_FLOW_BUCKETS * sizeof(*b->flows));
	bed_pass(b, 1000);
	open_are(b, &s, 0);
}

static void another_agent_goes_on_with_what_is_there(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;
	struct flow f = bed_flow(0, 500);

	b->wish.endpoint[0].max_conn = b->wish.endpoint[1].max_conn = BED_FLOWS / 2;
	serve(b, 0, COUNTED);
	s = bed_flows(b, 0, 0);
	assert_int_equal(bed_send(b, &f, PKT_SYN), NOBODY);
	bed_leave(b);
	bed_return(b);
	bed_pass(b, 1000); /* before it knows its tables */
	bed_stay(b, &s);
	bed_sync(b);
	bed_pass(b, 1000);
	open_are(b, &s, BED_FLOWS);
	bed_stay(b, &s);
	assert_int_equal(bed_send(b, &f, PKT_SYN), NOBODY);
}

static void flows_stay_when_a_service_counts_no_more(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, LEAST);
	s = bed_flows(b, 0, 0);
	serve(b, 0, 0);
	assert_int_equal(bed_service(b, 0)->key.flags, WEIR_SERVICE_RECORDED);
	for (int i = 0; i < 3; i++) {
		bed_pass(b, 1000);
		bed_stay(b, &s);
	}
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	bed_pass(b, 1000);
	bed_stay(b, &s);
	for (uint32_t i = 0; i < BED_FLOWS; i++)
		assert_int_equal(bed_send(b, &s.f[i], PKT_FIN), s.at[i]);
	bed_silence_s(b, WEIR_FLOW_CLOSING_S + 1);
	bed_pass(b, 1000);
	assert_int_equal(bed_service(b, 0)->key.flags, 0);
	assert_int_equal(bed_records(b), 0);
}

static void with_an_endpoint_its_connections_end(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;

	serve(b, 0, COUNTED);
	s = bed_flows(b, 0, 0);
	bed_stay(b, &s);
	b->wish.endpoint[0].alive = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(open_at(b, 0), 0);
	b->wish.endpoint[0].alive = true; /* after all */
	bed_sync(b);
	bed_stay(b, &s);
	open_are(b, &s, BED_FLOWS);
}

static void a_slot_begins_without_connections(void **state)
{
	struct bed *b = *state;
	struct bed_flows s;
	uint32_t slot, elsewhere = 0;

	b->wish.endpoint[0].max_conn = 100;
	serve(b, 0, COUNTED);
	s = bed_flows(b, 0, 0);
	bed_stay(b, &s);
	slot = bed_slot(b, 0);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	bed_pass(b, DRAIN_MS + 1000);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(bed_slot(b, 0), 0);
	for (uint32_t i = 0; i < BED_FLOWS; i++)
		elsewhere += s.at[i] != 0;
	assert_int_equal(bed_records(b), elsewhere); /* none that would be taken for its own */
	assert_int_equal(b->conns[weir_conns_index(slot)].limit, 0);
	bed_serve(b, 0, MIN, 1, 2);
	bed_sync(b);
	assert_int_equal(bed_slot(b, 2), slot);
	assert_int_equal(open_at(b, 2), 0);
}

/* --- packets during sweeps --- */

struct traffic {
	struct bed *b;
	atomic_bool stop;
};

static void *open_and_close(void *arg)
{
	struct traffic *t = arg;

	for (uint32_t n = 0; !t->stop; n = (n + 1) % 1000) {
		struct flow f = bed_flow(0, n);

		bed_send(t->b, &f, PKT_SYN);
		bed_send(t->b, &f, PKT_ACK);
		if (n % 4)
			bed_send(t->b, &f, PKT_FIN);
	}
	return NULL;
}

static void sweeps_and_packets_do_not_disturb_each_other(void **state)
{
	struct bed *b = *state;
	struct traffic t = { .b = b };
	uint32_t open[2] = { 0 };
	pthread_t thread;

	serve(b, 0, LEAST);
	assert_int_equal(pthread_create(&thread, NULL, open_and_close, &t), 0);
	for (int i = 0; i < 300; i++) {
		bed_pass(b, 10);
		/* 250 stay open, some of 750 are about to close; a sweep may be a few off */
		assert_in_range(open_at(b, 0) + open_at(b, 1) + 100, 100, 600);
	}
	t.stop = true;
	pthread_join(thread, NULL);
	bed_pass(b, 1000);
	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS; i++) {
		const struct weir_flow *f = &b->flows[i / WEIR_FLOW_WAYS].way[i % WEIR_FLOW_WAYS];

		if (f->key && f->seen & WEIR_FLOW_OPEN)
			open[f->endpoint == bed_slot(b, 1)]++;
	}
	assert_int_equal(open_at(b, 0), open[0]);
	assert_int_equal(open_at(b, 1), open[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(limits_and_weights_are_where_packets_read_them),
		BED_TEST(what_the_agent_says_of_an_endpoint),
		BED_TEST(rows_at_rest_keep_their_records),
		BED_TEST(silent_connections_do_not_count_but_stay_where_they_are),
		BED_TEST(who_never_goes_on_counts_for_seconds_only),
		BED_TEST(datagram_flows_end_by_silence),
		BED_TEST(a_wrong_count_is_put_right),
		BED_TEST(another_agent_goes_on_with_what_is_there),
		BED_TEST(flows_stay_when_a_service_counts_no_more),
		BED_TEST(with_an_endpoint_its_connections_end),
		BED_TEST(a_slot_begins_without_connections),
		BED_TEST(sweeps_and_packets_do_not_disturb_each_other),
	};
	return BED_TESTS(tests);
}
