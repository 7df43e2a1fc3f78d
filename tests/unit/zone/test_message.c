/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a message must look like to be answered, and how EDNS and sizes are obeyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wire.h"
#include "world.h"

static struct weir_zones *zones;
static uint8_t out[WEIR_DNS_UDP_SIZE];

static struct reply reply_to(const struct msg *m)
{
	size_t len = world_answer(zones, m->b, m->len, false, 7, out, sizeof(out));
	struct reply r;

	assert_in_range(len, 12, sizeof(out));
	assert_true(read_reply(&r, out, len, m));
	return r;
}

/* The reply has this rcode and so many questions. */
static void expect(const struct msg *m, unsigned rcode, unsigned questions)
{
	struct reply r = reply_to(m);

	assert_int_equal(r.rcode, rcode);
	assert_int_equal(r.n[0], questions);
	assert_int_equal(r.aa, rcode == NOERROR || rcode == NXDOMAIN);
	assert_int_equal(r.n[2], rcode == NXDOMAIN);
	reply_free(&r);
}

static void responses_and_scraps_get_no_answer(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	for (size_t len = 0; len < 12; len++)
		assert_int_equal(world_answer(zones, m.b, len, false, 7, out, sizeof(out)), 0);
	m.b[2] |= 0x80;
	assert_int_equal(world_answer(zones, m.b, m.len, false, 7, out, sizeof(out)), 0);
}

static void every_truncation_is_a_format_error(void **state)
{
	struct msg m = ask("www.example.com", A);
	size_t whole, question = m.len;

	(void)state;
	add_opt(&m, 1232, 0, 0, 6);
	add16(&m, 65001);
	add16(&m, 2);
	add16(&m, 0xabcd);
	whole = m.len;
	expect(&m, NOERROR, 1);
	for (m.len = 12; m.len < whole; m.len++)
		expect(&m, FORMERR, m.len >= question);
}

static void other_opcodes_are_not_implemented(void **state)
{
	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		struct msg m = ask("www.example.com", A);

		m.b[2] |= (uint8_t)(opcode << 3);
		expect(&m, NOTIMP, 0);
		m.len = 12;
		expect(&m, NOTIMP, 0);
	}
}

static void there_is_one_question(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	m.b[5] = 0;
	expect(&m, FORMERR, 0);
	m.b[5] = 2;
	expect(&m, FORMERR, 0);
	m.b[4] = 1;
	m.b[5] = 1;
	expect(&m, FORMERR, 0);
}

static void a_query_has_neither_answers_nor_authority(void **state)
{
	struct msg m = ask("www.example.com", A), ixfr = ask("example.com", IXFR);

	(void)state;
	for (unsigned i = 7; i <= 9; i += 2) {
		m = ask("www.example.com", A);
		m.b[i] = 1;
		add_name(&m, "");
		add16(&m, A);
		add16(&m, 1);
		for (int k = 0; k < 3; k++)
			add16(&m, 0);
		expect(&m, FORMERR, 1);
	}
	ixfr.b[9] = 1; /* the SOA it has */
	add16(&ixfr, 0xc00c);
	add16(&ixfr, SOA);
	add16(&ixfr, 1);
	for (int k = 0; k < 3; k++)
		add16(&ixfr, 0);
	expect(&ixfr, REFUSED, 1);
}

static void nothing_may_follow_the_last_record(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	add8(&m, 0);
	expect(&m, FORMERR, 1);
	m.len--;
	add_opt(&m, 1232, 0, 0, 0);
	add8(&m, 0);
	expect(&m, FORMERR, 1);
}

static void a_question_may_not_be_compressed(void **state)
{
	struct msg m = ask("", A);

	(void)state;
	m.len = 12;
	add16(&m, 0xc00c);
	add16(&m, A);
	add16(&m, 1);
	expect(&m, FORMERR, 0);
	m.len = 12;
	add8(&m, 3);
	add8(&m, 'w');
	add8(&m, 'w');
	add8(&m, 'w');
	add16(&m, 0xc00c);
	add16(&m, A);
	add16(&m, 1);
	expect(&m, FORMERR, 0);
}

