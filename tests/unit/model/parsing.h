/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parsing.h - models of documents that are good. */
#ifndef WEIR_TEST_PARSING_H
#define WEIR_TEST_PARSING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/yaml.h"

#define ORIGINS "origins: [{name: a, address: 10.0.0.1}]"
#define POOL    "pools: [{name: web, " ORIGINS "}]\n"

static inline struct weir_model *parsed(const char *text, size_t len)
{
	struct weir_model *m;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, len, &v, &lines, &err))
		fail_msg("%u:%u %s", err.line, err.column, err.text);
	if (!weir_model_parse(v, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v); /* the model must not need it */
	weir_lines_free(lines);
	return m;
}

static inline struct weir_model *model_of(const char *text)
{
	return parsed(text, strlen(text));
}

static inline void is_addr(const union weir_addr *a, const char *text)
{
	char is[WEIR_ADDR_TEXT];

	assert_string_equal(weir_addr_text(a, is), text);
}

#endif
