/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/policy.h"

#include <string.h>
#include <strings.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* A filter that is not there, or has no values, lets everything through. */
static bool lets(const json_t *filters, const char *key, const char *value)
{
	const json_t *values = json_object_get(filters, key), *v;
	const char *s;
	size_t i;

	if (!json_array_size(values))
		return true;
	json_array_foreach(values, i, v)
	{
		s = json_string_value(v);
		if (s && strcasecmp(s, value) == 0)
			return true;
	}
	return false;
}

bool weir_alert_wants(const json_t *policy, const struct weir_alert_event *e)
{
	const json_t *filters = json_object_get(policy, "filters");

	if (!json_is_true(json_object_get(policy, "enabled")) ||
	    strcmp(text_of(policy, "alert_type"), e->type) != 0 ||
	    !lets(filters, "pool_id", e->pool_id))
		return false;
	if (strcmp(e->type, WEIR_ALERT_ENABLEMENT) == 0)
		return lets(filters, "enabled", e->good ? "true" : "false");
	return lets(filters, "new_health", e->good ? "Healthy" : "Unhealthy") &&
	       lets(filters, "event_source", e->source);
}

const char *weir_alert_webhook(const json_t *policy, size_t nth)
{
	const json_t *list = json_object_get(json_object_get(policy, "mechanisms"), "webhooks"), *w;
	const char *id;
	size_t i;

	json_array_foreach(list, i, w)
	{
		id = json_string_value(json_object_get(w, "id"));
		if (id && !nth--)
			return id;
	}
	return NULL;
}

json_t *weir_alert_payload(const char *policy_id, const json_t *policy,
			   const struct weir_alert_event *e)
{
	const char *name = text_of(policy, "name");

	return json_pack("{s:s, s:s, s:O, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "name", name, "text",
			 e->text, "data", e->data, "ts", (json_int_t)(e->at_ms / 1000),
			 "account_id", e->account_id, "policy_id", policy_id, "policy_name", name,
			 "alert_type", e->type, "alert_correlation_id", e->incident, "alert_event",
			 e->good ? "ALERT_STATE_EVENT_END" : "ALERT_STATE_EVENT_START");
}
