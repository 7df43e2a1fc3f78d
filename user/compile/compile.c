/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/compile.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "compile/endpoints.h"
#include "compile/reverses.h"
#include "compile/servers.h"
#include "compile/sizes.h"

/* What is being built. */
struct build {
	const struct weir_view *view;
	struct weir_memo *memo;
	struct weir_arena *arena;
	struct weir_tables *out;
	struct weir_endpoints endpoints;
	struct weir_tables_group *groups;
	struct weir_tables_table *tables;
	struct weir_tables_service *services;
	struct weir_candidate *candidates; /* room for those of the largest mix */
	uint32_t *entered;                 /* by endpoint: where it may be among the candidates */
};

/* Tunnels carry any family in any family; rewritten addresses change none. */
static bool families_fit(const struct weir_lb *lb, const struct weir_view_mix *mix)
{
	for (uint32_t i = 0; !weir_mode_is_tunnel(lb->forwarding) && i < lb->n_vips; i++)
		for (uint32_t k = 0; k < mix->n; k++)
			if (mix->members[k].now &&
			    weir_addr_is_v4(&lb->vips[i]) !=
				    weir_addr_is_v4(&mix->members[k].origin->addr))
				return false;
	return true;
}

/* As large as suits it, if that is within the limit. */
static uint32_t table_size(const struct build *b, const struct weir_lb *lb)
{
	uint32_t suits = weir_size_that_suits(lb);

	return suits < b->out->size_limit ? suits : b->out->size_limit;
}

/* Those of which two origins are one may have more than there is room for. */
static void scale(struct weir_candidate *c, uint32_t n)
{
	uint64_t weight = WEIR_CANDIDATE_WEIGHT, now = WEIR_CANDIDATE_WEIGHT;

	for (uint32_t i = 0; i < n; i++) {
		weight = c[i].weight > weight ? c[i].weight : weight;
		now = c[i].now > now ? c[i].now : now;
	}
	for (uint32_t i = 0; i < n && weight > WEIR_CANDIDATE_WEIGHT; i++)
		c[i].weight =
			(uint32_t)((c[i].weight * (uint64_t)WEIR_CANDIDATE_WEIGHT + weight - 1) /
				   weight);
	for (uint32_t i = 0; i < n && now > WEIR_CANDIDATE_WEIGHT; i++)
		c[i].now = (uint32_t)((c[i].now * (uint64_t)WEIR_CANDIDATE_WEIGHT + now - 1) / now);
}

/* All origins of the mix: those that do not serve now keep their places, so that their coming back,
 * or disabling them, moves no other rows. Two origins may be one endpoint. */
static uint32_t enter_mix(struct build *b, const struct weir_lb *lb,
			  const struct weir_view_mix *mix, uint32_t *members)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < mix->n; i++) {
		const struct weir_view_member *m = &mix->members[i];
		uint32_t e = weir_endpoints_of(&b->endpoints, m->pool,
					       lb->forwarding)[m->origin - m->pool->origins];
		struct weir_candidate *c = &b->candidates[b->entered[e]];

		if (b->entered[e] < n && members[b->entered[e]] == e) {
			c->weight += m->weight;
			c->now += m->now;
			continue;
		}
		b->entered[e] = n;
		members[n] = e;
		b->candidates[n++] = (struct weir_candidate){
			.id = b->endpoints.identity[e],
			.weight = m->weight,
			.now = m->now,
		};
	}
	scale(b->candidates, n);
	return n;
}

static bool steers_by_client(const struct weir_pool *p)
{
	return p->steering == WEIR_STEER_HASH;
}

/* A new flow goes where there are fewer, for some pool that now serves. */
static bool compares(const struct weir_view_lb *v)
{
	if (weir_lb_compares(v->lb))
		return true;
	for (uint32_t i = 0; i < v->steer.n_mixes; i++)
		for (uint32_t k = 0; k < v->steer.mixes[i].n; k++) {
			const struct weir_share *s = &v->steer.mixes[i].shares[k];

			if (s->share && s->pool->pool->steering == WEIR_STEER_LEAST_CONNECTIONS)
				return true;
		}
	return false;
}

/* Whether rows are chosen by clients' addresses, and flows are counted, is the same for all pools
 * that may serve: a flow keeps its row, and its record, when another pool takes over. */
