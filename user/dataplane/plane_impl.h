/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_impl.h - what the files of this folder share. Nobody else includes it. */
#ifndef WEIR_DATAPLANE_PLANE_IMPL_H
#define WEIR_DATAPLANE_PLANE_IMPL_H

#include <limits.h>
#include <linux/if_ether.h>
#include <net/if.h>

#include "dataplane/plane.h"

struct weir_bpf;
struct source_set;
struct mnl_socket;
struct nlmsghdr;
struct nlattr;
struct by_addr;

#define ROW_UNIT        WEIR_TABLE_MIN /* row space is given out in these */
#define ROW_SIZES       7              /* of tables: WEIR_TABLE_MIN << 0 .. 6 */
#define UDP_WINDOW_MS   5000  /* how long unrecorded datagrams of a changed row go to prev */
#define ATTACH_RETRY_MS 10000 /* how often an interface that came back is tried */
#define NEIGH_POKE_MS   5000  /* in which the kernel is asked to confirm each next hop once */

/* Where packets for an endpoint leave: found by a route look-up, kept true by netlink. */
struct nexthop {
	union weir_addr addr; /* gateway, or the endpoint itself */
	uint32_t ifindex;     /* 0: free */
	uint32_t mtu;         /* of the interface */
	uint8_t mac[ETH_ALEN], own_mac[ETH_ALEN];
	bool known;     /* mac is */
	bool fresh;     /* the kernel has confirmed it lately */
	uint32_t first; /* endpoint slot reached by it, then slot.hop_next; free: the next free one
			 */
};

/* An interface, whether packets leave by it or not. */
struct link {
	uint32_t ifindex, mtu;
	unsigned flags; /* IFF_UP, IFF_RUNNING */
	uint8_t mac[ETH_ALEN], pad[2];
};

/* The agent's side of an endpoint slot. */
struct slot {
	uint32_t turn; /* the last sync whose tables had it */
	bool wanted;   /* that was the last one of all */
	bool enabled;  /* then, like what follows */
	uint32_t drain_ms;
	uint64_t drain_until_ms;     /* not wanted: its flows may stay until then; 0: not begun */
	uint32_t nexthop;            /* index + 1; 0: no route */
	uint32_t hop_prev, hop_next; /* slots of the same next hop; 0: none */
	bool stale;                  /* its route may have changed */
	union weir_addr src;         /* of the outer header; with outer_source, the first of them */
	uint32_t mtu;                /* of the route; 0: the interface's */
	uint16_t path_mtu;           /* of links further on, as routers say; 0: nobody has */
	uint64_t path_until_ms;      /* how long that is believed */
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
};

/* What a sync finds for a service of its tables. */
struct planned {
	struct service *service; /* NULL: it is not there yet */
	struct table *table;     /* which it shall have */
};

struct weir_plane {
	struct weir_bpf *skel;
	char dir[PATH_MAX]; /* <pin_path>/v<ABI> */
	int lock_fd;        /* on dir: one agent a pin path */
	struct weir_plane_options options;
	uint32_t features; /* of the kernel: features_probe() */

	/* The maps. */
	struct weir_service *services;
	struct weir_row *rows;
	struct weir_flow_bucket *flows;
	struct weir_endpoint *endpoints;
	struct weir_endpoint_id *ids;
	struct weir_special *specials;

	struct slot *slots;   /* by endpoint slot */
	uint32_t *slot_index; /* open addressing: hash of (address, mode) -> slot, 0: free */
	uint32_t slot_top;    /* slots from here on were never used */
	uint32_t slot_hint;   /* no slot below it is free */
	uint32_t turn;        /* number of the last sync; they wrap */
	uint32_t *placed;     /* by endpoint of the last tables: its slot */
	uint32_t n_placed;
	struct service *service; /* dense, with room for all */
	uint32_t *service_index; /* slot of the service table -> index in service */
	uint32_t n_services;
	uint16_t next_service_id;
	bool *id_used; /* by service id */
	uint32_t next_group;
	struct source_set *source_sets; /* sorted by id */
	uint32_t n_source_sets, next_source_set;
	struct table *tables;
	struct table *retired; /* packets may still be reading these */
	uint32_t max_rows;     /* entries of the map */
	uint8_t *unit_used;    /* of the units of row space */
	uint32_t n_units, free_units;
	uint32_t unit_hint[ROW_SIZES]; /* no room for a table of this size begins before it */
	bool records;                  /* the flow table may hold records */
	bool loose; /* rows at rest may name endpoints that are not wanted: no sync went through */

	struct weir_bpf *running; /* what interfaces run: skel, or while one lasts a capture's */
	struct weir_bpf *dry;     /* for traces; NULL: none was asked for yet */
	struct capture *capture;  /* NULL: none */

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

