/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conns.c - the connections that there are: the last used one first, for each a time to be of use
 * again, and limits. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/conns.h"
#include "dns/tls.h"

#define CONNS_MAX       1024
#define CONNS_OF_CLIENT 32
#define IDLE_MS         10000
#define LEAST_MS        2000 /* that a connection may be idle, however many there are */
#define SWEEP_MS        1000

static void on_conn_closed(uv_handle_t *h)
{
	struct weir_dns_conn *c = h->data;
	struct weir_dns *d = c->d;

	weir_dns_tls_free(c->tls);
	free(c);
	weir_dns_handle_closed(d);
}

struct weir_dns_conn *weir_dns_conn_new(struct weir_dns *d)
{
	struct weir_dns_conn *c = weir_new(struct weir_dns_conn);

	c->d = d;
	uv_tcp_init(d->loop, &c->handle);
	c->handle.data = c;
	d->handles++;
	return c;
}

void weir_dns_conn_drop(struct weir_dns_conn *c)
{
	uv_close((uv_handle_t *)&c->handle, on_conn_closed);
}

static void detach(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;

	if (c->prev)
		c->prev->next = c->next;
	else
		d->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		d->oldest = c->prev;
}

static void put_first(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;

	c->prev = NULL;
	c->next = d->conns;
	if (c->next)
		c->next->prev = c;
	else
		d->oldest = c;
	d->conns = c;
}

void weir_dns_conn_touch(struct weir_dns_conn *c)
{
	c->deadline_ms = uv_now(c->d->loop) + IDLE_MS;
	detach(c);
	put_first(c);
}

/* As far as the kernel takes it at once: nobody waits for it. */
static void say_goodbye(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;
	uv_buf_t buf;
	size_t n;

	weir_dns_tls_end(c->tls);
	while ((n = weir_dns_tls_take(c->tls, d->wire, sizeof(d->wire))) > 0) {
		buf = uv_buf_init((char *)d->wire, (unsigned)n);
		if (uv_try_write((uv_stream_t *)&c->handle, &buf, 1) != (int)n)
			return;
	}
}

void weir_dns_conn_close(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;

	if (uv_is_closing((uv_handle_t *)&c->handle))
		return;
	weir_dns_transfer_end(c->transfer);
	c->transfer = NULL;
	if (c->tls) {
		d->tls_failures += !weir_dns_tls_is_up(c->tls);
		say_goodbye(c);
	}
	detach(c);
	if (!--d->n_conns && !d->closing)
		uv_timer_stop(&d->sweep);
	uv_close((uv_handle_t *)&c->handle, on_conn_closed);
}

static void on_sweep(uv_timer_t *t)
{
	struct weir_dns *d = t->data;

	while (d->oldest && d->oldest->deadline_ms <= uv_now(d->loop))
		weir_dns_conn_close(d->oldest);
}

void weir_dns_conn_add(struct weir_dns_conn *c)
{
	struct weir_dns *d = c->d;

	put_first(c);
	c->deadline_ms = uv_now(d->loop) + IDLE_MS;
	if (!d->n_conns++)
		uv_timer_start(&d->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* Who has an IPv6 address has all of its /64. */
static union weir_addr limited_as(union weir_addr a)
{
	if (!weir_addr_is_v4(&a))
		memset(a.b + 8, 0, 8);
	return a;
}

static bool client_of(struct weir_dns_conn *c)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);

	if (uv_tcp_getpeername(&c->handle, (struct sockaddr *)&ss, &len) ||
	    !weir_dns_address(&ss, &c->client))
		return false;
	c->peer = limited_as(c->client);
	return true;
}

/* When there are too many, the one that has been of no use for the longest time goes (RFC 7766,
 * 6.2.3), if it has had its time. */
static bool make_room(struct weir_dns *d, const union weir_addr *peer)
{
	uint32_t n = 0;

	for (const struct weir_dns_conn *c = d->conns; c; c = c->next)
		n += weir_addr_eq(&c->peer, peer);
	if (n >= CONNS_OF_CLIENT)
		return false;
	if (d->n_conns < CONNS_MAX)
		return true;
	if (d->oldest->deadline_ms > uv_now(d->loop) + IDLE_MS - LEAST_MS)
		return false;
	weir_dns_conn_close(d->oldest);
	return true;
}

bool weir_dns_conn_admit(struct weir_dns_conn *c)
{
	return client_of(c) && make_room(c->d, &c->peer);
}

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
		weir_dns_conn_close(d->conns);
	uv_close((uv_handle_t *)&d->sweep, on_sweep_closed);
}
