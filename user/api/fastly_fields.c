/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_fields.c - values of forms, all of which are texts, into those of objects. */
#include "api/fastly_fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/fastly_impl.h"

#define MAX_TEXT 65536

static bool to_number(const char *text, const struct fastly_field *f, long long *out)
{
	char *end;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		text = *text == 't' ? "1" : "0";
	if (!isdigit((unsigned char)*text) || strlen(text) > 15)
		return false;
	*out = strtoll(text, &end, 10);
	return !*end && *out >= f->lo && *out <= f->hi;
}

static bool is_word(const char *text, const struct fastly_field *f)
{
	for (size_t i = 0; f->words && f->words[i]; i++)
		if (strcmp(text, f->words[i]) == 0)
			return true;
	return !f->words;
}

static json_t *number_of(const char *text, const struct fastly_field *f, struct weir_err *err)
{
	long long n;

	if (!to_number(text, f, &n)) {
		weir_err_set(err, f->key, "must be a number from %lld to %lld", f->lo, f->hi);
		return NULL;
	}
	return f->type == FASTLY_DIGITS ? json_sprintf("%lld", n) : json_integer(n);
}

static json_t *text_of(const char *text, const struct fastly_field *f, struct weir_err *err)
{
	if (strlen(text) > MAX_TEXT)
		weir_err_set(err, f->key, "is longer than %d bytes", MAX_TEXT);
	else if (!is_word(text, f))
		weir_err_set(err, f->key, "'%.60s' is none of its words", text);
	else
		return json_string(text);
	return NULL;
}

static json_t *boolean_of(const char *text, const struct fastly_field *f, struct weir_err *err)
{
	if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
		return json_true();
	if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
		return json_false();
	weir_err_set(err, f->key, "must be true, false, 1 or 0");
	return NULL;
}

/* One value. NULL: err. */
static json_t *value_of(const char *text, const struct fastly_field *f, struct weir_err *err)
{
	bool nothing = !text || !*text;

	switch (f->type) {
	case FASTLY_MAYBE:
		return nothing ? json_null() : text_of(text, f, err);
	case FASTLY_MAYBE_NUMBER:
		return nothing ? json_null() : number_of(text, f, err);
	case FASTLY_NUMBER:
	case FASTLY_DIGITS:
		return number_of(nothing ? f->def : text, f, err);
	case FASTLY_BOOLEAN:
		return boolean_of(nothing ? "0" : text, f, err);
	default:
		return text_of(text ? text : f->def, f, err);
	}
}

/* --- headers: "Foo: Bar,Baz: Qux", ["Foo:Bar","Baz:Qux"] or several of a form --- */

/* A comma begins another header where what follows it is a name and a colon. */
static size_t header_len(const char *s)
{
	size_t n = 0;

	for (;;) {
		size_t name;

		n += strcspn(s + n, ",");
		if (!s[n])
			return n;
		name = n + 1 + strspn(s + n + 1, " ");
		name += strspn(s + name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_");
		if (s[name] == ':')
			return n;
		n++;
	}
}

static void add_headers(const char *s, json_t *out)
{
	json_t *list = *s == '[' ? json_loads(s, 0, NULL) : NULL;

	if (list) {
		json_array_extend(out, list);
		json_decref(list);
		return;
	}
	for (size_t n; *s; s += n + (s[n] == ',')) {
		s += strspn(s, " ");
		n = header_len(s);
		if (n)
			json_array_append_new(out, json_stringn(s, n));
	}
}

static json_t *headers_of(const json_t *v, const struct fastly_field *f, struct weir_err *err)
{
	json_t *out = json_array(), *one;
	size_t i;

	if (json_is_string(v))
		add_headers(json_string_value(v), out);
	json_array_foreach((json_t *)v, i, one) if (json_is_string(one))
		add_headers(json_string_value(one), out);
	json_array_foreach(out, i, one)
	{
		const char *s = json_string_value(one);

		if (s && strchr(s, ':') && *s != ':')
			continue;
		weir_err_set(err, f->key, "must be a list as in \"Name: value\"");
		json_decref(out);
		return NULL;
	}
	return out;
}

/* --- all --- */

void fastly_defaults(const struct fastly_field *fields, size_t n, json_t *object)
{
	struct weir_err err;

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, fields[i].key,
				    fields[i].type == FASTLY_HEADERS
					    ? json_array()
					    : value_of(fields[i].def, &fields[i], &err));
}

bool fastly_take_fields(const struct fastly_field *fields, size_t n, const json_t *body,
			json_t *object, struct weir_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct fastly_field *f = &fields[i];
		const json_t *said = json_object_get(body, f->key);
		char room[32];
		json_t *v;

		if (!said)
			continue;
		v = f->type == FASTLY_HEADERS ? headers_of(said, f, err)
					      : value_of(fastly_text(body, f->key, room), f, err);
		if (!v)
			return false;
		json_object_set_new(object, f->key, v);
	}
	return true;
}
