/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.h - the zones the tests and the fuzzer ask about, made by hand: some of it (loops, chains
 * without end) is what a careful operator would not write. */
#ifndef TESTS_UNIT_ZONE_WORLD_H
#define TESTS_UNIT_ZONE_WORLD_H

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "asked.h"
#include "zone/zone.h"

#define WORLD_RECORDS 4096
#define WORLD_BIG     60 /* addresses of big.example.com: more than 512 bytes hold, less than 1232 */
#define WORLD_HUGE    2500 /* of huge.example.com: more than any message holds */

struct world {
	struct weir_record records[WORLD_RECORDS];
	struct weir_zone_conf zones[4];
	const char *ns[2];
	struct weir_lb lbs[8];
	struct weir_view_lb view_lbs[8];
	struct weir_view_mix mixes[8];
	struct weir_origin origins[8];
	struct weir_view_member even[3], uneven[3], twice[3];
	struct weir_pool pool;
	union weir_addr vips[3];
	struct weir_model model;
	struct weir_view view;
};

static inline union weir_addr addr(const char *text)
{
	union weir_addr a;
	bool ok = weir_addr_parse(text, &a);

	assert(ok);
	return a;
}

static inline struct weir_record *world_record(struct world *w, const char *name,
					       enum weir_record_type type)
{
	struct weir_record *r = &w->records[w->model.n_records++];

	assert(w->model.n_records <= WORLD_RECORDS);
	*r = (struct weir_record){ .name = name, .type = type, .ttl = 300 };
	return r;
}

static inline void world_addr(struct world *w, const char *name, const char *text)
{
	union weir_addr a = addr(text);

	world_record(w, name, weir_addr_is_v4(&a) ? WEIR_RECORD_A : WEIR_RECORD_AAAA)->addr = a;
}

static inline void world_cname(struct world *w, const char *name, const char *target)
{
	world_record(w, name, WEIR_RECORD_CNAME)->target = target;
}

static inline void world_member(struct world *w, const char *name, const char *target,
				uint32_t weight)
{
	struct weir_record *r = world_record(w, name, WEIR_RECORD_POOL);

	r->target = target;
	r->weight = weight;
	r->ttl = 30;
}

static inline void world_zone(struct world *w, const char *name)
{
	w->zones[w->model.n_zones++] = (struct weir_zone_conf){
		.name = name,
		.mname = "ns1.example.com",
		.rname = "hostmaster.example.com",
		.serial = 7,
		.refresh = 3600,
		.retry = 600,
		.expire = 86400,
		.minimum = 60,
		.ttl = 3600,
		.ns = w->ns,
		.n_ns = 2,
	};
}

static inline struct weir_lb *world_lb(struct world *w, const char *name)
{
	static const struct weir_steer_way way;
	struct weir_lb *lb = &w->lbs[w->model.n_lbs];

	*lb = (struct weir_lb){ .name = name, .ttl = 30, .enabled = true };
	w->view_lbs[w->model.n_lbs] = (struct weir_view_lb){
		.lb = lb,
		.steer = { .ways = &way, .n_mixes = 1, .n_classes = 1 },
		.mixes = &w->mixes[w->model.n_lbs],
	};
	w->model.n_lbs++;
	return lb;
}

static inline void world_serving(struct world *w, const char *name,
				 const struct weir_view_member *members, uint32_t n)
{
	world_lb(w, name);
	w->view_lbs[w->model.n_lbs - 1].pool = &w->pool;
	w->mixes[w->model.n_lbs - 1] = (struct weir_view_mix){ members, n, n };
}

static inline struct weir_view_member world_origin(const struct world *w, uint32_t i)
{
	return (struct weir_view_member){ &w->origins[i], &w->pool, w->origins[i].weight,
					  w->origins[i].weight };
}

