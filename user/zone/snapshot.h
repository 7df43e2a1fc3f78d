/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h - the inside of a weir_zones: build*.c and file.c make it, answer.c reads it.
 *
 * Names are in layers. The upper one has all that follows from configuration and health, and every
 * zone's apex; it is made anew with each snapshot. Below it each zone may have a layer made of its
 * zone file, which is as large as it likes and stays as it is. A name that both have is a node of
 * the upper layer, whose sets go on into those of the lower. */
#ifndef WEIR_ZONE_SNAPSHOT_H
#define WEIR_ZONE_SNAPSHOT_H

#include "base/mem.h"
#include "zone/chain.h"
#include "zone/edns.h"
#include "zone/layer.h"
#include "zone/sign.h"
#include "zone/types.h"
#include "zone/zone.h"

/* How a DNS-only balancer tells clients apart. */
struct weir_steered_by {
	const struct weir_steer_way *ways; /* WEIR_STEER_SLICES of each class if sliced, else one */
	const uint16_t *class_of;          /* by location; NULL: there is one class */
	uint32_t first_mix;                /* what mix 0 of ways is in mixes */
	bool sliced;
	bool by_resolver; /* the resolver's address says where a client is */
	bool by_subnet;   /* the client subnet, if there is one */
};

/* What it answers: sets by mix, in front of those that its name has besides. */
struct weir_steered {
	const struct weir_set *const *mixes;
	uint32_t n_mixes;
	const struct weir_steered_by *by; /* by which rules hold, as bits by their index */
	const struct weir_lb *lb;         /* of which there are rules; NULL: there are none */
	const char *region; /* of this balancer, where that of the client is not known */
};

/* What is known of who asks, and for what. */
struct weir_steered_query {
	const union weir_addr *client;
	const struct weir_subnet *subnet; /* NULL: the query has none */
	const uint8_t *name;              /* in wire form and lower case */
	uint16_t type;
};

/* What a client gets of that, and why. */
struct weir_zone_way {
	uint32_t mix;   /* of mixes */
	uint32_t rules; /* that hold, as bits; the mix is the so manyth behind first_mix of by */
	uint32_t location;
	uint8_t scope; /* bits of the subnet's family that it is for */
	bool by_subnet;
};

struct weir_zone_way weir_steered_way(const struct weir_zones *z, const struct weir_steered *s,
				      const struct weir_steered_query *q);

/* The mix of clients of whom nothing is known. */
static inline const struct weir_set *weir_steered_plain(const struct weir_steered *s)
{
	return s->mixes[s->by[0].first_mix + s->by[0].ways[0].mix];
}

/* The sets of a name for those of whom nothing is known. */
static inline const struct weir_set *weir_node_plain(const struct weir_node *n)
{
	return n->steered ? weir_steered_plain(n->steered) : n->sets;
}

struct weir_zone {
	const struct weir_node *apex;
	const struct weir_layer *file;  /* NULL: none */
	struct weir_rr soa, denial;     /* the latter with the TTL of negative answers */
	uint32_t index;                 /* in the model */
	const struct weir_zone *parent; /* the one of ours that it lies in; NULL: none */
	const struct weir_node
		*delegation; /* what that has at this one's name; it is in no layer */

	/* Of a zone that is signed. Its chain runs through both layers: a name of chain says which
	 * is next in either of them, one of file_chain is right where chain has none between it
	 * and its next. */
	uint32_t n_key_sigs; /* that DNSKEY, CDS and CDNSKEY have; 0: the zone is not signed */
	struct weir_chain chain, file_chain;
	const struct weir_sig *file_sigs, *file_nsec_sigs; /* of file's sets, and of file_chain */
	struct weir_transfer_conf transfer;                /* its keys are those of the snapshot */
	bool counted; /* other servers take it as it is now: its serial is counted (serial.h) */
};

/* Whether a set of which one record is answered is transferred with all of them, which then have a
 * signature together, behind those that each has alone. */
static inline bool weir_set_is_whole(const struct weir_zone *zone, const struct weir_set *s)
{
	return s->one && s->n > 1 && s->type != WEIR_TYPE_CNAME && zone->transfer.pooled;
}

struct weir_zones {
	struct weir_arena *arena; /* owns all of this, but files and places */
	struct weir_layer upper;
	const struct weir_sig *sigs; /* of sets of the upper layer */
	uint32_t signed_until_s;     /* when the first of these ends; UINT32_MAX: there are none */
	const struct weir_zone **zones; /* n_zones of them, in the order of the model */
	uint32_t n_zones;
	const struct weir_name *off; /* names of zones that are not answered for */
	uint32_t n_off;
	const struct weir_tsig_key *tsig_keys;
	uint32_t n_tsig_keys;
	const struct weir_places *places; /* NULL: nobody knows where clients are */
	struct weir_self self;
};

/* Choices of an answer made beforehand, one for each alias that is followed and the set at the end:
 * what is drawn, in the place of the upper half of a random number. Filled in: from which sets was
 * chosen, and whether another client might have got another answer. */
#define WEIR_DRAWS 10
struct weir_draws {
	uint32_t roll[WEIR_DRAWS];
	const struct weir_set *set[WEIR_DRAWS];
	unsigned n;
	bool told_apart;
};

/* What chooses from the set (NULL: there is none) after so many aliases: in its upper half. */
uint64_t weir_draw(const struct weir_asker *asker, unsigned hops, const struct weir_set *s);

/* Where a name is. */
struct weir_found {
	const struct weir_zone *zone; /* NULL: none of ours */
	const struct weir_node *node; /* NULL: no such name */
	const struct weir_node *cut;  /* where another server's zone begins, at or above it */
	const struct weir_node *wild; /* what answers instead of a missing name */
	size_t encloser;              /* where the longest name that exists begins in it */
};

struct weir_found weir_zones_find(const struct weir_zones *z, const uint8_t *name, size_t len);

/* The node of a name in the upper layer or else in zone's file; NULL: no such name. */
const struct weir_node *weir_zone_node(const struct weir_zones *z, const struct weir_zone *zone,
				       const uint8_t *name, size_t len);

/* The delegation that is at name or above it, but below its zone's apex: the highest one counts.
 * NULL: the zone has the name itself. */
const struct weir_node *weir_zone_cut(const struct weir_zones *z, const struct weir_zone *zone,
				      const uint8_t *name, size_t len);

/* Adds n to the upper layer, and the names between it and its zone's apex. NULL: in none of our
 * zones, or in one that is off. */
struct weir_node *weir_zones_add(struct weir_zones *z, const struct weir_name *n);

#endif
