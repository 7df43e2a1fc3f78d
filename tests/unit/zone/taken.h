/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taken.h - a zone as another server takes it, and a judge of the whole: what has to be signed is,
 * with signatures that are right, and its NSECs are one ring that tells of each name what it has.
 */
#ifndef TESTS_UNIT_ZONE_TAKEN_H
#define TESTS_UNIT_ZONE_TAKEN_H

#include "signed.h"
#include "zone/transfer.h"

#define TAKEN_MESSAGES 64

struct taken_zone {
	struct judged all; /* as of one section; the SOA once */
	uint8_t apex[256];
	uint32_t serial;
	unsigned n_messages;
	uint8_t *messages[TAKEN_MESSAGES];
};

static inline void taken_free(struct taken_zone *t)
{
	while (t->n_messages)
		free(t->messages[--t->n_messages]);
}

static inline void taken_add(struct taken_zone *t, const struct judged *message)
{
	static const uint8_t counters = 20;

	for (unsigned i = 0; i < message->n; i++) {
		const struct judge_rr *r = &message->rrs[i];
		const uint8_t *n = r->data + r->len - counters;

		if (r->section != 1)
			continue;
		if (r->type == J_SOA) {
			uint32_t serial = (uint32_t)n[0] << 24 | (uint32_t)n[1] << 16 |
					  (uint32_t)n[2] << 8 | n[3];

			assert_true(!t->serial || serial == t->serial);
			if (t->serial)
				continue; /* at the end */
			t->serial = serial;
		}
		assert_true(t->all.n < JUDGE_RRS);
		t->all.rrs[t->all.n++] = *r;
	}
}

/* Takes a zone in messages of at most cap bytes. False: it is refused. */
static inline bool taken_take(struct taken_zone *t, const struct weir_zones *z, const char *zone,
			      size_t cap)
{
	static struct weir_transfer of;
	static struct judged message;
	const union weir_addr client = addr("192.0.2.1");
	struct msg m = ask(zone, AXFR);
	size_t len;

	memset(t, 0, sizeof(*t));
	memcpy(t->apex, m.b + 12, judge_len(m.b + 12));
	if (!weir_transfer_begin(&of, z, m.b, m.len, &client, NULL))
		return false;
	do {
		uint8_t *out = malloc(cap);

		assert_true(out && t->n_messages < TAKEN_MESSAGES);
		t->messages[t->n_messages++] = out;
		len = weir_transfer_next(&of, out, cap);
		if (!len)
			break;
		judge_read(&message, out);
		taken_add(t, &message);
	} while (len);
	return true;
}

static inline bool taken_has(const struct taken_zone *t, const struct judge_rr *r)
{
	for (unsigned i = 0; i < t->all.n; i++) {
		const struct judge_rr *o = &t->all.rrs[i];

		if (o->type == r->type && o->len == r->len && o->ttl == r->ttl &&
		    judge_eq(o->owner, r->owner) && !memcmp(o->data, r->data, r->len))
			return true;
	}
	return false;
}

static inline bool taken_is_made(unsigned type)
{
	return type == J_RRSIG || type == J_NSEC || type == J_DNSKEY || type == 59 || type == 60;
}

/* --- the judge --- */

/* 0: the zone's own; 1: of a delegation; 2: below one. */
static inline unsigned taken_place(const struct taken_zone *t, const uint8_t *owner)
{
	unsigned place = 0;

	for (unsigned i = 0; i < t->all.n; i++) {
		const struct judge_rr *ns = &t->all.rrs[i];

		if (ns->type != J_NS || judge_eq(ns->owner, t->apex) ||
		    !judge_is_in(owner, ns->owner))
			continue;
		if (!judge_eq(owner, ns->owner))
			return 2;
		place = 1;
	}
	return place;
}

static inline bool taken_is_told(unsigned place, unsigned type)
{
	return place == 0 ||
	       (place == 1 && (type == J_NS || type == J_DS || type == J_NSEC || type == J_RRSIG));
}

static inline const struct judge_rr *taken_nsec(const struct taken_zone *t, const uint8_t *owner)
{
	for (unsigned i = 0; i < t->all.n; i++)
		if (t->all.rrs[i].type == J_NSEC && judge_eq(t->all.rrs[i].owner, owner))
			return &t->all.rrs[i];
	return NULL;
}

static inline void taken_judge_rr(struct taken_zone *t, const struct judge_rr *r)
{
	unsigned place = taken_place(t, r->owner), n;
	const struct judge_rr *nsec = taken_nsec(t, r->owner);

	if (r->type == J_RRSIG) {
		if (!judge_verify(&t->all, r))
			judge_fail(&t->all, "a signature is wrong, or of nothing", r->owner);
	} else {
		n = judge_signatures(&t->all, r);
		if (taken_is_told(place, r->type) && !(place && r->type == J_NS) ? !n : n)
			judge_fail(&t->all, n ? "is signed" : "is not signed", r->owner);
	}
	if (place == 2 ? nsec != NULL : !nsec)
		judge_fail(&t->all, nsec ? "has an NSEC" : "has no NSEC", r->owner);
	else if (nsec && taken_is_told(place, r->type) && !judge_has(nsec, r->type))
		judge_fail(&t->all, "its NSEC does not say that it has a type", r->owner);
}

/* All types that an NSEC says. */
static inline void taken_judge_types(struct taken_zone *t, const struct judge_rr *nsec)
{
	for (unsigned type = 0; type < 65536; type++) {
		bool there = false;

		if (!judge_has(nsec, type))
			continue;
		for (unsigned i = 0; i < t->all.n; i++)
			there |= t->all.rrs[i].type == type &&
				 judge_eq(t->all.rrs[i].owner, nsec->owner);
		if (!there)
			judge_fail(&t->all, "its NSEC says a type that it has not", nsec->owner);
	}
}

/* From each name to the next one that has an NSEC, and in the end back. */
static inline void taken_judge_ring(struct taken_zone *t, const struct judge_rr *nsec)
{
	for (unsigned i = 0; i < t->all.n; i++)
		if (t->all.rrs[i].type == J_NSEC &&
		    judge_cmp(nsec->owner, t->all.rrs[i].owner) < 0 &&
		    (judge_cmp(t->all.rrs[i].owner, nsec->data) < 0 ||
		     judge_cmp(nsec->data, nsec->owner) <= 0))
			judge_fail(&t->all, "its NSEC passes over a name", nsec->owner);
	if (!taken_nsec(t, nsec->data))
		judge_fail(&t->all, "its NSEC goes to a name that has none", nsec->owner);
	if (judge_cmp(nsec->data, nsec->owner) <= 0 && !judge_eq(nsec->data, t->apex))
		judge_fail(&t->all, "its NSEC goes back, and not to the apex", nsec->owner);
}

/* False: t->all.why. */
static inline bool taken_holds(struct taken_zone *t)
{
	for (unsigned i = 0; i < t->all.n; i++)
		t->all.rrs[i].section = 1;
	for (unsigned i = 0; i < t->all.n; i++) {
		taken_judge_rr(t, &t->all.rrs[i]);
		if (t->all.rrs[i].type != J_NSEC)
			continue;
		taken_judge_types(t, &t->all.rrs[i]);
		taken_judge_ring(t, &t->all.rrs[i]);
	}
	return !t->all.why[0];
}

#endif
