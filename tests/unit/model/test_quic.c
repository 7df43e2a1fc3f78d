/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_quic.c - what a document says of names of servers in QUIC connection ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/yaml.h"
#include "weir/abi.h"

#define AGENT "agent: {vips: [192.0.2.1]}\n"
#define POOL                                                                    \
	"{name: p, origins: [{name: a, address: 10.0.0.1, server_id: '0a1F'}, " \
	"{name: b, address: 10.0.0.2}, {name: c, address: 10.0.0.3, server_id: ff00}]}"
#define VIA "{name: a.b, proxied: true, listeners: [udp/443], "
#define ONE "default_pools: [p], fallback_pool: p, "
#define LB  AGENT "pools: [" POOL "]\nload_balancers: [" VIA ONE

/* NULL: err says why. */
static struct weir_model *parse(const char *text, struct weir_err *err)
{
	struct weir_model *m = NULL;
	struct weir_lines *lines;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, err))
		fail_msg("not YAML: %u:%u %s", err->line, err->column, err->text);
	weir_model_parse(v, &m, err);
	json_decref(v);
	weir_lines_free(lines);
	return m;
}

static struct weir_model *model_of(const char *text)
{
	struct weir_err err;
	struct weir_model *m = parse(text, &err);

	if (!m)
		fail_msg("%s: %s", err.path, err.text);
	return m;
}

static void refused(const char *text, const char *path, const char *fragment)
{
	struct weir_err err = { 0 };

	if (parse(text, &err))
		fail_msg("accepted: %s", text);
	assert_string_equal(err.path, path);
	if (!strstr(err.text, fragment))
		fail_msg("\"%s\" does not say \"%s\"", err.text, fragment);
}

static void names_are_taken(void **state)
{
	struct weir_model *m =
		model_of(LB "udp: quic, quic: {config_rotation: 6, server_id_length: 2}}]\n");

	(void)state;
	assert_true(m->lbs[0].quic);
	assert_false(m->lbs[0].udp_request);
	assert_int_equal(m->lbs[0].config_rotation, 6);
	assert_int_equal(m->lbs[0].server_id_length, 2);
	assert_int_equal(m->pools[0].origins[0].server_id, 0x0a1f);
	assert_int_equal(m->pools[0].origins[0].server_id_bytes, 2);
	assert_int_equal(m->pools[0].origins[1].server_id_bytes, 0);
	assert_int_equal(m->pools[0].origins[2].server_id, 0xff00);
	weir_model_free(m);
}

static void every_length_of_a_name_is_taken(void **state)
{
	char text[512];

	(void)state;
	for (unsigned n = 1; n <= 8; n++) {
		struct weir_model *m;

		snprintf(text, sizeof(text),
			 AGENT "pools: [{name: p, origins: [{name: a, address: 10.0.0.1, "
			       "server_id: '%.*s'}]}]\nload_balancers: [" VIA ONE
			       "udp: quic, quic: {server_id_length: %u}}]",
			 (int)(2 * n), "fedcba9876543210", n);
		m = model_of(text);
		assert_int_equal(m->lbs[0].config_rotation, 0);
		assert_int_equal(m->pools[0].origins[0].server_id,
				 0xfedcba9876543210ull >> (64 - 8 * n));
		weir_model_free(m);
	}
}

static void nobody_need_have_a_name(void **state)
{
	struct weir_model *m =
		model_of(AGENT "pools: [{name: p, origins: [{name: a, address: 10.0.0.1}]}]\n"
			       "load_balancers: [" VIA ONE "udp: quic}]");

	(void)state;
	assert_true(m->lbs[0].quic);
	assert_int_equal(m->lbs[0].server_id_length, 0);
	weir_model_free(m);
}

/* Of balancers that do not look at connection ids. */
static void a_name_may_have_no_use(void **state)
{
	(void)state;
	weir_model_free(model_of(LB "udp: flow}]"));
	weir_model_free(
		model_of(AGENT "pools: [" POOL "]\nload_balancers: [{name: a.b, " ONE "}]"));
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "''",
					   "'0'",
					   "'0a1'",
					   "'0x0a'",
					   "'0a1g'",
					   "'0a 1'",
					   "'00112233445566778'",
					   "'001122334455667788'" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text),
			 "pools: [{name: p, origins: [{name: a, address: 10.0.0.1, server_id: "
			 "%s}]}]",
			 bad[i]);
		refused(text, "pools[0].origins[0].server_id",
			"is not 1 to 8 bytes as hexadecimal digits, as in \"0a1f\"");
	}
	refused("pools: [{name: p, origins: [{name: a, address: 10.0.0.1, server_id: 12}]}]",
		"pools[0].origins[0].server_id", "must be a text, not a number");
}

