/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rings.c - the keys of zones: read or made, and changed by operators. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/signing.h"
#include "base/log.h"
#include "base/mem.h"

#define KEYS "/var/lib/weir/keys"

static const char *directory_of(const struct weir_model *m)
{
	return m->agent.dns.keys ? m->agent.dns.keys : KEYS;
}

static char *copy(const char *text)
{
	return strcpy(weir_grow(NULL, 1, strlen(text) + 1), text);
}

/* --- keys --- */

static void add_data(struct weir_data_list *l, const uint8_t *bytes, uint16_t len)
{
	l->of[l->n++] = (struct weir_data){ bytes, len };
}

/* What zone/ is to know of the present ring. */
static void tell(struct agent_signed_zone *z)
{
	struct weir_zone_keys *o = &z->of;
	const struct weir_keyring *r = &z->ring;

	o->n_key_keys = 0;
	o->dnskeys.n = o->cds.n = o->cdnskeys.n = o->ds.n = 0;
	o->zone_key = z->keys[weir_keyring_signs(r)];
	for (uint32_t i = 0; i < r->n; i++) {
		const struct weir_ring_key *k = &r->keys[i];

		weir_key_dnskey(z->keys[i], z->dnskeys[i]);
		weir_key_ds(z->keys[i], z->wire.wire, z->wire.len, z->ds[i]);
		add_data(&o->dnskeys, z->dnskeys[i], WEIR_DNSKEY_BYTES);
		if (weir_ring_key_signs_keys(k))
			o->key_keys[o->n_key_keys++] = z->keys[i];
		if (weir_ring_key_wants_ds(k))
			add_data(&o->ds, z->ds[i], WEIR_DS_BYTES);
		if (k->state != WEIR_KEY_READY)
			continue;
		add_data(&o->cds, z->ds[i], WEIR_DS_BYTES);
		add_data(&o->cdnskeys, z->dnskeys[i], WEIR_DNSKEY_BYTES);
	}
}

/* The keys of a ring; those that before has, too, are taken from it. False: one is no key. */
static bool read_keys(const struct weir_keyring *r, struct weir_key **keys,
		      const struct weir_keyring *before, struct weir_key **of_before)
{
	for (uint32_t i = 0; i < r->n; i++) {
		keys[i] = NULL;
		for (uint32_t k = 0; before && k < before->n; k++) {
			if (before->keys[k].tag != r->keys[i].tag)
				continue;
			keys[i] = of_before[k];
			of_before[k] = NULL;
		}
		if (!keys[i])
			keys[i] = weir_key_read(r->keys[i].text, r->keys[i].role != WEIR_KEY_ZSK);
		if (keys[i] && weir_key_tag(keys[i]) == r->keys[i].tag)
			continue;
		for (uint32_t k = 0; k <= i; k++)
			weir_key_free(keys[k]);
		return false;
	}
	return true;
}

/* A tag says which key it is, so no two of a ring have the same. */
static bool make_key(const struct weir_keyring *r, bool is_ksk, struct weir_new_key *out)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		struct weir_key *k = weir_key_make(is_ksk);
		bool taken = !k;

		for (uint32_t i = 0; k && i < r->n; i++)
			taken |= r->keys[i].tag == weir_key_tag(k);
		if (!taken)
			*out = (struct weir_new_key){ weir_key_tag(k), weir_key_text(k) };
		weir_key_free(k);
		if (!taken)
			return out->text;
	}
	return false;
}

static void drop_key(struct agent_signing *g, struct weir_key *k)
{
	if (!k || !g->n_jobs) {
		weir_key_free(k);
		return;
	}
	g->old_keys = weir_grow(g->old_keys, g->n_old_keys + 1, sizeof(*g->old_keys));
	g->old_keys[g->n_old_keys++] = k;
}

int agent_ring_replace(struct agent_signing *g, struct agent_signed_zone *z,
		       struct weir_keyring *next, struct weir_err *err)
{
	struct weir_key *keys[WEIR_RING_KEYS];
	int rc = agent_keys_write(z->directory, z->name, next, err);

	if (rc) {
		weir_keyring_fini(next);
		return rc;
	}
	if (!read_keys(next, keys, &z->ring, z->keys))
		abort(); /* they were made or read by us */
	for (uint32_t i = 0; i < z->ring.n; i++)
		drop_key(g, z->keys[i]);
	weir_keyring_fini(&z->ring);
	z->ring = *next;
	memcpy(z->keys, keys, sizeof(keys));
	tell(z);
	return 0;
}

/* --- zones --- */

static bool make_ring(struct agent_signed_zone *z, bool split, uint64_t now_s, struct weir_err *err)
{
	struct weir_keyring none = { 0 };
	struct weir_new_key keys[2] = { { 0 } };

	if (!make_key(&none, true, &keys[0]) || !make_key(&none, false, &keys[1]))
		return weir_err_set(err, "", "a key cannot be made");
	while (keys[1].tag == keys[0].tag) {
		free(keys[1].text);
		if (!make_key(&none, false, &keys[1]))
			return weir_err_set(err, "", "a key cannot be made");
	}
	weir_keyring_begin(&z->ring, split, keys, now_s);
	if (!split)
		free(keys[1].text);
	if (agent_keys_write(z->directory, z->name, &z->ring, err))
		return false;
	weir_warn("zone %s: has new keys in %s: its parent needs the DS of `weirctl zone dnssec`",
		  z->name, z->directory);
	return true;
}

