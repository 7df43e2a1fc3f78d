/* SPDX-License-Identifier: BSD-2-Clause */
/* test_prober.c - probes against real sockets on loopback. */
#include "bed.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OK_REPLY     "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello, World"
#define STATUS(s)    "HTTP/1.1 " s "\r\nContent-Length: 0\r\n\r\n"
#define REDIRECT(to) "HTTP/1.1 302 Found\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"
#define NO_END       "HTTP/1.1 200 OK\r\n\r\n"
#define SHORT_MS     200 /* a time-out that is meant to pass */
#define expect_fail(v, why)                          \
	do {                                         \
		struct weir_verdict v_ = (v);        \
		assert_false(v_.pass);               \
		assert_string_equal(v_.reason, why); \
	} while (0)
#define expect_pass(v)                                            \
	do {                                                      \
		struct weir_verdict v_ = (v);                     \
		assert_string_equal(v_.reason, WEIR_REASON_NONE); \
		assert_true(v_.pass);                             \
		assert_true(v_.rtt_us > 0);                       \
	} while (0)

/* A port that nothing listens on. */
static struct weir_sockaddr closed_port(struct bed *b, const char *address)
{
	struct server *s = server_new(b, address, SILENT, "");
	struct sockaddr_storage ss;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = weir_sockaddr_native(&s->at, &ss);
	struct weir_sockaddr at = s->at;

	((struct sockaddr_in *)&ss)->sin_port = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0); /* bound, does not listen */
	getsockname(fd, (struct sockaddr *)&ss, &len);
	at.port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return at;
}

static void a_tcp_probe_passes_when_the_handshake_completes(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", SILENT, "");

	expect_pass(probe_once(*state, tcp_monitor(), s->at));
	await((struct bed *)*state, s->ended == 1);
	assert_int_equal(s->accepted, 1);
	assert_int_equal(s->resets, 0);
}

static void a_tcp_probe_works_over_ipv6(void **state)
{
	struct server *s = server_new(*state, "::1", SILENT, "");

	expect_pass(probe_once(*state, tcp_monitor(), s->at));
}

static void a_refused_connection_is_a_failed_one(void **state)
{
	struct weir_sockaddr at = closed_port(*state, "127.0.0.1");

	expect_fail(probe_once(*state, tcp_monitor(), at), WEIR_REASON_TCP_FAILED);
	expect_fail(probe_once(*state, http_monitor(), at), WEIR_REASON_TCP_FAILED);
}

/* A listener whose queue is full: the kernel drops every further SYN. */
static struct weir_sockaddr deaf_port(int fds[3])
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct weir_sockaddr at;

	for (int i = 0; i < 3; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (i ? SOCK_NONBLOCK : 0), 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	getsockname(fds[0], (struct sockaddr *)&in, &len);
	for (int i = 1; i < 3; i++)
		(void)!connect(fds[i], (struct sockaddr *)&in, len);
	at.addr = weir_addr_v4(&in.sin_addr);
	at.port = ntohs(in.sin_port);
	return at;
}

static void a_connection_nobody_answers_times_out(void **state)
{
	struct weir_monitor tcp = tcp_monitor(), http = http_monitor();
	int fds[3];
	struct weir_sockaddr at = deaf_port(fds);

	tcp.timeout_ms = http.timeout_ms = SHORT_MS;
	expect_fail(probe_once(*state, tcp, at), WEIR_REASON_TCP_TIMEOUT);
	expect_fail(probe_once(*state, http, at), WEIR_REASON_TCP_TIMEOUT);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void an_unreachable_network_is_said_so(void **state)
{
	struct weir_sockaddr at = { .port = 80 };

	assert_true(weir_addr_parse("224.0.0.1", &at.addr)); /* a group: TCP cannot go there */
	expect_fail(probe_once(*state, tcp_monitor(), at), WEIR_REASON_UNREACHABLE);
	expect_fail(probe_once(*state, http_monitor(), at), WEIR_REASON_UNREACHABLE);
}

static void a_greeting_does_not_disturb_a_tcp_probe(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", GREETS, "220 mail\r\n");

	expect_pass(probe_once(*state, tcp_monitor(), s->at));
}

static void an_http_probe_passes_on_the_expected_code(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_verdict v = probe_once(*state, http_monitor(), s->at);

	expect_pass(v);
	assert_int_equal(v.status, 200);
	assert_non_null(strstr(s->request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:"));
}

static void an_http_probe_works_over_ipv6(void **state)
{
	struct server *s = server_new(*state, "::1", ANSWERS, OK_REPLY);

	expect_pass(probe_once(*state, http_monitor(), s->at));
	assert_non_null(strstr(s->request, "Host: [::1]:"));
}

static void no_proxy_is_asked(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, OK_REPLY);

	setenv("http_proxy", "http://192.0.2.1:3128", 1);
	expect_pass(probe_once(*state, http_monitor(), s->at));
	unsetenv("http_proxy");
}

static void another_code_fails_and_is_told(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, STATUS("503 Busy"));
	struct weir_monitor m = http_monitor();

	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(((struct bed *)*state)->seen[0].last.status, 503);
	m.retries = 3; /* only time-outs are repeated */
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(s->accepted, 2);
	expect_code(&m, 503);
	expect_pass(probe_once(*state, m, s->at));
}

static void the_body_must_hold_the_text_in_any_case(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, OK_REPLY);
	struct weir_monitor m = http_monitor();

	m.expected_body = "LO, world";
	expect_pass(probe_once(*state, m, s->at));
	m.expected_body = "goodbye";
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_BODY_MISMATCH);
}

