/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_alerts.c - who is to be told of what: policies, and webhooks that they name. These are
 * no objects of the model, so what they must be is said here. */
#include <stdio.h>
#include <string.h>

#include "agent/alerts.h"
#include "api/cloudflare_impl.h"

#define NAME_BYTES 255
#define URL_BYTES  2048

/* --- webhooks --- */

static const struct cf_field webhook_fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF_HOW("url", "string", CF_REQUIRED, 0),
	CF_HOW("secret", "string", CF_SECRET, 0),
	CF_HOW("type", "string", CF_READ_ONLY, 0),
	CF_HOW("created_at", "string", CF_READ_ONLY, 0),
	CF_HOW("last_success", "string", CF_READ_ONLY, "null"),
	CF_HOW("last_failure", "string", CF_READ_ONLY, "null"),
	{ 0 },
};

static bool check_text(struct api_request *r, const json_t *body, const char *key, size_t most)
{
	const json_t *v = json_object_get(body, key);
	char pointer[64];

	if (!v || (json_is_string(v) && json_string_length(v) <= most))
		return true;
	snprintf(pointer, sizeof(pointer), "/%s", key);
	return cf_invalid(r, pointer, "%s must be a text of at most %zu bytes", key, most);
}

static const char *type_of(const char *url)
{
	static const char *const hosts[][2] = {
		{ "hooks.slack.com", "slack" },     { "discord.com", "discord" },
		{ "chat.googleapis.com", "gchat" }, { "datadoghq.", "datadog" },
		{ "api.opsgenie.com", "opsgenie" }, { "splunkcloud.com", "splunk" },
		{ "open.feishu.cn", "feishu" },
	};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strstr(url, hosts[i][0]))
			return hosts[i][1];
	return "generic";
}

/* A secret that is not said again stays. */
static bool settle_webhook(struct api_request *r, json_t *body, const json_t *was)
{
	const char *url = cf_text(body, "url");

	if (json_object_get(was, "secret") && !json_object_get(body, "secret"))
		json_object_set(body, "secret", json_object_get(was, "secret"));
	if (!check_text(r, body, "name", NAME_BYTES) || !check_text(r, body, "url", URL_BYTES) ||
	    !check_text(r, body, "secret", NAME_BYTES))
		return false;
	if (!*cf_text(body, "name"))
		return cf_invalid(r, "/name", "name must not be empty");
	for (const char *c = cf_text(body, "secret"); *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) /* it is the value of a header */
			return cf_invalid(r, "/secret", "secret must not hold control characters");
	if ((strncmp(url, "http://", 7) != 0 || !url[7]) &&
	    (strncmp(url, "https://", 8) != 0 || !url[8]))
		return cf_invalid(r, "/url", "url \"%s\" must begin with http:// or https://", url);
	json_object_set_new(body, "type", json_string(type_of(url)));
	return true;
}

static json_t *time_or_null(uint64_t ms)
{
	char text[CF_TIME];

	return ms ? json_string(api_time(ms, 6, text)) : json_null();
}

static void complete_webhook(const struct api_request *r, const json_t *stored, json_t *shown)
{
	const char *id = cf_text(stored, "id");
	uint64_t success_ms, failure_ms;

	weir_agent_webhook_marks(r->agent, id, &success_ms, &failure_ms);
	json_object_set(shown, "created_at", json_object_get(stored, "created_on"));
	json_object_set_new(shown, "last_success", time_or_null(success_ms));
	json_object_set_new(shown, "last_failure", time_or_null(failure_ms));
}

const struct cf_kind cf_webhooks = {
	.kind = "alert_webhook",
	.word = "webhook",
	.fields = webhook_fields,
	.settle = settle_webhook,
	.complete = complete_webhook,
};

/* --- policies --- */

static const struct cf_field policy_fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF("description", "string", "\"\""),
	CF_HOW("enabled", "boolean", CF_REQUIRED, 0),
	CF_HOW("alert_type", "string", CF_REQUIRED, 0),
	CF("alert_interval", "string", 0),
	CF_HOW("mechanisms", "object", CF_REQUIRED, 0),
	CF("filters", "object", "{}"),
	CF_HOW("created", "string", CF_READ_ONLY, 0),
	CF_HOW("modified", "string", CF_READ_ONLY, 0),
	{ 0 },
};

