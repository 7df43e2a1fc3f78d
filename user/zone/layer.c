/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer.c - a table of names. */
#include "zone/layer.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/hash.h"
#include "zone/types.h"

#define FIRST_SLOTS 64

uint32_t weir_layer_hash(const uint8_t *name, size_t len)
{
	return (uint32_t)weir_hash_bytes(0, name, len);
}

struct weir_node *weir_layer_find(const struct weir_layer *l, const uint8_t *name, size_t len)
{
	uint32_t hash = weir_layer_hash(name, len);

	if (!l->slots)
		return NULL;
	for (uint32_t i = hash & l->mask;; i = (i + 1) & l->mask) {
		struct weir_node *n = l->slots[i];

		if (!n || (n->hash == hash && n->len == len && !memcmp(n->name, name, len)))
			return n;
	}
}

struct weir_node *weir_layer_above(const struct weir_layer *l, const uint8_t *name, size_t len,
				   size_t *at)
{
	unsigned labels = weir_wire_labels(name);

	for (size_t i = 0; i < len; i += 1u + name[i], labels--) {
		struct weir_node *found =
			labels > l->labels ? NULL : weir_layer_find(l, name + i, len - i);

		*at = i;
		if (found)
			return found;
	}
	return NULL;
}

static void put(struct weir_layer *l, struct weir_node *n)
{
	uint32_t i = n->hash & l->mask;

	while (l->slots[i])
		i = (i + 1) & l->mask;
	l->slots[i] = n;
}

static void make_room(struct weir_layer *l)
{
	uint32_t size = l->slots ? l->mask + 1 : 0;
	struct weir_node **old = l->slots;

	if (size && (l->used + 1) * 2 <= size)
		return;
	l->mask = (size ? size * 2 : FIRST_SLOTS) - 1;
	l->slots = weir_arena_new_array(l->arena, l->mask + 1, struct weir_node *);
	for (uint32_t i = 0; i < size; i++)
		if (old[i])
			put(l, old[i]);
}

struct weir_node *weir_layer_add(struct weir_layer *l, const uint8_t *name, size_t len)
{
	struct weir_node *n = weir_arena_alloc(l->arena, 1, sizeof(*n) + len);
	unsigned labels = weir_wire_labels(name);

	make_room(l);
	n->hash = weir_layer_hash(name, len);
	n->nth = WEIR_NOT_IN_CHAIN;
	n->len = (uint8_t)len;
	memcpy(n->name, name, len);
	put(l, n);
	l->used++;
	if (labels > l->labels)
		l->labels = labels;
	return n;
}

struct weir_rr weir_rr_make(struct weir_arena *a, uint16_t type, uint32_t ttl, const void *data,
			    size_t len)
{
	uint8_t *w = weir_arena_alloc(a, WEIR_RR_FIXED + len, 1);
	uint16_t head[2] = { htons(type), htons(WEIR_CLASS_IN) }, size = htons((uint16_t)len);
	uint32_t be_ttl = htonl(ttl);

	memcpy(w, head, 4);
	memcpy(w + 4, &be_ttl, 4);
	memcpy(w + 8, &size, 2);
	memcpy(w + WEIR_RR_FIXED, data, len);
	return (struct weir_rr){ .wire = w, .len = (uint32_t)(WEIR_RR_FIXED + len) };
}

struct weir_set *weir_node_put(struct weir_arena *a, struct weir_node *node, uint16_t type,
			       const struct weir_rr *rrs, uint32_t n)
{
	struct weir_set *s = weir_arena_new_array(a, 1, struct weir_set);

	*s = (struct weir_set){ .next = node->sets, .rrs = rrs, .n = n, .type = type };
	node->sets = s;
	return s;
}

const struct weir_set *weir_sets_find(const struct weir_set *sets, uint16_t type)
{
	for (; sets; sets = sets->next)
		if (sets->type == type)
			return sets;
	return NULL;
}
