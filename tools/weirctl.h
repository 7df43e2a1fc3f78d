/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl.h - what the files of weirctl share. */
#ifndef WEIR_TOOLS_WEIRCTL_H
#define WEIR_TOOLS_WEIRCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"

/* Every option but --control, --help and --version: name, short form or 0, whether it has a value.
 * A command says which it takes. */
#define WEIRCTL_OPTIONS(X)                 \
	X(JSON, "json", 'j', false)        \
	X(INTERVAL, "interval", 'i', true) \
	X(COUNT, "count", 'n', true)       \
	X(SYN, "syn", 0, false)            \
	X(QUIC_ID, "quic-id", 0, true)     \
	X(WRITE, "write", 'w', true)       \
	X(SRC, "src", 0, true)             \
	X(DST, "dst", 0, true)             \
	X(SPORT, "sport", 0, true)         \
	X(DPORT, "dport", 0, true)         \
	X(PROTO, "proto", 0, true)         \
	X(REASON, "reason", 0, true)       \
	X(AT, "at", 0, true)               \
	X(SNAPLEN, "snaplen", 's', true)   \
	X(SECONDS, "seconds", 0, true)     \
	X(FOR, "for", 0, true)             \
	X(CLEAR, "clear", 0, false)        \
	X(SAMPLE, "sample", 0, true)       \
	X(RATE, "rate", 0, true)           \
	X(CLIENT, "client", 0, true)       \
	X(SUBNET, "subnet", 0, true)       \
	X(NAME, "name", 0, true)           \
	X(SCOPE, "scope", 0, true)         \
	X(FILE, "file", 'f', true)         \
	X(PRUNE, "prune", 0, false)        \
	X(FOLLOW, "follow", 0, false)      \
	X(POOL, "pool", 0, true)

enum weirctl_option {
#define WEIRCTL_OPTION_ENUM(id, name, letter, value) WEIRCTL_##id,
	WEIRCTL_OPTIONS(WEIRCTL_OPTION_ENUM)
#undef WEIRCTL_OPTION_ENUM
	WEIRCTL_OPTION_COUNT,
};

/* The command line, read. */
struct weirctl {
	char at[WEIR_SOCKADDR_TEXT];              /* where the agent listens */
	const char *option[WEIRCTL_OPTION_COUNT]; /* NULL: not given; a flag is "" */
	const char *command;                      /* its name */
	char *const *args;                        /* behind that; NULL at the end */
	bool colour;
	struct weirctl_link *link; /* of weirctl_http.c */
};

/* --- commands: each returns the exit status, and has said what went wrong --- */
int weirctl_status(struct weirctl *ctl);
int weirctl_drops(struct weirctl *ctl);
int weirctl_dns(struct weirctl *ctl);
int weirctl_explain(struct weirctl *ctl);   /* dns explain NAME [TYPE] */
int weirctl_zone_file(struct weirctl *ctl); /* dns zone NAME */
int weirctl_handshakes(struct weirctl *ctl);
int weirctl_trace(struct weirctl *ctl);
int weirctl_capture(struct weirctl *ctl);
int weirctl_override(struct weirctl *ctl);
int weirctl_refs(struct weirctl *ctl);
int weirctl_zone(struct weirctl *ctl);
int weirctl_token(struct weirctl *ctl);
int weirctl_history(struct weirctl *ctl);
int weirctl_rollback(struct weirctl *ctl);
int weirctl_backup(struct weirctl *ctl);
int weirctl_object(struct weirctl *ctl); /* pool, monitor, group, lb, record; and some of zone */
int weirctl_events(struct weirctl *ctl);
int weirctl_apply(struct weirctl *ctl);
int weirctl_diff(struct weirctl *ctl);

/* The value of an option that is a number from lo to hi in steps of step, into *out, which stays as
 * it is when the option was not given. False: it is not, which was said. */
bool weirctl_number(const struct weirctl *ctl, enum weirctl_option option, double lo, double hi,
		    double step, double *out);

/* As it is written on the command line, without the dashes. */
const char *weirctl_option_name(enum weirctl_option option);

/* What was printed is out; else says why not. The exit status. */
int weirctl_flush(void);

/* Prints an answer, with --json as it is, and frees it. answer NULL: exit_status is the result. The
 * exit status. */
int weirctl_show(const struct weirctl *ctl, json_t *answer, int exit_status,
		 void (*print)(const json_t *answer, bool colour));

/* Prints JSON as it is. The exit status. */
int weirctl_dump(const json_t *v);

/* --- weirctl_http.c: the agent's answers --- */

/* An object, the caller's. NULL: *status is the exit status, and what went wrong has been said. */
json_t *weirctl_fetch(struct weirctl *ctl, const char *path, int *status);
/* The same after a change: PUT with a body, which is taken over, or DELETE without one (NULL). */
json_t *weirctl_change(struct weirctl *ctl, const char *path, json_t *body, int *status);
/* The same after a POST. */
json_t *weirctl_tell(struct weirctl *ctl, const char *path, json_t *body, int *status);
/* The same with a method; body NULL: none. */
json_t *weirctl_send(struct weirctl *ctl, const char *method, const char *path, json_t *body,
		     int *status);
void weirctl_hang_up(struct weirctl *ctl);

/* What the agent sends for as long as it does, into a file of this name, or for "-" standard
 * output; none is made if it refuses. Ctrl-C asks it to end. The exit status. */
int weirctl_stream(struct weirctl *ctl, const char *path, const char *file);

/* A path with one more segment behind it, to be freed; path is freed. */
char *weirctl_below(char *path, const char *segment);

/* A path with one more argument, to be freed; path is freed. Begin with strdup(). */
char *weirctl_ask(char *path, const char *key, const char *value);

/* --- weirctl_text.c --- */

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

/* Address and port of what has "address" and "port"; the address alone where that is null. */
#define WEIRCTL_PLACE 80
const char *weirctl_place(const json_t *o, char out[WEIRCTL_PLACE]);

/* A member of an object: "-" for a text that is absent or empty, 0, false. */
const char *weirctl_str(const json_t *o, const char *key);
long long weirctl_int(const json_t *o, const char *key);
double weirctl_real(const json_t *o, const char *key);
bool weirctl_yes(const json_t *o, const char *key);

#endif
