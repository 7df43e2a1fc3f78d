/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - how the parser takes values out of a document. Internal to user/model.
 *
 * An object is described by a table of struct weir_field; weir_take_fields() checks its keys
 * against the table and fills a C struct. A position (struct weir_at) lives on the C stack and
 * knows the way back to the root, so that a path costs nothing until something is wrong. Every
 * function that returns bool has set the error when it returns false. */
#ifndef WEIR_MODEL_PARSE_H
#define WEIR_MODEL_PARSE_H

#include <stddef.h>

#include "base/mem.h"
#include "model/index.h"
#include "model/model.h"

/* An origin of a pool for each of these, or NULL: so that a load balancer need not look at all. */
struct weir_pool_facts {
	const struct weir_origin *v4, *v6;
	const struct weir_origin *vip;   /* its address is a VIP of this balancer */
	const struct weir_origin *outer; /* its address is in agent.outer_source */
};

/* The state of one weir_model_parse(). */
struct weir_parse {
	struct weir_arena *arena;
	struct weir_model *model;
	struct weir_err *err;
	struct weir_index vips, zones, monitors, pools, pool_names, lbs, lb_names;
	struct weir_pool_facts *facts; /* of pools, by index */
	uint32_t n_origins, n_sources; /* so far */
};

/* A value and where it is. */
struct weir_at {
	struct weir_parse *p;
	const struct weir_at *up; /* NULL: the root */
	const char *key;          /* NULL: an item of a list */
	uint32_t index;
	const json_t *v;
};

/* Fills what base points to from the value at: an item of a list, or for a field the struct it
 * belongs to plus the field's offset. */
typedef bool weir_take_fn(const struct weir_at *at, void *base);

enum weir_kind {
	WEIR_KIND_BOOL,    /* bool; def */
	WEIR_KIND_INT,     /* unsigned of size bytes; lo, hi, def */
	WEIR_KIND_DECIMAL, /* the same in units of 1 / scale, which lo, hi and def count in */
	WEIR_KIND_TEXT,    /* const char *; at most hi bytes; text is the default */
	WEIR_KIND_CUSTOM,  /* take() does it; nothing is done when the key is absent */
	WEIR_KIND_IGNORED, /* accepted: it means nothing here */
	WEIR_KIND_LATER,   /* of the API, but not of this version: an error unless it is empty */
};

struct weir_field {
	const char *key;
	enum weir_kind kind;
	bool required;
	uint8_t size;
	uint16_t offset, scale;
	uint32_t lo, hi, def;
	const char *text;
	weir_take_fn *take;
};

#define WEIR_BOOL(s, f, d)                                                                   \
	{                                                                                    \
		.key = #f, .kind = WEIR_KIND_BOOL, .offset = offsetof(struct s, f), .def = d \
	}
#define WEIR_INT(s, f, l, h, d)                                                    \
	{                                                                          \
		.key = #f, .kind = WEIR_KIND_INT, .offset = offsetof(struct s, f), \
		.size = sizeof(((struct s *)0)->f), .lo = l, .hi = h, .def = d     \
	}
#define WEIR_DECIMAL(s, name, f, sc, l, h, d)                                               \
	{                                                                                   \
		.key = name, .kind = WEIR_KIND_DECIMAL, .offset = offsetof(struct s, f),    \
		.size = sizeof(((struct s *)0)->f), .scale = sc, .lo = l, .hi = h, .def = d \
	}
#define WEIR_TEXT(s, f, max, d)                                                                \
	{                                                                                      \
		.key = #f, .kind = WEIR_KIND_TEXT, .offset = offsetof(struct s, f), .hi = max, \
		.text = d                                                                      \
	}
#define WEIR_CUSTOM(name, fn)                                     \
	{                                                         \
		.key = name, .kind = WEIR_KIND_CUSTOM, .take = fn \
	}
#define WEIR_REQUIRED(name, fn)                                                     \
	{                                                                           \
		.key = name, .kind = WEIR_KIND_CUSTOM, .take = fn, .required = true \
	}
