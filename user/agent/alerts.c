/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.c - what is new of pools and origins, compared with what was known last, also before a
 * restart: what is not known yet (no verdict, switched off) changes nothing of that. */
#include "agent/alerts_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

#define EVENT_ORIGINS 64 /* of larger pools an event has those that changed */
#define AT_ONCE       64 /* pools of a turn of the loop, which others need, too */

/* --- what is --- */

enum agent_health agent_origin_health(const struct weir_view *view, const struct weir_pool *pool,
				      const struct weir_origin *o)
{
	const char *word;

	if (!pool->enabled || !o->enabled)
		return AGENT_NOT_KNOWN;
	word = weir_health_text(&view->health[o->index], pool);
	if (strcmp(word, weir_state_text(WEIR_HEALTHY)) == 0)
		return AGENT_GOOD;
	return strcmp(word, weir_state_text(WEIR_UNHEALTHY)) == 0 ? AGENT_BAD : AGENT_NOT_KNOWN;
}

/* A host name's addresses are one origin by name, and healthy if one of them is. Returns how many
 * they are, from the k-th on. */
static uint32_t named(const struct weir_view *view, const struct weir_pool *pool, uint32_t k,
		      enum agent_health *out)
{
	uint32_t n = 0, known_bad = 0;

	*out = AGENT_NOT_KNOWN;
	for (; k + n < pool->n_origins; n++) {
		enum agent_health h;

		if (n && strcmp(pool->origins[k + n].name, pool->origins[k].name) != 0)
			break;
		h = agent_origin_health(view, pool, &pool->origins[k + n]);
		if (h == AGENT_GOOD)
			*out = h;
		known_bad += h == AGENT_BAD;
	}
	if (known_bad == n)
		*out = AGENT_BAD;
	return n;
}

enum agent_health agent_pool_health(const struct weir_view *view, const struct weir_view_pool *v)
{
	const struct weir_pool *pool = v->pool;

	if (v->state == WEIR_POOL_HEALTHY || v->state == WEIR_POOL_DEGRADED)
		return AGENT_GOOD;
	if (v->state != WEIR_POOL_CRITICAL)
		return AGENT_NOT_KNOWN;
	for (uint32_t k = 0; k < pool->n_origins; k++) /* of whom nobody has heard yet */
		if (pool->origins[k].enabled && !view->health[pool->origins[k].index].forced &&
		    view->health[pool->origins[k].index].state == WEIR_UNKNOWN)
			return AGENT_NOT_KNOWN;
	return AGENT_BAD;
}

/* --- what was --- */

static enum agent_health health_was(const json_t *of)
{
	const json_t *v = json_object_get(of, "healthy");

	return json_is_true(v) ? AGENT_GOOD : json_is_false(v) ? AGENT_BAD : AGENT_NOT_KNOWN;
}

static void begin_incident(json_t *of, const char *key)
{
	uint8_t bytes[AGENT_INCIDENT / 2];
	char text[AGENT_INCIDENT];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	json_object_set_new(of, key, json_string(text));
}

/* Something that was good or bad is the other; the incident begins or is over. */
static void tell(struct agent_alerts *l, struct agent_news *n, json_t *of, const char *key)
{
	if (n->is == AGENT_BAD)
		begin_incident(of, key);
	n->incident = json_string_value(json_object_get(of, key));
	if (!n->incident) {
		begin_incident(of, key);
		n->incident = json_string_value(json_object_get(of, key));
	}
	agent_say(l, n);
	if (n->is == AGENT_GOOD)
		json_object_del(of, key);
}

/* What follows from the health of a pool or an origin, whose entry this is. True: it is another
 * one. *news: it is worth telling, and was told; the first health that is known is, if it is bad.
 */
static bool take_health(struct agent_alerts *l, struct agent_news *n, json_t *of, bool *news)
{
	n->was = health_was(of);
	n->type = WEIR_ALERT_HEALTH;
	*news = false;
	if (n->is == AGENT_NOT_KNOWN || n->is == n->was)
		return false;
	json_object_set_new(of, "healthy", json_boolean(n->is == AGENT_GOOD));
	*news = n->was != AGENT_NOT_KNOWN || n->is == AGENT_BAD;
	if (*news)
		tell(l, n, of, "incident");
	return true;
}

