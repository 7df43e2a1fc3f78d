/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts_say.c - what is said of something that changed, and to whom. */
#include "agent/alerts_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *agent_alert_time(uint64_t ms, char out[32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03uZ", (unsigned)(ms % 1000));
	return out;
}

static const char *health_text(enum agent_health h)
{
	static const char *const words[] = { "Unknown", "Healthy", "Unhealthy" };

	return words[h];
}

static const char *reason_of(const struct agent_alerts *l, const struct agent_news *n)
{
	const struct weir_origin *o = n->origin;

	return o ? weir_health_reason(&l->agent->health[o->index], n->pool->pool) : "";
}

/* For people; the caller's. */
static char *text_of(const struct agent_alerts *l, const struct agent_news *n)
{
	const struct weir_pool *pool = n->pool->pool;
	const struct weir_origin *o = n->origin;
	char *out;
	int len;

	if (strcmp(n->type, WEIR_ALERT_ENABLEMENT) == 0)
		len = asprintf(&out, "Pool %s is %s", pool->name,
			       n->is == AGENT_GOOD ? "enabled" : "disabled");
	else if (o)
		len = asprintf(&out, "Origin %s (%s) of pool %s is %s: %s", o->name,
			       o->host_name ? o->host_name : o->address, pool->name,
			       health_text(n->is), reason_of(l, n));
	else
		len = asprintf(&out, "Pool %s is %s: %u of %u origins are healthy, %u are needed",
			       pool->name, health_text(n->is), n->pool->healthy, pool->n_origins,
			       pool->minimum_origins);
	if (len < 0)
		abort();
	return out;
}

/* The vendor does not document it: these are the names that others' programs read. */
static json_t *data_of(const struct agent_alerts *l, const struct agent_news *n, uint64_t now_ms)
{
	const struct weir_api_conf *account = &l->seen_of->agent.api;
	const struct weir_pool *pool = n->pool->pool;
	const struct weir_origin *o = n->origin;
	const char *balancer = l->balancers[pool->index];
	char time[32];
	json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "pool_id", pool->id, "pool_name",
			      pool->name, "load_balancer_name", balancer ? balancer : "",
			      "status_change_time", agent_alert_time(now_ms, time), "account_name",
			      account->account_name, "account_tag", account->account_id);

	if (strcmp(n->type, WEIR_ALERT_ENABLEMENT) == 0) {
		json_object_set_new(d, "enabled", json_boolean(n->is == AGENT_GOOD));
		return d;
	}
	json_object_set_new(d, "event_source", json_string(o ? "origin" : "pool"));
	json_object_set_new(d, "old_health", json_string(health_text(n->was)));
	json_object_set_new(d, "new_health", json_string(health_text(n->is)));
	json_object_set_new(d, "reason", json_string(reason_of(l, n)));
	json_object_set_new(d, "failure_reason", json_string(reason_of(l, n)));
	if (o) {
		json_object_set_new(d, "origin_name", json_string(o->name));
		json_object_set_new(d, "origin_address",
				    json_string(o->host_name ? o->host_name : o->address));
	}
	return d;
}

/* The pool's own word on what is told of its health. */
static bool pool_lets(const struct agent_news *n)
{
	const struct weir_pool *pool = n->pool->pool;
	const struct weir_event_filter *f = n->origin ? &pool->origin_events : &pool->pool_events;

	if (strcmp(n->type, WEIR_ALERT_HEALTH) != 0)
		return true;
	return !f->disable && (f->healthy == WEIR_EVENTS_ALL ||
			       (f->healthy == WEIR_EVENTS_HEALTHY) == (n->is == AGENT_GOOD));
}

/* By a policy, to each of its webhooks. */
static void post(struct agent_alerts *l, const char *policy_id, const json_t *policy,
		 const struct weir_alert_event *e)
{
	const char *name = json_string_value(json_object_get(policy, "name"));
	const char *about = json_string_value(json_object_get(policy, "description"));
	const char *webhook;

	for (size_t i = 0; (webhook = weir_alert_webhook(policy, i)); i++)
		agent_keep(l, AGENT_OP_LETTER, e->pool_id,
			   json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "webhook", webhook, "policy",
				     policy_id, "name", name ? name : "", "description",
				     about ? about : "", "type", e->type, "payload",
				     weir_alert_payload(policy_id, policy, e)),
			   0);
}

void agent_say(struct agent_alerts *l, const struct agent_news *n)
{
	const json_t *policies = weir_agent_objects(l->agent, WEIR_KIND_ALERT_POLICY);
	uint64_t now_ms = agent_now_ms();
	struct weir_alert_event e = {
		.type = n->type,
		.source = n->origin ? "origin" : "pool",
		.pool_id = n->pool->pool->id,
		.good = n->is == AGENT_GOOD,
		.incident = n->incident,
		.at_ms = now_ms,
		.account_id = l->seen_of->agent.api.account_id,
	};
	const char *id;
	json_t *policy, *data = NULL;
	char *text = NULL;

	if (!pool_lets(n))
		return;
	json_object_foreach((json_t *)policies, id, policy)
	{
		if (!weir_alert_wants(policy, &e))
			continue;
		if (!data) {
			data = data_of(l, n, now_ms);
			text = text_of(l, n);
			e.text = text;
			e.data = data;
		}
		post(l, id, policy, &e);
	}
	json_decref(data);
	free(text);
}

void agent_say_hello(struct agent_alerts *l, const char *webhook)
{
	agent_keep(l, AGENT_OP_LETTER, "",
		   json_pack("{s:s, s:b, s:{s:s}}", "webhook", webhook, "once", true, "payload",
			     "text",
			     "This is a test message: who reads it gets the notifications of "
			     "weir that are sent here."),
		   0);
}
