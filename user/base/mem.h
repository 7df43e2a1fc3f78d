/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mem.h - memory. Allocation does not fail: it aborts (link and maps are pinned, so traffic
 * outlives the agent). Whoever takes a size from outside bounds it first. Any thread. */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* Zeroed memory of count * size bytes, never NULL. Free with free(). */
void *weir_alloc(size_t count, size_t size);

/* realloc to count * size bytes that aborts; new bytes are not zeroed. */
void *weir_grow(void *p, size_t count, size_t size);

#define weir_new(type)          (type *)weir_alloc(1, sizeof(type))
#define weir_new_array(n, type) (type *)weir_alloc(n, sizeof(type))

/* Memory that is freed all at once. Not thread safe; one owner. */
struct weir_arena;

struct weir_arena *weir_arena_new(void);
void weir_arena_free(struct weir_arena *a); /* takes NULL */

/* Zeroed, aligned to 16 bytes, never NULL (also for 0 bytes). */
void *weir_arena_alloc(struct weir_arena *a, size_t count, size_t size);
char *weir_arena_strdup(struct weir_arena *a, const char *s); /* NULL gives NULL */
char *weir_arena_printf(struct weir_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define weir_arena_new_array(a, n, type) (type *)weir_arena_alloc(a, n, sizeof(type))

#endif
