/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sync makes of rows, and how they come to rest. */
#include "bed.h"

#define MIN  WEIR_TABLE_MIN
#define REST WEIR_ROW_REST

/* Every row of a service is this. Endpoints, not slots; prev NOBODY: at rest. */
static void all_rows(const struct bed *b, uint32_t service, uint32_t cur, uint32_t prev)
{
	uint32_t size = bed_service(b, service)->table.mask + 1;

	for (uint32_t i = 0; i < size; i++) {
		struct weir_row row = bed_row(b, service, i);

		assert_int_equal(row.cur, cur == NOBODY ? WEIR_NO_ENDPOINT : bed_slot(b, cur));
		assert_int_equal(row.prev, prev == NOBODY ? REST : bed_slot(b, prev));
		if (i == 64) /* each look-up goes through the whole table */
			i = size - 65;
	}
}

static void a_new_table_is_at_rest(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 3);
	bed_sync(b);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(bed_row(b, 0, i).cur, bed_slot(b, i % 3));
		assert_int_equal(bed_row(b, 0, i).prev, REST);
	}
}

static void a_row_that_moves_remembers_its_older_flows(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 2);
	bed_sync(b);
	b->wish.endpoint[2].there = b->wish.endpoint[2].alive = true;
	b->wish.service[0].rows[7] = 2;
	bed_sync(b);
	assert_int_equal(bed_row(b, 0, 7).cur, bed_slot(b, 2));
	assert_int_equal(bed_row(b, 0, 7).prev, bed_slot(b, 1));
	assert_int_equal(bed_row(b, 0, 6).prev, REST);
	assert_int_equal(bed_row(b, 0, 8).prev, REST);
}

static void later_changes_keep_the_first_prev(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	all_rows(b, 0, 1, 0);
	bed_serve(b, 0, MIN, 2, 1);
	bed_sync(b);
	all_rows(b, 0, 2, 0);
	bed_serve(b, 0, MIN, 0, 1); /* back again: recorded flows are elsewhere, so not at rest */
	bed_sync(b);
	all_rows(b, 0, 0, 0);
}

static void a_dead_endpoint_is_no_prev(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].alive = false;
	bed_sync(b);
	all_rows(b, 0, 1, NOBODY);
	assert_int_equal(b->endpoints[bed_slot(b, 0)].state, 0);
	bed_serve(b, 0, MIN, 2, 1);
	bed_sync(b);
	all_rows(b, 0, 2, 1);
	b->wish.endpoint[1].alive = false;
	bed_sync(b);
	all_rows(b, 0, 2, 2);
}

static void a_service_without_anyone_keeps_older_flows_too(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 0, 0);
	bed_sync(b);
	all_rows(b, 0, NOBODY, 0);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	all_rows(b, 0, 1, 0);
}

static void nobody_is_no_prev(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 0);
	bed_sync(b);
	all_rows(b, 0, NOBODY, NOBODY);
	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	all_rows(b, 0, 0, NOBODY);
}

static void a_grown_table_means_the_same(void **state)
{
	struct bed *b = *state;
	struct weir_row before[MIN];

	bed_serve(b, 0, MIN, 0, 3);
	bed_sync(b);
	b->wish.service[0].rows[7] = 0;
	bed_sync(b);
	memcpy(before, &b->rows[bed_service(b, 0)->table.base], sizeof(before));
	b->wish.service[0].size = WEIR_TABLE_MAX;
	for (uint32_t i = MIN; i < WEIR_TABLE_MAX; i++)
		b->wish.service[0].rows[i] = b->wish.service[0].rows[i % MIN];
	bed_sync(b);
	assert_int_equal(bed_service(b, 0)->table.mask, WEIR_TABLE_MAX - 1);
	for (uint32_t i = 0; i < WEIR_TABLE_MAX; i += MIN)
		assert_memory_equal(&b->rows[bed_service(b, 0)->table.base + i], before,
				    sizeof(before));
}

static void a_table_that_is_too_large_becomes_smaller_at_rest(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;

	bed_serve(b, 0, WEIR_TABLE_MAX, 0, 3);
	bed_share(b, 1, 0);
	bed_serve(b, 2, 2 * MIN, 0, 3);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 2);
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_service(b, 0)->table.mask, WEIR_TABLE_MAX - 1);
	assert_int_equal(bed_row(b, 0, 3 * MIN + 8).cur, bed_slot(b, 1));
	assert_int_equal(bed_row(b, 0, 3 * MIN + 8).prev, bed_slot(b, (3 * MIN + 8) % 3));
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	for (uint32_t s = 0; s < 2; s++) {
		assert_int_equal(bed_service(b, s)->table.mask, MIN - 1);
		assert_int_equal(bed_row(b, s, 8).cur, bed_slot(b, 1));
		assert_int_equal(bed_row(b, s, 9).cur, bed_slot(b, 2));
	}
	assert_int_equal(bed_service(b, 2)->table.mask, 2 * MIN - 1);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.rows, 3 * MIN);
	assert_int_equal(usage.unsettled_rows, 0);
}