#define WEIR_TAKEN(s, f, fn, req)                                                                 \
	{                                                                                         \
		.key = #f, .kind = WEIR_KIND_CUSTOM, .take = fn, .offset = offsetof(struct s, f), \
		.required = req                                                                   \
	}
#define WEIR_IGNORED(name)                             \
	{                                              \
		.key = name, .kind = WEIR_KIND_IGNORED \
	}
#define WEIR_LATER(name)                             \
	{                                            \
		.key = name, .kind = WEIR_KIND_LATER \
	}
#define WEIR_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- take.c: objects, lists, numbers, errors --- */

/* Error at this position; returns false. */
bool weir_at_fail(const struct weir_at *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Error at a member of this position, which may be absent. */
bool weir_at_fail_key(const struct weir_at *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct weir_at weir_at_key(const struct weir_at *at, const char *key);
struct weir_at weir_at_item(const struct weir_at *at, uint32_t index);

/* s in quotes for a sentence, cut when it is long; lives in the arena. */
const char *weir_quote(struct weir_parse *p, const char *s);

/* An object by its table of n fields. null is absent. */
bool weir_take_fields(const struct weir_at *at, const struct weir_field *fields, size_t n,
		      void *base);

/* A list of min .. max items of size bytes each, filled by take. *out is NULL when it is empty. */
bool weir_take_list(const struct weir_at *at, uint32_t min, uint32_t max, size_t size,
		    weir_take_fn *take, void *out, uint32_t *n);

/* A string, not longer than max bytes; *out points into the document. */
bool weir_take_string(const struct weir_at *at, size_t max, const char **out);

/* A string that is one of words (NULL at the end); *out is its index. */
bool weir_take_word(const struct weir_at *at, const char *const *words, unsigned *out);

/* The word among n that key may have been meant to be, or NULL. get(words, i): the i-th. */
const char *weir_meant(const char *key, size_t n, const char *(*get)(const void *, size_t),
		       const void *words);

/* Error: there is no such monitor, pool or VIP among n; says which there are. */
bool weir_at_no_such(const struct weir_at *at, const char *what, const char *id, size_t n,
		     const char *(*get)(const void *, size_t), const void *all);

/* --- text.c: texts with a form; *base is the variable itself, copied to the arena --- */
bool weir_take_id(const struct weir_at *at, void *base);     /* const char * */
bool weir_take_domain(const struct weir_at *at, void *base); /* const char *, lower case */
bool weir_take_addr(const struct weir_at *at, void *base);   /* union weir_addr */
bool weir_take_prefix(const struct weir_at *at, void *base); /* struct weir_prefix */
/* Whether it can be the address of one machine. */
bool weir_addr_is_host(const union weir_addr *a);

/* --- one file per kind of object --- */
bool weir_take_agent(const struct weir_at *at, void *model);
void weir_agent_defaults(struct weir_agent_conf *a);
/* Whether outer headers can have this address as their source, by outer_source. */
bool weir_agent_is_outer(const struct weir_agent_conf *a, const union weir_addr *addr);
bool weir_take_zones(const struct weir_at *at, void *model);
bool weir_take_monitors(const struct weir_at *at, void *model);
bool weir_take_pools(const struct weir_at *at, void *model);
bool weir_take_lbs(const struct weir_at *at, void *model);
bool weir_take_records(const struct weir_at *at, void *model);

/* --- parse_flow.c: members of a load balancer --- */
bool weir_take_affinity(const struct weir_at *at, void *lb);
bool weir_take_affinity_attributes(const struct weir_at *at, void *lb);
bool weir_take_udp(const struct weir_at *at, void *lb);
bool weir_take_source_rules(const struct weir_at *at, void *lb);
/* The rules between them, and with the rest of a proxied load balancer. */
bool weir_check_flows(const struct weir_at *at, const struct weir_lb *l);

/* The zone that name is in, NULL: none. */
const struct weir_zone_conf *weir_zone_of(const struct weir_parse *p, const char *name);

#endif
