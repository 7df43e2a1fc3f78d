/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Server ids in the kernel: whom they name, for how long, and through which changes. */
#include "bed.h"

#include <stdio.h>

#include "../lib/quic.h"
#include "dataplane/plane_impl.h"

#define UDP   3 /* the service */
#define BYTES 2
#define MIN   WEIR_TABLE_MIN

static uint64_t id_of(uint32_t endpoint)
{
	return 0xab00 + endpoint;
}

/* Endpoints first .. first + n - 1 serve, and are named. */
static void serve(struct bed *b, uint32_t first, uint32_t n)
{
	struct wish_service *s = &b->wish.service[UDP];

	bed_serve(b, UDP, MIN, first, n);
	s->flags = WEIR_SERVICE_QUIC;
	s->quic = true;
	s->id_bytes = BYTES;
	for (uint32_t e = 0; e < ENDPOINTS; e++)
		s->server_id[e] = e >= first && e < first + n ? id_of(e) : 0;
}

/* They leave the pool, and all pools. */
static void retire(struct bed *b, uint32_t endpoint)
{
	b->wish.endpoint[endpoint].there = false;
	b->wish.service[UDP].server_id[endpoint] = 0;
}

/* Where a packet with this id goes, from some client. */
static uint32_t named_in(const struct bed *b, uint8_t rotation, uint32_t bytes, uint64_t id)
{
	struct flow f = bed_flow(UDP, (uint32_t)id);

	return bed_send_packet(b,
			       quic_packet(&f, QUIC_FORM_SHORT, quic_cid(rotation, id, bytes, 9)));
}

static uint32_t named(const struct bed *b, uint64_t id)
{
	return named_in(b, 0, BYTES, id);
}

static uint32_t n_ids(const struct bed *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_SERVER_ID_SLOTS; i++)
		n += b->plane->server_ids[i].owner > WEIR_ID_DELETED;
	return n;
}

/* Without marks of what is gone. */
static bool is_clean(const struct bed *b)
{
	for (uint32_t i = 0; i < WEIR_SERVER_ID_SLOTS; i++)
		if (b->plane->server_ids[i].owner != WEIR_ID_FREE)
			return false;
	return true;
}

static void ids_name_endpoints_that_serve_and_those_that_wait(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 8);
	bed_serve(b, UDP, MIN, 0, 2);
	bed_sync(b);
	for (uint32_t e = 0; e < 8; e++)
		assert_int_equal(named(b, id_of(e)), e);
	assert_in_range(named(b, id_of(9)), 0, 1);
	assert_int_equal(n_ids(b), 8);
	b->wish.endpoint[5].alive = false;
	bed_sync(b);
	assert_in_range(named(b, id_of(5)), 0, 1);
	b->wish.endpoint[5].alive = true;
	bed_sync(b);
	assert_int_equal(named(b, id_of(5)), 5);
}

static void an_endpoint_that_has_left_is_named_for_the_drain_window(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 3);
	bed_sync(b);
	serve(b, 0, 2);
	retire(b, 2);
	bed_sync(b);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(named(b, id_of(2)), 2);
	bed_pass(b, 1001);
	assert_in_range(named(b, id_of(2)), 0, 1);
	assert_int_equal(n_ids(b), 2);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(bed_slot(b, 2), 0);
	assert_int_equal(named(b, id_of(1)), 1);
}

/* Another balancer has it still. */
static void an_endpoint_that_has_left_one_balancer_has_this_ones_window(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 3);
	b->wish.service[UDP].drain_ms = 5000;
	bed_serve(b, 0, MIN, 0, 3);
	bed_sync(b);
	serve(b, 0, 2);
	bed_sync(b);
	bed_pass(b, 4000);
	assert_int_equal(named(b, id_of(2)), 2);
	bed_sync(b); /* begins no other window */
	bed_pass(b, 1001);
	assert_in_range(named(b, id_of(2)), 0, 1);
	assert_int_not_equal(bed_slot(b, 2), 0);
}

/* Its slot may be another one's then. */
static void an_id_goes_before_its_endpoint(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 3);
	b->wish.endpoint[2].drain_ms = 1000;
	bed_sync(b);
	serve(b, 0, 2);
	retire(b, 2);
	bed_sync(b);
	bed_pass(b, 1000);
	assert_int_equal(n_ids(b), 2);
	assert_in_range(named(b, id_of(2)), 0, 1);
}

static void an_endpoint_that_comes_back_is_named_again(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 3);
	bed_sync(b);
	serve(b, 0, 2);
	retire(b, 2);
	bed_sync(b);
	bed_pass(b, DRAIN_MS / 2);
	serve(b, 0, 3);
	bed_sync(b);
	bed_pass(b, 2 * DRAIN_MS);
	assert_int_equal(named(b, id_of(2)), 2);
	assert_int_equal(n_ids(b), 3);
}

static void an_id_that_another_endpoint_gets_is_that_ones(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 3);
	bed_sync(b);
	b->wish.service[UDP].server_id[1] = 0;
	b->wish.service[UDP].server_id[2] = id_of(1);
	bed_sync(b);
	assert_int_equal(named(b, id_of(1)), 2);
	assert_int_equal(named(b, id_of(2)), 2); /* it was that one's */
	bed_pass(b, DRAIN_MS + 1);
	assert_int_equal(named(b, id_of(1)), 2);
	assert_int_equal(n_ids(b), 2);
}

