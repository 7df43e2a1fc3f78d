/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index.h - what is already there: bytes (an id, a name, an address and port) to a number.
 * Pure; lives in an arena. */
#ifndef WEIR_MODEL_INDEX_H
#define WEIR_MODEL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct weir_index {
	struct weir_index_slot *slots;
	uint32_t mask, left; /* left: how many may still be added */
};

/* Room for max keys, at most 2^24. */
void weir_index_init(struct weir_index *x, uint32_t max, struct weir_arena *arena);

/* False: the key is there, *value is what it was added with. Otherwise it is added with *value.
 * The bytes must outlive the index. */
bool weir_index_add(struct weir_index *x, const void *key, size_t len, uint32_t *value);

/* Whether the key is there; *value is set if so. */
bool weir_index_find(const struct weir_index *x, const void *key, size_t len, uint32_t *value);

#endif
