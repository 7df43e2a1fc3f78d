/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a validator finds in answers of signed zones (RFC 4035). */
#include "signed.h"
#include "zone/walk.h"

static const char *const file =
	"@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60\n@ 3600 NS ns1\n@ 3600 NS NS2\n"
	"ns1 300 A 192.0.2.53\n"
	"*.wild 300 A 192.0.2.1\n"
	"x.wild 300 TXT \"here\"\n"
	"deep.er.ent 300 A 192.0.2.2\n"
	"safe 300 NS ns.safe\nsafe 300 DS 1 13 2 "
	"0000000000000000000000000000000000000000000000000000000000000000\n"
	"ns.safe 300 A 192.0.2.3\n"
	"plain 300 NS ns.plain\nns.plain 300 A 192.0.2.4\n"
	"alias 300 CNAME deep.er.ent\nlost 300 CNAME nothing\n"
	"many 300 A 192.0.2.5\nmany 300 A 192.0.2.6\nmany 300 A 192.0.2.7\n"
	"mail 300 MX 10 MX.Example.Com.\n"
	"odd 300 TYPE65280 \\# 1 00\nodd 300 TYPE300 \\# 1 00\n";

/* The types in an NSEC of the reply that was judged last. */
static bool told(const struct signed_zones *s, const char *owner, unsigned type)
{
	struct msg m = { .len = 0 };
	const struct judge_rr *nsec;

	add_name(&m, owner);
	nsec = judge_nsec(&s->judged, m.b, false);
	assert_non_null(nsec);
	return judge_has(nsec, type);
}

static void every_kind_of_answer_holds(void **state)
{
	static const struct {
		const char *name;
		unsigned type;
	} q[] = {
		{ "example.com", SOA },         { "example.com", NS },
		{ "example.com", DNSKEY },      { "example.com", 59 },
		{ "example.com", A },           { "example.com", DS },
		{ "example.com", NSEC },        { "ns1.example.com", A },
		{ "ns1.example.com", AAAA },    { "ns1.example.com", NSEC },
		{ "a.wild.example.com", A },    { "a.b.wild.example.com", A },
		{ "a.wild.example.com", TXT },  { "*.wild.example.com", A },
		{ "*.wild.example.com", TXT },  { "x.wild.example.com", A },
		{ "y.x.wild.example.com", A },  { "er.ent.example.com", A },
		{ "ent.example.com", A },       { "safe.example.com", A },
		{ "safe.example.com", DS },     { "w.safe.example.com", A },
		{ "plain.example.com", A },     { "plain.example.com", DS },
		{ "w.plain.example.com", A },   { "alias.example.com", A },
		{ "alias.example.com", AAAA },  { "alias.example.com", CNAME },
		{ "lost.example.com", A },      { "nothing.example.com", A },
		{ "a.nothing.example.com", A }, { "zzz.example.com", A },
		{ "many.example.com", A },      { "many.example.com", ANY },
		{ "mail.example.com", 15 },     { "odd.example.com", 65280 },
		{ "odd.example.com", A },
	};
	struct signed_zones s;

	(void)state;
	signed_init(&s, 1, file);
	signed_build(&s);
	for (size_t i = 0; i < sizeof(q) / sizeof(*q); i++)
		holds(&s, q[i].name, q[i].type);
	holds(&s, "odd.example.com", A);
	assert_true(told(&s, "odd.example.com", 65280));
	assert_true(told(&s, "odd.example.com", 300));
	assert_false(told(&s, "odd.example.com", 65281));
	signed_fini(&s);
}

