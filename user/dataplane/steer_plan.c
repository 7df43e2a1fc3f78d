/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer_plan.c - what ways become when tables say something new.
 *
 * Clients who had the same past and have the same future are in a class of their own. What is new
 * is built beside what packets use, and takes its place by one store for each service; what clients
 * came from is in its ways, as the past of a row is in the row.
 *
 * Tables of a balancer are found again in the kernel by what they say, or by who uses them, so that
 * a change of some rows is a change of these rows and not of ways. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/steer.h"

#define MOST_PAIRS (1u << 24)

struct work {
	struct weir_plane *p;
	const struct weir_tables *t;
	uint64_t now_ms;
	const struct weir_tables_group *group;
	uint32_t first, n_tables; /* tables of the group */
	struct weir_tables_steer want;
	struct weir_tables_way only; /* of a service that does not tell clients apart any more */
	const struct steer *from;    /* or from_table, or neither */
	struct table *from_table;
	uint32_t *same;              /* by class that clients come from: the first one like it */
	bool had_places, had_slices; /* by what they are told apart there */
	/* Pairs of a class that clients come from and one that they go to. */
	uint32_t *pair;      /* by both: its number + 1; 0: nobody is in both */
	uint32_t *old, *new; /* by pair */
	uint32_t n_pairs;
};

static uint32_t first_table(const struct weir_tables *t, const struct weir_tables_table *of)
{
	uint32_t i = (uint32_t)(of - t->tables);

	while (i && t->tables[i - 1].group == of->group)
		i--;
	return i;
}

static struct work begin(struct weir_plane *p, const struct weir_tables *t,
			 const struct weir_tables_service *k, const struct planned *to,
			 uint64_t now_ms)
{
	struct work w = {
		.p = p,
		.t = t,
		.now_ms = now_ms,
		.group = k->table->group,
		.first = first_table(t, k->table),
		.from = to->service ? to->service->steer : NULL,
		.from_table = to->service ? to->service->table : NULL,
		.only = { (uint32_t)(k->table - t->tables), false },
		.want = { .n_classes = 1 },
	};

	while (w.first + w.n_tables < t->n_tables &&
	       t->tables[w.first + w.n_tables].group == w.group)
		w.n_tables++;
	if (k->steer)
		w.want = *k->steer;
	return w;
}

static const struct weir_tables_way *wanted_way(const struct work *w, uint32_t class,
						uint32_t slice)
{
	if (!w->want.ways)
		return &w->only;
	return &w->want.ways[w->want.sliced ? class * WEIR_STEER_SLICES + slice : class];
}

/* --- what is there already --- */

static bool may_say(const struct table *x, const struct weir_tables_table *w)
{
	return (!x->wanted || x->wanted == w) && x->size >= w->size;
}

/* It says what it shall, with the tables that it has. */
static bool is_current(const struct work *w, const struct steer *s)
{
	uint32_t n_locations = w->want.class_of || s->n_locations ? w->p->n_locations : 0;

	if (!s->unsettled &&
	    ((s->n_locations && !w->want.class_of) || (s->sliced && !w->want.sliced)))
		return false; /* less will do */
	if (!s->synced || s->digest != w->want.digest || s->n_current != w->n_tables ||
	    s->n_locations != n_locations || (n_locations && w->p->moved))
		return false;
	for (uint32_t i = 0; i < w->n_tables; i++)
		if (s->current[i] && !may_say(s->current[i], &w->t->tables[w->first + i]))
			return false;
	return true;
}

static struct steer *keep(const struct work *w, struct steer *s)
{
	for (uint32_t i = 0; i < w->n_tables; i++)
		if (s->current[i])
			s->current[i]->wanted = &w->t->tables[w->first + i];
	s->wanted = w->group;
	s->from = s;
	s->drain_ms = w->group->drain_ms;
	s->affinity_ms = w->group->affinity_ms;
	return s;
}

/* --- classes --- */

