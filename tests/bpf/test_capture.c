/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program that captures: which packets it hands over, with which bytes and words, and that it
 * does with packets what the plain one does. */
#include "random.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <time.h>

#include "seen.h"
#include "weir.skel.h"

#define PACKETS 20000
#define PAGES   64

/* A snapshot that was handed over. */
struct shot {
	struct weir_capture_event e;
	uint32_t len;
	uint8_t data[PKT_MAX];
};

static struct weir_bpf *skel;
static struct weir_capture_session *session;
static struct perf_buffer *ring;
static struct shot shots[4]; /* of the last packet */
static uint32_t n_shots;
static bool counting; /* them, no more */

static void on_shot(void *arg, int cpu, void *data, uint32_t size)
{
	struct shot *s = &shots[counting ? 0 : n_shots];

	(void)arg, (void)cpu;
	n_shots++;
	if (counting)
		return;
	assert_in_range(n_shots, 1, 4);
	assert_in_range(size, sizeof(s->e), sizeof(s->e) + PKT_MAX);
	memcpy(&s->e, data, sizeof(s->e));
	s->len = s->e.len < session->filter.snaplen ? s->e.len : session->filter.snaplen;
	assert_true(size >= sizeof(s->e) + s->len); /* the ring rounds up */
	memcpy(s->data, (char *)data + sizeof(s->e), s->len);
}

/* Takes everything, as long as it likes. */
static void take_all(void)
{
	memset(session, 0, sizeof(*session));
	session->filter = (struct weir_capture_filter){
		.at = WEIR_CAPTURE_IN | WEIR_CAPTURE_OUT,
		.reasons = UINT64_MAX,
		.snaplen = PKT_MAX,
		.sample = 1,
		.count = UINT64_MAX,
		.until_ns = UINT64_MAX,
	};
}

static uint32_t run(const struct pkt *in, struct pkt *out)
{
	uint32_t action = plane_run_for(skel, in, out);

	n_shots = 0;
	assert_int_equal(perf_buffer__consume(ring), 0);
	return action;
}

static void is_shot(const struct shot *s, uint8_t at, enum weir_reason why, const struct pkt *p)
{
	assert_int_equal(s->e.at, at);
	assert_int_equal(s->e.reason, why);
	assert_int_equal(s->e.len, p->len);
	assert_int_equal(s->e.ifindex, LO);
	assert_memory_equal(s->data, p->data, s->len);
}

static struct flow a_flow(uint8_t proto)
{
	return flow_of(proto, "198.51.100.7", 4000, vips[0], 443);
}

static struct pkt a_packet(void)
{
	struct flow f = a_flow(IPPROTO_TCP);

	return pkt_payload(pkt_new(&f, PKT_ACK), 100);
}

/* --- what is handed over --- */

static void a_forwarded_packet_is_there_as_it_came_and_as_it_leaves(void **state)
{
	static const uint32_t kinds[] = { V4, V6, L2 };
	struct pkt p = a_packet(), out;
	struct timespec now;

	(void)state;
	make_world();
	for (size_t i = 0; i < 3; i++) {
		plane_set_rows(plane, &services[0][0], kinds[i], REST);
		assert_int_equal(run(&p, &out), XDP_TX);
		assert_int_equal(n_shots, 2);
		is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_FORWARD, &p);
		is_shot(&shots[1], WEIR_CAPTURE_OUT, WEIR_FORWARD, &out);
		assert_int_equal(shots[0].e.slot, kinds[i]);
		assert_int_equal(shots[1].e.slot, kinds[i]);
		clock_gettime(CLOCK_MONOTONIC, &now);
		assert_in_range((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec -
					shots[1].e.ns,
				0, 1000000000);
		assert_true(shots[1].e.ns >= shots[0].e.ns);
	}
	plane->endpoints[V4].ifindex = OTHER;
	plane_set_rows(plane, &services[0][0], V4, REST);
	assert_int_equal(run(&p, &out), XDP_REDIRECT);
	assert_int_equal(shots[0].e.ifindex, LO);
	assert_int_equal(shots[1].e.ifindex, OTHER);
}

static void what_ends_here_is_there_once_and_what_is_answered_twice(void **state)
{
	struct flow echo = a_flow(IPPROTO_ICMP), foreign = a_flow(IPPROTO_UDP);
	struct pkt p, out;

	(void)state;
	make_world();
	foreign.dport = 1;
	p = pkt_new(&foreign, 0);
	assert_int_equal(run(&p, &out), XDP_PASS);
	assert_int_equal(n_shots, 1);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_PASS_NOT_OURS, &p);
	assert_int_equal(shots[0].e.slot, NONE);

	p = a_packet();
	assert_int_equal(run(&p, &out), XDP_DROP);
	assert_int_equal(n_shots, 1);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_DROP_NO_ENDPOINT, &p);

	plane_set_rows(plane, &services[0][0], LOST, REST);
	assert_int_equal(run(&p, &out), XDP_DROP);
	assert_int_equal(n_shots, 1);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_DROP_NO_NEXT_HOP, &p);
	assert_int_equal(shots[0].e.slot, LOST);

	p = pkt_byte(p, 12, 0x12); /* no IP */
	assert_int_equal(run(&p, &out), XDP_PASS);
	assert_int_equal(n_shots, 1);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_PASS_NOT_IP, &p);

	p = pkt_new(&echo, 0);
	assert_int_equal(run(&p, &out), XDP_TX);
	assert_int_equal(n_shots, 2);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_REPLY_ECHO, &p);
	is_shot(&shots[1], WEIR_CAPTURE_OUT, WEIR_REPLY_ECHO, &out);
}

