/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_prober.c - when probes run, against real sockets on loopback. */
#include "bed.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void probes_come_back_after_the_interval(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_monitor http = http_monitor(), tcp = tcp_monitor();
	struct weir_sockaddr at[2] = { s->at, s->at };
	uint64_t start;

	http.interval_ms = tcp.interval_ms = 20;
	start = uv_hrtime();
	weir_prober_set(b->prober, &world_new(b, http, 2, at)->model);
	await(b, b->seen[0].n >= 10 && b->seen[1].n >= 10);
	assert_true(uv_hrtime() - start >= 140000000); /* eight intervals, and a shorter one */
	b->verdicts = 0;
	weir_prober_set(b->prober, &world_new(b, tcp, 2, at)->model);
	await(b, b->verdicts >= 20);
}

static void what_must_not_be_probed_is_not(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", SILENT, "");
	struct weir_sockaddr at[3] = { s->at, s->at, s->at };
	struct world *w = world_new(b, tcp_monitor(), 3, at);
	struct weir_pool pools[3] = { w->pool, w->pool, w->pool };

	w->origins[0].enabled = false;
	w->monitor.interval_ms = 10;
	pools[1].enabled = false;
	pools[2].monitor = NULL;
	w->model.pools = pools;
	w->model.n_pools = 3;
	weir_prober_set(b->prober, &w->model);
	await(b, b->seen[1].n >= 5);
	assert_int_equal(b->seen[0].n, 0);
	assert_int_equal(b->verdicts, b->seen[1].n + b->seen[2].n);
}

static void every_enabled_monitor_of_a_group_probes(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_monitor http = http_monitor(), tcp = tcp_monitor();
	struct weir_member members[3] = {
		{ .monitor = &http, .enabled = true },
		{ .monitor = &http },
		{ .monitor = &tcp, .enabled = true, .monitoring_only = true }
	};
	struct weir_monitor_group group = { .members = members, .n_members = 3, .n_voters = 1 };
	struct world *w = world_new(b, tcp, 1, &s->at);

	http.interval_ms = tcp.interval_ms = 20;
	w->pool.monitor = NULL;
	w->pool.group = &group;
	weir_prober_set(b->prober, &w->model);
	await(b, b->seen[0].members == 5 && b->seen[0].n >= 10);
	members[2].enabled = false;
	weir_prober_set(b->prober, &w->model);
	b->seen[0].members = b->seen[0].n = 0;
	await(b, b->seen[0].n >= 10);
	assert_int_equal(b->seen[0].members, 1);
	weir_prober_set(b->prober, &world_new(b, tcp, 0, NULL)->model);
}

/* Two origins: a probe of the first hangs, of the second comes back often. */
static void an_undisturbed_target_goes_on_under_its_new_index(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", SILENT, "");
	struct weir_monitor m = http_monitor();
	struct weir_sockaddr none = closed_port();
	struct weir_sockaddr first[1] = { s->at }, second[4] = { none, none, none, s->at };
	struct world *w;

	m.timeout_ms = 5 * SHORT_MS;
	weir_prober_set(b->prober, &world_new(b, m, 1, first)->model);
	await(b, s->accepted == 1);
	w = world_new(b, m, 4, second);
	w->origins[3].name = w->origins[0].name;
	w->origins[0].name = "other";
	w->monitor.consecutive_up = 3; /* what a verdict means is no setting of the probe */
	weir_prober_set(b->prober, &w->model);
	memset(&b->worlds->next->monitor, 0xff, sizeof(m)); /* the first model is gone */
	await(b, b->verdicts >= 4);
	assert_string_equal(b->seen[3].last.reason, WEIR_REASON_HTTP_TIMEOUT);
	assert_string_equal(b->seen[0].last.reason, WEIR_REASON_TCP_FAILED);
	assert_int_equal(s->accepted, 1);
}

static void a_changed_target_starts_again(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", SILENT, "");
	struct weir_monitor m = http_monitor();

	weir_prober_set(b->prober, &world_new(b, m, 1, &s->at)->model);
	await(b, s->accepted == 1);
	m.path = "/other";
	weir_prober_set(b->prober, &world_new(b, m, 1, &s->at)->model);
	await(b, s->accepted == 2 && s->ended == 1);
	assert_int_equal(b->verdicts, 0);
}

