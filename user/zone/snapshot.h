/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h - the inside of a weir_zones: build.c makes it, answer.c reads it. */
#ifndef WEIR_ZONE_SNAPSHOT_H
#define WEIR_ZONE_SNAPSHOT_H

#include "base/mem.h"
#include "zone/names.h"
#include "zone/zone.h"

enum {
	WEIR_TYPE_A = 1,
	WEIR_TYPE_NS = 2,
	WEIR_TYPE_CNAME = 5,
	WEIR_TYPE_SOA = 6,
	WEIR_TYPE_AAAA = 28,
	WEIR_TYPE_OPT = 41,
	WEIR_TYPE_IXFR = 251,
	WEIR_TYPE_AXFR = 252,
	WEIR_TYPE_ANY = 255,
};
#define WEIR_CLASS_IN 1

#define WEIR_RR_FIXED 10 /* type, class, TTL, length */

struct weir_node;

/* One record, ready to be copied behind its owner's name. */
struct weir_rr {
	const uint8_t *wire; /* WEIR_RR_FIXED bytes and the data */
	uint32_t len;        /* of wire */
	uint32_t upto;       /* sets of which one is picked: chosen below it, the last one always */
	/* CNAME: where its target's data are. */
	const struct weir_node *target; /* NULL: there is no such name with us */
	const struct weir_zone *zone;   /* of the target, NULL: not ours */
};

/* The records of a name and type; those of POOL are CNAMEs of which one is picked. */
struct weir_set {
	const struct weir_set *next; /* of the same name */
	const struct weir_rr *rrs;
	uint32_t n;
	uint16_t type;
	bool one; /* a single one is answered, by weight */
};

/* A name that exists. Without sets it only has names below it, or nobody to answer with. */
struct weir_node {
	const struct weir_zone *zone;
	const struct weir_set *sets;
	uint32_t hash;
	uint8_t len;
	bool balanced; /* a load balancer's */
	uint8_t name[];
};

struct weir_zone {
	const struct weir_node *apex;
	struct weir_rr soa, denial; /* the latter with the TTL of negative answers */
};

struct weir_zones {
	struct weir_arena *arena; /* owns all of this */
	struct weir_node **slots; /* open addressing, at most half full */
	uint32_t mask, used;
	unsigned labels; /* of the deepest name */
};

/* The node of a wire name in lower case, NULL: none. */
struct weir_node *weir_node_find(const struct weir_zones *z, const uint8_t *name, size_t len);

/* The zone n lies in, NULL: none of ours. *node is its node, NULL: n does not exist. */
const struct weir_zone *weir_zone_covering(const struct weir_zones *z, const struct weir_name *n,
					   struct weir_node **node);

/* Adds n, and the names between it and its zone's apex. NULL: in none of our zones. */
struct weir_node *weir_node_add(struct weir_zones *z, const struct weir_name *n);

/* Adds a zone's apex; names above it are not looked at. NULL: it is there already. */
struct weir_node *weir_apex_add(struct weir_zones *z, const struct weir_zone *zone,
				const struct weir_name *n);

#endif
