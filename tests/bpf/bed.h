/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.h - what the tests of the packet program share: one loaded program a test program, emptied
 * before each test, and a check of a packet's action and of every reason's counter. */
#ifndef WEIR_TESTS_BPF_BED_H
#define WEIR_TESTS_BPF_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/plane.h"

#define LO    1 /* the interface test runs come in by */
#define OTHER bed_other
#define REST  WEIR_ROW_REST

static struct plane *plane;
static void (*bed_set)(struct weir_bpf *skel); /* what plane_load_with() gets */
static uint32_t bed_other; /* another interface, in a namespace of the test's own */

/* Budgets are each CPU's own: a test that moved would spend another one. */
static inline void bed_stay(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	assert_int_equal(sched_setaffinity(0, sizeof(here), &here), 0);
}

static inline int bed_open(void **state)
{
	(void)state;
	bed_stay();
	bed_other = plane_namespace();
	plane = plane_load_with(bed_set);
	plane_add_device(plane, bed_other);
	return 0;
}

static inline int bed_close(void **state)
{
	(void)state;
	plane_free(plane);
	return 0;
}

static inline int bed_reset(void **state)
{
	(void)state;
	plane_reset(plane);
	return 0;
}

/* The reason that the last packet was counted for: exactly one, exactly once, with its bytes. */
static inline enum weir_reason counted(const struct weir_count before[WEIR_REASON_COUNT],
				       uint32_t bytes)
{
	struct weir_count now[WEIR_REASON_COUNT];
	enum weir_reason why = WEIR_REASON_COUNT;
	uint64_t sum = 0;

	plane_counts(plane, now);
	for (uint32_t i = 0; i < WEIR_REASON_COUNT; i++) {
		uint64_t more = now[i].packets - before[i].packets;

		sum += more;
		why = more ? i : why;
		assert_int_equal(now[i].bytes - before[i].bytes, more * bytes);
	}
	assert_int_equal(sum, 1);
	return why;
}

/* Runs one packet through the program: it must end with this action, for this reason, which is
 * counted with the frame's bytes. Returns what leaves. */
static inline struct pkt expect(struct pkt p, uint32_t action, enum weir_reason why)
{
	struct weir_count before[WEIR_REASON_COUNT];
	struct pkt out;

	plane_counts(plane, before);
	assert_int_equal(plane_run(plane, &p, &out), action);
	assert_int_equal(counted(before, p.len), why);
	return out;
}

/* Ends so and leaves as it came. */
static inline void expect_untouched(struct pkt p, uint32_t action, enum weir_reason why)
{
	struct pkt out = expect(p, action, why);

	assert_int_equal(out.len, p.len);
	assert_memory_equal(out.data, p.data, p.len);
}

/* The endpoint slot that a packet which left was sent to, by the MAC it was given. */
static inline uint32_t sent_to(const struct pkt *out)
{
	uint8_t mac[6];
	uint32_t slot = pkt_get16(out->data + 4);

	plane_mac(slot, 0, mac);
	assert_memory_equal(out->data, mac, 6);
	return slot;
}

/* Forwarded for this reason to this endpoint. */
static inline void expect_sent(struct pkt p, enum weir_reason why, uint32_t slot)
{
	struct pkt out = expect(p, XDP_TX, why);

	assert_int_equal(sent_to(&out), slot);
}

#define BED_TESTS(tests) cmocka_run_group_tests(tests, bed_open, bed_close)
#define BED_TEST(name)   cmocka_unit_test_setup(name, bed_reset)

#endif
