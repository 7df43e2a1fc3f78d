/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c - which addresses are listened on, and what all sockets share. */
#include "dns/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "dns/sockets.h"

#define GOLDEN 0x9e3779b97f4a7c15ull /* the step of SplitMix64 */

struct weir_dns_place {
	struct weir_sockaddr at;
	struct weir_dns_udp *udp;
	struct weir_dns_tcp *tcp;
};

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* FREEBIND: a VIP may come to this host later. REUSEPORT: a restarted agent need not wait for
 * the old one. */
int weir_dns_socket(const struct weir_sockaddr *a, int type)
{
	bool v4 = weir_addr_is_v4(&a->addr), ok;
	int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	ok = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (v4)
		ok = ok && set(fd, SOL_IP, IP_FREEBIND, 1);
	else
		ok = ok && set(fd, SOL_IPV6, IPV6_V6ONLY, 1) && set(fd, SOL_IPV6, IPV6_FREEBIND, 1);
	if (ok)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

size_t weir_dns_answer(struct weir_dns *d, const uint8_t *query, size_t len, bool tcp, uint8_t *out,
		       size_t cap)
{
	d->random += GOLDEN;
	return weir_zones_answer(*d->zones, query, len, tcp, weir_mix64(d->random), out, cap);
}

static void close_place(struct weir_dns_place *p)
{
	weir_dns_udp_close(p->udp);
	weir_dns_tcp_close(p->tcp);
}

static int open_place(struct weir_dns *d, const struct weir_sockaddr *at, struct weir_dns_place *p)
{
	int err;

	*p = (struct weir_dns_place){ .at = *at };
	err = weir_dns_tcp_open(d, at, &p->tcp);
	if (!err)
		err = weir_dns_udp_open(d, at, &p->udp);
	if (err)
		close_place(p);
	return err;
}

static struct weir_dns_place *find_place(struct weir_dns_place *p, uint32_t n,
					 const struct weir_sockaddr *at)
{
	for (; n; n--, p++)
		if (p->at.port == at->port && weir_addr_eq(&p->at.addr, &at->addr))
			return p;
	return NULL;
}

static void close_unless_in(struct weir_dns_place *p, uint32_t n, struct weir_dns_place *keep,
			    uint32_t n_keep)
{
	for (uint32_t i = 0; i < n; i++)
		if (!find_place(keep, n_keep, &p[i].at))
			close_place(&p[i]);
}

int weir_dns_listen(struct weir_dns *d, const struct weir_sockaddr *addrs, uint32_t n,
		    uint32_t *failed)
{
	struct weir_dns_place *next = weir_new_array(n, struct weir_dns_place), *old;
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		int err = 0;

		if (find_place(next, k, &addrs[i]))
			continue;
		old = find_place(d->places, d->n_places, &addrs[i]);
		if (old)
			next[k] = *old;
		else
			err = open_place(d, &addrs[i], &next[k]);
		if (err) {
			close_unless_in(next, k, d->places, d->n_places);
			free(next);
			if (failed)
				*failed = i;
			return err;
		}
		k++;
	}
	close_unless_in(d->places, d->n_places, next, k);
	free(d->places);
	d->places = next;
	d->n_places = k;
	return 0;
}

int weir_dns_open(uv_loop_t *loop, struct weir_zones *const *zones, int filter_fd,
		  struct weir_dns **out)
{
	struct weir_dns *d = weir_new(struct weir_dns);

	d->loop = loop;
	d->zones = zones;
	d->filter_fd = filter_fd < 0 ? -1 : fcntl(filter_fd, F_DUPFD_CLOEXEC, 0);
	if ((filter_fd >= 0 && d->filter_fd < 0) ||
	    getrandom(&d->random, sizeof(d->random), 0) != sizeof(d->random)) {
		int err = -errno;

		if (d->filter_fd >= 0)
			close(d->filter_fd);
		free(d);
		return err;
	}
	d->batch = weir_dns_batch_new();
	weir_dns_conns_init(d);
	*out = d;
	return 0;
}

void weir_dns_stats(const struct weir_dns *d, struct weir_dns_stats *out)
{
	*out = d->stats;
}

void weir_dns_handle_closed(struct weir_dns *d)
{
	if (--d->handles || !d->closing)
		return;
	free(d->batch);
	free(d);
}

void weir_dns_close(struct weir_dns *d)
{
	if (!d)
		return;
	d->closing = true;
	close_unless_in(d->places, d->n_places, NULL, 0);
	free(d->places);
	if (d->filter_fd >= 0)
		close(d->filter_fd);
	weir_dns_conns_close(d);
}