static void a_removed_service_is_gone_and_its_rows_are_free(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;
	struct flow f = bed_flow(0, 1), g = bed_flow(1, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_serve(b, 1, WEIR_TABLE_MAX, 1, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	b->wish.service[0].on = false;
	bed_sync(b);
	assert_null(bed_service(b, 0));
	assert_int_equal(bed_send(b, &f, PKT_SYN), NOBODY);
	assert_int_equal(bed_send(b, &g, PKT_SYN), 1);
	bed_pass(b, 0);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.rows, WEIR_TABLE_MAX);
	assert_int_equal(usage.services, 1);
	b->wish.service[0].on = true;
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
}

static void the_same_tables_again_change_nothing(void **state)
{
	struct bed *b = *state;
	struct weir_row *before = weir_new_array(2 * MIN, struct weir_row);

	bed_serve(b, 0, MIN, 0, 3);
	bed_serve(b, 1, MIN, 2, 2);
	bed_sync(b);
	b->wish.service[0].rows[9] = 3;
	bed_sync(b);
	memcpy(before, b->rows, 2 * MIN * sizeof(*before));
	for (int i = 0; i < 5; i++)
		bed_sync(b);
	assert_memory_equal(before, b->rows, 2 * MIN * sizeof(*before));
	free(before);
}

static void datagrams_are_new_after_a_few_seconds(void **state)
{
	struct bed *b = *state;
	struct flow old = bed_flow(3, 1), new = bed_flow(3, 2);

	bed_serve(b, 3, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 3, MIN, 1, 1);
	bed_sync(b);
	bed_pass(b, 4999);
	assert_int_equal(bed_row(b, 3, 0).prev, bed_slot(b, 0));
	assert_int_equal(bed_send(b, &old, 0), 0);
	bed_pass(b, 1);
	assert_int_equal(bed_row(b, 3, 0).prev, bed_slot(b, 0) | WEIR_ROW_UDP_NEW);
	assert_int_equal(bed_send(b, &new, 0), 1);
	assert_int_equal(bed_send(b, &old, 0), 0);
}

static void rows_come_to_rest_when_their_window_is_over(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 1);
	assert_int_equal(bed_records(b), 1);
	bed_pass(b, DRAIN_MS - 1);
	assert_int_not_equal(bed_row(b, 0, 0).prev, REST);
	bed_pass(b, 1);
	all_rows(b, 0, 1, NOBODY);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
}

static void a_live_flow_elsewhere_keeps_its_row_from_rest(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	for (int i = 0; i < 10; i++)
		bed_pass(b, DRAIN_MS);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.unsettled_rows, 1);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.unsettled_rows, 0);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
}

static void a_removed_endpoint_ends_with_its_window(void **state)
{
	struct bed *b = *state;
	struct weir_plane_endpoint_stats stats;
	struct flow f = bed_flow(0, 1);
	uint32_t slot;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	slot = bed_slot(b, 0);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 0);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	bed_pass(b, DRAIN_MS - 1);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	bed_pass(b, 1);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	bed_pass(b, 1000);
	assert_int_equal(bed_slot(b, 0), 0);
	assert_int_equal(b->ids[slot].used, 0);
	b->wish.endpoint[2].there = true;
	bed_sync(b); /* a new owner starts from zero */
	assert_int_equal(bed_slot(b, 2), slot);
	assert_true(
		weir_plane_endpoint(b->plane, &b->ids[slot].addr, 0, b->ids[slot].mode, &stats));
	assert_int_equal(stats.packets + stats.bytes + stats.connections, 0);
}

