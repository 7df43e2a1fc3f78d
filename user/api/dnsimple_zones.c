/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_zones.c - zones, and domains, which are the same thing here: there is no registrar. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dnsimple_impl.h"

/* --- which zone --- */

/* The rest of name in front of the zone's; NULL: it is not within. */
static char *cut_zone(char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	if (n == z)
		return strcmp(name, zone) == 0 ? strcpy(name, "") : NULL;
	if (n < z + 2 || name[n - z - 1] != '.' || strcmp(name + n - z, zone) != 0)
		return NULL;
	name[n - z - 1] = 0;
	return name;
}

static bool is_below(const char *name, const char *zone)
{
	char copy[DNSIMPLE_NAME];
	const char *rest;

	snprintf(copy, sizeof(copy), "%s", name);
	rest = cut_zone(copy, zone);
	return rest && *rest;
}

static void find_below(const struct api_request *r, struct dnsimple_zone *z)
{
	const json_t *body;
	const char *id;
	char name[DNSIMPLE_NAME];

	z->below = json_array();
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "zone"), id, body)
	{
		dnsimple_domain(json_string_value(json_object_get(body, "name")), name);
		if (is_below(name, z->name))
			json_array_append_new(z->below, json_string(name));
	}
}

const char *dnsimple_within(const struct dnsimple_zone *z, char name[DNSIMPLE_NAME])
{
	const json_t *zone;
	char copy[DNSIMPLE_NAME];
	size_t i;

	json_array_foreach(z->below, i, zone)
	{
		snprintf(copy, sizeof(copy), "%s", name);
		if (cut_zone(copy, json_string_value(zone)))
			return NULL;
	}
	return cut_zone(name, z->name);
}

/* The word for it in what is said of one that is not there. */
static bool find(struct api_request *r, const char *word, struct dnsimple_zone *out)
{
	const char *asked = api_param(r, "zone"), *id;
	json_int_t number = dnsimple_parse_number(asked);
	char name[DNSIMPLE_NAME];
	const json_t *body;

	if (!dnsimple_account(r))
		return false;
	dnsimple_domain(asked, name);
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "zone"), id, body)
	{
		dnsimple_domain(json_string_value(json_object_get(body, "name")), out->name);
		if (strcmp(out->name, name) != 0 && (number < 0 || dnsimple_number(id) != number))
			continue;
		out->id = id;
		out->body = body;
		find_below(r, out);
		return true;
	}
	dnsimple_refuse(r, 404, "%s `%s` not found", word, asked ? asked : "");
	return false;
}

bool dnsimple_find_zone(struct api_request *r, struct dnsimple_zone *out)
{
	return find(r, "Zone", out);
}

void dnsimple_zone_done(struct dnsimple_zone *z)
{
	json_decref(z->below);
}

/* --- shown --- */

static bool is_reverse(const char *name)
{
	return is_below(name, "in-addr.arpa") || is_below(name, "ip6.arpa");
}

static bool is_active(const json_t *body)
{
	return !json_is_false(json_object_get(body, "active"));
}

static json_t *show_zone(const char *id, const json_t *body, const char *name)
{
	return json_pack("{s:I, s:i, s:s, s:b, s:b, s:n, s:b, s:o, s:o}", "id", dnsimple_number(id),
			 "account_id", DNSIMPLE_ACCOUNT, "name", name, "reverse", is_reverse(name),
			 "secondary", false, "last_transferred_at", "active", is_active(body),
			 "created_at", dnsimple_time(body, "created_on"), "updated_at",
			 dnsimple_time(body, "modified_on"));
}

static json_t *show_domain(const char *id, const json_t *body, const char *name)
{
	return json_pack("{s:I, s:i, s:n, s:s, s:s, s:s, s:b, s:b, s:n, s:n, s:o, s:o}", "id",
			 dnsimple_number(id), "account_id", DNSIMPLE_ACCOUNT, "registrant_id",
			 "name", name, "unicode_name", name, "state", "hosted", "auto_renew", false,
			 "private_whois", false, "expires_at", "expires_on", "created_at",
			 dnsimple_time(body, "created_on"), "updated_at",
			 dnsimple_time(body, "modified_on"));
}

typedef json_t *show_fn(const char *id, const json_t *body, const char *name);

static json_t *show_item(const struct dnsimple_item *item, const void *arg)
{
	show_fn *const *show = arg;

	return (*show)(item->id, item->body, item->name);
}

static void list(struct api_request *r, show_fn *show)
{
	const char *like = api_arg(r, "name_like"), *id;
	struct dnsimple_list l = { .arena = weir_arena_new() };
	char name[DNSIMPLE_NAME];
	const json_t *body;

	if (!dnsimple_account(r))
		goto out;
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "zone"), id, body)
	{
		dnsimple_domain(json_string_value(json_object_get(body, "name")), name);
		if (like && !strcasestr(name, like))
			continue;
		*dnsimple_list_add(&l) = (struct dnsimple_item){
			.number = dnsimple_number(id),
			.id = id,
			.name = weir_arena_strdup(l.arena, name),
			.body = body,
		};
	}
	dnsimple_list_reply(r, &l, "name id", show_item, &show);
out:
	free(l.items);
	weir_arena_free(l.arena);
}