static void no_verdict_arrives_for_a_removed_origin(void **state)
{
	struct bed *b = *state;
	struct server *silent = server_new(b, "127.0.0.1", SILENT, "");
	struct server *good = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_monitor m = http_monitor();
	struct weir_sockaddr both[2] = { good->at, silent->at };

	m.timeout_ms = m.interval_ms = SHORT_MS;
	weir_prober_set(b->prober, &world_new(b, m, 2, both)->model);
	await(b, silent->accepted == 1);
	weir_prober_set(b->prober, &world_new(b, m, 1, both)->model);
	await(b, silent->ended == 1);
	await(b, b->seen[0].n >= 4);
	assert_int_equal(b->seen[1].n, 0);
	assert_int_equal(silent->accepted, 1);
}

static void set_another(struct bed *b, uint32_t index)
{
	struct world **worlds = b->arg;

	(void)index;
	weir_prober_set(b->prober, &worlds[b->verdicts % 3]->model);
}

/* Every verdict changes what is probed: to the other kind of probe, to nothing of the old. */
static void a_verdict_may_set_another_model(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_sockaddr none = closed_port();
	struct weir_sockaddr at[4] = { s->at, none, s->at, none };
	struct weir_monitor http = http_monitor(), tcp = tcp_monitor();
	struct world *worlds[3];

	http.interval_ms = tcp.interval_ms = 1;
	worlds[0] = world_new(b, http, 4, at);
	worlds[1] = world_new(b, tcp, 4, at);
	worlds[2] = world_new(b, http, 2, at);
	b->arg = worlds;
	b->on_verdict = set_another;
	weir_prober_set(b->prober, &worlds[0]->model);
	await(b, b->verdicts >= 200);
	b->on_verdict = NULL;
}

static void another_address_and_port_are_probed_where_the_origin_says_so(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "::1", ANSWERS, OK_REPLY);
	struct weir_sockaddr none = closed_port();
	struct world *w = world_new(b, http_monitor(), 1, &none);

	w->origins[0].probe_address = s->at.addr;
	w->origins[0].probe_port = s->at.port;
	w->monitor.port = none.port;
	weir_prober_set(b->prober, &w->model);
	await(b, b->verdicts >= 1);
	expect_pass(b->seen[0].last);
	assert_non_null(strstr(s->request, "Host: [::1]:"));
	w = world_new(b, http_monitor(), 1, &s->at);
	w->origins[0].probe_port = none.port;
	weir_prober_set(b->prober, &w->model);
	await(b, b->verdicts >= 2);
	expect_fail(b->seen[0].last, WEIR_REASON_TCP_FAILED);
}

#define CROWD 1100

static void note_accepted(struct bed *b, uint32_t index)
{
	(void)index;
	if (b->verdicts == 1)
		assert_in_range(((struct server *)b->arg)->accepted, 1, 1024);
}

static void only_so_many_probes_run_at_once_and_all_have_their_turn(void **state)
{
	static struct weir_sockaddr at[CROWD];
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", SILENT, "");
	struct weir_monitor m = monitor_of(WEIR_MONITOR_SMTP); /* one connection each */
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < CROWD; i++)
		at[i] = s->at;
	m.timeout_ms = 3000;
	m.interval_ms = 3600000;
	b->arg = s;
	b->on_verdict = note_accepted;
	weir_prober_set(b->prober, &world_new(b, m, CROWD, at)->model);
	await(b, all_seen(b, CROWD));
	await(b, s->ended == s->accepted);
	assert_in_range(s->accepted, CROWD, CROWD + CROWD / 10);
}

static void a_host_without_descriptors_judges_nobody(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_sockaddr at[2] = { s->at, s->at };
	struct weir_monitor m = http_monitor();
	struct rlimit limit, none;
	uint64_t until;

	m.interval_ms = 10;
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)dup(0);
	close((int)none.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &none);
	weir_prober_set(b->prober, &world_new(b, m, 2, at)->model);
	for (until = uv_hrtime() + 100000000; uv_hrtime() < until;)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_int_equal(b->verdicts, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	await(b, b->verdicts >= 1);
	expect_pass(b->seen[0].n ? b->seen[0].last : b->seen[1].last);
}

#define test(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(probes_come_back_after_the_interval),
		test(what_must_not_be_probed_is_not),
		test(every_enabled_monitor_of_a_group_probes),
		test(an_undisturbed_target_goes_on_under_its_new_index),
		test(a_changed_target_starts_again),
		test(no_verdict_arrives_for_a_removed_origin),
		test(a_verdict_may_set_another_model),
		test(another_address_and_port_are_probed_where_the_origin_says_so),
		test(only_so_many_probes_run_at_once_and_all_have_their_turn),
		test(a_host_without_descriptors_judges_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
