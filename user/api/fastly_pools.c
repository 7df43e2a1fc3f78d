/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_pools.c - a pool of the active version and its servers as a pool of the model, and its
 * healthcheck as a monitor. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/fastly_make.h"
#include "weir/abi.h"

#define MAX_WINDOW    64
#define MAX_TIMEOUT   60000
#define MIN_TIMEOUT   50
#define SHOWN         32 /* bytes of a pool's name in the model's */
#define POOL_NAME_MAX (SHOWN + 1 + FASTLY_ID)

/* A number, also of a text. */
static long long number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? atoll(json_string_value(v)) : json_integer_value(v);
}

/* --- a healthcheck of a pool --- */

static json_t *headers_of(const struct making *m, const json_t *check)
{
	json_t *out = json_object(), *line;
	size_t i;

	json_array_foreach(json_object_get(check, "headers"), i, line)
	{
		const char *s = json_string_value(line);
		size_t n = strcspn(s, ":");
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)n, s);
		if (strcasecmp(name, "User-Agent") == 0) {
			making_note(m, "healthcheck '%s': probes have a User-Agent of their own",
				    making_text(check, "name"));
			continue;
		}
		if (!json_object_get(out, name))
			json_object_set_new(out, name, json_array());
		s += n + 1;
		json_array_append_new(json_object_get(out, name), json_string(s + strspn(s, " ")));
	}
	return out;
}

static long long at_most(long long n, long long most)
{
	return n < most ? n : most;
}

static void make_monitor(const struct making *m, const json_t *pool, const json_t *check)
{
	long long interval = number_of(check, "check_interval");
	long long timeout = at_most(at_most(number_of(check, "timeout"), interval), MAX_TIMEOUT);
	long long window = at_most(number_of(check, "window"), MAX_WINDOW), threshold;
	char code[16];

	if (number_of(check, "window") > MAX_WINDOW)
		making_note(m, "healthcheck '%s': %d results are kept at most",
			    making_text(check, "name"), MAX_WINDOW);
	if (strcmp(making_text(check, "http_version"), "1.1") != 0)
		making_note(m, "healthcheck '%s': probes speak HTTP/1.1",
			    making_text(check, "name"));
	window += !window;
	threshold = at_most(number_of(check, "threshold"), window);
	snprintf(code, sizeof(code), "%lld", number_of(check, "expected_response"));
	making_want(
		m, "monitor", making_text(pool, "id"),
		json_pack("{s:s, s:s+++, s:s, s:s, s:s, s:s, s:f, s:f, s:i, s:I, s:I, s:I, s:o}",
			  "id", making_text(pool, "id"), "description", "Fastly healthcheck ",
			  making_text(check, "name"), " of pool ", making_text(pool, "name"),
			  "type", number_of(pool, "use_tls") ? "https" : "http", "method",
			  making_text(check, "method"), "path", making_text(check, "path"),
			  "expected_codes", code, "interval", (double)interval / 1e3, "timeout",
			  (double)(timeout < MIN_TIMEOUT ? MIN_TIMEOUT : timeout) / 1e3, "retries",
			  0, "window", window, "threshold", threshold + !threshold, "initial",
			  at_most(number_of(check, "initial"), window), "header",
			  headers_of(m, check)));
}

/* False: there is no healthcheck of the name that the pool has. */
static bool make_check(const struct making *m, const json_t *pool, json_t *body,
		       const json_t **check)
{
	const char *name = json_string_value(json_object_get(pool, "healthcheck"));

	*check = name ? json_object_get(json_object_get(m->version, "healthchecks"), name) : NULL;
	if (name && !*check)
		return weir_err_set(m->why, "",
				    "Pool '%s' has the healthcheck '%s', which there "
				    "is not in this version",
				    making_text(pool, "name"), name);
	if (!*check)
		return true;
	make_monitor(m, pool, *check);
	json_object_set(body, "monitor", json_object_get(pool, "id"));
	return true;
}

/* --- a pool --- */

