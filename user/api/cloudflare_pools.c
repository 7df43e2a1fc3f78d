/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_pools.c - pools: their fields, what is enabled since when, and their health. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cloudflare_impl.h"

static const struct cf_field origin_fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF_HOW("address", "string", CF_REQUIRED, 0),
	CF("enabled", "boolean", "true"),
	CF_HOW("disabled_at", "string", CF_READ_ONLY, 0),
	CF("weight", "number", "1"),
	CF("port", "integer", "0"),
	CF("header", "object", 0),
	CF("virtual_network_id", "string", 0),
	CF("flatten_cname", "boolean", "true"),
	/* ours */
	CF("max_conn", "integer", 0),
	CF("server_id", "string", 0),
	CF("override", "object", 0),
	CF("probe_address", "string", 0),
	CF("probe_port", "integer", 0),
	{ 0 },
};

static const struct cf_field shedding_fields[] = {
	CF("default_percent", "number", "0"),
	CF("default_policy", "string", "\"random\""),
	CF("session_percent", "number", "0"),
	CF("session_policy", "string", "\"hash\""),
	{ 0 },
};

static const struct cf_field steering_fields[] = {
	CF("policy", "string", "\"random\""),
	{ 0 },
};

static const struct cf_field event_fields[] = {
	CF("disable", "boolean", "false"),
	CF("healthy", "boolean", "null"),
	{ 0 },
};

static const struct cf_field filter_fields[] = {
	CF_OF("origin", "object", 0, 0, event_fields),
	CF_OF("pool", "object", 0, 0, event_fields),
	{ 0 },
};

static const struct cf_field fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF("description", "string", "\"\""),
	CF("enabled", "boolean", "true"),
	CF_HOW("disabled_at", "string", CF_READ_ONLY, 0),
	CF("minimum_origins", "integer", "1"),
	CF_OF("origins", "array", CF_REQUIRED, 0, origin_fields),
	CF_HOW("monitor", "string", CF_DETACHES, 0),
	CF_HOW("monitor_group", "string", CF_DETACHES, 0),
	CF("check_regions", "array", "null"),
	CF("health_sources", "array", "null"),
	CF("latitude", "number", 0),
	CF("longitude", "number", 0),
	CF_OF("load_shedding", "object", 0, "null", shedding_fields),
	CF_OF("origin_steering", "object", 0, "{\"policy\": \"random\"}", steering_fields),
	CF_OF("notification_filter", "object", 0, "null", filter_fields),
	CF("notification_email", "string", "\"\""),
	CF_HOW("networks", "array", CF_READ_ONLY, 0),
	/* ours, and of another vendor */
	CF("quorum", "integer", 0),
	CF("panic_threshold", "integer", 0),
	CF("slow_start", "number", 0),
	CF("flap_damping", "object", 0),
	CF("max_ejection_percent", "integer", 0),
	CF("override", "object", 0),
	CF("tls_check_cert", "boolean", 0),
	CF("tls_sni_hostname", "string", 0),
	CF("tls_cert_hostname", "string", 0),
	CF("min_tls_version", "string", 0),
	CF("max_tls_version", "string", 0),
	CF("tls_ciphers", "string", 0),
	CF_TIMES,
	{ 0 },
};

/* --- what is disabled has a time since when --- */

static void date(const struct api_request *r, json_t *body, const json_t *was)
{
	json_t *since = json_object_get(was, "disabled_at");
	char text[CF_TIME];

	if (!json_is_false(json_object_get(body, "enabled")))
		json_object_del(body, "disabled_at");
	else if (since && json_is_false(json_object_get(was, "enabled")))
		json_object_set(body, "disabled_at", since);
	else
		json_object_set_new(body, "disabled_at", json_string(api_time(r->now_ms, 6, text)));
}

static const json_t *origin_named(const json_t *pool, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(pool, "origins"), i, o)
	{
		if (strcmp(cf_text(o, "name"), name) == 0)
			return o;
	}
	return NULL;
}

