/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/refs.h"

#include <stdio.h>
#include <string.h>

struct list {
	struct weir_ref *refs;
	uint32_t n;
};

const char *weir_object_text(enum weir_object kind)
{
	switch (kind) {
	case WEIR_OBJECT_MONITOR:
		return "monitor";
	case WEIR_OBJECT_GROUP:
		return "monitor_group";
	case WEIR_OBJECT_POOL:
		return "pool";
	case WEIR_OBJECT_LB:
		return "load_balancer";
	}
	return "?";
}

static void add(struct list *l, bool referrer, enum weir_object kind, const char *id,
		const char *name, const char *by)
{
	l->refs[l->n++] = (struct weir_ref){ referrer, kind, id, name, by };
}

static const char *described(const char *description, const char *id)
{
	return description && *description ? description : id;
}

static void add_monitor(struct list *l, const struct weir_monitor *m, const char *by)
{
	add(l, false, WEIR_OBJECT_MONITOR, m->id, described(m->description, m->id), by);
}

static void add_group(struct list *l, bool referrer, const struct weir_monitor_group *g,
		      const char *by)
{
	add(l, referrer, WEIR_OBJECT_GROUP, g->id, described(g->description, g->id), by);
}

/* --- which field of a balancer names a pool; NULL: none --- */

static bool has_place(const struct weir_place_pools *map, uint32_t n, const struct weir_pool *pool)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < map[i].n; k++)
			if (map[i].pools[k] == pool)
				return true;
	return false;
}

static const char *names_itself(const struct weir_lb *lb, const struct weir_pool *pool)
{
	for (uint32_t i = 0; i < lb->n_default_pools; i++)
		if (lb->default_pools[i] == pool)
			return "default_pools";
	if (lb->fallback_pool == pool)
		return "fallback_pool";
	if (has_place(lb->region_pools, lb->n_region_pools, pool))
		return "region_pools";
	if (has_place(lb->country_pools, lb->n_country_pools, pool))
		return "country_pools";
	if (has_place(lb->pop_pools, lb->n_pop_pools, pool))
		return "pop_pools";
	for (uint32_t i = 0; i < lb->n_pool_weights; i++)
		if (lb->pool_weights[i].pool == pool)
			return "random_steering";
	return NULL;
}

static const char *names(const struct weir_lb *lb, const struct weir_pool *pool)
{
	const char *by = names_itself(lb, pool);

	for (uint32_t i = 0; !by && i < lb->n_rules; i++)
		if (names_itself(lb->rules[i].lb, pool))
			by = "rules";
	for (uint32_t i = 0; !by && i < lb->n_pool_sets; i++)
		if (names_itself(lb->pool_sets[i].lb, pool))
			by = "pool_sets";
	return by;
}

/* --- of each kind --- */

static const struct weir_monitor *find_monitor(const struct weir_model *m, const char *id)
{
	for (uint32_t i = 0; i < m->n_monitors; i++)
		if (!strcmp(m->monitors[i].id, id))
			return &m->monitors[i];
	return NULL;
}

static const struct weir_monitor_group *find_group(const struct weir_model *m, const char *id)
{
	for (uint32_t i = 0; i < m->n_groups; i++)
		if (!strcmp(m->groups[i].id, id))
			return &m->groups[i];
	return NULL;
}

static const struct weir_pool *find_pool(const struct weir_model *m, const char *id)
{
	for (uint32_t i = 0; i < m->n_pools; i++)
		if (!strcmp(m->pools[i].id, id))
			return &m->pools[i];
	return NULL;
}

static const struct weir_lb *find_lb(const struct weir_model *m, const char *id)
{
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (!strcmp(m->lbs[i].id, id))
			return &m->lbs[i];
	return NULL;
}

static bool has_member(const struct weir_monitor_group *g, const struct weir_monitor *m)
{
	for (uint32_t i = 0; i < g->n_members; i++)
		if (g->members[i].monitor == m)
			return true;
	return false;
}

