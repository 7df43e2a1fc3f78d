/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_nat.c - addresses that are translated: what a document may say of them, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "model/model.h"
#include "model/yaml.h"

#define VIPS  "vips: [192.0.2.1, 192.0.2.2, '2001:db8::1']"
#define AGENT "agent: {" VIPS ", nat: {sources: [198.51.100.1]}}\n"
#define POOL  "pools: [{name: web, origins: [{name: a, address: 10.0.0.1}]}]\n"
#define POOL8 "pools: [{name: web, origins: [{name: a, address: 10.0.0.1, port: 8080}]}]\n"
#define LB    "proxied: true, default_pools: [web], fallback_pool: web, vips: [192.0.2.1]"

static bool parse(const char *text, struct weir_model **out, struct weir_err *err)
{
	struct weir_lines *lines;
	json_t *root;
	bool ok;

	if (!weir_yaml_parse(text, strlen(text), &root, &lines, err))
		return false;
	ok = weir_model_parse(root, out, err);
	json_decref(root);
	weir_lines_free(lines);
	return ok;
}

static struct weir_model *model_of(const char *text)
{
	struct weir_model *m = NULL;
	struct weir_err err;

	if (!parse(text, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	return m;
}

static void without_a_section_there_are_no_sources(void **state)
{
	struct weir_model *m = model_of(POOL);

	(void)state;
	assert_int_equal(m->agent.nat.n, 0);
	weir_model_free(m);
}

static void sources_have_ports_below_those_of_the_host(void **state)
{
	struct weir_model *m =
		model_of("agent: {nat: {sources: [198.51.100.1, 'fd00::1', 198.51.100.2]}}\n");
	char text[WEIR_ADDR_TEXT];

	(void)state;
	assert_int_equal(m->agent.nat.n, 3);
	assert_string_equal(weir_addr_text(&m->agent.nat.addrs[1], text), "fd00::1");
	assert_int_equal(m->agent.nat.first_port, 1024);
	assert_int_equal(m->agent.nat.last_port, 32767);
	weir_model_free(m);
}

static void ports_can_be_said(void **state)
{
	struct weir_model *m =
		model_of("agent: {nat: {sources: [198.51.100.1], ports: [1, 65535]}}\n");

	(void)state;
	assert_int_equal(m->agent.nat.first_port, 1);
	assert_int_equal(m->agent.nat.last_port, 65535);
	weir_model_free(m);
}

/* Documents that are fine. */
static const char *const good[] = {
	/* An origin of two pools, of a pool that is also the fallback: the same service. */
	"agent: {" VIPS "}\n"
	"pools: [{name: web, origins: [{name: a, address: 10.0.0.1, port: 80}]},\n"
	"        {name: more, origins: [{name: a, address: 10.0.0.1}]}]\n"
	"load_balancers: [{name: a.b, forwarding: nat, listeners: [tcp/80, udp/80], proxied: true,\n"
	"  default_pools: [web, more], fallback_pool: more, vips: [192.0.2.1]}]\n",
	/* Protocols, and ports that are the listeners'. */
	"agent: {" VIPS "}\n" POOL8 "load_balancers: [\n"
	"  {name: a.b, forwarding: nat, listeners: [tcp/80, udp/80], " LB "}]\n",
	"agent: {" VIPS "}\n" POOL "load_balancers: [\n"
	"  {name: a.b, forwarding: nat, listeners: [tcp/80, tcp/81], " LB "},\n"
	"  {name: c.b, forwarding: nat, listeners: [tcp/82], " LB "}]\n",
	/* Another way than nat has the same endpoint. */
	AGENT POOL8 "load_balancers: [{name: a.b, forwarding: nat, listeners: [tcp/80], " LB "},\n"
		    "  {name: c.b, forwarding: fullnat, listeners: [tcp/81, tcp/82], " LB "},\n"
		    "  {name: d.b, forwarding: ipip, listeners: [tcp/83, tcp/84], " LB "}]\n",
	/* A VIP of the other family that is not this balancer's. */
	"agent: {vips: [192.0.2.1, '2001:db8::1'], nat: {sources: ['fd00::1']}}\n"
	"pools: [{name: web, origins: [{name: a, address: 'fd01::1'}]}]\n"
	"load_balancers: [{name: a.b, proxied: true, listeners: [tcp/80], vips: ['2001:db8::1'],\n"
	"  default_pools: [web], fallback_pool: web, forwarding: fullnat}]\n",
};

static void whose_replies_are_whose_is_clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		weir_model_free(model_of(good[i]));
}

static const struct bad {
	const char *says, *text, *path, *fragment;
} bad[] = {
	{ "no sources", "agent: {nat: {ports: [1, 2]}}", "agent.nat", "sources is missing" },
	{ "an empty list of them", "agent: {nat: {sources: []}}", "agent.nat.sources",
	  "has 0 items, not 1 to 8" },
	{ "nine of them", "agent: {nat: {sources: [1.1.1.1, 1.1.1.2, 1, 1, 1, 1, 1, 1, 1]}}",
	  "agent.nat.sources", "has 9 items, not 1 to 8" },
	{ "a source that is a network", "agent: {nat: {sources: [192.0.2.0/24]}}",
	  "agent.nat.sources[0]", "\"192.0.2.0/24\" is not an IPv4 or IPv6 address" },
	{ "a source that is multicast", "agent: {nat: {sources: ['ff02::1']}}",
	  "agent.nat.sources[0]", "not the address of one machine" },
	{ "a source that is there twice", "agent: {nat: {sources: ['fd00::1', 'fd00:0::1']}}",
	  "agent.nat.sources[1]", "fd00::1 is listed twice" },
	{ "a source that is a VIP", "agent: {" VIPS ", nat: {sources: ['fd00::1', 192.0.2.2]}}",
	  "agent.nat", "192.0.2.2 is a VIP" },
	{ "one port", "agent: {nat: {sources: [192.0.2.1], ports: [5]}}", "agent.nat.ports",
	  "has 1 items, not 2 to 2" },
	{ "port 0", "agent: {nat: {sources: [192.0.2.1], ports: [0, 5]}}", "agent.nat.ports[0]",
	  "must be a port, 1 to 65535" },
	{ "port 65536", "agent: {nat: {sources: [192.0.2.1], ports: [5, 65536]}}",
	  "agent.nat.ports[1]", "must be a port, 1 to 65535" },
	{ "ports that are the wrong way round",
	  "agent: {nat: {sources: [192.0.2.1], ports: [6, 5]}}", "agent.nat.ports",
	  "the first one, 6, is behind the last one, 5" },
	{ "fullnat without sources",
	  "agent: {" VIPS "}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: fullnat, listeners: [tcp/80], " LB "}]",
	  "load_balancers[0].forwarding", "agent.nat.sources has none of IPv4" },
	{ "fullnat without sources of the VIP's family",
	  "agent: {vips: ['2001:db8::1'], nat: {sources: [198.51.100.1]}}\n"
	  "pools: [{name: web, origins: [{name: a, address: 'fd01::1'}]}]\n"
	  "load_balancers: [{name: a.b, forwarding: fullnat, listeners: [tcp/80], proxied: true,\n"
	  "  default_pools: [web], fallback_pool: web}]",
	  "load_balancers[0].forwarding", "none of IPv6, the family of the VIP 2001:db8::1" },
	{ "an origin that is a source",
	  "agent: {" VIPS ", nat: {sources: [10.0.0.1]}}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: fullnat, listeners: [tcp/80], " LB "}]",
	  "load_balancers[0]", "from its own address" },
	{ "nat of another family",
	  "agent: {" VIPS "}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: nat, proxied: true,\n"
	  "  listeners: [tcp/80], default_pools: [web], fallback_pool: web}]",
	  "load_balancers[0].forwarding",
	  "nat cannot change the address family: origin \"a\" of pool \"web\" is 10.0.0.1" },
	{ "fullnat of another family",
	  "agent: {" VIPS ", nat: {sources: [198.51.100.1, 'fd00::1']}}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: fullnat, proxied: true,\n"
	  "  listeners: [tcp/80], default_pools: [web], fallback_pool: web}]",
	  "load_balancers[0].forwarding", "fullnat cannot change the address family" },
	{ "one port for two listeners",
	  "agent: {" VIPS "}\n" POOL8
	  "load_balancers: [{name: a.b, forwarding: nat, listeners: [tcp/80, tcp/81], " LB "}]",
	  "load_balancers[0].forwarding",
	  "those of origin \"a\" of pool \"web\", 10.0.0.1 port 8080, would be of tcp/80 on "
	  "192.0.2.1 (a.b) and of tcp/81 on 192.0.2.1 (a.b) alike; give it a port for each of "
	  "them, or use fullnat" },
	{ "one endpoint for two VIPs",
	  "agent: {" VIPS "}\n" POOL
	  "load_balancers: [{name: a.b, forwarding: nat, listeners: [udp/80], proxied: true,\n"
	  "  default_pools: [web], fallback_pool: web, vips: [192.0.2.1, 192.0.2.2]}]",
	  "load_balancers[0].forwarding",
	  "of udp/80 on 192.0.2.1 (a.b) and of udp/80 on 192.0.2.2 (a.b)" },
	{ "one endpoint for two load balancers",
	  "agent: {" VIPS "}\n" POOL8
	  "load_balancers: [{name: a.b, forwarding: nat, listeners: [tcp/80], " LB "},\n"
	  "                 {name: c.b, forwarding: nat, listeners: [tcp/81], " LB "}]",
	  "load_balancers[1].forwarding",
	  "of tcp/80 on 192.0.2.1 (a.b) and of tcp/81 on 192.0.2.1 (c.b)" },
	{ "a port of its own that is another listener's",
	  "agent: {" VIPS "}\n"
	  "pools: [{name: web, origins: [{name: a, address: 10.0.0.1, port: 81},\n"
	  "                              {name: b, address: 10.0.0.1}]}]\n"
	  "load_balancers: [{name: a.b, forwarding: nat, listeners: [tcp/80, tcp/81], " LB "}]",
	  "load_balancers[0].forwarding", "10.0.0.1 port 81" },
};

static void what_is_not_clear_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct bad *b = &bad[i];
		struct weir_model *m = NULL;
		struct weir_err err;

