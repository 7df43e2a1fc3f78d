/* SPDX-License-Identifier: GPL-2.0-or-later */
/* canon.c - records in the form in which they are signed. */
#include "zone/canon.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "zone/types.h"

/* --- names in data --- */

#define TEXTS 0x80 /* so many texts of at most 255 bytes, each with a length byte */

/* What is in front of a type's names, and how many of these there are (RFC 4034, 6.2; RFC 6840,
 * 5.1). */
static const struct {
	uint8_t type, fixed, names;
} shapes[] = {
	{ 2, 0, 1 },          /* NS */
	{ 3, 0, 1 },          /* MD */
	{ 4, 0, 1 },          /* MF */
	{ 5, 0, 1 },          /* CNAME */
	{ 6, 0, 2 },          /* SOA */
	{ 7, 0, 1 },          /* MB */
	{ 8, 0, 1 },          /* MG */
	{ 9, 0, 1 },          /* MR */
	{ 12, 0, 1 },         /* PTR */
	{ 14, 0, 2 },         /* MINFO */
	{ 15, 2, 1 },         /* MX */
	{ 17, 0, 2 },         /* RP */
	{ 18, 2, 1 },         /* AFSDB */
	{ 21, 2, 1 },         /* RT */
	{ 26, 2, 2 },         /* PX */
	{ 33, 6, 1 },         /* SRV */
	{ 35, 4, TEXTS | 3 }, /* NAPTR, and then one name */
	{ 36, 2, 1 },         /* KX */
	{ 39, 0, 1 },         /* DNAME */
};

static size_t skip_texts(const uint8_t *data, size_t len, size_t at, unsigned n)
{
	while (n-- && at < len)
		at += 1u + data[at];
	return at;
}

static void lower_names(uint8_t *data, size_t len, size_t at, unsigned n)
{
	struct weir_name name;

	for (size_t end; n--; at = end) {
		end = at < len ? weir_name_read(data, len, at, &name) : 0;
		if (!end)
			return;
		memcpy(data + at, name.wire, name.len);
	}
}

void weir_rdata_lower(uint16_t type, uint8_t *data, size_t len)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (shapes[i].type != type)
			continue;
		if (shapes[i].names & TEXTS)
			lower_names(
				data, len,
				skip_texts(data, len, shapes[i].fixed, shapes[i].names & ~TEXTS),
				1);
		else
			lower_names(data, len, shapes[i].fixed, shapes[i].names);
	}
}

/* --- order --- */

static int cmp_data(const struct weir_rr *a, const struct weir_rr *b)
{
	uint32_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->wire + WEIR_RR_FIXED, b->wire + WEIR_RR_FIXED, len - WEIR_RR_FIXED);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int by_data(const void *x, const void *y)
{
	return cmp_data(x, y);
}

static int by_data_of(const void *x, const void *y)
{
	return cmp_data(*(const struct weir_rr *const *)x, *(const struct weir_rr *const *)y);
}

uint32_t weir_rrs_sort(struct weir_rr *rrs, uint32_t n)
{
	uint32_t kept = 0;

	if (n)
		qsort(rrs, n, sizeof(*rrs), by_data);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || cmp_data(&rrs[kept - 1], &rrs[i]))
			rrs[kept++] = rrs[i];
	return kept;
}

/* --- what is signed --- */

/* The label of a wildcard does not count (RFC 4034, 3.1.3). */
void weir_rrsig_head(uint8_t out[WEIR_RRSIG_FIXED], uint16_t type, const uint8_t *owner,
		     const uint8_t ttl[4], const struct weir_sig *s)
{
	bool wild = owner[0] == 1 && owner[1] == '*';

	weir_put16(out, type);
	out[2] = WEIR_SIG_ALGORITHM;
	out[3] = (uint8_t)(weir_wire_labels(owner) - wild);
	memcpy(out + 4, ttl, 4);
	weir_put32(out + WEIR_RRSIG_UNTIL, s ? s->until_s : 0);
	weir_put32(out + WEIR_RRSIG_FROM, s ? s->from_s : 0);
	weir_put16(out + WEIR_RRSIG_TAG, s ? s->tag : 0);
}

static void put(struct weir_canon *c, const void *bytes, size_t len)
{
	if (c->room - c->len < len) {
		c->room = 2 * (c->room + len);
		c->bytes = weir_grow(c->bytes, c->room, 1);
	}
	memcpy(c->bytes + c->len, bytes, len);
	c->len += len;
}

/* Points at the records in canonical order. */
static const struct weir_rr **in_order(struct weir_canon *c, const struct weir_set *s)
{
	if (c->n_order < s->n) {
		c->n_order = s->n;
		c->order = weir_grow(c->order, s->n, sizeof(*c->order));
	}
	for (uint32_t i = 0; i < s->n; i++)
		c->order[i] = &s->rrs[i];
	if (s->n > 1)
		qsort(c->order, s->n, sizeof(*c->order), by_data_of);
	return c->order;
}

void weir_canon_set(struct weir_canon *c, const struct weir_node *apex,
		    const struct weir_node *owner, const struct weir_set *s, uint32_t nth)
{
	const struct weir_rr *one = &s->rrs[nth], **rrs = s->one ? &one : in_order(c, s);
	uint8_t head[WEIR_RRSIG_FIXED];

	c->len = 0;
	weir_rrsig_head(head, s->type, owner->name, rrs[0]->wire + 4, NULL);
	put(c, head, sizeof(head));
	put(c, apex->name, apex->len);
	for (uint32_t i = 0; i < (s->one ? 1 : s->n); i++) {
		put(c, owner->name, owner->len);
		put(c, rrs[i]->wire, rrs[i]->len);
	}
}

void weir_canon_fini(struct weir_canon *c)
{
	free(c->bytes);
	free(c->order);
}
