/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_records.c - records of a zone. A POOL is all records of that type and name, one for each
 * member. SOA and the NS of a zone itself are made of what the zone says. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dnsimple_impl.h"

#define AUTOMATIC_TTL 300 /* what ttl 1 of the model means */

static const char *text_of(const json_t *body, const char *key)
{
	const char *s = json_string_value(json_object_get(body, key));

	return s ? s : "";
}

/* --- those that there are --- */

static json_int_t number_of(const json_t *zone, const char *key, json_int_t def)
{
	const json_t *v = json_object_get(zone, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

static void add_system(struct dnsimple_list *l, const struct dnsimple_zone *z, const char *type,
		       const char *content)
{
	char *key = weir_arena_printf(l->arena, "%s %s %s", type, z->id, content);

	*dnsimple_list_add(l) = (struct dnsimple_item){
		.number = dnsimple_number(strcmp(type, "SOA") ? key : strchr(key, ' ')),
		.id = key,
		.name = "",
		.type = type,
		.content = content,
		.body = z->body,
		.system = true,
	};
}

/* Those of the zone, or of all that say none; the caller's. Of one that is a file, none. */
static json_t *name_servers(const struct api_request *r, const struct dnsimple_zone *z)
{
	const struct weir_dns_conf *dns = &weir_agent_conf(r->agent)->dns;
	json_t *own = json_object_get(z->body, "ns"), *list = json_array();

	if (json_array_size(own))
		json_array_extend(list, own);
	else if (!json_object_get(z->body, "file"))
		for (uint32_t i = 0; i < dns->n_name_servers; i++)
			json_array_append_new(list, json_string(dns->name_servers[i]));
	return list;
}

/* With what zones have that do not say it (parse_zone.c). */
static const char *soa_of(struct weir_arena *a, const struct dnsimple_zone *z, const json_t *ns)
{
	const char *mname = text_of(z->body, "mname"), *rname = text_of(z->body, "rname");

	if (!*mname)
		mname = json_string_value(json_array_get(ns, 0));
	if (!*rname)
		rname = weir_arena_printf(a, "hostmaster.%s", z->name);
	return weir_arena_printf(a, "%s %s %lld %lld %lld %lld %lld", mname ? mname : "", rname,
				 (long long)number_of(z->body, "serial", 1),
				 (long long)number_of(z->body, "refresh", 3600),
				 (long long)number_of(z->body, "retry", 600),
				 (long long)number_of(z->body, "expire", 604800),
				 (long long)number_of(z->body, "minimum", 60));
}

/* False: the record is in another zone. */
static bool take_item(const struct dnsimple_zone *z, struct weir_arena *a, const char *id,
		      const json_t *body, struct dnsimple_item *out)
{
	char name[DNSIMPLE_NAME];
	const char *within;

	dnsimple_domain(text_of(body, "name"), name);
	within = dnsimple_within(z, name);
	if (!within)
		return false;
	*out = (struct dnsimple_item){
		.number = dnsimple_number(id),
		.id = id,
		.name = weir_arena_strdup(a, within),
		.type = text_of(body, "type"),
		.content = text_of(body, "content"),
		.body = body,
	};
	return true;
}

void dnsimple_list_records(const struct api_request *r, const struct dnsimple_zone *z,
			   struct dnsimple_list *l)
{
	json_t *ns = name_servers(r, z);
	struct dnsimple_item item;
	const json_t *v;
	const char *id;
	size_t i;

	if (json_array_size(ns))
		add_system(l, z, "SOA", soa_of(l->arena, z, ns));
	json_array_foreach(ns, i, v)
		add_system(l, z, "NS", weir_arena_strdup(l->arena, json_string_value(v)));
	json_decref(ns);
	json_object_foreach((json_t *)weir_agent_objects(r->agent, "record"), id, v)
	{
		if (take_item(z, l->arena, id, v, &item))
			*dnsimple_list_add(l) = item;
	}
}

/* --- shown --- */

static bool has_priority(const char *type)
{
	return strcmp(type, "MX") == 0 || strcmp(type, "SRV") == 0;
}

/* The model also takes "10 mail.example.com" for the content of an MX. */
static const char *split_priority(const char *type, const char *content, const json_t *body,
				  json_t **priority)
{
	const json_t *own = json_object_get(body, "priority");
	char *end;
	long n;

	*priority = own ? json_copy((json_t *)own) : json_null();
	if (json_is_integer(own) || !has_priority(type) || !isdigit((unsigned char)*content))
		return content;
	n = strtol(content, &end, 10);
	if (*end != ' ')
		return content;
	json_decref(*priority);
	*priority = json_integer(n);
	return end + strspn(end, " ");
}

json_t *dnsimple_show_record(const struct dnsimple_item *item, const void *zone)
{
	const struct dnsimple_zone *z = zone;
	const json_t *regions = item->system ? NULL : json_object_get(item->body, "regions");
	json_int_t ttl = number_of(item->body, "ttl", item->system ? DNSIMPLE_TTL : AUTOMATIC_TTL);
	const char *content = item->content;
	json_t *priority = json_null();

	if (!item->system)
		content = split_priority(item->type, content, item->body, &priority);
	return json_pack(
		"{s:I, s:s, s:n, s:s, s:s, s:I, s:o, s:s, s:o, s:b, s:o, s:o}", "id", item->number,
		"zone_id", z->name, "parent_id", "name", item->name, "content", content, "ttl",
		ttl == 1 ? AUTOMATIC_TTL : ttl, "priority", priority, "type", item->type, "regions",
		json_array_size(regions) ? json_deep_copy(regions) : json_pack("[s]", "global"),
		"system_record", item->system, "created_at",
		dnsimple_time(item->body, "created_on"), "updated_at",
		dnsimple_time(item->body, "modified_on"));
}

static json_t *show_body(const struct dnsimple_zone *z, const char *id, const json_t *body)
{
	char name[DNSIMPLE_NAME];
	const char *within =
		dnsimple_within(z, (char *)dnsimple_domain(text_of(body, "name"), name));
	struct dnsimple_item item = {
		.number = dnsimple_number(id),
		.id = id,
		.name = within ? within : name,
		.type = text_of(body, "type"),
		.content = text_of(body, "content"),
		.body = body,
	};

	return dnsimple_show_record(&item, z);
}

/* --- what a request says of a record --- */

/* "www" of a request is www.ZONE; "" is the zone itself. */
static json_t *whole_name(const struct dnsimple_zone *z, const char *name)
{
	return *name ? json_sprintf("%s.%s", name, z->name) : json_string(z->name);
}

static bool is_host_name(const char *type)
{
	static const char *const types[] = { "ALIAS", "CNAME", "MX", "NS", "POOL", "PTR" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* Host names are kept without their final dot. */
static json_t *kept_content(const char *type, json_t *content)
{
	const char *s = json_string_value(content);
	size_t n = s ? strlen(s) : 0;

	return is_host_name(type) && n > 1 && s[n - 1] == '.' ? json_stringn(s, n - 1)
							      : json_incref(content);
}

/* Takes over into body what a request says. False: *errors. */
static bool take_fields(const struct dnsimple_zone *z, const json_t *from, json_t *body,
			json_t **errors)
{
	json_t *name = json_object_get(from, "name"), *content = json_object_get(from, "content");
	static const char *const keys[] = { "ttl", "priority", "regions" };

	if (name && !json_is_string(name)) {
		*errors = dnsimple_invalid("name", "must be a text");
		return false;
	}
	if (name && json_string_length(name) + strlen(z->name) + 1 >= DNSIMPLE_NAME) {
		*errors = dnsimple_invalid("name", "is longer than a domain name may be");
		return false;
	}
	if (name)
		json_object_set_new(body, "name", whole_name(z, json_string_value(name)));
	if (content)
		json_object_set_new(body, "content", kept_content(text_of(body, "type"), content));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(from, keys[i]);

		if (json_is_null(v))
			json_object_del(body, keys[i]);
		else if (v)
			json_object_set(body, keys[i], v);
	}
	if (number_of(body, "ttl", 0) == 1) { /* a word of the model's for something else */
		*errors = dnsimple_invalid("ttl", "must be 0 or from 2 to 604800");
		return false;
	}
	return true;
}

static bool is_blank(const json_t *from, const char *key, const char *field, json_t **errors)
{
	const json_t *v = json_object_get(from, key);

	if (v && !json_is_null(v))
		return false;
	*errors = dnsimple_invalid(field, "can't be blank");
	return true;
}

static void touch(struct api_request *r, json_t *body, const char *key)
{
	char now[32];

	json_object_set_new(body, key, json_string(api_time(r->now_ms, 6, now)));
}

bool dnsimple_make_record(struct dnsimple_edit *e, const json_t *from, json_t **shown)
{
	char id[DNSIMPLE_ID];
	json_t *body;

	e->status = 400;
	if (is_blank(from, "name", "name", &e->errors) ||
	    is_blank(from, "type", "record_type", &e->errors) ||
	    is_blank(from, "content", "content", &e->errors))
		return false;
	dnsimple_new_id(e->r, "record", id);
	body = json_pack("{s:s, s:O}", "id", id, "type", json_object_get(from, "type"));
	if (!take_fields(e->zone, from, body, &e->errors)) {
		json_decref(body);
		return false;
	}
	if (!json_object_get(body, "ttl"))
		json_object_set_new(body, "ttl", json_integer(DNSIMPLE_TTL));
	if (has_priority(text_of(body, "type")) && !json_object_get(body, "priority") &&
	    !isdigit((unsigned char)*text_of(body, "content")))
		json_object_set_new(body, "priority", json_integer(0));
	touch(e->r, body, "created_on");
	touch(e->r, body, "modified_on");
	*shown = show_body(e->zone, id, body);
	api_change(e->r, "record", id, body);
	return true;
}

const struct dnsimple_item *dnsimple_find_record(struct dnsimple_edit *e, json_int_t number)
{
	char text[64], id[DNSIMPLE_ID];
	const json_t *body;

	if (dnsimple_id_of(number, id)) {
		body = weir_agent_object(e->r->agent, "record", id);
		if (body && take_item(e->zone, e->list.arena, weir_arena_strdup(e->list.arena, id),
				      body, &e->one))
			return &e->one;
	}
	if (!e->list.n)
		dnsimple_list_records(e->r, e->zone, &e->list);
	for (size_t i = 0; i < e->list.n; i++)
		if (e->list.items[i].number == number)
			return &e->list.items[i];
	snprintf(text, sizeof(text), "Record `%lld` not found", (long long)number);
	e->errors = json_pack("{s:s}", "message", text);
	e->status = 404;
	return NULL;
}

/* One that can be changed, and is not changed yet. */
static const struct dnsimple_item *find_free(struct dnsimple_edit *e, json_int_t number)
{
	const struct dnsimple_item *item = dnsimple_find_record(e, number);

	if (!item)
		return NULL;
	e->status = 400;
	if (item->system)
		e->errors = json_pack("{s:s}", "message",
				      "This record is of the zone itself and cannot be changed");
	else if (json_object_get(e->touched, item->id))
		e->errors = dnsimple_invalid("id", "is there twice");
	else
		json_object_set_new(e->touched, item->id, json_true());
	return e->errors ? NULL : item;
}

bool dnsimple_edit_record(struct dnsimple_edit *e, json_int_t number, const json_t *from,
			  json_t **shown)
{
	const char *type = json_string_value(json_object_get(from, "type"));
	const struct dnsimple_item *item = find_free(e, number);
	json_t *body;

	if (!item)
		return false;
	if (type && strcmp(type, item->type) != 0) {
		e->errors = dnsimple_invalid("record_type", "cannot be changed");
		return false;
	}
	body = json_deep_copy(item->body);
	if (!take_fields(e->zone, from, body, &e->errors)) {
		json_decref(body);
		return false;
	}
	touch(e->r, body, "modified_on");
	*shown = show_body(e->zone, item->id, body);
	api_change(e->r, "record", item->id, body);
	return true;
}

bool dnsimple_drop_record(struct dnsimple_edit *e, json_int_t number)
{
	const struct dnsimple_item *item = find_free(e, number);

	if (item)
		api_change(e->r, "record", item->id, NULL);
	return item;
}
