/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.c - a view becomes a snapshot of names and prebuilt records. */
#include "zone/build.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zone/file.h"

void weir_build_name(const char *text, struct weir_name *out)
{
	bool ok = weir_name_parse(text, out);

	assert(ok);
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

	weir_build_name(c->mname, &n);
	memcpy(data, n.wire, n.len);
	len = n.len;
	weir_build_name(c->rname, &n);
	memcpy(data + len, n.wire, n.len);
	len += n.len;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		len += put_u32(data + len, numbers[i]);
	zone->soa = weir_rr_make(a, WEIR_TYPE_SOA, c->ttl, data, len);
	zone->denial = weir_rr_make(a, WEIR_TYPE_SOA, denial_ttl, data, len);
}

static void add_ns(struct weir_arena *a, struct weir_node *apex, const struct weir_zone_conf *c)
{
	struct weir_rr *rrs = weir_arena_new_array(a, c->n_ns, struct weir_rr);

	for (uint32_t i = 0; i < c->n_ns; i++) {
		struct weir_name n;

		weir_build_name(c->ns[i], &n);
		rrs[i] = weir_rr_make(a, WEIR_TYPE_NS, c->ttl, n.wire, n.len);
	}
	if (c->n_ns)
		weir_node_put(a, apex, WEIR_TYPE_NS, rrs, c->n_ns);
}

static struct weir_rr copy_rr(struct weir_arena *a, const struct weir_rr *rr)
{
	uint8_t *wire = weir_arena_alloc(a, rr->len, 1);

	return (struct weir_rr){ memcpy(wire, rr->wire, rr->len), rr->len, 0 };
}

/* A serial that is counted is not the file's, which stays as it is. */
static void take_file(struct weir_arena *a, struct weir_zone *zone, struct weir_node *apex,
		      const struct weir_zone_file *file)
{
	zone->file = &file->layer;
	zone->file_chain = file->chain;
	zone->soa = file->soa;
	zone->denial = file->denial;
	apex->sets = weir_layer_find(&file->layer, apex->name, apex->len)->sets;
	if (!zone->counted)
		return;
	zone->soa = copy_rr(a, &file->soa);
	zone->denial = copy_rr(a, &file->denial);
	weir_node_put(a, apex, WEIR_TYPE_SOA, &zone->soa, 1);
}

/* What the zone's file says, or the document. */
static void fill_zone(struct weir_arena *a, struct weir_zone *zone, struct weir_node *apex,
		      const struct weir_zone_conf *c, const struct weir_zone_file *file)
{
	if (file) {
		take_file(a, zone, apex, file);
		return;
	}
	add_soa(a, zone, c);
	weir_node_put(a, apex, WEIR_TYPE_SOA, &zone->soa, 1);
	add_ns(a, apex, c);
}

/* --- transfers --- */

static void *copy_array(struct weir_arena *a, const void *from, size_t n, size_t size)
{
	return n ? memcpy(weir_arena_alloc(a, n, size), from, n * size) : NULL;
}

static void copy_keys(struct weir_zones *z, const struct weir_dns_conf *c)
{
	struct weir_tsig_key *keys =
		copy_array(z->arena, c->tsig_keys, c->n_tsig_keys, sizeof(*keys));

	for (uint32_t i = 0; i < c->n_tsig_keys; i++) {
		keys[i].name = weir_arena_strdup(z->arena, keys[i].name);
		keys[i].secret = copy_array(z->arena, keys[i].secret, keys[i].secret_bytes, 1);
	}
	z->tsig_keys = keys;
	z->n_tsig_keys = c->n_tsig_keys;
}

static struct weir_transfer_conf copy_transfer(struct weir_zones *z,
					       const struct weir_dns_conf *dns,
					       const struct weir_transfer_conf *from)
{
	struct weir_transfer_conf to = *from;
	const struct weir_tsig_key **keys;

	to.allow = copy_array(z->arena, to.allow, to.n_allow, sizeof(*to.allow));
	to.notify = copy_array(z->arena, to.notify, to.n_notify, sizeof(*to.notify));
	keys = weir_arena_new_array(z->arena, to.n_keys, const struct weir_tsig_key *);
	for (uint32_t i = 0; i < to.n_keys; i++)
		keys[i] = &z->tsig_keys[from->keys[i] - dns->tsig_keys];
	to.keys = keys;
	return to;
}

static void add_off(struct weir_zones *z, const struct weir_model *m)
{
	struct weir_name *off;

	for (uint32_t i = 0; i < m->n_zones; i++)
		z->n_off += m->zones[i].off;
	off = weir_arena_new_array(z->arena, z->n_off, struct weir_name);
	z->off = off;
	for (uint32_t i = 0; i < m->n_zones; i++)
		if (m->zones[i].off)
			weir_build_name(m->zones[i].name, off++);
}

/* What follows from health or has signatures changes without the document. */
static bool is_counted(const struct weir_zones_build *b, const struct weir_zone *zone)
{
	const struct weir_transfer_conf *c = &zone->transfer;

	return (c->n_allow || c->n_keys) && (c->pooled || weir_build_keys(b, zone));
}

