/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an operator's document to an answer: DNS names who serves now, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "asked.h"
#include "wire.h"

static const char document[] =
	"{'agent': {'vips': ['203.0.113.1', '2001:db8::1']},"
	" 'zones': [{'name': 'example.com', 'ns': ['ns1.example.com'], 'minimum': 60}],"
	" 'monitors': [{'id': 'm', 'type': 'tcp', 'port': 80}],"
	" 'pools': [{'name': 'first', 'monitor': 'm', 'minimum_origins': 2, 'origins': ["
	"   {'name': 'a', 'address': '10.0.0.1', 'weight': 0.5},"
	"   {'name': 'b', 'address': '10.0.0.2', 'weight': 0.5},"
	"   {'name': 'c', 'address': '10.0.0.3', 'weight': 0.5}]},"
	"  {'name': 'second', 'monitor': 'm', 'origins': ["
	"   {'name': 'd', 'address': '10.0.1.1'}, {'name': 'e', 'address': 'fd00::5'}]}],"
	" 'load_balancers': ["
	"  {'name': 'Direct.example.com.', 'default_pools': ['first'], 'fallback_pool': 'second'},"
	"  {'name': 'vip.example.com', 'proxied': true, 'listeners': ['tcp/80'],"
	"   'default_pools': ['first'], 'fallback_pool': 'second'}],"
	" 'records': [{'type': 'CNAME', 'name': 'www.example.com', 'content': 'direct.example.com'}]}";

struct answers {
	struct weir_model *model;
	struct weir_health health[5]; /* a .. e */
};

static void set_health(struct answers *a, const char *states)
{
	for (unsigned i = 0; i < 5; i++)
		a->health[i].state = states[i] == '+' ? WEIR_HEALTHY : WEIR_UNHEALTHY;
}

/* Asks a snapshot of the present state: the last words of the answers, sorted, and SOA if it is
 * denied. */
static void expect(struct answers *a, const char *name, unsigned type, const char *want)
{
	struct weir_arena *arena = weir_arena_new();
	struct weir_zones *z = world_build(
		weir_view_build(a->model, &(struct weir_facts){ .health = a->health }, arena));
	struct msg m = ask(name, type);
	uint8_t out[WEIR_DNS_UDP_SIZE];
	char got[512] = "";
	struct reply r;

	weir_arena_free(arena);
	assert_true(
		read_reply(&r, out, world_answer(z, m.b, m.len, false, 0, out, sizeof(out)), &m));
	for (unsigned host = 0; host < 10; host++)
		for (unsigned i = 0; i < r.n[1]; i++) {
			const char *last = strrchr(r.lines[i], ' ') + 1;

			if (last[strlen(last) - 1] == (char)('0' + host))
				snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", last);
		}
	strcat(got, r.n[2] ? "SOA" : "");
	assert_string_equal(got, want);
	assert_int_equal(r.rcode, 0);
	reply_free(&r);
	weir_zones_free(z);
}

static void only_healthy_origins_of_the_chosen_pool_are_named(void **state)
{
	struct answers *a = *state;

	set_health(a, "+++++");
	expect(a, "direct.example.com", A, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	expect(a, "www.example.com", A, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	set_health(a, "+-+++");
	expect(a, "direct.example.com", A, "10.0.0.1 10.0.0.3 ");
	expect(a, "direct.example.com", AAAA, "SOA");
}

static void below_its_threshold_a_pool_gives_way_to_the_fallback(void **state)
{
	struct answers *a = *state;

	set_health(a, "+--++");
	expect(a, "direct.example.com", A, "10.0.1.1 ");
	expect(a, "direct.example.com", AAAA, "fd00::5 ");
	set_health(a, "++-++");
	expect(a, "direct.example.com", A, "10.0.0.1 10.0.0.2 ");
}

static void a_proxied_balancer_names_its_vips_whatever_the_health(void **state)
{
	struct answers *a = *state;

	set_health(a, "-----");
	expect(a, "vip.example.com", A, "203.0.113.1 ");
	expect(a, "vip.example.com", AAAA, "2001:db8::1 ");
	set_health(a, "+++++");
	expect(a, "vip.example.com", A, "203.0.113.1 ");
}

static int setup(void **state)
{
	struct answers *a = weir_new(struct answers);
	struct weir_err err = { .text = "" };
	char text[sizeof(document)];
	json_t *root;

	for (size_t i = 0; i < sizeof(document); i++)
		text[i] = document[i] == '\'' ? '"' : document[i];
	root = json_loads(text, 0, NULL);
	if (!root || !weir_model_parse(root, &a->model, &err)) {
		print_error("%s: %s\n", err.path, err.text);
		return -1;
	}
	json_decref(root);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct answers *a = *state;

	weir_model_free(a->model);
	free(a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_healthy_origins_of_the_chosen_pool_are_named),
		cmocka_unit_test(below_its_threshold_a_pool_gives_way_to_the_fallback),
		cmocka_unit_test(a_proxied_balancer_names_its_vips_whatever_the_health),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
