/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.c - starts everything, takes verdicts and reloads in, and reconciles. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_impl.h"
#include "base/log.h"
#include "model/index.h"

#define TICK_MS        1000
#define FIRST_ROUND_MS 3000 /* how long DNS waits for the first verdicts */

uint64_t agent_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t agent_uptime_ms(const struct weir_agent *a)
{
	return uv_now(a->loop);
}

/* --- reconcile: everything follows from the view --- */

/* What a model and its health decide. */
struct decision {
	struct weir_arena *arena;
	const struct weir_view *view;
	const struct weir_tables *tables;
};

static struct decision decide(struct weir_agent *a, const struct weir_model *model,
			      const struct weir_health *health)
{
	struct decision d = { .arena = weir_arena_new() };

	d.view = weir_view_build(model, health, d.arena);
	d.tables = weir_compile(d.view, a->memo, d.arena);
	return d;
}

static void publish(struct weir_agent *a, const struct decision *d)
{
	struct weir_zones *old = a->zones;

	a->zones = weir_zones_build(d->view);
	weir_zones_free(old);
	weir_arena_free(a->decided);
	a->decided = d->arena;
	a->view = d->view;
	a->tables = d->tables;
	weir_memo_forget(a->memo);
}

/* Tells what a person wants to know of a change: which pool serves whom. */
static void say_moves(const struct weir_view *old, const struct weir_view *now)
{
	if (!old || old->model != now->model)
		return;
	for (uint32_t i = 0; i < now->model->n_lbs; i++) {
		const struct weir_view_lb *was = &old->lbs[i], *is = &now->lbs[i];

		if (was->pool == is->pool && was->fallback == is->fallback)
			continue;
		if (is->pool)
			weir_warn("%s: now served by pool %s%s", is->lb->name, is->pool->id,
				  is->fallback ? ", the fallback" : "");
		else
			weir_error("%s: nobody can serve it", is->lb->name);
	}
}

static int reconcile(struct weir_agent *a)
{
	struct decision d = decide(a, a->model, a->health);
	int err;

	say_moves(a->view, d.view);
	err = weir_plane_sync(a->plane, d.tables, agent_uptime_ms(a));
	a->behind = err != 0;
	publish(a, &d);
	return err;
}

static void on_flush(uv_timer_t *t)
{
	reconcile(t->data);
}

/* --- DNS starts when the first round of verdicts is in --- */

static bool first_round_done(const struct weir_agent *a)
{
	const struct weir_model *m = a->model;

	if (agent_uptime_ms(a) >= a->answer_by_ms)
		return true;
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i];

		for (uint32_t k = 0; pool->monitor && pool->enabled && k < pool->n_origins; k++)
			if (pool->origins[k].enabled &&
			    !a->health[pool->origins[k].index].checked_ms)
				return false;
	}
	return true;
}

static int listen_dns(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	char text[WEIR_SOCKADDR_TEXT];
	uint32_t failed = 0;
	int err = weir_dns_listen(a->dns, conf->dns_listen, conf->n_dns_listen, &failed);

	if (err && !a->dns_refused)
		weir_error("dns: cannot listen on %s: %s",
			   weir_sockaddr_text(&conf->dns_listen[failed], text), strerror(-err));
	return err;
}

/* Packets do not wait for DNS: what cannot be listened on is tried again every second. */
static void answer(struct weir_agent *a)
{
	if (a->answering)
		return;
	a->answering = !listen_dns(a, &a->model->agent);
	if (a->answering && a->dns_refused)
		weir_info("dns: listening now");
	else if (!a->answering && !a->dns_refused)
		weir_error("dns: nobody is answered; trying again every second");
	a->dns_refused = !a->answering;
}

static void answer_when_ready(struct weir_agent *a)
{
	if (a->ready || !first_round_done(a))
		return;
	if (uv_is_active((uv_handle_t *)&a->flush)) {
		uv_timer_stop(&a->flush);
		reconcile(a);
	}
	answer(a);
	a->ready = true;
	weir_info("ready: %u services, %u endpoints, table digest %016llx", a->tables->n_services,
		  a->tables->n_endpoints, (unsigned long long)a->tables->digest);
}

/* --- health --- */

/* Pools are in the order of the indexes of their origins, and none is empty. */
static const struct weir_pool *pool_of(const struct weir_model *m, uint32_t origin_index,
				       const struct weir_origin **origin)
{
	uint32_t low = 0, high = m->n_pools;
	const struct weir_pool *pool;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->pools[mid].origins[0].index <= origin_index)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	pool = &m->pools[low - 1];
	if (origin_index - pool->origins[0].index >= pool->n_origins)
		return NULL;
	*origin = &pool->origins[origin_index - pool->origins[0].index];
	return pool;
}

