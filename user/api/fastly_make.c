/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_make.c - the active version of a service as objects of the model: a pool and a monitor for
 * each pool with servers, and a load balancer for its domains. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/fastly_make.h"
#include "base/hash.h"

#define LB_NAME   512
#define ELSEWHERE "domain '%s' is in no zone of this balancer: make it an alias of '%s'"

void making_note(const struct making *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(m->notes, api_text(text));
}

void making_want(const struct making *m, const char *kind, const char *id, json_t *body)
{
	json_t *of = json_object_get(m->want, kind);

	if (!of) {
		of = json_object();
		json_object_set_new(m->want, kind, of);
	}
	json_object_set_new(of, id, body);
}

/* --- where DNS has a domain --- */

/* Whether a domain is below a zone, or (itself) is one. */
static bool is_of(const char *domain, const char *zone, bool itself)
{
	size_t n = strlen(domain), z = strlen(zone);

	z -= z && zone[z - 1] == '.';
	if (n < z || strncasecmp(domain + n - z, zone, z) != 0)
		return false;
	return n == z ? itself : domain[n - z - 1] == '.';
}

/* Whether it is of one of the zones; *first is any zone, NULL: there is none. */
static bool has_zone(const struct making *m, const char *domain, bool itself, const char **first)
{
	const json_t *zone;
	const char *id;

	*first = NULL;
	json_object_foreach((json_t *)weir_agent_objects(m->r->agent, "zone"), id, zone)
	{
		if (is_of(domain, making_text(zone, "name"), itself))
			return true;
		if (!*first)
			*first = making_text(zone, "name");
	}
	return false;
}

/* A domain whose DNS is elsewhere needs a name here that it can be an alias of, as at the vendor's.
 */
static void name_balancer(const struct making *m, const char *domain, char out[LB_NAME])
{
	const char *zone;

	if (has_zone(m, domain, true, &zone) || !zone) {
		snprintf(out, LB_NAME, "%s", domain);
		return;
	}
	snprintf(out, LB_NAME, "%s.%s", m->service_id, zone);
	for (char *c = out; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	making_note(m, ELSEWHERE, domain, out);
}

/* --- domains --- */

/* What takes connections that no pool may take, and drops them: Fastly refuses them. */
static void make_none(const struct making *m, const char *id, const json_t *pool)
{
	const json_t *first = json_array_get(json_object_get(pool, "origins"), 0);

	making_want(m, "pool", id,
		    json_pack("{s:s, s:s, s:s+, s:[{s:s, s:s, s:O, s:b}]}", "id", id, "name", id,
			      "description", "Nobody, when no pool can serve: Fastly service ",
			      m->service_id, "origins", "name", "none", "address",
			      making_text(first, "address"), "port", json_object_get(first, "port"),
			      "enabled", false));
}

static bool make_balancer(const struct making *m, const char *domain, char lb[LB_NAME])
{
	const json_t *was = weir_agent_object(m->r->agent, "load_balancer", m->service_id), *pool;
	json_t *pools = json_array(), *body, *vips;
	const char *name;
	char none[FASTLY_ID + 8];

	snprintf(none, sizeof(none), "%s-none", m->service_id);
	json_object_foreach(json_object_get(m->version, "pools"), name, pool)
	{
		if (!*making_text(pool, "request_condition") &&
		    json_object_get(json_object_get(m->want, "pool"), making_text(pool, "id")))
			json_array_append(pools, json_object_get(pool, "id"));
	}
	if (!json_array_size(pools)) {
		making_note(m, "no pool can be chosen: '%s' takes no connections", domain);
		json_decref(pools);
		return false;
	}
	make_none(m, none,
		  json_object_get(json_object_get(m->want, "pool"),
				  json_string_value(json_array_get(pools, 0))));
	body = was ? json_deep_copy(was) /* what operators added stays */
		   : json_pack("{s:s, s:b, s:s}", "id", m->service_id, "proxied", true,
			       "steering_policy", "off");
	vips = was ? NULL : api_free_vips(m->r, m->service_id);
	if (vips)
		json_object_set_new(body, "vips", vips);
	name_balancer(m, domain, lb);
	json_object_set_new(body, "name", json_string(lb));
	json_object_set_new(body, "description", json_sprintf("Fastly service %s", m->service_id));
	json_object_set_new(body, "default_pools", pools);
	json_object_set_new(body, "fallback_pool", json_string(none));
	making_want(m, "load_balancer", m->service_id, body);
	return true;
}

/* Packets do not show names: the other domains of a service are aliases of its first one. */
static void make_alias(const struct making *m, const char *domain, const char *first)
{
	char key[600], id[33];
	const char *zone;

	if (!has_zone(m, domain, false, &zone)) {
		making_note(m, ELSEWHERE, domain, first);
		return;
	}
	snprintf(key, sizeof(key), "%s %s", m->service_id, domain);
	snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64, weir_hash_bytes(1, key, strlen(key)),
		 weir_hash_bytes(2, key, strlen(key)));
	making_want(m, "record", id,
		    json_pack("{s:s, s:s, s:s, s:s}", "id", id, "type", "CNAME", "name", domain,
			      "content", first));
}

