/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EDNS options: what a client asks for in OPT and what it is told (RFC 5001, 7828, 7871, 7873,
 * 9018, 4892). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "asked.h"
#include "wire.h"

static struct weir_zones *zones;
static struct weir_model model;
static struct weir_zone_conf zone;
static const char *ns = "ns.example.com";
static uint8_t out[WEIR_DNS_UDP_SIZE];
static struct reply r;
static size_t answer_len;

/* RFC 9018, A.1. */
static const uint8_t secret[16] = { 0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
				    0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf };
static const uint8_t cookie[24] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
				    0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0x9f, 0x11,
				    0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80 };
#define COOKIE_AT 1559731985u

static struct weir_asker asker(void)
{
	struct weir_asker a = { .now_s = COOKIE_AT };

	weir_addr_parse("198.51.100.100", &a.client);
	return a;
}

/* Sends a query with one option; r is its reply. Returns its rcode. */
static unsigned ask_with(const struct weir_asker *who, unsigned code, const void *data, size_t len)
{
	struct msg m = ask("example.com", A);
	struct weir_told told;

	reply_free(&r);
	add_opt(&m, 1232, 0, 0, (unsigned)len + 4);
	add16(&m, code);
	add16(&m, (unsigned)len);
	memcpy(m.b + m.len, data, len);
	m.len += len;
	answer_len = weir_zones_answer(zones, m.b, m.len, who, out, sizeof(out), &told);
	assert_true(read_reply(&r, out, answer_len, &m));
	return r.rcode;
}

/* The data of an option of the reply, NULL: it has none. */
static const uint8_t *option(unsigned code, size_t *len)
{
	for (size_t at = 0; at + 4 <= r.options_len; at += 4 + *len) {
		*len = get16(r.options + at + 2);
		if (get16(r.options + at) == code)
			return r.options + at + 4;
	}
	return NULL;
}

static void a_new_client_gets_a_cookie_that_other_servers_would_make(void **state)
{
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	assert_int_equal(ask_with(&who, 10, cookie, 8), NOERROR);
	got = option(10, &len);
	assert_non_null(got);
	assert_int_equal(len, sizeof(cookie));
	assert_memory_equal(got, cookie, sizeof(cookie));
}

static void a_good_cookie_is_kept_for_half_an_hour(void **state)
{
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	who.now_s = COOKIE_AT + 1800;
	ask_with(&who, 10, cookie, sizeof(cookie));
	got = option(10, &len);
	assert_memory_equal(got, cookie, sizeof(cookie));
	who.now_s++;
	ask_with(&who, 10, cookie, sizeof(cookie));
	got = option(10, &len);
	assert_memory_not_equal(got, cookie, sizeof(cookie));
	assert_memory_equal(got, cookie, 8);
}

static void a_cookie_of_another_address_is_replaced(void **state)
{
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	weir_addr_parse("198.51.100.101", &who.client);
	assert_int_equal(ask_with(&who, 10, cookie, sizeof(cookie)), NOERROR);
	got = option(10, &len);
	assert_memory_not_equal(got, cookie, sizeof(cookie));
}

static void cookies_of_a_wrong_length_are_format_errors(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct weir_asker who = asker();

	(void)state;
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(ask_with(&who, 10, bytes, len),
				 len == 8 || (len >= 16 && len <= 40) ? NOERROR : FORMERR);
}

static void a_server_names_itself_when_asked(void **state)
{
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	ask_with(&who, 3, "", 0);
	got = option(3, &len);
	assert_int_equal(len, 6);
	assert_memory_equal(got, "node-1", 6);
	ask_with(&who, 65001, "", 0);
	assert_null(option(3, &len));
}

static void idle_time_is_told_over_tcp_alone(void **state)
{
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	assert_int_equal(ask_with(&who, 11, "", 0), NOERROR);
	assert_null(option(11, &len));
	who.tcp = true;
	ask_with(&who, 11, "", 0);
	got = option(11, &len);
	assert_int_equal(len, 2);
	assert_int_equal(get16(got), 100);
	assert_int_equal(ask_with(&who, 11, "xx", 2), FORMERR);
}

static void answers_are_padded_over_tls_alone(void **state)
{
	struct weir_asker who = asker();
	size_t len, before;

	(void)state;
	who.tcp = true;
	ask_with(&who, 12, "", 0);
	assert_null(option(12, &len));
	before = answer_len;
	who.tls = true;
	assert_int_equal(ask_with(&who, 12, "xyz", 3), NOERROR);
	assert_non_null(option(12, &len));
	assert_int_equal(answer_len, 468);
	assert_int_equal(len, 468 - before - 4);
	ask_with(&who, 65001, "", 0);
	assert_null(option(12, &len));
	assert_int_equal(answer_len, before);
}