/* What may be filtered by, and its values; NULL: ids of pools. */
struct filter {
	const char *key;
	const char *values[4];
};

static const struct alert {
	const char *type, *name, *description;
	struct filter filters[3];
} alerts[] = {
	{ "load_balancing_health_alert",
	  "Pool or endpoint health",
	  "When the health of a pool or of an endpoint changes",
	  { { "pool_id", { NULL } },
	    { "new_health", { "Unhealthy", "Healthy" } },
	    { "event_source", { "pool", "origin" } } } },
	{ "load_balancing_pool_enablement_alert",
	  "Pool enablement",
	  "When a pool is enabled or disabled",
	  { { "pool_id", { NULL } }, { "enabled", { "true", "false" } } } },
};
#define N_ALERTS (sizeof(alerts) / sizeof(alerts[0]))

static const struct alert *alert_of(const char *type)
{
	for (size_t i = 0; i < N_ALERTS; i++)
		if (strcmp(alerts[i].type, type) == 0)
			return &alerts[i];
	return NULL;
}

static bool fits(const struct filter *f, const char *value)
{
	for (size_t i = 0; f->values[i]; i++)
		if (strcmp(f->values[i], value) == 0)
			return true;
	return !f->values[0];
}

static bool check_filter(struct api_request *r, const struct alert *a, const char *key,
			 const json_t *list)
{
	const struct filter *f = NULL;
	char pointer[CF_NAME];
	const json_t *v;
	size_t i;

	snprintf(pointer, sizeof(pointer), "/filters/%s", key);
	for (i = 0; i < 3 && a->filters[i].key; i++)
		if (strcmp(a->filters[i].key, key) == 0)
			f = &a->filters[i];
	if (!f)
		return cf_invalid(r, pointer, "filters.%s is no filter of %s", key, a->type);
	if (!json_is_array(list))
		return cf_invalid(r, pointer, "filters.%s must be a list of texts", key);
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v) || !fits(f, json_string_value(v)))
			return cf_invalid(r, pointer, "filters.%s[%zu] is not %s", key, i,
					  f->values[0] ? "one of its values, which "
							 "available_alerts has"
						       : "the id of a pool");
	}
	return true;
}

static bool check_mechanism(struct api_request *r, const char *kind, const json_t *list)
{
	const json_t *item;
	char pointer[CF_NAME];
	size_t i;

	snprintf(pointer, sizeof(pointer), "/mechanisms/%s", kind);
	if (strcmp(kind, "email") != 0 && strcmp(kind, "webhooks") != 0 &&
	    strcmp(kind, "pagerduty") != 0)
		return cf_invalid(r, pointer,
				  "mechanisms.%s is none of: email, pagerduty, "
				  "webhooks",
				  kind);
	if (!json_is_array(list))
		return cf_invalid(r, pointer, "mechanisms.%s must be a list of ids", kind);
	json_array_foreach(list, i, item)
	{
		const char *id = cf_text(item, "id");

		if (!*id)
			return cf_invalid(r, pointer, "mechanisms.%s[%zu] has no id", kind, i);
		if (strcmp(kind, "webhooks") == 0 &&
		    !weir_agent_object(r->agent, "alert_webhook", id))
			return cf_invalid(r, pointer, "there is no webhook \"%s\"", id);
	}
	if (strcmp(kind, "webhooks") != 0 && json_array_size(list))
		cf_say(r, CF_NOTE, "mechanisms.%s: are stored: webhooks alone are delivered to",
		       kind);
	return true;
}

static bool check_members(struct api_request *r, const json_t *body)
{
	const json_t *mechanisms = json_object_get(body, "mechanisms");
	const json_t *filters = json_object_get(body, "filters");
	const struct alert *a = alert_of(cf_text(body, "alert_type"));
	const char *key;
	json_t *v;

	if (!a)
		return cf_invalid(r, "/alert_type", "alert_type \"%s\" is none of: %s, %s",
				  cf_text(body, "alert_type"), alerts[0].type, alerts[1].type);
	if (!json_is_object(mechanisms))
		return cf_invalid(r, "/mechanisms", "mechanisms must be an object");
	json_object_foreach((json_t *)mechanisms, key, v)
	{
		if (!check_mechanism(r, key, v))
			return false;
	}
	if (filters && !json_is_object(filters))
		return cf_invalid(r, "/filters", "filters must be an object");
	json_object_foreach((json_t *)filters, key, v)
	{
		if (!check_filter(r, a, key, v))
			return false;
	}
	return true;
}

