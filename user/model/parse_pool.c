/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_pool.c - pools and their origins. */
#include "model/parse.h"

#include <string.h>

#define MAX_POOLS  65536
#define TEXT_BYTES 1024

/* An address that is wrong is not to pass for a name: no top-level domain is a number. */
static bool ends_as_a_number(const char *s)
{
	size_t n = strlen(s);

	while (n && s[n - 1] == '.')
		n--;
	while (n && s[n - 1] >= '0' && s[n - 1] <= '9')
		n--;
	return !n || (s[n - 1] == '.' && s[n] && s[n] != '.');
}

static bool take_host_name(const struct weir_at *at, struct weir_origin *o)
{
	struct weir_model *m = at->p->model;
	uint32_t nth = m->n_hosts;

	if (!weir_take_domain(at, &o->host_name))
		return false;
	o->address = o->host_name;
	at->p->n_origins += WEIR_HOST_ADDRESSES - 1;
	if (weir_index_find(&at->p->hosts, o->host_name, strlen(o->host_name), &nth))
		return true;
	if (m->n_hosts == WEIR_MAX_HOSTS)
		return weir_at_fail(at, "more than %u host names in all pools together",
				    WEIR_MAX_HOSTS);
	if (!m->hosts)
		m->hosts = weir_arena_new_array(at->p->arena, WEIR_MAX_HOSTS, const char *);
	m->hosts[m->n_hosts++] = o->host_name;
	return weir_index_add(&at->p->hosts, o->host_name, strlen(o->host_name), &nth);
}

static bool take_address(const struct weir_at *at, void *origin)
{
	struct weir_origin *o = origin;
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (weir_addr_parse(s, &o->addr)) {
		o->address = weir_arena_strdup(at->p->arena, s);
		return weir_take_addr(at, &o->addr);
	}
	if (!*s || strchr(s, ':') || ends_as_a_number(s))
		return weir_at_fail(at, "%s is not an IPv4 or IPv6 address, nor a host name",
				    weir_quote(at->p, s));
	return take_host_name(at, o);
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
		WEIR_INT(weir_origin, max_conn, 0, WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS, 0),
		WEIR_CUSTOM("header", take_origin_header),
		WEIR_CUSTOM("server_id", weir_take_server_id),
		WEIR_TAKEN(weir_origin, override, weir_take_override, false),
		WEIR_TAKEN(weir_origin, probe_address, weir_take_addr, false),
		WEIR_INT(weir_origin, probe_port, 0, 65535, 0),
		WEIR_TAKEN(weir_origin, virtual_network_id, weir_take_network_id, false),
		WEIR_IGNORED("disabled_at"),
		WEIR_BOOL(weir_origin, flatten_cname, true),
	};
	struct weir_origin *o = item;

	at->p->n_origins++;
	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), o))
		return false;
	o->weight *= WEIR_WEIGHT_MAX / 100;
	if (at->p->n_origins >= WEIR_MAX_ENDPOINTS)
		return weir_at_fail(at,
				    "more than %u origins in all pools together (a host name "
				    "counts as %u)",
				    WEIR_MAX_ENDPOINTS - 1, WEIR_HOST_ADDRESSES);
	return !o->host_name || !o->server_id_bytes ||
	       weir_at_fail_key(at, "server_id",
				"names one server, and a host name may stand for several");
}

/* Within a pool a name and an (address, port) are there once. A host name is told by its place in
 * the model's, beside an address of zeros. */
static bool check_twins(const struct weir_at *at, const struct weir_pool *pool)
{
	struct where {
		union weir_addr addr;
		uint32_t host;
		uint16_t port;
		uint8_t pad[2];
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
		if (o->host_name)
			weir_index_find(&at->p->hosts, o->host_name, strlen(o->host_name),
					&places[i].host);
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

static bool take_policy(const struct weir_at *at, void *pool)
{
	/* Requests cannot be seen: open connections are what comes nearest. */
	static const char *const words[] = { "random", "hash", "least_connections",
					     "least_outstanding_requests", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_pool *)pool)->steering = i < 3 ? i : WEIR_STEER_LEAST_CONNECTIONS;
	return true;
}

static bool take_steering(const struct weir_at *at, void *pool)
{
	static const struct weir_field fields[] = { WEIR_CUSTOM("policy", take_policy) };

	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool);
}

static bool take_damping(const struct weir_at *at, void *pool)
{
	static const struct weir_field fields[] = {
		{ .key = "failures",
		  .kind = WEIR_KIND_INT,
		  .size = sizeof(uint32_t),
		  .hi = 100,
		  .def = 3,
		  .offset = offsetof(struct weir_pool, damping_failures) },
		WEIR_DECIMAL(weir_pool, "half_life", damping_half_life_ms, 1000, 1000, 86400000,
			     60000),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool);
}

