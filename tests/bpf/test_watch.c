/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that watch whether endpoints answer: SYNs that come again, and handshakes that end. */
#include "bed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir.skel.h"

#define VIP   "192.0.2.1"
#define VIP6  "2001:db8::1"
#define ROWS  64
#define GROUP 5
#define MS(n) plane_jiffies(plane, n)

static struct plane_service http, http6, quiet;
static uint32_t a, b, c; /* endpoints; all rows are a's, or every second one b's */

static void watch(struct plane_service *s, uint16_t more)
{
	plane_set_flags(plane, s, WEIR_SERVICE_WATCH | more,
			(struct weir_special){ .group = GROUP });
}

static int watched(void **state)
{
	int fd = bpf_map__fd(plane->skel->maps.weir_regions);
	uint32_t region = 9;
	struct weir_region_key here = { .bits = 32 + 96 + 24, .addr = pkt_addr("198.51.100.0") };
	struct weir_region_key there = { .bits = 32 + 96 + 16, .addr = pkt_addr("198.51.0.0") };

	bed_reset(state);
	http = plane_add_service(plane, VIP, IPPROTO_TCP, 80, ROWS);
	http6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 80, ROWS);
	quiet = plane_add_service(plane, VIP, IPPROTO_TCP, 81, ROWS);
	a = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.2", LO);
	c = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	watch(&http, 0);
	watch(&http6, 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		plane_set_row(plane, http.base + i, i % 2 ? a : b, REST);
		plane_set_row(plane, http6.base + i, i % 2 ? a : b, REST);
		plane_set_row(plane, quiet.base + i, i % 2 ? a : b, REST);
	}
	assert_int_equal(bpf_map_update_elem(fd, &here, &region, BPF_ANY), 0);
	region = 8;
	return bpf_map_update_elem(fd, &there, &region, BPF_ANY);
}

/* The nth flow whose row is an odd one, a's. sample: and that is in the sample, or is not. */
static struct flow flow_to(const char *vip, uint16_t port, uint32_t n, int sample)
{
	bool v6 = strchr(vip, ':');
	struct flow f = flow_of(IPPROTO_TCP, v6 ? "2001:db8:7::1" : "198.51.100.7", 1, vip, port);

	for (;; f.sport++) {
		uint64_t hash = plane_hash(&f);

		if (hash % 2 && ((hash >> 32) % WEIR_SYN_SAMPLE == 0) == (sample != 0) && !n--)
			return f;
	}
}

static struct flow flow(uint32_t n)
{
	return flow_to(VIP, 80, n, 0);
}

static struct pkt segment(const struct flow *f, uint8_t flags, uint32_t seq)
{
	struct pkt p = pkt_new(f, flags);
	uint32_t at = f->src.b[0] ? 54 : 34; /* of the TCP header */

	pkt_put16(p.data + at + 4, (uint16_t)(seq >> 16));
	pkt_put16(p.data + at + 6, (uint16_t)seq);
	return p;
}

static void syn(const struct flow *f, enum weir_reason why, uint32_t slot)
{
	expect_sent(segment(f, PKT_SYN, 1000), why, slot);
}

static void ack(const struct flow *f, enum weir_reason why, uint32_t slot)
{
	expect_sent(segment(f, PKT_ACK, 1001), why, slot);
}

/* Its last SYN was so much earlier than it was. */
static void earlier(const struct flow *f, uint32_t ms)
{
	plane_syn(plane, f)->at -= MS(ms);
}

/* SYNs of n flows that a does not answer, from the first one on, each sent twice. */
static void unanswered(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		struct flow f = flow(i);

		syn(&f, WEIR_FORWARD, a);
		earlier(&f, 1000);
		syn(&f, WEIR_FORWARD, a);
	}
}

/* The SYN of this flow comes again and goes there. */
static void again(const struct flow *f, enum weir_reason why, uint32_t slot)
{
	earlier(f, 1000);
	syn(f, why, slot);
}

static uint32_t row_of(const struct plane_service *s, const struct flow *f)
{
	return s->base + (uint32_t)(plane_hash(f) % s->size);
}

