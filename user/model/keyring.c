/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyring.c - the keys of a signed zone. */
#include "model/keyring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const roles[] = { "csk", "ksk", "zsk" };
static const char *const states[] = { "published", "ready", "active", "retired" };

const char *weir_key_role_text(enum weir_key_role role)
{
	return roles[role];
}

const char *weir_key_state_text(enum weir_key_state state)
{
	return states[state];
}

static int find_text(const char *const *texts, int n, const char *text)
{
	for (int i = 0; text && i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return i;
	return -1;
}

bool weir_key_role_of(const char *text, enum weir_key_role *out)
{
	int i = find_text(roles, 3, text);

	if (i >= 0)
		*out = (enum weir_key_role)i;
	return i >= 0;
}

/* --- what keys do --- */

bool weir_ring_key_signs_keys(const struct weir_ring_key *k)
{
	return k->role != WEIR_KEY_ZSK;
}

bool weir_ring_key_wants_ds(const struct weir_ring_key *k)
{
	return k->role != WEIR_KEY_ZSK &&
	       (k->state == WEIR_KEY_READY || k->state == WEIR_KEY_ACTIVE);
}

/* Of CSKs the youngest that all know. */
uint32_t weir_keyring_signs(const struct weir_keyring *r)
{
	uint32_t i = r->n;

	while (i--)
		if (r->keys[i].role != WEIR_KEY_KSK &&
		    (r->keys[i].state == WEIR_KEY_READY || r->keys[i].state == WEIR_KEY_ACTIVE))
			return i;
	assert(!"a ring has a key that signs");
	return 0;
}

/* --- changes --- */

static void add(struct weir_keyring *r, enum weir_key_role role, enum weir_key_state state,
		const struct weir_new_key *key, uint64_t now_s, uint64_t until_s)
{
	assert(r->n < WEIR_RING_KEYS);
	r->keys[r->n++] =
		(struct weir_ring_key){ role, state, key->tag, key->text, now_s, until_s };
}

static void set(struct weir_ring_key *k, enum weir_key_state state, uint64_t now_s,
		uint64_t until_s)
{
	k->state = state;
	k->since_s = now_s;
	k->until_s = until_s;
}

void weir_keyring_begin(struct weir_keyring *r, bool split, const struct weir_new_key *keys,
			uint64_t now_s)
{
	*r = (struct weir_keyring){ .split = split };
	add(r, split ? WEIR_KEY_KSK : WEIR_KEY_CSK, WEIR_KEY_READY, &keys[0], now_s, 0);
	if (split)
		add(r, WEIR_KEY_ZSK, WEIR_KEY_ACTIVE, &keys[1], now_s, 0);
}

void weir_keyring_fini(struct weir_keyring *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->keys[i].text);
	*r = (struct weir_keyring){ 0 };
}

static char *copy_text(const char *text)
{
	return strcpy(weir_grow(NULL, 1, strlen(text) + 1), text);
}

void weir_keyring_copy(const struct weir_keyring *from, struct weir_keyring *to)
{
	*to = *from;
	for (uint32_t i = 0; i < to->n; i++)
		to->keys[i].text = copy_text(from->keys[i].text);
}

const char *weir_keyring_refuses(const struct weir_keyring *r, enum weir_key_role role)
{
	if (r->split != (role != WEIR_KEY_CSK))
		return r->split ? "has a KSK and a ZSK: roll ksk or zsk"
				: "has one key for all: roll csk";
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->keys[i].role != role || r->keys[i].state == WEIR_KEY_ACTIVE)
			continue;
		return r->keys[i].state == WEIR_KEY_READY
			       ? "waits for its parent: say ds-seen when that has the DS"
			       : "is in the middle of a roll-over of this key";
	}
	return NULL;
}

void weir_keyring_roll(struct weir_keyring *r, enum weir_key_role role,
		       const struct weir_new_key *key, const struct weir_ring_times *t,
		       uint64_t now_s)
{
	assert(!weir_keyring_refuses(r, role));
	add(r, role, WEIR_KEY_PUBLISHED, key, now_s,
	    now_s + t->dnskey_ttl_s + (uint64_t)t->margin_s);
}

static struct weir_ring_key *find(struct weir_keyring *r, enum weir_key_role role,
				  enum weir_key_state state)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->keys[i].role == role && r->keys[i].state == state)
			return &r->keys[i];
	return NULL;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A CSK is needed for as long as what it signed may be known somewhere, too. */
bool weir_keyring_ds_seen(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s)
{
	enum weir_key_role role = r->split ? WEIR_KEY_KSK : WEIR_KEY_CSK;
	struct weir_ring_key *ready = find(r, role, WEIR_KEY_READY);
	struct weir_ring_key *old = find(r, role, WEIR_KEY_ACTIVE);
	uint64_t until_s = now_s + t->ds_ttl_s + (uint64_t)t->margin_s;

	if (!ready)
		return false;
	if (old && !r->split)
		until_s = later(until_s, ready->since_s + t->zone_ttl_s + t->margin_s);
	if (old)
		set(old, WEIR_KEY_RETIRED, now_s, until_s);
	set(ready, WEIR_KEY_ACTIVE, now_s, 0);
	return true;
}

