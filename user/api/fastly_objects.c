/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_objects.c - what a version is made of, by tables of fields. Wire types are the vendor's: a
 * pool has its numbers as texts, a healthcheck as numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/fastly_impl.h"
#include "api/fastly_fields.h"

#define COUNT(a) (sizeof(a) / sizeof(a[0]))

static const char *const pool_types[] = { "random", "hash", "client", NULL };
static const char *const condition_types[] = { "REQUEST", "CACHE", "RESPONSE", "PREFETCH", NULL };
static const char *const http_versions[] = { "1.0", "1.1", NULL };

#define MILLISECONDS 0, 3600000

static const struct fastly_field pool_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
	FASTLY_WORD_FIELD("type", "random", pool_types),
	FASTLY_DIGITS_FIELD("quorum", "75", 0, 100),
	FASTLY_MAYBE_FIELD("healthcheck"),
	FASTLY_MAYBE_FIELD("request_condition"),
	FASTLY_MAYBE_FIELD("shield"),
	FASTLY_MAYBE_FIELD("override_host"),
	FASTLY_DIGITS_FIELD("use_tls", "0", 0, 1),
	FASTLY_DIGITS_FIELD("tls_check_cert", "1", 0, 1),
	FASTLY_MAYBE_FIELD("tls_cert_hostname"),
	FASTLY_MAYBE_FIELD("tls_sni_hostname"),
	FASTLY_MAYBE_FIELD("tls_ciphers"),
	FASTLY_MAYBE_FIELD("tls_ca_cert"),
	FASTLY_MAYBE_FIELD("tls_client_cert"),
	FASTLY_MAYBE_FIELD("tls_client_key"),
	FASTLY_MAYBE_FIELD("min_tls_version"),
	FASTLY_MAYBE_FIELD("max_tls_version"),
	FASTLY_DIGITS_FIELD("connect_timeout", "1000", MILLISECONDS),
	FASTLY_DIGITS_FIELD("first_byte_timeout", "15000", MILLISECONDS),
	FASTLY_DIGITS_FIELD("between_bytes_timeout", "10000", MILLISECONDS),
	FASTLY_DIGITS_FIELD("max_conn_default", "200", 0, 1000000),
};

static const struct fastly_field healthcheck_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
	FASTLY_NUMBER_FIELD("check_interval", "15000", 1000, 3600000),
	FASTLY_NUMBER_FIELD("timeout", "5000", MILLISECONDS),
	FASTLY_NUMBER_FIELD("window", "5", 0, 1000000),
	FASTLY_NUMBER_FIELD("threshold", "3", 0, 1000000),
	FASTLY_NUMBER_FIELD("initial", "4", 0, 1000000),
	FASTLY_NUMBER_FIELD("expected_response", "200", 100, 999),
	FASTLY_TEXT_FIELD("method", "HEAD"),
	FASTLY_TEXT_FIELD("path", "/"),
	FASTLY_TEXT_FIELD("host", ""),
	FASTLY_WORD_FIELD("http_version", "1.1", http_versions),
	{ "headers", FASTLY_HEADERS, NULL, 0, 0, NULL },
};

static const struct fastly_field condition_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
	FASTLY_WORD_FIELD("type", "REQUEST", condition_types),
	FASTLY_TEXT_FIELD("statement", ""),
	FASTLY_DIGITS_FIELD("priority", "100", 0, 1000000),
};