static void a_flow_stays_for_its_second_syn_alone_but_not_for_its_third(void **state)
{
	struct flow f = flow(0);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	again(&f, WEIR_FORWARD, a);
	plane->live[a].answered_at = plane_syn_now(plane); /* others are answered */
	again(&f, WEIR_FORWARD, a);
	assert_int_equal(plane->rows[row_of(&http, &f)].prev, REST);
	plane->live[a].answered_at -= MS(WEIR_SUSPECT_MUTE_MS);
	again(&f, WEIR_FORWARD_SECOND, b);
	assert_int_equal(plane->live[a].syns, 1);
	assert_int_equal(plane->live[a].again, 1);
	assert_int_equal(plane->live[a].unanswered, 1);
	ack(&f, WEIR_FORWARD_FLOW, b);
}

static void a_syn_that_comes_again_leaves_a_suspected_endpoint(void **state)
{
	struct flow f = flow(WEIR_SUSPECT), other = flow(WEIR_SUSPECT + 1), last = f;

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	again(&f, WEIR_FORWARD_SECOND, b); /* the last one that was needed */
	assert_int_equal(plane->live[a].again, WEIR_SUSPECT);
	assert_int_equal(plane->live[a].moved, 1);
	ack(&f, WEIR_FORWARD_FLOW, b);
	assert_int_equal(plane->rows[row_of(&http, &f)].cur, a);
	assert_int_equal(plane->rows[row_of(&http, &f)].prev, a);
	syn(&other, WEIR_FORWARD, a); /* the first one of a flow goes where its row says */
	again(&other, WEIR_FORWARD_SECOND, b);
	ack(&f, WEIR_FORWARD_FLOW, b);
	for (uint32_t n = 0;; n++) { /* another flow of the row that left rest */
		last = flow(n);
		if (row_of(&http, &last) == row_of(&http, &f) && last.sport != f.sport)
			break;
	}
	ack(&last, WEIR_FORWARD_PREV, a);
}

static void a_flow_of_the_largest_table_moves_as_well(void **state)
{
	struct plane_service large = plane_add_service(plane, VIP, IPPROTO_TCP, 82, WEIR_TABLE_MAX);
	struct flow f = flow_to(VIP, 82, 0, 0);

	(void)state;
	watch(&large, 0);
	for (uint32_t i = 0; i < large.size; i++)
		plane_set_row(plane, large.base + i, i % 2 ? a : b, REST);
	for (uint32_t n = 1; row_of(&large, &f) < large.base + large.size / 2; n++)
		f = flow_to(VIP, 82, n, 0);
	syn(&f, WEIR_FORWARD, a);
	earlier(&f, 1000);
	plane->live[a].unanswered = WEIR_SUSPECT;
	plane->live[a].again_at = plane_syn_now(plane);
	syn(&f, WEIR_FORWARD_SECOND, b);
	assert_int_equal(plane->rows[row_of(&large, &f)].prev, a);
	ack(&f, WEIR_FORWARD_FLOW, b);
}

static void the_second_choice_that_does_not_answer_either_is_left_too(void **state)
{
	struct flow f = flow(WEIR_SUSPECT);

	(void)state;
	for (uint32_t i = 0; i < ROWS; i += 4)
		plane_set_row(plane, http.base + i, c, REST);
	syn(&f, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	earlier(&f, 1000);
	plane->live[b].unanswered = WEIR_SUSPECT;
	plane->live[b].again_at = plane_syn_now(plane);
	syn(&f, WEIR_FORWARD_SECOND, c);
	ack(&f, WEIR_FORWARD_FLOW, c);
}

static void a_flow_stays_where_nobody_else_is(void **state)
{
	struct flow f = flow(WEIR_SUSPECT);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	plane->endpoints[b].state = 0;
	again(&f, WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].moved, 0);
	assert_int_equal(plane->rows[row_of(&http, &f)].prev, REST);
}

