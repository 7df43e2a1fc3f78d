/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_lbs.c - load balancers, of an account or of a zone of it. */
#include <stdio.h>
#include <string.h>

#include "api/cloudflare_impl.h"

#define COOKIE_TTL 82800
#define HEADER_TTL 1800
#define DNS_TTL    30

static const struct cf_field adaptive_fields[] = {
	CF("failover_across_pools", "boolean", "false"),
	{ 0 },
};

static const struct cf_field location_fields[] = {
	CF("mode", "string", "\"pop\""),
	CF("prefer_ecs", "string", "\"proximity\""),
	{ 0 },
};

static const struct cf_field random_fields[] = {
	CF("default_weight", "number", "1"),
	CF("pool_weights", "object", 0),
	{ 0 },
};

static const struct cf_field affinity_fields[] = {
	CF("samesite", "string", "\"Auto\""),
	CF("secure", "string", "\"Auto\""),
	CF("drain_duration", "number", "0"),
	CF("zero_downtime_failover", "string", "\"none\""),
	CF("headers", "array", 0),
	CF("require_all_headers", "boolean", 0),
	{ 0 },
};

static const struct cf_field override_fields[] = {
	CF_OF("adaptive_routing", "object", 0, 0, adaptive_fields),
	CF("country_pools", "object", 0),
	CF("default_pools", "array", 0),
	CF("fallback_pool", "string", 0),
	CF_OF("location_strategy", "object", 0, 0, location_fields),
	CF("pop_pools", "object", 0),
	CF_OF("random_steering", "object", 0, 0, random_fields),
	CF("region_pools", "object", 0),
	CF("session_affinity", "string", 0),
	CF_OF("session_affinity_attributes", "object", 0, 0, affinity_fields),
	CF("session_affinity_ttl", "integer", 0),
	CF("steering_policy", "string", 0),
	CF("ttl", "integer", 0),
	CF("pools", "array", 0),
	CF("pool_weights", "object", 0),
	CF("pool_default_weight", "number", 0),
	{ 0 },
};

static const struct cf_field response_fields[] = {
	CF("status_code", "integer", 0),
	CF("content_type", "string", 0),
	CF("location", "string", 0),
	CF("message_body", "string", 0),
	{ 0 },
};

static const struct cf_field rule_fields[] = {
	CF("name", "string", 0),
	CF("condition", "string", 0),
	CF("priority", "integer", 0),
	CF("disabled", "boolean", "false"),
	CF("terminates", "boolean", "false"),
	CF_OF("overrides", "object", 0, 0, override_fields),
	CF_OF("fixed_response", "object", 0, 0, response_fields),
	{ 0 },
};

static const struct cf_field topology_fields[] = {
	CF("pops", "array", 0),
	CF("countries", "array", 0),
	CF("regions", "array", 0),
	{ 0 },
};

static const struct cf_field match_fields[] = {
	CF("default", "boolean", 0),
	CF_OF("topology", "object", 0, 0, topology_fields),
	{ 0 },
};

static const struct cf_field set_override_fields[] = {
	CF("pools", "array", 0),
	CF("pool_weights", "object", 0),
	CF("pool_default_weight", "number", 0),
	CF("fallback_pool", "string", 0),
	CF("steering_policy", "string", 0),
	{ 0 },
};

static const struct cf_field set_fields[] = {
	CF("name", "string", 0),
	CF("disabled", "boolean", "false"),
	CF_OF("match", "object", 0, 0, match_fields),
	CF_OF("overrides", "object", 0, 0, set_override_fields),
	CF_OF("fixed_response", "object", 0, 0, response_fields),
	{ 0 },
};

