/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which names of a zone exist, and what answers for those that do not: wildcards (RFC 4592), empty
 * non-terminals (RFC 8020), delegations and glue (RFC 1034, 9471), aliases. */
#include "zonefile.h"

#define NO "example.com SOA ns1.example.com hostmaster.example.com 7;"

static struct zonefile z;

static void wildcards_answer_for_names_that_do_not_exist(void **state)
{
	(void)state;
	zonefile_open(&z, APEX "*.wild A 192.0.2.1\n*.wild TXT t\nhost.wild A 192.0.2.2\n"
			       "a.host.wild A 192.0.2.3\n_tcp.ent.wild A 192.0.2.4\n"
			       "*.chain CNAME x.wild\n");
	says(&z, "x.wild.example.com", A, "0 aa | x.wild.example.com A 192.0.2.1; | |");
	says(&z, "a.b.wild.example.com", A, "0 aa | a.b.wild.example.com A 192.0.2.1; | |");
	says(&z, "x.wild.example.com", AAAA, "0 aa | | " NO " |");
	says(&z, "*.wild.example.com", A, "0 aa | *.wild.example.com A 192.0.2.1; | |");
	says(&z, "wild.example.com", A, "0 aa | | " NO " |");
	says(&z, "host.wild.example.com", TXT, "0 aa | | " NO " |");
	says(&z, "b.host.wild.example.com", A, "3 aa | | " NO " |");
	says(&z, "ent.wild.example.com", A, "0 aa | | " NO " |");
	says(&z, "x.ent.wild.example.com", A, "3 aa | | " NO " |");
	says(&z, "1.chain.example.com", A,
	     "0 aa | 1.chain.example.com CNAME x.wild.example.com; x.wild.example.com A 192.0.2.1; "
	     "| |");
	zonefile_close(&z);
}

static void delegations_are_referrals_with_glue(void **state)
{
	static const char sub[] = "0 | | sub.example.com NS ns1.example.com; sub.example.com NS "
				  "ns.sub.example.com; | ns.sub.example.com A 192.0.2.9; "
				  "ns.sub.example.com AAAA 2001:db8::9;";

	(void)state;
	zonefile_open(&z, APEX "sub NS ns.sub\nsub NS ns1\nns.sub A 192.0.2.9\n"
			       "ns.sub AAAA 2001:db8::9\nsub DS 1 13 2 "
			       "0000000000000000000000000000000000000000000000000000000000000000\n"
			       "deep.er.sub TXT hidden\nout NS ns.example.net.\n"
			       "low.out A 192.0.2.8\nalias CNAME www.sub\n");
	says(&z, "sub.example.com", A, sub);
	says(&z, "www.sub.example.com", A, sub);
	says(&z, "ns.sub.example.com", A, sub);
	says(&z, "deep.er.sub.example.com", TXT, sub);
	says(&z, "sub.example.com", NS, sub);
	says(&z, "x.out.example.com", A, "0 | | out.example.com NS ns.example.net; |");
	says(&z, "alias.example.com", A,
	     "0 aa | alias.example.com CNAME www.sub.example.com; | sub.example.com NS "
	     "ns1.example.com; sub.example.com NS ns.sub.example.com; | ns.sub.example.com A "
	     "192.0.2.9; ns.sub.example.com AAAA 2001:db8::9;");
	says(&z, "sub.example.com", 43,
	     "0 aa | sub.example.com TYPE \\000\\001\\013\\002\\000\\000\\000\\000\\000\\000\\000\\000"
	     "\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000"
	     "\\000\\000\\000\\000\\000\\000; | |");
	says(&z, "out.example.com", 43, "0 aa | | " NO " |");
	says(&z, "example.com", NS, "0 aa | example.com NS ns1.example.com; | |");
	zonefile_close(&z);
}

static void aliases_are_followed_within_the_zone(void **state)
{
	(void)state;
	zonefile_open(&z, APEX "a CNAME b\nb CNAME c\nc A 192.0.2.1\nout CNAME example.net.\n"
			       "gone CNAME nothing\n1 CNAME 2\n2 CNAME 1\n");
	says(&z, "a.example.com", A,
	     "0 aa | a.example.com CNAME b.example.com; b.example.com CNAME c.example.com; "
	     "c.example.com A 192.0.2.1; | |");
	says(&z, "a.example.com", TXT,
	     "0 aa | a.example.com CNAME b.example.com; b.example.com CNAME c.example.com; | " NO
	     " |");
	says(&z, "a.example.com", CNAME, "0 aa | a.example.com CNAME b.example.com; | |");
	says(&z, "out.example.com", A, "0 aa | out.example.com CNAME example.net; | |");
	says(&z, "gone.example.com", A,
	     "3 aa | gone.example.com CNAME nothing.example.com; | " NO " |");
	says(&z, "1.example.com", A,
	     "0 aa | 1.example.com CNAME 2.example.com; 2.example.com CNAME 1.example.com; | |");
	zonefile_close(&z);
}