static void headers_and_method_are_sent_and_the_origins_host_wins(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, STATUS("200 OK"));
	const struct weir_header headers[] = { { "host", "monitor.example" },
					       { "X-Probe", "one" },
					       { "X-Probe", "two" },
					       { "X-Empty", "" } };
	struct weir_monitor m = http_monitor();
	struct bed *b = *state;
	struct world *w;

	m.headers = headers;
	m.n_headers = 4;
	m.method = "OPTIONS";
	m.path = "/a/../b?c=d";
	expect_pass(probe_once(b, m, s->at));
	assert_non_null(strstr(s->request, "OPTIONS /a/../b?c=d HTTP/1.1\r\n"));
	assert_non_null(strstr(s->request, "Host: monitor.example\r\n"));
	assert_non_null(strstr(s->request, "X-Probe: one\r\nX-Probe: two\r\nX-Empty:\r\n"));
	w = world_new(b, m, 1, &s->at);
	w->origins[0].host = "origin.example";
	weir_prober_set(b->prober, &w->model);
	await(b, b->seen[0].n == 2);
	assert_non_null(strstr(s->request, "Host: origin.example\r\n"));
	assert_null(strstr(s->request, "monitor.example"));
}

static void head_expects_no_body(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS,
				      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
	struct weir_monitor m = http_monitor();

	m.method = "HEAD";
	expect_pass(probe_once(*state, m, s->at));
	assert_non_null(strstr(s->request, "HEAD / HTTP/1.1\r\n"));
}

static void a_redirect_is_followed_only_when_asked_for(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, REDIRECT("/there"));
	struct weir_monitor m = http_monitor();

	s->reply_to_other = OK_REPLY;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(s->accepted, 1);
	m.follow_redirects = true;
	m.expected_body = "hello";
	expect_pass(probe_once(*state, m, s->at));
	assert_int_equal(s->accepted, 3); /* a fresh connection for each request */
}

static void redirects_end_after_five(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, REDIRECT("/"));
	struct weir_monitor m = http_monitor();

	m.follow_redirects = true;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(s->accepted, 6);
}

static void a_redirect_stays_at_the_endpoint(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, NULL);
	struct weir_monitor m = http_monitor();
	char reply[256];

	snprintf(reply, sizeof(reply), REDIRECT("http://elsewhere.invalid:%u/x"), s->at.port);
	s->reply = reply;
	s->reply_to_other = OK_REPLY;
	m.follow_redirects = true;
	expect_pass(probe_once(*state, m, s->at));
	assert_non_null(strstr(s->request, "Host: elsewhere.invalid:"));
	s->reply = REDIRECT("https://127.0.0.1/");
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
	s->reply = REDIRECT("file:///etc/passwd");
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_CODE_MISMATCH);
}

static void an_endless_body_is_cut_off(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ENDLESS, NO_END "needle");
	struct weir_monitor m = http_monitor();

	m.expected_body = "needle";
	expect_pass(probe_once(*state, m, s->at));
	m.expected_body = "haystack";
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_BODY_MISMATCH);
	await((struct bed *)*state, s->ended == 2);
}

static void what_comes_after_ten_kilobytes_is_not_looked_at(void **state)
{
	static char reply[32768];
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, reply);
	struct weir_monitor m = http_monitor();
	size_t head;

	strcpy(reply, NO_END);
	head = strlen(reply);
	memset(reply + head, 'x', 20000);
	memcpy(reply + head + 10240 - 4, "edge", 4);
	memcpy(reply + head + 12000, "beyond", 6);
	m.expected_body = "xedge";
	expect_pass(probe_once(*state, m, s->at));
	m.expected_body = "beyond";
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_BODY_MISMATCH);
}

