/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prepared answers: the routine of the kernel's programs gives with them what the snapshot itself
 * answers, as often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/hash.h"
#include "weir/dns_answer.h"
#include "signed.h"
#include "zone/hot.h"

#define ENTRIES 400
#define ROLLS   3000

static struct entry {
	struct weir_hot_key key;
	struct weir_hot_answer value;
	bool changes;
	struct weir_told told;
} entries[ENTRIES];

static struct weir_zones *zones;
static uint32_t n_entries;

static bool take(void *arg, const struct weir_hot_key *key, const struct weir_hot_answer *value,
		 bool changes, const struct weir_told *told)
{
	uint32_t *room = arg;

	if (n_entries == *room)
		return false;
	entries[n_entries++] = (struct entry){ *key, *value, changes, *told };
	return true;
}

static void collect(bool all, uint32_t room)
{
	n_entries = 0;
	weir_hot_each(zones, all, take, &room);
}

static const struct entry *find_key(const struct weir_hot_query *q, uint8_t dnssec_ok)
{
	for (uint32_t i = 0; i < n_entries; i++)
		if (entries[i].key.hash == q->hash && entries[i].key.type == q->type &&
		    entries[i].key.dnssec_ok == dnssec_ok)
			return weir_hot_same_name(q, &entries[i].value) ? &entries[i] : NULL;
	return NULL;
}

static const struct entry *find(const struct weir_hot_query *q)
{
	const struct entry *e = find_key(q, 0);

	return e && q->dnssec_ok && e->value.flags & WEIR_HOT_SIGNED ? find_key(q, 1) : e;
}

/* What the kernel answers with this die; 0: it leaves that to others. */
static uint32_t hot_answer(const struct msg *m, uint32_t die, uint8_t *out)
{
	struct weir_hot_query q;
	struct weir_hot_plan plan;
	const struct entry *e;
	uint32_t sum, size;

	if (weir_hot_read(m->b, m->b + m->len, (uint32_t)m->len, &q) != WEIR_DNS_QUERY)
		return 0;
	e = find(&q);
	if (!e)
		return 0;
	plan = weir_hot_plan(&e->value, die);
	size = weir_hot_size(&q, &plan);
	if (size > q.size)
		return 0;
	memcpy(out, m->b, m->len);
	assert_int_equal(
		weir_hot_write(out, out + size, &q, &plan, e->value.blob, WEIR_HOT_BLOB, &sum), 0);
	return size;
}

static struct msg question_of(const struct entry *e, bool edns)
{
	struct msg m = ask("", e->key.type);
	uint8_t *end = m.b + 12;

	memcpy(end, e->value.name, e->value.name_len);
	end += e->value.name_len;
	end[0] = (uint8_t)(e->key.type >> 8);
	end[1] = (uint8_t)e->key.type;
	end[2] = 0;
	end[3] = 1;
	m.len = (size_t)(end + 4 - m.b);
	if (edns) {
		const uint8_t opt[] = { 0, 0, 41, 4, 0xd0, 0, 0, e->key.dnssec_ok ? 0x80 : 0,
					0, 0, 0 };

		memcpy(m.b + m.len, opt, sizeof(opt));
		m.len += sizeof(opt);
		m.b[11] = 1;
	}
	return m;
}

static uint32_t choose(const struct weir_hot_answer *v, uint32_t die)
{
	return weir_hot_choose(v->upto, WEIR_HOT_CHOICES, v->n, die);
}

static uint32_t chances_of(const struct weir_hot_answer *v, uint32_t i)
{
	return v->upto[i] - (i ? v->upto[i - 1] : 0);
}

/* What it is counted as is what the snapshot says. */
static void check_told(const struct entry *e, const struct msg *m)
{
	struct weir_asker asker = { .tcp = true };
	static uint8_t out[WEIR_DNS_MAX_SIZE];
	struct weir_told told;

	weir_zones_answer(zones, m->b, m->len, &asker, out, sizeof(out), &told);
	assert_int_equal(e->told.outcome, told.outcome);
	assert_int_equal(e->told.zone, told.zone);
}

/* Every answer of the snapshot is one of the choices, and each comes as often as it should. */
static void check_entry(const struct entry *e, bool edns)
{
	struct msg m = question_of(e, edns);
	uint32_t got[WEIR_HOT_CHOICES] = { 0 };
	static uint8_t general[WEIR_DNS_UDP_SIZE], hot[WEIR_DNS_UDP_SIZE];
	double chi = 0;
	uint32_t n = 0;

	check_told(e, &m);
	for (uint64_t roll = 0; roll < ROLLS; roll++) {
		size_t len = world_answer(zones, m.b, m.len, false, weir_mix64(roll), general,
					  sizeof(general));
		uint32_t i;

		for (i = 0; i < e->value.n; i++) {
			uint32_t die = i ? e->value.upto[i - 1] : 0;

			if (hot_answer(&m, die, hot) == len && !memcmp(hot, general, len))
				break;
		}
		if (i == e->value.n && general[2] & 2) /* truncated: left to others */
			return;
		assert_in_range(i, 0, e->value.n - 1);
		got[i]++;
	}
	for (uint32_t i = 0; i < e->value.n; i++) {
		double want = ROLLS * (chances_of(&e->value, i) / 4294967296.0);

		chi += (got[i] - want) * (got[i] - want) / want;
		n += got[i];
	}
	assert_int_equal(n, ROLLS);
	assert_true(chi < 3.0 * e->value.n + 30);
}

