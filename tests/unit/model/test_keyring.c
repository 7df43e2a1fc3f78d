/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roll-overs of keys with a simulated clock. What must hold at every moment: whatever a validator
 * still has of DS, DNSKEY and signatures, it can follow from one to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/keyring.h"

#define START    1000000u
#define DNSKEY_S 3600u
#define ZONE_S   7200u
#define DS_S     86400u
#define MARGIN_S 300u

static const struct weir_ring_times times = { DNSKEY_S, ZONE_S, DS_S, MARGIN_S };

static struct weir_new_key fresh(uint16_t tag)
{
	return (struct weir_new_key){ tag, strdup("private") };
}

static void begin(struct weir_keyring *r, bool split)
{
	struct weir_new_key keys[] = { fresh(1), split ? fresh(2) : (struct weir_new_key){ 0 } };

	weir_keyring_begin(r, split, keys, START);
}

static void roll(struct weir_keyring *r, enum weir_key_role role, uint16_t tag, uint64_t now_s)
{
	struct weir_new_key key = fresh(tag);

	weir_keyring_roll(r, role, &key, &times, now_s);
}

/* "tag:role:state ..." with the key that signs the zone in brackets. */
static const char *says(const struct weir_keyring *r)
{
	static char text[400];
	size_t n = 0;

	for (uint32_t i = 0; i < r->n; i++)
		n += (size_t)sprintf(text + n, "%s%s%u %s", i ? ", " : "",
				     weir_keyring_signs(r) == i ? "*" : "", r->keys[i].tag,
				     weir_key_state_text(r->keys[i].state));
	return text;
}

static void a_zsk_is_published_before_it_signs_and_stays_after(void **state)
{
	struct weir_keyring r;

	(void)state;
	begin(&r, true);
	assert_string_equal(says(&r), "1 ready, *2 active");
	assert_null(weir_keyring_refuses(&r, WEIR_KEY_ZSK));
	assert_non_null(weir_keyring_refuses(&r, WEIR_KEY_CSK));
	roll(&r, WEIR_KEY_ZSK, 3, START);
	assert_non_null(weir_keyring_refuses(&r, WEIR_KEY_ZSK));
	assert_false(weir_keyring_tick(&r, &times, START + DNSKEY_S + MARGIN_S - 1));
	assert_string_equal(says(&r), "1 ready, *2 active, 3 published");
	assert_true(weir_keyring_tick(&r, &times, START + DNSKEY_S + MARGIN_S));
	assert_string_equal(says(&r), "1 ready, 2 retired, *3 active");
	assert_non_null(weir_keyring_refuses(&r, WEIR_KEY_ZSK));
	assert_false(weir_keyring_tick(&r, &times, START + DNSKEY_S + ZONE_S + 2 * MARGIN_S - 1));
	assert_true(weir_keyring_tick(&r, &times, START + DNSKEY_S + ZONE_S + 2 * MARGIN_S));
	assert_string_equal(says(&r), "1 ready, *3 active");
	weir_keyring_fini(&r);
}

static void a_ksk_waits_for_the_parent_however_long_that_takes(void **state)
{
	struct weir_keyring r;

	(void)state;
	begin(&r, true);
	assert_non_null(weir_keyring_refuses(&r, WEIR_KEY_KSK)); /* nobody vouches for it yet */
	assert_true(weir_keyring_ds_seen(&r, &times, START));
	assert_false(weir_keyring_ds_seen(&r, &times, START));
	roll(&r, WEIR_KEY_KSK, 3, START);
	assert_false(weir_keyring_ds_seen(&r, &times, START)); /* not all know it yet */
	weir_keyring_tick(&r, &times, START + DNSKEY_S + MARGIN_S);
	assert_string_equal(says(&r), "1 active, *2 active, 3 ready");
	assert_true(weir_ring_key_wants_ds(&r.keys[0]) && weir_ring_key_wants_ds(&r.keys[2]));
	assert_false(weir_keyring_tick(&r, &times, START + 100 * DS_S));
	assert_true(weir_keyring_ds_seen(&r, &times, START + 100 * DS_S));
	assert_string_equal(says(&r), "1 retired, *2 active, 3 active");
	assert_false(weir_ring_key_wants_ds(&r.keys[0]));
	assert_true(weir_ring_key_signs_keys(&r.keys[0])); /* while its DS may be known */
	assert_false(weir_keyring_tick(&r, &times, START + 101 * DS_S + MARGIN_S - 1));
	assert_true(weir_keyring_tick(&r, &times, START + 101 * DS_S + MARGIN_S));
	assert_string_equal(says(&r), "*2 active, 3 active");
	weir_keyring_fini(&r);
}

