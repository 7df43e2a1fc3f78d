/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.c - keys, by libcrypto. */
#include "sign/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define COORDINATE    32
#define POINT         (1 + 2 * COORDINATE) /* not compressed */
#define SIG_DER_BYTES 80                   /* is enough for two numbers of 33 bytes */
#define PROTOCOL      3

struct weir_key {
	EVP_PKEY *pkey;
	uint8_t dnskey[WEIR_DNSKEY_BYTES];
	uint16_t tag;
};

static uint16_t tag_of(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

/* Takes pkey over, NULL as well. */
static struct weir_key *key_of(EVP_PKEY *pkey, bool is_ksk)
{
	struct weir_key *k;
	uint8_t point[POINT];
	char group[32] = "";
	size_t len = 0;

	if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC ||
	    !EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ||
	    strcmp(group, SN_X9_62_prime256v1) != 0 ||
	    !EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					     &len) ||
	    len != POINT || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k = weir_new(struct weir_key);
	k->pkey = pkey;
	k->dnskey[0] = 1; /* ZONE */
	k->dnskey[1] = is_ksk;
	k->dnskey[2] = PROTOCOL;
	k->dnskey[3] = WEIR_SIG_ALGORITHM;
	memcpy(k->dnskey + 4, point + 1, WEIR_KEY_PUBLIC);
	k->tag = tag_of(k->dnskey, sizeof(k->dnskey));
	return k;
}

struct weir_key *weir_key_make(bool is_ksk)
{
	return key_of(EVP_EC_gen("P-256"), is_ksk);
}

struct weir_key *weir_key_read(const char *text, bool is_ksk)
{
	BIO *b = BIO_new_mem_buf(text, -1);
	EVP_PKEY *pkey = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, (void *)"") : NULL;

	BIO_free(b);
	return key_of(pkey, is_ksk);
}

char *weir_key_text(const struct weir_key *k)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL, *bytes;
	long len;

	if (b && PEM_write_bio_PKCS8PrivateKey(b, k->pkey, NULL, NULL, 0, NULL, NULL)) {
		len = BIO_get_mem_data(b, &bytes);
		text = weir_alloc(1, (size_t)len + 1);
		memcpy(text, bytes, (size_t)len);
	}
	BIO_free(b);
	return text;
}

void weir_key_free(struct weir_key *k)
{
	if (k)
		EVP_PKEY_free(k->pkey);
	free(k);
}

void weir_key_dnskey(const struct weir_key *k, uint8_t out[WEIR_DNSKEY_BYTES])
{
	memcpy(out, k->dnskey, sizeof(k->dnskey));
}

uint16_t weir_key_tag(const struct weir_key *k)
{
	return k->tag;
}

void weir_key_ds(const struct weir_key *k, const uint8_t *zone, size_t len,
		 uint8_t out[WEIR_DS_BYTES])
{
	uint8_t bytes[255 + WEIR_DNSKEY_BYTES];

	memcpy(bytes, zone, len);
	memcpy(bytes + len, k->dnskey, sizeof(k->dnskey));
	out[0] = (uint8_t)(k->tag >> 8);
	out[1] = (uint8_t)k->tag;
	out[2] = WEIR_SIG_ALGORITHM;
	out[3] = 2; /* SHA-256 */
	SHA256(bytes, len + sizeof(k->dnskey), out + 4);
}

/* --- signatures: DNSSEC has two numbers of 32 bytes, libcrypto DER --- */

static bool from_der(const uint8_t *der, size_t len, uint8_t out[WEIR_SIG_BYTES])
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), out, COORDINATE) == COORDINATE &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(s), out + COORDINATE, COORDINATE) == COORDINATE;

	ECDSA_SIG_free(s);
	return ok;
}

bool weir_key_sign(const struct weir_key *k, const uint8_t *bytes, size_t len,
		   uint8_t out[WEIR_SIG_BYTES])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	uint8_t der[SIG_DER_BYTES];
	size_t n = sizeof(der);
	bool ok = m && EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		  EVP_DigestSign(m, der, &n, bytes, len) == 1 && from_der(der, n, out);

	EVP_MD_CTX_free(m);
	return ok;
}

static int to_der(const uint8_t sig[WEIR_SIG_BYTES], uint8_t **der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, COORDINATE, NULL);
	BIGNUM *t = BN_bin2bn(sig + COORDINATE, COORDINATE, NULL);
	int n = -1;

	if (s && r && t && ECDSA_SIG_set0(s, r, t)) {
		n = i2d_ECDSA_SIG(s, der);
	} else {
		BN_free(r);
		BN_free(t);
	}
	ECDSA_SIG_free(s);
	return n;
}

bool weir_key_verify(const struct weir_key *k, const uint8_t *bytes, size_t len,
		     const uint8_t sig[WEIR_SIG_BYTES])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int n = to_der(sig, &der);
	bool ok = n > 0 && m && EVP_DigestVerifyInit(m, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		  EVP_DigestVerify(m, der, (size_t)n, bytes, len) == 1;

	OPENSSL_free(der);
	EVP_MD_CTX_free(m);
	return ok;
}
