/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - a zone file becomes a layer of names. */
#include "zone/file.h"

#include <arpa/inet.h>
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/canon.h"
#include "zone/types.h"

#define DEFAULT_TTL 3600

/* A record on its way into a set. */
struct draft {
	struct weir_node *node;
	const uint8_t *wire;
	uint32_t line;
	uint16_t type, len;
};

struct reading {
	struct weir_zone_file *f;
	struct weir_name apex;
	struct draft *drafts;
	uint32_t n, room;
	struct weir_err *err;
};

static bool fail(const struct reading *r, uint64_t line, const char *text, const uint8_t *name)
{
	char words[WEIR_NAME_TEXT];

	return weir_err_set(r->err, "", "line %llu: %s%s%s", (unsigned long long)line,
			    name ? weir_name_text(name, words) : "", name ? " " : "", text);
}

/* --- records --- */

static struct weir_node *node_of(struct reading *r, const struct weir_name *n)
{
	struct weir_layer *l = &r->f->layer;
	struct weir_node *node, *found = weir_layer_find(l, n->wire, n->len);

	if (found)
		return found;
	node = weir_layer_add(l, n->wire, n->len);
	for (size_t at = 1u + n->wire[0]; n->len - at > r->apex.len; at += 1u + n->wire[at]) {
		if (weir_layer_find(l, n->wire + at, n->len - at))
			break;
		weir_layer_add(l, n->wire + at, n->len - at);
	}
	return node;
}

static const char *type_fault(uint16_t type)
{
	switch (type) {
	case WEIR_TYPE_DNAME:
		return "has a DNAME, which is not known here";
	case WEIR_TYPE_RRSIG:
	case WEIR_TYPE_NSEC:
	case WEIR_TYPE_DNSKEY:
	case 50: /* NSEC3 */
	case 51: /* NSEC3PARAM */
	case WEIR_TYPE_CDS:
	case WEIR_TYPE_CDNSKEY:
		return "has a record of a signed zone: leave those out, zones are signed here";
	}
	return NULL;
}

static bool take(struct reading *r, zs_scanner_t *s)
{
	const char *fault = type_fault(s->r_type);
	struct weir_name n;
	struct weir_rr rr;

	if (!weir_name_read(s->r_owner, s->r_owner_length, 0, &n))
		return fail(r, s->line_counter, "a name is too long", NULL);
	if (!weir_name_is_in(&n, r->apex.wire, r->apex.len))
		return fail(r, s->line_counter, "is not in the zone", n.wire);
	if (fault)
		return fail(r, s->line_counter, fault, n.wire);
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->drafts = weir_grow(r->drafts, r->room, sizeof(*r->drafts));
	}
	weir_rdata_lower(s->r_type, s->r_data, s->r_data_length);
	rr = weir_rr_make(r->f->layer.arena, s->r_type, s->r_ttl, s->r_data, s->r_data_length);
	r->drafts[r->n++] = (struct draft){ .node = node_of(r, &n),
					    .wire = rr.wire,
					    .line = (uint32_t)s->line_counter,
					    .type = s->r_type,
					    .len = (uint16_t)s->r_data_length };
	return true;
}

static bool scan(struct reading *r, zs_scanner_t *s)
{
	while (zs_parse_record(s) == 0) {
		switch (s->state) {
		case ZS_STATE_DATA:
			if (!take(r, s))
				return false;
			break;
		case ZS_STATE_ERROR:
			return fail(r, s->line_counter, zs_strerror(s->error.code), NULL);
		case ZS_STATE_INCLUDE:
			return fail(r, s->line_counter, "$INCLUDE is not known here", NULL);
		default:
			return true;
		}
	}
	return fail(r, s->line_counter, zs_strerror(s->error.code), NULL);
}

/* --- sets --- */

static int by_set(const void *x, const void *y)
{
	const struct draft *a = x, *b = y;
	int order;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	order = memcmp(a->wire + WEIR_RR_FIXED, b->wire + WEIR_RR_FIXED, a->len);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static uint32_t ttl_of(const uint8_t *wire)
{
	uint32_t ttl;

	memcpy(&ttl, wire + 4, sizeof(ttl));
	return ntohl(ttl);
}

/* The records of one name and type: each once, with the lowest of their TTLs (RFC 2181, 5.2). */
static void add_set(struct reading *r, const struct draft *d, uint32_t n)
{
	struct weir_arena *a = r->f->layer.arena;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);
	uint32_t kept = 0, ttl = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		ttl = ttl_of(d[i].wire) < ttl ? ttl_of(d[i].wire) : ttl;
		if (i && d[i].len == d[i - 1].len &&
		    !memcmp(d[i].wire + WEIR_RR_FIXED, d[i - 1].wire + WEIR_RR_FIXED, d[i].len))
			continue;
		rrs[kept++] = (struct weir_rr){ d[i].wire, WEIR_RR_FIXED + d[i].len, 0 };
	}
	ttl = htonl(ttl);
	for (uint32_t i = 0; i < kept; i++)
		memcpy((uint8_t *)rrs[i].wire + 4, &ttl, sizeof(ttl));
	weir_node_put(a, d[0].node, d[0].type, rrs, kept)->filed = true;
	r->f->delegates |= d[0].type == WEIR_TYPE_NS && d[0].node->len > r->apex.len;
}

