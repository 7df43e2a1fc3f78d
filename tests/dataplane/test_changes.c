/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thousand random changes under live flows: what must be true after each of them. */
#include "bed.h"

#define CHANGES 1000
#define FLOWS   300

/* A connection, and the endpoint that must keep it. */
struct connection {
	struct flow f;
	uint32_t service, endpoint; /* NOBODY: not open */
};

struct run {
	struct bed *b;
	uint64_t seed;
	struct connection c[FLOWS];
	uint32_t opened, kept; /* how much was looked at */
	uint64_t quiet_ms;     /* since every flow said something */
};

static uint32_t roll(struct run *r, uint32_t n)
{
	r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(r->seed >> 33) % n;
}

/* --- changes --- */

static uint8_t anyone(struct run *r)
{
	for (uint32_t tries = 0; tries < 64; tries++) {
		uint32_t e = roll(r, ENDPOINTS);

		if (r->b->wish.endpoint[e].there && r->b->wish.endpoint[e].alive)
			return (uint8_t)e;
	}
	return NOBODY;
}

/* Rows of endpoints that are gone or dead go to others; so do some rows besides. */
static void deal(struct run *r, struct wish_service *s, uint32_t one_in)
{
	for (uint32_t i = 0; i < s->size; i++) {
		uint8_t e = s->rows[i];
		bool good =
			e != NOBODY && r->b->wish.endpoint[e].there && r->b->wish.endpoint[e].alive;

		if (!good || !roll(r, one_in))
			s->rows[i] = anyone(r);
	}
}

static void turn_service(struct run *r, struct wish_service *s)
{
	s->on = !s->on;
	if (!s->on)
		return;
	s->size = WEIR_TABLE_MIN << roll(r, 3);
	memset(s->rows, NOBODY, sizeof(s->rows));
}

static void grow_service(struct wish_service *s)
{
	if (s->size == WEIR_TABLE_MIN << 2)
		return;
	memcpy(s->rows + s->size, s->rows, s->size);
	s->size *= 2;
}

static void change(struct run *r)
{
	struct wish *w = &r->b->wish;
	uint32_t e = roll(r, ENDPOINTS), one_in = 1 + roll(r, 1000);
	struct wish_service *s = &w->service[roll(r, SERVICES)];

	switch (roll(r, 9)) {
	case 0:
	case 1:
		w->endpoint[e].there = !w->endpoint[e].there;
		w->endpoint[e].alive = true;
		break;
	case 2:
	case 3:
		w->endpoint[e].alive = !w->endpoint[e].alive;
		break;
	case 4:
		turn_service(r, s);
		break;
	case 5:
		grow_service(s);
		break;
	case 6:
		s->with = (uint8_t)roll(r, SERVICES + 1);
		break;
	default:
		break;
	}
	for (uint32_t i = 0; i < SERVICES; i++)
		deal(r, &w->service[i], one_in);
}

/* --- what must be true --- */

static bool named_well(const struct bed *b, uint32_t slot)
{
	return slot == WEIR_NO_ENDPOINT || (slot < WEIR_MAX_ENDPOINTS && b->ids[slot].used);
}

static void check_row(const struct bed *b, uint32_t index, uint32_t wanted_slot)
{
	const struct weir_row row = b->rows[index];
	uint32_t prev = row.prev & WEIR_ROW_SLOT, at_rest = row.prev == WEIR_ROW_REST;

	assert_int_equal(row.cur, wanted_slot);
	assert_true(named_well(b, row.cur));
	assert_int_equal(b->rest[index / WEIR_REST_ROWS].slot[index % WEIR_REST_ROWS],
			 at_rest ? row.cur : 0);
	if (at_rest)
		return;
	assert_true(named_well(b, prev));
	assert_true(prev == row.cur || (b->endpoints[prev].state & WEIR_ENDPOINT_ALIVE));
}

static void check_rows(const struct bed *b)
{
	uint32_t slot[ENDPOINTS];

	for (uint32_t e = 0; e < ENDPOINTS; e++) {
		slot[e] = bed_slot(b, e);
		if (b->wish.endpoint[e].there)
			assert_int_not_equal(slot[e], 0);
	}
	for (uint32_t s = 0; s < SERVICES; s++) {
		const struct wish_service *wish = bed_rows_of(b, s);
		const struct weir_service *is = bed_service(b, s);

		assert_int_equal(is != NULL, b->wish.service[s].on);
		for (uint32_t i = 0; is && i <= is->table.mask; i++) {
			uint8_t e = wish->rows[i & (wish->size - 1)];

			check_row(b, is->table.base + i, e == NOBODY ? 0 : slot[e]);
		}
	}
}

