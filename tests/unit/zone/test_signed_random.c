/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones by chance, of a file and a document over it: whatever is asked, the answer holds, and says
 * what those are told who do not ask for proof; and so does a zone that is taken whole. */
#include "taken.h"

#define WORLDS 200

static uint64_t dice;

static unsigned roll(unsigned n)
{
	dice += 0x9e3779b97f4a7c15ull;
	return (unsigned)(weir_mix64(dice) % n);
}

/* A name of one to three labels in the zone, of the document's or the questioner's kind. */
static const char *some_name(bool asked)
{
	static const char *const labels[] = { "a", "b", "c", "-", "*", "aa", "z" };
	static char names[64][64]; /* of those that are in use */
	static unsigned next;
	char *name = names[next++ % 64];
	unsigned n = 1 + roll(3);

	*name = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned l = roll(asked ? 7 : 6);

		if (!asked && l == 4 && i) /* a wildcard has nothing below it here */
			l = 0;
		strcat(strcat(name, labels[l]), ".");
	}
	return strcat(name, "example.com");
}

/* --- the file --- */

struct taken {
	char name[64];
	bool alias, cut;
};

static struct taken *take(struct taken *t, unsigned *n, const char *name)
{
	for (unsigned i = 0; i < *n; i++)
		if (!strcmp(t[i].name, name))
			return NULL;
	strcpy(t[*n].name, name);
	return &t[(*n)++];
}

static void write_file(char *text)
{
	struct taken t[16];
	unsigned n = 0;

	text += sprintf(text, "@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60\n@ 3600 NS ns1\n");
	for (unsigned i = roll(14); i; i--) {
		const char *name = some_name(false);

		if (!take(t, &n, name))
			continue;
		switch (*name == '*' ? roll(4) : roll(6)) {
		case 0:
			text += sprintf(text, "%s. 300 A 192.0.2.1\n%s. 300 A 192.0.2.2\n", name,
					name);
			break;
		case 1:
			text += sprintf(text, "%s. 300 TXT x\n%s. 200 AAAA 2001:db8::1\n", name,
					name);
			break;
		case 2:
			text += sprintf(text, "%s. 300 CNAME %s.\n", name, some_name(true));
			break;
		case 3:
			text += sprintf(text, "%s. 300 MX 1 a\n", name);
			break;
		case 4:
			text += sprintf(text, "%s. 300 DS 1 13 2 00112233\n", name);
			/* fall through */
		default:
			text += sprintf(text, "%s. 300 NS ns.%s.\nns.%s. 300 A 192.0.2.3\n", name,
					name, name);
		}
	}
}

/* --- the document --- */

static void add_delegation(struct world *w, const char *name)
{
	static const uint8_t host[] = "\2ns\7example\3net", ds[] = { 0, 1, 13, 2, 9 };
	struct weir_record *r = world_record(w, name, (enum weir_record_type)NS);

	r->rdata = host;
	r->rdata_bytes = sizeof(host);
	if (roll(2))
		return;
	r = world_record(w, name, (enum weir_record_type)DS);
	r->rdata = ds;
	r->rdata_bytes = sizeof(ds);
}

/* For some clients there is an address of IPv4, for some one of IPv6, for some nothing. */
static void add_steered(struct world *w, const char *name)
{
	static struct weir_view_mix mixes[3];
	static struct weir_steer_way own[WEIR_STEER_SLICES];
	struct weir_view_lb *v;

	world_lb(w, name);
	v = &w->view_lbs[w->model.n_lbs - 1];
	for (unsigned i = 0; i < WEIR_STEER_SLICES; i++)
		own[i].mix = (uint32_t)(i % 3);
	mixes[0] = (struct weir_view_mix){ w->even, 2, 2 };
	mixes[1] = (struct weir_view_mix){ w->even + 2, 1, 1 };
	mixes[2] = (struct weir_view_mix){ NULL, 0, 0 };
	v->pool = &w->pool;
	v->mixes = mixes;
	v->steer.n_mixes = 3;
	v->steer.ways = own;
	v->steer.sliced = true;
}

static struct weir_arena *names; /* of a world's document */

static void add_balancers(struct world *w)
{
	static const char *const text[] = { "198.51.100.1", "198.51.100.2", "2001:db8::51" };

	for (uint32_t i = 0; i < 3; i++) {
		w->origins[i] = (struct weir_origin){ .index = i,
						      .addr = addr(text[i]),
						      .weight = (uint16_t)(roll(2) ? 100 : 50),
						      .enabled = true };
		w->even[i] = world_origin(w, i);
	}
	if (roll(2))
		world_lb(w, weir_arena_strdup(names, some_name(false))); /* nobody serves it */
	if (roll(2))
		add_steered(w, weir_arena_strdup(names, some_name(false)));
}

static void write_document(struct world *w)
{
	struct taken t[16];
	unsigned n = 0;

	for (unsigned i = roll(8); i; i--) {
		char *name = weir_arena_strdup(names, some_name(false));

		if (!take(t, &n, name))
			continue;
		switch (*name == '*' || !strcmp(name, "b.example.com") ? roll(2) : roll(5)) {
		case 0:
			world_addr(w, name, "192.0.2.9");
			break;
		case 1:
			world_addr(w, name, "2001:db8::9");
			break;
		case 2:
			world_cname(w, name, weir_arena_strdup(names, some_name(true)));
			break;
		case 3:
			world_member(w, name, weir_arena_strdup(names, some_name(true)), 1);
			world_member(w, name, "www.example.net", 3);
			break;
		default:
			add_delegation(w, name);
		}
	}
	add_balancers(w);
}

