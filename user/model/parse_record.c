/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_record.c - DNS records, and which of them may share a name. */
#include "model/parse.h"
#include "model/rdata.h"

#include <string.h>

#define MAX_RECORDS   1000000
#define COMMENT_BYTES 500
#define AUTOMATIC_TTL 300 /* what the API's ttl 1 means */
#define TYPE_BYTES    20
#define CONTENT_BYTES 32768
#define MAX_REGIONS   64

/* Types whose content is an address or a name, or that are not of the DNS. */
static const struct {
	const char *word;
	uint16_t type;
} own_types[] = {
	{ "A", WEIR_RECORD_A },         { "AAAA", WEIR_RECORD_AAAA },
	{ "CNAME", WEIR_RECORD_CNAME }, { "POOL", WEIR_RECORD_POOL },
	{ "ALIAS", WEIR_RECORD_ALIAS },
};

static bool take_type(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, TYPE_BYTES, &s))
		return false;
	for (size_t i = 0; i < WEIR_COUNT(own_types); i++) {
		if (strcmp(s, own_types[i].word) == 0) {
			*(uint16_t *)out = own_types[i].type;
			return true;
		}
	}
	if (strcmp(s, "SOA") == 0)
		return weir_at_fail(at, "SOA is made of what zones say");
	return weir_rdata_known(s, out) ||
	       weir_at_fail(
		       at,
		       "%s is not a type of records here: A, AAAA, ALIAS, CAA, CERT, CNAME, DS, "
		       "HINFO, HTTPS, LOC, MX, NAPTR, NS, OPENPGPKEY, POOL, PTR, SMIMEA, SPF, "
		       "SRV, SSHFP, SVCB, TLSA, TXT or URI",
		       weir_quote(at->p, s));
}

static bool is_alias(const struct weir_record *r)
{
	return r->type == WEIR_RECORD_CNAME || r->type == WEIR_RECORD_POOL ||
	       r->type == WEIR_RECORD_ALIAS;
}

static bool is_address(const struct weir_record *r)
{
	return r->type == WEIR_RECORD_A || r->type == WEIR_RECORD_AAAA;
}

/* "10" of priority and "mail.example.com" of content are one content. */
static bool take_text(const struct weir_at *at, const json_t *priority, const char **out)
{
	const char *s;

	if (!weir_take_string(at, CONTENT_BYTES, &s))
		return false;
	*out = json_is_integer(priority)
		       ? weir_arena_printf(at->p->arena, "%lld %s",
					   (long long)json_integer_value(priority), s)
		       : s;
	return true;
}

static bool take_rdata(const struct weir_at *at, struct weir_record *r)
{
	const char *type = json_string_value(json_object_get(at->up->v, "type")), *text, *why;
	const uint8_t *bytes;
	size_t n;

	if (!at->p->rdata)
		at->p->rdata = weir_rdata_new();
	if (!take_text(at, json_object_get(at->up->v, "priority"), &text))
		return false;
	bytes = weir_rdata_read(at->p->rdata, type, text, &n, &why);
	if (!bytes)
		return weir_at_fail(at, "%s is not the content of %s: %s", weir_quote(at->p, text),
				    type, why);
	r->rdata = memcpy(weir_arena_alloc(at->p->arena, n, 1), bytes, n);
	r->rdata_bytes = (uint16_t)n;
	return true;
}

static bool take_content(const struct weir_at *at, struct weir_record *r)
{
	if (!at->v || json_is_null(at->v))
		return weir_at_fail(at->up, "content is missing");
	if (is_alias(r))
		return weir_take_domain(at, &r->target);
	if (!is_address(r))
		return take_rdata(at, r);
	if (!weir_take_addr(at, &r->addr))
		return false;
	return weir_addr_is_v4(&r->addr) == (r->type == WEIR_RECORD_A) ||
	       weir_at_fail(at, "%s must be an %s address", json_string_value(at->v),
			    r->type == WEIR_RECORD_A ? "IPv4" : "IPv6");
}

/* The monitor itself is looked for when a pool is made of the records. */
static bool take_monitor(const struct weir_at *at, void *record)
{
	struct weir_record *r = record;
	const char *id;

	r->monitored = true;
	return weir_take_id(at, &id);
}

static bool take_site(const struct weir_at *at, void *out)
{
	return weir_take_id(at, out);
}

static bool take_regions(const struct weir_at *at, void *record)
{
	struct weir_record *r = record;

	return weir_take_list(at, 0, MAX_REGIONS, sizeof(*r->regions), take_site, &r->regions,
			      &r->n_regions);
}