static void on_verdict(void *arg, uint32_t origin_index, const struct weir_verdict *v)
{
	struct weir_agent *a = arg;
	const struct weir_origin *origin;
	const struct weir_pool *pool = pool_of(a->model, origin_index, &origin);
	struct weir_health *h = &a->health[origin_index];

	if (!pool || !pool->monitor)
		return;
	if (weir_health_update(h, pool->monitor, v, agent_now_ms())) {
		weir_log(h->state == WEIR_HEALTHY ? WEIR_LOG_INFO : WEIR_LOG_WARN,
			 "pool %s: %s (%s) is %s: %s", pool->id, origin->name, origin->address,
			 weir_state_text(h->state), h->reason);
		uv_timer_start(&a->flush, on_flush, 0, 0);
	}
	answer_when_ready(a);
}

static bool same_origin(const struct weir_origin *a, const struct weir_origin *b)
{
	return weir_addr_eq(&a->addr, &b->addr) && a->port == b->port;
}

/* The n-th origin of a pool as it was in another model, most likely in the same place. */
static const struct weir_origin *origin_was(const struct weir_pool *was,
					    const struct weir_pool *pool, uint32_t n)
{
	const struct weir_origin *o = &pool->origins[n];

	if (was && n < was->n_origins && same_origin(&was->origins[n], o))
		return &was->origins[n];
	for (uint32_t i = 0; was && i < was->n_origins; i++)
		if (same_origin(&was->origins[i], o))
			return &was->origins[i];
	return NULL;
}

static void index_pools(struct weir_index *x, const struct weir_model *m, struct weir_arena *arena)
{
	weir_index_init(x, m->n_pools, arena);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		uint32_t nth = i;

		weir_index_add(x, m->pools[i].id, strlen(m->pools[i].id), &nth);
	}
}

/* Health for a new model: what is known stays known. At the first start, what the adopted maps
 * say of an endpoint counts until its first verdict, so that a restart moves no traffic. */
static struct weir_health *carry_health(const struct weir_agent *a, const struct weir_model *m)
{
	struct weir_health *health = weir_new_array(m->n_origins, struct weir_health);
	struct weir_arena *arena = weir_arena_new();
	uint64_t now = agent_now_ms();
	struct weir_index by_id;

	index_pools(&by_id, a->model, arena);
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i], *was = NULL;
		uint32_t nth;

		if (a->health && weir_index_find(&by_id, pool->id, strlen(pool->id), &nth))
			was = &a->model->pools[nth];
		for (uint32_t k = 0; k < pool->n_origins; k++) {
			const struct weir_origin *o = &pool->origins[k];
			const struct weir_origin *known = origin_was(was, pool, k);

			weir_health_init(&health[o->index], now);
			if (known)
				health[o->index] = a->health[known->index];
			else if (!a->health && weir_plane_was_healthy(a->plane, &o->addr))
				health[o->index].state = WEIR_HEALTHY;
		}
	}
	weir_arena_free(arena);
	return health;
}

/* --- reload --- */

/* What a running agent cannot change. */
static bool check_reload(const struct weir_agent_conf *old, const struct weir_agent_conf *now,
			 struct weir_err *err)
{
	if (strcmp(old->pin_path, now->pin_path))
		return weir_err_set(err, "agent.pin_path",
				    "cannot change while the agent runs; "
				    "restart it");
	if (memcmp(old->hash_key, now->hash_key, sizeof(old->hash_key)))
		return weir_err_set(err, "agent.hash_key",
				    "cannot change while the agent runs; "
				    "restart it (established flows may move)");
	if (old->gue_port != now->gue_port)
		return weir_err_set(err, "agent.gue_port",
				    "cannot change while the agent runs; "
				    "restart it");
	if (!weir_prefix_eq(&old->outer4, &now->outer4) ||
	    !weir_prefix_eq(&old->outer6, &now->outer6))
		return weir_err_set(err, "agent.outer_source",
				    "cannot change while the agent runs; "
				    "restart it");
	if (old->max_rows != now->max_rows)
		return weir_err_set(err, "agent.max_rows",
				    "cannot change while packets are forwarded; stop the agent, "
				    "run `weir-agent --detach` and start it");
	if (!weir_addr_eq(&old->control.addr, &now->control.addr) ||
	    old->control.port != now->control.port)
		return weir_err_set(err, "agent.control",
				    "cannot change while the agent runs; "
				    "restart it");
	return true;
}

static int attach(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	return weir_plane_attach(a->plane, conf->interfaces, conf->n_interfaces, conf->attach);
}

/* Everything of a new model that can fail, and the way back when it does. */
static int apply_outside(struct weir_agent *a, const struct weir_model *m,
			 const struct weir_tables *tables)
{
	int err = attach(a, &m->agent);

	if (!err && a->answering)
		err = listen_dns(a, &m->agent);
	if (!err) {
		err = weir_plane_sync(a->plane, tables, agent_uptime_ms(a));
		if (err && a->answering)
			listen_dns(a, &a->model->agent);
		if (err) /* endpoints of the new tables only have slots by now */
			weir_plane_sync(a->plane, a->tables, agent_uptime_ms(a));
	}
	if (err)
		attach(a, &a->model->agent);
	return err;
}

static void take_model(struct weir_agent *a, struct weir_model *m, struct weir_health *health,
		       const struct decision *d)
{
	struct weir_model *old = a->model;

	free(a->health);
	a->health = health;
	a->model = m;
	uv_timer_stop(&a->flush);
	publish(a, d);
	weir_prober_set(a->prober, m);
	weir_model_free(old);
	a->revision++;
	a->loaded_ms = agent_now_ms();
	a->error[0] = 0;
	a->dns_refused = false; /* another address may be refused: that is news */
}

