/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_stored.c - fields of the API that are kept without an effect, and the notes that say so. */
#include "parsing.h"

static const char *note_at(const struct weir_model *m, const char *path)
{
	for (uint32_t i = 0; i < m->n_notes; i++)
		if (!strcmp(m->notes[i].path, path))
			return m->notes[i].text;
	return "";
}

static void says(const struct weir_model *m, const char *path, const char *fragment)
{
	if (!strstr(note_at(m, path), fragment))
		fail_msg("\"%s\" at %s does not say \"%s\"", note_at(m, path), path, fragment);
}

static void what_has_its_full_meaning_has_no_note(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1]}\n"
		"monitors: [{id: m, created_on: '2021', modified_on: '2021'}]\n"
		"monitor_groups: [{id: g, created_on: '2021', modified_on: '2021',\n"
		"  members: [{monitor_id: m, created_at: '2021', updated_at: '2021'}]}]\n"
		"pools: [{name: a, check_regions: [], health_sources: ~, notification_email: '',\n"
		"  notification_filter: {}, networks: [x], created_on: '2021', modified_on: '2021',\n"
		"  disabled_at: '2021', origins: [{name: a, address: 10.0.0.1, virtual_network_id: '',\n"
		"  disabled_at: '2021'}]}]\n"
		"load_balancers:\n"
		"- {name: a.b, proxied: true, listeners: [tcp/1], default_pools: [a], fallback_pool: a,\n"
		"   session_affinity: ip_cookie, adaptive_routing: {failover_across_pools: false},\n"
		"   networks: [], zone_name: b, created_on: '', modified_on: '',\n"
		"   session_affinity_attributes: {samesite: Auto, secure: Auto, headers: [],\n"
		"   require_all_headers: false, zero_downtime_failover: none}}\n");

	(void)state;
	assert_int_equal(m->n_notes, 0);
	assert_false(m->pools[0].health_sources);
	assert_null(m->pools[0].origins[0].virtual_network_id);
	weir_model_free(m);
}

static void members_of_pools_and_origins_are_stored(void **state)
{
	struct weir_model *m = model_of(
		"pools: [{name: a, check_regions: [WEU, ALL_REGIONS, CHINA],\n"
		"  health_sources: [regional, global], notification_email: 'a@b.c,d@e.f',\n"
		"  notification_filter: {origin: {disable: true}, pool: {healthy: false}},\n"
		"  origins: [{name: a, address: 10.0.0.1,\n"
		"    virtual_network_id: 6BA7B810-9dad-11d1-80b4-00c04fd430c8}]},\n"
		"  {name: b, notification_filter: {pool: {healthy: true}}, " ORIGINS "}]\n");
	const struct weir_pool *p = m->pools;

	(void)state;
	assert_int_equal(p[0].n_check_regions, 3);
	assert_string_equal(p[0].check_regions[2], "CHINA");
	assert_true(p[0].health_sources);
	assert_string_equal(p[0].notification_email, "a@b.c,d@e.f");
	assert_true(p[0].origin_events.disable && !p[0].pool_events.disable);
	assert_int_equal(p[0].origin_events.healthy, WEIR_EVENTS_ALL);
	assert_int_equal(p[0].pool_events.healthy, WEIR_EVENTS_UNHEALTHY);
	assert_int_equal(p[1].pool_events.healthy, WEIR_EVENTS_HEALTHY);
	assert_string_equal(p[0].origins[0].virtual_network_id,
			    "6BA7B810-9dad-11d1-80b4-00c04fd430c8");
	says(m, "pools[0].check_regions", "from where it is");
	says(m, "pools[0].health_sources", "both the regional and the global view");
	says(m, "pools[0].notification_email", "no mail");
	says(m, "pools[0].notification_filter", "no mail is sent");
	says(m, "pools[0].origins[0].virtual_network_id", "no such networks");
	weir_model_free(m);
}

#define HEAD                                                                                \
	"agent: {vips: [192.0.2.1]}\n" POOL "load_balancers: [{name: a.b, proxied: true,\n" \
	"listeners: [tcp/1], default_pools: [web], fallback_pool: web, "

static void a_cookie_is_an_affinity_by_address(void **state)
{
	struct weir_model *m = model_of(
		HEAD "session_affinity: cookie, adaptive_routing: {failover_across_pools: true},\n"
		     "session_affinity_attributes: {samesite: Strict, secure: Always,\n"
		     "zero_downtime_failover: sticky}}]");
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(l->affinity_kind, WEIR_AFFINITY_COOKIE);
	assert_true(l->affinity && l->failover && l->failover_sticks && l->failover_across_pools);
	assert_int_equal(l->session_affinity_ttl, 82800);
	assert_string_equal(l->samesite, "Strict");
	assert_string_equal(l->secure, "Always");
	says(m, "load_balancers[0].session_affinity", "as with ip_cookie");
	says(m, "load_balancers[0].session_affinity_attributes.samesite", "no cookie is set");
	says(m, "load_balancers[0].session_affinity_attributes.secure", "no cookie is set");
	says(m, "load_balancers[0].adaptive_routing", "others of its pool");
	assert_int_equal(m->n_notes, 4);
	weir_model_free(m);
}

static void an_affinity_by_header_is_none(void **state)
{
	struct weir_model *m =
		model_of(HEAD "session_affinity: header, session_affinity_ttl: 30,\n"
			      "session_affinity_attributes: {headers: [X-User_1, 'cookie:a,b-c'],\n"
			      "require_all_headers: true}}]");
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(l->affinity_kind, WEIR_AFFINITY_HEADER);
	assert_false(l->affinity);
	assert_int_equal(l->session_affinity_ttl, 30);
	assert_int_equal(l->n_affinity_headers, 2);
	assert_string_equal(l->affinity_headers[1], "cookie:a,b-c");
	assert_true(l->require_all_headers);
	says(m, "load_balancers[0].session_affinity", "as with none");
	weir_model_free(m);
	m = model_of(HEAD
		     "session_affinity: header, session_affinity_attributes: {headers: [x]}}]");
	assert_int_equal(m->lbs[0].session_affinity_ttl, 1800);
	weir_model_free(m);
}

static void notes_are_bounded(void **state)
{
	char *text = weir_alloc(1u << 20, 1), *end = text;
	struct weir_model *m;

	(void)state;
	end += sprintf(end, "pools:\n");
	for (unsigned i = 0; i < WEIR_MAX_NOTES + 1; i++)
		end += sprintf(end, "- {name: p%u, check_regions: [WEU], " ORIGINS "}\n", i);
	m = model_of(text);
	assert_int_equal(m->n_notes, WEIR_MAX_NOTES);
	assert_string_equal(m->notes[WEIR_MAX_NOTES - 1].path, "pools[999].check_regions");
	weir_model_free(m);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_its_full_meaning_has_no_note),
		cmocka_unit_test(members_of_pools_and_origins_are_stored),
		cmocka_unit_test(a_cookie_is_an_affinity_by_address),
		cmocka_unit_test(an_affinity_by_header_is_none),
		cmocka_unit_test(notes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