static void tables_that_do_not_fit_change_nothing(void **state)
{
	struct bed *b = *state;
	uint32_t big = WEIR_DEFAULT_ROWS / WEIR_TABLE_MAX;
	struct weir_tables_endpoint e = { .addr = pkt_addr("10.1.0.1"), .alive = true };
	uint32_t *rows = weir_new_array(WEIR_TABLE_MAX, uint32_t);
	struct weir_lb lb = { 0 };
	struct weir_tables_group group = { .lb = &lb };
	struct weir_tables_service *s = weir_new_array(big + 1, struct weir_tables_service);
	struct weir_tables_table *table = weir_new_array(big + 1, struct weir_tables_table);
	struct weir_tables t = {
		.endpoints = &e, .n_endpoints = 1, .services = s, .groups = &group, .n_groups = 1
	};
	const uint32_t member = 0;

	t.tables = table;
	for (uint32_t i = 0; i <= big; i++) {
		table[i] = (struct weir_tables_table){ .group = &group,
						       .members = &member,
						       .rows = rows,
						       .n_members = 1,
						       .size = WEIR_TABLE_MAX,
						       .digest = 1 };
		s[i] = (struct weir_tables_service){ .vip = pkt_addr("192.0.2.99"),
						     .port = htons((uint16_t)(i + 1)),
						     .proto = IPPROTO_TCP,
						     .table = &table[i] };
	}
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	t.n_services = t.n_tables = big + 1;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), -ENOSPC);
	all_rows(b, 0, 1, NOBODY);
	assert_int_equal(bed_slot(b, 0), 0);
	b->wish.service[0].on = false;
	bed_sync(b);
	bed_pass(b, 1000);
	t.n_services = t.n_tables = big;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	free(rows);
	free(table);
	free(s);
}

/* More services whose search begins in one slot than a search looks at. */
static void crowd(struct weir_tables_service *s, uint32_t n, const struct weir_tables_table *t)
{
	union weir_addr vip = pkt_addr("192.0.2.0");

	for (uint32_t found = 0; found < n; vip.b[15]++)
		for (uint32_t port = 1; found < n && port < 65536; port++)
			if (weir_service_slot(&vip, htons((uint16_t)port), IPPROTO_TCP) == 1000)
				s[found++] =
					(struct weir_tables_service){ .vip = vip,
								      .port = htons((uint16_t)port),
								      .proto = IPPROTO_TCP,
								      .table = t };
}

/* Also not the endpoints that rows at rest go on to name, when these are drained. */
static void a_crowded_service_table_changes_nothing(void **state)
{
	struct bed *b = *state;
	struct weir_tables_endpoint e = { .addr = pkt_addr("10.1.0.2"), .alive = true };
	uint32_t *rows = weir_new_array(MIN, uint32_t);
	const uint32_t member = 0;
	struct weir_lb lb = { 0 };
	struct weir_tables_group group = { .lb = &lb };
	struct weir_tables_table table = { .group = &group,
					   .members = &member,
					   .rows = rows,
					   .n_members = 1,
					   .size = MIN,
					   .digest = 1 };
	struct weir_tables_service s[WEIR_SERVICE_PROBE + 1];
	struct weir_tables t = { &e,           &group, &table, s, .n_endpoints = 1, .n_groups = 1,
				 .n_tables = 1 };

	crowd(s, WEIR_SERVICE_PROBE + 1, &table);
	t.n_services = WEIR_SERVICE_PROBE + 1;
	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), -ENOSPC);
	for (int i = 0; i < 3; i++) {
		bed_pass(b, DRAIN_MS);
		all_rows(b, 0, 0, NOBODY);
		assert_int_not_equal(bed_slot(b, 0), 0);
	}
	bed_sync(b);
	all_rows(b, 0, 0, NOBODY);
	b->wish.service[0].on = false;
	bed_sync(b);
	t.n_services = WEIR_SERVICE_PROBE;
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_new_table_is_at_rest),
		BED_TEST(a_row_that_moves_remembers_its_older_flows),
		BED_TEST(later_changes_keep_the_first_prev),
		BED_TEST(a_dead_endpoint_is_no_prev),
		BED_TEST(a_service_without_anyone_keeps_older_flows_too),
		BED_TEST(nobody_is_no_prev),
		BED_TEST(a_grown_table_means_the_same),
		BED_TEST(a_table_that_is_too_large_becomes_smaller_at_rest),
		BED_TEST(a_removed_service_is_gone_and_its_rows_are_free),
		BED_TEST(the_same_tables_again_change_nothing),
		BED_TEST(datagrams_are_new_after_a_few_seconds),
		BED_TEST(rows_come_to_rest_when_their_window_is_over),
		BED_TEST(a_live_flow_elsewhere_keeps_its_row_from_rest),
		BED_TEST(a_removed_endpoint_ends_with_its_window),
		BED_TEST(tables_that_do_not_fit_change_nothing),
		BED_TEST(a_crowded_service_table_changes_nothing),
	};

	return BED_TESTS(tests);
}
