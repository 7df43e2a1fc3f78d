/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.h - a validator (RFC 4035, 5) that knows nothing of user/zone and nothing of what is in the
 * zones: it reads a reply and says what in it does not hold. Its signatures are hashes. */
#ifndef TESTS_UNIT_ZONE_JUDGE_H
#define TESTS_UNIT_ZONE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "zone/sign.h"

#define JUDGE_FROM  1000u
#define JUDGE_UNTIL 2000u
#define JUDGE_RRS   3000

enum {
	J_NS = 2,
	J_CNAME = 5,
	J_SOA = 6,
	J_OPT = 41,
	J_DS = 43,
	J_RRSIG = 46,
	J_NSEC = 47,
	J_DNSKEY = 48
};

/* A key is its tag. */
static inline void judge_sign(void *arg, const void *key, uint8_t *bytes, size_t len,
			      struct weir_sig *out)
{
	const uint16_t *tag = key;

	*out = (struct weir_sig){ .from_s = JUDGE_FROM, .until_s = JUDGE_UNTIL, .tag = *tag };
	for (unsigned i = 0; i < 4; i++) {
		bytes[8 + i] = (uint8_t)(JUDGE_UNTIL >> (24 - 8 * i));
		bytes[12 + i] = (uint8_t)(JUDGE_FROM >> (24 - 8 * i));
	}
	bytes[16] = (uint8_t)(*tag >> 8);
	bytes[17] = (uint8_t)*tag;
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t h = weir_hash_bytes(i * 65537 + *tag, bytes, len);

		memcpy(out->bytes + 8 * i, &h, 8);
	}
	if (arg)
		++*(uint64_t *)arg;
}

struct judge_rr {
	uint8_t owner[256]; /* lower case, not compressed */
	const uint8_t *data;
	uint32_t ttl;
	uint16_t type, len;
	uint8_t section; /* 1 to 3 */
};

struct judged {
	struct judge_rr rrs[JUDGE_RRS];
	unsigned n, rcode;
	bool aa;
	char why[300]; /* "": all holds */
};

/* --- names --- */

static inline size_t judge_len(const uint8_t *n)
{
	size_t len = 0;

	while (n[len])
		len += 1u + n[len];
	return len + 1;
}

static inline unsigned judge_labels(const uint8_t *n)
{
	unsigned k = 0;

	for (; *n; n += 1u + *n)
		k++;
	return k;
}

/* The name without its first labels, so that only so many are left. */
static inline const uint8_t *judge_last(const uint8_t *n, unsigned labels)
{
	for (unsigned k = judge_labels(n); k > labels; k--)
		n += 1u + *n;
	return n;
}

static inline bool judge_eq(const uint8_t *a, const uint8_t *b)
{
	return judge_len(a) == judge_len(b) && !memcmp(a, b, judge_len(a));
}

static inline bool judge_is_in(const uint8_t *n, const uint8_t *above)
{
	return judge_labels(n) >= judge_labels(above) &&
	       judge_eq(judge_last(n, judge_labels(above)), above);
}

static inline int judge_cmp(const uint8_t *a, const uint8_t *b)
{
	unsigned n = judge_labels(a), m = judge_labels(b);

	for (unsigned i = 1; i <= n && i <= m; i++) {
		const uint8_t *x = judge_last(a, i), *y = judge_last(b, i);

		for (unsigned k = 1; k <= *x || k <= *y; k++) {
			int p = k <= *x ? x[k] : -1, q = k <= *y ? y[k] : -1;

			if (p != q)
				return p - q;
		}
	}
	return (int)n - (int)m;
}

/* How many labels the longest name has that both are in. */
static inline unsigned judge_common(const uint8_t *a, const uint8_t *b)
{
	unsigned k = 0;

	while (k < judge_labels(a) && k < judge_labels(b) &&
	       judge_eq(judge_last(a, k + 1), judge_last(b, k + 1)))
		k++;
	return k;
}

