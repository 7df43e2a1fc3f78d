/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clients.c - where clients are: prefixes and their locations.
 *
 * A prefix that moves gets a location of its own for a while, like any other that moves from there
 * to there: to services it is a place whose clients come from the ways of one location and go to
 * those of another. When these have come to rest it is set to where it is now. Prefixes that are
 * gone stay until no prefix moves, so that what then holds their clients is at rest, too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/steer.h"
#include "weir.skel.h"

#define WRITES 5000 /* in a tick: some 15 ms */

/* A prefix in the map. */
struct client_place {
	struct weir_prefix of;
	uint32_t is;   /* location, as the kernel has it */
	uint32_t goes; /* as tables have it: where it is when nothing moves */
	bool gone;     /* tables do not have it any more */
};

/* A location of prefixes that move. */
struct client_move {
	uint32_t past;   /* as the kernel has it */
	uint32_t future; /* as tables have it */
	uint8_t state;
};
enum {
	MOVE_FREE,
	MOVE_NEW, /* in the sync that is under way */
	MOVE_UNDER_WAY,
	MOVE_OVER, /* prefixes are set to where they are now */
	MOVE_LEFT, /* packets may still be reading it */
};

struct clients {
	struct client_place *place; /* sorted */
	uint32_t n;
	struct client_move move[MOVES + 1];
	bool any;                     /* some move is not free */
	bool changed;                 /* some place does not say yet what it shall */
	bool unsure;                  /* what tables last said is not known, or did not get there */
	struct client_place *planned; /* by the sync that is under way */
	uint32_t n_planned;
};

static int map_fd(const struct weir_plane *p)
{
	return bpf_map__fd(p->skel->maps.weir_places);
}

static int by_prefix(const void *a, const void *b)
{
	const struct client_place *x = a, *y = b;
	int order = weir_addr_cmp(&x->of.addr, &y->of.addr);

	return order ? order : x->of.bits - y->of.bits;
}

static uint32_t home(uint32_t location)
{
	return location ? MOVES + location : 0;
}

void clients_adopt(struct weir_plane *p)
{
	struct clients *c = p->clients = weir_new(struct clients);
	struct weir_place_key key;
	const void *from = NULL;
	uint32_t room = 0;

	while (!bpf_map_get_next_key(map_fd(p), from, &key)) {
		if (c->n == room) {
			room = room ? 2 * room : 1024;
			c->place = weir_grow(c->place, room, sizeof(*c->place));
		}
		c->place[c->n] = (struct client_place){ { key.addr, (uint8_t)(key.bits - 32) },
							.gone = true };
		if (!bpf_map_lookup_elem(map_fd(p), &key, &c->place[c->n].is))
			c->n++;
		from = &key;
	}
	if (c->n)
		qsort(c->place, c->n, sizeof(*c->place), by_prefix);
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t is = c->place[i].is;

		if (is >= p->n_locations)
			p->n_locations = is + 1;
		if (is && is <= MOVES) /* where to is not known: the first sync says it */
			c->move[is] = (struct client_move){ is, 0, MOVE_UNDER_WAY };
		c->place[i].goes = is > MOVES ? is - MOVES : 0;
	}
	for (const struct steer *s = p->steers; s; s = s->next)
		if (s->n_locations > p->n_locations)
			p->n_locations = s->n_locations;
	c->any = c->changed = c->unsure = c->n;
}

uint32_t location_past(const struct weir_plane *p, uint32_t location)
{
	const struct client_move *m = &p->clients->move[location % (MOVES + 1)];

	return location <= MOVES && m->state == MOVE_NEW ? m->past : location;
}

uint32_t location_future(const struct weir_plane *p, uint32_t location)
{
	if (location > MOVES)
		return location - MOVES;
	return p->clients->move[location].state ? p->clients->move[location].future : 0;
}

/* --- what moves --- */

/* The location of prefixes that go from there to there. None is left: they change at once. */
static uint32_t moving(struct weir_plane *p, uint32_t past, uint32_t future)
{
	uint32_t unused = 0;

	for (uint32_t i = 1; i <= MOVES; i++) {
		struct client_move *m = &p->clients->move[i];

		if (m->state == MOVE_NEW && m->past == past && m->future == future)
			return i;
		if (m->state == MOVE_FREE && !unused)
			unused = i;
	}
	if (!unused)
		return home(future);
	p->clients->move[unused] = (struct client_move){ past, future, MOVE_NEW };
	p->clients->any = p->moved = true;
	return unused;
}

