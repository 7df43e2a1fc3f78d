/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_dns.c - DNS records: how they are written, and what stands beside what. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_dns.h"

#define AUTOMATIC 1
#define TTL_MIN   30
#define TTL_MAX   86400
#define CHECKED   16 /* records of a batch */

static const struct cf_field settings_fields[] = {
	CF("ipv4_only", "boolean", 0),
	CF("ipv6_only", "boolean", 0),
	CF("flatten_cname", "boolean", 0),
	{ 0 },
};

static const struct cf_field fields[] = {
	CF_HOW("type", "string", CF_REQUIRED, 0),
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF_HOW("content", "string", CF_REQUIRED, 0),
	CF("ttl", "integer", "1"),
	CF("proxied", "boolean", "false"),
	CF("priority", "integer", 0),
	CF("data", "object", 0),
	CF("comment", "string", "null"),
	CF("tags", "array", "[]"),
	CF_OF("settings", "object", 0, "{}", settings_fields),
	CF("private_routing", "boolean", 0),
	/* ours */
	CF("weight", "integer", 0),
	CF("monitor", "string", 0),
	CF("regions", "array", 0),
	CF("listeners", "array", 0),
	CF("vips", "array", 0),
	CF("forwarding", "string", 0),
	CF_HOW("comment_modified_on", "string", CF_READ_ONLY, 0),
	CF_HOW("tags_modified_on", "string", CF_READ_ONLY, 0),
	CF_TIMES,
	{ 0 },
};

/* --- as it is now, with what this request has changed already --- */

const json_t *cf_record(const struct api_request *r, const char *id)
{
	for (size_t i = json_array_size(r->changes); i-- > 0;) {
		const json_t *change = json_array_get(r->changes, i);

		if (strcmp(cf_text(change, "id"), id) == 0)
			return json_object_get(change, "body");
	}
	return weir_agent_object(r->agent, "record", id);
}

/* --- beside other records of its name --- */

static bool is_type(const json_t *record, const char *type)
{
	return strcasecmp(cf_text(record, "type"), type) == 0;
}

static bool is_address(const json_t *record)
{
	return is_type(record, "A") || is_type(record, "AAAA");
}

static bool is_same(const json_t *a, const json_t *b)
{
	return is_type(a, cf_text(b, "type")) &&
	       strcasecmp(cf_text(a, "content"), cf_text(b, "content")) == 0 &&
	       cf_is_same(a, b, "priority");
}

/* What the model would say in other words. */
static bool check_pair(struct api_request *r, const json_t *body, const json_t *other)
{
	const char *name = cf_text(body, "name"), *id = cf_text(other, "id");

	if (is_same(body, other))
		return cf_fail(r, 400, CF_RECORD_EXISTS, "/content",
			       "An identical record already exists: %s", id);
	if (is_address(body) && is_type(other, "CNAME"))
		return cf_fail(r, 400, CF_BESIDE_CNAME, "/name",
			       "A CNAME record with that host already exists: %s is %s", name, id);
	if (is_type(body, "CNAME") && (is_address(other) || is_type(other, "CNAME")))
		return cf_fail(r, 400, CF_CNAME_BESIDE, "/name",
			       "An A, AAAA, or CNAME record with that host already exists: %s is "
			       "%s",
			       name, id);
	return true;
}

/* A stored name may have capitals and a final dot. */
static bool is_named(const json_t *record, const char *name)
{
	const char *s = cf_text(record, "name");
	size_t n = strlen(name);

	return strncasecmp(s, name, n) == 0 && (!s[n] || (s[n] == '.' && !s[n + 1]));
}

static bool check_other(struct api_request *r, const json_t *body, const json_t *other)
{
	return !is_named(other, cf_text(body, "name")) ||
	       strcmp(cf_text(other, "id"), cf_text(body, "id")) == 0 ||
	       cf_record(r, cf_text(other, "id")) != other || check_pair(r, body, other);
}

/* Of a long batch the first ones: all of them at once are the model's to check, in its words. */
static bool check_neighbours(struct api_request *r, const json_t *body)
{
	json_t *other, *change;
	const char *id;
	size_t i;

	if (r->n_changes >= CHECKED)
		return true;
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "record"), id, other)
	{
		if (!check_other(r, body, other))
			return false;
	}
	json_array_foreach(r->changes, i, change)
	{
		other = json_object_get(change, "body");
		if (json_is_object(other) && !check_other(r, body, other))
			return false;
	}
	return true;
}

/* --- as it is stored --- */

