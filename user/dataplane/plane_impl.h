/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_impl.h - what the files of this folder share. Nobody else includes it. */
#ifndef WEIR_DATAPLANE_PLANE_IMPL_H
#define WEIR_DATAPLANE_PLANE_IMPL_H

#include <limits.h>

#include "dataplane/plane.h"

struct weir_bpf;
struct source_set;
struct steer;
struct clients;
struct server;
struct conns_sweep;
struct mnl_socket;
struct nexthop;
struct link;
struct by_addr;
struct dns;
struct ring_buffer;

#define ROW_UNIT        WEIR_TABLE_MIN /* row space is given out in these */
#define ROW_SIZES       10             /* of tables: WEIR_TABLE_MIN << 0 .. 9 */
#define UDP_WINDOW_MS   5000  /* how long unrecorded datagrams of a changed row go to prev */
#define ATTACH_RETRY_MS 10000 /* how often an interface that came back is tried */

_Static_assert(WEIR_TABLE_MAX == ROW_UNIT << (ROW_SIZES - 1), "ROW_SIZES");

/* A flow record that is there now, and what its hash ends in: in a table of more rows than 16 bits
 * tell, it is of one of two. */
struct record {
	const struct weir_flow *flow;
	uint64_t key;
	uint32_t hash[2];
};

/* The agent's side of an endpoint slot. */
struct slot {
	uint32_t turn; /* the last sync whose tables had it */
	bool wanted;   /* that was the last one of all */
	bool enabled;  /* then, like what follows */
	bool counted;
	uint32_t drain_ms;
	uint64_t drain_until_ms;     /* not wanted: its flows may stay until then; 0: not begun */
	uint32_t nexthop;            /* index + 1; 0: no route */
	uint32_t hop_prev, hop_next; /* slots of the same next hop; 0: none */
	bool stale;                  /* its route may have changed */
	union weir_addr src;         /* of the outer header; with outer_source, the first of them */
	uint32_t mtu;                /* of the route; 0: the interface's */
	uint16_t path_mtu;           /* of links further on, as routers say; 0: nobody has */
	uint64_t path_until_ms;      /* how long that is believed */
	uint64_t refused_ms;         /* when an ICMP error last said that nobody is there */
	uint32_t refusals;           /* so many did, one after the other */
};

/* When a row left rest. Whole tables of these are there only while some row is not at rest. */
struct window {
	uint32_t since_ms : 30; /* they wrap, after twelve days */
	uint32_t open : 1;      /* since_ms is known */
	uint32_t busy : 1;      /* a live flow is recorded with an endpoint other than cur */
};
#define WINDOW_MASK ((1u << 30) - 1)

static inline uint32_t window_age_ms(const struct window *w, uint64_t now_ms)
{
	return ((uint32_t)now_ms - w->since_ms) & WINDOW_MASK;
}

/* A table in the kernel. */
struct table {
	struct table *next; /* of weir_plane.tables, or of retired ones */
	uint32_t base, size;
	uint32_t users;        /* services */
	bool named;            /* by ways of a service that tells its clients apart */
	uint64_t changed_ms;   /* when a row of it last did */
	uint32_t unsettled;    /* rows not at rest, as of the last sync or tick */
	uint32_t drain_ms;     /* UINT32_MAX: no sync has said yet */
	uint32_t affinity_ms;  /* 0: clients are not remembered */
	uint32_t group;        /* of its services (abi.h); 0: they are usual ones */
	struct table *peer;    /* while records are swept: another one of this group */
	struct window *window; /* by row; NULL: all are at rest */
	uint64_t digest;       /* of what its rows were last made to say */
	bool synced;           /* there is such a digest */
	uint32_t period;       /* after so many rows they say the same again; 0: not known */
	bool seen;             /* by packets: its space is not given out again at once */

	/* For the sync that is under way. */
	const struct weir_tables_table *wanted; /* what it shall say; NULL: it goes */
	struct table *from;                     /* it is a copy of this one, for other services */
	struct table *copies, *next_copy;
};

/* The agent's side of a service. */
struct service {
	uint32_t at; /* slot in the service table */
	bool wanted;
	bool fresh;          /* added by the sync that is under way */
	struct table *table; /* NULL: a VIP's entry without a port */
	struct steer *steer; /* NULL: its clients are not told apart */
};

/* The agent's side of a reverse (WEIR_SLOT_REVERSE). */
struct reverse {
	uint32_t at;       /* slot in the service table */
	bool wanted;       /* by the last tables */
	uint64_t until_ms; /* not wanted: it stays until then at least; 0: nobody has said yet */
};

