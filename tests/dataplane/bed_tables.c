/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed_tables.c - what a wish says, as tables. */
#include "bed.h"

#include "base/hash.h"
#include "base/mem.h"

union weir_addr bed_service_addr(uint32_t s)
{
	uint8_t v4[4] = { 192, 0, 2, (uint8_t)(s + 1) };

	return weir_addr_v4(v4);
}

uint8_t bed_service_proto(uint32_t s)
{
	return s == 3 ? IPPROTO_UDP : IPPROTO_TCP;
}

uint32_t bed_balancer_of(const struct wish *w, uint32_t service)
{
	uint32_t with = w->service[service].with;

	return with ? with - 1 : service;
}

static const struct weir_lb *balancer(const struct wish_service *s, struct weir_arena *arena)
{
	struct weir_lb *lb = weir_arena_new_array(arena, 1, struct weir_lb);

	lb->name = "balancer";
	lb->sources.packets_per_second = s->rate;
	lb->sources.burst = s->burst;
	lb->sources.prefix_v4 = 24;
	lb->sources.prefix_v6 = 56;
	lb->quic = s->quic;
	lb->config_rotation = s->rotation;
	lb->server_id_length = s->id_bytes;
	return lb;
}

/* Of rows by what their endpoints are. */
static uint64_t digest_of(const struct wish *w, const struct wish_service *s)
{
	uint64_t how[ENDPOINTS];

	for (uint32_t e = 0; e < ENDPOINTS; e++)
		how[e] = (uint64_t)w->endpoint[e].port << 8 | w->endpoint[e].nat;
	return weir_hash_bytes(weir_hash_bytes(s->size, how, sizeof(how)), s->rows, s->size);
}

/* In the order of ids, as compiled tables have them. */
static void add_servers(struct weir_tables_group *t, const struct wish_service *s,
			const uint32_t *index, struct weir_arena *arena)
{
	struct weir_tables_server *to =
		weir_arena_new_array(arena, ENDPOINTS, struct weir_tables_server);

	t->servers = to;
	for (uint32_t e = 0; e < ENDPOINTS; e++)
		if (s->server_id[e])
			to[t->n_servers++] =
				(struct weir_tables_server){ s->server_id[e], index[e] };
}

static void fill_group(struct weir_tables_group *g, const struct wish_service *s,
		       const uint32_t *index, struct weir_arena *arena)
{
	*g = (struct weir_tables_group){
		.lb = balancer(s, arena),
		.drain_ms = s->drain_ms ? s->drain_ms : DRAIN_MS,
		.affinity_ms = s->affinity_ms,
		.sources = s->sources,
		.n_sources = s->n_sources,
	};
	add_servers(g, s, index, arena);
}

static void fill_table(struct weir_tables_table *t, const struct wish *w,
		       const struct wish_service *s, const uint32_t *index,
		       struct weir_arena *arena)
{
	uint32_t *rows = weir_arena_new_array(arena, s->size, uint32_t);

	for (uint32_t i = 0; i < s->size; i++)
		rows[i] = s->rows[i] == NOBODY ? WEIR_ROW_NOBODY : s->rows[i];
	*t = (struct weir_tables_table){
		.members = index,
		.rows = rows,
		.n_members = ENDPOINTS,
		.size = s->size,
		.digest = digest_of(w, s),
	};
}

/* Behind all others, since those of a balancer are neighbours. */
static void add_steer(struct weir_tables *t, const struct wish *w, uint32_t service,
		      struct weir_tables_service *to, const uint32_t *index,
		      struct weir_arena *arena)
{
	const struct wish_steer *is = w->service[service].steer;
	struct weir_tables_table *table =
		(struct weir_tables_table *)(uintptr_t)&t->tables[t->n_tables];
	struct weir_tables_steer *s = weir_arena_new_array(arena, 1, struct weir_tables_steer);
	uint32_t n = is->n_classes * (is->sliced ? WEIR_STEER_SLICES : 1);
	struct weir_tables_way *way = weir_arena_new_array(arena, n, struct weir_tables_way);

	for (uint32_t i = 0; i < is->n_tables; i++) {
		fill_table(&table[i], w, &w->service[is->rows_of[i]], index, arena);
		table[i].group = &t->groups[service];
	}
	for (uint32_t i = 0; i < n; i++) {
		way[i].table = t->n_tables + is->way[i].table;
		way[i].sessions = is->way[i].sessions;
	}
	*s = (struct weir_tables_steer){ .class_of = is->class_of,
					 .n_classes = is->n_classes,
					 .sliced = is->sliced,
					 .ways = way };
	s->digest = weir_hash_bytes(n, is->way, n * sizeof(*is->way));
	if (is->class_of)
		s->digest = weir_hash_bytes(s->digest, is->class_of,
					    w->n_locations * sizeof(*is->class_of));
	to->steer = s;
	to->table = &t->tables[way[0].table];
	t->n_tables += is->n_tables;
}

