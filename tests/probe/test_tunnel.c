/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_tunnel.c - tcp probes through a tunnel to a VIP, in a network of their own: the endpoint's
 * kernel is this one, and its tunnel takes outer headers off as long as the test wants it to. */
#include "bed.h"

#include <netinet/ip.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/segment.h"

#define VIP4      "192.0.2.77"
#define VIP6      "2001:db8::77"
#define ENDPOINT4 "127.0.0.2"
#define ENDPOINT6 "::1"
#define GUE_PORT  6080

/* The far end of the tunnel. */
struct far {
	uv_poll_t poll; /* first */
	int fd, out4, out6;
	bool outer4, has_outer; /* what is read begins with an outer header */
	unsigned packets;
};

static struct weir_sockaddr at(const char *address, uint16_t port)
{
	struct weir_sockaddr s = { .port = port };

	assert_true(weir_addr_parse(address, &s.addr));
	return s;
}

/* Takes the outer header off, and gives the rest to the kernel. */
static void on_packet(uv_poll_t *poll, int status, int events)
{
	struct far *f = (struct far *)poll;
	uint8_t data[512];
	struct sockaddr_storage to;
	struct weir_sockaddr inner = { .port = 0 };
	ssize_t n = recv(f->fd, data, sizeof(data), 0);
	size_t head = f->has_outer ? sizeof(struct iphdr) : 0;
	bool v4 = data[head] >> 4 == 4;
	socklen_t len;

	(void)status;
	(void)events;
	assert_true(n > (ssize_t)head);
	inner.addr = v4 ? weir_addr_v4(data + head + 16) : weir_addr_v6(data + head + 24);
	len = weir_sockaddr_native(&inner, &to);
	assert_int_equal(sendto(v4 ? f->out4 : f->out6, data + head, (size_t)n - head, 0,
				(struct sockaddr *)&to, len),
			 n - (ssize_t)head);
	f->packets++;
}

static struct far *far_open(struct bed *b, const char *endpoint, int protocol)
{
	struct far *f = calloc(1, sizeof(*f));
	struct weir_sockaddr own = at(endpoint, protocol == IPPROTO_UDP ? GUE_PORT : 0);
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(&own, &ss);

	f->has_outer = ss.ss_family == AF_INET && protocol != IPPROTO_UDP;
	f->fd = socket(ss.ss_family, protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW, protocol);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&ss, len), 0);
	f->out4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	f->out6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	uv_poll_init(&b->loop, &f->poll, f->fd);
	uv_poll_start(&f->poll, UV_READABLE, on_packet);
	return f;
}

static void on_far_closed(uv_handle_t *h)
{
	free(h);
}

