/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.h - the agent's HTTP server, on the loop's thread (libmicrohttpd, one epoll descriptor). */
#ifndef WEIR_API_API_H
#define WEIR_API_API_H

#include <uv.h>

#include "agent/agent.h"

struct weir_api;

/* Listens on agent.control and agent.api.listen. agent must outlive the server, and nobody else
 * listens to when it is idle. *out is the caller's: weir_api_close(). 0 or a negative errno, said
 * in the log. */
int weir_api_open(uv_loop_t *loop, struct weir_agent *agent, struct weir_api **out);

/* Takes certificate and key from their files again, for new connections; when they are not what
 * they must be (said in the log) the older ones stay. Takes NULL. */
void weir_api_reload(struct weir_api *api);

/* Needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_api_close(struct weir_api *api);

#endif