static inline size_t judge_name(const uint8_t *m, size_t at, uint8_t out[256])
{
	size_t end = 0, n = 0;

	for (;;) {
		unsigned l = m[at];

		if (l >= 0xc0) {
			end = end ? end : at + 2;
			at = (l & 63u) << 8 | m[at + 1];
			continue;
		}
		out[n++] = (uint8_t)l;
		at++;
		if (!l)
			return end ? end : at;
		for (; l; l--, at++)
			out[n++] = m[at] >= 'A' && m[at] <= 'Z' ? m[at] + 32 : m[at];
	}
}

/* --- reading: the reply is well formed, or it would not have come as far as here --- */

static inline void judge_read(struct judged *j, const uint8_t *m)
{
	unsigned n[4];
	size_t at = 12;
	uint8_t name[256];

	j->n = 0;
	j->why[0] = 0;
	j->rcode = m[3] & 15;
	j->aa = m[2] & 4;
	for (unsigned i = 0; i < 4; i++)
		n[i] = (unsigned)m[4 + 2 * i] << 8 | m[5 + 2 * i];
	at = judge_name(m, at, name) + 4;
	for (uint8_t s = 1; s < 4; s++) {
		for (unsigned i = 0; i < n[s]; i++) {
			struct judge_rr *r = &j->rrs[j->n++];

			at = judge_name(m, at, r->owner);
			r->type = (uint16_t)(m[at] << 8 | m[at + 1]);
			r->ttl = (uint32_t)m[at + 4] << 24 | (uint32_t)m[at + 5] << 16 |
				 (uint32_t)m[at + 6] << 8 | m[at + 7];
			r->len = (uint16_t)(m[at + 8] << 8 | m[at + 9]);
			r->data = m + at + 10;
			r->section = s;
			at += 10u + r->len;
		}
	}
}

static inline void judge_fail(struct judged *j, const char *why, const uint8_t *name)
{
	char text[256] = "";

	for (size_t i = 0, n = 0; name && name[i] && n < 200;) {
		for (unsigned k = name[i++]; k; k--)
			text[n++] = (char)name[i++];
		text[n++] = '.';
	}
	if (!j->why[0])
		snprintf(j->why, sizeof(j->why), "%s: %s", text, why);
}

/* --- signatures --- */

static inline int judge_by_data(const void *x, const void *y)
{
	const struct judge_rr *a = *(struct judge_rr *const *)x;
	const struct judge_rr *b = *(struct judge_rr *const *)y;
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order ? order : (int)a->len - (int)b->len;
}

/* Whether sig is right for the set of its owner and type in its section. */
static inline bool judge_verify(const struct judged *j, const struct judge_rr *sig)
{
	static uint8_t bytes[400000];
	uint16_t type = (uint16_t)(sig->data[0] << 8 | sig->data[1]);
	uint16_t tag = (uint16_t)(sig->data[16] << 8 | sig->data[17]);
	size_t fixed = 18 + judge_len(sig->data + 18), len = fixed;
	const struct judge_rr *set[JUDGE_RRS];
	struct weir_sig want;
	uint8_t owner[256] = { 1, '*' };
	unsigned n = 0, labels = sig->data[3];

	if (sig->len != fixed + 64 || sig->data[2] != 13 ||
	    !judge_is_in(sig->owner, sig->data + 18))
		return false;
	if (labels < judge_labels(sig->owner))
		memcpy(owner + 2, judge_last(sig->owner, labels),
		       judge_len(judge_last(sig->owner, labels)));
	else
		memcpy(owner, sig->owner, judge_len(sig->owner));
	for (unsigned i = 0; i < j->n; i++)
		if (j->rrs[i].type == type && j->rrs[i].section == sig->section &&
		    judge_eq(j->rrs[i].owner, sig->owner))
			set[n++] = &j->rrs[i];
	qsort(set, n, sizeof(*set), judge_by_data);
	memcpy(bytes, sig->data, fixed);
	for (unsigned i = 0; i < n; i++) {
		uint8_t head[10] = { (uint8_t)(type >> 8), (uint8_t)type, 0, 1 };

		if (set[i]->ttl != sig->ttl || (i && !judge_by_data(&set[i], &set[i - 1])))
			return false;
		memcpy(head + 4, sig->data + 4, 4); /* the original TTL */
		head[8] = (uint8_t)(set[i]->len >> 8);
		head[9] = (uint8_t)set[i]->len;
		memcpy(bytes + len, owner, judge_len(owner));
		len += judge_len(owner);
		memcpy(bytes + len, head, 10);
		memcpy(bytes + len + 10, set[i]->data, set[i]->len);
		len += 10u + set[i]->len;
	}
	judge_sign(NULL, &tag, bytes, len, &want);
	return n && !memcmp(bytes, sig->data, fixed) &&
	       !memcmp(want.bytes, sig->data + fixed, WEIR_SIG_BYTES);
}

