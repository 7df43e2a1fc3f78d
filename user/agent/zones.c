/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zones.c - what operators see of zones, and do to the keys of those that are signed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/log.h"

static json_t *time_json(uint64_t s)
{
	struct tm tm;
	char text[32];
	time_t t = (time_t)s;

	if (!s || !gmtime_r(&t, &tm))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

/* --- records, in presentation format --- */

static json_t *ds_json(const struct agent_signed_zone *z, uint32_t i)
{
	const uint8_t *d = z->ds[i];
	char text[512];
	int n = snprintf(text, sizeof(text), "%s. IN DS %u %u %u ", z->name,
			 (unsigned)(d[0] << 8 | d[1]), d[2], d[3]);

	for (size_t k = 4; k < WEIR_DS_BYTES; k++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02X", d[k]);
	return json_string(text);
}

static void base64(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len; in += 3, len -= len < 3 ? len : 3) {
		uint32_t v = (uint32_t)in[0] << 16;

		v |= len > 1 ? (uint32_t)in[1] << 8 : 0;
		v |= len > 2 ? in[2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = len > 1 ? digits[v >> 6 & 63] : '=';
		*out++ = len > 2 ? digits[v & 63] : '=';
	}
	*out = 0;
}

static json_t *dnskey_json(const struct agent_signed_zone *z, uint32_t i)
{
	const uint8_t *d = z->dnskeys[i];
	char text[512], key[2 * WEIR_KEY_PUBLIC];

	base64(d + 4, WEIR_KEY_PUBLIC, key);
	snprintf(text, sizeof(text), "%s. IN DNSKEY %u %u %u %s", z->name,
		 (unsigned)(d[0] << 8 | d[1]), d[2], d[3], key);
	return json_string(text);
}

/* --- where a roll-over is --- */

/* What the operator is to do or to know; NULL: nothing. */
static const char *next_of(const struct weir_keyring *r)
{
	bool older = false;

	for (uint32_t i = 0; i < r->n; i++)
		older |= r->keys[i].role != WEIR_KEY_ZSK && r->keys[i].state == WEIR_KEY_ACTIVE;
	for (uint32_t i = 0; i < r->n; i++) {
		switch (r->keys[i].state) {
		case WEIR_KEY_READY:
			return older ? "give the parent the new DS in the place of the old one, and "
				       "when it is there say ds-seen"
				     : "give the parent the DS, and when it is there say ds-seen";
		case WEIR_KEY_PUBLISHED:
			return "the new key waits until everybody knows it";
		case WEIR_KEY_RETIRED:
			return "the old key waits until nobody needs it";
		case WEIR_KEY_ACTIVE:
			break;
		}
	}
	return NULL;
}

static json_t *dnssec_json(const struct agent_signed_zone *z)
{
	json_t *keys = json_array();
	uint32_t signs = weir_keyring_signs(&z->ring);

	for (uint32_t i = 0; i < z->ring.n; i++) {
		const struct weir_ring_key *k = &z->ring.keys[i];
		bool ds = weir_ring_key_wants_ds(k);

		json_array_append_new(keys,
				      json_pack("{s:s, s:s, s:i, s:o, s:o, s:b, s:b, s:o, s:o}",
						"role", weir_key_role_text(k->role), "state",
						weir_key_state_text(k->state), "tag", k->tag,
						"since", time_json(k->since_s), "until",
						time_json(k->until_s), "signs_zone", i == signs,
						"signs_keys", weir_ring_key_signs_keys(k), "ds",
						ds ? ds_json(z, i) : json_null(), "dnskey",
						dnskey_json(z, i)));
	}
	return json_pack("{s:s, s:o, s:s?, s:b}", "keys", z->ring.split ? "zsk_ksk" : "csk", "ring",
			 keys, "next", next_of(&z->ring), "signing", z->job != NULL);
}

json_t *weir_agent_zones(const struct weir_agent *a)
{
	const struct weir_model *m = a->model;
	json_t *list = json_array();

	for (uint32_t i = 0; i < m->n_zones; i++) {
		const struct agent_signed_zone *z =
			m->zones[i].dnssec.on ? agent_signed_zone_of(a->signing, m->zones[i].name)
					      : NULL;

		json_array_append_new(list, json_pack("{s:s, s:s?, s:o}", "name", m->zones[i].name,
						      "file", m->zones[i].file, "dnssec",
						      z ? dnssec_json(z) : json_null()));
	}
	return json_pack("{s:s, s:o}", "node", m->agent.node, "zones", list);
}

/* --- commands --- */

/* The role of a body; false: it is no such body. */
static bool take_role(const json_t *body, const char **role, struct weir_err *err)
{
	const json_t *v = json_object_get(body, "role");

	*role = NULL;
	if (!body)
		return true;
	if (!json_is_object(body) || json_object_size(body) != (v ? 1u : 0u))
		return weir_err_set(err, "", "must be an object with role or nothing");
	if (!v || json_is_null(v))
		return true;
	*role = json_string_value(v);
	return *role || weir_err_set(err, "role", "must be csk, ksk or zsk");
}

int weir_agent_zone_do(struct weir_agent *a, const char *zone, const char *what, const json_t *body,
		       struct weir_err *err)
{
	const struct weir_zone_conf *z = NULL;
	uint64_t now_s = agent_now_ms() / 1000;
	const char *role;

	for (uint32_t i = 0; i < a->model->n_zones && !z; i++)
		if (!strcmp(a->model->zones[i].name, zone))
			z = &a->model->zones[i];
	if (!z) {
		weir_err_set(err, "", "there is no zone \"%.80s\"", zone);
		return -ENOENT;
	}
	if (!take_role(body, &role, err))
		return -EINVAL;
	if (!strcmp(what, "roll"))
		return agent_signing_roll(a->signing, z, role, now_s, err);
	if (!strcmp(what, "ds-seen"))
		return agent_signing_ds_seen(a->signing, z, now_s, err);
	weir_err_set(err, "", "a zone can be told roll and ds-seen, not \"%.40s\"", what);
	return -ENOENT;
}
