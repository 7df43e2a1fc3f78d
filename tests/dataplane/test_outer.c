/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outer headers by mode and family, and where they say that they come from. */
#include "bed.h"

#include <stdio.h>

#include "dataplane/plane_impl.h"
#include "weir.skel.h"

static const char *const far[2] = { "10.1.0.1", "fd01::1" };
static const char *const own[2] = { "10.1.255.254", "fd01::ff" };

/* Both endpoints, reached in this mode. */
static void reach(struct bed *b, uint8_t mode)
{
	struct weir_tables_endpoint e[2];
	const struct weir_tables t = { .endpoints = e, .n_endpoints = 2 };

	for (int v6 = 0; v6 < 2; v6++)
		e[v6] = (struct weir_tables_endpoint){
			.addr = pkt_addr(far[v6]), .mode = mode, .healthy = true, .alive = true
		};
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
}

static const struct weir_endpoint *template(const struct bed *b, uint8_t mode, int v6)
{
	union weir_addr addr = pkt_addr(far[v6]);

	for (uint32_t s = 1; s < 64; s++)
		if (b->ids[s].used && b->ids[s].mode == mode &&
		    !memcmp(&b->ids[s].addr, &addr, sizeof(addr)))
			return &b->endpoints[s];
	fail_msg("%s has no slot", far[v6]);
	return NULL;
}

/* Its source and destination, and its checksum base. */
static void comes_from(const struct weir_endpoint *e, int v6, const char *source)
{
	union weir_addr src = pkt_addr(source), dst = pkt_addr(far[v6]);
	uint32_t at = v6 ? 14 + 8 : 14 + 12, len = v6 ? 16 : 4, sum = 0, from = v6 ? 14 + 8 : 14;
	uint16_t word;

	assert_memory_equal(e->hdr + at, src.b + 16 - len, len);
	assert_memory_equal(e->hdr + at + len, dst.b + 16 - len, len);
	for (uint32_t i = from; i < at + 2 * len; i += 2) {
		memcpy(&word, e->hdr + i, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(e->csum, (uint16_t)(sum + (sum >> 16)));
}

static void each_mode_and_family_has_its_header(void **state)
{
	static const uint8_t front[WEIR_MODE_COUNT][2] = {
		[WEIR_MODE_IPIP] = { 14 + 20, 14 + 40 },
		[WEIR_MODE_L2] = { 14, 14 },
		[WEIR_MODE_GUE] = { 14 + 28, 14 + 48 },
	};
	struct bed *b = *state;

	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++) {
		reach(b, mode);
		for (int v6 = 0; v6 < 2; v6++) {
			const struct weir_endpoint *e = template(b, mode, v6);

			assert_int_not_equal(e->ifindex, 0);
			assert_int_equal(e->hdr_len, front[mode][v6]);
			assert_int_equal(e->mtu, 1500 - (front[mode][v6] - 14));
			if (mode != WEIR_MODE_L2)
				comes_from(e, v6, own[v6]);
		}
	}
}

static void options_are_in_the_program(void **state)
{
	struct bed *b = *state;

	assert_int_equal(b->plane->skel->rodata->weir_gue_port, htons(6080));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v4, 0);
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0);
	bed_leave(b);
	b->options.gue_port = 9886;
	assert_true(weir_prefix_parse("10.9.0.128/25", &b->options.outer4));
	assert_true(weir_prefix_parse("fd09::/80", &b->options.outer6));
	bed_return(b);
	assert_int_equal(b->plane->skel->rodata->weir_gue_port, htons(9886));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v4, htonl(0x7f));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0xffffffff);
}

static void a_prefix_to_come_from_is_followed_also_by_what_was_there(void **state)
{
	struct bed *b = *state;

	reach(b, WEIR_MODE_GUE);
	bed_leave(b);
	assert_true(weir_prefix_parse("10.9.0.128/25", &b->options.outer4));
	assert_true(weir_prefix_parse("fd09::7", &b->options.outer6));
	bed_return(b);
	comes_from(template(b, WEIR_MODE_GUE, 0), 0, "10.9.0.128");
	comes_from(template(b, WEIR_MODE_GUE, 1), 1, "fd09::7");
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0);
	bed_leave(b);
	b->options.outer4.bits = b->options.outer6.bits = 0;
	bed_return(b);
	for (int v6 = 0; v6 < 2; v6++)
		comes_from(template(b, WEIR_MODE_GUE, v6), v6, own[v6]);
}

static int make(void **state)
{
	return bed_make(state) ||
	       system("ip addr add fd01::ff/64 dev w0 nodad && "
		      "ip neigh add fd01::1 lladdr 06:00:00:00:00:21 dev w0 nud permanent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(each_mode_and_family_has_its_header),
		BED_TEST(options_are_in_the_program),
		BED_TEST(a_prefix_to_come_from_is_followed_also_by_what_was_there),
	};

	return cmocka_run_group_tests(tests, make, bed_remove);
}
