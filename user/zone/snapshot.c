/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c - the table of names. */
#include "zone/snapshot.h"

#include <string.h>

#include "base/hash.h"

#define FIRST_SLOTS 64

static uint32_t hash_of(const uint8_t *name, size_t len)
{
	return (uint32_t)weir_hash_bytes(0, name, len);
}

struct weir_node *weir_node_find(const struct weir_zones *z, const uint8_t *name, size_t len)
{
	uint32_t hash = hash_of(name, len);

	if (!z->slots)
		return NULL;
	for (uint32_t i = hash & z->mask;; i = (i + 1) & z->mask) {
		struct weir_node *n = z->slots[i];

		if (!n || (n->hash == hash && n->len == len && !memcmp(n->name, name, len)))
			return n;
	}
}

/* Every name between an existing one and its zone's apex exists: the first suffix found decides.
 * Suffixes with more labels than any of our names need no look. */
const struct weir_zone *weir_zone_covering(const struct weir_zones *z, const struct weir_name *n,
					   struct weir_node **node)
{
	unsigned skip = n->labels > z->labels ? n->labels - z->labels : 0;

	*node = NULL;
	for (size_t at = weir_name_suffix(n, skip);; at += 1u + n->wire[at]) {
		struct weir_node *found = weir_node_find(z, n->wire + at, n->len - at);

		if (found) {
			*node = at ? NULL : found;
			return found->zone;
		}
		if (!n->wire[at])
			return NULL;
	}
}

static void put(struct weir_zones *z, struct weir_node *n)
{
	uint32_t i = n->hash & z->mask;

	while (z->slots[i])
		i = (i + 1) & z->mask;
	z->slots[i] = n;
}

static void make_room(struct weir_zones *z)
{
	uint32_t size = z->slots ? z->mask + 1 : 0;
	struct weir_node **old = z->slots;

	if (size && (z->used + 1) * 2 <= size)
		return;
	z->mask = (size ? size * 2 : FIRST_SLOTS) - 1;
	z->slots = weir_arena_new_array(z->arena, z->mask + 1, struct weir_node *);
	for (uint32_t i = 0; i < size; i++)
		if (old[i])
			put(z, old[i]);
}

static struct weir_node *add_node(struct weir_zones *z, const struct weir_zone *zone,
				  const uint8_t *name, size_t len)
{
	struct weir_node *n = weir_arena_alloc(z->arena, 1, sizeof(*n) + len);

	make_room(z);
	n->zone = zone;
	n->hash = hash_of(name, len);
	n->len = (uint8_t)len;
	memcpy(n->name, name, len);
	put(z, n);
	z->used++;
	return n;
}

struct weir_node *weir_node_add(struct weir_zones *z, const struct weir_name *n)
{
	struct weir_node *node;
	const struct weir_zone *zone = weir_zone_covering(z, n, &node);

	if (!zone || node)
		return node;
	if (n->labels > z->labels)
		z->labels = n->labels;
	node = add_node(z, zone, n->wire, n->len);
	for (size_t at = 1u + n->wire[0]; !weir_node_find(z, n->wire + at, n->len - at);
	     at += 1u + n->wire[at])
		add_node(z, zone, n->wire + at, n->len - at);
	return node;
}

struct weir_node *weir_apex_add(struct weir_zones *z, const struct weir_zone *zone,
				const struct weir_name *n)
{
	if (weir_node_find(z, n->wire, n->len))
		return NULL;
	if (n->labels > z->labels)
		z->labels = n->labels;
	return add_node(z, zone, n->wire, n->len);
}
