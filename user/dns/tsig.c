/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tsig.c - signed messages. */
#include "dns/tsig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/wire.h"
#include "zone/message.h"
#include "zone/types.h"

#define TYPE_TSIG 250
#define FUDGE_S   300

enum {
	BADSIG = 16,
	BADKEY = 17,
	BADTIME = 18,
};

/* By enum weir_tsig_algorithm. */
static const struct {
	const char *name;
	const char *digest;
	uint16_t bytes;
} algorithms[] = {
	{ "hmac-sha256", "SHA256", 32 },
	{ "hmac-sha384", "SHA384", 48 },
	{ "hmac-sha512", "SHA512", 64 },
};

static uint8_t *put48(uint8_t *p, uint64_t v)
{
	p = weir_put16(p, (unsigned)(v >> 32));
	p = weir_put16(p, (unsigned)(v >> 16) & 0xffff);
	return weir_put16(p, (unsigned)v & 0xffff);
}

static uint8_t *put(uint8_t *p, const void *from, size_t n)
{
	if (n) /* from NULL has none */
		memcpy(p, from, n);
	return p + n;
}

/* --- what is signed (RFC 8945, 4.3) --- */

struct digest {
	HMAC_CTX *hmac;
	bool ok;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the way of OpenSSL 1.1, which 3 has \
							    */

static struct digest digest_begin(const struct weir_tsig_key *key)
{
	struct digest d = { .hmac = HMAC_CTX_new() };

