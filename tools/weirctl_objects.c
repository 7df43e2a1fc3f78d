/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_objects.c - pools, monitors, load balancers, zones and records, one by one: list, show,
 * create, edit, enable, disable, delete. */
#include "weirctl_objects.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "model/yaml.h"
#include "weir/api.h"

/* The words of the command line, and what the agent calls them. */
static const struct kind {
	const char *word, *kind;
} kinds[] = {
	{ "pool", "pool" },        { "monitor", "monitor" }, { "group", "monitor_group" },
	{ "lb", "load_balancer" }, { "zone", "zone" },       { "record", "record" },
};

static int complain(const char *what, const char *which)
{
	weirctl_say(stderr, "weirctl: %s%s%s", which, *which ? ": " : "", what);
	fputc('\n', stderr);
	return WEIR_EXIT_INPUT;
}

void weirctl_random_id(char out[33])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* The path of a kind or of an object of it, to be freed. */
static char *path_of(const char *kind, const char *id)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", WEIR_API_OBJECTS, kind, id ? "/" : "") < 0)
		abort();
	return id ? weirctl_below(path, id) : path;
}

/* --- which object --- */

static const char *name_of(const json_t *o)
{
	const json_t *body = json_object_get(o, "object");
	const char *name = json_string_value(json_object_get(body, "name"));

	return name ? name : json_string_value(json_object_get(body, "description"));
}

/* By its id, or by its name if that is one object's. NULL: said. */
static const json_t *find(const json_t *all, const char *which)
{
	const json_t *o, *named = NULL;
	size_t i, n = 0;

	json_array_foreach(json_object_get(all, "objects"), i, o)
	{
		const char *name = name_of(o);

		if (!strcmp(weirctl_str(o, "id"), which))
			return o;
		if (name && !strcmp(name, which)) {
			named = o;
			n++;
		}
	}
	if (n == 1)
		return named;
	complain(n ? "several have this name: give an id" : "there is none of this id or name",
		 which);
	return NULL;
}

/* --- list --- */

static const char *const titles_of_pools[] = { "<NAME",    "<ID",      "<ENABLED", "<STATE",
					       ">HEALTHY", "<MONITOR", "<FROM",    NULL };
static const char *const titles_of_monitors[] = { "<ID",       "<TYPE", ">PORT",        "<PATH",
						  ">INTERVAL", "<FROM", "<DESCRIPTION", NULL };
static const char *const titles_of_groups[] = { "<ID", ">MEMBERS", "<FROM", "<DESCRIPTION", NULL };
static const char *const titles_of_lbs[] = { "<NAME",  "<ID",       "<ENABLED", "<PROXIED",
					     "<POOLS", "<FALLBACK", "<FROM",    NULL };
static const char *const titles_of_zones[] = { "<NAME", "<ID", "<FROM", NULL };
static const char *const titles_of_records[] = { "<NAME", "<TYPE", "<CONTENT", ">TTL",
						 "<ID",   "<FROM", NULL };

static const char *yes_or_no(const json_t *body, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(body, key);

	return (v ? json_is_true(v) : otherwise) ? "yes" : "no";
}

static void plain(struct weirctl_table *t, const char *text)
{
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", text);
}

static void number(struct weirctl_table *t, const json_t *body, const char *key)
{
	if (json_is_integer(json_object_get(body, key)))
		weirctl_table_add(t, WEIRCTL_PLAIN, "%lld", weirctl_int(body, key));
	else
		plain(t, "-");
}

static const json_t *state_of(const json_t *status, const char *id)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(status, "pools"), i,
			   p) if (!strcmp(weirctl_str(p, "id"), id)) return p;
	return NULL;
}

static void add_pool(struct weirctl_table *t, const json_t *o, const json_t *body,
		     const json_t *status)
{
	const json_t *is = state_of(status, weirctl_str(o, "id"));
	const char *state = is ? weirctl_str(is, "state") : "-";
	const char *monitor = weirctl_str(body, "monitor");
	bool good = !strcmp(state, "healthy"), bad = !strcmp(state, "critical");

	plain(t, weirctl_str(body, "name"));
	plain(t, weirctl_str(o, "id"));
	plain(t, yes_or_no(body, "enabled", true));
	weirctl_table_add(t, good ? WEIRCTL_GOOD : bad ? WEIRCTL_BAD : WEIRCTL_WARN, "%s", state);
	weirctl_table_add(t, WEIRCTL_PLAIN, "%lld/%zu", is ? weirctl_int(is, "healthy") : 0,
			  json_array_size(json_object_get(is, "origins")));
	plain(t, strcmp(monitor, "-") != 0 ? monitor : weirctl_str(body, "monitor_group"));
}

