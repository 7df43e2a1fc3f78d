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
static const char *const forwarding[WEIR_MODE_COUNT + 1] = { "ipip", "l2",      "gue",
							     "nat",  "fullnat", NULL };

const char *weir_forwarding_text(uint8_t mode)
{
	return forwarding[mode];
}

static const char *pool_id(const void *pools, size_t i)
{
	return ((const struct weir_pool *)pools)[i].id;
}

bool weir_find_pool(const struct weir_at *at, const char *id, const struct weir_pool **out)
{
	const struct weir_model *m = at->p->model;
	uint32_t i;

	if (!weir_index_find(&at->p->pools, id, strlen(id), &i))
		return weir_at_no_such(at, "pool", id, m->n_pools, pool_id, m->pools);
	*out = &m->pools[i];
	return true;
}

bool weir_take_pool_ref(const struct weir_at *at, void *out)
{
	const char *id;

	return weir_take_string(at, 4096, &id) && weir_find_pool(at, id, out);
}

static bool take_listed_pool(const struct weir_at *at, void *out)
{
	const struct weir_pool **pool = out, **first = pool - at->index;

	if (!weir_take_pool_ref(at, out))
		return false;
	for (; first < pool; first++)
		if (*first == *pool)
			return weir_at_fail(at, "pool \"%s\" is listed twice", (*pool)->id);
	return true;
}

bool weir_take_pool_list(const struct weir_at *at, const struct weir_pool ***out, uint32_t *n)
{
	return weir_take_list(at, 1, MAX_POOLS, sizeof(**out), take_listed_pool, out, n);
}

bool weir_take_default_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_pool_list(at, &l->default_pools, &l->n_default_pools);
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

bool weir_take_listeners(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_list(at, 0, MAX_LISTENERS, sizeof(*l->listeners), take_listener,
			      &l->listeners, &l->n_listeners);
}

/* Without any it would have those of the agent, as if it said nothing. */
static bool take_own_listeners(const struct weir_at *at, void *lb)
{
	return weir_take_listeners(at, lb) &&
	       (((struct weir_lb *)lb)->n_listeners || weir_at_fail(at, "must not be empty"));
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

bool weir_take_forwarding(const struct weir_at *at, void *lb)
{
	unsigned i;

	if (!weir_take_word(at, forwarding, &i))
		return false;
	((struct weir_lb *)lb)->forwarding = (uint8_t)i;
	return true;
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

static bool has_both_families(const struct weir_lb *l)
{
	uint32_t v4 = 0;

	for (uint32_t i = 0; i < l->n_vips; i++)
		v4 += weir_addr_is_v4(&l->vips[i]);
	return v4 && v4 < l->n_vips;
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
	if (f->outer && weir_mode_is_tunnel(l->forwarding))
		return weir_at_fail(at,
				    "origin \"%s\" of pool \"%s\" is %s, in agent.outer_source: "
				    "packets would reach it from its own address",
				    f->outer->name, pool->id, f->outer->address);
	if (f->source && l->forwarding == WEIR_MODE_FULLNAT)
		return weir_at_fail(
			at,
			"origin \"%s\" of pool \"%s\" is %s, one of "
			"agent.nat.sources: packets would reach it from its own address",
			f->source->name, pool->id, f->source->address);
	if (f->host && l->forwarding == WEIR_MODE_NAT)
		return weir_at_fail_key(
			at, "forwarding",
			"nat tells replies by where they come from, and origin "
			"\"%s\" of pool \"%s\" has a host name, which may stand for "
			"other addresses any time; use fullnat",
			f->host->name, pool->id);
	if (f->host && !weir_mode_is_tunnel(l->forwarding) && has_both_families(l))
		return weir_at_fail_key(
			at, "forwarding",
			"%s cannot change the address family, the VIPs are of both, "
			"and origin \"%s\" of pool \"%s\" has a host name; give "
			"the balancer vips of one family",
			weir_forwarding_text(l->forwarding), f->host->name, pool->id);
	for (uint32_t i = 0; !weir_mode_is_tunnel(l->forwarding) && i < l->n_vips; i++) {
		const struct weir_origin *o = weir_addr_is_v4(&l->vips[i]) ? f->v6 : f->v4;

		if (o)
			return weir_at_fail_key(
				at, "forwarding",
				"%s cannot change the address family: origin \"%s\" "
				"of pool \"%s\" is %s, the VIP is %s",
				weir_forwarding_text(l->forwarding), o->name, pool->id, o->address,
				weir_addr_text(&l->vips[i], text));
	}
	return true;
}

/* Also of the pools that rules name: at says where the balancer is, as it is to be changed there.
 */
static bool check_reach_all(const struct weir_at *at, const struct weir_lb *l)
{
	for (uint32_t i = 0; i < l->n_pools; i++)
		if (!check_reach(at, l, l->pools[i]))
			return false;
	return true;
}

static bool check_proxied(const struct weir_at *at, struct weir_lb *l)
{
	const struct weir_agent_conf *a = &at->p->model->agent;

	if (!l->n_listeners) {
		l->listeners = a->proxied_listeners;
		l->n_listeners = a->n_proxied_listeners;
	}
	if (!l->vips) {
		l->vips = a->vips;
		l->n_vips = a->n_vips;
	}
	if (!l->n_vips)
		return weir_at_fail(at, "a proxied load balancer needs a VIP, and agent.vips is "
					"empty");
	return check_reach_all(at, l) && weir_check_fullnat(at, l) && weir_check_flows(at, l);
}

static bool check_no_affinity(const struct weir_at *at, const struct weir_lb *l)
{
	return l->affinity_kind == WEIR_AFFINITY_NONE ||
	       weir_at_fail_key(at, "session_affinity",
				"an affinity is for proxied load balancers: DNS does not see "
				"clients; set proxied: true or leave it out");
}

static bool check_dns_only(const struct weir_at *at, const struct weir_lb *l)
{
	static const char *const keys[] = { "listeners", "vips",         "forwarding",    "udp",
					    "quic",      "source_rules", "passive_health" };

	for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
		const json_t *v = json_object_get(at->v, keys[i]);

		if (v && !json_is_null(v))
			return weir_at_fail_key(at, keys[i],
						"%s is for proxied load balancers; "
						"set proxied: true or leave it out",
						keys[i]);
	}
	return check_no_affinity(at, l);
}

static bool take_lb_fields(const struct weir_at *at, struct weir_lb *l)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_lb, id, weir_take_id, false),
		WEIR_TAKEN(weir_lb, name, weir_take_owner, true),
		WEIR_TEXT(weir_lb, description, TEXT_BYTES, ""),
		WEIR_BOOL(weir_lb, enabled, true),
		WEIR_BOOL(weir_lb, proxied, false),
		WEIR_REQUIRED("default_pools", weir_take_default_pools),
		WEIR_TAKEN(weir_lb, fallback_pool, weir_take_pool_ref, true),
		WEIR_CUSTOM("listeners", take_own_listeners),
		WEIR_CUSTOM("vips", take_lb_vips),
		WEIR_CUSTOM("forwarding", weir_take_forwarding),
		WEIR_INT(weir_lb, ttl, 1, 604800, 30),
		WEIR_CUSTOM("steering_policy", weir_take_policy),
		WEIR_BOOL(weir_lb, passive_health, true),
		WEIR_CUSTOM("udp", weir_take_udp),
		WEIR_CUSTOM("quic", weir_take_quic),
		WEIR_CUSTOM("source_rules", weir_take_source_rules),
		WEIR_CUSTOM("session_affinity", weir_take_affinity),
		WEIR_CUSTOM("session_affinity_attributes", weir_take_affinity_attributes),
		WEIR_INT(weir_lb, session_affinity_ttl, 1, 604800, 0),
		WEIR_CUSTOM("adaptive_routing", weir_take_adaptive_routing),
		WEIR_CUSTOM("region_pools", weir_take_region_pools),
		WEIR_CUSTOM("country_pools", weir_take_country_pools),
		WEIR_CUSTOM("pop_pools", weir_take_pop_pools),
		WEIR_CUSTOM("random_steering", weir_take_random_steering),
		WEIR_CUSTOM("location_strategy", weir_take_location_strategy),
		WEIR_CUSTOM("when_down", weir_take_when_down),
		WEIR_IGNORED("pool_sets"), /* they are taken when all else is settled */
		WEIR_IGNORED("networks"),
		WEIR_IGNORED("zone_name"),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_CUSTOM("rules", weir_take_rules), /* of all the others */
	};

	l->policy = WEIR_POLICY_UNSET;
	l->default_weight = 100;
	if (json_is_true(json_object_get(at->v, "proxied")))
		l->forwarding = at->p->model->agent.proxied_forwarding;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), l) && weir_check_affinity(at, l) &&
	       weir_check_steering(at, l) && weir_take_pool_sets(at, l);
}

