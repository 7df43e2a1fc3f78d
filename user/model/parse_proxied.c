/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_proxied.c - DNS records that are more than an answer: those of a name that are proxied, a
 * POOL whose members are monitored, and an ALIAS become a pool and a load balancer in front of it,
 * made of a document as others are, so that nothing else needs to know. */
#include "model/parse.h"

#include <stdio.h>
#include <string.h>

#include "model/hosts.h"

enum key {
	KEY_LISTENERS,
	KEY_VIPS,
	KEY_FORWARDING,
	KEY_MONITOR,
	KEYS
};

static const char *const keys[KEYS] = { "listeners", "vips", "forwarding", "monitor" };

/* The records of one name of which at least one makes them a balancer. */
struct group {
	uint32_t first;  /* of those that do, by number */
	uint32_t weight; /* the largest of a POOL */
	json_t *origins;
	const json_t *of[KEYS]; /* what one of them says */
	uint32_t says[KEYS];    /* and which */
};

struct proxied {
	const struct weir_at *records;
	struct weir_model *m;
	struct weir_index names;
	struct group *groups;
	uint32_t n;
};

uint32_t weir_count_proxied(const json_t *root)
{
	const json_t *record;
	uint32_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(root, "records"), i, record)
	{
		const char *type = json_string_value(json_object_get(record, "type"));

		n += json_is_true(json_object_get(record, "proxied")) ||
		     json_is_string(json_object_get(record, "monitor")) ||
		     (type && !strcmp(type, "ALIAS"));
	}
	return n;
}

/* All of a name say the same, or nothing. */
static bool add_keys(const struct weir_at *at, struct group *g)
{
	for (uint32_t k = 0; k < KEYS; k++) {
		const json_t *v = json_object_get(at->v, keys[k]);

		if (!v || json_is_null(v))
			continue;
		if (g->of[k] && !json_equal(g->of[k], v))
			return weir_at_fail_key(
				at, keys[k],
				"differs from that of records[%u]: the %s of a name are one %s",
				g->says[k], k == KEY_MONITOR ? "POOL records" : "proxied records",
				k == KEY_MONITOR ? "pool" : "service");
		g->of[k] = v;
		g->says[k] = at->index;
	}
	return true;
}

static struct group *group_of(const struct proxied *p, const struct weir_record *r)
{
	uint32_t nth;

	return weir_index_find(&p->names, r->name, strlen(r->name), &nth) ? &p->groups[nth] : NULL;
}

static bool makes_balancer(const struct weir_record *r)
{
	return r->proxied || r->monitored || r->type == WEIR_RECORD_ALIAS;
}

static bool find_groups(struct proxied *p)
{
	for (uint32_t i = 0; i < p->m->n_records; i++) {
		const struct weir_record *r = &p->m->records[i];
		struct weir_at at = weir_at_item(p->records, i);
		uint32_t nth = p->n;

		if (!makes_balancer(r))
			continue;
		if (weir_index_add(&p->names, r->name, strlen(r->name), &nth))
			p->groups[p->n++] = (struct group){ .first = i, .origins = json_array() };
		if (!add_keys(&at, &p->groups[nth]))
			return false;
	}
	return true;
}

/* Named by its content, in the letters that names have. */
static json_t *origin_of(const struct weir_record *r)
{
	char text[WEIR_ADDR_TEXT], *c, name[256];
	const char *content = r->target ? r->target : weir_addr_text(&r->addr, text);
	json_t *o;

	snprintf(name, sizeof(name), "%s", content);
	for (c = name; *c; c++)
		if (*c == ':')
			*c = '-';
	o = json_pack("{s:s, s:s}", "name", name, "address", content);
	if (r->type == WEIR_RECORD_POOL)
		json_object_set_new(o, "flatten_cname", json_false());
	return o;
}

/* Records of other types at the name are not of the balancer. */
static bool is_place(const struct weir_record *r)
{
	return r->target || r->type == WEIR_RECORD_A || r->type == WEIR_RECORD_AAAA;
}

static void add_origins(const struct proxied *p)
{
	for (uint32_t i = 0; i < p->m->n_records; i++) {
		const struct weir_record *r = &p->m->records[i];
		struct group *g = is_place(r) ? group_of(p, r) : NULL;

		if (g && r->weight > g->weight)
			g->weight = r->weight;
	}
	for (uint32_t i = 0; i < p->m->n_records; i++) {
		const struct weir_record *r = &p->m->records[i];
		struct weir_at at = weir_at_item(p->records, i);
		struct group *g = is_place(r) ? group_of(p, r) : NULL;

		if (!g)
			continue;
		if (!makes_balancer(r))
			weir_at_note(&at, "is %s, since records[%u] of the same name is",
				     r->type == WEIR_RECORD_POOL ? "monitored" : "proxied",
				     g->first);
		json_array_append_new(g->origins, origin_of(r));
	}
}

/* --- what they become --- */

static json_t *agent_member(const struct proxied *p, const char *key)
{
	return json_object_get(json_object_get(p->records->up->v, "agent"), key);
}

/* Of the record, or of the agent, those of a family only if the record wants that. NULL: none. */
static json_t *vips_of(const struct proxied *p, const struct group *g)
{
	const struct weir_record *r = &p->m->records[g->first];
	const json_t *all = g->of[KEY_VIPS] ? g->of[KEY_VIPS] : agent_member(p, "vips"), *vip;
	json_t *out = json_array();
	size_t i;

	json_array_foreach(all, i, vip)
	{
		const char *s = json_string_value(vip);

		if (!s || !(strchr(s, ':') ? r->ipv4_only : r->ipv6_only))
			json_array_append(out, (json_t *)vip);
	}
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}

