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
#include "model/dns.h"
#include "model/expr.h"
#include "model/hosts.h"
#include "model/monitor.h"
#include "model/record.h"
#include "model/region.h"

enum weir_tls_version {
	WEIR_TLS_ANY,
	WEIR_TLS_1_0,
	WEIR_TLS_1_1,
	WEIR_TLS_1_2,
	WEIR_TLS_1_3
};

/* What https probes of a pool demand of a server and show to it. Texts: NULL is none. */
struct weir_tls {
	bool check_cert;
	uint8_t min_version, max_version; /* enum weir_tls_version */
	const char *ciphers;              /* as OpenSSL writes them */
	const char *sni_hostname;         /* else the Host of the probe, if it has one */
	const char *cert_hostname;        /* else the name in SNI, else the address */
	/* PEM, or the absolute path of a file of it. */
	const char *ca_cert; /* else what this host trusts */
	const char *client_cert, *client_key;
};

/* What an operator says by hand, whatever monitors and live traffic say. */
enum weir_forced {
	WEIR_FORCED_NOT,
	WEIR_FORCED_UP,
	WEIR_FORCED_DOWN,
	WEIR_FORCED_DRAINING, /* no new flows; those there are stay */
};

struct weir_override {
	enum weir_forced state;
	const char *reason, *by;
	uint64_t since_ms, until_ms; /* wall clock; 0: not known; for ever */
};

/* What weight: 1 of a document is in an origin. So many that each of 32 addresses which share the
 * smallest one, a hundredth, has its part. */
#define WEIR_WEIGHT_MAX 60000

/* One endpoint of a pool. An origin of the document that has a host name is one for each address of
 * it; these share name and weight. */
struct weir_origin {
	uint32_t index; /* of all origins of the model, in order: weir_model.n_origins */
	const char *name, *address;
	const char *host_name; /* lower case, no final dot; NULL: the document has the address */
	union weir_addr addr;
	const char *fault; /* why no packets can be sent there, weight 0; NULL: they can */
	const char *host;  /* header.Host of the document, NULL: none */
	union weir_addr probe_address; /* probes go there instead; all zero: to its own */
	uint16_t probe_port;           /* and there, whatever the monitor says; 0: not */
	uint16_t weight;               /* 0 .. WEIR_WEIGHT_MAX; 0: probed, but no traffic */
	uint16_t port;           /* what probes connect to, and where addresses are translated what
				  * packets are sent to; 0: the listener's */
	uint64_t server_id;      /* by which QUIC connection ids name it, as a number of so many */
	uint8_t server_id_bytes; /* 0: none do */
	uint32_t max_conn;       /* open connections; 0: any number */
	const char *virtual_network_id; /* stored; NULL: none */
	bool flatten_cname;             /* DNS answers addresses of a host name, not the name */
	bool enabled;
	struct weir_override override;
};

/* What a pool's health says to whoever is told of it. */
enum weir_events {
	WEIR_EVENTS_ALL,
	WEIR_EVENTS_HEALTHY,
	WEIR_EVENTS_UNHEALTHY,
};

struct weir_event_filter {
	bool disable; /* nothing is told */
	enum weir_events healthy;
};

/* Where on Earth, in thousandths of degrees. */
struct weir_point {
	int32_t latitude, longitude;
	bool known;
};

/* What a pool passes on of the traffic that it would get (vendor-apis, "Load shedding"). */
struct weir_shedding {
	uint16_t percent;         /* of new flows, in hundredths */
	uint16_t session_percent; /* of clients with an affinity, always by address */
	bool by_client;           /* percent: by client address; else by flow */
};

enum weir_origin_steering {
	WEIR_STEER_RANDOM,            /* by flow */
	WEIR_STEER_HASH,              /* by client address */
	WEIR_STEER_LEAST_CONNECTIONS, /* by flow, of two the one with fewer for its weight */
};

struct weir_pool {
	uint32_t index; /* in weir_model.pools */
	const char *id, *name, *description;
	/* One of the two or neither: then health is not considered. */
	const struct weir_monitor *monitor;
	const struct weir_monitor_group *group;
	const struct weir_origin *origins;
	uint32_t n_origins;
	uint32_t minimum_origins; /* healthy ones needed for traffic */
	uint8_t quorum;           /* percent of its weight that must be healthy, too */
	uint8_t panic_threshold;  /* with a smaller share of them healthy, in percent, all serve */
	uint32_t slow_start_ms;   /* until one that recovered has all of its weight */
	/* So many failures, with half of them forgotten after each half-life, hold an origin down;
	 * 0: nothing does. */
	uint32_t damping_failures, damping_half_life_ms;
	enum weir_origin_steering steering;
	struct weir_tls tls;
	struct weir_shedding shed;
	struct weir_point at;
	bool limited;   /* some origin has max_conn */
	bool has_hosts; /* some origin has a host name */
	/* Stored: */
	const char *notification_email;
	const char **check_regions;
	uint32_t n_check_regions;
	struct weir_event_filter origin_events, pool_events;
	bool health_sources;          /* regional and global ones are told apart */
	uint8_t max_ejection_percent; /* of its enabled origins, by what live traffic says */
	bool enabled;
	struct weir_override override;
};

