/* SPDX-License-Identifier: GPL-2.0-or-later */
/* known.c - a table of keys that grows, and is made anew when some of them go. */
#include "dataplane/known.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SIZE 64

static struct known *slot_of(const struct known_set *s, uint64_t hash, uint32_t more)
{
	uint32_t i = (uint32_t)weir_mix64(hash + more) & (s->size - 1);

	while (s->slots[i].used && (s->slots[i].hash != hash || s->slots[i].more != more))
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

struct known *known_find(const struct known_set *s, uint64_t hash, uint32_t more)
{
	struct known *k = s->size ? slot_of(s, hash, more) : NULL;

	return k && k->used ? k : NULL;
}

static void resize(struct known_set *s, uint32_t size)
{
	struct known_set old = *s;

	s->size = size;
	s->slots = weir_new_array(size, struct known);
	for (uint32_t i = 0; i < old.size; i++)
		if (old.slots[i].used)
			*slot_of(s, old.slots[i].hash, old.slots[i].more) = old.slots[i];
	free(old.slots);
}

struct known *known_add(struct known_set *s, uint64_t hash, uint32_t more)
{
	struct known *k;

	if ((s->n + 1) * 2 > s->size)
		resize(s, s->size ? s->size * 2 : FIRST_SIZE);
	k = slot_of(s, hash, more);
	if (!k->used) {
		*k = (struct known){ .hash = hash, .more = more, .used = true };
		s->n++;
	}
	return k;
}

void known_sweep(struct known_set *s, bool (*gone)(void *arg, const struct known *k), void *arg)
{
	uint32_t was = s->n;

	for (uint32_t i = 0; i < s->size; i++) {
		if (!s->slots[i].used || !gone(arg, &s->slots[i]))
			continue;
		s->slots[i].used = false;
		s->n--;
	}
	if (s->n != was)
		resize(s, s->size);
}

void known_fini(struct known_set *s)
{
	free(s->slots);
	*s = (struct known_set){ 0 };
}
