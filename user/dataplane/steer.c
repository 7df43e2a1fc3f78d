/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.c - what services that tell their clients apart have in the maps: room for it, who has it,
 * which tables it keeps alive, and when its ways come to rest.
 *
 * A record does not say whose it is, so the ways of a service come to rest together: when no live
 * flow of it is recorded away from its row's endpoint. */
#include "dataplane/steer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weir.skel.h"

#define UNIT 16 /* room is given out in these: ways, or words of classes */

/* --- room --- */

void steers_init(struct weir_plane *p)
{
	p->n_way_units = WEIR_WAYS_PER_ROW(p->max_rows) / UNIT;
	p->n_class_units = WEIR_CLASSES_PER_ROW(p->max_rows) / UNIT;
	p->way_used = weir_new_array(p->n_way_units, uint8_t);
	p->class_used = weir_new_array(p->n_class_units, uint8_t);
	p->table_at = weir_new_array(p->n_units, struct table *);
}

static uint32_t units(uint32_t n)
{
	return (n + UNIT - 1) / UNIT;
}

/* First fit. */
static bool take(uint8_t *used, uint32_t n_units, uint32_t n, uint32_t *at)
{
	uint32_t run = 0;

	for (uint32_t i = 0; n && i < n_units; i++) {
		run = used[i] ? 0 : run + 1;
		if (run < units(n))
			continue;
		*at = (i + 1 - run) * UNIT;
		memset(used + i + 1 - run, 1, run);
		return true;
	}
	*at = 0;
	return !n;
}

static void give_back(uint8_t *used, uint32_t at, uint32_t n)
{
	memset(used + at / UNIT, 0, units(n));
}

static uint32_t words_of(uint32_t n_locations)
{
	return (n_locations + WEIR_CLASSES_IN_WORD - 1) / WEIR_CLASSES_IN_WORD;
}

static struct steer *remember(struct weir_plane *p, uint32_t at, uint32_t words)
{
	struct steer *s = weir_new(struct steer);

	s->at = at;
	s->words = words;
	s->drain_ms = UINT32_MAX;
	s->next = p->steers;
	p->steers = s;
	return s;
}

struct steer *steer_new(struct weir_plane *p, uint32_t n_classes, bool sliced, uint32_t n_locations)
{
	uint32_t n = 1 + n_classes * (sliced ? WEIR_STEER_SLICES : 1), at, words;
	struct steer *s;

	if (!take(p->way_used, p->n_way_units, n, &at))
		return NULL;
	if (!take(p->class_used, p->n_class_units, words_of(n_locations), &words)) {
		give_back(p->way_used, at, n);
		return NULL;
	}
	s = remember(p, at + 1, words);
	s->n_classes = n_classes;
	s->sliced = sliced;
	s->n_locations = n_locations;
	p->ways[at] = (struct weir_way){ n_classes, n_locations };
	return s;
}

static void drop(struct weir_plane *p, struct steer *s)
{
	give_back(p->way_used, s->at - 1, 1 + steer_ways(s));
	if (s->n_locations)
		give_back(p->class_used, s->words, words_of(s->n_locations));
	free(s->window);
	free(s->current);
	free(s->named);
	free(s);
}

/* --- what it says --- */

uint32_t steer_class(const struct weir_plane *p, const struct steer *s, uint32_t location)
{
	if (!s->n_locations)
		return 0;
	if (location >= s->n_locations)
		location = 0;
	return p->classes[s->words + location / WEIR_CLASSES_IN_WORD]
		.of[location % WEIR_CLASSES_IN_WORD];
}

uint32_t way_name(const struct table *x)
{
	return WEIR_WAY_TABLE(x->base, __builtin_ctz(x->size / WEIR_TABLE_MIN));
}

struct table *way_table(const struct weir_plane *p, uint32_t name)
{
	return p->table_at[weir_way_table(name).base / ROW_UNIT];
}

void way_store(struct weir_way *at, struct weir_way way)
{
	uint64_t word;

	memcpy(&word, &way, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)at, word, __ATOMIC_RELEASE);
}

static void name(struct steer *s, struct table *x)
{
	for (uint32_t i = s->n_named; i-- > 0;)
		if (s->named[i] == x)
			return;
	s->named = weir_grow(s->named, s->n_named + 1, sizeof(struct table *));
	s->named[s->n_named++] = x;
}

