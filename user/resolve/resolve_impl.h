/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve_impl.h - the inside of user/resolve: names, and the channel that asks for them. */
#ifndef WEIR_RESOLVE_RESOLVE_IMPL_H
#define WEIR_RESOLVE_RESOLVE_IMPL_H

#include <ares.h>
#include <stdbool.h>

#include "resolve/resolve.h"

struct resolve_name;

enum resolve_outcome {
	RESOLVE_FOUND,
	RESOLVE_NONE, /* there is no such name, or it has no address of this family */
	RESOLVE_FAILED,
};

/* The addresses of one family. */
struct resolve_query {
	struct resolve_name *of;
	int family, status; /* status: of c-ares */
	enum resolve_outcome outcome;
	union weir_addr addrs[WEIR_HOST_ADDRESSES];
	uint32_t n;
	uint64_t ttl_ms;
};

struct resolve_name {
	struct weir_resolver *resolver;
	struct resolve_name *next;
	char *name;
	union weir_addr addrs[WEIR_HOST_ADDRESSES], past[WEIR_HOST_ADDRESSES];
	uint32_t n, n_past;
	struct resolve_query queries[2];
	uint32_t n_pending; /* of them */
	bool cancelled;     /* some of them: ask again */
	bool gone;          /* nobody wants it, but it is being asked for */
	bool asked;         /* it had an answer or a failure */
	bool failing;       /* and that was said */
	uint64_t due_ms, backoff_ms;
};

struct resolve_socket;

/* What asks: c-ares, with its sockets and its clock on the loop. */
struct resolve_channel {
	struct weir_resolver *resolver;
	ares_channel ares;
	bool open;
	uv_timer_t timer;
	struct resolve_socket *sockets;
	uint32_t n_handles; /* not yet closed */
	bool closing;
};

struct weir_resolver {
	uv_loop_t *loop;
	weir_resolved_fn *report;
	void *arg;
	struct resolve_name *names;
	struct resolve_channel channel;
	uint32_t busy; /* names with queries */
	bool news;
};

/* --- resolve.c --- */
void resolve_answered(struct resolve_name *e, bool cancelled);
void resolve_pump(struct weir_resolver *r);

/* --- channel.c --- */
int resolve_channel_init(struct resolve_channel *c, struct weir_resolver *r);
int resolve_channel_open(struct resolve_channel *c, const struct weir_sockaddr *servers,
			 uint32_t n);
void resolve_channel_ask(struct resolve_channel *c, struct resolve_query *q);
/* resolve_pump() at once; after at most so long, or when c-ares wants to. */
void resolve_channel_wake(struct resolve_channel *c);
void resolve_channel_wait(struct resolve_channel *c, uint64_t ms);
void resolve_channel_fini(struct resolve_channel *c);
const char *resolve_outcome_text(const struct resolve_query *q);

#endif
