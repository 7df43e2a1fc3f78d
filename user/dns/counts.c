/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counts.c - what all clerks counted, together. A zone that was ever answered for has a place,
 * which it keeps: so its counters outlive reloads, also those that it is not in. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/impl.h"

#define PLACES   (WEIR_DNS_CHUNKS * WEIR_DNS_ZONES_OF_CHUNK)
#define NO_PLACE UINT32_MAX

/* --- who counts --- */

static uint32_t n_clerks(const struct weir_dns *d)
{
	return d->n_workers + 2;
}

static struct weir_dns_tally *tally(const struct weir_dns *d, uint32_t i)
{
	if (i < d->n_workers)
		return weir_dns_worker_tally(d, i);
	return (struct weir_dns_tally *)(i == d->n_workers ? &d->tcp.tally : &d->rest.tally);
}

/* --- zones and their places --- */

static int by_name(const void *a, const void *b)
{
	const struct weir_dns_zone_place *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static uint32_t place_of(const struct weir_dns *d, const char *name, uint32_t n)
{
	struct weir_dns_zone_place key = { .name = (char *)name }, *found;

	found = n ? bsearch(&key, d->zones, n, sizeof(key), by_name) : NULL;
	return found ? found->place : NO_PLACE;
}

/* Room for the counters of all places below end. */
static void make_chunks(struct weir_dns *d, uint32_t end)
{
	for (uint32_t chunk = 0; chunk * WEIR_DNS_ZONES_OF_CHUNK < end; chunk++)
		for (uint32_t i = 0; i < n_clerks(d); i++) {
			struct weir_dns_tally *t = tally(d, i);

			if (!t->zones[chunk])
				t->zones[chunk] = weir_new_array(WEIR_DNS_ZONES_OF_CHUNK,
								 struct weir_dns_outcomes);
		}
}

void weir_dns_zones(struct weir_dns *d, const struct weir_zone_conf *zones, uint32_t n)
{
	uint32_t before = d->n_zones;

	free(d->next_places);
	d->next_places = weir_new_array(n, uint32_t);
	d->n_next_places = n;
	d->zones = weir_grow(d->zones, (size_t)before + n + 1, sizeof(*d->zones));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t place = place_of(d, zones[i].name, before);

		if (place == NO_PLACE && d->n_zones < PLACES) {
			place = d->n_zones++;
			d->zones[place] =
				(struct weir_dns_zone_place){ .name = strdup(zones[i].name),
							      .place = place };
		}
		d->next_places[i] = place;
	}
	make_chunks(d, d->n_zones);
	qsort(d->zones, d->n_zones, sizeof(*d->zones), by_name);
}

void weir_dns_counts_free(struct weir_dns *d)
{
	for (uint32_t i = 0; i < d->n_zones; i++)
		free(d->zones[i].name);
	free(d->zones);
	free(d->next_places);
}

uint32_t weir_dns_zone_place(const struct weir_dns *d, uint32_t zone)
{
	const struct weir_dns_world *world = weir_dns_world(d);
	const uint32_t *places = d->next_places ? d->next_places : world->places;
	uint32_t n = d->next_places ? d->n_next_places : world->n_places;

	return zone < n ? places[zone] : NO_PLACE;
}

/* --- others --- */

void weir_dns_answered_elsewhere(struct weir_dns *d, uint32_t place, enum weir_dns_outcome outcome,
				 const uint8_t *name, size_t len, uint64_t n)
{
	struct weir_dns_tally *t = &d->rest.tally; /* the loop's */
	uint64_t key[WEIR_TOP_WORDS] = { 0 };

	weir_dns_count(&t->all.of[outcome], n);
	if (place < PLACES)
		weir_dns_count(
			&t->zones[place / WEIR_DNS_ZONES_OF_CHUNK][place % WEIR_DNS_ZONES_OF_CHUNK]
				 .of[outcome],
			n);
	memcpy(key, name, len);
	weir_top_add(t->names, key, (unsigned)(len + 7) / 8, n);
}

