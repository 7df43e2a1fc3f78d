/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build_records.c - the records of the document become sets. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/build.h"
#include "zone/canon.h"

struct draft {
	struct weir_node *node;
	const struct weir_record *rec; /* in the order of the document */
};

/* Brings the records of a set together. */
static int by_set(const void *x, const void *y)
{
	const struct draft *a = x, *b = y;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->rec->type != b->rec->type)
		return a->rec->type < b->rec->type ? -1 : 1;
	return (a->rec > b->rec) - (a->rec < b->rec);
}

static uint32_t lowest_ttl(const struct draft *d, uint32_t n)
{
	uint32_t ttl = d[0].rec->ttl;

	for (uint32_t i = 1; i < n; i++)
		ttl = d[i].rec->ttl < ttl ? d[i].rec->ttl : ttl;
	return ttl;
}

static void add_addresses(struct weir_zones_build *b, const struct draft *d, uint32_t n)
{
	struct weir_zone_member *m = weir_new_array(n, struct weir_zone_member);

	for (uint32_t i = 0; i < n; i++)
		m[i].addr = d[i].rec->addr;
	weir_build_addresses(b->z->arena, &d[0].node->sets, d[0].rec->type == WEIR_RECORD_A,
			     lowest_ttl(d, n), m, weir_build_unite(m, n));
	free(m);
}

/* CNAME and POOL hide what a zone's file has at their name, unless that is another's zone. */
static void add_aliases(struct weir_zones_build *b, const struct draft *d, uint32_t n)
{
	struct weir_arena *a = b->z->arena;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);

	if (weir_sets_find(d[0].node->sets, WEIR_TYPE_NS))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct weir_name name;

		weir_build_name(d[i].rec->target, &name);
		rrs[i] = weir_rr_make(a, WEIR_TYPE_CNAME, d[i].rec->ttl, name.wire, name.len);
		rrs[i].upto = d[i].rec->type == WEIR_RECORD_POOL ? d[i].rec->weight : 1;
	}
	weir_build_weigh(rrs, n);
	d[0].node->sets = NULL;
	weir_node_put(a, d[0].node, WEIR_TYPE_CNAME, rrs, n)->one = true;
}

static void add_others(struct weir_zones_build *b, const struct draft *d, uint32_t n)
{
	struct weir_arena *a = b->z->arena;
	struct weir_rr *rrs = weir_arena_new_array(a, n, struct weir_rr);
	uint32_t ttl = lowest_ttl(d, n);

	for (uint32_t i = 0; i < n; i++) {
		rrs[i] = weir_rr_make(a, d[i].rec->type, ttl, d[i].rec->rdata,
				      d[i].rec->rdata_bytes);
		weir_rdata_lower(d[i].rec->type, (uint8_t *)rrs[i].wire + WEIR_RR_FIXED,
				 d[i].rec->rdata_bytes);
	}
	weir_node_put(a, d[0].node, d[0].rec->type, rrs, weir_rrs_sort(rrs, n));
	b->delegates |= d[0].rec->type == WEIR_TYPE_NS;
}

static void add_sets(struct weir_zones_build *b, struct draft *d, uint32_t n)
{
	if (n)
		qsort(d, n, sizeof(*d), by_set);
	for (uint32_t i = 0, run; i < n; i += run) {
		uint16_t type = d[i].rec->type;

		for (run = 1; i + run < n; run++)
			if (d[i + run].node != d[i].node || d[i + run].rec->type != type)
				break;
		if (type == WEIR_RECORD_A || type == WEIR_RECORD_AAAA)
			add_addresses(b, d + i, run);
		else if (type == WEIR_RECORD_CNAME || type == WEIR_RECORD_POOL)
			add_aliases(b, d + i, run);
		else
			add_others(b, d + i, run);
	}
}

/* Whether this site answers a record ("global" is everywhere). */
static bool is_for_us(const struct weir_record *r, const char *pop)
{
	for (uint32_t i = 0; i < r->n_regions; i++)
		if (!strcasecmp(r->regions[i], "global") || !strcasecmp(r->regions[i], pop))
			return true;
	return !r->n_regions;
}

void weir_build_records(struct weir_zones_build *b)
{
	const struct weir_model *m = b->view->model;
	struct draft *d = weir_new_array(m->n_records, struct draft);
	const char *pop = m->agent.pop ? m->agent.pop : "";
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_records; i++) {
		const struct weir_record *r = &m->records[i];
		struct weir_node *node;
		struct weir_name name;

		weir_build_name(r->name, &name);
		node = weir_zones_add(b->z, &name);
		if (node && !(node->balanced && weir_build_is_address(r->type)) &&
		    is_for_us(r, pop))
			d[n++] = (struct draft){ node, r };
	}
	add_sets(b, d, n);
	free(d);
}
