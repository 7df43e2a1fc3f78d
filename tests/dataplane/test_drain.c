/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Windows end in their time, whatever else changes meanwhile. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "bed.h"

#define MIN WEIR_TABLE_MIN

static void other_changes_do_not_prolong_a_drain(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_serve(b, 1, MIN, 2, 2);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	for (int i = 0; i < 30; i++) { /* 10 minutes; another service's row moves every 20 s */
		b->wish.service[1].rows[0] = 2 + (i & 1);
		bed_sync(b);
		bed_pass(b, 20000);
		bed_send(b, &f, PKT_ACK);
	}
	assert_int_equal(bed_slot(b, 0), 0);
}
static void own_changes_do_not_prolong_a_drain(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	b->wish.endpoint[2].there = b->wish.endpoint[2].alive = true;
	bed_sync(b);
	for (int i = 0; i < 30; i++) {
		b->wish.service[0].rows[0] = 1 + (i & 1);
		bed_sync(b);
		bed_pass(b, 20000);
	}
	assert_int_equal(bed_slot(b, 0), 0);
}
static void datagrams_become_new_although_rows_keep_changing(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 3, MIN, 0, 2);
	bed_sync(b);
	b->wish.service[3].rows[1] = 0;
	bed_sync(b);
	for (int i = 0; i < 30; i++) {
		b->wish.service[3].rows[0] = i & 1;
		bed_sync(b);
		bed_pass(b, 4000);
	}
	assert_true(bed_row(b, 3, 1).prev == WEIR_ROW_REST ||
		    bed_row(b, 3, 1).prev & WEIR_ROW_UDP_NEW);
}
static void a_recorded_datagram_flow_stays_through_a_second_change(void **state)
{
	struct bed *b = *state;
	struct flow old = bed_flow(3, 1);

	bed_serve(b, 3, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 3, MIN, 1, 1);
	bed_sync(b);
	bed_pass(b, 6000);
	assert_int_equal(bed_send(b, &old, 0), 1); /* new: goes to 1, recorded */
	bed_serve(b, 3, MIN, 2, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &old, 0), 1);
}
static void an_endpoint_at_weight_0_keeps_its_flows_for_a_window_after_it_is_removed(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_serve(b, 0, MIN, 1, 1); /* weight 0: no row, but still there */
	bed_sync(b);
	for (int i = 0; i < 40; i++) {
		bed_pass(b, 20000);
		assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	}
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	for (int i = 0; i < DRAIN_MS / 20000 - 1; i++) {
		bed_pass(b, 20000);
		assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	}
}

