/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache.c - signatures by what they sign. */
#include "sign/cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wire.h"
#include "sign/key.h"

#define DIGEST      32
#define FIRST_SLOTS 256
#define UNUSED_S    86400

struct entry {
	uint8_t digest[DIGEST]; /* of key and bytes; as nobody can make two alike, they are equal */
	struct weir_sig sig;    /* until_s 0: the slot is free */
	uint32_t used_s;
};

/* A signature that is missing. */
struct wanted {
	struct entry entry;
	const struct weir_key *key;
	uint8_t *bytes;
	size_t len;
};

struct weir_sign_batch {
	struct wanted *of;
	uint32_t n, room, now_s;
};

struct weir_sign_cache {
	struct entry *slots; /* open addressing, at most half full */
	uint32_t mask, used;
	uint32_t budget;               /* that is left; UINT32_MAX: no end */
	struct weir_sign_batch *batch; /* NULL: nothing is missing */
	uint32_t now_s, swept_s;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	struct weir_sign_stats stats;
};

struct weir_sign_cache *weir_sign_cache_new(void)
{
	struct weir_sign_cache *c = weir_new(struct weir_sign_cache);

	c->slots = weir_new_array(FIRST_SLOTS, struct entry);
	c->mask = FIRST_SLOTS - 1;
	c->budget = UINT32_MAX;
	c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	c->digest = EVP_MD_CTX_new();
	if (!c->sha256 || !c->digest) {
		weir_error("libcrypto has no SHA-256");
		abort();
	}
	return c;
}

void weir_sign_cache_free(struct weir_sign_cache *c)
{
	if (!c)
		return;
	weir_sign_batch_free(c->batch);
	EVP_MD_CTX_free(c->digest);
	EVP_MD_free(c->sha256);
	free(c->slots);
	free(c);
}

/* --- the table --- */

static struct entry *slot_of(const struct weir_sign_cache *c, const uint8_t digest[DIGEST])
{
	uint32_t i;

	memcpy(&i, digest, sizeof(i));
	for (;; i++) {
		struct entry *e = &c->slots[i & c->mask];

		if (!e->sig.until_s || !memcmp(e->digest, digest, DIGEST))
			return e;
	}
}

/* Into a table of so many slots, without what is not wanted any more. */
static void rehash(struct weir_sign_cache *c, uint32_t slots, uint32_t wanted_since_s)
{
	struct entry *old = c->slots;
	uint32_t n = c->mask + 1;

	c->slots = weir_new_array(slots, struct entry);
	c->mask = slots - 1;
	c->used = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!old[i].sig.until_s || old[i].used_s < wanted_since_s)
			continue;
		*slot_of(c, old[i].digest) = old[i];
		c->used++;
	}
	free(old);
}

void weir_sign_cache_at(struct weir_sign_cache *c, uint32_t now_s)
{
	c->now_s = now_s;
	if (now_s - c->swept_s < UNUSED_S)
		return;
	if (c->swept_s)
		rehash(c, c->mask + 1, now_s - UNUSED_S);
	c->swept_s = now_s;
}

void weir_sign_cache_stats(const struct weir_sign_cache *c, struct weir_sign_stats *out)
{
	*out = c->stats;
	out->held = c->used;
}

/* --- signing --- */

static void stamp(uint8_t *bytes, const struct weir_sig *s)
{
	weir_put32(bytes + WEIR_RRSIG_UNTIL, s->until_s);
	weir_put32(bytes + WEIR_RRSIG_FROM, s->from_s);
	bytes[WEIR_RRSIG_TAG] = (uint8_t)(s->tag >> 8);
	bytes[WEIR_RRSIG_TAG + 1] = (uint8_t)s->tag;
}

static void sign(const struct weir_key *k, uint32_t now_s, uint8_t *bytes, size_t len,
		 struct weir_sig *out)
{
	uint64_t noise = weir_hash_bytes(0, bytes, len);

	out->from_s = now_s - WEIR_SIG_EARLY_S;
	out->until_s = now_s + WEIR_SIG_LASTS_S + (uint32_t)(noise % WEIR_SIG_JITTER_S);
	out->tag = weir_key_tag(k);
	stamp(bytes, out);
	if (!weir_key_sign(k, bytes, len, out->bytes)) {
		weir_error("libcrypto cannot sign");
		abort();
	}
}

