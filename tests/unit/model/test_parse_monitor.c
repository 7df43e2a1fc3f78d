/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse_monitor.c - monitors: what their fields become, and what is the default. */
#include "parsing.h"

static void a_monitor_has_the_defaults_of_the_api(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m}]");
	const struct weir_monitor *o = m->monitors;

	(void)state;
	assert_int_equal(o->type, WEIR_MONITOR_HTTP);
	assert_string_equal(o->method, "GET");
	assert_string_equal(o->path, "/");
	assert_string_equal(o->expected_text, "200");
	assert_string_equal(o->expected_body, "");
	assert_true(weir_monitor_expects(o, 200));
	assert_false(weir_monitor_expects(o, 201));
	assert_int_equal(o->interval_ms, 60000);
	assert_int_equal(o->timeout_ms, 5000);
	assert_int_equal(o->retries, 2);
	assert_int_equal(o->consecutive_up, 1);
	assert_int_equal(o->consecutive_down, 1);
	assert_false(o->follow_redirects);
	assert_int_equal(o->n_headers, 0);
	weir_model_free(m);
}

static void a_monitor_is_taken(void **state)
{
	struct weir_model *m = model_of(
		"monitors:\n"
		"- id: m\n  description: d\n  type: http\n  method: HEAD\n  path: /x?y=z\n"
		"  port: 8080\n  header: {Host: [a.b], X-A: ['1', '2 é']}\n"
		"  expected_codes: '2xx, 301 ,4XX'\n  interval: 0.25\n  timeout: 0.1\n  retries: 0\n"
		"  consecutive_up: 1000\n  consecutive_down: 3\n  follow_redirects: true\n"
		"  allow_insecure: true\n  probe_zone: ''\n"
		"- {id: t, type: tcp, port: 5432, method: connection_established, path: ''}\n");
	const struct weir_monitor *o = m->monitors;

	(void)state;
	assert_string_equal(o->method, "HEAD");
	assert_string_equal(o->path, "/x?y=z");
	assert_int_equal(o->port, 8080);
	assert_int_equal(o->n_headers, 3);
	assert_string_equal(o->headers[0].name, "Host");
	assert_string_equal(o->headers[2].name, "X-A");
	assert_string_equal(o->headers[2].value, "2 é");
	assert_int_equal(o->interval_ms, 250);
	assert_int_equal(o->timeout_ms, 100);
	assert_int_equal(o->retries, 0);
	assert_int_equal(o->consecutive_up, 1000);
	assert_int_equal(o->consecutive_down, 3);
	assert_true(o->follow_redirects);
	assert_int_equal(m->monitors[1].type, WEIR_MONITOR_TCP);
	assert_string_equal(m->monitors[1].method, "connection_established");
	weir_model_free(m);
}

static void expected_codes_are_codes_and_classes(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m, expected_codes: '2xx, 301 ,4XX'}]");
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		bool in = i / 100 == 2 || i == 301 || i / 100 == 4;

		assert_int_equal(weir_monitor_expects(m->monitors, i), in);
		n += in;
	}
	assert_int_equal(n, 201);
	weir_model_free(m);
}

static void a_short_interval_shortens_the_default_timeout(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m, interval: 1}]");

	(void)state;
	assert_int_equal(m->monitors[0].timeout_ms, 1000);
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_monitor_has_the_defaults_of_the_api),
		cmocka_unit_test(a_monitor_is_taken),
		cmocka_unit_test(expected_codes_are_codes_and_classes),
		cmocka_unit_test(a_short_interval_shortens_the_default_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
