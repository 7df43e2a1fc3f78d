/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sign.h - what zone/ has to know of keys and signatures (RFC 4034), and who makes them. Pure.
 *
 * A signature is made when a snapshot is built, never when it is asked for. Every set has one, by
 * the key of its zone; the keys themselves have one by each key that a parent may vouch for. */
#ifndef WEIR_ZONE_SIGN_H
#define WEIR_ZONE_SIGN_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_SIG_BYTES     64 /* ECDSA P-256 with SHA-256 (RFC 6605) */
#define WEIR_SIG_ALGORITHM 13
#define WEIR_KEYS_MAX      8  /* of a zone */
#define WEIR_RRSIG_FIXED   18 /* of its data, in front of the signer's name */
#define WEIR_RRSIG_UNTIL   8  /* where the times are in that, and the key's tag */
#define WEIR_RRSIG_FROM    12
#define WEIR_RRSIG_TAG     16

struct weir_sig {
	uint32_t from_s, until_s; /* wall clock, seconds since 1970 */
	uint16_t tag;             /* of the key */
	uint8_t bytes[WEIR_SIG_BYTES];
};

/* Signs with a key: bytes are the RRSIG's data but for the signature, in which times and tag are
 * still zero and are filled in, and then the records in canonical form (RFC 4034, 3.1.8.1). */
typedef void weir_sign_fn(void *arg, const void *key, uint8_t *bytes, size_t len,
			  struct weir_sig *out);

/* The data of a record. */
struct weir_data {
	const uint8_t *bytes;
	uint16_t len;
};

struct weir_data_list {
	struct weir_data of[WEIR_KEYS_MAX];
	uint32_t n;
};

/* The signatures of a zone file; immutable, refers to nothing. Freed with free(), after snapshots
 * that have it. */
struct weir_file_sigs {
	uint32_t n;
	uint32_t until_s; /* when the first of them ends */
	struct weir_sig of[];
};

/* How a zone is signed. */
struct weir_zone_keys {
	const void *zone_key;                /* signs all but these: */
	const void *key_keys[WEIR_KEYS_MAX]; /* sign DNSKEY, CDS and CDNSKEY */
	uint32_t n_key_keys;                 /* at least one */
	uint32_t ttl;                        /* of DNSKEY, CDS and CDNSKEY, s */
	struct weir_data_list dnskeys, cds, cdnskeys;
	struct weir_data_list ds;          /* what a parent zone of ours says */
	const struct weir_file_sigs *file; /* of the zone's file, if there is one */
};

struct weir_signer {
	const struct weir_zone_keys *const *zones; /* by zone of the model; NULL: is not signed */
	weir_sign_fn *sign;
	void *arg;
	uint32_t *max_ttl; /* by zone: raised to the longest TTL that is signed; NULL: not told */
};

#endif
