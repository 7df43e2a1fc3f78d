/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse.c - good documents: what their fields become, and what is the default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/yaml.h"
#include "weir/api.h"

#define ORIGINS "origins: [{name: a, address: 10.0.0.1}]"
#define POOL    "pools: [{name: web, " ORIGINS "}]\n"

static struct weir_model *parsed(const char *text, size_t len)
{
	struct weir_model *m;
	struct weir_lines *lines;
	struct weir_err err;
	json_t *v;

	if (!weir_yaml_parse(text, len, &v, &lines, &err))
		fail_msg("%u:%u %s", err.line, err.column, err.text);
	if (!weir_model_parse(v, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v); /* the model must not need it */
	weir_lines_free(lines);
	return m;
}

static struct weir_model *model_of(const char *text)
{
	return parsed(text, strlen(text));
}

static void is_addr(const union weir_addr *a, const char *text)
{
	char is[WEIR_ADDR_TEXT];

	assert_string_equal(weir_addr_text(a, is), text);
}

static void an_empty_document_is_a_model_of_defaults(void **state)
{
	struct weir_model *m = model_of("");
	char text[WEIR_SOCKADDR_TEXT];
	uint8_t zero[16] = { 0 };

	(void)state;
	assert_string_equal(m->agent.node, "weir");
	assert_string_equal(m->agent.region, "");
	assert_string_equal(m->agent.pin_path, WEIR_DEFAULT_PIN);
	assert_string_equal(weir_sockaddr_text(&m->agent.control, text), WEIR_DEFAULT_CONTROL);
	assert_int_equal(m->agent.attach, WEIR_ATTACH_AUTO);
	assert_int_equal(m->agent.n_interfaces, 0);
	assert_int_equal(m->agent.drain_ms, 300000);
	assert_int_equal(m->agent.gue_port, 6080);
	assert_true(!m->agent.outer4.bits && !m->agent.outer6.bits);
	assert_int_equal(m->agent.max_rows, 4194304);
	assert_memory_not_equal(m->agent.hash_key, zero, 16);
	assert_int_equal(m->n_pools + m->n_lbs + m->n_records + m->n_zones + m->n_monitors, 0);
	weir_model_free(m);
	weir_model_free(NULL);
}

static void null_is_the_same_as_absent(void **state)
{
	struct weir_model *m = model_of("agent:\npools:\nrecords: ~\nmonitors: [{id: m, port: ~}]");

	(void)state;
	assert_int_equal(m->agent.drain_ms, 300000);
	assert_int_equal(m->n_monitors, 1);
	assert_int_equal(m->monitors[0].port, 0);
	weir_model_free(m);
}

static void the_agent_section_is_taken(void **state)
{
	struct weir_model *m = model_of("agent:\n"
					"  node: lb1\n"
					"  region: WEU\n"
					"  interfaces: [eth0, eth1.100]\n"
					"  attach: generic\n"
					"  vips: [192.0.2.1, 2001:DB8::1]\n"
					"  dns: {listen: [192.0.2.53, '[2001:db8::53]:5353']}\n"
					"  control: '[::1]:9000'\n"
					"  pin_path: /sys/fs/bpf/..weir\n"
					"  hash_key: '000102030405060708090a0b0c0d0eFF'\n"
					"  drain_duration: 1.5\n"
					"  gue_port: 65535\n"
					"  outer_source: ['2001:db8:1::/112', 10.9.0.0/16]\n"
					"  max_rows: 134217728\n");
	const struct weir_agent_conf *a = &m->agent;
	char text[WEIR_SOCKADDR_TEXT];

	(void)state;
	assert_string_equal(a->node, "lb1");
	assert_string_equal(a->region, "WEU");
	assert_int_equal(a->n_interfaces, 2);
	assert_string_equal(a->interfaces[1], "eth1.100");
	assert_int_equal(a->attach, WEIR_ATTACH_GENERIC);
	assert_int_equal(a->n_vips, 2);
	is_addr(&a->vips[1], "2001:db8::1");
	assert_int_equal(a->n_dns_listen, 2);
	assert_string_equal(weir_sockaddr_text(&a->dns_listen[0], text), "192.0.2.53:53");
	assert_string_equal(weir_sockaddr_text(&a->dns_listen[1], text), "[2001:db8::53]:5353");
	assert_string_equal(weir_sockaddr_text(&a->control, text), "[::1]:9000");
	assert_string_equal(a->pin_path, "/sys/fs/bpf/..weir");
	assert_memory_equal(a->hash_key, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\377", 16);
	assert_int_equal(a->drain_ms, 1500);
	assert_int_equal(a->gue_port, 65535);
	is_addr(&a->outer4.addr, "10.9.0.0");
	is_addr(&a->outer6.addr, "2001:db8:1::");
	assert_true(a->outer4.bits == 96 + 16 && a->outer6.bits == 112);
	assert_int_equal(a->max_rows, 1u << 27);
	weir_model_free(m);
}

static void every_attach_mode_has_its_word(void **state)
{
	struct weir_model *m = model_of("agent: {attach: native}");

	(void)state;
	assert_int_equal(m->agent.attach, WEIR_ATTACH_NATIVE);
	weir_model_free(m);
	m = model_of("agent: {attach: auto}");
	assert_int_equal(m->agent.attach, WEIR_ATTACH_AUTO);
	weir_model_free(m);
}

static void a_monitor_has_the_defaults_of_the_api(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m}]");
	const struct weir_monitor *o = m->monitors;

