/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.c - a view becomes a snapshot of names and prebuilt records. */
#include "zone/zone.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zone/snapshot.h"

struct build {
	struct weir_zones *z;
	const struct weir_view *view;
};

/* An address of a set, or a target of a pool. */
struct member {
	union weir_addr addr;
	uint32_t weight;
};

/* Names come from a model, which has checked them. */
static void name_of(const char *text, struct weir_name *out)
{
	bool ok = weir_name_parse(text, out);

	assert(ok);
}

static struct weir_rr make_rr(struct weir_arena *a, uint16_t type, uint32_t ttl, const void *data,
			      size_t len)
{
	uint8_t *w = weir_arena_alloc(a, WEIR_RR_FIXED + len, 1);
	uint16_t head[2] = { htons(type), htons(WEIR_CLASS_IN) }, size = htons((uint16_t)len);
	uint32_t be_ttl = htonl(ttl);

	memcpy(w, head, 4);
	memcpy(w + 4, &be_ttl, 4);
	memcpy(w + 8, &size, 2);
	memcpy(w + WEIR_RR_FIXED, data, len);
	return (struct weir_rr){ .wire = w, .len = (uint32_t)(WEIR_RR_FIXED + len) };
}

static struct weir_set *add_set(struct weir_arena *a, struct weir_node *node, uint16_t type,
				const struct weir_rr *rrs, uint32_t n)
{
	struct weir_set *s = weir_arena_new_array(a, 1, struct weir_set);

	*s = (struct weir_set){ .next = node->sets, .rrs = rrs, .n = n, .type = type };
	node->sets = s;
	return s;
}

/* --- zones --- */

static size_t put_u32(uint8_t *out, uint32_t v)
{
	v = htonl(v);
	memcpy(out, &v, 4);
	return 4;
}

static void add_soa(struct weir_arena *a, struct weir_zone *zone, const struct weir_zone_conf *c)
{
	const uint32_t numbers[] = { c->serial, c->refresh, c->retry, c->expire, c->minimum };
	uint32_t denial_ttl = c->ttl < c->minimum ? c->ttl : c->minimum;
	uint8_t data[2 * WEIR_NAME_MAX + sizeof(numbers)];
	struct weir_name n;
	size_t len;

	name_of(c->mname, &n);
	memcpy(data, n.wire, n.len);
	len = n.len;
	name_of(c->rname, &n);
	memcpy(data + len, n.wire, n.len);
	len += n.len;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		len += put_u32(data + len, numbers[i]);
	zone->soa = make_rr(a, WEIR_TYPE_SOA, c->ttl, data, len);
	zone->denial = make_rr(a, WEIR_TYPE_SOA, denial_ttl, data, len);
}

static void add_ns(struct weir_arena *a, struct weir_node *apex, const struct weir_zone_conf *c)
{
	struct weir_rr *rrs = weir_arena_new_array(a, c->n_ns, struct weir_rr);

	for (uint32_t i = 0; i < c->n_ns; i++) {
		struct weir_name n;

		name_of(c->ns[i], &n);
		rrs[i] = make_rr(a, WEIR_TYPE_NS, c->ttl, n.wire, n.len);
	}
	if (c->n_ns)
		add_set(a, apex, WEIR_TYPE_NS, rrs, c->n_ns);
}

/* Apexes come first, since a name belongs to the zone of the closest one. */
static void add_zones(struct build *b)
{
	const struct weir_model *m = b->view->model;
	struct weir_arena *a = b->z->arena;

	for (uint32_t i = 0; i < m->n_zones; i++) {
		struct weir_zone *zone = weir_arena_new_array(a, 1, struct weir_zone);
		struct weir_node *apex;
		struct weir_name n;

		name_of(m->zones[i].name, &n);
		apex = weir_apex_add(b->z, zone, &n);
		if (!apex)
			continue;
		zone->apex = apex;
		add_soa(a, zone, &m->zones[i]);
		add_set(a, apex, WEIR_TYPE_SOA, &zone->soa, 1);
		add_ns(a, apex, &m->zones[i]);
	}
}

/* The names between a zone and one of ours above it exist in the upper one. */
static void join_zones(struct build *b)
{
	const struct weir_model *m = b->view->model;

	for (uint32_t i = 0; i < m->n_zones; i++) {
		const char *parent = strchr(m->zones[i].name, '.');
		struct weir_name n;

		if (parent && weir_name_parse(parent + 1, &n))
			weir_node_add(b->z, &n);
	}
}

/* --- sets of addresses --- */

static int by_address(const void *x, const void *y)
{
	const struct member *a = x, *b = y;

	return weir_addr_cmp(&a->addr, &b->addr);
}

/* Sorts, and gives addresses that come twice their common weight: a set has no duplicates. */
static uint32_t unite(struct member *m, uint32_t n)
{
	uint32_t kept = 0;

	if (n)
		qsort(m, n, sizeof(*m), by_address);
	for (uint32_t i = 0; i < n; i++) {
		if (kept && weir_addr_eq(&m[kept - 1].addr, &m[i].addr))
			m[kept - 1].weight += m[i].weight;
		else
			m[kept++] = m[i];
	}
	return kept;
}

/* Turns weights, left in upto, into cumulative thresholds of 32 bits. */
static void weigh(struct weir_rr *rrs, uint32_t n)
{
	uint64_t total = 0, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		total += rrs[i].upto;
	for (uint32_t i = 0; i < n; i++) {
		sum += rrs[i].upto;
		rrs[i].upto = sum == total ? UINT32_MAX
					   : (uint32_t)(((unsigned __int128)sum << 32) / total);
	}
}

