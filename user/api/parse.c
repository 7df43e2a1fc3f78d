/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.c - bytes of a request into segments, arguments and JSON. */
#include "api/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEPTH_MAX  64   /* of lists and objects in each other */
#define FIELDS_MAX 1000 /* of a form or query */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8(const char *text)
{
	json_t *s = json_string(text); /* checks it */

	json_decref(s);
	return s;
}

bool api_decode(char *text, bool plus)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (*at == '%') {
			int hi = hex(at[1]), lo = hi < 0 ? -1 : hex(at[2]);

			if (lo < 0 || !(hi | lo))
				return false;
			*to++ = (char)(hi << 4 | lo);
			at += 2;
		} else {
			*to++ = *at == '+' && plus ? ' ' : *at;
		}
	}
	*to = 0;
	return is_utf8(text);
}

bool api_split(char *path, const char **segments, size_t most, size_t *n, struct weir_err *err)
{
	*n = 0;
	while (path && *path) {
		char *slash = strchr(path, '/');

		if (slash)
			*slash = 0;
		if (*n == most)
			return weir_err_set(err, "", "the path has more than %zu parts", most);
		if (!api_decode(path, false))
			return weir_err_set(err, "", "the path is not UTF-8, percent-encoded");
		segments[(*n)++] = path;
		path = slash ? slash + 1 : NULL;
	}
	return true;
}

/* --- forms --- */

static void add_field(json_t *to, const char *name, json_t *value)
{
	json_t *there = json_object_get(to, name);

	if (!there) {
		json_object_set_new(to, name, value);
		return;
	}
	if (!json_is_array(there)) {
		json_object_set_new(to, name, json_pack("[O]", there));
		there = json_object_get(to, name);
	}
	json_array_append_new(there, value);
}

static bool take_field(json_t *to, char *field, struct weir_err *err)
{
	char *value = strchr(field, '=');

	if (!*field)
		return true;
	if (value)
		*value++ = 0;
	if (!api_decode(field, true))
		return weir_err_set(err, "", "the name of a field is not UTF-8, percent-encoded");
	if (value && !api_decode(value, true))
		return weir_err_set(err, field, "is not UTF-8, percent-encoded");
	add_field(to, field, json_string(value ? value : ""));
	return true;
}

json_t *api_parse_form(const char *text, size_t len, struct weir_err *err)
{
	char *copy = weir_alloc(len + 1, 1), *save = NULL;
	json_t *to = json_object();
	bool ok = !memchr(text, 0, len) || weir_err_set(err, "", "a field holds a NUL");
	size_t n = 0;

	memcpy(copy, text, len);
	for (char *f = strtok_r(copy, "&", &save); ok && f; f = strtok_r(NULL, "&", &save)) {
		ok = ++n <= FIELDS_MAX ||
		     weir_err_set(err, "", "there are more than %d fields", FIELDS_MAX);
		ok = ok && take_field(to, f, err);
	}
	free(copy);
	if (ok)
		return to;
	json_decref(to);
	return NULL;
}

/* --- JSON --- */

/* Before it is parsed: the parser itself goes down to 2,048, and what has become of it is walked
 * through again and again. */
static bool is_shallow(const char *text, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > DEPTH_MAX)
			return false;
		else if (!quoted && (text[i] == ']' || text[i] == '}') && depth)
			depth--;
	}
	return true;
}

json_t *api_parse_json(const char *text, size_t len, struct weir_err *err)
{
	json_error_t e;
	json_t *v;

	if (!is_shallow(text, len)) {
		weir_err_set(err, "", "the body is nested deeper than %d levels", DEPTH_MAX);
		return NULL;
	}
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!v) {
		weir_err_set(err, "", "the body is not JSON: line %d, column %d: %s", e.line,
			     e.column, e.text);
		return NULL;
	}
	return v;
}
