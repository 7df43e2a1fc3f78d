/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prober.c - when probes run: targets from a model, intervals, retries, and the queue. */
#include "probe/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "probe/target.h"

#define MAX_BUSY     1024  /* attempts at once */
#define SPREAD_MS    2     /* between first probes, on average; at most a tenth of the interval */
#define LOG_PAUSE_MS 60000 /* between lines about failures of this host */
#define DEFAULT_HTTP 80

struct weir_prober {
	uv_loop_t *loop;
	weir_verdict_fn *report;
	void *arg;
	struct weir_http *http;
	struct weir_target *targets;
	struct weir_target *queue, **queue_end;
	uint64_t quiet_until_ms;
	uint32_t busy;
	uv_timer_t pump; /* fires at once when a place and a target that wants it exist */
};

/* Everything that decides how an origin is probed, as bytes. */
struct id {
	char *bytes;
	size_t len, room;
};

/* A weir_prober_set() in progress. */
struct update {
	struct weir_prober *prober;
	struct weir_target **buckets; /* of the targets there were */
	size_t mask;
	struct weir_target *kept, **kept_end;
	struct id id;
	uint32_t fresh;
};

/* --- running --- */

static void enqueue(struct weir_prober *p, struct weir_target *t)
{
	t->state = WEIR_TARGET_QUEUED;
	t->next_queued = NULL;
	*p->queue_end = t;
	p->queue_end = &t->next_queued;
}

static struct weir_target *dequeue(struct weir_prober *p)
{
	struct weir_target *t = p->queue;

	p->queue = t->next_queued;
	if (!p->queue)
		p->queue_end = &p->queue;
	return t;
}

static void on_expired(uv_timer_t *timer)
{
	weir_tcp_expire(timer->data);
}

static void attempt(struct weir_target *t)
{
	t->attempts++;
	t->excused = false;
	if (t->monitor->type == WEIR_MONITOR_HTTP) {
		weir_http_start(t->prober->http, t);
		return;
	}
	uv_timer_start(&t->timer, on_expired, t->monitor->timeout_ms, 0);
	weir_tcp_start(t);
}

static void on_pump(uv_timer_t *timer)
{
	struct weir_prober *p = timer->data;

	while (p->queue && p->busy < MAX_BUSY) {
		struct weir_target *t = dequeue(p);

		t->state = WEIR_TARGET_BUSY;
		t->attempts = 0;
		p->busy++;
		attempt(t);
	}
}

static void pump_soon(struct weir_prober *p)
{
	if (p->queue && p->busy < MAX_BUSY)
		uv_timer_start(&p->pump, on_pump, 0, 0);
}

static void on_due(uv_timer_t *timer)
{
	struct weir_target *t = timer->data;

	enqueue(t->prober, t);
	pump_soon(t->prober);
}

/* The next probe is due an interval after this one was, or at once when this one took longer. */
static void rest(struct weir_target *t)
{
	uint64_t now_ms = uv_now(t->prober->loop);

	t->state = WEIR_TARGET_IDLE;
	t->due_ms += t->monitor->interval_ms;
	if (t->due_ms < now_ms)
		t->due_ms = now_ms;
	uv_timer_start(&t->timer, on_due, t->due_ms - now_ms, 0);
}

static void complain(struct weir_prober *p, int err)
{
	if (uv_now(p->loop) < p->quiet_until_ms)
		return;
	p->quiet_until_ms = uv_now(p->loop) + LOG_PAUSE_MS;
	weir_error("probes cannot run on this host: %s; health stays as it is", strerror(-err));
}

void weir_target_done(struct weir_target *t, int err, const struct weir_verdict *v)
{
	struct weir_prober *p = t->prober;

	if (err == -ETIMEDOUT && t->attempts <= t->monitor->retries) {
		attempt(t);
		return;
	}
	p->busy--;
	rest(t);
	pump_soon(p);
	if (err && err != -ETIMEDOUT)
		complain(p, err);
	else
		p->report(p->arg, t->origin->index, v); /* may end t */
}

