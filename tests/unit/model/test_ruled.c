/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ruled.c - rules of proxied load balancers: which clients they tell apart, and where these
 * go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/rules.h"
#include "model/view.h"
#include "model/yaml.h"

#define POOL(id, address) "{name: " id ", origins: [{name: o, address: " address "}]}"
#define LB(more)                                                                                                                               \
	"agent: {vips: [192.0.2.1], region: WEU}\npools: [" POOL("a", "10.0.0.1") ", " POOL(                                                   \
		"b",                                                                                                                           \
		"10.0.0.2") ", " POOL("c",                                                                                                     \
				      "10.0.0.3") ", " POOL("z",                                                                               \
							    "10.0.0.9") "]\n"                                                                  \
									"load_balancers: [{name: w.test, proxied: true, listeners: [tcp/80], " \
									"default_pools: [a], fallback_pool: z, " more                          \
									"}]\n"
#define RULE(condition, more, overrides) \
	"{condition: '" condition "', " more "overrides: {" overrides "}}"

struct world {
	struct weir_model *model;
	struct weir_places *places;
	struct weir_health *health;
	struct weir_arena *arena;
	const struct weir_view *view;
};

static struct weir_places *places_of(const struct weir_model *m, struct weir_arena *arena)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_prefix us;
	uint32_t n;
	const struct weir_prefix *of = weir_rules_prefixes(m, arena, &n);

	weir_prefix_parse("203.0.113.0/24", &us);
	weir_places_add(b, &us,
			&(struct weir_location){ .country = "US", .region = WEIR_REGION_ENAM });
	weir_places_source(b);
	for (uint32_t i = 0; i < n; i++)
		weir_places_add(b, &of[i], &(struct weir_location){ .part = i + 1 });
	return weir_places_done(b);
}

static struct world world_of(const char *text)
{
	struct world w = { .arena = weir_arena_new() };
	struct weir_facts now;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err) ||
	    !weir_model_parse(v, &w.model, &err))
		fail_msg("%s: %s in %s", err.path, err.text, text);
	json_decref(v);
	weir_lines_free(lines);
	w.health = weir_new_array(w.model->n_origins, struct weir_health);
	w.places = places_of(w.model, w.arena);
	now = (struct weir_facts){ .health = w.health, .places = w.places };
	w.view = weir_view_build(w.model, &now, w.arena);
	return w;
}

static void end(struct world *w)
{
	weir_arena_free(w->arena);
	weir_places_free(w->places);
	weir_model_free(w->model);
	free(w->health);
}

/* The pools that a client's new flows go to, as one word. */
static const char *goes_to(const struct world *w, const char *client)
{
	static char word[16];
	const struct weir_steer *s = &w->view->lbs[0].steer;
	const struct weir_mix *mix;
	union weir_addr a;
	uint32_t at;

	assert_true(weir_addr_parse(client, &a));
	at = weir_places_find(w->places, &a);
	mix = &s->mixes[s->ways[s->class_of ? s->class_of[at] : 0].mix];
	word[0] = 0;
	for (uint32_t i = 0; i < mix->n; i++)
		if (mix->shares[i].share)
			strcat(word, mix->shares[i].pool->pool->id);
	return word;
}

static void a_rule_sends_clients_of_a_prefix_elsewhere(void **state)
{
	struct world w = world_of(LB("rules: [" RULE("ip.src in {198.51.100.0/24 2001:db8::/32}",
						     "", "default_pools: [b]") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "198.51.100.7"), "b");
	assert_string_equal(goes_to(&w, "2001:db8::7"), "b");
	assert_string_equal(goes_to(&w, "198.51.101.7"), "a");
	assert_string_equal(goes_to(&w, "2001:db9::7"), "a");
	assert_int_equal(w.view->lbs[0].steer.n_classes, 2);
	end(&w);
}

static void a_prefix_in_a_prefix_is_told_apart(void **state)
{
	struct world w = world_of(LB(
		"rules: [" RULE("ip.src in {198.51.100.0/24} and not ip.src in {198.51.100.0/25}",
				"", "default_pools: [b]") ", " RULE("ip.src eq 198.51.100.0", "",
								    "default_pools: [c]") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "198.51.100.200"), "b");
	assert_string_equal(goes_to(&w, "198.51.100.1"), "a");
	assert_string_equal(goes_to(&w, "198.51.100.0"), "c");
	end(&w);
}

static void what_is_not_in_a_prefix_is_everybody_else(void **state)
{
	struct world w = world_of(LB(
		"rules: [" RULE("not ip.src in {198.51.100.0/24}", "", "default_pools: [c]") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "198.51.100.1"), "a");
	assert_string_equal(goes_to(&w, "192.0.2.77"), "c");
	assert_string_equal(goes_to(&w, "2001:db8::1"), "c");
	end(&w);
}

