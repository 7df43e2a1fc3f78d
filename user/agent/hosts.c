/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hosts.c - what host names stand for, taken into the model: other addresses are like another
 * configuration. Who comes with them is probed before who left with them goes. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/log.h"

#define FIRST_MS    3000  /* how long a beginning and a reload wait for names they do not know */
#define COALESCE_MS 20    /* names that are answered together make one model */
#define PAST_MS     10000 /* how long addresses that left wait for the verdicts of those that came */
#define AGAIN_MS    1000

bool agent_hosts_build(const struct weir_agent *a, const struct agent_objects *objects,
		       struct weir_model **out, struct weir_err *err)
{
	struct weir_arena *arena = weir_arena_new();
	const struct weir_hosts hosts = weir_resolver_hosts(a->resolver, arena);
	bool ok = weir_model_build(objects->document, &hosts, out, err);

	weir_arena_free(arena);
	return ok;
}

/* --- changes --- */

static void on_news(uv_timer_t *t);

static void again_in(struct weir_agent *a, uint64_t ms)
{
	uv_timer_start(&a->host_news, on_news, ms, 0);
}

/* The document is good: it was before, and addresses cannot change that. */
static void rebuild(struct weir_agent *a)
{
	struct weir_model *m = NULL;
	struct agent_where where;
	struct weir_err err;

	if (!a->model->n_hosts || !agent_hosts_build(a, a->objects, &m, &err))
		return;
	agent_where_keep(a, m, &where);
	if (!agent_apply(a, m, &where))
		return;
	weir_error("new addresses of host names are not in use yet; trying again");
	weir_model_free(m);
	again_in(a, AGAIN_MS);
}

/* The reload that waited: all of its names are known, or their time is up. */
static void finish_reload(struct weir_agent *a)
{
	struct agent_objects *objects = agent_objects_new(a->next, a->objects->stored);
	struct weir_model *m = NULL;
	struct weir_err err;

	json_decref(a->next);
	a->next = NULL;
	if (agent_hosts_build(a, objects, &m, &err)) {
		agent_reload_with(a, objects, m);
		return;
	}
	agent_objects_explain(objects, &err);
	agent_reload_failed(a, &err);
	agent_objects_free(objects);
	agent_hosts_settle(a, false);
}

static void on_news(uv_timer_t *t)
{
	struct weir_agent *a = t->data;

	uint64_t now_ms = agent_uptime_ms(a);

	a->past_until_ms = now_ms + PAST_MS;
	if (a->next && (weir_resolver_settled(a->resolver) || now_ms >= a->next_by_ms)) {
		finish_reload(a);
		return;
	}
	rebuild(a);
	if (a->next)
		again_in(a, a->next_by_ms - now_ms);
}

static void on_host_news(void *agent)
{
	struct weir_agent *a = agent;

	if (a->n_handles) /* else it is being opened, and looks itself */
		again_in(a, COALESCE_MS);
}

/* Whether somebody of a host name has had no verdict yet. */
static bool awaits_verdicts(const struct weir_agent *a)
{
	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_pool *p = &a->model->pools[i];

		for (uint32_t k = 0; p->has_hosts && p->enabled && k < p->n_origins; k++)
			if (p->origins[k].host_name && p->origins[k].enabled &&
			    !weir_health_complete(&a->health[p->origins[k].index], p))
				return true;
	}
	return false;
}

void agent_hosts_tick(struct weir_agent *a)
{
	if (!weir_resolver_has_past(a->resolver) ||
	    (agent_uptime_ms(a) < a->past_until_ms && awaits_verdicts(a)))
		return;
	weir_resolver_forget(a->resolver);
	rebuild(a);
}

/* --- documents --- */

/* Names without servers to ask stay unknown; everything else goes on. */
void agent_hosts_ask(struct weir_agent *a, const struct weir_model *m)
{
	int err = weir_resolver_servers(a->resolver, m->agent.resolvers, m->agent.n_resolvers);

	if (err)
		weir_error("host names cannot be resolved: %s", strerror(-err));
	weir_resolver_want(a->resolver, m->hosts, m->n_hosts);
}

static void on_late(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* Before anything else is in the loop. */
static void wait_for_names(struct weir_agent *a)
{
	bool late = false;
	uv_timer_t *timer = weir_new(uv_timer_t);

	uv_timer_init(a->loop, timer);
	timer->data = &late;
	uv_timer_start(timer, on_late, FIRST_MS, 0);
	while (!late && !weir_resolver_settled(a->resolver))
		uv_run(a->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

int agent_hosts_open(struct weir_agent *a, struct weir_model **m)
{
	int err = weir_resolver_open(a->loop, on_host_news, a, &a->resolver);
	struct weir_model *known = NULL;
	struct weir_err ignored;

	if (err || !(*m)->n_hosts)
		return err;
	agent_hosts_ask(a, *m);
	wait_for_names(a);
	if (agent_hosts_build(a, a->objects, &known, &ignored)) {
		weir_model_free(*m);
		*m = known;
	}
	return 0;
}

void agent_hosts_reload(struct weir_agent *a, json_t *file, struct weir_model *m)
{
	json_decref(a->next); /* a newer one takes its place */
	a->next = NULL;
	if (!m->n_hosts) {
		agent_reload_with(a, agent_objects_new(file, a->objects->stored), m);
		return;
	}
	agent_hosts_ask(a, m);
	weir_model_free(m);
	a->next = json_incref(file);
	a->next_by_ms = agent_uptime_ms(a) + FIRST_MS;
	if (weir_resolver_settled(a->resolver))
		finish_reload(a);
	else
		again_in(a, FIRST_MS);
}

void agent_hosts_settle(struct weir_agent *a, bool taken)
{
	if (!taken && a->model->n_hosts)
		agent_hosts_ask(a, a->model);
	weir_resolver_keep(a->resolver, a->model->hosts, a->model->n_hosts);
}
