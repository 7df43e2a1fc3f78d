/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index.c - open addressing, at most half full. */
#include "model/index.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

struct weir_index_slot {
	const void *key; /* NULL: free */
	size_t len;
	uint32_t value;
};

void weir_index_init(struct weir_index *x, uint32_t max, struct weir_arena *arena)
{
	uint32_t size = 4;

	assert(max <= 1u << 24);
	while (size < max * 2)
		size *= 2;
	x->slots = weir_arena_new_array(arena, size, struct weir_index_slot);
	x->mask = size - 1;
	x->left = max;
}

/* Where the key is or would be. */
static struct weir_index_slot *slot(const struct weir_index *x, const void *key, size_t len)
{
	uint32_t i = (uint32_t)weir_hash_bytes(0, key, len) & x->mask;

	while (x->slots[i].key &&
	       (x->slots[i].len != len || memcmp(x->slots[i].key, key, len) != 0))
		i = (i + 1) & x->mask;
	return &x->slots[i];
}

bool weir_index_add(struct weir_index *x, const void *key, size_t len, uint32_t *value)
{
	struct weir_index_slot *s = slot(x, key, len);

	if (s->key) {
		*value = s->value;
		return false;
	}
	assert(x->left);
	x->left--;
	*s = (struct weir_index_slot){ .key = key, .len = len, .value = *value };
	return true;
}

bool weir_index_find(const struct weir_index *x, const void *key, size_t len, uint32_t *value)
{
	const struct weir_index_slot *s = slot(x, key, len);

	if (!s->key)
		return false;
	*value = s->value;
	return true;
}
