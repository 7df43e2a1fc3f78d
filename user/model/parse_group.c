/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_group.c - monitor groups: several monitors that decide about an endpoint together. */
#include "model/parse.h"

#include <string.h>

#define MAX_GROUPS  65536
#define MAX_MEMBERS 64
#define TEXT_BYTES  1024

static const char *monitor_id(const void *monitors, size_t i)
{
	return ((const struct weir_monitor *)monitors)[i].id;
}

static const char *group_id(const void *groups, size_t i)
{
	return ((const struct weir_monitor_group *)groups)[i].id;
}

/* Objects of a kind, as references to them have to know them. */
struct kind {
	const char *name;
	const struct weir_index *index;
	const void *all;
	uint32_t n;
	size_t bytes; /* of each */
	const char *(*id)(const void *all, size_t i);
};

/* *out points to the object with this id; an empty one leaves it alone. */
static bool take_ref(const struct weir_at *at, const struct kind *k, void *out)
{
	const char *id;
	uint32_t i;

	if (!weir_take_string(at, 4096, &id))
		return false;
	if (!*id)
		return true;
	if (!weir_index_find(k->index, id, strlen(id), &i))
		return weir_at_no_such(at, k->name, id, k->n, k->id, k->all);
	*(const void **)out = (const char *)k->all + i * k->bytes;
	return true;
}

bool weir_take_monitor_ref(const struct weir_at *at, void *out)
{
	const struct weir_model *m = at->p->model;
	const struct kind k = {
		.name = "monitor",
		.index = &at->p->monitors,
		.all = m->monitors,
		.n = m->n_monitors,
		.bytes = sizeof(*m->monitors),
		.id = monitor_id,
	};

	return take_ref(at, &k, out);
}

bool weir_take_group_ref(const struct weir_at *at, void *out)
{
	const struct weir_model *m = at->p->model;
	const struct kind k = {
		.name = "monitor group",
		.index = &at->p->groups,
		.all = m->groups,
		.n = m->n_groups,
		.bytes = sizeof(*m->groups),
		.id = group_id,
	};

	return take_ref(at, &k, out);
}

static bool take_member(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		{ .key = "monitor_id",
		  .kind = WEIR_KIND_CUSTOM,
		  .take = weir_take_monitor_ref,
		  .offset = offsetof(struct weir_member, monitor),
		  .required = true },
		WEIR_BOOL(weir_member, enabled, true),
		WEIR_BOOL(weir_member, monitoring_only, false),
		WEIR_BOOL(weir_member, must_be_healthy, false),
		WEIR_IGNORED("created_at"),
		WEIR_IGNORED("updated_at"),
	};
	struct weir_member *m = item, *first = m - at->index;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), m))
		return false;
	if (!m->monitor)
		return weir_at_fail_key(at, "monitor_id", "must not be empty");
	for (; first < m; first++)
		if (first->monitor == m->monitor)
			return weir_at_fail_key(at, "monitor_id", "%s is a member already",
						weir_quote(at->p, m->monitor->id));
	return true;
}

static bool take_members(const struct weir_at *at, void *group)
{
	struct weir_monitor_group *g = group;

	if (!weir_take_list(at, 1, MAX_MEMBERS, sizeof(*g->members), take_member, &g->members,
			    &g->n_members))
		return false;
	for (uint32_t i = 0; i < g->n_members; i++)
		g->n_voters += weir_member_votes(&g->members[i]);
	return true;
}

static bool take_group(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_monitor_group, id, weir_take_id, true),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_TEXT(weir_monitor_group, description, TEXT_BYTES, ""),
		WEIR_REQUIRED("members", take_members),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
	};
	struct weir_monitor_group *g = item;
	uint32_t nth = at->index;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), g))
		return false;
	return weir_index_add(&at->p->groups, g->id, strlen(g->id), &nth) ||
	       weir_at_fail_key(at, "id", "%s is monitor_groups[%u] already",
				weir_quote(at->p, g->id), nth);
}

bool weir_take_groups(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	weir_index_init(&at->p->groups, n < MAX_GROUPS ? (uint32_t)n : MAX_GROUPS, at->p->arena);
	return weir_take_list(at, 0, MAX_GROUPS, sizeof(*m->groups), take_group, &m->groups,
			      &m->n_groups);
}

/* Every probe but a ping needs a port, and only those over HTTP know one. */
static bool check_port(const struct weir_at *origin, const struct weir_origin *o,
		       const struct weir_monitor *m)
{
	return m->port || o->port || o->probe_port || weir_monitor_is_http(m) ||
	       m->type == WEIR_MONITOR_ICMP_PING ||
	       weir_at_fail(origin,
			    "has no port, and neither has its %s monitor %s; give one of them a "
			    "port",
			    weir_monitor_type_text(m->type), weir_quote(origin->p, m->id));
}

bool weir_check_pool_monitors(const struct weir_at *at, const struct weir_pool *pool)
{
	struct weir_at origins = weir_at_key(at, "origins");

	if (pool->monitor && pool->group)
		return weir_at_fail_key(at, "monitor_group",
					"a pool has a monitor or a monitor_group, not both");
	for (uint32_t i = 0; i < pool->n_origins; i++) {
		struct weir_at item = weir_at_item(&origins, i);

		for (uint32_t m = 0; m < weir_pool_n_members(pool); m++)
			if (!check_port(&item, &pool->origins[i],
					weir_pool_member(pool, m).monitor))
				return false;
	}
	return true;
}
