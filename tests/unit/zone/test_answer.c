/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a name is answered with. Every reply passes the strict reader of wire.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/hash.h"
#include "wire.h"
#include "world.h"

#define DENIAL        " 60 SOA ns1.example.com hostmaster.example.com 7"
#define NO_DATA(zone) "0 aa / " zone DENIAL
#define NO_NAME(zone) "3 aa / " zone DENIAL

static struct weir_zones *zones;
static uint8_t out[WEIR_DNS_MAX_SIZE];

/* Replies to m and reads the reply strictly. Free with reply_free(). */
static struct reply reply_to(const struct msg *m, bool tcp, uint64_t random)
{
	size_t cap = tcp ? WEIR_DNS_MAX_SIZE : WEIR_DNS_UDP_SIZE;
	size_t len = world_answer(zones, m->b, m->len, tcp, random, out, cap);
	struct reply r;

	assert_in_range(len, 12, cap);
	assert_true(read_reply(&r, out, len, m));
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "rcode flags: answers / authority", each section sorted. */
static char *render(struct reply *r)
{
	size_t size = 200000, n;
	char *text = malloc(size);

	qsort(r->lines, r->n[1], sizeof(*r->lines), by_text);
	n = (size_t)snprintf(text, size, "%u%s%s", r->rcode, r->aa ? " aa" : "",
			     r->tc ? " tc" : "");
	for (unsigned i = 0; i < r->n_lines; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s",
				      i == r->n[1] ? " / "
				      : i          ? "; "
						   : ": ",
				      r->lines[i]);
	return text;
}

static void expect(const char *name, unsigned type, const char *want)
{
	struct msg m = ask(name, type);
	struct reply r = reply_to(&m, false, 1);
	char *got = render(&r);

	assert_string_equal(got, want);
	free(got);
	reply_free(&r);
}

struct row {
	const char *name;
	unsigned type;
	const char *want;
};

static void expect_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(rows[i].name, rows[i].type, rows[i].want);
}
#define EXPECT(rows) expect_rows(rows, sizeof(rows) / sizeof(*(rows)))

static void names_have_their_records(void **state)
{
	static const struct row rows[] = {
		{ "www.example.com", A,
		  "0 aa: www.example.com 300 A 192.0.2.1; www.example.com 300 A 192.0.2.2; "
		  "www.example.com 300 A 192.0.2.3" },
		{ "www.example.com", AAAA, "0 aa: www.example.com 300 AAAA 2001:db8::80" },
		{ "a.b.c.example.com", A, "0 aa: a.b.c.example.com 300 A 192.0.2.9" },
		{ "example.com", A, "0 aa: example.com 300 A 192.0.2.10" },
		{ "off.example.com", A, "0 aa: off.example.com 300 A 192.0.2.77" },
		{ "web.other.test", A, "0 aa: web.other.test 300 A 192.0.2.20" },
	};

	(void)state;
	EXPECT(rows);
}

static void a_zone_shows_its_soa_and_its_servers(void **state)
{
	static const struct row rows[] = {
		{ "example.com", SOA,
		  "0 aa: example.com 3600 SOA ns1.example.com hostmaster.example.com 7" },
		{ "example.com", NS,
		  "0 aa: example.com 3600 NS ns1.example.com; example.com 3600 NS ns2.example.com" },
		{ "www.example.com", SOA, NO_DATA("example.com") },
	};

	(void)state;
	EXPECT(rows);
}

static void what_is_not_there_is_denied_with_the_soa_of_its_zone(void **state)
{
	static const struct row rows[] = {
		{ "missing.example.com", A, NO_NAME("example.com") },
		{ "x.y.www.example.com", A, NO_NAME("example.com") },
		{ "www.example.com", TXT, NO_DATA("example.com") },
		{ "missing.a.deep.example.com", A, NO_NAME("a.deep.example.com") },
		{ "example.com", AAAA, NO_DATA("example.com") },
		{ "gone.example.com", A, NO_NAME("example.com") },
	};

	(void)state;
	EXPECT(rows);
}

