/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counted.h - services whose open connections are counted, read plainly: who is open where, and
 * what follows for new flows. A part of chosen.h. */
#ifndef WEIR_TESTS_BPF_COUNTED_H
#define WEIR_TESTS_BPF_COUNTED_H

#define OPENING_S 5 /* so long a SYN that comes again is of the same connection */

/* What the description knows of an endpoint slot. */
static struct account {
	int64_t open;
	uint32_t limit, weight, turn;
} accounts[16];

static bool full(uint32_t slot)
{
	return accounts[slot].limit && accounts[slot].open >= accounts[slot].limit;
}

/* The endpoint of the nth row of a flow. */
static uint32_t nth_row(const struct choice *c, uint32_t nth)
{
	uint32_t step = (uint32_t)(c->who >> 16) | 1;

	return plane->rows[c->table.base + ((uint32_t)c->who + nth * step) % c->table.size].cur;
}

static bool second_is_better(const struct served *svc, uint32_t first, uint32_t second)
{
	const struct account *a = &accounts[first], *b = &accounts[second];

	return svc->flags & WEIR_SERVICE_LEAST && second != WEIR_NO_ENDPOINT &&
	       (double)(b->open + 1) / b->weight < (double)(a->open + 1) / a->weight;
}

static void begin_counted(const struct served *svc, struct choice *c, uint32_t cur)
{
	bool swap = second_is_better(svc, cur, nth_row(c, 1));

	c->why = WEIR_DROP_NO_ENDPOINT;
	c->slot = WEIR_NO_ENDPOINT;
	if (cur == WEIR_NO_ENDPOINT)
		return;
	for (uint32_t i = 0; i < 17; i++) {
		uint32_t nth = i > 1 ? i + accounts[cur].turn : swap ? 1 - i : i;
		uint32_t slot = nth ? nth_row(c, nth) : cur;

		if (slot == WEIR_NO_ENDPOINT || full(slot))
			continue;
		accounts[slot].open++;
		c->record = c->slot = slot;
		c->why = nth ? WEIR_FORWARD_OTHER : WEIR_FORWARD;
		return;
	}
	accounts[cur].turn += 15;
	c->why = WEIR_DROP_FULL;
}

/* A flow that is open at c->slot by what its packet says. */
static void hear_counted(struct choice *c, const struct weir_flow *r)
{
	if (r && r->seen & WEIR_FLOW_OPEN)
		accounts[r->endpoint].open--;
	accounts[c->slot].open++;
	c->record = c->slot;
}

/* Whether a flow was silent for so long that a SYN begins it anew. A record that is just so old is
 * made older, so that no tick between here and the packet decides otherwise. */
static bool is_late(struct weir_flow *r)
{
	const int32_t opening = OPENING_S * 250 >> WEIR_FLOW_TICK; /* ticks, as it is loaded here */
	int32_t age = (int32_t)(plane_now(plane) + 15 - r->seen) >> WEIR_FLOW_FLAGS;

	if (age < opening - 2)
		return false;
	if (age <= opening + 2)
		r->seen -= 8 << WEIR_FLOW_FLAGS;
	return true;
}

static void go_on_counted(const struct served *svc, const struct seen *s, bool first,
			  struct choice *c, const struct weir_flow *r, uint32_t cur)
{
	bool open = r->seen & WEIR_FLOW_OPEN, closing = r->seen & WEIR_FLOW_CLOSING;
	bool answered = r->seen & WEIR_FLOW_ESTABLISHED, lives = alive(r->endpoint);
	bool late = is_late(plane_record_of(plane, c->who, c->id));
	bool anew = first && (closing || (!answered && late));

	if (lives ? anew : first || s->proto == IPPROTO_UDP) {
		c->slot = cur;
		c->record = cur == WEIR_NO_ENDPOINT ? NO_RECORD : cur;
		c->why = WEIR_FORWARD;
		if (svc->flags & WEIR_SERVICE_COUNTED) {
			c->record = NO_RECORD;
			begin_counted(svc, c, cur);
		}
		if (c->slot != WEIR_NO_ENDPOINT) /* its old place was still its own */
			accounts[r->endpoint].open -= open;
		return;
	}
	if (s->ends || !lives)
		accounts[r->endpoint].open -= open;
	else if (svc->flags & WEIR_SERVICE_COUNTED)
		accounts[r->endpoint].open += !open && !closing;
	c->slot = c->record = lives ? r->endpoint : cur;
	c->why = lives ? WEIR_FORWARD_FLOW : WEIR_FORWARD;
}

/* False: what is usual goes for it. */
static bool choose_counted(const struct served *svc, const struct seen *s, bool begins,
			   struct choice *c, struct weir_row row, const struct weir_flow *r)
{
	bool first = s->syn || begins;
	bool rest = row.prev == WEIR_ROW_REST;
	uint32_t old = rest ? row.cur : row.prev & WEIR_ROW_SLOT;

	c->why = WEIR_FORWARD_ICMP;
	c->slot = !r ? old : alive(r->endpoint) ? r->endpoint : row.cur;
	if (s->about)
		return true;
	if (r) {
		go_on_counted(svc, s, first, c, r, row.cur);
		return true;
	}
	if (!(svc->flags & WEIR_SERVICE_COUNTED))
		return false;
	if (first || (s->proto == IPPROTO_UDP && row.prev & WEIR_ROW_UDP_NEW)) {
		begin_counted(svc, c, row.cur);
		return true;
	}
	c->why = rest ? WEIR_FORWARD : WEIR_FORWARD_PREV;
	if (!s->ends && old != WEIR_NO_ENDPOINT) {
		accounts[old].open++;
		c->record = old;
	}
	return true;
}

#endif