/* The monitors of a pool as members of a group: a single one is a group of one. */
static inline uint32_t weir_pool_n_members(const struct weir_pool *p)
{
	return p->group ? p->group->n_members : p->monitor != NULL;
}

static inline struct weir_member weir_pool_member(const struct weir_pool *p, uint32_t i)
{
	return p->group ? p->group->members[i]
			: (struct weir_member){ .monitor = p->monitor, .enabled = true };
}

/* Whether health is considered: some monitor has a vote. */
static inline bool weir_pool_monitored(const struct weir_pool *p)
{
	return p->group ? p->group->n_voters > 0 : p->monitor != NULL;
}

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

/* Which pool takes new flows (vendor-apis, "Steering between pools"). */
enum weir_policy {
	WEIR_POLICY_OFF, /* the first that is healthy, in the order of default_pools */
	WEIR_POLICY_GEO, /* the same, in the list of the client's place */
	WEIR_POLICY_RANDOM,
	WEIR_POLICY_DYNAMIC_LATENCY,
	WEIR_POLICY_PROXIMITY,
	WEIR_POLICY_LEAST_CONNECTIONS,
	WEIR_POLICY_LEAST_OUTSTANDING, /* here: open connections, as requests cannot be seen */
	WEIR_POLICY_UNSET,             /* in the document; a model has none of it */
};

const char *weir_policy_text(enum weir_policy p);

/* The pools of a place, in failover order. */
struct weir_place_pools {
	const char *place; /* a region, country or site */
	const struct weir_pool **pools;
	uint32_t n; /* at least one */
};

struct weir_pool_weight {
	const struct weir_pool *pool;
	uint16_t weight; /* hundredths */
};

/* How DNS finds out where a client is. */
enum weir_location_mode {
	WEIR_LOCATION_POP, /* where this balancer is */
	WEIR_LOCATION_RESOLVER,
};
enum weir_prefer_ecs { /* when the client-subnet option counts more */
	WEIR_ECS_PROXIMITY,
	WEIR_ECS_ALWAYS,
	WEIR_ECS_NEVER,
	WEIR_ECS_GEO,
};

enum weir_affinity {
	WEIR_AFFINITY_NONE,
	WEIR_AFFINITY_COOKIE, /* as ip_cookie */
	WEIR_AFFINITY_IP_COOKIE,
	WEIR_AFFINITY_HEADER, /* as none */
};

/* What DNS answers when the last resort serves. */
enum weir_when_down {
	WEIR_DOWN_FALLBACK, /* all of the fallback pool */
	WEIR_DOWN_ALL,      /* all of all default pools */
	WEIR_DOWN_NONE,     /* nobody: no records */
};

struct weir_lb;

/* What a DNS-only balancer says instead of addresses: nothing; the rest is stored. */
struct weir_fixed_response {
	const char *content_type, *location, *message_body;
	uint16_t status_code; /* 0: none */
};

/* What overrides say, where it cannot be told by another value: what they say holds, though the
 * balancer says the same. */
enum weir_said {
	WEIR_SAID_POOLS = 1 << 0, /* default_pools, and there are no maps */
	WEIR_SAID_FALLBACK = 1 << 1,
	WEIR_SAID_POLICY = 1 << 2,
	WEIR_SAID_DEFAULT_WEIGHT = 1 << 3,
	WEIR_SAID_TTL = 1 << 4,
	WEIR_SAID_LOCATION = 1 << 5,
};

#define WEIR_COUNTRIES (26 * 26) /* of two letters */

/* What is otherwise for clients of some places. The first one of a balancer that is for a client
 * decides, before all rules. */
struct weir_pool_set {
	const char *name;
	const struct weir_lb *lb; /* the balancer, with what the set says of its steering */
	const struct weir_fixed_response *response;     /* NULL: none */
	uint64_t countries[(WEIR_COUNTRIES + 63) / 64]; /* of the alphabet's: AA, AB, ... */
	uint16_t regions;                               /* by enum weir_region_code */
	bool by_country, by_region;                     /* else it is for all of them */
	bool elsewhere;                                 /* it is for other sites than this one */
	bool disabled;
};

/* What is otherwise for some: those that its condition holds for. */
struct weir_rule {
	const char *name, *condition;
	const struct weir_expr *when;               /* NULL: always */
	const struct weir_lb *lb;                   /* the balancer, with what the rule overrides */
	const struct weir_fixed_response *response; /* NULL: none */
	uint32_t index;                             /* in the document */
	uint32_t priority;                          /* rules are in this order */
	uint8_t said;                               /* of enum weir_said */
	bool disabled, terminates;
};

