/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source rules in the kernel: a whole set takes the place of another, and none is left behind. */
#include "bed.h"

#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/plane_impl.h"

#define MIN WEIR_TABLE_MIN
#define ALL4                                       \
	{                                          \
		{ .b = { [10] = 0xff, 0xff } }, 96 \
	}

/* 198.51.100.0/24 and none else of IPv4; the same without 198.51.100.1; all but these. */
static const struct weir_tables_source office[] = {
	{ ALL4, false },
	{ { { .b = { [10] = 0xff, 0xff, 198, 51, 100 } }, 120 }, true },
	{ { { .b = { 0 } }, 0 }, false },
};
static const struct weir_tables_source office_but_one[] = {
	{ ALL4, false },
	{ { { .b = { [10] = 0xff, 0xff, 198, 51, 100 } }, 120 }, true },
	{ { { .b = { [10] = 0xff, 0xff, 198, 51, 100, 1 } }, 128 }, false },
	{ { { .b = { 0 } }, 0 }, false },
};
static const struct weir_tables_source not_office[] = {
	{ ALL4, true },
	{ { { .b = { [10] = 0xff, 0xff, 198, 51, 100 } }, 120 }, false },
	{ { { .b = { 0 } }, 0 }, true },
};

#define RULES(list) list, sizeof(list) / sizeof(*(list))

static void serve(struct bed *b, uint32_t service, const struct weir_tables_source *rules,
		  uint32_t n)
{
	bed_serve(b, service, MIN, 0, 1);
	b->wish.service[service].flags = n ? WEIR_SERVICE_SOURCES : 0;
	b->wish.service[service].sources = rules;
	b->wish.service[service].n_sources = n;
}

/* bed_flow() comes from 198.51.100.1. */
static uint32_t from(const struct bed *b, uint32_t service, uint8_t third, uint8_t last)
{
	struct flow f = bed_flow(service, 1);

	f.src.b[14] = third;
	f.src.b[15] = last;
	return bed_send(b, &f, PKT_SYN);
}

static int sources_fd(const struct bed *b)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/v%d/weir_sources", b->pins, WEIR_ABI);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static uint32_t n_prefixes(const struct bed *b)
{
	struct weir_source_key key, before;
	const void *at = NULL;
	uint32_t n = 0;
	int fd = sources_fd(b);

	for (; !bpf_map_get_next_key(fd, at, &key); n++) {
		before = key;
		at = &before;
	}
	close(fd);
	return n;
}

static uint32_t set_of(const struct bed *b, uint32_t service)
{
	return b->specials[bed_service(b, service)->key.id].sources;
}

static void a_set_takes_the_place_of_another(void **state)
{
	struct bed *b = *state;
	uint32_t first;

	serve(b, 0, RULES(office));
	serve(b, 1, RULES(not_office));
	bed_serve(b, 2, MIN, 0, 1);
	bed_sync(b);
	assert_int_equal(from(b, 0, 100, 1), 0);
	assert_int_equal(from(b, 0, 101, 1), NOBODY);
	assert_int_equal(from(b, 1, 100, 1), NOBODY);
	assert_int_equal(from(b, 1, 101, 1), 0);
	assert_int_equal(from(b, 2, 100, 1), 0);
	first = set_of(b, 0);
	assert_int_not_equal(first, set_of(b, 1));
	bed_sync(b);
	assert_int_equal(set_of(b, 0), first);
	serve(b, 0, RULES(office_but_one));
	bed_sync(b);
	assert_int_not_equal(set_of(b, 0), first);
	assert_int_equal(from(b, 0, 100, 1), NOBODY);
	assert_int_equal(from(b, 0, 100, 2), 0);
	assert_int_equal(n_prefixes(b), 3 + 3 + 4);
	bed_pass(b, 1000);
	assert_int_equal(n_prefixes(b), 3 + 3 + 4); /* a packet may still be asking */
	bed_pass(b, 1000);
	assert_int_equal(n_prefixes(b), 3 + 4);
	serve(b, 0, NULL, 0);
	b->wish.service[1].on = false;
	bed_sync(b);
	assert_int_equal(from(b, 0, 101, 1), 0);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(n_prefixes(b), 0);
}

