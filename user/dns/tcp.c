/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c - connections: messages with a length in front, several on their way at once (RFC 7766).
 * A client that sends nothing complete, or takes nothing, loses its connection. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/sockets.h"

#define CONNS_MAX       1024
#define CONNS_OF_CLIENT 32
#define IDLE_MS         10000
#define SWEEP_MS        1000
#define QUEUE_BYTES     65536 /* of answers, before no more queries are read */
#define BACKLOG         256
#define RECEIVE_BYTES   65536 /* of queries in the kernel; connections inherit it */
#define HEADER_BYTES    12

struct weir_dns_tcp {
	struct weir_dns *d;
	uv_tcp_t handle;
};

struct weir_dns_conn {
	struct weir_dns *d;
	struct weir_dns_conn *next, *prev;
	uv_tcp_t handle;
	union weir_addr peer;
	uint64_t deadline_ms; /* of the loop's clock */
	bool ended;           /* the client sends no more */
	size_t have;          /* bytes of in */
	uint8_t in[2 + WEIR_DNS_QUERY_MAX];
};

struct pending {
	uv_write_t req;
	uint8_t bytes[];
};

static void serve(struct weir_dns_conn *c);

/* --- the life of a connection --- */

static void on_conn_closed(uv_handle_t *h)
{
	struct weir_dns_conn *c = h->data;
	struct weir_dns *d = c->d;

	free(c);
	weir_dns_handle_closed(d);
}

static void conn_close(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;

	if (uv_is_closing((uv_handle_t *)&c->handle))
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		d->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (!--d->n_conns && !d->closing)
		uv_timer_stop(&d->sweep);
	uv_close((uv_handle_t *)&c->handle, on_conn_closed);
}

static void touch(struct weir_dns_conn *c)
{
	c->deadline_ms = uv_now(c->d->loop) + IDLE_MS;
}

static void on_sweep(uv_timer_t *t)
{
	struct weir_dns *d = t->data;

	for (struct weir_dns_conn *c = d->conns, *next; c; c = next) {
		next = c->next;
		if (c->deadline_ms <= uv_now(d->loop))
			conn_close(c);
	}
}

static void conn_add(struct weir_dns *d, struct weir_dns_conn *c)
{
	c->next = d->conns;
	if (c->next)
		c->next->prev = c;
	d->conns = c;
	if (!d->n_conns++)
		uv_timer_start(&d->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	touch(c);
}

/* --- answers --- */

static bool is_busy(const struct weir_dns_conn *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->handle) > QUEUE_BYTES;
}

static void on_written(uv_write_t *req, int status)
{
	struct weir_dns_conn *c = req->handle->data;

	free(req->data);
	if (uv_is_closing((uv_handle_t *)&c->handle))
		return;
	if (status < 0) {
		conn_close(c);
		return;
	}
	touch(c);
	serve(c);
}

/* Sends what the kernel takes at once and keeps a copy of the rest. */
static bool send_frame(struct weir_dns_conn *c, uint8_t *frame, size_t len)
{
	uv_stream_t *s = (uv_stream_t *)&c->handle;
	uv_buf_t buf = uv_buf_init((char *)frame, (unsigned)len);
	int n = uv_try_write(s, &buf, 1);
	struct pending *p;

	if (n < 0 && n != UV_EAGAIN)
		return false;
	n = n < 0 ? 0 : n;
	len -= (size_t)n;
	if (!len)
		return true;
	p = weir_alloc(1, sizeof(*p) + len);
	memcpy(p->bytes, frame + n, len);
	p->req.data = p;
	buf = uv_buf_init((char *)p->bytes, (unsigned)len);
	if (!uv_write(&p->req, s, &buf, 1, on_written))
		return true;
	free(p);
	return false;
}

static bool reply(struct weir_dns_conn *c, const uint8_t *query, size_t len)
{
	struct weir_dns *d = c->d;
	size_t n;

	d->stats.tcp_queries++;
	n = weir_dns_answer(d, query, len, true, d->frame + 2, WEIR_DNS_MAX_SIZE);
	if (!n)
		return false;
	d->frame[0] = (uint8_t)(n >> 8);
	d->frame[1] = (uint8_t)n;
	if (!send_frame(c, d->frame, n + 2)) {
		d->stats.send_errors++;
		return false;
	}
	d->stats.tcp_answers++;
	return true;
}

/* --- queries --- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct weir_dns_conn *c = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)c->in + c->have, (unsigned)(sizeof(c->in) - c->have));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct weir_dns_conn *c = s->data;

	(void)buf;
	if (n < 0 && n != UV_EOF) {
		conn_close(c);
		return;
	}
	if (n == UV_EOF)
		c->ended = true;
	else
		c->have += (size_t)n;
	serve(c);
}

/* Answers the complete queries of the buffer while the client takes answers. False: the
 * connection is of no more use. */
