/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_drops.c - why packets and queries ended as they did, again and again, with the rate
 * since the look before. */
#include "weirctl.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "weir/api.h"

/* One answer of the agent, and the one before (NULL: it is the first). */
struct look {
	const json_t *now, *before;
	double sec; /* between them */
};

/* How fast a counter of r (packets, bytes) grows. Counters begin anew with new maps. */
static double rate(const struct look *l, const json_t *r, const char *key)
{
	const json_t *old;
	long long was = 0, is = weirctl_int(r, key);
	size_t i;

	json_array_foreach(json_object_get(l->before, "reasons"), i, old)
	{
		if (strcmp(weirctl_str(old, "reason"), weirctl_str(r, "reason")) == 0)
			was = weirctl_int(old, key);
	}
	return l->sec > 0 ? (double)(is >= was ? is - was : is) / l->sec : 0;
}

static const char *rate_text(const struct look *l, double per_s, char out[WEIRCTL_NUMBER])
{
	if (!l->before)
		return "-";
	if (per_s >= 100000)
		return weirctl_count((long long)per_s, out);
	snprintf(out, WEIRCTL_NUMBER, "%.*f", per_s > 0 && per_s < 100 ? 1 : 0, per_s);
	return out;
}

static void add_row(struct weirctl_table *t, const struct look *l, const json_t *r)
{
	bool drop = weirctl_yes(r, "drop");
	char text[WEIRCTL_NUMBER];

	weirctl_table_add(t, WEIRCTL_BAD, "%s", drop ? "DROP" : "");
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "reason"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%lld", weirctl_int(r, "packets"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_bytes(weirctl_int(r, "bytes"), text));
	weirctl_table_add(t, drop && rate(l, r, "packets") > 0 ? WEIRCTL_BAD : WEIRCTL_PLAIN, "%s",
			  rate_text(l, rate(l, r, "packets"), text));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", rate_text(l, 8 * rate(l, r, "bytes"), text));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_str(r, "text"));
}

static const char *now_text(char out[WEIRCTL_NUMBER])
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(out, WEIRCTL_NUMBER, "%H:%M:%S", &tm);
	return out;
}

/* Drops first; what never happened is left out. */
static void print_table(const struct weirctl *ctl, const struct look *l)
{
	struct weirctl_table t;
	const json_t *r;
	char text[WEIRCTL_NUMBER];
	size_t i;

	weirctl_say(stdout, "%s  %s at %s", now_text(text), weirctl_str(l->now, "node"), ctl->at);
	putchar('\n');
	weirctl_table_init(&t, (const char *const[]){ "<", "<REASON", ">PACKETS", ">BYTES",
						      ">PACKETS/S", ">BITS/S", "<MEANING", NULL });
	for (int drops = 1; drops >= 0; drops--) {
		json_array_foreach(json_object_get(l->now, "reasons"), i, r)
		{
			if (weirctl_yes(r, "drop") == drops && weirctl_int(r, "packets"))
				add_row(&t, l, r);
		}
	}
	if (t.n)
		weirctl_table_print(&t, ctl->colour);
	else
		puts("  nothing yet");
}

/* For a file or another program: columns that do not move, one line a reason. */
static void print_lines(const struct look *l)
{
	const json_t *r;
	char when[WEIRCTL_NUMBER], packets[WEIRCTL_NUMBER], bits[WEIRCTL_NUMBER];
	size_t i;

	now_text(when);
	if (!l->before)
		printf("%-8s  %-4s  %-20s %14s %16s %12s %12s\n", "TIME", "", "REASON", "PACKETS",
		       "BYTES", "PACKETS/S", "BITS/S");
	json_array_foreach(json_object_get(l->now, "reasons"), i, r)
	{
		if (!weirctl_int(r, "packets"))
			continue;
		weirctl_say(stdout, "%-8s  %-4s  %-20s %14lld %16lld %12s %12s", when,
			    weirctl_yes(r, "drop") ? "DROP" : "", weirctl_str(r, "reason"),
			    weirctl_int(r, "packets"), weirctl_int(r, "bytes"),
			    rate_text(l, rate(l, r, "packets"), packets),
			    rate_text(l, 8 * rate(l, r, "bytes"), bits));
		putchar('\n');
	}
}

/* The agent's object in one line, with the rates in each reason. */
static void print_json(const struct look *l)
{
	json_t *out = json_deep_copy(l->now), *r;
	size_t i;

	json_array_foreach(json_object_get(out, "reasons"), i, r)
	{
		json_object_set_new(r, "packets_per_s",
				    l->before ? json_real(rate(l, r, "packets")) : json_null());
		json_object_set_new(r, "bytes_per_s",
				    l->before ? json_real(rate(l, r, "bytes")) : json_null());
	}
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(out);
}

static void print(const struct weirctl *ctl, const json_t *now, const json_t *before, bool again)
{
	struct look l = { .now = now, .before = before };

	if (before)
		l.sec = (double)(weirctl_int(now, "clock_ms") - weirctl_int(before, "clock_ms")) /
			1000;
	if (ctl->option[WEIRCTL_JSON]) {
		print_json(&l);
	} else if (isatty(STDOUT_FILENO)) {
		if (again)
			fputs("\033[H\033[2J", stdout); /* home, all clear */
		print_table(ctl, &l);
	} else {
		print_lines(&l);
	}
}

/* Until the n-th interval after start. */
static void wait_for(const struct timespec *start, double interval, double n)
{
	double at = (double)start->tv_nsec / 1e9 + n * interval;
	struct timespec until = { .tv_sec = start->tv_sec + (time_t)at };

	until.tv_nsec = (long)((at - (double)(time_t)at) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
}

int weirctl_drops(struct weirctl *ctl)
{
	double interval = 1, count = 0;
	struct timespec start;
	json_t *before = NULL, *now;
	int status = WEIR_EXIT_OK;

	if (!weirctl_number(ctl, WEIRCTL_INTERVAL, 0.1, 3600, 0.001, &interval) ||
	    !weirctl_number(ctl, WEIRCTL_COUNT, 1, 1e9, 1, &count))
		return WEIR_EXIT_INPUT;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (double n = 0; status == WEIR_EXIT_OK && (!count || n < count); n++) {
		if (n > 0)
			wait_for(&start, interval, n);
		now = weirctl_fetch(ctl, WEIR_API_REASONS, &status);
		if (!now)
			break;
		print(ctl, now, before, count != 1);
		status = weirctl_flush();
		json_decref(before);
		before = now;
	}
	json_decref(before);
	return status;
}
