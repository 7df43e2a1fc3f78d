/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.c - starts everything, takes verdicts and reloads in, and reconciles. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/agent_impl.h"
#include "base/log.h"

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

struct weir_now agent_now(const struct weir_agent *a)
{
	return (struct weir_now){ .wall_ms = agent_now_ms(), .steady_ms = agent_uptime_ms(a) };
}

const struct weir_agent_conf *weir_agent_conf(const struct weir_agent *a)
{
	return &a->model->agent;
}

/* --- reconcile: everything follows from the view --- */

struct agent_decision agent_decide(struct weir_agent *a, const struct weir_model *model,
				   const struct weir_health *health,
				   const struct agent_where *where,
				   const struct agent_latency *latency)
{
	struct agent_decision d = { .arena = weir_arena_new() };
	struct weir_facts now = { health, where->places, where->classes, latency->us };

	d.view = weir_view_build(model, &now, d.arena);
	d.tables = weir_compile(d.view, a->memo, d.arena);
	return d;
}

/* Of zones that are signed a change of health waits for its signatures, if there are many: until
 * then the older answers stay. Those of another model do not, since what they refer to goes. */
static void publish_zones(struct weir_agent *a, const struct weir_view *view,
			  const struct agent_where *where)
{
	const struct weir_model *m = view->model;
	const struct weir_dns_conf *dns = &m->agent.dns;
	const struct weir_self self = {
		.nsid = dns->nsid ? dns->nsid : "",
		.version = dns->version ? dns->version : "",
		.cookie_secret = agent_cookie_secret(a, dns),
	};
	bool other = !a->view || a->view->model != m;
	struct agent_signed_input in =
		agent_signing_begin(a->signing, m, &where->zones, other, agent_now_ms() / 1000);
	struct weir_zones *zones;

	a->serials.now_s = (uint32_t)(agent_now_ms() / 1000);
	zones = weir_zones_build(view, in.files, &self, in.signer, &a->serials);

	if (other)
		weir_dns_zones(a->dns, m->zones, m->n_zones);
	if (!agent_signing_end(a->signing, zones)) {
		weir_zones_free(zones);
		return;
	}
	agent_answer_in_kernel(a, dns, zones, other);
	weir_dns_publish(a->dns, zones);
	agent_signing_retire(a->signing, a->dns);
}

/* When that is something else than before. */
static void say_crowded(const struct weir_tables *old, const struct weir_tables *now,
			uint32_t max_rows)
{
	if ((old ? old->n_crowded : 0) == now->n_crowded)
		return;
	if (now->n_crowded)
		weir_warn("agent.max_rows, %u, has no room for the tables that suit %u of the load "
			  "balancers: they have %u rows each, and a change of their pools moves "
			  "more flows than it would",
			  max_rows, now->n_crowded, now->size_limit);
	else
		weir_info("agent.max_rows has room again for tables that suit all load balancers");
}

