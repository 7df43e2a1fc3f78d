/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refuse.h - documents that must be refused: where, in which words, at which line. Each one is a
 * test of its own, which also holds that there is no model then. */
#ifndef WEIR_TEST_REFUSE_H
#define WEIR_TEST_REFUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/yaml.h"

#define POOL "pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]}]\n"
#define TWO                                                               \
	"pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]},\n" \
	"        {name: six, origins: [{name: a, address: fd00::1}]}]\n"
#define LB    "default_pools: [web], fallback_pool: web"
#define AGENT "agent: {vips: [192.0.2.1, '2001:db8::1']}\n"
#define ZONE  "zones: [{name: example.com, ns: [ns.example.net]}]\n"
#define VIA   "proxied: true, listeners: [tcp/80], " LB

struct bad {
	const char *says; /* the sentence that must stay true */
	const char *text, *path, *fragment;
	unsigned line;
};

static inline void is_refused(void **state)
{
	const struct bad *b = *state;
	struct weir_model *m = NULL;
	struct weir_lines *lines;
	struct weir_err err = { 0 };
	json_t *v;

	if (!weir_yaml_parse(b->text, strlen(b->text), &v, &lines, &err))
		fail_msg("not YAML: %u:%u %s", err.line, err.column, err.text);
	if (weir_model_parse(v, &m, &err))
		fail_msg("accepted");
	assert_null(m);
	weir_lines_locate(lines, &err);
	json_decref(v);
	weir_lines_free(lines);
	assert_string_equal(err.path, b->path);
	if (!strstr(err.text, b->fragment))
		fail_msg("\"%s\" does not say \"%s\"", err.text, b->fragment);
	assert_int_equal(err.line, b->line);
}

static inline int refuse_all(const char *name, const struct bad *documents, size_t n)
{
	struct CMUnitTest *tests = weir_new_array(n, struct CMUnitTest);
	int failed;

	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = documents[i].says,
			.test_func = is_refused,
			.initial_state = (void *)&documents[i],
		};
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

#endif
