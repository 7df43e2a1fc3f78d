/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse_record.c - zones and records: what their fields become, and what is the default. */
#include "parsing.h"

static void zones_have_defaults(void **state)
{
	struct weir_model *m = model_of(
		"zones:\n- {name: A.b., ns: [N1.c., n2.c]}\n"
		"- {name: d, ns: [n], mname: m.d, rname: r.d, serial: 4294967295, ttl: 5}\n");
	const struct weir_zone_conf *z = m->zones;

	(void)state;
	assert_string_equal(z->name, "a.b");
	assert_int_equal(z->n_ns, 2);
	assert_string_equal(z->ns[0], "n1.c");
	assert_string_equal(z->mname, "n1.c");
	assert_string_equal(z->rname, "hostmaster.a.b");
	assert_int_equal(z->serial, 1);
	assert_int_equal(z->refresh, 3600);
	assert_int_equal(z->retry, 600);
	assert_int_equal(z->expire, 604800);
	assert_int_equal(z->minimum, 60);
	assert_int_equal(z->ttl, 3600);
	assert_string_equal(z[1].mname, "m.d");
	assert_string_equal(z[1].rname, "r.d");
	assert_int_equal(z[1].serial, UINT32_MAX);
	assert_int_equal(z[1].ttl, 5);
	weir_model_free(m);
}

static void a_zone_without_name_servers_has_those_of_the_agent(void **state)
{
	struct weir_model *m = model_of(
		"agent: {dns: {name_servers: [Ns1.example.net., ns2.example.net]}}\n"
		"zones: [{name: a, id: x, created_on: '2026', modified_on: '2026'}, {name: b, ns: [n]}]\n");

	(void)state;
	assert_int_equal(m->zones[0].n_ns, 2);
	assert_string_equal(m->zones[0].ns[0], "ns1.example.net");
	assert_string_equal(m->zones[0].mname, "ns1.example.net");
	assert_int_equal(m->zones[1].n_ns, 1);
	weir_model_free(m);
}

static void zones_are_active_unless_they_say_otherwise(void **state)
{
	struct weir_model *m =
		model_of("zones: [{name: a, ns: [n.b]}, {name: b, ns: [n.b], active: true},\n"
			 "  {name: c, ns: [n.b], active: false}]\n");

	(void)state;
	assert_false(m->zones[0].off);
	assert_false(m->zones[1].off);
	assert_true(m->zones[2].off);
	weir_model_free(m);
}

static void records_of_a_set_have_the_smallest_of_their_ttls(void **state)
{
	struct weir_model *m = model_of("zones: [{name: a, ns: [n.b]}]\n"
					"records:\n"
					"- {type: A, name: x.a, content: 10.0.0.1, ttl: 300}\n"
					"- {type: A, name: x.a, content: 10.0.0.2, ttl: 60}\n"
					"- {type: A, name: x.a, content: 10.0.0.3, ttl: 90}\n"
					"- {type: TXT, name: x.a, content: t, ttl: 3600}\n");

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(m->records[i].ttl, 60);
	assert_int_equal(m->records[3].ttl, 3600);
	assert_int_equal(m->n_notes, 2);
	assert_string_equal(m->notes[0].path, "records[1].ttl");
	assert_string_equal(m->notes[1].path, "records[2].ttl");
	weir_model_free(m);
}

static void records_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"zones: [{name: example.com, ns: [ns.example.com]}]\n" POOL
		"load_balancers: [{name: lb.example.com, default_pools: [web], fallback_pool: web}]\n"
		"records:\n"
		"- {content: 10.0.0.1, name: example.com, type: A, ttl: 1}\n"
		"- {type: AAAA, name: example.com, content: fd00::1, ttl: 0, comment: c, tags: [t]}\n"
		"- {type: CNAME, name: _x.Example.com, content: Target.Example.net.}\n"
		"- {type: POOL, name: p.example.com, content: a.b}\n"
		"- {type: POOL, name: p.example.com, content: a.c, weight: 65535}\n"
		"- {type: A, name: lb.example.com, content: 10.0.0.1, proxied: false, id: '1'}\n");
	const struct weir_record *r = m->records;

	(void)state;
	assert_int_equal(m->n_records, 6);
	assert_int_equal(r[0].type, WEIR_RECORD_A);
	is_addr(&r[0].addr, "10.0.0.1");
	assert_int_equal(r[0].ttl, 300);
	assert_int_equal(r[1].type, WEIR_RECORD_AAAA);
	assert_int_equal(r[1].ttl, 0);
	assert_int_equal(r[2].type, WEIR_RECORD_CNAME);
	assert_string_equal(r[2].name, "_x.example.com");
	assert_string_equal(r[2].target, "target.example.net");
	assert_int_equal(r[2].weight, 0);
	assert_int_equal(r[3].type, WEIR_RECORD_POOL);
	assert_int_equal(r[3].weight, 1);
	assert_int_equal(r[4].weight, 65535);
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_have_defaults),
		cmocka_unit_test(a_zone_without_name_servers_has_those_of_the_agent),
		cmocka_unit_test(zones_are_active_unless_they_say_otherwise),
		cmocka_unit_test(records_of_a_set_have_the_smallest_of_their_ttls),
		cmocka_unit_test(records_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
