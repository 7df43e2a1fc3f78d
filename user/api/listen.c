/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.c - libmicrohttpd on the loop: one daemon for each address, without threads, through its
 * epoll descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_impl.h"
#include "base/log.h"
#include "base/mem.h"

#define CONTROL_MAX 128  /* connections */
#define API_MAX     1024 /* the same of agent.api */
#define CLIENT_MAX  256  /* of them, of one address */
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

static unsigned connections(struct api_listener *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* Runs again after connections ended: at its limit libmicrohttpd stops listening, and only the
 * next run looks whether it may again. */
void api_run(struct api_listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;
	unsigned before;

	do {
		before = connections(l);
		MHD_run(l->daemon);
	} while (connections(l) < before);
	uv_timer_stop(&l->timer);
	if (l->fd < 0 && !connections(l)) {
		api_listener_close(l); /* its last connection has ended */
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

void api_listener_close(struct api_listener *l)
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
	if (l->fd >= 0)
		close(l->fd);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

/* --- sockets --- */

/* A listening socket on exactly this address, or a negative errno. Not libmicrohttpd's own, as
 * that would not tell why it could not, and could not be listened on by the next daemon, too. */
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

/* Listens on a copy of l->fd. */
static struct MHD_Daemon *start(struct api_listener *l, const struct pems *pems)
{
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, pems->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, pems->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_WORDS },
		{ MHD_OPTION_END, 0, NULL },
	};
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Daemon *d = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
			(pems->key ? MHD_USE_TLS : 0),
		0, NULL, NULL, api_on_request, l, /* no threads */
		MHD_OPTION_EXTERNAL_LOGGER, on_log, l, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_URI_LOG_CALLBACK, api_on_target, l, MHD_OPTION_NOTIFY_COMPLETED,
		api_on_request_over, l, MHD_OPTION_NOTIFY_CONNECTION, api_on_connection, l,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(l->control ? CONTROL_MAX : API_MAX),
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)(l->control ? 0 : CLIENT_MAX),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
		pems->key ? tls : tls + 3, MHD_OPTION_END);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* Takes fd over when it is 0. */
static int add(struct weir_api *api, int fd, const struct weir_sockaddr *addr,
	       const struct weir_api_conf *conf)
{
	struct api_listener *l = weir_new(struct api_listener);
	struct pems pems;
	int err = -EINVAL;

	*l = (struct api_listener){ .api = api, .addr = *addr, .fd = fd, .control = !conf };
	if (read_pems(conf, &pems)) {
		l->daemon = start(l, &pems);
		if (!l->daemon && pems.key)
			weir_error("agent.api.tls: %s and %s are no certificate and its key",
				   conf->certificate, conf->key);
		forget_pems(&pems);
	}
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
	return 0;
}

int api_listen(struct weir_api *api, const struct weir_sockaddr *addr,
	       const struct weir_api_conf *conf)
{
	int fd = listen_on(addr), err = fd < 0 ? fd : add(api, fd, addr, conf);

	if (err && fd >= 0)
		close(fd);
	return err;
}

void api_listen_again(struct api_listener *l, const struct weir_api_conf *conf)
{
	char text[WEIR_SOCKADDR_TEXT];

	if (add(l->api, l->fd, &l->addr, conf)) {
		weir_error("%s goes on with its older certificate",
			   weir_sockaddr_text(&l->addr, text));
		return;
	}
	l->fd = -1;
	close(MHD_quiesce_daemon(l->daemon));
	l->resumed = true; /* it may have no connections */
	api_next_turn(l->api);
}