static void the_next_agent_finds_the_ids(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 4);
	bed_sync(b);
	bed_leave(b);
	bed_return(b);
	assert_int_equal(n_ids(b), 4);
	assert_int_equal(named(b, id_of(3)), 3);
	serve(b, 0, 3);
	retire(b, 3);
	bed_sync(b);
	assert_int_equal(n_ids(b), 4);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(named(b, id_of(3)), 3);
	bed_pass(b, 1001);
	assert_int_equal(n_ids(b), 3);
	for (uint32_t e = 0; e < 3; e++)
		assert_int_equal(named(b, id_of(e)), e);
}

static void balancers_with_the_same_ids_are_kept_apart(void **state)
{
	struct bed *b = *state;
	struct wish_service *other = &b->wish.service[0];

	serve(b, 0, 2);
	bed_serve(b, 0, MIN, 4, 2);
	other->flags = WEIR_SERVICE_CLIENT;
	other->quic = true;
	other->id_bytes = BYTES;
	other->server_id[4] = id_of(0);
	other->server_id[5] = id_of(1);
	bed_sync(b);
	assert_int_equal(n_ids(b), 4);
	assert_int_equal(named(b, id_of(0)), 0);
	assert_int_equal(named(b, id_of(1)), 1);
}

/* Rows name endpoint 4 alone. */
static void another_length_takes_the_place_of_the_first(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 2);
	bed_serve(b, UDP, MIN, 4, 1);
	bed_sync(b);
	b->wish.service[UDP].id_bytes = 1;
	b->wish.service[UDP].server_id[0] = 1;
	b->wish.service[UDP].server_id[1] = 2;
	bed_sync(b);
	assert_int_equal(named_in(b, 0, 1, 2), 1);
	assert_int_equal(named(b, id_of(1)), 4);
	assert_int_equal(n_ids(b), 4);
	bed_pass(b, DRAIN_MS + 1);
	assert_int_equal(n_ids(b), 2);
}

static void another_rotation_leaves_the_first_its_window(void **state)
{
	struct bed *b = *state;

	serve(b, 0, 2);
	bed_serve(b, UDP, MIN, 4, 1);
	bed_sync(b);
	b->wish.service[UDP].rotation = 1;
	b->wish.service[UDP].id_bytes = 1;
	b->wish.service[UDP].server_id[0] = 1;
	b->wish.service[UDP].server_id[1] = 2;
	bed_sync(b);
	assert_int_equal(named_in(b, 1, 1, 2), 1);
	assert_int_equal(named(b, id_of(1)), 1);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	bed_pass(b, DRAIN_MS - 1000);
	assert_int_equal(named_in(b, 1, 1, 2), 1);
	assert_int_equal(named(b, id_of(1)), 1);
	bed_pass(b, 1001);
	assert_int_equal(named_in(b, 1, 1, 2), 1);
	assert_int_equal(named(b, id_of(1)), 4);
	assert_int_equal(n_ids(b), 2);
}

static void what_is_gone_leaves_no_mark(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 4; i++) {
		serve(b, 0, ENDPOINTS);
		bed_sync(b);
		assert_int_equal(n_ids(b), ENDPOINTS);
		b->wish.service[UDP].on = false;
		serve(b, 0, 0);
		b->wish.service[UDP].on = false;
		bed_sync(b);
		bed_pass(b, DRAIN_MS + 1);
		assert_true(is_clean(b));
	}
}

static void without_room_nothing_changes(void **state)
{
	struct bed *b = *state;
	uint32_t owner = WEIR_ID_OWNER(1, 0, BYTES), at;

	serve(b, 0, 2);
	bed_sync(b);
	assert_int_equal(b->plane->specials[bed_service(b, UDP)->key.id].group, 1);
	at = weir_server_id_slot(owner, id_of(2));
	for (uint32_t i = 0; i < WEIR_SERVER_ID_PROBE; i++) {
		struct weir_server_id *s = &b->plane->server_ids[(at + i) % WEIR_SERVER_ID_SLOTS];

		assert_int_equal(s->owner, WEIR_ID_FREE);
		s->owner = WEIR_ID_OWNER(9, 0, BYTES);
	}
	serve(b, 0, 3);
	assert_int_equal(bed_try(b), -ENOSPC);
	bed_new_flows(b, UDP, 0, 2);
	serve(b, 0, 2);
	bed_sync(b);
	bed_pass(b, DRAIN_MS + 1);
	assert_int_equal(named(b, id_of(0)), 0);
	assert_int_equal(named(b, id_of(1)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(ids_name_endpoints_that_serve_and_those_that_wait),
		BED_TEST(an_endpoint_that_has_left_is_named_for_the_drain_window),
		BED_TEST(an_endpoint_that_has_left_one_balancer_has_this_ones_window),
		BED_TEST(an_id_goes_before_its_endpoint),
		BED_TEST(an_endpoint_that_comes_back_is_named_again),
		BED_TEST(an_id_that_another_endpoint_gets_is_that_ones),
		BED_TEST(the_next_agent_finds_the_ids),
		BED_TEST(balancers_with_the_same_ids_are_kept_apart),
		BED_TEST(another_length_takes_the_place_of_the_first),
		BED_TEST(another_rotation_leaves_the_first_its_window),
		BED_TEST(what_is_gone_leaves_no_mark),
		BED_TEST(without_room_nothing_changes),
	};

	return BED_TESTS(tests);
}
