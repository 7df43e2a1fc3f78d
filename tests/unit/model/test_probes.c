/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_probes.c - the fields of monitors and pools that say how probes are made: what they become,
 * and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "model/model.h"
#include "model/yaml.h"

#define CERT         "-----BEGIN CERTIFICATE-----\\nMII=\\n-----END CERTIFICATE-----\\n"
#define KEY          "-----BEGIN EC PRIVATE KEY-----\\nMII=\\n-----END EC PRIVATE KEY-----\\n"
#define POOL(fields) "pools: [{name: p, origins: [{name: a, address: 10.0.0.1}], " fields "}]"
#define VIPS         "agent: {vips: [192.0.2.1], gue_port: 99}\n"
#define USED(type)                              \
	"monitors: [{id: m, type: " type "}]\n" \
	"pools: [{name: p, monitor: m, origins: [{name: a, address: 10.0.0.1}]}]"

struct bad {
	const char *says, *text, *path, *fragment;
};

static const struct bad documents[] = {
	{ "a path of a ping", "monitors: [{id: m, type: icmp_ping, path: /}]", "monitors[0].path",
	  "for http and https monitors; this one is icmp_ping" },
	{ "a header of a mail server", "monitors: [{id: m, type: smtp, header: {Host: [a]}}]",
	  "monitors[0].header", "this one is smtp" },
	{ "a body of a datagram", "monitors: [{id: m, type: udp_icmp, expected_body: x}]",
	  "monitors[0].expected_body", "this one is udp_icmp" },
	{ "an insecure connection", "monitors: [{id: m, type: tcp, allow_insecure: true}]",
	  "monitors[0].allow_insecure", "this one is tcp" },
	{ "a probe zone of a connection", "monitors: [{id: m, type: tcp, probe_zone: a.b}]",
	  "monitors[0].probe_zone", "this one is tcp" },
	{ "a method of a mail server", "monitors: [{id: m, type: smtp, method: GET}]",
	  "monitors[0].method", "the method of smtp monitors" },
	{ "a datagram to no port", USED("udp_icmp"), "pools[0].origins[0]",
	  "neither has its udp_icmp monitor" },
	{ "a mail server at no port", USED("smtp"), "pools[0].origins[0]",
	  "neither has its smtp monitor" },
	{ "a way of a ping",
	  VIPS "monitors: [{id: m, type: icmp_ping, via: {forwarding: ipip, vip: 192.0.2.1}}]",
	  "monitors[0].via", "for tcp monitors; this one is icmp_ping" },
	{ "a way that is no tunnel",
	  VIPS "monitors: [{id: m, type: tcp, via: {forwarding: l2, vip: 192.0.2.1}}]",
	  "monitors[0].via.forwarding", "one of: ipip, gue" },
	{ "a way to no VIP of this balancer",
	  VIPS "monitors: [{id: m, type: tcp, via: {forwarding: gue, vip: 192.0.2.2}}]",
	  "monitors[0].via.vip", "not one of agent.vips" },
	{ "a way to nowhere", VIPS "monitors: [{id: m, type: tcp, via: {forwarding: ipip}}]",
	  "monitors[0].via", "vip is missing" },
	{ "a probed address that is a name",
	  "pools: [{name: p, origins: [{name: a, address: 10.0.0.1, probe_address: a.b}]}]",
	  "pools[0].origins[0].probe_address", "not an IPv4 or IPv6 address" },
	{ "a probed port beyond 16 bits",
	  "pools: [{name: p, origins: [{name: a, address: 10.0.0.1, probe_port: 65536}]}]",
	  "pools[0].origins[0].probe_port", "from 0 to 65535" },
	{ "a version that there is not", POOL("min_tls_version: 1.4"), "pools[0].min_tls_version",
	  "1.0, 1.1, 1.2 or 1.3" },
	{ "a version that is a whole number", POOL("max_tls_version: 1"),
	  "pools[0].max_tls_version", "1.0, 1.1, 1.2 or 1.3" },
	{ "a version by another name", POOL("max_tls_version: TLSv1.2"), "pools[0].max_tls_version",
	  "1.0, 1.1, 1.2 or 1.3" },
	{ "a greatest version less than the least",
	  POOL("min_tls_version: 1.3, max_tls_version: '1.2'"), "pools[0].max_tls_version",
	  "less than min_tls_version" },
	{ "ciphers with a line break", POOL("tls_ciphers: \"A\\nB\""), "pools[0].tls_ciphers",
	  "list of ciphers" },
	{ "a server name that is none", POOL("tls_sni_hostname: 'a b'"),
	  "pools[0].tls_sni_hostname", "not a host name" },
	{ "a certificate name that is none", POOL("tls_cert_hostname: 'a/b'"),
	  "pools[0].tls_cert_hostname", "not a host name" },
	{ "a relative path", POOL("tls_ca_cert: ca.pem"), "pools[0].tls_ca_cert",
	  "absolute path of a file nor PEM text with a certificate" },
	{ "a certificate without an end",
	  POOL("tls_ca_cert: \"-----BEGIN CERTIFICATE-----\\nMII\""), "pools[0].tls_ca_cert",
	  "PEM text with a certificate" },
	{ "a certificate that ends as a key",
	  POOL("tls_ca_cert: \"-----BEGIN CERTIFICATE-----\\n-----END EC PRIVATE KEY-----\""),
	  "pools[0].tls_ca_cert", "PEM text with a certificate" },
	{ "a key for a certificate",
	  POOL("tls_client_cert: \"" KEY "\", tls_client_key: \"" KEY "\""),
	  "pools[0].tls_client_cert", "PEM text with a certificate" },
	{ "a certificate for a key",
	  POOL("tls_client_cert: \"" CERT "\", tls_client_key: \"" CERT "\""),
	  "pools[0].tls_client_key", "PEM text with a private key" },
	{ "a key with a password",
	  POOL("tls_client_cert: /c, tls_client_key: \"-----BEGIN ENCRYPTED PRIVATE KEY-----\\n"
	       "MII=\\n-----END ENCRYPTED PRIVATE KEY-----\\n\""),
	  "pools[0].tls_client_key", "is encrypted" },
	{ "a client's certificate without its key", POOL("tls_client_cert: /c"),
	  "pools[0].tls_client_cert", "needs tls_client_key" },
	{ "a client's key without its certificate", POOL("tls_client_key: /k"),
	  "pools[0].tls_client_key", "needs tls_client_cert" },
	{ "an authority of what is not checked", POOL("tls_check_cert: false, tls_ca_cert: /c"),
	  "pools[0].tls_ca_cert", "means nothing" },
	{ "a name of what is not checked", POOL("tls_check_cert: false, tls_cert_hostname: a.b"),
	  "pools[0].tls_cert_hostname", "means nothing" },
};

