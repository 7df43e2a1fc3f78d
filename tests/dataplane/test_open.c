/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an agent finds when it comes: its own maps, somebody else's, another agent, or nothing. */
#include "bed.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIN  WEIR_TABLE_MIN
#define REST WEIR_ROW_REST

static int open_at(const char *pin_path, struct weir_plane **out)
{
	const struct weir_plane_options o = { .pin_path = pin_path, .max_rows = WEIR_DEFAULT_ROWS };

	return weir_plane_open(&o, out);
}

/* Everything that is pinned and that an agent writes. */
struct copy {
	struct weir_service services[WEIR_SERVICE_SLOTS];
	struct weir_row rows[4 * MIN];
	struct weir_endpoint endpoints[64];
	struct weir_endpoint_id ids[64];
};

static struct copy *copy(const struct bed *b)
{
	struct copy *c = weir_new(struct copy);

	memcpy(c->services, b->services, sizeof(c->services));
	memcpy(c->rows, b->rows, sizeof(c->rows));
	memcpy(c->endpoints, b->endpoints, sizeof(c->endpoints));
	memcpy(c->ids, b->ids, sizeof(c->ids));
	return c;
}

static void same_as(const struct bed *b, const struct copy *c)
{
	assert_memory_equal(c->services, b->services, sizeof(c->services));
	assert_memory_equal(c->rows, b->rows, sizeof(c->rows));
	assert_memory_equal(c->endpoints, b->endpoints, sizeof(c->endpoints));
	assert_memory_equal(c->ids, b->ids, sizeof(c->ids));
}

static void another_agent_finds_everything_as_it_was(void **state)
{
	struct bed *b = *state;
	struct copy *before;

	bed_serve(b, 0, MIN, 0, 3);
	bed_serve(b, 2, 2 * MIN, 1, 3);
	b->wish.endpoint[3].alive = false;
	bed_sync(b);
	b->wish.service[0].rows[7] = 2;
	bed_sync(b);
	before = copy(b);
	for (int i = 0; i < 3; i++) {
		bed_leave(b);
		same_as(b, before);
		bed_return(b);
		same_as(b, before);
		bed_sync(b);
		same_as(b, before);
	}
	free(before);
}

static void packets_do_not_notice_that_the_agent_changes(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1), g = bed_flow(0, 2);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 1);
	assert_int_equal(bed_send(b, &g, PKT_ACK), 0);
	bed_leave(b);
	bed_return(b);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	assert_int_equal(bed_send(b, &g, PKT_ACK), 0);
}

static void windows_begin_again_with_another_agent(void **state)
{
	struct bed *b = *state;
	struct flow old = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_row(b, 0, 0).prev, bed_slot(b, 0));
	assert_int_equal(bed_send(b, &old, PKT_ACK), 0);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_row(b, 0, 0).prev, REST);
}

static void an_endpoint_that_left_meanwhile_is_drained(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);
	uint32_t slot;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	slot = bed_slot(b, 0);
	bed_leave(b);
	bed_return(b);
	bed_serve(b, 0, MIN, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	bed_pass(b, 1000);
	assert_int_equal(b->ids[slot].used, 0);
}

static void records_of_rows_at_rest_are_wiped_by_the_next_agent(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 1);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_row(b, 0, 0).prev, REST);
	assert_int_equal(bed_records(b), 1);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
}

static void health_outlives_the_agent(void **state)
{
	struct bed *b = *state;
	union weir_addr up = pkt_addr("10.1.0.1"), down = pkt_addr("10.1.0.2");
	union weir_addr unknown = pkt_addr("10.1.0.3");

	bed_serve(b, 0, MIN, 0, 2);
	b->wish.endpoint[1].alive = false;
	bed_sync(b);
	bed_leave(b);
	bed_return(b);
	assert_true(weir_plane_was_healthy(b->plane, &up, 0));
	assert_false(weir_plane_was_healthy(b->plane, &down, 0));
	assert_false(weir_plane_was_healthy(b->plane, &unknown, 0));
}

static void counters_outlive_the_agent(void **state)
{
	struct bed *b = *state;
	union weir_addr addr = pkt_addr("10.1.0.1");
	struct weir_plane_endpoint_stats stats;
	struct weir_count reasons[WEIR_REASON_COUNT];
	struct flow f = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_send(b, &f, PKT_SYN);
	bed_send(b, &f, PKT_ACK);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	assert_true(weir_plane_endpoint(b->plane, &addr, 0, WEIR_MODE_IPIP, &stats));
	assert_int_equal(stats.packets, 2);
	assert_int_equal(stats.bytes, 2 * pkt_new(&f, 0).len);
	assert_int_equal(stats.connections, 1);
	assert_true(stats.next_hop);
	weir_plane_reasons(b->plane, reasons);
	assert_int_equal(reasons[WEIR_FORWARD].packets, 2);
	assert_false(weir_plane_endpoint(b->plane, &addr, 0, WEIR_MODE_L2, &stats));
}

/* Killed after it wrote a row, and before what follows from it. */
static void a_row_left_half_written_is_mended(void **state)
{
	struct bed *b = *state;
	struct flow f = bed_flow(0, 1);
	uint32_t base;

	bed_serve(b, 0, MIN, 0, 1);
	bed_serve(b, 1, MIN, 1, 1);
	bed_sync(b);
	base = bed_service(b, 0)->table.base;
	bed_leave(b);
	for (uint32_t i = 0; i < MIN; i++)
		b->rest[(base + i) / WEIR_REST_ROWS].slot[i % WEIR_REST_ROWS] =
			(uint16_t)bed_slot(b, 1);
	bed_return(b);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
}

