/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes.h - by which next hop and interface packets for endpoints leave, and how large they may
 * be, as the kernel and routers say. Nobody outside of this folder includes it. */
#ifndef WEIR_DATAPLANE_ROUTES_H
#define WEIR_DATAPLANE_ROUTES_H

#include <linux/if_ether.h>

#include "dataplane/plane_impl.h"

struct nlmsghdr;
struct nlattr;

#define NEIGH_POKE_MS 5000 /* in which the kernel is asked to confirm each next hop once */

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
/* Packets may be sent out of it. */
void link_use(struct weir_plane *p, uint32_t ifindex);
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

#endif
