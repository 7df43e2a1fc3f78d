/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c - connections, clear or with TLS: messages with a length in front, several on their way at
 * once (RFC 7766, 7858, 9210). A client that sends nothing complete, or takes nothing, loses its
 * connection. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/conns.h"
#include "dns/tap.h"
#include "dns/tls.h"

#define QUEUE_BYTES   65536 /* of answers, before no more queries are read */
#define BACKLOG       256
#define RECEIVE_BYTES 65536 /* of queries in the kernel; connections inherit it */
#define HEADER_BYTES  12

struct weir_dns_tcp {
	struct weir_dns *d;
	uv_tcp_t handle;
	bool tls;
};

struct pending {
	uv_write_t req;
	uint8_t bytes[];
};

static void serve(struct weir_dns_conn *c);

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
		weir_dns_conn_close(c);
		return;
	}
	weir_dns_conn_touch(c);
	serve(c);
}

/* Sends a copy; on_written() follows. */
static bool queue_bytes(struct weir_dns_conn *c, const uint8_t *bytes, size_t len)
{
	struct pending *p = weir_alloc(1, sizeof(*p) + len);
	uv_buf_t buf = uv_buf_init((char *)p->bytes, (unsigned)len);

	memcpy(p->bytes, bytes, len);
	p->req.data = p;
	if (!uv_write(&p->req, (uv_stream_t *)&c->handle, &buf, 1, on_written))
		return true;
	free(p);
	return false;
}

/* Sends what the kernel takes at once and keeps a copy of the rest. Messages of a transfer wait for
 * the next turn of the loop, whatever the kernel takes: others have their turn, too. */
static bool send_bytes(struct weir_dns_conn *c, uint8_t *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int n = c->transfer ? 0 : uv_try_write((uv_stream_t *)&c->handle, &buf, 1);

	if (n < 0 && n != UV_EAGAIN)
		return false;
	n = n < 0 ? 0 : n;
	return len == (size_t)n || queue_bytes(c, bytes + n, len - (size_t)n);
}

/* What TLS has for the wire. */
static bool send_wire(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;
	size_t n;

	while (c->tls && (n = weir_dns_tls_take(c->tls, d->wire, sizeof(d->wire))) > 0)
		if (!send_bytes(c, d->wire, n))
			return false;
	return true;
}

static bool send_frame(struct weir_dns_conn *c, uint8_t *frame, size_t len)
{
	if (!c->tls)
		return send_bytes(c, frame, len);
	return weir_dns_tls_write(c->tls, frame, len) && send_wire(c);
}

/* Sends the next message of a transfer when the one before has gone. */
static bool transfer_on(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;
	size_t n;

	if (!c->transfer || uv_stream_get_write_queue_size((uv_stream_t *)&c->handle))
		return true;
	n = weir_dns_transfer_next(c->transfer, d->frame + 2, WEIR_DNS_MAX_SIZE);
	if (!n) {
		weir_dns_transfer_end(c->transfer);
		c->transfer = NULL;
		weir_dns_count(&d->tcp.tally.answers, 1);
		return true;
	}
	d->frame[0] = (uint8_t)(n >> 8);
	d->frame[1] = (uint8_t)n;
	return send_frame(c, d->frame, n + 2);
}

static bool sockaddr_of(const struct sockaddr_storage *ss, struct weir_sockaddr *out)
{
	const void *p = ss;

	out->port = ntohs(ss->ss_family == AF_INET ? ((const struct sockaddr_in *)p)->sin_port
						   : ((const struct sockaddr_in6 *)p)->sin6_port);
	return weir_dns_address(ss, &out->addr);
}

static void tap(struct weir_dns_conn *c, const struct timespec *asked, const uint8_t *query,
		size_t len, size_t answer_len)
{
	struct weir_dns *d = c->d;
	struct weir_dns_tapped q = {
		.transport = c->tls ? WEIR_DNS_DOT : WEIR_DNS_TCP,
		.asked = *asked,
		.query = query,
		.query_len = len,
		.answer = d->frame + 2,
		.answer_len = answer_len,
	};
	struct sockaddr_storage ss;
	int n = sizeof(ss);

	if (uv_tcp_getpeername(&c->handle, (struct sockaddr *)&ss, &n) ||
	    !sockaddr_of(&ss, &q.client))
		return;
	n = sizeof(ss);
	if (uv_tcp_getsockname(&c->handle, (struct sockaddr *)&ss, &n) ||
	    !sockaddr_of(&ss, &q.server))
		return;
	clock_gettime(CLOCK_REALTIME, &q.answered);
	weir_dns_tap_take(weir_dns_world(d)->tap, d->tcp.number, &q, true);
}

