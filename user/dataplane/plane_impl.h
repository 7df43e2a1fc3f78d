/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_impl.h - what the files of this folder share. Nobody else includes it. */
#ifndef WEIR_DATAPLANE_PLANE_IMPL_H
#define WEIR_DATAPLANE_PLANE_IMPL_H

#include <limits.h>
#include <linux/if_ether.h>
#include <net/if.h>

#include "dataplane/plane.h"

struct weir_bpf;
struct mnl_socket;

#define ROW_UNIT        WEIR_TABLE_MIN /* row space is given out in these */
#define ROW_UNITS       (WEIR_MAX_ROWS / ROW_UNIT)
#define UDP_WINDOW_MS   5000  /* how long unrecorded datagrams of a changed row go to prev */
#define ATTACH_RETRY_MS 10000 /* how often an interface that came back is tried */
#define NEIGH_POKE_MS   5000  /* how often the kernel is asked to confirm a next hop */

/* Where packets for an endpoint leave: found by a route look-up, kept true by netlink. */
struct nexthop {
	union weir_addr addr; /* gateway, or the endpoint itself */
	uint32_t ifindex;     /* 0: free */
	uint32_t mtu;         /* of the interface */
	uint8_t mac[ETH_ALEN], own_mac[ETH_ALEN];
	bool known; /* mac is */
	bool fresh; /* the kernel has confirmed it lately */
};

/* The agent's side of an endpoint slot. */
struct slot {
	bool wanted;             /* by the tables of the last sync */
	uint64_t drain_until_ms; /* not wanted: its flows may stay until then; 0: not begun */
	uint32_t nexthop;        /* index + 1; 0: no route */
	union weir_addr src;     /* of the outer header; with outer_source, the first of them */
	uint32_t mtu;            /* of the route; 0: the interface's */
	uint16_t path_mtu;       /* of links further on, as routers say; 0: nobody has */
	uint64_t path_until_ms;  /* how long that is believed */
};

/* The agent's side of a service. */
struct service {
	uint32_t at; /* slot in the service table */
	bool wanted;
	bool fresh;         /* added by the sync that is under way */
	uint32_t unsettled; /* rows not at rest, as of the last sync or tick */
	uint32_t drain_ms;
};

/* Row space that packets may still be reading. */
struct retired {
	uint32_t base, size;
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

	struct slot *slots;      /* by endpoint slot */
	uint32_t *slot_index;    /* open addressing: hash of (address, mode) -> slot, 0: free */
	uint32_t slot_top;       /* slots from here on were never used */
	uint32_t slot_hint;      /* no slot below it is free */
	struct service *service; /* dense */
	uint32_t *service_index; /* slot of the service table -> index in service */
	uint32_t n_services;
	uint16_t next_service_id;
	uint8_t unit_used[ROW_UNITS];
	uint64_t *row_since_ms; /* by row: when it left rest; 0: not known, or at rest */
	struct retired *retired;
	uint32_t n_retired;
	bool records; /* the flow table may hold records */

	struct weir_bpf *running; /* what interfaces run: skel, or while one lasts a capture's */
	struct weir_bpf *dry;     /* for traces; NULL: none was asked for yet */
	struct capture *capture;  /* NULL: none */

	struct nexthop *nexthops;
	uint32_t n_nexthops;
	struct mnl_socket *ask, *events; /* requests; notifications */
	uint64_t poked_ms;

	int icmp4, icmp6;      /* sockets for errors about outer packets; -1: none */
	uint64_t path_next_ms; /* no path_mtu is to be forgotten earlier */
	int watch;             /* epoll: events, icmp4, icmp6 */
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
uint32_t endpoints_missing(const struct weir_plane *p, const struct weir_tables *t);
uint32_t endpoints_free(const struct weir_plane *p);
/* Makes every endpoint of t have a slot; slot_of[i] is that of t->endpoints[i]. */
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

/* neigh.c: routes and neighbours, by netlink */
int neigh_open(struct weir_plane *p);
void neigh_close(struct weir_plane *p);
void neigh_readable(struct weir_plane *p);
void neigh_resolve(struct weir_plane *p, uint32_t slot);
void neigh_poke(struct weir_plane *p);

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
/* Publishes a new service; NULL: its probe sequence is full. */
struct service *service_add(struct weir_plane *p, const union weir_addr *vip, __be16 port,
			    uint8_t proto, struct weir_table_ref table);
void service_remove(struct weir_plane *p, struct service *s);

/* rows.c: row space, and what a row becomes */
bool rows_alloc(struct weir_plane *p, uint32_t size, uint32_t *base);
void rows_retire(struct weir_plane *p, uint32_t base, uint32_t size);
void rows_reclaim(struct weir_plane *p);
uint32_t rows_free_units(const struct weir_plane *p);
void rows_take(struct weir_plane *p, uint32_t base, uint32_t size);
struct weir_row row_next(const struct weir_plane *p, struct weir_row old, uint32_t cur);
void row_store(struct weir_row *at, struct weir_row row);

/* settle.c: rows come to rest */
void settle(struct weir_plane *p, uint64_t now_ms);

#endif