static int apply(struct weir_agent *a, struct weir_model *m)
{
	struct weir_health *health = carry_health(a, m);
	struct decision d = decide(a, m, health);
	int err = apply_outside(a, m, d.tables);

	if (err) {
		snprintf(a->error, sizeof(a->error), "%s: not applied: %s (the log says what)",
			 a->config_path, strerror(-err));
		weir_arena_free(d.arena);
		free(health);
		return err;
	}
	take_model(a, m, health, &d);
	return 0;
}

void weir_agent_reload(struct weir_agent *a)
{
	struct weir_model *m = NULL;
	struct weir_err err;

	if (!weir_config_read(a->config_path, &m, &err) ||
	    !check_reload(&a->model->agent, &m->agent, &err)) {
		weir_config_error(a->config_path, &err, a->error, sizeof(a->error));
		weir_error("%s", a->error);
		weir_error("the running configuration stays as it is");
		weir_model_free(m);
		return;
	}
	if (apply(a, m)) {
		weir_error("the running configuration stays as it is");
		weir_model_free(m);
		return;
	}
	weir_info("reloaded %s: revision %u, table digest %016llx", a->config_path, a->revision,
		  (unsigned long long)a->tables->digest);
}

/* --- start and stop --- */

static void on_netlink(uv_poll_t *poll, int status, int events)
{
	struct weir_agent *a = poll->data;

	(void)status, (void)events;
	weir_plane_readable(a->plane);
}

static void on_tick(uv_timer_t *t)
{
	struct weir_agent *a = t->data;

	weir_plane_tick(a->plane, agent_uptime_ms(a));
	if (a->behind) /* there may be room now: something has drained */
		reconcile(a);
	if (a->ready)
		answer(a);
	else
		answer_when_ready(a);
}

static void start_handles(struct weir_agent *a)
{
	uv_poll_init(a->loop, &a->netlink, weir_plane_fd(a->plane));
	uv_timer_init(a->loop, &a->tick);
	uv_timer_init(a->loop, &a->flush);
	a->netlink.data = a->tick.data = a->flush.data = a;
	a->n_handles = 3;
	uv_poll_start(&a->netlink, UV_READABLE, on_netlink);
	uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
}

static int open_plane(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	struct weir_plane_options o = {
		.pin_path = conf->pin_path,
		.gue_port = conf->gue_port,
		.outer4 = conf->outer4,
		.outer6 = conf->outer6,
		.max_rows = conf->max_rows,
	};

	memcpy(o.hash_key, conf->hash_key, sizeof(o.hash_key));
	return weir_plane_open(&o, &a->plane);
}

int weir_agent_open(uv_loop_t *loop, const char *config_path, struct weir_model *model,
		    struct weir_agent **out)
{
	struct weir_agent *a = weir_new(struct weir_agent);
	int err;

	a->loop = loop;
	a->config_path = config_path;
	a->memo = weir_memo_new();
	a->started_ms = agent_now_ms();
	a->answer_by_ms = agent_uptime_ms(a) + FIRST_ROUND_MS;
	err = open_plane(a, &model->agent);
	if (err) {
		weir_model_free(model);
		weir_memo_free(a->memo);
		free(a);
		return err;
	}
	start_handles(a);
	a->model = model;
	a->health = carry_health(a, model);
	err = weir_prober_open(loop, on_verdict, a, &a->prober);
	if (!err)
		err = weir_dns_open(loop, &a->zones, weir_plane_dns_filter_fd(a->plane), &a->dns);
	if (err) {
		weir_error("cannot start: %s", strerror(-err));
		weir_agent_close(a);
		return err;
	}
	*out = a;
	return 0;
}

/* Attaches first: that is what the world may refuse, and then adopted tables stay as they are. */
int weir_agent_start(struct weir_agent *a)
{
	int err = attach(a, &a->model->agent);

	if (!err)
		err = reconcile(a);
	if (err)
		return err;
	weir_prober_set(a->prober, a->model);
	a->revision = 1;
	a->loaded_ms = agent_now_ms();
	answer_when_ready(a);
	return 0;
}

/* The last handle to close frees the agent; libuv does not say which that is. */
static void on_closed(uv_handle_t *h)
{
	struct weir_agent *a = h->data;

	if (--a->n_handles)
		return;
	weir_plane_close(a->plane);
	weir_zones_free(a->zones);
	weir_arena_free(a->decided);
	weir_memo_free(a->memo);
	weir_model_free(a->model);
	free(a->health);
	free(a);
}

void weir_agent_close(struct weir_agent *a)
{
	if (!a)
		return;
	weir_prober_close(a->prober);
	weir_dns_close(a->dns);
	uv_close((uv_handle_t *)&a->netlink, on_closed);
	uv_close((uv_handle_t *)&a->tick, on_closed);
	uv_close((uv_handle_t *)&a->flush, on_closed);
}
