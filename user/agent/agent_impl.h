/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent_impl.h - the agent's state, for the files of this folder. */
#ifndef WEIR_AGENT_AGENT_IMPL_H
#define WEIR_AGENT_AGENT_IMPL_H

#include "agent/agent.h"
#include "agent/objects.h"
#include "agent/signing.h"
#include "agent/zonefiles.h"
#include "base/mem.h"
#include "compile/compile.h"
#include "dataplane/plane_dns.h"
#include "dns/dns.h"
#include "model/index.h"
#include "model/latency.h"
#include "model/override.h"
#include "probe/prober.h"
#include "resolve/resolve.h"
#include "zone/serial.h"
#include "zone/zone.h"

/* What files say: where clients are, what follows from that for the balancers of a model, and what
 * its zones have. */
struct agent_where {
	struct agent_zone_files zones;
	struct agent_presigned *presigned; /* of these; borrowed, until it is taken; NULL: none */
	struct weir_places *places;        /* NULL: nobody knows */
	struct weir_arena *arena;          /* of classes */
	const struct weir_lb_classes *classes;
	struct agent_stamp geofeed, database;
	uint64_t parts; /* digest of what rules tell apart */
	bool kept;      /* places are those of the agent's present model */
};

/* How long handshakes with a pool's origins took, of clients of a region. */
struct agent_handshakes {
	uint64_t n[WEIR_HANDSHAKE_BUCKETS];
	uint64_t all;
};

/* What the pools of a model take to answer; each by pool and client region, 0: of all clients. */
struct agent_latency {
	struct weir_latency *of;
	uint32_t *us; /* what is steered by */
	struct agent_handshakes *last;
	uint32_t n_regions;
	uint64_t due_ms; /* of the next look */
};

/* What the configuration file and the store have, together. Immutable: a change makes another one,
 * which shares what is the same. */
struct agent_objects {
	json_t *file;     /* its document */
	json_t *stored;   /* kind -> id -> body; also of kinds that no model has */
	json_t *document; /* what a model is made of: the sections of the file, with what is stored
			   * behind what it has */
	json_t *of_file;  /* kind -> id -> body, which has its id here */
	json_t *all;      /* the same of both */
	json_t *none;     /* an empty object */
};

/* Pools of a model by id, made when somebody asks. */
struct agent_pool_ids {
	struct weir_arena *arena; /* NULL: nobody did */
	struct weir_index by_id;
	uint64_t of; /* weir_agent.models */
};

struct weir_agent {
	uv_loop_t *loop;
	const char *config_path;
	struct weir_model *model;
	struct weir_health *health; /* by origin index of model */
	struct weir_overrides *overrides;
	struct agent_where where;     /* for model */
	struct agent_latency latency; /* likewise */

	struct agent_objects *objects; /* that model was made of */
	struct weir_store *store;      /* NULL: none is configured */
	uint64_t stored_revision;      /* of store */
	struct agent_alerts *alerts;   /* NULL: there is no store */
	struct agent_change *change;   /* is being made durable; NULL: none is */
	struct agent_reload *reload;   /* reads its zone files; NULL: none does */
	bool reload_later;             /* was asked for meanwhile */
	uint64_t models;               /* that were in use so far */
	struct agent_pool_ids pool_ids;
	void (*on_idle)(void *arg);
	void *on_idle_arg;

	struct weir_resolver *resolver;
	json_t *next; /* the document of a reload that waits for host names; NULL: none does */
	uint64_t next_by_ms, past_until_ms;

	struct weir_plane *plane;
	struct weir_prober *prober;
	struct agent_preview *previews; /* the oldest first */
	struct weir_dns *dns;
	struct agent_signing *signing;
	struct weir_serials serials; /* of zones that change without the model */

	/* What was decided last: view and tables live in decided, the rows of tables in memo. */
	struct weir_memo *memo;
	struct weir_arena *decided;
	const struct weir_view *view;
	const struct weir_tables *tables;
	uint8_t cookie_secret[16]; /* of DNS cookies, unless the model says another */

	uv_poll_t netlink;
	uv_timer_t tick;        /* every second */
	bool behind;            /* the packet path had no room for what was decided last */
	uv_timer_t flush;       /* a reconcile is due at the end of this turn of the loop */
	uv_timer_t pass;        /* armed for as long as time alone changes some health */
	uint64_t pass_ms;       /* when it fires, by the loop's clock; UINT64_MAX: it does not */
	uv_timer_t host_news;   /* host names have other addresses */
	uint32_t n_handles;     /* of these, not yet closed */
	bool ready;             /* every monitored origin had a verdict, or time is up */
	bool answering;         /* DNS listens on all that is configured */
	bool dns_refused;       /* it could not, and that was said */
	uint64_t mute_until_ms; /* of what live traffic says, and pools do not let happen */
	uint64_t answer_by_ms;

