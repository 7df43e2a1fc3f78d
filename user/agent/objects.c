/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.c - the objects of the configuration file and of the store as one document. */
#include "agent/objects.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/hash.h"

/* Sections of a document, and the kinds of objects in them. */
static const struct section {
	const char *kind, *name;
} sections[] = {
	{ "monitor", "monitors" }, { "monitor_group", "monitor_groups" },
	{ "pool", "pools" },       { "load_balancer", "load_balancers" },
	{ "zone", "zones" },       { "record", "records" },
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static const struct section *section_of(const char *kind)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (!strcmp(sections[i].kind, kind))
			return &sections[i];
	return NULL;
}

/* --- ids --- */

/* What the file gives no id to is named by what it is, so that it stays the same when the file is
 * read again: 32 hexadecimal digits. */
static void make_id(const char *what, char out[33])
{
	size_t n = strlen(what);

	snprintf(out, 33, "%016llx%016llx", (unsigned long long)weir_hash_bytes(1, what, n),
		 (unsigned long long)weir_hash_bytes(2, what, n));
}

static void id_of_content(const json_t *body, char out[33])
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);

	make_id(text ? text : "", out);
	free(text);
}

/* As the model has domain names: lower case, no final dot. */
static void domain_of(const char *name, char *out, size_t size)
{
	size_t n;

	snprintf(out, size, "%s", name);
	n = strlen(out);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
	if (n > 1 && out[n - 1] == '.')
		out[n - 1] = 0;
}

/* The id that the model has of it, or one of ours; out has room for a name. */
static const char *id_of(const struct section *s, const json_t *body, char *out, size_t size)
{
	const char *id = json_string_value(json_object_get(body, "id"));
	const char *name = json_string_value(json_object_get(body, "name"));

	if (id)
		return id;
	if (!name)
		name = "";
	if (!strcmp(s->kind, "pool")) {
		return name;
	} else if (!strcmp(s->kind, "load_balancer")) {
		domain_of(name, out, size);
	} else if (!strcmp(s->kind, "zone")) {
		domain_of(name, out, size);
		make_id(out, out);
	} else {
		id_of_content(body, out);
	}
	return out;
}

/* --- the two together --- */

/* The file's objects of a section as id -> body, each with its id. What is there twice is the
 * parser's to refuse. */
static json_t *of_file(const struct section *s, const json_t *list)
{
	json_t *out = json_object(), *item;
	char room[512];
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *id = id_of(s, item, room, sizeof(room));
		json_t *body = json_copy(item);

		if (!json_object_get(body, "id"))
			json_object_set_new(body, "id", json_string(id));
		json_object_set_new(out, id, body);
	}
	return out;
}

/* A section of the document: what the file has, and behind it what is stored. */
static void add_section(json_t *document, json_t *list, const struct section *s,
			const json_t *stored)
{
	json_t *both, *body;
	const char *id;

	if (!json_object_size(stored)) {
		if (list)
			json_object_set(document, s->name, list);
		else
			json_object_del(document, s->name);
		return;
	}
	both = json_is_array(list) ? json_copy(list) : json_array();
	json_object_foreach((json_t *)stored, id, body) json_array_append(both, body);
	json_object_set_new(document, s->name, both);
}

/* Everything of one kind from what the file and the store have of it. */
static void put_together(struct agent_objects *o, const struct section *s)
{
	json_t *all = json_copy(json_object_get(o->of_file, s->kind));
	json_t *more = json_object_get(o->stored, s->kind);

	if (more)
		json_object_update_missing(all, more);
	json_object_set_new(o->all, s->kind, all);
	add_section(o->document, json_object_get(o->file, s->name), s, more);
}

struct agent_objects *agent_objects_new(json_t *file, json_t *stored)
{
	struct agent_objects *o = weir_new(struct agent_objects);

	*o = (struct agent_objects){
		.file = json_incref(file),
		.stored = json_incref(stored),
		.document = json_copy(file),
		.of_file = json_object(),
		.all = json_object(),
		.none = json_object(),
	};
	for (size_t i = 0; i < N_SECTIONS; i++) {
		const struct section *s = &sections[i];

		json_object_set_new(o->of_file, s->kind,
				    of_file(s, json_object_get(file, s->name)));
		put_together(o, s);
	}
	return o;
}

