/* SPDX-License-Identifier: GPL-2.0-or-later */
/* take.c - checked steps through a document: objects by table, lists, numbers, errors. */
#include "model/parse.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_BYTES 60
#define MAX_FIELDS  64 /* of a table */

/* Appends the path of at; returns its length, which may be beyond size. */
static size_t path_text(const struct weir_at *at, char *out, size_t size)
{
	size_t n, room;

	if (!at->up) {
		out[0] = 0;
		return 0;
	}
	n = path_text(at->up, out, size);
	if (n >= size)
		return n;
	room = size - n;
	if (!at->key)
		return n + (size_t)snprintf(out + n, room, "[%u]", at->index);
	return n + (size_t)snprintf(out + n, room, "%s%s", n ? "." : "", at->key);
}

static bool vfail(const struct weir_at *at, const char *fmt, va_list ap)
{
	struct weir_err *e = at->p->err;
	char path[sizeof(e->path)], text[sizeof(e->text)];

	path_text(at, path, sizeof(path));
	vsnprintf(text, sizeof(text), fmt, ap);
	return weir_err_set(e, path, "%s", text);
}

bool weir_at_fail(const struct weir_at *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(at, fmt, ap);
	va_end(ap);
	return false;
}

bool weir_at_fail_key(const struct weir_at *at, const char *key, const char *fmt, ...)
{
	struct weir_at member = weir_at_key(at, key);
	va_list ap;

	va_start(ap, fmt);
	vfail(&member, fmt, ap);
	va_end(ap);
	return false;
}

void weir_at_note(const struct weir_at *at, const char *fmt, ...)
{
	struct weir_model *m = at->p->model;
	char path[sizeof(at->p->err->path)], text[sizeof(at->p->err->text)];
	va_list ap;

	if (m->n_notes == WEIR_MAX_NOTES)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	path_text(at, path, sizeof(path));
	if (!m->notes)
		m->notes = weir_arena_new_array(at->p->arena, WEIR_MAX_NOTES, struct weir_note);
	m->notes[m->n_notes++] = (struct weir_note){
		.path = weir_arena_strdup(at->p->arena, path),
		.text = weir_arena_strdup(at->p->arena, text),
	};
}

struct weir_at weir_at_key(const struct weir_at *at, const char *key)
{
	return (struct weir_at){
		.p = at->p,
		.up = at,
		.key = key,
		.v = json_object_get(at->v, key),
	};
}

struct weir_at weir_at_item(const struct weir_at *at, uint32_t index)
{
	return (struct weir_at){
		.p = at->p,
		.up = at,
		.index = index,
		.v = json_array_get(at->v, index),
	};
}

const char *weir_quote(struct weir_parse *p, const char *s)
{
	size_t n = strnlen(s, QUOTE_BYTES + 1);

	if (n <= QUOTE_BYTES)
		return weir_arena_printf(p->arena, "\"%s\"", s);
	n = QUOTE_BYTES;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80) /* not inside a character */
		n--;
	return weir_arena_printf(p->arena, "\"%.*s...\"", (int)n, s);
}

/* What a value is, for "must be ..., not ...". */
static const char *type_text(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "a mapping";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "empty";
	}
	return "?";
}

/* --- what was meant --- */

/* Levenshtein distance of texts shorter than 32, else large. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32];
	size_t la = strnlen(a, 32), lb = strnlen(b, 32);

	if (la >= 32 || lb >= 32)
		return 32;
	for (unsigned k = 0; k <= lb; k++)
		row[k] = k;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= lb; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (best > row[k] + 1)
				best = row[k] + 1;
			if (best > row[k - 1] + 1)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[lb];
}

const char *weir_meant(const char *key, size_t n, const char *(*get)(const void *, size_t),
		       const void *words)
{
	const char *found = NULL;
	unsigned best = strnlen(key, 32) < 5 ? 2 : 3; /* at this distance it is another word */

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(key, get(words, i));

		if (d < best) {
			best = d;
			found = get(words, i);
		}
	}
	return found;
}

/* --- objects --- */

