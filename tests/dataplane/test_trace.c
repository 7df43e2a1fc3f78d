/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces over the live maps: where the packets that follow really go, without a trace of them. */
#include "bed.h"

#include <net/if.h>

#define MIN   WEIR_TABLE_MIN
#define FLOWS 300

static struct weir_plane_trace trace(const struct bed *b, const struct flow *f, bool syn)
{
	struct weir_trace_query q = { .src = { f->src, f->sport },
				      .dst = { f->dst, f->dport },
				      .proto = f->proto,
				      .syn = syn };
	struct weir_plane_trace t;

	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	return t;
}

/* The endpoint that a hop is, by the MAC that the bed gave its neighbour. */
static uint32_t endpoint_of(const struct weir_plane_hop *h)
{
	static const uint8_t mac[5] = { 6 };

	if (!h->slot)
		return NOBODY;
	assert_memory_equal(h->mac, mac, sizeof(mac));
	assert_int_equal(h->addr.b[15], h->mac[5] + 1);
	assert_string_equal(h->ifname, "w0");
	return h->mac[5];
}

static void the_packets_that_follow_go_where_a_trace_says(void **state)
{
	struct bed *b = *state;
	uint32_t went[3] = { 0 };

	bed_serve(b, 0, MIN, 0, 4);
	bed_serve(b, 3, MIN, 0, 4);
	bed_sync(b);
	bed_serve(b, 0, MIN, 4, 4);
	bed_sync(b);
	for (uint32_t n = 0; n < 3 * FLOWS; n++) {
		struct flow f = bed_flow(n % 2 ? 3 : 0, n);
		bool syn = n % 3 == 0 && f.proto == IPPROTO_TCP;
		struct weir_plane_trace t = trace(b, &f, syn), again;
		uint32_t says = endpoint_of(&t.endpoint);

		assert_int_equal(t.action, XDP_REDIRECT);
		assert_int_equal(bed_send(b, &f, syn ? PKT_SYN : PKT_ACK), says);
		again = trace(b, &f, false);
		assert_int_equal(endpoint_of(&again.endpoint), says);
		went[t.noted.reason == WEIR_FORWARD_PREV ? 0 : t.noted.record ? 1 : 2]++;
	}
	for (int i = 0; i < 3; i++) /* to prev, to cur of a changed row, to one at rest */
		assert_in_range(went[i], FLOWS / 4, 3 * FLOWS);
}

static void a_trace_records_and_counts_nothing(void **state)
{
	struct bed *b = *state;
	struct weir_count before[WEIR_REASON_COUNT], after[WEIR_REASON_COUNT];

	bed_serve(b, 0, MIN, 0, 4);
	bed_sync(b);
	bed_serve(b, 0, MIN, 4, 4);
	bed_sync(b);
	weir_plane_reasons(b->plane, before);
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct flow f = bed_flow(0, n);

		trace(b, &f, n & 1);
	}
	weir_plane_reasons(b->plane, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(bed_records(b), 0);
}

static void a_trace_says_service_row_and_record(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);
	struct weir_plane_trace t;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	t = trace(b, &f, false);
	assert_memory_equal(&t.service, &bed_service(b, 0)->key, sizeof(t.service));
	assert_int_equal(t.noted.mask, MIN - 1);
	assert_int_equal(t.noted.prev, WEIR_ROW_REST);
	assert_int_equal(endpoint_of(&t.cur), 0);
	assert_int_equal(t.prev.slot, 0);
	assert_true(t.endpoint.alive);
	assert_true(t.endpoint.wanted);

	assert_int_equal(bed_send(b, &f, PKT_ACK), 0); /* at rest: no record */
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	t = trace(b, &f, false);
	assert_int_equal(t.noted.record, WEIR_TRACE_NO_RECORD);
	assert_int_equal(endpoint_of(&t.cur), 1);
	assert_int_equal(endpoint_of(&t.prev), 0);
	assert_int_equal(endpoint_of(&t.endpoint), 0);
	assert_false(t.endpoint.wanted); /* it drains */
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	t = trace(b, &f, false);
	assert_int_equal(t.noted.reason, WEIR_FORWARD_FLOW);
	assert_int_equal(endpoint_of(&t.record), 0);
}

static void a_trace_says_why_a_packet_goes_nowhere(void **state)
{
	struct bed *b = *state;
	struct flow none = bed_flow(0, 1), other = bed_flow(0, 1), v6;
	struct weir_plane_trace t;

	bed_serve(b, 0, MIN, 0, 0);
	bed_sync(b);
	t = trace(b, &none, true);
	assert_int_equal(t.action, XDP_DROP);
	assert_int_equal(t.noted.reason, WEIR_DROP_NO_ENDPOINT);
	assert_int_equal(t.endpoint.slot, 0);
	other.dport = 80;
	t = trace(b, &other, false);
	assert_int_equal(t.action, XDP_PASS);
	assert_int_equal(t.noted.reason, WEIR_PASS_NOT_OURS);
	assert_int_equal(t.noted.service_id, 0);
	v6 = flow_of(IPPROTO_UDP, "2001:db8::7", 1, "2001:db8::1", 53);
	assert_int_equal(trace(b, &v6, false).noted.reason, WEIR_PASS_NOT_OURS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(the_packets_that_follow_go_where_a_trace_says),
		BED_TEST(a_trace_records_and_counts_nothing),
		BED_TEST(a_trace_says_service_row_and_record),
		BED_TEST(a_trace_says_why_a_packet_goes_nowhere),
	};

	return BED_TESTS(tests);
}