/* What a sync finds for a service of its tables. */
struct planned {
	struct service *service; /* NULL: it is not there yet */
	struct table *table;     /* which it shall have */
	struct steer *steer;     /* NULL: none */
};

struct weir_plane {
	bool no_calls_behind; /* the kernel lets no program behind the dispatcher call another */
	struct weir_bpf *skel;
	char dir[PATH_MAX]; /* <pin_path>/v<ABI> */
	int lock_fd;        /* on dir: one agent a pin path */
	struct weir_plane_options options;
	uint32_t features; /* of the kernel: features_probe() */

	/* The maps. */
	struct weir_service *services;
	struct weir_row *rows; /* row_store() writes them */
	struct weir_rest *rest;
	struct weir_flow_bucket *flows;
	struct weir_endpoint *endpoints;
	struct weir_endpoint_id *ids;
	struct weir_special *specials;
	struct weir_classes *classes;
	struct weir_way *ways;
	struct weir_nat_conf *nat_conf;
	struct weir_server_id *server_ids;
	struct weir_conns *conns;
	struct weir_live *live;
	struct weir_dns_guard *dns_guard;
	struct weir_dns_hits *dns_hits; /* by CPU */

	struct slot *slots;   /* by endpoint slot */
	uint32_t *slot_index; /* open addressing: hash of an id -> slot, 0: free */
	uint32_t slot_top;    /* slots from here on were never used */
	uint32_t slot_hint;   /* no slot below it is free */
	uint32_t turn;        /* number of the last sync; they wrap */
	uint32_t *placed;     /* by endpoint of the last tables: its slot */
	uint32_t n_placed;
	struct service *service; /* dense, with room for all */
	struct reverse *reverse; /* dense, with room for all */
	/* By slot of the service table: whose it is, published or not; its index in service or
	 * reverse. */
	bool *place_taken;
	uint32_t *place_index;
	uint32_t n_services, n_reverses, n_left; /* n_left: reverses that are not wanted */
	uint16_t next_service_id;
	bool *id_used; /* by service id */
	uint32_t next_group;
	struct source_set *source_sets; /* sorted by id */
	uint32_t n_source_sets, next_source_set;
	struct server *servers;
	uint32_t *server_index; /* slot of a server id -> index in servers */
	uint32_t n_servers;
	struct table *tables;
	struct table *retired;   /* packets may still be reading these */
	uint32_t max_rows;       /* entries of the map */
	struct table **table_at; /* by unit of row space, where one begins */
	struct steer *steers;
	struct steer *retired_steers;   /* packets may still be reading these */
	uint8_t *way_used, *class_used; /* of the units that ways and classes are given out in */
	uint32_t n_way_units, n_class_units;
	struct clients *clients;
	uint32_t n_locations;  /* the kernel's numbers are less than that */
	bool ways_full;        /* that is why the sync that is under way does not fit */
	bool moved;            /* the sync that is under way moves prefixes of clients */
	bool steered_by_place; /* some service told clients apart by their location before it */
	uint8_t *unit_used;    /* of the units of row space */
	uint32_t n_units, free_units;
	uint32_t unit_hint[ROW_SIZES]; /* no room for a table of this size begins before it */
	bool records;                  /* the flow table may hold records */
	bool loose; /* rows at rest may name endpoints that are not wanted: no sync went through */

	uint32_t nat; /* enum weir_feature: what programs are loaded with from now on */
	struct {
		bool sources;     /* that was looked at */
		uint8_t silent;   /* families whose replies it does not forward: 1 IPv4, 2 IPv6 */
		uint32_t stray;   /* an interface without a program that endpoints are behind */
	} nat_said;               /* what this agent has said about the host */
	struct weir_bpf *carrier; /* what carries traffic: skel, or one that can translate */
	struct weir_bpf *running; /* what interfaces run: carrier, or while one lasts a capture's */
	struct weir_bpf *dry;     /* for traces; NULL: none was asked for yet */
	struct capture *capture;  /* NULL: none */

	struct dns *dns;

	struct nexthop *nexthops;
	uint32_t n_nexthops, nexthop_room, free_nexthop;
	uint32_t *nexthop_index; /* open addressing: address, interface -> index + 1; twice room */
	uint64_t poked_ms;
	uint32_t poke_at;
	bool neighbours_full; /* in the kernel, and that was said */
	struct link *links;
	uint32_t n_links;
	uint32_t n_stale, stale_at; /* slots that are stale; where to look for the next one */
	struct by_addr *by_addr;    /* endpoints by address, when sorted */
	uint32_t n_by_addr;
	bool sorted;
	struct mnl_socket *ask, *events; /* requests; notifications */
	int more;                        /* readable while some slots are stale */

