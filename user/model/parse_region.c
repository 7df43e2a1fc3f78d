/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_region.c - regions of clients, by prefix. */
#include "model/parse.h"

#include <stddef.h>
#include <string.h>

#include "weir/abi.h"

#define MAX_REGIONS  255
#define PREFIX_BYTES (offsetof(struct weir_prefix, bits) + 1) /* without holes */

static bool take_prefixes(const struct weir_at *at, void *region)
{
	struct weir_region *r = region;

	return weir_take_list(at, 1, WEIR_MAX_REGIONS, sizeof(*r->prefixes), weir_take_prefix,
			      &r->prefixes, &r->n_prefixes);
}

static bool take_region(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_region, name, weir_take_id, true),
		WEIR_REQUIRED("prefixes", take_prefixes),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), item);
}

/* Each name is there once, and each prefix in all regions together. */
static bool check_twins(const struct weir_at *at, const struct weir_agent_conf *a, uint32_t n)
{
	struct weir_index names, prefixes;

	weir_index_init(&names, a->n_regions, at->p->arena);
	weir_index_init(&prefixes, n, at->p->arena);
	for (uint32_t i = 0; i < a->n_regions; i++) {
		const struct weir_region *r = &a->regions[i];
		struct weir_at item = weir_at_item(at, i), list = weir_at_key(&item, "prefixes");
		uint32_t nth = i;

		if (!weir_index_add(&names, r->name, strlen(r->name), &nth))
			return weir_at_fail_key(&item, "name", "%s is client_regions[%u] already",
						weir_quote(at->p, r->name), nth);
		for (uint32_t k = 0; k < r->n_prefixes; k++) {
			struct weir_at one = weir_at_item(&list, k);

			nth = i;
			if (!weir_index_add(&prefixes, &r->prefixes[k], PREFIX_BYTES, &nth))
				return weir_at_fail(&one, "%s is in client_regions[%u] already",
						    json_string_value(one.v), nth);
		}
	}
	return true;
}

bool weir_take_regions(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;
	uint32_t n = 0;

	if (!weir_take_list(at, 0, MAX_REGIONS, sizeof(*a->regions), take_region, &a->regions,
			    &a->n_regions))
		return false;
	for (uint32_t i = 0; i < a->n_regions; i++)
		n += a->regions[i].n_prefixes;
	if (n > WEIR_MAX_REGIONS)
		return weir_at_fail(at, "more than %u prefixes in all regions together",
				    WEIR_MAX_REGIONS);
	return check_twins(at, a, n);
}

static bool region_eq(const struct weir_region *a, const struct weir_region *b)
{
	if (a->n_prefixes != b->n_prefixes || strcmp(a->name, b->name) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_prefixes; i++)
		if (!weir_prefix_eq(&a->prefixes[i], &b->prefixes[i]))
			return false;
	return true;
}

bool weir_regions_eq(const struct weir_agent_conf *a, const struct weir_agent_conf *b)
{
	if (a->n_regions != b->n_regions)
		return false;
	for (uint32_t i = 0; i < a->n_regions; i++)
		if (!region_eq(&a->regions[i], &b->regions[i]))
			return false;
	return true;
}
