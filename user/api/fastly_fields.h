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

/* Gives object what it has when nothing is said. */
void fastly_defaults(const struct fastly_field *fields, size_t n, json_t *object);

/* Takes over what body says of them. False: err has a field, and a sentence that begins behind it.
 */
bool fastly_take_fields(const struct fastly_field *fields, size_t n, const json_t *body,
			json_t *object, struct weir_err *err);

#endif
