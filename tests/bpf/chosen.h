/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chosen.h - which endpoint a packet gets and what is remembered of it, read plainly: the second
 * part of the description that test_reference.c holds against the packet program. Include it behind
 * bed.h and seen.h. */
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
};

static bool alive(uint32_t slot)
{
	return slot != WEIR_NO_ENDPOINT && plane->endpoints[slot].state & WEIR_ENDPOINT_ALIVE;
}

/* The prefixes of clients that services with source rules know, set 1. */
static const struct rule {
	const char *addr;
	uint32_t bits;
	enum weir_source is;
} rules[] = {
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

/* By the longest that holds it. */
static bool allowed(const union weir_addr *client)
{
	const struct rule *best = NULL;
	uint32_t longest = 0;

	for (uint32_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		uint32_t bits = 1 + rules[i].bits + (strchr(rules[i].addr, ':') ? 0 : 96);

		if (bits > longest && holds(&rules[i], client)) {
			longest = bits;
			best = &rules[i];
		}
	}
	return best->is == WEIR_SOURCE_ALLOW;
}

/* By client or by flow: the row, and the record. */
static uint32_t row_of(const struct served *svc, const struct flow *f, struct choice *c)
{
	bool client = svc->flags & WEIR_SERVICE_CLIENT, sticky = svc->flags & WEIR_SERVICE_STICKY;
	uint64_t chooses = client ? plane_hash_client(f) : plane_hash(f);

	c->who = sticky ? chooses : plane_hash(f) >> 16 << 16 | (chooses & 0xffff);
	c->id = sticky ? WEIR_MAX_SERVICES + svc->special.group : svc->at.id;
	return svc->at.base + (uint32_t)(chooses % svc->at.size);
}

/* Buckets do not fill up with so few clients. */
static struct choice choose(const struct served *svc, const struct seen *s, const struct flow *f)
{
	struct choice c = { .record = NO_RECORD };
	struct weir_row row = plane->rows[row_of(svc, f, &c)];
	const struct weir_flow *r = plane_record_of(plane, c.who, c.id);
	bool sticky = svc->flags & WEIR_SERVICE_STICKY, datagram = s->proto == IPPROTO_UDP;
	bool over = row.prev & WEIR_ROW_UDP_NEW; /* the time in which the unknown are old */
	bool live = r && r->seen & WEIR_FLOW_ESTABLISHED && !(r->seen & WEIR_FLOW_CLOSING);
	bool fresh = s->syn && !sticky && !live;

	c.why = WEIR_DROP_DENIED;
	if (svc->flags & WEIR_SERVICE_SOURCES && !allowed(&s->src))
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
