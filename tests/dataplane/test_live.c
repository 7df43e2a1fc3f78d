/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the packet path learns from live traffic, and does to rows for it. */
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "bed.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

#define MIN WEIR_TABLE_MIN
/* The kernel's clock as it is in weir_live, some 64 ms behind, and so many seconds of it. */
static uint32_t now(const struct bed *b)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));

	bpf_prog_test_run_opts(bpf_program__fd(b->plane->skel->progs.weir_clock), &run);
	return b->plane->skel->bss->weir_now >> WEIR_FLOW_FLAGS << WEIR_FLOW_TICK;
}

static uint32_t jiffies(const struct bed *b, uint32_t s)
{
	return s * b->plane->skel->rodata->weir_hz;
}

/* Whatever SYNs came, they came so much earlier. */
static void earlier(const struct bed *b, uint32_t s)
{
	int fd = bpf_map__fd(b->plane->skel->maps.weir_syns);
	size_t size = WEIR_SYN_BUCKETS * sizeof(struct weir_syn_bucket);
	struct weir_syn_bucket *syns = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(syns, MAP_FAILED);
	for (uint32_t i = 0; i < WEIR_SYN_BUCKETS * WEIR_SYN_WAYS; i++)
		syns[i / WEIR_SYN_WAYS].way[i % WEIR_SYN_WAYS].at -= jiffies(b, s);
	munmap(syns, size);
}

static void serve_watched(struct bed *b, uint32_t first, uint32_t n)
{
	bed_serve(b, 0, MIN, first, n);
	b->wish.service[0].flags = WEIR_SERVICE_WATCH;
	bed_sync(b);
}

/* An endpoint answers nobody. */
static void silent(const struct bed *b, uint32_t endpoint)
{
	b->plane->live[bed_slot(b, endpoint)] = (struct weir_live){
		.syns = 10,
		.unanswered = WEIR_SUSPECT,
		.again_at = now(b),
		.answered_at = now(b) - jiffies(b, 10),
	};
}

/* A flow that endpoint 0 did not answer, and that went to 1 for that. */
static struct flow moved(const struct bed *b)
{
	struct flow f = bed_flow(0, 1);

	for (uint32_t n = 1; bed_send(b, &f, PKT_SYN) != 0; n++)
		f = bed_flow(0, n);
	silent(b, 0);
	earlier(b, 1);
	assert_int_equal(bed_send(b, &f, PKT_SYN), 1);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	return f;
}

static void rows_that_packets_unsettle_are_noticed(void **state)
{
	struct bed *b = *state;
	struct flow f;

	serve_watched(b, 0, 2);
	f = moved(b);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).unsettled_rows, 1);
	for (int i = 0; i < 20; i++) { /* longer than the drain window */
		bed_pass(b, 20000);
		assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	}
	bed_silence(b);
	bed_pass(b, 1000);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).unsettled_rows, 0);
	assert_int_equal(bed_records(b), 0);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 0);
}

static void a_flow_that_was_moved_outlives_changes(void **state)
{
	struct bed *b = *state;
	struct flow f;

	serve_watched(b, 0, 2);
	f = moved(b);
	bed_serve(b, 0, MIN, 1, 2); /* before any tick: 0 goes, 2 comes */
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
	bed_pass(b, 1000);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
}

static void a_flow_that_was_moved_outlives_the_agent(void **state)
{
	struct bed *b = *state;
	struct flow f;

	serve_watched(b, 0, 2);
	f = moved(b);
	bed_leave(b);
	bed_return(b);
	bed_sync(b);
	assert_int_equal(bed_usage(b).unsettled_rows, 1);
	bed_pass(b, 1000);
	assert_int_equal(bed_send(b, &f, PKT_ACK), 1);
}

struct heard {
	uint32_t n;
	union weir_addr addr;
};

static void on_silence(void *arg, const struct weir_endpoint_id *e)
{
	struct heard *h = arg;

	assert_int_equal(e->mode, WEIR_MODE_IPIP);
	h->n++;
	h->addr = e->addr;
}

static void who_is_silent_is_told_and_forgiven(void **state)
{
	union weir_addr first = pkt_addr("10.1.0.1");
	struct bed *b = *state;
	struct heard heard = { 0 };

	serve_watched(b, 0, 2);
	weir_plane_on_silence(b->plane, on_silence, &heard);
	moved(b);
	weir_plane_readable(b->plane);
	assert_int_equal(heard.n, 1);
	assert_memory_equal(&heard.addr, &first, sizeof(first));
	weir_plane_readable(b->plane);
	assert_int_equal(heard.n, 1);
	weir_plane_forgive(b->plane, &first, 0);
	assert_int_equal(b->plane->live[bed_slot(b, 0)].unanswered, 0);
}