static bool take_enabled(struct agent_alerts *l, const struct weir_view_pool *v, json_t *of,
			 bool *news)
{
	const json_t *was = json_object_get(of, "enabled");
	struct agent_news n = { .pool = v,
				.type = WEIR_ALERT_ENABLEMENT,
				.was = json_is_true(was) ? AGENT_GOOD : AGENT_BAD,
				.is = v->pool->enabled ? AGENT_GOOD : AGENT_BAD };

	if (was && n.was == n.is)
		return false;
	json_object_set_new(of, "enabled", json_boolean(v->pool->enabled));
	if (!was)
		return true;
	tell(l, &n, of, "off");
	*news = true;
	return true;
}

/* An entry, made if it is not there. */
static json_t *entry(json_t *map, const char *key)
{
	json_t *e = json_object_get(map, key);

	if (!e) {
		e = json_object();
		json_object_set_new(map, key, e);
	}
	return e;
}

/* --- one pool, looked at closer --- */

static json_t *origin_of_event(const struct weir_view *view, const struct weir_pool *pool,
			       const struct weir_origin *o, enum agent_health known, bool changed)
{
	char ip[WEIR_ADDR_TEXT];

	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:s}", "name", o->name, "address",
			 o->host_name ? o->host_name : o->address, "ip",
			 weir_addr_text(&o->addr, ip), "enabled", o->enabled, "healthy",
			 known != AGENT_BAD, "changed", changed, "failure_reason",
			 weir_health_reason(&view->health[o->index], pool));
}

/* All of a pool, or of a large one those that changed: told, by their place; NULL: none. */
static json_t *origins_of_event(const struct weir_view *view, const struct weir_pool *pool,
				const json_t *origins, const bool *told)
{
	enum agent_health ignored;
	json_t *list = json_array();

	for (uint32_t k = 0, n; k < pool->n_origins; k += n) {
		const struct weir_origin *o = &pool->origins[k];
		bool one = told && told[k];

		n = named(view, pool, k, &ignored);
		if (one || pool->n_origins <= EVENT_ORIGINS)
			json_array_append_new(
				list, origin_of_event(view, pool, o,
						      health_was(json_object_get(origins, o->name)),
						      one));
	}
	return list;
}

/* Origins that the pool has no more are forgotten. True: there were some. */
static bool forget_origins(json_t *origins, const struct weir_pool *pool, uint32_t n)
{
	json_t *left;

	if (json_object_size(origins) == n)
		return false;
	left = json_object();
	for (uint32_t k = 0; k < pool->n_origins; k++)
		json_object_set(left, pool->origins[k].name,
				json_object_get(origins, pool->origins[k].name));
	json_object_clear(origins);
	json_object_update(origins, left);
	json_decref(left);
	return true;
}

/* *told: there is something for the event log, of the origins of these places; the caller's. */
static bool take_origins(struct agent_alerts *l, const struct weir_view *view,
			 const struct weir_view_pool *v, json_t *of, bool **told)
{
	const struct weir_pool *pool = v->pool;
	json_t *origins = entry(of, "origins");
	bool changed = false, one;
	uint32_t names = 0, k, next;

	*told = NULL;
	for (k = 0; k < pool->n_origins; k = next, names++) {
		const struct weir_origin *o = &pool->origins[k];
		struct agent_news n = { .pool = v, .origin = o };

		next = k + named(view, pool, k, &n.is);
		changed |= take_health(l, &n, entry(origins, o->name), &one);
		if (one && !*told)
			*told = weir_new_array(pool->n_origins, bool);
		if (one)
			(*told)[k] = true;
	}
	return forget_origins(origins, pool, names) || changed;
}

static void keep_event(struct agent_alerts *l, const struct weir_view *view,
		       const struct weir_pool *pool, const json_t *of, bool changed,
		       const bool *told)
{
	json_t *list = origins_of_event(view, pool, json_object_get(of, "origins"), told);

	agent_keep(l, AGENT_OP_EVENT, NULL,
		   json_pack("{s:{s:s, s:s, s:b, s:b, s:i}, s:o}", "pool", "id", pool->id, "name",
			     pool->name, "healthy", health_was(of) != AGENT_BAD, "changed", changed,
			     "minimum_origins", (int)pool->minimum_origins, "origins", list),
		   0);
}

/* Of many pools that are looked at after a change hardly any have news: only then is it put into
 * words. */
