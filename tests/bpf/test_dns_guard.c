/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of no zone, and clients that ask too much, where packets come in. */
#include "dns_bed.h"

#include <time.h>

static struct dns_hot hot;

static int guarded(void **state)
{
	struct timespec budget = { .tv_sec = 1, .tv_nsec = 50000000 };

	dns_reset(state);
	hot = dns_hot("www.example.org", DNS_A);
	dns_weighted(&hot, 1);
	dns_put(&hot);
	dns_zone("example.org");
	dns_zone("deep.down.test");
	nanosleep(&budget, NULL); /* what was taken of the budget of foreign names comes back */
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How many of n such queries pass, the others being dropped for this reason. */
static uint32_t pass(const char *name, uint32_t n, const struct road *r, enum weir_dns_reason why)
{
	struct dns_msg q = dns_query(name, DNS_A);
	struct weir_count before[WEIR_DNS_REASON_COUNT], now[WEIR_DNS_REASON_COUNT];
	struct pkt in = dns_frame(&q, r->v6), out;
	uint32_t passed = 0;

	dns_counts(before);
	for (uint32_t i = 0; i < n; i++)
		passed += dns_run(&in, &out, r->tc) == XDP_PASS;
	dns_counts(now);
	assert_int_equal(now[why].packets - before[why].packets, n - passed);
	assert_int_equal(now[WEIR_DNS_PASS_NAME].packets - before[WEIR_DNS_PASS_NAME].packets,
			 passed);
	return passed;
}

static void names_of_our_zones_pass(void **state)
{
	static const char *const names[] = { "example.org",    "x.example.org",
					     "EXAMPLE.Org",    "a.b.c.d.e.f.g.h.example.org",
					     "deep.down.test", "x.Deep.doWn.test" };

	(void)state;
	for
		EACH_ROAD(r)
	for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(pass(names[i], 500, r, WEIR_DNS_DROP_FOREIGN), 500);
}

/* Some pass, to be refused: a second's worth at once, and what comes back meanwhile. */
static void other_names_pass_at_a_bounded_rate(void **state)
{
	static const char *const names[] = { "example.com",     "org",
					     "xexample.org",    "down.test",
					     "xdeep.down.test", "test",
					     "example.org.com", "e.xample.org" };
	uint64_t began = now_ms();
	uint32_t passed = pass("example.net", 4000, dns_roads, WEIR_DNS_DROP_FOREIGN), n = 4000;

	(void)state;
	for
		EACH_ROAD(r)
		{
			for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
				passed += pass(names[i], 1000, r, WEIR_DNS_DROP_FOREIGN);
				n += 1000;
			}
		}
	/* No fewer than at once, no more than that and what came back in the time it took. */
	assert_in_range(passed, WEIR_DNS_FOREIGN_PER_S,
			WEIR_DNS_FOREIGN_PER_S +
				(now_ms() - began + 20) * WEIR_DNS_FOREIGN_PER_S / 1000);
	if (now_ms() - began < 10000)
		assert_in_range(passed, WEIR_DNS_FOREIGN_PER_S, n / 2);
	assert_int_equal(pass("x.example.org", 100, dns_roads, WEIR_DNS_DROP_FOREIGN), 100);
}

static void without_zones_every_name_passes(void **state)
{
	(void)state;
	dns_guard_conf()->zones = 0;
	dns_set_guard();
	assert_int_equal(pass("example.net", 3000, dns_roads, WEIR_DNS_DROP_FOREIGN), 3000);
}

static void the_root_is_a_zone_of_all_names(void **state)
{
	uint64_t key = weir_dns_zone_key(weir_dns_zone_hash(0, 0));
	uint32_t one = 1;

	(void)state;
	assert_false(
		bpf_map_update_elem(bpf_map__fd(plane->skel->maps.weir_dns_zones), &key, &one, 0));
	assert_int_equal(pass("example.net", 3000, dns_roads, WEIR_DNS_DROP_FOREIGN), 3000);
}

