/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries that the kernel answers, by the packet program and by the tc program: every byte of the
 * frame that leaves, and which messages go on instead. Their packets: test_dns_packet.c. */
#include "dns_bed.h"

#include <unistd.h>

static struct dns_hot hot; /* four addresses of www.example.org */

static int entries(void **state)
{
	dns_reset(state);
	hot = dns_put_www();
	return 0;
}

static void a_question_is_answered(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);

	(void)state;
	dns_answers(&q, &hot);
	q.b[2] = 0; /* no RD */
	dns_answers(&q, &hot);
}

/* Of all CPUs. */
static uint64_t hits_of(uint32_t hits)
{
	static struct weir_dns_hits on;
	int fd = bpf_map__fd(plane->skel->maps.weir_dns_hits);
	uint64_t sum = 0;

	for (uint32_t cpu = 0; !bpf_map_lookup_elem(fd, &cpu, &on); cpu++)
		sum += on.of[hits];
	return sum;
}

static void an_answer_is_counted_where_its_entry_says(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);
	struct dns_msg other = dns_query("nobody.example.org", DNS_A);
	struct dns_msg large = dns_edns(q, 1232, 1);

	(void)state;
	hot.value.hits = WEIR_MAX_HOT_ANSWERS - 1;
	dns_put(&hot);
	for
		EACH_ROAD(r)
	dns_answered(dns_frame(&q, r->v6), r);
	assert_int_equal(hits_of(WEIR_MAX_HOT_ANSWERS - 1), 4);
	dns_all_end(&other, WEIR_DNS_PASS_NAME);
	hot.value.hits = 77;
	dns_put(&hot);
	dns_answers(&large, &hot);
	assert_int_equal(hits_of(WEIR_MAX_HOT_ANSWERS - 1), 4);
	assert_int_equal(hits_of(77), 4);
}

static void its_letters_come_back_as_they_came(void **state)
{
	struct dns_msg q = dns_query("wWw.ExAmPlE.oRG", DNS_A);

	(void)state;
	dns_answers(&q, &hot);
	q = dns_query("WWW.EXAMPLE.ORG", DNS_A);
	dns_answers(&q, &hot);
}

static void other_names_types_and_classes_go_on(void **state)
{
	static const char *const names[] = { "ww.example.org",     "wwww.example.org",
					     "www.example.orh",    "vww.example.org",
					     "a.www.example.org",  "org",
					     "WwW.example\x2eorf", "www.example.org.org" };
	struct dns_msg q;

	(void)state;
	for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		q = dns_query(names[i], DNS_A);
		dns_all_end(&q, WEIR_DNS_PASS_NAME);
	}
	q = dns_query("www.example.org", DNS_AAAA);
	dns_all_end(&q, WEIR_DNS_PASS_NAME);
	q = dns_query("www.example.org", DNS_A);
	q.b[q.len - 1] = 3;
	dns_all_end(&q, WEIR_DNS_PASS_ODD);
}

/* The bytes that differ from letters by the bit that makes them lower case. */
static void only_letters_have_a_case(void **state)
{
	static const char from[] = "@[\\]^_`{|}~", to[] = "`{|}~\x7f@[\\]^";
	struct dns_hot h = dns_hot(from, DNS_A);
	struct dns_msg q = dns_query(to, DNS_A), same = dns_query(from, DNS_A);

	(void)state;
	dns_rotated(&h, 1);
	dns_put(&h);
	dns_all_end(&q, WEIR_DNS_PASS_NAME);
	dns_answers(&same, &h);
	h = dns_hot("\xc1\xda\x80\xff\xe1z", DNS_A);
	dns_rotated(&h, 1);
	dns_put(&h);
	q = dns_query("\xc1\xda\x80\xff\xe1Z", DNS_A);
	dns_answers(&q, &h);
	q = dns_query("\xe1\xfa\x80\xff\xe1Z", DNS_A);
	dns_all_end(&q, WEIR_DNS_PASS_NAME);
}

/* Names of every length that is answered, so that their ends lie at every place of a word, with OPT
 * and without; and the first one that is too long. */