static void look_closer(struct agent_alerts *l, const struct weir_view *view,
			const struct weir_view_pool *v)
{
	const struct weir_pool *pool = v->pool;
	json_t *of = entry(l->pools, pool->id);
	struct agent_news n = { .pool = v, .is = agent_pool_health(view, v) };
	bool pool_news, switched = false, changed, *told;

	changed = take_enabled(l, v, of, &switched);
	changed |= take_origins(l, view, v, of, &told);
	changed |= take_health(l, &n, of, &pool_news);
	if (told || pool_news || switched)
		keep_event(l, view, pool, of, pool_news || switched, told);
	if (changed)
		agent_keep_note(l, "pool", pool->id, of);
	free(told);
}

/* --- all of them --- */

static void on_more(uv_timer_t *timer)
{
	struct agent_alerts *l = timer->data;

	agent_alerts_look(l->agent, l->agent->view);
}

void agent_alerts_look(struct weir_agent *a, const struct weir_view *view)
{
	struct agent_alerts *l = a->alerts;
	uint32_t looked = 0;

	if (!l)
		return;
	if (l->seen_of != view->model)
		agent_seen_model(l, view->model);
	for (uint32_t n = view->model->n_pools; n && looked < AT_ONCE; n--) {
		uint32_t i = l->next_pool++ % view->model->n_pools;

		if (agent_seen_so(l, view, i))
			continue;
		look_closer(l, view, &view->pools[i]);
		looked++;
	}
	if (looked == AT_ONCE)
		uv_timer_start(&l->more, on_more, 0, 0);
}

/* --- webhooks --- */

void agent_alerts_objects(struct weir_agent *a)
{
	struct agent_alerts *l = a->alerts;
	const json_t *all = weir_agent_objects(a, WEIR_KIND_ALERT_WEBHOOK);
	const char *id;
	json_t *v;
	void *next;

	if (!l)
		return;
	json_object_foreach((json_t *)all, id, v)
	{
		if (json_object_get(l->webhooks, id))
			continue;
		json_object_set_new(l->webhooks, id, json_object());
		agent_say_hello(l, id); /* first: what is noted is not done again */
		agent_keep_note(l, "webhook", id, json_object_get(l->webhooks, id));
	}
	json_object_foreach_safe(l->webhooks, next, id, v)
	{
		if (json_object_get(all, id))
			continue;
		agent_keep_note(l, "webhook", id, NULL);
		json_object_del(l->webhooks, id);
	}
}

bool agent_webhook_is(void *alerts, const char *webhook, const char **url, const char **secret)
{
	const struct agent_alerts *l = alerts;
	const json_t *w = weir_agent_object(l->agent, WEIR_KIND_ALERT_WEBHOOK, webhook);

	*url = json_string_value(json_object_get(w, "url"));
	*secret = json_string_value(json_object_get(w, "secret"));
	return *url != NULL;
}

/* --- beginning and end --- */

int agent_alerts_open(struct weir_agent *a)
{
	const struct weir_deliver_calls calls = {
		.where = agent_webhook_is,
		.result = agent_delivered,
	};
	struct weir_deliver_calls with = calls;
	struct agent_alerts *l;
	struct weir_err err;
	int failed;

	if (!a->store)
		return 0;
	l = weir_new(struct agent_alerts);
	l->agent = a;
	l->pools = json_object();
	l->webhooks = json_object();
	STAILQ_INIT(&l->ops);
	uv_timer_init(a->loop, &l->flush);
	uv_timer_init(a->loop, &l->more);
	l->flush.data = l->more.data = l;
	l->handles = 2;
	a->alerts = l;
	with.arg = l;
	failed = weir_deliver_open(a->loop, &with, &l->deliver);
	if (failed)
		return failed;
	if (!agent_keep_read(l, &err)) {
		weir_error("%s: %s", err.path, err.text);
		return -EIO;
	}
	agent_alerts_objects(a);
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct agent_alerts *l = h->data;

	if (!--l->handles)
		free(l);
}

void agent_alerts_close(struct weir_agent *a)
{
	struct agent_alerts *l = a->alerts;

	if (!l)
		return;
	weir_deliver_close(l->deliver);
	agent_keep_close(l);
	a->alerts = NULL;
	json_decref(l->pools);
	json_decref(l->webhooks);
	agent_seen_free(l);
	uv_close((uv_handle_t *)&l->flush, on_closed);
	uv_close((uv_handle_t *)&l->more, on_closed);
}
