/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.h - one probed origin, between prober.c, which decides when, and the engines, which know
 * how. On the loop's thread only. */
#ifndef WEIR_PROBE_TARGET_H
#define WEIR_PROBE_TARGET_H

#include <uv.h>

#include "model/health.h"
#include "model/model.h"
#include "model/schedule.h"
#include "loop/watch.h"

struct weir_target;

enum weir_target_state {
	WEIR_TARGET_NEW,
	WEIR_TARGET_IDLE,   /* the timer runs until the next probe is due */
	WEIR_TARGET_QUEUED, /* due, waits for a place */
	WEIR_TARGET_BUSY,   /* an attempt runs */
	WEIR_TARGET_GONE,
};

/* How a kind of probe is made. */
struct weir_engine {
	/* Starts an attempt; it ends in weir_target_done(), perhaps before this returns. */
	void (*start)(struct weir_target *t);
	/* The time of the attempt is over: decides by what has come in by now, as the loop may
	 * have been late. NULL: the engine keeps the time itself. */
	void (*expire)(struct weir_target *t);
	/* Gives the attempt up, without weir_target_done(). */
	void (*stop)(struct weir_target *t);
};

extern const struct weir_engine weir_http_engine, weir_tcp_engine, weir_ping_engine,
	weir_udp_engine, weir_tunnel_engine;

/* What the probes of one prober have in common. */
struct weir_tools {
	uv_loop_t *loop;
	struct weir_watches *watches;
	struct weir_http *http;
	struct weir_icmp *icmp;
	struct weir_tunnel *tunnel;
};

struct weir_target {
	struct weir_prober *prober;
	const struct weir_tools *tools;
	const struct weir_engine *engine; /* of the monitor */
	struct weir_target *next;         /* of all, in the order of the model */
	struct weir_target *next_queued;  /* of those that wait */
	struct weir_target *next_in_bucket;
	const struct weir_origin *origin; /* these: of the present model */
	const struct weir_monitor *monitor;
	const struct weir_tls *tls;
	uint32_t member; /* of the pool's monitors it is */
	struct weir_sockaddr to;
	char *id; /* everything that decides how the origin is probed */
	size_t id_len;
	uint64_t hash;                 /* of id */
	struct weir_schedule schedule; /* on the loop's clock */
	uv_timer_t timer;
	enum weir_target_state state;
	bool excused; /* BUSY: the attempt was begun again, as this host was late */
	void *run;    /* BUSY: the engine's state of the attempt */
};

/* Ends the attempt of t; its engine has let go of t. err 0: v is the verdict. -ETIMEDOUT: v is the
 * verdict unless a retry is left. Another negative errno: a failure of this host, v is ignored.
 * t may be gone when this returns. */
void weir_target_done(struct weir_target *t, int err, const struct weir_verdict *v);

/* *out is the caller's: weir_http_close(). 0 or a negative errno. */
int weir_http_open(uv_loop_t *loop, struct weir_watches *watches, struct weir_http **out);
void weir_http_close(struct weir_http *h); /* no attempt may be running; takes NULL */

/* The word for a connection that failed with errno err. NULL: this host failed, not the other. */
const char *weir_probe_reason(int err);

#endif
