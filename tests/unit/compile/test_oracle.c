/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_oracle.c - tables against a simulator that knows no tables: it picks an endpoint for one new
 * flow after the other, by the rules as they are written (vendor-apis, sections 5 and 7), from the
 * document itself. Random documents, all policies, with shedding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "oracle_documents.h"

#define FLOWS  20000
#define WORLDS 20 /* WEIR_WORLDS: another number of them */
#define NOBODY ADDRESSES

/* --- the rules, as they are written --- */

struct rules {
	const json_t *doc, *lb; /* lb: as overrides make it */
	const char *region;     /* of the client; "": not known */
	const bool *healthy;    /* origins in the order of the document */
	bool keep;              /* nothing is shed */
	double client[POOLS];   /* where a client is in the hash space of each pool */
};

static const json_t *pool_of(const struct rules *r, const char *id)
{
	const json_t *pools = json_object_get(r->doc, "pools");

	return json_array_get(pools, (size_t)(id[1] - '0'));
}

static uint32_t first_origin(const struct rules *r, const json_t *pool)
{
	const json_t *pools = json_object_get(r->doc, "pools");
	uint32_t n = 0;

	for (size_t i = 0; json_array_get(pools, i) != pool; i++)
		n += (uint32_t)json_array_size(
			json_object_get(json_array_get(pools, i), "origins"));
	return n;
}

static bool on(const json_t *object)
{
	return json_is_true(json_object_get(object, "enabled"));
}

/* Share of an origin: its weight divided by that of the healthy, enabled ones. all: whatever their
 * health. */
static uint32_t pick_origin(const struct rules *r, const json_t *pool, bool all)
{
	const json_t *origins = json_object_get(pool, "origins");
	uint32_t first = first_origin(r, pool), who = NOBODY;
	double sum = 0, at = chance();

	for (int round = 0; round < 2; round++) {
		double total = sum;

		sum = 0;
		for (size_t i = 0; i < json_array_size(origins); i++) {
			const json_t *o = json_array_get(origins, i);
			double weight = json_number_value(json_object_get(o, "weight"));

			if (!on(o) || !(all || r->healthy[first + i]))
				continue;
			if (round && at * total >= sum && at * total < sum + weight)
				who = (uint32_t)atoi(
					      json_string_value(json_object_get(o, "address")) +
					      7) -
				      1;
			sum += weight;
		}
	}
	return who;
}

/* Healthy when at least minimum_origins (here 1) are; and there must be some weight. */
static bool usable(const struct rules *r, const json_t *pool)
{
	return on(pool) && pick_origin(r, pool, false) != NOBODY;
}

/* default_percent of new traffic is pushed on: random draws for each flow, hash sheds a fixed slice
 * of the clients. */
static bool sheds(const struct rules *r, const json_t *pool)
{
	const json_t *s = json_object_get(pool, "load_shedding");
	const char *policy = json_string_value(json_object_get(s, "default_policy"));
	const char *name = json_string_value(json_object_get(pool, "name"));
	double at = policy && strcmp(policy, "hash") == 0 ? r->client[name[1] - '0'] : chance();

	return !r->keep && at * 100 < json_number_value(json_object_get(s, "default_percent"));
}

static const json_t *in_order(const struct rules *r, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *pool = pool_of(r, json_string_value(json_array_get(list, i)));

		if (usable(r, pool) && !sheds(r, pool))
			return pool;
	}
	return NULL;
}

static double weight_in(const json_t *lb, const char *id)
{
	const json_t *s = json_object_get(lb, "random_steering");
	const json_t *own = json_object_get(json_object_get(s, "pool_weights"), id);

	return json_number_value(own ? own : json_object_get(s, "default_weight"));
}

/* Drawn by weight; what is shed is drawn for again among the others. */
static const json_t *drawn(const struct rules *r, const json_t *list)
{
	bool tried[POOLS] = { false };

	for (;;) {
		const json_t *chosen = NULL;
		double sum = 0;
		size_t nth = 0;

		for (size_t i = 0; i < json_array_size(list); i++) {
			const char *id = json_string_value(json_array_get(list, i));
			double weight = weight_in(r->lb, id);

			if (tried[i] || weight <= 0 || !usable(r, pool_of(r, id)))
				continue;
			sum += weight;
			if (chance() * sum < weight) {
				chosen = pool_of(r, id);
				nth = i;
			}
		}
		if (!chosen || !sheds(r, chosen))
			return chosen;
		tried[nth] = true;
	}
}

/* An empty policy: geo when any map is set, else off. */
static const char *policy_of(const json_t *lb)
{
	const char *policy = json_string_value(json_object_get(lb, "steering_policy"));

	if (*policy)
		return policy;
	return json_object_size(json_object_get(lb, "region_pools")) ? "geo" : "off";
}

