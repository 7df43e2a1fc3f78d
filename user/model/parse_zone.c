/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_zone.c - zones: the domains this balancer's DNS answers for. */
#include "model/parse.h"

#include <string.h>

#define MAX_ZONES   16384
#define MAX_NS      16
#define MAX_ALLOWED 256
#define MAX_KEYS    16
#define MAX_NOTIFY  16
#define MAX_TIME    0x7fffffff /* RFC 2181, 8 */
#define RNAME       "hostmaster."

#define DAY             86400
#define WEEK            (7 * DAY)
#define DS_TTL          DAY
#define PROPAGATION     300
#define MAX_SIGNED_NAME 200 /* so that a file can be named after it */

bool weir_take_name_servers(const struct weir_at *at, const char ***out, uint32_t *n)
{
	return weir_take_list(at, 1, MAX_NS, sizeof(**out), weir_take_domain, out, n);
}

static bool take_ns(const struct weir_at *at, void *zone)
{
	struct weir_zone_conf *z = zone;

	return weir_take_name_servers(at, &z->ns, &z->n_ns);
}

static bool take_rname(const struct weir_at *at, void *out)
{
	if (json_is_string(at->v) && strchr(json_string_value(at->v), '@'))
		return weir_at_fail(at, "is written with dots: hostmaster@example.com is "
					"hostmaster.example.com");
	return weir_take_domain(at, out);
}

/* --- transfer --- */

static bool take_allowed(const struct weir_at *at, void *transfer)
{
	struct weir_transfer_conf *t = transfer;

	return weir_take_list(at, 1, MAX_ALLOWED, sizeof(*t->allow), weir_take_prefix, &t->allow,
			      &t->n_allow);
}

static bool take_key(const struct weir_at *at, void *out)
{
	const struct weir_dns_conf *dns = &at->p->model->agent.dns;
	const char *name;

	if (!weir_take_domain(at, &name))
		return false;
	for (uint32_t i = 0; i < dns->n_tsig_keys; i++) {
		if (strcmp(dns->tsig_keys[i].name, name) == 0) {
			*(const struct weir_tsig_key **)out = &dns->tsig_keys[i];
			return true;
		}
	}
	return weir_at_fail(at, "%s is none of agent.dns.tsig_keys", weir_quote(at->p, name));
}

static bool take_keys(const struct weir_at *at, void *transfer)
{
	struct weir_transfer_conf *t = transfer;

	return weir_take_list(at, 1, MAX_KEYS, sizeof(*t->keys), take_key, &t->keys, &t->n_keys);
}

static bool take_notify(const struct weir_at *at, void *transfer)
{
	struct weir_transfer_conf *t = transfer;

	return weir_take_list(at, 1, MAX_NOTIFY, sizeof(*t->notify), weir_take_socket_once,
			      &t->notify, &t->n_notify);
}

static bool take_transfer(const struct weir_at *at, void *zone)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("allow", take_allowed),
		WEIR_CUSTOM("keys", take_keys),
		WEIR_CUSTOM("notify", take_notify),
		WEIR_BOOL(weir_transfer_conf, pooled, false),
	};
	struct weir_transfer_conf *t = &((struct weir_zone_conf *)zone)->transfer;

	return weir_take_fields(at, fields, WEIR_COUNT(fields), t) &&
	       (t->n_allow || t->n_keys ||
		weir_at_fail(at, "needs allow (addresses), keys, or both: who may take the zone"));
}

/* What a zone's file says is not said by the document, too. */
static bool check_file(const struct weir_at *at, struct weir_zone_conf *z)
{
	static const char *const keys[] = { "ns",    "mname",  "rname",   "serial", "refresh",
					    "retry", "expire", "minimum", "ttl" };

	if (!z->file && !z->n_ns) {
		z->ns = at->p->model->agent.dns.name_servers;
		z->n_ns = at->p->model->agent.dns.n_name_servers;
	}
	if (!z->file)
		return z->n_ns ||
		       weir_at_fail(at, "ns is missing, and so is agent.dns.name_servers");
	for (size_t i = 0; i < WEIR_COUNT(keys); i++)
		if (json_object_get(at->v, keys[i]))
			return weir_at_fail_key(at, keys[i],
						"is said by the zone's file: leave it out");
	return true;
}

