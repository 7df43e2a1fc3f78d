/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dry run of a trace: over random packets, rows and records it says what the program then does,
 * and nothing that packets or the agent read is another afterwards. */
#include "random.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/steering.h"
#include "weir.skel.h"

#define PACKETS 20000
#define BATCH   500 /* dry runs between two looks at all maps */
#define CPUS    1024

static struct weir_bpf *dry;

/* Of everything that the program and the agent share. */
struct copy {
	struct weir_service services[WEIR_SERVICE_SLOTS];
	struct weir_row rows[4 * ROWS];
	struct weir_flow_bucket flows[WEIR_FLOW_BUCKETS], fragments[WEIR_FRAGMENT_BUCKETS];
	struct weir_endpoint endpoints[KINDS];
	struct weir_conns conns[WEIR_MAX_ENDPOINTS];
	struct weir_count counts[WEIR_REASON_COUNT][CPUS];
	struct weir_endpoint_stats stats[KINDS][CPUS];
	struct weir_rate_bucket rates[WEIR_RATE_BUCKETS];
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
	memcpy(c->conns, plane->conns, sizeof(c->conns));
	copy_elements(plane->skel->maps.weir_fragments, WEIR_FRAGMENT_BUCKETS, c->fragments,
		      sizeof(c->fragments[0]));
	copy_elements(plane->skel->maps.weir_rates, WEIR_RATE_BUCKETS, c->rates,
		      sizeof(c->rates[0]));
	copy_elements(plane->skel->maps.weir_reason_counts, WEIR_REASON_COUNT, c->counts,
		      sizeof(c->counts[0]));
	copy_elements(plane->skel->maps.weir_endpoint_counts, KINDS, c->stats, sizeof(c->stats[0]));
	return c;
}

static uint32_t run_dry(const struct pkt *in, struct pkt *out, struct weir_trace *noted)
{
	uint32_t action;

	memset(&dry->bss->weir_trace, 0, sizeof(*noted));
	action = plane_run_for(dry, in, out);
	*noted = dry->bss->weir_trace;
	return action;
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
		action = run_dry(&p, &says, &noted);
		does = expect(p, action, noted.reason);
		assert_int_equal(says.len, does.len);
		assert_memory_equal(says.data, does.data, does.len);
		if (noted.reason <= WEIR_LAST_FORWARD)
			assert_int_equal(sent_to(&does), noted.endpoint);
		ends[noted.reason]++;
	}
	for (enum weir_reason why = 0; why <= WEIR_DROP_NO_NEXT_HOP; why++)
		if (why != WEIR_REPLY_MTU && why != WEIR_DROP_EXTENSION &&
		    why != WEIR_FORWARD_NAT_REPLY && why != WEIR_PASS_NAT_REPLY &&
		    why != WEIR_PASS_NO_FORWARDING && why != WEIR_PASS_SPLIT &&
		    why != WEIR_REPLY_DNS && why != WEIR_PASS_DNS &&
		    why != WEIR_FORWARD_SECOND) /* a trace's SYN never comes again */
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

			run_dry(&p, NULL, &noted);
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

	run_dry(&p, NULL, &noted);
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

	assert_int_equal(n.counted, 0);

	plane_set_rows(plane, s, NONE, REST);
	n = trace(PKT_ACK);
	assert_int_equal(n.endpoint, NONE);
	assert_int_equal(n.reason, WEIR_DROP_NO_ENDPOINT);
	plane_set_rows(plane, s, LOST, REST);
	n = trace(PKT_ACK);
	assert_int_equal(n.endpoint, LOST);
	assert_int_equal(n.reason, WEIR_DROP_NO_NEXT_HOP);
}

static void notes_say_why_a_row_s_endpoint_does_not_get_a_flow(void **state)
{
	const struct plane_service *s = &services[0][0];
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 4000, vips[0], 443);
	uint64_t hash = plane_hash(&f);
	struct weir_trace n;

	(void)state;
	make_world();
	plane_set_flags(plane, s, WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED,
			(struct weir_special){ .group = 1 });
	plane_set_rows(plane, s, V4, REST);
	plane_set_conns(plane, V4, 7, 100);
	plane->conns[weir_conns_index(V4)].opened = 6;
	n = trace(PKT_SYN);
	assert_int_equal(n.record, WEIR_TRACE_NO_RECORD);
	assert_int_equal(n.counted, 1);
	assert_int_equal(n.open, 6);
	assert_int_equal(n.limit, 7);
	assert_int_equal(n.nth, 0);
	assert_int_equal(n.reason, WEIR_FORWARD);
	plane->conns[weir_conns_index(V4)].opened = 7;
	n = trace(PKT_SYN);
	assert_int_equal(n.open, 7);
	assert_int_equal(n.endpoint, NONE);
	assert_int_equal(n.reason, WEIR_DROP_FULL);
	assert_int_equal(trace(PKT_ACK).counted, 0);
	plane_set_row(plane, s->base + ((uint32_t)hash + 3 * ((uint32_t)(hash >> 16) | 1)) % ROWS,
		      L2, REST);
	n = trace(PKT_SYN);
	assert_int_equal(n.nth, 3);
	assert_int_equal(n.cur, V4);
	assert_int_equal(n.endpoint, L2);
	assert_int_equal(n.reason, WEIR_FORWARD_OTHER);
}

static void notes_say_which_way_its_client_goes(void **state)
{
	const struct plane_service *s = &services[0][0];
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 4000, vips[0], 443);
	const struct plane_service table = { 4 * WEIR_TABLE_MIN, WEIR_TABLE_MIN, 0 };
	struct weir_trace n;

	(void)state;
	make_world();
	plane_set_flags(plane, s, WEIR_SERVICE_STEER,
			(struct weir_special){ .steer = { WEIR_STEER_SLICED, 4 } });
	plane_set_rows(plane, &table, V6, REST);
	plane_add_place(plane, "198.51.100.0", 24, 6);
	plane->classes[10 / 4].of[10 % 4] = 3;
	plane->ways[3 * WEIR_STEER_SLICES + plane_slice(&f)] =
		(struct weir_way){ plane_table(&table), WEIR_WAY_REST };
	n = trace(PKT_ACK);
	assert_int_equal(n.steered, 1);
	assert_int_equal(n.location, 6);
	assert_int_equal(n.class, 3);
	assert_int_equal(n.slice, plane_slice(&f));
	assert_int_equal(n.way_cur, plane_table(&table));
	assert_int_equal(n.way_prev, WEIR_WAY_REST);
	assert_int_equal(n.base, table.base);
	assert_int_equal(n.cur, V6);
	assert_int_equal(n.endpoint, V6);
}

static int open_both(void **state)
{
	bed_open(state);
	dry = plane_load_for(plane, WEIR_SEEING_DRY);
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
		BED_TEST(notes_say_why_a_row_s_endpoint_does_not_get_a_flow),
		BED_TEST(notes_say_which_way_its_client_goes),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