	struct ring_buffer *news; /* of the packet path */
	weir_plane_silence_fn *on_silence;
	void *on_silence_arg;
	uint64_t n_moved;   /* SYNs to a second choice, as of the last look at rows */
	uint32_t n_regions; /* of clients */

	int icmp4, icmp6;      /* sockets for errors about outer packets; -1: none */
	uint64_t path_next_ms; /* no path_mtu is to be forgotten earlier */
	int watch;             /* epoll: events, more, icmp4, icmp6, news */
	uint64_t now_ms;       /* as of the last tick or sync */

	struct weir_plane_interface *interfaces;
	uint32_t n_interfaces;
	enum weir_attach mode; /* asked for */
	bool attached; /* interfaces says it all: what earlier agents left elsewhere is gone */
};

/* load.c */
void plane_quiet_libraries(void);
/* While libxdp tries what this kernel can do, its failures are no news. */
void plane_probing(bool on);
/* The programs over the maps that are pinned, to be loaded: once all of them, then the packet
 * program alone, with what p->nat says. NULL: errno says why. */
struct weir_bpf *plane_skel_open(const struct weir_plane *p, enum weir_seeing purpose);

/* features.c: which of the features that the packet path can do without this kernel has, as bits;
 * those that are missing are said. Programs use them when they are loaded after features_use(). */
uint32_t features_probe(void);
void features_use(uint32_t there, struct weir_bpf *skel);

/* capture.c: what interfaces are to run, where p->carrier has changed. */
int capture_renew(struct weir_plane *p);

/* attach.c: puts p->running onto every interface that has a program of ours, without a gap. What
 * cannot be done, which is said, interfaces_watch() tries again. 0, or the first error. */
int interfaces_exchange(struct weir_plane *p);
void interfaces_watch(struct weir_plane *p, uint64_t now_ms);

/* tc.c: the kernel's id of a map, 0: none; and whether a program works on the map of this id.
 */
uint32_t map_id(int fd);
bool program_uses_map(int prog_fd, uint32_t id);

/* attach.c: takes programs that use this map off every interface. 0, or an error that was said. */
int detach_everywhere(int map_fd);

/* endpoints.c: slots and templates */
void endpoints_adopt(struct weir_plane *p);
/* port: only modes that rewrite it look at it. */
uint32_t endpoint_find(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
		       uint8_t mode);
/* Finds the slots of t->endpoints; 0: it has none. Returns how many have none. */
uint32_t endpoints_place(struct weir_plane *p, const struct weir_tables *t, uint32_t *slot_of);
uint32_t endpoints_free(const struct weir_plane *p);
/* Remembers slot_of, and owns it from now on: the next tables mostly have the same endpoints. */
void endpoints_placed(struct weir_plane *p, uint32_t *slot_of, uint32_t n);
/* Gives a slot to those that have none. */
void endpoints_sync(struct weir_plane *p, const struct weir_tables *t, uint32_t *slot_of,
		    uint64_t now_ms);
void endpoint_write(struct weir_plane *p, uint32_t slot);
/* The largest outer packet that gets to an endpoint, which has a next hop. */
uint32_t way_mtu(const struct weir_plane *p, const struct slot *s);
/* The sum of 16-bit words, as they lie in memory, in 16 bits. */
uint16_t sum16(const void *bytes, size_t len);
/* Frees slots of nobody: one after the other, then the index is made anew. */
void endpoint_release(struct weir_plane *p, uint32_t slot);
void endpoints_reindex(struct weir_plane *p);
/* Where outer headers to an endpoint say that they come from, if that is configured (bits). */
static inline const struct weir_prefix *plane_outer(const struct weir_plane *p,
						    const union weir_addr *endpoint)
{
	return weir_addr_is_v4(endpoint) ? &p->options.outer4 : &p->options.outer6;
}
static inline bool endpoint_is_alive(const struct weir_plane *p, uint32_t slot)
{
	return slot != WEIR_NO_ENDPOINT && (p->endpoints[slot].state & WEIR_ENDPOINT_ALIVE);
}

/* live.c: what live traffic says of endpoints */
int live_open(struct weir_plane *p);
void live_close(struct weir_plane *p);
int live_fd(const struct weir_plane *p);
void live_readable(struct weir_plane *p);
/* Takes in which rows the packet path has unsettled. Before anybody asks whether rows are at rest.
 */