static void names_of_every_length_are_answered(void **state)
{
	char name[160] = "";

	(void)state;
	for (uint32_t len = 1; len + 2 < WEIR_HOT_NAME; len++) {
		struct dns_msg q;
		struct dns_hot h;

		strcat(name, len % 40 == 39 && len + 3 < WEIR_HOT_NAME ? "." : "a");
		if (name[len - 1] == '.')
			continue;
		h = dns_hot(name, DNS_A);
		assert_int_equal(h.value.name_len, len + 2);
		dns_weighted(&h, 3);
		dns_put(&h);
		q = dns_query(name, DNS_A);
		dns_answers(&q, &h);
		q = dns_edns(q, 1232, len & 1);
		dns_answers(&q, &h);
	}
	strcat(name, "aa");
	dns_all_end(&(struct dns_msg[]){ dns_query(name, DNS_A) }[0], WEIR_DNS_PASS_NAME);
}

/* Answers of every length that a choice can have, from one record on. */
static void answers_of_every_length_are_copied_whole(void **state)
{
	(void)state;
	for (uint32_t len = 12; len <= WEIR_HOT_BLOB - 80; len += len < 60 ? 1 : 61) {
		struct dns_hot h = dns_hot("text.example.org", DNS_TXT);
		struct dns_msg q = dns_query("Text.Example.org", DNS_TXT), m = { 0 };
		uint8_t data[WEIR_HOT_BLOB];

		for (uint32_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(i * 7 + len);
		dns_record(&m, 12, DNS_TXT, 5, data, (uint16_t)(len - 12));
		dns_choice(&h, 0xffffffff, &m, 1, 0);
		dns_put(&h);
		q = dns_edns(q, 1232, 0);
		dns_answers(&q, &h);
	}
}

static void opt_is_understood(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A), e = dns_edns(q, 4096, 1);
	static const uint8_t nsid[] = { 0, 3, 0, 0 };
	uint32_t opt = dns_question_end(&q);

	(void)state;
	dns_answers(&e, &hot);
	e = dns_edns(q, 0, 0);
	dns_answers(&e, &hot);
	e = dns_append(e, nsid, sizeof(nsid));
	e.b[opt + 10] = sizeof(nsid);
	dns_all_end(&e, WEIR_DNS_PASS_ODD);
	for (uint32_t at = 0; at < 11; at++) { /* what each byte says when it is another one */
		int size = at == 3 || at == 4, flags = at == 7 || at == 8, rcode = at == 5;

		e = dns_edns(q, 512, 0);
		e.b[opt + at] ^= 0x40;
		if (size || flags || rcode)
			dns_answers(&e, &hot);
		else
			dns_all_end(&e, WEIR_DNS_PASS_ODD);
	}
	e = dns_edns(dns_edns(q, 512, 0), 512, 0);
	dns_all_end(&e, WEIR_DNS_PASS_ODD);
}

static void what_is_no_plain_question_goes_on_or_ends(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A), m;

	(void)state;
	for (int opcode = 1; opcode < 16; opcode++)
		dns_all_end(&(struct dns_msg[]){ dns_byte(q, 2, opcode << 3) }[0],
			    WEIR_DNS_PASS_ODD);
	m = dns_byte(q, 2, 0x80);
	dns_all_end(&m, WEIR_DNS_DROP_RESPONSE);
	m = dns_byte(q, 5, 0);
	dns_all_end(&m, WEIR_DNS_DROP_COUNTS);
	m = dns_byte(q, 5, 2);
	dns_all_end(&m, WEIR_DNS_DROP_COUNTS);
	m = dns_byte(q, 7, 1);
	dns_all_end(&m, WEIR_DNS_DROP_COUNTS);
	m = dns_byte(q, 9, 1);
	dns_all_end(&m, WEIR_DNS_PASS_ODD);
	m = dns_byte(q, 11, 1);
	dns_all_end(&m, WEIR_DNS_PASS_ODD);
	m = dns_byte(q, 12, 64);
	dns_all_end(&m, WEIR_DNS_DROP_NAME);
	m = dns_append(q, "x", 1);
	dns_all_end(&m, WEIR_DNS_PASS_ODD);
	m = q;
	m.len = 17 - 1;
	dns_all_end(&m, WEIR_DNS_DROP_SHORT);
	while (m.len < q.len - 1) {
		m.len++;
		dns_all_end(&m, WEIR_DNS_DROP_NAME);
	}
}

