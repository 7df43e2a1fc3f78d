/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_zone.c - zones: the domains this balancer's DNS answers for. */
#include "model/parse.h"

#include <string.h>

#define MAX_ZONES 16384
#define MAX_NS    16
#define MAX_TIME  0x7fffffff /* RFC 2181, 8 */
#define RNAME     "hostmaster."

static bool take_ns(const struct weir_at *at, void *zone)
{
	struct weir_zone_conf *z = zone;

	return weir_take_list(at, 1, MAX_NS, sizeof(*z->ns), weir_take_domain, &z->ns, &z->n_ns);
}

static bool take_rname(const struct weir_at *at, void *out)
{
	if (json_is_string(at->v) && strchr(json_string_value(at->v), '@'))
		return weir_at_fail(at, "is written with dots: hostmaster@example.com is "
					"hostmaster.example.com");
	return weir_take_domain(at, out);
}

static bool take_zone(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_zone_conf, name, weir_take_domain, true),
		WEIR_REQUIRED("ns", take_ns),
		WEIR_TAKEN(weir_zone_conf, mname, weir_take_domain, false),
		WEIR_TAKEN(weir_zone_conf, rname, take_rname, false),
		WEIR_INT(weir_zone_conf, serial, 0, UINT32_MAX, 1),
		WEIR_INT(weir_zone_conf, refresh, 1, MAX_TIME, 3600),
		WEIR_INT(weir_zone_conf, retry, 1, MAX_TIME, 600),
		WEIR_INT(weir_zone_conf, expire, 1, MAX_TIME, 604800),
		WEIR_INT(weir_zone_conf, minimum, 0, MAX_TIME, 60),
		WEIR_INT(weir_zone_conf, ttl, 0, MAX_TIME, 3600),
	};
	struct weir_zone_conf *z = item;
	uint32_t nth = at->index;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), z))
		return false;
	if (!weir_index_add(&at->p->zones, z->name, strlen(z->name), &nth))
		return weir_at_fail_key(at, "name", "%s is zones[%u] already",
					weir_quote(at->p, z->name), nth);
	if (!z->mname)
		z->mname = z->ns[0];
	if (!z->rname && strlen(z->name) + strlen(RNAME) > 253)
		return weir_at_fail(at, "rname is missing (hostmaster.NAME would be too long)");
	if (!z->rname)
		z->rname = weir_arena_printf(at->p->arena, RNAME "%s", z->name);
	return true;
}

bool weir_take_zones(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	weir_index_init(&at->p->zones, n < MAX_ZONES ? (uint32_t)n : MAX_ZONES, at->p->arena);
	return weir_take_list(at, 0, MAX_ZONES, sizeof(*m->zones), take_zone, &m->zones,
			      &m->n_zones);
}

const struct weir_zone_conf *weir_zone_of(const struct weir_parse *p, const char *name)
{
	uint32_t i;

	for (;; name++) {
		if (weir_index_find(&p->zones, name, strlen(name), &i))
			return &p->model->zones[i];
		name = strchr(name, '.');
		if (!name)
			return NULL;
	}
}
