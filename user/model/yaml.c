/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml.c - libyaml's events into a JSON value, and a tree of where each value stands.
 * Nesting is a stack of WEIR_YAML_MAX_DEPTH frames, not recursion. */
#include "model/yaml.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "model/scalar.h"

/* Values of a document: four times what the largest configuration has. */
#define MAX_VALUES (4u << 20)
#define CORE       "tag:yaml.org,2002:"

/* Where a value stands. Nodes refer to each other by index; 0 is the root, so as a child or
 * a sibling 0 means none. */
struct node {
	const char *key; /* NULL: an item of a list */
	uint32_t line, column;
	uint32_t child, next;
};

struct weir_lines {
	struct node *nodes;
	uint32_t n, room;
	struct weir_arena *keys;
};

/* A list or a mapping that is not closed yet. */
struct frame {
	json_t *value; /* owned by its parent, the first by struct reader */
	const char *key;
	yaml_mark_t key_mark;
	uint32_t node, last, items; /* last: its latest child */
};

struct reader {
	yaml_parser_t yaml;
	json_t *root;
	struct weir_lines *lines;
	struct weir_err *err;
	const char *text;
	size_t len;
	struct frame stack[WEIR_YAML_MAX_DEPTH];
	uint32_t depth;
	bool document; /* one was begun */
};

/* Of what is being read: in all frames but the innermost that is the child put last. */
static void path_of(const struct reader *r, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < r->depth && n < size; i++) {
		const struct frame *f = &r->stack[i];
		bool inner = i + 1 < r->depth;
		const char *key = inner ? r->lines->nodes[f->last].key : f->key;

		if (json_is_array(f->value))
			n += (size_t)snprintf(out + n, size - n, "[%u]", f->items - inner);
		else if (key)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "." : "", key);
	}
}

__attribute__((format(printf, 3, 4))) static bool fail(struct reader *r, yaml_mark_t at,
						       const char *fmt, ...)
{
	char path[sizeof(r->err->path)], text[sizeof(r->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	path_of(r, path, sizeof(path));
	weir_err_set(r->err, path, "%s", text);
	r->err->line = (unsigned)at.line + 1;
	r->err->column = (unsigned)at.column + 1;
	return false;
}

/* What libyaml says; its reader (bad UTF-8, control characters) knows an offset only. */
static bool fail_yaml(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;
	yaml_mark_t at = y->problem_mark;

	if (y->error == YAML_MEMORY_ERROR)
		abort();
	if (y->error == YAML_READER_ERROR) {
		at = (yaml_mark_t){ 0 };
		for (size_t i = 0; i < y->problem_offset && i < r->len; i++) {
			at.column = r->text[i] == '\n' ? 0 : at.column + 1;
			at.line += r->text[i] == '\n';
		}
	}
	weir_err_set(r->err, "", "not YAML: %s%s%s", y->context ? y->context : "",
		     y->context ? ": " : "", y->problem ? y->problem : "cannot be read");
	r->err->line = (unsigned)at.line + 1;
	r->err->column = (unsigned)at.column + 1;
	return false;
}

static uint32_t add_node(struct weir_lines *l, const char *key, yaml_mark_t at)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->nodes = weir_grow(l->nodes, l->room, sizeof(*l->nodes));
	}
	l->nodes[l->n] = (struct node){
		.key = key,
		.line = (uint32_t)at.line + 1,
		.column = (uint32_t)at.column + 1,
	};
	return l->n++;
}

/* Whether v is what the core tag says. */
static bool tag_fits(const char *tag, const json_t *v)
{
	const char *t = strncmp(tag, CORE, strlen(CORE)) == 0 ? tag + strlen(CORE) : "";

	return (strcmp(t, "int") == 0 && json_is_integer(v)) ||
	       (strcmp(t, "float") == 0 && json_is_number(v)) ||
	       (strcmp(t, "bool") == 0 && json_is_boolean(v)) ||
	       (strcmp(t, "null") == 0 && json_is_null(v)) ||
	       (strcmp(t, "map") == 0 && json_is_object(v)) ||
	       (strcmp(t, "seq") == 0 && json_is_array(v));
}