	(void)state;
	assert_int_equal(o->type, WEIR_MONITOR_HTTP);
	assert_string_equal(o->method, "GET");
	assert_string_equal(o->path, "/");
	assert_string_equal(o->expected_text, "200");
	assert_string_equal(o->expected_body, "");
	assert_true(weir_monitor_expects(o, 200));
	assert_false(weir_monitor_expects(o, 201));
	assert_int_equal(o->interval_ms, 60000);
	assert_int_equal(o->timeout_ms, 5000);
	assert_int_equal(o->retries, 2);
	assert_int_equal(o->consecutive_up, 1);
	assert_int_equal(o->consecutive_down, 1);
	assert_false(o->follow_redirects);
	assert_int_equal(o->n_headers, 0);
	weir_model_free(m);
}

static void a_monitor_is_taken(void **state)
{
	struct weir_model *m = model_of(
		"monitors:\n"
		"- id: m\n  description: d\n  type: http\n  method: HEAD\n  path: /x?y=z\n"
		"  port: 8080\n  header: {Host: [a.b], X-A: ['1', '2 é']}\n"
		"  expected_codes: '2xx, 301 ,4XX'\n  interval: 0.25\n  timeout: 0.1\n  retries: 0\n"
		"  consecutive_up: 1000\n  consecutive_down: 3\n  follow_redirects: true\n"
		"  allow_insecure: true\n  probe_zone: ''\n"
		"- {id: t, type: tcp, port: 5432, method: connection_established, path: ''}\n");
	const struct weir_monitor *o = m->monitors;

	(void)state;
	assert_string_equal(o->method, "HEAD");
	assert_string_equal(o->path, "/x?y=z");
	assert_int_equal(o->port, 8080);
	assert_int_equal(o->n_headers, 3);
	assert_string_equal(o->headers[0].name, "Host");
	assert_string_equal(o->headers[2].name, "X-A");
	assert_string_equal(o->headers[2].value, "2 é");
	assert_int_equal(o->interval_ms, 250);
	assert_int_equal(o->timeout_ms, 100);
	assert_int_equal(o->retries, 0);
	assert_int_equal(o->consecutive_up, 1000);
	assert_int_equal(o->consecutive_down, 3);
	assert_true(o->follow_redirects);
	assert_int_equal(m->monitors[1].type, WEIR_MONITOR_TCP);
	assert_string_equal(m->monitors[1].method, "connection_established");
	weir_model_free(m);
}

static void expected_codes_are_codes_and_classes(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m, expected_codes: '2xx, 301 ,4XX'}]");
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		bool in = i / 100 == 2 || i == 301 || i / 100 == 4;

		assert_int_equal(weir_monitor_expects(m->monitors, i), in);
		n += in;
	}
	assert_int_equal(n, 201);
	weir_model_free(m);
}

static void a_short_interval_shortens_the_default_timeout(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m, interval: 1}]");

	(void)state;
	assert_int_equal(m->monitors[0].timeout_ms, 1000);
	weir_model_free(m);
}

static void every_hundredth_of_a_weight_is_exact(void **state)
{
	char text[200];

	(void)state;
	for (unsigned i = 0; i <= 100; i++) {
		struct weir_model *m;

		snprintf(
			text, sizeof(text),
			"pools: [{name: p, origins: [{name: a, address: 10.0.0.1, weight: %.2f}]}]",
			i / 100.0);
		m = model_of(text);
		assert_int_equal(m->pools[0].origins[0].weight, i);
		weir_model_free(m);
	}
}