static const struct cf_field fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF("description", "string", "\"\""),
	CF("enabled", "boolean", "true"),
	CF_HOW("default_pools", "array", CF_REQUIRED, 0),
	CF_HOW("fallback_pool", "string", CF_REQUIRED, 0),
	CF("region_pools", "object", "{}"),
	CF("country_pools", "object", "{}"),
	CF("pop_pools", "object", "{}"),
	CF("proxied", "boolean", "false"),
	CF("ttl", "integer", 0),
	CF("steering_policy", "string", "\"\""),
	CF_OF("random_steering", "object", 0, 0, random_fields),
	CF_OF("location_strategy", "object", 0,
	      "{\"mode\": \"pop\", \"prefer_ecs\": \"proximity\"}", location_fields),
	CF_OF("adaptive_routing", "object", 0, "{\"failover_across_pools\": false}",
	      adaptive_fields),
	CF("session_affinity", "string", "\"none\""),
	CF("session_affinity_ttl", "integer", 0),
	CF_OF("session_affinity_attributes", "object", 0,
	      "{\"samesite\": \"Auto\", \"secure\": \"Auto\", \"drain_duration\": 0, "
	      "\"zero_downtime_failover\": \"none\"}",
	      affinity_fields),
	CF_OF("rules", "array", 0, "[]", rule_fields),
	CF_OF("pool_sets", "array", CF_STAYS, 0, set_fields),
	CF_HOW("networks", "array", CF_READ_ONLY, 0),
	/* ours */
	CF("listeners", "array", 0),
	CF("vips", "array", 0),
	CF("forwarding", "string", 0),
	CF("udp", "string", 0),
	CF("quic", "object", 0),
	CF("source_rules", "object", 0),
	CF("passive_health", "boolean", 0),
	CF("when_down", "string", 0),
	CF_HOW("zone_name", "string", CF_READ_ONLY, 0),
	CF_TIMES,
	{ 0 },
};

/* Of the zone in the path, if there is one. */
static bool concerns(const struct api_request *r, const json_t *lb)
{
	const json_t *zone = cf_zone(r);

	return !zone || cf_zone_of(r, cf_text(lb, "name")) == zone;
}

void cf_settle_service(const struct api_request *r, json_t *body, const json_t *was)
{
	static const char *const keys[] = { "vips", "listeners",    "forwarding",    "udp",
					    "quic", "source_rules", "passive_health" };
	json_t *vips = json_object_get(was, "vips");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_is_true(json_object_get(body, "proxied")) &&
		    cf_is_same(body, was, keys[i]))
			json_object_del(body, keys[i]);
	if (!json_is_true(json_object_get(body, "proxied")) || json_object_get(body, "vips"))
		return;
	vips = vips ? json_incref(vips) : api_free_vips(r, cf_text(body, "id"));
	if (vips)
		json_object_set_new(body, "vips", vips);
}

static bool settle(struct api_request *r, json_t *body, const json_t *was)
{
	const json_t *zone = cf_zone(r);
	char name[CF_NAME];

	cf_settle_service(r, body, was);
	if (*cf_text(body, "name"))
		json_object_set_new(body, "name",
				    json_string(cf_domain(cf_text(body, "name"), name)));
	return !zone || cf_zone_of(r, cf_text(body, "name")) == zone ||
	       cf_invalid(r, "/name", "name \"%s\" is no host name in the zone %s",
			  cf_text(body, "name"), cf_text(zone, "name"));
}

/* Defaults that depend on other fields. */
static void complete(const struct api_request *r, const json_t *stored, json_t *shown)
{
	const json_t *zone = cf_zone_of(r, cf_text(stored, "name"));
	const char *kind = cf_text(shown, "session_affinity");

	if (zone)
		json_object_set(shown, "zone_name", json_object_get(zone, "name"));
	if (!json_object_get(shown, "ttl") && !json_is_true(json_object_get(shown, "proxied")))
		json_object_set_new(shown, "ttl", json_integer(DNS_TTL));
	if (json_object_get(shown, "session_affinity_ttl") || !*kind || strcmp(kind, "none") == 0)
		return;
	json_object_set_new(shown, "session_affinity_ttl",
			    json_integer(strcmp(kind, "header") == 0 ? HEADER_TTL : COOKIE_TTL));
}

const struct cf_kind cf_lbs = {
	.kind = "load_balancer",
	.word = "load balancer",
	.fields = fields,
	.unique = "name",
	.settle = settle,
	.complete = complete,
	.concerns = concerns,
};
