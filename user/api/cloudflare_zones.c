/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_zones.c - zones, and which of them a name is in. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_impl.h"

static const struct cf_field fields[] = {
	CF_HOW("name", "string", CF_REQUIRED, 0),
	CF_HOW("status", "string", CF_READ_ONLY, 0),
	CF("paused", "boolean", "false"),
	CF("type", "string", "\"full\""),
	CF("vanity_name_servers", "array", 0),
	CF_HOW("development_mode", "integer", CF_READ_ONLY, "0"),
	CF("account", "object", 0),
	CF("jump_start", "boolean", 0),
	CF("plan", "object", 0),
	/* ours: parse_zone.c */
	CF("ns", "array", 0),
	CF("mname", "string", 0),
	CF("rname", "string", 0),
	CF("serial", "integer", 0),
	CF("refresh", "integer", 0),
	CF("retry", "integer", 0),
	CF("expire", "integer", 0),
	CF("minimum", "integer", 0),
	CF("ttl", "integer", 0),
	CF("dnssec", "object", 0),
	CF_TIMES,
	{ 0 },
};

/* --- names --- */

const char *cf_domain(const char *name, char out[CF_NAME])
{
	size_t n;

	snprintf(out, CF_NAME, "%s", name);
	n = strlen(out);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
	if (n > 1 && out[n - 1] == '.')
		out[n - 1] = 0;
	return out;
}

/* Whether a name is that of a zone or below it. */
static bool is_within(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	if (z && zone[z - 1] == '.')
		z--;
	if (n && name[n - 1] == '.')
		n--;
	return z && n >= z && strncasecmp(name + n - z, zone, z) == 0 &&
	       (n == z || name[n - z - 1] == '.');
}

const json_t *cf_zone_of(const struct api_request *r, const char *name)
{
	const json_t *best = NULL;
	const char *id;
	json_t *zone;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, "zone"), id, zone)
	{
		if (is_within(name, cf_text(zone, "name")) &&
		    (!best || strlen(cf_text(zone, "name")) > strlen(cf_text(best, "name"))))
			best = zone;
	}
	return best;
}

const json_t *cf_zone(const struct api_request *r)
{
	const char *id = api_param(r, "zone");

	return id ? weir_agent_object(r->agent, "zone", id) : NULL;
}

/* --- shown --- */

static json_t *owner(const struct api_request *r)
{
	return json_pack("{s:s, s:s, s:s}", "id", r->account_id, "name", r->account_name, "type",
			 "organization");
}

static json_t *name_servers(const struct api_request *r, const json_t *stored)
{
	const struct weir_dns_conf *dns = &weir_agent_conf(r->agent)->dns;
	json_t *own = json_object_get(stored, "ns"), *out;

	if (own)
		return json_incref(own);
	out = json_array();
	for (uint32_t i = 0; !json_object_get(stored, "file") && i < dns->n_name_servers; i++)
		json_array_append_new(out, json_string(dns->name_servers[i]));
	return out;
}

static void complete(const struct api_request *r, const json_t *stored, json_t *shown)
{
	json_t *created = json_object_get(stored, "created_on");

	json_object_set_new(shown, "status", json_string("active"));
	json_object_set_new(shown, "name_servers", name_servers(r, stored));
	json_object_set_new(shown, "original_name_servers", json_null());
	json_object_set_new(shown, "original_registrar", json_null());
	json_object_set_new(shown, "original_dnshost", json_null());
	json_object_set_new(shown, "activated_on", created ? json_incref(created) : json_null());
	json_object_set_new(shown, "owner", owner(r));
	json_object_set_new(shown, "account",
			    json_pack("{s:s, s:s}", "id", r->account_id, "name", r->account_name));
	json_object_set_new(shown, "meta",
			    json_pack("{s:i, s:b, s:b, s:i, s:i, s:b, s:b}", "step", 2, "cdn_only",
				      false, "dns_only", false, "page_rule_quota", 0,
				      "custom_certificate_quota", 0, "phishing_detected", false,
				      "foundation_dns", false));
	json_object_set_new(shown, "plan",
			    json_pack("{s:s, s:s, s:i, s:s}", "id", "weir", "name", "weir", "price",
				      0, "currency", "USD"));
	json_object_set_new(shown, "permissions",
			    json_pack("[s, s, s, s]", "#zone:read", "#zone:edit",
				      "#dns_records:read", "#dns_records:edit"));
}

/* --- stored --- */

static bool check_account(struct api_request *r, json_t *body)
{
	const char *id = cf_text(json_object_get(body, "account"), "id");

	json_object_del(body, "account");
	return !*id || strcmp(id, r->account_id) == 0 ||
	       cf_invalid(r, "/account/id", "account \"%s\" is not the account here, %s", id,
			  r->account_id);
}