/* The judge is not one that finds all things good. */
static void a_byte_that_is_changed_is_found(void **state)
{
	static const char *const names[] = { "many.example.com", "nothing.example.com",
					     "a.wild.example.com", "plain.example.com" };
	static uint8_t out[WEIR_DNS_MAX_SIZE];
	struct signed_zones s;

	(void)state;
	signed_init(&s, 1, file);
	signed_build(&s);
	for (unsigned i = 0; i < 4; i++) {
		struct msg m = signed_ask(names[i], A, true);
		size_t len = signed_reply(s.zones, &m, 0, out);

		assert_true(judge(&s.judged, out, m.b + 12, A));
		for (unsigned k = 0; k < s.judged.n; k++) {
			const struct judge_rr r = s.judged.rrs[k];
			uint8_t *last = out + (r.data - out) + r.len - 1;

			if (r.type == J_OPT || r.section == 3 ||
			    (r.section == 2 && r.type == J_NS)) /* not signed */
				continue;
			*last ^= 1;
			assert_false(judge(&s.judged, out, m.b + 12, A));
			*last ^= 1;
			assert_true(judge(&s.judged, out, m.b + 12, A));
		}
		assert_true(len > 100);
	}
	signed_fini(&s);
}

static void a_name_between_two_of_the_file_is_in_the_chain(void **state)
{
	struct signed_zones s;

	(void)state;
	signed_init(&s, 1, file);
	world_addr(s.w, "mama.example.com", "192.0.2.99");
	world_addr(s.w, "zzzz.example.com", "192.0.2.99");
	world_addr(s.w, "up.er.ent.example.com", "192.0.2.99");
	world_addr(s.w, "er.ent.example.com", "2001:db8::99"); /* is empty in the file */
	signed_build(&s);
	holds(&s, "mama.example.com", A);
	holds(&s, "mama.example.com", AAAA);
	holds(&s, "mal.example.com", A);
	holds(&s, "man.example.com", A);
	holds(&s, "zzz.example.com", A);
	holds(&s, "zzzzz.example.com", A);
	holds(&s, "er.ent.example.com", A);
	holds(&s, "er.ent.example.com", AAAA);
	holds(&s, "ent.example.com", A);
	holds(&s, "v.er.ent.example.com", A);
	signed_fini(&s);
}

static void a_delegation_of_the_document_hides_what_the_file_has_below_it(void **state)
{
	static const uint8_t host[] = "\2ns\4wild\7example\3com";
	struct signed_zones s;
	struct weir_record *ns;

	(void)state;
	signed_init(&s, 1, file);
	ns = world_record(s.w, "wild.example.com", (enum weir_record_type)NS);
	ns->rdata = host;
	ns->rdata_bytes = sizeof(host);
	signed_build(&s);
	holds(&s, "wild.example.com", A);
	holds(&s, "wild.example.com", DS);
	holds(&s, "x.wild.example.com", TXT);
	holds(&s, "wilder.example.com", A); /* passes over all that is hidden */
	holds(&s, "wil.example.com", A);
	signed_fini(&s);
}

static void what_is_picked_has_a_signature_of_its_own(void **state)
{
	struct signed_zones s;

	(void)state;
	signed_init(&s, 1, NULL);
	world_member(s.w, "pool.example.com", "one.example.com", 1);
	world_member(s.w, "pool.example.com", "two.example.com", 2);
	world_member(s.w, "pool.example.com", "three.example.net", 1);
	world_addr(s.w, "one.example.com", "192.0.2.1");
	signed_build(&s);
	for (uint64_t i = 0; i < 64; i++)
		if (!signed_holds(&s, "pool.example.com", A, weir_mix64(i)))
			fail_msg("%s", s.judged.why);
	signed_fini(&s);
}

/* Records of a type in a section of the reply that was judged last, and the tag of the last. */
static unsigned count(const struct signed_zones *s, unsigned section, unsigned type, unsigned *tag)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->judged.n; i++) {
		const struct judge_rr *r = &s->judged.rrs[i];

		if (r->section != section || r->type != type)
			continue;
		n++;
		if (tag)
			*tag = (unsigned)(r->data[16] << 8 | r->data[17]);
	}
	return n;
}