void live_notice(struct weir_plane *p, uint64_t now_ms);
/* An ICMP error says that an outer packet to this endpoint found nobody. */
void live_refused(struct weir_plane *p, uint32_t slot);
/* A slot is nobody's any more. */
void live_forget(struct weir_plane *p, uint32_t slot);

/* places.c: slots of the service table, of whatever kind */
#define NO_PLACE UINT32_MAX
void places_init(struct weir_plane *p);
/* Where this key is that packets see. */
uint32_t place_find(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
		    uint8_t proto, uint8_t used);
/* Takes a free one for a key that is to be published there: packets do not see it yet, and find
 * what lies behind it. NO_PLACE: its probe sequence is full. */
uint32_t place_take(struct weir_plane *p, const union weir_addr *addr, __be16 port, uint8_t proto);
void place_publish(struct weir_plane *p, uint32_t at, __be16 port, uint8_t proto, uint8_t used);
void place_leave(struct weir_plane *p, uint32_t at);

/* services.c: which of them are services */
void services_adopt(struct weir_plane *p);
struct service *service_find(struct weir_plane *p, const union weir_addr *vip, __be16 port,
			     uint8_t proto);
/* A new service with this table and what goes with its flags, or a VIP's entry without any of it
 * (new NULL), for service_publish(). NULL: its probe sequence is full. */
struct service *service_add(struct weir_plane *p, const union weir_addr *vip,
			    const struct weir_tables_service *new, const struct planned *to,
			    const struct weir_special *special);
/* Packets see it from now on. new: as before. */
void service_publish(struct weir_plane *p, const struct service *s,
		     const struct weir_tables_service *new);
/* Moves the last of weir_plane.service to its place. */
void service_remove(struct weir_plane *p, struct service *s);

/* reverses.c: which of them say whose replies are whose */
void reverses_adopt(struct weir_plane *p);
/* How many of t are not there yet. */
uint32_t reverses_missing(const struct weir_plane *p, const struct weir_tables *t);
/* Makes those of t be there; services of t all have their places. False: a probe sequence is full.
 */
bool reverses_sync(struct weir_plane *p, const struct weir_tables *t,
		   const struct planned *services);
/* Removes those that no service needs any more. */
void reverses_reclaim(struct weir_plane *p);

/* nat.c: what translated addresses need of programs and host */
int nat_adopt(struct weir_plane *p);
/* Before a row names an endpoint of t. */
int nat_sync(struct weir_plane *p, const struct weir_tables *t);
void nat_tick(struct weir_plane *p);
/* Replies may leave by it, too, and not only by those that endpoints are behind. */
void nat_use_link(struct weir_plane *p, const struct weir_plane_interface *i);

/* nat_host.c: whether the host is set for it, which is said if not */
void nat_check_sources(const struct weir_nat_sources *s);
void nat_check_host(struct weir_plane *p); /* once a tick */

/* tables.c: tables and who has them */
void tables_adopt(struct weir_plane *p);
struct table *table_adopt(struct weir_plane *p, uint32_t base, uint32_t size);
/* Without users or content; NULL: there is no row space for it. */
struct table *table_new(struct weir_plane *p, uint32_t size);
/* Makes x the table of a service. */
void table_join(struct weir_plane *p, struct service *k, struct table *x);
/* Fills a new table with what packets find in another one, and with what is known of its windows.
 * Either is the larger. */
void table_copy(struct weir_plane *p, struct table *x, const struct table *from);
/* Notes that a row is not at rest; since now, unless that was known before. */
void table_window(struct table *x, uint32_t row, uint64_t now_ms);
/* After unsettled was counted: forgets the windows when all rows are at rest. */
void table_rested(struct table *x);
/* Makes tables at rest that are larger than they need be smaller. */
void tables_shrink(struct weir_plane *p);
/* Retires tables that no service has, nor names. */
void tables_sweep(struct weir_plane *p);
/* A tick later no packet that saw a retired table is still on its way: its space is free. */
void tables_reclaim(struct weir_plane *p);
void tables_free(struct weir_plane *p);

/* specials.c: what is not usual about services */
void specials_adopt(struct weir_plane *p);
/* What the services of each group of t shall have; the caller frees it. */
struct weir_special *specials_plan(struct weir_plane *p, const struct weir_tables *t,
				   const struct planned *services);
void special_write(struct weir_plane *p, struct weir_service_key *key, uint16_t flags,
		   const struct steer *steer, const struct weir_special *want);

/* steer.c, steer_plan.c: services that tell their clients apart */
void steers_init(struct weir_plane *p);
void steers_adopt(struct weir_plane *p); /* and the tables that they name */
/* Before the tables of other services are chosen: those of services that tell clients apart, or
 * did so until now, and what they shall know. False: there is no room. */