void agent_publish(struct weir_agent *a, const struct agent_decision *d,
		   const struct agent_where *where)
{
	publish_zones(a, d->view, where);
	say_crowded(a->tables, d->tables, d->view->model->agent.max_rows);
	weir_arena_free(a->decided);
	a->decided = d->arena;
	a->view = d->view;
	a->tables = d->tables;
	agent_alerts_look(a, d->view);
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

static void say_panics(const struct weir_view *old, const struct weir_view *now)
{
	if (!old || old->model != now->model)
		return;
	for (uint32_t i = 0; i < now->model->n_pools; i++) {
		const struct weir_view_pool *is = &now->pools[i];

		if (is->panic && !old->pools[i].panic)
			weir_error("pool %s: %u of %u are healthy, too few: all serve",
				   is->pool->id, is->healthy, is->pool->n_origins);
		else if (old->pools[i].panic && !is->panic)
			weir_warn("pool %s: enough are healthy again, and only they serve",
				  is->pool->id);
	}
}

static int reconcile(struct weir_agent *a)
{
	struct agent_decision d = agent_decide(a, a->model, a->health, &a->where, &a->latency);
	int err;

	say_moves(a->view, d.view);
	say_panics(a->view, d.view);
	err = weir_plane_sync(a->plane, d.tables, agent_uptime_ms(a));
	a->behind = err != 0;
	agent_publish(a, &d, &a->where);
	return err;
}

static void on_flush(uv_timer_t *t)
{
	reconcile(t->data);
}

void agent_flush(struct weir_agent *a)
{
	uv_timer_start(&a->flush, on_flush, 0, 0);
}

/* --- DNS starts when the first round of verdicts is in --- */

static bool first_round_done(const struct weir_agent *a)
{
	const struct weir_model *m = a->model;

	if (agent_uptime_ms(a) >= a->answer_by_ms)
		return true;
	for (uint32_t i = 0; i < m->n_pools; i++) {
		const struct weir_pool *pool = &m->pools[i];

		for (uint32_t k = 0; pool->enabled && k < pool->n_origins; k++)
			if (pool->origins[k].enabled &&
			    !weir_health_complete(&a->health[pool->origins[k].index], pool))
				return false;
	}
	return true;
}

int agent_listen_dns(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	char text[WEIR_SOCKADDR_TEXT];
	const struct weir_sockaddr *failed;
	int err = weir_dns_listen(a->dns, &conf->dns, &failed);

	if (!err)
		agent_listen_in_kernel(a, &conf->dns);
	if (err && !a->dns_refused)
		weir_error("dns: cannot listen on %s: %s", weir_sockaddr_text(failed, text),
			   strerror(-err));
	return err;
}

/* Packets do not wait for DNS: what cannot be listened on is tried again every second. */
static void answer(struct weir_agent *a)
{
	if (a->answering)
		return;
	a->answering = !agent_listen_dns(a, &a->model->agent);
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

static void on_verdict(void *arg, uint32_t origin_index, uint32_t member,
		       const struct weir_verdict *v)
{
	struct weir_agent *a = arg;
	const struct weir_origin *origin;
	const struct weir_pool *pool = pool_of(a->model, origin_index, &origin);
	struct weir_health *h = &a->health[origin_index];
	uint64_t held_until_ms = h->held_until_ms;
	uint16_t streak;

	if (!pool || member >= weir_pool_n_members(pool))
		return;
	streak = h->checks[member].streak;
	if (weir_health_update(h, pool, member, v, agent_now(a))) {
		weir_log(h->state == WEIR_HEALTHY ? WEIR_LOG_INFO : WEIR_LOG_WARN,
			 "pool %s: %s (%s) is %s: %s", pool->id, origin->name, origin->address,
			 weir_state_text(h->state), h->reason);
		if (h->held_until_ms > held_until_ms)
			weir_warn("pool %s: %s (%s) failed too often: no new connections for %u s",
				  pool->id, origin->name, origin->address,
				  (unsigned)((h->held_until_ms - agent_uptime_ms(a)) / 1000));
		agent_pass(a, pool, h);
		agent_flush(a);
	} else if (h->checks[member].streak != streak) { /* a change is nearer: TTLs follow */
		agent_flush(a);
	}
	answer_when_ready(a);
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
	agent_readmit(a);
	agent_hosts_tick(a);
	agent_latency_look(a);
	agent_cookies_in_kernel(a, &a->model->agent.dns);
	agent_signing_tick(a->signing, a->model, agent_now_ms() / 1000);
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
	uv_timer_init(a->loop, &a->pass);
	uv_timer_init(a->loop, &a->host_news);
	a->netlink.data = a->tick.data = a->flush.data = a->pass.data = a->host_news.data = a;
	a->n_handles = 5;
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

static int open_dns(struct weir_agent *a, const struct weir_agent_conf *agent)
{
	const struct weir_dns_conf *conf = &agent->dns;
	struct weir_dns_cert *cert;
	struct weir_err e;
	int err;
	struct weir_dns_options o = {
		.filter_fd = weir_plane_dns_filter_fd(a->plane),
		.workers = conf->workers,
	};

	if (!weir_dns_cert_read(&conf->tls, &cert, &e)) {
		weir_error("%s: %s", e.path, e.text);
		return -EINVAL;
	}
	err = weir_dns_open(a->loop, &o, &a->dns);
	if (err) {
		weir_dns_cert_free(cert);
		return err;
	}
	weir_dns_use_cert(a->dns, cert);
	agent_use_tap(a, agent);
	return 0;
}

/* Keys or signatures have changed. */
static void on_signed(void *agent)
{
	agent_flush(agent);
}

static int read_where(struct weir_agent *a)
{
	struct agent_where where;
	struct weir_err err;

	if (!agent_where_read(a, a->model, NULL, &where, &err)) {
		weir_error("%s: %s", err.path, err.text);
		return -EINVAL;
	}
	agent_where_take(a, &where);
	a->latency = agent_latency_for(a, a->model);
	return 0;
}

int weir_agent_open(uv_loop_t *loop, const char *config_path, json_t *root,
		    struct weir_model *model, struct weir_agent **out)
{
	struct weir_agent *a = weir_new(struct weir_agent);
	int err;

	a->loop = loop;
	a->config_path = config_path;
	a->memo = weir_memo_new();
	a->signing = agent_signing_open(loop, on_signed, a);
	if (getrandom(a->cookie_secret, sizeof(a->cookie_secret), 0) != sizeof(a->cookie_secret))
		abort();
	a->started_ms = agent_now_ms();
	a->answer_by_ms = agent_uptime_ms(a) + FIRST_ROUND_MS;
	err = agent_store_open(a, root, &model);
	json_decref(root);
	if (!err)
		err = agent_hosts_open(a, &model);
	if (!err)
		err = open_plane(a, &model->agent);
	if (err) {
		weir_resolver_close(a->resolver);
		agent_store_close(a);
		weir_model_free(model);
		weir_memo_free(a->memo);
		agent_signing_close(a->signing);
		free(a);
		return err;
	}
	start_handles(a);
	weir_plane_on_silence(a->plane, agent_on_silence, a);
	agent_count_serials(a, model);
	a->model = model;
	a->overrides = weir_overrides_new();
	a->health = agent_carry_health(a, model);
	agent_pass_all(a);
	err = read_where(a);
	if (!err)
		err = weir_prober_open(loop, on_verdict, a, &a->prober);
	if (!err)
		err = open_dns(a, &model->agent);
	if (!err)
		err = agent_alerts_open(a);
	if (!err)
		err = agent_overrides_restore(a);
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
	int err = agent_attach(a, &a->model->agent);

	if (!err)
		err = reconcile(a);
	if (err)
		return err;
	weir_prober_set(a->prober, a->model);
	weir_plane_regions(a->plane, a->model->agent.regions, a->model->agent.n_regions);
	a->revision = 1;
	agent_say_notes(a);
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
	weir_arena_free(a->decided);
	weir_memo_free(a->memo);
	weir_overrides_free(a->overrides);
	agent_where_drop(&a->where);
	agent_signing_close(a->signing);
	weir_serials_fini(&a->serials);
	agent_latency_free(&a->latency);
	weir_model_free(a->model);
	agent_store_close(a);
	weir_arena_free(a->pool_ids.arena);
	json_decref(a->next);
	free(a->health);
	free(a);
}

void weir_agent_close(struct weir_agent *a)
{
	if (!a)
		return;
	agent_reload_close(a);
	weir_prober_close(a->prober);
	agent_previews_close(a);
	weir_dns_close(a->dns);
	weir_resolver_close(a->resolver);
	agent_alerts_close(a);
	uv_close((uv_handle_t *)&a->host_news, on_closed);
	uv_close((uv_handle_t *)&a->netlink, on_closed);
	uv_close((uv_handle_t *)&a->tick, on_closed);
	uv_close((uv_handle_t *)&a->flush, on_closed);
	uv_close((uv_handle_t *)&a->pass, on_closed);
}
