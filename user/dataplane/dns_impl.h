/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_impl.h - DNS within this folder. */
#ifndef WEIR_DATAPLANE_DNS_IMPL_H
#define WEIR_DATAPLANE_DNS_IMPL_H

#include "dataplane/known.h"
#include "dataplane/plane_dns.h"
#include "dataplane/plane_impl.h"

/* A counter of an entry. */
struct dns_hit {
	uint64_t seen; /* of it, that was told of */
	uint64_t tag;
	uint16_t name_len;
	bool used, leaving; /* it is free when what is left was told of */
	uint8_t name[WEIR_HOT_NAME];
};

struct dns_hits {
	struct dns_hit *of; /* n of them, of WEIR_MAX_HOT_ANSWERS */
	uint32_t n, room;
	uint16_t *free; /* n_free of these, with room for all */
	uint32_t n_free;
};

struct dns {
	enum weir_dns_kernel how;
	bool told;                /* how to answer; until then it is as an earlier agent left it */
	struct weir_sockaddr *at; /* asked for */
	uint32_t n_at;
	uint32_t *places, n_places; /* slots of the service table that are DNS addresses */
	bool tc_seen;               /* what earlier agents left on interfaces is known */

	struct known_set answers, zones; /* place of an answer: 1 + its hits */
	struct dns_hits hits;
	uint32_t turn, zones_turn;
	uint64_t version; /* of the entry that was written last */
	uint64_t written;
	uint32_t labels; /* of the deepest apex of the zones that are being named */
	bool all;        /* the turn names all of them */
	bool partial;    /* some are not there that should be */
	bool full_said;
};

/* dns.c */
void dns_adopt(struct weir_plane *p);
void dns_free(struct weir_plane *p);
/* Services may have taken, or left, an address. */
void dns_place(struct weir_plane *p);

/* dns_answers.c */
void dns_answers_adopt(struct weir_plane *p);

/* dns_hits.c: a counter for an entry; whether it counts for this tag; that it is left. */
uint32_t dns_hits_take(struct weir_plane *p, const struct weir_hot_answer *answer, uint64_t tag);
bool dns_hits_are(const struct weir_plane *p, uint32_t hits, uint64_t tag);
void dns_hits_leave(struct weir_plane *p, uint32_t hits);
void dns_hits_fini(struct weir_plane *p);

/* tc.c: our program is on the interfaces of p, or on none. 0, or the first error, which was said.
 */
int tc_sync(struct weir_plane *p);
/* Takes programs that use this map off every interface. */
void tc_detach_everywhere(int map_fd);

#endif