static uint16_t service_flags(const struct weir_view_lb *v, uint8_t proto)
{
	const struct weir_lb *lb = v->lb;
	uint16_t flags = 0;

	if (lb->affinity || weir_lb_pool(lb, steers_by_client))
		flags |= WEIR_SERVICE_CLIENT;
	if (weir_lb_counts(lb))
		flags |= WEIR_SERVICE_COUNTED;
	if (compares(v))
		flags |= WEIR_SERVICE_LEAST;
	if (lb->affinity)
		flags |= WEIR_SERVICE_STICKY;
	if (lb->sources.n_allow || lb->sources.n_deny)
		flags |= WEIR_SERVICE_SOURCES;
	if (lb->sources.packets_per_second)
		flags |= WEIR_SERVICE_RATE;
	if (weir_lb_watches(lb) && proto == IPPROTO_TCP)
		flags |= WEIR_SERVICE_WATCH;
	if (lb->udp_request && proto == IPPROTO_UDP)
		flags |= WEIR_SERVICE_UDP_REQUEST;
	if (lb->quic && proto == IPPROTO_UDP)
		flags |= WEIR_SERVICE_QUIC;
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
static void add_sources(struct build *b, struct weir_tables_group *g)
{
	static const struct weir_prefix v4 = { { { [10] = 0xff, 0xff } }, 96 }, v6 = { .bits = 0 };
	const struct weir_source_rules *r = &g->lb->sources;
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
		to[g->n_sources++] = (struct weir_tables_source){ *p, allow };
	}
	if (!has_v4)
		to[g->n_sources++] = (struct weir_tables_source){ v4, !r->n_allow };
	if (!has_v6)
		to[g->n_sources++] = (struct weir_tables_source){ v6, !r->n_allow };
	qsort(to, g->n_sources, sizeof(*to), by_prefix);
	g->sources = to;
}

static const struct weir_tables_group *add_group(struct build *b, const struct weir_lb *lb)
{
	struct weir_tables_group *g = &b->groups[b->out->n_groups++];

	g->lb = lb;
	g->drain_ms = weir_lb_drain_ms(b->view->model, lb);
	g->affinity_ms = lb->affinity ? lb->session_affinity_ttl * 1000 : 0;
	add_sources(b, g);
	weir_servers_collect(g, &b->endpoints, b->arena);
	return g;
}

static void add_table(struct build *b, const struct weir_view_lb *v,
		      const struct weir_tables_group *g, const struct weir_view_mix *mix)
{
	struct weir_tables_table *t = &b->tables[b->out->n_tables++];
	uint32_t *members = weir_arena_new_array(b->arena, mix->n, uint32_t);
	struct weir_rows rows;

	assert(families_fit(v->lb, mix)); /* validation refuses others */
	t->group = g;
	t->size = table_size(b, v->lb);
	t->members = members;
	t->n_members = enter_mix(b, v->lb, mix, members);
	rows = weir_memo_rows(b->memo, b->candidates, t->n_members, t->size);
	t->rows = rows.rows;
	t->digest = rows.digest;
}

/* NULL: all clients are alike. first: the table of the first mix. */
static const struct weir_tables_steer *add_steer(struct build *b, const struct weir_view_lb *v,
						 uint32_t first)
{
	uint32_t slices = v->steer.sliced ? WEIR_STEER_SLICES : 1, n = v->steer.n_classes * slices;
	struct weir_tables_steer *s;
	struct weir_tables_way *ways;

	if (n == 1)
		return NULL;
	s = weir_arena_new_array(b->arena, 1, struct weir_tables_steer);
	ways = weir_arena_new_array(b->arena, n, struct weir_tables_way);
	*s = (struct weir_tables_steer){ v->steer.class_of, v->steer.n_classes, v->steer.sliced,
					 ways, weir_mix64(v->steer.classes_digest ^ n) };
	for (uint32_t i = 0; i < n; i++) {
		const struct weir_steer_way *w = &v->steer.ways[i];

		ways[i] = (struct weir_tables_way){ first + w->mix, w->sessions };
		s->digest = weir_mix64(s->digest ^ ((uint64_t)w->mix << 1 | w->sessions));
	}
	if (v->steer.class_of) {
		b->out->places = b->view->places->places;
		b->out->n_places = b->view->places->n_places;
		b->out->n_locations = b->view->places->n_locations;
	}
	return s;
}

static void add_services(struct build *b, const struct weir_view_lb *v, uint32_t first)
{
	const struct weir_tables_steer *steer = add_steer(b, v, first);
	const struct weir_lb *lb = v->lb;

	for (uint32_t i = 0; i < lb->n_vips; i++)
		for (uint32_t l = 0; l < lb->n_listeners; l++)
			b->services[b->out->n_services++] = (struct weir_tables_service){
				.vip = lb->vips[i],
				.port = htons(lb->listeners[l].port),
				.proto = lb->listeners[l].proto,
				.flags = service_flags(v, lb->listeners[l].proto),
				.table = &b->tables[first + v->steer.ways[0].mix],
				.steer = steer,
			};
}

