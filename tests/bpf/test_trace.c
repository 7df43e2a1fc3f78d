/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dry run of a trace: over random packets, rows and records it says what the program then does,
 * and nothing that packets or the agent read is another afterwards. */
#include "bed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir.skel.h"

#define PACKETS 20000
#define BATCH   500 /* dry runs between two looks at all maps */
#define ROWS    64
#define CLIENTS 40
#define CPUS    1024

enum {
	NONE,
	V4,
	V6,
	L2,
	LOST, /* no next hop */
	DEAD,
	KINDS
}; /* endpoint slots by kind */

static const char *const vips[] = { "192.0.2.1", "2001:db8::1" };
static struct plane_service services[2][2]; /* by family, UDP */
static struct weir_bpf *dry;
static uint64_t seed = 20261128;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* --- what there is --- */

static void make_world(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		services[v6][0] = plane_add_service(plane, vips[v6], IPPROTO_TCP, 443, ROWS);
		services[v6][1] = plane_add_service(plane, vips[v6], IPPROTO_UDP, 443, ROWS);
	}
	for (uint32_t kind = V4; kind < KINDS; kind++)
		plane_add_endpoint(plane, kind == L2 ? WEIR_MODE_L2 : WEIR_MODE_IPIP,
				   kind == V6 ? "2001:db8:9::9" : "10.0.0.9",
				   kind == V6 ? "2001:db8:9::1" : "10.0.0.1",
				   kind == LOST ? 0 : LO);
	plane->endpoints[DEAD].state = 0;
}

static void reshape(void)
{
	const struct plane_service *s = &services[roll(2)][roll(2)];
	uint32_t prev = roll(3) ? roll(KINDS) | (roll(2) ? WEIR_ROW_UDP_NEW : 0) : REST;

	plane_set_row(plane, s->base + roll(s->size), roll(KINDS), prev);
}

/* Of everything that the program and the agent share. */
struct copy {
	struct weir_service services[WEIR_SERVICE_SLOTS];
	struct weir_row rows[4 * ROWS];
	struct weir_flow_bucket flows[WEIR_FLOW_BUCKETS], fragments[WEIR_FRAGMENT_BUCKETS];
	struct weir_endpoint endpoints[KINDS];
	struct weir_count counts[WEIR_REASON_COUNT][CPUS];
	struct weir_endpoint_stats stats[KINDS][CPUS];
};

static void copy_elements(const struct bpf_map *map, uint32_t n, void *to, size_t each)
{
	for (uint32_t key = 0; key < n; key++)
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(map), &key, (char *)to + key * each), 0);
}

static struct copy *copy_maps(void)
{
	struct copy *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_in_range(libbpf_num_possible_cpus(), 1, CPUS);
	memcpy(c->services, plane->services, sizeof(c->services));
	memcpy(c->rows, plane->rows, sizeof(c->rows));
	memcpy(c->flows, plane->flows, sizeof(c->flows));
	memcpy(c->endpoints, plane->endpoints, sizeof(c->endpoints));
	copy_elements(plane->skel->maps.weir_fragments, WEIR_FRAGMENT_BUCKETS, c->fragments,
		      sizeof(c->fragments[0]));
	copy_elements(plane->skel->maps.weir_reason_counts, WEIR_REASON_COUNT, c->counts,
		      sizeof(c->counts[0]));
	copy_elements(plane->skel->maps.weir_endpoint_counts, KINDS, c->stats, sizeof(c->stats[0]));
	return c;
}

/* --- packets --- */

static struct flow random_flow(void)
{
	int v6 = (int)roll(2);
	uint32_t n = roll(CLIENTS);

	return flow_of(roll(2) ? IPPROTO_TCP : IPPROTO_UDP, v6 ? "2001:db8:7::7" : "198.51.100.7",
		       (uint16_t)(4000 + n), vips[v6], n % 8 ? 443 : 444);
}

static struct pkt random_packet(void)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_ACK, PKT_FIN | PKT_ACK, PKT_SYN | PKT_ACK };
	struct flow f = random_flow();
	struct pkt p = pkt_new(&f, flags[roll(4)]);
	bool v6 = f.src.b[0] != 0;

	switch (roll(10)) {
	case 0:
		return v6 ? pkt_extension(p, (uint8_t)roll(140)) : pkt_options(p, 4 * roll(11));
	case 1:
		return pkt_fragment(p, (uint16_t)(roll(2) * roll(100)), (int)roll(2));
	case 2:
		return pkt_vlan(p, 7);
	case 3:
		return pkt_cut(p, 14 + roll(p.len - 14));
	case 4:
		return pkt_byte(p, 12 + roll(p.len - 12), (int)roll(256));
	case 5:
		f.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		return pkt_new(&f, 0);
	}
	return p;
}