static void a_packet_that_meets_another_reason_on_the_way_is_there_with_both(void **state)
{
	struct pkt p = pkt_payload(a_packet(), 1200), out;

	(void)state;
	make_world();
	plane_set_rows(plane, &services[0][0], V4, REST);
	plane->endpoints[V4].mtu = 1000;
	assert_int_equal(run(&p, &out), XDP_TX);
	assert_int_equal(n_shots, 2);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_REPLY_MTU, &p);
	is_shot(&shots[1], WEIR_CAPTURE_OUT, WEIR_REPLY_MTU, &out);
	for (int i = 0; i < 100000 && run(&p, &out) == XDP_TX; i++)
		;
	assert_int_equal(n_shots, 2); /* enough senders were told */
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_REPLY_MTU, &p);
	is_shot(&shots[1], WEIR_CAPTURE_IN, WEIR_DROP_MTU, &p);
	assert_false(shots[0].e.again);
	assert_true(shots[1].e.again);
	session->filter.reasons = 1ull << WEIR_DROP_MTU;
	for (int i = 0; i < 100000 && run(&p, &out) == XDP_TX; i++)
		;
	assert_int_equal(n_shots, 1);
	is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_DROP_MTU, &p);
	assert_false(shots[0].e.again);
}

static void no_more_than_snaplen_is_there_and_only_the_side_that_was_asked_for(void **state)
{
	struct pkt p = a_packet(), out;

	(void)state;
	make_world();
	plane_set_rows(plane, &services[0][0], V4, REST);
	for (uint32_t snaplen = 14; snaplen < 300; snaplen++) {
		session->filter.snaplen = snaplen;
		run(&p, &out);
		assert_int_equal(n_shots, 2);
		is_shot(&shots[0], WEIR_CAPTURE_IN, WEIR_FORWARD, &p);
		is_shot(&shots[1], WEIR_CAPTURE_OUT, WEIR_FORWARD, &out);
	}
	session->filter.at = WEIR_CAPTURE_IN;
	run(&p, &out);
	assert_int_equal(n_shots, 1);
	assert_int_equal(shots[0].e.at, WEIR_CAPTURE_IN);
	session->filter.at = WEIR_CAPTURE_OUT;
	run(&p, &out);
	assert_int_equal(n_shots, 1);
	assert_int_equal(shots[0].e.at, WEIR_CAPTURE_OUT);
}

/* --- which --- */

static bool bits_match(const union weir_addr *a, const union weir_addr *mask,
		       const union weir_addr *want)
{
	for (int i = 0; i < 16; i++)
		if ((a->b[i] & mask->b[i]) != want->b[i])
			return false;
	return true;
}

/* The filter, described again: by what a packet says of itself. */
static bool wanted(const struct weir_capture_filter *f, const struct pkt *p, enum weir_reason why)
{
	bool icmp, ports;
	struct seen s;

	if (!(f->reasons >> why & 1))
		return false;
	if (see(p, &s) != WEIR_FORWARD) /* nothing is known of it */
		return !f->family && !f->proto && !f->sport && !f->dport;
	icmp = s.about || s.proto == IPPROTO_ICMP || s.proto == IPPROTO_ICMPV6;
	ports = s.why == WEIR_FORWARD;
	return (!f->family || f->family == (s.v6 ? 6 : 4)) &&
	       bits_match(&s.src, &f->src_mask, &f->src) &&
	       bits_match(&s.dst, &f->dst_mask, &f->dst) &&
	       (!f->proto || f->proto == s.proto || (f->proto == IPPROTO_ICMP && icmp)) &&
	       (!f->sport || (ports && htons(s.sport) == f->sport)) &&
	       (!f->dport || (ports && htons(s.dport) == f->dport));
}

static void random_network(union weir_addr *a, union weir_addr *mask, const char *near)
{
	uint32_t bits = strchr(near, ':') ? roll(129) : 96 + roll(33);

	*a = pkt_addr(near);
	memset(mask, 0, sizeof(*mask));
	if (roll(3))
		a->b[strchr(near, ':') ? roll(16) : 12 + roll(4)] ^= (uint8_t)(1 << roll(8));
	for (uint32_t i = 0; i < 128; i++) {
		if (i < bits)
			mask->b[i / 8] |= (uint8_t)(0x80 >> i % 8);
		else
			a->b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	}
}

