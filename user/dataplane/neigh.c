/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neigh.c - next hops and their MAC addresses, kept true by the kernel's notifications, so that no
 * packet pays for a look-up.
 *
 * XDP sends past the neighbour table, so the kernel would let unused entries age: every few
 * seconds it is asked (NTF_USE) to confirm those it is not sure of. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dataplane/routes.h"
#include "weir.skel.h"

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* --- which next hops there are --- */

static uint32_t *index_slot(const struct weir_plane *p, const union weir_addr *addr,
			    uint32_t ifindex)
{
	uint32_t mask = 2 * p->nexthop_room - 1;
	uint32_t i = (uint32_t)weir_hash_bytes(ifindex, addr, sizeof(*addr)) & mask;

	for (; p->nexthop_index[i]; i = (i + 1) & mask) {
		const struct nexthop *n = &p->nexthops[p->nexthop_index[i] - 1];

		if (n->ifindex == ifindex && weir_addr_eq(&n->addr, addr))
			break;
	}
	return &p->nexthop_index[i];
}

static void reindex(struct weir_plane *p)
{
	free(p->nexthop_index);
	p->nexthop_index = weir_new_array(2 * (size_t)p->nexthop_room, uint32_t);
	for (uint32_t i = 0; i < p->n_nexthops; i++)
		if (p->nexthops[i].ifindex)
			*index_slot(p, &p->nexthops[i].addr, p->nexthops[i].ifindex) = i + 1;
}

static uint32_t nexthop_find(const struct weir_plane *p, const union weir_addr *addr,
			     uint32_t ifindex)
{
	return p->nexthop_room ? *index_slot(p, addr, ifindex) : 0;
}

/* Its index + 1. */
static uint32_t nexthop_new(struct weir_plane *p)
{
	uint32_t at = p->free_nexthop;

	if (at) {
		p->free_nexthop = p->nexthops[at - 1].first;
		return at;
	}
	if (p->n_nexthops == p->nexthop_room) {
		p->nexthop_room = p->nexthop_room ? 2 * p->nexthop_room : 16;
		p->nexthops = weir_grow(p->nexthops, p->nexthop_room, sizeof(*p->nexthops));
		reindex(p);
	}
	return ++p->n_nexthops;
}

void nexthop_use(struct weir_plane *p, uint32_t slot, uint32_t hop)
{
	struct slot *s = &p->slots[slot];

	if (s->nexthop == hop)
		return;
	if (s->hop_next)
		p->slots[s->hop_next].hop_prev = s->hop_prev;
	if (s->hop_prev)
		p->slots[s->hop_prev].hop_next = s->hop_next;
	else if (s->nexthop)
		p->nexthops[s->nexthop - 1].first = s->hop_next;
	s->nexthop = hop;
	s->hop_prev = s->hop_next = 0;
	if (!hop)
		return;
	s->hop_next = p->nexthops[hop - 1].first;
	if (s->hop_next)
		p->slots[s->hop_next].hop_prev = slot;
	p->nexthops[hop - 1].first = slot;
}

static void rewrite(struct weir_plane *p, const struct nexthop *n)
{
	for (uint32_t s = n->first; s; s = p->slots[s].hop_next)
		endpoint_write(p, s);
}

/* --- what the kernel says of them --- */

/* Takes an RTM_NEWNEIGH or RTM_DELNEIGH in. True: something packets need has changed. */
static bool take_neigh(struct nexthop *n, const struct nlmsghdr *h, const struct ndmsg *nd,
		       const struct nlattr *mac)
{
	bool usable = h->nlmsg_type == RTM_NEWNEIGH && (nd->ndm_state & NUD_USABLE) && mac &&
		      mnl_attr_get_payload_len(mac) == ETH_ALEN;

	n->fresh = usable && (nd->ndm_state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP));
	/* A next hop that went silent keeps its MAC: health decides who gets traffic. */
	if (!usable || (n->known && !memcmp(n->mac, mnl_attr_get_payload(mac), ETH_ALEN)))
		return false;
	memcpy(n->mac, mnl_attr_get_payload(mac), ETH_ALEN);
	n->known = true;
	return true;
}

static void poke(struct weir_plane *p, const struct nexthop *n);

int neigh_event(const struct nlmsghdr *h, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(h);
	const struct nlattr *mac = NULL;
	struct weir_plane *p = arg;
	union weir_addr dst;
	bool has_dst = false;
	struct nlattr *a;
	uint32_t hop;

	if (h->nlmsg_type != RTM_NEWNEIGH && h->nlmsg_type != RTM_DELNEIGH)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*nd))
	{
		if (mnl_attr_get_type(a) == NDA_DST)
			has_dst = netlink_get_addr(a, &dst);
		else if (mnl_attr_get_type(a) == NDA_LLADDR)
			mac = a;
	}
	hop = has_dst ? nexthop_find(p, &dst, (uint32_t)nd->ndm_ifindex) : 0;
	if (hop) {
		if (take_neigh(&p->nexthops[hop - 1], h, nd, mac))
			rewrite(p, &p->nexthops[hop - 1]);
		if (h->nlmsg_type == RTM_DELNEIGH && p->nexthops[hop - 1].first)
			poke(p, &p->nexthops[hop - 1]);
	}
	return MNL_CB_OK;
}

