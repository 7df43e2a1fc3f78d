/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_host.c - whether this host is set so that translated packets find their way: said when it is
 * not, since nothing else would tell but packets that do not arrive. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "dataplane/plane_impl.h"

/* Up to two numbers of a file below /proc/sys/net; how many there were. */
static int read_sysctl(const char *name, unsigned out[2])
{
	char path[128];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%u %u", &out[0], &out[1]);
	fclose(f);
	return n;
}

/* --- local addresses and ports --- */

static bool is_local(const union weir_addr *a)
{
	const struct weir_sockaddr s = { .addr = *a };
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&s, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local =
		fd < 0 || !bind(fd, (const struct sockaddr *)&ss, len) || errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return local;
}

void nat_check_sources(const struct weir_nat_sources *s)
{
	unsigned own[2];
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; i < s->n; i++)
		if (!is_local(&s->addrs[i]))
			weir_warn("agent.nat.sources: %s is not an address of this machine; "
				  "replies to it must be routed here",
				  weir_addr_text(&s->addrs[i], text));
	if (read_sysctl("ipv4/ip_local_port_range", own) == 2 && own[0] <= s->last_port &&
	    own[1] >= s->first_port)
		weir_warn("agent.nat.ports: %u to %u are also those of this host's own connections "
			  "(net.ipv4.ip_local_port_range is %u to %u): what comes for one of them "
			  "may be taken for a client's",
			  s->first_port, s->last_port, own[0], own[1]);
}

/* --- replies must come in where a program is, and be forwarded --- */

static bool is_attached(const struct weir_plane *p, uint32_t ifindex)
{
	for (uint32_t i = 0; i < p->n_interfaces; i++)
		if ((uint32_t)p->interfaces[i].ifindex == ifindex)
			return true;
	return false;
}

/* Of the endpoints that get translated packets: their families, as bits, and an interface without a
 * program that one of them is behind (0: none). */
static uint8_t look(const struct weir_plane *p, uint32_t *stray)
{
	uint8_t families = 0;

	*stray = 0;
	for (uint32_t s = 1; s < p->slot_top; s++) {
		uint32_t ifindex = p->endpoints[s].ifindex;

		if (!p->ids[s].used || !weir_mode_is_nat(p->ids[s].mode))
			continue;
		families |= weir_addr_is_v4(&p->ids[s].addr) ? 1 : 2;
		if (ifindex && !is_attached(p, ifindex))
			*stray = ifindex;
	}
	return families;
}

static void say_stray(struct weir_plane *p, uint32_t stray)
{
	char name[IF_NAMESIZE] = "?";

	if (stray && stray != p->nat_said.stray) {
		if_indextoname(stray, name);
		weir_warn("%s is not one of agent.interfaces, and endpoints with nat or fullnat "
			  "are behind it: replies that come in there do not reach clients",
			  name);
	}
	p->nat_said.stray = stray;
}

/* The first interface whose packets the kernel does not forward; NULL: none. */
static const char *find_silent(const struct weir_plane *p, const char *family)
{
	char name[64];
	unsigned on[2];

	for (uint32_t i = 0; i < p->n_interfaces; i++) {
		const char *ifname = p->interfaces[i].name;

		snprintf(name, sizeof(name), "%s/conf/%s/forwarding", family, ifname);
		if (read_sysctl(name, on) && !on[0])
			return ifname;
	}
	return NULL;
}

void nat_check_host(struct weir_plane *p)
{
	static const char *const family[] = { "ipv4", "ipv6" };
	uint32_t stray;
	uint8_t families = look(p, &stray);

	if (!p->attached)
		return;
	say_stray(p, stray);
	for (uint8_t v6 = 0; v6 < 2; v6++) {
		uint8_t bit = (uint8_t)(1 << v6);
		const char *silent = families & bit ? find_silent(p, family[v6]) : NULL;

		if (silent && !(p->nat_said.silent & bit))
			weir_warn("net.%s.conf.%s.forwarding is 0: replies of endpoints with nat "
				  "and fullnat do not reach clients; set net.%s",
				  family[v6], silent,
				  v6 ? "ipv6.conf.all.forwarding=1" : "ipv4.ip_forward=1");
		p->nat_said.silent =
			(uint8_t)(silent ? p->nat_said.silent | bit : p->nat_said.silent & ~bit);
	}
}
