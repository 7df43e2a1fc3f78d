/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_pool.c - pools and their origins. */
#include "model/parse.h"

#include <string.h>

#define MAX_POOLS  65536
#define TEXT_BYTES 1024

static bool take_address(const struct weir_at *at, void *origin)
{
	struct weir_origin *o = origin;
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (!weir_addr_parse(s, &o->addr))
		return weir_at_fail(at,
				    "%s is not an IPv4 or IPv6 address; this version needs "
				    "addresses, not host names",
				    weir_quote(at->p, s));
	o->address = weir_arena_strdup(at->p->arena, s);
	return weir_take_addr(at, &o->addr);
}

static bool take_host_value(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 260, &s))
		return false;
	if (!*s)
		return weir_at_fail(at, "must not be empty");
	for (const char *c = s; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/\\@?#", *c))
			return weir_at_fail(at, "%s is not a host name", weir_quote(at->p, s));
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_host(const struct weir_at *at, void *origin)
{
	const char **one;
	uint32_t n;

	if (!weir_take_list(at, 1, 1, sizeof(*one), take_host_value, &one, &n))
		return false;
	((struct weir_origin *)origin)->host = *one;
	return true;
}

static bool take_origin_header(const struct weir_at *at, void *origin)
{
	static const struct weir_field fields[] = { WEIR_CUSTOM("Host", take_host) };

	return weir_take_fields(at, fields, WEIR_COUNT(fields), origin);
}

static bool take_origin(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_origin, name, weir_take_id, true),
		WEIR_REQUIRED("address", take_address),
		WEIR_BOOL(weir_origin, enabled, true),
		WEIR_DECIMAL(weir_origin, "weight", weight, 100, 0, 100, 100),
		WEIR_INT(weir_origin, port, 0, 65535, 0),
		WEIR_CUSTOM("header", take_origin_header),
		WEIR_LATER("virtual_network_id"),
		WEIR_IGNORED("flatten_cname"),
	};
	struct weir_origin *o = item;

	o->index = at->p->n_origins++;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), o);
}

/* Within a pool a name and an (address, port) are there once. */
static bool check_twins(const struct weir_at *at, const struct weir_pool *pool)
{
	struct where {
		union weir_addr addr;
		uint16_t port;
		uint8_t pad[6];
	} *places = weir_arena_new_array(at->p->arena, pool->n_origins, struct where);
	struct weir_index names, addrs;

	weir_index_init(&names, pool->n_origins, at->p->arena);
	weir_index_init(&addrs, pool->n_origins, at->p->arena);
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		struct weir_at item = weir_at_item(at, i);
		uint32_t nth = i;

		if (!weir_index_add(&names, o->name, strlen(o->name), &nth))
			return weir_at_fail_key(&item, "name", "%s is origins[%u] already",
						weir_quote(at->p, o->name), nth);
		places[i] = (struct where){ .addr = o->addr, .port = o->port };
		if (!weir_index_add(&addrs, &places[i], sizeof(places[i]), &nth))
			return weir_at_fail_key(&item, "address",
						"%s with this port is origins[%u] already",
						o->address, nth);
	}
	return true;
}

static bool take_origins(const struct weir_at *at, void *pool)
{
	struct weir_pool *p = pool;
	uint32_t left = WEIR_MAX_ENDPOINTS - 1 - at->p->n_origins;

	if (json_array_size(at->v) > left)
		return weir_at_fail(at, "more than %u origins in all pools together",
				    WEIR_MAX_ENDPOINTS - 1);
	return weir_take_list(at, 1, WEIR_MAX_ENDPOINTS - 1, sizeof(*p->origins), take_origin,
			      &p->origins, &p->n_origins) &&
	       check_twins(at, p);
}

static bool take_pool_name(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_id(at, out))
		return false;
	s = *(const char **)out;
	return !strchr(s, '.') ||
	       weir_at_fail(at, "%s must be of letters, digits, - and _", weir_quote(at->p, s));
}

static const char *monitor_id(const void *monitors, size_t i)
{
	return ((const struct weir_monitor *)monitors)[i].id;
}