struct weir_lb {
	uint32_t index;
	const char *id, *name, *description; /* name: lower case, no final dot */
	const struct weir_record *record;    /* that is proxied, and made it; NULL: the document */
	const struct weir_pool **default_pools; /* failover order, at least one */
	uint32_t n_default_pools;
	const struct weir_pool *fallback_pool;
	const struct weir_pool **pools; /* all that it may use, each once: the default ones first */
	uint32_t n_pools;
	enum weir_policy policy;
	bool by_maps; /* the document leaves the policy to these: geo where there are any */
	const struct weir_place_pools *region_pools, *country_pools, *pop_pools;
	uint32_t n_region_pools, n_country_pools, n_pop_pools;
	const struct weir_pool_weight *pool_weights; /* random_steering */
	uint32_t n_pool_weights;
	uint16_t default_weight; /* of other pools, hundredths */
	enum weir_location_mode location_mode;
	enum weir_prefer_ecs prefer_ecs;
	enum weir_when_down when_down; /* DNS-only */
	const union weir_addr *vips;   /* proxied: those of the balancer, or all of agent.vips */
	uint32_t n_vips;
	const struct weir_listener *listeners; /* proxied: at least one */
	uint32_t n_listeners;
	uint8_t forwarding; /* enum weir_mode */
	uint32_t ttl;       /* seconds */
	uint32_t drain_ms;  /* session_affinity_attributes.drain_duration; 0: the agent's default */
	uint32_t session_affinity_ttl; /* seconds */
	enum weir_affinity affinity_kind;
	bool affinity;            /* by a client's address: cookie or ip_cookie */
	bool passive_health;      /* as configured */
	bool failover;            /* zero_downtime_failover is temporary or sticky */
	bool udp_request;         /* each datagram by itself; else they are flows */
	bool quic;                /* they are QUIC's: connections by id, new ones are seen */
	uint8_t config_rotation;  /* quic: the first three bits of ids that name a server */
	uint8_t server_id_length; /* and bytes of its name in them; 0: none do */
	struct weir_source_rules sources;
	const struct weir_rule *rules; /* by priority */
	uint32_t n_rules;
	const struct weir_pool_set *pool_sets;
	uint32_t n_pool_sets;
	/* Stored: */
	const char *samesite, *secure; /* NULL: Auto */
	const char **affinity_headers;
	uint32_t n_affinity_headers;
	bool require_all_headers, failover_sticks, failover_across_pools;
	bool enabled, proxied;
};

/* Whether open connections of the origins of a pool must be known. */
static inline bool weir_pool_counts(const struct weir_pool *p)
{
	return p->limited || p->steering == WEIR_STEER_LEAST_CONNECTIONS;
}

/* A pool of the balancer, of those that may serve, for which f holds; NULL: none. */
static inline const struct weir_pool *weir_lb_pool(const struct weir_lb *lb,
						   bool (*f)(const struct weir_pool *))
{
	for (uint32_t i = 0; i < lb->n_pools; i++)
		if (f(lb->pools[i]))
			return lb->pools[i];
	return NULL;
}

/* Where the document leaves it to the maps. */
static inline enum weir_policy weir_policy_of_maps(const struct weir_lb *lb)
{
	return lb->n_region_pools || lb->n_country_pools || lb->n_pop_pools ? WEIR_POLICY_GEO
									    : WEIR_POLICY_OFF;
}

/* The balancer itself (i 0), then what each of its rules and pool sets makes of it; NULL: those
 * were all. */
static inline const struct weir_lb *weir_lb_variant(const struct weir_lb *lb, uint32_t i)
{
	if (!i)
		return lb;
	if (--i < lb->n_rules)
		return lb->rules[i].lb;
	i -= lb->n_rules;
	return i < lb->n_pool_sets ? lb->pool_sets[i].lb : NULL;
}

/* New flows go where there are fewer open connections, whichever pool that is in. */
static inline bool weir_policy_compares(enum weir_policy p)
{
	return p == WEIR_POLICY_LEAST_CONNECTIONS || p == WEIR_POLICY_LEAST_OUTSTANDING;
}

/* Whether they do so for some clients. */
static inline bool weir_lb_compares(const struct weir_lb *lb)
{
	const struct weir_lb *of;

	for (uint32_t i = 0; (of = weir_lb_variant(lb, i)); i++)
		if (weir_policy_compares(of->policy))
			return true;
	return false;
}

/* Whether open connections of its origins must be known. */
static inline bool weir_lb_counts(const struct weir_lb *lb)
{
	return weir_lb_compares(lb) || weir_lb_pool(lb, weir_pool_counts);
}