	uint64_t started_ms, loaded_ms; /* wall clock */
	uint32_t revision;
	char error[1024]; /* of the last reload, "" when it was taken */
};

/* Wall clock and a monotonic one, in ms. */
uint64_t agent_now_ms(void);
uint64_t agent_uptime_ms(const struct weir_agent *a);
struct weir_now agent_now(const struct weir_agent *a);

/* What a model and its health decide. */
struct agent_decision {
	struct weir_arena *arena;
	const struct weir_view *view;
	const struct weir_tables *tables;
};

/* agent.c: that decision; and what it makes of DNS and status, which it then belongs to. */
struct agent_decision agent_decide(struct weir_agent *a, const struct weir_model *model,
				   const struct weir_health *health,
				   const struct agent_where *where,
				   const struct agent_latency *latency);
void agent_publish(struct weir_agent *a, const struct agent_decision *d,
		   const struct agent_where *where);

/* The world's part of a configuration: 0 or a negative errno. */
int agent_listen_dns(struct weir_agent *a, const struct weir_agent_conf *conf);
int agent_attach(struct weir_agent *a, const struct weir_agent_conf *conf);

/* hot.c: the kernel answers to these addresses; and what it answers is that of a snapshot. fresh:
 * of another model than before. What it does not take the agent answers itself. */
const uint8_t *agent_cookie_secret(const struct weir_agent *a, const struct weir_dns_conf *conf);
void agent_cookies_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf);
void agent_listen_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf);
void agent_answer_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf,
			    const struct weir_zones *zones, bool fresh);
json_t *agent_kernel_answers(const struct weir_agent *a);

/* Tells what in the model has no effect. */
void agent_say_notes(const struct weir_agent *a);

/* A reconcile at the end of this turn of the loop. */
void agent_flush(struct weir_agent *a);

/* passing.c: what time alone changes. Of one origin, after a verdict; of all, when model or
 * overrides are others (without a reconcile). */
void agent_pass(struct weir_agent *a, const struct weir_pool *pool, struct weir_health *h);
void agent_pass_all(struct weir_agent *a);

/* Makes everything follow from another model, and takes it over, and where with it. 0 or a negative
 * errno, then all is as it was. */
int agent_apply(struct weir_agent *a, struct weir_model *m, struct agent_where *where);

/* Before a model is the agent's. */
void agent_count_serials(const struct weir_agent *a, struct weir_model *m);

/* The second half of a reload: m was made of objects. At once, or when zone files were read that
 * are not as they were. Takes both over. */
void agent_reload_with(struct weir_agent *a, struct agent_objects *objects, struct weir_model *m);
/* What became of a reload that failed: says it, and the status does. */
void agent_reload_failed(struct weir_agent *a, const struct weir_err *err);
/* The model and all that comes with it, or nothing of it. read: its zone files as far as they were
 * read for it, and of these those that were signed; NULL: none were. False: *err says why. */
bool agent_use(struct weir_agent *a, struct weir_model *m, struct agent_zone_reading *read,
	       struct agent_presigned *presigned, struct weir_err *err);
/* The agent is closed: what is being read is nobody's any more. */
void agent_reload_close(struct weir_agent *a);

/* objects.c: those of a file's document and of the store; those after changes, a list as that of
 * weir_store_way_back(). */
struct agent_objects *agent_objects_new(json_t *file, json_t *stored);
struct agent_objects *agent_objects_change(const struct agent_objects *was, const json_t *changes);
void agent_objects_free(struct agent_objects *o);
/* Whether a path of the document is within a stored object: which, and the rest of the path. */
bool agent_objects_place(const struct agent_objects *o, const char *path, const char **kind,
			 const char **id, const char **rest);
/* Has an error's path name a stored object in place of its place in the document. */
void agent_objects_explain(const struct agent_objects *o, struct weir_err *err);
/* Whether the document has stored objects in it. */
bool agent_objects_is_mixed(const struct agent_objects *o);
/* Whether models are made of this kind. */
bool agent_objects_is_models(const char *kind);

/* change.c: opens the store that a model names; another model in place of *m if it has objects. 0
 * or a negative errno, said in the log. */
int agent_store_open(struct weir_agent *a, json_t *file, struct weir_model **m);
/* The agent is closed: false while a change is in another thread, which then goes on. */
void agent_store_close(struct weir_agent *a);
/* The store is here again: who waits for that is told, unless it is away again. */
void agent_store_idle(struct weir_agent *a);

