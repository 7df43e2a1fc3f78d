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
	const struct weir_origin *vip;    /* its address is a VIP of this balancer */
	const struct weir_origin *outer;  /* its address is in agent.outer_source */
	const struct weir_origin *source; /* its address is one of agent.nat.sources */
	const struct weir_origin *host;   /* it has a host name */
};

/* The state of one weir_model_parse(). */
struct weir_parse {
	struct weir_arena *arena;
	struct weir_model *model;
	struct weir_err *err;
	struct weir_index vips, zones, monitors, groups, pools, pool_names, lbs, lb_names, hosts;
	struct weir_pool_facts *facts;               /* of pools, by index */
	const struct weir_lb *ruled;                 /* whose rules and pool sets are taken */
	struct weir_rdata *rdata;                    /* NULL: none was needed so far */
	uint32_t n_proxied;                          /* records of balancers of their own */
	uint32_t n_origins, n_sources, n_server_ids; /* so far; a host name is all it can become */
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
/* The same where the member has another name than the field. */
#define WEIR_NAMED(s, name, f, fn, req)                            \
	{                                                          \
		.key = name, .kind = WEIR_KIND_CUSTOM, .take = fn, \
		.offset = offsetof(struct s, f), .required = req   \
	}
#define WEIR_IGNORED(name)                             \
	{                                              \
		.key = name, .kind = WEIR_KIND_IGNORED \
	}
#define WEIR_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- take.c: objects, lists, numbers, errors --- */

/* Error at this position; returns false. */
bool weir_at_fail(const struct weir_at *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Error at a member of this position, which may be absent. */
bool weir_at_fail_key(const struct weir_at *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that what is at this position has no effect, or another one than its words. */
void weir_at_note(const struct weir_at *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct weir_at weir_at_key(const struct weir_at *at, const char *key);
struct weir_at weir_at_item(const struct weir_at *at, uint32_t index);

/* s in quotes for a sentence, cut when it is long; lives in the arena. */
const char *weir_quote(struct weir_parse *p, const char *s);

/* An object by its table of n fields. null is absent. */
bool weir_take_fields(const struct weir_at *at, const struct weir_field *fields, size_t n,
		      void *base);

/* Those of its fields that are there, the others stay as they are. */
bool weir_take_present(const struct weir_at *at, const struct weir_field *fields, size_t n,
		       void *base);

/* A list of min .. max items of size bytes each, filled by take. *out is NULL when it is empty. */
bool weir_take_list(const struct weir_at *at, uint32_t min, uint32_t max, size_t size,
		    weir_take_fn *take, void *out, uint32_t *n);

/* The same with room for so many items behind those of the list; *out is never NULL then. */
bool weir_take_list_and(const struct weir_at *at, uint32_t min, uint32_t max, uint32_t room,
			size_t size, weir_take_fn *take, void *out, uint32_t *n);

/* A string, not longer than max bytes; *out points into the document. */
bool weir_take_string(const struct weir_at *at, size_t max, const char **out);

/* A string that is one of words (NULL at the end); *out is its index. */
bool weir_take_word(const struct weir_at *at, const char *const *words, unsigned *out);

/* A number in steps of 1 / scale, kept at to as the count of steps. */
bool weir_take_decimal(const struct weir_at *at, const struct weir_field *f, void *to);

/* The word among n that key may have been meant to be, or NULL. get(words, i): the i-th. */
const char *weir_meant(const char *key, size_t n, const char *(*get)(const void *, size_t),
		       const void *words);

/* Error: there is no such monitor, pool or VIP among n; says which there are. */
bool weir_at_no_such(const struct weir_at *at, const char *what, const char *id, size_t n,
		     const char *(*get)(const void *, size_t), const void *all);

/* --- text.c: texts with a form; *base is the variable itself, copied to the arena --- */
bool weir_take_id(const struct weir_at *at, void *base);     /* const char * */
bool weir_take_domain(const struct weir_at *at, void *base); /* const char *, lower case */
bool weir_take_owner(const struct weir_at *at, void *base);  /* the same, or *. in front of one */
bool weir_take_addr(const struct weir_at *at, void *base);   /* union weir_addr */
bool weir_take_prefix(const struct weir_at *at, void *base); /* struct weir_prefix */
/* The bytes of a text of two hexadecimal digits each; 0: it is none, or of more than most. */
size_t weir_hex_bytes(const char *s, uint8_t *out, size_t most);
/* Whether it can be the address of one machine. */
bool weir_addr_is_host(const union weir_addr *a);

/* --- one file per kind of object --- */
bool weir_take_agent(const struct weir_at *at, void *model);
/* parse_dns.c: struct weir_dns_conf */
bool weir_take_dns_kernel(const struct weir_at *at, void *kernel); /* parse_dns_kernel.c */
bool weir_take_dns_limit(const struct weir_at *at, void *limit);
bool weir_take_dns(const struct weir_at *at, void *dns);
/* An address with this port unless it has one; one that no item of the list before it is (with port
 * 53, with this one); an absolute path of at most 200 bytes (const char *). */
bool weir_take_socket(const struct weir_at *at, uint16_t port, struct weir_sockaddr *out);
bool weir_take_socket_on(const struct weir_at *at, uint16_t port, struct weir_sockaddr *s);
bool weir_take_socket_once(const struct weir_at *at, void *out);
bool weir_take_file(const struct weir_at *at, void *out);
bool weir_take_api(const struct weir_at *at, void *agent); /* parse_api.c */
bool weir_check_api(const struct weir_at *at, const struct weir_agent_conf *a);
bool weir_take_regions(const struct weir_at *at, void *agent);
void weir_agent_defaults(struct weir_agent_conf *a);
/* Whether outer headers can have this address as their source, by outer_source. */
bool weir_agent_is_outer(const struct weir_agent_conf *a, const union weir_addr *addr);
/* parse_nat.c: agent.nat, and the rules about addresses that are translated */
bool weir_take_nat(const struct weir_at *at, void *agent);
bool weir_check_nat_sources(const struct weir_at *at, const struct weir_agent_conf *a);
bool weir_agent_is_nat_source(const struct weir_agent_conf *a, const union weir_addr *addr);
/* Of a proxied load balancer. */
bool weir_check_fullnat(const struct weir_at *at, const struct weir_lb *l);
/* Of all of them together. */
bool weir_check_nat(const struct weir_at *root, const struct weir_model *m);
/* expand.c: origins with host names into one for each address that is known; numbers all. */
void weir_expand(struct weir_parse *p, const struct weir_hosts *known);
/* parse_zone.c: names of name servers. */
bool weir_take_name_servers(const struct weir_at *at, const char ***out, uint32_t *n);
bool weir_take_zones(const struct weir_at *at, void *model);
bool weir_take_monitors(const struct weir_at *at, void *model);
bool weir_take_groups(const struct weir_at *at, void *model);
bool weir_take_pools(const struct weir_at *at, void *model);
bool weir_take_lbs(const struct weir_at *at, void *model);
bool weir_take_listeners(const struct weir_at *at, void *lb);
bool weir_take_forwarding(const struct weir_at *at, void *lb);
bool weir_take_records(const struct weir_at *at, void *model);

/* --- parse_group.c: references; *out stays as it is for an empty one --- */
bool weir_take_monitor_ref(const struct weir_at *at, void *out); /* const struct weir_monitor * */
bool weir_take_group_ref(const struct weir_at *at, void *out);
/* Whether the monitors of a pool go with each other and with its origins. */
bool weir_check_pool_monitors(const struct weir_at *at, const struct weir_pool *pool);

/* --- parse_override.c --- */
bool weir_take_override(const struct weir_at *at, void *to); /* struct weir_override */

/* Those of a document, and the one that a record needs: without a name of its own that must be
 * unique. The latter has index and pool already. */
bool weir_take_pool_of(const struct weir_at *at, struct weir_pool *pool);
bool weir_take_lb_of(const struct weir_at *at, struct weir_lb *l);
/* What all load balancers together must not do. */
bool weir_check_lbs(const struct weir_at *root);

/* --- parse_proxied.c --- */
uint32_t weir_count_proxied(const json_t *root);
bool weir_make_proxied(const struct weir_at *records);

/* Where a load balancer is in the document: its own item, or the record that made it. */
struct weir_lb_place {
	struct weir_at list, item;
};
void weir_lb_place(const struct weir_at *root, const struct weir_lb *l, struct weir_lb_place *out);

/* --- parse_stored.c: members of pools, origins and records --- */
bool weir_take_check_regions(const struct weir_at *at, void *pool);
bool weir_take_health_sources(const struct weir_at *at, void *pool);
bool weir_check_health_sources(const struct weir_at *at, const struct weir_pool *p);
bool weir_take_notification_filter(const struct weir_at *at, void *pool);
bool weir_take_notification_email(const struct weir_at *at, void *text);
bool weir_take_network_id(const struct weir_at *at, void *text);
bool weir_take_tags(const struct weir_at *at, void *record);

/* --- parse_affinity.c: members of a load balancer --- */
bool weir_take_affinity(const struct weir_at *at, void *lb);
bool weir_take_affinity_attributes(const struct weir_at *at, void *lb);
bool weir_take_adaptive_routing(const struct weir_at *at, void *lb);
bool weir_check_affinity(const struct weir_at *at, struct weir_lb *l);

/* --- parse_rule.c: a member of a load balancer; the last one, since rules are about the others ---
 */
bool weir_take_rules(const struct weir_at *at, void *lb);
bool weir_take_fixed_response(const struct weir_at *at, bool proxied,
			      const struct weir_fixed_response **out);
/* parse_ruled.c: what a rule, or a pool set, may override, into a copy of the balancer. */
bool weir_take_overrides(const struct weir_at *at, struct weir_lb *l);
bool weir_take_set_overrides(const struct weir_at *at, struct weir_lb *l);
/* parse_pool_set.c: those of a balancer, which is settled but for its service. */
bool weir_take_pool_sets(const struct weir_at *lb, struct weir_lb *l);

/* --- parse_flow.c: members of a load balancer --- */
bool weir_take_udp(const struct weir_at *at, void *lb);
bool weir_take_source_rules(const struct weir_at *at, void *lb);
/* The rules between them, and with the rest of a proxied load balancer. */
bool weir_check_flows(const struct weir_at *at, const struct weir_lb *l);

/* --- parse_tls.c: members of a pool --- */
bool weir_take_tls_version(const struct weir_at *at, void *out); /* uint8_t */
bool weir_take_tls_ciphers(const struct weir_at *at, void *out); /* these: const char * */
bool weir_take_tls_cert(const struct weir_at *at, void *out);
bool weir_take_tls_key(const struct weir_at *at, void *out);
bool weir_take_tls_name(const struct weir_at *at, void *out);
bool weir_check_tls(const struct weir_at *at, const struct weir_tls *tls);

#define WEIR_TLS_FIELDS                                                                           \
	{ .key = "tls_check_cert",                                                                \
	  .kind = WEIR_KIND_BOOL,                                                                 \
	  .offset = offsetof(struct weir_pool, tls.check_cert),                                   \
	  .def = true },                                                                          \
		WEIR_NAMED(weir_pool, "min_tls_version", tls.min_version, weir_take_tls_version,  \
			   false),                                                                \
		WEIR_NAMED(weir_pool, "max_tls_version", tls.max_version, weir_take_tls_version,  \
			   false),                                                                \
		WEIR_NAMED(weir_pool, "tls_ciphers", tls.ciphers, weir_take_tls_ciphers, false),  \
		WEIR_NAMED(weir_pool, "tls_sni_hostname", tls.sni_hostname, weir_take_tls_name,   \
			   false),                                                                \
		WEIR_NAMED(weir_pool, "tls_cert_hostname", tls.cert_hostname, weir_take_tls_name, \
			   false),                                                                \
		WEIR_NAMED(weir_pool, "tls_ca_cert", tls.ca_cert, weir_take_tls_cert, false),     \
		WEIR_NAMED(weir_pool, "tls_client_cert", tls.client_cert, weir_take_tls_cert,     \
			   false),                                                                \
		WEIR_NAMED(weir_pool, "tls_client_key", tls.client_key, weir_take_tls_key, false)

/* --- parse_steer.c: which pools are used --- */
/* Whether a text, the key or the value at this place, can be one. */
bool weir_take_region_code(const struct weir_at *at, const char *text);
bool weir_take_country_code(const struct weir_at *at, const char *text);
bool weir_take_pop_code(const struct weir_at *at, const char *text);
bool weir_take_policy(const struct weir_at *at, void *lb);
bool weir_take_region_pools(const struct weir_at *at, void *lb);
bool weir_take_country_pools(const struct weir_at *at, void *lb);
bool weir_take_pop_pools(const struct weir_at *at, void *lb);
bool weir_take_random_steering(const struct weir_at *at, void *lb);
bool weir_take_pool_weights(const struct weir_at *at, void *lb);
bool weir_take_pool_default_weight(const struct weir_at *at, void *lb);
bool weir_take_location_strategy(const struct weir_at *at, void *lb);
bool weir_take_when_down(const struct weir_at *at, void *lb);
/* Settles the policy and collects the pools. */
bool weir_check_steering(const struct weir_at *at, struct weir_lb *l);
/* Those that its rules use are the balancer's, too, once both were checked by themselves. */
void weir_add_ruled_pools(const struct weir_at *at, struct weir_lb *l);
bool weir_take_load_shedding(const struct weir_at *at, void *pool);
bool weir_take_latitude(const struct weir_at *at, void *point); /* struct weir_point */
bool weir_take_longitude(const struct weir_at *at, void *point);
bool weir_check_point(const struct weir_at *at, struct weir_point *point);

/* parse_lb.c: a pool by its id, at a place that names it or is the name; a list of them, each once.
 */
bool weir_find_pool(const struct weir_at *at, const char *id, const struct weir_pool **out);
bool weir_take_pool_ref(const struct weir_at *at, void *out); /* const struct weir_pool * */
bool weir_take_pool_list(const struct weir_at *at, const struct weir_pool ***out, uint32_t *n);
bool weir_take_default_pools(const struct weir_at *at, void *lb);

/* --- parse_quic.c: names of servers in connection ids --- */
bool weir_take_server_id(const struct weir_at *at, void *origin);
bool weir_take_quic(const struct weir_at *at, void *lb);
bool weir_check_quic(const struct weir_at *at, const struct weir_lb *l);

/* The zone that name is in, NULL: none. */
const struct weir_zone_conf *weir_zone_of(const struct weir_parse *p, const char *name);

#endif
