/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mem.c - allocation that aborts, and arenas. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 65536

static _Noreturn void out_of_memory(void)
{
	fputs("weir: out of memory\n", stderr);
	abort();
}

void *weir_alloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *weir_grow(void *p, size_t count, size_t size)
{
	p = reallocarray(p, count ? count : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) unsigned char bytes[];
};

struct weir_arena {
	struct block *blocks;
};

struct weir_arena *weir_arena_new(void)
{
	return weir_new(struct weir_arena);
}

void weir_arena_free(struct weir_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

/* A block with room for size bytes in front of the list. Large ones get a block of their own. */
static struct block *block_for(struct weir_arena *a, size_t size)
{
	struct block *b = a->blocks;
	size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;

	if (b && b->size - b->used >= size)
		return b;
	b = weir_alloc(1, sizeof(*b) + want);
	b->size = want;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *weir_arena_alloc(struct weir_arena *a, size_t count, size_t size)
{
	size_t bytes;
	struct block *b;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		out_of_memory();
	bytes = (bytes + 15) & ~(size_t)15;
	b = block_for(a, bytes);
	p = b->bytes + b->used;
	b->used += bytes;
	return p;
}

char *weir_arena_strdup(struct weir_arena *a, const char *s)
{
	size_t n;

	if (!s)
		return NULL;
	n = strlen(s) + 1;
	return memcpy(weir_arena_alloc(a, n, 1), s, n);
}

char *weir_arena_printf(struct weir_arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = weir_arena_alloc(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}