static uint32_t pair_of(struct work *w, uint32_t old, uint32_t new)
{
	uint32_t *is = &w->pair[old * w->want.n_classes + new];

	if (!*is) {
		w->old = weir_grow(w->old, w->n_pairs + 1, sizeof(*w->old));
		w->new = weir_grow(w->new, w->n_pairs + 1, sizeof(*w->new));
		w->old[w->n_pairs] = old;
		w->new[w->n_pairs] = new;
		*is = ++w->n_pairs;
	}
	return *is - 1;
}

static bool same_past(const struct work *w, uint32_t a, uint32_t b)
{
	const struct steer *f = w->from;
	const struct weir_way *ways = &w->p->ways[f->at];
	uint32_t n = steer_slices(f);

	return !memcmp(&ways[a * n], &ways[b * n], n * sizeof(*ways)) &&
	       (!f->window ||
		!memcmp(&f->window[a * n], &f->window[b * n], n * sizeof(*f->window)));
}

static bool has_slices(const struct work *w, uint32_t class)
{
	const struct steer *f = w->from;
	uint32_t first = class * steer_slices(f);
	const struct weir_way *way = &w->p->ways[f->at + first];

	for (uint32_t i = 1; i < steer_slices(f); i++)
		if (memcmp(&way[i], &way[0], sizeof(*way)) ||
		    (f->window &&
		     memcmp(&f->window[first + i], &f->window[first], sizeof(*f->window))))
			return true;
	return false;
}

/* Whom nothing tells apart any more is of one class again. */
static void find_same(struct work *w)
{
	uint32_t n = w->from ? w->from->n_classes : 1;

	w->same = weir_new_array(n, uint32_t);
	for (uint32_t i = 0; i < n; i++) {
		while (w->same[i] < i && !same_past(w, i, w->same[i]))
			w->same[i]++;
		w->had_places |= w->same[i] > 0;
		w->had_slices |= w->from && has_slices(w, i);
	}
}

static uint32_t old_class(const struct work *w, uint32_t location)
{
	if (!w->from)
		return 0;
	return w->same[steer_class(w->p, w->from, location_past(w->p, location))];
}

static uint32_t new_class(const struct work *w, uint32_t location)
{
	uint32_t to = location_future(w->p, location);

	return w->want.class_of ? w->want.class_of[to < w->t->n_locations ? to : 0] : 0;
}

static bool has_locations(const struct work *w)
{
	return w->want.class_of || w->had_places;
}

static void find_pairs(struct work *w)
{
	uint64_t n = (uint64_t)(w->from ? w->from->n_classes : 1) * w->want.n_classes;

	if (n > MOST_PAIRS) { /* nobody has so many: clients change at once */
		w->from = NULL;
		n = w->want.n_classes;
	}
	find_same(w);
	w->pair = weir_new_array(n, uint32_t);
	if (!has_locations(w))
		pair_of(w, 0, 0);
	for (uint32_t i = 0; has_locations(w) && i < w->p->n_locations; i++)
		pair_of(w, old_class(w, i), new_class(w, i));
}

/* --- tables --- */

/* What the clients of a pair come from; prev as it would be at rest. False: from nothing. */
static bool old_way(const struct work *w, uint32_t pair, uint32_t slice, struct weir_way *out)
{
	const struct steer *f = w->from;

	if (f)
		*out = w->p->ways[f->at + w->old[pair] * steer_slices(f) + (f->sliced ? slice : 0)];
	else if (w->from_table)
		*out = (struct weir_way){ way_name(w->from_table), WEIR_WAY_REST };
	return f || w->from_table;
}

static void claim(const struct work *w, struct steer *s, uint32_t i, struct table *x)
{
	x->wanted = &w->t->tables[w->first + i];
	s->current[i] = x;
}

/* A table that says it already, of those that the balancer has. */
static void claim_same(const struct work *w, struct steer *s, struct table *x)
{
	for (uint32_t i = 0; i < w->n_tables; i++) {
		const struct weir_tables_table *t = &w->t->tables[w->first + i];

		if (!s->current[i] && may_say(x, t) && x->synced && x->digest == t->digest) {
			claim(w, s, i, x);
			return;
		}
	}
}

