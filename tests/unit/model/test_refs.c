/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_refs.c - who refers to an object, to what it refers, and what keeps it from being removed.
 */
#include "parsing.h"

#include "model/refs.h"

static const char document[] =
	"agent: {vips: [192.0.2.1]}\n"
	"zones: [{name: b, ns: [ns.c]}]\n"
	"monitors: [{id: m, description: web check}, {id: idle}]\n"
	"monitor_groups: [{id: g, description: both, members: [{monitor_id: m}, {monitor_id: idle}]}]\n"
	"pools: [{name: one, id: p1, monitor: m, " ORIGINS "}, {name: two, monitor: m, " ORIGINS
	"},\n"
	"  {name: three, " ORIGINS "}, {name: idle, monitor: idle, " ORIGINS "},\n"
	"  {name: four, monitor_group: g, " ORIGINS "}]\n"
	"load_balancers:\n"
	"- {name: a.b, id: l1, default_pools: [p1, two], fallback_pool: p1,\n"
	"   rules: [{overrides: {default_pools: [three, p1]}}]}\n"
	"- {name: c.b, default_pools: [two], fallback_pool: p1}\n"
	"- {name: d.b, enabled: false, default_pools: [two], fallback_pool: two,\n"
	"   rules: [{disabled: true, overrides: {fallback_pool: three}}]}\n"
	"records: [{type: A, name: r.b, content: 10.0.0.9, proxied: true}]\n";

/* "referrer load_balancer a.b by default_pools; ..." */
static void refer(enum weir_object kind, const char *id, const char *expected)
{
	struct weir_model *m = model_of(document);
	struct weir_arena *arena = weir_arena_new();
	const struct weir_ref *refs;
	char text[1024] = "";
	uint32_t n;

	assert_true(weir_refs(m, kind, id, arena, &refs, &n));
	for (uint32_t i = 0; i < n; i++)
		sprintf(text + strlen(text), "%s%s %s %s %s by %s", i ? "; " : "",
			refs[i].referrer ? "referrer" : "referral", weir_object_text(refs[i].kind),
			refs[i].id, refs[i].name, refs[i].by);
	assert_string_equal(text, expected);
	weir_arena_free(arena);
	weir_model_free(m);
}

static void pools_refer_to_a_monitor(void **state)
{
	(void)state;
	refer(WEIR_OBJECT_MONITOR, "m",
	      "referrer pool p1 one by monitor; referrer pool two two by monitor; "
	      "referrer monitor_group g both by members");
}

static void pools_refer_to_a_group_and_it_to_its_members(void **state)
{
	(void)state;
	refer(WEIR_OBJECT_GROUP, "g",
	      "referrer pool four four by monitor_group; referral monitor m web check by members; "
	      "referral monitor idle idle by members");
	refer(WEIR_OBJECT_POOL, "four", "referral monitor_group g both by monitor_group");
}

static void load_balancers_refer_to_a_pool_and_it_to_its_monitor(void **state)
{
	(void)state;
	refer(WEIR_OBJECT_POOL, "p1",
	      "referrer load_balancer l1 a.b by default_pools; "
	      "referrer load_balancer c.b c.b by fallback_pool; "
	      "referral monitor m web check by monitor");
	refer(WEIR_OBJECT_POOL, "three",
	      "referrer load_balancer l1 a.b by rules; referrer load_balancer d.b d.b by rules");
	refer(WEIR_OBJECT_POOL, "idle", "referral monitor idle idle by monitor");
	refer(WEIR_OBJECT_POOL, "record/r.b",
	      "referrer load_balancer record/r.b r.b by default_pools");
}

static void a_load_balancer_refers_to_pools_also_by_its_rules(void **state)
{
	(void)state;
	refer(WEIR_OBJECT_LB, "l1",
	      "referral pool p1 one by default_pools; referral pool two two by default_pools; "
	      "referral pool three three by rules");
}

static void pools_that_overrides_name_are_in_use(void **state)
{
	struct weir_model *m = model_of(
		"pools: [{name: a, " ORIGINS "}, {name: b, " ORIGINS "}, {name: c, " ORIGINS "},\n"
		"  {name: d, " ORIGINS "}, {name: e, " ORIGINS "}, {name: f, " ORIGINS "},\n"
		"  {name: g, " ORIGINS "}]\n"
		"load_balancers: [{name: x.y, default_pools: [a], fallback_pool: a, rules: [\n"
		"  {overrides: {pools: [b]}},\n"
		"  {disabled: true, overrides: {pool_weights: {c: 0}}}], pool_sets: [\n"
		"  {overrides: {pools: [d, a], pool_weights: {e: 1}}},\n"
		"  {disabled: true, overrides: {pools: [b], fallback_pool: f}}]}]\n");
	static const char *const by[] = { "default_pools", "rules",     "rules",
					  "pool_sets",     "pool_sets", "pool_sets" };
	struct weir_err err;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		char id[2] = { (char)('a' + i) }, text[128];

		assert_false(weir_check_removal(m, WEIR_OBJECT_POOL, id, &err));
		snprintf(text, sizeof(text),
			 "pool \"%s\" is in use by 1 object; take it out there first: "
			 "load_balancer x.y (%s)",
			 id, by[i]);
		assert_string_equal(err.text, text);
	}
	assert_true(weir_check_removal(m, WEIR_OBJECT_POOL, "g", &err));
	weir_model_free(m);
}

static void who_is_not_there_has_no_references(void **state)
{
	struct weir_model *m = model_of(document);
	struct weir_arena *arena = weir_arena_new();
	const struct weir_ref *refs;
	uint32_t n;

	(void)state;
	assert_false(weir_refs(m, WEIR_OBJECT_MONITOR, "p1", arena, &refs, &n));
	assert_false(weir_refs(m, WEIR_OBJECT_POOL, "m", arena, &refs, &n));
	assert_false(weir_refs(m, WEIR_OBJECT_LB, "a.b", arena, &refs, &n)); /* its id is l1 */
	assert_int_equal(n, 0);
	weir_arena_free(arena);
	weir_model_free(m);
}

static void what_is_in_use_cannot_be_removed_and_its_users_are_named(void **state)
{
	struct weir_model *m = model_of(document);
	struct weir_err err;

	(void)state;
	assert_true(weir_check_removal(m, WEIR_OBJECT_POOL, "idle", &err));
	assert_true(weir_check_removal(m, WEIR_OBJECT_LB, "l1", &err));
	assert_true(weir_check_removal(m, WEIR_OBJECT_POOL, "nobody", &err));
	assert_false(weir_check_removal(m, WEIR_OBJECT_MONITOR, "idle", &err));
	assert_string_equal(err.text, "monitor \"idle\" is in use by 2 objects; take it out there "
				      "first: pool idle (monitor), monitor_group both (members)");
	assert_false(weir_check_removal(m, WEIR_OBJECT_POOL, "p1", &err));
	assert_string_equal(err.text,
			    "pool \"p1\" is in use by 2 objects; take it out there first: "
			    "load_balancer a.b (default_pools), load_balancer c.b (fallback_pool)");
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_refer_to_a_monitor),
		cmocka_unit_test(pools_refer_to_a_group_and_it_to_its_members),
		cmocka_unit_test(load_balancers_refer_to_a_pool_and_it_to_its_monitor),
		cmocka_unit_test(a_load_balancer_refers_to_pools_also_by_its_rules),
		cmocka_unit_test(pools_that_overrides_name_are_in_use),
		cmocka_unit_test(who_is_not_there_has_no_references),
		cmocka_unit_test(what_is_in_use_cannot_be_removed_and_its_users_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
