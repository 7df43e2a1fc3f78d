/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bed.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WATCHDOG_MS 60000
#define DRIP_MS     5

struct peer {
	uv_tcp_t tcp; /* first */
	struct server *server;
	uv_timer_t drip;
	uv_write_t write;
	size_t got;
	unsigned replies;
	char request[65536];
};

static void on_free(uv_handle_t *h)
{
	free(h);
}

static void on_drip_closed(uv_handle_t *h)
{
	uv_close(h->data, on_free);
}

static void peer_end(struct peer *p)
{
	if (uv_is_closing((uv_handle_t *)&p->drip))
		return;
	p->server->ended++;
	uv_close((uv_handle_t *)&p->drip, on_drip_closed);
}

static void peer_send(struct peer *p, const char *text, size_t len, uv_write_cb next)
{
	uv_buf_t buf = uv_buf_init((char *)text, (unsigned)len);

	p->write.data = p;
	p->server->sent += len;
	if (uv_write(&p->write, (uv_stream_t *)&p->tcp, &buf, 1, next))
		peer_end(p);
}

static void on_sent_all(uv_write_t *w, int status)
{
	(void)status;
	peer_end(w->data);
}

static void on_sent(uv_write_t *w, int status)
{
	(void)w;
	(void)status;
}

static void on_sent_some(uv_write_t *w, int status)
{
	static char flood[65536];
	struct peer *p = w->data;

	memset(flood, 'x', sizeof(flood));
	if (status)
		peer_end(p);
	else if (!uv_is_closing((uv_handle_t *)&p->drip))
		peer_send(p, flood, sizeof(flood), on_sent_some);
}

static void on_drip(uv_timer_t *timer)
{
	struct peer *p = ((uv_handle_t *)timer)->data;
	uv_buf_t one = uv_buf_init("x", 1);

	if (uv_try_write((uv_stream_t *)&p->tcp, &one, 1) < 0)
		peer_end(p);
}

static void peer_answer(struct peer *p)
{
	struct server *s = p->server;
	const char *reply = s->reply;
	struct linger now = { .l_onoff = 1 };
	uv_os_fd_t fd;

	if (s->reply_to_other && !strstr(s->request, " / HTTP/1."))
		reply = s->reply_to_other;
	switch (s->manner) {
	case ANSWERS:
		peer_send(p, reply, strlen(reply), on_sent_all);
		break;
	case ENDLESS:
		peer_send(p, reply, strlen(reply), on_sent_some);
		break;
	case DRIPS:
		peer_send(p, reply, strlen(reply), on_sent);
		uv_timer_start(&p->drip, on_drip, DRIP_MS, DRIP_MS);
		break;
	case HANGS_UP:
		peer_end(p);
		break;
	case RESETS:
		uv_fileno((uv_handle_t *)&p->tcp, &fd);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		peer_end(p);
		break;
	case SILENT:
	case GREETS:
	case TALKS:
		break;
	}
}

static void on_sent_reply(uv_write_t *w, int status)
{
	if (status)
		peer_end(w->data);
}

static void peer_reply(struct peer *p)
{
	const char *reply = p->server->replies[p->replies++];

	if (reply)
		peer_send(p, reply, strlen(reply), on_sent_reply);
	else
		peer_end(p);
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
	struct peer *p = (struct peer *)h;

	(void)want;
	*buf = uv_buf_init(p->request + p->got, (unsigned)(sizeof(p->request) - 1 - p->got));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = (struct peer *)stream;

	(void)buf;
	if (n < 0) {
		p->server->resets += n == UV_ECONNRESET;
		peer_end(p);
		return;
	}
	p->got += (size_t)n;
	p->request[p->got] = 0;
	if (p->server->manner == TALKS) {
		memcpy(p->server->request, p->request, p->got + 1);
		peer_reply(p);
		return;
	}
	if (!strstr(p->request, "\r\n\r\n"))
		return;
	memcpy(p->server->request, p->request, p->got + 1);
	p->got = 0;
	peer_answer(p);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct server *s = (struct server *)listener;
	struct peer *p = weir_new(struct peer);

	assert_int_equal(status, 0);
	p->server = s;
	uv_tcp_init(listener->loop, &p->tcp);
	uv_timer_init(listener->loop, &p->drip);
	p->drip.data = p;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
	s->accepted++;
	if (s->manner == GREETS)
		peer_send(p, s->reply, strlen(s->reply), on_sent);
	if (s->manner == TALKS)
		peer_reply(p);
	uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

struct server *server_new(struct bed *b, const char *address, enum manner m, const char *reply)
{
	struct server *s = weir_new(struct server);
	struct sockaddr_storage ss;
	int len = sizeof(ss);

	s->manner = m;
	s->reply = reply;
	assert_true(weir_addr_parse(address, &s->at.addr));
	weir_sockaddr_native(&s->at, &ss);
	uv_tcp_init(&b->loop, &s->tcp);
	assert_int_equal(uv_tcp_bind(&s->tcp, (struct sockaddr *)&ss, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&s->tcp, 4096, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&ss, &len), 0);
	s->at.port = ntohs(((struct sockaddr_in *)&ss)->sin_port); /* where IPv6 has it, too */
	return s;
}

struct weir_sockaddr closed_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* stays as long as the program */
	struct weir_sockaddr at;

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	at.addr = weir_addr_v4(&in.sin_addr);
	at.port = ntohs(in.sin_port);
	return at;
}

