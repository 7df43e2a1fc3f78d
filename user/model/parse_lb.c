/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_lb.c - load balancers. */
#include "model/parse.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LBS       65536
#define MAX_POOLS     1024 /* of one load balancer */
#define MAX_LISTENERS 1024
#define TEXT_BYTES    1024

/* By enum weir_mode. */
static const char *const forwarding[WEIR_MODE_COUNT + 1] = { "ipip", "l2", "gue", NULL };

const char *weir_forwarding_text(uint8_t mode)
{
	return forwarding[mode];
}

static const char *pool_id(const void *pools, size_t i)
{
	return ((const struct weir_pool *)pools)[i].id;
}

static bool take_pool_ref(const struct weir_at *at, void *out)
{
	const struct weir_model *m = at->p->model;
	const char *id;
	uint32_t i;

	if (!weir_take_string(at, 4096, &id))
		return false;
	if (!weir_index_find(&at->p->pools, id, strlen(id), &i))
		return weir_at_no_such(at, "pool", id, m->n_pools, pool_id, m->pools);
	*(const struct weir_pool **)out = &m->pools[i];
	return true;
}

static bool take_default_pool(const struct weir_at *at, void *out)
{
	const struct weir_pool **pool = out, **first = pool - at->index;

	if (!take_pool_ref(at, out))
		return false;
	for (; first < pool; first++)
		if (*first == *pool)
			return weir_at_fail(at, "pool \"%s\" is listed twice", (*pool)->id);
	return true;
}

static bool take_default_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_list(at, 1, MAX_POOLS, sizeof(*l->default_pools), take_default_pool,
			      &l->default_pools, &l->n_default_pools);
}

/* "tcp/443" */
static bool take_listener(const struct weir_at *at, void *out)
{
	struct weir_listener *l = out, *first = l - at->index;
	const char *s;
	char *end;
	unsigned long port;

	if (!weir_take_string(at, 4096, &s))
		return false;
	l->proto = strncmp(s, "tcp/", 4) == 0   ? IPPROTO_TCP
		   : strncmp(s, "udp/", 4) == 0 ? IPPROTO_UDP
						: 0;
	if (!l->proto || s[4] < '1' || s[4] > '9' || strlen(s) > 9)
		goto bad;
	port = strtoul(s + 4, &end, 10);
	if (*end || port > 65535)
		goto bad;
	l->port = (uint16_t)port;
	for (; first < l; first++)
		if (first->proto == l->proto && first->port == l->port)
			return weir_at_fail(at, "%s is listed twice", s);
	return true;
bad:
	return weir_at_fail(at, "%s is not a protocol and port, as in tcp/443 or udp/443",
			    weir_quote(at->p, s));
}

static bool take_listeners(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_list(at, 0, MAX_LISTENERS, sizeof(*l->listeners), take_listener,
			      &l->listeners, &l->n_listeners);
}

static bool take_lb_vip(const struct weir_at *at, void *out)
{
	union weir_addr *a = out, *first = a - at->index;
	char text[WEIR_ADDR_TEXT];
	uint32_t nth;

	if (!weir_take_addr(at, a))
		return false;
	weir_addr_text(a, text);
	if (!weir_index_find(&at->p->vips, a, sizeof(*a), &nth))
		return weir_at_fail(at, "%s is not one of agent.vips", text);
	for (; first < a; first++)
		if (weir_addr_eq(first, a))
			return weir_at_fail(at, "%s is listed twice", text);
	return true;
}

static bool take_lb_vips(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_list(at, 1, WEIR_MAX_SERVICES - 1, sizeof(*l->vips), take_lb_vip, &l->vips,
			      &l->n_vips);
}

static bool take_forwarding(const struct weir_at *at, void *lb)
{
	unsigned i;

	if (!weir_take_word(at, forwarding, &i))
		return false;
	((struct weir_lb *)lb)->forwarding = (uint8_t)i;
	return true;
}

