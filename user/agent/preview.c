/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preview.c - what a monitor would say of pools that have another one, or none: they are probed
 * once in a model of their own, by a prober of its own, and nothing else hears of it. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"

#define RUNNING_MAX 16
#define KEPT_MAX    64
#define KEEP_MS     300000
#define GRACE_MS    5000 /* beyond what probes may take */
#define MONITOR     "preview"

struct agent_preview {
	struct agent_preview *next;
	struct weir_agent *agent;
	char id[33];
	struct weir_prober *prober; /* these: NULL when it is over */
	struct weir_model *model;
	json_t **origins; /* by origin index of model: within result; NULL: is not probed */
	uint32_t left;    /* of them without a verdict */
	json_t *result;
	uv_timer_t timer; /* ends it, and later forgets it */
};

/* --- the model --- */

static json_t *pool_of(const struct weir_agent *a, const char *id)
{
	json_t *pool = json_copy((json_t *)weir_agent_object(a, "pool", id));

	json_object_del(pool, "monitor_group");
	json_object_del(pool, "override");
	json_object_set_new(pool, "monitor", json_string(MONITOR));
	json_object_set_new(pool, "enabled", json_true());
	return pool;
}

static bool make_model(const struct weir_agent *a, const json_t *monitor, const json_t *pools,
		       struct weir_model **out, struct weir_err *err)
{
	json_t *m = json_copy((json_t *)monitor), *list = json_array(), *id;
	struct agent_objects objects = { 0 };
	bool ok;
	size_t i;

	json_object_set_new(m, "id", json_string(MONITOR));
	json_array_foreach(pools, i, id)
	{
		json_array_append_new(list, pool_of(a, json_string_value(id)));
	}
	objects.document = json_pack("{s:O*, s:[o], s:o}", "agent",
				     json_object_get(a->objects->document, "agent"), "monitors", m,
				     "pools", list);
	ok = agent_hosts_build(a, &objects, out, err);
	json_decref(objects.document);
	return ok;
}

/* --- the result --- */

static void add_origin(struct agent_preview *p, const struct weir_origin *o, json_t *list)
{
	json_t *to;

	if (!o->enabled)
		return;
	to = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:n}", "name", o->name, "address",
		       o->host_name ? o->host_name : o->address, "state",
		       o->fault ? "unhealthy" : "unknown", "reason",
		       o->fault ? o->fault : WEIR_REASON_NO_RESULT, "rtt_us", 0, "status", 0,
		       "checked");
	json_array_append_new(list, to);
	if (o->fault)
		return;
	p->origins[o->index] = to;
	p->left++;
}

static void begin_result(struct agent_preview *p)
{
	p->result = json_object();
	p->origins = weir_new_array(p->model->n_origins, json_t *);
	for (uint32_t i = 0; i < p->model->n_pools; i++) {
		const struct weir_pool *pool = &p->model->pools[i];
		json_t *list = json_array();

		for (uint32_t k = 0; k < pool->n_origins; k++)
			add_origin(p, &pool->origins[k], list);
		json_object_set_new(p->result, pool->id,
				    json_pack("{s:s, s:i, s:o}", "name", pool->name,
					      "minimum_origins", (int)pool->minimum_origins,
					      "origins", list));
	}
}

/* --- running --- */

/* Not from within its prober. */
static void stop(struct agent_preview *p)
{
	weir_prober_close(p->prober);
	weir_model_free(p->model);
	free(p->origins);
	p->prober = NULL;
	p->model = NULL;
	p->origins = NULL;
}

static void on_closed(uv_handle_t *h)
{
	struct agent_preview *p = h->data;

	json_decref(p->result);
	free(p);
}

/* It is out of the list. */
static void forget(struct agent_preview *p)
{
	stop(p);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct agent_preview *p = timer->data, **at = &p->agent->previews;

	if (p->prober) {
		stop(p);
		uv_timer_start(timer, on_timer, KEEP_MS, 0);
		return;
	}
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	forget(p);
}

static void on_verdict(void *arg, uint32_t origin_index, uint32_t member,
		       const struct weir_verdict *v)
{
	struct agent_preview *p = arg;
	json_t *to = p->origins[origin_index];

	(void)member;
	if (!to)
		return;
	p->origins[origin_index] = NULL; /* the first one counts */
	json_object_set_new(to, "state", json_string(v->pass ? "healthy" : "unhealthy"));
	json_object_set_new(to, "reason", json_string(v->reason));
	json_object_set_new(to, "rtt_us", json_integer(v->rtt_us));
	json_object_set_new(to, "status", json_integer(v->status));
	json_object_set_new(to, "checked", json_true());
	if (!--p->left)
		uv_timer_start(&p->timer, on_timer, 0, 0);
}

static int run(struct agent_preview *p)
{
	const struct weir_monitor *m = &p->model->monitors[0];
	int err = weir_prober_open(p->agent->loop, on_verdict, p, &p->prober);

	if (err)
		return err;
	weir_prober_set(p->prober, p->model);
	for (uint32_t i = 0; i < p->model->n_origins; i++)
		if (p->origins[i])
			weir_prober_hurry(p->prober, i);
	uv_timer_start(&p->timer, on_timer,
		       p->left ? (m->retries + 1ull) * m->timeout_ms + GRACE_MS : 0, 0);
	return 0;
}

/* There is room for one more; the oldest that are over go. */
static bool make_room(struct weir_agent *a, struct weir_err *err)
{
	struct agent_preview **at = &a->previews, *p;
	unsigned running = 0, all = 0;

	for (p = a->previews; p; p = p->next) {
		running += p->prober != NULL;
		all++;
	}
	while ((p = *at) && all >= KEPT_MAX) { /* the oldest come first */
		if (p->prober) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		forget(p);
		all--;
	}
	return running < RUNNING_MAX ||
	       weir_err_set(err, "", "%d previews are running, which is the most; try again soon",
			    RUNNING_MAX);
}

bool weir_agent_preview(struct weir_agent *a, const char *id, const json_t *monitor,
			const json_t *pools, struct weir_err *err)
{
	struct agent_preview *p, **end = &a->previews;
	struct weir_model *model;
	int failed;

	if (!make_room(a, err) || !make_model(a, monitor, pools, &model, err))
		return false;
	p = weir_new(struct agent_preview);
	p->agent = a;
	p->model = model;
	memcpy(p->id, id, sizeof(p->id));
	uv_timer_init(a->loop, &p->timer);
	p->timer.data = p;
	begin_result(p);
	failed = run(p);
	if (failed) {
		forget(p);
		return weir_err_set(err, "", "probes cannot run on this host: %s",
				    strerror(-failed));
	}
	while (*end)
		end = &(*end)->next;
	*end = p;
	return true;
}

const json_t *weir_agent_previewed(const struct weir_agent *a, const char *id)
{
	for (const struct agent_preview *p = a->previews; p; p = p->next)
		if (strcmp(p->id, id) == 0)
			return p->result;
	return NULL;
}

void agent_previews_close(struct weir_agent *a)
{
	struct agent_preview *p;

	while ((p = a->previews)) {
		a->previews = p->next;
		forget(p);
	}
}
