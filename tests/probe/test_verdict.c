/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_verdict.c - what one probe finds, against real sockets on loopback. */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS(s)    "HTTP/1.1 " s "\r\nContent-Length: 0\r\n\r\n"
#define REDIRECT(to) "HTTP/1.1 302 Found\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"
#define NO_END       "HTTP/1.1 200 OK\r\n\r\n"

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
	struct weir_sockaddr at = closed_port();

	expect_fail(probe_once(*state, tcp_monitor(), at), WEIR_REASON_TCP_FAILED);
	expect_fail(probe_once(*state, http_monitor(), at), WEIR_REASON_TCP_FAILED);
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
	await(b, b->seen[0].n >= 2);
	assert_non_null(strstr(s->request, "Host: origin.example\r\n"));
	assert_null(strstr(s->request, "monitor.example"));
}

static void a_host_name_is_the_host_unless_another_is_given(void **state)
{
	struct server *s = server_new(*state, "127.0.0.1", ANSWERS, STATUS("200 OK"));
	const struct weir_header header = { "host", "monitor.example" };
	struct weir_monitor m = http_monitor();
	struct bed *b = *state;
	struct world *w = world_new(b, m, 1, &s->at);

	w->origins[0].host_name = "web.example";
	weir_prober_set(b->prober, &w->model);
	await(b, b->seen[0].n == 1);
	assert_non_null(strstr(s->request, "Host: web.example\r\n"));
	m.headers = &header;
	m.n_headers = 1;
	w = world_new(b, m, 1, &s->at);
	w->origins[0].host_name = "web.example";
	weir_prober_set(b->prober, &w->model);
	await(b, b->seen[0].n == 2);
	assert_non_null(strstr(s->request, "Host: monitor.example\r\n"));
	assert_null(strstr(s->request, "web.example"));
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
	snprintf(reply, sizeof(reply), REDIRECT("https://elsewhere.invalid:%u/x"),
		 closed_port().port);
	s->reply = reply;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_TCP_FAILED);
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
	await((struct bed *)*state, s->ended == s->accepted);
	assert_in_range(s->accepted, 3, 6); /* a busy machine may excuse each of them once */
	m.retries = s->accepted = 0;
	expect_fail(probe_once(*state, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	assert_in_range(s->accepted, 1, 2);
}

struct stall {
	uv_prepare_t handle; /* first */
	struct server *server;
	unsigned left;
};

/* Keeps the loop from all else over a time-out, whenever a probe has just come in. */
static void on_prepare(uv_prepare_t *handle)
{
	struct stall *s = (struct stall *)handle;

	if (!s->left || !s->server->accepted)
		return;
	s->left--;
	s->server->accepted = 0;
	usleep(2 * SHORT_MS * 1000);
}

static void a_late_loop_is_excused_once(void **state)
{
	struct bed *b = *state;
	struct server *s = server_new(b, "127.0.0.1", ANSWERS, OK_REPLY);
	struct stall stall = { .server = s, .left = 1 };
	struct weir_monitor m = http_monitor();

	m.timeout_ms = SHORT_MS;
	uv_prepare_init(&b->loop, &stall.handle);
	uv_prepare_start(&stall.handle, on_prepare);
	expect_pass(probe_once(b, m, s->at));
	assert_int_equal(stall.left, 0);
	s->accepted = 0;
	stall.left = 2;
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_HTTP_TIMEOUT);
	assert_int_equal(stall.left, 0);
	uv_close((uv_handle_t *)&stall.handle, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
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
		test(a_host_name_is_the_host_unless_another_is_given),
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
		test(a_late_loop_is_excused_once),
		test(a_server_that_drips_times_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