static void names_that_only_have_names_below_them_exist(void **state)
{
	static const struct row rows[] = {
		{ "b.c.example.com", A, NO_DATA("example.com") },
		{ "c.example.com", ANY, NO_DATA("example.com") },
		{ "deep.example.com", A, NO_DATA("example.com") },
		{ "z.c.example.com", A, NO_NAME("example.com") },
	};

	(void)state;
	EXPECT(rows);
}

static void names_outside_our_zones_are_refused_without_soa(void **state)
{
	static const struct row rows[] = {
		{ "example.org", A, "5" },
		{ "host.example.org", A, "5" },
		{ "com", A, "5" },
		{ "", NS, "5" },
		{ "notexample.com", A, "5" },
		{ "foreign.example.org", A, "5" },
		{ "example.com", AXFR, "5" },
		{ "www.example.com", IXFR, "5" },
		{ "example.com.example", A, "5" },
	};

	(void)state;
	EXPECT(rows);
}

static void an_alias_brings_the_data_of_its_target_if_it_is_ours(void **state)
{
	static const struct row rows[] = {
		{ "alias.example.com", AAAA,
		  "0 aa: alias.example.com 300 CNAME www.example.com; "
		  "www.example.com 300 AAAA 2001:db8::80" },
		{ "alias.example.com", CNAME, "0 aa: alias.example.com 300 CNAME www.example.com" },
		{ "away.example.com", A, "0 aa: away.example.com 300 CNAME host.example.net" },
		{ "across.example.com", A,
		  "0 aa: across.example.com 300 CNAME web.other.test; "
		  "web.other.test 300 A 192.0.2.20" },
		{ "tolb.example.com", A,
		  "0 aa: lb.example.com 30 A 203.0.113.1; "
		  "tolb.example.com 300 CNAME lb.example.com" },
		{ "single.example.com", TXT,
		  "0 aa: single.example.com 30 CNAME web.other.test / other.test" DENIAL },
		{ "broken.example.com", A,
		  "3 aa: broken.example.com 300 CNAME missing.example.com / example.com" DENIAL },
		{ "hollow.example.com", A,
		  "0 aa: hollow.example.com 300 CNAME b.c.example.com / example.com" DENIAL },
	};

	(void)state;
	EXPECT(rows);
}

static void chains_are_bounded_and_loops_stop(void **state)
{
	static const struct row rows[] = {
		{ "loop1.example.com", A,
		  "0 aa: loop1.example.com 300 CNAME loop2.example.com; "
		  "loop2.example.com 300 CNAME loop1.example.com" },
		{ "self.example.com", A, "0 aa: self.example.com 300 CNAME self.example.com" },
		{ "circle.example.com", A, "0 aa: circle.example.com 30 CNAME circle.example.com" },
		{ "c9.example.com", AAAA,
		  "0 aa: c9.example.com 300 CNAME www.example.com; "
		  "www.example.com 300 AAAA 2001:db8::80" },
	};
	struct msg m = ask("c0.example.com", A);
	struct reply r = reply_to(&m, false, 1);

	(void)state;
	EXPECT(rows);
	assert_int_equal(r.n[1], 8);
	assert_int_equal(r.rcode, 0);
	reply_free(&r);
}

static void balancers_answer_vips_or_the_origins_that_serve(void **state)
{
	static const struct row rows[] = {
		{ "lb.example.com", A, "0 aa: lb.example.com 30 A 203.0.113.1" },
		{ "lb.example.com", AAAA, "0 aa: lb.example.com 30 AAAA 2001:db8::1" },
		{ "lb.example.com", TXT, NO_DATA("example.com") },
		{ "even.example.com", A,
		  "0 aa: even.example.com 30 A 198.51.100.1; even.example.com 30 A 198.51.100.2" },
		{ "even.example.com", AAAA, "0 aa: even.example.com 30 AAAA 2001:db8::51" },
		{ "uneven.example.com", AAAA, NO_DATA("example.com") },
	};

	(void)state;
	EXPECT(rows);
}

