/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones as files: what is written is read again as the same zone, whatever the types. */
#include "zone/print.h"

#include "zonefile.h"

static char *print(const struct zonefile *z)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_true(weir_zone_print(to, z->zones, "example.com"));
	fclose(to);
	return text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, sorted, into one. */
static void sort_lines(char *text, char *out)
{
	char *lines[64];
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), by_text);
	*out = 0;
	for (size_t i = 0; i < n; i++)
		strcat(strcat(out, lines[i]), "\n");
}

static void what_is_written_is_read_as_the_same(void **state)
{
	static const char text[] = APEX
		"@ MX 10 mail\n@ TXT \"a \\\"b\\\" \\\\ \\200\" \"\"\n_s._tcp SRV 1 2 3 t\n"
		"@ CAA 128 issue \"ca.example; p=1\"\n* A 192.0.2.1\nw HTTPS 1 . alpn=h2\n"
		"n NAPTR 10 20 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .\nu URI 1 2 \"http://x/\"\n"
		"t TLSA 3 1 1 00ff\nf SSHFP 1 1 00ff\nh HINFO \"a b\" c\nr TYPE65400 \\# 2 abcd\n"
		"l LOC 1 2 3 N 4 5 6 E 7m\ni AAAA 2001:db8::1\na\\.b\\032c A 192.0.2.2\n"
		"p PTR q\nd NS ns.d\nd DS 1 13 2 00ff\nns.d A 192.0.2.3\n";
	char first[4096], second[4096], *written, *again;
	struct zonefile z, copy;

	(void)state;
	zonefile_open(&z, text);
	written = print(&z);
	zonefile_open(&copy, written);
	again = print(&copy);
	sort_lines(written, first);
	sort_lines(again, second);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "_s._tcp.example.com. 3600 IN SRV 1 2 3 t.example.com.\n"));
	assert_non_null(strstr(first, "example.com. 3600 IN CAA 128 issue \"ca.example; p=1\"\n"));
	assert_non_null(strstr(first, "a\\.b\\032c.example.com. 3600 IN A 192.0.2.2\n"));
	assert_non_null(strstr(first, "r.example.com. 3600 IN TYPE65400 \\# 2 abcd\n"));
	free(written);
	free(again);
	zonefile_close(&z);
	zonefile_close(&copy);
}

static void data_that_are_not_of_their_type_are_written_as_bytes(void **state)
{
	static const uint8_t data[] = { 0, 10, 3, 'a' }; /* an MX whose name does not end */
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	weir_rdata_print(to, 15, data, sizeof(data));
	fclose(to);
	assert_string_equal(text, "\\# 4 000a0361");
	free(text);
}

static void types_are_words_or_numbers(void **state)
{
	char text[WEIR_TYPE_TEXT];

	(void)state;
	assert_int_equal(weir_type_parse("aaaa"), 28);
	assert_int_equal(weir_type_parse("TYPE65"), 65);
	assert_int_equal(weir_type_parse("type65536"), 0);
	assert_int_equal(weir_type_parse("TYPE"), 0);
	assert_int_equal(weir_type_parse("NOTYPE"), 0);
	assert_string_equal(weir_type_text(257, text), "CAA");
	assert_string_equal(weir_type_text(4242, text), "TYPE4242");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_as_the_same),
		cmocka_unit_test(data_that_are_not_of_their_type_are_written_as_bytes),
		cmocka_unit_test(types_are_words_or_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
