/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proof.c - signatures and denials of an answer. */
#include "zone/proof.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "zone/canon.h"

/* --- signatures --- */

struct weir_rr weir_rrsig_make(const struct weir_zone *zone, const struct weir_node *owner,
			       const struct weir_rr *was, const struct weir_rr *rr,
			       const struct weir_sig *sig, uint8_t wire[WEIR_RRSIG_MAX])
{
	static const uint8_t head[] = { 0, WEIR_TYPE_RRSIG, 0, WEIR_CLASS_IN };
	size_t apex = zone->apex->len, len = WEIR_RRSIG_FIXED + apex + WEIR_SIG_BYTES;
	uint8_t *data = wire + WEIR_RR_FIXED;

	memcpy(wire, head, sizeof(head));
	memcpy(wire + 4, rr->wire + 4, 4);
	wire[8] = (uint8_t)(len >> 8);
	wire[9] = (uint8_t)len;
	weir_rrsig_head(data, (uint16_t)(was->wire[0] << 8 | was->wire[1]), owner->name,
			was->wire + 4, sig);
	memcpy(data + WEIR_RRSIG_FIXED, zone->apex->name, apex);
	memcpy(data + WEIR_RRSIG_FIXED + apex, sig->bytes, WEIR_SIG_BYTES);
	return (struct weir_rr){ wire, (uint32_t)(WEIR_RR_FIXED + len), 0 };
}

static void add_sig(struct weir_reply *r, size_t owner_at, const struct weir_zone *zone,
		    const struct weir_node *owner, const struct weir_rr *was,
		    const struct weir_rr *rr, const struct weir_sig *sig)
{
	uint8_t wire[WEIR_RRSIG_MAX];
	struct weir_rr out = weir_rrsig_make(zone, owner, was, rr, sig, wire);

	weir_reply_add(r, owner_at, &out);
}

unsigned weir_reply_add_sigs(struct weir_reply *r, size_t owner_at, const struct weir_zones *z,
			     const struct weir_zone *zone, const struct weir_node *owner,
			     const struct weir_set *s, const struct weir_rr *rr)
{
	const struct weir_sig *sig = s->filed ? zone->file_sigs : z->sigs;
	unsigned n = weir_type_is_of_keys(s->type) ? zone->n_key_sigs : 1;

	if (!s->sig || !sig)
		return 0;
	sig += s->sig - 1 + (s->one ? (size_t)(rr - s->rrs) : 0);
	for (unsigned i = 0; i < n; i++)
		add_sig(r, owner_at, zone, owner, s->one ? rr : s->rrs, rr, &sig[i]);
	return n;
}

/* --- NSEC --- */

/* One of a name is enough: of a steered one that which says what this client is answered. */
static void need(struct weir_proofs *p, const struct weir_proof *one, bool own)
{
	for (uint32_t i = 0; i < p->n; i++) {
		if (p->of[i].node != one->node)
			continue;
		if (own)
			p->of[i] = *one;
		return;
	}
	assert(p->n < WEIR_PROOFS_MAX);
	p->of[p->n++] = *one;
}

bool weir_proofs_own(struct weir_proofs *p, const struct weir_zone *zone, size_t apex_at,
		     const struct weir_node *node, size_t node_at, const struct weir_set *sets)
{
	struct weir_proof one = { zone, node, weir_sets_find(sets, WEIR_TYPE_NSEC), apex_at,
				  node_at };

	if (!one.set && node->nth == WEIR_NOT_IN_CHAIN)
		return false;
	need(p, &one, true);
	return true;
}

/* The last name that is not after name, of those of both layers that count. */
static const struct weir_node *before(const struct weir_zone *zone, const uint8_t *name)
{
	uint32_t u = weir_chain_find(&zone->chain, name);
	uint32_t l = weir_chain_find(&zone->file_chain, name);
	const struct weir_node *upper = zone->chain.at[u], *lower;

	if (l == WEIR_NOT_IN_CHAIN)
		return upper;
	lower = zone->file_chain.at[l];
	if (weir_wire_cmp(lower->name, upper->name) <= 0)
		return upper;
	return upper->cut && weir_wire_is_in(lower->name, lower->len, upper->name, upper->len)
		       ? upper
		       : lower;
}

void weir_proofs_cover(struct weir_proofs *p, const struct weir_zone *zone, size_t apex_at,
		       const uint8_t *name)
{
	const struct weir_node *node = before(zone, name);
	struct weir_proof one = { zone, node, weir_sets_find(node->sets, WEIR_TYPE_NSEC), apex_at,
				  0 };

	need(p, &one, false);
}

static size_t add_owned(struct weir_reply *r, const struct weir_proof *one,
			const struct weir_rr *rr)
{
	size_t front = (size_t)(one->node->len - one->zone->apex->len);

	if (one->node_at) {
		weir_reply_add(r, one->node_at, rr);
		return one->node_at;
	}
	return weir_reply_add_below(r, one->node->name, front, one->apex_at, rr);
}

static unsigned add_proof(struct weir_reply *r, const struct weir_zones *z,
			  const struct weir_proof *one)
{
	uint8_t wire[WEIR_RR_FIXED + WEIR_NSEC_MAX];
	const struct weir_zone *zone = one->zone;
	struct weir_rr rr;
	size_t at;

	if (one->set) {
		at = add_owned(r, one, one->set->rrs);
		return 1 + weir_reply_add_sigs(r, at, z, zone, one->node, one->set, one->set->rrs);
	}
	rr = weir_nsec_of_file(&zone->file_chain, one->node->nth, zone->denial.wire + 4, wire);
	at = add_owned(r, one, &rr);
	add_sig(r, at, zone, one->node, &rr, &rr, &zone->file_nsec_sigs[one->node->nth]);
	return 2;
}

unsigned weir_reply_add_proofs(struct weir_reply *r, const struct weir_proofs *p)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < p->n; i++)
		n += add_proof(r, p->z, &p->of[i]);
	return n;
}
