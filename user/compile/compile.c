/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/compile.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "compile/endpoints.h"

/* What is being built. */
struct build {
	const struct weir_view *view;
	struct weir_memo *memo;
	struct weir_arena *arena;
	struct weir_tables *out;
	struct weir_endpoints endpoints;
	struct weir_tables_table *tables;
	struct weir_tables_service *services;
	struct weir_candidate *candidates; /* room for those of the largest pool */
};

static bool has_services(const struct weir_lb *lb)
{
	return lb->proxied && lb->enabled;
}

/* IPIP carries any family in any family; a rewritten MAC address changes none. */
static bool families_fit(const struct weir_view_lb *v)
{
	for (uint32_t i = 0; v->lb->forwarding == WEIR_MODE_L2 && i < v->lb->n_vips; i++)
		for (uint32_t k = 0; k < v->n_serving; k++)
			if (weir_addr_is_v4(&v->lb->vips[i]) !=
			    weir_addr_is_v4(&v->serving[k]->addr))
				return false;
	return true;
}

/* One pool at a time fills a table, so the largest one decides: the size does not depend on
 * health. */
static uint32_t table_size(const struct weir_lb *lb)
{
	uint32_t most = lb->fallback_pool ? lb->fallback_pool->n_origins : 0;

	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		if (lb->default_pools[i]->n_origins > most)
			most = lb->default_pools[i]->n_origins;
	return weir_rendezvous_size(most);
}

/* All origins of the pool with a weight: those that do not serve now keep their places, so that
 * their coming back, or disabling them, moves no other rows. */
static uint32_t enter_pool(struct build *b, const struct weir_view_lb *v, uint32_t *members)
{
	const uint32_t *of = weir_endpoints_of(&b->endpoints, v->pool, v->lb->forwarding);
	uint32_t n = 0, next = 0;

	for (uint32_t i = 0; i < v->pool->n_origins; i++) {
		const struct weir_origin *o = &v->pool->origins[i];
		bool serving = next < v->n_serving && v->serving[next] == o;

		next += serving;
		if (!o->weight)
			continue;
		members[n] = of[i];
		b->candidates[n] = (struct weir_candidate){
			.id = b->endpoints.identity[of[i]],
			.weight = o->weight,
			.serving = serving,
		};
		n++;
	}
	assert(next == v->n_serving);
	return n;
}

/* Whether rows are chosen by clients' addresses. Of all pools that may serve, not of the one that
 * does now: a flow keeps its row when another pool takes over. */
static bool by_client(const struct weir_lb *lb)
{
	bool is = lb->affinity;

	if (lb->fallback_pool)
		is |= lb->fallback_pool->steering == WEIR_STEER_HASH;
	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		is |= lb->default_pools[i]->steering == WEIR_STEER_HASH;
	return is;
}

static uint16_t service_flags(const struct weir_lb *lb, uint8_t proto)
{
	uint16_t flags = 0;

	if (by_client(lb))
		flags |= WEIR_SERVICE_CLIENT;
	if (lb->affinity)
		flags |= WEIR_SERVICE_STICKY;
	if (lb->sources.n_allow || lb->sources.n_deny)
		flags |= WEIR_SERVICE_SOURCES;
	if (lb->sources.packets_per_second)
		flags |= WEIR_SERVICE_RATE;
	if (lb->udp_request && proto == IPPROTO_UDP)
		flags |= WEIR_SERVICE_UDP_REQUEST;
	return flags;
}

static int by_prefix(const void *a, const void *b)
{
	const struct weir_tables_source *x = a, *y = b;
	int order = weir_addr_cmp(&x->of.addr, &y->of.addr);

	return order ? order : x->of.bits - y->of.bits;
}

/* What the lists say, and what becomes of everybody else, by family: IPv4 addresses are a part of
 * what a short prefix of IPv6 holds. */
static void add_sources(struct build *b, struct weir_tables_table *t)
{
	static const struct weir_prefix v4 = { { { [10] = 0xff, 0xff } }, 96 }, v6 = { .bits = 0 };
	const struct weir_source_rules *r = &t->lb->sources;
	struct weir_tables_source *to;
	bool has_v4 = false, has_v6 = false;

	if (!r->n_allow && !r->n_deny)
		return;
	to = weir_arena_new_array(b->arena, r->n_allow + r->n_deny + 2, struct weir_tables_source);
	for (uint32_t i = 0; i < r->n_allow + r->n_deny; i++) {
		bool allow = i < r->n_allow;
		const struct weir_prefix *p = allow ? &r->allow[i] : &r->deny[i - r->n_allow];

		has_v4 |= weir_prefix_eq(p, &v4);
		has_v6 |= weir_prefix_eq(p, &v6);
		to[t->n_sources++] = (struct weir_tables_source){ *p, allow };
	}
	if (!has_v4)
		to[t->n_sources++] = (struct weir_tables_source){ v4, !r->n_allow };
	if (!has_v6)
		to[t->n_sources++] = (struct weir_tables_source){ v6, !r->n_allow };
	qsort(to, t->n_sources, sizeof(*to), by_prefix);
	t->sources = to;
}