static void a_balancer_nobody_can_serve_for_exists_without_data(void **state)
{
	(void)state;
	expect("dead.example.com", A, NO_DATA("example.com"));
	expect("dead.example.com", ANY, NO_DATA("example.com"));
}

static void any_is_answered_with_one_set(void **state)
{
	struct msg m = ask("www.example.com", ANY);
	struct reply r = reply_to(&m, false, 0);

	(void)state;
	for (unsigned i = 0; i < r.n_lines; i++)
		assert_true(!strstr(r.lines[i], " AAAA ") == !strstr(r.lines[0], " AAAA "));
	assert_true(r.n_lines >= 1);
	reply_free(&r);
	expect("alias.example.com", ANY, "0 aa: alias.example.com 300 CNAME www.example.com");
	m = ask("pool.example.com", ANY);
	r = reply_to(&m, false, 0);
	assert_int_equal(r.n[1], 1);
	reply_free(&r);
}

static void case_is_ignored_and_echoed(void **state)
{
	struct msg m = ask("WwW.eXample.COM", AAAA);
	struct reply r = reply_to(&m, false, 1);

	(void)state;
	assert_int_equal(r.n[1], 1);
	assert_string_equal(r.lines[0], "WwW.eXample.COM 300 AAAA 2001:db8::80");
	reply_free(&r);
	expect("Missing.Example.com", A, NO_NAME("Example.com"));
}

static void owners_are_pointers_to_the_question(void **state)
{
	struct msg m = ask("www.example.com", A);
	struct reply r = reply_to(&m, false, 1);

	(void)state;
	assert_int_equal(r.len, m.len + 3 * (2 + 10 + 4));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get16(out + m.len + i * 16), 0xc00c);
	reply_free(&r);
}

/* Deterministic and uniform. */
static uint64_t roll(unsigned i)
{
	return weir_mix64(0x9e3779b97f4a7c15ull * (i + 1));
}

#define ROUNDS 30000

/* Asks ROUNDS times; the first answer's last word must be texts[i] in share[i] of them, within 2 %
 * of all. */
static void expect_shares(const char *name, unsigned type, const char *const *texts,
			  const double *share, unsigned n, unsigned records)
{
	struct msg m = ask(name, type);
	unsigned count[8] = { 0 }, sum = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct reply r = reply_to(&m, false, roll(i));

		assert_int_equal(r.n[1], records);
		for (unsigned k = 0; k < n; k++)
			count[k] += !strcmp(strrchr(r.lines[0], ' ') + 1, texts[k]);
		reply_free(&r);
	}
	for (unsigned k = 0; k < n; k++) {
		double off = (double)count[k] / ROUNDS - share[k];

		assert_true(off < 0.02 && off > -0.02);
		sum += count[k];
	}
	assert_int_equal(sum, ROUNDS);
}

static void a_pool_names_one_member_as_often_as_its_weight_says(void **state)
{
	static const char *const members[] = { "one.example.net", "two.example.net",
					       "five.example.net" };
	static const double share[] = { 1 / 8., 2 / 8., 5 / 8. };

	(void)state;
	expect_shares("pool.example.com", A, members, share, 3, 1);
	expect_shares("pool.example.com", CNAME, members, share, 3, 1);
}

static void unequal_origins_are_named_one_by_one_by_weight(void **state)
{
	static const char *const origins[] = { "198.51.100.3", "198.51.100.4", "198.51.100.5" };
	static const char *const twice[] = { "198.51.100.1", "198.51.100.2" };
	static const double share[] = { .1, .3, .6 }, half[] = { .5, .5 };

	(void)state;
	expect_shares("uneven.example.com", A, origins, share, 3, 1);
	expect_shares("twice.example.com", A, twice, half, 2, 2);
}

