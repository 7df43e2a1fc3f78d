/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_base.c - addresses, arenas, hashes and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

static void addresses_have_one_canonical_text(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::", "::" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	union weir_addr a, b;
	char text[WEIR_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_true(weir_addr_parse(pairs[i][0], &a));
		assert_string_equal(weir_addr_text(&a, text), pairs[i][1]);
		assert_true(weir_addr_parse(text, &b));
		assert_true(weir_addr_eq(&a, &b));
	}
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",          "192.0.2",       "192.0.2.256",      "1.2.3.4 ",
		" 1.2.3.4",  "01.2.3.4x",     "::ffff:192.0.2.1", "1::2::3",
		"fe80::1%1", "[2001:db8::1]", "example.com"
	};
	union weir_addr a, before;

	(void)state;
	memset(&a, 0x5a, sizeof(a));
	before = a;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (weir_addr_parse(bad[i], &a))
			fail_msg("accepted: %s", bad[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void prefixes_are_of_either_family_and_have_no_bits_behind_their_length(void **state)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} all[] = {
		{ "192.0.2.0/24", 120 }, { "192.0.2.1", 128 },
		{ "192.0.2.1/32", 128 }, { "0.0.0.0/0", 96 },
		{ "128.0.0.0/1", 97 },   { "2001:db8::/32", 32 },
		{ "2001:db8::1", 128 },  { "::/0", 0 },
		{ "8000::/1", 1 },       { "192.0.2.1/24", -1 },
		{ "192.0.2.0/33", -1 },  { "192.0.2.0/", -1 },
		{ "192.0.2.0/-1", -1 },  { "192.0.2.0/24x", -1 },
		{ "192.0.2.0/ 24", -1 }, { "8000::/0", -1 },
		{ "::/129", -1 },        { "::/4294967296", -1 },
		{ "/24", -1 },           { "", -1 },
		{ "192.0.2/24", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct weir_prefix p = { .bits = 7 };
		bool ok = weir_prefix_parse(all[i].text, &p);

		if (ok != (all[i].bits >= 0) || p.bits != (ok ? all[i].bits : 7))
			fail_msg("%s: %d bits", all[i].text, ok ? p.bits : -1);
	}
}

static void a_prefix_holds_the_addresses_that_begin_like_it(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool holds;
	} all[] = {
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.255", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.3.128", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8:1:0:1::/112", "2001:db8:1:0:1::ffff", true },
		{ "2001:db8:1:0:1::/112", "2001:db8:1:0:1:0:1:0", false },
		{ "::/0", "2001:db8::1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct weir_prefix p;
		union weir_addr a;

		assert_true(weir_prefix_parse(all[i].prefix, &p));
		assert_true(weir_addr_parse(all[i].addr, &a));
		if (weir_prefix_holds(&p, &a) != all[i].holds)
			fail_msg("%s and %s", all[i].prefix, all[i].addr);
	}
}

static void ipv4_is_mapped(void **state)
{
	static const uint8_t mapped[16] = {
		[10] = 255, [11] = 255, [12] = 192, [14] = 2, [15] = 1
	};
	union weir_addr four, six;

	(void)state;
	assert_true(weir_addr_parse("192.0.2.1", &four));
	assert_memory_equal(four.b, mapped, 16);
	assert_true(weir_addr_is_v4(&four));
	assert_true(weir_addr_parse("::192.0.2.1", &six)); /* compatible, not mapped */
	assert_false(weir_addr_is_v4(&six));
	assert_true(weir_addr_cmp(&six, &four) < 0);
	assert_true(weir_addr_cmp(&four, &six) > 0);
	assert_int_equal(weir_addr_cmp(&four, &four), 0);
	four = weir_addr_v4(mapped + 12);
	six = weir_addr_v6(mapped);
	assert_true(weir_addr_eq(&four, &six));
}

static void is_socket(const char *text, uint16_t port, const char *canonical)
{
	struct weir_sockaddr s;
	char out[WEIR_SOCKADDR_TEXT];

	if (!weir_sockaddr_parse(text, port, &s))
		fail_msg("refused: %s", text);
	assert_string_equal(weir_sockaddr_text(&s, out), canonical);
}

static void transport_addresses_take_a_default_port(void **state)
{
	(void)state;
	is_socket("192.0.2.1:5353", 53, "192.0.2.1:5353");
	is_socket("192.0.2.1", 53, "192.0.2.1:53");
	is_socket("[2001:db8::1]:65535", 53, "[2001:db8::1]:65535");
	is_socket("[2001:db8::1]", 53, "[2001:db8::1]:53");
	is_socket("2001:db8::1", 53, "[2001:db8::1]:53");
}

static void bad_transport_addresses_are_refused(void **state)
{
	static const char *const bad[] = { "",
					   ":53",
					   "192.0.2.1:",
					   "192.0.2.1:0",
					   "192.0.2.1:65536",
					   "192.0.2.1:5x",
					   "192.0.2.1:+53",
					   "[2001:db8::1",
					   "[2001:db8::1]53",
					   "[2001:db8::1]:",
					   "[]:53",
					   "localhost:53",
					   "192.0.2.1" };
	struct weir_sockaddr s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (weir_sockaddr_parse(bad[i], 0, &s))
			fail_msg("accepted: %s", bad[i]);
}

static void native_addresses_are_in_network_order(void **state)
{
	struct sockaddr_storage ss;
	const struct sockaddr_in *in = (const void *)&ss;
	const struct sockaddr_in6 *in6 = (const void *)&ss;
	struct weir_sockaddr s;

	(void)state;
	assert_true(weir_sockaddr_parse("192.0.2.1:258", 0, &s));
	assert_int_equal(weir_sockaddr_native(&s, &ss), sizeof(*in));
	assert_int_equal(in->sin_family, AF_INET);
	assert_memory_equal(&in->sin_port, "\1\2", 2);
	assert_memory_equal(&in->sin_addr, "\300\0\2\1", 4);
	assert_true(weir_sockaddr_parse("[2001:db8::1]:258", 0, &s));
	assert_int_equal(weir_sockaddr_native(&s, &ss), sizeof(*in6));
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_memory_equal(&in6->sin6_port, "\1\2", 2);
	assert_memory_equal(&in6->sin6_addr, s.addr.b, 16);
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
	struct weir_arena *a = weir_arena_new();
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 65536, 65537, 1000000, 3 };
	enum {
		N = sizeof(sizes) / sizeof(sizes[0])
	};
	unsigned char *p[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		p[i] = weir_arena_alloc(a, sizes[i], 1);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(p[i][k], i + 1);
	weir_arena_free(a);
	weir_arena_free(NULL);
}

static void arena_texts_are_copies(void **state)
{
	struct weir_arena *a = weir_arena_new();
	char text[] = "abc";
	char *copy = weir_arena_strdup(a, text);

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	assert_null(weir_arena_strdup(a, NULL));
	assert_string_equal(weir_arena_printf(a, "%s-%d", text, 7), "xbc-7");
	assert_string_equal(copy, "abc");
	weir_arena_free(a);
}

static void hashes_see_every_byte_and_the_length(void **state)
{
	uint8_t bytes[33] = { 0 };
	uint64_t h = weir_hash_bytes(0, bytes, 32);

	(void)state;
	assert_true(weir_hash_bytes(0, bytes, 32) == h);
	assert_true(weir_hash_bytes(1, bytes, 32) != h);
	for (size_t i = 0; i < 32; i++) {
		bytes[i] = 1;
		assert_true(weir_hash_bytes(0, bytes, 32) != h);
		bytes[i] = 0;
	}
	for (size_t n = 0; n < 33; n++)
		assert_true((weir_hash_bytes(0, bytes, n) == h) == (n == 32));
}

/* Digests are compared between machines, so they may not depend on byte order or version. */
static void hashes_are_the_same_on_every_machine(void **state)
{
	(void)state;
	assert_true(weir_mix64(0) == 0);
	assert_true(weir_mix64(1) == 0x5692161d100b05e5ull);
	assert_true(weir_hash_bytes(0, "weir load balancer", 18) == 0xdfe4de62b13f4e09ull);
}

static void errors_are_cut_where_a_character_ends(void **state)
{
	struct weir_err e;
	char lots[1001];

	(void)state;
	memset(lots, 'x', 1000);
	lots[1000] = 0;
	memcpy(lots + sizeof(e.path) - 2, "\xe2\x82\xac", 3); /* a character across the end */
	assert_false(weir_err_set(&e, lots, "a\nb%sc", "\x1b[2J\xff"));
	assert_int_equal(strlen(e.path), sizeof(e.path) - 1);
	assert_string_equal(e.path + sizeof(e.path) - 4, "xx?");
	assert_string_equal(e.text, "a?b?[2J?c");
	assert_false(weir_err_set(&e, "\xc2\x9b[2J", "\xc2\x80\xc2\x9f\xc2\xa0\x7f"));
	assert_string_equal(e.path, "??[2J");
	assert_string_equal(e.text, "????\xc2\xa0?");
	assert_false(weir_err_set(&e, "caf\xc3\xa9", "%s", "\xf0\x9f\x90\x9f"));
	assert_string_equal(e.path, "caf\xc3\xa9");
	assert_string_equal(e.text, "\xf0\x9f\x90\x9f");
	assert_int_equal(e.line, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_one_canonical_text),
		cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(
			prefixes_are_of_either_family_and_have_no_bits_behind_their_length),
		cmocka_unit_test(a_prefix_holds_the_addresses_that_begin_like_it),
		cmocka_unit_test(ipv4_is_mapped),
		cmocka_unit_test(transport_addresses_take_a_default_port),
		cmocka_unit_test(bad_transport_addresses_are_refused),
		cmocka_unit_test(native_addresses_are_in_network_order),
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(arena_texts_are_copies),
		cmocka_unit_test(hashes_see_every_byte_and_the_length),
		cmocka_unit_test(hashes_are_the_same_on_every_machine),
		cmocka_unit_test(errors_are_cut_where_a_character_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