static void every_service_and_endpoint_has_its_own_window(void **state)
{
	struct bed *b = *state;
	struct flow quick = bed_flow(0, 1), slow = bed_flow(1, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_serve(b, 1, MIN, 1, 1);
	b->wish.service[0].drain_ms = b->wish.endpoint[0].drain_ms = DRAIN_MS / 10;
	bed_sync(b);
	assert_int_equal(bed_send(b, &quick, PKT_SYN), 0);
	assert_int_equal(bed_send(b, &slow, PKT_SYN), 1);
	bed_serve(b, 0, MIN, 2, 1);
	bed_serve(b, 1, MIN, 2, 1);
	b->wish.endpoint[0].there = b->wish.endpoint[1].there = false;
	bed_sync(b);
	bed_pass(b, DRAIN_MS / 10 - 1000);
	assert_int_equal(bed_send(b, &quick, PKT_ACK), 0);
	assert_int_equal(bed_row(b, 0, MIN - 1).prev & WEIR_ROW_SLOT, bed_slot(b, 0));
	bed_pass(b, 2000);
	bed_pass(b, 1000);
	assert_int_equal(bed_row(b, 0, MIN - 1).prev, WEIR_ROW_REST);
	assert_int_equal(bed_send(b, &quick, PKT_ACK), 2);
	assert_int_equal(bed_slot(b, 0), 0);
	bed_pass(b, DRAIN_MS - DRAIN_MS / 10 - 3000);
	assert_int_equal(bed_row(b, 1, MIN - 1).prev & WEIR_ROW_SLOT, bed_slot(b, 1));
	assert_int_equal(bed_send(b, &slow, PKT_ACK), 1);
	bed_pass(b, 2000);
	bed_pass(b, 1000);
	assert_int_equal(bed_send(b, &slow, PKT_ACK), 2);
}

/* Whom an earlier agent left nobody knows a window for: the longest of all is enough. */
static void an_endpoint_of_an_earlier_agent_drains_too(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	b->wish.endpoint[0].drain_ms = 1000;
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_leave(b);
	bed_return(b);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	bed_pass(b, 2000);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
}

/* n services of a table each, then a large one; all of rows. */
static void crowd(struct weir_tables_service *s, struct weir_tables_table *t, uint32_t n,
		  const struct weir_tables_group *group, const uint32_t *rows)
{
	static const uint32_t members[2] = { 0, 1 };

	for (uint32_t i = 0; i <= n; i++) {
		t[i] = (struct weir_tables_table){ .group = group,
						   .members = members,
						   .rows = rows,
						   .n_members = 2,
						   .size = MIN,
						   .digest = 1 };
		s[i] = (struct weir_tables_service){ .vip = pkt_addr("192.0.2.99"),
						     .port = htons((uint16_t)(i + 1)),
						     .proto = IPPROTO_TCP,
						     .table = &t[i] };
	}
	t[n].size = WEIR_TABLE_MAX;
}

/* Row space in single units with gaps between them: there is room, but not for a large table. */
static void a_table_without_room_changes_nothing(void **state)
{
	struct bed *b = *state;
	uint32_t n = WEIR_DEFAULT_ROWS / MIN, *rows = weir_new_array(WEIR_TABLE_MAX, uint32_t);
	struct weir_tables_endpoint e[2] = { { .addr = pkt_addr("10.1.0.1"), .alive = true },
					     { .addr = pkt_addr("10.1.0.2"), .alive = true } };
	struct weir_tables_service *s = weir_new_array(n + 1, struct weir_tables_service);
	struct weir_tables_table *table = weir_new_array(n + 1, struct weir_tables_table);
	struct weir_lb lb = { 0 };
	struct weir_tables_group group = { .lb = &lb };
	struct weir_tables t = {
		e, &group, table, s, .n_endpoints = 2, .n_groups = 1, .n_tables = n + 1
	};
	struct weir_plane_usage was, is;

	crowd(s, table, n, &group, rows);
	t.n_services = n;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	for (uint32_t i = 0; i < n / 2; i++)
		s[i] = s[2 * i];
	t.n_services = n / 2;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	bed_pass(b, 1000);
	weir_plane_usage(b->plane, &was);
	for (uint32_t i = 0; i < MIN; i++)
		rows[i] = 1; /* the services that are there would change too */
	for (uint32_t i = 0; i < n; i++)
		table[i].digest = 2;
	s[n / 2] = s[n];
	t.n_services = n / 2 + 1;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), -ENOSPC);
	bed_pass(b, 1000);
	weir_plane_usage(b->plane, &is);
	assert_memory_equal(&was, &is, sizeof(was));
	t.n_services = n / 2;
	for (uint32_t i = 0; i < MIN; i++)
		rows[i] = 0;
	for (uint32_t i = 0; i < n; i++)
		table[i].digest = 1;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	weir_plane_usage(b->plane, &is);
	assert_int_equal(is.unsettled_rows, 0); /* no row had become another's */
	free(rows);
	free(table);
	free(s);
}

static void a_table_that_grows_does_not_prolong_its_windows(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	bed_pass(b, DRAIN_MS - 1000);
	bed_serve(b, 0, 2 * MIN, 1, 1);
	bed_sync(b);
	bed_pass(b, 999);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.unsettled_rows, 2 * MIN);
	bed_pass(b, 1);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.unsettled_rows, 0);
}

/* Records tell by their buckets which of so many rows they are of. */
static void live_flows_keep_their_rows_of_the_largest_table(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;
	struct flow f;

	bed_serve(b, 0, WEIR_TABLE_MAX, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, WEIR_TABLE_MAX, 1, 1);
	bed_sync(b);
	for (uint32_t i = 0; i < 64; i++) {
		f = bed_flow(0, i);
		assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	}
	bed_pass(b, DRAIN_MS);
	weir_plane_usage(b->plane, &usage);
	assert_in_range(usage.unsettled_rows, 60, 2 * 64); /* either of two, for each */
	for (uint32_t i = 0; i < 64; i++) {
		f = bed_flow(0, i);
		assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	}
	bed_silence(b);
	bed_pass(b, 1000);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.unsettled_rows, 0);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(other_changes_do_not_prolong_a_drain),
		BED_TEST(own_changes_do_not_prolong_a_drain),
		BED_TEST(every_service_and_endpoint_has_its_own_window),
		BED_TEST(an_endpoint_of_an_earlier_agent_drains_too),
		BED_TEST(datagrams_become_new_although_rows_keep_changing),
		BED_TEST(a_recorded_datagram_flow_stays_through_a_second_change),
		BED_TEST(an_endpoint_at_weight_0_keeps_its_flows_for_a_window_after_it_is_removed),
		BED_TEST(a_table_without_room_changes_nothing),
		BED_TEST(a_table_that_grows_does_not_prolong_its_windows),
		BED_TEST(live_flows_keep_their_rows_of_the_largest_table),
	};
	return BED_TESTS(tests);
}