static void digest_of(struct weir_sign_cache *c, const struct weir_key *k, const uint8_t *bytes,
		      size_t len, uint8_t out[DIGEST])
{
	uint8_t dnskey[WEIR_DNSKEY_BYTES];

	weir_key_dnskey(k, dnskey);
	if (EVP_DigestInit_ex2(c->digest, c->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(c->digest, dnskey, sizeof(dnskey)) != 1 ||
	    EVP_DigestUpdate(c->digest, bytes, len) != 1 ||
	    EVP_DigestFinal_ex(c->digest, out, NULL) != 1) {
		weir_error("libcrypto cannot hash");
		abort();
	}
}

/* Also not one of a clock that was wrong. */
static bool is_fresh(const struct weir_sig *s, uint32_t now_s)
{
	return s->until_s && (int32_t)(now_s - s->from_s) >= 0 &&
	       (int32_t)(s->until_s - now_s) > WEIR_SIG_RENEW_S &&
	       s->until_s - now_s <= WEIR_SIG_LASTS_S + WEIR_SIG_JITTER_S;
}

/* --- batches --- */

void weir_sign_cache_budget(struct weir_sign_cache *c, uint32_t n)
{
	c->budget = n;
}

static void note(struct weir_sign_cache *c, const uint8_t digest[DIGEST], const struct weir_key *k,
		 const uint8_t *bytes, size_t len)
{
	struct weir_sign_batch *b = c->batch;
	struct wanted *w;

	if (!b)
		b = c->batch = weir_new(struct weir_sign_batch);
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->of = weir_grow(b->of, b->room, sizeof(*b->of));
	}
	w = &b->of[b->n++];
	*w = (struct wanted){ .key = k, .bytes = weir_alloc(1, len), .len = len };
	memcpy(w->bytes, bytes, len);
	memcpy(w->entry.digest, digest, DIGEST);
	w->entry.used_s = b->now_s = c->now_s;
}

struct weir_sign_batch *weir_sign_cache_missing(struct weir_sign_cache *c)
{
	struct weir_sign_batch *b = c->batch;

	c->batch = NULL;
	return b;
}

uint32_t weir_sign_batch_size(const struct weir_sign_batch *b)
{
	return b->n;
}

void weir_sign_batch_run(struct weir_sign_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		sign(b->of[i].key, b->now_s, b->of[i].bytes, b->of[i].len, &b->of[i].entry.sig);
}

void weir_sign_batch_free(struct weir_sign_batch *b)
{
	for (uint32_t i = 0; b && i < b->n; i++)
		free(b->of[i].bytes);
	if (b)
		free(b->of);
	free(b);
}

static void keep(struct weir_sign_cache *c, const struct entry *e)
{
	struct entry *slot = slot_of(c, e->digest);

	if (!slot->sig.until_s && 2 * ++c->used > c->mask) {
		rehash(c, 2 * (c->mask + 1), 0);
		c->used++;
		slot = slot_of(c, e->digest);
	}
	*slot = *e;
	c->stats.made++;
}

void weir_sign_cache_take(struct weir_sign_cache *c, struct weir_sign_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		keep(c, &b->of[i].entry);
	weir_sign_batch_free(b);
}

/* --- for zone/ --- */

/* One that has no budget left is answered with a signature that is none. */
static void make(struct weir_sign_cache *c, const uint8_t digest[DIGEST], const struct weir_key *k,
		 uint8_t *bytes, size_t len, struct weir_sig *out)
{
	struct entry e = { .used_s = c->now_s };

	if (!c->budget) {
		*out = (struct weir_sig){ .from_s = c->now_s, .until_s = c->now_s };
		note(c, digest, k, bytes, len);
		return;
	}
	c->budget -= c->budget != UINT32_MAX;
	sign(k, c->now_s, bytes, len, out);
	memcpy(e.digest, digest, DIGEST);
	e.sig = *out;
	keep(c, &e);
}

void weir_sign_cached(void *cache, const void *key, uint8_t *bytes, size_t len,
		      struct weir_sig *out)
{
	struct weir_sign_cache *c = cache;
	uint8_t digest[DIGEST];
	struct entry *e;

	digest_of(c, key, bytes, len, digest);
	e = slot_of(c, digest);
	if (!is_fresh(&e->sig, c->now_s)) {
		make(c, digest, key, bytes, len, out);
		return;
	}
	stamp(bytes, &e->sig);
	c->stats.kept++;
	e->used_s = c->now_s;
	*out = e->sig;
}

void weir_sign_now(void *now_s, const void *key, uint8_t *bytes, size_t len, struct weir_sig *out)
{
	const uint32_t *now = now_s;

	sign(key, *now, bytes, len, out);
}