void steer_take_stock(struct weir_plane *p, struct steer *s)
{
	const struct weir_way *w = &p->ways[s->at];
	uint32_t last = WEIR_WAY_REST;

	s->n_named = s->unsettled = 0;
	for (uint32_t i = 0; i < steer_ways(s); i++) {
		if (w[i].cur != last)
			name(s, way_table(p, w[i].cur));
		last = w[i].cur;
		if (way_rests(w[i]))
			continue;
		s->unsettled++;
		name(s, way_table(p, w[i].prev));
	}
	p->records |= s->unsettled > 0;
	if (s->unsettled)
		return;
	free(s->window);
	s->window = NULL;
}

struct weir_steer_ref steer_ref(const struct steer *s)
{
	return (struct weir_steer_ref){
		.ways = s->at | (s->sliced ? WEIR_STEER_SLICED : 0),
		.classes = s->n_locations ? s->words * WEIR_CLASSES_IN_WORD : WEIR_STEER_ONE_CLASS,
	};
}

void steer_join(struct service *k, struct steer *s)
{
	if (k->steer)
		k->steer->users--;
	k->steer = s;
	if (!s)
		return;
	s->users++;
	s->seen = true;
	for (uint32_t i = 0; i < s->n_named; i++)
		s->named[i]->seen = true;
}

struct table *steer_one_table(const struct weir_plane *p, const struct steer *s)
{
	for (uint32_t i = 1; i < steer_ways(s); i++)
		if (way_table(p, p->ways[s->at + i].cur) != way_table(p, p->ways[s->at].cur))
			return NULL;
	return s->unsettled ? NULL : way_table(p, p->ways[s->at].cur);
}

/* --- who still has it --- */

void steers_sweep(struct weir_plane *p)
{
	struct steer **at = &p->steers;

	for (struct table *x = p->tables; x; x = x->next)
		x->named = false;
	while (*at) {
		struct steer *s = *at;

		for (uint32_t i = 0; s->users && i < s->n_named; i++)
			s->named[i]->named = true;
		if (s->users) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		if (s->seen) {
			s->next = p->retired_steers;
			p->retired_steers = s;
		} else {
			drop(p, s);
		}
	}
}

void steers_reclaim(struct weir_plane *p)
{
	while (p->retired_steers) {
		struct steer *s = p->retired_steers;

		p->retired_steers = s->next;
		drop(p, s);
	}
}

void steers_free(struct weir_plane *p)
{
	for (struct steer *s = p->steers; s; s = s->next)
		s->users = 0;
	if (p->way_used) {
		steers_sweep(p);
		steers_reclaim(p);
	}
	free(p->way_used);
	free(p->class_used);
	free(p->table_at);
}

/* What an earlier agent left. Since when ways are not at rest is not known. */
static struct steer *adopt(struct weir_plane *p, struct weir_steer_ref ref)
{
	uint32_t at = ref.ways & ~WEIR_STEER_SLICED, words = ref.classes / WEIR_CLASSES_IN_WORD;
	struct steer *s = p->steers;

	while (s && s->at != at)
		s = s->next;
	if (s)
		return s;
	s = remember(p, at, ref.classes == WEIR_STEER_ONE_CLASS ? 0 : words);
	s->seen = true;
	s->sliced = ref.ways & WEIR_STEER_SLICED;
	s->n_classes = p->ways[at - 1].cur;
	s->n_locations = p->ways[at - 1].prev;
	memset(p->way_used + (at - 1) / UNIT, 1, units(1 + steer_ways(s)));
	memset(p->class_used + s->words / UNIT, 1, units(words_of(s->n_locations)));
	return s;
}

static void adopt_table(struct weir_plane *p, uint32_t name)
{
	struct weir_table_ref ref = weir_way_table(name);

	if (name != WEIR_WAY_REST && !way_table(p, name))
		table_adopt(p, ref.base, ref.mask + 1);
}

void steers_adopt(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct weir_service_key *key = &p->services[p->service[i].at].key;

		if (!(key->flags & WEIR_SERVICE_STEER))
			continue;
		p->service[i].steer = adopt(p, p->specials[key->id].steer);
		p->service[i].steer->users++;
		p->service[i].steer->group = p->specials[key->id].group;
	}
	for (struct steer *s = p->steers; s; s = s->next) {
		for (uint32_t i = 0; i < steer_ways(s); i++) {
			adopt_table(p, p->ways[s->at + i].cur);
			adopt_table(p, p->ways[s->at + i].prev);
		}
		steer_take_stock(p, s);
	}
	steers_sweep(p);
}