void agent_objects_free(struct agent_objects *o)
{
	if (!o)
		return;
	json_decref(o->file);
	json_decref(o->stored);
	json_decref(o->document);
	json_decref(o->of_file);
	json_decref(o->all);
	json_decref(o->none);
	free(o);
}

/* --- one object changes --- */

/* In a copy of stored: what is shared with was stays as it is there. */
static void change_one(json_t *stored, const json_t *was, const json_t *change)
{
	const char *kind = json_string_value(json_object_get(change, "kind"));
	const char *id = json_string_value(json_object_get(change, "id"));
	json_t *body = json_object_get(change, "body");
	json_t *of = json_object_get(stored, kind);

	if (of == json_object_get(was, kind)) {
		of = of ? json_copy(of) : json_object();
		json_object_set_new(stored, kind, of);
	}
	if (json_is_object(body))
		json_object_set(of, id, body);
	else
		json_object_del(of, id);
}

struct agent_objects *agent_objects_change(const struct agent_objects *was, const json_t *changes)
{
	struct agent_objects *o = weir_new(struct agent_objects);
	const json_t *change;
	size_t i;

	*o = (struct agent_objects){
		.file = json_incref(was->file),
		.stored = json_copy(was->stored),
		.document = json_copy(was->document),
		.of_file = json_incref(was->of_file),
		.all = json_copy(was->all),
		.none = json_object(),
	};
	json_array_foreach(changes, i, change) change_one(o->stored, was->stored, change);
	for (i = 0; i < N_SECTIONS; i++)
		if (json_object_get(o->stored, sections[i].kind) !=
		    json_object_get(was->stored, sections[i].kind))
			put_together(o, &sections[i]);
	return o;
}

/* --- where a path of the document leads --- */

/* The object that stands at this place of a section; its id. */
static const char *at_place(const struct agent_objects *o, const struct section *s, size_t nth,
			    bool *stored)
{
	size_t n_file = json_array_size(json_object_get(o->file, s->name)), i = n_file;
	json_t *body;
	const char *id;

	*stored = nth >= n_file;
	if (!*stored)
		return NULL;
	json_object_foreach(json_object_get(o->stored, s->kind), id,
			    body) if (i++ == nth) return id;
	return NULL;
}

bool agent_objects_place(const struct agent_objects *o, const char *path, const char **kind,
			 const char **id, const char **rest)
{
	size_t n = strcspn(path, "[");
	char *end;
	bool stored;

	for (size_t i = 0; i < N_SECTIONS && path[n]; i++) {
		const struct section *s = &sections[i];
		unsigned long nth;

		if (strlen(s->name) != n || strncmp(s->name, path, n) != 0)
			continue;
		nth = strtoul(path + n + 1, &end, 10);
		*kind = s->kind;
		*id = at_place(o, s, nth, &stored);
		*rest = *end == ']' ? end + 1 + (end[1] == '.') : end;
		return *id != NULL;
	}
	return false;
}

void agent_objects_explain(const struct agent_objects *o, struct weir_err *err)
{
	const char *kind, *id, *rest;
	char path[sizeof(err->path)];

	if (!agent_objects_place(o, err->path, &kind, &id, &rest))
		return;
	snprintf(path, sizeof(path), "stored %s %s%s%s", kind, id, *rest ? ": " : "", rest);
	memcpy(err->path, path, sizeof(path));
}

bool agent_objects_is_mixed(const struct agent_objects *o)
{
	bool mixed = false;

	for (size_t i = 0; i < N_SECTIONS; i++)
		mixed |= json_object_size(json_object_get(o->stored, sections[i].kind)) > 0;
	return mixed;
}

bool agent_objects_is_models(const char *kind)
{
	return section_of(kind) != NULL;
}

/* --- those who show them --- */

const json_t *weir_agent_objects(const struct weir_agent *a, const char *kind)
{
	const json_t *of =
		json_object_get(section_of(kind) ? a->objects->all : a->objects->stored, kind);

	return of ? of : a->objects->none;
}

const json_t *weir_agent_object(const struct weir_agent *a, const char *kind, const char *id)
{
	return json_object_get(weir_agent_objects(a, kind), id);
}

bool weir_agent_is_files(const struct weir_agent *a, const char *kind, const char *id)
{
	return json_object_get(json_object_get(a->objects->of_file, kind), id) != NULL;
}