#define N (sizeof(documents) / sizeof(documents[0]))

static bool parse(const char *text, struct weir_model **m, struct weir_err *err)
{
	struct weir_lines *lines;
	bool good;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, err))
		fail_msg("not YAML: %u:%u %s", err->line, err->column, err->text);
	good = weir_model_parse(v, m, err);
	json_decref(v);
	weir_lines_free(lines);
	return good;
}

static struct weir_model *model_of(const char *text)
{
	struct weir_err err = { 0 };
	struct weir_model *m;

	if (!parse(text, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	return m;
}

static void is_refused(void **state)
{
	const struct bad *b = *state;
	struct weir_err err = { 0 };
	struct weir_model *m = NULL;

	if (parse(b->text, &m, &err))
		fail_msg("accepted");
	assert_null(m);
	assert_string_equal(err.path, b->path);
	if (!strstr(err.text, b->fragment))
		fail_msg("\"%s\" does not say \"%s\"", err.text, b->fragment);
}

static void every_type_has_its_word(void **state)
{
	static const char *const words[] = {
		"http", "https", "tcp", "udp_icmp", "icmp_ping", "smtp"
	};
	char text[200];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct weir_model *m;

		snprintf(text, sizeof(text), "monitors: [{id: m, type: %s}]", words[i]);
		m = model_of(text);
		assert_int_equal(m->monitors[0].type, i);
		assert_string_equal(weir_monitor_type_text(i), words[i]);
		assert_int_equal(weir_monitor_is_http(&m->monitors[0]), i < 2);
		assert_string_equal(m->monitors[0].method,
				    i < 2 ? "GET" : "connection_established");
		weir_model_free(m);
	}
}

static void what_https_knows_is_taken(void **state)
{
	struct weir_model *m = model_of("monitors: [{id: m, type: https, allow_insecure: true, "
					"probe_zone: example.com}, {id: n, type: https}]");

	(void)state;
	assert_true(m->monitors[0].allow_insecure);
	assert_string_equal(m->monitors[0].probe_zone, "example.com");
	assert_string_equal(m->monitors[0].expected_text, "200");
	assert_false(m->monitors[1].allow_insecure);
	assert_string_equal(m->monitors[1].probe_zone, "");
	weir_model_free(m);
}

static void who_needs_no_port_gets_none(void **state)
{
	(void)state;
	weir_model_free(model_of(USED("icmp_ping")));
	weir_model_free(model_of(USED("http")));
	weir_model_free(model_of(USED("https")));
}

static void a_probe_may_go_another_way(void **state)
{
	struct weir_model *m = model_of(
		VIPS
		"monitors: [{id: m, type: tcp, via: {forwarding: gue, vip: 192.0.2.1}}, "
		"{id: n, type: tcp, via: {forwarding: ipip, vip: 192.0.2.1}}]\n"
		"pools: [{name: p, monitor: m, origins: [{name: a, address: 10.0.0.1, "
		"probe_address: '2001:db8::1', probe_port: 81}, {name: b, address: 10.0.0.2, port: 1}]}]");
	const struct weir_origin *o = m->pools[0].origins;
	char text[WEIR_ADDR_TEXT];

	(void)state;
	assert_int_equal(m->monitors[0].via->mode, WEIR_MODE_GUE);
	assert_int_equal(m->monitors[0].via->gue_port, 99);
	assert_string_equal(weir_addr_text(&m->monitors[0].via->vip, text), "192.0.2.1");
	assert_int_equal(m->monitors[1].via->mode, WEIR_MODE_IPIP);
	assert_string_equal(weir_addr_text(&o[0].addr, text), "10.0.0.1");
	assert_string_equal(weir_addr_text(&o[0].probe_address, text), "2001:db8::1");
	assert_int_equal(o[0].probe_port, 81);
	assert_string_equal(weir_addr_text(&o[1].probe_address, text), "::");
	assert_int_equal(o[1].probe_port, 0);
	weir_model_free(m);
}

static void a_pool_demands_of_tls_what_is_usual(void **state)
{
	struct weir_model *m = model_of(POOL("tls_ciphers: '', tls_sni_hostname: '', "
					     "tls_ca_cert: ~, tls_client_cert: ''"));
	const struct weir_tls *tls = &m->pools[0].tls;

	(void)state;
	assert_true(tls->check_cert);
	assert_int_equal(tls->min_version + tls->max_version, WEIR_TLS_ANY);
	assert_null(tls->ciphers);
	assert_null(tls->sni_hostname);
	assert_null(tls->cert_hostname);
	assert_null(tls->ca_cert);
	assert_null(tls->client_cert);
	assert_null(tls->client_key);
	weir_model_free(m);
}

static void what_a_pool_demands_of_tls_is_taken(void **state)
{
	struct weir_model *m = model_of(
		POOL("min_tls_version: 1.0, max_tls_version: '1.3', tls_ciphers: 'A-B:!C@D=1', "
		     "tls_sni_hostname: A.example., tls_cert_hostname: b.example, tls_ca_cert: "
		     "/etc/ca.pem, tls_client_cert: \"" CERT "\", tls_client_key: \"" KEY "\""));
	const struct weir_tls *tls = &m->pools[0].tls;

	(void)state;
	assert_int_equal(tls->min_version, WEIR_TLS_1_0);
	assert_int_equal(tls->max_version, WEIR_TLS_1_3);
	assert_string_equal(tls->ciphers, "A-B:!C@D=1");
	assert_string_equal(tls->sni_hostname, "a.example");
	assert_string_equal(tls->cert_hostname, "b.example");
	assert_string_equal(tls->ca_cert, "/etc/ca.pem");
	assert_non_null(strstr(tls->client_cert, "MII="));
	assert_non_null(strstr(tls->client_key, "EC PRIVATE"));
	weir_model_free(m);
	m = model_of(POOL("min_tls_version: 1.1, max_tls_version: 1.2, tls_check_cert: false"));
	assert_int_equal(m->pools[0].tls.min_version, WEIR_TLS_1_1);
	assert_int_equal(m->pools[0].tls.max_version, WEIR_TLS_1_2);
	assert_false(m->pools[0].tls.check_cert);
	weir_model_free(m);
}

int main(void)
{
	const struct CMUnitTest good[] = {
		cmocka_unit_test(every_type_has_its_word),
		cmocka_unit_test(what_https_knows_is_taken),
		cmocka_unit_test(who_needs_no_port_gets_none),
		cmocka_unit_test(a_probe_may_go_another_way),
		cmocka_unit_test(a_pool_demands_of_tls_what_is_usual),
		cmocka_unit_test(what_a_pool_demands_of_tls_is_taken),
	};
	static struct CMUnitTest bad[N];

	for (size_t i = 0; i < N; i++)
		bad[i] = (struct CMUnitTest){ .name = documents[i].says,
					      .test_func = is_refused,
					      .initial_state = (void *)&documents[i] };
	return cmocka_run_group_tests(good, NULL, NULL) |
	       cmocka_run_group_tests_name("fields that are refused", bad, NULL, NULL);
}