static bool take_settings(const struct weir_at *at, void *record)
{
	static const struct weir_field fields[] = {
		WEIR_BOOL(weir_record, ipv4_only, false),
		WEIR_BOOL(weir_record, ipv6_only, false),
		WEIR_BOOL(weir_record, flatten_cname, false),
	};
	struct weir_record *r = record;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), r))
		return false;
	return !r->ipv4_only || !r->ipv6_only ||
	       weir_at_fail_key(at, "ipv6_only", "cannot be with ipv4_only");
}

/* What only packets know, and what they do not. */
static bool check_use(const struct weir_at *at, const struct weir_record *r)
{
	static const char *const keys[] = { "listeners", "vips", "forwarding" };
	struct weir_at settings = weir_at_key(at, "settings");

	if (r->proxied && !is_address(r) && r->type != WEIR_RECORD_CNAME)
		return weir_at_fail_key(
			at, "proxied",
			"is for A, AAAA and CNAME records; others are answered by DNS alone");
	if (r->monitored && r->type != WEIR_RECORD_POOL)
		return weir_at_fail_key(at, "monitor",
					"is for POOL records; put others into a pool");
	if (r->proxied && r->name[0] == '*')
		return weir_at_fail_key(at, "proxied", "is for one name, not for %s", r->name);
	for (size_t i = 0; !r->proxied && i < WEIR_COUNT(keys); i++) {
		const json_t *v = json_object_get(at->v, keys[i]);

		if (v && !json_is_null(v))
			return weir_at_fail_key(at, keys[i],
						"%s is for proxied records; set proxied: true or "
						"leave it out",
						keys[i]);
	}
	if (!r->proxied && (r->ipv4_only || r->ipv6_only))
		weir_at_note(&settings, "limits which VIPs are answered, and this record is not "
					"proxied");
	if (r->flatten_cname)
		weir_at_note(&settings, "a CNAME is answered as it is written");
	if (r->private_routing)
		weir_at_note(at,
			     "private_routing is stored: packets go where this machine's routes "
			     "say");
	return true;
}

/* What the name of a zone cannot have. */
static bool check_apex(const struct weir_at *at, const struct weir_record *r)
{
	if (r->type == WEIR_RECORD_NS)
		return weir_at_fail_key(at, "type", "the NS of a zone itself are said by zones");
	if ((r->type == WEIR_RECORD_CNAME || r->type == WEIR_RECORD_POOL) && !r->proxied)
		return weir_at_fail_key(at, "type",
					"the name of a zone cannot be an alias (CNAME "
					"or POOL); ALIAS can be there");
	return r->type != WEIR_RECORD_DS ||
	       weir_at_fail_key(at, "type", "the DS of a zone are its parent's records");
}

static bool check_record(const struct weir_at *at, struct weir_record *r)
{
	struct weir_at content = weir_at_key(at, "content");
	const struct weir_zone_conf *z = weir_zone_of(at->p, r->name);

	if (!take_content(&content, r) || !check_use(at, r))
		return false;
	if (r->weight && r->type != WEIR_RECORD_POOL)
		return weir_at_fail_key(at, "weight", "is for POOL records only");
	if (!z)
		return weir_at_fail_key(at, "name", "%s is in none of the zones",
					weir_quote(at->p, r->name));
	if (strcmp(z->name, r->name) == 0 && !check_apex(at, r))
		return false;
	if (is_alias(r) && strcmp(r->target, r->name) == 0)
		return weir_at_fail_key(at, "content", "a name cannot be an alias of itself");
	r->weight += r->type == WEIR_RECORD_POOL && !r->weight;
	if (r->ttl == 1)
		r->ttl = AUTOMATIC_TTL;
	return true;
}

static bool take_record(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_IGNORED("id"),
		WEIR_TAKEN(weir_record, type, take_type, true),
		WEIR_TAKEN(weir_record, name, weir_take_owner, true),
		WEIR_IGNORED("content"), /* check_record() */
		WEIR_INT(weir_record, priority, 0, 65535, 0),
		WEIR_CUSTOM("regions", take_regions),
		WEIR_INT(weir_record, ttl, 0, 604800, AUTOMATIC_TTL),
		WEIR_INT(weir_record, weight, 1, 65535, 0),
		WEIR_CUSTOM("monitor", take_monitor),
		WEIR_BOOL(weir_record, proxied, false),
		WEIR_IGNORED("listeners"), /* parse_proxied.c */
		WEIR_IGNORED("vips"),
		WEIR_IGNORED("forwarding"),
		WEIR_TEXT(weir_record, comment, COMMENT_BYTES, ""),
		WEIR_CUSTOM("tags", weir_take_tags),
		WEIR_BOOL(weir_record, private_routing, false),
		WEIR_CUSTOM("settings", take_settings),
		WEIR_IGNORED("proxiable"),
		WEIR_IGNORED("meta"),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_IGNORED("comment_modified_on"),
		WEIR_IGNORED("tags_modified_on"),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), item) && check_record(at, item);
}