static bool settle_policy(struct api_request *r, json_t *body, const json_t *was)
{
	(void)was;
	if (!check_text(r, body, "name", NAME_BYTES) ||
	    !check_text(r, body, "description", URL_BYTES) ||
	    !check_text(r, body, "alert_interval", NAME_BYTES))
		return false;
	if (!json_is_boolean(json_object_get(body, "enabled")))
		return cf_invalid(r, "/enabled", "enabled must be true or false");
	return check_members(r, body);
}

static void complete_policy(const struct api_request *r, const json_t *stored, json_t *shown)
{
	(void)r;
	json_object_set(shown, "created", json_object_get(stored, "created_on"));
	json_object_set(shown, "modified", json_object_get(stored, "modified_on"));
}

const struct cf_kind cf_policies = {
	.kind = "alert_policy",
	.word = "notification policy",
	.fields = policy_fields,
	.settle = settle_policy,
	.complete = complete_policy,
};

/* --- operations: these answer less than others --- */

/* edit: what is not said stays, which is how PUT of policies is. */
static void store(struct api_request *r, const struct cf_kind *k, const json_t *was, bool edit)
{
	json_t *taken = cf_take(r, k, r->body);
	json_t *body = taken ? cf_body(r, k, taken, was, edit) : NULL;

	if (!body)
		return;
	cf_reply(r, json_pack("{s:O}", "id", json_object_get(body, "id")));
	api_change(r, k->kind, cf_text(body, "id"), body);
}

void cf_create_alert(struct api_request *r, const struct cf_kind *k)
{
	store(r, k, NULL, false);
}

void cf_replace_alert(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (was)
		store(r, k, was, k == &cf_policies);
}

/* The policy that names a webhook; NULL: none does. */
static const char *user_of(const struct api_request *r, const char *webhook)
{
	const json_t *item;
	const char *id;
	json_t *policy;
	size_t i;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, "alert_policy"), id, policy)
	{
		json_array_foreach(
			json_object_get(json_object_get(policy, "mechanisms"), "webhooks"), i, item)
		{
			if (strcmp(cf_text(item, "id"), webhook) == 0)
				return cf_text(policy, "name");
		}
	}
	return NULL;
}

void cf_remove_alert(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);
	const char *user = was && k == &cf_webhooks ? user_of(r, cf_text(was, "id")) : NULL;

	if (!was)
		return;
	if (user) {
		cf_fail(r, 412, CF_IN_USE, NULL,
			"This object is referenced by other objects, and cannot be deleted: "
			"notification policy %s",
			user);
		return;
	}
	cf_reply(r, json_null());
	api_change(r, k->kind, cf_text(was, "id"), NULL);
}

/* --- what there is --- */

static json_t *show_filter(const struct filter *f)
{
	json_t *values = f->values[0] ? json_array() : json_null();

	for (size_t i = 0; f->values[i]; i++)
		json_array_append_new(values, json_pack("{s:s, s:s}", "ID", f->values[i],
							"Description", f->values[i]));
	return json_pack("{s:s, s:s, s:s, s:o}", "Key", f->key, "ComparisonOperator", "==", "Range",
			 "0-n", "AvailableValues", values);
}

void cf_alerts_available(struct api_request *r, const struct cf_kind *k)
{
	json_t *list = json_array();

	(void)k;
	for (size_t i = 0; i < N_ALERTS; i++) {
		json_t *filters = json_array();

		for (size_t n = 0; n < 3 && alerts[i].filters[n].key; n++)
			json_array_append_new(filters, show_filter(&alerts[i].filters[n]));
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:o}", "type", alerts[i].type,
						"display_name", alerts[i].name, "description",
						alerts[i].description, "filter_options", filters));
	}
	cf_reply(r, json_pack("{s:o}", "Load Balancing", list));
}

void cf_mechanisms(struct api_request *r, const struct cf_kind *k)
{
	(void)k;
	cf_reply(r, json_pack("{s:[{s:s, s:b, s:b}], s:[{s:s, s:b, s:b}], s:[{s:s, s:b, s:b}]}",
			      "email", "type", "email", "eligible", false, "ready", false,
			      "pagerduty", "type", "pagerduty", "eligible", false, "ready", false,
			      "webhooks", "type", "webhook", "eligible", true, "ready", true));
}