static void another_agent_goes_on_with_what_is_there(void **state)
{
	struct bed *b = *state;
	uint32_t set;

	serve(b, 0, RULES(office));
	serve(b, 1, RULES(not_office));
	bed_sync(b);
	set = set_of(b, 0);
	b->wish.service[1].on = false;
	bed_sync(b);
	bed_leave(b);
	assert_int_equal(n_prefixes(b), 6);
	bed_return(b);
	bed_sync(b);
	assert_int_equal(set_of(b, 0), set);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(n_prefixes(b), 3);
	assert_int_equal(from(b, 0, 100, 1), 0);
	assert_int_equal(from(b, 0, 101, 1), NOBODY);
	serve(b, 0, RULES(not_office));
	bed_sync(b);
	assert_int_not_equal(set_of(b, 0), set);
	assert_int_equal(from(b, 0, 100, 1), NOBODY);
}

static void a_set_without_room_changes_nothing(void **state)
{
	struct bed *b = *state;
	struct weir_source_key key = { .bits = 32 + 128, .set = 1000 };
	uint32_t is = WEIR_SOURCE_DENY, set;
	int fd;

	serve(b, 0, RULES(office));
	bed_sync(b);
	set = set_of(b, 0);
	fd = sources_fd(b);
	for (uint32_t i = 3; i < WEIR_MAX_SOURCES - 1; i++) {
		key.addr.w[0] = i;
		assert_int_equal(bpf_map_update_elem(fd, &key, &is, 0), 0);
	}
	close(fd);
	serve(b, 0, RULES(office_but_one));
	b->wish.service[0].rows[0] = 1;
	b->wish.endpoint[1].there = b->wish.endpoint[1].alive = true;
	assert_int_equal(bed_try(b), -ENOSPC);
	assert_int_equal(set_of(b, 0), set);
	assert_int_equal(from(b, 0, 100, 1), 0);
	assert_int_equal(bed_row(b, 0, 0).cur, bed_slot(b, 0));
	bed_leave(b);
	bed_return(b); /* the next agent finds what is nobody's, and removes it */
	assert_int_equal(bed_try(b), -ENOSPC);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	bed_sync(b);
	assert_int_equal(from(b, 0, 100, 1), NOBODY);
}

static void a_new_service_has_its_rules_from_its_first_packet(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 1, MIN, 0, 1);
	bed_sync(b);
	serve(b, 0, RULES(office));
	b->wish.service[1].with = 1; /* an older service joins the balancer */
	b->wish.service[1].flags = WEIR_SERVICE_SOURCES;
	bed_sync(b);
	assert_int_equal(set_of(b, 0), set_of(b, 1));
	assert_int_equal(from(b, 0, 101, 1), NOBODY);
	assert_int_equal(from(b, 1, 101, 1), NOBODY);
	assert_int_equal(from(b, 1, 100, 1), 0);
}

static void a_rate_is_of_a_balancer_and_a_prefix(void **state)
{
	struct bed *b = *state;

	bed_serve(b, 0, MIN, 0, 1);
	bed_serve(b, 1, MIN, 0, 1);
	b->wish.service[1].with = 1;
	b->wish.service[0].flags = b->wish.service[1].flags = WEIR_SERVICE_RATE;
	b->wish.service[0].rate = 1;
	b->wish.service[0].burst = 4;
	bed_sync(b);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(from(b, i & 1, 100, i), 0);
	assert_int_equal(from(b, 0, 100, 9), NOBODY);
	assert_int_equal(from(b, 1, 100, 9), NOBODY);
	assert_int_equal(from(b, 0, 101, 9), 0);
	b->wish.service[0].flags = b->wish.service[1].flags = 0;
	bed_sync(b);
	assert_int_equal(from(b, 0, 100, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_set_takes_the_place_of_another),
		BED_TEST(another_agent_goes_on_with_what_is_there),
		BED_TEST(a_set_without_room_changes_nothing),
		BED_TEST(a_new_service_has_its_rules_from_its_first_packet),
		BED_TEST(a_rate_is_of_a_balancer_and_a_prefix),
	};
	return BED_TESTS(tests);
}
