/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.c - names and when they are asked for; channel.c asks. */
#include "resolve/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "resolve/resolve_impl.h"

#define MAX_BUSY    64 /* names at once */
#define TTL_MIN_MS  1000
#define TTL_MAX_MS  3600000
#define BACKOFF_MS  1000
#define BACKOFF_MAX 60000

static struct resolve_name *find(const struct weir_resolver *r, const char *name)
{
	for (struct resolve_name *e = r->names; e; e = e->next)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static bool holds(const union weir_addr *all, uint32_t n, const union weir_addr *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (weir_addr_eq(&all[i], a))
			return true;
	return false;
}

/* --- what an answer changes --- */

static int by_address(const void *x, const void *y)
{
	return weir_addr_cmp(x, y);
}

/* What is told of a family that was not answered for is what was known. */
static uint32_t add_family(const struct resolve_name *e, const struct resolve_query *q,
			   union weir_addr *to)
{
	uint32_t n = 0;

	if (q->outcome == RESOLVE_FOUND) {
		memcpy(to, q->addrs, q->n * sizeof(*to));
		return q->n;
	}
	for (uint32_t i = 0; q->outcome == RESOLVE_FAILED && i < e->n; i++)
		if (weir_addr_is_v4(&e->addrs[i]) == (q->family == AF_INET))
			to[n++] = e->addrs[i];
	return n;
}

/* Those of old and of before it that are not among the present ones. */
static void remember(struct resolve_name *e, const union weir_addr *old, uint32_t n_old)
{
	union weir_addr past[2 * WEIR_HOST_ADDRESSES];
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_old + e->n_past; i++) {
		const union weir_addr *a = i < n_old ? &old[i] : &e->past[i - n_old];

		if (!holds(e->addrs, e->n, a) && !holds(past, n, a))
			past[n++] = *a;
	}
	e->n_past = n < WEIR_HOST_ADDRESSES ? n : WEIR_HOST_ADDRESSES;
	memcpy(e->past, past, e->n_past * sizeof(*past));
}

static void say(const struct resolve_name *e)
{
	char all[200] = "", text[WEIR_ADDR_TEXT];
	size_t used = 0;

	for (uint32_t i = 0; i < e->n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 weir_addr_text(&e->addrs[i], text));
	weir_info("%s is %s", e->name, all);
}

static void take(struct resolve_name *e, union weir_addr *found, uint32_t n)
{
	union weir_addr old[WEIR_HOST_ADDRESSES];
	uint32_t n_old = e->n, kept = 0;

	memcpy(old, e->addrs, n_old * sizeof(*old));
	qsort(found, n, sizeof(*found), by_address); /* servers turn their answers around */
	for (uint32_t i = 0; i < n && kept < WEIR_HOST_ADDRESSES; i++)
		if (!kept || !weir_addr_eq(&e->addrs[kept - 1], &found[i]))
			e->addrs[kept++] = found[i];
	e->n = kept;
	if (kept == n_old && !memcmp(old, e->addrs, n_old * sizeof(*old)))
		return;
	remember(e, old, n_old);
	e->resolver->news = true;
	say(e);
}

static void complain(struct resolve_name *e)
{
	const struct resolve_query *q = e->queries;
	const char *why = resolve_outcome_text(q[0].outcome == RESOLVE_FAILED ? &q[0] : &q[1]);

	if (!e->failing)
		weir_warn("%s: %s; %s", e->name, why,
			  e->n ? "its addresses stay as they are" : "it has no address yet");
	e->failing = true;
}

static uint64_t after_failure(struct resolve_name *e)
{
	e->backoff_ms = e->backoff_ms ? 2 * e->backoff_ms : BACKOFF_MS;
	if (e->backoff_ms > BACKOFF_MAX)
		e->backoff_ms = BACKOFF_MAX;
	return e->backoff_ms;
}

/* Both families have had their answers. */
static void conclude(struct resolve_name *e)
{
	union weir_addr found[2 * WEIR_HOST_ADDRESSES];
	uint64_t wait_ms = TTL_MAX_MS;
	uint32_t n = 0, answers = 0;
	bool failed = false;

	for (uint32_t i = 0; i < 2; i++) {
		const struct resolve_query *q = &e->queries[i];

		n += add_family(e, q, found + n);
		failed |= q->outcome == RESOLVE_FAILED;
		answers += q->outcome == RESOLVE_FOUND;
		if (q->outcome == RESOLVE_FOUND && q->ttl_ms < wait_ms)
			wait_ms = q->ttl_ms;
	}
	if (answers)
		take(e, found, n);
	if (failed || !answers) {
		complain(e);
		wait_ms = after_failure(e);
	} else {
		e->failing = false;
		e->backoff_ms = 0;
	}
	e->resolver->news |= !e->asked;
	e->asked = true;
	e->due_ms = uv_now(e->resolver->loop) + (wait_ms < TTL_MIN_MS ? TTL_MIN_MS : wait_ms);
}

static void name_free(struct resolve_name *e)
{
	free(e->name);
	free(e);
}

