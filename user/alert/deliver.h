/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deliver.h - messages to webhooks, by POST: each lane of a webhook in order, one after the other;
 * what is not taken is tried again after 1 s, and each time after twice as long, up to 5 minutes,
 * until a day after it was posted. When a webhook takes something again, all that waits for it is
 * tried at once. On the loop's thread only; nothing here blocks. */
#ifndef WEIR_ALERT_DELIVER_H
#define WEIR_ALERT_DELIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct weir_deliver;

/* A message; all texts are copied. */
struct weir_letter {
	uint64_t id; /* the caller's */
	const char *webhook, *lane;
	const char *body;   /* JSON */
	uint64_t posted_ms; /* wall clock */
	bool once;          /* it is not tried again */
};

enum weir_outcome {
	WEIR_TAKEN,    /* the answer was 2xx */
	WEIR_NOT_YET,  /* it will be tried again */
	WEIR_GIVEN_UP, /* it will not */
};

struct weir_delivery {
	uint64_t id;
	const char *webhook;
	enum weir_outcome outcome;
	bool tried;      /* somebody was asked */
	bool once;       /* as the letter says */
	const char *why; /* a sentence, unless it was taken */
};

struct weir_deliver_calls {
	/* Where a webhook is now; *secret NULL: it has none. False: there is no such webhook any
	 * more. The texts are used before anything else happens. */
	bool (*where)(void *arg, const char *webhook, const char **url, const char **secret);
	/* What became of one attempt; d and its texts are there for the call. */
	void (*result)(void *arg, const struct weir_delivery *d);
	void *arg;
};

/* *out is the caller's: weir_deliver_close(). 0 or a negative errno. */
int weir_deliver_open(uv_loop_t *loop, const struct weir_deliver_calls *calls,
		      struct weir_deliver **out);

/* Ends what is under way without telling. Needs uv_run() for handles to close. Takes NULL. */
void weir_deliver_close(struct weir_deliver *d);

/* Behind all that its lane has. What can be said at once is said from in here. */
void weir_deliver_send(struct weir_deliver *d, const struct weir_letter *letter);

#endif