void dnsimple_list_zones(struct api_request *r)
{
	list(r, show_zone);
}

void dnsimple_list_domains(struct api_request *r)
{
	list(r, show_domain);
}

static void get(struct api_request *r, const char *word, show_fn *show)
{
	struct dnsimple_zone z;

	if (!find(r, word, &z))
		return;
	dnsimple_reply(r, 200, show(z.id, z.body, z.name));
	dnsimple_zone_done(&z);
}

void dnsimple_get_zone(struct api_request *r)
{
	get(r, "Zone", show_zone);
}

void dnsimple_get_domain(struct api_request *r)
{
	get(r, "Domain", show_domain);
}

/* A reply to a change is sent when DNS answers by it, and objects are what DNS answers by. */
void dnsimple_distribution(struct api_request *r)
{
	struct dnsimple_zone z;

	if (!dnsimple_find_zone(r, &z))
		return;
	dnsimple_reply(r, 200, json_pack("{s:b}", "distributed", is_active(z.body)));
	dnsimple_zone_done(&z);
}

/* --- changed --- */

void dnsimple_create_domain(struct api_request *r)
{
	const char *asked = json_string_value(json_object_get(r->body, "name")), *other;
	char name[DNSIMPLE_NAME], taken[DNSIMPLE_NAME], id[DNSIMPLE_ID], now[32];
	const json_t *zone;
	json_t *body;

	if (!dnsimple_account(r))
		return;
	if (!asked || !*asked) {
		dnsimple_refuse_field(r, "name", "can't be blank");
		return;
	}
	if (strlen(asked) >= DNSIMPLE_NAME) {
		dnsimple_refuse_field(r, "name", "is longer than a domain name may be");
		return;
	}
	dnsimple_domain(asked, name);
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "zone"), other, zone)
	{
		dnsimple_domain(json_string_value(json_object_get(zone, "name")), taken);
		if (strcmp(name, taken) == 0) {
			dnsimple_refuse_field(r, "name", "is there already");
			return;
		}
	}
	dnsimple_new_id(r, "zone", id);
	api_time(r->now_ms, 6, now);
	body = json_pack("{s:s, s:s, s:s, s:s}", "id", id, "name", name, "created_on", now,
			 "modified_on", now); /* ns: those of the agent */
	dnsimple_reply(r, 201, show_domain(id, body, name));
	api_change(r, "zone", id, body);
}

void dnsimple_delete_domain(struct api_request *r)
{
	struct dnsimple_list l = { .arena = weir_arena_new() };
	struct dnsimple_zone z;

	if (!find(r, "Domain", &z))
		goto out;
	dnsimple_list_records(r, &z, &l);
	for (size_t i = 0; i < l.n; i++)
		if (!l.items[i].system)
			api_change(r, "record", l.items[i].id, NULL);
	api_change(r, "zone", z.id, NULL);
	dnsimple_reply(r, 204, NULL);
	dnsimple_zone_done(&z);
out:
	free(l.items);
	weir_arena_free(l.arena);
}

static json_t *touched(const struct api_request *r, const json_t *body)
{
	json_t *copy = json_deep_copy(body);
	char now[32];

	json_object_set_new(copy, "modified_on", json_string(api_time(r->now_ms, 6, now)));
	return copy;
}

static void set_active(struct api_request *r, bool active)
{
	struct dnsimple_zone z;
	json_t *body;

	if (!dnsimple_find_zone(r, &z))
		return;
	body = touched(r, z.body);
	if (active)
		json_object_del(body, "active");
	else
		json_object_set_new(body, "active", json_false());
	dnsimple_reply(r, 200, show_zone(z.id, body, z.name));
	api_change(r, "zone", z.id, body);
	dnsimple_zone_done(&z);
}

void dnsimple_activate(struct api_request *r)
{
	set_active(r, true);
}

void dnsimple_deactivate(struct api_request *r)
{
	set_active(r, false);
}

/* The NS records as they will be. */
static json_t *show_ns(const struct api_request *r, struct dnsimple_zone *z, const json_t *body)
{
	struct dnsimple_list l = { .arena = weir_arena_new() };
	json_t *out = json_array();

	z->body = body;
	dnsimple_list_records(r, z, &l);
	for (size_t i = 0; i < l.n; i++)
		if (l.items[i].system && strcmp(l.items[i].type, "NS") == 0)
			json_array_append_new(out, dnsimple_show_record(&l.items[i], z));
	free(l.items);
	weir_arena_free(l.arena);
	return out;
}

static bool is_list_of_texts(const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return false;
	}
	return json_array_size(list);
}

void dnsimple_set_ns(struct api_request *r)
{
	json_t *names = json_object_get(r->body, "ns_names"), *body;
	struct dnsimple_zone z;

	if (!dnsimple_find_zone(r, &z))
		return;
	if (!is_list_of_texts(names)) {
		dnsimple_refuse_field(r, "ns_names",
				      "must be a list of names: there are no sets of them here");
	} else {
		body = touched(r, z.body);
		json_object_set(body, "ns", names);
		json_object_del(body, "mname"); /* it was one of the former ones */
		dnsimple_reply(r, 200, show_ns(r, &z, body));
		api_change(r, "zone", z.id, body);
	}
	dnsimple_zone_done(&z);
}