static bool reply(struct weir_dns_conn *c, const uint8_t *query, size_t len)
{
	struct weir_dns *d = c->d;
	struct weir_dns_tap *to = weir_dns_world(d)->tap;
	struct timespec asked;
	size_t n;

	weir_dns_count(&d->tcp.tally.queries, 1);
	weir_dns_clerk_tick(&d->tcp);
	clock_gettime(CLOCK_REALTIME, &asked);
	c->transfer = weir_dns_transfer_begin(d, query, len, &c->client);
	if (c->transfer)
		return transfer_on(c);
	n = weir_dns_clerk_answer(&d->tcp, weir_dns_world(d), query, len, &c->client,
				  c->tls ? WEIR_DNS_DOT : WEIR_DNS_TCP, d->frame + 2,
				  WEIR_DNS_MAX_SIZE);
	if (to && weir_dns_tap_wants(to, weir_dns_clerk_dice(&d->tcp)))
		tap(c, &asked, query, len, n);
	if (!n)
		return false;
	d->frame[0] = (uint8_t)(n >> 8);
	d->frame[1] = (uint8_t)n;
	if (!send_frame(c, d->frame, n + 2)) {
		weir_dns_count(&d->tcp.tally.send_errors, 1);
		return false;
	}
	weir_dns_count(&d->tcp.tally.answers, 1);
	return true;
}

/* --- queries --- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct weir_dns_conn *c = h->data;

	(void)suggested;
	*buf = c->tls ? uv_buf_init((char *)c->d->wire, sizeof(c->d->wire))
		      : uv_buf_init((char *)c->in + c->have, (unsigned)(sizeof(c->in) - c->have));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct weir_dns_conn *c = s->data;

	if (n < 0 && n != UV_EOF) {
		weir_dns_conn_close(c);
		return;
	}
	if (n == UV_EOF)
		c->ended = true;
	else if (c->tls)
		weir_dns_tls_feed(c->tls, buf->base, (size_t)n);
	else
		c->have += (size_t)n;
	serve(c);
}

/* Answers the complete queries of the buffer while the client takes answers. False: the
 * connection is of no more use. */
static bool serve_buffer(struct weir_dns_conn *c)
{
	size_t at = 0;

	while (c->have - at >= 2 && !is_busy(c) && !c->transfer) {
		const uint8_t *frame = c->in + at;
		size_t len = (size_t)frame[0] << 8 | frame[1];

		if (len < HEADER_BYTES || len > WEIR_DNS_QUERY_MAX)
			return false;
		if (c->have - at < 2 + len)
			break;
		weir_dns_conn_touch(c);
		if (!reply(c, frame + 2, len))
			return false;
		at += 2 + len;
	}
	c->have -= at;
	memmove(c->in, c->in + at, c->have);
	return true;
}

/* Takes clear bytes out of TLS, as many as there is room for. False: it has failed. */
static bool decipher(struct weir_dns_conn *c, size_t *n)
{
	enum weir_dns_tls_state state = WEIR_DNS_TLS_OPEN;

	*n = 0;
	if (c->tls && c->have < sizeof(c->in))
		state = weir_dns_tls_read(c->tls, c->in + c->have, sizeof(c->in) - c->have, n);
	c->have += *n;
	if (state == WEIR_DNS_TLS_ENDED)
		c->ended = true;
	return state != WEIR_DNS_TLS_FAILED;
}

/* Answers all there is. False: the connection is of no more use. */
static bool serve_all(struct weir_dns_conn *c)
{
	size_t n;

	if (!transfer_on(c))
		return false;
	do {
		if (!decipher(c, &n)) {
			send_wire(c); /* why */
			return false;
		}
		if (!serve_buffer(c))
			return false;
	} while (n);
	return send_wire(c);
}

/* A client that has ended gets the answers it still waits for. */
static void serve(struct weir_dns_conn *c)
{
	uv_stream_t *s = (uv_stream_t *)&c->handle;

	if (!serve_all(c) || (c->ended && !c->transfer && !uv_stream_get_write_queue_size(s))) {
		weir_dns_conn_close(c);
		return;
	}
	if (is_busy(c) || c->ended || c->transfer)
		uv_read_stop(s);
	else /* UV_EALREADY while it reads */
		uv_read_start(s, on_alloc, on_read);
}

/* --- listening --- */

static bool is_welcome(struct weir_dns_conn *c, const struct weir_dns_tcp *t)
{
	if (!weir_dns_conn_admit(c))
		return false;
	if (!t->tls)
		return true;
	c->tls = t->d->cert ? weir_dns_tls_new(t->d->cert) : NULL;
	return c->tls != NULL;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct weir_dns_tcp *t = server->data;
	struct weir_dns_conn *c;

	if (status < 0)
		return;
	c = weir_dns_conn_new(t->d);
	if (uv_accept(server, (uv_stream_t *)&c->handle) || !is_welcome(c, t)) {
		weir_dns_conn_drop(c);
		return;
	}
	t->d->tcp_connections += !t->tls;
	t->d->tls_connections += t->tls;
	uv_tcp_nodelay(&c->handle, 1);
	weir_dns_conn_add(c);
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
	int fd = weir_dns_socket(a, SOCK_STREAM | SOCK_NONBLOCK), one = 1, bytes = RECEIVE_BYTES,
	    err;

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

int weir_dns_tcp_open(struct weir_dns *d, const struct weir_sockaddr *a, bool tls,
		      struct weir_dns_tcp **out)
{
	struct weir_dns_tcp *t = weir_new(struct weir_dns_tcp);
	int err = uv_tcp_init(d->loop, &t->handle);

	if (err) {
		free(t);
		return err;
	}
	t->d = d;
	t->tls = tls;
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
