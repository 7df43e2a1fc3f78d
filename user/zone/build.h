/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.h - the inside of weir_zones_build(). */
#ifndef WEIR_ZONE_BUILD_H
#define WEIR_ZONE_BUILD_H

#include "zone/snapshot.h"

struct weir_zones_build {
	struct weir_zones *z;
	struct weir_zone **zones; /* by index in the model; NULL: its name is another's */
	const struct weir_view *view;
	const struct weir_signer *signer; /* NULL: no zone is signed */
	struct weir_serials *serials;     /* NULL: none is counted */
	bool delegates;                   /* some name below an apex has NS */
};

/* An address of a set. */
struct weir_zone_member {
	union weir_addr addr;
	uint32_t weight;
};

/* A name of a model, which has checked it. */
void weir_build_name(const char *text, struct weir_name *out);

/* Turns weights, left in upto, into cumulative thresholds of 32 bits. */
void weir_build_weigh(struct weir_rr *rrs, uint32_t n);

/* Sorts, and gives addresses that come twice their common weight: a set has no duplicates. Returns
 * how many there are. */
uint32_t weir_build_unite(struct weir_zone_member *m, uint32_t n);

/* Puts a set of the addresses of a family in front of *sets, if there are any: all of them if they
 * weigh the same, else one of them by weight. m: united. */
void weir_build_addresses(struct weir_arena *a, const struct weir_set **sets, bool v4, uint32_t ttl,
			  const struct weir_zone_member *m, uint32_t n);

/* build_lb.c: marks the names of enabled balancers; and puts their sets in front of all others. */
void weir_build_claim(struct weir_zones_build *b);
void weir_build_balancers(struct weir_zones_build *b);

/* build_health.c: the mixes of a DNS-only balancer as DNS answers them, those of the last resort as
 * when_down says; and the TTL of its answers: no longer than until a state could be another one
 * that they follow from, as far as that is not shorter than agent.dns.minimum_ttl. */
const struct weir_view_mix *weir_build_mixes(struct weir_zones_build *b,
					     const struct weir_view_lb *v);
uint32_t weir_build_ttl(const struct weir_zones_build *b, const struct weir_lb *lb);

/* build_records.c: records of names that are not balancers', and those types that balancers do not
 * answer of names that are. */
void weir_build_records(struct weir_zones_build *b);

/* build_sign.c: what zones say of zones of ours that lie in them; and the chains and signatures of
 * zones that are signed, when all else is there. */
void weir_build_parents(struct weir_zones_build *b);
void weir_build_sign(struct weir_zones_build *b);

/* serial.c: the serials of zones that are counted, when all but these serials is there. */
void weir_build_count(struct weir_zones_build *b);

/* How a zone is signed; NULL: not. */
static inline const struct weir_zone_keys *weir_build_keys(const struct weir_zones_build *b,
							   const struct weir_zone *zone)
{
	return b->signer ? b->signer->zones[zone->index] : NULL;
}

/* Whether a type says where a name's services are: a balancer answers these itself. */
static inline bool weir_build_is_address(uint16_t type)
{
	return type == WEIR_TYPE_A || type == WEIR_TYPE_AAAA || type == WEIR_TYPE_CNAME ||
	       type >= WEIR_RECORD_POOL;
}

#endif
