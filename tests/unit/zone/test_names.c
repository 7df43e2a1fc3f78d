/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "zone/names.h"

static void texts_become_labels_in_lower_case(void **state)
{
	static const char wire[] = "\3www\7example\3com";
	struct weir_name n;

	(void)state;
	assert_true(weir_name_parse("wWw.Example.COM", &n));
	assert_int_equal(n.len, sizeof(wire));
	assert_memory_equal(n.wire, wire, sizeof(wire));
	assert_int_equal(n.labels, 3);
	assert_true(weir_name_parse("www.example.com.", &n));
	assert_int_equal(n.len, sizeof(wire));
	assert_true(weir_name_parse(".", &n));
	assert_int_equal(n.len, 1);
	assert_int_equal(n.labels, 0);
}

static void texts_that_are_no_names_are_refused(void **state)
{
	static const char *const texts[] = { "", "..", ".com", "a..b", "a.b.." };
	struct weir_name n;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(weir_name_parse(texts[i], &n));
}

/* Four labels, the last of last bytes, as text and on the wire. */
static size_t long_name(size_t last, char *text, uint8_t *wire)
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		size_t len = i < 3 ? 63 : last;

		wire[at] = (uint8_t)len;
		memset(wire + at + 1, 'x', len);
		memset(text + at, 'x', len);
		text[at + len] = i < 3 ? '.' : 0;
		at += 1 + len;
	}
	wire[at] = 0;
	return at + 1;
}

static void the_longest_name_has_255_bytes(void **state)
{
	uint8_t wire[300];
	char text[300];
	struct weir_name n;

	(void)state;
	for (size_t last = 1; last <= 63; last++) {
		size_t len = long_name(last, text, wire);

		assert_int_equal(weir_name_parse(text, &n), len <= 255);
		assert_int_equal(weir_name_read(wire, len, 0, &n), len <= 255 ? len : 0);
		assert_int_equal(weir_name_skip(wire, len, 0), len <= 255 ? len : 0);
	}
	memset(text, 'x', 64);
	text[64] = 0;
	assert_false(weir_name_parse(text, &n));
}

static void a_name_may_have_127_labels(void **state)
{
	uint8_t wire[300];
	struct weir_name n;

	(void)state;
	for (int i = 0; i < 140; i++)
		memcpy(wire + 2 * i, "\1A", 2);
	wire[254] = 0;
	assert_int_equal(weir_name_read(wire, sizeof(wire), 0, &n), 255);
	assert_int_equal(n.labels, 127);
	assert_int_equal(weir_wire_labels(n.wire), 127);
	wire[254] = 1;
	assert_int_equal(weir_name_read(wire, sizeof(wire), 0, &n), 0);
}

static void reading_ends_where_the_message_does(void **state)
{
	static const uint8_t msg[] = "\3www\7example\3com";
	struct weir_name n;

	(void)state;
	for (size_t len = 0; len < sizeof(msg); len++) {
		assert_int_equal(weir_name_read(msg, len, 0, &n), 0);
		assert_int_equal(weir_name_skip(msg, len, 0), 0);
	}
	assert_int_equal(weir_name_read(msg, sizeof(msg), 0, &n), sizeof(msg));
	assert_int_equal(weir_name_read(msg, sizeof(msg), 4, &n), sizeof(msg));
	assert_int_equal(n.labels, 2);
}

static void pointers_are_skipped_if_they_go_backwards(void **state)
{
	uint8_t msg[32] = { [12] = 1, 'a', 0, 1, 'b', 0xc0, 12 };
	struct weir_name n;

	(void)state;
	assert_int_equal(weir_name_skip(msg, sizeof(msg), 15), 19);
	assert_int_equal(weir_name_skip(msg, 18, 15), 0);
	assert_int_equal(weir_name_read(msg, sizeof(msg), 15, &n), 0);
	msg[18] = 15; /* at itself */
	assert_int_equal(weir_name_skip(msg, sizeof(msg), 15), 0);
	msg[18] = 11; /* into the header */
	assert_int_equal(weir_name_skip(msg, sizeof(msg), 15), 0);
	msg[17] = 0x80; /* an extended label type */
	assert_int_equal(weir_name_skip(msg, sizeof(msg), 15), 0);
}

static void names_are_written_as_in_a_zone_file(void **state)
{
	static const uint8_t odd[] = "\5a.b\\c\3\0 \xff\3com";
	char text[WEIR_NAME_TEXT];

	(void)state;
	assert_string_equal(weir_name_text(odd, text), "a\\.b\\\\c.\\000\\032\\255.com.");
	assert_string_equal(weir_name_text((const uint8_t *)"", text), ".");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_labels_in_lower_case),
		cmocka_unit_test(texts_that_are_no_names_are_refused),
		cmocka_unit_test(the_longest_name_has_255_bytes),
		cmocka_unit_test(a_name_may_have_127_labels),
		cmocka_unit_test(names_are_written_as_in_a_zone_file),
		cmocka_unit_test(reading_ends_where_the_message_does),
		cmocka_unit_test(pointers_are_skipped_if_they_go_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