static void keys_are_signed_by_keys_that_a_parent_vouches_for(void **state)
{
	struct signed_zones s;
	unsigned tag;

	(void)state;
	signed_init(&s, 1, NULL);
	signed_build(&s);
	holds(&s, "example.com", SOA);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 1);
	assert_int_equal(tag, 2);
	holds(&s, "example.com", DNSKEY);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 1);
	assert_int_equal(tag, 1);
	s.keys[0].key_keys[1] = &signed_tags[2]; /* two, during a roll-over */
	s.keys[0].n_key_keys = 2;
	signed_build(&s);
	holds(&s, "example.com", DNSKEY);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 2);
	assert_int_equal(tag, 11);
	holds(&s, "example.com", 59);
	assert_int_equal(count(&s, 1, RRSIG, NULL), 2);
	holds(&s, "example.com", SOA);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 1);
	assert_int_equal(tag, 2);
	signed_fini(&s);
}

static void ds_of_a_zone_of_ours_are_answered_by_its_parent(void **state)
{
	struct signed_zones s;
	unsigned tag;

	(void)state;
	signed_init(&s, 2, NULL);
	world_addr(s.w, "a.b.example.com", "192.0.2.1");
	world_addr(s.w, "c.example.com", "192.0.2.1");
	signed_build(&s);
	holds(&s, "b.example.com", DS);
	assert_int_equal(count(&s, 1, DS, NULL), 1);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 1);
	assert_int_equal(tag, 2); /* the parent's */
	holds(&s, "a.b.example.com", A);
	assert_int_equal(count(&s, 1, RRSIG, &tag), 1);
	assert_int_equal(tag, 12);
	holds(&s, "a.b.example.com", DS);
	holds(&s, "b.example.com", AAAA);
	holds(&s, "bb.example.com", A);
	s.of[1] = NULL; /* not signed: the parent says so */
	signed_build(&s);
	holds(&s, "b.example.com", DS);
	assert_int_equal(count(&s, 1, DS, NULL), 0);
	assert_true(told(&s, "b.example.com", NS));
	signed_fini(&s);
}

static void signatures_are_kept_of_what_is_as_it_was(void **state)
{
	struct weir_err err = { .text = "" };
	struct weir_zone_file *other;
	struct weir_file_sigs *sigs;
	struct signed_zones s;
	uint64_t n = 0;
	char text[2048];

	(void)state;
	signed_init(&s, 1, file);
	sigs = weir_zone_file_sign(s.file, s.file, s.file_sigs, JUDGE_UNTIL, signed_tags + 1,
				   judge_sign, &n);
	assert_int_equal(n, 0);
	assert_int_equal(sigs->n, s.file_sigs->n);
	assert_memory_equal(sigs->of, s.file_sigs->of, sigs->n * sizeof(*sigs->of));
	assert_int_equal(sigs->until_s, JUDGE_UNTIL);
	free(sigs);
	free(weir_zone_file_sign(s.file, s.file, s.file_sigs, JUDGE_UNTIL + 1, signed_tags + 1,
				 judge_sign, &n));
	assert_int_equal(n, s.file_sigs->n); /* they end too soon */
	/* One name more: its set, its NSEC and that of the name before it. */
	other = weir_zone_file_parse("example.com", text,
				     (size_t)sprintf(text, "%snew 300 A 192.0.2.9\n", file), &err);
	weir_zone_file_order(other);
	n = 0;
	sigs = weir_zone_file_sign(other, s.file, s.file_sigs, JUDGE_UNTIL, signed_tags + 1,
				   judge_sign, &n);
	assert_int_equal(n, 3);
	weir_zone_file_free(s.file);
	free(s.file_sigs);
	s.file = other;
	s.files[0] = other;
	s.keys[0].file = s.file_sigs = sigs;
	signed_build(&s);
	holds(&s, "new.example.com", A);
	holds(&s, "mail.example.com", A);
	holds(&s, "nf.example.com", A);
	signed_fini(&s);
}

