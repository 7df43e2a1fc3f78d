/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes.c - by which next hop an endpoint is reached: asked of the kernel once, and again when its
 * notifications tell of something that may have changed it. What may have changed is asked for a
 * few endpoints at a time, so that 100,000 of them hold nothing else up. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "dataplane/routes.h"

#define SLICE  256  /* endpoints asked for in one turn of the loop: about a millisecond */
#define EVENTS 1000 /* notifications taken in one turn */

struct by_addr {
	union weir_addr addr;
	uint32_t slot;
};

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
			r->has_via = netlink_get_addr(a, &r->via);
		else if (mnl_attr_get_type(a) == RTA_PREFSRC)
			r->has_src = netlink_get_addr(a, &r->src);
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
	rt->rtm_family = (unsigned char)netlink_family(dst);
	rt->rtm_dst_len = weir_addr_is_v4(dst) ? 32 : 128;
	netlink_put_addr(h, RTA_DST, dst);
	*r = (struct route){ 0 };
	if (netlink_ask(p, h, on_route, r) || !r->usable || !r->ifindex || !r->has_src)
		return false;
	if (!r->has_via)
		r->via = *dst;
	return true;
}

static void set_stale(struct weir_plane *p, uint32_t slot, bool stale)
{
	p->n_stale += (uint32_t)stale - p->slots[slot].stale;
	p->slots[slot].stale = stale;
}

void route_resolve(struct weir_plane *p, uint32_t slot)
{
	const struct weir_prefix *outer = plane_outer(p, &p->ids[slot].addr);
	struct slot *s = &p->slots[slot];
	uint32_t hop = 0;
	struct route r;

	set_stale(p, slot, false);
	if (find_route(p, &p->ids[slot].addr, &r)) {
		s->src = outer->bits ? outer->addr : r.src;
		s->mtu = r.passing ? 0 : r.mtu;
		hop = nexthop_get(p, &r.via, r.ifindex);
	}
	if (s->nexthop != hop)
		s->path_mtu = 0; /* it was of another way */
	nexthop_use(p, slot, hop);
	if (hop && r.passing && r.mtu)
		path_learn(p, slot, r.mtu);
	endpoint_write(p, slot);
}

void route_forget(struct weir_plane *p, uint32_t slot)
{
	set_stale(p, slot, false);
	nexthop_use(p, slot, 0);
}

/* --- links --- */

static struct link *link_find(const struct weir_plane *p, uint32_t ifindex)
{
	for (uint32_t i = 0; i < p->n_links; i++)
		if (p->links[i].ifindex == ifindex)
			return &p->links[i];
	return NULL;
}

static struct link *link_add(struct weir_plane *p, uint32_t ifindex)
{
	if (!(p->n_links & (p->n_links - 1))) /* full: its room is a power of two */
		p->links = weir_grow(p->links, p->n_links ? 2 * p->n_links : 1, sizeof(*p->links));
	p->links[p->n_links] = (struct link){ .ifindex = ifindex };
	return &p->links[p->n_links++];
}

static struct link parse_link(const struct nlmsghdr *h)
{
	const struct ifinfomsg *is = mnl_nlmsg_get_payload(h);
	struct link l = {
		.ifindex = (uint32_t)is->ifi_index,
		.flags = is->ifi_flags & (IFF_UP | IFF_RUNNING),
	};
	struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(*is))
	{
		if (mnl_attr_get_type(a) == IFLA_MTU)
			l.mtu = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_ADDRESS &&
			 mnl_attr_get_payload_len(a) == ETH_ALEN)
			memcpy(l.mac, mnl_attr_get_payload(a), ETH_ALEN);
	}
	return l;
}

/* Takes an RTM_NEWLINK or RTM_DELLINK in. True: routes may be others than before. The kernel
 * tells of much else about links, and does not tell of all routes that come and go with one. */
static bool take_link(struct weir_plane *p, const struct nlmsghdr *h)
{
	struct link is = parse_link(h), *was = link_find(p, is.ifindex);
	unsigned flags = was ? was->flags : 0;

	if (((const struct ifinfomsg *)mnl_nlmsg_get_payload(h))->ifi_family != AF_UNSPEC)
		return false; /* what a bridge says of it */
	if (h->nlmsg_type == RTM_DELLINK) {
		if (was)
			*was = p->links[--p->n_links];
		return flags;
	}
	if (was && !memcmp(was, &is, sizeof(is)))
		return false;
	if (!was)
		was = link_add(p, is.ifindex);
	*was = is;
	nexthops_of_link(p, was);
	return flags != is.flags;
}

static int on_link(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWLINK)
		take_link(arg, h);
	return MNL_CB_OK;
}

/* ifindex 0: all. */
static int ask_link(struct weir_plane *p, uint32_t ifindex)
{
	char buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *which;

	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = ifindex ? 0 : NLM_F_DUMP;
	which = mnl_nlmsg_put_extra_header(h, sizeof(*which));
	which->ifi_index = (int)ifindex;
	return netlink_ask(p, h, on_link, p);
}