struct weir_sockaddr deaf_port(int fds[3])
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

struct weir_monitor http_monitor(void)
{
	struct weir_monitor m = { .type = WEIR_MONITOR_HTTP,
				  .method = "GET",
				  .path = "/",
				  .expected_body = "",
				  .interval_ms = 3600000,
				  .timeout_ms = 30000 };

	expect_code(&m, 200);
	return m;
}

struct weir_monitor monitor_of(enum weir_monitor_type type)
{
	struct weir_monitor m = http_monitor();

	m.type = type;
	return m;
}

struct weir_monitor tcp_monitor(void)
{
	return monitor_of(WEIR_MONITOR_TCP);
}

void expect_code(struct weir_monitor *m, unsigned code)
{
	m->expected_codes[code / 8] |= (uint8_t)(1u << code % 8);
}

struct world *world_new(struct bed *b, struct weir_monitor m, uint32_t n,
			const struct weir_sockaddr *at)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct world *w = weir_new(struct world);

	w->monitor = m;
	w->origins = weir_new_array(n, struct weir_origin);
	for (uint32_t i = 0; i < n; i++)
		w->origins[i] = (struct weir_origin){ .index = i,
						      .name = names[i % 4],
						      .addr = at[i].addr,
						      .port = at[i].port,
						      .enabled = true };
	w->pool = (struct weir_pool){ .id = "p",
				      .monitor = &w->monitor,
				      .origins = w->origins,
				      .n_origins = n,
				      .tls.check_cert = true,
				      .enabled = true };
	w->model.pools = &w->pool;
	w->model.n_pools = 1;
	w->model.n_origins = n;
	w->next = b->worlds;
	b->worlds = w;
	return w;
}

struct weir_verdict probe_once(struct bed *b, struct weir_monitor m, struct weir_sockaddr at)
{
	memset(&b->seen[0], 0, sizeof(b->seen[0]));
	weir_prober_set(b->prober, &world_new(b, m, 0, NULL)->model); /* else it may go on */
	weir_prober_set(b->prober, &world_new(b, m, 1, &at)->model);
	await(b, b->seen[0].n >= 1);
	return b->seen[0].last;
}

static void on_verdict(void *arg, uint32_t index, uint32_t member, const struct weir_verdict *v)
{
	struct bed *b = arg;

	b->seen[index].n++;
	b->seen[index].members |= 1u << member;
	b->seen[index].last = *v;
	b->verdicts++;
	uv_stop(&b->loop); /* or it would wait on for what else may come */
	if (b->on_verdict)
		b->on_verdict(b, index);
}

bool all_seen(const struct bed *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!b->seen[i].n)
			return false;
	return true;
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing happened for %d s", WATCHDOG_MS / 1000);
}

int bed_setup(void **state)
{
	struct bed *b = weir_new(struct bed);

	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->watchdog);
	uv_timer_start(&b->watchdog, on_watchdog, WATCHDOG_MS, 0);
	if (weir_prober_open(&b->loop, on_verdict, b, &b->prober))
		return -1;
	*state = b;
	return 0;
}

static void count_foreign(uv_handle_t *h, void *arg)
{
	*(unsigned *)arg += h->type == UV_POLL;
}

static void close_own(uv_handle_t *h, void *arg)
{
	struct bed *b = arg;

	if (h == (uv_handle_t *)&b->watchdog)
		uv_close(h, NULL);
	else if (h->type == UV_TIMER && h->data && !uv_is_closing(h))
		peer_end(h->data);
	else if (h->type == UV_TCP && ((uv_stream_t *)h)->connection_cb && !uv_is_closing(h))
		uv_close(h, on_free);
}

int bed_teardown(void **state)
{
	struct bed *b = *state;
	unsigned foreign = 0;
	struct world *w;

	weir_prober_close(b->prober);
	while ((w = b->worlds)) { /* the prober may not need them any more */
		b->worlds = w->next;
		free(w->origins);
		free(w);
	}
	for (int i = 0; i < 3; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	uv_walk(&b->loop, count_foreign, &foreign);
	uv_walk(&b->loop, close_own, b);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&b->loop))
		foreign++;
	free(b);
	return foreign ? -1 : 0;
}
