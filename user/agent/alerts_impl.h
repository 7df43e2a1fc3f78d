/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts_impl.h - what the files of alerts share. */
#ifndef WEIR_AGENT_ALERTS_IMPL_H
#define WEIR_AGENT_ALERTS_IMPL_H

#include <sys/queue.h>

#include "agent/agent_impl.h"
#include "agent/alerts.h"
#include "alert/deliver.h"
#include "alert/policy.h"

#define AGENT_INCIDENT 33 /* 32 hexadecimal digits, NUL */

/* One thing to be written. */
enum agent_op_kind {
	AGENT_OP_EVENT,
	AGENT_OP_LETTER,
	AGENT_OP_NOTE,
	AGENT_OP_TRIED,
	AGENT_OP_DELIVERED,
	AGENT_OP_GIVEN_UP,
};

struct agent_op {
	STAILQ_ENTRY(agent_op) next;
	enum agent_op_kind kind;
	char *key;    /* of a note; a letter's lane; else NULL */
	json_t *body; /* nobody else's: another thread reads it. A note's: NULL, it goes */
	uint64_t at_ms, id;
};

STAILQ_HEAD(agent_ops, agent_op);

struct agent_writing; /* is being made durable, in another thread */

/* A pool as it was looked at last. */
struct agent_seen {
	uint64_t key;   /* of its id, and the names of its origins */
	uint32_t first; /* of seen_origins */
	uint8_t is;     /* its health, and whether it is enabled */
};

struct agent_alerts {
	uv_timer_t flush; /* what is to be written is written */
	unsigned handles; /* not yet closed */
	struct weir_agent *agent;
	struct weir_deliver *deliver;

	/* What was known last of pools, id -> { "enabled", "healthy", "incident", "off", "origins":
	 * { name: { "healthy", "incident" } } }; "healthy" null: not known; incidents are there
	 * while they last. And of webhooks, id -> { "success", "failure" }: ms. Both are notes. */
	json_t *pools, *webhooks;

	/* The same in short, of the model that was looked at last: what has not changed since is
	 * not looked at closer. */
	const struct weir_model *seen_of;
	struct agent_seen *seen; /* by pool */
	uint32_t n_seen;
	uint8_t *seen_origins;  /* by origin */
	const char **balancers; /* by pool, the first that uses it; NULL: none does */
	uint32_t next_pool;     /* where a look begins: all have their turn */
	uv_timer_t more;        /* armed: there are pools left to be looked at */

	struct agent_ops ops; /* not yet written */
	struct agent_writing *writing;
	unsigned n_ops, n_letters; /* not yet written; not yet delivered */
	unsigned failed;           /* times in a row that nothing could be written */
	bool overflowed;           /* something was dropped, and that was said */
};

/* A health, as alerts know it. */
enum agent_health {
	AGENT_NOT_KNOWN,
	AGENT_GOOD,
	AGENT_BAD,
};

/* alerts_keep.c: to be written at the end of this turn of the loop. body is taken over. */
void agent_keep(struct agent_alerts *l, enum agent_op_kind kind, const char *key, json_t *body,
		uint64_t id);
void agent_keep_note(struct agent_alerts *l, const char *what, const char *id, const json_t *body);
/* Reads what was kept, and has what is not delivered delivered. */
bool agent_keep_read(struct agent_alerts *l, struct weir_err *err);
/* The last of it, unless another thread is at it. */
void agent_keep_close(struct agent_alerts *l);
void agent_keep_flush(uv_timer_t *timer);

/* alerts_say.c: something of a pool (o NULL) or of its origin has changed; incident is that of now,
 * or that which is over. */
struct agent_news {
	const struct weir_view_pool *pool;
	const struct weir_origin *origin;
	const char *type; /* of alert/policy.h */
	enum agent_health was, is;
	const char *incident;
};

void agent_say(struct agent_alerts *l, const struct agent_news *n);

/* To a webhook that is new. */
void agent_say_hello(struct agent_alerts *l, const char *webhook);

/* RFC 3339 of a wall clock in ms. Returns out. */
const char *agent_alert_time(uint64_t ms, char out[32]);

/* alerts_seen.c: another model takes the place of the one that was looked at; whether a pool is as
 * it was seen last, which this is from now on. */
void agent_seen_model(struct agent_alerts *l, const struct weir_model *m);
bool agent_seen_so(struct agent_alerts *l, const struct weir_view *view, uint32_t nth);
void agent_seen_free(struct agent_alerts *l);

/* alerts.c: what counts of a pool and of an origin of a view. */
enum agent_health agent_pool_health(const struct weir_view *view, const struct weir_view_pool *v);
enum agent_health agent_origin_health(const struct weir_view *view, const struct weir_pool *pool,
				      const struct weir_origin *o);

/* Of the deliverer. */
bool agent_webhook_is(void *alerts, const char *webhook, const char **url, const char **secret);
void agent_delivered(void *alerts, const struct weir_delivery *d);

#endif
