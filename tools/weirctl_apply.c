/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_apply.c - a file of objects and what is stored: what differs, and made the same. */
#include "weirctl_objects.h"

#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

/* Sections of a file, in the order in which objects refer to each other. */
static const struct section {
	const char *name, *kind;
} sections[] = {
	{ "monitors", "monitor" }, { "monitor_groups", "monitor_group" },
	{ "pools", "pool" },       { "load_balancers", "load_balancer" },
	{ "zones", "zone" },       { "records", "record" },
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

/* What the agent adds by itself. */
static const char *const stamps[] = { "id", "created_on", "modified_on" };

static void complain(const char *what, const char *which)
{
	weirctl_say(stderr, "weirctl: %s%s%s", which, *which ? ": " : "", what);
	fputc('\n', stderr);
}

static const char *text(const json_t *body, const char *key)
{
	const char *s = json_string_value(json_object_get(body, key));

	return s ? s : "";
}

/* --- the same object? --- */

static bool same_record(const json_t *a, const json_t *b)
{
	const json_t *data = json_object_get(a, "data"), *other = json_object_get(b, "data");

	return !strcasecmp(text(a, "name"), text(b, "name")) &&
	       !strcmp(text(a, "type"), text(b, "type")) &&
	       !strcmp(text(a, "content"), text(b, "content")) &&
	       (data == other || json_equal(data, other)); /* NULL equals nothing */
}

/* By id, if the file has one; else by name, and a record by all that makes it one. */
static bool is_it(const char *kind, const json_t *wanted, const json_t *o)
{
	const json_t *body = json_object_get(o, "object");
	const char *id = text(wanted, "id");

	if (strcmp(weirctl_str(o, "kind"), kind) != 0)
		return false;
	if (*id)
		return !strcmp(weirctl_str(o, "id"), id);
	if (!strcmp(kind, "record"))
		return same_record(wanted, body);
	return *text(wanted, "name") && !strcasecmp(text(wanted, "name"), text(body, "name"));
}

static json_t *find(const json_t *all, const char *kind, const json_t *wanted)
{
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(all, "objects"), i,
			   o) if (is_it(kind, wanted, o)) return o;
	return NULL;
}

static json_t *without_stamps(const json_t *body)
{
	json_t *out = json_copy((json_t *)body);

	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++)
		json_object_del(out, stamps[i]);
	return out;
}

/* --- differences --- */

struct differences {
	json_t *changes;           /* of WEIR_API_CHANGES */
	size_t new, changed, gone; /* objects */
	bool bad;                  /* said */
};

static void show_value(const json_t *v)
{
	char *s = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	weirctl_say(stdout, "%s", s ? s : "nothing");
	free(s);
}

static void show_member(const char *key, const json_t *was, const json_t *is)
{
	if (json_equal(was, is))
		return;
	weirctl_say(stdout, "    %s: ", key);
	show_value(was);
	fputs(" -> ", stdout);
	show_value(is);
	putchar('\n');
}

static void show_change(const struct weirctl *ctl, char sign, const char *kind, const char *name,
			const json_t *was, const json_t *is)
{
	enum weirctl_colour c = sign == '+'   ? WEIRCTL_GOOD
				: sign == '-' ? WEIRCTL_BAD
					      : WEIRCTL_WARN;
	char line[400];
	const char *key;
	json_t *v;

	snprintf(line, sizeof(line), "%c %s %s", sign, kind, name);
	weirctl_put(c, ctl->colour, line);
	putchar('\n');
	if (sign != '~')
		return;
	json_object_foreach((json_t *)was, key, v) show_member(key, v, json_object_get(is, key));
	json_object_foreach((json_t *)is, key, v) if (!json_object_get(was, key))
		show_member(key, NULL, v);
}

static void add_change(struct differences *d, const char *kind, const char *id, json_t *object)
{
	json_array_append_new(d->changes, json_pack("{s:s, s:s, s:o}", "kind", kind, "id", id,
						    "object", object ? object : json_null()));
}

/* The id of a new object. */
static const char *id_of_new(const char *kind, const json_t *wanted, char out[33])
{
	const char *id = text(wanted, "id");

	if (*id)
		return id;
	if (!strcmp(kind, "pool"))
		return text(wanted, "name");
	weirctl_random_id(out);
	return out;
}