static void a_subnet_that_nothing_depends_on_has_scope_0(void **state)
{
	static const uint8_t sent[] = { 0, 1, 24, 0, 192, 0, 2 };
	struct weir_asker who = asker();
	const uint8_t *got;
	size_t len;

	(void)state;
	assert_int_equal(ask_with(&who, 8, sent, sizeof(sent)), NOERROR);
	got = option(8, &len);
	assert_int_equal(len, sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
}

static void malformed_subnets_are_format_errors(void **state)
{
	static const struct {
		size_t len;
		uint8_t bytes[8];
		unsigned rcode;
	} cases[] = {
		{ 4, { 0, 1, 0, 0 }, NOERROR },
		{ 3, { 0, 1, 0 }, FORMERR },
		{ 6, { 0, 1, 24, 0, 192, 0 }, FORMERR },
		{ 8, { 0, 1, 24, 0, 192, 0, 2, 0 }, FORMERR },
		{ 7, { 0, 1, 23, 0, 192, 0, 3 }, FORMERR },
		{ 7, { 0, 1, 23, 0, 192, 0, 2 }, NOERROR },
		{ 7, { 0, 1, 24, 24, 192, 0, 2 }, FORMERR },
		{ 8, { 0, 1, 33, 0, 192, 0, 2, 0 }, FORMERR },
		{ 7, { 0, 2, 24, 0, 0x20, 1, 0x0d }, NOERROR },
		{ 4, { 0, 2, 129, 0 }, FORMERR },
		{ 4, { 0, 9, 0, 0 }, NOERROR },
	};
	struct weir_asker who = asker();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(ask_with(&who, 8, cases[i].bytes, cases[i].len), cases[i].rcode);
}

static void the_version_is_told_in_class_chaos_if_it_is_configured(void **state)
{
	static const struct {
		const char *name;
		unsigned type, rcode;
		const char *line;
	} cases[] = {
		{ "version.bind", TXT, NOERROR, "version.bind 0 TXT \\004weir" },
		{ "VERSION.server", TXT, NOERROR, "VERSION.server 0 TXT \\004weir" },
		{ "id.server", TXT, NOERROR, "id.server 0 TXT \\006node-1" },
		{ "hostname.bind", TXT, NOERROR, "hostname.bind 0 TXT \\006node-1" },
		{ "version.bind", A, REFUSED, NULL },
		{ "authors.bind", TXT, REFUSED, NULL },
		{ "ns.example.com", TXT, REFUSED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct msg m = ask(cases[i].name, cases[i].type);

		reply_free(&r);
		m.b[m.len - 1] = 3;
		assert_true(read_reply(
			&r, out, world_answer(zones, m.b, m.len, false, 0, out, sizeof(out)), &m));
		assert_int_equal(r.rcode, cases[i].rcode);
		assert_int_equal(r.n[1], cases[i].line != NULL);
		if (cases[i].line)
			assert_string_equal(r.lines[0], cases[i].line);
	}
}

static int setup(void **state)
{
	static const struct weir_self self = { "node-1", "weir", secret };
	struct weir_view view = { .model = &model };

	(void)state;
	zone = (struct weir_zone_conf){ .name = "example.com",
					.mname = ns,
					.rname = "hostmaster.example.com",
					.ns = &ns,
					.n_ns = 1 };
	model.zones = &zone;
	model.n_zones = 1;
	zones = weir_zones_build(&view, NULL, &self, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reply_free(&r);
	weir_zones_free(zones);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_client_gets_a_cookie_that_other_servers_would_make),
		cmocka_unit_test(a_good_cookie_is_kept_for_half_an_hour),
		cmocka_unit_test(a_cookie_of_another_address_is_replaced),
		cmocka_unit_test(cookies_of_a_wrong_length_are_format_errors),
		cmocka_unit_test(a_server_names_itself_when_asked),
		cmocka_unit_test(idle_time_is_told_over_tcp_alone),
		cmocka_unit_test(answers_are_padded_over_tls_alone),
		cmocka_unit_test(a_subnet_that_nothing_depends_on_has_scope_0),
		cmocka_unit_test(malformed_subnets_are_format_errors),
		cmocka_unit_test(the_version_is_told_in_class_chaos_if_it_is_configured),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
