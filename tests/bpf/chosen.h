/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chosen.h - which endpoint a packet gets and what is remembered of it, read plainly: the second
 * part of the description that test_reference.c holds against the packet program. Include it behind
 * bed.h, seen.h and named.h. */
#ifndef WEIR_TESTS_BPF_CHOSEN_H
#define WEIR_TESTS_BPF_CHOSEN_H

/* A service, and what is not usual about it. */
struct served {
	struct plane_service at;
	uint16_t flags;
	struct weir_special special;
};

#define NO_RECORD UINT32_MAX

struct choice {
	enum weir_reason why;
	uint32_t slot;
	/* Who is or would be recorded, and with which endpoint after the packet. */
	uint64_t who;
	uint32_t id, record;
	struct plane_service table; /* whose row it is */
};

static bool alive(uint32_t slot)
{
	return slot != WEIR_NO_ENDPOINT && plane->endpoints[slot].state & WEIR_ENDPOINT_ALIVE;
}

#include "counted.h"

/* The prefixes of clients that services with source rules know, set 1. */
struct rule {
	const char *addr;
	uint32_t bits, is;
};
static const struct rule rules[] = {
	{ "::ffff:0:0", 96, WEIR_SOURCE_DENY },      { "::", 0, WEIR_SOURCE_ALLOW },
	{ "198.51.100.0", 30, WEIR_SOURCE_ALLOW },   { "198.51.100.2", 31, WEIR_SOURCE_DENY },
	{ "198.51.100.3", 32, WEIR_SOURCE_ALLOW },   { "2001:db8:7::4", 126, WEIR_SOURCE_DENY },
	{ "2001:db8:7::4", 127, WEIR_SOURCE_ALLOW },
};

static bool holds(const struct rule *r, const union weir_addr *a)
{
	union weir_addr first = pkt_addr(r->addr);
	uint32_t bits = r->bits + (strchr(r->addr, ':') ? 0 : 96);

	for (uint32_t i = 0; i < bits; i++)
		if ((a->b[i / 8] ^ first.b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* What the longest of n says that holds it; 0: none does. */
static uint32_t longest(const struct rule *of, uint32_t n, const union weir_addr *client)
{
	uint32_t most = 0, is = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits = 1 + of[i].bits + (strchr(of[i].addr, ':') ? 0 : 96);

		if (bits > most && holds(&of[i], client)) {
			most = bits;
			is = of[i].is;
		}
	}
	return is;
}

static bool allowed(const union weir_addr *client)
{
	return longest(rules, sizeof(rules) / sizeof(*rules), client) == WEIR_SOURCE_ALLOW;
}

#include "steered.h"

/* By client or by flow: the row, and the record. True: by client. */
static bool row_of(const struct served *svc, const struct flow *f, bool syn, struct choice *c,
		   struct weir_row *row)
{
	bool client = svc->flags & WEIR_SERVICE_CLIENT, sticky = svc->flags & WEIR_SERVICE_STICKY;
	uint64_t chooses = client ? plane_hash_client(f) : plane_hash(f);
	const uint64_t of_row = WEIR_TABLE_MAX - 1;
	uint64_t flow = (plane_hash(f) & ~of_row) | (chooses & of_row);
	const struct weir_flow *by_flow, *by_client;
	struct steered way = { .table = svc->at };

	way.row = plane->rows[svc->at.base + chooses % svc->at.size];
	if (svc->flags & WEIR_SERVICE_STEER)
		way = see_way(&svc->special, f, chooses);
	c->table = way.table;
	c->who = sticky ? chooses : flow;
	c->id = sticky ? WEIR_MAX_SERVICES + svc->special.group : svc->at.id;
	*row = way.row;
	by_flow = plane_record_of(plane, flow, svc->at.id);
	if (by_flow && syn &&
	    (!(by_flow->seen & WEIR_FLOW_ESTABLISHED) || by_flow->seen & WEIR_FLOW_CLOSING))
		by_flow = NULL;
	if (!sticky || !way.unsettled || !(way.sessions || by_flow))
		return sticky;
	by_client = plane_record_of(plane, c->who, c->id);
	if (by_client && alive(by_client->endpoint))
		row->prev = by_client->endpoint | (row->prev & WEIR_ROW_UDP_NEW);
	c->who = flow;
	c->id = svc->at.id;
	return false;
}

/* Buckets do not fill up with so few clients. */
static struct choice choose(const struct served *svc, const struct pkt *in, const struct seen *s,
			    const struct flow *f)
{
	struct choice c = { .record = NO_RECORD };
	bool quic = svc->flags & WEIR_SERVICE_QUIC, datagram = s->proto == IPPROTO_UDP;
	struct named n = quic ? see_quic(in, s) : (struct named){ .slot = WEIR_NO_ENDPOINT };
	struct weir_row row;
	bool sticky = row_of(svc, f, s->syn || n.begins, &c, &row);
	const struct weir_flow *r = plane_record_of(plane, c.who, c.id);
	bool over = row.prev & WEIR_ROW_UDP_NEW; /* the time in which the unknown are old */
	bool live = r && r->seen & WEIR_FLOW_ESTABLISHED && !(r->seen & WEIR_FLOW_CLOSING);
	bool fresh;

	c.why = WEIR_DROP_DENIED;
	if (svc->flags & WEIR_SERVICE_SOURCES && !allowed(&s->src))
		return c;
	if (n.slot != WEIR_NO_ENDPOINT) {
		c.why = WEIR_FORWARD_QUIC;
		c.slot = n.slot;
		if (svc->flags & WEIR_SERVICE_COUNTED)
			hear_counted(&c, r);
		return c;
	}
	fresh = (s->syn || n.begins) && !sticky && !live;
	if (svc->flags & WEIR_SERVICE_RECORDED && choose_counted(svc, s, n.begins, &c, row, r))
		return c;
	c.why = s->about ? WEIR_FORWARD_ICMP : WEIR_FORWARD;
	c.slot = row.cur;
	if (row.prev == WEIR_ROW_REST || svc->flags & WEIR_SERVICE_UDP_REQUEST)
		return c;
	if (r && !fresh && alive(r->endpoint)) {
		c.slot = r->endpoint;
		c.why = WEIR_FORWARD_FLOW;
	} else if (!r && !fresh && !((s->syn || datagram) && over)) {
		c.slot = row.prev & WEIR_ROW_SLOT;
		c.why = WEIR_FORWARD_PREV;
	}
	if (!s->about) {
		c.record = c.slot;
		return c;
	}
	if (!r) /* an error is about packets from before */
		c.slot = row.prev & WEIR_ROW_SLOT;
	c.why = WEIR_FORWARD_ICMP;
	return c;
}

#endif