/* Otherwise the one that the first clients used who shall use it. */
static bool find_table(const struct work *w, struct steer *s, uint32_t pair, uint32_t slice)
{
	uint32_t i = wanted_way(w, w->new[pair], slice)->table - w->first;
	const struct weir_tables_table *t = &w->t->tables[w->first + i];
	struct weir_way old;
	struct table *x;

	if (s->current[i])
		return true;
	x = old_way(w, pair, slice, &old) ? way_table(w->p, old.cur) : NULL;
	if (!x || x->wanted || x->size < t->size)
		x = table_new(w->p, t->size);
	if (x)
		claim(w, s, i, x);
	return x;
}

/* What it had of the same place among as many. */
static void claim_places(const struct work *w, struct steer *s)
{
	const struct steer *f = w->from;

	for (uint32_t i = 0; f && f->n_current == w->n_tables && i < w->n_tables; i++) {
		struct table *x = f->current[i];

		if (x && !s->current[i] && !x->wanted && may_say(x, &w->t->tables[w->first + i]))
			claim(w, s, i, x);
	}
}

/* Those that nobody uses are not kept for it. */
static void leave_unused(const struct work *w, struct steer *s)
{
	bool *used = weir_new_array(w->n_tables, bool);

	for (uint32_t pair = 0; pair < w->n_pairs; pair++)
		for (uint32_t slice = 0; slice < steer_slices(s); slice++)
			used[wanted_way(w, w->new[pair], slice)->table - w->first] = true;
	for (uint32_t i = 0; i < w->n_tables; i++)
		if (!used[i])
			s->current[i] = NULL;
	free(used);
}

static bool find_tables(const struct work *w, struct steer *s)
{
	s->current = weir_new_array(w->n_tables, struct table *);
	s->n_current = w->n_tables;
	for (uint32_t i = 0; w->from && i < w->from->n_named; i++)
		claim_same(w, s, w->from->named[i]);
	if (!w->from && w->from_table)
		claim_same(w, s, w->from_table);
	claim_places(w, s);
	for (uint32_t pair = 0; pair < w->n_pairs; pair++)
		for (uint32_t slice = 0; slice < steer_slices(s); slice++)
			if (!find_table(w, s, pair, slice))
				return false;
	leave_unused(w, s);
	return true;
}

/* --- ways --- */

/* As row_next() has it for rows. */
static struct weir_way next_way(struct weir_way old, uint32_t cur)
{
	uint32_t was = old.cur & WEIR_WAY_TABLE_BITS;

	if (!way_rests(old))
		return (struct weir_way){ cur, old.prev };
	return (struct weir_way){ cur, was == (cur & WEIR_WAY_TABLE_BITS) ? WEIR_WAY_REST : was };
}

static struct window old_window(const struct work *w, uint32_t pair, uint32_t slice)
{
	const struct steer *f = w->from;

	if (!f || !f->window)
		return (struct window){ 0 };
	return f->window[w->old[pair] * steer_slices(f) + (f->sliced ? slice : 0)];
}

static void write_way(const struct work *w, struct steer *s, uint32_t pair, uint32_t slice)
{
	const struct weir_tables_way *want = wanted_way(w, w->new[pair], slice);
	uint32_t i = pair * steer_slices(s) + slice;
	struct weir_way way = { way_name(s->current[want->table - w->first]), WEIR_WAY_REST }, old;

	way.cur |= want->sessions ? WEIR_WAY_SESSIONS : 0;
	if (old_way(w, pair, slice, &old))
		way = next_way(old, way.cur);
	w->p->ways[s->at + i] = way;
	if (way_rests(way))
		return;
	s->window[i] = old_window(w, pair, slice);
	if (s->window[i].open)
		return;
	s->window[i].open = 1;
	s->window[i].since_ms = (uint32_t)w->now_ms & WINDOW_MASK;
}