/* --- sums --- */

static void add(const struct weir_dns_outcomes *o, uint64_t out[static WEIR_DNS_OUTCOME_COUNT])
{
	for (uint32_t k = 0; k < WEIR_DNS_OUTCOME_COUNT; k++)
		out[k] += weir_dns_counted(&o->of[k]);
}

void weir_dns_outcomes(const struct weir_dns *d, uint64_t out[static WEIR_DNS_OUTCOME_COUNT])
{
	memset(out, 0, WEIR_DNS_OUTCOME_COUNT * sizeof(*out));
	for (uint32_t i = 0; i < n_clerks(d); i++)
		add(&tally(d, i)->all, out);
}

uint32_t weir_dns_n_zones(const struct weir_dns *d)
{
	return d->n_zones;
}

const char *weir_dns_zone_outcomes(const struct weir_dns *d, uint32_t zone,
				   uint64_t out[static WEIR_DNS_OUTCOME_COUNT])
{
	uint32_t place = d->zones[zone].place;

	memset(out, 0, WEIR_DNS_OUTCOME_COUNT * sizeof(*out));
	for (uint32_t i = 0; i < n_clerks(d); i++)
		add(&tally(d, i)->zones[place / WEIR_DNS_ZONES_OF_CHUNK]
				       [place % WEIR_DNS_ZONES_OF_CHUNK],
		    out);
	return d->zones[zone].name;
}

/* --- names --- */

struct name {
	uint64_t key[WEIR_TOP_WORDS];
	uint64_t queries, over;
};

struct names {
	struct name *all;
	size_t n;
};

static void on_name(void *arg, const uint64_t key[static WEIR_TOP_WORDS], uint64_t queries,
		    uint64_t over)
{
	struct names *names = arg;
	struct name *to = &names->all[names->n++];

	memcpy(to->key, key, sizeof(to->key));
	to->queries = queries;
	to->over = over;
}

static int by_key(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof(x->key));
}

static int by_queries(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->queries < y->queries) - (x->queries > y->queries);
}

/* Those of several clerks become one. */
static size_t merge(struct name *all, size_t n)
{
	size_t k = 0;

	qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 0; i < n; i++) {
		if (k && !by_key(&all[k - 1], &all[i])) {
			all[k - 1].queries += all[i].queries;
			all[k - 1].over += all[i].over;
		} else {
			all[k++] = all[i];
		}
	}
	return k;
}

/* As in master files (RFC 1035, 5.1), without the dot at the end. */
static void write_name(const uint8_t *wire, char out[static WEIR_DNS_NAME_TEXT])
{
	char *to = out;

	while (*wire) {
		uint8_t label = *wire++;

		if (to > out)
			*to++ = '.';
		for (; label; label--, wire++) {
			if (*wire == '.' || *wire == '\\')
				to += sprintf(to, "\\%c", *wire);
			else if (*wire > ' ' && *wire < 0x7f)
				*to++ = (char)*wire;
			else
				to += sprintf(to, "\\%03u", *wire);
		}
	}
	if (to == out)
		*to++ = '.';
	*to = 0;
}

uint32_t weir_dns_top(const struct weir_dns *d, struct weir_dns_name *out, uint32_t n)
{
	struct names names = { .all = weir_new_array((size_t)n_clerks(d) * WEIR_TOP_SETS *
							     WEIR_TOP_WAYS,
						     struct name) };
	size_t k;

	for (uint32_t i = 0; i < n_clerks(d); i++)
		if (tally(d, i)->names)
			weir_top_each(tally(d, i)->names, on_name, &names);
	k = merge(names.all, names.n);
	qsort(names.all, k, sizeof(*names.all), by_queries);
	n = k < n ? (uint32_t)k : n;
	for (uint32_t i = 0; i < n; i++) {
		write_name((const uint8_t *)names.all[i].key, out[i].text);
		out[i].queries = names.all[i].queries;
		out[i].over = names.all[i].over;
	}
	free(names.all);
	return n;
}