static const struct weir_tables_table *add_table(struct build *b, const struct weir_view_lb *v)
{
	struct weir_tables_table *t = &b->tables[b->out->n_tables++];
	uint32_t room = v->n_serving ? v->pool->n_origins : 0;
	uint32_t *members = weir_arena_new_array(b->arena, room, uint32_t);
	struct weir_rows rows;

	t->lb = v->lb;
	t->drain_ms = weir_lb_drain_ms(b->view->model, v->lb);
	t->affinity_ms = v->lb->affinity ? v->lb->session_affinity_ttl * 1000 : 0;
	add_sources(b, t);
	t->size = table_size(v->lb);
	t->members = members;
	if (v->n_serving)
		t->n_members = enter_pool(b, v, members);
	rows = weir_memo_rows(b->memo, b->candidates, t->n_members, t->size);
	t->rows = rows.rows;
	t->digest = rows.digest;
	return t;
}

static void add_services(struct build *b, const struct weir_tables_table *t)
{
	const struct weir_lb *lb = t->lb;

	for (uint32_t v = 0; v < lb->n_vips; v++)
		for (uint32_t l = 0; l < lb->n_listeners; l++)
			b->services[b->out->n_services++] = (struct weir_tables_service){
				.vip = lb->vips[v],
				.port = htons(lb->listeners[l].port),
				.proto = lb->listeners[l].proto,
				.flags = service_flags(lb, lb->listeners[l].proto),
				.table = t,
			};
}

static void build_lb(struct build *b, const struct weir_view_lb *v)
{
	const struct weir_tables_table *t;

	assert(families_fit(v)); /* validation refuses others */
	t = add_table(b, v);
	add_services(b, t);
	if (t->drain_ms > b->out->drain_ms)
		b->out->drain_ms = t->drain_ms;
}

static int by_key(const void *a, const void *b)
{
	const struct weir_tables_service *x = a, *y = b;
	int order = weir_addr_cmp(&x->vip, &y->vip);

	if (!order)
		order = x->proto - y->proto;
	return order ? order : ntohs(x->port) - ntohs(y->port);
}

/* Of the sorted services. */
static void collect_vips(struct build *b)
{
	struct weir_tables *t = b->out;
	union weir_addr *vips = weir_arena_new_array(b->arena, t->n_services, union weir_addr);

	for (uint32_t i = 0; i < t->n_services; i++)
		if (!i || !weir_addr_eq(&b->services[i].vip, &b->services[i - 1].vip))
			vips[t->n_vips++] = b->services[i].vip;
	t->vips = vips;
}

static uint64_t services_digest(const struct build *b)
{
	uint64_t h = b->out->n_services;

	for (uint32_t i = 0; i < b->out->n_services; i++) {
		const struct weir_tables_service *s = &b->services[i];
		uint64_t words[] = {
			(uint64_t)s->flags << 32 | (uint64_t)s->proto << 16 | ntohs(s->port),
			s->table->digest,
		};

		h = weir_hash_bytes(h, &s->vip, sizeof(s->vip));
		for (uint32_t k = 0; k < 2; k++)
			h = weir_mix64(h ^ words[k]) + 0x9e3779b97f4a7c15ull;
	}
	return h;
}

static void allocate(struct build *b)
{
	const struct weir_model *m = b->view->model;
	uint32_t largest = 0, n_tables = 0, n_services = 0;

	for (uint32_t i = 0; i < m->n_pools; i++)
		if (m->pools[i].n_origins > largest)
			largest = m->pools[i].n_origins;
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (has_services(&m->lbs[i])) {
			n_tables++;
			n_services += m->lbs[i].n_vips * m->lbs[i].n_listeners;
		}
	b->tables = weir_arena_new_array(b->arena, n_tables, struct weir_tables_table);
	b->services = weir_arena_new_array(b->arena, n_services, struct weir_tables_service);
	b->candidates = weir_arena_new_array(b->arena, largest, struct weir_candidate);
}

const struct weir_tables *weir_compile(const struct weir_view *view, struct weir_memo *memo,
				       struct weir_arena *arena)
{
	struct build b = {
		.view = view,
		.memo = memo,
		.arena = arena,
		.out = weir_arena_new_array(arena, 1, struct weir_tables),
	};

	b.endpoints = weir_endpoints_collect(b.out, view, arena);
	allocate(&b);
	for (uint32_t i = 0; i < view->model->n_lbs; i++)
		if (has_services(view->lbs[i].lb))
			build_lb(&b, &view->lbs[i]);
	qsort(b.services, b.out->n_services, sizeof(*b.services), by_key);
	collect_vips(&b);
	b.out->tables = b.tables;
	b.out->services = b.services;
	b.out->digest = services_digest(&b);
	return b.out;
}