static void a_handshake_that_ends_lifts_the_suspicion(void **state)
{
	struct flow f = flow(WEIR_SUSPECT), seen = flow_to(VIP, 80, 0, 1);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	syn(&seen, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	expect_sent(segment(&seen, PKT_ACK, 1002), WEIR_FORWARD, a); /* not the next byte */
	assert_int_equal(plane->live[a].answered, 0);
	ack(&seen, WEIR_FORWARD, a);
	ack(&seen, WEIR_FORWARD, a); /* counts once */
	assert_int_equal(plane->live[a].answered, 1);
	assert_int_equal(plane->live[a].unanswered, 0);
	again(&f, WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].unanswered, 1);
}

static void who_answered_a_moment_ago_is_not_suspected(void **state)
{
	struct flow f = flow(WEIR_SUSPECT);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	plane->live[a].answered_at = plane_syn_now(plane);
	again(&f, WEIR_FORWARD, a);
	assert_true(plane->live[a].unanswered >= WEIR_SUSPECT);
	plane->live[a].answered_at -= MS(WEIR_SUSPECT_MUTE_MS);
	again(&f, WEIR_FORWARD_SECOND, b);
}

static void what_is_long_ago_is_no_reason(void **state)
{
	struct flow f = flow(50), late = flow(51);

	(void)state;
	unanswered(0, WEIR_SUSPECT - 1);
	plane->live[a].again_at -= MS(WEIR_SUSPECT_MS + 100);
	unanswered(WEIR_SUSPECT - 1, 1);
	assert_int_equal(plane->live[a].unanswered, 1);
	syn(&f, WEIR_FORWARD, a);
	syn(&late, WEIR_FORWARD, a);
	unanswered(WEIR_SUSPECT, WEIR_SUSPECT - 2);
	again(&f, WEIR_FORWARD_SECOND, b);               /* now it is suspected, for longer */
	plane_syn(plane, &late)->slot |= WEIR_SYN_AGAIN; /* so that it is not counted once more */
	plane->live[a].again_at -= MS(WEIR_SUSPECT_S * 1000 - 20000);
	again(&late, WEIR_FORWARD_SECOND, b);
	plane->live[a].again_at -= MS(21000);
	plane_syn(plane, &late)->slot = a;
	again(&late, WEIR_FORWARD, a);
}

static void copies_and_new_connections_are_no_repetitions(void **state)
{
	struct flow f = flow(0);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	earlier(&f, 50); /* a copy that the network made */
	syn(&f, WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].again, 0);
	earlier(&f, 1000);
	expect_sent(segment(&f, PKT_SYN, 7777), WEIR_FORWARD, a); /* the port is used anew */
	assert_int_equal(plane->live[a].again, 0);
	assert_int_equal(plane->live[a].syns, 2);
	f = flow(1);
	syn(&f, WEIR_FORWARD, a);
	earlier(&f, WEIR_SYN_LIFE_S * 1000);
	syn(&f, WEIR_FORWARD, a); /* nobody repeats one for so long */
	assert_int_equal(plane->live[a].again, 0);
	assert_int_equal(plane->live[a].syns, 4);
}

/* As many flows as there are ways share a bucket, and one more takes the place of the oldest. */
static void flows_that_share_a_bucket_do_not_disturb_each_other(void **state)
{
	struct flow f[WEIR_SYN_WAYS + 1] = { flow(0) };
	uint32_t n = 1;

	(void)state;
	for (uint32_t i = 1; n <= WEIR_SYN_WAYS; i++) {
		f[n] = f[0];
		f[n].src.b[13] = (uint8_t)(i >> 16);
		f[n].src.b[14] = (uint8_t)(i >> 8);
		f[n].src.b[15] = (uint8_t)i;
		n += plane_syn_bucket(plane, &f[n]) == plane_syn_bucket(plane, &f[0]) &&
		     plane_hash(&f[n]) % 2;
	}
	for (n = 0; n < WEIR_SYN_WAYS; n++) {
		syn(&f[n], WEIR_FORWARD, a);
		earlier(&f[n], 1000 - 100 * n);
	}
	plane->live[a].answered_at = plane_syn_now(plane);
	for (n = WEIR_SYN_WAYS; n-- > 0;)
		syn(&f[n], WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].again, WEIR_SYN_WAYS);
	earlier(&f[WEIR_SYN_WAYS - 1], 100);
	syn(&f[WEIR_SYN_WAYS], WEIR_FORWARD, a);
	assert_null(plane_syn(plane, &f[WEIR_SYN_WAYS - 1]));
	assert_non_null(plane_syn(plane, &f[0]));
}

