/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_record.c - DNS records, and which of them may share a name. */
#include "model/parse.h"

#include <string.h>

#define MAX_RECORDS   1000000
#define AUTOMATIC_TTL 300 /* what the API's ttl 1 means */

/* A record on its way: content depends on type, whichever comes first. */
struct draft {
	struct weir_record r; /* first: offsets of fields are those of weir_record */
	bool proxied;
};

static bool take_type(const struct weir_at *at, void *out)
{
	static const char *const words[] = { "A", "AAAA", "CNAME", "POOL", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(enum weir_record_type *)out = (enum weir_record_type)i; /* the same order */
	return true;
}

static bool take_content(const struct weir_at *at, struct weir_record *r)
{
	if (!at->v || json_is_null(at->v))
		return weir_at_fail(at->up, "content is missing");
	if (r->type == WEIR_RECORD_CNAME || r->type == WEIR_RECORD_POOL)
		return weir_take_domain(at, &r->target);
	if (!weir_take_addr(at, &r->addr))
		return false;
	return weir_addr_is_v4(&r->addr) == (r->type == WEIR_RECORD_A) ||
	       weir_at_fail(at, "%s must be an %s address", json_string_value(at->v),
			    r->type == WEIR_RECORD_A ? "IPv4" : "IPv6");
}

static bool check_record(const struct weir_at *at, struct draft *d)
{
	struct weir_at content = weir_at_key(at, "content");
	struct weir_record *r = &d->r;
	const struct weir_zone_conf *z = weir_zone_of(at->p, r->name);
	bool alias = r->type == WEIR_RECORD_CNAME || r->type == WEIR_RECORD_POOL;

	if (!take_content(&content, r))
		return false;
	if (d->proxied)
		return weir_at_fail_key(at, "proxied",
					"records cannot be proxied in this version; "
					"use a load balancer");
	if (r->weight && r->type != WEIR_RECORD_POOL)
		return weir_at_fail_key(at, "weight", "is for POOL records only");
	if (!z)
		return weir_at_fail_key(at, "name", "%s is in none of the zones",
					weir_quote(at->p, r->name));
	if (alias && strcmp(z->name, r->name) == 0)
		return weir_at_fail_key(at, "type",
					"the name of a zone cannot be an alias (CNAME "
					"or POOL)");
	if (alias && strcmp(r->target, r->name) == 0)
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
		WEIR_TAKEN(weir_record, name, weir_take_domain, true),
		WEIR_IGNORED("content"), /* check_record() */
		WEIR_INT(weir_record, ttl, 0, 604800, AUTOMATIC_TTL),
		WEIR_INT(weir_record, weight, 1, 65535, 0),
		WEIR_BOOL(draft, proxied, false),
		WEIR_IGNORED("comment"),
		WEIR_IGNORED("tags"),
	};
	struct draft d = { 0 };

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), &d) || !check_record(at, &d))
		return false;
	*(struct weir_record *)item = d.r;
	return true;
}

/* What may share the name of the record first, which was there before. */
static bool check_neighbour(const struct weir_at *at, const struct weir_record *r,
			    const struct weir_record *first, uint32_t nth)
{
	static const char *const words[] = { "A", "AAAA", "CNAME", "POOL" };
	bool a = r->type <= WEIR_RECORD_AAAA, first_a = first->type <= WEIR_RECORD_AAAA;

	if (r->type == WEIR_RECORD_CNAME && first->type == WEIR_RECORD_CNAME)
		return weir_at_fail_key(at, "name", "%s has a CNAME already: records[%u]", r->name,
					nth);
	if (r->type != first->type && !(a && first_a))
		return weir_at_fail_key(at, "type",
					"%s cannot share the name %s with records[%u], %s",
					words[r->type], r->name, nth, words[first->type]);
	return true;
}

/* The records by name, by name and type, and by all that makes one. */
struct sets {
	struct weir_index names, types, all;
};

static bool add_to_sets(const struct weir_at *at, const struct weir_record *records, struct sets *s)
{
	const struct weir_record *r = &records[at->index];
	uint32_t same_name = at->index, same_set = at->index, same = at->index;
	char text[WEIR_ADDR_TEXT];
	const char *content = r->target ? r->target : weir_addr_text(&r->addr, text);
	char *set = weir_arena_printf(at->p->arena, "%d %s", r->type, r->name);
	char *all = weir_arena_printf(at->p->arena, "%s %s", set, content);

	if (!weir_index_add(&s->names, r->name, strlen(r->name), &same_name) &&
	    !check_neighbour(at, r, &records[same_name], same_name))
		return false;
	if (!weir_index_add(&s->all, all, strlen(all), &same))
		return weir_at_fail_key(at, "content", "%s is records[%u] already", content, same);
	if (!weir_index_add(&s->types, set, strlen(set), &same_set) &&
	    records[same_set].ttl != r->ttl)
		return weir_at_fail_key(at, "ttl",
					"%u differs from records[%u], which has %u: "
					"records of one name and type have one ttl",
					r->ttl, same_set, records[same_set].ttl);
	return true;
}

bool weir_take_records(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	struct sets s;

	if (!weir_take_list(at, 0, MAX_RECORDS, sizeof(*m->records), take_record, &m->records,
			    &m->n_records))
		return false;
	weir_index_init(&s.names, m->n_records, at->p->arena);
	weir_index_init(&s.types, m->n_records, at->p->arena);
	weir_index_init(&s.all, m->n_records, at->p->arena);
	for (uint32_t i = 0; i < m->n_records; i++) {
		struct weir_at item = weir_at_item(at, i);

		if (!add_to_sets(&item, m->records, &s))
			return false;
	}
	return true;
}