static void far_close(struct bed *b, struct far *f)
{
	uv_close((uv_handle_t *)&f->poll, on_far_closed);
	close(f->fd);
	close(f->out4);
	close(f->out6);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

static struct weir_verdict probe(struct bed *b, const struct weir_via *via, const char *endpoint,
				 uint16_t port)
{
	struct weir_monitor m = tcp_monitor();

	m.via = via;
	m.timeout_ms = 10 * SHORT_MS;
	return probe_once(b, m, at(endpoint, port));
}

struct way {
	const char *says, *vip, *endpoint;
	int protocol; /* of the outer header */
	uint8_t mode;
};

static const struct way ways[] = {
	{ "IPv4 in IPv4", VIP4, ENDPOINT4, IPPROTO_IPIP, WEIR_MODE_IPIP },
	{ "IPv6 in IPv4", VIP6, ENDPOINT4, IPPROTO_IPV6, WEIR_MODE_IPIP },
	{ "IPv4 in IPv6", VIP4, ENDPOINT6, IPPROTO_IPIP, WEIR_MODE_IPIP },
	{ "IPv6 in IPv6", VIP6, ENDPOINT6, IPPROTO_IPV6, WEIR_MODE_IPIP },
	{ "IPv4 in GUE over IPv4", VIP4, ENDPOINT4, IPPROTO_UDP, WEIR_MODE_GUE },
	{ "IPv6 in GUE over IPv6", VIP6, ENDPOINT6, IPPROTO_UDP, WEIR_MODE_GUE },
};

static void a_vip_behind_a_tunnel_is_found(void **state)
{
	const struct way *w = *state;
	struct weir_via via = { .mode = w->mode, .gue_port = GUE_PORT, .vip = at(w->vip, 0).addr };
	struct server *s;
	struct far *f;
	struct bed *b;
	void *bed;

	bed_setup(&bed);
	b = bed;
	s = server_new(b, w->vip, SILENT, "");
	f = far_open(b, w->endpoint, w->protocol);
	expect_pass(probe(b, &via, w->endpoint, s->at.port));
	await(b, f->packets == 2); /* the SYN and the RST */
	expect_pass(probe(b, &via, w->endpoint, s->at.port));
	assert_int_equal(s->accepted, 0); /* no connection was made */
	uv_close((uv_handle_t *)&s->tcp, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
	expect_fail(probe(b, &via, w->endpoint, s->at.port), WEIR_REASON_TCP_FAILED);
	free(s);
	far_close(b, f);
	assert_int_equal(bed_teardown(&bed), 0);
}

static void a_tunnel_that_nobody_takes_off_is_down(void **state)
{
	struct bed *b = *state;
	struct weir_via via = { .mode = WEIR_MODE_IPIP, .vip = at(VIP4, 0).addr };
	struct server *vip = server_new(b, VIP4, SILENT, "");
	struct weir_monitor m = tcp_monitor();

	m.via = &via;
	m.timeout_ms = SHORT_MS;
	m.retries = 2;
	expect_fail(probe_once(b, m, at(ENDPOINT4, vip->at.port)), WEIR_REASON_TCP_TIMEOUT);
	m.via = NULL; /* it does listen */
	expect_pass(probe_once(b, m, at(VIP4, vip->at.port)));
}

static void a_vip_without_a_route_is_said_so(void **state)
{
	struct weir_via via = { .mode = WEIR_MODE_IPIP, .vip = at("203.0.113.1", 0).addr };

	expect_fail(probe(*state, &via, ENDPOINT4, 80), WEIR_REASON_UNREACHABLE);
}

static void probes_at_once_are_told_apart(void **state)
{
	struct bed *b = *state;
	struct weir_via via = { .mode = WEIR_MODE_IPIP, .vip = at(VIP4, 0).addr };
	struct server *s = server_new(b, VIP4, SILENT, "");
	struct far *f = far_open(b, ENDPOINT4, IPPROTO_IPIP);
	struct weir_sockaddr all[64];
	struct weir_monitor m = tcp_monitor();

	m.via = &via;
	for (uint16_t i = 0; i < 64; i++)
		all[i] = at(ENDPOINT4, i % 2 ? s->at.port : 1);
	weir_prober_set(b->prober, &world_new(b, m, 64, all)->model);
	await(b, all_seen(b, 64));
	for (int i = 0; i < 64; i++)
		assert_int_equal(b->seen[i].last.pass, i % 2);
	far_close(b, f);
}

/* Waits for the next SYN in the tunnel, and says what it is. */
static struct weir_segment overhear(struct bed *b, int fd)
{
	uint8_t data[512];
	struct weir_segment s;
	size_t head = 2 * sizeof(struct iphdr);
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) < (ssize_t)head)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	assert_true(weir_segment_read(&s, data + head, (size_t)n - head));
	s.from.addr = weir_addr_v4(data + sizeof(struct iphdr) + 12);
	s.to.addr = weir_addr_v4(data + sizeof(struct iphdr) + 16);
	assert_int_equal(s.flags, TH_SYN);
	return s;
}

static void answer(const struct weir_segment *s)
{
	uint8_t packet[WEIR_SEGMENT_BYTES];
	size_t n = weir_segment_write(s, packet);
	struct sockaddr_storage to;
	socklen_t len = weir_sockaddr_native(&s->to, &to);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	assert_int_equal(sendto(fd, packet, n, 0, (struct sockaddr *)&to, len), n);
	close(fd);
}

static void only_the_answer_to_the_syn_counts(void **state)
{
	struct bed *b = *state;
	struct weir_via via = { .mode = WEIR_MODE_IPIP, .vip = at(VIP4, 0).addr };
	struct weir_sockaddr endpoint = at(ENDPOINT4, 80);
	struct weir_monitor m = tcp_monitor();
	struct weir_segment syn, right, wrong;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_IPIP);

	m.via = &via;
	weir_prober_set(b->prober, &world_new(b, m, 1, &endpoint)->model);
	syn = overhear(b, fd);
	right = (struct weir_segment){
		.from = syn.to, .to = syn.from, .ack = syn.sequence + 1, .flags = TH_SYN | TH_ACK
	};
	wrong = right;
	wrong.ack += 4096; /* the same place, another SYN */
	answer(&wrong);
	wrong = right;
	wrong.from.port++;
	answer(&wrong);
	wrong = right;
	wrong.from.addr = at(ENDPOINT4, 0).addr;
	answer(&wrong);
	wrong = right;
	wrong.flags = TH_ACK;
	answer(&wrong);
	for (int i = 0; i < 100; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	assert_int_equal(b->verdicts, 0);
	answer(&right);
	await(b, b->verdicts >= 1);
	expect_pass(b->seen[0].last);
	close(fd);
}

static int own_network(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) ||
	       system("ip link set lo up && ip address add " VIP4 "/32 dev lo && "
		      "ip address add " VIP6 "/128 dev lo nodad");
}

#define N          (sizeof(ways) / sizeof(ways[0]))
#define test(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	struct CMUnitTest tests[N + 4] = {
		[N] = test(a_tunnel_that_nobody_takes_off_is_down),
		[N + 1] = test(a_vip_without_a_route_is_said_so),
		[N + 2] = test(probes_at_once_are_told_apart),
		[N + 3] = test(only_the_answer_to_the_syn_counts),
	};

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){ .name = ways[i].says,
						.test_func = a_vip_behind_a_tunnel_is_found,
						.initial_state = (void *)&ways[i] };
	return cmocka_run_group_tests(tests, own_network, NULL);
}