static void handshakes_are_timed_by_region(void **state)
{
	static const struct {
		const char *vip;
		uint32_t ms, region;
	} runs[] = { { VIP, 30, 9 }, { VIP6, 2000, 0 } };
	int fd = bpf_map__fd(plane->skel->maps.weir_handshakes);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct flow f = flow_to(runs[i].vip, 80, 0, 1);
		struct weir_handshake_key key = { a, runs[i].region };
		uint32_t from = weir_handshake_bucket(runs[i].ms * 1000);
		uint32_t to = weir_handshake_bucket(runs[i].ms * 1000 + 100000); /* busy */
		struct weir_handshakes h;
		uint32_t n = 0;

		bpf_map_delete_elem(fd, &key);
		syn(&f, WEIR_FORWARD, a);
		plane->begun[(plane_hash(&f) >> 32) / WEIR_SYN_SAMPLE % WEIR_BEGUN].at -=
			(uint32_t)(runs[i].ms * 1000000ull >> 10);
		ack(&f, WEIR_FORWARD, a);
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &h), 0);
		for (uint32_t k = from; k <= to; k++)
			n += h.n[k];
		assert_int_equal(n, 1);
	}
}

static void a_handshake_whose_syn_came_again_is_not_timed(void **state)
{
	struct flow f = flow_to(VIP, 80, 0, 1);
	struct weir_handshake_key key = { a, 9 };
	struct weir_handshakes h;
	int fd = bpf_map__fd(plane->skel->maps.weir_handshakes);

	(void)state;
	bpf_map_delete_elem(fd, &key);
	syn(&f, WEIR_FORWARD, a);
	again(&f, WEIR_FORWARD, a);
	ack(&f, WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].answered, 1);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &h), -ENOENT);
}

static void tagged_frames_are_watched_too(void **state)
{
	struct flow f = flow_to(VIP, 80, 0, 1);

	(void)state;
	expect_sent(pkt_vlan(segment(&f, PKT_SYN, 1000), 7), WEIR_FORWARD, a);
	earlier(&f, 1000);
	expect_sent(pkt_vlan(segment(&f, PKT_SYN, 1000), 7), WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].again, 1);
	expect_sent(pkt_vlan(pkt_options(segment(&f, PKT_ACK, 1001), 8), 7), WEIR_FORWARD, a);
	assert_int_equal(plane->live[a].answered, 1);
}

static void a_client_that_stays_is_recorded_anew(void **state)
{
	struct flow f = flow(WEIR_SUSPECT), next = f;

	(void)state;
	watch(&http, WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY);
	for (uint32_t i = 0; i < ROWS; i++)
		plane_set_row(plane, http.base + i, i == plane_hash_client(&f) % ROWS ? a : b,
			      REST);
	syn(&f, WEIR_FORWARD, a);
	unanswered(0, WEIR_SUSPECT - 1);
	again(&f, WEIR_FORWARD_SECOND, b);
	assert_int_equal(
		plane_record_of(plane, plane_hash_client(&f), WEIR_GROUP_ID(GROUP))->endpoint, b);
	next.sport = 60000;
	syn(&next, WEIR_FORWARD_FLOW, b);
}

