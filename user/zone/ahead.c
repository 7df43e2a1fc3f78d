/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ahead.c - what answers will look at, fetched into the cache for several queries at once. A name's
 * records are found by a chain of looks, each of which says where the next one is; one query waits
 * for memory at every link of it, many wait together. */
#include "base/hash.h"
#include "zone/message.h"
#include "zone/snapshot.h"

/* What of a name is looked at next. */
enum link {
	AHEAD_UPPER, /* its slot in the upper layer */
	AHEAD_FILE,  /* its slot among those of a zone file */
	AHEAD_NODE,
	AHEAD_SET,
	AHEAD_RECORDS,
	AHEAD_DONE,
};

#define LINKS AHEAD_DONE
#define LINE  64 /* bytes of the cache */

struct ahead {
	enum link link;
	uint32_t hash;
	const struct weir_layer *file;
	const void *at; /* of link AHEAD_NODE and those behind it; fetched */
	struct weir_name name;
};

static enum link fetch(struct ahead *a, const void *at, enum link link)
{
	a->at = at;
	if (!at)
		return AHEAD_DONE;
	__builtin_prefetch(at);
	__builtin_prefetch((const char *)at + LINE - 1);
	return link;
}

static enum link begin(struct ahead *a, const struct weir_layer *l, const struct weir_ahead *q)
{
	if (q->len <= WEIR_DNS_HEADER ||
	    !weir_name_read(q->query, q->len, WEIR_DNS_HEADER, &a->name))
		return AHEAD_DONE;
	a->hash = weir_layer_hash(a->name.wire, a->name.len);
	__builtin_prefetch(&l->slots[a->hash & l->mask]);
	return AHEAD_UPPER;
}

/* Where there is nothing in the upper layer: that of the zone's file. Its apex is in the upper one,
 * as all of them are, and those are few. */
static enum link go_to_file(const struct weir_zones *z, struct ahead *a)
{
	size_t at;
	const struct weir_node *above = weir_layer_above(&z->upper, a->name.wire, a->name.len, &at);

	a->file = above ? above->zone->file : NULL;
	if (!a->file || !a->file->slots)
		return AHEAD_DONE;
	__builtin_prefetch(&a->file->slots[a->hash & a->file->mask]);
	return AHEAD_FILE;
}

static enum link go_on(const struct weir_zones *z, struct ahead *a)
{
	const struct weir_node *n;
	const struct weir_set *s;

	switch (a->link) {
	case AHEAD_UPPER:
		n = z->upper.slots[a->hash & z->upper.mask];
		return n ? fetch(a, n, AHEAD_NODE) : go_to_file(z, a);
	case AHEAD_FILE:
		return fetch(a, a->file->slots[a->hash & a->file->mask], AHEAD_NODE);
	case AHEAD_NODE:
		return fetch(a, ((const struct weir_node *)a->at)->sets, AHEAD_SET);
	case AHEAD_SET:
		s = a->at;
		return fetch(a, s->n ? s->rrs : NULL, AHEAD_RECORDS);
	case AHEAD_RECORDS:
		fetch(a, ((const struct weir_rr *)a->at)->wire, AHEAD_DONE);
		return AHEAD_DONE;
	case AHEAD_DONE:
		break;
	}
	return AHEAD_DONE;
}

void weir_zones_ahead(const struct weir_zones *z, const struct weir_ahead *queries, unsigned n)
{
	struct ahead a[WEIR_AHEAD_MAX];

	if (!z || !z->upper.slots || n < 2)
		return;
	if (n > WEIR_AHEAD_MAX)
		n = WEIR_AHEAD_MAX;
	for (unsigned i = 0; i < n; i++)
		a[i].link = begin(&a[i], &z->upper, &queries[i]);
	for (unsigned turn = 0; turn < LINKS; turn++)
		for (unsigned i = 0; i < n; i++)
			a[i].link = go_on(z, &a[i]);
}
