/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hosts.c - what host names of origins become, by the addresses that are known of them. */
#include "parsing.h"

#include "model/view.h"

#define MAX_ADDRESSES 40

static union weir_addr addr(const char *text)
{
	union weir_addr a;

	assert_true(weir_addr_parse(text, &a));
	return a;
}

/* What is known: "NAME ADDRESS ADDRESS, NAME ADDRESS". */
struct known {
	struct weir_host hosts[8];
	union weir_addr addrs[8][MAX_ADDRESSES];
	struct weir_hosts all;
	char text[1024];
};

static const struct weir_hosts *known(struct known *k, const char *text)
{
	char *rest = k->text, *item;

	*k = (struct known){ .all.hosts = k->hosts };
	strcpy(k->text, text);
	while ((item = strsep(&rest, ","))) {
		struct weir_host *h = &k->hosts[k->all.n];
		char *words = item + strspn(item, " "), *word = strsep(&words, " ");

		*h = (struct weir_host){ .name = word, .addrs = k->addrs[k->all.n] };
		while ((word = strsep(&words, " ")))
			k->addrs[k->all.n][h->n++] = addr(word);
		k->all.n++;
	}
	return &k->all;
}

static struct weir_model *model_with(const char *text, const char *hosts)
{
	struct weir_lines *lines;
	struct weir_model *m;
	struct weir_err err;
	struct known k;
	json_t *v;

	if (!weir_yaml_parse(text, strlen(text), &v, &lines, &err))
		fail_msg("%u:%u %s", err.line, err.column, err.text);
	if (!weir_model_build(v, hosts ? known(&k, hosts) : NULL, &m, &err))
		fail_msg("%s: %s", err.path, err.text);
	json_decref(v);
	weir_lines_free(lines);
	memset(&k, 0xff, sizeof(k)); /* the model must not need it */
	return m;
}

static void is_origin(const struct weir_origin *o, const char *name, const char *address,
		      unsigned weight, const char *fault)
{
	assert_string_equal(o->name, name);
	assert_string_equal(o->address, address);
	assert_int_equal(o->weight, weight);
	if (!fault)
		assert_null(o->fault);
	else if (!o->fault || !strstr(o->fault, fault))
		fail_msg("\"%s\" does not say \"%s\"", o->fault ? o->fault : "", fault);
}

#define THREE                                                                                 \
	"pools: [{name: p, origins: [{name: a, address: 10.0.0.1, weight: 0.5},\n"            \
	" {name: h, address: Web.Example.com., weight: 0.01, port: 81, enabled: false},\n"    \
	" {name: z, address: 10.0.0.9}]}, {name: q, origins: [{name: q, address: 10.0.0.8}, " \
	"{name: w, address: web.example.com}]}]\n"

static void each_address_is_an_origin_with_an_equal_share(void **state)
{
	struct weir_model *m = model_with(THREE, "web.example.com 10.0.1.1 2001:db8::1 10.0.1.2");
	const struct weir_origin *o = m->pools[0].origins;

	(void)state;
	assert_int_equal(m->n_hosts, 1);
	assert_string_equal(m->hosts[0], "web.example.com");
	assert_int_equal(m->pools[0].n_origins, 5);
	is_origin(&o[0], "a", "10.0.0.1", WEIR_WEIGHT_MAX / 2, NULL);
	assert_null(o[0].host_name);
	is_origin(&o[1], "h", "10.0.1.1", WEIR_WEIGHT_MAX / 300, NULL);
	is_origin(&o[2], "h", "2001:db8::1", WEIR_WEIGHT_MAX / 300, NULL);
	is_addr(&o[2].addr, "2001:db8::1");
	assert_string_equal(o[2].host_name, "web.example.com");
	assert_int_equal(o[2].port, 81);
	assert_false(o[2].enabled);
	is_origin(&o[4], "z", "10.0.0.9", WEIR_WEIGHT_MAX, NULL);
	is_origin(&m->pools[1].origins[3], "w", "10.0.1.2", WEIR_WEIGHT_MAX / 3, NULL);
	assert_int_equal(m->n_origins, 9);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal((i < 5 ? &o[i] : &m->pools[1].origins[i - 5])->index, i);
	weir_model_free(m);
}

