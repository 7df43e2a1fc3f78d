/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clerk.c - answers queries, and counts what became of them. */
#include "dns/clerk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dns/impl.h"

#define GOLDEN     0x9e3779b97f4a7c15ull /* the step of SplitMix64 */
#define QUESTION   12                    /* where a message's first name begins */
#define NAME_BYTES 255

int weir_dns_clerk_init(struct weir_dns_clerk *c, uint32_t number)
{
	if (getrandom(&c->random, sizeof(c->random), 0) != sizeof(c->random))
		return -errno;
	c->number = number;
	c->tally.names = weir_top_new(weir_mix64(c->random));
	return 0;
}

void weir_dns_clerk_fini(struct weir_dns_clerk *c)
{
	for (uint32_t i = 0; i < WEIR_DNS_CHUNKS; i++)
		free(c->tally.zones[i]);
	free(c->tally.names);
}

void weir_dns_clerk_tick(struct weir_dns_clerk *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts); /* no system call */
	c->now_s = (uint32_t)ts.tv_sec;
}

/* Eight bytes in lower case: the upper bit of each says whether it is a letter to change. */
static uint64_t lower(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ull, low = x & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones, behind_z = low + (0x7f - 'Z') * ones;

	return x | ((from_a ^ behind_z) & ~x & 0x80 * ones) >> 2;
}

/* Where the name of the question ends; 0: nowhere. */
static size_t name_end(const uint8_t *query, size_t len)
{
	size_t at = QUESTION;

	while (at < len && query[at] && query[at] <= 63)
		at += 1 + query[at];
	return at < len && !query[at] && at - QUESTION < NAME_BYTES ? at + 1 : 0;
}

/* Labels have lengths below 'A', so that all bytes can be made lower case alike. */
static void count_name(struct weir_dns_tally *t, const uint8_t *query, size_t len)
{
	size_t end = name_end(query, len), words;
	uint64_t key[WEIR_TOP_WORDS];

	if (!end)
		return;
	words = (end - QUESTION + 7) / 8;
	key[words - 1] = 0;
	memcpy(key, query + QUESTION, end - QUESTION);
	for (size_t i = 0; i < words; i++)
		key[i] = lower(key[i]);
	weir_top_add(t->names, key, (unsigned)words, 1);
}

static void count(struct weir_dns_tally *t, const struct weir_dns_world *world,
		  const struct weir_told *told, const uint8_t *query, size_t len)
{
	uint32_t place;

	weir_dns_count(&t->all.of[told->outcome], 1);
	if (told->zone >= world->n_places)
		return;
	place = world->places[told->zone];
	if (place < WEIR_DNS_CHUNKS * WEIR_DNS_ZONES_OF_CHUNK)
		weir_dns_count(
			&t->zones[place / WEIR_DNS_ZONES_OF_CHUNK][place % WEIR_DNS_ZONES_OF_CHUNK]
				 .of[told->outcome],
			1);
	count_name(t, query, len);
}

size_t weir_dns_clerk_answer(struct weir_dns_clerk *c, const struct weir_dns_world *world,
			     const uint8_t *query, size_t len, const union weir_addr *client,
			     enum weir_dns_transport over, uint8_t *out, size_t cap)
{
	struct weir_asker asker = {
		.client = *client,
		.now_s = c->now_s,
		.tcp = over != WEIR_DNS_UDP,
		.tls = over == WEIR_DNS_DOT,
	};
	struct weir_told told;
	size_t n;

	c->random += GOLDEN;
	asker.random = weir_mix64(c->random);
	if (weir_dns_is_signed(world->zones, query, len))
		n = weir_dns_answer_signed(world->zones, query, len, &asker, out, cap, &told);
	else
		n = weir_zones_answer(world->zones, query, len, &asker, out, cap, &told);
	count(&c->tally, world, &told, query, len);
	return n;
}
