/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.c - libmicrohttpd on the loop: one daemon for each address, without threads, through its
 * epoll descriptor, which is given its connections (connections.c). */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/api_impl.h"
#include "base/log.h"
#include "base/mem.h"

#define CONTROL_MAX 128  /* connections */
#define API_MAX     1024 /* the same of agent.api */
#define IDLE_S      10
#define MEMORY_MAX  32768   /* bytes of a connection: request line, headers, buffers */
#define PEM_MAX     1048576 /* bytes of a file */
#define TLS_WORDS   "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* A certificate with its chain, and its key, as they are in the files. */
struct pems {
	char *certificate, *key;
};

static void __attribute__((format(printf, 2, 0))) on_log(void *arg, const char *fmt, va_list ap)
{
	const struct api_listener *l = arg;
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\r\n")] = 0;
	if (l->daemon) /* about a connection: anybody could fill the log */
		weir_debug("http: %s", line);
	else
		weir_warn("http: %s", line);
}

/* --- files --- */

static char *read_pem(const char *path, const char *which)
{
	FILE *f = fopen(path, "re");
	char *text = f ? weir_alloc(PEM_MAX + 1, 1) : NULL;
	size_t n = f ? fread(text, 1, PEM_MAX, f) : 0;
	bool bad = !f || ferror(f) || !n || n == PEM_MAX;

	if (!f || ferror(f))
		weir_error("agent.api.tls.%s: cannot read %s: %s", which, path, strerror(errno));
	else if (bad)
		weir_error("agent.api.tls.%s: %s is no PEM file", which, path);
	if (f)
		fclose(f);
	if (!bad)
		return text;
	free(text);
	return NULL;
}

static void forget_pems(struct pems *p)
{
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	free(p->key);
	free(p->certificate);
}

static bool read_pems(const struct weir_api_conf *conf, struct pems *p)
{
	*p = (struct pems){ 0 };
	if (!conf || !conf->certificate)
		return true;
	p->certificate = read_pem(conf->certificate, "certificate");
	p->key = p->certificate ? read_pem(conf->key, "key") : NULL;
	if (p->key)
		return true;
	forget_pems(p);
	return false;
}

/* --- on the loop --- */

static void on_timer(uv_timer_t *timer);
static void close_listener(struct api_listener *l);

static unsigned connections(struct api_listener *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

void api_run(struct api_listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(l->daemon);
	uv_timer_stop(&l->timer);
	if (l->draining && !connections(l)) {
		close_listener(l); /* its last connection has ended */
	} else if (MHD_get_timeout(l->daemon, &ms) == MHD_YES) {
		l->resumed = l->resumed || !ms;
		if (ms)
			uv_timer_start(&l->timer, on_timer, ms, 0);
		else
			api_next_turn(l->api);
	}
}

static void begin_turn(struct api_listener *l)
{
	l->api->turn_ns = uv_hrtime();
	api_run(l);
}

static void on_timer(uv_timer_t *timer)
{
	begin_turn(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	begin_turn(poll->data);
}

static void on_closed(uv_handle_t *h)
{
	struct api_listener *l = h->data;

	if (--l->n_handles)
		return;
	api_handle_closed(l->api);
	free(l);
}

struct api_listener *api_listener_of(const struct weir_api *api, struct MHD_Connection *c)
{
	const struct MHD_Daemon *d = MHD_get_connection_info(c, MHD_CONNECTION_INFO_DAEMON)->daemon;
	struct api_listener *l = api->listeners;

	while (l->daemon != d)
		l = l->next;
	return l;
}

static void close_listener(struct api_listener *l)
{
	for (struct api_listener **at = &l->api->listeners; *at; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			break;
		}
	}
	uv_timer_stop(&l->timer);
	uv_poll_stop(&l->poll);
	MHD_stop_daemon(l->daemon);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

/* NULL: it cannot be, which is in the log if it is about conf. */
static struct MHD_Daemon *start(struct api_listener *l, const struct weir_api_conf *conf)
{
	struct pems pems;
	struct MHD_Daemon *d;

	if (!read_pems(conf, &pems))
		return NULL;
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, pems.certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, pems.key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_WORDS },
		{ MHD_OPTION_END, 0, NULL },
	};
	d = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
				     MHD_USE_NO_LISTEN_SOCKET | (pems.key ? MHD_USE_TLS : 0),
			     0, NULL, NULL, api_on_request, l, /* no threads */
			     MHD_OPTION_EXTERNAL_LOGGER, on_log, l, MHD_OPTION_URI_LOG_CALLBACK,
			     api_on_target, l, MHD_OPTION_NOTIFY_COMPLETED, api_on_request_over, l,
			     MHD_OPTION_NOTIFY_CONNECTION, api_on_connection, l,
			     MHD_OPTION_CONNECTION_LIMIT, l->door->max,
			     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
			     MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
			     pems.key ? tls : tls + 3, MHD_OPTION_END);
	if (!d && pems.key)
		weir_error("agent.api.tls: %s and %s are no certificate and its key",
			   conf->certificate, conf->key);
	forget_pems(&pems);
	return d;
}