static bool refs_of_monitor(const struct weir_model *m, const char *id, struct list *l)
{
	const struct weir_monitor *of = find_monitor(m, id);

	for (uint32_t i = 0; of && i < m->n_pools; i++)
		if (m->pools[i].monitor == of)
			add(l, true, WEIR_OBJECT_POOL, m->pools[i].id, m->pools[i].name, "monitor");
	for (uint32_t i = 0; of && i < m->n_groups; i++)
		if (has_member(&m->groups[i], of))
			add_group(l, true, &m->groups[i], "members");
	return of;
}

static bool refs_of_group(const struct weir_model *m, const char *id, struct list *l)
{
	const struct weir_monitor_group *of = find_group(m, id);

	for (uint32_t i = 0; of && i < m->n_pools; i++)
		if (m->pools[i].group == of)
			add(l, true, WEIR_OBJECT_POOL, m->pools[i].id, m->pools[i].name,
			    "monitor_group");
	for (uint32_t i = 0; of && i < of->n_members; i++)
		add_monitor(l, of->members[i].monitor, "members");
	return of;
}

static bool refs_of_pool(const struct weir_model *m, const char *id, struct list *l)
{
	const struct weir_pool *of = find_pool(m, id);

	for (uint32_t i = 0; of && i < m->n_lbs; i++) {
		const char *by = names(&m->lbs[i], of);

		if (by)
			add(l, true, WEIR_OBJECT_LB, m->lbs[i].id, m->lbs[i].name, by);
	}
	if (of && of->monitor)
		add_monitor(l, of->monitor, "monitor");
	if (of && of->group)
		add_group(l, false, of->group, "monitor_group");
	return of;
}

static bool refs_of_lb(const struct weir_model *m, const char *id, struct list *l)
{
	const struct weir_lb *of = find_lb(m, id);

	for (uint32_t i = 0; of && i < m->n_pools; i++) {
		const char *by = names(of, &m->pools[i]);

		if (by)
			add(l, false, WEIR_OBJECT_POOL, m->pools[i].id, m->pools[i].name, by);
	}
	return of;
}

bool weir_refs(const struct weir_model *m, enum weir_object kind, const char *id,
	       struct weir_arena *arena, const struct weir_ref **out, uint32_t *n)
{
	static bool (*const of[])(const struct weir_model *, const char *, struct list *) = {
		[WEIR_OBJECT_MONITOR] = refs_of_monitor,
		[WEIR_OBJECT_GROUP] = refs_of_group,
		[WEIR_OBJECT_POOL] = refs_of_pool,
		[WEIR_OBJECT_LB] = refs_of_lb,
	};
	uint32_t most = m->n_monitors + m->n_groups + m->n_pools + m->n_lbs;
	struct list l = { .refs = weir_arena_new_array(arena, most, struct weir_ref) };
	bool found = of[kind](m, id, &l);

	*out = l.refs;
	*n = l.n;
	return found;
}

/* "load_balancer www.example.com (default_pools), ..." of n, as far as it fits. */
static void list_users(const struct weir_ref *refs, uint32_t n, char *out, size_t size)
{
	size_t used = 0;

	*out = 0;
	for (uint32_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s %s (%s)", i ? ", " : "",
					 weir_object_text(refs[i].kind), refs[i].name, refs[i].by);
}

bool weir_check_removal(const struct weir_model *m, enum weir_object kind, const char *id,
			struct weir_err *err)
{
	struct weir_arena *arena = weir_arena_new();
	const struct weir_ref *refs;
	char users[400];
	uint32_t n, used = 0;

	weir_refs(m, kind, id, arena, &refs, &n);
	while (used < n && refs[used].referrer)
		used++;
	list_users(refs, used, users, sizeof(users));
	weir_arena_free(arena);
	return !used ||
	       weir_err_set(err, "",
			    "%s \"%s\" is in use by %u object%s; take it out there first: %s",
			    weir_object_text(kind), id, used, used == 1 ? "" : "s", users);
}
