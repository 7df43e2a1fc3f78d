/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - what outlives the agent, in one SQLite file (WAL, synchronous=FULL): objects, the
 * revisions that made them, tokens, events and what is to be delivered.
 *
 * A store is used by one thread at a time, whichever. Every function that returns bool has set err
 * when it returns false; err->path is the file. What is refused has changed nothing. */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct weir_store;

/* Opens or makes the file (mode 0600), takes an older schema to the present one, and checks that it
 * is whole. False: it cannot be opened, is damaged (what to do is said), is of a newer version, or
 * another agent has it. *out is the caller's: weir_store_close(), which takes NULL. */
bool weir_store_open(const char *path, struct weir_store **out, struct weir_err *err);
void weir_store_close(struct weir_store *s);

/* --- objects and revisions --- */

/* One object of a change: what it is from now on. */
struct weir_change {
	const char *kind, *id; /* words; together they name the object */
	json_t *body;          /* borrowed; NULL: it is gone */
};

/* Who makes a change, for the audit; any text, none of them NULL. */
struct weir_author {
	const char *who;  /* a token's name, or "file" */
	const char *from; /* the client's address */
	const char *what; /* the request, as in "PUT /client/v4/..." */
};

/* The number of the last change; 0: there was none. */
uint64_t weir_store_revision(const struct weir_store *s);

/* All objects, in the order in which they were made; body is borrowed. Ends when take returns
 * false, and is true then, too. take must leave the store alone. */
bool weir_store_objects(struct weir_store *s,
			bool (*take)(void *arg, const char *kind, const char *id, json_t *body),
			void *arg, struct weir_err *err);

/* Makes n changes as one transaction and one revision, *revision. Durable when it is true. now_ms:
 * wall clock. A body that is there takes the place of the older one, and keeps its place in the
 * order. */
bool weir_store_commit(struct weir_store *s, const struct weir_author *author,
		       const struct weir_change *changes, size_t n, uint64_t now_ms,
		       uint64_t *revision, struct weir_err *err);

/* The last revision, this one, had no effect after all: it and its changes are taken back, objects
 * have their places again, and the next revision has its number. */
bool weir_store_take_back(struct weir_store *s, uint64_t revision, struct weir_err *err);

/* What was changed, newest first: [ { "revision", "at": ms, "who", "from", "what", "changes":
 * [ { "kind", "id", "before": null | body, "after": null | body } ] } ]; those before this
 * revision (0: all), at most limit. The caller's. */
bool weir_store_history(struct weir_store *s, uint64_t before, unsigned limit, json_t **out,
			struct weir_err *err);

/* The changes that make the objects what they were after revision (0: before the first), newest
 * known body of each, as [ { "kind", "id", "body": null | ... } ], the caller's. They are not made.
 * False: there is no such revision, or it is not known any more (all are kept by this version). */
bool weir_store_way_back(struct weir_store *s, uint64_t revision, json_t **out,
			 struct weir_err *err);

/* A copy of the whole store while it is used, durable and whole when it is true (mode 0600); path
 * must not exist, and does not when it is false. */
bool weir_store_backup(struct weir_store *s, const char *path, struct weir_err *err);

/* What is called between the two is one transaction: all of it is durable when weir_store_end() is
 * true, and nothing of it is done when it is false, as it is when a change in between was refused.
 * Only for tokens, events, the outbox and notes. */
bool weir_store_begin(struct weir_store *s, struct weir_err *err);
bool weir_store_end(struct weir_store *s, struct weir_err *err);

/* --- tokens: only their SHA-256 is kept --- */

#define WEIR_TOKEN_HASH 32

struct weir_token {
	uint64_t id;
	char name[65];
	bool may_write;
	uint64_t created_ms, used_ms; /* used: 0 never; kept to the hour */
};

/* Names are 1 to 64 bytes, and unique among those that are not revoked. Ids are used once. */
bool weir_store_add_token(struct weir_store *s, const char *name,
			  const uint8_t hash[WEIR_TOKEN_HASH], bool may_write, uint64_t now_ms,
			  struct weir_token *out, struct weir_err *err);
/* False with err->text "" when there is none of this hash. Compares in constant time. That it was
 * used is written once an hour, and if it cannot be, that is no error. */
bool weir_store_find_token(struct weir_store *s, const uint8_t hash[WEIR_TOKEN_HASH],
			   uint64_t now_ms, struct weir_token *out, struct weir_err *err);
/* False with err->text "" when there is none of this name. */
bool weir_store_revoke_token(struct weir_store *s, const char *name, struct weir_err *err);
/* [ { "id", "name", "scope": "read|write", "created": ms, "used": null | ms } ], the caller's. */
bool weir_store_tokens(struct weir_store *s, json_t **out, struct weir_err *err);

/* --- events: what happened to pools and origins; not part of revisions --- */

#define WEIR_STORE_EVENTS 100000

/* Adds one, *id counts up; body is borrowed. The oldest beyond WEIR_STORE_EVENTS go. */
bool weir_store_add_event(struct weir_store *s, const json_t *body, uint64_t now_ms, uint64_t *id,
			  struct weir_err *err);
/* Those with since_ms <= at < until_ms and an id below before (0: all), newest first, at most
 * limit: [ { "id", "at": ms, "body" } ], the caller's. */
bool weir_store_events(struct weir_store *s, uint64_t since_ms, uint64_t until_ms, uint64_t before,
		       unsigned limit, json_t **out, struct weir_err *err);

/* --- outbox: what is to be delivered at least once, in order for each lane --- */

#define WEIR_STORE_DELIVERIES 10000

bool weir_store_post(struct weir_store *s, const char *lane, const json_t *body, uint64_t now_ms,
		     uint64_t *id, struct weir_err *err);
/* All that is not done, oldest first: [ { "id", "lane", "at": ms, "tries", "body" } ]. */
bool weir_store_undelivered(struct weir_store *s, json_t **out, struct weir_err *err);
/* It was tried, without success; it was delivered; it never will be, and is forgotten. False, too,
 * when it is not to be delivered (any more). */
bool weir_store_tried(struct weir_store *s, uint64_t id, struct weir_err *err);
bool weir_store_delivered(struct weir_store *s, uint64_t id, uint64_t now_ms, struct weir_err *err);
bool weir_store_give_up(struct weir_store *s, uint64_t id, struct weir_err *err);
/* What was delivered at since_ms <= done < until_ms, newest first, without the first skip, at most
 * limit: as undelivered, with "done": ms. The oldest beyond WEIR_STORE_DELIVERIES go. */
bool weir_store_deliveries(struct weir_store *s, uint64_t since_ms, uint64_t until_ms,
			   unsigned skip, unsigned limit, json_t **out, struct weir_err *err);

/* --- notes: what the agent itself must remember; not part of revisions --- */

/* key is body from now on (borrowed; NULL: gone). */
bool weir_store_note(struct weir_store *s, const char *key, const json_t *body,
		     struct weir_err *err);
/* All of them, key -> body, the caller's. */
bool weir_store_notes(struct weir_store *s, json_t **out, struct weir_err *err);

#endif