void agent_signed_zone_free(struct agent_signed_zone *z)
{
	for (uint32_t i = 0; i < z->ring.n; i++)
		weir_key_free(z->keys[i]);
	weir_keyring_fini(&z->ring);
	free(z->name);
	free(z->directory);
	free(z);
}

static bool read_zone(struct agent_signing *g, const struct weir_model *m,
		      const struct weir_zone_conf *conf, struct weir_err *err)
{
	struct agent_signed_zone *z = weir_new(struct agent_signed_zone);
	uint32_t n_keys = 0;
	bool ok;
	int rc;

	z->name = copy(conf->name);
	z->directory = copy(directory_of(m));
	weir_name_parse(conf->name, &z->wire);
	rc = agent_keys_read(z->directory, z->name, &z->ring, err);
	ok = !rc || (rc == -ENOENT && make_ring(z, conf->dnssec.split, time(NULL), err));
	if (ok && !read_keys(&z->ring, z->keys, NULL, NULL)) {
		ok = weir_err_set(err, "", "%s/%s.keys: has a key that is none", z->directory,
				  z->name);
	} else if (ok) {
		n_keys = z->ring.n;
	}
	if (!ok) {
		if (!n_keys)
			memset(z->keys, 0, sizeof(z->keys));
		agent_signed_zone_free(z);
		return false;
	}
	tell(z);
	g->zones = weir_grow(g->zones, g->n_zones + 1, sizeof(*g->zones));
	g->zones[g->n_zones++] = z;
	return true;
}

static bool check_zone(struct agent_signing *g, const struct weir_model *m,
		       const struct weir_zone_conf *conf, struct weir_err *err)
{
	const struct agent_signed_zone *z = agent_signed_zone_of(g, conf->name);

	if (z && strcmp(z->directory, directory_of(m)) != 0)
		return weir_err_set(err, "", "agent.dns.keys cannot change while the agent runs");
	if (!z && !read_zone(g, m, conf, err))
		return false;
	z = agent_signed_zone_of(g, conf->name);
	return z->ring.split == conf->dnssec.split ||
	       weir_err_set(err, "", "keys must be %s, as its keys in %s are",
			    z->ring.split ? "zsk_ksk" : "csk", z->directory);
}

bool agent_signing_read(struct agent_signing *g, const struct weir_model *m, struct weir_err *err)
{
	for (uint32_t i = 0; i < m->n_zones; i++) {
		if (!m->zones[i].dnssec.on || check_zone(g, m, &m->zones[i], err))
			continue;
		snprintf(err->path, sizeof(err->path), "zones[%u].dnssec", i);
		return false;
	}
	return true;
}

void agent_ring_say(const struct agent_signed_zone *z)
{
	for (uint32_t i = 0; i < z->ring.n; i++)
		weir_info("zone %s: %s %u is %s", z->name, weir_key_role_text(z->ring.keys[i].role),
			  z->ring.keys[i].tag, weir_key_state_text(z->ring.keys[i].state));
}

/* --- operators --- */

static struct agent_signed_zone *
signed_zone(const struct agent_signing *g, const struct weir_zone_conf *conf, struct weir_err *err)
{
	struct agent_signed_zone *z = conf->dnssec.on ? agent_signed_zone_of(g, conf->name) : NULL;

	if (!z)
		weir_err_set(err, "", "zone %s is not signed", conf->name);
	return z;
}

static int change(struct agent_signing *g, struct agent_signed_zone *z, struct weir_keyring *next,
		  struct weir_err *err)
{
	int rc = agent_ring_replace(g, z, next, err);

	if (rc)
		return rc;
	agent_ring_say(z);
	g->on_news(g->arg);
	return 0;
}

int agent_signing_roll(struct agent_signing *g, const struct weir_zone_conf *conf, const char *text,
		       uint64_t now_s, struct weir_err *err)
{
	struct agent_signed_zone *z = signed_zone(g, conf, err);
	enum weir_key_role role = WEIR_KEY_CSK;
	struct weir_ring_times times;
	struct weir_keyring next;
	struct weir_new_key key;
	const char *why;

	if (!z)
		return -EINVAL;
	if (text && !weir_key_role_of(text, &role)) {
		weir_err_set(err, "role", "must be csk, ksk or zsk");
		return -EINVAL;
	}
	why = weir_keyring_refuses(&z->ring, role);
	if (why) {
		weir_err_set(err, "", "zone %s %s", z->name, why);
		return -EINVAL;
	}
	if (!make_key(&z->ring, role != WEIR_KEY_ZSK, &key)) {
		weir_err_set(err, "", "a key cannot be made");
		return -EIO;
	}
	times = agent_signing_times(z, conf);
	weir_keyring_copy(&z->ring, &next);
	weir_keyring_roll(&next, role, &key, &times, now_s);
	return change(g, z, &next, err);
}

int agent_signing_ds_seen(struct agent_signing *g, const struct weir_zone_conf *conf,
			  uint64_t now_s, struct weir_err *err)
{
	struct agent_signed_zone *z = signed_zone(g, conf, err);
	struct weir_ring_times times;
	struct weir_keyring next;

	if (!z)
		return -EINVAL;
	times = agent_signing_times(z, conf);
	weir_keyring_copy(&z->ring, &next);
	if (!weir_keyring_ds_seen(&next, &times, now_s)) {
		weir_keyring_fini(&next);
		weir_err_set(err, "", "zone %s has no key that waits for its DS", z->name);
		return -EINVAL;
	}
	return change(g, z, &next, err);
}