/* --- following the model --- */

static void id_add(struct id *id, const void *bytes, size_t len)
{
	if (id->len + len > id->room) {
		id->room = 2 * (id->len + len);
		id->bytes = weir_grow(id->bytes, id->room, 1);
	}
	memcpy(id->bytes + id->len, bytes, len);
	id->len += len;
}

/* With its NUL, so that no two lists of texts are the same bytes. */
static void id_add_text(struct id *id, const char *s)
{
	id_add(id, s ? "+" : "-", 1);
	id_add(id, s ? s : "", s ? strlen(s) + 1 : 0);
}

static void identify(struct id *id, const struct weir_pool *pool, const struct weir_origin *o,
		     const struct weir_sockaddr *to)
{
	const struct weir_monitor *m = pool->monitor;
	uint32_t numbers[] = { m->type,    m->interval_ms,      m->timeout_ms,
			       m->retries, m->follow_redirects, m->n_headers,
			       to->port };

	id->len = 0;
	id_add(id, numbers, sizeof(numbers));
	id_add(id, to->addr.b, sizeof(to->addr.b));
	id_add_text(id, pool->id);
	id_add_text(id, o->name);
	if (m->type == WEIR_MONITOR_TCP)
		return;
	id_add(id, m->expected_codes, sizeof(m->expected_codes));
	id_add_text(id, o->host);
	id_add_text(id, m->method);
	id_add_text(id, m->path);
	id_add_text(id, m->expected_body);
	for (uint32_t i = 0; i < m->n_headers; i++) {
		id_add_text(id, m->headers[i].name);
		id_add_text(id, m->headers[i].value);
	}
}

static struct weir_sockaddr probed_at(const struct weir_monitor *m, const struct weir_origin *o)
{
	uint16_t port = m->port ? m->port : o->port;

	if (!port && m->type == WEIR_MONITOR_HTTP)
		port = DEFAULT_HTTP;
	return (struct weir_sockaddr){ .addr = o->addr, .port = port };
}

static void index_old(struct update *u)
{
	size_t n = 0, size = 16;

	for (struct weir_target *t = u->prober->targets; t; t = t->next)
		n++;
	while (size < 2 * n)
		size *= 2;
	u->mask = size - 1;
	u->buckets = weir_new_array(size, struct weir_target *);
	for (struct weir_target *t = u->prober->targets; t; t = t->next) {
		t->next_in_bucket = u->buckets[t->hash & u->mask];
		u->buckets[t->hash & u->mask] = t;
	}
}

/* The old target with the identity in u, out of the index. NULL: none. */
static struct weir_target *claim(struct update *u, uint64_t hash)
{
	struct weir_target **at = &u->buckets[hash & u->mask], *t;

	for (; (t = *at); at = &t->next_in_bucket) {
		if (t->hash != hash || t->id_len != u->id.len ||
		    memcmp(t->id, u->id.bytes, u->id.len) != 0)
			continue;
		*at = t->next_in_bucket;
		return t;
	}
	return NULL;
}

static struct weir_target *make(struct update *u, uint64_t hash)
{
	struct weir_target *t = weir_new(struct weir_target);

	t->prober = u->prober;
	t->hash = hash;
	t->id_len = u->id.len;
	t->id = weir_alloc(t->id_len, 1);
	memcpy(t->id, u->id.bytes, t->id_len);
	uv_timer_init(u->prober->loop, &t->timer);
	t->timer.data = t;
	u->fresh++;
	return t;
}

static void want(struct update *u, const struct weir_pool *pool, const struct weir_origin *o)
{
	struct weir_sockaddr to = probed_at(pool->monitor, o);
	struct weir_target *t;
	uint64_t hash;

	identify(&u->id, pool, o, &to);
	hash = weir_hash_bytes(0, u->id.bytes, u->id.len);
	t = claim(u, hash);
	if (!t)
		t = make(u, hash);
	t->origin = o;
	t->monitor = pool->monitor;
	t->to = to;
	*u->kept_end = t;
	u->kept_end = &t->next;
}

