/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that tell their clients apart, changed at random: by slices, by locations, in their
 * rows, by prefixes that come, move and go, by another agent. No flow that goes on ever moves. */
#include "bed.h"

#define MIN       WEIR_TABLE_MIN
#define STEPS     400
#define FLOWS     300
#define PLACES    4
#define LOCATIONS 4 /* 0 included */
enum {
	FIRST = 1, /* of the services that are off: their rows are the tables */
	TABLES = 3,
};

static uint64_t seed = 20261129;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static struct wish_steer steer;
static uint16_t class_of[LOCATIONS];
static struct weir_place place[PLACES];
static struct going {
	struct flow f;
	uint32_t at;
} flow[FLOWS];

/* Sorted, as prefixes are: nested, and some are missing. */
static void roll_places(struct bed *b)
{
	static const struct {
		const char *addr;
		uint8_t bits;
	} of[PLACES] = { { "198.51.0.0", 16 },
			 { "198.51.0.0", 18 },
			 { "198.51.32.0", 19 },
			 { "198.51.128.0", 17 } };

	b->wish.places = place;
	b->wish.n_places = 0;
	b->wish.n_locations = LOCATIONS;
	for (uint32_t i = 0; i < PLACES; i++)
		if (roll(4))
			place[b->wish.n_places++] =
				(struct weir_place){ .of = { pkt_addr(of[i].addr),
							     (uint8_t)(96 + of[i].bits) },
						     .location = 1 + roll(LOCATIONS - 1) };
}

static void roll_ways(struct bed *b)
{
	bool places = roll(3);

	steer = (struct wish_steer){ .n_tables = TABLES, .sliced = roll(2) };
	for (uint32_t i = 0; i < TABLES; i++)
		steer.rows_of[i] = (uint8_t)(FIRST + i);
	steer.n_classes = places ? 1 + roll(3) : 1;
	steer.class_of = places ? class_of : NULL;
	for (uint32_t i = 0; i < LOCATIONS; i++)
		class_of[i] = (uint16_t)roll(steer.n_classes);
	for (uint32_t c = 0; c < steer.n_classes; c++) {
		uint32_t here = roll(TABLES), there = roll(TABLES), share = roll(1025);

		for (uint32_t i = 0; i < (steer.sliced ? WEIR_STEER_SLICES : 1); i++)
			steer.way[c * (steer.sliced ? WEIR_STEER_SLICES : 1) + i].table =
				i < share ? here : there;
	}
	b->wish.service[0].steer = roll(6) ? &steer : NULL;
}

/* Some rows of a table go to another one of its endpoints. */
static void roll_rows(struct bed *b)
{
	uint32_t table = roll(TABLES + 1), first = 4 * roll(TABLES);
	struct wish_service *s = &b->wish.service[table ? FIRST + table - 1 : 0];

	for (uint32_t i = 0; i < MIN; i++)
		if (!roll(3))
			s->rows[i] = (uint8_t)(first + roll(4));
}

static void change(struct bed *b)
{
	switch (roll(5)) {
	case 0:
		roll_places(b);
		break;
	case 1:
		roll_rows(b);
		break;
	case 2:
		bed_leave(b);
		bed_return(b);
		break;
	default:
		roll_ways(b);
	}
}

static void open_flow(const struct bed *b, struct going *x)
{
	static uint32_t n;

	x->f = bed_flow(0, n++ % 60000);
	x->f.src.b[14] = (uint8_t)roll(256);
	x->f.src.b[15] = (uint8_t)roll(256);
	x->at = bed_send(b, &x->f, PKT_SYN);
	assert_int_not_equal(x->at, NOBODY);
}

static void no_flow_that_goes_on_moves(void **state)
{
	struct bed *b = *state;

	for (uint32_t t = 0; t <= TABLES; t++) {
		bed_serve(b, t, MIN, t ? 4 * (t - 1) : 0, 4);
		b->wish.service[t].on = !t;
	}
	bed_sync(b);
	for (uint32_t i = 0; i < FLOWS; i++)
		open_flow(b, &flow[i]);
	for (uint32_t step = 0; step < STEPS; step++) {
		change(b);
		bed_sync(b);
		for (uint32_t i = 0; i < FLOWS; i++)
			if (bed_send(b, &flow[i].f, PKT_ACK) != flow[i].at)
				fail_msg("step %u: a flow has moved", step);
		for (uint32_t i = 0; i < FLOWS / 50; i++)
			open_flow(b, &flow[roll(FLOWS)]);
		bed_pass(b, roll(4) ? 1000 : DRAIN_MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(no_flow_that_goes_on_moves),
	};

	return BED_TESTS(tests);
}
