/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_expr.c - conditions of rules: what they say of queries, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/expr.h"

/* A question from 192.0.2.7 for www.example.com, AAAA, of a client in 2001:db8:1::/48; and a packet
 * from 2001:db8::9, of which there is neither. */
struct queries {
	union weir_addr v4, v6, client;
	struct weir_expr_query question, packet;
};

static void fill(struct queries *q)
{
	assert_true(weir_addr_parse("192.0.2.7", &q->v4));
	assert_true(weir_addr_parse("2001:db8::9", &q->v6));
	assert_true(weir_addr_parse("2001:db8:1::", &q->client));
	q->question = (struct weir_expr_query){ .src = &q->v4,
						.lb_name = "www.example.com",
						.lb_region = "WEU",
						.qname = "www.example.com",
						.qtype = 28,
						.client = &q->client };
	q->packet = (struct weir_expr_query){ .src = &q->v6, .lb_name = "www.example.com" };
}

static const struct {
	const char *text;
	bool question, packet;
} sayings[] = {
	{ "", true, true },
	{ " \t\n", true, true },
	{ "ip.src eq 192.0.2.7", true, false },
	{ "ip.src == 192.0.2.7", true, false },
	{ "ip.src ne 192.0.2.7", false, true },
	{ "ip.src != 192.0.2.8", true, true },
	{ "ip.src in {192.0.2.0/29}", true, false },
	{ "ip.src in { 10.0.0.0/8 2001:db8::/32\n192.0.2.8/29 }", false, true },
	{ "ip.src in {0.0.0.0/0}", true, false },
	{ "ip.src in {::/0}", true, true },
	{ "cf.load_balancer.name eq \"WWW.example.com\"", true, true },
	{ "cf.load_balancer.name contains \"EXAMPLE\"", true, true },
	{ "cf.load_balancer.name contains \"org\"", false, false },
	{ "cf.load_balancer.region in {\"EEU\" \"WEU\"}", true, false },
	{ "cf.load_balancer.region in {\"}\"\"a\\\"b\\\\\"\"WEU\"}", true, false },
	{ "not cf.load_balancer.region eq \"WEU\"", false, true },
	{ "! cf.load_balancer.region == \"WEU\"", false, true },
	{ "not not ip.src eq 192.0.2.7", true, false },
	{ "dns.qry.name eq \"www.example.com\"", true, false },
	{ "dns.qry.name.len eq 15", true, false },
	{ "dns.qry.name.len lt 15 or dns.qry.name.len > 15", false, false },
	{ "dns.qry.name.len le 15 and dns.qry.name.len >= 15", true, false },
	{ "dns.qry.name.len lt 0", false, false },
	{ "dns.qry.type in {1 28}", true, false },
	{ "dns.qry.type in {1..27 29..65535}", false, false },
	{ "dns.qry.type ne 28", false, true },
	{ "dns.qry.qu", false, false },
	{ "not dns.qry.qu", true, true },
	{ "dns.rr.opt.client", true, false },
	{ "dns.rr.opt.client.addr in {2001:db8:1::/48}", true, false },
	{ "dns.rr.opt.client.addr eq 192.0.2.7", false, false },
	/* and goes before or, not before both; they go from left to right */
	{ "ip.src eq 192.0.2.7 or ip.src eq ::1 and ip.src eq ::2", true, false },
	{ "(ip.src eq 192.0.2.7 or ip.src eq ::1) and ip.src eq ::2", false, false },
	{ "not ip.src eq ::1 and ip.src eq ::2", false, false },
	{ "not(ip.src eq ::1&&ip.src eq ::2)||dns.qry.qu", true, true },
	{ "((((ip.src eq 192.0.2.7))))", true, false },
};

static void a_condition_says_what_is_written(void **state)
{
	struct queries q;

	(void)state;
	fill(&q);
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		struct weir_arena *arena = weir_arena_new();
		const struct weir_expr *e;
		char why[400];

		if (!weir_expr_parse(sayings[i].text, false, arena, &e, why, sizeof(why)))
			fail_msg("%s: %s", sayings[i].text, why);
		if (weir_expr_eval(e, &q.question) != sayings[i].question)
			fail_msg("%s: of the question", sayings[i].text);
		if (weir_expr_eval(e, &q.packet) != sayings[i].packet)
			fail_msg("%s: of the packet", sayings[i].text);
		weir_arena_free(arena);
	}
}