	d.ok = d.hmac &&
	       HMAC_Init_ex(d.hmac, key->secret, key->secret_bytes,
			    EVP_get_digestbyname(algorithms[key->algorithm].digest), NULL);
	return d;
}

static void digest_add(struct digest *d, const void *bytes, size_t n)
{
	d->ok = d->ok && (!n || HMAC_Update(d->hmac, bytes, n));
}

/* False: the library failed; then there is no signature. */
static bool digest_end(struct digest *d, uint8_t out[64], uint16_t *bytes)
{
	unsigned n = 0;

	d->ok = d->ok && HMAC_Final(d->hmac, out, &n);
	HMAC_CTX_free(d->hmac);
	*bytes = (uint16_t)n;
	return d->ok;
}

#pragma GCC diagnostic pop

static void add_mac(struct digest *d, const struct weir_tsig *t)
{
	uint8_t size[2];

	weir_put16(size, t->mac_bytes);
	digest_add(d, size, sizeof(size));
	digest_add(d, t->mac, t->mac_bytes);
}

/* The message without its signature: with the id that it had, and a record less. */
static void add_message(struct digest *d, const uint8_t *msg, size_t len, uint16_t id,
			unsigned additional)
{
	uint8_t header[WEIR_DNS_HEADER];

	memcpy(header, msg, sizeof(header));
	weir_put16(header, id);
	weir_put16(header + 10, additional);
	digest_add(d, header, sizeof(header));
	digest_add(d, msg + sizeof(header), len - sizeof(header));
}

/* The variables of the record; of messages that follow the first its times alone. */
static void add_variables(struct digest *d, const struct weir_tsig *t, const uint8_t *other,
			  unsigned other_bytes, bool all)
{
	uint8_t b[WEIR_NAME_MAX + 6 + WEIR_NAME_MAX + 12], *p = b;

	if (all) {
		p = put(p, t->name.wire, t->name.len);
		p = weir_put16(p, WEIR_TYPE_ANY);
		p = weir_put16(weir_put16(p, 0), 0);
		p = put(p, t->algorithm.wire, t->algorithm.len);
	}
	p = weir_put16(put48(p, t->time_s), FUDGE_S);
	if (all)
		p = weir_put16(weir_put16(p, t->error), other_bytes);
	digest_add(d, b, (size_t)(p - b));
	if (all)
		digest_add(d, other, other_bytes);
}

/* --- reading --- */

/* Where the last record begins; 0: there is none, or the message is malformed. */
static size_t last_record(const uint8_t *msg, size_t len)
{
	unsigned n = weir_get16(msg + 6) + weir_get16(msg + 8) + weir_get16(msg + 10);
	size_t at = WEIR_DNS_HEADER, last = 0;

	if (!weir_get16(msg + 10) || weir_get16(msg + 4) != 1)
		return 0;
	at = weir_name_skip(msg, len, at);
	if (!at || len - at < 4)
		return 0;
	for (at += 4; n; n--) {
		last = at;
		at = weir_name_skip(msg, len, at);
		if (!at || len - at < WEIR_RR_FIXED)
			return 0;
		at += WEIR_RR_FIXED + (size_t)weir_get16(msg + at + 8);
		if (at > len)
			return 0;
	}
	return at == len ? last : 0;
}

static const struct weir_tsig_key *find_key(const struct weir_zones *z, const struct weir_tsig *t)
{
	uint32_t n;
	const struct weir_tsig_key *keys = weir_zones_tsig_keys(z, &n);

	for (uint32_t i = 0; i < n; i++) {
		struct weir_name name, algorithm;

		if (weir_name_parse(keys[i].name, &name) && name.len == t->name.len &&
		    !memcmp(name.wire, t->name.wire, name.len) &&
		    weir_name_parse(algorithms[keys[i].algorithm].name, &algorithm) &&
		    algorithm.len == t->algorithm.len &&
		    !memcmp(algorithm.wire, t->algorithm.wire, algorithm.len))
			return &keys[i];
	}
	return NULL;
}

/* What the record says, from behind its owner. False: malformed. */
static bool read_data(struct weir_tsig *t, const uint8_t *msg, size_t len, size_t at,
		      const uint8_t **mac)
{
	size_t end = at + WEIR_RR_FIXED + weir_get16(msg + at + 8);

	at = weir_name_read(msg, end, at + WEIR_RR_FIXED, &t->algorithm);
	if (!at || end != len || end - at < 16)
		return false;
	t->client_time_s = (uint64_t)weir_get16(msg + at) << 32 |
			   (uint64_t)weir_get16(msg + at + 2) << 16 | weir_get16(msg + at + 4);
	t->mac_bytes = weir_get16(msg + at + 8);
	*mac = msg + at + 10;
	at += 10 + (size_t)t->mac_bytes;
	if (at + 6 > end || t->mac_bytes > sizeof(t->mac))
		return false;
	t->original_id = weir_get16(msg + at);
	return at + 6 + weir_get16(msg + at + 4) == end;
}

/* Whether the signature is the message's; the times come after it (RFC 8945, 5.2). */
static uint16_t judge(struct weir_tsig *t, const uint8_t *query, const uint8_t *mac, uint32_t now_s)
{
	const uint8_t *other = mac + t->mac_bytes + 6;
	struct digest d = digest_begin(t->key);
	uint64_t now = now_s;
	uint8_t want[64];
	uint16_t bytes;

	t->time_s = t->client_time_s;
	t->error = weir_get16(mac + t->mac_bytes + 2);
	add_message(&d, query, t->at, t->original_id, weir_get16(query + 10) - 1u);
	add_variables(&d, t, other, weir_get16(mac + t->mac_bytes + 4), true);
	t->error = 0;
	if (!digest_end(&d, want, &bytes) || t->mac_bytes != bytes ||
	    CRYPTO_memcmp(want, mac, bytes) != 0)
		return BADSIG;
	memcpy(t->mac, want, bytes);
	return now > t->client_time_s + FUDGE_S || t->client_time_s > now + FUDGE_S ? BADTIME : 0;
}

bool weir_tsig_read(struct weir_tsig *t, const struct weir_zones *z, const uint8_t *query,
		    size_t len, uint32_t now_s)
{
	const uint8_t *mac = NULL;
	size_t fixed;

	t->at = len < WEIR_DNS_HEADER ? 0 : last_record(query, len);
	if (!t->at)
		return false;
	fixed = weir_name_read(query, len, t->at, &t->name);
	if (!fixed || weir_get16(query + fixed) != TYPE_TSIG)
		return false;
	t->key = NULL;
	t->error = BADSIG;
	t->mac_bytes = 0;
	t->original_id = weir_get16(query);
	if (!read_data(t, query, len, fixed, &mac)) {
		t->algorithm = (struct weir_name){ .len = 1 };
		return true;
	}
	t->key = find_key(z, t);
	t->error = t->key ? judge(t, query, mac, now_s) : BADKEY;
	return true;
}

/* --- writing --- */

static size_t write_record(struct weir_tsig *t, uint8_t *msg, size_t len, bool with_mac,
			   const uint8_t *other, unsigned other_bytes)
{
	unsigned mac = with_mac ? t->mac_bytes : 0;
	uint8_t *p = put(msg + len, t->name.wire, t->name.len);

	p = weir_put16(weir_put16(p, TYPE_TSIG), WEIR_TYPE_ANY);
	p = weir_put16(weir_put16(p, 0), 0);
	p = weir_put16(p, t->algorithm.len + 16u + mac + other_bytes);
	p = put(p, t->algorithm.wire, t->algorithm.len);
	p = weir_put16(put48(p, t->time_s), FUDGE_S);
	p = weir_put16(p, mac);
	p = put(p, t->mac, mac);
	p = weir_put16(weir_put16(weir_put16(p, t->original_id), t->error), other_bytes);
	p = put(p, other, other_bytes);
	weir_put16(msg + 10, weir_get16(msg + 10) + 1u);
	return (size_t)(p - msg);
}

size_t weir_tsig_sign(struct weir_tsig *t, uint8_t *msg, size_t len, bool first, uint32_t now_s)
{
	unsigned other_bytes = t->error == BADTIME ? 6 : 0;
	uint8_t other[6], mac[64];
	struct digest d;

	t->time_s = t->error == BADTIME ? t->client_time_s : now_s;
	put48(other, now_s);
	if (!t->key || t->error == BADSIG)
		return write_record(t, msg, len, false, other, 0);
	d = digest_begin(t->key);
	add_mac(&d, t);
	add_message(&d, msg, len, t->original_id, weir_get16(msg + 10));
	add_variables(&d, t, other, other_bytes, first);
	if (!digest_end(&d, mac, &t->mac_bytes))
		return len;
	memcpy(t->mac, mac, t->mac_bytes);
	return write_record(t, msg, len, true, other, other_bytes);
}

size_t weir_tsig_begin(struct weir_tsig *t, const struct weir_tsig_key *key, uint8_t *msg,
		       size_t len, uint32_t now_s)
{
	struct digest d = digest_begin(key);

	*t = (struct weir_tsig){ .key = key, .time_s = now_s, .original_id = weir_get16(msg) };
	if (!weir_name_parse(key->name, &t->name) ||
	    !weir_name_parse(algorithms[key->algorithm].name, &t->algorithm))
		return len;
	add_message(&d, msg, len, t->original_id, weir_get16(msg + 10));
	add_variables(&d, t, NULL, 0, true);
	if (!digest_end(&d, t->mac, &t->mac_bytes))
		return len;
	return write_record(t, msg, len, true, NULL, 0);
}