static const char *field_key(const void *fields, size_t i)
{
	return ((const struct weir_field *)fields)[i].key;
}

static bool unknown_key(const struct weir_at *at, const char *key, const struct weir_field *fields,
			size_t n)
{
	const char *meant = weir_meant(key, n, field_key, fields);
	char allowed[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 used ? ", " : "", fields[i].key);
	if (meant)
		return weir_at_fail_key(at, key, "unknown key %s, did you mean \"%s\"? allowed: %s",
					weir_quote(at->p, key), meant, allowed);
	return weir_at_fail_key(at, key, "unknown key %s; allowed: %s", weir_quote(at->p, key),
				allowed);
}

/* All members have a field, whose value is then in values. An object has few of its fields: going
 * by its members is what takes little time of many objects. */
static bool known_keys(const struct weir_at *at, const struct weir_field *fields, size_t n,
		       const json_t *values[MAX_FIELDS])
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)at->v, key, v)
	{
		size_t i = 0;

		while (i < n && strcmp(fields[i].key, key) != 0)
			i++;
		if (i == n)
			return unknown_key(at, key, fields, n);
		values[i] = v;
	}
	return true;
}

static void store(void *to, uint8_t size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)to = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)v;
		break;
	default:
		assert(size == 4);
		*(uint32_t *)to = (uint32_t)v;
	}
}

static bool take_int(const struct weir_at *at, const struct weir_field *f, void *to)
{
	json_int_t v = json_integer_value(at->v);

	if (!json_is_integer(at->v))
		return weir_at_fail(at, "must be a whole number from %u to %u, not %s", f->lo,
				    f->hi, type_text(at->v));
	if (v < f->lo || v > f->hi)
		return weir_at_fail(at, "%" JSON_INTEGER_FORMAT " is not from %u to %u", v, f->lo,
				    f->hi);
	store(to, f->size, (uint64_t)v);
	return true;
}

bool weir_take_decimal(const struct weir_at *at, const struct weir_field *f, void *to)
{
	double v = json_number_value(at->v) * f->scale, steps = round(v);
	double lo = (double)f->lo / f->scale, hi = (double)f->hi / f->scale;

	if (!json_is_number(at->v))
		return weir_at_fail(at, "must be a number from %g to %g, not %s", lo, hi,
				    type_text(at->v));
	if (!(steps >= f->lo && steps <= f->hi))
		return weir_at_fail(at, "%g is not from %g to %g", json_number_value(at->v), lo,
				    hi);
	if (fabs(v - steps) > 1e-6)
		return weir_at_fail(at, "%g is not in steps of %g", json_number_value(at->v),
				    1.0 / f->scale);
	store(to, f->size, (uint64_t)steps);
	return true;
}

static bool take_value(const struct weir_at *at, const struct weir_field *f, void *base)
{
	void *to = (char *)base + f->offset;
	const char *text;

	switch (f->kind) {
	case WEIR_KIND_BOOL:
		if (!json_is_boolean(at->v))
			return weir_at_fail(at, "must be true or false, not %s", type_text(at->v));
		*(bool *)to = json_is_true(at->v);
		return true;
	case WEIR_KIND_INT:
		return take_int(at, f, to);
	case WEIR_KIND_DECIMAL:
		return weir_take_decimal(at, f, to);
	case WEIR_KIND_TEXT:
		if (!weir_take_string(at, f->hi, &text))
			return false;
		*(const char **)to = weir_arena_strdup(at->p->arena, text);
		return true;
	case WEIR_KIND_CUSTOM:
		return f->take(at, to);
	case WEIR_KIND_IGNORED:
		return true;
	}
	return false;
}

static void set_default(const struct weir_field *f, void *base)
{
	void *to = (char *)base + f->offset;

	if (f->kind == WEIR_KIND_BOOL)
		*(bool *)to = f->def;
	else if (f->kind == WEIR_KIND_INT || f->kind == WEIR_KIND_DECIMAL)
		store(to, f->size, f->def);
	else if (f->kind == WEIR_KIND_TEXT)
		*(const char **)to = f->text;
}