/* Apexes come first, since a name belongs to the zone of the closest one. */
static void add_zones(struct weir_zones_build *b, const struct weir_zone_file *const *files)
{
	const struct weir_model *m = b->view->model;
	struct weir_arena *a = b->z->arena;

	b->zones = weir_arena_new_array(a, m->n_zones, struct weir_zone *);
	copy_keys(b->z, &m->agent.dns);
	b->z->zones = weir_arena_new_array(a, m->n_zones, const struct weir_zone *);
	for (uint32_t i = 0; i < m->n_zones; i++) {
		struct weir_zone *zone = weir_arena_new_array(a, 1, struct weir_zone);
		struct weir_node *apex;
		struct weir_name n;

		weir_build_name(m->zones[i].name, &n);
		if (m->zones[i].off || (m->zones[i].file && !(files && files[i])))
			continue;
		if (weir_layer_find(&b->z->upper, n.wire, n.len))
			continue;
		apex = weir_layer_add(&b->z->upper, n.wire, n.len);
		apex->zone = zone;
		zone->apex = apex;
		zone->index = i;
		b->zones[i] = zone;
		zone->transfer = copy_transfer(b->z, &m->agent.dns, &m->zones[i].transfer);
		b->z->zones[b->z->n_zones++] = zone;
		zone->counted = b->serials && is_counted(b, zone);
		fill_zone(a, zone, apex, &m->zones[i], files ? files[i] : NULL);
		b->delegates |= zone->file && files[i]->delegates;
	}
}

/* The names between a zone and one of ours above it exist in the upper one. */
static void join_zones(struct weir_zones_build *b)
{
	const struct weir_model *m = b->view->model;

	for (uint32_t i = 0; i < m->n_zones; i++) {
		const char *parent = strchr(m->zones[i].name, '.');
		struct weir_name n;

		if (!m->zones[i].off && parent && weir_name_parse(parent + 1, &n))
			weir_zones_add(b->z, &n);
	}
}

/* --- sets --- */

static int by_address(const void *x, const void *y)
{
	const struct weir_zone_member *a = x, *b = y;

	return weir_addr_cmp(&a->addr, &b->addr);
}

uint32_t weir_build_unite(struct weir_zone_member *m, uint32_t n)
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

void weir_build_weigh(struct weir_rr *rrs, uint32_t n)
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

void weir_build_addresses(struct weir_arena *a, const struct weir_set **sets, bool v4, uint32_t ttl,
			  const struct weir_zone_member *m, uint32_t n)
{
	uint16_t type = v4 ? WEIR_TYPE_A : WEIR_TYPE_AAAA;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);
	struct weir_set *set;
	bool one = false;
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (weir_addr_is_v4(&m[i].addr) != v4)
			continue;
		rrs[k] = weir_rr_make(a, type, ttl, m[i].addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
		rrs[k++].upto = m[i].weight;
		one |= rrs[0].upto != m[i].weight;
	}
	if (!k)
		return;
	if (one)
		weir_build_weigh(rrs, k);
	set = weir_arena_new_array(a, 1, struct weir_set);
	*set = (struct weir_set){ .next = *sets, .rrs = rrs, .n = k, .type = type, .one = one };
	*sets = set;
}

/* --- what is below a delegation --- */

/* A delegation of the upper layer has what is below it there; that of a file has said so already
 * for what the file has. */
static bool below_cut(const struct weir_zones *z, const struct weir_node *n)
{
	const struct weir_zone *zone = n->zone;

	for (size_t at = 0; n->len - at > zone->apex->len; at += 1u + n->name[at]) {
		const struct weir_node *above = weir_zone_node(z, zone, n->name + at, n->len - at);

		if (above && weir_sets_find(above->sets, WEIR_TYPE_NS))
			return true;
	}
	return false;
}

static void find_cuts(struct weir_zones *z)
{
	for (uint32_t i = 0; z->upper.slots && i <= z->upper.mask; i++)
		if (z->upper.slots[i])
			z->upper.slots[i]->cut = below_cut(z, z->upper.slots[i]);
}

static struct weir_self copy_self(struct weir_arena *a, const struct weir_self *self)
{
	uint8_t *secret = NULL;

	if (self->cookie_secret) {
		secret = weir_arena_alloc(a, 16, 1);
		memcpy(secret, self->cookie_secret, 16);
	}
	return (struct weir_self){ weir_arena_strdup(a, self->nsid),
				   weir_arena_strdup(a, self->version), secret };
}

struct weir_zones *weir_zones_build(const struct weir_view *view,
				    const struct weir_zone_file *const *files,
				    const struct weir_self *self, const struct weir_signer *signer,
				    struct weir_serials *serials)
{
	struct weir_arena *a = weir_arena_new();
	struct weir_zones_build b = { .z = weir_arena_new_array(a, 1, struct weir_zones),
				      .view = view,
				      .signer = signer,
				      .serials = serials };

	b.z->arena = b.z->upper.arena = a;
	b.z->places = view->places;
	b.z->self = copy_self(a, self);
	add_off(b.z, view->model);
	add_zones(&b, files);
	join_zones(&b);
	weir_build_claim(&b);
	weir_build_records(&b);
	weir_build_balancers(&b);
	if (b.delegates)
		find_cuts(b.z);
	weir_build_parents(&b);
	weir_build_sign(&b);
	return b.z;
}

uint32_t weir_zones_signed_until(const struct weir_zones *z)
{
	return z->signed_until_s;
}

void weir_zones_free(struct weir_zones *z)
{
	if (z)
		weir_arena_free(z->arena);
}
