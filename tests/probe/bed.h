/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.h - what a probe is tested with: a loop, servers on loopback that misbehave as told, models
 * made by hand, and the verdicts so far. */
#ifndef WEIR_TESTS_PROBE_BED_H
#define WEIR_TESTS_PROBE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <uv.h>

#include "probe/prober.h"

enum manner {
	ANSWERS,  /* with reply, then closes */
	SILENT,   /* reads, never answers */
	ENDLESS,  /* reply, then "x" without end */
	DRIPS,    /* reply, a byte every few milliseconds, without end */
	HANGS_UP, /* closes without an answer */
	RESETS,   /* the same with RST */
	GREETS,   /* talks first, as SMTP does */
	TALKS,    /* the same, and then a reply to each line */
};

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello, World"
#define SHORT_MS 200 /* a time-out that is meant to pass */

struct server {
	uv_tcp_t tcp; /* first */
	struct weir_sockaddr at;
	enum manner manner;
	const char *reply;
	const char *reply_to_other; /* to a request for another path than "/"; NULL: reply */
	const char *replies[4];     /* of one that talks, the greeting first; NULL: it hangs up */
	char request[65536];        /* the last one */
	unsigned accepted, ended, resets;
	size_t sent;
};

/* A model of one pool, whose origins are the addresses given. All of it may be changed until it
 * is set. */
struct world {
	struct weir_model model;
	struct weir_monitor monitor;
	struct weir_pool pool;
	struct weir_origin *origins;
	struct world *next;
};

struct bed {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct weir_prober *prober;
	struct world *worlds;
	struct seen {
		unsigned n;       /* verdicts */
		unsigned members; /* that gave them, a bit each */
		struct weir_verdict last;
	} seen[2048]; /* by origin index */
	unsigned verdicts;
	void (*on_verdict)(struct bed *b, uint32_t index); /* NULL: none */
	void *arg;
};

int bed_setup(void **state);
int bed_teardown(void **state); /* fails when the prober left a handle behind */

struct server *server_new(struct bed *b, const char *address, enum manner m, const char *reply);

struct weir_monitor http_monitor(void); /* GET /, 200, no body; time-outs long, no retry */
struct weir_monitor tcp_monitor(void);
struct weir_monitor monitor_of(enum weir_monitor_type type); /* as http_monitor() */
void expect_code(struct weir_monitor *m, unsigned code);

struct world *world_new(struct bed *b, struct weir_monitor m, uint32_t n,
			const struct weir_sockaddr *at);

/* Sets a model of one origin and waits for its first verdict. */
struct weir_verdict probe_once(struct bed *b, struct weir_monitor m, struct weir_sockaddr at);

/* Whether each of n origins has a verdict. Some may have two: the second probe of one may come at
 * any time within the interval. */
bool all_seen(const struct bed *b, uint32_t n);

/* A port that is taken but does not listen. */
struct weir_sockaddr closed_port(void);

/* A port whose listener has its queue full: the kernel drops every further SYN. fds: the caller's
 * to close. */
struct weir_sockaddr deaf_port(int fds[3]);

#define expect_fail(v, why)                          \
	do {                                         \
		struct weir_verdict v_ = (v);        \
		assert_false(v_.pass);               \
		assert_string_equal(v_.reason, why); \
	} while (0)
#define expect_pass(v)                                            \
	do {                                                      \
		struct weir_verdict v_ = (v);                     \
		assert_string_equal(v_.reason, WEIR_REASON_NONE); \
		assert_true(v_.pass);                             \
		assert_true(v_.rtt_us > 0);                       \
	} while (0)

/* Turns the loop until the condition holds; the watchdog fails the test. */
#define await(b, condition)                              \
	do {                                             \
		while (!(condition))                     \
			uv_run(&(b)->loop, UV_RUN_ONCE); \
	} while (0)

#endif
