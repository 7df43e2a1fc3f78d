/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyring.h - the keys of a signed zone and how one takes the place of another (RFC 6781, 4.1), as
 * a state machine: time is an argument, wall clock in seconds. Pure; keys are texts here.
 *
 *   ZSK   PUBLISHED -- DNSKEY's TTL --> ACTIVE (and the older one RETIRED -- all TTLs --> gone)
 *   KSK   PUBLISHED -- DNSKEY's TTL --> READY -- ds-seen --> ACTIVE
 *                                       (and the older one RETIRED -- TTL of DS --> gone)
 *   CSK   as KSK; from READY on it signs the zone
 *
 * All keys of a ring are in DNSKEY. Of ZSKs one signs at a time, so that answers do not grow during
 * a roll-over; DNSKEY itself is signed by all that a parent may vouch for. */
#ifndef WEIR_MODEL_KEYRING_H
#define WEIR_MODEL_KEYRING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define WEIR_RING_KEYS 8

enum weir_key_role {
	WEIR_KEY_CSK, /* of all */
	WEIR_KEY_KSK, /* of keys */
	WEIR_KEY_ZSK, /* of all else */
};

enum weir_key_state {
	WEIR_KEY_PUBLISHED, /* known by all at until_s */
	WEIR_KEY_READY,     /* the parent is to vouch for it */
	WEIR_KEY_ACTIVE,
	WEIR_KEY_RETIRED, /* needed by nobody at until_s */
};

struct weir_ring_key {
	enum weir_key_role role;
	enum weir_key_state state;
	uint16_t tag; /* differs from that of the others */
	char *text;   /* the private key; the ring's */
	uint64_t since_s, until_s;
};

struct weir_keyring {
	struct weir_ring_key keys[WEIR_RING_KEYS]; /* from the oldest */
	uint32_t n;
	bool split; /* KSK and ZSK, else CSK */
};

/* What is waited for. */
struct weir_ring_times {
	uint32_t dnskey_ttl_s, zone_ttl_s; /* of DNSKEY; the longest of the zone */
	uint32_t ds_ttl_s;                 /* of DS, at the parent */
	uint32_t margin_s;                 /* until all servers have a change */
};

/* A key that was made, taken over. */
struct weir_new_key {
	uint16_t tag;
	char *text;
};

/* The ring of a zone that was not signed: its keys are in use at once. split: first a KSK, then a
 * ZSK, else a CSK. */
void weir_keyring_begin(struct weir_keyring *r, bool split, const struct weir_new_key *keys,
			uint64_t now_s);
void weir_keyring_fini(struct weir_keyring *r);
void weir_keyring_copy(const struct weir_keyring *from, struct weir_keyring *to);

/* Why a roll-over of a role cannot begin now; NULL: it can. */
const char *weir_keyring_refuses(const struct weir_keyring *r, enum weir_key_role role);

/* Begins one. It can. */
void weir_keyring_roll(struct weir_keyring *r, enum weir_key_role role,
		       const struct weir_new_key *key, const struct weir_ring_times *t,
		       uint64_t now_s);

/* The parent has the DS of the key that is READY, and no other. False: none is. */
bool weir_keyring_ds_seen(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s);

/* What time alone changes. False: nothing did. */
bool weir_keyring_tick(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s);

/* What signed with a retired key was in use until now. */
void weir_keyring_hold(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s);

/* Which key signs the zone; whether a key signs DNSKEY; whether the parent is to have its DS (soon:
 * and has not said so yet). */
uint32_t weir_keyring_signs(const struct weir_keyring *r);
bool weir_ring_key_signs_keys(const struct weir_ring_key *k);
bool weir_ring_key_wants_ds(const struct weir_ring_key *k);

/* For keeping, with private keys, and back. False: *err says what is wrong; r is empty. */
json_t *weir_keyring_json(const struct weir_keyring *r);
bool weir_keyring_parse(const json_t *v, struct weir_keyring *r, struct weir_err *err);

const char *weir_key_role_text(enum weir_key_role role);
const char *weir_key_state_text(enum weir_key_state state);
bool weir_key_role_of(const char *text, enum weir_key_role *out);

#endif