static const struct {
	const char *text, *why;
	bool proxied;
} refused[] = {
	{ "ip.src", "at character 7: an operator is expected behind ip.src", false },
	{ "ip.src eq", "at character 10: an address or a prefix is expected", false },
	{ "ip.src eq 10.0.0.1/8", "at character 11: an address or a prefix", false },
	{ "ip.src eq \"10.0.0.1\"", "at character 11: an address or a prefix", false },
	{ "ip.src in 10.0.0.1", "at character 11: { and values are expected", false },
	{ "ip.src in {}", "at character 12: a set of nothing", false },
	{ "ip.src in {10.0.0.1", "at character 20: a set does not end", false },
	{ "ip.src in {10.0.0.1,10.0.0.2}", "at character 20: an address", false },
	{ "ip.src contains 10.0.0.1", "ip.src is no text", false },
	{ "ip.src gt 10.0.0.1", "ip.src is no number: it can be compared by eq, ne and in", false },
	{ "ip.srcs eq ::1", "at character 1: a field is expected: ip.src, cf.load", false },
	{ "ip.geoip.country eq \"T1\"", "a field is expected", false },
	{ "cf.load_balancer.name eq www", "at character 26: a text in double quotes", false },
	{ "cf.load_balancer.name eq \"www", "at character 26: a text does not end", false },
	{ "cf.load_balancer.name eq \"a\\n\"", "\\ stands before \" and \\ only", false },
	{ "cf.load_balancer.name matches \"w+\"", "regular expressions", false },
	{ "cf.load_balancer.name ~ \"w+\"", "regular expressions", false },
	{ "cf.load_balancer.name lt \"w\"", "is no number", false },
	{ "cf.load_balancer.name equals \"w\"", "an operator is expected", false },
	{ "dns.qry.type eq \"A\"", "a whole number is expected", false },
	{ "dns.qry.type eq 1234567890", "of 9 digits at most", false },
	{ "dns.qry.type in {5..4}", "a range ends before it begins", false },
	{ "dns.qry.type eq 1..4", "at character 18: and, or or the end is expected", false },
	{ "dns.qry.type contains 1", "dns.qry.type is no text", false },
	{ "dns.qry.qu eq true", "at character 12: and, or or the end is expected", false },
	{ "http.host eq \"a\"", "a rule over http.host could never be evaluated", false },
	{ "http.request.uri.path contains \"/a\"", "over http.request.uri.path could", true },
	{ "dns.qry.type eq 1", "dns.qry.type is of DNS questions", true },
	{ "ip.src eq ::1 or dns.qry.qu", "at character 18: dns.qry.qu is of DNS", true },
	{ "ip.src eq ::1 and", "at character 18: a field is expected", false },
	{ "ip.src eq ::1 ip.src eq ::2", "at character 15: and, or or the end", false },
	{ "(ip.src eq ::1", "at character 15: and, or or ) is expected", false },
	{ "ip.src eq ::1)", "at character 14: and, or or the end", false },
	{ "()", "at character 2: a field is expected", false },
	{ "not", "at character 4: a field is expected", false },
	{ "lower(dns.qry.name) eq \"a\"", "a field is expected", false },
	{ "\xff", "a field is expected", false },
};

static void what_cannot_be_said_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct weir_arena *arena = weir_arena_new();
		const struct weir_expr *e;
		char why[400];

		if (weir_expr_parse(refused[i].text, refused[i].proxied, arena, &e, why,
				    sizeof(why)))
			fail_msg("%s: accepted", refused[i].text);
		if (!strstr(why, refused[i].why))
			fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].text, why,
				 refused[i].why);
		weir_arena_free(arena);
	}
}

/* n times what, then the rest. */
static bool accepts(unsigned n, const char *what, const char *rest, char *why)
{
	struct weir_arena *arena = weir_arena_new();
	char *text = weir_alloc(n * strlen(what) + strlen(rest) + 1, 1);
	const struct weir_expr *e;
	bool ok;

	for (unsigned i = 0; i < n; i++)
		strcpy(text + i * strlen(what), what);
	strcat(text, rest);
	ok = weir_expr_parse(text, false, arena, &e, why, 400);
	free(text);
	weir_arena_free(arena);
	return ok;
}

static void depth_and_length_are_bounded(void **state)
{
	char why[400];

	(void)state;
	assert_true(accepts(31, "!", "dns.qry.qu", why));
	assert_false(accepts(32, "!", "dns.qry.qu", why));
	assert_non_null(strstr(why, "nested more than 32 deep"));
	assert_false(accepts(4000, "(", "dns.qry.qu", why));
	assert_non_null(strstr(why, "nested more than 32 deep"));
	assert_true(accepts(200, "dns.qry.qu or ", "dns.qry.qu", why));
	assert_false(accepts(300, "dns.qry.qu or ", "dns.qry.qu", why));
	assert_non_null(strstr(why, "longer than 4096 bytes"));
}

/* Whatever the text, it is taken or refused with a sentence, and what is taken has an answer. */
static void any_text_is_taken_or_refused(void **state)
{
	static const char *const words[] = { "ip.src",
					     "dns.qry.name",
					     "dns.qry.type",
					     "dns.qry.qu",
					     "eq",
					     "in",
					     "not",
					     "and",
					     "or",
					     "(",
					     ")",
					     "{",
					     "}",
					     "10.0.0.0/8",
					     "::1",
					     "\"a\"",
					     "\"",
					     "\\",
					     "1..3",
					     "7",
					     "contains",
					     "lt",
					     "!=",
					     "&&",
					     " " };
	uint64_t seed = 1, taken = 0;
	struct queries q;

	(void)state;
	fill(&q);
	for (unsigned run = 0; run < 200000; run++) {
		struct weir_arena *arena = weir_arena_new();
		const struct weir_expr *e;
		char text[400] = "", why[400] = "";

		for (unsigned n = weir_mix64(++seed) % 12; n; n--) {
			strcat(text, words[weir_mix64(++seed) % (sizeof(words) / sizeof(*words))]);
			strcat(text, weir_mix64(++seed) % 8 ? " " : "");
		}
		if (weir_expr_parse(text, false, arena, &e, why, sizeof(why))) {
			weir_expr_eval(e, &q.question);
			taken++;
		} else {
			assert_non_null(strstr(why, "at character "));
		}
		weir_arena_free(arena);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_says_what_is_written),
		cmocka_unit_test(what_cannot_be_said_is_refused),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(any_text_is_taken_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
