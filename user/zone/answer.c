/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - a query's bytes become an answer's bytes. */
#include "zone/zone.h"

#include <assert.h>

#include "base/hash.h"
#include "zone/message.h"

#define CHAIN_MAX 8    /* aliases followed in one answer */
#define SET_MAX   2048 /* addresses of one answer: 57,344 bytes, so that TCP always has room */
#define UDP_SIZE  512  /* without OPT (RFC 1035) */

/* The name that is being answered: where it is in the reply, and what we have of it. */
struct place {
	const struct weir_zone *zone;
	const struct weir_node *node; /* NULL: no such name */
	size_t at, len;
};

/* A number below n that is uniform over the upper half of random. */
static uint32_t below(uint64_t random, uint32_t n)
{
	return (uint32_t)((random >> 32) * n >> 32);
}

/* An alias stands for every type (RFC 1034 3.6.2); ANY gets one set (RFC 8482 4.1). */
static const struct weir_set *choose_set(const struct weir_node *node, uint16_t type)
{
	const struct weir_set *alias = NULL;

	for (const struct weir_set *s = node->sets; s; s = s->next) {
		if (s->type == type || type == WEIR_TYPE_ANY)
			return s;
		if (s->type == WEIR_TYPE_CNAME)
			alias = s;
	}
	return alias;
}

/* The first record whose threshold is above the upper half of random. */
static const struct weir_rr *pick(const struct weir_set *s, uint64_t random)
{
	uint32_t roll = (uint32_t)(random >> 32), low = 0, high = s->n - 1;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (roll < s->rrs[mid].upto)
			high = mid;
		else
			low = mid + 1;
	}
	return &s->rrs[low];
}

static void add_set(struct weir_reply *r, size_t owner, const struct weir_set *s, uint64_t random)
{
	uint32_t n = s->n < SET_MAX ? s->n : SET_MAX, i = below(random, s->n);

	for (; n && !r->full; n--) {
		weir_reply_add(r, owner, &s->rrs[i]);
		r->answers++;
		i = i + 1 < s->n ? i + 1 : 0;
	}
}

/* The zone's name is the end of the name that was looked for. */
static void deny(struct weir_reply *r, const struct place *p)
{
	weir_reply_add(r, p->at + p->len - p->zone->apex->len, &p->zone->denial);
	r->authority++;
	if (!p->node)
		r->rcode = WEIR_NXDOMAIN;
}

/* Answers the alias's record and goes on to its target. False: that is not ours, or was answered
 * before. */
static bool follow(struct weir_reply *r, struct place *p, const struct weir_rr *rr,
		   const struct weir_node **seen, unsigned hops)
{
	seen[hops] = p->node;
	p->at = weir_reply_add(r, p->at, rr);
	r->answers++;
	p->len = rr->len - WEIR_RR_FIXED;
	p->zone = rr->zone;
	p->node = rr->target;
	for (unsigned i = 0; p->node && i <= hops; i++)
		if (seen[i] == p->node)
			return false;
	return p->zone && !r->full;
}

static void answer(struct weir_reply *r, struct place p, uint16_t type, uint64_t random)
{
	const struct weir_node *seen[CHAIN_MAX];

	for (unsigned hops = 0;; hops++) {
		const struct weir_set *s = p.node ? choose_set(p.node, type) : NULL;
		uint64_t dice = weir_mix64(random + hops);
		bool alias = s && s->type == WEIR_TYPE_CNAME && type != WEIR_TYPE_CNAME &&
			     type != WEIR_TYPE_ANY;

		if (!s) {
			deny(r, &p);
		} else if (alias) {
			if (hops < CHAIN_MAX && follow(r, &p, pick(s, dice), seen, hops))
				continue;
		} else if (s->one) {
			weir_reply_add(r, p.at, pick(s, dice));
			r->answers++;
		} else {
			add_set(r, p.at, s, dice);
		}
		return;
	}
}

static void resolve(const struct weir_zones *z, const struct weir_query *q, uint64_t random,
		    struct weir_reply *r)
{
	struct place p = { .at = WEIR_DNS_HEADER, .len = q->name.len };
	struct weir_node *node = NULL;

	if (z && q->class == WEIR_CLASS_IN && q->type != WEIR_TYPE_AXFR &&
	    q->type != WEIR_TYPE_IXFR)
		p.zone = weir_zone_covering(z, &q->name, &node);
	if (!p.zone) {
		r->rcode = WEIR_REFUSED;
		return;
	}
	p.node = node;
	r->authoritative = true;
	answer(r, p, q->type, random);
}

static size_t limit_of(const struct weir_query *q, bool tcp, size_t cap)
{
	size_t limit = tcp ? WEIR_DNS_MAX_SIZE : q->edns ? q->udp_size : UDP_SIZE;

	if (!tcp && limit < UDP_SIZE)
		limit = UDP_SIZE;
	if (!tcp && limit > WEIR_DNS_UDP_SIZE)
		limit = WEIR_DNS_UDP_SIZE;
	return limit < cap ? limit : cap;
}

size_t weir_zones_answer(const struct weir_zones *z, const uint8_t *query, size_t len, bool tcp,
			 uint64_t random, uint8_t *out, size_t cap)
{
	struct weir_query q;
	struct weir_reply r;
	enum weir_rcode rcode;

	assert(cap >= UDP_SIZE);
	if (len < WEIR_DNS_HEADER || query[2] & 0x80)
		return 0;
	rcode = weir_query_read(query, len, &q);
	weir_reply_begin(&r, query, &q, out, limit_of(&q, tcp, cap));
	r.rcode = rcode;
	if (rcode == WEIR_NOERROR)
		resolve(z, &q, random, &r);
	return weir_reply_finish(&r, query, &q);
}