/* "@" is the zone itself; what is not in the zone is below it. */
static void settle_name(json_t *body, const char *zone)
{
	char name[CF_NAME], whole[2 * CF_NAME + 2];
	const char *given = cf_text(body, "name");
	size_t n, z = strlen(zone);

	if (!*given)
		return;
	cf_domain(strcmp(given, "@") == 0 ? zone : given, name);
	n = strlen(name);
	if (n >= z && strcasecmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.'))
		snprintf(whole, sizeof(whole), "%s", name);
	else
		snprintf(whole, sizeof(whole), "%s.%s", name, zone);
	json_object_set_new(body, "name", json_string(cf_domain(whole, name)));
}

static bool has_priority(const json_t *record)
{
	static const char *const types[] = { "MX", "SRV", "URI", "SVCB", "HTTPS" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is_type(record, types[i]))
			return true;
	return false;
}

/* Some clients give all records a priority, which would be a part of the content. */
static void settle_type(json_t *body)
{
	char type[32];
	size_t n;

	n = (size_t)snprintf(type, sizeof(type), "%s", cf_text(body, "type"));
	for (size_t i = 0; i < n && i < sizeof(type); i++)
		type[i] = (char)toupper((unsigned char)type[i]);
	if (n && n < sizeof(type))
		json_object_set_new(body, "type", json_string(type));
	if (!has_priority(body))
		json_object_del(body, "priority");
}

static bool check_ttl(struct api_request *r, const json_t *body)
{
	const json_t *ttl = json_object_get(body, "ttl");
	json_int_t s = json_integer_value(ttl);

	return !json_is_integer(ttl) || s == AUTOMATIC || (s >= TTL_MIN && s <= TTL_MAX) ||
	       cf_fail(r, 400, CF_DNS_INVALID, "/ttl",
		       "ttl %lld is not from %d to %d seconds, nor 1 for automatic: validation "
		       "failed",
		       (long long)s, TTL_MIN, TTL_MAX);
}

/* Comments and tags say when they were changed. */
static void settle_time(const struct api_request *r, json_t *body, const json_t *was,
			const char *key, const char *time_key)
{
	json_t *v = json_object_get(body, key), *before = json_object_get(was, time_key);
	char text[CF_TIME];

	if (!v || json_is_null(v) || (json_is_array(v) && !json_array_size(v)))
		json_object_del(body, time_key);
	else if (before && json_equal(v, json_object_get(was, key)))
		json_object_set(body, time_key, before);
	else
		json_object_set_new(body, time_key, json_string(api_time(r->now_ms, 6, text)));
}

/* The proxied record of this name that says which VIPs it has; NULL: there is none, or no need. */
static const json_t *proxied_as(const struct api_request *r, const json_t *body)
{
	const char *id;
	json_t *other;

	if (!json_is_true(json_object_get(body, "proxied")))
		return NULL;
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "record"), id, other)
	{
		if (is_named(other, cf_text(body, "name")) && json_object_get(other, "vips") &&
		    json_is_true(json_object_get(other, "proxied")))
			return other;
	}
	return NULL;
}

static bool settle(struct api_request *r, json_t *body, const json_t *was)
{
	const json_t *like;
	char zone[CF_NAME];

	cf_domain(cf_text(cf_zone(r), "name"), zone);
	settle_name(body, zone);
	settle_type(body);
	like = json_object_get(was, "vips") ? was : proxied_as(r, body);
	cf_settle_service(r, body, like ? like : was);
	settle_time(r, body, was, "comment", "comment_modified_on");
	settle_time(r, body, was, "tags", "tags_modified_on");
	if (cf_zone_of(r, cf_text(body, "name")) != cf_zone(r) && *cf_text(body, "name"))
		return cf_fail(r, 400, CF_DNS_INVALID, "/name",
			       "name %s is in another zone: validation failed",
			       cf_text(body, "name"));
	return check_ttl(r, body) && check_neighbours(r, body);
}

/* A client says the members of a content, or the content itself; the latter may be missing then. */
json_t *cf_take_record(struct api_request *r, const json_t *body, const json_t *was)
{
	json_t *taken = cf_take(r, &cf_records, body), *data;
	const char *type = cf_text(taken, "type");

	data = json_object_get(taken, "data");
	if (json_is_object(data) && !cf_data_content(*type ? type : cf_text(was, "type"), taken)) {
		cf_fail(r, 400, CF_DNS_INVALID, "/data",
			"data does not have the members of a record of this type: validation "
			"failed");
		json_decref(taken);
		return NULL;
	}
	json_object_del(taken, "data");
	return taken;
}

/* --- as it is shown --- */

static void complete(const struct api_request *r, const json_t *stored, json_t *shown)
{
	const json_t *zone = cf_zone_of(r, cf_text(stored, "name"));
	bool proxiable = is_address(stored) || is_type(stored, "CNAME");
	char name[CF_NAME];
	json_t *data = cf_content_data(stored);

	json_object_set_new(shown, "name", json_string(cf_domain(cf_text(stored, "name"), name)));
	json_object_set_new(shown, "proxiable", json_boolean(proxiable));
	json_object_set_new(shown, "meta", json_object());
	if (json_is_true(json_object_get(shown, "proxied")))
		json_object_set_new(shown, "ttl", json_integer(AUTOMATIC));
	if (data)
		json_object_set_new(shown, "data", data);
	if (zone) {
		json_object_set(shown, "zone_id", json_object_get(zone, "id"));
		json_object_set(shown, "zone_name", json_object_get(zone, "name"));
	}
}

const struct cf_kind cf_records = {
	.kind = "record",
	.word = "DNS record",
	.fields = fields,
	.settle = settle,
	.complete = complete,
	.concerns = cf_concerns_record,
	.unknown = CF_NO_RECORD,
};