static bool serve_buffer(struct weir_dns_conn *c)
{
	size_t at = 0;

	while (c->have - at >= 2 && !is_busy(c)) {
		const uint8_t *frame = c->in + at;
		size_t len = (size_t)frame[0] << 8 | frame[1];

		if (len < HEADER_BYTES || len > WEIR_DNS_QUERY_MAX)
			return false;
		if (c->have - at < 2 + len)
			break;
		touch(c);
		if (!reply(c, frame + 2, len))
			return false;
		at += 2 + len;
	}
	c->have -= at;
	memmove(c->in, c->in + at, c->have);
	return true;
}

/* A client that has ended gets the answers it still waits for. */
static void serve(struct weir_dns_conn *c)
{
	uv_stream_t *s = (uv_stream_t *)&c->handle;

	if (!serve_buffer(c) || (c->ended && !uv_stream_get_write_queue_size(s))) {
		conn_close(c);
		return;
	}
	if (is_busy(c) || c->ended)
		uv_read_stop(s);
	else /* UV_EALREADY while it reads */
		uv_read_start(s, on_alloc, on_read);
}

/* --- listening --- */

static bool client_of(struct weir_dns_conn *c)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);

	if (uv_tcp_getpeername(&c->handle, (struct sockaddr *)&ss, &len))
		return false;
	if (ss.ss_family == AF_INET)
		c->peer = weir_addr_v4(&((struct sockaddr_in *)&ss)->sin_addr);
	else
		c->peer = weir_addr_v6(&((struct sockaddr_in6 *)&ss)->sin6_addr);
	return true;
}

static bool has_room(const struct weir_dns *d, const union weir_addr *client)
{
	uint32_t n = 0;

	for (const struct weir_dns_conn *c = d->conns; c; c = c->next)
		n += weir_addr_eq(&c->peer, client);
	return d->n_conns < CONNS_MAX && n < CONNS_OF_CLIENT;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct weir_dns_tcp *t = server->data;
	struct weir_dns_conn *c;

	if (status < 0)
		return;
	c = weir_new(struct weir_dns_conn);
	c->d = t->d;
	uv_tcp_init(t->d->loop, &c->handle);
	c->handle.data = c;
	t->d->handles++;
	if (uv_accept(server, (uv_stream_t *)&c->handle) || !client_of(c) ||
	    !has_room(t->d, &c->peer)) {
		uv_close((uv_handle_t *)&c->handle, on_conn_closed);
		return;
	}
	t->d->stats.tcp_connections++;
	uv_tcp_nodelay(&c->handle, 1);
	conn_add(t->d, c);
	serve(c);
}

static void on_listener_closed(uv_handle_t *h)
{
	struct weir_dns_tcp *t = h->data;
	struct weir_dns *d = t->d;

	free(t);
	weir_dns_handle_closed(d);
}

static int bind_listener(uv_tcp_t *handle, const struct weir_sockaddr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(a, &ss);
	int fd = weir_dns_socket(a, SOCK_STREAM), one = 1, bytes = RECEIVE_BYTES, err;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	else
		err = uv_tcp_open(handle, fd);
	if (err)
		close(fd);
	return err;
}

int weir_dns_tcp_open(struct weir_dns *d, const struct weir_sockaddr *a, struct weir_dns_tcp **out)
{
	struct weir_dns_tcp *t = weir_new(struct weir_dns_tcp);
	int err = uv_tcp_init(d->loop, &t->handle);

	if (err) {
		free(t);
		return err;
	}
	t->d = d;
	t->handle.data = t;
	d->handles++;
	err = bind_listener(&t->handle, a);
	if (!err)
		err = uv_listen((uv_stream_t *)&t->handle, BACKLOG, on_connection);
	if (err)
		weir_dns_tcp_close(t);
	else
		*out = t;
	return err;
}

void weir_dns_tcp_close(struct weir_dns_tcp *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->handle, on_listener_closed);
}

/* --- all of them --- */

void weir_dns_conns_init(struct weir_dns *d)
{
	uv_timer_init(d->loop, &d->sweep);
	d->sweep.data = d;
	d->handles++;
}

static void on_sweep_closed(uv_handle_t *h)
{
	weir_dns_handle_closed(h->data);
}

void weir_dns_conns_close(struct weir_dns *d)
{
	while (d->conns)
		conn_close(d->conns);
	uv_close((uv_handle_t *)&d->sweep, on_sweep_closed);
}