static void a_csk_signs_the_zone_when_all_know_it(void **state)
{
	const struct weir_ring_times quick = { DNSKEY_S, ZONE_S, 1, MARGIN_S };
	struct weir_keyring r;
	uint64_t ready_s = START + DNSKEY_S + MARGIN_S;

	(void)state;
	begin(&r, false);
	weir_keyring_ds_seen(&r, &quick, START);
	roll(&r, WEIR_KEY_CSK, 3, START);
	assert_string_equal(says(&r), "*1 active, 3 published");
	weir_keyring_tick(&r, &quick, ready_s);
	assert_string_equal(says(&r), "1 active, *3 ready");
	weir_keyring_ds_seen(&r, &quick, ready_s + 10);
	assert_string_equal(says(&r), "1 retired, *3 active");
	/* DS are forgotten soon, but not what the older key signed. */
	assert_false(weir_keyring_tick(&r, &quick, ready_s + ZONE_S + MARGIN_S - 1));
	assert_true(weir_keyring_tick(&r, &quick, ready_s + ZONE_S + MARGIN_S));
	assert_string_equal(says(&r), "*3 active");
	weir_keyring_fini(&r);
}

static void a_retired_key_waits_for_what_still_has_its_signatures(void **state)
{
	struct weir_keyring r;
	uint64_t now_s = START + DNSKEY_S + MARGIN_S;

	(void)state;
	begin(&r, true);
	roll(&r, WEIR_KEY_ZSK, 3, START);
	weir_keyring_tick(&r, &times, now_s);
	weir_keyring_hold(&r, &times, now_s + 1000);
	assert_false(weir_keyring_tick(&r, &times, now_s + 1000 + ZONE_S + MARGIN_S - 1));
	assert_true(weir_keyring_tick(&r, &times, now_s + 1000 + ZONE_S + MARGIN_S));
	weir_keyring_fini(&r);
}

static void a_ring_is_the_same_after_it_was_kept(void **state)
{
	struct weir_keyring r, back;
	struct weir_err err;
	json_t *v;
	char was[400];

	(void)state;
	begin(&r, true);
	weir_keyring_ds_seen(&r, &times, START);
	roll(&r, WEIR_KEY_KSK, 3, START);
	roll(&r, WEIR_KEY_ZSK, 4, START);
	for (uint64_t s = START; s < START + 5 * DS_S; s += 600) {
		weir_keyring_tick(&r, &times, s);
		strcpy(was, says(&r));
		v = weir_keyring_json(&r);
		assert_true(weir_keyring_parse(v, &back, &err));
		json_decref(v);
		assert_string_equal(says(&back), was);
		assert_int_equal(back.keys[1].until_s, r.keys[1].until_s);
		assert_string_equal(back.keys[0].text, "private");
		weir_keyring_fini(&r);
		r = back;
	}
	assert_string_equal(was, "1 active, 3 ready, *4 active");
	weir_keyring_fini(&r);
}

static void what_is_no_ring_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"keys\": \"csk\", \"ring\": []}",
		"{\"keys\": \"csk\", \"ring\": [7]}",
		"{\"keys\": \"csk\", \"ring\": [{\"role\": \"ksk\", \"state\": \"active\", \"tag\": 1, "
		"\"since\": 1, \"until\": 0, \"private\": \"\"}]}",
		"{\"keys\": \"csk\", \"ring\": [{\"role\": \"csk\", \"state\": \"retired\", \"tag\": 1, "
		"\"since\": 1, \"until\": 0, \"private\": \"\"}]}",
		"{\"keys\": \"zsk_ksk\", \"ring\": [{\"role\": \"ksk\", \"state\": \"active\", \"tag\": 1, "
		"\"since\": 1, \"until\": 0, \"private\": \"\"}]}",
	};
	struct weir_keyring r;
	struct weir_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *v = json_loads(texts[i], 0, NULL);

		assert_non_null(v);
		assert_false(weir_keyring_parse(v, &r, &err));
		assert_int_equal(r.n, 0);
		json_decref(v);
	}
}

/* --- validators --- */