static void every_type_is_answered(void **state)
{
	(void)state;
	zonefile_open(&z, APEX "@ MX 10 mail\n@ TXT \"a b\" \"c\"\n_sip._tcp SRV 1 2 5060 sip\n"
			       "@ CAA 0 issue \"ca.example\"\nwww HTTPS 1 . alpn=h2\n"
			       "1 PTR host\n");
	says(&z, "example.com", 15,
	     "0 aa | example.com TYPE \\000\\010\\004mail\\007example\\003com"
	     "\\000; | |");
	says(&z, "example.com", TXT, "0 aa | example.com TXT \\003a\\032b\\001c; | |");
	says(&z, "_sip._tcp.example.com", 33,
	     "0 aa | _sip._tcp.example.com TYPE \\000\\001\\000\\002\\019\\196\\003sip\\007example"
	     "\\003com\\000; | |");
	says(&z, "example.com", 257, "0 aa | example.com TYPE \\000\\005issueca.example; | |");
	says(&z, "www.example.com", 65,
	     "0 aa | www.example.com TYPE "
	     "\\000\\001\\000\\000\\001\\000\\003\\002h2; | |");
	zonefile_close(&z);
}

/* What a zone file says wrong, and what is said of it. */
static void bad_files_are_refused_with_a_line(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "has no SOA at its name" },
		{ "@ NS ns1\n", "has no SOA at its name" },
		{ SOA_LINE, "has no NS at its name" },
		{ APEX "@ SOA ns1 x 8 1 1 1 1\n", "has more than one SOA" },
		{ APEX "a A 192.0.2.300\n", "line 4: " },
		{ APEX "\n\na BOGUS x\n", "line 6: " },
		{ APEX "a.example.net. A 192.0.2.1\n",
		  "line 4: a.example.net. is not in the zone" },
		{ APEX "a CLASS3 TXT x\n", "line 4: unsupported record type" },
		{ APEX "a CNAME b\na A 192.0.2.1\n",
		  "a.example.com. has a CNAME and other records" },
		{ APEX "a CNAME b\na CNAME c\n", "a.example.com. has more than one CNAME" },
		{ APEX "a DNAME b\n", "line 4: a.example.com. has a DNAME" },
		{ APEX "a NSEC b A\n", "line 4: a.example.com. has a record of a signed zone" },
		{ APEX "$INCLUDE /etc/passwd\n", "line 4: $INCLUDE is not known here" },
		{ APEX "a TXT \"open\n", "line 4: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct weir_err err = { .text = "" };

		assert_null(weir_zone_file_parse("example.com", bad[i].text, strlen(bad[i].text),
						 &err));
		if (!strstr(err.text, bad[i].why))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].why);
	}
}

static void sets_have_one_ttl_and_each_record_once(void **state)
{
	struct msg m = ask("a.example.com", A);
	uint8_t out[512];
	struct reply r;

	(void)state;
	zonefile_open(&z, APEX "a 300 A 192.0.2.1\na 60 A 192.0.2.2\na 90 A 192.0.2.1\n");
	assert_true(read_reply(&r, out,
			       world_answer(z.zones, m.b, m.len, false, 0, out, sizeof(out)), &m));
	assert_int_equal(r.n[1], 2);
	assert_string_equal(r.lines[0], "a.example.com 60 A 192.0.2.1");
	assert_string_equal(r.lines[1], "a.example.com 60 A 192.0.2.2");
	reply_free(&r);
	zonefile_close(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards_answer_for_names_that_do_not_exist),
		cmocka_unit_test(delegations_are_referrals_with_glue),
		cmocka_unit_test(aliases_are_followed_within_the_zone),
		cmocka_unit_test(every_type_is_answered),
		cmocka_unit_test(bad_files_are_refused_with_a_line),
		cmocka_unit_test(sets_have_one_ttl_and_each_record_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
