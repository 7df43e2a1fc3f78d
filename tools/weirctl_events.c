/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_events.c - what happened to pools and endpoints. */
#include "weirctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir/api.h"

#define USUAL 20
#define MOST  1000

static void print_line(const json_t *event, const json_t *of, const char *name, const char *address,
		       bool colour)
{
	const json_t *pool = json_object_get(event, "pool");
	bool healthy = weirctl_yes(of, "healthy");

	weirctl_say(stdout, "%s  pool %s", weirctl_str(event, "timestamp"),
		    weirctl_str(pool, "name"));
	if (name)
		weirctl_say(stdout, ", %s (%s)", name, address);
	fputs(" is ", stdout);
	weirctl_put(healthy ? WEIRCTL_GOOD : WEIRCTL_BAD, colour,
		    healthy ? "healthy" : "unhealthy");
	if (name)
		weirctl_say(stdout, ": %s", weirctl_str(of, "failure_reason"));
	putchar('\n');
}

static void print(const struct weirctl *ctl, const json_t *event)
{
	const json_t *pool = json_object_get(event, "pool"), *o;
	size_t i;

	if (ctl->option[WEIRCTL_JSON]) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	json_array_foreach(json_object_get(event, "origins"), i, o) if (weirctl_yes(o, "changed"))
		print_line(event, o, weirctl_str(o, "name"), weirctl_str(o, "address"),
			   ctl->colour);
	if (weirctl_yes(pool, "changed"))
		print_line(event, pool, NULL, NULL, ctl->colour);
}

/* Those above *after, oldest first; *after is the last one then. The exit status. */
static int show(struct weirctl *ctl, double count, long long *after)
{
	char number[WEIRCTL_NUMBER];
	char *path = strdup(WEIR_API_EVENTS);
	const json_t *events;
	json_t *answer;
	int status;

	snprintf(number, sizeof(number), "%lld", *after);
	path = weirctl_ask(path, "after", number);
	snprintf(number, sizeof(number), "%.0f", count);
	path = weirctl_ask(path, "limit", number);
	if (ctl->option[WEIRCTL_POOL])
		path = weirctl_ask(path, "pool", ctl->option[WEIRCTL_POOL]);
	answer = weirctl_fetch(ctl, path, &status);
	free(path);
	if (!answer)
		return status;
	events = json_object_get(answer, "events");
	for (size_t i = json_array_size(events); i--;) {
		print(ctl, json_array_get(events, i));
		*after = weirctl_int(json_array_get(events, i), "id");
	}
	json_decref(answer);
	return weirctl_flush();
}

int weirctl_events(struct weirctl *ctl)
{
	double count = USUAL;
	long long after = 0;
	int status;

	if (!weirctl_number(ctl, WEIRCTL_COUNT, 0, MOST, 1, &count))
		return WEIR_EXIT_INPUT;
	status = show(ctl, count, &after);
	while (!status && ctl->option[WEIRCTL_FOLLOW]) {
		sleep(1);
		status = show(ctl, MOST, &after);
	}
	return status;
}
