/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_yaml.c - YAML text into JSON, errors with line and column, and paths back to lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/yaml.h"

/* The document as compact JSON; the caller frees it. */
static char *json_of(const char *text)
{
	struct weir_lines *lines;
	struct weir_err err = { 0 };
	json_t *v;
	char *out;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err))
		fail_msg("%s: %u:%u %s", text, err.line, err.column, err.text);
	out = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(v);
	weir_lines_free(lines);
	return out;
}

static void reads(const char *text, const char *json)
{
	char *is = json_of(text);

	assert_string_equal(is, json);
	free(is);
}

static struct weir_err refused(const char *text, size_t len)
{
	struct weir_lines *lines = NULL;
	struct weir_err err = { 0 };
	json_t *v = NULL;

	if (weir_yaml_parse(text, len, &v, &lines, &err))
		fail_msg("accepted: %s", text);
	assert_null(v);
	assert_null(lines);
	return err;
}

static void refuses(const char *text, unsigned line, unsigned column, const char *fragment)
{
	struct weir_err err = refused(text, strlen(text));

	if (!strstr(err.text, fragment))
		fail_msg("\"%s\" does not say \"%s\"", err.text, fragment);
	assert_int_equal(err.line, line);
	assert_int_equal(err.column, column);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
	(void)state;
	reads("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
	reads("[null, Null, NULL, ~, '']", "[null,null,null,null,\"\"]");
	reads("a:\n", "{\"a\":null}");
	reads("[0, -1, +2, 007, 0o17, 0xfF]", "[0,-1,2,7,15,255]");
	reads("[1.5, -.5, 2., 1e2]", "[1.5,-0.5,2.0,100.0]");
	reads("[9223372036854775807, -9223372036854775808]",
	      "[9223372036854775807,-9223372036854775808]");
}

static void what_only_yaml_1_1_converts_is_a_string(void **state)
{
	(void)state;
	reads("[yes, no, on, off, y, N]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"N\"]");
	reads("[1_000, 12:30:45, 0b11, tRUE]", "[\"1_000\",\"12:30:45\",\"0b11\",\"tRUE\"]");
	reads("[192.0.2.1, 1.2.3, '-', +, ., 1e, e5, 0x, 0xg, 2xx, .e1]",
	      "[\"192.0.2.1\",\"1.2.3\",\"-\",\"+\",\".\",\"1e\",\"e5\",\"0x\",\"0xg\",\"2xx\","
	      "\".e1\"]");
}

static void quoted_scalars_are_strings(void **state)
{
	(void)state;
	reads("['1', \"true\", 'null', \"0x10\", '~']", "[\"1\",\"true\",\"null\",\"0x10\",\"~\"]");
	reads("a: |\n  5\n", "{\"a\":\"5\\n\"}");
	reads("a: >-\n  5\n", "{\"a\":\"5\"}");
}

static void core_tags_are_taken_when_they_fit(void **state)
{
	(void)state;
	reads("[!!str 5, !!int 5, !!float 5, !!bool true, !!null ~]", "[\"5\",5,5,true,null]");
	reads("!!map {a: !!seq [1]}", "{\"a\":[1]}");
	refuses("[!!int x]", 1, 2, "tag");
	refuses("a: !mine 1", 1, 4, "tag");
	refuses("a: !!set {x}", 1, 4, "tag");
	refuses("a: !!binary aGk=", 1, 4, "tag");
}

static void an_empty_text_is_an_empty_object(void **state)
{
	(void)state;
	reads("", "{}");
	reads("# nothing\n", "{}");
	reads("\xef\xbb\xbf", "{}");
}

static void nested_collections_keep_their_order(void **state)
{
	(void)state;
	reads("b: 1\na: [1, {c: [], d: {}}]\n", "{\"b\":1,\"a\":[1,{\"c\":[],\"d\":{}}]}");
}

static void duplicate_keys_are_errors(void **state)
{
	(void)state;
	refuses("a: 1\nb: 2\na: 3\n", 3, 1, "a is here a second time");
	refuses("x:\n  - {k: 1, k: 2}\n", 2, 12, "k is here a second time");
}

static void anchors_and_aliases_are_errors(void **state)
{
	(void)state;
	refuses("a: &x 1\n", 1, 4, "anchors");
	refuses("a: &x [1]\n", 1, 4, "anchors");
	refuses("a: &x {}\n", 1, 4, "anchors");
	refuses("a: *x\n", 1, 4, "aliases");
}

static void a_second_document_is_an_error(void **state)
{
	(void)state;
	refuses("a: 1\n---\nb: 2\n", 2, 1, "second document");
}

static void keys_must_be_texts(void **state)
{
	(void)state;
	refuses("1: a\n", 1, 1, "put 1 in quotes");
	refuses("true: a\n", 1, 1, "in quotes");
	refuses("? [a]\n: b\n", 1, 3, "a key must be a text");
	refuses("{a: 1, ~: 2}", 1, 8, "in quotes");
	reads("'1': a\n", "{\"1\":\"a\"}");
}

static void numbers_that_do_not_fit_are_errors(void **state)
{
	(void)state;
	refuses("a: 9223372036854775808\n", 1, 4, "beyond 64 bits");
	refuses("a: -9223372036854775809\n", 1, 4, "beyond 64 bits");
	refuses("a: 0xffffffffffffffffff\n", 1, 4, "beyond 64 bits");
	refuses("a: 1e999\n", 1, 4, "beyond 64 bits");
	refuses("a: .inf\n", 1, 4, "beyond 64 bits");
	refuses("a: -.INF\n", 1, 4, "beyond 64 bits");
	refuses("a: .nan\n", 1, 4, "beyond 64 bits");
}

static void bytes_that_are_no_text_are_errors(void **state)
{
	(void)state;
	refuses("a: 1\nb: \xff\n", 2, 4, "UTF-8");
	refuses("a: \"\\0\"\n", 1, 4, "NUL");
	refuses("\"\\0\": 1\n", 1, 1, "NUL");
	refuses("a: \"\\ud800\"\n", 1, 7, "character");
	assert_int_equal(refused("a: b\n\0", 6).line, 2);
}

static void broken_syntax_has_line_and_column(void **state)
{
	(void)state;
	refuses("a: [1\nb: 2\n", 2, 2, "not YAML");
	refuses("a: 1\n  b: 2\n", 2, 4, "not YAML");
	refuses("a:\n\tb: 1\n", 2, 1, "not YAML");
	refuses("a: \"x\n", 2, 1, "not YAML");
}

static char *nested(unsigned depth, const char *open, const char *close)
{
	size_t one = strlen(open), other = strlen(close);
	char *s = weir_alloc(depth * (one + other) + 1, 1);

	for (unsigned i = 0; i < depth; i++)
		memcpy(s + i * one, open, one);
	for (unsigned i = 0; i < depth; i++)
		memcpy(s + depth * one + i * other, close, other);
	return s;
}

static void depth_is_bounded(void **state)
{
	char *good = nested(WEIR_YAML_MAX_DEPTH, "[", "]");
	char *bad = nested(WEIR_YAML_MAX_DEPTH + 1, "[", "]");
	char *worse = nested(20000, "{a: ", "}");

	(void)state;
	free(json_of(good));
	refuses(bad, 1, WEIR_YAML_MAX_DEPTH + 1, "deeper");
	assert_non_null(strstr(refused(worse, strlen(worse)).text, "deeper"));
	free(good);
	free(bad);
	free(worse);
}

static void size_is_bounded(void **state)
{
	char *big = weir_alloc(WEIR_YAML_MAX_BYTES + 1u, 1);
	struct weir_err err = refused(big, WEIR_YAML_MAX_BYTES + 1u);

	(void)state;
	assert_non_null(strstr(err.text, "64 MiB"));
	free(big);
}

static void an_error_of_the_text_has_the_path_to_it(void **state)
{
	const char *text = "pools:\n- name: a\n- name: b\n  weight: .inf\n";

	(void)state;
	assert_string_equal(refused(text, strlen(text)).path, "pools[1].weight");
}

static struct weir_lines *lines_of(const char *text)
{
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	assert_true(weir_yaml_parse(text, strlen(text), &v, &lines, &err));
	json_decref(v);
	return lines;
}

static void finds(const struct weir_lines *lines, const char *path, unsigned line, unsigned column)
{
	struct weir_err err;

	weir_err_set(&err, path, "x");
	weir_lines_locate(lines, &err);
	if (err.line != line || err.column != column)
		fail_msg("%s: %u:%u, not %u:%u", path, err.line, err.column, line, column);
}

static void a_path_leads_to_its_line_and_column(void **state)
{
	struct weir_lines *l = lines_of("agent: {node: x}\n"  /* 1 */
					"pools:\n"            /* 2 */
					"  - name: web\n"     /* 3 */
					"    origins:\n"      /* 4 */
					"      - a: 1\n"      /* 5 */
					"        weight: 2\n" /* 6 */
					"  - name: other\n");

	(void)state;
	finds(l, "agent", 1, 1);
	finds(l, "agent.node", 1, 9);
	finds(l, "pools", 2, 1);
	finds(l, "pools[0]", 3, 5);
	finds(l, "pools[0].origins", 4, 5);
	finds(l, "pools[0].origins[0].weight", 6, 9);
	finds(l, "pools[1].name", 7, 5);
	weir_lines_free(l);
}

static void an_unknown_path_leads_to_its_longest_known_parent(void **state)
{
	struct weir_lines *l = lines_of("# first\npools:\n  - name: web\n  - name: b\n");

	(void)state;
	finds(l, "", 2, 1);
	finds(l, "nothing", 2, 1);
	finds(l, "pools[7].name", 2, 1);
	finds(l, "pools[1].weight", 4, 5);
	finds(l, "poolsandmore", 2, 1);
	finds(l, "pools[0].name.x[3]", 3, 5);
	weir_lines_free(l);
	l = lines_of("");
	finds(l, "pools", 0, 0);
	weir_lines_free(l);
}

static void keys_with_dots_and_brackets_are_found(void **state)
{
	struct weir_lines *l = lines_of("a: 1\na.b: 2\n'a[0]': 3\nx:\n  y.z: [1,\n   2]\n");

	(void)state;
	finds(l, "a.b", 2, 1);
	finds(l, "a[0]", 3, 1);
	finds(l, "x.y.z[1]", 6, 4);
	weir_lines_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_scalars_follow_the_core_schema),
		cmocka_unit_test(what_only_yaml_1_1_converts_is_a_string),
		cmocka_unit_test(quoted_scalars_are_strings),
		cmocka_unit_test(core_tags_are_taken_when_they_fit),
		cmocka_unit_test(an_empty_text_is_an_empty_object),
		cmocka_unit_test(nested_collections_keep_their_order),
		cmocka_unit_test(duplicate_keys_are_errors),
		cmocka_unit_test(anchors_and_aliases_are_errors),
		cmocka_unit_test(a_second_document_is_an_error),
		cmocka_unit_test(keys_must_be_texts),
		cmocka_unit_test(numbers_that_do_not_fit_are_errors),
		cmocka_unit_test(bytes_that_are_no_text_are_errors),
		cmocka_unit_test(broken_syntax_has_line_and_column),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(an_error_of_the_text_has_the_path_to_it),
		cmocka_unit_test(a_path_leads_to_its_line_and_column),
		cmocka_unit_test(an_unknown_path_leads_to_its_longest_known_parent),
		cmocka_unit_test(keys_with_dots_and_brackets_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
