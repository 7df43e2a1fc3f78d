/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.c - sets of a few keys each, so that a look is a cache line or two and a comparison. */
#include "base/top.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/hash.h"
#include "base/mem.h"

#define RELAXED memory_order_relaxed

/* What readers may see half written has a version: odd while it is being replaced. */
struct kept {
	_Atomic uint32_t version;
	uint32_t words; /* of the key, the writer's: those behind them are 0 */
	_Atomic uint64_t over;
	_Atomic uint64_t key[WEIR_TOP_WORDS];
};

/* Counts are together: who looks for the rarest key reads them all. */
struct set {
	_Atomic uint64_t count[WEIR_TOP_WAYS];
	uint32_t tag[WEIR_TOP_WAYS]; /* of the key, the writer's; 0: free */
	struct kept kept[WEIR_TOP_WAYS];
};

struct weir_top {
	uint64_t seed;
	struct set sets[WEIR_TOP_SETS];
};

struct weir_top *weir_top_new(uint64_t seed)
{
	struct weir_top *t = weir_new(struct weir_top);

	t->seed = seed;
	return t;
}

static bool is_key(const struct kept *k, const uint64_t *key, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (atomic_load_explicit(&k->key[i], RELAXED) != key[i])
			return false;
	return true;
}

/* Who reads a new word also sees that the version has become odd. */
static void replace(struct set *s, unsigned way, const uint64_t *key, unsigned words, uint64_t n)
{
	struct kept *k = &s->kept[way];
	uint32_t version = atomic_load_explicit(&k->version, RELAXED);
	uint64_t over = atomic_load_explicit(&s->count[way], RELAXED);
	unsigned all = words > k->words ? words : k->words;

	atomic_store_explicit(&k->version, version + 1, RELAXED);
	for (unsigned i = 0; i < all; i++)
		atomic_store_explicit(&k->key[i], i < words ? key[i] : 0, memory_order_release);
	k->words = words;
	atomic_store_explicit(&k->over, over, memory_order_release);
	atomic_store_explicit(&s->count[way], over + n, memory_order_release);
	atomic_store_explicit(&k->version, version + 2, memory_order_release);
}

static unsigned rarest(const struct set *s)
{
	uint64_t least = UINT64_MAX;
	unsigned way = 0;

	for (unsigned i = 0; i < WEIR_TOP_WAYS; i++) {
		uint64_t n = atomic_load_explicit(&s->count[i], RELAXED);

		if (n < least) {
			least = n;
			way = i;
		}
	}
	return way;
}

void weir_top_add(struct weir_top *t, const uint64_t *key, unsigned words, uint64_t n)
{
	uint64_t h = t->seed;
	unsigned way;
	uint32_t tag;
	struct set *s;

	for (unsigned i = 0; i < words; i++)
		h = weir_mix64(h ^ key[i]);
	tag = (uint32_t)(h >> 32) | 1;
	s = &t->sets[h % WEIR_TOP_SETS];
	for (unsigned i = 0; i < WEIR_TOP_WAYS; i++)
		if (s->tag[i] == tag && is_key(&s->kept[i], key, words)) {
			uint64_t was = atomic_load_explicit(&s->count[i], RELAXED);

			atomic_store_explicit(&s->count[i], was + n, RELAXED);
			return;
		}
	way = rarest(s);
	s->tag[way] = tag;
	replace(s, way, key, words, n);
}

static bool look(const struct set *s, unsigned way, uint64_t key[static WEIR_TOP_WORDS],
		 uint64_t *count, uint64_t *over)
{
	const struct kept *k = &s->kept[way];
	uint32_t version = atomic_load_explicit(&k->version, memory_order_acquire);

	for (unsigned i = 0; i < WEIR_TOP_WORDS; i++)
		key[i] = atomic_load_explicit(&k->key[i], memory_order_acquire);
	*over = atomic_load_explicit(&k->over, memory_order_acquire);
	*count = atomic_load_explicit(&s->count[way], memory_order_acquire);
	return version && !(version & 1) && atomic_load_explicit(&k->version, RELAXED) == version;
}

void weir_top_each(const struct weir_top *t,
		   void (*each)(void *arg, const uint64_t key[static WEIR_TOP_WORDS],
				uint64_t count, uint64_t over),
		   void *arg)
{
	uint64_t key[WEIR_TOP_WORDS], count, over;

	for (unsigned s = 0; s < WEIR_TOP_SETS; s++)
		for (unsigned w = 0; w < WEIR_TOP_WAYS; w++)
			if (look(&t->sets[s], w, key, &count, &over))
				each(arg, key, count, over);
}
