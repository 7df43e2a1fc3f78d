/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neigh.c - by which interface and MAC an endpoint is reached: asked of the kernel's routes and
 * neighbours, and kept true by its notifications, so that no packet pays for a look-up.
 *
 * XDP sends past the neighbour table, so the kernel would let unused entries age: every few
 * seconds it is asked (NTF_USE) to confirm those it is not sure of. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static int family(const union weir_addr *a)
{
	return weir_addr_is_v4(a) ? AF_INET : AF_INET6;
}

static void put_addr(struct nlmsghdr *h, uint16_t type, const union weir_addr *a)
{
	if (weir_addr_is_v4(a))
		mnl_attr_put(h, type, 4, &a->b[12]);
	else
		mnl_attr_put(h, type, 16, a->b);
}

static bool get_addr(const struct nlattr *attr, union weir_addr *out)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len == 4)
		*out = weir_addr_v4(mnl_attr_get_payload(attr));
	else if (len == 16)
		*out = weir_addr_v6(mnl_attr_get_payload(attr));
	return len == 4 || len == 16;
}

/* Sends a request and hands its answers to cb. The kernel answers at once, so this never waits. */
static int ask(struct weir_plane *p, struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	char buf[16384];
	uint32_t port = mnl_socket_get_portid(p->ask);
	ssize_t n;
	int more = 1;

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = 1;
	if (mnl_socket_sendto(p->ask, h, h->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		n = mnl_socket_recvfrom(p->ask, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		more = mnl_cb_run(buf, (size_t)n, 1, port, cb, arg);
		if (more < 0)
			return -errno;
	}
	return 0;
}

struct route {
	union weir_addr via, src;
	uint32_t ifindex, mtu; /* mtu 0: the route has none of its own */
	bool has_via, has_src, usable;
	bool passing; /* mtu is the kernel's for some time, as what it was told by routers */
};

static int on_metric(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == RTAX_MTU)
		((struct route *)arg)->mtu = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(h);
	struct route *r = arg;
	struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	r->usable = rt->rtm_type == RTN_UNICAST;
	mnl_attr_for_each(a, h, sizeof(*rt))
	{
		if (mnl_attr_get_type(a) == RTA_GATEWAY)
			r->has_via = get_addr(a, &r->via);
		else if (mnl_attr_get_type(a) == RTA_PREFSRC)
			r->has_src = get_addr(a, &r->src);
		else if (mnl_attr_get_type(a) == RTA_OIF)
			r->ifindex = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_METRICS)
			mnl_attr_parse_nested(a, on_metric, r);
		else if (mnl_attr_get_type(a) == RTA_CACHEINFO)
			r->passing = ((const struct rta_cacheinfo *)mnl_attr_get_payload(a))
					     ->rta_expires != 0;
		else if (mnl_attr_get_type(a) == RTA_VIA) {
			const struct rtvia *via = mnl_attr_get_payload(a);

			r->has_via = true;
			r->via = via->rtvia_family == AF_INET ? weir_addr_v4(via->rtvia_addr)
							      : weir_addr_v6(via->rtvia_addr);
		}
	}
	return MNL_CB_OK;
}

/* The way to dst; false: there is none that a packet could take. */
static bool find_route(struct weir_plane *p, const union weir_addr *dst, struct route *r)
{
	char buf[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *rt;

	h->nlmsg_type = RTM_GETROUTE;
	rt = mnl_nlmsg_put_extra_header(h, sizeof(*rt));
	rt->rtm_family = (unsigned char)family(dst);
	rt->rtm_dst_len = weir_addr_is_v4(dst) ? 32 : 128;
	put_addr(h, RTA_DST, dst);
	*r = (struct route){ 0 };
	if (ask(p, h, on_route, r) || !r->usable || !r->ifindex || !r->has_src)
		return false;
	if (!r->has_via)
		r->via = *dst;
	return true;
}

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

static void rewrite(struct weir_plane *p, const struct nexthop *n)
{
	uint32_t index = (uint32_t)(n - p->nexthops) + 1;

	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->slots[s].nexthop == index)
			endpoint_write(p, s);
}

static void poke(struct weir_plane *p, const struct nexthop *n);

static int on_neigh(const struct nlmsghdr *h, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(h);
	const struct nlattr *mac = NULL;
	struct weir_plane *p = arg;
	union weir_addr dst;
	bool has_dst = false;
	struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWNEIGH && h->nlmsg_type != RTM_DELNEIGH)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*nd))
	{
		if (mnl_attr_get_type(a) == NDA_DST)
			has_dst = get_addr(a, &dst);
		else if (mnl_attr_get_type(a) == NDA_LLADDR)
			mac = a;
	}
	for (uint32_t i = 0; has_dst && i < p->n_nexthops; i++) {
		struct nexthop *n = &p->nexthops[i];

		if (n->ifindex != (uint32_t)nd->ndm_ifindex || !weir_addr_eq(&n->addr, &dst))
			continue;
		if (take_neigh(n, h, nd, mac))
			rewrite(p, n);
		if (h->nlmsg_type == RTM_DELNEIGH)
			poke(p, n);
	}
	return MNL_CB_OK;
}

static void neigh_request(struct weir_plane *p, const struct nexthop *n, uint16_t type,
			  uint8_t ndm_flags, uint16_t nl_flags)
{
	char buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ndmsg *nd;

	h->nlmsg_type = type;
	h->nlmsg_flags = nl_flags;
	nd = mnl_nlmsg_put_extra_header(h, sizeof(*nd));
	nd->ndm_family = (unsigned char)family(&n->addr);
	nd->ndm_ifindex = (int)n->ifindex;
	nd->ndm_flags = ndm_flags;
	put_addr(h, NDA_DST, &n->addr);
	ask(p, h, on_neigh, p); /* no entry is no error: the poke makes one */
}