bool steers_plan(struct weir_plane *p, const struct weir_tables *t, struct planned *services,
		 uint64_t now_ms);
struct weir_steer_ref steer_ref(const struct steer *s);
/* Notes that packets of a service see s. */
void steer_join(struct service *k, struct steer *s);
/* When all clients use one table and nothing else has to be known. NULL: it is not so. */
struct table *steer_one_table(const struct weir_plane *p, const struct steer *s);
/* Whose records are of which, with the number of its services' group. */
void steers_set_group(struct steer *s, uint32_t group);
/* Retires those that no service has. */
void steers_sweep(struct weir_plane *p);
void steers_reclaim(struct weir_plane *p);
void steers_free(struct weir_plane *p);
/* Whether a record is still of use; notes what it keeps from rest. lives: it is of a flow that may
 * go on where it is. */
bool steer_needs(const struct weir_plane *p, struct steer *s, const struct record *r, uint32_t now,
		 bool lives);
/* By what records have in the place of a service id; those of a group are chained. */
struct steer **steers_by_id(const struct weir_plane *p);
struct steer *steer_peer(const struct steer *s);
/* Once a tick, after records were looked at. */
void steers_settle(struct weir_plane *p, uint64_t now_ms);

/* clients.c: prefixes of clients and their locations */
void clients_adopt(struct weir_plane *p);
/* What becomes of them; services are planned after it, and written before clients_sync() does it.
 */
void clients_plan(struct weir_plane *p, const struct weir_tables *t);
void clients_forget_plan(struct weir_plane *p);
int clients_sync(struct weir_plane *p);
void clients_settle(struct weir_plane *p); /* once a tick */
void clients_free(struct weir_plane *p);

/* sources.c: sets of prefixes of clients */
void sources_adopt(struct weir_plane *p);
/* Makes the sets that groups of t need be there, and says in specials (by group) which. */
int sources_sync(struct weir_plane *p, const struct weir_tables *t, const struct planned *services,
		 struct weir_special *specials);
/* Once a tick: removes sets of no service. */
void sources_reclaim(struct weir_plane *p);
void sources_free(struct weir_plane *p);

/* quic.c: server ids */
void servers_adopt(struct weir_plane *p);
/* Makes those that groups of t name be there, and says in specials (by group) how long ids are.
 * slot_of: by endpoint of t. */
int servers_sync(struct weir_plane *p, const struct weir_tables *t, const uint32_t *slot_of,
		 struct weir_special *specials, uint64_t now_ms);
/* Once a tick, before slots are freed: removes those whose time is over. */
void servers_reclaim(struct weir_plane *p, uint64_t now_ms);

/* rows.c: row space, and what a row becomes */
void rows_init(struct weir_plane *p);
bool rows_alloc(struct weir_plane *p, uint32_t size, uint32_t *base);
void rows_take(struct weir_plane *p, uint32_t base, uint32_t size);
void rows_free(struct weir_plane *p, uint32_t base, uint32_t size);
struct weir_row row_next(const struct weir_plane *p, struct weir_row old, uint32_t cur);
void row_store(struct weir_plane *p, uint32_t index, struct weir_row row);
/* For a row that an earlier agent wrote, whom the end may have met halfway. */
void row_adopt(struct weir_plane *p, uint32_t index);

/* conns.c: open connections. A sweep looks at all records; NULL: of no service that counts. */
void conns_configure(struct weir_plane *p, uint32_t slot, const struct weir_tables_endpoint *e);
uint32_t conns_open(const struct weir_plane *p, uint32_t slot);
struct conns_sweep *conns_sweep_begin(struct weir_plane *p);
/* Whether a record is still of use to a service that counts. */
bool conns_keep(struct weir_plane *p, struct conns_sweep *c, struct weir_flow *f, uint64_t key,
		uint32_t now);
/* Makes counts what records say, and frees c. */
void conns_sweep_end(struct weir_plane *p, struct conns_sweep *c);

/* How long a recorded flow was silent, in ticks. Packets go on meanwhile, and a client may be kept
 * for longer: less than 0. */
static inline int32_t flow_age(const struct weir_flow *f, uint32_t now)
{
	const uint32_t flags = (1u << WEIR_FLOW_FLAGS) - 1;

	return (int32_t)((now | flags) - f->seen) >> WEIR_FLOW_FLAGS;
}

/* settle.c: rows come to rest */
void settle(struct weir_plane *p, uint64_t now_ms);

#endif