	int icmp4, icmp6;      /* sockets for errors about outer packets; -1: none */
	uint64_t path_next_ms; /* no path_mtu is to be forgotten earlier */
	int watch;             /* epoll: events, more, icmp4, icmp6 */
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
/* The programs over the maps that are pinned, to be loaded. Those that run: all of them, or for
 * traces and captures the packet program alone. NULL: errno says why. */
struct weir_bpf *plane_skel_open(const struct weir_plane *p, enum weir_seeing purpose);

/* features.c: which of the features that the packet path can do without this kernel has, as bits;
 * those that are missing are said. Programs use them when they are loaded after features_use(). */
uint32_t features_probe(void);
void features_use(uint32_t there, struct weir_bpf *skel);

/* attach.c: puts p->running onto every interface that has a program of ours, without a gap. What
 * cannot be done, which is said, interfaces_watch() tries again. 0, or the first error. */
int interfaces_exchange(struct weir_plane *p);
void interfaces_watch(struct weir_plane *p, uint64_t now_ms);

/* attach.c: takes programs that use this map off every interface. 0, or an error that was said. */
int detach_everywhere(int map_fd);

/* endpoints.c: slots and templates */
void endpoints_adopt(struct weir_plane *p);
uint32_t endpoint_find(const struct weir_plane *p, const union weir_addr *addr, uint8_t mode);
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

/* netlink.c */
typedef int netlink_answer(const struct nlmsghdr *h, void *arg);
int netlink_open(struct weir_plane *p);
void netlink_close(struct weir_plane *p);
/* Sends a request and hands its answers to cb. The kernel answers at once, so this never waits. */
int netlink_ask(struct weir_plane *p, struct nlmsghdr *h, netlink_answer *cb, void *arg);
int netlink_family(const union weir_addr *a);
void netlink_put_addr(struct nlmsghdr *h, uint16_t type, const union weir_addr *a);
bool netlink_get_addr(const struct nlattr *attr, union weir_addr *out);

/* routes.c: by which next hop an endpoint is reached */
int routes_open(struct weir_plane *p);
void routes_close(struct weir_plane *p);
void routes_readable(struct weir_plane *p);
void route_resolve(struct weir_plane *p, uint32_t slot);
void route_forget(struct weir_plane *p, uint32_t slot);
/* A slot was given away or freed. */
void routes_endpoints_changed(struct weir_plane *p);
/* NULL: there is no such interface. */
const struct link *link_get(struct weir_plane *p, uint32_t ifindex);

/* neigh.c: next hops */
void neigh_close(struct weir_plane *p);
/* Its index + 1. The kernel is asked after a new one. */
uint32_t nexthop_get(struct weir_plane *p, const union weir_addr *addr, uint32_t ifindex);
/* hop: index + 1; 0: none. */
void nexthop_use(struct weir_plane *p, uint32_t slot, uint32_t hop);
void nexthops_of_link(struct weir_plane *p, const struct link *l);
void nexthops_look_up(struct weir_plane *p);
int neigh_event(const struct nlmsghdr *h, void *plane);
/* Has those confirmed that are due by now. */
void neigh_poke(struct weir_plane *p, uint64_t now_ms);

/* pmtu.c: what routers say of the MTU beyond the first link */
void pmtu_open(struct weir_plane *p);
void pmtu_close(struct weir_plane *p);
void pmtu_readable(struct weir_plane *p);
void pmtu_tick(struct weir_plane *p);
/* Believes, for some time, that outer packets to an endpoint with a next hop can be of so many
 * bytes and no more. True: that is news, and its header is to be written. */
bool path_learn(struct weir_plane *p, uint32_t slot, uint32_t mtu);

/* services.c: the service table */
void services_adopt(struct weir_plane *p);
struct service *service_find(struct weir_plane *p, const union weir_addr *vip, __be16 port,
			     uint8_t proto);
/* Publishes a new service with this table and what goes with its flags, or a VIP's entry without
 * any of it (new NULL). NULL: its probe sequence is full. */
struct service *service_add(struct weir_plane *p, const union weir_addr *vip,
			    const struct weir_tables_service *new, struct table *table,
			    const struct weir_special *special);
/* Moves the last of weir_plane.service to its place. */
void service_remove(struct weir_plane *p, struct service *s);

/* tables.c: tables and who has them */
void tables_adopt(struct weir_plane *p);
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
/* Retires tables that no service has. */
void tables_sweep(struct weir_plane *p);
/* A tick later no packet that saw a retired table is still on its way: its space is free. */
void tables_reclaim(struct weir_plane *p);
void tables_free(struct weir_plane *p);

/* specials.c: what is not usual about services */
void specials_adopt(struct weir_plane *p);
/* What the services of each table of t shall have; the caller frees it. */
struct weir_special *specials_plan(struct weir_plane *p, const struct weir_tables *t,
				   const struct planned *services);
void special_write(struct weir_plane *p, struct weir_service_key *key, uint16_t flags,
		   const struct weir_special *want);

/* sources.c: sets of prefixes of clients */
void sources_adopt(struct weir_plane *p);
/* Makes the sets that tables of t need be there, and says in specials (by table) which. */
int sources_sync(struct weir_plane *p, const struct weir_tables *t, const struct planned *services,
		 struct weir_special *specials);
/* Once a tick: removes sets of no service. */
void sources_reclaim(struct weir_plane *p);
void sources_free(struct weir_plane *p);

/* rows.c: row space, and what a row becomes */
void rows_init(struct weir_plane *p);
bool rows_alloc(struct weir_plane *p, uint32_t size, uint32_t *base);
void rows_take(struct weir_plane *p, uint32_t base, uint32_t size);
void rows_free(struct weir_plane *p, uint32_t base, uint32_t size);
struct weir_row row_next(const struct weir_plane *p, struct weir_row old, uint32_t cur);
void row_store(struct weir_row *at, struct weir_row row);

/* settle.c: rows come to rest */
void settle(struct weir_plane *p, uint64_t now_ms);

#endif