static bool take_members(const struct weir_at *at, const struct weir_field *fields, size_t n,
			 void *base, bool defaults)
{
	const json_t *values[MAX_FIELDS] = { NULL };

	assert(n <= MAX_FIELDS);
	if (!json_is_object(at->v))
		return weir_at_fail(at, "must be a mapping, not %s", type_text(at->v));
	if (!known_keys(at, fields, n, values))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct weir_at member = {
			.p = at->p, .up = at, .key = fields[i].key, .v = values[i]
		};

		if (!member.v || json_is_null(member.v)) {
			if (fields[i].required)
				return weir_at_fail(at, "%s is missing", fields[i].key);
			if (defaults)
				set_default(&fields[i], base);
		} else if (!take_value(&member, &fields[i], base)) {
			return false;
		}
	}
	return true;
}

bool weir_take_fields(const struct weir_at *at, const struct weir_field *fields, size_t n,
		      void *base)
{
	return take_members(at, fields, n, base, true);
}

bool weir_take_present(const struct weir_at *at, const struct weir_field *fields, size_t n,
		       void *base)
{
	return take_members(at, fields, n, base, false);
}

bool weir_take_list(const struct weir_at *at, uint32_t min, uint32_t max, size_t size,
		    weir_take_fn *take, void *out, uint32_t *n)
{
	return weir_take_list_and(at, min, max, 0, size, take, out, n);
}

bool weir_take_list_and(const struct weir_at *at, uint32_t min, uint32_t max, uint32_t room,
			size_t size, weir_take_fn *take, void *out, uint32_t *n)
{
	size_t count = json_array_size(at->v);
	char *items = NULL;

	if (!json_is_array(at->v))
		return weir_at_fail(at, "must be a list, not %s", type_text(at->v));
	if (count < min || count > max)
		return weir_at_fail(at, "has %zu items, not %u to %u", count, min, max);
	if (count + room)
		items = weir_arena_alloc(at->p->arena, count + room, size);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_at item = weir_at_item(at, i);

		if (!take(&item, items + i * size))
			return false;
	}
	memcpy(out, &items, sizeof(items));
	*n = (uint32_t)count;
	return true;
}

bool weir_take_string(const struct weir_at *at, size_t max, const char **out)
{
	if (!json_is_string(at->v))
		return weir_at_fail(at, "must be a text, not %s%s", type_text(at->v),
				    json_is_number(at->v) ? "; put it in quotes" : "");
	if (json_string_length(at->v) > max)
		return weir_at_fail(at, "is %zu bytes long, more than %zu",
				    json_string_length(at->v), max);
	if (strlen(json_string_value(at->v)) != json_string_length(at->v))
		return weir_at_fail(at, "holds a NUL character");
	*out = json_string_value(at->v);
	return true;
}

static const char *word(const void *words, size_t i)
{
	return ((const char *const *)words)[i];
}

bool weir_take_word(const struct weir_at *at, const char *const *words, unsigned *out)
{
	char allowed[200] = "";
	const char *s;
	size_t used = 0, n = 0;

	if (!weir_take_string(at, 4096, &s))
		return false;
	for (; words[n]; n++) {
		if (strcmp(s, word(words, n)) == 0) {
			*out = (unsigned)n;
			return true;
		}
		if (used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 used ? ", " : "", words[n]);
	}
	return weir_at_fail(at, "%s is not one of: %s", weir_quote(at->p, s), allowed);
}

bool weir_at_no_such(const struct weir_at *at, const char *what, const char *id, size_t n,
		     const char *(*get)(const void *, size_t), const void *all)
{
	const char *meant = weir_meant(id, n, get, all);
	char known[300] = "";
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", get(all, i));
	if (!n)
		return weir_at_fail(at, "no %s %s; there are none", what, weir_quote(at->p, id));
	if (meant)
		return weir_at_fail(at, "no %s %s, did you mean \"%s\"? %ss are: %s", what,
				    weir_quote(at->p, id), meant, what, known);
	return weir_at_fail(at, "no %s %s; %ss are: %s", what, weir_quote(at->p, id), what, known);
}
