/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlink.c - questions to the kernel, and addresses as it writes them. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "dataplane/routes.h"

#define EVENT_BYTES (4 << 20) /* of notifications that may wait */

int netlink_family(const union weir_addr *a)
{
	return weir_addr_is_v4(a) ? AF_INET : AF_INET6;
}

void netlink_put_addr(struct nlmsghdr *h, uint16_t type, const union weir_addr *a)
{
	if (weir_addr_is_v4(a))
		mnl_attr_put(h, type, 4, &a->b[12]);
	else
		mnl_attr_put(h, type, 16, a->b);
}

bool netlink_get_addr(const struct nlattr *attr, union weir_addr *out)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len == 4)
		*out = weir_addr_v4(mnl_attr_get_payload(attr));
	else if (len == 16)
		*out = weir_addr_v6(mnl_attr_get_payload(attr));
	return len == 4 || len == 16;
}

int netlink_ask(struct weir_plane *p, struct nlmsghdr *h, netlink_answer *cb, void *arg)
{
	char buf[32768];
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

static struct mnl_socket *open_socket(unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(s);
		return NULL;
	}
	return s;
}

static unsigned group(unsigned nth)
{
	return 1u << (nth - 1);
}

int netlink_open(struct weir_plane *p)
{
	int strict = 1, bytes = EVENT_BYTES;

	p->ask = open_socket(0);
	p->events = open_socket(
		group(RTNLGRP_LINK) | group(RTNLGRP_NEIGH) | group(RTNLGRP_IPV4_IFADDR) |
		group(RTNLGRP_IPV6_IFADDR) | group(RTNLGRP_IPV4_ROUTE) | group(RTNLGRP_IPV6_ROUTE) |
		group(RTNLGRP_IPV4_RULE) | group(RTNLGRP_IPV6_RULE) | group(RTNLGRP_NEXTHOP));
	if (!p->ask || !p->events)
		return -errno;
	mnl_socket_setsockopt(p->ask, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	setsockopt(mnl_socket_get_fd(p->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return 0;
}

void netlink_close(struct weir_plane *p)
{
	if (p->ask)
		mnl_socket_close(p->ask);
	if (p->events)
		mnl_socket_close(p->events);
}