/* --- questions --- */

/* Without DO the replies of both snapshots are the same bytes. */
static void same_without_proof(const struct signed_zones *s, const char *name, unsigned type,
			       uint64_t random)
{
	static uint8_t a[WEIR_DNS_MAX_SIZE], b[WEIR_DNS_MAX_SIZE];
	struct msg m = signed_ask(name, type, false);
	size_t len = signed_reply(s->zones, &m, random, a);

	assert_int_equal(signed_reply(s->plain, &m, random, b), len);
	assert_memory_equal(a, b, len);
}

/* What replies have said of a world: NSECs, and names that have been answered from. */
struct said {
	struct judge_rr nsecs[500];
	uint8_t next[500][256], names[500][256];
	unsigned n_nsecs, n_names;
};

static void note(struct said *all, const struct judged *j)
{
	for (unsigned i = 0; i < j->n; i++) {
		const struct judge_rr *r = &j->rrs[i];
		bool known = false;

		for (unsigned k = 0; k < all->n_nsecs && r->type == J_NSEC; k++)
			known |= judge_eq(all->nsecs[k].owner, r->owner);
		if (r->type == J_NSEC && !known && all->n_nsecs < 500) {
			memcpy(all->next[all->n_nsecs], r->data, judge_len(r->data));
			all->nsecs[all->n_nsecs++] = *r;
		}
		if (r->type == J_RRSIG && r->data[3] == judge_labels(r->owner) &&
		    all->n_names < 500)
			memcpy(all->names[all->n_names++], r->owner, judge_len(r->owner));
	}
}

/* A resolver that uses NSECs again (RFC 8198) must find nothing gone with them. */
static void check_nothing_is_passed_over(const struct said *all)
{
	for (unsigned i = 0; i < all->n_nsecs; i++) {
		const uint8_t *owner = all->nsecs[i].owner, *next = all->next[i];

		for (unsigned k = 0; k < all->n_names; k++)
			assert_false(judge_cmp(owner, all->names[k]) < 0 &&
				     (judge_cmp(all->names[k], next) < 0 ||
				      (judge_cmp(next, owner) <= 0 &&
				       judge_is_in(all->names[k], next))) &&
				     judge_is_in(all->names[k], (const uint8_t *)"\7example\3com"));
	}
}

static void show(const struct signed_zones *s, const char *text, unsigned world)
{
	printf("world %u\n%s", world, text);
	for (uint32_t k = 0; k < s->w->model.n_records; k++)
		printf("record %s %u\n", s->w->records[k].name, s->w->records[k].type);
	for (uint32_t k = 0; k < s->w->model.n_lbs; k++)
		printf("balancer %s\n", s->w->lbs[k].name);
}

static void ask_all(struct signed_zones *s, const char *text, unsigned world)
{
	static const unsigned types[] = { A, AAAA, TXT, NS, DS, CNAME, 15 };
	static struct said all;

	all.n_nsecs = all.n_names = 0;

	for (unsigned i = 0; i < 400; i++) {
		const char *name = some_name(true);
		unsigned type = types[roll(7)];
		uint64_t random = roll(1000) * 0x9e3779b97f4a7c15ull;

		if (!signed_holds(s, name, type, random)) {
			show(s, text, world);
			fail_msg("%s %s: %s", name, type_text(type), s->judged.why);
		}
		note(&all, &s->judged);
		if (type != DS)
			same_without_proof(s, name, type, random);
	}
	if (s->w->model.n_zones == 1)
		check_nothing_is_passed_over(&all);
}

/* Another server gets the same records, and the proofs. */
static void take_whole(struct signed_zones *s, const char *zone, const char *text, unsigned world)
{
	static struct taken_zone t, plain;
	const size_t cap = roll(2) ? 4096 : 65535;

	assert_true(taken_take(&t, s->zones, zone, cap));
	assert_true(taken_take(&plain, s->plain, zone, cap));
	if (!taken_holds(&t)) {
		show(s, text, world);
		fail_msg("%s: %s", zone, t.all.why);
	}
	for (unsigned i = 0; i < t.all.n; i++)
		if (!taken_is_made(t.all.rrs[i].type) && t.all.rrs[i].type != J_DS)
			assert_true(taken_has(&plain, &t.all.rrs[i]));
	for (unsigned i = 0; i < plain.all.n; i++)
		if (plain.all.rrs[i].type != J_DS)
			assert_true(taken_has(&t, &plain.all.rrs[i]));
	taken_free(&t);
	taken_free(&plain);
}

static void take_both(struct signed_zones *s, const char *text, unsigned world)
{
	take_whole(s, "example.com", text, world);
	if (s->w->model.n_zones > 1)
		take_whole(s, "b.example.com", text, world);
}

static void let_take(struct world *w)
{
	static const struct weir_prefix all = { .bits = 0 };

	for (uint32_t i = 0; i < w->model.n_zones; i++)
		w->zones[i].transfer =
			(struct weir_transfer_conf){ .allow = &all, .n_allow = 1, .pooled = true };
}

static void whatever_is_asked_the_answer_holds(void **state)
{
	static struct signed_zones s;
	static char text[8192];

	(void)state;
	for (unsigned world = 0; world < WORLDS; world++) {
		dice = world * 77777;
		names = weir_arena_new();
		write_file(text);
		signed_init(&s, 1 + roll(2), roll(4) ? text : NULL);
		write_document(s.w);
		let_take(s.w);
		signed_build(&s);
		ask_all(&s, text, world);
		take_both(&s, text, world);
		signed_fini(&s);
		weir_arena_free(names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_asked_the_answer_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