static void take_over(struct weir_keyring *r, struct weir_ring_key *k,
		      const struct weir_ring_times *t, uint64_t now_s)
{
	struct weir_ring_key *old = find(r, WEIR_KEY_ZSK, WEIR_KEY_ACTIVE);

	if (k->role != WEIR_KEY_ZSK) {
		set(k, WEIR_KEY_READY, now_s, 0);
		return;
	}
	if (old)
		set(old, WEIR_KEY_RETIRED, now_s, now_s + t->zone_ttl_s + (uint64_t)t->margin_s);
	set(k, WEIR_KEY_ACTIVE, now_s, 0);
}

bool weir_keyring_tick(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s)
{
	bool changed = false;

	for (uint32_t i = 0; i < r->n; i++) {
		struct weir_ring_key *k = &r->keys[i];

		if (k->state == WEIR_KEY_PUBLISHED && now_s >= k->until_s) {
			take_over(r, k, t, now_s);
			changed = true;
		} else if (k->state == WEIR_KEY_RETIRED && now_s >= k->until_s) {
			free(k->text);
			memmove(k, k + 1, (--r->n - i) * sizeof(*k));
			i--;
			changed = true;
		}
	}
	return changed;
}

void weir_keyring_hold(struct weir_keyring *r, const struct weir_ring_times *t, uint64_t now_s)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct weir_ring_key *k = &r->keys[i];

		if (k->state == WEIR_KEY_RETIRED && k->role != WEIR_KEY_KSK)
			k->until_s =
				later(k->until_s, now_s + t->zone_ttl_s + (uint64_t)t->margin_s);
		if (k->state == WEIR_KEY_READY && k->role == WEIR_KEY_CSK)
			k->since_s = now_s;
	}
}

/* --- kept --- */

json_t *weir_keyring_json(const struct weir_keyring *r)
{
	json_t *keys = json_array();

	for (uint32_t i = 0; i < r->n; i++) {
		const struct weir_ring_key *k = &r->keys[i];

		json_array_append_new(keys,
				      json_pack("{s:s, s:s, s:i, s:I, s:I, s:s}", "role",
						roles[k->role], "state", states[k->state], "tag",
						k->tag, "since", (json_int_t)k->since_s, "until",
						(json_int_t)k->until_s, "private", k->text));
	}
	return json_pack("{s:s, s:o}", "keys", r->split ? "zsk_ksk" : "csk", "ring", keys);
}

static bool parse_key(const json_t *v, bool split, struct weir_ring_key *k)
{
	const char *role, *state, *text;
	json_int_t since, until;
	int tag, nth;

	if (json_unpack((json_t *)v, "{s:s, s:s, s:i, s:I, s:I, s:s}", "role", &role, "state",
			&state, "tag", &tag, "since", &since, "until", &until, "private", &text))
		return false;
	nth = find_text(states, 4, state);
	if (nth < 0 || !weir_key_role_of(role, &k->role) || split != (k->role != WEIR_KEY_CSK) ||
	    tag < 0 || tag > UINT16_MAX || since < 0 || until < 0)
		return false;
	k->state = (enum weir_key_state)nth;
	k->tag = (uint16_t)tag;
	k->since_s = (uint64_t)since;
	k->until_s = (uint64_t)until;
	k->text = copy_text(text);
	return true;
}

/* What a state machine can have made: someone signs keys, and exactly one signs the rest. */
static bool is_whole(struct weir_keyring *r)
{
	enum weir_key_role role = r->split ? WEIR_KEY_KSK : WEIR_KEY_CSK;

	if (!find(r, role, WEIR_KEY_READY) && !find(r, role, WEIR_KEY_ACTIVE))
		return false;
	return !r->split || find(r, WEIR_KEY_ZSK, WEIR_KEY_ACTIVE);
}

bool weir_keyring_parse(const json_t *v, struct weir_keyring *r, struct weir_err *err)
{
	const char *kind = json_string_value(json_object_get(v, "keys"));
	const json_t *keys = json_object_get(v, "ring"), *key;
	bool ok = kind && json_array_size(keys) && json_array_size(keys) <= WEIR_RING_KEYS;
	size_t i;

	*r = (struct weir_keyring){ .split = kind && strcmp(kind, "zsk_ksk") == 0 };
	json_array_foreach(keys, i, key)
	{
		ok = ok && parse_key(key, r->split, &r->keys[r->n]);
		r->n += ok;
	}
	if (ok && is_whole(r))
		return true;
	weir_keyring_fini(r);
	return weir_err_set(err, "", "is not a ring of keys as the agent keeps them");
}
