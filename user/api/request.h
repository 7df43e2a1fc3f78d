/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h - one request as a vendor's facade sees it, and what it may answer. A facade is a
 * function that is called once for each request, on the loop's thread, after the token was checked
 * and the body was read. It sets status and reply; to change objects it fills changes, and the
 * reply is sent once they are durable and in effect, or replaced by what refuse() makes of the
 * reason. With a status of 400 or more nothing is changed, whatever was filled in. Requests that
 * may change something (all but GET and HEAD) are called one at a time, when no change is under
 * way. */
#ifndef WEIR_API_REQUEST_H
#define WEIR_API_REQUEST_H

#include "agent/objects.h"

#define API_SEGMENTS 12
#define API_CHANGES  4096

#define API_NOTHING "Nothing" /* in the place of a schema */

struct api_request;

/* One operation of a vendor's API: where a request goes, and what /weir/v1/openapi.json says of it.
 * The first one that fits is taken, so what is spelled out stands before {parameters}. */
struct api_route {
	const char *method;   /* "GET", "POST", ...; HEAD is GET */
	const char *path;     /* behind the prefix, as in "zones/{zone}/dns_records/{id}" */
	const char *summary;  /* a few words: "List pools" */
	const char *query;    /* names of arguments, as in "page per_page name"; NULL: none */
	const char *request;  /* name of the schema of its body; NULL: it has none */
	const char *response; /* of a reply that is a success; NULL: any JSON; API_NOTHING: empty */
	void (*serve)(struct api_request *r);
	bool open;  /* answers without a token */
	bool alone; /* of GET: needs the store, so it is called when no change is under way, too */
};

struct api_vendor {
	const char *name;       /* as in "cloudflare" */
	const char *prefix;     /* of its paths, as in "/client/v4/"; longest first */
	const char *key_header; /* that has it, for OpenAPI; NULL: Authorization: Bearer */
	/* The token of a request by the headers of this vendor, in place or NULL. */
	const char *(*token)(const struct api_request *r);
	/* A reply to who has no token, a wrong one, or one that may only read (write). */
	void (*unauthorized)(struct api_request *r, bool has_one, bool write);
	/* A reply to what the server itself refuses: 400 (bad JSON: err), 404, 405, 413, 429 (too
	 * many wrong tokens), 500, 503 (no agent.store, so no tokens and no changes). */
	void (*fail)(struct api_request *r, unsigned status, const struct weir_err *err);
	/* A reply to a change that was not made (the one that was set is gone; r->changes are
	 * there still), or (WEIR_REFUSED_NOT) more to say in the reply. */
	void (*changed)(struct api_request *r, const struct weir_changed *result);
	const struct api_route *routes; /* the last one has no method */
	/* What fits no route, with the token checked; NULL: it is refused by fail(), 404 or 405. */
	void (*serve)(struct api_request *r);
	/* The JSON Schema (2020-12) of a name that routes use, the caller's; it may refer to others
	 * as
	 * "#/components/schemas/VENDOR.NAME". NULL, or what it does not know: anything. */
	json_t *(*schema)(const char *name);
	bool basic; /* the password of HTTP Basic is a token, too, whatever the user's name */
	bool forms; /* bodies are application/x-www-form-urlencoded, and become a JSON object */
};

struct api_request {
	struct weir_agent *agent;
	const struct api_vendor *vendor;
	const char *method;                 /* "GET", ...; HEAD is GET */
	const char *path;                   /* without the query, percent-encoded */
	const char *segments[API_SEGMENTS]; /* of the path behind the prefix, decoded; NULL at the
					       end */
	size_t n_segments;
	json_t *args; /* of the query: name -> text, or a list of texts; never NULL */
	json_t *body; /* JSON, or a form's fields; NULL: there was none */
	const struct api_route *route; /* that fits; NULL: none */
	const char *account_id;        /* of agent.api: 32 hexadecimal digits */
	const char *account_name;
	struct weir_token token;
	const char *from;                  /* address of the client */
	uint64_t now_ms;                   /* wall clock */
	struct MHD_Connection *connection; /* for headers */

	unsigned status; /* 200 unless set */
	json_t *reply;   /* taken over; NULL: an empty body */
	char *text;      /* instead: a text of content_type, taken over */
	const char *content_type;
	json_t *headers; /* more of the reply, by api_add_header() */

	json_t *changes; /* [ { "kind", "id", "body": null | object } ], by api_change() */
	size_t n_changes;
};

/* The object is body from now on (taken over; NULL: gone). */
void api_change(struct api_request *r, const char *kind, const char *id, json_t *body);

/* The value of a header; NULL: none. */
const char *api_header(const struct api_request *r, const char *name);

/* One more header of the reply; value is copied. */
void api_add_header(struct api_request *r, const char *name, const char *value);

/* What stands in the path for {name} of the route, decoded; NULL: it has no such. */
const char *api_param(const struct api_request *r, const char *name);

/* One text of the query, of a list the first; NULL: none. */
const char *api_arg(const struct api_request *r, const char *name);

/* The token behind "Authorization: Bearer"; NULL: none. */
const char *api_bearer(const struct api_request *r);

/* JSON of a text with ' in the place of "; the caller's. For schemas. */
json_t *api_schema(const char *text);

/* VIPs that no other balancer or proxied record has, the first of each family, for the balancer of
 * this id, as its vips; the caller's. NULL: none is free, and it has all; the parser tells who has
 * them. */
json_t *api_free_vips(const struct api_request *r, const char *id);

/* A text that may have been cut within a character, which is left out then; of one that is not
 * UTF-8 at all nothing is left. */
json_t *api_text(const char *text);

/* A sentence of the model's about a document, for those who have never seen one: where it says
 * LIST[5], the words stand instead. Returns out. */
const char *api_reword(const char *text, const char *list, const char *words, char out[512]);

/* n random bytes as 2n hexadecimal digits, NUL. */
void api_random_id(char *out, size_t n);

/* RFC 3339 of a wall clock, with digits of a second's fraction (0, 3 or 6). Returns out. */
const char *api_time(uint64_t ms, int digits, char out[32]);

#endif
