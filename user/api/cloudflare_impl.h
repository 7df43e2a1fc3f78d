/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_impl.h - what the files of the Cloudflare facade share. Its objects are described by
 * tables of their fields: what a client may say, what it reads where nothing was said, and the
 * schema of both. What they must be is the model's business. */
#ifndef WEIR_API_CLOUDFLARE_IMPL_H
#define WEIR_API_CLOUDFLARE_IMPL_H

#include "api/request.h"

#define CF_ID_BYTES 16 /* ids are twice as many digits */
#define CF_ID       (2 * CF_ID_BYTES + 1)
#define CF_NAME     256
#define CF_TIME     32

/* Codes of errors and messages. */
enum cf_code {
	CF_UNKNOWN = 1001,
	CF_INVALID = 1002,
	CF_TAKEN = 1003,
	CF_DNS_INVALID = 1004,
	CF_IN_USE = 1005,
	CF_OF_FILE = 1020, /* the configuration file has it */
	CF_NO_HEALTH = 1021,
	CF_BAD_HEADERS = 6003,
	CF_BAD_JSON = 6007,
	CF_BAD_AUTHORIZATION = 6111,
	CF_NO_ROUTE = 7003,
	CF_DNS_CONTENT = 9005,
	CF_NO_CREDENTIAL = 9106,
	CF_AUTHENTICATION = 10000,
	CF_NOTE = 10100,    /* a message: what has no effect, or another one than its words */
	CF_IGNORED = 10101, /* a message: a field that is not known */
	CF_SERVER = 10500,
	CF_NO_RECORD = 81044,
	CF_BESIDE_CNAME = 81053,
	CF_CNAME_BESIDE = 81054,
	CF_RECORD_EXISTS = 81058,
};

enum cf_how {
	CF_REQUIRED = 1,
	CF_READ_ONLY = 2, /* not taken from clients */
	CF_DETACHES = 4,  /* "" is as null: there is none from now on */
	CF_SECRET = 8,    /* taken, never shown */
	CF_STAYS = 16,    /* null is as if it were not said */
};

struct cf_field {
	const char *key;
	const char *type; /* of JSON Schema */
	unsigned how;
	const char *unset; /* JSON that is shown where an object does not have it: a word, a whole
			    * number, a text without escapes, an object; NULL: nothing */
	const struct cf_field *of; /* of an object, or of each item of a list; NULL: it is kept as
				    * it is. The last one has no key. */
};

#define CF(key, type, unset)           \
	{                              \
		key, type, 0, unset, 0 \
	}
#define CF_HOW(key, type, how, unset)    \
	{                                \
		key, type, how, unset, 0 \
	}
#define CF_OF(key, type, how, unset, fields)  \
	{                                     \
		key, type, how, unset, fields \
	}
#define CF_TIMES                                         \
	CF_HOW("created_on", "string", CF_READ_ONLY, 0), \
		CF_HOW("modified_on", "string", CF_READ_ONLY, 0)

/* One kind of objects. */
struct cf_kind {
	const char *kind; /* of agent/objects.h */
	const char *word; /* for sentences */
	const struct cf_field *fields;
	const char *unique; /* no two have the same text in this field, in any case; NULL */
	/* A body that clients gave is put into the model's form; was: what it replaces, or NULL.
	 * False: the reply says what is wrong. */
	bool (*settle)(struct api_request *r, json_t *body, const json_t *was);
	/* Fills in what is shown besides fields; stored: the body as it is. */
	void (*complete)(const struct api_request *r, const json_t *stored, json_t *shown);
	/* The same, for lists only. */
	void (*complete_listed)(const struct api_request *r, const json_t *stored, json_t *shown);
	/* Whether the request, by its path and arguments, is about such an object. */
	bool (*concerns)(const struct api_request *r, const json_t *stored);
	enum cf_code unknown; /* when there is none; 0: CF_UNKNOWN */
	bool shown_when_gone; /* DELETE answers the object, not its id alone */
};

extern const struct cf_kind cf_pools, cf_monitors, cf_groups, cf_lbs, cf_zones, cf_records,
	cf_webhooks, cf_policies;

/* --- cloudflare.c: replies --- */

/* Takes result over. */
void cf_reply(struct api_request *r, json_t *result);