		if (parse(b->text, &m, &err))
			fail_msg("%s: taken", b->says);
		if (strcmp(err.path, b->path) != 0 || !strstr(err.text, b->fragment))
			fail_msg("%s: %s: %s", b->says, err.path, err.text);
	}
}

/* More places than there is room for, in one load balancer. */
static void places_are_counted(void **state)
{
	static char text[4096 + 64 * 300];
	struct weir_model *m = NULL;
	struct weir_err err;

	(void)state;
	for (int n = 256; n <= 257; n++) { /* × 64 listeners */
		size_t used = (size_t)snprintf(text, sizeof(text),
					       "agent: {" VIPS "}\npools: [{name: web, origins: [");

		for (int i = 0; i < n; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s{name: o%d, address: 10.0.%d.%d}",
						 i ? ", " : "", i, i / 200, i % 200 + 1);
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "]}]\nload_balancers: [{name: a.b, forwarding: nat, " LB
					 ", listeners: [");
		for (int i = 1; i <= 64; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%stcp/%d",
						 i > 1 ? ", " : "", i);
		snprintf(text + used, sizeof(text) - used, "]}]\n");
		assert_int_equal(parse(text, &m, &err), n == 256);
		if (n == 256)
			weir_model_free(m);
	}
	assert_string_equal(err.path, "load_balancers[0].forwarding");
	assert_non_null(strstr(err.text, "more than 16384 addresses and ports"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_section_there_are_no_sources),
		cmocka_unit_test(sources_have_ports_below_those_of_the_host),
		cmocka_unit_test(ports_can_be_said),
		cmocka_unit_test(whose_replies_are_whose_is_clear),
		cmocka_unit_test(what_is_not_clear_is_refused),
		cmocka_unit_test(places_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
