/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.h - the agent's HTTP server, on the loop's thread (libmicrohttpd, one epoll descriptor). */
#ifndef WEIR_API_API_H
#define WEIR_API_API_H

#include <uv.h>

#include "agent/agent.h"

struct weir_api;

/* Listens on addr. agent must outlive the server. *out is the caller's: weir_api_close(). 0 or a
 * negative errno, said in the log. */
int weir_api_open(uv_loop_t *loop, const struct weir_sockaddr *addr, struct weir_agent *agent,
		  struct weir_api **out);

/* Needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_api_close(struct weir_api *api);

#endif