static void a_name_without_an_address_is_one_origin_that_nobody_can_reach(void **state)
{
	static const char *const hosts[] = { NULL, "", "web.example.com",
					     "other.example.com 10.0.0.7" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct weir_model *m = model_with(THREE, hosts[i]);

		assert_int_equal(m->n_origins, 5);
		is_origin(&m->pools[0].origins[1], "h", "web.example.com", 0, "DNS Unknown Host");
		is_origin(&m->pools[1].origins[1], "w", "web.example.com", 0, "DNS Unknown Host");
		weir_model_free(m);
	}
}

static void who_cannot_be_reached_leaves_its_share_to_the_others(void **state)
{
	struct weir_model *m =
		model_with("agent: {vips: [192.0.2.1], outer_source: [10.9.0.0/16],\n"
			   "  nat: {sources: [192.0.2.7]}}\n"
			   "pools: [{name: p, origins: [{name: h, address: h.example}]}]",
			   "h.example 192.0.2.1 10.9.0.1 10.0.0.1 192.0.2.7 224.0.0.1 10.0.0.2");
	const struct weir_origin *o = m->pools[0].origins;

	(void)state;
	assert_int_equal(m->pools[0].n_origins, 6);
	is_origin(&o[0], "h", "192.0.2.1", 0, "a VIP of this balancer");
	is_origin(&o[1], "h", "10.9.0.1", 0, "agent.outer_source");
	is_origin(&o[2], "h", "10.0.0.1", WEIR_WEIGHT_MAX / 2, NULL);
	is_origin(&o[3], "h", "192.0.2.7", 0, "agent.nat.sources");
	is_origin(&o[4], "h", "224.0.0.1", 0, "one machine");
	is_origin(&o[5], "h", "10.0.0.2", WEIR_WEIGHT_MAX / 2, NULL);
	weir_model_free(m);
}

static void who_is_written_as_an_address_goes_before_who_has_it_by_a_name(void **state)
{
	struct weir_model *m = model_with(
		"pools: [{name: p, origins: [{name: h, address: h.example}, {name: a, address: "
		"10.0.0.1}, {name: i, address: i.example}, {name: j, address: i.example, port: 1}]}]",
		"h.example 10.0.0.1 10.0.0.2, i.example 10.0.0.2");
	const struct weir_origin *o = m->pools[0].origins;

	(void)state;
	is_origin(&o[0], "h", "10.0.0.1", 0, "another origin");
	is_origin(&o[1], "h", "10.0.0.2", WEIR_WEIGHT_MAX, NULL);
	is_origin(&o[2], "a", "10.0.0.1", WEIR_WEIGHT_MAX, NULL);
	is_origin(&o[3], "i", "10.0.0.2", 0, "another origin");
	is_origin(&o[4], "j", "10.0.0.2", WEIR_WEIGHT_MAX, NULL);
	weir_model_free(m);
}

static void no_more_than_32_addresses_are_used(void **state)
{
	struct weir_model *m;
	char text[1024] = "h.example";

	(void)state;
	for (unsigned i = 0; i < MAX_ADDRESSES; i++)
		sprintf(text + strlen(text), " 10.0.0.%u", i + 1);
	m = model_with("pools: [{name: p, origins: [{name: h, address: h.example, weight: 0.01}]}]",
		       text);
	assert_int_equal(m->n_origins, WEIR_HOST_ADDRESSES);
	assert_int_equal(m->pools[0].origins[0].weight, 18); /* of 600 / 32 */
	weir_model_free(m);
}

static void addresses_that_rewriting_cannot_reach_are_left_out(void **state)
{
	struct weir_model *m = model_with(
		"agent: {vips: [192.0.2.1, '2001:db8::1']}\n"
		"pools: [{name: p, origins: [{name: h, address: h.example}]},\n"
		"  {name: q, origins: [{name: h, address: h.example}]}]\n"
		"load_balancers:\n"
		"- {name: a.b, proxied: true, listeners: [tcp/1], forwarding: l2, vips: [192.0.2.1],\n"
		"   default_pools: [p], fallback_pool: p}\n"
		"- {name: c.b, proxied: true, listeners: [tcp/2], default_pools: [q], fallback_pool: q}\n",
		"h.example 10.0.0.1 fd00::1");

	(void)state;
	is_origin(&m->pools[0].origins[0], "h", "10.0.0.1", WEIR_WEIGHT_MAX, NULL);
	is_origin(&m->pools[0].origins[1], "h", "fd00::1", 0, "address family");
	is_origin(&m->pools[1].origins[1], "h", "fd00::1", WEIR_WEIGHT_MAX / 2, NULL);
	weir_model_free(m);
}