static void prepared_answers_are_those_of_the_snapshot(void **state)
{
	(void)state;
	collect(true, ENTRIES);
	assert_in_range(n_entries, 60, ENTRIES - 1);
	for (uint32_t i = 0; i < n_entries; i++) {
		check_entry(&entries[i], true);
		if (!entries[i].key.dnssec_ok)
			check_entry(&entries[i], false);
	}
}

/* The die's whole range: the last number of a choice and the first one of the next. */
static void every_die_has_its_choice(void **state)
{
	static uint8_t a[WEIR_DNS_UDP_SIZE], b[WEIR_DNS_UDP_SIZE];

	(void)state;
	collect(true, ENTRIES);
	for (uint32_t e = 0; e < n_entries; e++) {
		const struct weir_hot_answer *v = &entries[e].value;

		for (uint32_t i = 0; i + 1 < v->n; i++) {
			assert_int_equal(choose(v, v->upto[i] - 1), i);
			assert_int_equal(choose(v, v->upto[i]), i + 1);
		}
		assert_int_equal(choose(v, 0), 0);
		assert_int_equal(choose(v, UINT32_MAX), v->n - 1);
		for (uint32_t i = 0; i < v->n; i++) {
			struct msg m = question_of(&entries[e], true);

			hot_answer(&m, 0, a);
			hot_answer(&m, UINT32_MAX, b);
		}
	}
}

static const struct entry *entry(const char *name, unsigned type)
{
	struct msg m = ask(name, type);
	struct weir_hot_query q;

	assert_int_equal(weir_hot_read(m.b, m.b + m.len, (uint32_t)m.len, &q), WEIR_DNS_QUERY);
	return find(&q);
}

static void choices_are_as_many_as_there_are(void **state)
{
	(void)state;
	collect(true, ENTRIES);
	assert_int_equal(entry("pool.example.com", A)->value.n, 3);
	assert_int_equal(entry("www.example.com", A)->value.n, 3);   /* rotated */
	assert_int_equal(entry("alias.example.com", A)->value.n, 3); /* its target's */
	assert_int_equal(entry("www.example.com", AAAA)->value.n, 1);
	assert_int_equal(entry("www.example.com", A)->value.choice[0].len, 3 * 16);
	assert_int_equal(entry("www.example.com", A)->value.choice[2].at, 32); /* they overlap */
	assert_int_equal(entry("web.other.test", AAAA)->value.choice[0].authority, 1);
	assert_true(entry("lb.example.com", A)->changes);
	assert_null(entry("big.example.com", A));
	assert_null(entry("huge.example.com", A));
	assert_null(entry("nobody.example.com", A));
}

static void signed_answers_are_prepared_beside_the_others(void **state)
{
	static struct signed_zones s;
	struct weir_zones *was = zones;
	uint32_t with = 0;

	(void)state;
	signed_init(&s, 1, NULL);
	world_addr(s.w, "www.example.com", "192.0.2.1");
	world_addr(s.w, "www.example.com", "192.0.2.2");
	world_member(s.w, "pool.example.com", "one.example.net", 1);
	world_member(s.w, "pool.example.com", "two.example.net", 2);
	world_cname(s.w, "alias.example.com", "www.example.com");
	signed_build(&s);
	zones = s.zones;
	collect(true, ENTRIES);
	assert_true(weir_hot_all_change(zones));
	assert_false(weir_hot_all_change(was));
	for (uint32_t i = 0; i < n_entries; i++) {
		with += entries[i].key.dnssec_ok;
		check_entry(&entries[i], true);
	}
	assert_int_equal(with * 2, n_entries);
	assert_true(entry("www.example.com", A)->value.flags & WEIR_HOT_SIGNED);
	assert_int_equal(entry("pool.example.com", A)->value.n, 2);
	signed_fini(&s);
	zones = was;
}

static void names_that_change_come_first_and_alone_if_asked(void **state)
{
	bool fixed = false;
	uint32_t changing = 0;

	(void)state;
	collect(true, ENTRIES);
	for (uint32_t i = 0; i < n_entries; i++) {
		assert_false(fixed && entries[i].changes);
		fixed |= !entries[i].changes;
		changing += entries[i].changes;
	}
	assert_true(fixed);
	collect(false, ENTRIES);
	assert_int_equal(n_entries, changing);
	collect(true, 5); /* no room for more */
	assert_int_equal(n_entries, 5);
}

static void count_zone(void *arg, uint64_t key, uint32_t labels)
{
	uint32_t *sum = arg;

	assert_true(key != 0);
	sum[labels]++;
}

static void every_apex_is_named(void **state)
{
	uint32_t by_labels[8] = { 0 };

	(void)state;
	weir_hot_zones(zones, count_zone, by_labels);
	assert_int_equal(by_labels[2], 2);
	assert_int_equal(by_labels[4], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepared_answers_are_those_of_the_snapshot),
		cmocka_unit_test(every_die_has_its_choice),
		cmocka_unit_test(choices_are_as_many_as_there_are),
		cmocka_unit_test(signed_answers_are_prepared_beside_the_others),
		cmocka_unit_test(names_that_change_come_first_and_alone_if_asked),
		cmocka_unit_test(every_apex_is_named),
	};
	struct world *w = world_new();
	int failed;

	zones = world_build(&w->view);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	weir_zones_free(zones);
	free(w);
	return failed;
}