static void labels_have_63_and_names_255_bytes(void **state)
{
	static const unsigned last[] = { 61, 62 };
	struct msg m = ask("", A);

	(void)state;
	m.len = 12;
	add8(&m, 64);
	for (int i = 0; i < 70; i++)
		add8(&m, 'a');
	expect(&m, FORMERR, 0);
	for (unsigned i = 0; i < 2; i++) {
		m.len = 12;
		for (int label = 0; label < 4; label++) {
			unsigned size = label < 3 ? 63 : last[i];

			add8(&m, size);
			for (unsigned k = 0; k < size; k++)
				add8(&m, 'a');
		}
		add8(&m, 0);
		add16(&m, A);
		add16(&m, 1);
		expect(&m, i ? FORMERR : REFUSED, !i);
	}
}

static void other_classes_are_refused(void **state)
{
	static const uint8_t classes[] = { 0, 2, 3, 4, 254, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(classes); i++) {
		struct msg m = ask("www.example.com", A);

		m.b[m.len - 1] = classes[i];
		expect(&m, REFUSED, 1);
	}
}

static void opt_is_answered_only_when_asked_with(void **state)
{
	struct msg m = ask("www.example.com", A);
	struct reply r = reply_to(&m);

	(void)state;
	assert_false(r.edns);
	assert_true(r.rd);
	reply_free(&r);
	for (unsigned dnssec_ok = 0; dnssec_ok < 2; dnssec_ok++) {
		m = ask("www.example.com", A);
		m.b[2] = 0;
		add_opt(&m, 4096, 0, dnssec_ok ? 0x8000 : 0x7fff, 0);
		r = reply_to(&m);
		assert_true(r.edns);
		assert_int_equal(r.version, 0);
		assert_int_equal(r.udp, 1232);
		assert_int_equal(r.dnssec_ok, dnssec_ok);
		assert_int_equal(r.rcode, NOERROR);
		assert_int_equal(r.n[1], 3);
		assert_false(r.rd);
		reply_free(&r);
	}
}

static void other_edns_versions_are_told_ours(void **state)
{
	struct msg m = ask("www.example.com", A);
	struct reply r;

	(void)state;
	add_opt(&m, 1232, 1, 0, 3); /* whose options are not ours to read */
	add8(&m, 1);
	add16(&m, 1);
	r = reply_to(&m);
	assert_int_equal(r.rcode, BADVERS);
	assert_int_equal(r.version, 0);
	assert_int_equal(r.n[1] + r.n[2], 0);
	assert_false(r.aa);
	reply_free(&r);
}

static void unknown_options_are_ignored_and_malformed_ones_are_not(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	add_opt(&m, 1232, 0, 0, 9);
	add16(&m, 65001);
	add16(&m, 1);
	add8(&m, 9);
	add16(&m, 3);
	add16(&m, 0);
	expect(&m, NOERROR, 1);
	m.b[m.len - 1] = 1; /* the last option claims a byte more */
	expect(&m, FORMERR, 1);
	m = ask("www.example.com", A);
	add_opt(&m, 1232, 0, 0, 3);
	add8(&m, 0);
	add16(&m, 0);
	expect(&m, FORMERR, 1);
}

static void there_is_one_opt_and_its_owner_is_the_root(void **state)
{
	struct msg m = ask("www.example.com", A);

	(void)state;
	add_opt(&m, 1232, 0, 0, 0);
	add_opt(&m, 1232, 0, 0, 0);
	expect(&m, FORMERR, 1);
	m = ask("www.example.com", A);
	m.b[11] = 1;
	add16(&m, 0xc00c);
	add16(&m, 41);
	add16(&m, 1232);
	for (int k = 0; k < 3; k++)
		add16(&m, 0);
	expect(&m, FORMERR, 1);
}