/* What a prefix is to be while its clients are under way. */
static uint32_t under_way(struct weir_plane *p, uint32_t is, uint32_t goes)
{
	const struct client_move *m = &p->clients->move[is % (MOVES + 1)];

	if (is == home(goes) || !p->steered_by_place)
		return home(goes);
	if (is && is <= MOVES && m->state != MOVE_LEFT && m->future == goes)
		return is;
	return moving(p, is, goes);
}

static bool holds(const struct weir_prefix *a, const struct weir_prefix *b)
{
	uint32_t bytes = a->bits / 8, bits = a->bits % 8;

	if (a->bits > b->bits || memcmp(a->addr.b, b->addr.b, bytes))
		return false;
	return !bits || !((a->addr.b[bytes] ^ b->addr.b[bytes]) >> (8 - bits));
}

/* Prefixes that hold the one in hand, the longest last. */
struct nest {
	struct {
		struct weir_prefix of;
		uint32_t is, goes;
	} in[129];
	uint32_t depth;
};

static void nest_enter(struct nest *n, const struct weir_prefix *of, const struct client_place *is,
		       const struct weir_place *goes)
{
	uint32_t d;

	while (n->depth && !holds(&n->in[n->depth - 1].of, of))
		n->depth--;
	d = n->depth++;
	n->in[d].of = *of;
	n->in[d].is = is ? is->is : d ? n->in[d - 1].is : 0;
	n->in[d].goes = goes ? goes->location : d ? n->in[d - 1].goes : 0;
}

static void plan_place(struct weir_plane *p, struct nest *n, const struct client_place *is,
		       const struct weir_place *goes)
{
	struct clients *c = p->clients;
	const struct weir_prefix *of = is ? &is->of : &goes->of;
	uint32_t d;

	nest_enter(n, of, is, goes);
	d = n->depth - 1;
	c->planned[c->n_planned++] = (struct client_place){
		.of = *of,
		.is = under_way(p, n->in[d].is, n->in[d].goes),
		.goes = n->in[d].goes,
		.gone = !goes,
	};
}

/* The same as last time: nothing is to be done. */
static bool is_same(const struct clients *c, const struct weir_tables *t)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if (c->place[i].gone)
			continue;
		if (k == t->n_places || c->place[i].goes != t->places[k].location ||
		    !weir_prefix_eq(&c->place[i].of, &t->places[k].of))
			return false;
		k++;
	}
	return k == t->n_places && !c->unsure;
}