static json_t *origin_of(const json_t *server, const json_t *pool, const json_t *check)
{
	const char *host = making_text(server, "override_host");
	long long most = number_of(server, "max_conn");
	json_t *o;

	if (!*host)
		host = making_text(pool, "override_host");
	if (!*host)
		host = making_text(check, "host");
	if (!most)
		most = number_of(pool, "max_conn_default");
	o = json_pack("{s:s, s:s, s:I, s:f, s:b, s:I}", "name", making_text(server, "id"),
		      "address", making_text(server, "address"), "port",
		      (json_int_t)number_of(server, "port"), "weight",
		      (double)number_of(server, "weight") / 100, "enabled",
		      !json_is_true(json_object_get(server, "disabled")), "max_conn",
		      (json_int_t)at_most(most, WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS));
	if (*host)
		json_object_set_new(o, "header", json_pack("{s:[s]}", "Host", host));
	return o;
}

/* What its TLS is, for the probe. */
static void set_tls(const json_t *pool, json_t *body)
{
	static const char *const keys[] = { "tls_cert_hostname", "tls_sni_hostname",
					    "tls_ciphers",       "tls_ca_cert",
					    "tls_client_cert",   "tls_client_key",
					    "min_tls_version",   "max_tls_version" };
	bool checks = number_of(pool, "tls_check_cert");

	if (!number_of(pool, "use_tls"))
		return;
	json_object_set_new(body, "tls_check_cert", json_boolean(checks));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (*making_text(pool, keys[i]) &&
		    (checks ||
		     (strcmp(keys[i], "tls_ca_cert") && strcmp(keys[i], "tls_cert_hostname"))))
			json_object_set(body, keys[i], json_object_get(pool, keys[i]));
}

/* What has no effect on packets, or another one than at the vendor's. */
static void note_pool(const struct making *m, const json_t *pool)
{
	const char *name = making_text(pool, "name");

	if (*making_text(pool, "shield"))
		making_note(m, "pool '%s': shield is stored: there is no second tier", name);
	if (*making_text(pool, "request_condition"))
		making_note(
			m,
			"pool '%s': request_condition is stored, and no packet shows whether it "
			"holds: this pool is not chosen",
			name);
	if (strcmp(making_text(pool, "type"), "hash") == 0)
		making_note(
			m,
			"pool '%s': hash is by connection (addresses and ports): URLs are not in "
			"packets",
			name);
	if (number_of(pool, "connect_timeout") != 1000 ||
	    number_of(pool, "first_byte_timeout") != 15000 ||
	    number_of(pool, "between_bytes_timeout") != 10000)
		making_note(
			m,
			"pool '%s': its timeouts are stored: probes have that of the healthcheck, and "
			"connections go past this balancer",
			name);
}

static void model_name(const json_t *pool, char out[POOL_NAME_MAX])
{
	snprintf(out, POOL_NAME_MAX, "%.*s-%s", SHOWN, making_text(pool, "name"),
		 making_text(pool, "id"));
	for (char *c = out; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			*c = '_';
}

bool making_pool(const struct making *m, const json_t *pool)
{
	json_t *servers = fastly_servers_of(m->r, making_text(pool, "id"), m->instead), *server;
	json_t *origins, *body;
	const json_t *check;
	char name[POOL_NAME_MAX];
	size_t i;

	note_pool(m, pool);
	if (!json_array_size(servers)) {
		making_note(m, "pool '%s' has no servers", making_text(pool, "name"));
		json_decref(servers);
		return true;
	}
	model_name(pool, name);
	origins = json_array();
	body = json_pack("{s:s, s:s, s:s+++, s:I, s:{s:s}, s:o}", "id", making_text(pool, "id"),
			 "name", name, "description", "Fastly pool ", making_text(pool, "name"),
			 " of service ", m->service_id, "quorum",
			 (json_int_t)number_of(pool, "quorum"), "origin_steering", "policy",
			 strcmp(making_text(pool, "type"), "client") ? "random" : "hash", "origins",
			 origins);
	if (!make_check(m, pool, body, &check)) {
		json_decref(servers);
		json_decref(body);
		return false;
	}
	json_array_foreach(servers, i, server)
		json_array_append_new(origins, origin_of(server, pool, check));
	json_decref(servers);
	set_tls(pool, body);
	making_want(m, "pool", making_text(pool, "id"), body);
	return true;
}