static bool settle(struct api_request *r, json_t *body, const json_t *was)
{
	json_t *shed = json_object_get(body, "load_shedding"), *o;
	static const char *const policies[] = { "default_policy", "session_policy" };
	size_t i;

	date(r, body, was);
	json_array_foreach(json_object_get(body, "origins"), i, o)
	{
		if (json_is_object(o))
			date(r, o, origin_named(was, cf_text(o, "name")));
	}
	for (i = 0; i < 2; i++) /* older clients say "" for the default */
		if (json_is_string(json_object_get(shed, policies[i])) &&
		    !*cf_text(shed, policies[i]))
			json_object_del(shed, policies[i]);
	return true;
}

static bool concerns(const struct api_request *r, const json_t *pool)
{
	const char *monitor = api_arg(r, "monitor");

	return !monitor || !*monitor || strcmp(cf_text(pool, "monitor"), monitor) == 0;
}

/* --- health --- */

/* The words that clients know; the agent has some more. */
static const char *failure_of(const char *reason)
{
	static const char *const known[] = {
		"No failures",
		"TCP connection failed",
		"HTTP timeout occurred",
		"Response code mismatch error",
		"Response body mismatch error",
		"TLS untrusted certificate error",
		"TLS name mismatch error",
		"TLS protocol error",
		"TLS unrecognized name error",
		"No route to host error",
		"TCP Timeout",
		"TLS Handshake Failure",
		"Network Unreachable",
		"HTTP Invalid Response",
		"DNS Unknown Host",
		"Connection Reset by Peer",
		"Monitor Config Error",
		"DNS Internal",
		"Other Failure",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(reason, known[i]) == 0)
			return known[i];
	return strcmp(reason, "no monitor") == 0 ? known[0] : "Other Failure";
}

/* As Go writes durations: "350µs", "12.1ms", "1.2s". */
static json_t *duration(json_int_t us)
{
	char text[32];

	if (us < 1000)
		snprintf(text, sizeof(text), "%lldµs", (long long)us);
	else if (us < 1000000)
		snprintf(text, sizeof(text), "%.4gms", (double)us / 1e3);
	else
		snprintf(text, sizeof(text), "%.4gs", (double)us / 1e6);
	return json_string(text);
}

static bool is_healthy(const json_t *origin)
{
	const char *state = cf_text(origin, "state");

	return strcmp(state, "healthy") == 0 || strcmp(state, "draining") == 0 ||
	       strcmp(state, "unmonitored") == 0;
}

/* Whether anybody knows: a probe ended, or its name stands for no address. */
static bool is_known(const json_t *origin)
{
	return !json_is_null(json_object_get(origin, "checked")) ||
	       strcmp(cf_text(origin, "state"), "unhealthy") == 0;
}

/* What the agent has of an origin: one of several addresses, if it has a host name, and then one
 * that is healthy, if any is. NULL: nothing is known. */
static const json_t *verdict_of(const json_t *state, const char *name)
{
	const json_t *o, *best = NULL;
	size_t i;

	json_array_foreach(json_object_get(state, "origins"), i, o)
	{
		if (strcmp(cf_text(o, "name"), name) == 0 && is_known(o) &&
		    (!best || (is_healthy(o) && !is_healthy(best))))
			best = o;
	}
	return best;
}

static json_t *show_verdict(const json_t *o)
{
	bool healthy = is_healthy(o);

	return json_pack("{s:b, s:o, s:s, s:O*}", "healthy", healthy, "rtt",
			 duration(json_integer_value(json_object_get(o, "rtt_us"))),
			 "failure_reason",
			 healthy ? "No failures" : failure_of(cf_text(o, "reason")),
			 "response_code", json_object_get(o, "status"));
}

json_t *cf_verdicts(const json_t *pool, const json_t *state)
{
	json_t *out = json_array();
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(pool, "origins"), i, o)
	{
		const json_t *verdict = json_is_false(json_object_get(o, "enabled"))
						? NULL
						: verdict_of(state, cf_text(o, "name"));

		if (verdict)
			json_array_append_new(out, json_pack("{s:o}", cf_text(o, "address"),
							     show_verdict(verdict)));
	}
	return out;
}

static bool is_monitored(const json_t *state)
{
	return json_is_string(json_object_get(state, "monitor")) ||
	       json_is_string(json_object_get(state, "monitor_group"));
}