/* The weights of a POOL are whole numbers, those of a pool's origins hundredths: so that none is
 * lost they are put into origins as they are in the model. Each has enough for all addresses of a
 * name.
 */
static void weigh(const struct proxied *p, const struct group *g, const struct weir_pool *pool)
{
	struct weir_origin *o = (struct weir_origin *)pool->origins;

	for (uint32_t i = 0; g->weight && i < p->m->n_records; i++) {
		const struct weir_record *r = &p->m->records[i];
		uint32_t weight = (uint32_t)((uint64_t)r->weight * WEIR_WEIGHT_MAX / g->weight);

		if (is_place(r) && group_of(p, r) == g)
			(o++)->weight =
				(uint16_t)(weight > WEIR_HOST_ADDRESSES ? weight
									: WEIR_HOST_ADDRESSES);
	}
}

static bool make_pool(const struct proxied *p, const struct group *g, struct weir_pool *pool)
{
	const struct weir_record *r = &p->m->records[g->first];
	struct weir_at at = weir_at_item(p->records, g->first);
	uint32_t nth = p->m->n_pools;
	bool ok;

	at.v = json_pack("{s:s, s:O, s:O*}", "name", "record", "origins", g->origins, "monitor",
			 g->of[KEY_MONITOR]);
	pool->index = p->m->n_pools;
	ok = weir_take_pool_of(&at, pool);
	json_decref((json_t *)at.v);
	pool->id = pool->name = weir_arena_printf(at.p->arena, "record/%s", r->name);
	p->m->n_pools++;
	if (ok)
		weigh(p, g, pool);
	return ok && weir_index_add(&at.p->pools, pool->id, strlen(pool->id), &nth);
}

/* A load balancer of the same name goes before, as long as it is enabled. */
static bool is_covered(const struct proxied *p, const struct weir_record *r)
{
	uint32_t nth;

	return weir_index_find(&p->records->p->lb_names, r->name, strlen(r->name), &nth) &&
	       p->m->lbs[nth].enabled;
}

/* Behind VIPs; NULL: it has none of its family. */
static json_t *proxied_lb(const struct proxied *p, const struct group *g)
{
	json_t *vips = vips_of(p, g);

	if (!vips && p->m->agent.n_vips)
		return NULL;
	return json_pack("{s:b, s:O*, s:o*, s:O*}", "proxied", true, "listeners",
			 g->of[KEY_LISTENERS], "vips", vips, "forwarding", g->of[KEY_FORWARDING]);
}

static bool make_lb(const struct proxied *p, const struct group *g, const struct weir_pool *pool,
		    struct weir_lb *l)
{
	const struct weir_record *r = &p->m->records[g->first];
	struct weir_at at = weir_at_item(p->records, g->first);
	json_t *lb = r->proxied ? proxied_lb(p, g) : json_pack("{s:s}", "when_down", "all");
	bool ok;

	if (!lb)
		return weir_at_fail_key(&at, "settings", "none of its VIPs is of this family");
	if (is_covered(p, r))
		weir_at_note(&at, "the load balancer of this name goes before, as long as it is "
				  "enabled");
	json_object_update_new(lb, json_pack("{s:s, s:[s], s:s, s:b, s:i}", "name", r->name,
					     "default_pools", pool->id, "fallback_pool", pool->id,
					     "enabled", !is_covered(p, r), "ttl",
					     r->ttl ? (int)r->ttl : 1));
	at.v = lb;
	l->index = p->m->n_lbs;
	l->record = r;
	ok = weir_take_lb_of(&at, l);
	json_decref(lb);
	l->id = pool->id;
	p->m->n_lbs++;
	return ok;
}

static bool make_all(const struct proxied *p)
{
	struct weir_pool *pools = (struct weir_pool *)p->m->pools;
	struct weir_lb *lbs = (struct weir_lb *)p->m->lbs;

	for (uint32_t i = 0; i < p->n; i++) {
		struct weir_pool *pool = &pools[p->m->n_pools];

		if (!make_pool(p, &p->groups[i], pool) ||
		    !make_lb(p, &p->groups[i], pool, &lbs[p->m->n_lbs]))
			return false;
	}
	return true;
}

/* Where sections of them have made none. */
static void make_room(struct weir_parse *p, struct weir_model *m, uint32_t n)
{
	if (!m->pools) {
		m->pools = weir_arena_new_array(p->arena, n, struct weir_pool);
		p->facts = weir_arena_new_array(p->arena, n, struct weir_pool_facts);
		weir_index_init(&p->pools, n, p->arena);
	}
	if (!m->lbs)
		m->lbs = weir_arena_new_array(p->arena, n, struct weir_lb);
}

bool weir_make_proxied(const struct weir_at *records)
{
	struct proxied p = { .records = records, .m = records->p->model };
	uint32_t most = records->p->n_proxied;
	bool ok;

	if (!most)
		return true;
	weir_index_init(&p.names, most, records->p->arena);
	p.groups = weir_arena_new_array(records->p->arena, most, struct group);
	make_room(records->p, p.m, most);
	ok = find_groups(&p);
	if (ok) {
		add_origins(&p);
		ok = make_all(&p);
	}
	for (uint32_t i = 0; i < p.n; i++)
		json_decref(p.groups[i].origins);
	return ok;
}