static void what_does_not_fit_goes_on(void **state)
{
	struct dns_hot h = dns_hot("many.example.org", DNS_A);
	struct dns_msg q = dns_query("many.example.org", DNS_A), e;
	uint32_t whole;

	(void)state;
	dns_rotated(&h, 30); /* 480 bytes behind 34 */
	dns_put(&h);
	whole = dns_question_end(&q) + 480;
	assert_true(whole > 512);
	dns_all_end(&q, WEIR_DNS_PASS_SIZE);
	e = dns_edns(q, (uint16_t)(whole + 11), 0);
	dns_answers(&e, &h);
	e = dns_edns(q, (uint16_t)(whole + 10), 0);
	dns_all_end(&e, WEIR_DNS_PASS_SIZE);
	h = dns_hot("many.example.org", DNS_TXT);
	e = (struct dns_msg){ 0 };
	dns_record(&e, 12, DNS_TXT, 1, h.value.blob, 1232 - 11 - 34 - 12 + 1);
	dns_choice(&h, 0xffffffff, &e, 1, 0);
	dns_put(&h);
	e = dns_edns(dns_query("many.example.org", DNS_TXT), 4096, 0);
	dns_all_end(&e, WEIR_DNS_PASS_SIZE);
	h.value.choice[0].len--;
	dns_put(&h);
	dns_answers(&e, &h);
}

static void choices_follow_their_chances(void **state)
{
	const uint32_t n = 60000;
	struct dns_hot h = dns_hot("pool.example.org", DNS_A);
	struct dns_msg q = dns_query("pool.example.org", DNS_A);

	(void)state;
	dns_weighted(&h, 7);
	dns_put(&h);
	for
		EACH_ROAD(r)
		{
			uint32_t got[WEIR_HOT_CHOICES] = { 0 };
			double chi = 0;

			for (uint32_t i = 0; i < n / 4; i++) {
				struct pkt in = dns_frame(&q, r->v6), out;
				struct dns_msg m;

				assert_int_equal(dns_run(&in, &out, r->tc), XDP_TX);
				m = dns_open_answer(&in, &out, r->v6);
				got[dns_chosen(&m, &q, &h)]++;
			}
			for (uint32_t i = 0; i < h.value.n; i++) {
				double want = n / 4 * ((double)dns_chances(&h, i) / 4294967296.0);

				chi += (got[i] - want) * (got[i] - want) / want;
			}
			assert_true(chi < 27.9); /* 6 degrees of freedom: once in 10,000 */
		}
}

static void a_choice_with_no_chance_is_never_chosen(void **state)
{
	struct dns_hot h = dns_hot("pool.example.org", DNS_A);
	struct dns_msg q = dns_query("pool.example.org", DNS_A);

	(void)state;
	dns_weighted(&h, WEIR_HOT_CHOICES - 1);
	for (uint32_t i = 0; i < h.value.n; i++)
		h.value.upto[i] = i < 20 ? 0 : 0xffffffff;
	dns_put(&h);
	for
		EACH_ROAD(r)
		{
			for (uint32_t i = 0; i < 200; i++) {
				struct dns_msg m = dns_answered(dns_frame(&q, r->v6), r);

				assert_int_equal(dns_chosen(&m, &q, &h), 20);
			}
		}
}

static void signed_entries_are_for_those_who_ask(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A), off = dns_edns(q, 1232, 0),
		       on = dns_edns(q, 1232, 1);
	struct dns_hot with = dns_hot("www.example.org", DNS_A);

	(void)state;
	dns_weighted(&with, 2);
	with.key.dnssec_ok = 1;
	dns_put(&with);
	dns_answers(&on, &hot); /* not signed: the same for all */
	hot.value.flags |= WEIR_HOT_SIGNED;
	dns_put(&hot);
	dns_answers(&q, &hot);
	dns_answers(&off, &hot);
	dns_answers(&on, &with);
	dns_take_out(&with);
	dns_all_end(&on, WEIR_DNS_PASS_NAME);
}