/* Another one serves those that come in by d. */
static int serve_by_another(struct api_door *d, const struct weir_api_conf *conf)
{
	struct weir_api *api = d->api;
	struct api_listener *l = weir_new(struct api_listener);
	int err = -EINVAL;

	*l = (struct api_listener){ .api = api, .door = d, .control = d->control };
	l->daemon = start(l, conf);
	if (l->daemon)
		err = uv_poll_init(
			api->loop, &l->poll,
			MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	if (err) {
		if (l->daemon)
			MHD_stop_daemon(l->daemon);
		free(l);
		return err;
	}
	uv_timer_init(api->loop, &l->timer);
	l->poll.data = l->timer.data = l;
	l->n_handles = 2;
	api->n_handles++;
	uv_poll_start(&l->poll, UV_READABLE, on_poll);
	l->next = api->listeners;
	api->listeners = l;
	d->to = l;
	return 0;
}

/* --- doors --- */

/* A listening socket on exactly this address, or a negative errno. */
static int listen_on(const struct weir_sockaddr *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(addr, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, API_MAX) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void on_door(uv_poll_t *poll, int status, int events)
{
	struct api_door *d = poll->data;

	(void)status;
	(void)events;
	d->api->turn_ns = uv_hrtime();
	api_at_door(d);
	api_run(d->to);
}

static void on_door_closed(uv_handle_t *h)
{
	struct api_door *d = h->data;

	api_handle_closed(d->api);
	free(d);
}

/* Takes a door that may be half made. */
static void free_door(struct api_door *d)
{
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

int api_listen(struct weir_api *api, const struct weir_sockaddr *addr,
	       const struct weir_api_conf *conf)
{
	struct api_door *d = weir_new(struct api_door);
	struct epoll_event e = { .events = EPOLLIN };
	int err = 0;

	*d = (struct api_door){ .api = api,
				.addr = *addr,
				.fd = listen_on(addr),
				.control = !conf,
				.max = conf ? API_MAX : CONTROL_MAX,
				.is_open = true,
				.tls = conf && conf->certificate };
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->fd < 0)
		err = d->fd;
	else if (d->epoll < 0 || epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->fd, &e))
		err = -errno;
	if (!err)
		err = uv_poll_init(api->loop, &d->poll, d->epoll);
	if (err) {
		free_door(d);
		return err;
	}
	d->poll.data = d;
	api->n_handles++;
	d->next = api->doors;
	api->doors = d;
	err = serve_by_another(d, conf);
	if (!err)
		uv_poll_start(&d->poll, UV_READABLE, on_door);
	return err; /* the door is closed with the others */
}

void api_listen_again(struct api_door *d, const struct weir_api_conf *conf)
{
	struct api_listener *older = d->to;
	char text[WEIR_SOCKADDR_TEXT];

	if (serve_by_another(d, conf)) {
		weir_error("%s goes on with its older certificate",
			   weir_sockaddr_text(&d->addr, text));
		return;
	}
	older->draining = older->resumed = true; /* it may have no connections */
	api_next_turn(d->api);
}

void api_listen_no_more(struct weir_api *api)
{
	while (api->listeners)
		close_listener(api->listeners);
	while (api->doors) {
		struct api_door *d = api->doors;

		api->doors = d->next;
		api_empty_door(d);
		uv_close((uv_handle_t *)&d->poll, on_door_closed);
		close(d->epoll);
		close(d->fd);
	}
}
