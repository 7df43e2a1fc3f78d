/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_override.c - what is said by hand of pools and endpoints. */
#include "weirctl.h"

#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

#define DAY_S 86400.0

/* Seconds of 90s, 30m, 2h, 1d or 90; negative: it is none of these. */
static double seconds_of(const char *text)
{
	static const char units[] = "smhd";
	static const double each[] = { 1, 60, 3600, DAY_S };
	const char *unit;
	char *end;
	double n = strtod(text, &end);

	if (*text < '0' || *text > '9')
		return -1;
	if (!*end)
		return n;
	unit = strchr(units, *end);
	return unit && !end[1] ? n * each[unit - units] : -1;
}

/* Who says it, as far as the system knows. */
static const char *me(void)
{
	const char *sudo = getenv("SUDO_USER"), *user = getenv("USER");

	return sudo && *sudo ? sudo : user && *user ? user : "weirctl";
}

/* The body of the request, the caller's; NULL: something is missing, which was said. */
static json_t *saying(const struct weirctl *ctl)
{
	const char *state = ctl->args[1], *lasts = ctl->option[WEIRCTL_FOR];
	double seconds = lasts ? seconds_of(lasts) : 0;
	json_t *body;

	if (!state || !ctl->option[WEIRCTL_REASON]) {
		fprintf(stderr, "weirctl: override takes up, down or drain and a --reason, or "
				"--clear\n");
		return NULL;
	}
	if (lasts && !(seconds > 0 && seconds <= 30 * DAY_S)) {
		fprintf(stderr,
			"weirctl: --for must be a time of up to 30 days, as in 90s, 30m, 2h "
			"or 1d, not \"%s\"\n",
			lasts);
		return NULL;
	}
	body = json_pack("{s:s, s:s, s:s}", "state",
			 strcmp(state, "drain") == 0 ? "draining" : state, "reason",
			 ctl->option[WEIRCTL_REASON], "by", me());
	if (!body)
		fprintf(stderr, "weirctl: --reason must be UTF-8\n");
	else if (lasts)
		json_object_set_new(body, "for", json_real(seconds));
	return body;
}

static int change(struct weirctl *ctl)
{
	bool clear = ctl->option[WEIRCTL_CLEAR];
	json_t *body = clear ? NULL : saying(ctl), *answer;
	int status;
	char *path;

	if (clear && (ctl->args[1] || ctl->option[WEIRCTL_REASON] || ctl->option[WEIRCTL_FOR])) {
		fprintf(stderr, "weirctl: --clear goes with a pool or POOL/ENDPOINT alone\n");
		return WEIR_EXIT_INPUT;
	}
	if (!clear && !body)
		return WEIR_EXIT_INPUT;
	if (asprintf(&path, "%s/%s", WEIR_API_OVERRIDES, ctl->args[0]) < 0)
		abort();
	answer = weirctl_change(ctl, path, body, &status);
	free(path);
	if (!answer)
		return status;
	json_decref(answer);
	return WEIR_EXIT_OK;
}

static void print_list(const json_t *overrides, bool colour)
{
	struct weirctl_table t;
	const json_t *o;
	size_t i;

	weirctl_table_init(&t, (const char *const[]){ "<POOL", "<ENDPOINT", "<STATE", "<BY",
						      "<UNTIL", "<REASON", NULL });
	json_array_foreach(json_object_get(overrides, "overrides"), i, o)
	{
		bool all = json_is_null(json_object_get(o, "origin"));

		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "pool"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", all ? "all" : weirctl_str(o, "origin"));
		weirctl_table_add(&t, WEIRCTL_WARN, "%s", weirctl_str(o, "state"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "by"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "until"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(o, "reason"));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	else
		puts("nothing is forced");
}

static int show(struct weirctl *ctl)
{
	int status;
	json_t *all = weirctl_fetch(ctl, WEIR_API_OVERRIDES, &status);

	return weirctl_show(ctl, all, status, print_list);
}

int weirctl_override(struct weirctl *ctl)
{
	if (ctl->args[0])
		return change(ctl);
	for (int i = 0; i < WEIRCTL_OPTION_COUNT; i++)
		if (ctl->option[i] && i != WEIRCTL_JSON) {
			fprintf(stderr, "weirctl: --%s goes with a pool or POOL/ENDPOINT\n",
				weirctl_option_name((enum weirctl_option)i));
			return WEIR_EXIT_INPUT;
		}
	return show(ctl);
}
