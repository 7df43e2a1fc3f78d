/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An affinity has its time: through a change, for a client that keeps coming, and no longer. */
#include "bed.h"

#define MIN    WEIR_TABLE_MIN
#define STICKY (WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY)
#define TTL_MS (1800 * 1000)

/* Services 0 and 1 are one balancer's, with an affinity. */
static void sticky(struct bed *b, uint32_t first, uint32_t n)
{
	bed_serve(b, 0, MIN, first, n);
	bed_serve(b, 1, MIN, first, n);
	b->wish.service[0].flags = b->wish.service[1].flags = STICKY;
	b->wish.service[0].affinity_ms = TTL_MS;
	b->wish.service[1].with = 1;
}

/* The endpoint of a connection, from any port, of this client. */
static uint32_t connects(const struct bed *b, uint32_t client, uint32_t service)
{
	static uint16_t port = 1000;
	struct flow f = bed_flow(service, port++);
	uint32_t to;

	f.src.b[14] = (uint8_t)(client >> 8);
	f.src.b[15] = (uint8_t)client;
	to = bed_send(b, &f, PKT_SYN);
	assert_int_equal(bed_send(b, &f, PKT_ACK), to);
	return to;
}

static uint32_t group_of(const struct bed *b, uint32_t service)
{
	return b->specials[bed_service(b, service)->key.id].group;
}

static void services_of_a_balancer_are_one_group(void **state)
{
	struct bed *b = *state;
	uint32_t group;

	sticky(b, 0, 2);
	bed_serve(b, 2, MIN, 0, 2);
	b->wish.service[2].flags = STICKY;
	bed_serve(b, 3, MIN, 0, 2);
	bed_sync(b);
	group = group_of(b, 0);
	assert_int_not_equal(group, 0);
	assert_int_equal(group_of(b, 1), group);
	assert_int_not_equal(group_of(b, 2), 0);
	assert_int_not_equal(group_of(b, 2), group);
	assert_int_equal(bed_service(b, 0)->key.flags, STICKY);
	assert_int_equal(bed_service(b, 3)->key.flags, 0);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	assert_int_equal(group_of(b, 0), group);
	b->wish.service[0].on = false; /* a group is not its first service's */
	bed_sync(b);
	b->wish.service[0].on = true;
	bed_sync(b);
	assert_int_equal(group_of(b, 0), group);
	assert_int_equal(group_of(b, 1), group);
	assert_int_not_equal(group_of(b, 2), group);
}

static void an_affinity_outlives_a_change_for_its_time(void **state)
{
	struct bed *b = *state;

	sticky(b, 0, 1);
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 0);
	sticky(b, 1, 1); /* 0 is still there, but wanted less */
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 0);
	for (int i = 0; i < TTL_MS / 60000 - 1; i++) {
		bed_pass(b, 60000);
		assert_int_equal(connects(b, 1, 1), 0);
	}
	assert_int_equal(connects(b, 2, 0), 0); /* new, or not: who knows */
	bed_pass(b, 61000);
	assert_int_equal(connects(b, 3, 0), 1);
	assert_int_equal(connects(b, 3, 1), 1);
	for (int i = 0; i < 100; i++) { /* who was seen stays, as long as it comes */
		assert_int_equal(connects(b, 1, i & 1), 0);
		assert_int_equal(connects(b, 2, i & 1), 0);
		bed_pass(b, 60000);
	}
	bed_silence_s(b, TTL_MS / 1000 - 10);
	bed_pass(b, 1000);
	assert_int_equal(connects(b, 1, 1), 0);
	bed_silence_s(b, TTL_MS / 1000 + 10);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
	for (uint32_t client = 1; client < 4; client++)
		assert_int_equal(connects(b, client, 0), 1);
}

static void a_disabled_endpoint_keeps_the_unknown_for_the_drain_window_only(void **state)
{
	struct bed *b = *state;

	sticky(b, 0, 1);
	bed_sync(b);
	sticky(b, 1, 1);
	b->wish.endpoint[0].disabled = true;
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 0);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(connects(b, 2, 0), 0);
	bed_pass(b, 2000);
	assert_int_equal(connects(b, 3, 0), 1);
	assert_int_equal(connects(b, 2, 1), 0);
	b->wish.endpoint[0].there = false; /* and now its time is over in any case */
	bed_sync(b);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(connects(b, 1, 0), 0);
	bed_pass(b, 2000);
	assert_int_equal(connects(b, 1, 0), 1);
	assert_int_equal(connects(b, 2, 0), 1);
}

static void a_client_of_a_dead_endpoint_goes_elsewhere_at_once(void **state)
{
	struct bed *b = *state;

	sticky(b, 0, 1);
	bed_sync(b);
	sticky(b, 1, 1);
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 0);
	b->wish.endpoint[0].alive = false;
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 1);
	assert_int_equal(connects(b, 2, 0), 1);
	b->wish.endpoint[0].alive = true;
	sticky(b, 0, 1);
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 1);
	assert_int_equal(connects(b, 2, 1), 1);
}

static void a_balancer_without_affinity_forgets_its_clients(void **state)
{
	struct bed *b = *state;

	sticky(b, 0, 1);
	bed_sync(b);
	sticky(b, 1, 1);
	bed_sync(b);
	assert_int_equal(connects(b, 1, 0), 0);
	assert_int_equal(bed_records(b), 1);
	b->wish.service[0].flags = b->wish.service[1].flags = 0;
	b->wish.service[0].affinity_ms = 0;
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(bed_records(b), 0);
	assert_int_equal(connects(b, 1, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(services_of_a_balancer_are_one_group),
		BED_TEST(an_affinity_outlives_a_change_for_its_time),
		BED_TEST(a_disabled_endpoint_keeps_the_unknown_for_the_drain_window_only),
		BED_TEST(a_client_of_a_dead_endpoint_goes_elsewhere_at_once),
		BED_TEST(a_balancer_without_affinity_forgets_its_clients),
	};
	return BED_TESTS(tests);
}