/* The services of a balancer have one in common. */
static void steer(struct weir_tables *t, const struct wish *w, uint32_t balancer,
		  struct weir_tables_service *steered, struct weir_tables_service *to,
		  const uint32_t *index, struct weir_arena *arena)
{
	if (!w->service[balancer].steer)
		return;
	if (!steered[balancer].steer)
		add_steer(t, w, balancer, &steered[balancer], index, arena);
	to->steer = steered[balancer].steer;
	to->table = steered[balancer].table;
}

static void add_endpoints(const struct wish *w, struct weir_tables *t, uint32_t *index,
			  struct weir_arena *arena)
{
	struct weir_tables_endpoint *to =
		weir_arena_new_array(arena, ENDPOINTS, struct weir_tables_endpoint);

	t->endpoints = to;
	for (uint32_t e = 0; e < ENDPOINTS; e++) {
		if (!w->endpoint[e].there)
			continue;
		to[t->n_endpoints] = (struct weir_tables_endpoint){
			.addr = bed_addr(e),
			.port = htons(w->endpoint[e].port),
			.mode = w->endpoint[e].nat ? w->endpoint[e].nat
				: e & 1            ? WEIR_MODE_L2
						   : WEIR_MODE_IPIP,
			.monitored = true,
			.healthy = w->endpoint[e].alive,
			.alive = w->endpoint[e].alive,
			.enabled = !w->endpoint[e].disabled,
			.drain_ms = w->endpoint[e].drain_ms ? w->endpoint[e].drain_ms : DRAIN_MS,
			.counted = true,
			.weight = 100,
			.max_conn = w->endpoint[e].max_conn,
		};
		index[e] = t->n_endpoints++;
	}
}

static void add_reverses(const struct wish *w, struct weir_tables *t, struct weir_arena *arena)
{
	struct weir_tables_reverse *to =
		weir_arena_new_array(arena, SERVICES * ENDPOINTS, struct weir_tables_reverse);
	uint32_t n = 0;

	for (uint32_t s = 0; s < SERVICES; s++) {
		for (uint32_t e = 0; w->service[s].on && e < ENDPOINTS; e++)
			if (w->service[s].reverses & 1u << e)
				to[t->n_reverses++] = (struct weir_tables_reverse){
					.addr = bed_addr(e),
					.port = htons(w->endpoint[e].port),
					.proto = bed_service_proto(s),
					.service = n,
				};
		n += w->service[s].on;
	}
	t->reverses = to;
	t->nat = &w->nat;
}

const struct weir_tables *bed_tables(const struct wish *w, struct weir_arena *arena)
{
	struct weir_tables *t = weir_arena_new_array(arena, 1, struct weir_tables);
	struct weir_tables_service *to =
		weir_arena_new_array(arena, SERVICES, struct weir_tables_service);
	struct weir_tables_table *table =
		weir_arena_new_array(arena, SERVICES * (1 + SERVICES), struct weir_tables_table);
	struct weir_tables_group *group =
		weir_arena_new_array(arena, SERVICES, struct weir_tables_group);
	union weir_addr *vips = weir_arena_new_array(arena, SERVICES, union weir_addr);
	uint32_t *index = weir_arena_new_array(arena, ENDPOINTS, uint32_t);
	struct weir_tables_service steered[SERVICES] = { 0 };

	add_endpoints(w, t, index, arena);
	t->groups = group;
	t->tables = table;
	t->n_groups = t->n_tables = SERVICES;
	for (uint32_t s = 0; s < SERVICES; s++) {
		fill_group(&group[s], &w->service[s], index, arena);
		fill_table(&table[s], w, &w->service[s], index, arena);
		table[s].group = &group[s];
	}
	t->services = to;
	t->vips = vips;
	t->drain_ms = DRAIN_MS;
	for (uint32_t s = 0; s < SERVICES; s++) {
		if (!w->service[s].on)
			continue;
		vips[t->n_vips++] = bed_service_addr(s);
		to[t->n_services++] = (struct weir_tables_service){
			.vip = bed_service_addr(s),
			.port = htons(443),
			.proto = bed_service_proto(s),
			.flags = w->service[s].flags,
			.table = &table[bed_balancer_of(w, s)],
		};
		steer(t, w, bed_balancer_of(w, s), steered, &to[t->n_services - 1], index, arena);
	}
	t->places = w->places;
	t->n_places = w->n_places;
	t->n_locations = w->n_locations;
	add_reverses(w, t, arena);
	return t;
}
