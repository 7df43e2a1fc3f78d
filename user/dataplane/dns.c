/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c - which addresses are answered for in the kernel, and what guards the sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"

/* Those of versions are not used again, whatever agent counts them. */
static uint64_t first_version(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void dns_adopt(struct weir_plane *p)
{
	struct dns *d = weir_new(struct dns);

	p->dns = d;
	d->how = WEIR_DNS_KERNEL_OFF;
	d->version = first_version();
	d->places = weir_new_array(WEIR_SERVICE_SLOTS, uint32_t);
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		if (p->services[i].key.used != WEIR_SLOT_DNS)
			continue;
		p->place_taken[i] = true;
		d->places[d->n_places++] = i;
	}
	dns_answers_adopt(p);
}

void dns_free(struct weir_plane *p)
{
	if (!p->dns)
		return;
	known_fini(&p->dns->answers);
	known_fini(&p->dns->zones);
	dns_hits_fini(p);
	free(p->dns->places);
	free(p->dns->at);
	free(p->dns);
}

/* --- addresses --- */

static bool is_any(const union weir_addr *a)
{
	return !a->q[0] && (!a->q[1] || (a->w[2] == htonl(0xffff) && !a->w[3]));
}

static bool is_wanted(struct weir_plane *p, const union weir_addr *addr, __be16 port)
{
	if (is_any(addr) || service_find(p, addr, port, IPPROTO_UDP))
		return false;
	for (uint32_t i = 0; p->dns->how != WEIR_DNS_KERNEL_OFF && i < p->dns->n_at; i++)
		if (weir_addr_eq(&p->dns->at[i].addr, addr) && htons(p->dns->at[i].port) == port)
			return true;
	return false;
}

static bool add_place(struct weir_plane *p, const struct weir_sockaddr *at)
{
	const __be16 port = htons(at->port);
	uint32_t slot;

	if (!is_wanted(p, &at->addr, port) ||
	    place_find(p, &at->addr, port, IPPROTO_UDP, WEIR_SLOT_DNS) != NO_PLACE)
		return true;
	slot = place_take(p, &at->addr, port, IPPROTO_UDP);
	if (slot == NO_PLACE)
		return false;
	p->services[slot].key.flags = WEIR_SERVICE_DNS;
	place_publish(p, slot, port, IPPROTO_UDP, WEIR_SLOT_DNS);
	p->dns->places[p->dns->n_places++] = slot;
	return true;
}

static bool place_all(struct weir_plane *p)
{
	struct dns *d = p->dns;
	bool ok = true;

	for (uint32_t i = 0; i < d->n_at; i++)
		ok &= add_place(p, &d->at[i]);
	for (uint32_t i = d->n_places; i-- > 0;) {
		const struct weir_service_key *k = &p->services[d->places[i]].key;

		if (is_wanted(p, &k->vip, k->port))
			continue;
		place_leave(p, d->places[i]);
		d->places[i] = d->places[--d->n_places];
	}
	return ok;
}

void dns_place(struct weir_plane *p)
{
	if (p->dns->n_at)
		place_all(p);
}

/* Into the array that weir_xdp() calls from, or out of it. */
static int set_program(const struct weir_plane *p, bool on)
{
	int fd = bpf_map__fd(p->skel->maps.weir_dns_program), err = 0;
	uint32_t key = 0, prog = (uint32_t)bpf_program__fd(p->skel->progs.weir_dns_xdp);

	if (on)
		err = bpf_map_update_elem(fd, &key, &prog, 0);
	else if (bpf_map_delete_elem(fd, &key) && errno != ENOENT)
		err = -errno;
	if (err)
		weir_error("dns: the packet program cannot be made to answer: %s", strerror(-err));
	return err;
}

int weir_plane_dns_listen(struct weir_plane *p, const struct weir_sockaddr *at, uint32_t n,
			  enum weir_dns_kernel how)
{
	struct dns *d = p->dns;
	int err, other;