static void make_domains(const struct making *m)
{
	json_t *domains = json_object_get(m->version, "domains"), *v;
	const char *domain;
	char lb[LB_NAME] = "";

	if (!json_object_size(domains))
		making_note(
			m,
			"the version has no domain: its pools take connections only where another "
			"load balancer uses them");
	json_object_foreach(domains, domain, v)
	{
		if (*lb)
			make_alias(m, domain, lb);
		else if (!make_balancer(m, domain, lb))
			return;
	}
}

/* --- all --- */

static void note_version(const struct making *m)
{
	if (json_object_size(json_object_get(m->version, "backends")))
		making_note(m, "backends and directors are stored: connections go to pools");
	if (json_object_size(json_object_get(m->version, "conditions")))
		making_note(
			m, "conditions are stored: they are about HTTP, which packets do not show");
}

static bool make_all(struct making *m)
{
	json_t *pool;
	const char *name;

	note_version(m);
	json_object_foreach(json_object_get(m->version, "pools"), name, pool)
	{
		if (!making_pool(m, pool))
			return false;
	}
	make_domains(m);
	return true;
}

/* What there was and is to be no more goes; what is new or another comes. */
static json_t *change(struct making *m, const json_t *was)
{
	json_t *made = json_array(), *pair, *of, *body;
	const char *kind, *id;
	size_t i;

	json_array_foreach((json_t *)was, i, pair)
	{
		kind = json_string_value(json_array_get(pair, 0));
		id = json_string_value(json_array_get(pair, 1));
		if (!json_object_get(json_object_get(m->want, kind), id) &&
		    weir_agent_object(m->r->agent, kind, id))
			api_change(m->r, kind, id, NULL);
	}
	json_object_foreach(m->want, kind, of) json_object_foreach(of, id, body)
	{
		json_array_append_new(made, json_pack("[s, s]", kind, id));
		if (!json_equal(weir_agent_object(m->r->agent, kind, id), body))
			api_change(m->r, kind, id, json_incref(body));
	}
	return made;
}

bool fastly_make(struct api_request *r, json_t *service, const json_t *version,
		 const struct fastly_instead *instead, json_t *notes, struct weir_err *why)
{
	struct making m = {
		.r = r,
		.service_id = making_text(service, "id"),
		.version = version,
		.instead = instead,
		.notes = notes,
		.why = why,
		.want = json_object(),
	};
	bool ok = !version || make_all(&m);

	if (ok)
		json_object_set_new(service, "made", change(&m, json_object_get(service, "made")));
	json_decref(m.want);
	return ok;
}

char *fastly_join(const json_t *notes)
{
	char *text = NULL;
	size_t size, i;
	const json_t *note_;
	FILE *to;

	if (!json_array_size(notes))
		return NULL;
	to = open_memstream(&text, &size);
	if (!to)
		abort();
	json_array_foreach(notes, i, note_)
		fprintf(to, "%s%s", i ? "; " : "", json_string_value(note_));
	fclose(to);
	return text;
}
