/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_kinds.c - what probes by smtp, icmp_ping and udp_icmp find, in a network of their own. */
#include "bed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define BANNER "220-mail.example\r\n220 ready\r\n"

static struct server *mail_server(struct bed *b, const char *address)
{
	struct server *s = server_new(b, address, TALKS, NULL);

	s->replies[0] = BANNER;
	s->replies[1] = "250 mail.example\r\n";
	s->replies[2] = "221 bye\r\n";
	return s;
}

static void a_mail_server_that_answers_passes(void **state)
{
	struct bed *b = *state;
	struct server *s = mail_server(b, "127.0.0.1");
	struct weir_verdict v = probe_once(b, monitor_of(WEIR_MONITOR_SMTP), s->at);

	expect_pass(v);
	assert_int_equal(v.status, 221);
	await(b, s->ended == 1);
	assert_string_equal(s->request, "HELO [127.0.0.1]\r\nQUIT\r\n");
	assert_int_equal(s->resets, 0);
	s = mail_server(b, "::1");
	expect_pass(probe_once(b, monitor_of(WEIR_MONITOR_SMTP), s->at));
	assert_string_equal(s->request, "HELO [IPv6:::1]\r\nQUIT\r\n");
}

static void a_mail_server_that_refuses_fails_with_its_code(void **state)
{
	struct bed *b = *state;
	struct server *s = mail_server(b, "127.0.0.1");
	struct weir_monitor m = monitor_of(WEIR_MONITOR_SMTP);

	m.retries = 2; /* only time-outs are repeated */
	s->replies[1] = "421 too busy\r\n";
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(b->seen[0].last.status, 421);
	assert_int_equal(s->accepted, 1);
	s->replies[0] = "HTTP/1.1 400 Bad Request\r\n";
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_CODE_MISMATCH);
	assert_int_equal(b->seen[0].last.status, 0);
}

static void a_mail_server_that_hangs_up_or_is_silent_fails(void **state)
{
	struct bed *b = *state;
	struct server *s = mail_server(b, "127.0.0.1");
	struct weir_monitor m = monitor_of(WEIR_MONITOR_SMTP);
	int fds[3];
	struct weir_sockaddr deaf = deaf_port(fds);

	s->replies[1] = NULL;
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_RESET);
	expect_fail(probe_once(b, m, closed_port()), WEIR_REASON_TCP_FAILED);
	m.timeout_ms = SHORT_MS;
	m.retries = 1;
	s->replies[1] = "250-there is more";
	s->accepted = 0;
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_SMTP_TIMEOUT);
	await(b, s->accepted == 2);
	expect_fail(probe_once(b, m, deaf), WEIR_REASON_TCP_TIMEOUT);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void a_mail_server_without_end_is_cut_off(void **state)
{
	struct bed *b = *state;
	static char reply[1 << 20];
	struct server *s = server_new(b, "127.0.0.1", GREETS, reply);

	memset(reply, 'x', sizeof(reply) - 1);
	memcpy(reply, "220 ", 4);
	expect_fail(probe_once(b, monitor_of(WEIR_MONITOR_SMTP), s->at), WEIR_REASON_CODE_MISMATCH);
	await(b, s->ended == 1);
}

/* --- ping --- */

static struct weir_sockaddr host(const char *address)
{
	struct weir_sockaddr at = { .port = 0 };

	assert_true(weir_addr_parse(address, &at.addr));
	return at;
}

static void pings_are_answered(bool yes)
{
	int fd = open("/proc/sys/net/ipv4/icmp_echo_ignore_all", O_WRONLY);

	assert_int_equal(write(fd, yes ? "0" : "1", 1), 1);
	close(fd);
}

static void a_host_that_answers_pings_passes(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_ICMP_PING);

	expect_pass(probe_once(*state, m, host("127.0.0.1")));
	expect_pass(probe_once(*state, m, host("::1")));
}

static void a_host_that_does_not_fails_after_its_retries(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_ICMP_PING);
	uint64_t start;

	pings_are_answered(false);
	m.timeout_ms = SHORT_MS;
	m.retries = 2;
	start = uv_hrtime();
	expect_fail(probe_once(*state, m, host("127.0.0.1")), WEIR_REASON_ICMP_TIMEOUT);
	assert_true(uv_hrtime() - start >= 3 * (SHORT_MS - 1) * UINT64_C(1000000));
	pings_are_answered(true);
}