static void build_lb(struct build *b, const struct weir_view_lb *v)
{
	const struct weir_tables_group *g = add_group(b, v->lb);
	uint32_t first = b->out->n_tables;

	for (uint32_t i = 0; i < v->steer.n_mixes; i++)
		add_table(b, v, g, &v->mixes[i]);
	add_services(b, v, first);
	b->out->n_crowded += weir_size_that_suits(v->lb) > b->out->size_limit;
	if (g->drain_ms > b->out->drain_ms)
		b->out->drain_ms = g->drain_ms;
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

/* Whatever the order of endpoints. */
static uint64_t limits_digest(const struct build *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->out->n_endpoints; i++) {
		const struct weir_tables_endpoint *e = &b->out->endpoints[i];

		if (e->counted)
			sum += weir_mix64(b->endpoints.identity[i] ^
					  weir_mix64((uint64_t)e->weight << 32 | e->max_conn));
	}
	return sum;
}

/* What its clients are told apart by, and the rows of each way. */
static uint64_t steer_digest(const struct build *b, const struct weir_tables_steer *s)
{
	uint32_t n = s->n_classes * (s->sliced ? WEIR_STEER_SLICES : 1);
	uint64_t h = s->class_of ? s->digest ^ b->view->places->digest : s->digest;

	for (uint32_t i = 0; i < n; i++)
		h = weir_mix64(h ^ b->tables[s->ways[i].table].digest);
	return h;
}

static uint64_t services_digest(const struct build *b)
{
	uint64_t h = b->out->n_services + limits_digest(b);

	for (uint32_t i = 0; i < b->out->n_services; i++) {
		const struct weir_tables_service *s = &b->services[i];
		uint64_t words[] = {
			(uint64_t)s->flags << 32 | (uint64_t)s->proto << 16 | ntohs(s->port),
			s->table->digest,
		};

		h = weir_hash_bytes(h, &s->vip, sizeof(s->vip));
		for (uint32_t k = 0; k < 2; k++)
			h = weir_mix64(h ^ words[k]) + 0x9e3779b97f4a7c15ull;
		if (s->steer)
			h = weir_mix64(h ^ steer_digest(b, s->steer));
		if (s->flags & WEIR_SERVICE_QUIC)
			h = weir_mix64(h ^ weir_servers_digest(s->table->group, &b->endpoints));
	}
	return h;
}

static void allocate(struct build *b)
{
	const struct weir_view *v = b->view;
	uint32_t largest = 0, n_groups = 0, n_tables = 0, n_services = 0;

	for (uint32_t i = 0; i < v->model->n_lbs; i++) {
		const struct weir_view_lb *l = &v->lbs[i];

		if (!weir_has_tables(l->lb))
			continue;
		n_groups++;
		n_tables += l->steer.n_mixes;
		n_services += l->lb->n_vips * l->lb->n_listeners;
		for (uint32_t k = 0; k < l->steer.n_mixes; k++)
			if (l->mixes[k].n > largest)
				largest = l->mixes[k].n;
	}
	b->groups = weir_arena_new_array(b->arena, n_groups, struct weir_tables_group);
	b->tables = weir_arena_new_array(b->arena, n_tables, struct weir_tables_table);
	b->services = weir_arena_new_array(b->arena, n_services, struct weir_tables_service);
	b->candidates = weir_arena_new_array(b->arena, largest, struct weir_candidate);
	b->entered = weir_arena_new_array(b->arena, b->out->n_endpoints, uint32_t);
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

	b.out->size_limit = weir_size_limit(view->model);
	b.endpoints = weir_endpoints_collect(b.out, view, arena);
	allocate(&b);
	for (uint32_t i = 0; i < view->model->n_lbs; i++)
		if (weir_has_tables(view->lbs[i].lb))
			build_lb(&b, &view->lbs[i]);
	qsort(b.services, b.out->n_services, sizeof(*b.services), by_key);
	collect_vips(&b);
	b.out->groups = b.groups;
	b.out->tables = b.tables;
	b.out->services = b.services;
	weir_reverses_collect(b.out, arena);
	b.out->nat = &view->model->agent.nat;
	b.out->digest = services_digest(&b);
	return b.out;
}