static bool check_type(struct api_request *r, json_t *body)
{
	const char *type = cf_text(body, "type");

	if (*type && strcmp(type, "full") != 0)
		return cf_invalid(r, "/type", "type \"%s\" is not full: zones are served whole",
				  type);
	json_object_del(body, "type");
	return true;
}

/* What the model has no word for means something else, or nothing. */
static bool settle(struct api_request *r, json_t *body, const json_t *was)
{
	json_t *vanity = json_object_get(body, "vanity_name_servers");
	char name[CF_NAME];

	if (!check_account(r, body) || !check_type(r, body))
		return false;
	if (json_array_size(vanity))
		json_object_set(body, "ns", vanity);
	if (json_is_true(json_object_get(body, "paused")))
		cf_say(r, CF_NOTE,
		       "paused: has no effect: disable load balancers, or have records "
		       "not proxied");
	json_object_del(body, "vanity_name_servers");
	json_object_del(body, "paused");
	json_object_del(body, "jump_start");
	json_object_del(body, "plan");
	if (was && strcasecmp(cf_text(was, "name"), cf_text(body, "name")) != 0)
		return cf_invalid(r, "/name", "name cannot be changed: make another zone");
	if (*cf_text(body, "name"))
		json_object_set_new(body, "name",
				    json_string(cf_domain(cf_text(body, "name"), name)));
	return true;
}

/* --- lists --- */

/* "contains:x" and the like, of a name. */
static bool name_fits(const char *name, const char *want)
{
	static const char *const words[] = { "contains",  "starts_with", "ends_with",
					     "not_equal", "equal",       NULL };
	size_t n = strlen(name), w;
	const char *value = strchr(want, ':');
	unsigned i = 0;

	while (value && words[i] && strncasecmp(want, words[i], strlen(words[i])) != 0)
		i++;
	if (!value || !words[i])
		return strcasecmp(name, want) == 0;
	w = strlen(++value);
	switch (i) {
	case 0:
		return strcasestr(name, value);
	case 1:
		return strncasecmp(name, value, w) == 0;
	case 2:
		return n >= w && strcasecmp(name + n - w, value) == 0;
	case 3:
		return strcasecmp(name, value) != 0;
	default:
		return strcasecmp(name, value) == 0;
	}
}

static bool text_fits(const struct api_request *r, const char *arg, const char *value)
{
	const char *want = api_arg(r, arg);

	return !want || !*want || strcasecmp(want, value) == 0;
}

/* match: all of the filters, or any. */
static bool concerns(const struct api_request *r, const json_t *zone)
{
	const char *name = api_arg(r, "name"), *match = api_arg(r, "match");
	const char *const args[] = { "status", "account.id", "account.name" };
	const char *const values[] = { "active", r->account_id, r->account_name };
	unsigned given = name && *name, held = given && name_fits(cf_text(zone, "name"), name);

	for (size_t i = 0; i < 3; i++) {
		const char *want = api_arg(r, args[i]);

		given += want && *want;
		held += want && *want && text_fits(r, args[i], values[i]);
	}
	return held == given || (held && match && strcmp(match, "any") == 0);
}

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return strcasecmp(cf_text(*x, "name"), cf_text(*y, "name"));
}

static void reverse(struct cf_found *f)
{
	for (size_t i = 0; i < f->n / 2; i++) {
		const json_t *other = f->all[i];

		f->all[i] = f->all[f->n - 1 - i];
		f->all[f->n - 1 - i] = other;
	}
}

void cf_list_zones(struct api_request *r, const struct cf_kind *k)
{
	const char *order = api_arg(r, "order"), *direction = api_arg(r, "direction");
	struct cf_found found;

	cf_found(r, k, &found);
	if (found.n && order && strcmp(order, "name") == 0)
		qsort(found.all, found.n, sizeof(*found.all), by_name);
	if (direction && strcmp(direction, "desc") == 0)
		reverse(&found);
	cf_reply_found(r, k, &found, 20, 1, 1000);
}

/* --- with all that is in it --- */

static void remove_named(struct api_request *r, const json_t *zone, const char *kind)
{
	const char *id;
	json_t *body;

	json_object_foreach((json_t *)weir_agent_objects(r->agent, kind), id, body)
	{
		if (cf_zone_of(r, cf_text(body, "name")) == zone)
			api_change(r, kind, id, NULL);
	}
}

void cf_delete_zone(struct api_request *r, const struct cf_kind *k)
{
	const json_t *zone = cf_find(r, k);

	if (!zone)
		return;
	cf_reply(r, json_pack("{s:O}", "id", json_object_get(zone, "id")));
	remove_named(r, zone, "record");
	remove_named(r, zone, "load_balancer");
	api_change(r, k->kind, cf_text(zone, "id"), NULL);
}

const struct cf_kind cf_zones = {
	.kind = "zone",
	.word = "zone",
	.fields = fields,
	.unique = "name",
	.settle = settle,
	.complete = complete,
	.concerns = concerns,
};
