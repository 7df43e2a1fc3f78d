/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_pool_set.c - pool sets of a load balancer: places, and which pools their clients use. */
#include "model/parse.h"

#include <string.h>

#define MAX_SETS   1000
#define MAX_PLACES 1000 /* of one list */
#define NAME_BYTES 200

/* What match says. */
struct match {
	struct weir_pool_set *set;
	bool is_default, by_pop, by_topology;
};

/* --- places --- */

static bool take_pop(const struct weir_at *at, void *pop)
{
	return weir_take_string(at, 4096, pop) && weir_take_pop_code(at, *(const char **)pop);
}

/* A country's number, or a region's. */
static bool take_country(const struct weir_at *at, void *number)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s) || !weir_take_country_code(at, s))
		return false;
	*(uint16_t *)number = (uint16_t)((s[0] - 'A') * 26 + s[1] - 'A');
	return true;
}

static bool take_region(const struct weir_at *at, void *number)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s) || !weir_take_region_code(at, s))
		return false;
	*(uint16_t *)number = (uint16_t)weir_region_parse(s);
	return true;
}

static bool fail_twice(const struct weir_at *list, uint32_t i)
{
	struct weir_at item = weir_at_item(list, i);

	return weir_at_fail(&item, "%s is listed twice",
			    weir_quote(item.p, json_string_value(item.v)));
}

static bool take_pops(const struct weir_at *at, void *match)
{
	const struct weir_agent_conf *agent = &at->p->model->agent;
	struct match *m = match;
	struct weir_index seen;
	const char **pops;
	uint32_t n;

	if (!weir_take_list(at, 0, MAX_PLACES, sizeof(*pops), take_pop, &pops, &n))
		return false;
	weir_index_init(&seen, n, at->p->arena);
	m->by_pop = m->set->elsewhere = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t nth = i;

		if (!weir_index_add(&seen, pops[i], strlen(pops[i]), &nth))
			return fail_twice(at, i);
		if (strcmp(pops[i], agent->pop) == 0)
			m->set->elsewhere = false;
	}
	if (n && !*agent->pop)
		weir_at_note(at, "is for nobody: agent.pop does not say what this site is");
	return true;
}

/* Numbers as bits of words, each once. */
static bool take_numbers(const struct weir_at *at, weir_take_fn *take, uint64_t *bits, bool *any)
{
	uint16_t *numbers;
	uint32_t n;

	if (!weir_take_list(at, 0, MAX_PLACES, sizeof(*numbers), take, &numbers, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t bit = 1ull << numbers[i] % 64;

		if (bits[numbers[i] / 64] & bit)
			return fail_twice(at, i);
		bits[numbers[i] / 64] |= bit;
	}
	*any = n;
	return true;
}

static bool take_countries(const struct weir_at *at, void *match)
{
	struct weir_pool_set *s = ((struct match *)match)->set;

	return take_numbers(at, take_country, s->countries, &s->by_country);
}

static bool take_regions(const struct weir_at *at, void *match)
{
	struct weir_pool_set *s = ((struct match *)match)->set;
	uint64_t bits = 0;

	if (!take_numbers(at, take_region, &bits, &s->by_region))
		return false;
	s->regions = (uint16_t)bits;
	return true;
}

static bool take_topology(const struct weir_at *at, void *match)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("pops", take_pops),
		WEIR_CUSTOM("countries", take_countries),
		WEIR_CUSTOM("regions", take_regions),
	};
	struct match *m = match;

	m->by_topology = true;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), m) &&
	       (m->by_pop || m->set->by_country || m->set->by_region ||
		weir_at_fail(at, "must say pops, countries or regions"));
}

static bool take_match(const struct weir_at *at, void *set)
{
	static const struct weir_field fields[] = {
		{ .key = "default",
		  .kind = WEIR_KIND_BOOL,
		  .offset = offsetof(struct match, is_default) },
		WEIR_CUSTOM("topology", take_topology),
	};
	struct match m = { .set = set };

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), &m))
		return false;
	if (m.is_default && m.by_topology)
		return weir_at_fail_key(at, "topology",
					"default: true is for all clients; leave one of them out");
	return m.is_default || m.by_topology ||
	       weir_at_fail(at, "must say default: true or a topology; a set without match is "
				"for all clients");
}

/* --- sets --- */

static bool take_overrides(const struct weir_at *at, void *set)
{
	return weir_take_set_overrides(at, (struct weir_lb *)((struct weir_pool_set *)set)->lb);
}

static bool take_response(const struct weir_at *at, void *set)
{
	struct weir_pool_set *s = set;

	return weir_take_fixed_response(at, s->lb->proxied, &s->response);
}

/* The balancer as a set finds it: of its steering only the fallback pool is left. */
static struct weir_lb *bare(const struct weir_at *at, const struct weir_lb *l)
{
	struct weir_lb *to = weir_arena_new_array(at->p->arena, 1, struct weir_lb);

	*to = *l;
	to->n_rules = to->n_pool_sets = to->n_pools = 0;
	to->policy = WEIR_POLICY_OFF;
	to->by_maps = false;
	to->pool_weights = NULL;
	to->n_pool_weights = 0;
	to->default_weight = 100;
	return to;
}

static bool take_set(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TEXT(weir_pool_set, name, NAME_BYTES, ""),
		WEIR_BOOL(weir_pool_set, disabled, false),
		WEIR_CUSTOM("match", take_match),
		WEIR_CUSTOM("overrides", take_overrides),
		WEIR_CUSTOM("fixed_response", take_response),
	};
	struct weir_pool_set *s = item;
	const json_t *pools;

	s->lb = bare(at, at->p->ruled);
	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), s))
		return false;
	pools = json_object_get(json_object_get(at->v, "overrides"), "pools");
	if (s->response && pools && !json_is_null(pools))
		return weir_at_fail_key(at, "fixed_response",
					"a set that answers by itself uses no pools; leave it or "
					"overrides.pools out");
	return s->response || (pools && !json_is_null(pools)) ||
	       weir_at_fail(at, "must say overrides.pools, or a fixed_response");
}

/* A set behind one that is for all clients. */
static void note_unreached(const struct weir_at *at, const struct weir_lb *l)
{
	for (uint32_t i = 0; i + 1 < l->n_pool_sets; i++) {
		const struct weir_pool_set *s = &l->pool_sets[i];
		struct weir_at next = weir_at_item(at, i + 1);

		if (s->disabled || s->elsewhere || s->by_country || s->by_region)
			continue;
		weir_at_note(&next,
			     "is for nobody, as are those behind it: pool_sets[%u] is for "
			     "all clients here",
			     i);
		return;
	}
}

bool weir_take_pool_sets(const struct weir_at *lb, struct weir_lb *l)
{
	struct weir_at at = weir_at_key(lb, "pool_sets");
	struct weir_pool_set *sets;

	if (!at.v || json_is_null(at.v))
		return true;
	lb->p->ruled = l;
	if (!weir_take_list(&at, 0, MAX_SETS, sizeof(*sets), take_set, &sets, &l->n_pool_sets))
		return false;
	l->pool_sets = sets;
	note_unreached(&at, l);
	return true;
}
