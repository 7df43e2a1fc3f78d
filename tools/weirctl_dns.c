/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_dns.c - what became of DNS queries: in all, by zone, by name. */
#include "weirctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

#define ROWS 20 /* of zones and names, unless --count says how many */

static void add_count(struct weirctl_table *t, long long n)
{
	char text[WEIRCTL_NUMBER];

	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_count(n, text));
}

static void print_outcomes(const json_t *all, bool colour)
{
	static const char *const titles[] = { "<OUTCOME", ">QUERIES", "<MEANING", NULL };
	struct weirctl_table t;
	const json_t *o;
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(all, "outcomes"), i, o)
	{
		if (!weirctl_int(o, "queries"))
			continue;
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "outcome"));
		add_count(&t, weirctl_int(o, "queries"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "text"));
	}
	puts("QUERIES");
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("  none yet");
}

static int by_queries(const void *a, const void *b)
{
	long long x = weirctl_int(*(const json_t *const *)a, "queries");
	long long y = weirctl_int(*(const json_t *const *)b, "queries");

	return (x < y) - (x > y);
}

static void print_zones(const json_t *all, size_t rows, bool colour)
{
	static const char *const titles[] = { "<ZONE",     ">QUERIES",  ">ANSWER",    ">NODATA",
					      ">NXDOMAIN", ">REFERRAL", ">TRUNCATED", NULL };
	const json_t *zones = json_object_get(all, "zones");
	size_t n = json_array_size(zones);
	const json_t **sorted = calloc(n + 1, sizeof(const json_t *));
	struct weirctl_table t;

	if (!sorted)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(zones, i);
	qsort(sorted, n, sizeof(const json_t *), by_queries);
	weirctl_table_init(&t, titles);
	for (size_t i = 0; i < n && i < rows && weirctl_int(sorted[i], "queries"); i++) {
		const json_t *outcomes = json_object_get(sorted[i], "outcomes");

		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(sorted[i], "zone"));
		add_count(&t, weirctl_int(sorted[i], "queries"));
		for (int k = 2; titles[k]; k++)
			add_count(&t, weirctl_int(outcomes, titles[k] + 1));
	}
	if (t.n) {
		puts("\nZONES");
		weirctl_table_print(&t, colour);
	}
	free(sorted);
}

static void print_workers(const json_t *all, bool colour)
{
	static const char *const titles[] = { ">CPU", ">QUERIES", ">ANSWERS", NULL };
	struct weirctl_table t;
	const json_t *w;
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(all, "workers"), i, w)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%lld", weirctl_int(w, "cpu"));
		add_count(&t, weirctl_int(w, "queries"));
		add_count(&t, weirctl_int(w, "answers"));
	}
	puts("\nWORKERS");
	weirctl_table_print(&t, colour);
}

static void print_tap(const json_t *all)
{
	const json_t *tap = json_object_get(all, "dnstap");

	if (!json_is_object(tap))
		return;
	printf("\ndnstap: %s; %lld messages, %lld of them written, %lld lost for want of room\n",
	       weirctl_yes(tap, "open") ? "open" : "nobody takes it", weirctl_int(tap, "sampled"),
	       weirctl_int(tap, "written"), weirctl_int(tap, "lost"));
}

static void print_names(const json_t *all, size_t rows, bool colour)
{
	static const char *const titles[] = { "<NAME", ">QUERIES", NULL };
	struct weirctl_table t;
	const json_t *name;
	char text[WEIRCTL_NUMBER];
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(all, "names"), i, name)
	{
		if (i == rows)
			break;
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(name, "name"));
		weirctl_count(weirctl_int(name, "queries"), text);
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s%s",
				  weirctl_int(name, "over") ? "at most " : "", text);
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("  none yet");
}

int weirctl_dns(struct weirctl *ctl)
{
	const char *what = ctl->args[0];
	bool top = what && !strcmp(what, "top");
	double rows = ROWS;
	int status;
	json_t *all;

	if (what && !strcmp(what, "explain") && ctl->args[1])
		return weirctl_explain(ctl);
	if (what && !strcmp(what, "zone") && ctl->args[1] && !ctl->args[2])
		return weirctl_zone_file(ctl);
	if (what && (!top || ctl->args[1])) {
		weirctl_say(
			stderr,
			"weirctl: dns takes top, explain NAME [TYPE], zone NAME or nothing, not "
			"\"%s\"",
			what);
		fputc('\n', stderr);
		return WEIR_EXIT_INPUT;
	}
	if (!weirctl_number(ctl, WEIRCTL_COUNT, 1, 100000, 1, &rows))
		return WEIR_EXIT_INPUT;
	all = weirctl_fetch(ctl, WEIR_API_DNS, &status);
	if (!all)
		return status;
	if (ctl->option[WEIRCTL_JSON]) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (top) {
		print_names(all, (size_t)rows, ctl->colour);
	} else {
		print_outcomes(all, ctl->colour);
		print_zones(all, (size_t)rows, ctl->colour);
		print_workers(all, ctl->colour);
		print_tap(all);
	}
	json_decref(all);
	return weirctl_flush();
}