static void denials_have_their_code_and_soa(void **state)
{
	struct dns_hot h = dns_hot("none.example.org", DNS_A);
	struct dns_msg q = dns_query("None.example.org", DNS_A), soa = { 0 };

	(void)state;
	dns_record(&soa, 17, DNS_SOA, 30, "\0\0aaaabbbbccccddddeeee", 22);
	dns_choice(&h, 0xffffffff, &soa, 0, 1);
	h.value.rcode = 3;
	dns_put(&h);
	dns_answers(&q, &h);
	h.value.rcode = 0;
	h.value.flags = 0; /* not authoritative */
	dns_put(&h);
	dns_answers(&q, &h);
}

static void an_entry_that_was_changed_meanwhile_is_not_sent(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);
	struct pkt p = dns_frame(&q, 0), out;

	(void)state;
	hot.value.first++; /* of another version than its end */
	dns_put(&hot);
	for (int tc = 0; tc < 2; tc++) {
		struct weir_count before[WEIR_DNS_REASON_COUNT];

		dns_counts(before);
		assert_int_equal(dns_run(&p, &out, tc), XDP_DROP);
		assert_int_equal(dns_counted(before), WEIR_DNS_DROP_CHANGED);
	}
}

static double time_of_runs(uint32_t *runs)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_false(bpf_obj_get_info_by_fd(plane_fd(plane), &info, &len));
	*runs = (uint32_t)info.run_cnt;
	return (double)info.run_time_ns;
}

/* What a run costs by the kernel's own clock, for people; the clock itself is in it. */
static void cost_of(const char *what, struct pkt in)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len);
	double best = 1e9;

	for (uint32_t round = 0; round < 20; round++) {
		uint32_t before, after;
		double ns = -time_of_runs(&before);

		for (int i = 0; i < 500; i++)
			assert_false(bpf_prog_test_run_opts(plane_fd(plane), &run));
		ns += time_of_runs(&after);
		if (after > before && ns / (after - before) < best)
			best = ns / (after - before);
	}
	print_message("# %s: %.0f ns\n", what, best);
}

static void each_answer_costs_little(void **state)
{
	struct dns_hot pool = dns_hot("pool.example.org", DNS_A);
	struct dns_msg four = dns_query("www.example.org", DNS_A),
		       one = dns_query("pool.example.org", DNS_A), e;
	struct flow f = flow_of(IPPROTO_UDP, CLIENT4, 5353, "192.0.2.54", 53);
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	(void)state;
	dns_weighted(&pool, 3);
	dns_put(&pool);
	cost_of("not for us", pkt_datagram(&f, four.b, four.len));
	cost_of("four addresses", dns_frame(&four, 0));
	cost_of("weighted CNAME", dns_frame(&one, 0));
	cost_of("weighted CNAME, IPv6", dns_frame(&one, 1));
	e = dns_edns(four, 1232, 0);
	cost_of("four addresses, EDNS", dns_frame(&e, 0));
	e = dns_edns(one, 1232, 1);
	cost_of("weighted CNAME, EDNS", dns_frame(&e, 0));
	e = dns_query("other.example.org", DNS_A);
	cost_of("another name, passed on", dns_frame(&e, 0));
	close(stats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, entries)
	const struct CMUnitTest tests[] = {
		TEST(a_question_is_answered),
		TEST(an_answer_is_counted_where_its_entry_says),
		TEST(its_letters_come_back_as_they_came),
		TEST(other_names_types_and_classes_go_on),
		TEST(only_letters_have_a_case),
		TEST(names_of_every_length_are_answered),
		TEST(answers_of_every_length_are_copied_whole),
		TEST(opt_is_understood),
		TEST(what_is_no_plain_question_goes_on_or_ends),
		TEST(what_does_not_fit_goes_on),
		TEST(choices_follow_their_chances),
		TEST(a_choice_with_no_chance_is_never_chosen),
		TEST(signed_entries_are_for_those_who_ask),
		TEST(denials_have_their_code_and_soa),
		TEST(an_entry_that_was_changed_meanwhile_is_not_sent),
		TEST(each_answer_costs_little),
	};

	bed_set = dns_set;
	return cmocka_run_group_tests(tests, dns_open, bed_close);
}