/* As one is asked for: a network has a family. */
static void random_filter(struct weir_capture_filter *f)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	bool v6 = roll(2), src = !roll(3), dst = !roll(3);

	if (src)
		random_network(&f->src, &f->src_mask, v6 ? "2001:db8:7::7" : "198.51.100.7");
	if (dst)
		random_network(&f->dst, &f->dst_mask, vips[v6]);
	if (src || dst)
		f->family = v6 ? 6 : 4;
	if (!roll(3))
		f->proto = protos[roll(3)];
	if (!roll(4))
		f->sport = htons((uint16_t)(4000 + roll(CLIENTS)));
	if (!roll(4))
		f->dport = htons((uint16_t)(443 + roll(2)));
	if (!roll(3))
		f->reasons = (uint64_t)roll(1u << 31) << 4 | roll(16);
}

static void packets_are_captured_by_the_filter_and_go_where_they_go_anyway(void **state)
{
	struct weir_bpf *dry = plane_load_for(plane, WEIR_SEEING_DRY);
	uint32_t hits = 0;

	(void)state;
	make_world();
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct pkt p = random_packet(), says, does;
		enum weir_reason why;
		uint32_t action;
		bool leaves, want;

		if (!(i % 20)) {
			take_all();
			random_filter(&session->filter);
		}
		if (!(i % 50))
			reshape();
		action = plane_run_for(dry, &p, &says);
		why = dry->bss->weir_trace.reason;
		leaves = why <= WEIR_LAST_REPLY;
		want = wanted(&session->filter, &p, why);
		assert_int_equal(run(&p, &does), action);
		assert_int_equal(does.len, says.len);
		assert_memory_equal(does.data, says.data, says.len);
		assert_int_equal(n_shots, want ? 1 + leaves : 0);
		if (want)
			is_shot(&shots[0], WEIR_CAPTURE_IN, why, &p);
		if (want && leaves)
			is_shot(&shots[1], WEIR_CAPTURE_OUT, why, &does);
		hits += want;
	}
	assert_in_range(hits, PACKETS / 20, PACKETS / 2);
	weir_bpf__destroy(dry);
}

/* --- how many --- */

static uint32_t captured_of(uint32_t packets)
{
	struct pkt p = a_packet();
	uint32_t n = 0;

	for (uint32_t i = 0; i < packets; i++) {
		run(&p, NULL);
		assert_true(n_shots == 0 || n_shots == 2); /* whole or not there */
		n += n_shots / 2;
	}
	return n;
}

static void limits_are_kept(void **state)
{
	(void)state;
	make_world();
	plane_set_rows(plane, &services[0][0], V4, REST);
	session->filter.count = 10;
	assert_int_equal(captured_of(50), 10);
	assert_true(session->matched == 50);
	assert_true(session->taken == 10);

	take_all();
	session->filter.sample = 4;
	assert_in_range(captured_of(4000), 800, 1200);
	assert_true(session->matched == 4000);

	take_all();
	session->filter.rate = 50;
	assert_in_range(captured_of(4000), 50, 150); /* within two seconds, or three */

	take_all();
	session->filter.until_ns = 1;
	assert_int_equal(captured_of(50), 0);
}

static void what_the_ring_has_no_room_for_is_counted(void **state)
{
	struct pkt p = a_packet();

	(void)state;
	make_world();
	plane_set_rows(plane, &services[0][0], V4, REST);
	for (int i = 0; i < 10000; i++)
		plane_run_for(skel, &p, NULL);
	n_shots = 0;
	counting = true;
	assert_int_equal(perf_buffer__consume(ring), 0);
	counting = false;
	assert_in_range(n_shots, 100, 19000);
	assert_true(session->taken == 10000);
	assert_true(n_shots + session->lost == 20000);
}

static int open_capture(void **state)
{
	bed_open(state);
	skel = plane_load_for(plane, WEIR_SEEING_CAPTURE);
	session = mmap(NULL, sizeof(*session), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(skel->maps.weir_capture_session), 0);
	ring = perf_buffer__new(bpf_map__fd(skel->maps.weir_capture_events), PAGES, on_shot, NULL,
				NULL, NULL);
	return session == MAP_FAILED || !ring;
}

static int close_capture(void **state)
{
	perf_buffer__free(ring);
	munmap(session, sizeof(*session));
	weir_bpf__destroy(skel);
	return bed_close(state);
}

static int reset(void **state)
{
	take_all();
	return bed_reset(state);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_forwarded_packet_is_there_as_it_came_and_as_it_leaves),
		TEST(what_ends_here_is_there_once_and_what_is_answered_twice),
		TEST(a_packet_that_meets_another_reason_on_the_way_is_there_with_both),
		TEST(no_more_than_snaplen_is_there_and_only_the_side_that_was_asked_for),
		TEST(packets_are_captured_by_the_filter_and_go_where_they_go_anyway),
		TEST(limits_are_kept),
		TEST(what_the_ring_has_no_room_for_is_counted),
	};

	return cmocka_run_group_tests(tests, open_capture, close_capture);
}