/* Asks the kernel to find out, or confirm, who has this address. */
static void poke(struct weir_plane *p, const struct nexthop *n)
{
	neigh_request(p, n, RTM_NEWNEIGH, NTF_USE, NLM_F_CREATE);
}

/* The interface it is reached by: its MAC address and MTU, and packets may be sent out of it. */
static void look_at_device(struct weir_plane *p, struct nexthop *n)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!if_indextoname(n->ifindex, ifr.ifr_name)) { /* gone: its routes are going, too */
		close(fd);
		return;
	}
	if (!ioctl(fd, SIOCGIFHWADDR, &ifr))
		memcpy(n->own_mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	if (!ioctl(fd, SIOCGIFMTU, &ifr))
		n->mtu = (uint32_t)ifr.ifr_mtu;
	close(fd);
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_devices), &n->ifindex, &n->ifindex,
				BPF_ANY))
		weir_error("%s: packets cannot be sent out of it: %s", ifr.ifr_name,
			   strerror(errno));
}

/* The index + 1 of this next hop, asked after when it is new. */
static uint32_t nexthop_get(struct weir_plane *p, const struct route *r)
{
	struct nexthop *n;
	uint32_t at = p->n_nexthops;

	for (uint32_t i = 0; i < p->n_nexthops; i++) {
		if (p->nexthops[i].ifindex == r->ifindex &&
		    weir_addr_eq(&p->nexthops[i].addr, &r->via))
			return i + 1;
		if (!p->nexthops[i].ifindex)
			at = i;
	}
	if (at == p->n_nexthops)
		p->nexthops = weir_grow(p->nexthops, ++p->n_nexthops, sizeof(*n));
	n = &p->nexthops[at];
	*n = (struct nexthop){ .addr = r->via, .ifindex = r->ifindex };
	look_at_device(p, n);
	neigh_request(p, n, RTM_GETNEIGH, 0, 0);
	if (!n->fresh)
		poke(p, n);
	return at + 1;
}

void neigh_resolve(struct weir_plane *p, uint32_t slot)
{
	const struct weir_prefix *outer = plane_outer(p, &p->ids[slot].addr);
	struct slot *s = &p->slots[slot];
	uint32_t before = s->nexthop;
	struct route r;

	s->nexthop = 0;
	if (find_route(p, &p->ids[slot].addr, &r)) {
		s->src = outer->bits ? outer->addr : r.src;
		s->mtu = r.passing ? 0 : r.mtu;
		s->nexthop = nexthop_get(p, &r);
	}
	if (s->nexthop != before)
		s->path_mtu = 0; /* it was of another way */
	if (s->nexthop && r.passing && r.mtu)
		path_learn(p, slot, r.mtu);
	endpoint_write(p, slot);
}

/* Routes, links or addresses changed: everything is asked again. */
static void resolve_all(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_nexthops; i++)
		look_at_device(p, &p->nexthops[i]);
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			neigh_resolve(p, s);
}

/* Those no endpoint needs any more, or the kernel would look for them for ever. */
static void forget_unused(struct weir_plane *p)
{
	bool *used = weir_new_array(p->n_nexthops, bool);

	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->slots[s].nexthop)
			used[p->slots[s].nexthop - 1] = true;
	for (uint32_t i = 0; i < p->n_nexthops; i++)
		if (!used[i])
			p->nexthops[i] = (struct nexthop){ 0 };
	free(used);
}

void neigh_poke(struct weir_plane *p)
{
	forget_unused(p);
	for (uint32_t i = 0; i < p->n_nexthops; i++)
		if (p->nexthops[i].ifindex && !p->nexthops[i].fresh)
			poke(p, &p->nexthops[i]);
}

struct news {
	struct weir_plane *p;
	bool routes;
};

static int on_event(const struct nlmsghdr *h, void *arg)
{
	struct news *news = arg;

	if (h->nlmsg_type == RTM_NEWNEIGH || h->nlmsg_type == RTM_DELNEIGH)
		return on_neigh(h, news->p);
	news->routes = true;
	return MNL_CB_OK;
}

void neigh_readable(struct weir_plane *p)
{
	struct news news = { .p = p };
	char buf[32768];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(p->events), buf, sizeof(buf), MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS)
			break;
		if (n < 0) { /* some were lost: ask for everything */
			news.routes = true;
			for (uint32_t i = 0; i < p->n_nexthops; i++)
				if (p->nexthops[i].ifindex)
					neigh_request(p, &p->nexthops[i], RTM_GETNEIGH, 0, 0);
			continue;
		}
		mnl_cb_run(buf, (size_t)n, 0, 0, on_event, &news);
	}
	if (news.routes)
		resolve_all(p);
}

static struct mnl_socket *open_socket(unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(s);
		return NULL;
	}
	return s;
}

int neigh_open(struct weir_plane *p)
{
	int strict = 1;

	p->ask = open_socket(0);
	p->events = open_socket(RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
				RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	if (!p->ask || !p->events)
		return -errno;
	mnl_socket_setsockopt(p->ask, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			neigh_resolve(p, s);
	return 0;
}

void neigh_close(struct weir_plane *p)
{
	if (p->ask)
		mnl_socket_close(p->ask);
	if (p->events)
		mnl_socket_close(p->events);
}
