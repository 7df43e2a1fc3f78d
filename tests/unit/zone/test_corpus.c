/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions of tests/dns/corpus, which follow the table of duties of an authoritative server
 * row by row: each file is a test, of which every answer is what is written there. The same files
 * are put to a running agent and to another server by tests/net/test_dns_corpus.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <glob.h>

#include "base/mem.h"
#include "corpus.h"
#include "zone/file.h"
#include "zone/zone.h"

#define FOLDER "tests/dns/corpus/"
#define NOW_S  1700000000u

static const char *const names[] = { "example.com", "sub.example.com", "other.test", "example" };
#define N_ZONES (sizeof(names) / sizeof(*names))

static struct weir_zone_file *files[N_ZONES];
static struct weir_zones *zones;
static uint8_t out[WEIR_DNS_MAX_SIZE];

/* --- an answer in the form of what is expected --- */

/* Names in data that may be compressed come first, behind so many bytes (RFC 3597, 4). */
static int names_in(unsigned type, size_t *before)
{
	*before = type == 15 ? 2 : 0;
	return type == SOA ? 2 : type == NS || type == CNAME || type == 12 || type == 15;
}

static void expand(const struct reply *r, size_t *at, struct msg *m)
{
	size_t pos = *at, end = 0;

	for (unsigned label; (label = r->b[pos]) != 0;) {
		if (label >= 0xc0) {
			end = end ? end : pos + 2;
			pos = get16(r->b + pos) & 0x3fff;
			continue;
		}
		memcpy(m->b + m->len, r->b + pos, label + 1);
		m->len += label + 1;
		pos += label + 1;
	}
	add8(m, 0);
	*at = end ? end : pos + 1;
}

/* Takes the record at *at apart, which read_reply() has found to be correct. False: it is OPT. */
static bool take_record(const struct reply *r, size_t *at, struct msg *m)
{
	size_t end, before, fixed;
	unsigned type;

	m->len = 0;
	expand(r, at, m);
	fixed = *at;
	type = get16(r->b + fixed);
	end = fixed + 10 + get16(r->b + fixed + 8);
	memcpy(m->b + m->len, r->b + fixed, 8);
	m->len += 8;
	*at = fixed + 10;
	for (int n = names_in(type, &before); n; n--, before = 0) {
		memcpy(m->b + m->len, r->b + *at, before);
		m->len += before;
		*at += before;
		expand(r, at, m);
	}
	memcpy(m->b + m->len, r->b + *at, end - *at);
	m->len += end - *at;
	*at = end;
	return type != 41;
}

/* --- is it what was expected? --- */

static unsigned wrong;

static void tell(const struct corpus_question *q, bool tcp, const char *what, const char *more)
{
	print_error("%s: %s (%s): %s%s\n", q->where, q->text, tcp ? "TCP" : "UDP", what, more);
	wrong++;
}

static void expect_number(const struct corpus_question *q, bool tcp, const char *what, unsigned got,
			  unsigned want)
{
	char text[64];

	if (got == want)
		return;
	snprintf(text, sizeof(text), " is %x, want %x", got, want);
	tell(q, tcp, what, text);
}

/* Each record of the answer is one of the expected ones that was not met yet. */
static void expect_sections(const struct corpus_question *q, bool tcp, const struct reply *r)
{
	static const char *const said[] = { "an answer", "authority", "an additional record" };
	bool met[3][CORPUS_RECORDS] = { { false } };
	struct msg *m = malloc(sizeof(*m));
	size_t at = r->n[0] ? 12 : 0;
	unsigned line = 0;

	while (at && r->b[at])
		at += 1u + r->b[at];
	at = at ? at + 5 : 12;
	for (unsigned s = 0; s < 3; s++)
		for (unsigned i = 0, k; i < r->n[s + 1]; i++) {
			if (!take_record(r, &at, m))
				continue;
			for (k = 0; k < q->n[s]; k++)
				if (!met[s][k] && q->records[s][k].len == m->len &&
				    !memcmp(q->records[s][k].wire, m->b, m->len))
					break;
			if (k < q->n[s])
				met[s][k] = true;
			else
				tell(q, tcp, "not expected: ", r->lines[line]);
			line++;
		}
	for (unsigned s = 0; s < 3; s++)
		for (unsigned k = 0; k < q->n[s] && !(r->tc && q->cut_udp); k++)
			if (!met[s][k])
				tell(q, tcp, "is missing: ", said[s]);
	free(m);
}

/* Whether a written option is that of code and data: ? is any digit. */
static bool is_option(const char *text, const uint8_t *option)
{
	size_t len = get16(option + 2);
	const char *p = strchr(text, ' ');
	char digits[3];

	p = p ? p + 1 : "";
	if ((unsigned)atoi(text) != get16(option) || strlen(p) != 2 * len)
		return false;
	for (size_t i = 0; i < 2 * len; i++) {
		snprintf(digits, sizeof(digits), "%02x", option[4 + i / 2]);
		if (p[i] != '?' && p[i] != digits[i % 2])
			return false;
	}
	return true;
}