/* --- rest --- */

/* Whether the record's flow may be away from where it would go without it. The flag is as old as
 * its last packet. */
static bool is_away(const struct weir_plane *p, const struct steer *s, const struct weir_flow *f,
		    uint32_t now, uint64_t changed_ms)
{
	uint64_t since_ms = p->now_ms - (changed_ms > s->changed_ms ? changed_ms : s->changed_ms);
	uint64_t ticks = since_ms * p->skel->rodata->weir_hz / 1000 >> WEIR_FLOW_TICK;

	return f->seen & WEIR_FLOW_AWAY || flow_age(f, now) >= (int64_t)ticks;
}

/* A row of a table that some of its ways name. */
static bool row_needs(const struct weir_plane *p, const struct steer *s, struct table *x,
		      uint32_t row, const struct weir_flow *f, uint32_t now, bool lives)
{
	const struct weir_row *at = &p->rows[x->base + row];

	if (at->prev == WEIR_ROW_REST)
		return false;
	if (x->window && lives && f->endpoint != at->cur && is_away(p, s, f, now, x->changed_ms))
		x->window[row].busy = 1;
	return true;
}

bool steer_needs(const struct weir_plane *p, struct steer *s, const struct record *r, uint32_t now,
		 bool lives)
{
	bool keep = s->unsettled > 0;

	if (keep && lives && is_away(p, s, r->flow, now, 0))
		s->busy = true;
	for (uint32_t i = 0; i < 2 * s->n_named; i++) {
		struct table *x = s->named[i / 2];

		keep |= row_needs(p, s, x, r->hash[i % 2] & (x->size - 1), r->flow, now, lives);
	}
	return keep;
}

void steers_set_group(struct steer *s, uint32_t group)
{
	s->group = group;
}

struct steer **steers_by_id(const struct weir_plane *p)
{
	struct steer **by_id = weir_new_array(WEIR_GROUP_ID(WEIR_MAX_SERVICES), struct steer *);

	for (struct steer *s = p->steers; s; s = s->next) {
		s->peer = by_id[WEIR_GROUP_ID(s->group)];
		by_id[WEIR_GROUP_ID(s->group)] = s;
	}
	for (uint32_t i = 0; i < p->n_services; i++)
		if (p->service[i].steer)
			by_id[p->services[p->service[i].at].key.id] = p->service[i].steer;
	return by_id;
}

struct steer *steer_peer(const struct steer *s)
{
	return s->peer;
}

static void way_window(struct steer *s, uint32_t i, uint64_t now_ms)
{
	if (!s->window)
		s->window = weir_new_array(steer_ways(s), struct window);
	if (s->window[i].open)
		return;
	s->window[i].open = 1;
	s->window[i].since_ms = (uint32_t)now_ms & WINDOW_MASK;
}

static void settle_way(struct weir_plane *p, struct steer *s, uint32_t i, uint64_t now_ms)
{
	struct weir_way *at = &p->ways[s->at + i], way = *at;
	bool stay = s->affinity_ms && !(way.cur & WEIR_WAY_SESSIONS); /* remembered clients do */
	uint32_t age, drain_ms = stay ? s->affinity_ms : s->drain_ms;

	if (way_rests(way))
		return;
	way_window(s, i, now_ms);
	age = window_age_ms(&s->window[i], now_ms);
	if (age >= drain_ms && !s->busy)
		way.prev = WEIR_WAY_REST;
	else if (age >= (stay ? drain_ms : UDP_WINDOW_MS))
		way.prev |= WEIR_WAY_UDP_NEW;
	if (way_rests(way))
		s->window[i] = (struct window){ 0 };
	if (way.prev != at->prev)
		way_store(at, way);
}

void steers_settle(struct weir_plane *p, uint64_t now_ms)
{
	for (struct steer *s = p->steers; s; s = s->next) {
		for (uint32_t i = 0; s->unsettled && i < steer_ways(s); i++)
			settle_way(p, s, i, now_ms);
		s->busy = false;
		if (s->unsettled)
			steer_take_stock(p, s);
	}
	steers_sweep(p);
	tables_sweep(p);
}
