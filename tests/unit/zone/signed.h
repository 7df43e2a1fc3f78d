/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signed.h - a snapshot of signed zones, of a file and a document, and a judge of its replies. */
#ifndef TESTS_UNIT_ZONE_SIGNED_H
#define TESTS_UNIT_ZONE_SIGNED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "judge.h"
#include "wire.h"
#include "world.h"
#include "zone/file.h"

enum {
	DS = 43,
	RRSIG = 46,
	NSEC = 47,
	DNSKEY = 48
};

/* A model of at most two zones: example.com, which may have a file, and b.example.com. */
struct signed_zones {
	struct world *w;
	struct weir_zone_file *file;
	struct weir_file_sigs *file_sigs;
	const struct weir_zone_file *files[4];
	struct weir_zone_keys keys[4];
	const struct weir_zone_keys *of[4];
	struct weir_signer signer;
	struct weir_zones *zones, *plain; /* the same, signed and not */
	uint64_t n_signed;                /* signatures made for zones */
	struct judged judged;
};

static const uint16_t signed_tags[] = { 1, 2, 11, 12 };
static const uint8_t signed_dnskey[] = { 1, 1, 3, 13, 'k', 'e', 'y' };

static inline void signed_keys(struct signed_zones *s, unsigned zone)
{
	struct weir_zone_keys *k = &s->keys[zone];
	struct weir_data key = { signed_dnskey, sizeof(signed_dnskey) };

	*k = (struct weir_zone_keys){ .zone_key = &signed_tags[2 * zone + 1],
				      .key_keys = { &signed_tags[2 * zone] },
				      .n_key_keys = 1,
				      .ttl = 3600 };
	k->dnskeys = (struct weir_data_list){ { key }, 1 };
	k->ds = k->cds = k->dnskeys;
	s->of[zone] = k;
}

/* An empty world of so many zones; file NULL: none has one. */
static inline void signed_init(struct signed_zones *s, unsigned n_zones, const char *file)
{
	struct weir_err err = { .text = "" };
	struct world *w = weir_new(struct world);

	memset(s, 0, sizeof(*s));
	s->w = w;
	w->model.records = w->records;
	w->model.zones = w->zones;
	w->model.lbs = w->lbs;
	w->view.model = &w->model;
	w->view.lbs = w->view_lbs;
	w->ns[0] = "ns1.example.com";
	w->ns[1] = "ns2.example.com";
	world_zone(w, "example.com");
	if (n_zones > 1)
		world_zone(w, "b.example.com");
	for (unsigned i = 0; i < n_zones; i++)
		signed_keys(s, i);
	s->signer = (struct weir_signer){ .zones = s->of, .sign = judge_sign, .arg = &s->n_signed };
	if (!file)
		return;
	s->file = weir_zone_file_parse("example.com", file, strlen(file), &err);
	assert_string_equal(err.text, "");
	s->files[0] = s->file;
	weir_zone_file_order(s->file);
	s->file_sigs =
		weir_zone_file_sign(s->file, NULL, NULL, 0, s->keys[0].zone_key, judge_sign, NULL);
	s->keys[0].file = s->file_sigs;
}

static inline void signed_build(struct signed_zones *s)
{
	static const struct weir_self self = { .nsid = "", .version = "" };

	weir_zones_free(s->zones);
	weir_zones_free(s->plain);
	s->n_signed = 0;
	s->zones = weir_zones_build(&s->w->view, s->files, &self, &s->signer, NULL);
	s->plain = weir_zones_build(&s->w->view, s->files, &self, NULL, NULL);
}

static inline void signed_fini(struct signed_zones *s)
{
	weir_zones_free(s->zones);
	weir_zones_free(s->plain);
	weir_zone_file_free(s->file);
	free(s->file_sigs);
	free(s->w);
}

static inline struct msg signed_ask(const char *name, unsigned type, bool dnssec_ok)
{
	struct msg m = ask(name, type);

	add_opt(&m, 1232, 0, dnssec_ok ? 0x8000 : 0, 0);
	return m;
}

/* Asks by TCP; random says who asks as well. Returns the length of the reply. */
static inline size_t signed_reply(const struct weir_zones *z, const struct msg *m, uint64_t random,
				  uint8_t out[WEIR_DNS_MAX_SIZE])
{
	struct weir_asker asker = { .random = random, .tcp = true };
	struct weir_told told;

	memcpy(asker.client.b, &random, sizeof(random));
	return weir_zones_answer(z, m->b, m->len, &asker, out, WEIR_DNS_MAX_SIZE, &told);
}

/* Whether the reply holds, and is otherwise what those get who do not ask for proof. */
static inline bool signed_holds(struct signed_zones *s, const char *name, unsigned type,
				uint64_t random)
{
	static uint8_t out[WEIR_DNS_MAX_SIZE];
	struct msg m = signed_ask(name, type, true);

	assert_true(signed_reply(s->zones, &m, random, out));
	return judge(&s->judged, out, m.b + 12, type);
}

#define holds(s, name, type)                                                           \
	do {                                                                           \
		if (!signed_holds(s, name, type, 0))                                   \
			fail_msg("%s %s: %s", name, type_text(type), (s)->judged.why); \
	} while (0)

#endif