/* Whether live traffic tells which endpoints answer, and connections that get no answer go to
 * others: unless it is switched off, or clients are to stay where they are. */
static inline bool weir_lb_watches(const struct weir_lb *lb)
{
	return lb->passive_health && (!lb->affinity || lb->failover);
}

/* What forwarding says for a mode. */
const char *weir_forwarding_text(uint8_t mode);

/* A part of the world that the operator wants to tell from others: the longest prefix that holds a
 * client says in which it is. */
struct weir_region {
	const char *name;
	const struct weir_prefix *prefixes;
	uint32_t n_prefixes;
};

enum weir_attach {
	WEIR_ATTACH_AUTO,
	WEIR_ATTACH_NATIVE,
	WEIR_ATTACH_GENERIC,
	WEIR_ATTACH_NONE /* no word of the file's: there is nothing to do for the packet program */
};

/* Where endpoints see the clients of balancers with fullnat. */
struct weir_nat_sources {
	const union weir_addr *addrs; /* of either family; n 0: none */
	uint32_t n;
	uint16_t first_port, last_port;
};

/* agent.api: who may use the vendors' APIs, from where. */
struct weir_api_conf {
	const struct weir_sockaddr *listen; /* n 0: nowhere but at agent.control */
	uint32_t n_listen;
	const char *certificate, *key; /* paths of PEM files; NULL: clear text */
	bool insecure;                 /* clear text is fine on every address */
	const char *account_id, *account_name;
};

struct weir_agent_conf {
	const char *node, *pin_path;
	enum weir_region_code region; /* where this balancer is; NONE: not known */
	const char *country, *pop;    /* likewise; pop: its site, as in pop_pools; "": not known */
	struct weir_point at;
	const char *geofeed, *geo_database; /* paths of files that say where clients are; NULL */
	const char **interfaces;
	uint32_t n_interfaces;
	enum weir_attach attach;
	union weir_addr *vips;
	uint32_t n_vips;
	struct weir_dns_conf dns;
	const struct weir_sockaddr *resolvers; /* n 0: those of /etc/resolv.conf */
	uint32_t n_resolvers;
	/* Of load balancers and records that are proxied and do not say theirs. */
	const struct weir_listener *proxied_listeners;
	uint32_t n_proxied_listeners;
	uint8_t proxied_forwarding; /* enum weir_mode */
	struct weir_sockaddr control;
	const char *store; /* path of the file of what comes by APIs; NULL: nothing can come */
	struct weir_api_conf api;
	uint8_t hash_key[16];              /* the same on all balancers that share VIPs */
	uint32_t drain_ms;                 /* how long a changed row knows its older flows */
	uint16_t gue_port;                 /* of endpoints */
	struct weir_prefix outer4, outer6; /* sources of outer headers; bits 0: the route's */
	uint32_t max_rows;                 /* of all tables together; a power of two */
	struct weir_nat_sources nat;
	const struct weir_region *regions; /* of clients */
	uint32_t n_regions;
};

bool weir_regions_eq(const struct weir_agent_conf *a, const struct weir_agent_conf *b);

/* A value that has no effect, or another one than its words say. */
struct weir_note {
	const char *path, *text; /* as those of an error */
};

#define WEIR_MAX_NOTES 1000 /* more are not kept */

struct weir_model {
	struct weir_agent_conf agent;
	struct weir_note *notes; /* in the order in which they were met */
	uint32_t n_notes;
	const struct weir_monitor *monitors;
	const struct weir_monitor_group *groups;
	const struct weir_pool *pools;
	const struct weir_lb *lbs;
	const struct weir_record *records;
	const struct weir_zone_conf *zones;
	const char **hosts; /* host names of origins, each once */
	uint32_t n_monitors, n_groups, n_pools, n_lbs, n_records, n_zones, n_origins, n_hosts;
	struct weir_arena *arena; /* owns all of the above */
};

/* How long rows of this balancer that change know their older flows. */
static inline uint32_t weir_lb_drain_ms(const struct weir_model *m, const struct weir_lb *lb)
{
	return lb->drain_ms ? lb->drain_ms : m->agent.drain_ms;
}

/* Makes a model of a document. Checks everything first: unknown keys, types, ranges, references,
 * names that clash. On false *err says where and what is allowed, and *out is untouched. The
 * caller keeps root and owns *out: weir_model_free(). No host name has an address. */
bool weir_model_parse(const json_t *root, struct weir_model **out, struct weir_err *err);

/* The same with what is known of host names, which decides nothing about whether a document is
 * good. */
bool weir_model_build(const json_t *root, const struct weir_hosts *hosts, struct weir_model **out,
		      struct weir_err *err);
void weir_model_free(struct weir_model *m); /* takes NULL */

#endif
