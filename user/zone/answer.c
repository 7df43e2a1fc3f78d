/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - a query's bytes become an answer's bytes. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "zone/message.h"
#include "zone/proof.h"
#include "zone/snapshot.h"

#define CHAIN_MAX 8   /* aliases followed in one answer */
#define UDP_SIZE  512 /* without OPT (RFC 1035) */

_Static_assert(CHAIN_MAX + 1 <= WEIR_DRAWS, "each choice has a place");

/* A question that is being answered. */
struct question {
	const struct weir_zones *z;
	const struct weir_asker *asker;
	struct weir_query q;
	struct weir_reply r;
	struct weir_proofs proofs;
	struct weir_name target; /* of the alias that is followed */
	uint32_t zone;           /* that it was in first */
};

/* The name that is being answered: where it is in the reply, and what we have of it. */
struct place {
	struct weir_found f;
	const struct weir_node *node; /* that answers; NULL: no such name */
	const uint8_t *name;
	size_t at, len;
};

/* Where the name of the place's zone begins in the reply. */
static size_t apex_at(const struct place *p)
{
	return p->at + p->len - p->f.zone->apex->len;
}

/* Whether signatures and proofs belong into the answer. */
static bool is_secure(const struct question *k, const struct place *p)
{
	return k->q.edns.dnssec_ok && p->f.zone->n_key_sigs;
}

/* A number below n that is uniform over the upper half of random. */
static uint32_t below(uint64_t random, uint32_t n)
{
	return (uint32_t)((random >> 32) * n >> 32);
}

static const struct weir_set *sets_of(struct question *k, const struct weir_node *node,
				      const uint8_t *name)
{
	const struct weir_steered *s = node->steered;
	struct weir_edns *e = &k->q.edns;
	const struct weir_steered_query q = { &k->asker->client, e->has_subnet ? &e->subnet : NULL,
					      name, k->q.type };
	struct weir_zone_way way;

	if (!s)
		return node->sets;
	if (k->asker->draws && (s->by->class_of || s->by->sliced || s->lb))
		k->asker->draws->told_apart = true;
	way = weir_steered_way(k->z, s, &q);
	if (way.scope > e->subnet.scope)
		e->subnet.scope = way.scope;
	return s->mixes[way.mix];
}

/* --- records --- */

/* Whether a set is what a type stands for: ANY gets one (RFC 8482 4.1), RRSIG the signatures of one
 * (the same, 7), and neither an NSEC. */
static bool is_asked(const struct weir_set *s, uint16_t type)
{
	if (type == WEIR_TYPE_ANY)
		return s->type != WEIR_TYPE_NSEC;
	return s->type == type || (type == WEIR_TYPE_RRSIG && s->sig && s->type != WEIR_TYPE_NSEC);
}