static void note_facts(const struct weir_parse *p, struct weir_pool *pool)
{
	struct weir_pool_facts *f = &p->facts[pool->index];
	uint32_t nth;

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];

		pool->limited |= o->max_conn > 0;
		if (o->host_name) {
			pool->has_hosts = true;
			f->host = o;
			continue;
		}
		*(weir_addr_is_v4(&o->addr) ? &f->v4 : &f->v6) = o;
		if (weir_index_find(&p->vips, &o->addr, sizeof(o->addr), &nth))
			f->vip = o;
		if (weir_agent_is_outer(&p->model->agent, &o->addr))
			f->outer = o;
		if (weir_agent_is_nat_source(&p->model->agent, &o->addr))
			f->source = o;
	}
}

static bool check_identity(const struct weir_at *at, struct weir_pool *pool)
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
	return true;
}

static bool check_pool(const struct weir_at *at, struct weir_pool *pool)
{
	note_facts(at->p, pool);
	if (!pool->has_hosts && pool->minimum_origins > pool->n_origins)
		return weir_at_fail_key(at, "minimum_origins",
					"%u can never be met: the pool has %u origins",
					pool->minimum_origins, pool->n_origins);
	return weir_check_health_sources(at, pool) && weir_check_pool_monitors(at, pool) &&
	       weir_check_tls(at, &pool->tls);
}

static bool take_pool_fields(const struct weir_at *at, struct weir_pool *pool)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_pool, id, weir_take_id, false),
		WEIR_TAKEN(weir_pool, name, take_pool_name, true),
		WEIR_TEXT(weir_pool, description, TEXT_BYTES, ""),
		WEIR_BOOL(weir_pool, enabled, true),
		WEIR_INT(weir_pool, minimum_origins, 1, WEIR_MAX_ENDPOINTS, 1),
		WEIR_INT(weir_pool, max_ejection_percent, 0, 100, 50),
		WEIR_TAKEN(weir_pool, monitor, weir_take_monitor_ref, false),
		{ .key = "monitor_group",
		  .kind = WEIR_KIND_CUSTOM,
		  .take = weir_take_group_ref,
		  .offset = offsetof(struct weir_pool, group) },
		WEIR_INT(weir_pool, quorum, 0, 100, 0),
		WEIR_INT(weir_pool, panic_threshold, 0, 100, 0),
		WEIR_DECIMAL(weir_pool, "slow_start", slow_start_ms, 1000, 0, 86400000, 0),
		WEIR_CUSTOM("flap_damping", take_damping),
		WEIR_TAKEN(weir_pool, override, weir_take_override, false),
		WEIR_REQUIRED("origins", take_origins),
		WEIR_CUSTOM("origin_steering", take_steering),
		WEIR_TLS_FIELDS,
		WEIR_CUSTOM("check_regions", weir_take_check_regions),
		WEIR_CUSTOM("health_sources", weir_take_health_sources),
		WEIR_NAMED(weir_pool, "latitude", at, weir_take_latitude, false),
		WEIR_NAMED(weir_pool, "longitude", at, weir_take_longitude, false),
		WEIR_CUSTOM("load_shedding", weir_take_load_shedding),
		WEIR_CUSTOM("notification_filter", weir_take_notification_filter),
		WEIR_TAKEN(weir_pool, notification_email, weir_take_notification_email, false),
		WEIR_IGNORED("networks"),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_IGNORED("disabled_at"),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool) &&
	       weir_check_point(at, &pool->at);
}

static bool take_pool(const struct weir_at *at, void *item)
{
	struct weir_pool *pool = item;

	pool->index = at->index;
	return take_pool_fields(at, pool) && check_identity(at, pool) && check_pool(at, pool);
}

bool weir_take_pool_of(const struct weir_at *at, struct weir_pool *pool)
{
	return take_pool_fields(at, pool) && check_pool(at, pool);
}

bool weir_take_pools(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	if (n > MAX_POOLS)
		n = 0; /* the list is refused */
	weir_index_init(&at->p->pools, (uint32_t)n + at->p->n_proxied, at->p->arena);
	weir_index_init(&at->p->pool_names, (uint32_t)n, at->p->arena);
	at->p->facts =
		weir_arena_new_array(at->p->arena, n + at->p->n_proxied, struct weir_pool_facts);
	return weir_take_list_and(at, 0, MAX_POOLS, at->p->n_proxied, sizeof(*m->pools), take_pool,
				  &m->pools, &m->n_pools);
}
