/* SPDX-License-Identifier: GPL-2.0-or-later */
/* expand.c - host names of origins into addresses, as the last step of making a model: what the
 * world says of a name never makes a document invalid. Each address is an origin of its own with an
 * equal share of the weight; one that packets cannot be sent to gets a fault and no share. */
#include <string.h>

#include "model/parse.h"

static const char unknown_host[] = "DNS Unknown Host";
static const char is_vip[] = "its address is a VIP of this balancer";
static const char is_outer[] = "its address is in agent.outer_source";
static const char is_source[] = "its address is one of agent.nat.sources";
static const char is_no_host[] = "its address is not that of one machine";
static const char is_twin[] = "another origin of the pool has its address";
static const char other_family[] = "forwarding cannot change the address family";

struct expand {
	struct weir_parse *p;
	const struct weir_hosts *known;
	struct weir_index hosts; /* name -> number in known */
};

/* --- one origin for each address --- */

static const struct weir_host *known_host(const struct expand *x, const char *name)
{
	uint32_t i;

	return weir_index_find(&x->hosts, name, strlen(name), &i) ? &x->known->hosts[i] : NULL;
}

static uint32_t n_addresses(const struct weir_host *h)
{
	return !h ? 0 : h->n < WEIR_HOST_ADDRESSES ? h->n : WEIR_HOST_ADDRESSES;
}

static const char *own_fault(const struct weir_parse *p, const union weir_addr *a)
{
	uint32_t nth;

	if (!weir_addr_is_host(a))
		return is_no_host;
	if (weir_index_find(&p->vips, a, sizeof(*a), &nth))
		return is_vip;
	if (weir_agent_is_outer(&p->model->agent, a))
		return is_outer;
	return weir_agent_is_nat_source(&p->model->agent, a) ? is_source : NULL;
}

static struct weir_origin *put_host(const struct expand *x, const struct weir_origin *draft,
				    struct weir_origin *to)
{
	const struct weir_host *h = known_host(x, draft->host_name);
	char text[WEIR_ADDR_TEXT];

	if (!n_addresses(h)) {
		*to = *draft;
		to->fault = unknown_host;
		return to + 1;
	}
	for (uint32_t i = 0; i < n_addresses(h); i++, to++) {
		*to = *draft;
		to->addr = h->addrs[i];
		to->address = weir_arena_strdup(x->p->arena, weir_addr_text(&to->addr, text));
		to->fault = own_fault(x->p, &to->addr);
	}
	return to;
}

/* Who is written as an address goes before who has it by a name. */
static void find_twins(struct weir_parse *p, struct weir_origin *all, uint32_t n)
{
	struct place {
		union weir_addr addr;
		uint16_t port;
		uint8_t pad[6];
	} *places = weir_arena_new_array(p->arena, n, struct place);
	struct weir_index taken;

	weir_index_init(&taken, n, p->arena);
	for (uint32_t k = 0; k < 2 * n; k++) {
		uint32_t i = k % n, nth = i;

		if (!all[i].host_name != (k < n) || all[i].fault)
			continue;
		places[i] = (struct place){ .addr = all[i].addr, .port = all[i].port };
		if (!weir_index_add(&taken, &places[i], sizeof(places[i]), &nth))
			all[i].fault = is_twin;
	}
}

static void expand_pool(const struct expand *x, struct weir_pool *pool)
{
	const struct weir_origin *drafts = pool->origins;
	struct weir_origin *all, *to;
	uint32_t n = 0;

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		uint32_t of =
			drafts[i].host_name ? n_addresses(known_host(x, drafts[i].host_name)) : 1;

		n += of ? of : 1;
	}
	all = to = weir_arena_new_array(x->p->arena, n, struct weir_origin);
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		if (drafts[i].host_name)
			to = put_host(x, &drafts[i], to);
		else
			*to++ = drafts[i];
	}
	find_twins(x->p, all, n);
	pool->origins = all;
	pool->n_origins = n;
}

/* --- what balancers make of addresses --- */

static bool has_vip_of(const struct weir_lb *lb, bool v4)
{
	for (uint32_t i = 0; i < lb->n_vips; i++)
		if (weir_addr_is_v4(&lb->vips[i]) == v4)
			return true;
	return false;
}

static void check_families(const struct weir_lb *lb, const struct weir_pool *pool)
{
	for (uint32_t i = 0; pool->has_hosts && i < pool->n_origins; i++) {
		struct weir_origin *o = (struct weir_origin *)&pool->origins[i];

		if (o->host_name && !o->fault && has_vip_of(lb, !weir_addr_is_v4(&o->addr)))
			o->fault = other_family;
	}
}

static void check_lbs(const struct weir_model *m)
{
	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *lb = &m->lbs[i];

		if (!lb->proxied || weir_mode_is_tunnel(lb->forwarding))
			continue;
		for (uint32_t k = 0; k < lb->n_pools; k++)
			check_families(lb, lb->pools[k]);
	}
}

/* --- shares --- */

/* The origins of one draft share its weight, none of it is lost. */
static void share(struct weir_origin *all, uint32_t n)
{
	uint32_t usable = 0, nth = 0, weight = all->weight;

	for (uint32_t i = 0; i < n; i++)
		usable += !all[i].fault;
	for (uint32_t i = 0; i < n; i++) {
		all[i].weight = 0;
		if (all[i].fault)
			continue;
		all[i].weight = (uint16_t)(weight * (nth + 1) / usable - weight * nth / usable);
		nth++;
	}
}

static void share_pool(struct weir_pool *pool)
{
	struct weir_origin *all = (struct weir_origin *)pool->origins;

	for (uint32_t i = 0, n; i < pool->n_origins; i += n) {
		for (n = 1; i + n < pool->n_origins && all[i + n].name == all[i].name; n++)
			;
		if (all[i].host_name)
			share(&all[i], n);
	}
}

static void expand_all(struct weir_parse *p, const struct weir_hosts *known)
{
	struct weir_model *m = p->model;
	struct weir_pool *pools = (struct weir_pool *)m->pools;
	struct expand x = { .p = p, .known = known };

	weir_index_init(&x.hosts, known ? known->n : 0, p->arena);
	for (uint32_t i = 0; known && i < known->n; i++) {
		const char *name = known->hosts[i].name;
		uint32_t nth = i;

		weir_index_add(&x.hosts, name, strlen(name), &nth);
	}
	for (uint32_t i = 0; i < m->n_pools; i++)
		if (pools[i].has_hosts)
			expand_pool(&x, &pools[i]);
	check_lbs(m);
	for (uint32_t i = 0; i < m->n_pools; i++)
		if (pools[i].has_hosts)
			share_pool(&pools[i]);
}

void weir_expand(struct weir_parse *p, const struct weir_hosts *known)
{
	struct weir_model *m = p->model;

	if (m->n_hosts)
		expand_all(p, known);
	for (uint32_t i = 0; i < m->n_pools; i++)
		for (uint32_t k = 0; k < m->pools[i].n_origins; k++)
			((struct weir_origin *)m->pools[i].origins)[k].index = m->n_origins++;
}