/* override.c: what was said by hand before the agent began, of the store. 0 or a negative errno,
 * said in the log. */
int agent_overrides_restore(struct weir_agent *a);

/* alerts.c: what happens to pools and origins is told and kept. Opened when the store is, and
 * closed before it; 0 or a negative errno, said in the log. */
int agent_alerts_open(struct weir_agent *a);
void agent_alerts_close(struct weir_agent *a);
/* What view says is so from now on; webhooks may be others; the store is here again. */
void agent_alerts_look(struct weir_agent *a, const struct weir_view *view);
void agent_alerts_objects(struct weir_agent *a);
void agent_alerts_idle(struct weir_agent *a);
/* Whether the store is in another thread for that. */
bool agent_alerts_are_writing(const struct weir_agent *a);

/* hosts.c. Opens the resolver and waits for the names of *m, which is then made anew. 0 or a
 * negative errno. */
int agent_hosts_open(struct weir_agent *a, struct weir_model **m);
/* A model of objects with the addresses of host names that are known. */
bool agent_hosts_build(const struct weir_agent *a, const struct agent_objects *objects,
		       struct weir_model **out, struct weir_err *err);
/* What its host names stand for is to be known. */
void agent_hosts_ask(struct weir_agent *a, const struct weir_model *m);
/* A reload of a good document, of which m was made: at once, or when its host names are known.
 * Takes m over. */
void agent_hosts_reload(struct weir_agent *a, json_t *file, struct weir_model *m);
/* The agent's model is another one, or (false) still the one it was. */
void agent_hosts_settle(struct weir_agent *a, bool taken);
void agent_hosts_tick(struct weir_agent *a);

/* preview.c: they end, and are forgotten; needs uv_run() afterwards. */
void agent_previews_close(struct weir_agent *a);

/* carry.c: health for the origins of a model, from what is known; the caller frees it. */
struct weir_health *agent_carry_health(const struct weir_agent *a, const struct weir_model *m);

/* where.c: what is known of where clients are, for a model that may take the place of a's, and its
 * zone files (read: those that were read for it; NULL: none were); it is
 * either dropped, or taken once the model is. False: *err says why a file cannot be used. */
bool agent_where_read(const struct weir_agent *a, const struct weir_model *m,
		      struct agent_zone_reading *read, struct agent_where *out,
		      struct weir_err *err);
/* The same where clients are where they are already known to be. */
void agent_where_keep(const struct weir_agent *a, const struct weir_model *m,
		      struct agent_where *out);
void agent_where_drop(struct agent_where *w);
void agent_where_take(struct weir_agent *a, struct agent_where *w);

/* live.c: connections to this endpoint are not answered; once a tick: whose time is over. */
void agent_on_silence(void *agent, const struct weir_endpoint_id *endpoint);
void agent_readmit(struct weir_agent *a);

/* handshakes.c: of each pool and region (agent.n_regions + 1; 0: of no prefix), the caller's to
 * free; the time in us that this share of them took at most; whether an endpoint is this origin. */
struct agent_handshakes *agent_handshakes_gather(const struct weir_agent *a);
uint32_t agent_handshakes_us(const struct agent_handshakes *h, unsigned percent);
bool agent_is_of(const struct weir_origin *o, const struct weir_endpoint_id *e);

/* latency.c: once a tick; and for a model that may take the place of a's. */
void agent_latency_look(struct weir_agent *a);
struct agent_latency agent_latency_for(const struct weir_agent *a, const struct weir_model *m);
void agent_latency_free(struct agent_latency *l);

/* carry.c: pools by their id. */
void agent_index_pools(struct weir_index *x, const struct weir_model *m, struct weir_arena *arena);

/* status.c: a reason as clients know it. Static texts. */
const char *agent_reason_name(enum weir_reason why);
const char *agent_reason_text(enum weir_reason why);

/* hot.c: queries that the kernel has answered are counted as well, up to now. */
void agent_count_in_kernel(const struct weir_agent *a);

/* status.c: a port that packets get as JSON; 0, they keep theirs: null. */
json_t *agent_port(__be16 port);

/* status.c: what was said by hand, as JSON; NULL: null. */
json_t *agent_override(const struct weir_override *o);

/* queries.c: of UDP, as JSON; what is watched of DNS, by a configuration. */
json_t *agent_dns_workers(const struct weir_agent *a);
void agent_use_tap(struct weir_agent *a, const struct weir_agent_conf *conf);

/* trace.c: the origin that is there, in pool first; NULL: no pool has it any more. */
const struct weir_origin *agent_origin(const struct weir_agent *a, const struct weir_pool *pool,
				       const struct weir_plane_hop *h, const struct weir_pool **in);

#endif
