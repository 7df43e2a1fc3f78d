/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer.h - a table of names and the records they have. Pure; immutable once it is made. */
#ifndef WEIR_ZONE_LAYER_H
#define WEIR_ZONE_LAYER_H

#include "base/mem.h"
#include "zone/names.h"

#define WEIR_RR_FIXED     10 /* type, class, TTL, length */
#define WEIR_NOT_IN_CHAIN UINT32_MAX
#define WEIR_SET_MAX      2048 /* records of one answer: 57,344 bytes of addresses fit by TCP */

struct weir_zone;
struct weir_steered;

/* One record, ready to be copied behind its owner's name. */
struct weir_rr {
	const uint8_t *wire; /* WEIR_RR_FIXED bytes and the data */
	uint32_t len;        /* of wire */
	uint32_t upto;       /* sets of which one is picked: chosen below it, the last one always */
};

/* The records of a name and type; those of POOL are CNAMEs of which one is picked. */
struct weir_set {
	const struct weir_set *next; /* of the same name */
	const struct weir_rr *rrs;
	uint32_t n;
	uint32_t sig; /* 1 + the index of its first signature; 0: it has none */
	uint16_t type;
	bool one;   /* a single one is answered, by weight */
	bool filed; /* a zone file's, and its signatures are among those of the file */
};

/* A name that exists. Without sets it only has names below it, or nobody to answer with. */
struct weir_node {
	const struct weir_zone *zone; /* in the upper layer */
	const struct weir_set *sets;
	const struct weir_steered *steered; /* sets that depend on who asks; NULL: none do */
	uint32_t hash;
	uint32_t nth; /* of a zone file's chain; WEIR_NOT_IN_CHAIN */
	uint8_t len;
	bool cut;      /* a delegation, or below one */
	bool balanced; /* a load balancer's */
	bool unknown;  /* an ALIAS whose target nobody knows */
	uint8_t name[];
};

struct weir_layer {
	struct weir_arena *arena; /* of nodes and slots */
	struct weir_node **slots; /* open addressing, at most half full */
	uint32_t mask, used;
	unsigned labels; /* of the deepest name */
};

/* Of a wire name in lower case: its lower bits are the slot where it is looked for first. */
uint32_t weir_layer_hash(const uint8_t *name, size_t len);

/* The node of a wire name in lower case, NULL: none. */
struct weir_node *weir_layer_find(const struct weir_layer *l, const uint8_t *name, size_t len);

/* Adds a name that is not there. */
struct weir_node *weir_layer_add(struct weir_layer *l, const uint8_t *name, size_t len);

/* The node of the longest suffix of a name that is at most max bytes long; *at is where that begins
 * in it. NULL: none is there. Suffixes with more labels than any name of the layer need no look. */
struct weir_node *weir_layer_above(const struct weir_layer *l, const uint8_t *name, size_t len,
				   size_t *at);

/* A record of class IN, of which wire is in the arena. */
struct weir_rr weir_rr_make(struct weir_arena *a, uint16_t type, uint32_t ttl, const void *data,
			    size_t len);

/* Puts a set in front of those of node. */
struct weir_set *weir_node_put(struct weir_arena *a, struct weir_node *node, uint16_t type,
			       const struct weir_rr *rrs, uint32_t n);

/* The set of a type; NULL: there is none. */
const struct weir_set *weir_sets_find(const struct weir_set *sets, uint16_t type);

#endif