/* How many signatures cover the set of a record; UINT_MAX: one of them is wrong. */
static inline unsigned judge_signatures(const struct judged *j, const struct judge_rr *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < j->n; i++) {
		const struct judge_rr *s = &j->rrs[i];

		if (s->type != J_RRSIG || s->section != r->section ||
		    !judge_eq(s->owner, r->owner) || (s->data[0] << 8 | s->data[1]) != r->type)
			continue;
		if (!judge_verify(j, s))
			return (unsigned)-1;
		n++;
	}
	return n;
}

/* --- denial --- */

static inline bool judge_has(const struct judge_rr *nsec, unsigned type)
{
	for (size_t at = judge_len(nsec->data); at + 2 < nsec->len; at += 2u + nsec->data[at + 1])
		if (nsec->data[at] == type >> 8 && (type & 255) / 8 < nsec->data[at + 1])
			return nsec->data[at + 2 + (type & 255) / 8] & (0x80 >> type % 8);
	return false;
}

static inline bool judge_covers(const struct judge_rr *nsec, const uint8_t *name)
{
	const uint8_t *next = nsec->data;

	if (judge_has(nsec, J_NS) && !judge_has(nsec, J_SOA) && judge_is_in(name, nsec->owner))
		return false; /* below a delegation it says nothing */
	if (judge_cmp(nsec->owner, name) >= 0)
		return false;
	return judge_cmp(name, next) < 0 || judge_cmp(next, nsec->owner) <= 0;
}

static inline const struct judge_rr *judge_nsec(const struct judged *j, const uint8_t *name,
						bool cover)
{
	for (unsigned i = 0; i < j->n; i++)
		if (j->rrs[i].type == J_NSEC && j->rrs[i].section == 2 &&
		    (cover ? judge_covers(&j->rrs[i], name) : judge_eq(j->rrs[i].owner, name)))
			return &j->rrs[i];
	return NULL;
}

/* "*" in front of the longest name that exists, by the NSEC that passes over name. */
static inline void judge_wildcard(const struct judge_rr *nsec, const uint8_t *name,
				  uint8_t out[256])
{
	unsigned a = judge_common(name, nsec->owner), b = judge_common(name, nsec->data);
	const uint8_t *encloser = judge_last(name, a > b ? a : b);

	out[0] = 1;
	out[1] = '*';
	memcpy(out + 2, encloser, judge_len(encloser));
}

static inline bool judge_lacks(const struct judge_rr *nsec, unsigned type)
{
	bool cut = judge_has(nsec, J_NS) && !judge_has(nsec, J_SOA);

	return !judge_has(nsec, type) && !judge_has(nsec, J_CNAME) && (!cut || type == J_DS);
}

