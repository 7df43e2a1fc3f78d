/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that have a table in common: they join it, change with it, leave it and come together
 * again, and no flow of any of them notices. */
#include "bed.h"

#define MIN WEIR_TABLE_MIN

static void services_of_a_balancer_have_one_table(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_share(b, 3, 0);
	bed_serve(b, 2, MIN, 0, 3); /* the same rows, but another balancer */
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1) && bed_one_table(b, 0, 3));
	assert_false(bed_one_table(b, 0, 2));
	assert_int_not_equal(bed_service(b, 0)->key.id, bed_service(b, 1)->key.id);
	assert_int_equal(bed_usage(b).services, 4);
	assert_int_equal(bed_usage(b).rows, 2 * MIN);
}

static void a_change_moves_all_of_them_and_breaks_no_flow_of_any(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	bed_serve(b, 0, MIN, 4, 3);
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1));
	assert_int_equal(bed_usage(b).unsettled_rows, MIN);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	bed_new_flows(b, 0, 4, 3);
	bed_new_flows(b, 1, 4, 3);
	bed_silence(b); /* but for those of one of them: they keep their rows from rest */
	bed_stay(b, &one);
	for (int i = 0; i < 3; i++)
		bed_pass(b, DRAIN_MS);
	bed_stay(b, &one);
	assert_in_range(bed_usage(b).unsettled_rows, 1, BED_FLOWS);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
}

static void one_that_is_removed_leaves_unsettled_rows_to_the_others(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	bed_serve(b, 0, MIN, 4, 3);
	bed_sync(b);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	b->wish.service[1].on = false;
	bed_sync(b);
	bed_pass(b, 1000);
	bed_stay(b, &zero);
	for (uint32_t i = 0; i < BED_FLOWS; i++)
		assert_int_equal(bed_send(b, &one.f[i], PKT_ACK), NOBODY);
	assert_int_equal(bed_records(b), BED_FLOWS);
	b->wish.service[0].on = false; /* the one whose rows they are; it comes back elsewhere */
	bed_share(b, 1, 0);
	bed_sync(b);
	assert_null(bed_service(b, 0));
	bed_new_flows(b, 1, 4, 3);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	assert_int_equal(bed_usage(b).rows, MIN);
	b->wish.service[1].on = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, 0);
}

static void one_that_comes_later_joins_in(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero;

	bed_serve(b, 0, MIN, 0, 3);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	bed_serve(b, 0, MIN, 4, 3);
	bed_sync(b);
	bed_share(b, 1, 0);
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1));
	bed_stay(b, &zero);
	bed_new_flows(b, 1, 4, 3);
}

static void a_shared_table_grows_for_all_of_them(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	bed_serve(b, 0, MIN, 4, 3);
	bed_sync(b);
	bed_stay(b, &zero); /* recorded in the smaller table */
	bed_serve(b, 0, 8 * MIN, 7, 3);
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1));
	assert_int_equal(bed_service(b, 1)->table.mask, 8 * MIN - 1);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	bed_new_flows(b, 1, 7, 3);
	bed_pass(b, 1000);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	assert_int_equal(bed_usage(b).rows, 8 * MIN);
}

/* Services 0 and 1 of one balancer, 2 of another. */
static void two_balancers(struct bed *b)
{
	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_serve(b, 2, MIN, 4, 3);
	bed_sync(b);
}

static void one_that_changes_balancers_takes_its_flows_along(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one, two;

	two_balancers(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	two = bed_flows(b, 2, 0);
	bed_share(b, 1, 2);
	bed_sync(b);
	for (uint32_t s = 1; s <= 2; s++)
		assert_false(bed_one_table(b, s - 1, s)); /* they have another past */
	assert_int_equal(bed_usage(b).unsettled_rows, MIN);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	bed_stay(b, &two);
	bed_new_flows(b, 0, 0, 3);
	bed_new_flows(b, 1, 4, 3);
	bed_pass(b, DRAIN_MS);
	bed_stay(b, &one);
	bed_sync(b);
	assert_false(bed_one_table(b, 1, 2)); /* some flows go on */
	bed_stay(b, &one);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	bed_sync(b);
	assert_true(bed_one_table(b, 1, 2));
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, 2 * MIN);
	bed_stay(b, &zero);
	bed_stay(b, &two);
}

static void balancers_that_become_one_have_one_table_when_they_have_one_past(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, two;

	two_balancers(b);
	zero = bed_flows(b, 0, 0);
	two = bed_flows(b, 2, 0);
	b->wish.service[2].size = 4 * MIN; /* a larger table on the way */
	for (uint32_t i = 0; i < 4 * MIN; i++)
		b->wish.service[2].rows[i] = (uint8_t)(8 + i % 5);
	for (uint32_t e = 8; e < 13; e++)
		b->wish.endpoint[e].there = b->wish.endpoint[e].alive = true;
	bed_share(b, 0, 2);
	bed_share(b, 1, 2);
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1));
	assert_false(bed_one_table(b, 0, 2));
	for (uint32_t s = 0; s <= 2; s++)
		bed_new_flows(b, s, 8, 5);
	bed_stay(b, &zero);
	bed_stay(b, &two);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	bed_sync(b);
	assert_true(bed_one_table(b, 0, 1) && bed_one_table(b, 0, 2));
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, 4 * MIN);
}

static void a_balancer_that_becomes_two_breaks_no_flow(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	b->wish.service[1] = b->wish.service[0]; /* the same rows still */
	b->wish.service[1].with = 0;
	bed_sync(b);
	assert_false(bed_one_table(b, 0, 1));
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	bed_serve(b, 1, MIN, 5, 2);
	bed_sync(b);
	bed_stay(b, &zero);
	bed_stay(b, &one);
	bed_new_flows(b, 0, 0, 3);
	bed_new_flows(b, 1, 5, 2);
}

static void another_agent_finds_them_as_they_were(void **state)
{
	struct bed *b = *state;
	struct bed_flows zero, one;
	struct weir_table_ref ref;

	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_sync(b);
	zero = bed_flows(b, 0, 0);
	one = bed_flows(b, 1, 0);
	bed_serve(b, 0, MIN, 4, 3);
	bed_sync(b);
	ref = bed_service(b, 0)->table;
	for (int i = 0; i < 3; i++) {
		bed_leave(b);
		bed_return(b);
		assert_int_equal(bed_usage(b).unsettled_rows, MIN);
		bed_sync(b);
		assert_memory_equal(&bed_service(b, 0)->table, &ref, sizeof(ref));
		assert_true(bed_one_table(b, 0, 1));
		assert_int_equal(bed_usage(b).rows, MIN);
		bed_stay(b, &zero);
		bed_stay(b, &one);
		bed_pass(b, 1000);
	}
	b->wish.service[1].on = false;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, MIN);
	bed_stay(b, &zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(services_of_a_balancer_have_one_table),
		BED_TEST(a_change_moves_all_of_them_and_breaks_no_flow_of_any),
		BED_TEST(one_that_is_removed_leaves_unsettled_rows_to_the_others),
		BED_TEST(one_that_comes_later_joins_in),
		BED_TEST(a_shared_table_grows_for_all_of_them),
		BED_TEST(one_that_changes_balancers_takes_its_flows_along),
		BED_TEST(balancers_that_become_one_have_one_table_when_they_have_one_past),
		BED_TEST(a_balancer_that_becomes_two_breaks_no_flow),
		BED_TEST(another_agent_finds_them_as_they_were),
	};

	return BED_TESTS(tests);
}