static void add_lb(struct weirctl_table *t, const json_t *o, const json_t *body)
{
	const json_t *pools = json_object_get(body, "default_pools"), *p;
	char text[200] = "";
	size_t i;

	json_array_foreach(pools, i, p)
	{
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", i ? "," : "",
			 json_is_string(p) ? json_string_value(p) : "?");
	}
	plain(t, weirctl_str(body, "name"));
	plain(t, weirctl_str(o, "id"));
	plain(t, yes_or_no(body, "enabled", true));
	plain(t, yes_or_no(body, "proxied", false));
	plain(t, text);
	plain(t, weirctl_str(body, "fallback_pool"));
}

static void add_row(struct weirctl_table *t, const char *kind, const json_t *o,
		    const json_t *status)
{
	const json_t *body = json_object_get(o, "object");
	const char *from = weirctl_yes(o, "file") ? "file" : "api";

	if (!strcmp(kind, "pool")) {
		add_pool(t, o, body, status);
		plain(t, from);
	} else if (!strcmp(kind, "load_balancer")) {
		add_lb(t, o, body);
		plain(t, from);
	} else if (!strcmp(kind, "monitor")) {
		plain(t, weirctl_str(o, "id"));
		plain(t, json_object_get(body, "type") ? weirctl_str(body, "type") : "http");
		number(t, body, "port");
		plain(t, weirctl_str(body, "path"));
		number(t, body, "interval");
		plain(t, from);
		plain(t, weirctl_str(body, "description"));
	} else if (!strcmp(kind, "monitor_group")) {
		plain(t, weirctl_str(o, "id"));
		weirctl_table_add(t, WEIRCTL_PLAIN, "%zu",
				  json_array_size(json_object_get(body, "members")));
		plain(t, from);
		plain(t, weirctl_str(body, "description"));
	} else if (!strcmp(kind, "record")) {
		plain(t, weirctl_str(body, "name"));
		plain(t, weirctl_str(body, "type"));
		plain(t, weirctl_str(body, "content"));
		number(t, body, "ttl");
		plain(t, weirctl_str(o, "id"));
		plain(t, from);
	} else {
		plain(t, weirctl_str(body, "name"));
		plain(t, weirctl_str(o, "id"));
		plain(t, from);
	}
}

static const char *const *titles_of(const char *kind)
{
	return !strcmp(kind, "pool")            ? titles_of_pools
	       : !strcmp(kind, "monitor")       ? titles_of_monitors
	       : !strcmp(kind, "monitor_group") ? titles_of_groups
	       : !strcmp(kind, "load_balancer") ? titles_of_lbs
	       : !strcmp(kind, "zone")          ? titles_of_zones
						: titles_of_records;
}

static int list(struct weirctl *ctl, const char *kind, const json_t *all)
{
	json_t *status = NULL;
	struct weirctl_table t;
	const json_t *o;
	size_t i;
	int rc;

	if (ctl->option[WEIRCTL_JSON])
		return weirctl_dump(json_object_get(all, "objects"));
	if (!strcmp(kind, "pool")) {
		status = weirctl_fetch(ctl, WEIR_API_STATUS, &rc);
		if (!status)
			return rc;
	}
	weirctl_table_init(&t, titles_of(kind));
	json_array_foreach(json_object_get(all, "objects"), i, o) add_row(&t, kind, o, status);
	weirctl_table_print(&t, ctl->colour);
	json_decref(status);
	return weirctl_flush();
}

/* --- KEY=VALUE and files --- */

/* An object of a YAML text; NULL: said, with what it is of. */
static json_t *read_yaml(const char *text, size_t len, const char *of)
{
	struct weir_lines *lines;
	struct weir_err err;
	json_t *out;

	if (!weir_yaml_parse(text, len, &out, &lines, &err)) {
		weirctl_say(stderr, "weirctl: %s:%u:%u: %s", of, err.line, err.column, err.text);
		fputc('\n', stderr);
		return NULL;
	}
	weir_lines_free(lines);
	if (json_is_object(out))
		return out;
	complain("must be an object", of);
	json_decref(out);
	return NULL;
}

/* One KEY=VALUE, whose value is YAML; false: said. */
static bool set_value(json_t *to, const char *arg)
{
	const char *is = strchr(arg, '=');
	json_t *one;
	char *text;
	int n;

	if (!is || is == arg) {
		complain("must be KEY=VALUE, as in enabled=false or origins='[{name: a, address: "
			 "192.0.2.11}]'",
			 arg);
		return false;
	}
	n = asprintf(&text, "%.*s: %s\n", (int)(is - arg), arg, is + 1);
	if (n < 0)
		abort();
	one = read_yaml(text, (size_t)n, arg);
	free(text);
	if (!one)
		return false;
	json_object_update(to, one);
	json_decref(one);
	return true;
}