static inline void world_balancers(struct world *w)
{
	static const char *const text[] = { "198.51.100.1", "198.51.100.2", "2001:db8::51",
					    "198.51.100.3", "198.51.100.4", "198.51.100.5" };
	static const uint16_t weight[] = { 100, 100, 100, 10, 30, 60 };
	struct weir_lb *lb;

	for (uint32_t i = 0; i < 6; i++)
		w->origins[i] = (struct weir_origin){
			.index = i, .addr = addr(text[i]), .weight = weight[i], .enabled = true
		};
	for (uint32_t i = 0; i < 3; i++) {
		w->even[i] = world_origin(w, i);
		w->uneven[i] = world_origin(w, 3 + i);
		w->twice[i] = world_origin(w, i ? 1 : 0);
	}
	w->vips[0] = addr("203.0.113.1");
	w->vips[1] = addr("2001:db8::1");
	lb = world_lb(w, "lb.example.com");
	lb->proxied = true;
	lb->vips = w->vips;
	lb->n_vips = 2;
	world_serving(w, "even.example.com", w->even, 3);
	world_serving(w, "uneven.example.com", w->uneven, 3);
	world_serving(w, "twice.example.com", w->twice, 2);
	world_lb(w, "dead.example.com");
	world_lb(w, "off.example.com")->enabled = false;
	world_lb(w, "gone.example.com")->enabled = false;
	world_lb(w, "foreign.example.org");
}

static inline void world_aliases(struct world *w)
{
	static const char *const chain[] = { "c0.example.com", "c1.example.com", "c2.example.com",
					     "c3.example.com", "c4.example.com", "c5.example.com",
					     "c6.example.com", "c7.example.com", "c8.example.com",
					     "c9.example.com", "www.example.com" };

	world_cname(w, "alias.example.com", "www.example.com");
	world_cname(w, "away.example.com", "host.example.net");
	world_cname(w, "across.example.com", "web.other.test");
	world_cname(w, "broken.example.com", "missing.example.com");
	world_cname(w, "hollow.example.com", "b.c.example.com");
	world_cname(w, "tolb.example.com", "lb.example.com");
	world_cname(w, "loop1.example.com", "loop2.example.com");
	world_cname(w, "loop2.example.com", "loop1.example.com");
	world_cname(w, "self.example.com", "self.example.com");
	for (unsigned i = 0; i < 10; i++)
		world_cname(w, chain[i], chain[i + 1]);
	world_member(w, "pool.example.com", "one.example.net", 1);
	world_member(w, "pool.example.com", "two.example.net", 2);
	world_member(w, "pool.example.com", "five.example.net", 5);
	world_member(w, "single.example.com", "web.other.test", 1);
	world_member(w, "circle.example.com", "circle.example.com", 1);
}

static inline struct world *world_new(void)
{
	struct world *w = weir_new(struct world);

	w->model.records = w->records;
	w->model.zones = w->zones;
	w->model.lbs = w->lbs;
	w->view.model = &w->model;
	w->view.lbs = w->view_lbs;
	w->ns[0] = "ns1.example.com";
	w->ns[1] = "ns2.example.com";
	world_zone(w, "example.com");
	world_zone(w, "a.deep.example.com");
	world_zone(w, "other.test");
	world_balancers(w);
	world_aliases(w);
	world_addr(w, "off.example.com", "192.0.2.77");
	world_addr(w, "lb.example.com", "192.0.2.66");
	world_addr(w, "www.example.com", "192.0.2.1");
	world_addr(w, "a.b.c.example.com", "192.0.2.9");
	world_addr(w, "www.example.com", "192.0.2.2");
	world_addr(w, "www.example.com", "192.0.2.3");
	world_addr(w, "www.example.com", "192.0.2.2"); /* twice in the document, once in the set */
	world_addr(w, "www.example.com", "2001:db8::80");
	world_addr(w, "example.com", "192.0.2.10");
	world_addr(w, "x.a.deep.example.com", "192.0.2.11");
	world_addr(w, "web.other.test", "192.0.2.20");
	world_addr(w, "host.example.org", "192.0.2.30");
	for (uint32_t i = 0; i < WORLD_BIG + WORLD_HUGE; i++) {
		uint8_t four[] = { 10, i < WORLD_BIG, (uint8_t)(i >> 8), (uint8_t)i };

		world_record(w, i < WORLD_BIG ? "big.example.com" : "huge.example.com",
			     WEIR_RECORD_A)
			->addr = weir_addr_v4(four);
	}
	return w;
}

#endif
