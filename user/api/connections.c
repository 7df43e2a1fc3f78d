/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connections.c - how long a connection may take: libmicrohttpd knows only how long it was idle,
 * which a client that sends a byte every now and then never is. */
#include <stdlib.h>
#include <sys/socket.h>

#include "api/api_impl.h"
#include "base/mem.h"

#define ARRIVE_S 10 /* a handshake and a request */

struct api_connection {
	struct api_connection *next, **prev;
	int fd;
	uint64_t until_ns; /* 0: as long as it likes */
};

static uint64_t in_s(unsigned s)
{
	return uv_hrtime() + s * UINT64_C(1000000000);
}

void api_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct api_listener *l = arg;
	struct api_connection *n = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!n)
			return;
		*n->prev = n->next;
		if (n->next)
			n->next->prev = n->prev;
		free(n);
		*socket_context = NULL;
		return;
	}
	n = weir_new(struct api_connection);
	n->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	n->until_ns = in_s(ARRIVE_S);
	n->next = l->connections;
	n->prev = &l->connections;
	if (n->next)
		n->next->prev = &n->next;
	l->connections = n;
	*socket_context = n;
}

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

/* libmicrohttpd closes them when it sees that they have ended. */
void api_cut_off(struct api_listener *l, uint64_t now_ns)
{
	for (struct api_connection *n = l->connections; n; n = n->next) {
		if (!n->until_ns || now_ns < n->until_ns)
			continue;
		shutdown(n->fd, SHUT_RDWR);
		n->until_ns = 0;
	}
}