static void write(struct work *w, struct steer *s)
{
	s->window = weir_new_array(steer_ways(s), struct window);
	for (uint32_t pair = 0; pair < w->n_pairs; pair++)
		for (uint32_t slice = 0; slice < steer_slices(s); slice++)
			write_way(w, s, pair, slice);
	for (uint32_t i = 0; i < s->n_locations; i++)
		w->p->classes[s->words + i / WEIR_CLASSES_IN_WORD].of[i % WEIR_CLASSES_IN_WORD] =
			(uint16_t)pair_of(w, old_class(w, i), new_class(w, i));
	s->drain_ms = w->group->drain_ms;
	s->affinity_ms = w->group->affinity_ms;
	s->changed_ms = w->now_ms;
	s->digest = w->want.digest;
	s->synced = true;
	s->wanted = w->group;
	s->from = w->from;
	s->from_table = w->from_table;
	steer_take_stock(w->p, s);
}

static struct steer *build(struct work *w)
{
	struct steer *s = NULL;
	bool sliced;

	find_pairs(w);
	sliced = w->want.sliced || w->had_slices;
	if (w->n_pairs <= UINT16_MAX)
		s = steer_new(w->p, w->n_pairs, sliced, has_locations(w) ? w->p->n_locations : 0);
	w->p->ways_full = !s;
	if (s && find_tables(w, s))
		write(w, s);
	else
		s = NULL;
	free(w->same);
	free(w->pair);
	free(w->old);
	free(w->new);
	return s;
}

/* What another service of the balancer has found that comes from the same; who comes from nothing
 * joins any of them. */
static struct steer *shared(const struct work *w)
{
	bool from = w->from || w->from_table;

	for (struct steer *s = w->p->steers; s; s = s->next)
		if (s->wanted == w->group &&
		    (!from || (s->from == w->from && (w->from || s->from_table == w->from_table))))
			return s;
	return NULL;
}

static bool rests(const struct steer *s)
{
	for (uint32_t i = 0; i < s->n_named; i++)
		if (s->named[i]->unsettled)
			return false;
	return !s->unsettled;
}

/* Another one of the balancer that says the same, when neither has a past. */
static struct steer *twin(const struct work *w, const struct steer *own)
{
	for (struct steer *s = w->p->steers; rests(own) && s; s = s->next)
		if (s != own && s->wanted == w->group && s->synced && s->digest == own->digest &&
		    rests(s))
			return s;
	return NULL;
}

static bool plan(struct weir_plane *p, const struct weir_tables *t,
		 const struct weir_tables_service *k, struct planned *to, uint64_t now_ms)
{
	struct work w = begin(p, t, k, to, now_ms);
	struct steer *own = to->service ? to->service->steer : NULL;

	to->steer = shared(&w);
	if (!to->steer && own && is_current(&w, own)) {
		to->steer = twin(&w, own);
		if (!to->steer)
			to->steer = keep(&w, own);
	}
	if (!to->steer)
		to->steer = build(&w);
	if (!to->steer)
		return false;
	to->table = way_table(p, p->ways[to->steer->at].cur); /* class 0 may be nobody's */
	return true;
}

bool steers_plan(struct weir_plane *p, const struct weir_tables *t, struct planned *services,
		 uint64_t now_ms)
{
	bool fits = true;

	p->ways_full = false;

	for (struct steer *s = p->steers; s; s = s->next) {
		s->wanted = NULL;
		s->from = NULL;
	}
	for (int fresh = 0; fresh < 2; fresh++) /* those that come from nothing afterwards */
		for (uint32_t i = 0; fits && i < t->n_services; i++) {
			struct service *k = services[i].service;
			struct table *one = NULL;

			if ((k == NULL) != fresh || !(t->services[i].steer || (k && k->steer)))
				continue;
			if (!t->services[i].steer)
				one = steer_one_table(p, k->steer);
			if (one)
				table_join(p, k, one); /* nothing is left to tell apart */
			else
				fits = plan(p, t, &t->services[i], &services[i], now_ms);
		}
	return fits;
}
