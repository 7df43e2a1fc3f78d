/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel.c - c-ares on the loop: its sockets are polled, its time-outs are a timer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/resolve_impl.h"

#define TIMEOUT_MS 2000 /* of the first try; c-ares doubles it */
#define TRIES      3

struct resolve_socket {
	uv_poll_t poll;
	struct resolve_socket *next;
	struct resolve_channel *channel;
	ares_socket_t fd;
};

/* libuv does not say which handle closes last. */
static void on_closed(struct resolve_channel *c)
{
	if (!--c->n_handles && c->closing)
		free(c->resolver); /* c is in it */
}

static void on_socket_closed(uv_handle_t *h)
{
	struct resolve_socket *s = h->data;
	struct resolve_channel *c = s->channel;

	free(s);
	on_closed(c);
}

static void on_timer_closed(uv_handle_t *h)
{
	on_closed(h->data);
}

/* --- sockets --- */

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct resolve_socket *s = poll->data;
	struct resolve_channel *c = s->channel;
	bool in = status < 0 || events & UV_READABLE, out = status < 0 || events & UV_WRITABLE;

	ares_process_fd(c->ares, in ? s->fd : ARES_SOCKET_BAD, out ? s->fd : ARES_SOCKET_BAD);
	resolve_pump(c->resolver);
}

static struct resolve_socket *socket_new(struct resolve_channel *c, ares_socket_t fd)
{
	struct resolve_socket *s = weir_new(struct resolve_socket);

	s->channel = c;
	s->fd = fd;
	s->poll.data = s;
	if (uv_poll_init(c->resolver->loop, &s->poll, fd)) {
		free(s);
		return NULL;
	}
	c->n_handles++;
	s->next = c->sockets;
	c->sockets = s;
	return s;
}

/* c-ares closes fd right after it wants nothing more of it. Without a poll handle its queries run
 * into their time-outs. */
static void on_socket(void *arg, ares_socket_t fd, int in, int out)
{
	struct resolve_channel *c = arg;
	struct resolve_socket **at = &c->sockets, *s;

	while ((s = *at) && s->fd != fd)
		at = &s->next;
	if (!in && !out) {
		if (!s)
			return;
		*at = s->next;
		uv_close((uv_handle_t *)&s->poll, on_socket_closed);
		return;
	}
	if (!s)
		s = socket_new(c, fd);
	if (s)
		uv_poll_start(&s->poll, (in ? UV_READABLE : 0) | (out ? UV_WRITABLE : 0), on_ready);
}

/* --- time --- */

static void on_timer(uv_timer_t *t)
{
	struct resolve_channel *c = t->data;

	if (c->open)
		ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolve_pump(c->resolver);
}

void resolve_channel_wake(struct resolve_channel *c)
{
	uv_timer_start(&c->timer, on_timer, 0, 0);
}

void resolve_channel_wait(struct resolve_channel *c, uint64_t ms)
{
	struct timeval tv;
	uint64_t own_ms;

	if (c->open && ares_timeout(c->ares, NULL, &tv)) {
		own_ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
		if (own_ms < ms)
			ms = own_ms;
	}
	if (ms == UINT64_MAX)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, ms, 0);
}

/* --- questions and answers --- */

static enum resolve_outcome outcome_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return RESOLVE_FOUND;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return RESOLVE_NONE;
	default:
		return RESOLVE_FAILED;
	}
}

const char *resolve_outcome_text(const struct resolve_query *q)
{
	return q->status == ARES_SUCCESS ? "no address" : ares_strerror(q->status);
}

static void lower(struct resolve_query *q, int ttl)
{
	uint64_t ms = ttl > 0 ? (uint64_t)ttl * 1000 : 0;

	if (ms < q->ttl_ms)
		q->ttl_ms = ms;
}

static void copy(struct resolve_query *q, const struct ares_addrinfo *all)
{
	q->n = 0;
	q->ttl_ms = UINT64_MAX;
	for (const struct ares_addrinfo_cname *c = all->cnames; c; c = c->next)
		lower(q, c->ttl);
	for (const struct ares_addrinfo_node *a = all->nodes; a; a = a->ai_next) {
		if (a->ai_family != q->family || q->n == WEIR_HOST_ADDRESSES)
			continue;
		lower(q, a->ai_ttl);
		q->addrs[q->n++] =
			q->family == AF_INET
				? weir_addr_v4(&((struct sockaddr_in *)a->ai_addr)->sin_addr)
				: weir_addr_v6(&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr);
	}
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *all)
{
	struct resolve_query *q = arg;

	(void)timeouts;
	q->status = status;
	q->outcome = outcome_of(status);
	if (q->outcome == RESOLVE_FOUND)
		copy(q, all);
	if (q->outcome == RESOLVE_FOUND && !q->n)
		q->outcome = RESOLVE_NONE;
	if (all)
		ares_freeaddrinfo(all);
	resolve_answered(q->of, status == ARES_EDESTRUCTION || status == ARES_ECANCELLED);
}

void resolve_channel_ask(struct resolve_channel *c, struct resolve_query *q)
{
	const struct ares_addrinfo_hints hints = { .ai_family = q->family };

	ares_getaddrinfo(c->ares, q->of->name, NULL, &hints, on_answer, q);
}

/* --- beginning and end --- */

static void drop_ares(struct resolve_channel *c)
{
	if (c->open)
		ares_destroy(c->ares); /* answers all questions with ARES_EDESTRUCTION */
	c->open = false;
}

static int set_servers(struct resolve_channel *c, const struct weir_sockaddr *servers, uint32_t n)
{
	size_t room = (size_t)n * (WEIR_SOCKADDR_TEXT + 1) + 1, used = 0;
	char *all, text[WEIR_SOCKADDR_TEXT];
	int status;

	if (!n)
		return ARES_SUCCESS;
	all = weir_alloc(room, 1);
	for (uint32_t i = 0; i < n; i++)
		used += (size_t)snprintf(all + used, room - used, "%s%s", i ? "," : "",
					 weir_sockaddr_text(&servers[i], text));
	status = ares_set_servers_ports_csv(c->ares, all);
	free(all);
	return status;
}

static int errno_of(int status)
{
	return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

/* Names are complete: no domain is put behind them, and /etc/hosts is not asked. */
int resolve_channel_open(struct resolve_channel *c, const struct weir_sockaddr *servers, uint32_t n)
{
	char lookups[] = "b";
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.ednspsz = 1232,
		.lookups = lookups,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = c,
	};
	int status;

	drop_ares(c);
	status = ares_init_options(&c->ares, &o,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_EDNSPSZ | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
					   ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS)
		return errno_of(status);
	c->open = true;
	status = set_servers(c, servers, n);
	if (status != ARES_SUCCESS)
		drop_ares(c);
	return errno_of(status);
}

int resolve_channel_init(struct resolve_channel *c, struct weir_resolver *r)
{
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status != ARES_SUCCESS)
		return errno_of(status);
	c->resolver = r;
	uv_timer_init(r->loop, &c->timer);
	c->timer.data = c;
	c->n_handles = 1;
	return 0;
}

void resolve_channel_fini(struct resolve_channel *c)
{
	c->closing = true;
	drop_ares(c);
	ares_library_cleanup();
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}
