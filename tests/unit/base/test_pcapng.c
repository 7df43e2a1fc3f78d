/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pcapng.c - blocks read back by what the specification says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pcapng.h"

static uint16_t get16(const uint8_t *b)
{
	uint16_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

static uint32_t get32(const uint8_t *b)
{
	uint32_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *b)
{
	uint64_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

static uint64_t get_time(const uint8_t *b)
{
	return (uint64_t)get32(b) << 32 | get32(b + 4);
}

/* The body of the one block in b, whose lengths agree with its size. */
static const uint8_t *only_block(const struct weir_bytes *b, uint32_t type)
{
	assert_int_equal(b->len % 4, 0);
	assert_true(b->len >= 12);
	assert_int_equal(get32(b->data), type);
	assert_int_equal(get32(b->data + 4), b->len);
	assert_int_equal(get32(b->data + b->len - 4), b->len);
	return b->data + 8;
}

/* The value of an option among those that begin at `at`, which must end where the block does. */
static const uint8_t *option(const struct weir_bytes *b, const uint8_t *at, uint16_t code,
			     uint16_t *len)
{
	const uint8_t *found = NULL;

	for (; get16(at); at += 4 + ((get16(at + 2) + 3u) & ~3u)) {
		if (get16(at) == code) {
			found = at + 4;
			*len = get16(at + 2);
		}
		for (uint32_t pad = get16(at + 2); pad & 3; pad++)
			assert_int_equal(at[4 + pad], 0);
	}
	assert_int_equal(get16(at + 2), 0);
	assert_ptr_equal(at + 4, b->data + b->len - 4);
	return found;
}

static void has_text(const struct weir_bytes *b, const uint8_t *at, uint16_t code, const char *text)
{
	uint16_t len = 0;
	const uint8_t *value = option(b, at, code, &len);

	if (!text) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(value, text, len);
}

static void a_section_says_byte_order_version_and_who_wrote_it(void **state)
{
	struct weir_bytes b = { 0 };
	const uint8_t *at;

	(void)state;
	weir_pcapng_section(&b, "weir 1", "why");
	at = only_block(&b, 0x0a0d0d0a);
	assert_int_equal(get32(at), 0x1a2b3c4d);
	assert_int_equal(get16(at + 4), 1);
	assert_int_equal(get16(at + 6), 0);
	assert_true(get64(at + 8) == UINT64_MAX);
	has_text(&b, at + 16, 4, "weir 1");
	has_text(&b, at + 16, 1, "why");
	free(b.data);
}

static void an_interface_is_ethernet_with_nanoseconds(void **state)
{
	struct weir_bytes b = { 0 };
	const uint8_t *at, *ns;
	uint16_t len;

	(void)state;
	weir_pcapng_interface(&b, "eth0 out", 96);
	at = only_block(&b, 1);
	assert_int_equal(get16(at), 1);
	assert_int_equal(get32(at + 4), 96);
	has_text(&b, at + 8, 2, "eth0 out");
	ns = option(&b, at + 8, 9, &len);
	assert_int_equal(len, 1);
	assert_int_equal(*ns, 9);
	free(b.data);
}

static void a_packet_of_any_length_is_padded_and_keeps_its_bytes(void **state)
{
	static const char *const comments[] = { NULL, "", "a", "ab", "abc", "abcd", "abcde" };
	uint8_t data[64];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i + 1);
	for (uint32_t len = 0; len <= sizeof(data); len++) {
		const char *comment = comments[len % 7];
		struct weir_pcapng_packet p = { .interface = 3,
						.way = WEIR_PCAPNG_OUT,
						.ns = 0x123456789abcdef0,
						.data = data,
						.len = len,
						.was = 1514,
						.comment = comment };
		struct weir_bytes b = { 0 };
		const uint8_t *at, *opts, *flags;
		uint16_t n = 0;

		weir_pcapng_packet(&b, &p);
		at = only_block(&b, 6);
		assert_int_equal(get32(at), 3);
		assert_true(get_time(at + 4) == 0x123456789abcdef0);
		assert_int_equal(get32(at + 12), len);
		assert_int_equal(get32(at + 16), 1514);
		assert_memory_equal(at + 20, data, len);
		for (uint32_t pad = len; pad & 3; pad++)
			assert_int_equal(at[20 + pad], 0);
		opts = at + 20 + ((len + 3) & ~3u);
		has_text(&b, opts, 1, comment);
		flags = option(&b, opts, 2, &n);
		assert_int_equal(n, 4);
		assert_int_equal(get32(flags), 2); /* outbound */
		free(b.data);
	}
}

static void statistics_say_what_was_lost(void **state)
{
	struct weir_pcapng_stats s = { .interface = 1,
				       .from_ns = 1ull << 60,
				       .to_ns = (1ull << 60) + 5,
				       .accepted = 1ull << 40,
				       .lost = 7,
				       .written = 9,
				       .comment = "ended by count" };
	struct weir_bytes b = { 0 };
	const uint8_t *at;
	uint16_t len;

	(void)state;
	weir_pcapng_stats(&b, &s);
	at = only_block(&b, 5);
	assert_int_equal(get32(at), 1);
	assert_true(get_time(at + 4) == s.to_ns);
	has_text(&b, at + 12, 1, s.comment);
	assert_true(get_time(option(&b, at + 12, 2, &len)) == s.from_ns);
	assert_true(get_time(option(&b, at + 12, 3, &len)) == s.to_ns);
	assert_true(get64(option(&b, at + 12, 6, &len)) == s.accepted);
	assert_true(get64(option(&b, at + 12, 7, &len)) == s.lost);
	assert_true(get64(option(&b, at + 12, 8, &len)) == s.written);
	assert_int_equal(len, 8);
	free(b.data);
}

static void blocks_follow_one_another(void **state)
{
	struct weir_pcapng_packet p = { .data = "0123456789", .len = 10, .was = 10 };
	struct weir_bytes b = { 0 };
	size_t blocks = 0;

	(void)state;
	weir_pcapng_section(&b, NULL, NULL);
	weir_pcapng_interface(&b, "x", 0);
	for (int i = 0; i < 1000; i++)
		weir_pcapng_packet(&b, &p);
	for (size_t at = 0; at < b.len; at += get32(b.data + at + 4), blocks++)
		assert_int_equal(get32(b.data + at + get32(b.data + at + 4) - 4),
				 get32(b.data + at + 4));
	assert_int_equal(blocks, 1002);
	free(b.data);
}

static void a_comment_longer_than_an_option_can_be_is_cut(void **state)
{
	char *text = weir_alloc(100000, 1);
	struct weir_pcapng_packet p = { .comment = text };
	struct weir_bytes b = { 0 };
	uint16_t len = 0;

	(void)state;
	memset(text, 'x', 99999);
	weir_pcapng_packet(&b, &p);
	option(&b, only_block(&b, 6) + 20, 1, &len);
	assert_int_equal(len, UINT16_MAX);
	free(b.data);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_says_byte_order_version_and_who_wrote_it),
		cmocka_unit_test(an_interface_is_ethernet_with_nanoseconds),
		cmocka_unit_test(a_packet_of_any_length_is_padded_and_keeps_its_bytes),
		cmocka_unit_test(statistics_say_what_was_lost),
		cmocka_unit_test(blocks_follow_one_another),
		cmocka_unit_test(a_comment_longer_than_an_option_can_be_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