static void on_target_closed(uv_handle_t *h)
{
	struct weir_target *t = h->data;

	free(t->id);
	free(t);
}

/* Ends a target that is in no list any more, except perhaps in the queue. */
static void retire(struct weir_target *t)
{
	struct weir_prober *p = t->prober;

	if (t->state == WEIR_TARGET_BUSY) {
		if (t->monitor->type == WEIR_MONITOR_HTTP)
			weir_http_stop(p->http, t);
		else
			weir_tcp_stop(t);
		p->busy--;
	}
	t->state = WEIR_TARGET_GONE;
	uv_close((uv_handle_t *)&t->timer, on_target_closed);
}

static void forget_retired(struct weir_prober *p)
{
	struct weir_target *t = p->queue, *next;

	p->queue = NULL;
	p->queue_end = &p->queue;
	for (; t; t = next) {
		next = t->next_queued;
		if (t->state == WEIR_TARGET_QUEUED)
			enqueue(p, t);
	}
}

/* Few new targets start at once, many over a time that grows with their number. */
static void start(struct weir_target *t, uint32_t fresh)
{
	uint64_t spread_ms = (uint64_t)fresh * SPREAD_MS;
	uint64_t delay_ms;

	if (spread_ms > t->monitor->interval_ms / 10)
		spread_ms = t->monitor->interval_ms / 10;
	delay_ms = weir_mix64(t->hash) % (spread_ms + 1);
	t->state = WEIR_TARGET_IDLE;
	t->due_ms = uv_now(t->prober->loop) + delay_ms;
	uv_timer_start(&t->timer, on_due, delay_ms, 0);
}

void weir_prober_set(struct weir_prober *p, const struct weir_model *model)
{
	struct update u = { .prober = p, .kept_end = &u.kept };

	index_old(&u);
	for (uint32_t i = 0; i < model->n_pools; i++) {
		const struct weir_pool *pool = &model->pools[i];

		for (uint32_t k = 0; pool->enabled && pool->monitor && k < pool->n_origins; k++)
			if (pool->origins[k].enabled)
				want(&u, pool, &pool->origins[k]);
	}
	*u.kept_end = NULL;
	p->targets = u.kept;
	for (size_t b = 0; b <= u.mask; b++)
		for (struct weir_target *t = u.buckets[b]; t; t = t->next_in_bucket)
			retire(t);
	forget_retired(p);
	uv_update_time(p->loop); /* making and parsing a model takes its time */
	for (struct weir_target *t = p->targets; t; t = t->next)
		if (t->state == WEIR_TARGET_NEW)
			start(t, u.fresh);
	pump_soon(p);
	free(u.buckets);
	free(u.id.bytes);
}

int weir_prober_open(uv_loop_t *loop, weir_verdict_fn *report, void *arg, struct weir_prober **out)
{
	struct weir_prober *p = weir_new(struct weir_prober);
	int err;

	p->loop = loop;
	p->report = report;
	p->arg = arg;
	p->queue_end = &p->queue;
	err = weir_http_open(loop, &p->http);
	if (err) {
		free(p);
		return err;
	}
	uv_timer_init(loop, &p->pump);
	p->pump.data = p;
	*out = p;
	return 0;
}

static void on_prober_closed(uv_handle_t *h)
{
	free(h->data);
}

void weir_prober_close(struct weir_prober *p)
{
	struct weir_target *t, *next;

	if (!p)
		return;
	for (t = p->targets; t; t = next) {
		next = t->next;
		retire(t);
	}
	p->targets = NULL;
	forget_retired(p);
	weir_http_close(p->http);
	uv_close((uv_handle_t *)&p->pump, on_prober_closed);
}