static void expect_opt(const struct corpus_question *q, bool tcp, const struct reply *r)
{
	unsigned n = 0, k;

	expect_number(q, tcp, "OPT", r->edns, q->has_opt && !q->no_opt);
	if (!r->edns)
		return;
	expect_number(q, tcp, "EDNS version", r->version, 0);
	expect_number(q, tcp, "EDNS size", r->udp, 1232);
	expect_number(q, tcp, "DO", r->dnssec_ok, q->dnssec_ok);
	for (size_t at = 0; at < r->options_len; at += 4 + get16(r->options + at + 2), n++) {
		for (k = 0; k < q->n_options; k++)
			if (is_option(q->options[k], r->options + at))
				break;
		expect_number(q, tcp, "an option is not expected: it", get16(r->options + at),
			      k < q->n_options ? get16(r->options + at) : 0);
	}
	expect_number(q, tcp, "number of options", n, q->n_options);
}

static void expect_answer(const struct corpus_question *q, bool tcp, const struct reply *r)
{
	unsigned cut = !tcp && q->cut_udp ? 0x200 : 0;

	expect_number(q, tcp, "rcode", r->rcode, q->rcode);
	expect_number(q, tcp, "flags", get16(r->b + 2) & 0x07f0, q->flags | cut);
	expect_number(q, tcp, "number of questions", r->n[0], !q->no_question);
	expect_sections(q, tcp, r);
	expect_opt(q, tcp, r);
}

static void put_question(const struct corpus_question *q, bool tcp)
{
	struct weir_asker asker = {
		.client = weir_addr_v4("\300\0\2\1"), .random = 7, .now_s = NOW_S, .tcp = tcp
	};
	size_t cap = tcp ? WEIR_DNS_MAX_SIZE : WEIR_DNS_UDP_SIZE, len;
	struct weir_told told;
	struct reply r = { .n_lines = 0 };

	len = weir_zones_answer(zones, q->query.b, q->query.len, &asker, out, cap, &told);
	if (!len || q->silent)
		expect_number(q, tcp, "bytes of the answer", (unsigned)len, q->silent ? 0 : 12);
	else if (!read_reply(&r, out, len, &q->query))
		tell(q, tcp, "the answer cannot be read", "");
	else
		expect_answer(q, tcp, &r);
	reply_free(&r);
}

static void questions_of_a_file(void **state)
{
	struct corpus_question *q;
	struct corpus_file c;

	wrong = 0;
	corpus_open(&c, *state);
	while ((q = corpus_next(&c))) {
		if (q->udp)
			put_question(q, false);
		if (q->tcp)
			put_question(q, true);
		corpus_free(q);
	}
	corpus_close(&c);
	if (wrong)
		fail_msg("%u answers are not as written", wrong);
}

/* --- the zones --- */

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_true(getdelim(&text, &room, 0, f) > 0);
	fclose(f);
	return text;
}

static int setup(void **state)
{
	static const uint8_t secret[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const struct weir_self self = { "weir-1", "", secret };
	static struct weir_zone_conf conf[N_ZONES];
	static struct weir_model model = { .zones = conf, .n_zones = N_ZONES };
	struct weir_view view = { .model = &model };
	struct weir_err err = { .text = "" };

	(void)state;
	for (size_t i = 0; i < N_ZONES; i++) {
		char path[128], *text;

		snprintf(path, sizeof(path), FOLDER "zones/%s.zone", names[i]);
		text = read_file(path);
		conf[i].name = names[i];
		files[i] = weir_zone_file_parse(names[i], text, strlen(text), &err);
		free(text);
		if (!files[i]) {
			print_error("%s: %s\n", path, err.text);
			return -1;
		}
	}
	zones = weir_zones_build(&view, (const struct weir_zone_file *const *)files, &self, NULL,
				 NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_zones_free(zones);
	for (size_t i = 0; i < N_ZONES; i++)
		weir_zone_file_free(files[i]);
	return 0;
}

/* The first line of a file is what it is about. */
static char *title_of(const char *path)
{
	char line[256] = "";
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, sizeof(line), f))
		abort();
	fclose(f);
	line[strcspn(line, "\n")] = 0;
	return strdup(line + strspn(line, "# "));
}

int main(void)
{
	struct CMUnitTest tests[64] = { { 0 } };
	glob_t g;
	int rc;

	if (glob(FOLDER "*.txt", 0, NULL, &g) || g.gl_pathc > 64)
		abort();
	for (size_t i = 0; i < g.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = title_of(g.gl_pathv[i]),
						.test_func = questions_of_a_file,
						.initial_state = g.gl_pathv[i] };
	rc = _cmocka_run_group_tests("corpus", tests, g.gl_pathc, setup, teardown);
	for (size_t i = 0; i < g.gl_pathc; i++)
		free((char *)tests[i].name);
	globfree(&g);
	return rc;
}
