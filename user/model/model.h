/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.h - what the operator wants: an immutable snapshot of all objects.
 *
 * Field names are those of the Cloudflare load-balancing API wherever it has one; what that API
 * has no word for (listeners, forwarding, vips) is ours. A model is one arena, made by
 * weir_model_parse() from a JSON value, whether that came from YAML or from a REST API; it is
 * valid as a whole or it does not exist. Pure; any thread. */
#ifndef WEIR_MODEL_MODEL_H
#define WEIR_MODEL_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum weir_monitor_type {
	WEIR_MONITOR_HTTP,
	WEIR_MONITOR_TCP
};

struct weir_header {
	const char *name, *value;
};

/* How an endpoint is probed. Defaults are the API's: interval 60 s, timeout 5 s (but not longer
 * than the interval), retries 2. */
struct weir_monitor {
	const char *id, *description;
	enum weir_monitor_type type;
	const char *method, *path;   /* http */
	const char *expected_body;   /* http: substring, ASCII case ignored; "" matches all */
	const char *expected_text;   /* expected_codes as written */
	uint8_t expected_codes[125]; /* http: bit N is set when status N passes (100 .. 999) */
	const struct weir_header *headers; /* http, in the order of the document */
	uint32_t n_headers;
	uint32_t interval_ms, timeout_ms;
	uint16_t port; /* 0: the origin's, else the type's default (http 80) */
	uint16_t consecutive_up, consecutive_down; /* at least 1 */
	uint8_t retries;
	bool follow_redirects;
};

static inline bool weir_monitor_expects(const struct weir_monitor *m, unsigned status)
{
	return status >= 100 && status < 1000 &&
	       (m->expected_codes[status / 8] >> (status % 8) & 1);
}

/* One endpoint of a pool. */
struct weir_origin {
	uint32_t index; /* of all origins of the model, in order: weir_model.n_origins */
	const char *name, *address;
	union weir_addr addr;
	const char *host; /* header.Host of the document, NULL: none */
	uint16_t weight;  /* hundredths, 0 .. 100; 0: probed, but no traffic */
	uint16_t port;    /* 0: the listener's; what probes connect to */
	bool enabled;
};

enum weir_origin_steering {
	WEIR_STEER_RANDOM, /* by flow */
	WEIR_STEER_HASH,   /* by client address */
};

struct weir_pool {
	uint32_t index; /* in weir_model.pools */
	const char *id, *name, *description;
	const struct weir_monitor *monitor; /* NULL: health is not considered */
	const struct weir_origin *origins;
	uint32_t n_origins;
	uint32_t minimum_origins; /* healthy ones needed for traffic */
	enum weir_origin_steering steering;
	bool enabled;
};

struct weir_listener {
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;
};

/* Which clients a load balancer takes packets from. The longest prefix that holds a client decides;
 * one that none holds is allowed, unless there is something in allow. */
struct weir_source_rules {
	const struct weir_prefix *allow, *deny;
	uint32_t n_allow, n_deny;
	/* For each prefix of clients, of so many bits. packets_per_second 0: as many as they like.
	 */
	uint32_t packets_per_second, burst;
	uint8_t prefix_v4, prefix_v6;
};

struct weir_lb {
	uint32_t index;
	const char *id, *name, *description;    /* name: lower case, no final dot */
	const struct weir_pool **default_pools; /* failover order, at least one */
	uint32_t n_default_pools;
	const struct weir_pool *fallback_pool;
	const union weir_addr *vips; /* proxied: those of the balancer, or all of agent.vips */
	uint32_t n_vips;
	const struct weir_listener *listeners; /* proxied: at least one */
	uint32_t n_listeners;
	uint8_t forwarding; /* enum weir_mode */
	uint32_t ttl;       /* seconds */
	uint32_t drain_ms;  /* session_affinity_attributes.drain_duration; 0: the agent's default */
	uint32_t session_affinity_ttl; /* seconds */
	bool affinity;                 /* session_affinity is ip_cookie */
	bool udp_request;              /* each datagram by itself; else they are flows */
	struct weir_source_rules sources;
	bool enabled, proxied;
};

/* What forwarding says for a mode. */
const char *weir_forwarding_text(uint8_t mode);

enum weir_record_type {
	WEIR_RECORD_A,
	WEIR_RECORD_AAAA,
	WEIR_RECORD_CNAME,
	WEIR_RECORD_POOL
};

/* Several records of one name and type are one set (A, AAAA) or one pool (POOL). */
struct weir_record {
	const char *name; /* lower case, no final dot */
	enum weir_record_type type;
	union weir_addr addr; /* A, AAAA */
	const char *target;   /* CNAME, POOL: lower case, no final dot */
	uint32_t ttl;         /* seconds */
	uint32_t weight;      /* POOL: 1 .. 65535 */
};

struct weir_zone_conf {
	const char *name;          /* lower case, no final dot */
	const char *mname, *rname; /* primary server, mailbox as a domain name */
	uint32_t serial, refresh, retry, expire, minimum, ttl; /* ttl: of SOA and NS */
	const char **ns;
	uint32_t n_ns; /* at least one */
};

enum weir_attach {
	WEIR_ATTACH_AUTO,
	WEIR_ATTACH_NATIVE,
	WEIR_ATTACH_GENERIC
};

struct weir_agent_conf {
	const char *node, *region, *pin_path;
	const char **interfaces;
	uint32_t n_interfaces;
	enum weir_attach attach;
	union weir_addr *vips;
	uint32_t n_vips;
	struct weir_sockaddr *dns_listen;
	uint32_t n_dns_listen;
	struct weir_sockaddr control;
	uint8_t hash_key[16];              /* the same on all balancers that share VIPs */
	uint32_t drain_ms;                 /* how long a changed row knows its older flows */
	uint16_t gue_port;                 /* of endpoints */
	struct weir_prefix outer4, outer6; /* sources of outer headers; bits 0: the route's */
	uint32_t max_rows;                 /* of all tables together; a power of two */
};

struct weir_model {
	struct weir_agent_conf agent;
	const struct weir_monitor *monitors;
	const struct weir_pool *pools;
	const struct weir_lb *lbs;
	const struct weir_record *records;
	const struct weir_zone_conf *zones;
	uint32_t n_monitors, n_pools, n_lbs, n_records, n_zones, n_origins;
	struct weir_arena *arena; /* owns all of the above */
};

/* How long rows of this balancer that change know their older flows. */
static inline uint32_t weir_lb_drain_ms(const struct weir_model *m, const struct weir_lb *lb)
{
	return lb->drain_ms ? lb->drain_ms : m->agent.drain_ms;
}

/* Makes a model of a document. Checks everything first: unknown keys, types, ranges, references,
 * names that clash. On false *err says where and what is allowed, and *out is untouched. The
 * caller keeps root and owns *out: weir_model_free(). */
bool weir_model_parse(const json_t *root, struct weir_model **out, struct weir_err *err);
void weir_model_free(struct weir_model *m); /* takes NULL */

#endif