static const json_t *pick_pool(const struct rules *r)
{
	const char *policy = policy_of(r->lb);
	const json_t *map = json_object_get(json_object_get(r->lb, "region_pools"), r->region);
	const json_t *list = json_object_get(r->lb, "default_pools");

	if (strcmp(policy, "geo") == 0)
		return in_order(r, map ? map : list);
	if (strcmp(policy, "random") == 0 || strncmp(policy, "least", 5) == 0)
		return drawn(r, list);
	return in_order(r, list);
}

/* Whom the fallback pool gives a flow, its own health ignored. */
static uint32_t pick_last(const struct rules *r)
{
	const json_t *pool = pool_of(r, json_string_value(json_object_get(r->lb, "fallback_pool")));
	uint32_t who = NOBODY;

	if (!on(pool))
		return NOBODY;
	who = pick_origin(r, pool, false);
	return who != NOBODY ? who : pick_origin(r, pool, true);
}

/* What even the fallback pool cannot take stays with those who shed it: they are asked again, in
 * the end without a choice. */
static uint32_t pick(const struct rules *r)
{
	struct rules now = *r;

	for (uint32_t i = 0; i < POOLS; i++)
		now.client[i] = chance();
	for (int i = 0; i < 200; i++) {
		const json_t *pool;
		uint32_t who;

		now.keep = i > 100;
		pool = pick_pool(&now);
		who = pool ? pick_origin(&now, pool, false) : pick_last(&now);
		if (who != NOBODY)
			return who;
	}
	return NOBODY;
}

/* --- overrides, as they are written --- */

/* pools replace the lists and maps; pool_weights and pool_default_weight are another way to say
 * what random_steering does. */
static void override(json_t *lb, const json_t *by)
{
	json_t *steering = json_object_get(lb, "random_steering"), *v;
	const char *key;

	json_object_foreach((json_t *)by, key, v)
	{
		if (strcmp(key, "pools") == 0) {
			json_object_set(lb, "default_pools", v);
			json_object_set_new(lb, "region_pools", json_object());
		} else if (strcmp(key, "pool_weights") == 0) {
			json_object_set(steering, "pool_weights", v);
		} else if (strcmp(key, "pool_default_weight") == 0) {
			json_object_set(steering, "default_weight", v);
		} else if (strcmp(key, "random_steering") == 0) {
			json_object_set_new(steering, "default_weight", json_integer(1));
			json_object_update(steering, v);
		} else {
			json_object_set(lb, key, v);
		}
	}
}

static bool rule_holds(const json_t *rule, const char *region)
{
	const char *condition = json_string_value(json_object_get(rule, "condition"));

	if (json_is_true(json_object_get(rule, "disabled")))
		return false;
	return !*condition ||
	       (strcmp(region, "WEU") == 0) == (strcmp(condition, conditions[1]) == 0);
}

static bool is_listed(const json_t *list, const char *text)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
	{
		if (strcmp(json_string_value(v), text) == 0)
			return true;
	}
	return false;
}

/* First match wins: it supplies the pools, the policy (failover order without one), the weights (1
 * without one), and the fallback pool if it has one. */
static void apply_set(json_t *lb, const char *region)
{
	json_t *set;
	size_t i;

	json_array_foreach(json_object_get(lb, "pool_sets"), i, set)
	{
		const json_t *topology = json_object_get(json_object_get(set, "match"), "topology");

		if (json_is_true(json_object_get(set, "disabled")) ||
		    (topology && !is_listed(json_object_get(topology, "regions"), region)))
			continue;
		json_object_set_new(lb, "steering_policy", json_string("off"));
		json_object_set_new(lb, "random_steering", json_pack("{s:i}", "default_weight", 1));
		override(lb, json_object_get(set, "overrides"));
		return;
	}
}

/* Rules in their order, later ones over earlier ones, until one terminates; over the pool set. */
static json_t *lb_for(const json_t *doc, const char *region)
{
	json_t *lb = json_deep_copy(json_array_get(json_object_get(doc, "load_balancers"), 0));
	json_t *rule;
	size_t i;

	apply_set(lb, region);
	json_array_foreach(json_object_get(lb, "rules"), i, rule)
	{
		if (!rule_holds(rule, region))
			continue;
		override(lb, json_object_get(rule, "overrides"));
		if (json_is_true(json_object_get(rule, "terminates")))
			break;
	}
	return lb;
}

/* --- what the tables say --- */

