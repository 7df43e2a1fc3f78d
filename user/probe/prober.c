/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prober.c - when probes run: targets from a model, intervals, retries, and the queue. */
#include "probe/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "probe/icmp.h"
#include "probe/target.h"
#include "probe/tls.h"
#include "probe/tunnel.h"

#define MAX_BUSY     1024  /* attempts at once */
#define BATCH        64    /* attempts started before the loop has its turn */
#define LOG_PAUSE_MS 60000 /* between lines about failures of this host */

struct weir_prober {
	struct weir_tools tools;
	weir_verdict_fn *report;
	void *arg;
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
	struct weir_target *t = timer->data;

	t->engine->expire(t);
}

static void attempt(struct weir_target *t)
{
	weir_schedule_attempt(&t->schedule);
	t->excused = false;
	if (t->engine->expire)
		uv_timer_start(&t->timer, on_expired, t->monitor->timeout_ms, 0);
	t->engine->start(t);
}

static void pump_soon(struct weir_prober *p);

static void on_pump(uv_timer_t *timer)
{
	struct weir_prober *p = timer->data;

	for (int i = 0; i < BATCH && p->queue && p->busy < MAX_BUSY; i++) {
		struct weir_target *t = dequeue(p);

		t->state = WEIR_TARGET_BUSY;
		p->busy++;
		attempt(t);
	}
	pump_soon(p);
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

static void rest(struct weir_target *t)
{
	uint64_t now_ms = uv_now(t->tools->loop);

	t->state = WEIR_TARGET_IDLE;
	uv_timer_start(&t->timer, on_due,
		       t->schedule.due_ms > now_ms ? t->schedule.due_ms - now_ms : 0, 0);
}

static void complain(struct weir_prober *p, int err)
{
	if (uv_now(p->tools.loop) < p->quiet_until_ms)
		return;
	p->quiet_until_ms = uv_now(p->tools.loop) + LOG_PAUSE_MS;
	weir_error("probes cannot run on this host: %s; health stays as it is", strerror(-err));
}

void weir_target_done(struct weir_target *t, int err, const struct weir_verdict *v)
{
	struct weir_prober *p = t->prober;

	if (weir_schedule_again(&t->schedule, t->monitor, err == -ETIMEDOUT,
				uv_now(p->tools.loop))) {
		attempt(t);
		return;
	}
	p->busy--;
	rest(t);
	pump_soon(p);
	if (err && err != -ETIMEDOUT)
		complain(p, err);
	else
		p->report(p->arg, t->origin->index, t->member, v); /* may end t */
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

static void identify_tls(struct id *id, const struct weir_tls *tls)
{
	uint8_t numbers[] = { tls->check_cert, tls->min_version, tls->max_version };

	id_add(id, numbers, sizeof(numbers));
	id_add_text(id, tls->ciphers);
	id_add_text(id, tls->sni_hostname);
	id_add_text(id, tls->cert_hostname);
	id_add_text(id, tls->ca_cert);
	id_add_text(id, tls->client_cert);
	id_add_text(id, tls->client_key);
}

static void identify(struct id *id, const struct weir_pool *pool, const struct weir_monitor *m,
		     const struct weir_origin *o, const struct weir_sockaddr *to)
{
	uint32_t numbers[] = { m->type,    m->interval_ms,      m->timeout_ms,
			       m->retries, m->follow_redirects, m->n_headers,
			       to->port,   m->allow_insecure };

	id->len = 0;
	id_add(id, numbers, sizeof(numbers));
	id_add(id, to->addr.b, sizeof(to->addr.b));
	id_add_text(id, pool->id);
	id_add_text(id, o->name);
	if (m->via) {
		id_add(id, &m->via->mode, sizeof(m->via->mode));
		id_add(id, &m->via->gue_port, sizeof(m->via->gue_port));
		id_add(id, m->via->vip.b, sizeof(m->via->vip.b));
		id_add(id, o->addr.b, sizeof(o->addr.b));
	}
	if (!weir_monitor_is_http(m))
		return;
	id_add(id, m->expected_codes, sizeof(m->expected_codes));
	id_add_text(id, o->host);
	id_add_text(id, o->host_name);
	id_add_text(id, m->method);
	id_add_text(id, m->path);
	id_add_text(id, m->expected_body);
	if (weir_tls_is_used(m))
		identify_tls(id, &pool->tls);
	for (uint32_t i = 0; i < m->n_headers; i++) {
		id_add_text(id, m->headers[i].name);
		id_add_text(id, m->headers[i].value);
	}
}

static uint16_t usual_port(enum weir_monitor_type type)
{
	return type == WEIR_MONITOR_HTTP ? 80 : type == WEIR_MONITOR_HTTPS ? 443 : 0;
}

static struct weir_sockaddr probed_at(const struct weir_monitor *m, const struct weir_origin *o)
{
	static const union weir_addr none;
	bool own = weir_addr_eq(&o->probe_address, &none);

	return (struct weir_sockaddr){
		.addr = own ? o->addr : o->probe_address,
		.port = o->probe_port ? o->probe_port
			: m->port     ? m->port
			: o->port     ? o->port
				      : usual_port(m->type),
	};
}

static const struct weir_engine *engine_of(const struct weir_monitor *m)
{
	static const struct weir_engine *const engines[] = {
		[WEIR_MONITOR_HTTP] = &weir_http_engine,
		[WEIR_MONITOR_HTTPS] = &weir_http_engine,
		[WEIR_MONITOR_TCP] = &weir_tcp_engine,
		[WEIR_MONITOR_UDP_ICMP] = &weir_udp_engine,
		[WEIR_MONITOR_ICMP_PING] = &weir_ping_engine,
		[WEIR_MONITOR_SMTP] = &weir_tcp_engine,
	};

	return m->via ? &weir_tunnel_engine : engines[m->type];
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
	t->tools = &u->prober->tools;
	t->hash = hash;
	t->id_len = u->id.len;
	t->id = weir_alloc(t->id_len, 1);
	memcpy(t->id, u->id.bytes, t->id_len);
	uv_timer_init(u->prober->tools.loop, &t->timer);
	t->timer.data = t;
	u->fresh++;
	return t;
}

static void want(struct update *u, const struct weir_pool *pool, uint32_t member,
		 const struct weir_origin *o)
{
	const struct weir_monitor *m = weir_pool_member(pool, member).monitor;
	struct weir_sockaddr to = probed_at(m, o);
	struct weir_target *t;
	uint64_t hash;

	identify(&u->id, pool, m, o, &to);
	hash = weir_hash_bytes(0, u->id.bytes, u->id.len);
	t = claim(u, hash);
	if (!t)
		t = make(u, hash);
	t->origin = o;
	t->monitor = m;
	t->member = member;
	t->tls = &pool->tls;
	t->engine = engine_of(m);
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
		t->engine->stop(t);
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

static void want_pool(struct update *u, const struct weir_pool *pool)
{
	for (uint32_t i = 0; i < pool->n_origins; i++)
		for (uint32_t m = 0; m < weir_pool_n_members(pool); m++)
			if (pool->origins[i].enabled && !pool->origins[i].fault &&
			    weir_pool_member(pool, m).enabled)
				want(u, pool, m, &pool->origins[i]);
}

void weir_prober_set(struct weir_prober *p, const struct weir_model *model)
{
	struct update u = { .prober = p, .kept_end = &u.kept };

	index_old(&u);
	for (uint32_t i = 0; i < model->n_pools; i++)
		if (model->pools[i].enabled)
			want_pool(&u, &model->pools[i]);
	*u.kept_end = NULL;
	p->targets = u.kept;
	for (size_t b = 0; b <= u.mask; b++)
		for (struct weir_target *t = u.buckets[b]; t; t = t->next_in_bucket)
			retire(t);
	forget_retired(p);
	uv_update_time(p->tools.loop); /* making and parsing a model takes its time */
	for (struct weir_target *t = p->targets; t; t = t->next)
		if (t->state == WEIR_TARGET_NEW) {
			weir_schedule_begin(&t->schedule, t->monitor->interval_ms, u.fresh, t->hash,
					    uv_now(p->tools.loop));
			rest(t);
		}
	pump_soon(p);
	free(u.buckets);
	free(u.id.bytes);
}

void weir_prober_hurry(struct weir_prober *p, uint32_t origin_index)
{
	for (struct weir_target *t = p->targets; t; t = t->next) {
		if (t->origin->index != origin_index || t->state != WEIR_TARGET_IDLE)
			continue;
		t->schedule.due_ms = uv_now(p->tools.loop);
		rest(t);
	}
}

int weir_prober_open(uv_loop_t *loop, weir_verdict_fn *report, void *arg, struct weir_prober **out)
{
	struct weir_prober *p = weir_new(struct weir_prober);
	int err;

	p->tools.loop = loop;
	p->report = report;
	p->arg = arg;
	p->queue_end = &p->queue;
	err = weir_watches_open(loop, &p->tools.watches);
	if (!err)
		err = weir_http_open(loop, p->tools.watches, &p->tools.http);
	if (err) {
		if (p->tools.watches)
			weir_watches_close(p->tools.watches);
		free(p);
		return err;
	}
	p->tools.icmp = weir_icmp_open(loop);
	p->tools.tunnel = weir_tunnel_open(loop);
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
	weir_http_close(p->tools.http);
	weir_icmp_close(p->tools.icmp);
	weir_tunnel_close(p->tools.tunnel);
	weir_watches_close(p->tools.watches);
	uv_close((uv_handle_t *)&p->pump, on_prober_closed);
}
