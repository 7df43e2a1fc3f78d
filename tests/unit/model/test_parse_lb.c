/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse_lb.c - load balancers: what their fields become, and what is the default. */
#include "parsing.h"

static void affinities_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1]}\n"
		"pools: [{name: a, origin_steering: {policy: hash}, " ORIGINS "},\n"
		"  {name: b, origin_steering: {}, " ORIGINS "}]\n"
		"load_balancers:\n"
		"- {name: a.b, proxied: true, listeners: [tcp/1], session_affinity: ip_cookie,\n"
		"   default_pools: [a], fallback_pool: a}\n"
		"- {name: b.b, proxied: true, listeners: [tcp/2], session_affinity: ip_cookie,\n"
		"   session_affinity_ttl: 604800, default_pools: [a], fallback_pool: a}\n"
		"- {name: c.b, default_pools: [a], fallback_pool: a, session_affinity: ''}\n"
		"- {name: d.b, proxied: true, listeners: [udp/3], udp: request,\n"
		"   default_pools: [a], fallback_pool: a}\n");

	(void)state;
	assert_int_equal(m->pools[0].steering, WEIR_STEER_HASH);
	assert_int_equal(m->pools[1].steering, WEIR_STEER_RANDOM);
	assert_true(m->lbs[0].affinity && m->lbs[1].affinity);
	assert_int_equal(m->lbs[0].session_affinity_ttl, 82800);
	assert_int_equal(m->lbs[1].session_affinity_ttl, 604800);
	assert_false(m->lbs[2].affinity);
	assert_false(m->lbs[2].udp_request);
	assert_true(m->lbs[3].udp_request);
	weir_model_free(m);
}

static void limits_and_least_connections_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1]}\n"
		"pools: [{name: a, origins: [{name: a, address: 10.0.0.1, max_conn: 0},\n"
		"  {name: b, address: 10.0.0.2, max_conn: 262144}]},\n"
		"  {name: b, origin_steering: {policy: least_connections}, " ORIGINS "},\n"
		"  {name: c, " ORIGINS "}]\n"
		"load_balancers:\n"
		"- {name: a.b, proxied: true, listeners: [tcp/1, udp/1],\n"
		"   default_pools: [a, b], fallback_pool: c}\n"
		"- {name: b.b, session_affinity: none, default_pools: [a], fallback_pool: b}\n");

	(void)state;
	assert_int_equal(m->pools[0].origins[0].max_conn, 0);
	assert_int_equal(m->pools[0].origins[1].max_conn, 262144);
	assert_int_equal(m->pools[1].steering, WEIR_STEER_LEAST_CONNECTIONS);
	assert_true(weir_pool_counts(&m->pools[0]));
	assert_true(weir_pool_counts(&m->pools[1]));
	assert_false(weir_pool_counts(&m->pools[2]));
	assert_ptr_equal(weir_lb_pool(&m->lbs[0], weir_pool_counts), &m->pools[0]);
	weir_model_free(m);
}

static void source_rules_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1]}\n"
		"pools: [{name: a, " ORIGINS "}]\n"
		"load_balancers:\n"
		"- {name: a.b, proxied: true, listeners: [tcp/1], default_pools: [a],\n"
		"   fallback_pool: a, source_rules: {\n"
		"     allow: [198.51.100.0/24, '2001:db8::/32', 203.0.113.7], deny: ['::/0'],\n"
		"     rate: {packets_per_second: 2000000}}}\n"
		"- {name: b.b, proxied: true, listeners: [tcp/2], default_pools: [a],\n"
		"   fallback_pool: a, source_rules: {rate: {packets_per_second: 10, burst: 7,\n"
		"     prefix_v4: 0, prefix_v6: 128}}}\n"
		"- {name: c.b, proxied: true, listeners: [tcp/3], default_pools: [a],\n"
		"   fallback_pool: a, source_rules: {}}\n");
	const struct weir_source_rules *r = &m->lbs[0].sources, *q = &m->lbs[1].sources;

	(void)state;
	assert_int_equal(r->n_allow, 3);
	assert_int_equal(r->n_deny, 1);
	is_addr(&r->allow[0].addr, "198.51.100.0");
	assert_int_equal(r->allow[0].bits, 96 + 24);
	assert_int_equal(r->allow[1].bits, 32);
	assert_int_equal(r->allow[2].bits, 128);
	assert_int_equal(r->deny[0].bits, 0);
	assert_int_equal(r->packets_per_second, 2000000);
	assert_int_equal(r->burst, 1000000);
	assert_int_equal(r->prefix_v4, 24);
	assert_int_equal(r->prefix_v6, 56);
	assert_true(q->burst == 7 && !q->prefix_v4 && q->prefix_v6 == 128 && !q->n_allow);
	assert_int_equal(m->lbs[2].sources.packets_per_second, 0);
	weir_model_free(m);
}