static const struct fastly_field backend_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
	FASTLY_TEXT_FIELD("address", ""),
	FASTLY_NUMBER_FIELD("port", "80", 1, 65535),
	FASTLY_NUMBER_FIELD("weight", "100", 0, 100),
	FASTLY_NUMBER_FIELD("max_conn", "200", 0, 1000000),
	FASTLY_NUMBER_FIELD("connect_timeout", "1000", MILLISECONDS),
	FASTLY_NUMBER_FIELD("first_byte_timeout", "15000", MILLISECONDS),
	FASTLY_NUMBER_FIELD("between_bytes_timeout", "10000", MILLISECONDS),
	{ "keepalive_time", FASTLY_MAYBE_NUMBER, NULL, MILLISECONDS, NULL },
	FASTLY_BOOLEAN_FIELD("auto_loadbalance", "0"),
	FASTLY_BOOLEAN_FIELD("prefer_ipv6", "0"),
	FASTLY_BOOLEAN_FIELD("use_ssl", "0"),
	FASTLY_BOOLEAN_FIELD("ssl_check_cert", "1"),
	FASTLY_MAYBE_FIELD("ssl_cert_hostname"),
	FASTLY_MAYBE_FIELD("ssl_sni_hostname"),
	FASTLY_MAYBE_FIELD("ssl_hostname"),
	FASTLY_MAYBE_FIELD("ssl_ciphers"),
	FASTLY_MAYBE_FIELD("ssl_ca_cert"),
	FASTLY_MAYBE_FIELD("ssl_client_cert"),
	FASTLY_MAYBE_FIELD("ssl_client_key"),
	FASTLY_MAYBE_FIELD("client_cert"),
	FASTLY_MAYBE_FIELD("min_tls_version"),
	FASTLY_MAYBE_FIELD("max_tls_version"),
	FASTLY_MAYBE_FIELD("healthcheck"),
	FASTLY_MAYBE_FIELD("override_host"),
	FASTLY_MAYBE_FIELD("request_condition"),
	FASTLY_MAYBE_FIELD("share_key"),
	FASTLY_MAYBE_FIELD("shield"),
};

static const struct fastly_field director_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
	FASTLY_NUMBER_FIELD("type", "1", 1, 4),
	FASTLY_NUMBER_FIELD("quorum", "75", 0, 100),
	FASTLY_NUMBER_FIELD("retries", "5", 0, 1000),
	FASTLY_NUMBER_FIELD("capacity", "100", 0, 1000000),
	FASTLY_MAYBE_FIELD("shield"),
};

static const struct fastly_field domain_fields[] = {
	FASTLY_TEXT_FIELD("comment", ""),
};

/* A kind of objects: how a path, an error and a version call it. */
static const struct kind {
	const char *in_path, *word, *of;
	const struct fastly_field *fields;
	size_t n;
	bool text_version; /* the number of its version is a text */
	bool has_id;
} kinds[] = {
	{ "pool", "Pool", "pools", pool_fields, COUNT(pool_fields), true, true },
	{ "healthcheck", "Healthcheck", "healthchecks", healthcheck_fields,
	  COUNT(healthcheck_fields), false, false },
	{ "condition", "Condition", "conditions", condition_fields, COUNT(condition_fields), true,
	  false },
	{ "backend", "Backend", "backends", backend_fields, COUNT(backend_fields), false, false },
	{ "director", "Director", "directors", director_fields, COUNT(director_fields), false,
	  false },
	{ "domain", "Domain", "domains", domain_fields, COUNT(domain_fields), false, false },
};

const char *fastly_kind(size_t i)
{
	return i < COUNT(kinds) ? kinds[i].of : NULL;
}

/* service/{service}/version/{version}/KIND/... */
static const struct kind *kind_of(const struct api_request *r)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (r->n_segments > 4 && strcmp(r->segments[4], kinds[i].in_path) == 0)
			return &kinds[i];
	abort(); /* routes have no others */
}

/* --- shown --- */

static json_t *show(const struct fastly_at *at, const struct kind *k, const json_t *object)
{
	json_t *out = json_deep_copy(object);

	json_object_set_new(out, "service_id", json_string(at->service_id));
	json_object_set_new(out, "version",
			    k->text_version ? json_sprintf("%lld", (long long)at->number)
					    : json_integer(at->number));
	return out;
}

json_t *fastly_show_all(const struct fastly_at *at, const char *of)
{
	json_t *out = json_array(), *object;
	const char *name;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strcmp(kinds[i].of, of) != 0)
			continue;
		json_object_foreach(json_object_get(at->version, of), name, object)
			json_array_append_new(out, show(at, &kinds[i], object));
	}
	return out;
}

void fastly_list_objects(struct api_request *r)
{
	struct fastly_at at;

	if (fastly_find_version(r, &at))
		fastly_reply(r, fastly_show_all(&at, kind_of(r)->of));
}

