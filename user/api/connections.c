/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connections.c - who comes in, and for how long. libmicrohttpd would take all there are at once,
 * and a handshake takes a millisecond of the loop, which also probes; so we accept ourselves, wait
 * until a client has said something, and let a few in each round. And it knows only how long a
 * connection was idle, which a client that sends a byte every now and then never is. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_impl.h"
#include "base/mem.h"

#define ARRIVE_S    10  /* for a handshake and a request */
#define ROUND_MAX   4   /* that are let in at one time */
#define ACCEPT_MAX  16  /* the same of those that are accepted */
#define CLIENT_MAX  256 /* connections of one address to agent.api */
#define RECORD_HEAD 5   /* bytes of a TLS record's head */
#define RECORD_MAX  16384
#define HANDSHAKE   22 /* the type of such a record */

struct api_connection {
	struct api_connection *next, **prev;
	struct api_door *door;
	int fd;
	bool is_in;        /* libmicrohttpd has it */
	uint64_t until_ns; /* 0: as long as it likes */
	union weir_addr from;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

static uint64_t in_s(unsigned s)
{
	return uv_hrtime() + s * UINT64_C(1000000000);
}

/* --- the list of all --- */

/* Whether the door takes more. */
static void open_door(struct api_door *d, bool open)
{
	struct epoll_event e = { .events = open ? EPOLLIN : 0, .data.ptr = NULL };

	d->is_open = open;
	epoll_ctl(d->epoll, EPOLL_CTL_MOD, d->fd, &e);
}

static void forget(struct api_connection *n)
{
	struct api_door *d = n->door;

	*n->prev = n->next;
	if (n->next)
		n->next->prev = n->prev;
	d->n_connections--;
	if (!d->is_open && d->n_connections < d->max)
		open_door(d, true);
	free(n);
}

static void turn_away(struct api_connection *n)
{
	close(n->fd);
	forget(n);
}

static union weir_addr address_of(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return weir_addr_v4(&((const struct sockaddr_in *)ss)->sin_addr);
	return weir_addr_v6(&((const struct sockaddr_in6 *)ss)->sin6_addr);
}

static bool has_too_many(const struct api_door *d, const union weir_addr *from)
{
	unsigned n = 0;

	for (const struct api_connection *c = d->connections; c && !d->control; c = c->next)
		n += weir_addr_eq(&c->from, from);
	return n >= CLIENT_MAX;
}

/* --- at the door --- */

static void wait_at(struct api_door *d, int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	union weir_addr from = address_of(addr);
	struct api_connection *n;
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };

	if (has_too_many(d, &from)) {
		close(fd);
		return;
	}
	n = weir_new(struct api_connection);
	*n = (struct api_connection){ .door = d,
				      .fd = fd,
				      .until_ns = in_s(ARRIVE_S),
				      .from = from,
				      .addr = *addr,
				      .addr_len = len };
	n->next = d->connections;
	n->prev = &d->connections;
	if (n->next)
		n->next->prev = &n->next;
	d->connections = n;
	d->n_connections++;
	e.data.ptr = n;
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e))
		turn_away(n);
}

/* Where there is no room for more, or no descriptor, it looks again when one has ended. */
static void take_new(struct api_door *d)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		if (d->n_connections >= d->max) {
			open_door(d, false);
			return;
		}
		len = sizeof(addr);
		fd = accept4(d->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			wait_at(d, fd, &addr, len);
		else if (errno == EAGAIN)
			return;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			 errno == ENOBUFS) {
			open_door(d, false);
			return;
		}
	}
}

/* Whether what it said is worth to be heard: of TLS, the whole record that begins a handshake, so
 * that nobody can have many of them begin at one moment. */
static bool is_ready(const struct api_connection *n)
{
	uint8_t head[RECORD_HEAD];
	ssize_t got = recv(n->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	int want = RECORD_HEAD, there = 0;

	if (got <= 0 || !n->door->tls || head[0] != HANDSHAKE)
		return true;
	if (got == RECORD_HEAD)
		want += head[3] << 8 | head[4];
	if (want > RECORD_HEAD + RECORD_MAX || ioctl(n->fd, FIONREAD, &there))
		return true;
	if (there >= want && got == RECORD_HEAD)
		return true;
	setsockopt(n->fd, SOL_SOCKET, SO_RCVLOWAT, &want, sizeof(want));
	return false;
}

/* What fails, and what is in later, ends by api_on_connection(), but for what never was in. */
static void let_in(struct api_connection *n)
{
	struct api_door *d = n->door;
	int one = 1;

	epoll_ctl(d->epoll, EPOLL_CTL_DEL, n->fd, NULL);
	setsockopt(n->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
	d->entering = n;
	if (MHD_add_connection(d->to->daemon, n->fd, (struct sockaddr *)&n->addr, n->addr_len) !=
		    MHD_YES &&
	    d->entering)
		forget(n); /* its socket is closed */
	d->entering = NULL;
}

void api_at_door(struct api_door *d)
{
	struct epoll_event events[ROUND_MAX];
	int n = epoll_wait(d->epoll, events, ROUND_MAX, 0);

	for (int i = 0; i < n; i++) {
		struct api_connection *c = events[i].data.ptr;

		if (!c)
			take_new(d);
		else if (is_ready(c))
			let_in(c);
		else if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			turn_away(c); /* nothing more will come */
	}
}

void api_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct api_listener *l = arg;
	struct api_connection *n = *socket_context;

	(void)c;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		n = l->door->entering;
		l->door->entering = NULL;
		n->is_in = true;
		*socket_context = n;
	} else if (n) {
		*socket_context = NULL;
		forget(n);
	}
}

/* --- their time --- */

void api_connection_has(struct MHD_Connection *c, unsigned seconds)
{
	struct api_connection *n =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	n->until_ns = seconds ? in_s(seconds) : 0;
}

void api_connection_end(struct MHD_Connection *c)
{
	shutdown(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
		 SHUT_RD);
}

/* libmicrohttpd closes those that it has when it sees that they have ended. */
void api_cut_off(struct api_door *d, uint64_t now_ns)
{
	struct api_connection *next;

	for (struct api_connection *n = d->connections; n; n = next) {
		next = n->next;
		if (!n->until_ns || now_ns < n->until_ns)
			continue;
		if (!n->is_in) {
			turn_away(n);
			continue;
		}
		shutdown(n->fd, SHUT_RDWR);
		n->until_ns = 0;
	}
	if (!d->is_open && d->n_connections < d->max)
		open_door(d, true); /* there may be descriptors again */
}

void api_empty_door(struct api_door *d)
{
	while (d->connections)
		turn_away(d->connections);
}