/* Tables do not overlap, unless they are one: those of services of one balancer may be. */
static void check_tables(const struct bed *b)
{
	const struct weir_service *is[SERVICES];

	for (uint32_t s = 0; s < SERVICES; s++) {
		is[s] = bed_service(b, s);
		for (uint32_t o = 0; is[s] && o < s; o++) {
			uint32_t end = is[o] ? is[o]->table.base + is[o]->table.mask : 0;

			if (!is[o])
				continue;
			assert_int_not_equal(is[s]->key.id, is[o]->key.id);
			if (!memcmp(&is[s]->table, &is[o]->table, sizeof(is[s]->table))) {
				assert_ptr_equal(bed_rows_of(b, s), bed_rows_of(b, o));
				continue;
			}
			assert_true(is[s]->table.base > end ||
				    is[s]->table.base + is[s]->table.mask < is[o]->table.base);
		}
	}
}

/* After two ticks nobody remembers a flow of a row at rest. */
static void check_records(const struct bed *b)
{
	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS; i++) {
		uint64_t key = b->flows[i / WEIR_FLOW_WAYS].way[i % WEIR_FLOW_WAYS].key;
		bool known = false;

		for (uint32_t s = 0; key && s < SERVICES; s++) {
			const struct weir_service *is = bed_service(b, s);
			uint32_t row;

			if (!is || is->key.id != (uint16_t)(key >> 16))
				continue;
			row = is->table.base + ((uint32_t)key & 0xffff & is->table.mask);
			known = b->rows[row].prev != WEIR_ROW_REST;
		}
		assert_true(known || !key);
	}
}

/* --- flows --- */

/* A flow ends when its endpoint dies or leaves, or its service goes. */
static void end_flows(struct run *r)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct connection *c = &r->c[i];

		if (c->endpoint != NOBODY &&
		    (!r->b->wish.endpoint[c->endpoint].there ||
		     !r->b->wish.endpoint[c->endpoint].alive || !r->b->wish.service[c->service].on))
			c->endpoint = NOBODY;
	}
}

static void open_flow(struct run *r, uint32_t i)
{
	struct connection *c = &r->c[i];

	c->service = roll(r, SERVICES);
	if (c->service == 3) /* datagrams: not before they are new, or they belong to prev */
		return;
	c->f = bed_flow(c->service, r->opened++ % 60000);
	c->endpoint = bed_send(r->b, &c->f, PKT_SYN);
	if (c->endpoint != NOBODY)
		assert_true(r->b->wish.endpoint[c->endpoint].there);
}

/* Every flow, or half of them: a flow may be silent for as long as windows are open. */
static void talk(struct run *r, bool everyone)
{
	if (everyone)
		r->quiet_ms = 0;
	for (uint32_t i = 0; i < FLOWS; i++) {
		if (!everyone && roll(r, 2))
			continue;
		if (r->c[i].endpoint == NOBODY) {
			open_flow(r, i);
			continue;
		}
		assert_int_equal(bed_send(r->b, &r->c[i].f, PKT_ACK), r->c[i].endpoint);
		r->kept++;
	}
}

static void pass(struct run *r, uint64_t ms)
{
	r->quiet_ms += ms;
	if (r->quiet_ms >= DRAIN_MS)
		talk(r, true);
	bed_pass(r->b, ms);
}

static void pass_time(struct run *r)
{
	switch (roll(r, 8)) {
	case 0:
		bed_leave(r->b);
		bed_return(r->b);
		bed_sync(r->b);
		break;
	case 1:
		bed_silence(r->b);
		talk(r, true); /* those that are open are not silent */
		bed_pass(r->b, DRAIN_MS);
		bed_pass(r->b, 1000);
		check_records(r->b);
		break;
	case 2:
		pass(r, DRAIN_MS / 3);
		break;
	default:
		pass(r, 1000);
	}
}

static void a_thousand_changes_break_no_flow_and_no_row(void **state)
{
	struct run *r = weir_new(struct run);

	r->b = *state;
	r->seed = 20260101;
	for (uint32_t i = 0; i < FLOWS; i++)
		r->c[i].endpoint = NOBODY;
	for (uint32_t s = 0; s < SERVICES; s++)
		bed_serve(r->b, s, WEIR_TABLE_MIN, 4 * s, 4);
	bed_sync(r->b);
	for (uint32_t i = 0; i < CHANGES; i++) {
		talk(r, false);
		change(r);
		end_flows(r);
		bed_sync(r->b);
		check_rows(r->b);
		check_tables(r->b);
		talk(r, false);
		pass_time(r);
		check_rows(r->b);
	}
	assert_in_range(r->opened, 2 * FLOWS, UINT32_MAX);
	assert_in_range(r->kept, CHANGES * FLOWS / 8, UINT32_MAX);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_thousand_changes_break_no_flow_and_no_row),
	};

	return BED_TESTS(tests);
}