static void set_rate(uint32_t rate, uint32_t burst, uint32_t slip)
{
	struct weir_dns_guard *g = dns_guard_conf();

	g->rate = rate;
	g->burst = burst;
	g->slip = slip;
	memset(g->mask, 0, sizeof(g->mask));
	memset(g->mask[0].b, 0xff, 15); /* /24 */
	memset(g->mask[1].b, 0xff, 7);  /* /56 */
	dns_set_guard();
}

struct outcome {
	uint32_t answered, truncated, dropped;
};

/* What becomes of n queries of a client. */
static struct outcome ask(const char *client, uint32_t n, const struct road *r)
{
	struct flow f = flow_of(IPPROTO_UDP, client, 5353, r->v6 ? DNS6 : DNS4, 53);
	struct dns_msg q = dns_edns(dns_query("www.example.org", DNS_A), 1232, 1), m;
	struct pkt in = pkt_datagram(&f, q.b, q.len), out;
	struct dns_msg tc = dns_truncated(&q);
	struct outcome o = { 0, 0, 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (dns_run(&in, &out, r->tc) != XDP_TX) {
			o.dropped++;
			continue;
		}
		m = dns_open_answer(&in, &out, r->v6);
		if (m.len == tc.len && !memcmp(m.b, tc.b, m.len)) {
			o.truncated++;
			continue;
		}
		assert_int_equal(dns_chosen(&m, &q, &hot), 0);
		o.answered++;
	}
	return o;
}

static void each_prefix_of_clients_has_its_rate(void **state)
{
	char client[2][40];
	uint32_t net = 1;

	(void)state;
	set_rate(1, 50, 0);
	for
		EACH_ROAD(r)
		{
			struct outcome o;

			snprintf(client[0], 40, r->v6 ? "2001:db8:c:%x00::1" : "198.51.%u.1", net);
			snprintf(client[1], 40, r->v6 ? "2001:db8:c:%xff::2" : "198.51.%u.200",
				 net++);
			o = ask(client[0], 40, r);
			assert_int_equal(o.answered, 40);
			o = ask(client[1], 200, r); /* the same prefix */
			assert_in_range(o.answered, 10, 12);
			assert_int_equal(o.answered + o.dropped, 200);
			snprintf(client[0], 40, r->v6 ? "2001:db8:c:%x00::1" : "198.51.%u.1", net);
			o = ask(client[0], 50, r); /* another one */
			assert_int_equal(o.answered, 50);
		}
}

static void some_of_the_others_are_sent_to_tcp(void **state)
{
	struct outcome o;

	(void)state;
	set_rate(1, 1, 4);
	o = ask("203.0.113.1", 4000, &dns_roads[0]);
	assert_in_range(o.answered, 1, 5);
	assert_in_range(o.truncated, 850, 1150);
	o = ask("2001:db8:d::1", 4000, &dns_roads[3]);
	assert_in_range(o.answered, 1, 5);
	assert_in_range(o.truncated, 850, 1150);
	set_rate(0, 1, 4);
	o = ask("203.0.113.1", 1000, &dns_roads[0]);
	assert_int_equal(o.answered, 1000);
}

/* What is not answered here is charged when it comes to a socket. */
static void what_passes_on_is_not_charged(void **state)
{
	struct outcome o;

	(void)state;
	set_rate(1, 20, 0);
	assert_int_equal(pass("x.example.org", 100, &dns_roads[0], WEIR_DNS_DROP_RATE), 100);
	o = ask(CLIENT4, 30, &dns_roads[0]);
	assert_in_range(o.answered, 20, 21);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, guarded)
	const struct CMUnitTest tests[] = {
		TEST(names_of_our_zones_pass),
		TEST(other_names_pass_at_a_bounded_rate),
		TEST(without_zones_every_name_passes),
		TEST(the_root_is_a_zone_of_all_names),
		TEST(each_prefix_of_clients_has_its_rate),
		TEST(some_of_the_others_are_sent_to_tcp),
		TEST(what_passes_on_is_not_charged),
	};

	bed_set = dns_set;
	return cmocka_run_group_tests(tests, dns_open, bed_close);
}