/* What validators may still have of a zone, and when they forget it: by tag of the key. */
struct world {
	struct weir_keyring ring;
	uint64_t ds_s[16], sigs_s[16];
	/* Every DNSKEY set that was ever answered, as a mask of tags. */
	struct {
		uint32_t tags;
		uint64_t until_s;
	} sets[64];
	uint32_t n_sets;
	uint32_t parent;  /* tags of the DS that the parent has */
	uint16_t next;    /* tag of the next new key */
	uint64_t asked_s; /* when the operator was asked for a DS; 0: was not */
};

static void roll_if_due(struct world *w, enum weir_key_role role, uint64_t now_s, bool due)
{
	if (due && w->next < 14 && !weir_keyring_refuses(&w->ring, role))
		roll(&w->ring, role, w->next++, now_s);
}

/* The operator takes a day; then the parent has the new DS alone. */
static void operate(struct world *w, uint64_t now_s)
{
	uint32_t ready = 0;

	for (uint32_t i = 0; i < w->ring.n; i++)
		if (w->ring.keys[i].state == WEIR_KEY_READY)
			ready = 1u << w->ring.keys[i].tag;
	if (ready && !w->asked_s)
		w->asked_s = now_s;
	if (!w->asked_s || now_s < w->asked_s + DS_S)
		return;
	if (ready)
		w->parent = ready;
	weir_keyring_ds_seen(&w->ring, &times, now_s);
	w->asked_s = 0;
}

/* Validators ask for everything. tags: of the keys that are answered. */
static void ask(struct world *w, uint32_t tags, uint64_t now_s)
{
	for (uint16_t t = 0; t < 16; t++)
		if (w->parent >> t & 1)
			w->ds_s[t] = now_s + DS_S;
	w->sigs_s[w->ring.keys[weir_keyring_signs(&w->ring)].tag] = now_s + ZONE_S;
	if (!w->n_sets || w->sets[w->n_sets - 1].tags != tags)
		w->sets[w->n_sets++].tags = tags;
	w->sets[w->n_sets - 1].until_s = now_s + DNSKEY_S;
}

/* Each DS that is known leads to a key that is there and signs keys. Each signature that is known
 * is by a key of each DNSKEY that is known, or asked for anew; each new one, of those that were
 * known before. */
static void check_chains(const struct world *w, uint32_t tags, uint32_t signers, uint64_t now_s)
{
	for (uint16_t t = 0; t < 16; t++) {
		if (w->ds_s[t] > now_s)
			assert_true(signers >> t & 1);
		if (w->sigs_s[t] > now_s)
			assert_true(tags >> t & 1);
	}
	for (uint32_t i = 0; i < w->n_sets; i++)
		if (w->sets[i].until_s > now_s)
			assert_true(w->sets[i].tags >>
					    w->ring.keys[weir_keyring_signs(&w->ring)].tag &
				    1);
}

static void nobody_is_ever_left_without_a_chain(void **state)
{
	(void)state;
	for (int split = 0; split < 2; split++) {
		struct world w = { .parent = 1 << 1, .next = 3 };

		begin(&w.ring, split);
		weir_keyring_ds_seen(&w.ring, &times, START);
		for (uint64_t s = START; s < START + 12 * DS_S; s += 100) {
			uint32_t tags = 0, signers = 0;

			weir_keyring_tick(&w.ring, &times, s);
			roll_if_due(&w, split ? WEIR_KEY_KSK : WEIR_KEY_CSK, s, s % 7 == 0);
			roll_if_due(&w, WEIR_KEY_ZSK, s, split && s % 3 == 0);
			for (uint32_t i = 0; i < w.ring.n; i++) {
				const struct weir_ring_key *k = &w.ring.keys[i];

				tags |= 1u << k->tag;
				signers |= (uint32_t)weir_ring_key_signs_keys(k) << k->tag;
			}
			operate(&w, s);
			ask(&w, tags, s);
			check_chains(&w, tags, signers, s);
		}
		assert_true(w.next > 6);
		weir_keyring_fini(&w.ring);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zsk_is_published_before_it_signs_and_stays_after),
		cmocka_unit_test(a_ksk_waits_for_the_parent_however_long_that_takes),
		cmocka_unit_test(a_csk_signs_the_zone_when_all_know_it),
		cmocka_unit_test(a_retired_key_waits_for_what_still_has_its_signatures),
		cmocka_unit_test(a_ring_is_the_same_after_it_was_kept),
		cmocka_unit_test(what_is_no_ring_is_refused),
		cmocka_unit_test(nobody_is_ever_left_without_a_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