/* One more error of the reply; pointer: a JSON pointer into the body, or NULL. Returns false. */
bool cf_fail(struct api_request *r, unsigned status, enum cf_code code, const char *pointer,
	     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* 400 about a field of the body: "SENTENCE: validation failed". Returns false. */
bool cf_invalid(struct api_request *r, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One more message of the reply, as long as there are not many. */
void cf_say(struct api_request *r, enum cf_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- cloudflare_objects.c --- */

/* The object of {id}; NULL: there is none, the reply says so. */
const json_t *cf_find(struct api_request *r, const struct cf_kind *k);

/* An object as it is shown, the caller's. */
json_t *cf_show(const struct api_request *r, const struct cf_kind *k, const json_t *stored);

/* What a client may say of it, of the request's body: a new object. NULL: the reply says why. */
json_t *cf_take(struct api_request *r, const struct cf_kind *k, const json_t *body);

/* A body as it is to be stored: new (was NULL), in the place of was, or was with (edit) what taken
 * says; which is taken over. NULL: the reply says why. */
json_t *cf_body(struct api_request *r, const struct cf_kind *k, json_t *taken, const json_t *was,
		bool edit);

const char *cf_text(const json_t *object, const char *key); /* "": it has none */

/* Whether two objects say the same in a field, or neither has it. */
bool cf_is_same(const json_t *a, const json_t *b, const char *key);

/* None of them is made. */
void cf_drop_changes(struct api_request *r);

/* Operations of all kinds. */
void cf_list(struct api_request *r, const struct cf_kind *k);
void cf_get(struct api_request *r, const struct cf_kind *k);
void cf_create(struct api_request *r, const struct cf_kind *k);
void cf_replace(struct api_request *r, const struct cf_kind *k);
void cf_edit(struct api_request *r, const struct cf_kind *k);
void cf_remove(struct api_request *r, const struct cf_kind *k);

/* --- cloudflare_list.c: pages --- */

/* Objects that are borrowed. */
struct cf_found {
	const json_t **all;
	size_t n, room;
};

void cf_found_add(struct cf_found *f, const json_t *body);
/* All of a kind that the request is about. The caller's: cf_found_free(). */
void cf_found(const struct api_request *r, const struct cf_kind *k, struct cf_found *out);
void cf_found_free(struct cf_found *f);

/* Which of total items are on the page that the request asks for: first .. first + n. The reply,
 * which must be there, says so. Without page and per_page: usual of them, or (0) all. */
void cf_page(struct api_request *r, size_t total, size_t usual, size_t least, size_t most,
	     size_t *first, size_t *n);

/* The page of objects as the reply; f is freed. */
void cf_reply_found(struct api_request *r, const struct cf_kind *k, struct cf_found *f,
		    size_t usual, size_t least, size_t most);
/* The page of a list of JSON values, taken over. */
void cf_reply_list(struct api_request *r, json_t *list, size_t usual, size_t least, size_t most);

/* --- names: cloudflare_zones.c --- */

/* In lower case, without its final dot. Returns out. */
const char *cf_domain(const char *name, char out[CF_NAME]);
/* The zone that a name is in, the longest; NULL: none. */
const json_t *cf_zone_of(const struct api_request *r, const char *name);
/* The zone of {zone}; NULL: the path has none. */
const json_t *cf_zone(const struct api_request *r);

/* --- operations; k as cloudflare_routes.c says --- */

typedef void cf_serve_fn(struct api_request *r, const struct cf_kind *k);

cf_serve_fn cf_preview_pool, cf_preview_monitor, cf_preview, cf_pool_health, cf_pools_bulk,
	cf_references, cf_regions, cf_region, cf_search, cf_events, cf_delete_zone, cf_list_zones,
	cf_create_zone, cf_list_records, cf_create_record, cf_replace_record, cf_edit_record,
	cf_batch, cf_export, cf_verify, cf_user, cf_accounts, cf_account, cf_alerts_available,
	cf_mechanisms, cf_create_alert, cf_replace_alert, cf_remove_alert, cf_history;

/* cloudflare_pools.c: what is known of a pool's origins that are probed, as [ { ADDRESS: ... } ];
 * state: that of the agent. The caller's. */
json_t *cf_verdicts(const json_t *pool, const json_t *state);

/* cloudflare_lbs.c: what is proxied and says no vips has those it had, or some of its own. What is
 * no longer proxied leaves what only that can have. */
void cf_settle_service(const struct api_request *r, json_t *body, const json_t *was);

/* cloudflare_dns_list.c: where the change of a batch stands in its body, as in "/posts/0". */
void cf_batch_place(const struct api_request *r, size_t which, char out[CF_NAME]);

/* cloudflare_schema.c */
json_t *cf_schema(const char *name);

extern const struct api_route cf_routes[]; /* cloudflare_routes.c */

#endif