static bool take_key_kind(const struct weir_at *at, void *dnssec)
{
	static const char *const words[] = { "csk", "zsk_ksk", NULL };
	struct weir_dnssec_conf *d = dnssec;
	unsigned word;

	if (!weir_take_word(at, words, &word))
		return false;
	d->split = word;
	return true;
}

static bool take_dnssec(const struct weir_at *at, void *zone)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("keys", take_key_kind),
		WEIR_INT(weir_dnssec_conf, ds_ttl, 1, WEEK, DS_TTL),
		WEIR_INT(weir_dnssec_conf, propagation, 0, DAY, PROPAGATION),
	};
	struct weir_zone_conf *z = zone;

	z->dnssec = (struct weir_dnssec_conf){ .on = true,
					       .ds_ttl = DS_TTL,
					       .propagation = PROPAGATION };
	if (!json_is_boolean(at->v))
		return weir_take_fields(at, fields, WEIR_COUNT(fields), &z->dnssec);
	z->dnssec.on = json_is_true(at->v);
	return true;
}

static bool check_dnssec(const struct weir_at *at, const struct weir_zone_conf *z)
{
	if (!z->dnssec.on)
		return true;
	return strlen(z->name) <= MAX_SIGNED_NAME ||
	       weir_at_fail_key(at, "dnssec", "is for names of at most %d bytes", MAX_SIGNED_NAME);
}

static bool take_active(const struct weir_at *at, void *zone)
{
	((struct weir_zone_conf *)zone)->off = json_is_false(at->v);
	return json_is_boolean(at->v) || weir_at_fail(at, "must be true or false");
}

static bool take_zone(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_IGNORED("id"),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_TAKEN(weir_zone_conf, name, weir_take_domain, true),
		WEIR_TAKEN(weir_zone_conf, file, weir_take_file, false),
		WEIR_CUSTOM("ns", take_ns),
		WEIR_CUSTOM("transfer", take_transfer),
		WEIR_TAKEN(weir_zone_conf, mname, weir_take_domain, false),
		WEIR_TAKEN(weir_zone_conf, rname, take_rname, false),
		WEIR_INT(weir_zone_conf, serial, 0, UINT32_MAX, 1),
		WEIR_INT(weir_zone_conf, refresh, 1, MAX_TIME, 3600),
		WEIR_INT(weir_zone_conf, retry, 1, MAX_TIME, 600),
		WEIR_INT(weir_zone_conf, expire, 1, MAX_TIME, 604800),
		WEIR_INT(weir_zone_conf, minimum, 0, MAX_TIME, 60),
		WEIR_INT(weir_zone_conf, ttl, 0, MAX_TIME, 3600),
		WEIR_CUSTOM("dnssec", take_dnssec),
		WEIR_CUSTOM("active", take_active),
	};
	struct weir_zone_conf *z = item;
	uint32_t nth = at->index;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), z))
		return false;
	if (!weir_index_add(&at->p->zones, z->name, strlen(z->name), &nth))
		return weir_at_fail_key(at, "name", "%s is zones[%u] already",
					weir_quote(at->p, z->name), nth);
	if (!check_file(at, z) || !check_dnssec(at, z))
		return false;
	if (z->file)
		return true;
	if (!z->mname)
		z->mname = z->ns[0];
	if (!z->rname && strlen(z->name) + strlen(RNAME) > 253)
		return weir_at_fail(at, "rname is missing (hostmaster.NAME would be too long)");
	if (!z->rname)
		z->rname = weir_arena_printf(at->p->arena, RNAME "%s", z->name);
	return true;
}

bool weir_take_zones(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	weir_index_init(&at->p->zones, n < MAX_ZONES ? (uint32_t)n : MAX_ZONES, at->p->arena);
	return weir_take_list(at, 0, MAX_ZONES, sizeof(*m->zones), take_zone, &m->zones,
			      &m->n_zones);
}

const struct weir_zone_conf *weir_zone_of(const struct weir_parse *p, const char *name)
{
	uint32_t i;

	for (;; name++) {
		if (weir_index_find(&p->zones, name, strlen(name), &i))
			return &p->model->zones[i];
		name = strchr(name, '.');
		if (!name)
			return NULL;
	}
}