static void whether_a_document_is_good_does_not_depend_on_the_world(void **state)
{
	static const char *const worlds[] = {
		NULL,
		"h.example 10.0.0.1, web.example.com 10.0.0.1 192.0.2.1 fd00::1",
		"h.example ff02::1, web.example.com 192.0.2.1",
		"h.example fd00::2 fd00::3, web.example.com 10.0.0.9 10.0.0.9",
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct weir_model *m = model_with(
			"agent: {vips: [192.0.2.1]}\nmonitors: [{id: m, type: tcp, port: 1}]\n" THREE
			"load_balancers: [{name: a.b, proxied: true, listeners: [tcp/1, udp/1],\n"
			"  forwarding: l2, default_pools: [p], fallback_pool: q}]",
			worlds[i]);
		uint32_t sum = 0;

		for (uint32_t k = 0; k < m->pools[1].n_origins; k++)
			sum += m->pools[1].origins[k].weight;
		assert_true(sum == WEIR_WEIGHT_MAX || sum == 2 * WEIR_WEIGHT_MAX);
		weir_model_free(m);
	}
}

static void who_cannot_be_reached_serves_nobody_even_as_the_last_resort(void **state)
{
	struct weir_model *m =
		model_with("pools: [{name: p, origins: [{name: h, address: h.example}]}]\n"
			   "load_balancers: [{name: a.b, default_pools: [p], fallback_pool: p}]\n",
			   NULL);
	struct weir_health health = { 0 };
	struct weir_arena *arena = weir_arena_new();
	const struct weir_view *v;

	(void)state;
	weir_health_init(&health, 0);
	v = weir_view_build(m, &(struct weir_facts){ .health = &health }, arena);
	assert_int_equal(v->pools[0].healthy, 0);
	assert_null(v->lbs[0].pool);
	assert_int_equal(weir_view_mix(&v->lbs[0])->n_serving, 0);
	weir_arena_free(arena);
	weir_model_free(m);
}

static void host_names_are_bounded(void **state)
{
	char *text = weir_alloc(1u << 17, 1), *end = text;
	struct weir_lines *lines;
	struct weir_model *m;
	struct weir_err err;
	json_t *v;

	(void)state;
	end += sprintf(end, "pools:\n- name: p\n  origins:\n");
	for (unsigned i = 0; i < WEIR_MAX_HOSTS; i++)
		end += sprintf(end, "  - {name: o%u, address: h%u.example}\n", i, i);
	m = model_of(text);
	assert_int_equal(m->n_hosts, WEIR_MAX_HOSTS);
	weir_model_free(m);
	sprintf(end, "  - {name: more, address: more.example}\n");
	assert_true(weir_yaml_parse(text, strlen(text), &v, &lines, &err));
	assert_false(weir_model_parse(v, &m, &err));
	assert_string_equal(err.path, "pools[0].origins[1024].address");
	assert_non_null(strstr(err.text, "more than 1024 host names"));
	json_decref(v);
	weir_lines_free(lines);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_an_origin_with_an_equal_share),
		cmocka_unit_test(a_name_without_an_address_is_one_origin_that_nobody_can_reach),
		cmocka_unit_test(who_cannot_be_reached_leaves_its_share_to_the_others),
		cmocka_unit_test(who_is_written_as_an_address_goes_before_who_has_it_by_a_name),
		cmocka_unit_test(no_more_than_32_addresses_are_used),
		cmocka_unit_test(addresses_that_rewriting_cannot_reach_are_left_out),
		cmocka_unit_test(whether_a_document_is_good_does_not_depend_on_the_world),
		cmocka_unit_test(who_cannot_be_reached_serves_nobody_even_as_the_last_resort),
		cmocka_unit_test(host_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