/* The object of the path; NULL: it was refused. */
static const json_t *find(struct api_request *r, const struct fastly_at *at, const char *param,
			  const char *of, const char *word)
{
	const char *name = api_param(r, param);
	const json_t *object = json_object_get(json_object_get(at->version, of), name);

	if (!object)
		fastly_refuse_unknown(r, word, name);
	return object;
}

/* The object of the path, of a version that may be looked at or (draft) changed. NULL: it was
 * refused. */
static const json_t *find_own(struct api_request *r, struct fastly_at *at, bool draft)
{
	if (!(draft ? fastly_find_draft(r, at) : fastly_find_version(r, at)))
		return NULL;
	return find(r, at, "name", kind_of(r)->of, kind_of(r)->word);
}

void fastly_get_object(struct api_request *r)
{
	struct fastly_at at;
	const json_t *object = find_own(r, &at, false);

	if (object)
		fastly_reply(r, show(&at, kind_of(r), object));
}

/* --- changed --- */

static bool is_name(const char *s)
{
	if (!s || !*s || strlen(s) > FASTLY_NAME)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* A name that is free; NULL: it was refused. */
static const char *new_name(struct api_request *r, const struct fastly_at *at, char room[32])
{
	const struct kind *k = kind_of(r);
	const char *name = fastly_text(r->body, "name", room);

	if (!is_name(name)) {
		fastly_refuse(r, 400, "Name must be a text of 1 to %d characters", FASTLY_NAME);
		return NULL;
	}
	if (!json_object_get(json_object_get(at->version, k->of), name))
		return name;
	fastly_refuse(r, 409, "Duplicate %s: '%s'", k->in_path, name);
	return NULL;
}

/* What an address is: one of three fields says it again. */
static void set_address(json_t *backend)
{
	static const char *const keys[] = { "ipv4", "ipv6", "hostname" };
	const char *address = json_string_value(json_object_get(backend, "address"));
	union weir_addr addr;
	size_t is = 2;

	if (weir_addr_parse(address, &addr))
		is = weir_addr_is_v4(&addr) ? 0 : 1;
	for (size_t i = 0; i < COUNT(keys); i++)
		json_object_set_new(backend, keys[i], i == is ? json_string(address) : json_null());
}

static bool take(struct api_request *r, json_t *object)
{
	const struct kind *k = kind_of(r);
	struct weir_err err;

	if (!fastly_take_fields(k->fields, k->n, r->body, object, &err)) {
		fastly_refuse(r, 400, "%s %s", err.path, err.text);
		return false;
	}
	if (strcmp(k->in_path, "backend") == 0)
		set_address(object);
	return true;
}

/* Puts a version with this object (NULL: without it) into the changes. */
static void put(struct api_request *r, const struct fastly_at *at, const char *was,
		const char *name, json_t *object)
{
	json_t *version = fastly_touch(r, at->version), *of, *v, *renamed = json_object();
	const char *of_name = kind_of(r)->of, *key;

	of = json_object_get(version, of_name);
	json_object_foreach(of, key, v) /* in its place, also with another name */
	{
		if (!was || strcmp(key, was) != 0)
			json_object_set(renamed, key, v);
		else if (object)
			json_object_set(renamed, name, object);
	}
	if (!was)
		json_object_set(renamed, name, object);
	json_decref(object);
	json_object_set_new(version, of_name, renamed);
	api_change(r, "fastly_version", at->version_id, version);
}

void fastly_create_object(struct api_request *r)
{
	const struct kind *k = kind_of(r);
	char room[32], id[FASTLY_ID];
	struct fastly_at at;
	const char *name;
	json_t *object, *shown;

	if (!fastly_find_draft(r, &at))
		return;
	name = new_name(r, &at, room);
	if (!name)
		return;
	object = json_pack("{s:s, s:o, s:o, s:n}", "name", name, "created_at", fastly_now(r),
			   "updated_at", fastly_now(r), "deleted_at");
	fastly_new_id(id);
	if (k->has_id)
		json_object_set_new(object, "id", json_string(id));
	if (strcmp(k->in_path, "director") == 0)
		json_object_set_new(object, "backends", json_array());
	fastly_defaults(k->fields, k->n, object);
	if (!take(r, object)) {
		json_decref(object);
		return;
	}
	shown = show(&at, k, object);
	if (k->has_id && !json_object_get(r->body, "quorum")) /* a quirk of the vendor's */
		json_object_set_new(shown, "quorum", json_integer(75));
	put(r, &at, NULL, name, object);
	fastly_reply(r, shown);
}

void fastly_update_object(struct api_request *r)
{
	const struct kind *k = kind_of(r);
	const char *was = api_param(r, "name"), *name = was, *wish;
	struct fastly_at at;
	const json_t *object = find_own(r, &at, true);
	char room[32];
	json_t *copy;

	if (!object)
		return;
	wish = fastly_text(r->body, "name", room);
	if (wish && strcmp(wish, was) != 0 && strcmp(k->in_path, "director") != 0) {
		name = new_name(r, &at, room);
		if (!name)
			return;
	}
	copy = fastly_touch(r, object);
	json_object_set_new(copy, "name", json_string(name));
	if (!take(r, copy)) {
		json_decref(copy);
		return;
	}
	fastly_reply(r, show(&at, k, copy));
	put(r, &at, was, name, copy);
}

void fastly_delete_object(struct api_request *r)
{
	struct fastly_at at;
	const json_t *object = find_own(r, &at, true);

	if (!object)
		return;
	if (kind_of(r)->has_id)
		fastly_drop_servers(r, &at, json_string_value(json_object_get(object, "id")));
	put(r, &at, api_param(r, "name"), NULL, NULL);
	fastly_reply_ok(r);
}

/* --- backends of a director --- */

static bool has(const json_t *backends, const char *name, size_t *at)
{
	for (*at = 0; *at < json_array_size(backends); (*at)++)
		if (strcmp(json_string_value(json_array_get(backends, *at)), name) == 0)
			return true;
	return false;
}

static void show_link(struct api_request *r, const struct fastly_at *at, const json_t *director)
{
	fastly_reply(r, json_pack("{s:s, s:s, s:s, s:I, s:O, s:O, s:n}", "director",
				  api_param(r, "name"), "backend", api_param(r, "backend"),
				  "service_id", at->service_id, "version", at->number, "created_at",
				  json_object_get(director, "created_at"), "updated_at",
				  json_object_get(director, "updated_at"), "deleted_at"));
	json_object_set_new(r->reply, "backend_name", json_string(api_param(r, "backend")));
}

/* The director of the path, and that its backend is there, too. NULL: it was refused. */
static const json_t *find_link(struct api_request *r, struct fastly_at *at, bool draft)
{
	const json_t *director = find_own(r, at, draft);

	return director && find(r, at, "backend", "backends", "Backend") ? director : NULL;
}

void fastly_link(struct api_request *r)
{
	const char *name = api_param(r, "name"), *backend = api_param(r, "backend");
	struct fastly_at at;
	const json_t *director = find_link(r, &at, true);
	json_t *copy;
	size_t i;

	if (!director)
		return;
	if (has(json_object_get(director, "backends"), backend, &i)) {
		fastly_refuse(r, 409, "Duplicate director_backend: '%s'", backend);
		return;
	}
	copy = fastly_touch(r, director);
	json_array_append_new(json_object_get(copy, "backends"), json_string(backend));
	show_link(r, &at, copy);
	put(r, &at, name, name, copy);
}

void fastly_get_link(struct api_request *r)
{
	const char *backend = api_param(r, "backend");
	struct fastly_at at;
	const json_t *director = find_link(r, &at, false);
	size_t i;

	if (!director)
		return;
	if (has(json_object_get(director, "backends"), backend, &i))
		show_link(r, &at, director);
	else
		fastly_refuse_unknown(r, "DirectorBackend", backend);
}

void fastly_unlink(struct api_request *r)
{
	const char *name = api_param(r, "name"), *backend = api_param(r, "backend");
	struct fastly_at at;
	const json_t *director = find_own(r, &at, true);
	json_t *copy;
	size_t i;

	if (!director)
		return;
	if (!has(json_object_get(director, "backends"), backend, &i)) {
		fastly_refuse_unknown(r, "DirectorBackend", backend);
		return;
	}
	copy = fastly_touch(r, director);
	json_array_remove(json_object_get(copy, "backends"), i);
	put(r, &at, name, name, copy);
	fastly_reply_ok(r);
}