static void each_address_of_a_set_comes_first_in_turn(void **state)
{
	static const char *const set[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3" };
	static const double share[] = { 1 / 3., 1 / 3., 1 / 3. };

	(void)state;
	expect_shares("www.example.com", A, set, share, 3, 3);
}

static void counting_up_is_random_enough(void **state)
{
	struct msg m = ask("pool.example.com", A);
	unsigned fives = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct reply r = reply_to(&m, false, i);

		fives += strstr(r.lines[0], "five") != NULL;
		reply_free(&r);
	}
	assert_in_range(fives, ROUNDS * 605 / 1000, ROUNDS * 645 / 1000);
}

static void tcp_carries_what_udp_cannot(void **state)
{
	struct msg m = ask("big.example.com", A);
	struct reply r = reply_to(&m, true, 5);

	(void)state;
	assert_false(r.tc);
	assert_int_equal(r.n[1], WORLD_BIG);
	reply_free(&r);
	m = ask("huge.example.com", A);
	r = reply_to(&m, true, 5);
	assert_false(r.tc);
	assert_int_equal(r.n[1], 2048);
	reply_free(&r);
	expect("big.example.com", A, "0 aa tc");
}

static void without_zones_everything_is_refused(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	assert_int_equal(world_answer(NULL, m.b, m.len, false, 0, out, sizeof(out)), m.len);
	assert_int_equal(out[3] & 15, 5);
	weir_zones_free(NULL);
}

static void zones_that_are_off_are_not_there(void **state)
{
	/* Below a zone that is answered for, nothing says that there might be another one. */
	static const struct row rows[] = {
		{ "web.other.test", A, "5" },
		{ "other.test", SOA, "5" },
		{ "x.a.deep.example.com", A, NO_NAME("example.com") },
		{ "deep.example.com", A, NO_NAME("example.com") },
		{ "www.example.com", AAAA, "0 aa: www.example.com 300 AAAA 2001:db8::80" },
	};
	struct weir_zones *all = zones;
	struct world *w = world_new();

	(void)state;
	w->zones[1].off = w->zones[2].off = true;
	zones = world_build(&w->view);
	memset(w, 0xee, sizeof(*w));
	free(w);
	EXPECT(rows);
	weir_zones_free(zones);
	zones = all;
}

static int setup(void **state)
{
	struct world *w = world_new();

	(void)state;
	zones = world_build(&w->view);
	memset(w, 0xee, sizeof(*w)); /* the snapshot keeps nothing of its input */
	free(w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_zones_free(zones);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_their_records),
		cmocka_unit_test(a_zone_shows_its_soa_and_its_servers),
		cmocka_unit_test(what_is_not_there_is_denied_with_the_soa_of_its_zone),
		cmocka_unit_test(names_that_only_have_names_below_them_exist),
		cmocka_unit_test(zones_that_are_off_are_not_there),
		cmocka_unit_test(names_outside_our_zones_are_refused_without_soa),
		cmocka_unit_test(an_alias_brings_the_data_of_its_target_if_it_is_ours),
		cmocka_unit_test(chains_are_bounded_and_loops_stop),
		cmocka_unit_test(balancers_answer_vips_or_the_origins_that_serve),
		cmocka_unit_test(a_balancer_nobody_can_serve_for_exists_without_data),
		cmocka_unit_test(any_is_answered_with_one_set),
		cmocka_unit_test(case_is_ignored_and_echoed),
		cmocka_unit_test(owners_are_pointers_to_the_question),
		cmocka_unit_test(a_pool_names_one_member_as_often_as_its_weight_says),
		cmocka_unit_test(unequal_origins_are_named_one_by_one_by_weight),
		cmocka_unit_test(each_address_of_a_set_comes_first_in_turn),
		cmocka_unit_test(counting_up_is_random_enough),
		cmocka_unit_test(tcp_carries_what_udp_cannot),
		cmocka_unit_test(without_zones_everything_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