	free(d->at);
	d->at = weir_new_array(n, struct weir_sockaddr);
	if (n)
		memcpy(d->at, at, n * sizeof(*at));
	d->n_at = n;
	d->how = how;
	d->told = true;
	err = how == WEIR_DNS_KERNEL_XDP ? set_program(p, true) : 0;
	if (!place_all(p)) {
		weir_error("dns: the service table of the packet path is too crowded");
		err = -ENOSPC;
	}
	if (how != WEIR_DNS_KERNEL_XDP)
		set_program(p, false);
	other = tc_sync(p);
	return err ? err : other;
}

/* --- the guard --- */

static void set_mask(union weir_addr *mask, uint32_t bits)
{
	memset(mask, 0, sizeof(*mask));
	for (uint32_t i = 0; i < bits; i++)
		mask->b[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

static void store(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

void weir_plane_dns_limit(struct weir_plane *p, const struct weir_dns_limit *limit)
{
	struct weir_dns_guard *g = p->dns_guard;
	union weir_addr mask[2];

	set_mask(&mask[0], 96 + limit->ipv4_prefix);
	set_mask(&mask[1], limit->ipv6_prefix);
	if (g->rate == limit->per_second && g->burst == limit->burst && g->slip == limit->slip &&
	    !memcmp(g->mask, mask, sizeof(mask)))
		return;
	store(&g->rate, 0); /* nobody is judged by half of it */
	memcpy(g->mask, mask, sizeof(mask));
	store(&g->burst, limit->burst);
	store(&g->slip, limit->slip);
	store(&g->rate, limit->per_second);
}

void weir_plane_dns_cookies(struct weir_plane *p, const uint8_t *secret, uint64_t now_s)
{
	struct weir_dns_guard *g = p->dns_guard;
	struct timespec since;

	clock_gettime(CLOCK_BOOTTIME, &since);
	if (!secret || memcmp(g->cookie_key, secret, sizeof(g->cookie_key)) != 0)
		store(&g->cookies, 0); /* none is made with half a key */
	__atomic_store_n(&g->wall_s, now_s - (uint64_t)since.tv_sec, __ATOMIC_RELEASE);
	if (!secret)
		return;
	memcpy(g->cookie_key, secret, sizeof(g->cookie_key));
	store(&g->cookies, 1);
}

void weir_plane_dns_zones_begin(struct weir_plane *p)
{
	p->dns->zones_turn++;
	p->dns->labels = 0;
}

void weir_plane_dns_zone(struct weir_plane *p, uint64_t key, uint32_t labels)
{
	struct dns *d = p->dns;
	struct known *k = known_add(&d->zones, key, 0);
	uint32_t one = 1;

	if (labels > d->labels)
		d->labels = labels;
	k->turn = d->zones_turn;
	if (k->digest)
		return;
	k->digest = 1;
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_dns_zones), &key, &one, 0))
		k->digest = 0;
}

static bool zone_gone(void *plane, const struct known *k)
{
	struct weir_plane *p = plane;

	if (k->turn == p->dns->zones_turn)
		return false;
	bpf_map_delete_elem(bpf_map__fd(p->skel->maps.weir_dns_zones), &k->hash);
	return true;
}

static bool zone_missing(const struct dns *d)
{
	for (uint32_t i = 0; i < d->zones.size; i++)
		if (d->zones.slots[i].used && !d->zones.slots[i].digest)
			return true;
	return false;
}

/* Deeper ones are looked for before those that are gone are not; while one is missing every name
 * may be ours. */
void weir_plane_dns_zones_end(struct weir_plane *p)
{
	struct weir_dns_guard *g = p->dns_guard;
	bool missing = zone_missing(p->dns);

	if (g->labels < p->dns->labels)
		store(&g->labels, p->dns->labels);
	known_sweep(&p->dns->zones, zone_gone, p);
	store(&g->labels, p->dns->labels);
	store(&g->zones, !missing);
}
