/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_explain.c - what a DNS question is answered, and which rule says so; zones as files. */
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"
#include "weirctl.h"

static void print_members(const json_t *lb, bool colour)
{
	static const char *const titles[] = { "<POOL",  "<ORIGIN", "<ADDRESS", ">WEIGHT",
					      "<STATE", "<REASON", NULL };
	struct weirctl_table t;
	const json_t *m;
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(lb, "members"), i, m)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(m, "pool"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(m, "origin"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(m, "address"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld", weirctl_int(m, "weight"));
		weirctl_table_add(
			&t, weirctl_yes(m, "answered") ? WEIRCTL_GOOD : WEIRCTL_WARN, "%s",
			weirctl_yes(m, "answered") ? weirctl_str(m, "state") : "not answered");
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(m, "reason"));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
}

static void print_balancer(const json_t *lb, bool colour)
{
	const json_t *where = json_object_get(lb, "location"), *rule;
	size_t i;

	if (weirctl_yes(lb, "proxied")) {
		puts("  proxied: its VIPs, whatever the health");
		return;
	}
	weirctl_say(stdout, "  DNS-only, steering by %s%s", weirctl_str(lb, "steering_policy"),
		    weirctl_yes(lb, "fallback") ? "; nobody is healthy: the last resort" : "");
	putchar('\n');
	if (json_is_string(json_object_get(lb, "pool_set"))) {
		weirctl_say(stdout, "  pool set %s is for the client", weirctl_str(lb, "pool_set"));
		putchar('\n');
	}
	json_array_foreach(json_object_get(lb, "rules"), i, rule)
	{
		weirctl_say(stdout, "  rule %s holds", json_string_value(rule));
		putchar('\n');
	}
	if (json_is_object(where)) {
		weirctl_say(stdout, "  the client is in %s, region %s, by its %s",
			    weirctl_str(where, "country"), weirctl_str(where, "region"),
			    weirctl_str(where, "by"));
		putchar('\n');
	}
	print_members(lb, colour);
}

static void print_step(const json_t *step, bool colour)
{
	const char *kind = weirctl_str(step, "kind"), *name = weirctl_str(step, "name");
	const char *zone = weirctl_str(step, "zone"), *by = weirctl_str(step, "by");
	const json_t *lb = json_object_get(step, "load_balancer");

	if (!strcmp(kind, "outside"))
		weirctl_say(stdout, "%s is in none of the zones", name);
	else if (!strcmp(kind, "delegated"))
		weirctl_say(stdout, "%s: zone %s delegates %s to others", name, zone, by);
	else if (!strcmp(kind, "wildcard"))
		weirctl_say(stdout, "%s is not there: %s answers for it, of %s of zone %s", name,
			    by, weirctl_str(step, "from"), zone);
	else if (!strcmp(kind, "missing"))
		weirctl_say(stdout, "%s is not there in zone %s", name, zone);
	else if (!strcmp(kind, "empty"))
		weirctl_say(stdout, "%s only has names below it in zone %s", name, zone);
	else
		weirctl_say(stdout, "%s: %s of zone %s", name, weirctl_str(step, "from"), zone);
	putchar('\n');
	if (json_is_object(lb))
		print_balancer(lb, colour);
}

static void print_section(const json_t *answer, const char *key, const char *title)
{
	const json_t *lines = json_object_get(answer, key), *line;
	size_t i;

	if (!json_array_size(lines))
		return;
	puts(title);
	json_array_foreach(lines, i, line)
	{
		fputs("  ", stdout);
		weirctl_say(stdout, "%s", json_string_value(line));
		putchar('\n');
	}
}

static void print_explained(const json_t *answer, bool colour)
{
	static const char *const rcodes[] = { "NOERROR",  "FORMERR", "SERVFAIL",
					      "NXDOMAIN", "NOTIMP",  "REFUSED" };
	long long rcode = weirctl_int(answer, "rcode");
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(answer, "steps"), i, step) print_step(step, colour);
	printf("\n%s%s\n", rcode >= 0 && rcode < 6 ? rcodes[rcode] : "?",
	       weirctl_yes(answer, "authoritative") ? "" : ", not authoritative");
	print_section(answer, "answer", "ANSWER");
	print_section(answer, "authority", "AUTHORITY");
	print_section(answer, "additional", "ADDITIONAL");
}

static int show(struct weirctl *ctl, char *path, void (*print)(const json_t *answer, bool colour))
{
	int exit_status;
	json_t *answer = weirctl_fetch(ctl, path, &exit_status);

	free(path);
	return weirctl_show(ctl, answer, exit_status, print);
}

int weirctl_explain(struct weirctl *ctl)
{
	char *path = weirctl_ask(strdup(WEIR_API_DNS_EXPLAIN), "name", ctl->args[1]);

	path = weirctl_ask(path, "type", ctl->args[2] ? ctl->args[2] : "A");
	if (ctl->option[WEIRCTL_CLIENT])
		path = weirctl_ask(path, "client", ctl->option[WEIRCTL_CLIENT]);
	if (ctl->option[WEIRCTL_SUBNET])
		path = weirctl_ask(path, "subnet", ctl->option[WEIRCTL_SUBNET]);
	return show(ctl, path, print_explained);
}

static void print_file(const json_t *answer, bool colour)
{
	(void)colour;
	fputs(weirctl_str(answer, "file"), stdout);
}

int weirctl_zone_file(struct weirctl *ctl)
{
	return show(ctl, weirctl_ask(strdup(WEIR_API_ZONE_FILE), "name", ctl->args[1]), print_file);
}