static const char *type_word(const struct weir_at *at)
{
	return json_string_value(json_object_get(at->v, "type"));
}

/* An answer by itself: nothing else can be at its name. */
static bool is_lone(const struct weir_record *r)
{
	return r->type == WEIR_RECORD_CNAME || r->type == WEIR_RECORD_POOL;
}

/* Of two records of a name that cannot share it, unless they are a pool together. */
static bool check_pair(const struct weir_at *at, const struct weir_record *r,
		       const struct weir_record *first, uint32_t nth)
{
	struct weir_at other = weir_at_item(at->up, nth);

	if (r->type != first->type)
		return weir_at_fail_key(at, "type",
					"%s cannot share the name %s with records[%u], %s",
					type_word(at), r->name, nth, type_word(&other));
	return r->type == WEIR_RECORD_POOL ||
	       weir_at_fail_key(at, "name", "%s has %s already: records[%u]", r->name,
				r->type == WEIR_RECORD_CNAME ? "a CNAME" : "an ALIAS", nth);
}

/* The first records by name, by name of those that say where it is, by name and type, and by all
 * that makes one. */
struct sets {
	struct weir_index names, places, types, all;
	uint32_t *first; /* for each record: the first one of its name and type */
};

static bool check_neighbours(const struct weir_at *at, const struct weir_record *records,
			     struct sets *s)
{
	const struct weir_record *r = &records[at->index];
	uint32_t nth = at->index;

	if (!weir_index_add(&s->names, r->name, strlen(r->name), &nth) &&
	    (is_lone(r) || is_lone(&records[nth])))
		return check_pair(at, r, &records[nth], nth);
	nth = at->index;
	if ((is_alias(r) || is_address(r)) &&
	    !weir_index_add(&s->places, r->name, strlen(r->name), &nth) &&
	    (is_alias(r) || is_alias(&records[nth])))
		return check_pair(at, r, &records[nth], nth);
	return true;
}

/* What tells a record from others of its name and type. */
static const char *content_of(const struct weir_at *at, const struct weir_record *r,
			      char text[WEIR_ADDR_TEXT])
{
	const char *s = json_string_value(json_object_get(at->v, "content"));
	const json_t *priority = json_object_get(at->v, "priority");

	if (is_address(r))
		return weir_addr_text(&r->addr, text);
	if (r->target)
		return r->target;
	return json_is_integer(priority)
		       ? weir_arena_printf(at->p->arena, "%lld %s",
					   (long long)json_integer_value(priority), s)
		       : s;
}

static bool add_to_sets(const struct weir_at *at, struct weir_record *records, struct sets *s)
{
	struct weir_record *r = &records[at->index], *first;
	uint32_t same = at->index;
	char text[WEIR_ADDR_TEXT];
	const char *content = content_of(at, r, text);
	char *set = weir_arena_printf(at->p->arena, "%d %s", r->type, r->name);
	char *all = weir_arena_printf(at->p->arena, "%s %s", set, content);

	if (!check_neighbours(at, records, s))
		return false;
	if (!weir_index_add(&s->all, all, strlen(all), &same))
		return weir_at_fail_key(at, "content", "%s is records[%u] already", content, same);
	s->first[at->index] = at->index;
	weir_index_add(&s->types, set, strlen(set), &s->first[at->index]);
	first = &records[s->first[at->index]];
	if (r->ttl != first->ttl) {
		struct weir_at ttl = weir_at_key(at, "ttl");

		weir_at_note(
			&ttl,
			"differs from that of records[%u], and records of one name and type are "
			"answered with one ttl: the smallest of theirs",
			s->first[at->index]);
		first->ttl = r->ttl < first->ttl ? r->ttl : first->ttl;
	}
	return true;
}

bool weir_take_records(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	struct weir_record *records;
	struct sets s;

	if (!weir_take_list(at, 0, MAX_RECORDS, sizeof(*m->records), take_record, &m->records,
			    &m->n_records))
		return false;
	weir_index_init(&s.names, m->n_records, at->p->arena);
	weir_index_init(&s.places, m->n_records, at->p->arena);
	weir_index_init(&s.types, m->n_records, at->p->arena);
	weir_index_init(&s.all, m->n_records, at->p->arena);
	s.first = weir_arena_new_array(at->p->arena, m->n_records, uint32_t);
	records = (struct weir_record *)m->records;
	for (uint32_t i = 0; i < m->n_records; i++) {
		struct weir_at item = weir_at_item(at, i);

		if (!add_to_sets(&item, records, &s))
			return false;
	}
	for (uint32_t i = 0; i < m->n_records; i++)
		records[i].ttl = records[s.first[i]].ttl;
	return weir_make_proxied(at);
}
