/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.h - a key that signs a zone: ECDSA P-256 with SHA-256 (RFC 6605). A key is immutable; any
 * thread may sign with it. */
#ifndef WEIR_SIGN_KEY_H
#define WEIR_SIGN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/sign.h"

#define WEIR_KEY_PUBLIC   64
#define WEIR_DNSKEY_BYTES (4 + WEIR_KEY_PUBLIC)
#define WEIR_DS_BYTES     (4 + 32)

struct weir_key;

/* A new one. The caller's: weir_key_free(). NULL: libcrypto has no random numbers. */
struct weir_key *weir_key_make(bool is_ksk);

/* The private key as text (PKCS #8 in PEM), the caller's to free; and back. NULL: it is no such
 * key. */
char *weir_key_text(const struct weir_key *k);
struct weir_key *weir_key_read(const char *text, bool is_ksk);
void weir_key_free(struct weir_key *k); /* takes NULL */

/* The data of its DNSKEY (ZONE, and SEP for one that a parent vouches for), of which CDNSKEY has
 * the same; its tag (RFC 4034, B); and of the DS of a zone, a wire name in lower case, of which CDS
 * has the same (SHA-256). */
void weir_key_dnskey(const struct weir_key *k, uint8_t out[WEIR_DNSKEY_BYTES]);
uint16_t weir_key_tag(const struct weir_key *k);
void weir_key_ds(const struct weir_key *k, const uint8_t *zone, size_t len,
		 uint8_t out[WEIR_DS_BYTES]);

/* Signs. False: libcrypto could not. */
bool weir_key_sign(const struct weir_key *k, const uint8_t *bytes, size_t len,
		   uint8_t out[WEIR_SIG_BYTES]);

/* Whether a signature is right. */
bool weir_key_verify(const struct weir_key *k, const uint8_t *bytes, size_t len,
		     const uint8_t sig[WEIR_SIG_BYTES]);

#endif