static void compare(struct weirctl *ctl, struct differences *d, const char *kind, json_t *wanted,
		    json_t *o)
{
	json_t *is = without_stamps(wanted), *was = without_stamps(json_object_get(o, "object"));
	const char *name = *text(wanted, "name") ? text(wanted, "name") : text(wanted, "id");
	char room[33];

	if (o && json_equal(is, was)) {
		json_decref(is);
	} else if (o && weirctl_yes(o, "file")) {
		complain("stands in the agent's configuration file: edit it there", name);
		d->bad = true;
		json_decref(is);
	} else {
		show_change(ctl, o ? '~' : '+', kind, name, was, is);
		d->new += !o;
		d->changed += o != NULL;
		add_change(d, kind, o ? weirctl_str(o, "id") : id_of_new(kind, wanted, room), is);
	}
	json_decref(was);
	if (o)
		json_object_set_new(o, "wanted", json_true());
}

static void compare_section(struct weirctl *ctl, struct differences *d, const struct section *s,
			    const json_t *file, const json_t *all)
{
	json_t *wanted, *list = json_object_get(file, s->name);
	size_t i;

	if (list && !json_is_array(list)) {
		complain("must be a list", s->name);
		d->bad = true;
		return;
	}
	json_array_foreach(list, i, wanted)
	{
		if (json_is_object(wanted)) {
			compare(ctl, d, s->kind, wanted, find(all, s->kind, wanted));
		} else {
			complain("must be a list of objects", s->name);
			d->bad = true;
		}
	}
}

/* Those that are stored and not in the file. */
static void compare_rest(struct weirctl *ctl, struct differences *d, const json_t *all)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(all, "objects"), i, o)
	{
		const json_t *body = json_object_get(o, "object");

		if (weirctl_yes(o, "file") || weirctl_yes(o, "wanted"))
			continue;
		show_change(ctl, '-', weirctl_str(o, "kind"),
			    *text(body, "name") ? text(body, "name") : weirctl_str(o, "id"), NULL,
			    NULL);
		add_change(d, weirctl_str(o, "kind"), weirctl_str(o, "id"), NULL);
		d->gone++;
	}
}

static bool only_sections(const json_t *file)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)file, key, v)
	{
		bool is = false;

		for (size_t i = 0; i < N_SECTIONS; i++)
			is |= !strcmp(sections[i].name, key);
		if (is)
			continue;
		complain("is not monitors, monitor_groups, pools, load_balancers, zones or records",
			 key);
		return false;
	}
	return true;
}

/* False: *status is the exit status. */
static bool differ(struct weirctl *ctl, struct differences *d, int *status)
{
	json_t *file, *all = NULL;

	*status = WEIR_EXIT_INPUT;
	if (!ctl->option[WEIRCTL_FILE]) {
		complain("--file is missing", "");
		return false;
	}
	file = weirctl_read_file(ctl->option[WEIRCTL_FILE]);
	if (file && only_sections(file))
		all = weirctl_fetch(ctl, WEIR_API_OBJECTS, status);
	for (size_t i = 0; all && i < N_SECTIONS; i++)
		compare_section(ctl, d, &sections[i], file, all);
	if (all && ctl->option[WEIRCTL_PRUNE])
		compare_rest(ctl, d, all);
	json_decref(file);
	json_decref(all);
	if (all && d->bad)
		*status = WEIR_EXIT_INPUT;
	return all && !d->bad;
}

int weirctl_diff(struct weirctl *ctl)
{
	struct differences d = { .changes = json_array() };
	int status;
	bool done = differ(ctl, &d, &status);

	if (done) {
		status = weirctl_flush();
		if (!status && json_array_size(d.changes))
			status = WEIR_EXIT_DIFFERS;
	}
	json_decref(d.changes);
	return status;
}

int weirctl_apply(struct weirctl *ctl)
{
	struct differences d = { .changes = json_array() };
	int status;
	json_t *answer;

	if (!differ(ctl, &d, &status)) {
		json_decref(d.changes);
		return status;
	}
	if (!json_array_size(d.changes)) {
		puts("nothing differs");
		json_decref(d.changes);
		return weirctl_flush();
	}
	answer = weirctl_send(ctl, "POST", WEIR_API_CHANGES,
			      json_pack("{s:o}", "changes", d.changes), &status);
	if (answer)
		printf("%zu new, %zu changed, %zu gone: ", d.new, d.changed, d.gone);
	return weirctl_say_changed(ctl, answer, status);
}