json_t *weirctl_read_file(const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t n = 0, room = 0;
	json_t *out = NULL;

	while (f && !feof(f) && !ferror(f)) {
		text = weir_grow(text, room += 65536, 1);
		n += fread(text + n, 1, room - n, f);
	}
	if (!f || ferror(f))
		perror(path);
	else
		out = read_yaml(text, n, path);
	if (f && f != stdin)
		fclose(f);
	free(text);
	return out;
}

/* What is said of an object: by --file, and KEY=VALUE after that. NULL: said. */
static json_t *said(const struct weirctl *ctl, char *const *args)
{
	const char *file = ctl->option[WEIRCTL_FILE];
	json_t *body = file ? weirctl_read_file(file) : json_object();

	if (body && !file && !*args) {
		complain("needs KEY=VALUE, or --file", "");
		json_decref(body);
		return NULL;
	}
	for (; body && *args; args++) {
		if (set_value(body, *args))
			continue;
		json_decref(body);
		return NULL;
	}
	return body;
}

/* --- changes --- */

int weirctl_say_changed(struct weirctl *ctl, json_t *answer, int status)
{
	const json_t *note;
	size_t i;

	if (!answer)
		return status;
	if (ctl->option[WEIRCTL_JSON]) {
		status = weirctl_dump(answer);
	} else {
		json_array_foreach(json_object_get(answer, "notes"), i, note)
		{
			weirctl_say(stdout, "note: %s: %s", weirctl_str(note, "path"),
				    weirctl_str(note, "text"));
			putchar('\n');
		}
		weirctl_say(stdout, "revision %lld%s%s", weirctl_int(answer, "revision"),
			    json_object_get(answer, "id") ? ", id " : "",
			    json_object_get(answer, "id") ? weirctl_str(answer, "id") : "");
		putchar('\n');
		status = weirctl_flush();
	}
	json_decref(answer);
	return status;
}

static int change(struct weirctl *ctl, const char *method, const char *kind, const char *id,
		  json_t *body)
{
	char *path = path_of(kind, id);
	int status;
	json_t *answer = weirctl_send(ctl, method, path, body, &status);

	free(path);
	return weirctl_say_changed(ctl, answer, status);
}

static int on_one(struct weirctl *ctl, const char *verb, const char *kind, const json_t *o)
{
	const char *id = weirctl_str(o, "id");
	json_t *body;

	if (!strcmp(verb, "show"))
		return weirctl_dump(ctl->option[WEIRCTL_JSON] ? o : json_object_get(o, "object"));
	if (!strcmp(verb, "delete"))
		return change(ctl, "DELETE", kind, id, NULL);
	body = strcmp(verb, "edit") == 0
		       ? said(ctl, ctl->args + 2)
		       : json_pack("{s:b}", "enabled", strcmp(verb, "enable") == 0);
	return body ? change(ctl, "PATCH", kind, id, body) : WEIR_EXIT_INPUT;
}

static bool has_enabled(const char *kind)
{
	return !strcmp(kind, "pool") || !strcmp(kind, "load_balancer");
}

/* Whether the verb is one, and what stands behind it is what it takes; else said. */
static bool check(const char *kind, const char *verb, char *const *args)
{
	bool one = !strcmp(verb, "show") || !strcmp(verb, "delete") || !strcmp(verb, "edit") ||
		   (has_enabled(kind) && (!strcmp(verb, "enable") || !strcmp(verb, "disable")));

	if (!one && strcmp(verb, "list") != 0 && strcmp(verb, "create") != 0)
		return complain(has_enabled(kind) ? "must be list, show, create, edit, enable, "
						    "disable or delete"
						  : "must be list, show, create, edit or delete",
				verb),
		       false;
	if (one && !*args)
		return complain("needs an id or a name", verb), false;
	if ((!strcmp(verb, "list") && *args) || (one && strcmp(verb, "edit") != 0 && args[1]))
		return complain("takes no more than that", verb), false;
	return true;
}

int weirctl_object(struct weirctl *ctl)
{
	const char *kind = NULL, *verb = ctl->args[0];
	const json_t *o;
	json_t *all, *body;
	char *path;
	int status;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].word, ctl->command))
			kind = kinds[i].kind;
	if (!check(kind, verb, ctl->args + 1))
		return WEIR_EXIT_INPUT;
	if (!strcmp(verb, "create")) {
		body = said(ctl, ctl->args + 1);
		return body ? change(ctl, "POST", kind, NULL, body) : WEIR_EXIT_INPUT;
	}
	path = path_of(kind, NULL);
	all = weirctl_fetch(ctl, path, &status);
	free(path);
	if (!all)
		return status;
	if (!strcmp(verb, "list")) {
		status = list(ctl, kind, all);
	} else {
		o = find(all, ctl->args[1]);
		status = o ? on_one(ctl, verb, kind, o) : WEIR_EXIT_FAILED;
	}
	json_decref(all);
	return status;
}