void clients_plan(struct weir_plane *p, const struct weir_tables *t)
{
	struct clients *c = p->clients;
	struct nest nest = { .depth = 0 };
	uint32_t i = 0, k = 0;

	p->moved = p->steered_by_place = false;
	for (struct steer *s = p->steers; s; s = s->next)
		p->steered_by_place |= s->n_locations > 0;
	if (t->n_locations && MOVES + t->n_locations > p->n_locations)
		p->n_locations = MOVES + t->n_locations;
	if (is_same(c, t))
		return;
	c->planned = weir_new_array(c->n + t->n_places + 1, struct client_place);
	c->n_planned = 0;
	while (i < c->n || k < t->n_places) {
		struct client_place next = { .of = k < t->n_places ? t->places[k].of
								   : c->place[i].of };
		int order = i == c->n ? 1 : k == t->n_places ? -1 : by_prefix(&c->place[i], &next);

		plan_place(p, &nest, order <= 0 ? &c->place[i] : NULL,
			   order >= 0 ? &t->places[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

/* --- the map --- */

static int set(struct weir_plane *p, const struct weir_prefix *of, uint32_t is)
{
	struct weir_place_key key = { .bits = 32u + of->bits, .addr = of->addr };

	return bpf_map_update_elem(map_fd(p), &key, &is, BPF_ANY) ? -errno : 0;
}

static void end_plan(struct weir_plane *p, uint8_t new_moves)
{
	struct clients *c = p->clients;

	for (uint32_t i = 1; i <= MOVES; i++)
		if (c->move[i].state == MOVE_NEW)
			c->move[i].state = new_moves;
	free(c->planned);
	c->planned = NULL;
	p->moved = false;
}

void clients_forget_plan(struct weir_plane *p)
{
	end_plan(p, MOVE_FREE);
}

/* Writes what differs, and goes on with what is there then. */
int clients_sync(struct weir_plane *p)
{
	struct clients *c = p->clients;
	uint32_t k = 0;
	int err = 0;

	if (!c->planned)
		return 0;
	for (uint32_t i = 0; i < c->n_planned; i++) {
		struct client_place *to = &c->planned[i];
		bool there = k < c->n && !by_prefix(&c->place[k], to);

		if (!err && (!there || c->place[k].is != to->is))
			err = set(p, &to->of, to->is);
		if (err && there)
			*to = c->place[k];
		else if (err)
			to->is = UINT32_MAX; /* it is not there */
		k += there;
	}
	free(c->place);
	c->place = c->planned;
	c->planned = NULL;
	c->n = 0;
	for (uint32_t i = 0; i < c->n_planned; i++)
		if (c->place[i].is != UINT32_MAX)
			c->place[c->n++] = c->place[i];
	c->unsure = err;
	c->changed = c->any;
	for (uint32_t i = 0; i < c->n; i++)
		c->changed |= c->place[i].gone;
	end_plan(p, MOVE_UNDER_WAY);
	if (err)
		weir_error("the packet path does not take the locations of clients: %s",
			   strerror(-err));
	return err;
}

/* --- the end of moves --- */

static bool rests(const struct weir_plane *p, uint32_t location)
{
	for (const struct steer *s = p->steers; s; s = s->next) {
		uint32_t first = steer_class(p, s, location) * steer_slices(s);

		if (!s->n_locations || !s->unsettled)
			continue;
		for (uint32_t i = 0; i < steer_slices(s); i++)
			if (!way_rests(p->ways[s->at + first + i]))
				return false;
	}
	return true;
}

/* Those that were over at the tick before this one are free, if no prefix is left in them. */
static void end_moves(struct weir_plane *p)
{
	struct clients *c = p->clients;

	c->any = false;
	for (uint32_t i = 1; i <= MOVES; i++) {
		struct client_move *m = &c->move[i];

		if (m->state == MOVE_LEFT)
			m->state = MOVE_FREE;
		else if (m->state == MOVE_OVER)
			m->state = MOVE_LEFT;
		else if (m->state == MOVE_UNDER_WAY && rests(p, i))
			m->state = MOVE_OVER;
		c->any |= m->state != MOVE_FREE;
	}
}

/* To where it is when nothing moves. False: it stays as it is. */
static bool come_to_rest(struct weir_plane *p, struct client_place *x)
{
	const struct client_move *m = &p->clients->move[x->is % (MOVES + 1)];

	if (!x->is || x->is > MOVES || m->state != MOVE_OVER || set(p, &x->of, home(x->goes)))
		return false;
	x->is = home(x->goes);
	return true;
}

static void remove_gone(struct weir_plane *p)
{
	struct clients *c = p->clients;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		struct weir_place_key key = { .bits = 32u + c->place[i].of.bits,
					      .addr = c->place[i].of.addr };

		if (!c->place[i].gone || bpf_map_delete_elem(map_fd(p), &key))
			c->place[kept++] = c->place[i];
	}
	c->n = kept;
}

void clients_settle(struct weir_plane *p)
{
	struct clients *c = p->clients;
	uint32_t left = WRITES, in_moves = 0;

	if (!c->changed)
		return;
	for (uint32_t i = 0; i < c->n; i++) {
		if (left && come_to_rest(p, &c->place[i]))
			left--;
		in_moves += c->place[i].is && c->place[i].is <= MOVES;
	}
	if (left)
		end_moves(p);
	if (c->any || in_moves)
		return;
	remove_gone(p);
	c->changed = false;
}

void clients_free(struct weir_plane *p)
{
	if (!p->clients)
		return;
	free(p->clients->place);
	free(p->clients->planned);
	free(p->clients);
}
