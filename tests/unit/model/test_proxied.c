/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_proxied.c - records that are proxied: the pool and the load balancer that are made of those
 * of a name. */
#include "parsing.h"

#define TOP                                                      \
	"agent: {vips: [192.0.2.1, 192.0.2.2, '2001:db8::1']}\n" \
	"zones: [{name: example.com, ns: [ns.example.net]}]\n"

static const char *note_at(const struct weir_model *m, const char *path)
{
	for (uint32_t i = 0; i < m->n_notes; i++)
		if (!strcmp(m->notes[i].path, path))
			return m->notes[i].text;
	return "";
}

static void proxied_records_of_a_name_are_a_pool_behind_the_vips(void **state)
{
	struct weir_model *m = model_of(
		TOP POOL
		"records:\n"
		"- {type: A, name: a.example.com, content: 10.0.1.1, proxied: true, ttl: 60}\n"
		"- {type: AAAA, name: a.example.com, content: fd00::1, proxied: true}\n"
		"- {type: A, name: b.example.com, content: 10.0.1.3}\n");
	const struct weir_pool *pool = &m->pools[1];
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(m->n_pools, 2);
	assert_int_equal(m->n_lbs, 1);
	assert_int_equal(m->n_origins, 3);
	assert_string_equal(pool->id, "record/a.example.com");
	assert_int_equal(pool->index, 1);
	assert_null(pool->monitor);
	assert_int_equal(pool->n_origins, 2);
	assert_string_equal(pool->origins[0].name, "10.0.1.1");
	assert_string_equal(pool->origins[1].name, "fd00--1");
	is_addr(&pool->origins[1].addr, "fd00::1");
	assert_int_equal(pool->origins[1].weight, WEIR_WEIGHT_MAX);
	assert_int_equal(pool->origins[1].index, 2);
	assert_string_equal(l->name, "a.example.com");
	assert_true(l->proxied && l->enabled && l->passive_health);
	assert_ptr_equal(l->record, &m->records[0]);
	assert_ptr_equal(l->default_pools[0], pool);
	assert_ptr_equal(l->fallback_pool, pool);
	assert_int_equal(l->n_vips, 3);
	assert_int_equal(l->ttl, 60);
	assert_int_equal(l->forwarding, WEIR_MODE_IPIP);
	assert_int_equal(l->n_listeners, 2);
	assert_int_equal(l->listeners[0].port, 80);
	assert_int_equal(l->listeners[1].port, 443);
	assert_int_equal(m->n_notes, 0);
	weir_model_free(m);
}

static void a_balancer_says_how_it_is_proxied_or_the_agent_does(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1], proxied_listeners: [tcp/9000], proxied_forwarding: gue}\n" POOL
		"load_balancers:\n"
		"- {name: a.b, proxied: true, default_pools: [web], fallback_pool: web,\n"
		"   rules: [{overrides: {default_pools: [web]}}]}\n"
		"- {name: c.b, proxied: true, default_pools: [web], fallback_pool: web,\n"
		"   listeners: [udp/53], forwarding: l2}\n"
		"- {name: d.b, default_pools: [web], fallback_pool: web}\n");
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(l[0].n_listeners, 1);
	assert_int_equal(l[0].listeners[0].port, 9000);
	assert_int_equal(l[0].forwarding, WEIR_MODE_GUE);
	assert_int_equal(l[0].rules[0].lb->forwarding, WEIR_MODE_GUE);
	assert_int_equal(l[0].rules[0].lb->n_listeners, 1);
	assert_int_equal(l[1].listeners[0].port, 53);
	assert_int_equal(l[1].forwarding, WEIR_MODE_L2);
	assert_int_equal(l[2].n_listeners, 0);
	weir_model_free(m);
}