static void load_balancers_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"agent: {vips: [192.0.2.1, 192.0.2.2, '2001:db8::1']}\n"
		"pools: [{name: a, " ORIGINS "}, {name: b, " ORIGINS "}]\n"
		"load_balancers:\n"
		"- {name: WWW.Example.com., proxied: true, listeners: [tcp/443, udp/65535],\n"
		"   default_pools: [b, a], fallback_pool: a, steering_policy: off}\n"
		"- {name: two.example.com, id: x, proxied: true, forwarding: l2, enabled: false,\n"
		"   vips: [192.0.2.2], listeners: [tcp/80], default_pools: [b], fallback_pool: b,\n"
		"   session_affinity: none, session_affinity_attributes: {drain_duration: 60}}\n"
		"- {name: dns.example.com, default_pools: [a], fallback_pool: b, ttl: 604800}\n");
	const struct weir_lb *l = m->lbs;

	(void)state;
	assert_int_equal(m->n_lbs, 3);
	assert_string_equal(l[0].name, "www.example.com");
	assert_string_equal(l[0].id, "www.example.com");
	assert_true(l[0].proxied && l[0].enabled);
	assert_int_equal(l[0].n_vips, 3);
	assert_int_equal(l[0].n_listeners, 2);
	assert_int_equal(l[0].listeners[0].proto, IPPROTO_TCP);
	assert_int_equal(l[0].listeners[0].port, 443);
	assert_int_equal(l[0].listeners[1].proto, IPPROTO_UDP);
	assert_int_equal(l[0].listeners[1].port, 65535);
	assert_int_equal(l[0].n_default_pools, 2);
	assert_ptr_equal(l[0].default_pools[0], &m->pools[1]);
	assert_ptr_equal(l[0].fallback_pool, &m->pools[0]);
	assert_int_equal(l[0].forwarding, WEIR_MODE_IPIP);
	assert_int_equal(l[0].ttl, 30);
	assert_int_equal(l[0].drain_ms, 0);
	assert_int_equal(l[1].forwarding, WEIR_MODE_L2);
	assert_int_equal(l[1].n_vips, 1);
	is_addr(&l[1].vips[0], "192.0.2.2");
	assert_false(l[1].enabled);
	assert_int_equal(l[1].drain_ms, 60000);
	assert_int_equal(l[2].index, 2);
	assert_false(l[2].proxied);
	assert_int_equal(l[2].n_vips, 0);
	assert_int_equal(l[2].ttl, 604800);
	weir_model_free(m);
}

static void every_forwarding_mode_has_its_word(void **state)
{
	static const char *const words[WEIR_MODE_COUNT] = { "ipip", "l2", "gue", "nat", "fullnat" };

	(void)state;
	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++) {
		struct weir_model *m;
		char text[512];

		snprintf(text, sizeof(text),
			 "agent: {vips: [192.0.2.1], nat: {sources: [192.0.2.2]}}\n" POOL
			 "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], "
			 "forwarding: %s, default_pools: [web], fallback_pool: web}]\n",
			 words[mode]);
		m = model_of(text);
		assert_int_equal(m->lbs[0].forwarding, mode);
		assert_string_equal(weir_forwarding_text(mode), words[mode]);
		weir_model_free(m);
	}
}

static void services_are_bounded(void **state)
{
	char *text = weir_alloc(1u << 20, 1), *end = text;
	struct weir_model *m;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	(void)state;
	end += sprintf(end, POOL "agent:\n  vips:\n");
	for (unsigned i = 0; i < 128; i++)
		end += sprintf(end, "  - 192.0.2.%u\n", i + 1);
	end += sprintf(end, "load_balancers:\n- {name: a.b, proxied: true, default_pools: [web], "
			    "fallback_pool: web, listeners: [tcp/1");
	for (unsigned i = 1; i < 126; i++)
		end += sprintf(end, ", tcp/%u", i + 1);
	strcpy(end, "]}\n"); /* 128 VIPs and 128 * 126 services: 128 more do not fit in 16383 */
	m = model_of(text);
	assert_int_equal(m->lbs[0].n_listeners, 126);
	weir_model_free(m);
	strcpy(end, ", udp/1]}\n");
	assert_true(weir_yaml_parse(text, strlen(text), &v, &lines, &err));
	assert_false(weir_model_parse(v, &m, &err));
	assert_string_equal(err.path, "load_balancers");
	json_decref(v);
	weir_lines_free(lines);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(affinities_are_taken),
		cmocka_unit_test(limits_and_least_connections_are_taken),
		cmocka_unit_test(source_rules_are_taken),
		cmocka_unit_test(load_balancers_are_taken),
		cmocka_unit_test(every_forwarding_mode_has_its_word),
		cmocka_unit_test(services_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