static void a_megabyte_of_headers_is_cut_off(void **state)
{
	static char reply[1 << 20];
	struct server *s = server_new(*state, "127.0.0.1", ENDLESS, reply);
	size_t n = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\n");

	while (n + 100 < sizeof(reply))
		n += (size_t)sprintf(reply + n, "X-%zu: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", n);
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
	s->reply = "HTTP/1.1 200 OK\r\nX-One: "; /* then one line without end */
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
	s->reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 1";
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
}

static void what_is_not_http_is_invalid(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, "+PONG\r\n");

	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
	s->reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short";
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
	s->reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
	s->manner = HANGS_UP;
	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_HTTP_INVALID);
}

static void a_reset_is_said_so(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", RESETS, "");

	expect_fail(probe_once(*state, http_monitor(), s->at), WEIR_REASON_RESET);
}

/* Places for probes are used again, and so is what libcurl keeps in them. */
static void a_failure_is_not_blamed_on_an_earlier_one(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", RESETS, OK_REPLY);
	struct weir_monitor m = http_monitor();
	int fds[3];
	struct weir_sockaddr deaf = deaf_port(fds);

	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_RESET);
	s->manner = HANGS_UP;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_INVALID);
	s->manner = ANSWERS;
	expect_pass(probe_once(*state, m, s->at));
	m.timeout_ms = SHORT_MS;
	expect_fail(probe_once(*state, m, deaf), WEIR_REASON_TCP_TIMEOUT);
	assert_int_equal(((struct bed *)*state)->seen[0].last.status, 0);
	s->manner = SILENT;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void a_time_out_is_repeated_at_once_as_often_as_told(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", SILENT, "");
	struct weir_monitor m = http_monitor();

	m.timeout_ms = SHORT_MS;
	m.retries = 2;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	await((struct bed *)*state, s->ended == 3);
	assert_int_equal(s->accepted, 3);
	m.retries = 0;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	assert_int_equal(s->accepted, 4);
}

static void a_server_that_drips_times_out(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", DRIPS, "HTTP/1.1 200 OK\r\nX: ");
	struct weir_monitor m = http_monitor();

	m.timeout_ms = SHORT_MS;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	s->reply = NO_END;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
}

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
	assert_true(uv_hrtime() - start >= 150000000); /* nine intervals, less the start's spread */
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
	assert_in_range(b->verdicts - b->seen[1].n - b->seen[2].n, 0, 0);
}

/* Two origins: a probe of the first hangs, of the second comes back often. */
static void an_undisturbed_target_goes_on_under_its_new_index(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", SILENT, "");
	struct weir_monitor m = http_monitor();
	struct weir_sockaddr none = closed_port(b, "127.0.0.1");
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
	await(b, b->verdicts == 4);
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
	struct weir_sockaddr none = closed_port(b, "127.0.0.1");
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
	struct weir_monitor m = http_monitor();
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < CROWD; i++)
		at[i] = s->at;
	m.timeout_ms = 3000;
	m.interval_ms = 60000;
	b->arg = s;
	b->on_verdict = note_accepted;
	weir_prober_set(b->prober, &world_new(b, m, CROWD, at)->model);
	await(b, b->verdicts == CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(b->seen[i].n, 1);
	await(b, s->ended == CROWD);
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
		test(a_tcp_probe_passes_when_the_handshake_completes),
		test(a_tcp_probe_works_over_ipv6),
		test(a_refused_connection_is_a_failed_one),
		test(a_connection_nobody_answers_times_out),
		test(an_unreachable_network_is_said_so),
		test(a_greeting_does_not_disturb_a_tcp_probe),
		test(an_http_probe_passes_on_the_expected_code),
		test(an_http_probe_works_over_ipv6),
		test(no_proxy_is_asked),
		test(another_code_fails_and_is_told),
		test(the_body_must_hold_the_text_in_any_case),
		test(headers_and_method_are_sent_and_the_origins_host_wins),
		test(head_expects_no_body),
		test(a_redirect_is_followed_only_when_asked_for),
		test(redirects_end_after_five),
		test(a_redirect_stays_at_the_endpoint),
		test(an_endless_body_is_cut_off),
		test(what_comes_after_ten_kilobytes_is_not_looked_at),
		test(a_megabyte_of_headers_is_cut_off),
		test(what_is_not_http_is_invalid),
		test(a_reset_is_said_so),
		test(a_failure_is_not_blamed_on_an_earlier_one),
		test(a_time_out_is_repeated_at_once_as_often_as_told),
		test(a_server_that_drips_times_out),
		test(probes_come_back_after_the_interval),
		test(what_must_not_be_probed_is_not),
		test(an_undisturbed_target_goes_on_under_its_new_index),
		test(a_changed_target_starts_again),
		test(no_verdict_arrives_for_a_removed_origin),
		test(a_verdict_may_set_another_model),
		test(only_so_many_probes_run_at_once_and_all_have_their_turn),
		test(a_host_without_descriptors_judges_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
