/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and signatures as libcrypto makes them, and what is not signed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sign/cache.h"
#include "sign/key.h"

#define NOW 1700000000u

/* RFC 6605, 6.1: its private key, and what it says of DNSKEY and DS. */
static const char rfc_key[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAZTpKdD8677ELlG6a4\n"
			      "hQi4lm15dPbPQ7+iTWzfwS3qZA==\n"
			      "-----END PRIVATE KEY-----\n";
static const uint8_t rfc_public[] = { 0x1a, 0x88, 0xc8, 0x86, 0x15, 0xd4, 0x37, 0xfb };
static const uint8_t rfc_digest[] = { 0xb4, 0xc8, 0xc1, 0xfe, 0x2e, 0x74, 0x77, 0x12 };

static void a_key_outlives_its_text(void **state)
{
	struct weir_key *k = weir_key_make(true), *same;
	uint8_t a[WEIR_DNSKEY_BYTES], b[WEIR_DNSKEY_BYTES], sig[WEIR_SIG_BYTES];
	const uint8_t bytes[] = "what is signed";
	char *text = weir_key_text(k);

	(void)state;
	same = weir_key_read(text, true);
	assert_non_null(same);
	weir_key_dnskey(k, a);
	weir_key_dnskey(same, b);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(a[0] << 8 | a[1], 257);
	assert_true(weir_key_sign(same, bytes, sizeof(bytes), sig));
	assert_true(weir_key_verify(k, bytes, sizeof(bytes), sig));
	assert_false(weir_key_verify(k, bytes, sizeof(bytes) - 1, sig));
	sig[20] ^= 1;
	assert_false(weir_key_verify(k, bytes, sizeof(bytes), sig));
	weir_key_free(k);
	weir_key_free(same);
	free(text);
}

static void dnskey_and_ds_are_those_of_the_rfc(void **state)
{
	static const uint8_t zone[] = "\7example\3net";
	struct weir_key *k = weir_key_read(rfc_key, true);
	uint8_t dnskey[WEIR_DNSKEY_BYTES], ds[WEIR_DS_BYTES];

	(void)state;
	assert_non_null(k);
	assert_int_equal(weir_key_tag(k), 55648);
	weir_key_dnskey(k, dnskey);
	assert_memory_equal(dnskey, "\1\1\3\15", 4);
	assert_memory_equal(dnskey + 4, rfc_public, sizeof(rfc_public));
	weir_key_ds(k, zone, sizeof(zone), ds);
	assert_int_equal(ds[0] << 8 | ds[1], 55648);
	assert_memory_equal(ds + 2, "\15\2", 2);
	assert_memory_equal(ds + 4, rfc_digest, sizeof(rfc_digest));
	weir_key_free(k);
}

static void what_is_no_key_is_refused(void **state)
{
	(void)state;
	assert_null(weir_key_read("", true));
	assert_null(weir_key_read("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
				  true));
	assert_null(weir_key_read(rfc_key + 30, true));
}

static void what_was_signed_is_not_signed_again(void **state)
{
	struct weir_key *k = weir_key_make(false), *other = weir_key_make(false);
	struct weir_sign_cache *c = weir_sign_cache_new();
	struct weir_sign_stats stats;
	struct weir_sig first, again;
	uint8_t bytes[60] = { 0 };

	(void)state;
	weir_sign_cache_at(c, NOW);
	weir_sign_cached(c, k, bytes, sizeof(bytes), &first);
	assert_true(weir_key_verify(k, bytes, sizeof(bytes), first.bytes)); /* with times and tag */
	assert_int_equal(first.from_s, NOW - WEIR_SIG_EARLY_S);
	assert_in_range(first.until_s, NOW + WEIR_SIG_LASTS_S,
			NOW + WEIR_SIG_LASTS_S + WEIR_SIG_JITTER_S);
	assert_int_equal(first.tag, weir_key_tag(k));
	for (unsigned day = 0; day < 7; day++) {
		memset(bytes, 0, sizeof(bytes));
		weir_sign_cache_at(c, NOW + day * 86400);
		weir_sign_cached(c, k, bytes, sizeof(bytes), &again);
		assert_memory_equal(&again, &first, sizeof(again));
	}
	weir_sign_cache_stats(c, &stats);
	assert_int_equal(stats.made, 1);
	assert_int_equal(stats.kept, 7);
	memset(bytes, 0, sizeof(bytes));
	weir_sign_cached(c, other, bytes, sizeof(bytes), &again); /* another key */
	assert_int_equal(again.tag, weir_key_tag(other));
	memset(bytes, 0, sizeof(bytes));
	weir_sign_cache_at(c, first.until_s - WEIR_SIG_RENEW_S); /* it ends too soon */
	weir_sign_cached(c, k, bytes, sizeof(bytes), &again);
	assert_true(again.until_s > first.until_s);
	weir_sign_cache_at(c, NOW); /* the clock was wrong */
	memset(bytes, 0, sizeof(bytes));
	weir_sign_cached(c, k, bytes, sizeof(bytes), &again);
	assert_int_equal(again.from_s, NOW - WEIR_SIG_EARLY_S);
	weir_sign_cache_stats(c, &stats);
	assert_int_equal(stats.made, 4);
	weir_sign_cache_free(c);
	weir_key_free(k);
	weir_key_free(other);
}

static void many_are_held_and_those_not_wanted_are_dropped(void **state)
{
	struct weir_key *k = weir_key_make(false);
	struct weir_sign_cache *c = weir_sign_cache_new();
	struct weir_sign_stats stats;
	struct weir_sig sig;

	(void)state;
	weir_sign_cache_at(c, NOW);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 1000; i++) {
			uint8_t bytes[60] = { 0 };

			memcpy(bytes + 40, &i, sizeof(i));
			weir_sign_cached(c, k, bytes, sizeof(bytes), &sig);
			assert_true(weir_key_verify(k, bytes, sizeof(bytes), sig.bytes));
		}
	weir_sign_cache_stats(c, &stats);
	assert_int_equal(stats.made, 1000);
	assert_int_equal(stats.held, 1000);
	weir_sign_cache_at(c, NOW + 80000);
	for (unsigned i = 0; i < 10; i++) {
		uint8_t bytes[60] = { 0 };

		memcpy(bytes + 40, &i, sizeof(i));
		weir_sign_cached(c, k, bytes, sizeof(bytes), &sig);
	}
	weir_sign_cache_at(c, NOW + 100000);
	weir_sign_cache_stats(c, &stats);
	assert_int_equal(stats.held, 10);
	assert_int_equal(stats.made, 1000);
	weir_sign_cache_free(c);
	weir_key_free(k);
}