/* What a rule or pool set makes of the balancer must be as good as it is. */
static bool check_variant(const struct weir_at *list, uint32_t index, const struct weir_lb *l,
			  const struct weir_lb *variant)
{
	struct weir_at item = weir_at_item(list, index);
	struct weir_at overrides = weir_at_key(&item, "overrides");
	struct weir_lb *of = (struct weir_lb *)variant;

	of->vips = l->vips;
	of->n_vips = l->n_vips;
	of->listeners = l->listeners;
	of->n_listeners = l->n_listeners;
	if (l->proxied)
		return check_reach_all(&overrides, of) && weir_check_flows(&overrides, of);
	return check_no_affinity(&overrides, of);
}

static bool check_variants(const struct weir_at *at, const struct weir_lb *l)
{
	struct weir_at rules = weir_at_key(at, "rules"), sets = weir_at_key(at, "pool_sets");

	for (uint32_t i = 0; i < l->n_rules; i++)
		if (!check_variant(&rules, l->rules[i].index, l, l->rules[i].lb))
			return false;
	for (uint32_t i = 0; i < l->n_pool_sets; i++)
		if (!check_variant(&sets, i, l, l->pool_sets[i].lb))
			return false;
	return true;
}

static bool take_lb(const struct weir_at *at, void *item)
{
	struct weir_lb *l = item;

	l->index = at->index;
	if (!(take_lb_fields(at, l) && check_identity(at, l) &&
	      (l->proxied ? check_proxied(at, l) : check_dns_only(at, l)) && check_variants(at, l)))
		return false;
	weir_add_ruled_pools(at, l);
	return true;
}

bool weir_take_lb_of(const struct weir_at *at, struct weir_lb *l)
{
	return take_lb_fields(at, l) && (!l->proxied || check_proxied(at, l));
}

bool weir_take_lbs(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	if (n > MAX_LBS)
		n = 0; /* the list is refused */
	weir_index_init(&at->p->lbs, (uint32_t)n, at->p->arena);
	weir_index_init(&at->p->lb_names, (uint32_t)n, at->p->arena);
	return weir_take_list_and(at, 0, MAX_LBS, at->p->n_proxied, sizeof(*m->lbs), take_lb,
				  &m->lbs, &m->n_lbs);
}