/* A CNAME is alone at its name (RFC 2181, 10.1). */
static bool check_alias(const struct reading *r, const struct draft *d)
{
	const struct weir_set *alias = weir_sets_find(d->node->sets, WEIR_TYPE_CNAME);

	if (!alias)
		return true;
	if (alias->n > 1)
		return fail(r, d->line, "has more than one CNAME", d->node->name);
	return !d->node->sets->next ||
	       fail(r, d->line, "has a CNAME and other records", d->node->name);
}

static bool make_sets(struct reading *r)
{
	struct draft *d = r->drafts;

	if (r->n)
		qsort(d, r->n, sizeof(*d), by_set);
	for (uint32_t i = 0, run; i < r->n; i += run) {
		for (run = 1; i + run < r->n; run++)
			if (d[i + run].node != d[i].node || d[i + run].type != d[i].type)
				break;
		add_set(r, d + i, run);
		if (!check_alias(r, d + i))
			return false;
	}
	return true;
}

/* --- the zone --- */

static bool find_soa(struct reading *r, const struct weir_node *apex)
{
	const struct weir_set *soa = apex ? weir_sets_find(apex->sets, WEIR_TYPE_SOA) : NULL;
	const uint8_t *end;
	uint32_t minimum, serial;

	if (!soa || soa->n != 1)
		return weir_err_set(r->err, "", "has %s SOA at its name, and needs one",
				    soa ? "more than one" : "no");
	if (!weir_sets_find(apex->sets, WEIR_TYPE_NS))
		return weir_err_set(r->err, "", "has no NS at its name, and needs some");
	r->f->soa = soa->rrs[0];
	end = r->f->soa.wire + r->f->soa.len;
	memcpy(&minimum, end - 4, sizeof(minimum));
	memcpy(&serial, end - 20, sizeof(serial));
	minimum = ntohl(minimum);
	r->f->serial = ntohl(serial);
	if (ttl_of(r->f->soa.wire) < minimum)
		minimum = ttl_of(r->f->soa.wire);
	r->f->denial = weir_rr_make(r->f->layer.arena, WEIR_TYPE_SOA, minimum,
				    r->f->soa.wire + WEIR_RR_FIXED, r->f->soa.len - WEIR_RR_FIXED);
	return true;
}

static bool below_cut(const struct reading *r, const struct weir_node *n)
{
	for (size_t at = 0; n->len - at > r->apex.len; at += 1u + n->name[at]) {
		const struct weir_node *above =
			weir_layer_find(&r->f->layer, n->name + at, n->len - at);

		if (weir_sets_find(above->sets, WEIR_TYPE_NS))
			return true;
	}
	return false;
}

static void find_cuts(const struct reading *r)
{
	const struct weir_layer *l = &r->f->layer;

	for (uint32_t i = 0; r->f->delegates && i <= l->mask; i++)
		if (l->slots[i])
			l->slots[i]->cut = below_cut(r, l->slots[i]);
}

static bool read_zone(struct reading *r, const char *text, size_t len)
{
	zs_scanner_t *s = weir_new(zs_scanner_t);
	char origin[WEIR_NAME_TEXT];
	bool ok = !zs_init(s, weir_name_text(r->apex.wire, origin), WEIR_CLASS_IN, DEFAULT_TTL) &&
		  !zs_set_input_string(s, text, len);

	ok = ok ? scan(r, s) : weir_err_set(r->err, "", "%s", zs_strerror(s->error.code));
	zs_deinit(s);
	free(s);
	if (!ok || !make_sets(r) ||
	    !find_soa(r, weir_layer_find(&r->f->layer, r->apex.wire, r->apex.len)))
		return false;
	find_cuts(r);
	r->f->n_records = r->n;
	return true;
}

struct weir_zone_file *weir_zone_file_parse(const char *name, const char *text, size_t len,
					    struct weir_err *err)
{
	struct weir_arena *a = weir_arena_new();
	struct reading r = { .f = weir_arena_new_array(a, 1, struct weir_zone_file), .err = err };
	bool ok;

	r.f->layer.arena = a;
	if (!weir_name_parse(name, &r.apex))
		ok = weir_err_set(err, "", "%s is not a zone's name", name);
	else
		ok = read_zone(&r, text, len);
	free(r.drafts);
	if (ok)
		return r.f;
	weir_arena_free(a);
	return NULL;
}

void weir_zone_file_free(struct weir_zone_file *f)
{
	if (f)
		weir_arena_free(f->layer.arena);
}
