/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_parse.c - good documents: what their fields become, and what is the default. */
#include "parsing.h"

#include "weir/api.h"

static void an_empty_document_is_a_model_of_defaults(void **state)
{
	struct weir_model *m = model_of("");
	char text[WEIR_SOCKADDR_TEXT];
	uint8_t zero[16] = { 0 };

	(void)state;
	assert_string_equal(m->agent.node, "weir");
	assert_int_equal(m->agent.region, WEIR_REGION_NONE);
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
	struct weir_model *m =
		model_of("agent:\n"
			 "  node: lb1\n"
			 "  region: WEU\n"
			 "  interfaces: [eth0, eth1.100]\n"
			 "  attach: generic\n"
			 "  vips: [192.0.2.1, 2001:DB8::1]\n"
			 "  dns:\n"
			 "    listen: [192.0.2.53, '[2001:db8::53]:5353']\n"
			 "    workers: 256\n"
			 "    tls: {listen: [192.0.2.53], certificate: /c.pem, "
			 "key: /k.pem}\n"
			 "    dnstap: {socket: /run/tap, sample: 0.25, identity: me}\n"
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
	assert_int_equal(a->region, WEIR_REGION_WEU);
	assert_int_equal(a->n_interfaces, 2);
	assert_string_equal(a->interfaces[1], "eth1.100");
	assert_int_equal(a->attach, WEIR_ATTACH_GENERIC);
	assert_int_equal(a->n_vips, 2);
	is_addr(&a->vips[1], "2001:db8::1");
	assert_int_equal(a->dns.n_listen, 2);
	assert_string_equal(weir_sockaddr_text(&a->dns.listen[0], text), "192.0.2.53:53");
	assert_int_equal(a->dns.workers, 256);
	assert_int_equal(a->dns.tls.n_listen, 1);
	assert_string_equal(weir_sockaddr_text(&a->dns.tls.listen[0], text), "192.0.2.53:853");
	assert_string_equal(a->dns.tls.certificate, "/c.pem");
	assert_string_equal(a->dns.tls.key, "/k.pem");
	assert_string_equal(a->dns.tap.socket, "/run/tap");
	assert_null(a->dns.tap.file);
	assert_string_equal(a->dns.tap.identity, "me");
	assert_int_equal(a->dns.tap.sample, WEIR_DNS_TAP_ALL / 4);
	assert_string_equal(weir_sockaddr_text(&a->dns.listen[1], text), "[2001:db8::53]:5353");
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

static void the_api_is_nowhere_unless_it_is_configured(void **state)
{
	struct weir_model *m = model_of("agent: {}");

	(void)state;
	assert_int_equal(m->agent.api.n_listen, 0);
	assert_null(m->agent.api.certificate);
	assert_int_equal(strlen(m->agent.api.account_id), 32);
	assert_string_equal(m->agent.api.account_name, "weir");
	weir_model_free(m);
}

static void the_api_section_is_taken(void **state)
{
	struct weir_model *m = model_of("agent:\n"
					"  api:\n"
					"    listen: [192.0.2.1, '[::1]:9001']\n"
					"    tls: {certificate: /c.pem, key: /k.pem}\n"
					"    account: {id: 0123456789abcdef0123456789abcdef, "
					"name: Example Ltd}\n");
	const struct weir_api_conf *a = &m->agent.api;
	char text[WEIR_SOCKADDR_TEXT];

	(void)state;
	assert_int_equal(a->n_listen, 2);
	assert_string_equal(weir_sockaddr_text(&a->listen[0], text), "192.0.2.1:8651");
	assert_string_equal(weir_sockaddr_text(&a->listen[1], text), "[::1]:9001");
	assert_string_equal(a->certificate, "/c.pem");
	assert_string_equal(a->key, "/k.pem");
	assert_false(a->insecure);
	assert_string_equal(a->account_id, "0123456789abcdef0123456789abcdef");
	assert_string_equal(a->account_name, "Example Ltd");
	weir_model_free(m);
}

static void clear_text_on_any_address_can_be_allowed(void **state)
{
	struct weir_model *m = model_of("agent: {control: '192.0.2.1:8650', api: {insecure: true, "
					"listen: ['0.0.0.0:80']}}");

	(void)state;
	assert_true(m->agent.api.insecure);
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
	assert_int_equal(m->n_records, 7);
	assert_string_equal(m->pools[0].monitor->id, "web-check");
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_document_is_a_model_of_defaults),
		cmocka_unit_test(null_is_the_same_as_absent),
		cmocka_unit_test(the_agent_section_is_taken),
		cmocka_unit_test(the_api_is_nowhere_unless_it_is_configured),
		cmocka_unit_test(the_api_section_is_taken),
		cmocka_unit_test(clear_text_on_any_address_can_be_allowed),
		cmocka_unit_test(every_attach_mode_has_its_word),
		cmocka_unit_test(a_json_text_with_nul_characters_is_refused),
		cmocka_unit_test(errors_are_fit_for_json_however_long_the_input),
		cmocka_unit_test(the_installed_example_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