const struct link *link_get(struct weir_plane *p, uint32_t ifindex)
{
	if (!link_find(p, ifindex))
		ask_link(p, ifindex); /* it is new: we have not been told yet */
	return link_find(p, ifindex);
}

/* --- which endpoints a change may be about --- */

static int compare(const void *a, const void *b)
{
	const struct by_addr *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

void routes_endpoints_changed(struct weir_plane *p)
{
	p->sorted = false;
}

static void sort_endpoints(struct weir_plane *p)
{
	if (p->sorted)
		return;
	free(p->by_addr);
	p->by_addr = weir_new_array(p->slot_top, struct by_addr);
	p->n_by_addr = 0;
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			p->by_addr[p->n_by_addr++] = (struct by_addr){ p->ids[s].addr, s };
	qsort(p->by_addr, p->n_by_addr, sizeof(*p->by_addr), compare);
	p->sorted = true;
}

static bool inside(const union weir_addr *a, const union weir_addr *prefix, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return !memcmp(a, prefix, bytes) &&
	       (!rest || !((a->b[bytes] ^ prefix->b[bytes]) >> (8 - rest)));
}

/* Endpoints whose address begins with so many bits of prefix, whose other bits are 0. */
static void mark_prefix(struct weir_plane *p, const union weir_addr *prefix, unsigned bits)
{
	uint32_t low = 0, high;

	sort_endpoints(p);
	for (high = p->n_by_addr; low < high;) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(&p->by_addr[mid].addr, prefix, sizeof(*prefix)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < p->n_by_addr && inside(&p->by_addr[low].addr, prefix, bits); low++)
		set_stale(p, p->by_addr[low].slot, true);
}

static void mark_all(struct weir_plane *p)
{
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used)
			set_stale(p, s, true);
}

static void mark_family(struct weir_plane *p, int family)
{
	for (uint32_t s = 1; s < p->slot_top; s++)
		if (p->ids[s].used && netlink_family(&p->ids[s].addr) == family)
			set_stale(p, s, true);
}

static void take_route(struct weir_plane *p, const struct nlmsghdr *h)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(h);
	union weir_addr prefix;
	struct nlattr *a;

	if (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6)
		return;
	mnl_attr_for_each(a, h, sizeof(*rt))
	{
		if (mnl_attr_get_type(a) != RTA_DST || !netlink_get_addr(a, &prefix))
			continue;
		mark_prefix(p, &prefix, rt->rtm_dst_len + (rt->rtm_family == AF_INET ? 96u : 0));
		return;
	}
	mark_family(p, rt->rtm_family);
}

static int on_event(const struct nlmsghdr *h, void *arg)
{
	struct weir_plane *p = arg;

	switch (h->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return neigh_event(h, p);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (take_link(p, h))
			mark_all(p);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR: /* source addresses, and routes that go with them */
		mark_family(p, ((const struct ifaddrmsg *)mnl_nlmsg_get_payload(h))->ifa_family);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take_route(p, h);
		break;
	default: /* rules, next-hop objects */
		mark_all(p);
	}
	return MNL_CB_OK;
}

/* Some were lost: everything is asked for. */
static void ask_everything(struct weir_plane *p)
{
	p->n_links = 0;
	ask_link(p, 0);
	nexthops_look_up(p);
	mark_all(p);
}

/* Round and round, so that changes that keep coming leave no endpoint out. */
static void resolve_some(struct weir_plane *p)
{
	for (uint32_t left = SLICE; left && p->n_stale; p->stale_at++) {
		if (p->stale_at >= p->slot_top)
			p->stale_at = 1;
		if (!p->slots[p->stale_at].stale)
			continue;
		route_resolve(p, p->stale_at);
		left--;
	}
}

static void take_events(struct weir_plane *p)
{
	int fd = mnl_socket_get_fd(p->events);
	char buf[32768];

	for (uint32_t left = EVENTS; left; left--) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n >= 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, on_event, p);
		else if (errno == ENOBUFS)
			ask_everything(p);
		else if (errno != EINTR)
			break;
	}
}

void routes_readable(struct weir_plane *p)
{
	uint64_t more = 1;

	take_events(p);
	if (read(p->more, &more, sizeof(more)) < 0)
		more = 1;
	resolve_some(p);
	if (p->n_stale && write(p->more, &more, sizeof(more)) < 0)
		return; /* it is readable already */
}

int routes_open(struct weir_plane *p)
{
	int err = netlink_open(p);

	p->more = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!err && p->more < 0)
		err = -errno;
	if (!err)
		err = ask_link(p, 0);
	for (uint32_t s = 1; !err && s < p->slot_top; s++)
		if (p->ids[s].used)
			route_resolve(p, s);
	return err;
}

void routes_close(struct weir_plane *p)
{
	netlink_close(p);
	if (p->more >= 0)
		close(p->more);
	free(p->links);
	free(p->by_addr);
}