static void the_region_is_the_clients_else_the_balancers(void **state)
{
	struct world w = world_of(LB("rules: [" RULE("cf.load_balancer.region eq \"ENAM\"", "",
						     "default_pools: [b]") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "203.0.113.1"), "b");
	assert_string_equal(goes_to(&w, "198.51.100.1"), "a");
	end(&w);
	w = world_of(LB("rules: [" RULE("cf.load_balancer.region eq \"WEU\" and "
					"cf.load_balancer.name eq \"w.test\"",
					"", "default_pools: [c]") "]"));
	assert_string_equal(goes_to(&w, "203.0.113.1"), "a");
	assert_string_equal(goes_to(&w, "198.51.100.1"), "c");
	end(&w);
}

static void later_rules_override_earlier_ones_until_one_terminates(void **state)
{
	struct world w =
		world_of(LB("rules: [" RULE("", "priority: 2, ", "default_pools: [b]") ", " RULE(
			"", "priority: 1, ", "default_pools: [c], steering_policy: random") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "192.0.2.77"), "b"); /* and random, of one pool */
	end(&w);
	w = world_of(LB("rules: [" RULE("", "terminates: true, ", "default_pools: [c]") ", " RULE(
		"", "", "default_pools: [b]") "]"));
	assert_string_equal(goes_to(&w, "192.0.2.77"), "c");
	end(&w);
	w = world_of(LB("rules: [" RULE("", "disabled: true, ", "default_pools: [c]") "]"));
	assert_string_equal(goes_to(&w, "192.0.2.77"), "a");
	end(&w);
}

static void a_rule_may_change_how_pools_are_chosen(void **state)
{
	struct world w = world_of(LB("rules: [" RULE(
		"ip.src in {198.51.100.0/24}", "",
		"default_pools: [a, b, c], steering_policy: random, random_steering: "
		"{pool_weights: {a: 0}}") "]"));

	(void)state;
	assert_string_equal(goes_to(&w, "198.51.100.1"), "bc");
	assert_string_equal(goes_to(&w, "192.0.2.77"), "a");
	assert_int_equal(w.model->lbs[0].n_pools, 4); /* rules' pools are the balancer's, too */
	end(&w);
	w = world_of(LB("rules: [" RULE("ip.src in {198.51.100.0/24}", "",
					"region_pools: {ENAM: [b], WEU: [c]}") "]"));
	assert_string_equal(goes_to(&w, "198.51.100.1"), "c");
	assert_string_equal(goes_to(&w, "203.0.113.1"), "a");
	end(&w);
}

/* A part's address is in its prefix and in no other one within it. */
static void each_part_has_an_address_of_its_own(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct weir_prefix p[24];
		uint32_t n = 0;

		for (int i = 0; i < 24; i++) {
			uint32_t bits = 24 + (uint32_t)((seed = weir_mix64(seed + 1)) % 9);
			uint32_t four =
				0x0a000000 | ((uint32_t)(seed >> 40) & 255 & -(1u << (32 - bits)));
			struct weir_prefix is;
			uint32_t k = 0;

			four = __builtin_bswap32(four);
			is = (struct weir_prefix){ weir_addr_v4(&four), (uint8_t)(96 + bits) };
			while (k < n &&
			       (weir_addr_cmp(&p[k].addr, &is.addr) < 0 ||
				(weir_addr_eq(&p[k].addr, &is.addr) && p[k].bits < is.bits)))
				k++;
			if (k < n && weir_prefix_eq(&p[k], &is))
				continue;
			memmove(&p[k + 1], &p[k], (n++ - k) * sizeof(*p));
			p[k] = is;
		}
		for (uint32_t part = 1; part <= n; part++) {
			union weir_addr a;
			bool has = weir_rules_address(p, n, part, &a), free_one = false;

			for (uint32_t host = 0; host < 256; host++) {
				uint32_t four = __builtin_bswap32(0x0a000000 | host);
				union weir_addr x = weir_addr_v4(&four);
				bool own = weir_prefix_holds(&p[part - 1], &x);

				for (uint32_t k = 0; k < n && own; k++)
					own = k == part - 1 || p[k].bits <= p[part - 1].bits ||
					      !weir_prefix_holds(&p[k], &x);
				free_one |= own;
				assert_true(!has || !weir_addr_eq(&x, &a) || own);
			}
			assert_int_equal(has, free_one);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_sends_clients_of_a_prefix_elsewhere),
		cmocka_unit_test(a_prefix_in_a_prefix_is_told_apart),
		cmocka_unit_test(what_is_not_in_a_prefix_is_everybody_else),
		cmocka_unit_test(the_region_is_the_clients_else_the_balancers),
		cmocka_unit_test(later_rules_override_earlier_ones_until_one_terminates),
		cmocka_unit_test(a_rule_may_change_how_pools_are_chosen),
		cmocka_unit_test(each_part_has_an_address_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