/* --- claims --- */

static void a_dry_run_says_what_the_program_then_does(void **state)
{
	uint32_t ends[WEIR_REASON_COUNT] = { 0 };

	(void)state;
	make_world();
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct pkt p = random_packet(), says, does;
		struct weir_trace noted;
		uint32_t action;

		if (!(i % 50))
			reshape();
		action = plane_run_dry(dry, &p, &says, &noted);
		does = expect(p, action, noted.reason);
		assert_int_equal(says.len, does.len);
		assert_memory_equal(says.data, does.data, does.len);
		if (noted.reason <= WEIR_LAST_FORWARD)
			assert_int_equal(sent_to(&does), noted.endpoint);
		ends[noted.reason]++;
	}
	for (enum weir_reason why = 0; why <= WEIR_DROP_NO_NEXT_HOP; why++)
		if (why != WEIR_FORWARD_ICMP && why != WEIR_REPLY_MTU && why != WEIR_DROP_EXTENSION)
			assert_in_range(ends[why], 10, PACKETS);
}

static void dry_runs_change_no_map(void **state)
{
	struct copy *before, *after;

	(void)state;
	make_world();
	for (uint32_t i = 0; i < 10; i++) {
		for (uint32_t k = 0; k < 200; k++) { /* so that there are records to change */
			struct pkt p = random_packet();

			reshape();
			plane_run(plane, &p, NULL);
		}
		before = copy_maps();
		for (uint32_t k = 0; k < BATCH; k++) {
			struct pkt p = random_packet();
			struct weir_trace noted;

			plane_run_dry(dry, &p, NULL, &noted);
		}
		after = copy_maps();
		assert_memory_equal(before, after, sizeof(*before));
		free(before);
		free(after);
	}
}

/* One flow of the first service, and what the dry run notes of its packet. */
static struct weir_trace trace(uint8_t flags)
{
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 4000, vips[0], 443);
	struct pkt p = pkt_new(&f, flags);
	struct weir_trace noted;

	plane_run_dry(dry, &p, NULL, &noted);
	return noted;
}

static void notes_say_how_it_was_decided(void **state)
{
	const struct plane_service *s = &services[0][0];
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 4000, vips[0], 443);
	struct pkt syn = pkt_new(&f, PKT_SYN);
	struct weir_trace n;

	(void)state;
	make_world();
	plane_set_rows(plane, s, V4, REST);
	n = trace(PKT_ACK);
	assert_int_equal(n.service_id, s->id);
	assert_int_equal(n.base, s->base);
	assert_int_equal(n.mask, ROWS - 1);
	assert_int_equal(n.row, plane_hash(&f) & (ROWS - 1));
	assert_int_equal(n.cur, V4);
	assert_int_equal(n.prev, REST);
	assert_int_equal(n.record, WEIR_TRACE_NOT_LOOKED);
	assert_int_equal(n.endpoint, V4);
	assert_int_equal(n.reason, WEIR_FORWARD);

	plane_set_rows(plane, s, V4, L2);
	n = trace(PKT_ACK);
	assert_int_equal(n.prev, L2);
	assert_int_equal(n.record, WEIR_TRACE_NO_RECORD);
	assert_int_equal(n.endpoint, L2);
	assert_int_equal(n.reason, WEIR_FORWARD_PREV);
	n = trace(PKT_SYN);
	assert_int_equal(n.endpoint, V4);
	assert_int_equal(n.reason, WEIR_FORWARD);

	expect_sent(syn, WEIR_FORWARD, V4);
	plane_set_rows(plane, s, V6, L2);
	n = trace(PKT_ACK);
	assert_int_equal(n.record, WEIR_TRACE_RECORD);
	assert_int_equal(n.record_slot, V4);
	assert_int_equal(n.endpoint, V4);
	assert_int_equal(n.reason, WEIR_FORWARD_FLOW);

	plane_set_rows(plane, s, NONE, REST);
	n = trace(PKT_ACK);
	assert_int_equal(n.endpoint, NONE);
	assert_int_equal(n.reason, WEIR_DROP_NO_ENDPOINT);
	plane_set_rows(plane, s, LOST, REST);
	n = trace(PKT_ACK);
	assert_int_equal(n.endpoint, LOST);
	assert_int_equal(n.reason, WEIR_DROP_NO_NEXT_HOP);
}

static int open_both(void **state)
{
	bed_open(state);
	dry = plane_load_dry(plane);
	return 0;
}

static int close_both(void **state)
{
	weir_bpf__destroy(dry);
	return bed_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_dry_run_says_what_the_program_then_does),
		BED_TEST(dry_runs_change_no_map),
		BED_TEST(notes_say_how_it_was_decided),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