static void what_is_beyond_the_budget_is_signed_elsewhere(void **state)
{
	struct weir_key *k = weir_key_make(false);
	struct weir_sign_cache *c = weir_sign_cache_new();
	struct weir_sign_batch *b;
	struct weir_sign_stats stats;
	struct weir_sig sig;

	(void)state;
	weir_sign_cache_at(c, NOW);
	for (unsigned round = 0; round < 2; round++) {
		weir_sign_cache_budget(c, 5);
		for (unsigned i = 0; i < 300; i++) {
			uint8_t bytes[60] = { 0 };

			memcpy(bytes + 40, &i, sizeof(i));
			weir_sign_cached(c, k, bytes, sizeof(bytes), &sig);
			assert_int_equal(weir_key_verify(k, bytes, sizeof(bytes), sig.bytes),
					 round || i < 5);
		}
		b = weir_sign_cache_missing(c);
		assert_null(weir_sign_cache_missing(c));
		if (round) {
			assert_null(b);
			break;
		}
		assert_int_equal(weir_sign_batch_size(b), 295);
		weir_sign_batch_run(b);
		weir_sign_cache_take(c, b);
	}
	weir_sign_cache_stats(c, &stats);
	assert_int_equal(stats.made, 300);
	assert_int_equal(stats.kept, 300);
	weir_sign_cache_free(c);
	weir_key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_outlives_its_text),
		cmocka_unit_test(dnskey_and_ds_are_those_of_the_rfc),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(what_was_signed_is_not_signed_again),
		cmocka_unit_test(many_are_held_and_those_not_wanted_are_dropped),
		cmocka_unit_test(what_is_beyond_the_budget_is_signed_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