static void a_host_without_a_route_is_said_so(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_ICMP_PING);

	expect_fail(probe_once(*state, m, host("192.0.2.1")), WEIR_REASON_UNREACHABLE);
	expect_fail(probe_once(*state, m, host("2001:db8::1")), WEIR_REASON_UNREACHABLE);
	expect_fail(probe_once(*state, m, host("198.51.100.1")), WEIR_REASON_NO_ROUTE);
	m.type = WEIR_MONITOR_UDP_ICMP;
	expect_fail(probe_once(*state, m, host("198.51.100.1")), WEIR_REASON_NO_ROUTE);
}

static void many_pings_at_once_are_told_apart(void **state)
{
	struct bed *b = *state;
	struct weir_monitor m = monitor_of(WEIR_MONITOR_ICMP_PING);
	static struct weir_sockaddr at[2048];

	for (int i = 0; i < 2048; i++) {
		at[i] = host("127.0.0.1");
		at[i].addr.b[14] = (uint8_t)(i / 256);
		at[i].addr.b[15] = (uint8_t)(i % 256);
	}
	at[0] = host("198.51.100.1");
	weir_prober_set(b->prober, &world_new(b, m, 2048, at)->model);
	await(b, all_seen(b, 2048));
	expect_fail(b->seen[0].last, WEIR_REASON_NO_ROUTE);
	for (int i = 1; i < 2048; i++)
		expect_pass(b->seen[i].last);
}

/* An echo as it is seen on the wire, with what a ping of ours carries. */
struct echo {
	struct icmphdr icmp;
	uint64_t token;
};

