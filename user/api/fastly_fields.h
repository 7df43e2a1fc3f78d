/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_fields.h - fields of objects as Fastly's forms have them, and as its answers do. Pure. */
#ifndef WEIR_API_FASTLY_FIELDS_H
#define WEIR_API_FASTLY_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum fastly_type {
	FASTLY_TEXT,
	FASTLY_MAYBE,        /* a text or null */
	FASTLY_NUMBER,       /* a number of JSON */
	FASTLY_MAYBE_NUMBER, /* the same or null */
	FASTLY_DIGITS,       /* a whole number as a text; also true and false */
	FASTLY_BOOLEAN,      /* of JSON */
	FASTLY_HEADERS,      /* a list of "Name: value" */
};

struct fastly_field {
	const char *key;
	enum fastly_type type;
	const char *def;          /* NULL: null, or an empty list */
	long long lo, hi;         /* of numbers */
	const char *const *words; /* of texts: these only; NULL: any */
};

#define FASTLY_TEXT_FIELD(key, def)               \
	{                                         \
		key, FASTLY_TEXT, def, 0, 0, NULL \
	}
#define FASTLY_WORD_FIELD(key, def, words)         \
	{                                          \
		key, FASTLY_TEXT, def, 0, 0, words \
	}
#define FASTLY_MAYBE_FIELD(key)                     \
	{                                           \
		key, FASTLY_MAYBE, NULL, 0, 0, NULL \
	}
#define FASTLY_BOOLEAN_FIELD(key, def)               \
	{                                            \
		key, FASTLY_BOOLEAN, def, 0, 0, NULL \
	}
/* At the end: the least and the largest. */
#define FASTLY_NUMBER_FIELD(key, def, ...)                 \
	{                                                  \
		key, FASTLY_NUMBER, def, __VA_ARGS__, NULL \
	}
#define FASTLY_DIGITS_FIELD(key, def, ...)                 \
	{                                                  \
		key, FASTLY_DIGITS, def, __VA_ARGS__, NULL \
	}

/* Gives object what it has when nothing is said. */
void fastly_defaults(const struct fastly_field *fields, size_t n, json_t *object);

/* Takes over what body says of them. False: err has a field, and a sentence that begins behind it.
 */
bool fastly_take_fields(const struct fastly_field *fields, size_t n, const json_t *body,
			json_t *object, struct weir_err *err);

#endif