static int request(struct weir_plane *p, const struct nexthop *n, uint16_t type, uint8_t ndm_flags,
		   uint16_t nl_flags)
{
	char buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ndmsg *nd;

	h->nlmsg_type = type;
	h->nlmsg_flags = nl_flags;
	nd = mnl_nlmsg_put_extra_header(h, sizeof(*nd));
	nd->ndm_family = (unsigned char)netlink_family(&n->addr);
	nd->ndm_ifindex = (int)n->ifindex;
	nd->ndm_flags = ndm_flags;
	netlink_put_addr(h, NDA_DST, &n->addr);
	return netlink_ask(p, h, neigh_event, p);
}

/* What the kernel has now; no entry is no error: the poke makes one. */
static void look_up(struct weir_plane *p, const struct nexthop *n)
{
	request(p, n, RTM_GETNEIGH, 0, 0);
}

/* Asks the kernel to find out, or confirm, who has this address. */
static void poke(struct weir_plane *p, const struct nexthop *n)
{
	bool full = request(p, n, RTM_NEWNEIGH, NTF_USE, NLM_F_CREATE) == -ENOBUFS;

	if (full && !p->neighbours_full)
		weir_error("the kernel's neighbour table is full: packets cannot reach endpoints "
			   "on the link that are not in it; raise net.ipv4.neigh.default."
			   "gc_thresh1 to 3 and the same of net.ipv6");
	p->neighbours_full = full;
}

void link_use(struct weir_plane *p, uint32_t ifindex)
{
	int map = bpf_map__fd(p->skel->maps.weir_devices);
	char name[IF_NAMESIZE] = "?";
	int err = bpf_map_update_elem(map, &ifindex, &ifindex, BPF_ANY);

	if (!err || err == -EINVAL) /* the latter: it is gone, and so are its routes in a moment */
		return;
	if_indextoname(ifindex, name);
	weir_error("%s: packets cannot be sent out of it: %s", name, strerror(-err));
}

/* True: something packets need has changed. l NULL: it is gone. */
static bool take_link(struct nexthop *n, const struct link *l)
{
	if (!l || (n->mtu == l->mtu && !memcmp(n->own_mac, l->mac, ETH_ALEN)))
		return false;
	memcpy(n->own_mac, l->mac, ETH_ALEN);
	n->mtu = l->mtu;
	return true;
}

uint32_t nexthop_get(struct weir_plane *p, const union weir_addr *addr, uint32_t ifindex)
{
	uint32_t hop = nexthop_find(p, addr, ifindex);
	struct nexthop *n;

	if (hop)
		return hop;
	hop = nexthop_new(p);
	n = &p->nexthops[hop - 1];
	*n = (struct nexthop){ .addr = *addr, .ifindex = ifindex };
	*index_slot(p, addr, ifindex) = hop;
	link_use(p, ifindex);
	take_link(n, link_get(p, ifindex));
	look_up(p, n);
	if (!n->fresh)
		poke(p, n);
	return hop;
}

void nexthops_of_link(struct weir_plane *p, const struct link *l)
{
	bool any = false;

	for (uint32_t i = 0; i < p->n_nexthops; i++) {
		struct nexthop *n = &p->nexthops[i];

		if (n->ifindex != l->ifindex)
			continue;
		any = true;
		if (take_link(n, l))
			rewrite(p, n);
	}
	if (any)
		link_use(p, l->ifindex);
}

void nexthops_look_up(struct weir_plane *p)
{
	char buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	for (uint32_t i = 0; i < p->n_nexthops; i++)
		p->nexthops[i].fresh = false; /* unless the kernel says so now */
	h->nlmsg_type = RTM_GETNEIGH;
	h->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(h, sizeof(struct ndmsg));
	netlink_ask(p, h, neigh_event, p);
}

/* Those no endpoint needs any more, or the kernel would look for them for ever. */
static void forget_unused(struct weir_plane *p)
{
	bool any = false;

	for (uint32_t i = 0; i < p->n_nexthops; i++) {
		struct nexthop *n = &p->nexthops[i];

		if (!n->ifindex || n->first)
			continue;
		*n = (struct nexthop){ .first = p->free_nexthop };
		p->free_nexthop = i + 1;
		any = true;
	}
	if (any)
		reindex(p);
}

void neigh_poke(struct weir_plane *p, uint64_t now_ms)
{
	uint64_t waited_ms = now_ms - p->poked_ms, due = p->n_nexthops;

	if (waited_ms < NEIGH_POKE_MS)
		due = due * waited_ms / NEIGH_POKE_MS;
	if (!due)
		return;
	forget_unused(p);
	for (uint64_t i = 0; i < due; i++) {
		const struct nexthop *n = &p->nexthops[p->poke_at++ % p->n_nexthops];

		if (n->ifindex && !n->fresh)
			poke(p, n);
	}
	p->poked_ms = now_ms;
}

void neigh_close(struct weir_plane *p)
{
	free(p->nexthops);
	free(p->nexthop_index);
}
