/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.h - one probed origin, between prober.c, which decides when, and tcp.c and http.c, which
 * know how. On the loop's thread only. */
#ifndef WEIR_PROBE_TARGET_H
#define WEIR_PROBE_TARGET_H

#include <uv.h>

#include "model/health.h"
#include "model/model.h"

enum weir_target_state {
	WEIR_TARGET_NEW,
	WEIR_TARGET_IDLE,   /* the timer runs until the next probe is due */
	WEIR_TARGET_QUEUED, /* due, waits for a place */
	WEIR_TARGET_BUSY,   /* an attempt runs */
	WEIR_TARGET_GONE,
};

struct weir_target {
	struct weir_prober *prober;
	struct weir_target *next;        /* of all, in the order of the model */
	struct weir_target *next_queued; /* of those that wait */
	struct weir_target *next_in_bucket;
	const struct weir_origin *origin; /* this and monitor: of the present model */
	const struct weir_monitor *monitor;
	struct weir_sockaddr to;
	char *id; /* everything that decides how the origin is probed */
	size_t id_len;
	uint64_t hash;   /* of id */
	uint64_t due_ms; /* on the loop's clock */
	uv_timer_t timer;
	enum weir_target_state state;
	uint8_t attempts; /* of the present probe */
	bool excused;     /* BUSY: the attempt was begun again, as this host was late */
	void *run;        /* BUSY: the engine's state of the attempt */
};

/* Ends the attempt of t; its engine has let go of t. err 0: v is the verdict. -ETIMEDOUT: v is the
 * verdict unless a retry is left. Another negative errno: a failure of this host, v is ignored.
 * t may be gone when this returns. */
void weir_target_done(struct weir_target *t, int err, const struct weir_verdict *v);

/* Starts an attempt; it ends in weir_target_done(), perhaps before this returns. */
void weir_tcp_start(struct weir_target *t);

/* The time of the attempt is over: decides by what the socket says now, as the loop may have been
 * late. */
void weir_tcp_expire(struct weir_target *t);

/* Gives the attempt up, without weir_target_done(). */
void weir_tcp_stop(struct weir_target *t);

/* The HTTP probes of one prober. */
struct weir_http;

/* *out is the caller's: weir_http_close(). 0 or a negative errno. */
int weir_http_open(uv_loop_t *loop, struct weir_http **out);
void weir_http_close(struct weir_http *h); /* no attempt may be running; takes NULL */

/* Starts an attempt; it ends in weir_target_done(), never before this returns. */
void weir_http_start(struct weir_http *h, struct weir_target *t);
void weir_http_stop(struct weir_http *h, struct weir_target *t);

/* The word for a connection that failed with errno err. NULL: this host failed, not the other. */
const char *weir_probe_reason(int err);

#endif