static void a_new_owner_of_a_slot_begins_anew(void **state)
{
	struct weir_handshake_key key;
	struct weir_handshakes h = { { 1 } };
	struct bed *b = *state;
	int fd = bpf_map__fd(b->plane->skel->maps.weir_handshakes);

	serve_watched(b, 0, 2);
	key = (struct weir_handshake_key){ bed_slot(b, 0), 0 };
	silent(b, 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &h, BPF_ANY), 0);
	serve_watched(b, 1, 1);
	b->wish.endpoint[0].there = false;
	bed_sync(b);
	for (int i = 0; i < 5; i++)
		bed_pass(b, DRAIN_MS);
	assert_int_equal(bed_slot(b, 0), 0);
	assert_int_equal(b->plane->live[key.slot].syns, 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &h), -ENOENT);
}

static uint32_t region(const struct bed *b, const char *addr)
{
	struct weir_region_key key = { .bits = 32 + 128, .addr = pkt_addr(addr) };
	uint32_t is = 0;

	bpf_map_lookup_elem(bpf_map__fd(b->plane->skel->maps.weir_regions), &key, &is);
	return is;
}

static void regions_are_exchanged_as_a_whole(void **state)
{
	struct weir_prefix wide = { pkt_addr("10.0.0.0"), 96 + 8 }, v6 = { pkt_addr("fd00::"), 8 };
	struct weir_prefix narrow = { pkt_addr("10.2.0.0"), 96 + 16 };
	struct weir_region both[] = { { "a", &wide, 1 }, { "b", &narrow, 1 } };
	struct weir_region other = { "c", &v6, 1 };
	struct bed *b = *state;

	weir_plane_regions(b->plane, both, 2);
	assert_int_equal(region(b, "10.1.0.1"), 1);
	assert_int_equal(region(b, "10.2.0.1"), 2);
	assert_int_equal(region(b, "fd00::1"), 0);
	weir_plane_regions(b->plane, &other, 1);
	assert_int_equal(region(b, "10.2.0.1"), 0);
	assert_int_equal(region(b, "fd00::1"), 1);
	weir_plane_regions(b->plane, NULL, 0);
	assert_int_equal(region(b, "fd00::1"), 0);
}

static void on_handshakes(void *arg, const struct weir_endpoint_id *e, uint32_t from,
			  const struct weir_handshakes *h)
{
	struct heard *heard = arg;

	assert_int_equal(from, 0);
	heard->addr = e->addr;
	for (uint32_t i = 0; i < WEIR_HANDSHAKE_BUCKETS; i++)
		heard->n += h->n[i];
}

static void handshakes_are_found_by_endpoint(void **state)
{
	union weir_addr second = pkt_addr("10.1.0.2");
	struct weir_handshakes h = { { [3] = 5, [40] = 2 } };
	struct weir_handshake_key key;
	struct bed *b = *state;
	struct heard heard = { 0 };
	int fd = bpf_map__fd(b->plane->skel->maps.weir_handshakes);

	serve_watched(b, 0, 2);
	key = (struct weir_handshake_key){ bed_slot(b, 1), 0 };
	assert_int_equal(bpf_map_update_elem(fd, &key, &h, BPF_ANY), 0);
	key.slot = 1000; /* nobody's */
	assert_int_equal(bpf_map_update_elem(fd, &key, &h, BPF_ANY), 0);
	weir_plane_handshakes(b->plane, on_handshakes, &heard);
	assert_int_equal(heard.n, 7);
	assert_memory_equal(&heard.addr, &second, sizeof(second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(rows_that_packets_unsettle_are_noticed),
		BED_TEST(a_flow_that_was_moved_outlives_changes),
		BED_TEST(a_flow_that_was_moved_outlives_the_agent),
		BED_TEST(who_is_silent_is_told_and_forgiven),
		BED_TEST(a_new_owner_of_a_slot_begins_anew),
		BED_TEST(regions_are_exchanged_as_a_whole),
		BED_TEST(handshakes_are_found_by_endpoint),
	};

	return BED_TESTS(tests);
}