static void another_version_of_the_abi_is_refused(void **state)
{
	struct bed *b = *state;
	struct weir_plane *p = NULL;
	char other[128];

	bed_leave(b);
	snprintf(other, sizeof(other), "%s/v%d", b->pins, WEIR_ABI + 1);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(open_at(b->pins, &p), -EPROTO);
	assert_null(p);
	assert_int_equal(rmdir(other), 0);
	bed_return(b);
}

static void a_second_agent_is_refused(void **state)
{
	struct bed *b = *state;
	struct weir_plane *p = NULL;
	char dir[96];

	assert_int_equal(open_at(b->pins, &p), -EBUSY);
	assert_null(p);
	assert_int_equal(weir_plane_remove(b->pins), -EBUSY);
	snprintf(dir, sizeof(dir), "%s/v%d/weir_rows", b->pins, WEIR_ABI);
	assert_int_equal(access(dir, F_OK), 0);
	snprintf(dir, sizeof(dir), "%s/other", b->root);
	assert_int_equal(open_at(dir, &p), 0);
	weir_plane_close(p);
	assert_int_equal(weir_plane_remove(dir), 0);
}

static void only_a_bpf_file_system_will_do(void **state)
{
	struct weir_plane *p = NULL;

	(void)state;
	assert_int_equal(open_at("build/not-bpf", &p), -ENOTSUP);
	assert_int_equal(access("build/not-bpf", F_OK), -1);
	assert_int_equal(open_at("/proc/weir/no", &p), -ENOTSUP);
	assert_null(p);
}

static void removing_leaves_nothing(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 2);
	bed_sync(b);
	bed_leave(b);
	assert_int_equal(weir_plane_remove(b->pins), 0);
	assert_int_equal(access(b->pins, F_OK), -1);
	assert_int_equal(weir_plane_remove(b->pins), 0); /* nothing is there: nothing to do */
	bed_return(b);
}

/* The packet path of a new agent is empty, whatever the one before it had. */
static void after_removing_all_is_new(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;

	bed_serve(b, 0, MIN, 0, 2);
	bed_sync(b);
	bed_leave(b);
	assert_int_equal(weir_plane_remove(b->pins), 0);
	bed_return(b);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.services + usage.endpoints + usage.rows + usage.draining_endpoints,
			 0);
}

static void there_is_room_for_as_many_rows_as_configured(void **state)
{
	struct bed *b = *state;
	struct weir_plane_usage usage;

	bed_leave(b);
	assert_int_equal(weir_plane_remove(b->pins), 0);
	b->options.max_rows = 2 * WEIR_TABLE_MAX;
	bed_return(b);
	bed_serve(b, 0, WEIR_TABLE_MAX, 0, 2);
	bed_serve(b, 1, WEIR_TABLE_MAX, 0, 2);
	bed_sync(b);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.rows, 2 * WEIR_TABLE_MAX);
	assert_int_equal(usage.max_rows, 2 * WEIR_TABLE_MAX);
	bed_serve(b, 2, MIN, 0, 2);
	assert_int_equal(bed_try(b), -ENOSPC);
	bed_leave(b);
	b->options.max_rows = 4 * WEIR_TABLE_MAX;
	bed_return(b);
	weir_plane_usage(b->plane, &usage);
	assert_int_equal(usage.max_rows, 2 * WEIR_TABLE_MAX); /* what is there stays */
	assert_int_equal(bed_try(b), -ENOSPC);
	bed_leave(b);
	assert_int_equal(weir_plane_remove(b->pins), 0);
	bed_return(b);
	bed_sync(b);
}

/* Its first sync may fail: until one has said how long windows are, they do not end. */
static void no_row_comes_to_rest_before_an_agent_knows_its_window(void **state)
{
	struct bed *b = *state;
	struct flow old = bed_flow(0, 1);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	bed_serve(b, 0, MIN, 1, 1);
	bed_sync(b);
	bed_leave(b);
	bed_return(b);
	for (int i = 0; i < 3; i++)
		bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_send(b, &old, PKT_ACK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(another_agent_finds_everything_as_it_was),
		BED_TEST(packets_do_not_notice_that_the_agent_changes),
		BED_TEST(windows_begin_again_with_another_agent),
		BED_TEST(an_endpoint_that_left_meanwhile_is_drained),
		BED_TEST(records_of_rows_at_rest_are_wiped_by_the_next_agent),
		BED_TEST(health_outlives_the_agent),
		BED_TEST(counters_outlive_the_agent),
		BED_TEST(a_row_left_half_written_is_mended),
		BED_TEST(another_version_of_the_abi_is_refused),
		BED_TEST(a_second_agent_is_refused),
		BED_TEST(only_a_bpf_file_system_will_do),
		BED_TEST(removing_leaves_nothing),
		BED_TEST(after_removing_all_is_new),
		BED_TEST(there_is_room_for_as_many_rows_as_configured),
		BED_TEST(no_row_comes_to_rest_before_an_agent_knows_its_window),
	};

	return BED_TESTS(tests);
}