static void forge(struct echo e, const char *from)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from) };
	const uint16_t *words = (const uint16_t *)&e;
	uint32_t sum = 0;
	int out = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	e.icmp.type = ICMP_ECHOREPLY;
	e.icmp.checksum = 0;
	for (size_t i = 0; i < sizeof(e) / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	e.icmp.checksum = (uint16_t) ~(sum + (sum >> 16));
	assert_int_equal(bind(out, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(sendto(out, &e, sizeof(e), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(e));
	close(out);
}

/* Waits for the next request of ours. */
static struct echo overhear(struct bed *b, int fd)
{
	struct {
		struct iphdr ip;
		struct echo echo;
	} __attribute__((packed)) p;

	do
		while (recv(fd, &p, sizeof(p), MSG_DONTWAIT) != sizeof(p))
			uv_run(&b->loop, UV_RUN_NOWAIT);
	while (p.echo.icmp.type != ICMP_ECHO);
	return p.echo;
}

static void only_the_answer_to_the_request_counts(void **state)
{
	struct bed *b = *state;
	struct weir_sockaddr at = host("127.0.0.1");
	struct weir_monitor m = monitor_of(WEIR_MONITOR_ICMP_PING);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	struct echo right, wrong;

	pings_are_answered(false);
	weir_prober_set(b->prober, &world_new(b, m, 1, &at)->model);
	right = overhear(b, fd);
	wrong = right;
	wrong.token ^= 1;
	forge(wrong, "127.0.0.1");
	forge(right, "127.0.0.2");
	wrong = right;
	wrong.icmp.un.echo.id ^= 1;
	forge(wrong, "127.0.0.1");
	wrong = right;
	wrong.icmp.un.echo.sequence ^= htons(4096); /* the same place, another request */
	forge(wrong, "127.0.0.1");
	for (int i = 0; i < 100; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	assert_int_equal(b->verdicts, 0);
	forge(right, "127.0.0.1");
	await(b, b->verdicts >= 1);
	expect_pass(b->seen[0].last);
	close(fd);
	pings_are_answered(true);
}

/* --- udp --- */

static int udp_socket(struct weir_sockaddr *at, const char *address)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	*at = host(address);
	len = weir_sockaddr_native(at, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	at->port = ntohs(((struct sockaddr_in *)&ss)->sin_port); /* where IPv6 has it, too */
	return fd;
}

static void a_datagram_that_is_not_refused_passes_when_the_time_is_over(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_UDP_ICMP);
	const char *const hosts[] = { "127.0.0.1", "::1" };
	struct weir_sockaddr at;
	uint64_t start;
	char got[16];
	int fd;

	m.timeout_ms = SHORT_MS;
	for (int i = 0; i < 2; i++) {
		fd = udp_socket(&at, hosts[i]);
		start = uv_hrtime();
		expect_pass(probe_once(*state, m, at));
		assert_true(uv_hrtime() - start >= (SHORT_MS - 1) * UINT64_C(1000000));
		assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 5);
		close(fd);
	}
}

static void a_datagram_that_is_refused_fails(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_UDP_ICMP);
	struct weir_sockaddr at;

	close(udp_socket(&at, "127.0.0.1"));
	m.retries = 2;
	expect_fail(probe_once(*state, m, at), WEIR_REASON_UDP_CLOSED);
	close(udp_socket(&at, "::1"));
	expect_fail(probe_once(*state, m, at), WEIR_REASON_UDP_CLOSED);
}

static void on_datagram(uv_poll_t *poll, int status, int events)
{
	int fd = (int)(intptr_t)poll->data;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char got[16];
	ssize_t n = recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &len);

	(void)status;
	(void)events;
	sendto(fd, got, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void a_datagram_that_is_answered_passes_at_once(void **state)
{
	struct bed *b = *state;
	struct weir_monitor m = monitor_of(WEIR_MONITOR_UDP_ICMP); /* the time-out never comes */
	struct weir_sockaddr at;
	int fd = udp_socket(&at, "127.0.0.1");
	uv_poll_t poll = { .data = (void *)(intptr_t)fd };

	uv_poll_init(&b->loop, &poll, fd);
	uv_poll_start(&poll, UV_READABLE, on_datagram);
	expect_pass(probe_once(b, m, at));
	uv_close((uv_handle_t *)&poll, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
	close(fd);
}

static void no_datagram_is_sent_to_a_host_that_answers_no_ping(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_UDP_ICMP);
	struct weir_sockaddr at;
	int fd = udp_socket(&at, "127.0.0.1");
	char got[16];

	pings_are_answered(false);
	m.timeout_ms = SHORT_MS;
	expect_fail(probe_once(*state, m, at), WEIR_REASON_ICMP_TIMEOUT);
	assert_true(recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0);
	close(fd);
	pings_are_answered(true);
}

static void a_probe_that_is_removed_leaves_nothing(void **state)
{
	struct bed *b = *state;
	struct weir_monitor m = monitor_of(WEIR_MONITOR_UDP_ICMP);
	struct weir_sockaddr at[2];
	int fd = udp_socket(&at[0], "127.0.0.1");
	char got[16];

	at[1] = host("127.0.0.1");
	weir_prober_set(b->prober, &world_new(b, m, 1, at)->model);
	while (recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	pings_are_answered(false);
	m.type = WEIR_MONITOR_ICMP_PING;
	weir_prober_set(b->prober, &world_new(b, m, 1, at + 1)->model);
	for (int i = 0; i < 100; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	pings_are_answered(true);
	close(fd);
}

/* Loopback alone, and a network that no packet may go to. */
static int own_network(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) || system("ip link set lo up") ||
	       system("ip route add unreachable 198.51.100.0/24");
}

#define test(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_mail_server_that_answers_passes),
		test(a_mail_server_that_refuses_fails_with_its_code),
		test(a_mail_server_that_hangs_up_or_is_silent_fails),
		test(a_mail_server_without_end_is_cut_off),
		test(a_host_that_answers_pings_passes),
		test(a_host_that_does_not_fails_after_its_retries),
		test(a_host_without_a_route_is_said_so),
		test(many_pings_at_once_are_told_apart),
		test(only_the_answer_to_the_request_counts),
		test(a_datagram_that_is_not_refused_passes_when_the_time_is_over),
		test(a_datagram_that_is_refused_fails),
		test(a_datagram_that_is_answered_passes_at_once),
		test(no_datagram_is_sent_to_a_host_that_answers_no_ping),
		test(a_probe_that_is_removed_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