static void a_balancer_is_on_the_ports_of_the_web_if_nobody_says(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1]}\n" POOL
		"load_balancers: [{name: a.b, proxied: true, default_pools: [web], fallback_pool: web}]\n");

	(void)state;
	assert_int_equal(m->lbs[0].n_listeners, 2);
	assert_int_equal(m->lbs[0].listeners[0].proto, IPPROTO_TCP);
	assert_int_equal(m->lbs[0].listeners[0].port, 80);
	assert_int_equal(m->lbs[0].listeners[1].port, 443);
	assert_int_equal(m->lbs[0].forwarding, WEIR_MODE_IPIP);
	weir_model_free(m);
}

static void a_record_says_how_it_is_proxied_or_the_agent_does(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1, 192.0.2.2, '2001:db8::1'], proxied_listeners: [udp/53],\n"
		"  proxied_forwarding: gue}\n"
		"zones: [{name: example.com, ns: [ns.example.net]}]\n"
		"records:\n"
		"- {type: A, name: a.example.com, content: 10.0.1.1, proxied: true,\n"
		"   settings: {ipv4_only: true}}\n"
		"- {type: A, name: b.example.com, content: 10.0.1.1, proxied: true,\n"
		"   listeners: [tcp/22], vips: [192.0.2.2], forwarding: l2}\n"
		"- {type: A, name: b.example.com, content: 10.0.1.2, proxied: true,\n"
		"   listeners: [tcp/22]}\n");

	(void)state;
	assert_int_equal(m->n_lbs, 2);
	assert_int_equal(m->lbs[0].n_vips, 2);
	is_addr(&m->lbs[0].vips[1], "192.0.2.2");
	assert_int_equal(m->lbs[0].listeners[0].proto, IPPROTO_UDP);
	assert_int_equal(m->lbs[0].forwarding, WEIR_MODE_GUE);
	assert_int_equal(m->lbs[1].n_vips, 1);
	assert_int_equal(m->lbs[1].listeners[0].port, 22);
	assert_int_equal(m->lbs[1].forwarding, WEIR_MODE_L2);
	assert_int_equal(m->lbs[1].default_pools[0]->n_origins, 2);
	weir_model_free(m);
}

static void a_record_beside_proxied_ones_is_proxied_too_and_that_is_said(void **state)
{
	struct weir_model *m = model_of(
		TOP "records:\n"
		    "- {type: A, name: a.example.com, content: 10.0.1.1}\n"
		    "- {type: A, name: a.example.com, content: 10.0.1.2, proxied: true}\n");

	(void)state;
	assert_int_equal(m->pools[0].n_origins, 2);
	assert_non_null(strstr(note_at(m, "records[0]"), "since records[1] of the same name is"));
	weir_model_free(m);
}

static void a_load_balancer_of_the_name_goes_before_while_it_is_enabled(void **state)
{
	static const char *const enabled[] = { "true", "false" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char text[1024];
		struct weir_model *m;

		snprintf(text, sizeof(text),
			 TOP POOL
			 "load_balancers: [{name: A.example.com, enabled: %s, proxied: true,\n"
			 " listeners: [tcp/80, tcp/443], default_pools: [web], fallback_pool: "
			 "web}]\n"
			 "records: [{type: A, name: a.example.com, content: 10.0.1.1, "
			 "proxied: true}]\n",
			 enabled[i]);
		m = model_of(text);
		assert_int_equal(m->n_lbs, 2);
		assert_int_equal(m->lbs[0].enabled, i == 0);
		assert_int_equal(m->lbs[1].enabled, i == 1);
		assert_int_equal(m->n_notes, i == 0);
		weir_model_free(m);
	}
}

static void a_proxied_cname_is_a_host_name_behind_the_vips(void **state)
{
	struct weir_model *m = model_of(
		TOP "records: [{type: CNAME, name: example.com, content: Web.Example.net, proxied: "
		    "true}]\n");

	(void)state;
	assert_int_equal(m->n_hosts, 1);
	assert_string_equal(m->pools[0].origins[0].host_name, "web.example.net");
	assert_string_equal(m->pools[0].origins[0].fault, "DNS Unknown Host");
	assert_string_equal(m->lbs[0].name, "example.com");
	weir_model_free(m);
}