/* Where open connections are counted, one that is moved is counted where it is now. */
static void a_counted_flow_takes_its_count_along(void **state)
{
	struct flow f = flow(WEIR_SUSPECT), full = flow(WEIR_SUSPECT + 1);

	(void)state;
	watch(&http, WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED);
	plane_set_conns(plane, a, 0, 1);
	plane_set_conns(plane, b, 1, 1);
	syn(&f, WEIR_FORWARD, a);
	syn(&full, WEIR_FORWARD, a);
	plane->live[a].unanswered = WEIR_SUSPECT;
	plane->live[a].again_at = plane_syn_now(plane);
	assert_int_equal(plane_open(plane, a), 2);
	again(&f, WEIR_FORWARD_SECOND, b);
	assert_int_equal(plane_open(plane, a), 1);
	assert_int_equal(plane_open(plane, b), 1);
	ack(&f, WEIR_FORWARD_FLOW, b);
	again(&full, WEIR_FORWARD_FLOW, a); /* there is no room */
	assert_int_equal(plane_open(plane, a), 1);
	assert_int_equal(plane_open(plane, b), 1);
	assert_int_equal(plane->rows[row_of(&http, &f)].prev, REST);
}

static void nothing_is_noted_where_nobody_watches(void **state)
{
	struct flow f = flow_to(VIP, 81, 0, 1);

	(void)state;
	syn(&f, WEIR_FORWARD, a);
	ack(&f, WEIR_FORWARD, a);
	assert_int_equal(plane_syn(plane, &f)->at, 0);
	assert_int_equal(plane->live[a].syns, 0);
}

static void a_trace_leaves_no_trace(void **state)
{
	struct weir_bpf *dry = plane_load_for(plane, WEIR_SEEING_DRY);
	struct flow f = flow(0);
	struct pkt p = segment(&f, PKT_SYN, 1000);

	(void)state;
	assert_int_equal(plane_run_for(dry, &p, NULL), XDP_TX);
	assert_int_equal(plane_syn(plane, &f)->at, 0);
	assert_int_equal(plane->live[a].syns, 0);
	weir_bpf__destroy(dry);
}

static int on_news(void *seen, void *data, size_t len)
{
	const struct weir_news *news = data;

	assert_int_equal(len, sizeof(*news));
	assert_int_equal(news->slot, a);
	++*(uint32_t *)seen;
	return 0;
}

static void the_agent_is_told_once_in_a_while(void **state)
{
	uint32_t told = 0;
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(plane->skel->maps.weir_news), on_news, &told, NULL);

	(void)state;
	assert_non_null(ring);
	ring_buffer__consume(ring); /* of other tests */
	told = 0;
	plane->endpoints[b].state = plane->endpoints[c].state = 0;
	unanswered(0, WEIR_SUSPECT - 1);
	assert_int_equal(ring_buffer__consume(ring), 0);
	unanswered(WEIR_SUSPECT - 1, 1);
	assert_int_equal(ring_buffer__consume(ring), 1);
	plane->live[a].told_at -= MS(WEIR_TELL_MS);
	unanswered(WEIR_SUSPECT, 1);
	assert_int_equal(ring_buffer__consume(ring), 1);
	assert_int_equal(told, 2);
	ring_buffer__free(ring);
}

#define TEST(name) cmocka_unit_test_setup(name, watched)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_stays_for_its_second_syn_alone_but_not_for_its_third),
		TEST(a_syn_that_comes_again_leaves_a_suspected_endpoint),
		TEST(the_second_choice_that_does_not_answer_either_is_left_too),
		TEST(a_flow_stays_where_nobody_else_is),
		TEST(a_handshake_that_ends_lifts_the_suspicion),
		TEST(who_answered_a_moment_ago_is_not_suspected),
		TEST(what_is_long_ago_is_no_reason),
		TEST(copies_and_new_connections_are_no_repetitions),
		TEST(flows_that_share_a_bucket_do_not_disturb_each_other),
		TEST(a_flow_of_the_largest_table_moves_as_well),
		TEST(handshakes_are_timed_by_region),
		TEST(a_handshake_whose_syn_came_again_is_not_timed),
		TEST(tagged_frames_are_watched_too),
		TEST(a_client_that_stays_is_recorded_anew),
		TEST(a_counted_flow_takes_its_count_along),
		TEST(nothing_is_noted_where_nobody_watches),
		TEST(a_trace_leaves_no_trace),
		TEST(the_agent_is_told_once_in_a_while),
	};

	return BED_TESTS(tests);
}
