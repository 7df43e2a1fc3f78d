/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.h - the addresses of host names, asked again before they are too old. On the loop's
 * thread only.
 *
 * A name's addresses last until other ones are known: no failure, and no server that says that
 * there is no such name, takes them away. Those that left are still told until they are forgotten,
 * so that whoever comes instead can be looked at first. */
#ifndef WEIR_RESOLVE_RESOLVE_H
#define WEIR_RESOLVE_RESOLVE_H

#include <uv.h>

#include "base/mem.h"
#include "model/hosts.h"

struct weir_resolver;

/* Some name has other addresses, or its first answer or failure. May call back in, except for
 * weir_resolver_close(). */
typedef void weir_resolved_fn(void *arg);

/* *out is the caller's: weir_resolver_close(). Nobody is asked before weir_resolver_servers().
 * 0 or a negative errno. */
int weir_resolver_open(uv_loop_t *loop, weir_resolved_fn *news, void *arg,
		       struct weir_resolver **out);

/* Who is asked from now on; n 0: those of /etc/resolv.conf, as it is now. 0 or a negative errno,
 * then nobody is. */
int weir_resolver_servers(struct weir_resolver *r, const struct weir_sockaddr *servers, uint32_t n);

/* Names that are to be known, too. */
void weir_resolver_want(struct weir_resolver *r, const char *const *names, uint32_t n);

/* All others are not needed any more. */
void weir_resolver_keep(struct weir_resolver *r, const char *const *names, uint32_t n);

/* Every name has had an answer, or a failure. */
bool weir_resolver_settled(const struct weir_resolver *r);

/* What is known, in arena: also addresses that left, behind those of now. */
struct weir_hosts weir_resolver_hosts(const struct weir_resolver *r, struct weir_arena *arena);

/* Whether some addresses left, and are not forgotten. */
bool weir_resolver_has_past(const struct weir_resolver *r);
void weir_resolver_forget(struct weir_resolver *r);

/* Needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_resolver_close(struct weir_resolver *r);

#endif
