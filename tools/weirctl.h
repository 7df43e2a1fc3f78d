/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl.h - what the files of weirctl share. */
#ifndef WEIR_TOOLS_WEIRCTL_H
#define WEIR_TOOLS_WEIRCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum weirctl_colour {
	WEIRCTL_PLAIN,
	WEIRCTL_GOOD,
	WEIRCTL_WARN,
	WEIRCTL_BAD
};

/* text, in a colour if the terminal wants one; without control characters. */
void weirctl_put(enum weirctl_colour c, bool colour, const char *text);

/* Prints without control characters; a newline is one, too. */
void weirctl_say(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Columns as wide as they must be. */
struct weirctl_table {
	const char *const *titles; /* "<NAME" is to the left, ">NAME" to the right; NULL ends */
	struct weirctl_cell *cells;
	size_t n, columns;
};

void weirctl_table_init(struct weirctl_table *t, const char *const *titles);
void weirctl_table_add(struct weirctl_table *t, enum weirctl_colour c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints, indented by two, and empties t. */
void weirctl_table_print(struct weirctl_table *t, bool colour);

/* Numbers for people, into out; each returns out. */
#define WEIRCTL_NUMBER 32
const char *weirctl_count(long long n, char out[WEIRCTL_NUMBER]);      /* 99999, 123.4k */
const char *weirctl_bytes(long long n, char out[WEIRCTL_NUMBER]);      /* 1.5 MiB */
const char *weirctl_duration(long long sec, char out[WEIRCTL_NUMBER]); /* 3m12s */
const char *weirctl_rtt(long long us, char out[WEIRCTL_NUMBER]);       /* 0.31 ms */

/* How long ago an RFC 3339 time was; "-" for one that is not. */
const char *weirctl_ago(const char *when, char out[WEIRCTL_NUMBER]);

/* Prints the agent's status for people. */
void weirctl_print_status(const json_t *status, bool colour);

#endif