static inline void judge_denial(struct judged *j, const uint8_t *name, unsigned type)
{
	const struct judge_rr *own = judge_nsec(j, name, false), *over, *wild;
	uint8_t star[256];

	if (j->rcode == 0 && own) {
		if (!judge_lacks(own, type))
			judge_fail(j, "its NSEC says that it has the type", name);
		return;
	}
	over = judge_nsec(j, name, true);
	if (!over) {
		judge_fail(j, "no NSEC passes over it", name);
		return;
	}
	if (j->rcode == 0 && judge_is_in(over->data, name))
		return; /* an empty non-terminal */
	judge_wildcard(over, name, star);
	wild = judge_nsec(j, star, j->rcode == 3);
	if (!wild) { /* the wildcard may be an empty non-terminal, too */
		over = j->rcode == 0 ? judge_nsec(j, star, true) : NULL;
		if (!over || !judge_is_in(over->data, star))
			judge_fail(j, "nothing is said of its wildcard", name);
	} else if (j->rcode == 0 && !judge_lacks(wild, type)) {
		judge_fail(j, "the wildcard's NSEC says that it has the type", name);
	} else if (j->rcode == 3 && judge_is_in(over->data, name)) {
		judge_fail(j, "there is a name below it: it exists", name);
	}
}

/* --- a reply --- */

static inline void judge_set(struct judged *j, const struct judge_rr *r, bool referral)
{
	unsigned n = judge_signatures(j, r);

	if (n == (unsigned)-1) {
		judge_fail(j, "a signature is wrong", r->owner);
	} else if (referral && r->type == J_NS) {
		const struct judge_rr *nsec = judge_nsec(j, r->owner, false);
		bool ds = false;

		for (unsigned i = 0; i < j->n; i++)
			ds |= j->rrs[i].type == J_DS && judge_eq(j->rrs[i].owner, r->owner);
		if (n)
			judge_fail(j, "a delegation's NS is signed", r->owner);
		else if (!ds && (!nsec || judge_has(nsec, J_DS) || !judge_has(nsec, J_NS) ||
				 judge_has(nsec, J_SOA)))
			judge_fail(j, "neither DS nor that there is none", r->owner);
	} else if (!n) {
		judge_fail(j, "is not signed", r->owner);
	}
}

/* An answer from a wildcard: the name itself must not exist. */
static inline void judge_expansion(struct judged *j, const struct judge_rr *sig)
{
	const struct judge_rr *over;
	uint8_t star[256];

	if (sig->section != 1 || sig->data[3] >= judge_labels(sig->owner) || sig->owner[1] == '*')
		return;
	over = judge_nsec(j, sig->owner, true);
	if (!over) {
		judge_fail(j, "from a wildcard, and may exist", sig->owner);
		return;
	}
	judge_wildcard(over, sig->owner, star);
	if (judge_labels(star) != sig->data[3] + 1u)
		judge_fail(j, "from a wildcard that is not the closest", sig->owner);
}

/* Reads and judges a reply to a question with DO. False: j->why. All zones that it is about are
 * signed. */
static inline bool judge(struct judged *j, const uint8_t *reply, const uint8_t *name, unsigned type)
{
	bool referral, answered = false, soa = false;
	uint8_t now[256];

	judge_read(j, reply);
	memcpy(now, name, judge_len(name));
	for (unsigned i = 0; i < j->n; i++)
		soa |= j->rrs[i].section == 2 && j->rrs[i].type == J_SOA;
	referral = !soa;
	for (unsigned i = 0; i < j->n; i++) {
		const struct judge_rr *r = &j->rrs[i];

		if (r->section == 3)
			continue;
		if (r->type == J_RRSIG)
			judge_expansion(j, r);
		else
			judge_set(j, r, r->section == 2 && referral);
		if (r->section == 1 && judge_eq(r->owner, now)) {
			answered |= r->type == type || type == 255 || type == J_RRSIG;
			if (r->type == J_CNAME && type != J_CNAME && type != 255)
				memcpy(now, r->data, r->len);
		}
	}
	if (soa && answered)
		judge_fail(j, "answered, and denied", now);
	else if (soa)
		judge_denial(j, now, type);
	return !j->why[0];
}

#endif