static void settings_out_of_range_are_refused(void **state)
{
	(void)state;
	refused(LB "udp: quic, quic: {config_rotation: 7, server_id_length: 2}}]",
		"load_balancers[0].quic.config_rotation", "7 is not from 0 to 6");
	refused(LB "udp: quic, quic: {server_id_length: 9}}]",
		"load_balancers[0].quic.server_id_length", "9 is not from 1 to 8");
	refused(LB "udp: quic, quic: {config_rotation: 1}}]", "load_balancers[0].quic",
		"server_id_length is missing");
	refused(LB "udp: quic, quic: {nonce_length: 1}}]", "load_balancers[0].quic.nonce_length",
		"unknown key");
	refused(LB "quic: {server_id_length: 2}}]", "load_balancers[0].quic",
		"quic is for udp: quic");
	refused(LB "udp: request, quic: {server_id_length: 2}}]", "load_balancers[0].quic",
		"quic is for udp: quic");
	refused(AGENT "pools: [" POOL "]\nload_balancers: [{name: a.b, " ONE
		      "quic: {server_id_length: 2}}]",
		"load_balancers[0].quic", "is for proxied load balancers");
}

static void names_of_another_length_are_refused(void **state)
{
	(void)state;
	refused(LB "udp: quic}]", "load_balancers[0].quic",
		"server_id_length must be 2: so long is the server_id of origin \"a\" of pool "
		"\"p\"");
	refused(LB "udp: quic, quic: {server_id_length: 3}}]", "load_balancers[0].quic",
		"server_id_length must be 2");
}

/* Pool q has an origin, too. */
#define TWO(mode, origin)                                                          \
	AGENT "pools: [" POOL ", {name: q, origins: [{name: d, " origin "}]}]\n"   \
	      "load_balancers: [" VIA "forwarding: " mode ", default_pools: [p], " \
	      "fallback_pool: q, udp: quic, quic: {server_id_length: 2}}]"

static void a_name_is_one_endpoints(void **state)
{
	(void)state;
	weir_model_free(model_of(TWO("ipip", "address: 10.0.0.4, server_id: 0a20")));
	weir_model_free(model_of(TWO("ipip", "address: 10.0.0.1, server_id: 0a20")));
	weir_model_free(model_of(TWO("ipip", "address: 10.0.0.1, server_id: 0a1f")));
	weir_model_free(model_of(TWO("ipip", "address: 10.0.0.1, port: 81, server_id: 0a1f")));
	weir_model_free(model_of(TWO("nat", "address: 10.0.0.1, server_id: 0a1f")));
	refused(TWO("ipip", "address: 10.0.0.4, server_id: 0A1F"), "load_balancers[0]",
		"origin \"d\" of pool \"q\" has the server_id of origin \"a\", 10.0.0.1");
	refused(TWO("nat", "address: 10.0.0.1, port: 81, server_id: 0a1f"), "load_balancers[0]",
		"has the server_id of origin \"a\"");
}

static void there_is_room_for_so_many_names(void **state)
{
	const unsigned most = WEIR_MAX_SERVER_IDS / 2;
	char *text = malloc(128 * most), *at = text;
	struct weir_model *m;

	(void)state;
	assert_non_null(text);
	at += sprintf(at, AGENT "pools:\n- {name: p, origins: [");
	for (unsigned i = 0; i < most; i++)
		at += sprintf(at, "{name: o%u, address: 10.0.%u.%u, server_id: '%04x'}, ", i,
			      i >> 8, i & 255, i);
	at += sprintf(at,
		      "]}\n- {name: q, origins: [{name: a, address: 10.1.0.1, server_id: 'ff'}]}\n"
		      "load_balancers:\n- " VIA ONE "udp: quic, quic: {server_id_length: 2}}\n");
	m = model_of(text);
	weir_model_free(m);
	sprintf(at, "- {name: b.b, proxied: true, listeners: [udp/444], default_pools: [q],\n"
		    "   fallback_pool: q, udp: quic, quic: {server_id_length: 1}}\n");
	refused(text, "load_balancers[1]", "more than 16384 server ids in all load balancers");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken),
		cmocka_unit_test(every_length_of_a_name_is_taken),
		cmocka_unit_test(nobody_need_have_a_name),
		cmocka_unit_test(a_name_may_have_no_use),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(settings_out_of_range_are_refused),
		cmocka_unit_test(names_of_another_length_are_refused),
		cmocka_unit_test(a_name_is_one_endpoints),
		cmocka_unit_test(there_is_room_for_so_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