/* Members of one family become a set, if there are any. */
static void add_addresses(struct weir_arena *a, struct weir_node *node, bool v4, uint32_t ttl,
			  const struct member *m, uint32_t n)
{
	uint16_t type = v4 ? WEIR_TYPE_A : WEIR_TYPE_AAAA;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);
	bool one = false;
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (weir_addr_is_v4(&m[i].addr) != v4)
			continue;
		rrs[k] = make_rr(a, type, ttl, m[i].addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
		rrs[k++].upto = m[i].weight;
		one |= rrs[0].upto != m[i].weight;
	}
	if (!k)
		return;
	if (one)
		weigh(rrs, k);
	add_set(a, node, type, rrs, k)->one = one;
}

static void add_balancer(struct build *b, const struct weir_view_lb *v)
{
	const struct weir_lb *lb = v->lb;
	uint32_t n = lb->proxied ? lb->n_vips : v->pool ? v->n_serving : 0;
	struct weir_node *node;
	struct member *m;
	struct weir_name name;

	name_of(lb->name, &name);
	node = weir_node_add(b->z, &name);
	if (!node || node->balanced)
		return;
	node->balanced = true;
	m = weir_new_array(n, struct member);
	for (uint32_t i = 0; i < n; i++)
		m[i] = lb->proxied ? (struct member){ lb->vips[i], 0 }
				   : (struct member){ v->serving[i]->addr, v->serving[i]->weight };
	n = unite(m, n);
	add_addresses(b->z->arena, node, false, lb->ttl, m, n);
	add_addresses(b->z->arena, node, true, lb->ttl, m, n);
	free(m);
}

/* --- records --- */

struct draft {
	struct weir_node *node;
	const struct weir_record *rec; /* in the order of the document */
};

/* Brings the records of a set together. */
static int by_set(const void *x, const void *y)
{
	const struct draft *a = x, *b = y;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->rec->type != b->rec->type)
		return a->rec->type < b->rec->type ? -1 : 1;
	return (a->rec > b->rec) - (a->rec < b->rec);
}

static void add_record_addresses(struct build *b, const struct draft *d, uint32_t n)
{
	struct member *m = weir_new_array(n, struct member);
	uint32_t ttl = d[0].rec->ttl;

	for (uint32_t i = 0; i < n; i++) {
		m[i] = (struct member){ d[i].rec->addr, 0 };
		ttl = d[i].rec->ttl < ttl ? d[i].rec->ttl : ttl;
	}
	add_addresses(b->z->arena, d[0].node, d[0].rec->type == WEIR_RECORD_A, ttl, m, unite(m, n));
	free(m);
}

/* CNAME and POOL: all names are in the table, so targets can be looked up. */
static void add_aliases(struct build *b, const struct draft *d, uint32_t n)
{
	struct weir_arena *a = b->z->arena;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);

	for (uint32_t i = 0; i < n; i++) {
		struct weir_node *target;
		struct weir_name name;

		name_of(d[i].rec->target, &name);
		rrs[i] = make_rr(a, WEIR_TYPE_CNAME, d[i].rec->ttl, name.wire, name.len);
		rrs[i].zone = weir_zone_covering(b->z, &name, &target);
		rrs[i].target = target;
		rrs[i].upto = d[i].rec->type == WEIR_RECORD_POOL ? d[i].rec->weight : 1;
	}
	weigh(rrs, n);
	add_set(a, d[0].node, WEIR_TYPE_CNAME, rrs, n)->one = true;
}

static void add_sets(struct build *b, struct draft *d, uint32_t n)
{
	if (n)
		qsort(d, n, sizeof(*d), by_set);
	for (uint32_t i = 0, run; i < n; i += run) {
		enum weir_record_type type = d[i].rec->type;

		for (run = 1; i + run < n; run++)
			if (d[i + run].node != d[i].node || d[i + run].rec->type != type)
				break;
		if (type == WEIR_RECORD_A || type == WEIR_RECORD_AAAA)
			add_record_addresses(b, d + i, run);
		else
			add_aliases(b, d + i, run);
	}
}

/* After the load balancers, which beat records of the same name. */
static void add_records(struct build *b)
{
	const struct weir_model *m = b->view->model;
	struct draft *d = weir_new_array(m->n_records, struct draft);
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_records; i++) {
		struct weir_node *node;
		struct weir_name name;

		name_of(m->records[i].name, &name);
		node = weir_node_add(b->z, &name);
		if (node && !node->balanced)
			d[n++] = (struct draft){ node, &m->records[i] };
	}
	add_sets(b, d, n);
	free(d);
}

struct weir_zones *weir_zones_build(const struct weir_view *view)
{
	struct weir_arena *a = weir_arena_new();
	struct build b = { .z = weir_arena_new_array(a, 1, struct weir_zones), .view = view };

	b.z->arena = a;
	add_zones(&b);
	join_zones(&b);
	for (uint32_t i = 0; i < view->model->n_lbs; i++)
		if (view->lbs[i].lb->enabled)
			add_balancer(&b, &view->lbs[i]);
	add_records(&b);
	return b.z;
}

void weir_zones_free(struct weir_zones *z)
{
	if (z)
		weir_arena_free(z->arena);
}