static json_t *scalar(struct reader *r, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	const char *tag = (const char *)e->data.scalar.tag;
	size_t len = e->data.scalar.length;
	json_t *v;

	if (memchr(s, 0, len)) {
		fail(r, e->start_mark, "a text with a NUL character");
		return NULL;
	}
	if (tag ? strcmp(tag, CORE "str") == 0 : e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		v = json_stringn(s, len);
	else
		v = weir_scalar_plain(s, len);
	if (!v)
		fail(r, e->start_mark, "%.60s is a number beyond 64 bits; put a text in quotes", s);
	else if (tag && strcmp(tag, CORE "str") != 0 && !tag_fits(tag, v)) {
		fail(r, e->start_mark, "the tag %s does not fit; leave it out", tag);
		json_decref(v);
		v = NULL;
	}
	return v;
}

/* Puts v, which it takes, where the next value belongs. False: error set. */
static bool put(struct reader *r, json_t *v, yaml_mark_t at, uint32_t *node)
{
	struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;
	int err;

	if (r->lines->n >= MAX_VALUES) {
		json_decref(v);
		return fail(r, at, "more values than any configuration has");
	}
	*node = add_node(r->lines, f ? f->key : NULL, f && f->key ? f->key_mark : at);
	if (!f) {
		r->root = v;
		return true;
	}
	if (f->last)
		r->lines->nodes[f->last].next = *node;
	else
		r->lines->nodes[f->node].child = *node;
	f->last = *node;
	if (json_is_array(f->value))
		err = json_array_append_new(f->value, v);
	else
		err = json_object_set_new(f->value, f->key, v);
	if (err)
		abort(); /* no memory: keys and texts were checked */
	f->items++;
	f->key = NULL;
	return true;
}

static bool take_key(struct reader *r, struct frame *f, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	json_t *v;

	if (e->type != YAML_SCALAR_EVENT)
		return fail(r, e->start_mark, "a key must be a text");
	v = scalar(r, e);
	if (!v)
		return false;
	if (!json_is_string(v)) {
		json_decref(v);
		return fail(r, e->start_mark, "a key must be a text; put %.60s in quotes", s);
	}
	json_decref(v);
	f->key = weir_arena_strdup(r->lines->keys, s);
	f->key_mark = e->start_mark;
	if (json_object_get(f->value, s))
		return fail(r, e->start_mark, "the key %.60s is here a second time", s);
	return true;
}

static bool open_frame(struct reader *r, json_t *v, const yaml_event_t *e, const char *tag)
{
	uint32_t node;

	if (tag && !tag_fits(tag, v)) {
		json_decref(v);
		return fail(r, e->start_mark, "the tag %s does not fit; leave it out", tag);
	}
	if (r->depth == WEIR_YAML_MAX_DEPTH) {
		json_decref(v);
		return fail(r, e->start_mark, "nested deeper than any configuration");
	}
	if (!put(r, v, e->start_mark, &node))
		return false;
	r->stack[r->depth++] = (struct frame){ .value = v, .node = node };
	return true;
}

static const char *text_of(const yaml_char_t *s)
{
	return (const char *)s;
}

static bool take_value(struct reader *r, const yaml_event_t *e)
{
	json_t *v;
	uint32_t node;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		v = scalar(r, e);
		return v && put(r, v, e->start_mark, &node);
	case YAML_SEQUENCE_START_EVENT:
		return open_frame(r, json_array(), e, text_of(e->data.sequence_start.tag));
	case YAML_MAPPING_START_EVENT:
		return open_frame(r, json_object(), e, text_of(e->data.mapping_start.tag));
	default:
		assert(!"an event that libyaml does not send here");
		return false;
	}
}

static bool has_anchor(const yaml_event_t *e)
{
	return (e->type == YAML_SCALAR_EVENT && e->data.scalar.anchor) ||
	       (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.anchor) ||
	       (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.anchor) ||
	       e->type == YAML_ALIAS_EVENT;
}

static bool take(struct reader *r, const yaml_event_t *e)
{
	struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;

	switch (e->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	case YAML_DOCUMENT_START_EVENT:
		if (r->document)
			return fail(r, e->start_mark, "a second document");
		r->document = true;
		return true;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return true;
	default:
		break;
	}
	if (has_anchor(e))
		return fail(r, e->start_mark, "anchors and aliases are not supported");
	if (f && json_is_object(f->value) && !f->key)
		return take_key(r, f, e);
	return take_value(r, e);
}

static bool read_all(struct reader *r)
{
	yaml_event_t e;
	bool ok = true, end = false;

	while (ok && !end) {
		if (!yaml_parser_parse(&r->yaml, &e))
			return fail_yaml(r);
		ok = take(r, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	return ok;
}

bool weir_yaml_parse(const char *text, size_t len, json_t **out, struct weir_lines **lines,
		     struct weir_err *err)
{
	struct reader *r;
	bool ok;

	if (len > WEIR_YAML_MAX_BYTES) {
		weir_err_set(err, "", "larger than %u MiB", WEIR_YAML_MAX_BYTES >> 20);
		err->line = err->column = 1;
		return false;
	}
	r = weir_new(struct reader);
	r->lines = weir_new(struct weir_lines);
	r->lines->keys = weir_arena_new();
	r->err = err;
	r->text = text;
	r->len = len;
	if (!yaml_parser_initialize(&r->yaml))
		abort();
	yaml_parser_set_input_string(&r->yaml, (const unsigned char *)text, len);
	ok = read_all(r);
	yaml_parser_delete(&r->yaml);
	if (ok) {
		*out = r->root ? r->root : json_object();
		*lines = r->lines;
	} else {
		json_decref(r->root);
		weir_lines_free(r->lines);
	}
	free(r);
	return ok;
}

/* How much of path this child's step takes, 0: it is not on the path. Keys may hold dots and
 * brackets, so they are compared as they are. */
static size_t step(const struct node *n, uint32_t index, const char *path)
{
	char item[16];
	const char *s = n->key;
	size_t len, dot = n->key && *path == '.';

	if (!s) {
		snprintf(item, sizeof(item), "[%u]", index);
		s = item;
	}
	len = strlen(s);
	if (strncmp(path + dot, s, len) != 0 || !strchr(".[", path[dot + len]))
		return 0;
	return dot + len;
}

void weir_lines_locate(const struct weir_lines *lines, struct weir_err *err)
{
	const char *path = err->path;
	uint32_t at = 0, best = 0;

	if (!lines->n)
		return;
	do {
		size_t len = 0;
		uint32_t index = 0;

		best = 0;
		for (uint32_t c = lines->nodes[at].child; c; c = lines->nodes[c].next, index++) {
			size_t n = step(&lines->nodes[c], index, path);

			if (n > len) {
				len = n;
				best = c;
			}
		}
		if (best)
			at = best;
		path += len;
	} while (best);
	err->line = lines->nodes[at].line;
	err->column = lines->nodes[at].column;
}

void weir_lines_free(struct weir_lines *lines)
{
	if (!lines)
		return;
	weir_arena_free(lines->keys);
	free(lines->nodes);
	free(lines);
}