/* An alias stands for every type (RFC 1034 3.6.2). */
static const struct weir_set *choose_set(const struct weir_set *sets, uint16_t type)
{
	const struct weir_set *alias = NULL;

	for (const struct weir_set *s = sets; s; s = s->next) {
		if (is_asked(s, type))
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

/* Behind what was answered: its signatures, and that a wildcard's name does not exist itself. */
static void secure_set(struct question *k, const struct place *p, const struct weir_set *s,
		       const struct weir_rr *rr)
{
	k->r.answers +=
		(uint16_t)weir_reply_add_sigs(&k->r, p->at, k->z, p->f.zone, p->node, s, rr);
	if (!p->f.node)
		weir_proofs_cover(&k->proofs, p->f.zone, apex_at(p), p->name);
}

static void add_set(struct question *k, const struct place *p, const struct weir_set *s,
		    uint64_t random)
{
	uint32_t n = s->n < WEIR_SET_MAX ? s->n : WEIR_SET_MAX, i = below(random, s->n);
	const struct weir_rr *picked = s->one ? pick(s, random) : s->rrs;
	struct weir_reply *r = &k->r;

	if (s->one) {
		weir_reply_add(r, p->at, picked);
		r->answers++;
	}
	for (; !s->one && n && !r->full; n--) {
		weir_reply_add(r, p->at, &s->rrs[i]);
		r->answers++;
		i = i + 1 < s->n ? i + 1 : 0;
	}
	if (is_secure(k, p))
		secure_set(k, p, s, picked);
}

/* Whether what is asked for is made for the answer: signatures of a set, an NSEC of a file's. */
static bool add_made(struct question *k, const struct place *p, const struct weir_set *s,
		     uint64_t random)
{
	struct weir_proofs own;

	if (s && k->q.type == WEIR_TYPE_RRSIG) {
		const struct weir_rr *rr = s->one ? pick(s, random) : s->rrs;

		k->r.answers += (uint16_t)weir_reply_add_sigs(&k->r, p->at, k->z, p->f.zone,
							      p->node, s, rr);
		return true;
	}
	if (k->q.type != WEIR_TYPE_NSEC || !p->node || !p->f.zone->file_nsec_sigs)
		return false;
	own.z = k->z;
	own.n = 0;
	if (!weir_proofs_own(&own, p->f.zone, apex_at(p), p->node, p->at, p->node->sets))
		return false;
	k->r.answers += (uint16_t)weir_reply_add_proofs(&k->r, &own);
	if (!p->f.node && is_secure(k, p))
		weir_proofs_cover(&k->proofs, p->f.zone, apex_at(p), p->name);
	return true;
}

/* --- what there is not --- */

static const struct weir_set *soa_of(const struct weir_zone *zone)
{
	return weir_sets_find(zone->apex->sets, WEIR_TYPE_SOA);
}

/* What answers where the name would be: "*" in front of the longest name that exists. */
static void cover_wildcard(struct question *k, const struct place *p)
{
	size_t len = p->len - p->f.encloser;
	uint8_t name[WEIR_NAME_MAX] = { 1, '*' };

	if (len + 2 > sizeof(name))
		return;
	memcpy(name + 2, p->name + p->f.encloser, len);
	weir_proofs_cover(&k->proofs, p->f.zone, apex_at(p), name);
}

/* sets: of the name that has not the type, or of the wildcard (RFC 4035, 3.1.3). */
static void prove_denial(struct question *k, const struct place *p, const struct weir_set *sets)
{
	struct weir_proofs *o = &k->proofs;

	if (!p->f.node) {
		weir_proofs_cover(o, p->f.zone, apex_at(p), p->name);
		if (!p->f.wild || !weir_proofs_own(o, p->f.zone, apex_at(p), p->f.wild, 0, sets))
			cover_wildcard(k, p);
	} else if (!weir_proofs_own(o, p->f.zone, apex_at(p), p->f.node, p->at, sets)) {
		weir_proofs_cover(o, p->f.zone, apex_at(p), p->name);
	}
}

static void deny(struct question *k, const struct place *p, const struct weir_set *sets)
{
	const struct weir_zone *zone = p->f.zone;

	if (p->node && p->node->unknown &&
	    (k->q.type == WEIR_TYPE_A || k->q.type == WEIR_TYPE_AAAA)) {
		k->r.rcode = WEIR_SERVFAIL; /* no records would be remembered as none at all */
		k->r.authoritative = false;
		return;
	}
	weir_reply_add(&k->r, apex_at(p), &zone->denial);
	k->r.authority++;
	if (!p->node)
		k->r.rcode = WEIR_NXDOMAIN;
	if (!is_secure(k, p))
		return;
	k->r.authority += (uint16_t)weir_reply_add_sigs(&k->r, apex_at(p), k->z, zone, zone->apex,
							soa_of(zone), &zone->denial);
	prove_denial(k, p, sets);
}

/* At the end of the authority section. */
static void add_proofs(struct question *k)
{
	k->r.authority += (uint16_t)weir_reply_add_proofs(&k->r, &k->proofs);
}

/* --- delegations --- */

/* The addresses of a name server that lies in what is delegated (own: if they do not fit, the
 * answer is cut), or in something else that is, where there is room for them. Nobody else can say
 * them (RFC 9471, 3.1 and 3.2). */
static void add_glue(struct question *k, const struct place *p, size_t at, const struct weir_rr *ns,
		     bool own)
{
	static const uint16_t types[] = { WEIR_TYPE_A, WEIR_TYPE_AAAA };
	const struct weir_node *cut = p->f.cut;
	struct weir_name lower;
	struct weir_found host;

	if (!weir_name_read(ns->wire + WEIR_RR_FIXED, ns->len - WEIR_RR_FIXED, 0, &lower) ||
	    weir_name_is_in(&lower, cut->name, cut->len) != own)
		return;
	host = weir_zones_find(k->z, lower.wire, lower.len);
	if (!host.node || host.zone != p->f.zone || !host.cut)
		return;
	for (size_t t = 0; t < 2; t++) {
		const struct weir_set *s = weir_sets_find(host.node->sets, types[t]);

		for (uint32_t i = 0; s && i < s->n; i++) {
			if (!own && k->r.limit - k->r.len < 2 + s->rrs[i].len)
				return;
			weir_reply_add(&k->r, at, &s->rrs[i]);
			k->r.additional++;
		}
	}
}

/* The keys of what is delegated, or that they are not known (RFC 4035, 3.1.4). */
static void secure_referral(struct question *k, const struct place *p, size_t owner)
{
	const struct weir_node *cut = p->f.cut;
	const struct weir_set *ds = weir_sets_find(cut->sets, WEIR_TYPE_DS);

	if (!ds) {
		weir_proofs_own(&k->proofs, p->f.zone, apex_at(p), cut, owner, cut->sets);
		return;
	}
	for (uint32_t i = 0; i < ds->n && i < WEIR_SET_MAX; i++) {
		weir_reply_add(&k->r, owner, &ds->rrs[i]);
		k->r.authority++;
	}
	k->r.authority +=
		(uint16_t)weir_reply_add_sigs(&k->r, owner, k->z, p->f.zone, cut, ds, ds->rrs);
}

/* Names whose zone is served elsewhere. */
static void refer(struct question *k, const struct place *p)
{
	const struct weir_node *cut = p->f.cut;
	const struct weir_set *ns = weir_sets_find(cut->sets, WEIR_TYPE_NS);
	size_t owner = p->at + p->len - cut->len, at[WEIR_SET_MAX];

	if (!k->r.answers)
		k->r.authoritative = false;
	for (uint32_t i = 0; i < ns->n && i < WEIR_SET_MAX; i++) {
		at[i] = weir_reply_add(&k->r, owner, &ns->rrs[i]);
		k->r.authority++;
	}
	if (is_secure(k, p))
		secure_referral(k, p, owner);
	add_proofs(k);
	for (uint32_t i = 0; i < ns->n && i < WEIR_SET_MAX && !k->r.full; i++)
		add_glue(k, p, at[i], &ns->rrs[i], true);
	for (uint32_t i = 0; i < ns->n && i < WEIR_SET_MAX && !k->r.full; i++)
		add_glue(k, p, at[i], &ns->rrs[i], false);
}

/* --- the answer --- */

static void enter(struct place *p)
{
	p->node = p->f.node ? p->f.node : p->f.wild;
}

/* Answers the alias's record and goes on to its target. False: that is not ours, or was answered
 * before. */
static bool follow(struct question *k, struct place *p, const struct weir_set *s,
		   const struct weir_rr *rr, const struct weir_node **seen, unsigned hops)
{
	size_t at = weir_reply_add(&k->r, p->at, rr);

	seen[hops] = p->node;
	k->r.answers++;
	if (is_secure(k, p))
		secure_set(k, p, s, rr);
	p->at = at;
	p->len = rr->len - WEIR_RR_FIXED;
	if (k->r.full || !weir_name_read(rr->wire + WEIR_RR_FIXED, p->len, 0, &k->target))
		return false;
	p->name = k->target.wire;
	p->f = weir_zones_find(k->z, p->name, p->len);
	enter(p);
	for (unsigned i = 0; p->node && i <= hops; i++)
		if (seen[i] == p->node)
			return false;
	return p->f.zone;
}

/* DS is the parent's, at the cut itself (RFC 4035, 3.1.4.1). */
static bool is_referral(const struct place *p, uint16_t type)
{
	return p->f.cut && !(type == WEIR_TYPE_DS && p->f.cut == p->f.node);
}

/* An alias is followed unless it is what is asked for. */
static bool is_followed(const struct weir_set *s, uint16_t type)
{
	return s->type == WEIR_TYPE_CNAME && type != WEIR_TYPE_CNAME && type != WEIR_TYPE_ANY &&
	       type != WEIR_TYPE_RRSIG;
}

static void answer(struct question *k, struct place p)
{
	const struct weir_node *seen[CHAIN_MAX];
	const uint16_t type = k->q.type;

	for (unsigned hops = 0;; hops++) {
		const struct weir_set *s, *sets;
		uint64_t dice;

		if (is_referral(&p, type)) {
			refer(k, &p);
			return;
		}
		sets = p.node ? sets_of(k, p.node, p.name) : NULL;
		s = choose_set(sets, type);
		dice = weir_draw(k->asker, hops, s);
		if (s && is_followed(s, type)) {
			if (hops < CHAIN_MAX && follow(k, &p, s, pick(s, dice), seen, hops))
				continue;
		} else if (!add_made(k, &p, s, dice)) {
			if (s)
				add_set(k, &p, s, dice);
			else
				deny(k, &p, sets);
		}
		break;
	}
	add_proofs(k);
}

/* What there is of DS of a zone of ours whose parent is ours as well is there. */
static void go_to_parent(const struct weir_zones *z, struct place *p)
{
	const struct weir_node *own = p->f.zone->delegation;
	size_t label = 1u + own->name[0];

	p->f.zone = p->f.zone->parent;
	p->node = p->f.node = own;
	p->f.cut = weir_zone_cut(z, p->f.zone, own->name + label, own->len - label);
	if (!p->f.cut)
		p->f.cut = own;
}

static bool tell_self(struct question *k)
{
	const char *text = k->z ? weir_self_text(&k->z->self, &k->q) : "";
	uint8_t wire[WEIR_RR_FIXED + 1 + WEIR_NSID_MAX] = { 0, WEIR_TYPE_TXT, 0, WEIR_CLASS_CH };
	size_t len = strlen(text);
	struct weir_rr rr = { wire, (uint32_t)(WEIR_RR_FIXED + 1 + len), 0 };

	if (!len)
		return false;
	wire[9] = (uint8_t)(1 + len);
	wire[WEIR_RR_FIXED] = (uint8_t)len;
	memcpy(wire + WEIR_RR_FIXED + 1, text, len);
	k->r.authoritative = true;
	weir_reply_add(&k->r, WEIR_DNS_HEADER, &rr);
	k->r.answers++;
	return true;
}

static void resolve(struct question *k)
{
	struct place p = { .name = k->q.name.wire, .at = WEIR_DNS_HEADER, .len = k->q.name.len };
	bool ours = k->z && k->q.class == WEIR_CLASS_IN && k->q.type != WEIR_TYPE_AXFR &&
		    k->q.type != WEIR_TYPE_IXFR;

	if (k->q.question_end == WEIR_DNS_HEADER) { /* a cookie is enough, if there are any */
		k->r.rcode = k->z && k->z->self.cookie_secret ? WEIR_NOERROR : WEIR_FORMERR;
		return;
	}
	if (ours)
		p.f = weir_zones_find(k->z, k->q.name.wire, k->q.name.len);
	if (p.f.zone) {
		enter(&p);
		if (k->q.type == WEIR_TYPE_DS && p.node == p.f.zone->apex && p.f.zone->parent)
			go_to_parent(k->z, &p);
		k->zone = p.f.zone->index;
		k->r.authoritative = true;
		answer(k, p);
	} else if (!tell_self(k)) {
		k->r.rcode = WEIR_REFUSED;
	}
}

static size_t limit_of(const struct weir_edns *e, bool tcp, size_t cap)
{
	size_t limit = tcp ? WEIR_DNS_MAX_SIZE : e->sent ? e->udp_size : UDP_SIZE;

	if (!tcp && limit < UDP_SIZE)
		limit = UDP_SIZE;
	if (!tcp && limit > WEIR_DNS_UDP_SIZE)
		limit = WEIR_DNS_UDP_SIZE;
	return limit < cap ? limit : cap;
}

static enum weir_dns_outcome outcome_of(const struct weir_reply *r)
{
	switch (r->rcode) {
	case WEIR_FORMERR:
		return WEIR_DNS_FORMERR_TOLD;
	case WEIR_SERVFAIL:
		return WEIR_DNS_SERVFAIL_TOLD;
	case WEIR_NXDOMAIN:
		return WEIR_DNS_NXDOMAIN_TOLD;
	case WEIR_NOTIMP:
		return WEIR_DNS_NOTIMP_TOLD;
	case WEIR_REFUSED:
		return WEIR_DNS_REFUSED_TOLD;
	case WEIR_BADVERS:
		return WEIR_DNS_BADVERS_TOLD;
	case WEIR_NOERROR:
		break;
	}
	if (r->full)
		return WEIR_DNS_TRUNCATED_TOLD;
	if (r->answers)
		return WEIR_DNS_ANSWER_TOLD;
	return r->authority && !r->authoritative ? WEIR_DNS_REFERRAL_TOLD : WEIR_DNS_NODATA_TOLD;
}

size_t weir_zones_answer(const struct weir_zones *z, const uint8_t *query, size_t len,
			 const struct weir_asker *asker, uint8_t *out, size_t cap,
			 struct weir_told *told)
{
	static const struct weir_self nobody = { "", "", NULL };
	const struct weir_self *self = z ? &z->self : &nobody;
	struct question k; /* names and proofs are long, and have no bytes before they are read */
	enum weir_rcode rcode;
	size_t opt, padding;

	assert(cap >= UDP_SIZE);
	k.z = z;
	k.asker = asker;
	k.zone = UINT32_MAX;
	k.proofs.z = z;
	k.proofs.n = 0;
	*told = (struct weir_told){ .outcome = WEIR_DNS_SILENT_TOLD, .zone = UINT32_MAX };
	if (len < WEIR_DNS_HEADER || query[2] & 0x80)
		return 0;
	rcode = weir_query_read(query, len, &k.q);
	opt = weir_edns_size(&k.q.edns, asker, self);
	weir_reply_begin(&k.r, query, &k.q, out, limit_of(&k.q.edns, asker->tcp, cap), opt);
	k.r.rcode = rcode;
	if (rcode == WEIR_NOERROR)
		resolve(&k);
	*told = (struct weir_told){ outcome_of(&k.r), k.zone, k.q.type };
	len = weir_reply_finish(&k.r, query, &k.q, opt != 0);
	if (!opt)
		return len;
	padding = weir_edns_padding(&k.q.edns, asker, len + opt, cap);
	weir_edns_write(&k.q.edns, asker, self, k.r.rcode, padding, out + len);
	return len + opt + padding;
}
