/* SPDX-License-Identifier: GPL-2.0-or-later */
/* known.h - what the agent knows of a hash map of the kernel's: its keys, a digest of each value,
 * and when it was last wanted, so that only what differs is written. */
#ifndef WEIR_DATAPLANE_KNOWN_H
#define WEIR_DATAPLANE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known {
	uint64_t hash; /* with more, the key */
	uint32_t more;
	uint32_t turn;   /* the last one that wanted it; 0: none did */
	uint64_t digest; /* 0: nobody knows */
	uint32_t place;  /* of who keeps it; 0: none */
	bool used, changes;
};

struct known_set {
	struct known *slots; /* open addressing, at most half full */
	uint32_t n, size;    /* size: a power of two, or 0 */
};

/* NULL: it is not there. */
struct known *known_find(const struct known_set *s, uint64_t hash, uint32_t more);
/* Found, or added with turn and digest 0. Valid until the next one is added. */
struct known *known_add(struct known_set *s, uint64_t hash, uint32_t more);
/* Removes those of which gone() says so. */
void known_sweep(struct known_set *s, bool (*gone)(void *arg, const struct known *k), void *arg);
void known_fini(struct known_set *s);

#endif