static bool take_steering(const struct weir_at *at, void *unused)
{
	static const char *const words[] = { "off", "", NULL };
	static const char *const later[] = { "geo",
					     "random",
					     "dynamic_latency",
					     "proximity",
					     "least_outstanding_requests",
					     "least_connections" };
	const char *s = json_string_value(at->v);
	unsigned i;

	(void)unused;
	for (i = 0; s && i < WEIR_COUNT(later); i++)
		if (strcmp(s, later[i]) == 0)
			return weir_at_fail(at,
					    "this version steers with off (failover in the "
					    "order of default_pools) only, not %s",
					    s);
	return weir_take_word(at, words, &i);
}

static bool check_identity(const struct weir_at *at, struct weir_lb *l)
{
	const struct weir_parse *p = at->p;
	uint32_t nth = at->index;

	if (!l->id)
		l->id = l->name;
	if (!weir_index_add(&at->p->lb_names, l->name, strlen(l->name), &nth))
		return weir_at_fail_key(at, "name", "%s is load_balancers[%u] already",
					weir_quote(at->p, l->name), nth);
	if (!weir_index_add(&at->p->lbs, l->id, strlen(l->id), &nth))
		return weir_at_fail_key(at, "id", "%s is load_balancers[%u] already",
					weir_quote(at->p, l->id), nth);
	if (p->model->n_zones && !weir_zone_of(p, l->name))
		return weir_at_fail_key(at, "name", "%s is in none of the zones",
					weir_quote(at->p, l->name));
	return true;
}

/* Packets to this pool's origins must be able to get there, and not come back. */
static bool check_reach(const struct weir_at *at, const struct weir_lb *l,
			const struct weir_pool *pool)
{
	const struct weir_pool_facts *f = &at->p->facts[pool->index];
	char text[WEIR_ADDR_TEXT];

	if (f->vip)
		return weir_at_fail(at,
				    "origin \"%s\" of pool \"%s\" is %s, a VIP of this balancer: "
				    "its packets would come back",
				    f->vip->name, pool->id, f->vip->address);
	if (f->outer && l->forwarding != WEIR_MODE_L2)
		return weir_at_fail(at,
				    "origin \"%s\" of pool \"%s\" is %s, in agent.outer_source: "
				    "packets would reach it from its own address",
				    f->outer->name, pool->id, f->outer->address);
	for (uint32_t i = 0; l->forwarding == WEIR_MODE_L2 && i < l->n_vips; i++) {
		const struct weir_origin *o = weir_addr_is_v4(&l->vips[i]) ? f->v6 : f->v4;

		if (o)
			return weir_at_fail_key(
				at, "forwarding",
				"l2 cannot change the address family: origin \"%s\" "
				"of pool \"%s\" is %s, the VIP is %s",
				o->name, pool->id, o->address, weir_addr_text(&l->vips[i], text));
	}
	return true;
}

static bool check_proxied(const struct weir_at *at, struct weir_lb *l)
{
	const struct weir_agent_conf *a = &at->p->model->agent;

	if (!l->n_listeners)
		return weir_at_fail(at, "a proxied load balancer needs listeners, as in "
					"listeners: [tcp/443]");
	if (!l->vips) {
		l->vips = a->vips;
		l->n_vips = a->n_vips;
	}
	if (!l->n_vips)
		return weir_at_fail(at, "a proxied load balancer needs a VIP, and agent.vips is "
					"empty");
	for (uint32_t i = 0; i < l->n_default_pools; i++)
		if (!check_reach(at, l, l->default_pools[i]))
			return false;
	return check_reach(at, l, l->fallback_pool) && weir_check_flows(at, l);
}

static bool check_dns_only(const struct weir_at *at, const struct weir_lb *l)
{
	static const char *const keys[] = { "listeners", "vips", "forwarding", "udp",
					    "source_rules" };

	for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
		const json_t *v = json_object_get(at->v, keys[i]);

		if (v && !json_is_null(v))
			return weir_at_fail_key(at, keys[i],
						"%s is for proxied load balancers; "
						"set proxied: true or leave it out",
						keys[i]);
	}
	return !l->affinity ||
	       weir_at_fail_key(at, "session_affinity",
				"an affinity is for proxied load balancers: DNS does not see "
				"clients; set proxied: true or leave it out");
}