static bool take_monitor_ref(const struct weir_at *at, void *pool)
{
	struct weir_model *m = at->p->model;
	const char *id;
	uint32_t i;

	if (!weir_take_string(at, 4096, &id))
		return false;
	if (!*id)
		return true;
	if (!weir_index_find(&at->p->monitors, id, strlen(id), &i))
		return weir_at_no_such(at, "monitor", id, m->n_monitors, monitor_id, m->monitors);
	((struct weir_pool *)pool)->monitor = &m->monitors[i];
	return true;
}

static bool take_policy(const struct weir_at *at, void *pool)
{
	static const char *const words[] = { "random", "hash", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_pool *)pool)->steering = i;
	return true;
}

static bool take_steering(const struct weir_at *at, void *pool)
{
	static const struct weir_field fields[] = { WEIR_CUSTOM("policy", take_policy) };

	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool);
}

/* A tcp probe needs a port from somewhere. */
static bool check_ports(const struct weir_at *at, const struct weir_pool *pool)
{
	struct weir_at origins = weir_at_key(at, "origins");

	if (!pool->monitor || pool->monitor->type != WEIR_MONITOR_TCP || pool->monitor->port)
		return true;
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		struct weir_at item = weir_at_item(&origins, i);

		if (!pool->origins[i].port)
			return weir_at_fail(&item,
					    "has no port, and neither has its tcp monitor "
					    "%s; give one of them a port",
					    weir_quote(at->p, pool->monitor->id));
	}
	return true;
}

static void note_facts(const struct weir_parse *p, const struct weir_pool *pool)
{
	struct weir_pool_facts *f = &p->facts[pool->index];
	uint32_t nth;

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];

		*(weir_addr_is_v4(&o->addr) ? &f->v4 : &f->v6) = o;
		if (weir_index_find(&p->vips, &o->addr, sizeof(o->addr), &nth))
			f->vip = o;
		if (weir_agent_is_outer(&p->model->agent, &o->addr))
			f->outer = o;
	}
}

static bool check_pool(const struct weir_at *at, struct weir_pool *pool)
{
	uint32_t nth = at->index;

	if (!pool->id)
		pool->id = pool->name;
	if (!weir_index_add(&at->p->pools, pool->id, strlen(pool->id), &nth))
		return weir_at_fail_key(at, json_object_get(at->v, "id") ? "id" : "name",
					"%s is pools[%u] already", weir_quote(at->p, pool->id),
					nth);
	if (!weir_index_add(&at->p->pool_names, pool->name, strlen(pool->name), &nth))
		return weir_at_fail_key(at, "name", "%s is pools[%u] already",
					weir_quote(at->p, pool->name), nth);
	if (pool->minimum_origins > pool->n_origins)
		return weir_at_fail_key(at, "minimum_origins",
					"%u can never be met: the pool has %u origins",
					pool->minimum_origins, pool->n_origins);
	note_facts(at->p, pool);
	return check_ports(at, pool);
}

static bool take_pool(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_pool, id, weir_take_id, false),
		WEIR_TAKEN(weir_pool, name, take_pool_name, true),
		WEIR_TEXT(weir_pool, description, TEXT_BYTES, ""),
		WEIR_BOOL(weir_pool, enabled, true),
		WEIR_INT(weir_pool, minimum_origins, 1, WEIR_MAX_ENDPOINTS, 1),
		WEIR_CUSTOM("monitor", take_monitor_ref),
		WEIR_REQUIRED("origins", take_origins),
		WEIR_CUSTOM("origin_steering", take_steering),
		WEIR_LATER("monitor_group"),
		WEIR_LATER("check_regions"),
		WEIR_LATER("health_sources"),
		WEIR_LATER("latitude"),
		WEIR_LATER("longitude"),
		WEIR_LATER("load_shedding"),
		WEIR_LATER("notification_filter"),
		WEIR_LATER("notification_email"),
	};
	struct weir_pool *pool = item;

	pool->index = at->index;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool) && check_pool(at, pool);
}

bool weir_take_pools(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	if (n > MAX_POOLS)
		n = 0; /* the list is refused */
	weir_index_init(&at->p->pools, (uint32_t)n, at->p->arena);
	weir_index_init(&at->p->pool_names, (uint32_t)n, at->p->arena);
	at->p->facts = weir_arena_new_array(at->p->arena, n, struct weir_pool_facts);
	return weir_take_list(at, 0, MAX_POOLS, sizeof(*m->pools), take_pool, &m->pools,
			      &m->n_pools);
}