static bool pool_is_healthy(const json_t *state)
{
	const char *word = cf_text(state, "state");

	return strcmp(word, "healthy") == 0 || strcmp(word, "degraded") == 0;
}

/* This site, as in "AMS, NL". */
static const char *place(const struct api_request *r, char out[CF_NAME])
{
	const struct weir_agent_conf *a = weir_agent_conf(r->agent);

	snprintf(out, CF_NAME, "%s%s%s", *a->pop ? a->pop : a->node, *a->country ? ", " : "",
		 a->country);
	return out;
}

void cf_pool_health(struct api_request *r, const struct cf_kind *k)
{
	const json_t *pool = cf_find(r, k);
	json_t *state, *origins;
	char here[CF_NAME];

	if (!pool)
		return;
	state = weir_agent_pool(r->agent, cf_text(pool, "id"));
	origins = state && is_monitored(state) ? cf_verdicts(pool, state) : json_array();
	if (json_array_size(origins))
		cf_reply(r, json_pack("{s:O, s:{s:{s:b, s:O}}}", "pool_id",
				      json_object_get(pool, "id"), "pop_health", place(r, here),
				      "healthy", pool_is_healthy(state), "origins", origins));
	else
		cf_fail(r, 400, CF_NO_HEALTH, NULL, "Health info unavailable: the pool %s",
			state && is_monitored(state) ? "has no result of a probe yet"
						     : "has no monitor");
	json_decref(origins);
	json_decref(state);
}

/* In lists pools and origins say how they are. */
static void add_health(const struct api_request *r, const json_t *pool, json_t *shown)
{
	json_t *state = NULL, *o;
	size_t i;

	if (*cf_text(pool, "monitor") || *cf_text(pool, "monitor_group"))
		state = weir_agent_pool(r->agent, cf_text(pool, "id"));
	if (!state || !is_monitored(state)) {
		json_decref(state);
		return;
	}
	json_object_set_new(shown, "healthy", json_boolean(pool_is_healthy(state)));
	json_array_foreach(json_object_get(shown, "origins"), i, o)
	{
		const json_t *verdict = verdict_of(state, cf_text(o, "name"));

		if (!verdict || json_is_false(json_object_get(o, "enabled")))
			continue;
		json_object_set_new(o, "healthy", json_boolean(is_healthy(verdict)));
		json_object_set_new(o, "failure_reason",
				    json_string(is_healthy(verdict)
							? "No failures"
							: failure_of(cf_text(verdict, "reason"))));
	}
	json_decref(state);
}

/* --- all at once --- */

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return strcmp(cf_text(*x, "name"), cf_text(*y, "name"));
}

/* The one thing that is done so: no pool sends mail any more. */
void cf_pools_bulk(struct api_request *r, const struct cf_kind *k)
{
	json_t *email = json_object_get(r->body, "notification_email"), *bodies = json_array();
	struct cf_found all = { 0 }, affected = { 0 };

	if (!json_is_string(email) || *json_string_value(email)) {
		cf_invalid(r, "/notification_email",
			   "all pools at once can be given an empty notification_email only");
		goto out;
	}
	cf_found(r, k, &all);
	for (size_t i = 0; i < all.n; i++) {
		json_t *body;

		if (!*cf_text(all.all[i], "notification_email"))
			continue;
		body = cf_body(r, k, json_pack("{s:s}", "notification_email", ""), all.all[i],
			       true);
		if (!body) {
			cf_drop_changes(r);
			goto out;
		}
		json_array_append(bodies, body);
		api_change(r, k->kind, cf_text(body, "id"), body);
		cf_found_add(&affected, json_array_get(bodies, affected.n));
	}
	if (affected.n)
		qsort(affected.all, affected.n, sizeof(*affected.all), by_name);
	cf_reply_found(r, k, &affected, 0, 1, 100000);
	affected = (struct cf_found){ 0 };
out:
	cf_found_free(&affected);
	cf_found_free(&all);
	json_decref(bodies);
}

const struct cf_kind cf_pools = {
	.kind = "pool",
	.word = "pool",
	.fields = fields,
	.unique = "name",
	.settle = settle,
	.complete_listed = add_health,
	.concerns = concerns,
};
