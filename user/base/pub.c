/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pub.c - epochs: a reader says since which one it reads, a retired object from which one on it
 * cannot be found. Everything that orders a reader's "I read" before its look at the pointer, and
 * the writer's change of the pointer before its look at the readers, is sequentially consistent. */
#include "base/pub.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

#define LINE 64 /* bytes: what readers write does not share lines */

struct reader {
	_Atomic uint64_t since; /* epoch; 0: it does not read */
	char apart[LINE - sizeof(_Atomic uint64_t)];
};

struct retired {
	struct retired *next;
	void *object;
	void (*drop)(void *object);
	uint64_t from; /* who entered in this epoch or later cannot have it */
};

struct weir_pub {
	_Atomic(void *) now;
	_Atomic uint64_t epoch; /* from 1 */
	uint32_t n_readers;
	struct retired *first, **last;
	char apart[LINE];
	struct reader readers[];
};

struct weir_pub *weir_pub_new(uint32_t n_readers)
{
	struct weir_pub *p =
		weir_alloc(1, sizeof(*p) + ((size_t)n_readers + 1) * sizeof(struct reader));

	p->n_readers = n_readers;
	p->last = &p->first;
	atomic_init(&p->epoch, 1);
	return p;
}

static void drop_first(struct weir_pub *p)
{
	struct retired *r = p->first;

	p->first = r->next;
	if (!p->first)
		p->last = &p->first;
	r->drop(r->object);
	free(r);
}

void weir_pub_free(struct weir_pub *p)
{
	if (!p)
		return;
	while (p->first)
		drop_first(p);
	free(p);
}

void *weir_pub_enter(struct weir_pub *p, uint32_t reader)
{
	atomic_store(&p->readers[reader].since, atomic_load(&p->epoch));
	return atomic_load(&p->now);
}

void weir_pub_leave(struct weir_pub *p, uint32_t reader)
{
	atomic_store_explicit(&p->readers[reader].since, 0, memory_order_release);
}

void *weir_pub_again(const struct weir_pub *p)
{
	return atomic_load(&p->now); /* what it says now is retired in a later epoch than since */
}

void *weir_pub_get(const struct weir_pub *p)
{
	return atomic_load_explicit(&p->now, memory_order_relaxed);
}

void weir_pub_set(struct weir_pub *p, void *object)
{
	atomic_store(&p->now, object);
}

void weir_pub_retire(struct weir_pub *p, void *object, void (*drop)(void *object))
{
	struct retired *r = weir_new(struct retired);

	*r = (struct retired){ .object = object, .drop = drop };
	r->from = atomic_fetch_add(&p->epoch, 1) + 1;
	*p->last = r;
	p->last = &r->next;
}

/* The first epoch in which somebody who still reads has entered. */
static uint64_t oldest(struct weir_pub *p)
{
	uint64_t min = UINT64_MAX;

	for (uint32_t i = 0; i < p->n_readers; i++) {
		uint64_t since = atomic_load(&p->readers[i].since);

		if (since && since < min)
			min = since;
	}
	return min;
}

bool weir_pub_collect(struct weir_pub *p)
{
	if (p->first) {
		uint64_t since = oldest(p);

		while (p->first && p->first->from <= since)
			drop_first(p);
	}
	return p->first != NULL;
}