static bool take_lb(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_lb, id, weir_take_id, false),
		WEIR_TAKEN(weir_lb, name, weir_take_domain, true),
		WEIR_TEXT(weir_lb, description, TEXT_BYTES, ""),
		WEIR_BOOL(weir_lb, enabled, true),
		WEIR_BOOL(weir_lb, proxied, false),
		WEIR_REQUIRED("default_pools", take_default_pools),
		WEIR_TAKEN(weir_lb, fallback_pool, take_pool_ref, true),
		WEIR_CUSTOM("listeners", take_listeners),
		WEIR_CUSTOM("vips", take_lb_vips),
		WEIR_CUSTOM("forwarding", take_forwarding),
		WEIR_INT(weir_lb, ttl, 1, 604800, 30),
		WEIR_CUSTOM("steering_policy", take_steering),
		WEIR_CUSTOM("udp", weir_take_udp),
		WEIR_CUSTOM("source_rules", weir_take_source_rules),
		WEIR_CUSTOM("session_affinity", weir_take_affinity),
		WEIR_CUSTOM("session_affinity_attributes", weir_take_affinity_attributes),
		WEIR_INT(weir_lb, session_affinity_ttl, 1800, 604800, 82800),
		WEIR_LATER("region_pools"),
		WEIR_LATER("country_pools"),
		WEIR_LATER("pop_pools"),
		WEIR_LATER("random_steering"),
		WEIR_LATER("location_strategy"),
		WEIR_LATER("adaptive_routing"),
		WEIR_LATER("rules"),
		WEIR_LATER("pool_sets"),
		WEIR_LATER("networks"),
	};
	struct weir_lb *l = item;

	l->index = at->index;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), l) && check_identity(at, l) &&
	       (l->proxied ? check_proxied(at, l) : check_dns_only(at, l));
}

/* A VIP, protocol and port as bytes without holes. */
struct claim {
	union weir_addr vip;
	uint16_t port;
	uint8_t proto, pad[5];
};

static bool claim_all(const struct weir_at *lbs, const struct weir_lb *l, struct weir_index *taken,
		      struct claim **next)
{
	const struct weir_model *m = lbs->p->model;
	struct weir_at at = weir_at_item(lbs, l->index), listeners = weir_at_key(&at, "listeners");
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; i < l->n_listeners * l->n_vips; i++) {
		const struct weir_listener *s = &l->listeners[i / l->n_vips];
		struct weir_at item = weir_at_item(&listeners, i / l->n_vips);
		struct claim *c = (*next)++;
		uint32_t who = l->index;

		*c = (struct claim){ .vip = l->vips[i % l->n_vips],
				     .port = s->port,
				     .proto = s->proto };
		if (!weir_index_add(taken, c, sizeof(*c), &who))
			return weir_at_fail(&item,
					    "%s on %s belongs to load_balancers[%u], %s, already",
					    json_string_value(item.v),
					    weir_addr_text(&c->vip, text), who, m->lbs[who].name);
	}
	return true;
}

/* Each VIP, protocol and port is one balancer's, and there is room for all of them. */
static bool check_services(const struct weir_at *lbs, const struct weir_model *m)
{
	uint64_t n = 0, room = WEIR_MAX_SERVICES - 1 - m->agent.n_vips;
	struct weir_index taken;
	struct claim *claims;

	for (uint32_t i = 0; i < m->n_lbs; i++)
		n += (uint64_t)m->lbs[i].n_vips * m->lbs[i].n_listeners;
	if (n > room)
		return weir_at_fail(lbs,
				    "%llu services (VIP and listener), more than the %llu "
				    "there is room for",
				    (unsigned long long)n, (unsigned long long)room);
	weir_index_init(&taken, (uint32_t)n, lbs->p->arena);
	claims = weir_arena_new_array(lbs->p->arena, n, struct claim);
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (!claim_all(lbs, &m->lbs[i], &taken, &claims))
			return false;
	return true;
}

bool weir_take_lbs(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	if (n > MAX_LBS)
		n = 0; /* the list is refused */
	weir_index_init(&at->p->lbs, (uint32_t)n, at->p->arena);
	weir_index_init(&at->p->lb_names, (uint32_t)n, at->p->arena);
	return weir_take_list(at, 0, MAX_LBS, sizeof(*m->lbs), take_lb, &m->lbs, &m->n_lbs) &&
	       check_services(at, m);
}
