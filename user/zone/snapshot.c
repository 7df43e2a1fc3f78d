/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c - where a name is in the layers. */
#include "zone/snapshot.h"

#include <string.h>

const struct weir_node *weir_zone_node(const struct weir_zones *z, const struct weir_zone *zone,
				       const uint8_t *name, size_t len)
{
	const struct weir_node *n = weir_layer_find(&z->upper, name, len);

	return n || !zone->file ? n : weir_layer_find(zone->file, name, len);
}

const struct weir_node *weir_zone_cut(const struct weir_zones *z, const struct weir_zone *zone,
				      const uint8_t *name, size_t len)
{
	const struct weir_node *cut = NULL;

	for (size_t at = 0; len - at > zone->apex->len; at += 1u + name[at]) {
		const struct weir_node *n = weir_zone_node(z, zone, name + at, len - at);

		if (n && weir_sets_find(n->sets, WEIR_TYPE_NS))
			cut = n;
	}
	return cut;
}

/* "*" in front of the longest name that exists (RFC 4592). */
static const struct weir_node *wildcard(const struct weir_zones *z, const struct weir_zone *zone,
					const uint8_t *encloser, size_t len)
{
	uint8_t name[WEIR_NAME_MAX] = { 1, '*' };

	if (len + 2 > sizeof(name))
		return NULL;
	memcpy(name + 2, encloser, len);
	return weir_zone_node(z, zone, name, len + 2);
}

/* Every name between an existing one and its zone's apex exists: the first suffix found decides. */
struct weir_found weir_zones_find(const struct weir_zones *z, const uint8_t *name, size_t len)
{
	const struct weir_node *upper, *lower = NULL;
	struct weir_found f = { 0 };
	size_t at, deeper;

	upper = weir_layer_above(&z->upper, name, len, &at);
	if (!upper)
		return f;
	f.zone = upper->zone;
	f.encloser = at;
	if (at && f.zone->file)
		lower = weir_layer_above(f.zone->file, name, len, &deeper);
	if (lower && deeper < at)
		f.encloser = deeper;
	else
		lower = NULL;
	if (!f.encloser)
		f.node = lower ? lower : upper;
	if (upper->cut || (lower && lower->cut))
		f.cut = weir_zone_cut(z, f.zone, name + f.encloser, len - f.encloser);
	if (!f.node && !f.cut)
		f.wild = wildcard(z, f.zone, name + f.encloser, len - f.encloser);
	return f;
}

/* A node of the upper layer has what a file says of its name, too. */
static struct weir_node *add_node(struct weir_zones *z, const struct weir_zone *zone,
				  const uint8_t *name, size_t len)
{
	const struct weir_node *below = zone->file ? weir_layer_find(zone->file, name, len) : NULL;
	struct weir_node *n = weir_layer_add(&z->upper, name, len);

	n->zone = zone;
	if (below) {
		n->sets = below->sets;
		n->cut = below->cut;
	}
	return n;
}

/* Whether the zone of a name is off: one that begins within the last `apex` bytes does not count.
 */
static bool is_off(const struct weir_zones *z, const struct weir_name *n, size_t apex)
{
	for (size_t at = 0; z->n_off && n->len - at > apex; at += 1u + n->wire[at])
		for (uint32_t i = 0; i < z->n_off; i++)
			if (z->off[i].len == n->len - at &&
			    memcmp(z->off[i].wire, n->wire + at, n->len - at) == 0)
				return true;
	return false;
}

struct weir_node *weir_zones_add(struct weir_zones *z, const struct weir_name *n)
{
	struct weir_node *above, *node;
	size_t at;

	above = weir_layer_above(&z->upper, n->wire, n->len, &at);
	if (!above || !at)
		return above;
	if (is_off(z, n, above->zone->apex->len))
		return NULL;
	node = add_node(z, above->zone, n->wire, n->len);
	for (size_t i = 1u + n->wire[0]; i < at; i += 1u + n->wire[i])
		add_node(z, above->zone, n->wire + i, n->len - i);
	return node;
}

const struct weir_tsig_key *weir_zones_tsig_keys(const struct weir_zones *z, uint32_t *n)
{
	*n = z ? z->n_tsig_keys : 0;
	return z ? z->tsig_keys : NULL;
}