static void what_does_not_fit_with_its_proof_is_cut(void **state)
{
	uint8_t out[WEIR_DNS_UDP_SIZE];
	struct signed_zones s;
	struct msg m = ask("a.nothing.example.com", A);
	struct reply r;

	(void)state;
	signed_init(&s, 1, file);
	signed_build(&s);
	add_opt(&m, 512, 0, 0x8000, 0);
	assert_true(
		read_reply(&r, out, world_answer(s.zones, m.b, m.len, false, 0, out, 1232), &m));
	assert_true(r.tc);
	assert_int_equal(r.n[2], 0);
	assert_int_equal(r.rcode, NXDOMAIN);
	reply_free(&r);
	m = signed_ask("a.nothing.example.com", A, true);
	m.b[3] |= 0x30; /* AD and CD */
	assert_true(
		read_reply(&r, out, world_answer(s.zones, m.b, m.len, false, 0, out, 1232), &m));
	assert_false(r.tc);
	assert_true(r.dnssec_ok);
	assert_int_equal(r.n[2], 6); /* SOA, two NSECs, signed; read_reply: no AD, no CD */
	reply_free(&r);
	signed_fini(&s);
}

static void signatures_and_nsec_can_be_asked_for(void **state)
{
	static const char *const names[] = { "many.example.com", "up.example.com",
					     "a.wild.example.com", "alias.example.com" };
	static uint8_t out[WEIR_DNS_MAX_SIZE];
	struct signed_zones s;

	(void)state;
	signed_init(&s, 1, file);
	world_addr(s.w, "up.example.com", "192.0.2.99");
	signed_build(&s);
	for (unsigned i = 0; i < 4; i++) {
		struct msg m = signed_ask(names[i], RRSIG, false);

		assert_true(signed_reply(s.zones, &m, 0, out));
		judge_read(&s.judged, out);
		assert_int_equal(count(&s, 1, RRSIG, NULL), 1);
		assert_int_equal(s.judged.n, 2); /* and OPT */
		holds(&s, names[i], NSEC);
		assert_int_equal(count(&s, 1, NSEC, NULL), 1);
	}
	signed_fini(&s);
}

static void what_signing_makes_is_in_no_zone_file(void **state)
{
	struct signed_zones s;
	struct weir_name apex;
	struct weir_walk walk;
	struct weir_walked r;
	unsigned n = 0;

	(void)state;
	signed_init(&s, 1, file);
	world_addr(s.w, "up.example.com", "192.0.2.99");
	signed_build(&s);
	assert_true(weir_name_parse("example.com", &apex));
	weir_walk_begin(&walk, s.zones, weir_zones_zone(s.zones, &apex), false);
	for (; weir_walk_next(&walk, &r); n++)
		assert_false(r.type == NSEC || r.type == DNSKEY || r.type == 59 || r.type == 60 ||
			     r.type == RRSIG);
	assert_true(n > 10);
	signed_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_answer_holds),
		cmocka_unit_test(a_byte_that_is_changed_is_found),
		cmocka_unit_test(a_name_between_two_of_the_file_is_in_the_chain),
		cmocka_unit_test(a_delegation_of_the_document_hides_what_the_file_has_below_it),
		cmocka_unit_test(what_is_picked_has_a_signature_of_its_own),
		cmocka_unit_test(keys_are_signed_by_keys_that_a_parent_vouches_for),
		cmocka_unit_test(ds_of_a_zone_of_ours_are_answered_by_its_parent),
		cmocka_unit_test(signatures_are_kept_of_what_is_as_it_was),
		cmocka_unit_test(what_does_not_fit_with_its_proof_is_cut),
		cmocka_unit_test(signatures_and_nsec_can_be_asked_for),
		cmocka_unit_test(what_signing_makes_is_in_no_zone_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