static void other_additional_records_are_passed_over(void **state)
{
	struct msg m = ask("www.example.com", A);
	struct reply r;

	(void)state;
	m.b[11] = 1;
	add16(&m, 0xc010);
	add16(&m, TXT);
	add16(&m, 1);
	add16(&m, 0);
	add16(&m, 0);
	add16(&m, 2);
	add16(&m, 0x0141);
	add_opt(&m, 1232, 0, 0, 0);
	r = reply_to(&m);
	assert_int_equal(r.rcode, NOERROR);
	assert_true(r.edns);
	reply_free(&r);
	m.b[m.len - 11 - 14 + 1] = 0x80; /* its owner now points forwards */
	expect(&m, FORMERR, 1);
}

/* Asks for name with an OPT of this size (-1: without OPT). */
static void expect_cut(const char *name, int size, bool cut)
{
	struct msg m = ask(name, A);
	struct reply r;

	if (size >= 0)
		add_opt(&m, (unsigned)size, 0, 0, 0);
	r = reply_to(&m);
	assert_int_equal(r.tc, cut);
	if (cut) {
		assert_int_equal(r.n[1] + r.n[2], 0);
		assert_int_equal(r.len, m.len);
	}
	assert_true(r.len <= (size < 512 ? 512 : (size_t)size));
	reply_free(&r);
}

static void answers_that_do_not_fit_are_cut_to_the_question(void **state)
{
	int fits = 12 + 17 + 4 + 11 + WORLD_BIG * 16;

	(void)state;
	expect_cut("big.example.com", -1, true);
	expect_cut("big.example.com", 512, true);
	expect_cut("big.example.com", fits - 1, true);
	expect_cut("big.example.com", fits, false);
	expect_cut("big.example.com", 65535, false);
	expect_cut("huge.example.com", 65535, true);
}

static void sizes_below_512_mean_512(void **state)
{
	(void)state;
	expect_cut("www.example.com", 0, false);
	expect_cut("www.example.com", 40, false);
	expect_cut("big.example.com", 511, true);
}

static void flags_that_are_not_ours_to_set_stay_clear(void **state)
{
	struct msg m = ask("www.example.com", A);
	struct reply r;

	(void)state;
	m.b[2] |= 0x06; /* AA and TC in a query mean nothing */
	m.b[3] = 0xff;  /* RA, Z, AD, CD and an rcode neither */
	r = reply_to(&m);
	assert_int_equal(out[3], 0);
	assert_false(r.tc);
	reply_free(&r);
}

static int setup(void **state)
{
	struct world *w = world_new();

	(void)state;
	zones = world_build(&w->view);
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
		cmocka_unit_test(responses_and_scraps_get_no_answer),
		cmocka_unit_test(every_truncation_is_a_format_error),
		cmocka_unit_test(other_opcodes_are_not_implemented),
		cmocka_unit_test(there_is_one_question),
		cmocka_unit_test(a_query_has_neither_answers_nor_authority),
		cmocka_unit_test(nothing_may_follow_the_last_record),
		cmocka_unit_test(a_question_may_not_be_compressed),
		cmocka_unit_test(labels_have_63_and_names_255_bytes),
		cmocka_unit_test(other_classes_are_refused),
		cmocka_unit_test(opt_is_answered_only_when_asked_with),
		cmocka_unit_test(other_edns_versions_are_told_ours),
		cmocka_unit_test(unknown_options_are_ignored_and_malformed_ones_are_not),
		cmocka_unit_test(there_is_one_opt_and_its_owner_is_the_root),
		cmocka_unit_test(other_additional_records_are_passed_over),
		cmocka_unit_test(answers_that_do_not_fit_are_cut_to_the_question),
		cmocka_unit_test(sizes_below_512_mean_512),
		cmocka_unit_test(flags_that_are_not_ours_to_set_stay_clear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