static void add_table(const struct weir_tables *t, const struct weir_tables_table *table,
		      double part, double *shares)
{
	for (uint32_t i = 0; i < table->size; i++) {
		uint32_t e = weir_tables_row(table, i);
		uint32_t who = e == WEIR_ROW_NOBODY ? NOBODY : t->endpoints[e].addr.b[15] - 1u;

		shares[who] += part / table->size;
	}
}

static void shares_by_tables(const struct weir_tables *t, uint32_t location, double *shares)
{
	const struct weir_tables_service *s = &t->services[0];
	uint32_t class = s->steer && s->steer->class_of ? s->steer->class_of[location] : 0;
	uint32_t slices = s->steer && s->steer->sliced ? WEIR_STEER_SLICES : 1;
	uint32_t *ways = weir_new_array(t->n_tables, uint32_t);

	for (uint32_t i = 0; s->steer && i < slices; i++)
		ways[s->steer->ways[class * slices + i].table]++;
	if (!s->steer)
		ways[s->table - t->tables] = 1;
	for (uint32_t i = 0; i < t->n_tables; i++)
		if (ways[i])
			add_table(t, &t->tables[i], (double)ways[i] / slices, shares);
	free(ways);
}

/* --- both --- */

static struct weir_places *two_places(void)
{
	struct weir_places_builder *b = weir_places_new();
	static const char *const prefix[] = { "198.51.100.0/24", "203.0.113.0/24" };
	static const uint8_t region[] = { WEIR_REGION_WEU, WEIR_REGION_ENAM };

	for (int i = 0; i < 2; i++) {
		struct weir_prefix of;

		weir_prefix_parse(prefix[i], &of);
		weir_places_add(b, &of, &(struct weir_location){ .region = region[i] });
	}
	return weir_places_done(b);
}

/* Of so many flows and slices, with rows within 3 % of their weights. */
static void compare(const struct rules *r, const struct weir_tables *t, uint32_t location)
{
	double by_rules[ADDRESSES + 1] = { 0 }, by_tables[ADDRESSES + 1] = { 0 };

	for (uint32_t i = 0; i < FLOWS; i++)
		by_rules[pick(r)] += 1. / FLOWS;
	shares_by_tables(t, location, by_tables);
	for (uint32_t i = 0; i <= ADDRESSES; i++) {
		double noise = 5 * sqrt(by_rules[i] / FLOWS) + 0.004;

		if (fabs(by_rules[i] - by_tables[i]) > noise + 0.03 * by_rules[i]) {
			printf("# ");
			json_dumpf(r->doc, stdout, JSON_COMPACT);
			fail_msg("10.0.0.%u has %.4f by the rules, %.4f by the tables, in \"%s\"",
				 i + 1, by_rules[i], by_tables[i], r->region);
		}
	}
}

static void tables_say_what_the_rules_say(void **state)
{
	static const char *const regions[] = { "", "WEU", "ENAM" };
	struct weir_places *places = two_places();
	const char *more = getenv("WEIR_WORLDS");
	uint32_t worlds = more ? (uint32_t)atoi(more) : WORLDS;

	(void)state;
	for (uint32_t n = 0; n < worlds; n++) {
		json_t *doc = random_document();
		struct weir_arena *arena = weir_arena_new();
		struct weir_memo *memo = weir_memo_new();
		struct weir_health health[64];
		struct weir_model *m;
		struct weir_err err;
		bool healthy[64];

		if (!weir_model_parse(doc, &m, &err))
			fail_msg("%s: %s", err.path, err.text);
		for (uint32_t i = 0; i < m->n_pools; i++)
			for (uint32_t k = 0; k < m->pools[i].n_origins; k++) {
				uint32_t o = m->pools[i].origins[k].index;

				weir_health_init(&health[o], 0);
				health[o].state = draw(3) ? WEIR_HEALTHY : WEIR_UNHEALTHY;
				healthy[o] =
					!m->pools[i].monitor || health[o].state == WEIR_HEALTHY;
			}
		for (uint32_t where = 0; where < 3; where++) {
			json_t *lb = lb_for(doc, regions[where]);
			struct rules r = { doc, lb, regions[where], healthy, false, { 0 } };
			struct weir_facts now = { .health = health, .places = places };
			const struct weir_view *v = weir_view_build(m, &now, arena);

			for (uint32_t i = 0, at = 0; i < places->n_locations; i++)
				if (strcmp(weir_region_text(places->locations[i].region),
					   regions[where]) == 0 &&
				    !at++)
					compare(&r, weir_compile(v, memo, arena), i);
			json_decref(lb);
		}
		weir_memo_free(memo);
		weir_arena_free(arena);
		weir_model_free(m);
		json_decref(doc);
	}
	weir_places_free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_say_what_the_rules_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
