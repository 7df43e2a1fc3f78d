/* SPDX-License-Identifier: GPL-2.0-or-later */
/* serial.c - counts what zones say. */
#include "zone/serial.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "zone/build.h"

#define SERIAL_FROM_END 20 /* of an SOA */

void weir_serials_fini(struct weir_serials *s)
{
	free(s->of);
	*s = (struct weir_serials){ 0 };
}

/* --- what a zone says: a sum, since names come in no order --- */

/* How many signatures a set has: as build_sign.c makes them. */
static uint32_t sigs_of(const struct weir_zone *zone, const struct weir_set *s)
{
	if (weir_type_is_of_keys(s->type))
		return zone->n_key_sigs;
	return (s->one ? s->n : 1) + weir_set_is_whole(zone, s);
}

static uint64_t sum_of_set(const struct weir_zones *z, const struct weir_zone *zone,
			   const struct weir_set *s, uint64_t seed)
{
	const struct weir_sig *sigs = s->filed ? zone->file_sigs : z->sigs;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->n; i++)
		sum += weir_hash_bytes(seed + s->rrs[i].upto, s->rrs[i].wire, s->rrs[i].len);
	for (uint32_t i = 0; s->sig && sigs && i < sigs_of(zone, s); i++)
		sum += weir_hash_bytes(seed, sigs[s->sig - 1 + i].bytes, WEIR_SIG_BYTES);
	return sum;
}

static uint64_t sum_of_name(const struct weir_zones *z, const struct weir_zone *zone,
			    const struct weir_node *n)
{
	uint64_t seed = weir_hash_bytes(1, n->name, n->len), sum = seed;

	for (const struct weir_set *s = weir_node_plain(n); s; s = s->next)
		sum += sum_of_set(z, zone, s, seed);
	return sum;
}

/* What a file says, and how it is signed, is known by where it is: it is immutable, and there until
 * after the next one is. */
static uint64_t sum_of_file(const struct weir_zone *zone)
{
	const void *const parts[] = { zone->file, zone->file_sigs };

	return weir_hash_bytes(2, parts, sizeof(parts));
}

/* By zone of the model; of those that are counted. */
static uint64_t *sums_of(const struct weir_zones_build *b)
{
	uint64_t *sums = weir_new_array(b->view->model->n_zones, uint64_t);
	const struct weir_layer *l = &b->z->upper;

	for (uint32_t i = 0; l->slots && i <= l->mask; i++)
		if (l->slots[i] && l->slots[i]->zone->counted)
			sums[l->slots[i]->zone->index] +=
				sum_of_name(b->z, l->slots[i]->zone, l->slots[i]);
	for (uint32_t i = 0; i < b->z->n_zones; i++) {
		const struct weir_zone *zone = b->z->zones[i];

		if (zone->counted)
			sums[zone->index] += sum_of_file(zone);
		if (zone->delegation && zone->parent->counted)
			sums[zone->parent->index] +=
				sum_of_name(b->z, zone->parent, zone->delegation);
	}
	return sums;
}

/* --- the count --- */

static int by_zone(const void *x, const void *y)
{
	const struct weir_serial *a = x, *b = y;

	return (a->zone > b->zone) - (a->zone < b->zone);
}

static struct weir_serial serial_of(const struct weir_serials *s, const struct weir_zone *zone,
				    uint64_t digest)
{
	struct weir_serial now = { .zone = weir_hash_bytes(0, zone->apex->name, zone->apex->len),
				   .digest = digest,
				   .count = s->now_s - WEIR_SERIAL_EPOCH };
	const struct weir_serial *was =
		s->n ? bsearch(&now, s->of, s->n, sizeof(now), by_zone) : NULL;

	if (was && was->digest == digest)
		return *was;
	if (was && (int32_t)(now.count - was->count) <= 0)
		now.count = was->count + 1;
	return now;
}

/* Records of the snapshot, which nobody else has seen yet. */
static void count_on(const struct weir_rr *soa, uint32_t count)
{
	uint8_t *at = (uint8_t *)soa->wire + soa->len - SERIAL_FROM_END;
	uint32_t serial;

	memcpy(&serial, at, sizeof(serial));
	serial = htonl(ntohl(serial) + count);
	memcpy(at, &serial, sizeof(serial));
}

void weir_build_count(struct weir_zones_build *b)
{
	struct weir_serials *s = b->serials;
	struct weir_serial *of;
	uint64_t *sums;
	uint32_t n = 0;

	if (!s)
		return;
	of = weir_new_array(b->z->n_zones, struct weir_serial);
	sums = sums_of(b);
	for (uint32_t i = 0; i < b->z->n_zones; i++) {
		const struct weir_zone *zone = b->z->zones[i];

		if (!zone->counted)
			continue;
		of[n] = serial_of(s, zone, sums[zone->index]);
		count_on(&zone->soa, of[n].count);
		count_on(&zone->denial, of[n++].count);
	}
	if (n)
		qsort(of, n, sizeof(*of), by_zone);
	free(sums);
	free(s->of);
	s->of = of;
	s->n = n;
}