void resolve_answered(struct resolve_name *e, bool cancelled)
{
	struct weir_resolver *r = e->resolver;

	e->cancelled |= cancelled;
	if (--e->n_pending)
		return;
	r->busy--;
	if (e->gone)
		name_free(e);
	else if (e->cancelled)
		e->due_ms = 0;
	else
		conclude(e);
}

/* --- when --- */

static void ask(struct resolve_name *e)
{
	e->resolver->busy++;
	e->n_pending = 2;
	e->cancelled = false;
	for (uint32_t i = 0; i < 2; i++)
		resolve_channel_ask(&e->resolver->channel, &e->queries[i]);
}

/* Asks for what is due, tells what is new and waits for the next. */
void resolve_pump(struct weir_resolver *r)
{
	uint64_t now_ms = uv_now(r->loop), next_ms = UINT64_MAX, wait_ms;

	for (struct resolve_name *e = r->names; e && r->channel.open; e = e->next) {
		if (e->n_pending)
			continue;
		if (e->due_ms <= now_ms && r->busy < MAX_BUSY)
			ask(e); /* its answer may be here already: then it is due later */
		if (!e->n_pending && e->due_ms < next_ms)
			next_ms = e->due_ms;
	}
	wait_ms = next_ms == UINT64_MAX || r->busy >= MAX_BUSY ? UINT64_MAX
		  : next_ms > now_ms                           ? next_ms - now_ms
							       : 0;
	resolve_channel_wait(&r->channel, wait_ms);
	if (!r->news)
		return;
	r->news = false;
	r->report(r->arg);
}

/* --- what others want --- */

static struct resolve_name *name_new(struct weir_resolver *r, const char *name)
{
	static const int families[2] = { AF_INET, AF_INET6 };
	struct resolve_name *e = weir_new(struct resolve_name);

	e->resolver = r;
	e->name = weir_alloc(strlen(name) + 1, 1);
	strcpy(e->name, name);
	for (uint32_t i = 0; i < 2; i++) {
		e->queries[i].of = e;
		e->queries[i].family = families[i];
	}
	return e;
}

void weir_resolver_want(struct weir_resolver *r, const char *const *names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct resolve_name *e = find(r, names[i]);

		if (e)
			continue;
		e = name_new(r, names[i]);
		e->next = r->names;
		r->names = e;
	}
	resolve_channel_wake(&r->channel);
}

void weir_resolver_keep(struct weir_resolver *r, const char *const *names, uint32_t n)
{
	struct resolve_name **at = &r->names, *e;

	while ((e = *at)) {
		uint32_t i = 0;

		while (i < n && strcmp(names[i], e->name))
			i++;
		if (i < n) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		e->gone = true;
		if (!e->n_pending)
			name_free(e);
	}
}

bool weir_resolver_settled(const struct weir_resolver *r)
{
	for (const struct resolve_name *e = r->names; e; e = e->next)
		if (!e->asked)
			return false;
	return true;
}

struct weir_hosts weir_resolver_hosts(const struct weir_resolver *r, struct weir_arena *arena)
{
	struct weir_hosts out = { 0 };
	struct weir_host *to;
	uint32_t n = 0;

	for (const struct resolve_name *e = r->names; e; e = e->next)
		n++;
	to = weir_arena_new_array(arena, n, struct weir_host);
	out.hosts = to;
	for (const struct resolve_name *e = r->names; e; e = e->next) {
		union weir_addr *addrs =
			weir_arena_new_array(arena, e->n + e->n_past, union weir_addr);

		memcpy(addrs, e->addrs, e->n * sizeof(*addrs));
		memcpy(addrs + e->n, e->past, e->n_past * sizeof(*addrs));
		to[out.n++] = (struct weir_host){ weir_arena_strdup(arena, e->name), addrs,
						  e->n + e->n_past };
	}
	return out;
}

bool weir_resolver_has_past(const struct weir_resolver *r)
{
	for (const struct resolve_name *e = r->names; e; e = e->next)
		if (e->n_past)
			return true;
	return false;
}

void weir_resolver_forget(struct weir_resolver *r)
{
	for (struct resolve_name *e = r->names; e; e = e->next)
		e->n_past = 0;
}

/* --- beginning and end --- */

int weir_resolver_open(uv_loop_t *loop, weir_resolved_fn *news, void *arg,
		       struct weir_resolver **out)
{
	struct weir_resolver *r = weir_new(struct weir_resolver);
	int err;

	r->loop = loop;
	r->report = news;
	r->arg = arg;
	err = resolve_channel_init(&r->channel, r);
	if (err) {
		free(r);
		return err;
	}
	*out = r;
	return 0;
}

int weir_resolver_servers(struct weir_resolver *r, const struct weir_sockaddr *servers, uint32_t n)
{
	int err = resolve_channel_open(&r->channel, servers, n);

	if (!err)
		resolve_channel_wake(&r->channel);
	return err;
}

void weir_resolver_close(struct weir_resolver *r)
{
	if (!r)
		return;
	weir_resolver_keep(r, NULL, 0);
	resolve_channel_fini(&r->channel); /* frees r when its handles are closed */
}