static void what_a_record_says_beside_that_is_stored(void **state)
{
	struct weir_model *m = model_of(
		TOP
		"records:\n"
		"- {type: A, name: a.example.com, content: 10.0.1.1, comment: why, tags: [a, 'b:c'],\n"
		"   private_routing: true, settings: {ipv6_only: true}, meta: {}, proxiable: true}\n"
		"- {type: A, name: b.example.com, content: 10.0.1.1}\n");
	const struct weir_record *r = m->records;

	(void)state;
	assert_string_equal(r[0].comment, "why");
	assert_int_equal(r[0].n_tags, 2);
	assert_string_equal(r[0].tags[1], "b:c");
	assert_true(r[0].private_routing && r[0].ipv6_only && !r[0].ipv4_only && !r[0].proxied);
	assert_string_equal(r[1].comment, "");
	assert_int_equal(m->n_pools + m->n_lbs, 0);
	assert_non_null(strstr(note_at(m, "records[0].settings"), "not proxied"));
	assert_non_null(strstr(note_at(m, "records[0]"), "private_routing is stored"));
	weir_model_free(m);
}

static void a_monitored_pool_record_is_a_pool_of_names(void **state)
{
	struct weir_model *m = model_of(
		TOP
		"monitors: [{id: m, type: tcp, port: 80}]\n"
		"records:\n"
		"- {type: POOL, name: p.example.com, content: a.example.net, monitor: m, weight: 1}\n"
		"- {type: POOL, name: p.example.com, content: b.example.net, weight: 65535}\n");
	const struct weir_pool *pool = &m->pools[0];
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(m->n_pools, 1);
	assert_string_equal(pool->monitor->id, "m");
	assert_int_equal(pool->n_origins, 2);
	assert_string_equal(pool->origins[1].host_name, "b.example.net");
	assert_false(pool->origins[1].flatten_cname);
	assert_false(l->proxied);
	assert_int_equal(l->when_down, WEIR_DOWN_ALL);
	assert_int_equal(l->ttl, 300);
	assert_string_equal(note_at(m, "records[1]"),
			    "is monitored, since records[0] of the same name is");
	weir_model_free(m);
}

static void an_alias_is_a_balancer_of_addresses(void **state)
{
	struct weir_model *m = model_of(
		TOP "records:\n"
		    "- {type: ALIAS, name: example.com, content: a.example.net, ttl: 30}\n"
		    "- {type: MX, name: example.com, content: mail.example.com, priority: 1}\n");

	(void)state;
	assert_int_equal(m->n_lbs, 1);
	assert_string_equal(m->lbs[0].name, "example.com");
	assert_int_equal(m->lbs[0].ttl, 30);
	assert_int_equal(m->pools[0].n_origins, 1);
	assert_true(m->pools[0].origins[0].flatten_cname);
	assert_null(m->pools[0].monitor);
	assert_int_equal(m->records[1].rdata_bytes, 20);
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_monitored_pool_record_is_a_pool_of_names),
		cmocka_unit_test(an_alias_is_a_balancer_of_addresses),
		cmocka_unit_test(proxied_records_of_a_name_are_a_pool_behind_the_vips),
		cmocka_unit_test(a_balancer_says_how_it_is_proxied_or_the_agent_does),
		cmocka_unit_test(a_balancer_is_on_the_ports_of_the_web_if_nobody_says),
		cmocka_unit_test(a_record_says_how_it_is_proxied_or_the_agent_does),
		cmocka_unit_test(a_record_beside_proxied_ones_is_proxied_too_and_that_is_said),
		cmocka_unit_test(a_load_balancer_of_the_name_goes_before_while_it_is_enabled),
		cmocka_unit_test(a_proxied_cname_is_a_host_name_behind_the_vips),
		cmocka_unit_test(what_a_record_says_beside_that_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
