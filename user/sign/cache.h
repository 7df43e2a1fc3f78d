/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache.h - signs, and what was signed before not again: the same records by the same key keep
 * their signature until it is time for another. One thread, but for weir_sign_now(). */
#ifndef WEIR_SIGN_CACHE_H
#define WEIR_SIGN_CACHE_H

#include <stdint.h>

#include "zone/sign.h"

/* A signature is good from an hour ago, for those whose clocks are late, for two weeks and, so that
 * not all end at once, up to two days more; it is made anew when a week is left. Seconds. */
#define WEIR_SIG_EARLY_S  3600
#define WEIR_SIG_LASTS_S  (14 * 86400)
#define WEIR_SIG_JITTER_S (2 * 86400)
#define WEIR_SIG_RENEW_S  (7 * 86400)

struct weir_sign_cache;

struct weir_sign_stats {
	uint64_t made, kept; /* signatures, since the cache was made */
	uint32_t held;       /* that it has */
};

struct weir_sign_cache *weir_sign_cache_new(void);
void weir_sign_cache_free(struct weir_sign_cache *c); /* takes NULL */

/* What is asked for from now on is asked for at this time, wall clock. Signatures that were not
 * asked for in the last day are dropped. */
void weir_sign_cache_at(struct weir_sign_cache *c, uint32_t now_s);

void weir_sign_cache_stats(const struct weir_sign_cache *c, struct weir_sign_stats *out);

/* From now on at most so many signatures are made (UINT32_MAX: as many as it takes). What else is
 * missing is noted, and has no good signature. */
void weir_sign_cache_budget(struct weir_sign_cache *c, uint32_t n);

/* What was noted, the caller's: it is run on any thread, and then taken into the cache, or freed.
 * NULL: nothing is missing. Keys stay until then. */
struct weir_sign_batch;

struct weir_sign_batch *weir_sign_cache_missing(struct weir_sign_cache *c);
uint32_t weir_sign_batch_size(const struct weir_sign_batch *b);
void weir_sign_batch_run(struct weir_sign_batch *b);
void weir_sign_cache_take(struct weir_sign_cache *c, struct weir_sign_batch *b);
void weir_sign_batch_free(struct weir_sign_batch *b); /* takes NULL */

/* weir_sign_fn: arg is a struct weir_sign_cache, key a struct weir_key. Aborts where libcrypto
 * cannot sign. */
void weir_sign_cached(void *cache, const void *key, uint8_t *bytes, size_t len,
		      struct weir_sig *out);

/* weir_sign_fn without a cache, on any thread: arg is a uint32_t, the time. */
void weir_sign_now(void *now_s, const void *key, uint8_t *bytes, size_t len, struct weir_sig *out);

#endif