static void pools_and_origins_are_taken(void **state)
{
	struct weir_model *m = model_of(
		"monitors: [{id: a}, {id: b, type: tcp}]\n"
		"pools:\n"
		"- {name: p, monitor: '', " ORIGINS "}\n"
		"- name: q\n  id: Q.1\n  description: d\n  enabled: false\n  minimum_origins: 2\n"
		"  monitor: b\n  origin_steering: {policy: random}\n  load_shedding: ~\n"
		"  check_regions: []\n"
		"  origins:\n"
		"  - {name: x, address: 10.0.0.1, port: 81}\n"
		"  - {name: y, address: 10.0.0.1, port: 82, weight: 0, enabled: false}\n"
		"  - {name: z, address: 2001:DB8::1, port: 1, header: {Host: ['a.b:81']}}\n");
	const struct weir_pool *q = &m->pools[1];

	(void)state;
	assert_int_equal(m->n_origins, 4);
	assert_string_equal(m->pools[0].id, "p");
	assert_null(m->pools[0].monitor);
	assert_true(m->pools[0].enabled);
	assert_int_equal(m->pools[0].minimum_origins, 1);
	assert_int_equal(m->pools[0].origins[0].weight, 100);
	assert_true(m->pools[0].origins[0].enabled);
	assert_null(m->pools[0].origins[0].host);
	assert_string_equal(q->id, "Q.1");
	assert_int_equal(q->index, 1);
	assert_false(q->enabled);
	assert_int_equal(q->minimum_origins, 2);
	assert_ptr_equal(q->monitor, &m->monitors[1]);
	assert_int_equal(q->n_origins, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(q->origins[i].index, i + 1);
	assert_int_equal(q->origins[1].port, 82);
	assert_int_equal(q->origins[1].weight, 0);
	assert_false(q->origins[1].enabled);
	is_addr(&q->origins[2].addr, "2001:db8::1");
	assert_string_equal(q->origins[2].address, "2001:DB8::1");
	assert_string_equal(q->origins[2].host, "a.b:81");
	weir_model_free(m);
}

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
	static const char *const words[WEIR_MODE_COUNT] = { "ipip", "l2", "gue" };

	(void)state;
	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++) {
		struct weir_model *m;
		char text[512];

		snprintf(text, sizeof(text),
			 "agent: {vips: [192.0.2.1]}\n" POOL
			 "load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], "
			 "forwarding: %s, default_pools: [web], fallback_pool: web}]\n",
			 words[mode]);
		m = model_of(text);
		assert_int_equal(m->lbs[0].forwarding, mode);
		assert_string_equal(weir_forwarding_text(mode), words[mode]);
		weir_model_free(m);
	}
}

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

static void a_json_text_with_nul_characters_is_refused(void **state)
{
	json_t *v = json_pack("{s:[{s:s%}]}", "monitors", "id", "a\0b", (size_t)3);
	struct weir_model *m = NULL;
	struct weir_err err;

	(void)state;
	assert_false(weir_model_parse(v, &m, &err));
	assert_string_equal(err.path, "monitors[0].id");
	assert_null(m);
	json_decref(v);
}

static void errors_are_fit_for_json_however_long_the_input(void **state)
{
	char key[1002] = "x";
	struct weir_model *m;
	struct weir_err err;

	(void)state;
	for (unsigned i = 1; i < 1001; i += 2)
		memcpy(key + i, "\xc3\xa9", 2);
	for (unsigned skip = 0; skip < 2; skip++) { /* a cut before and inside a character */
		json_t *v = json_pack("{sn}", key + skip), *text;

		assert_false(weir_model_parse(v, &m, &err));
		text = json_pack("[ss]", err.path, err.text);
		assert_non_null(text);
		assert_non_null(strstr(err.text, "allowed: agent"));
		json_decref(text);
		json_decref(v);
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

static void the_installed_example_is_good(void **state)
{
	static char text[65536];
	FILE *f = fopen("tools/weir.yaml", "r"); /* tests run at the top of the tree */
	struct weir_model *m;
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	m = parsed(text, n);
	assert_int_equal(m->n_lbs, 2);
	assert_int_equal(m->n_pools, 2);
	assert_int_equal(m->n_records, 5);
	assert_string_equal(m->pools[0].monitor->id, "web-check");
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_document_is_a_model_of_defaults),
		cmocka_unit_test(null_is_the_same_as_absent),
		cmocka_unit_test(the_agent_section_is_taken),
		cmocka_unit_test(every_attach_mode_has_its_word),
		cmocka_unit_test(a_monitor_has_the_defaults_of_the_api),
		cmocka_unit_test(a_monitor_is_taken),
		cmocka_unit_test(expected_codes_are_codes_and_classes),
		cmocka_unit_test(a_short_interval_shortens_the_default_timeout),
		cmocka_unit_test(every_hundredth_of_a_weight_is_exact),
		cmocka_unit_test(pools_and_origins_are_taken),
		cmocka_unit_test(affinities_are_taken),
		cmocka_unit_test(source_rules_are_taken),
		cmocka_unit_test(load_balancers_are_taken),
		cmocka_unit_test(every_forwarding_mode_has_its_word),
		cmocka_unit_test(zones_have_defaults),
		cmocka_unit_test(records_are_taken),
		cmocka_unit_test(a_json_text_with_nul_characters_is_refused),
		cmocka_unit_test(errors_are_fit_for_json_however_long_the_input),
		cmocka_unit_test(services_are_bounded),
		cmocka_unit_test(the_installed_example_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
