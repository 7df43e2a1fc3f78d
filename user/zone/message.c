/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.c - reading a query and writing its reply. */
#include "zone/message.h"

#include <assert.h>
#include <string.h>

#define FLAG_QR        0x80 /* third byte */
#define FLAG_AA        0x04
#define FLAG_TC        0x02
#define FLAG_RD        0x01
#define OPCODE         0x78
#define FLAG_DO        0x8000 /* in the lower half of OPT's TTL */
#define OPT_SIZE       11     /* of an OPT without options */
#define OPTION_HEADER  4
#define QUESTION_FIXED 4

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool options_ok(const uint8_t *p, size_t len)
{
	while (len) {
		size_t size;

		if (len < OPTION_HEADER)
			return false;
		size = OPTION_HEADER + (size_t)get16(p + 2);
		if (size > len)
			return false;
		p += size;
		len -= size;
	}
	return true;
}

/* rr: type and what follows. What another version's options look like is not for us to say. */
static bool read_opt(const uint8_t *rr, bool root, struct weir_query *q)
{
	if (q->edns || !root)
		return false;
	q->version = rr[5];
	if (!q->version && !options_ok(rr + WEIR_RR_FIXED, get16(rr + 8)))
		return false;
	q->edns = true;
	q->udp_size = get16(rr + 2);
	q->dnssec_ok = get16(rr + 6) & FLAG_DO;
	return true;
}

/* Passes over n records at msg[at]. Returns where they end, 0: malformed. */
static size_t read_records(const uint8_t *msg, size_t len, size_t at, unsigned n, bool additional,
			   struct weir_query *q)
{
	while (n--) {
		bool root = at < len && !msg[at];
		const uint8_t *rr;

		at = weir_name_skip(msg, len, at);
		if (!at || len - at < WEIR_RR_FIXED)
			return 0;
		rr = msg + at;
		at += WEIR_RR_FIXED + (size_t)get16(rr + 8);
		if (at > len)
			return 0;
		if (get16(rr) == WEIR_TYPE_OPT && (!additional || !read_opt(rr, root, q)))
			return 0;
	}
	return at;
}

static bool read_question(const uint8_t *msg, size_t len, struct weir_query *q)
{
	size_t at = weir_name_read(msg, len, WEIR_DNS_HEADER, &q->name);

	if (!at || len - at < QUESTION_FIXED)
		return false;
	q->type = get16(msg + at);
	q->class = get16(msg + at + 2);
	q->question_end = (uint16_t)(at + QUESTION_FIXED);
	return true;
}

enum weir_rcode weir_query_read(const uint8_t *msg, size_t len, struct weir_query *q)
{
	unsigned answers = get16(msg + 6), authority = get16(msg + 8);
	size_t at;

	*q = (struct weir_query){ .question_end = WEIR_DNS_HEADER };
	if (msg[2] & OPCODE)
		return WEIR_NOTIMP;
	if (get16(msg + 4) != 1 || !read_question(msg, len, q))
		return WEIR_FORMERR;
	if (answers || authority > (q->type == WEIR_TYPE_IXFR))
		return WEIR_FORMERR;
	at = read_records(msg, len, q->question_end, authority, false, q);
	if (at)
		at = read_records(msg, len, at, get16(msg + 10), true, q);
	if (at != len)
		return WEIR_FORMERR;
	return q->version ? WEIR_BADVERS : WEIR_NOERROR;
}

void weir_reply_begin(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q,
		      uint8_t *out, size_t limit)
{
	*r = (struct weir_reply){ .out = out, .len = q->question_end, .limit = limit };
	if (q->edns)
		r->limit -= OPT_SIZE;
	assert(r->len <= r->limit);
	memcpy(out, msg, r->len);
}

size_t weir_reply_add(struct weir_reply *r, size_t owner, const struct weir_rr *rr)
{
	size_t data = r->len + 2 + WEIR_RR_FIXED;

	if (r->full || r->limit - r->len < 2 + rr->len) {
		r->full = true;
		return data;
	}
	put16(r->out + r->len, 0xc000 | (unsigned)owner);
	memcpy(r->out + r->len + 2, rr->wire, rr->len);
	r->len += 2 + rr->len;
	return data;
}

static void add_opt(struct weir_reply *r, const struct weir_query *q)
{
	uint8_t *p = r->out + r->len;

	p[0] = 0;
	put16(p + 1, WEIR_TYPE_OPT);
	put16(p + 3, WEIR_DNS_UDP_SIZE);
	p[5] = (uint8_t)(r->rcode >> 4);
	p[6] = 0;
	put16(p + 7, q->dnssec_ok ? FLAG_DO : 0);
	put16(p + 9, 0);
	r->len += OPT_SIZE;
}

size_t weir_reply_finish(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q)
{
	uint8_t *h = r->out;

	if (r->full) {
		r->len = q->question_end;
		r->answers = r->authority = 0;
	}
	h[2] = FLAG_QR | (msg[2] & (OPCODE | FLAG_RD));
	h[2] |= (r->authoritative ? FLAG_AA : 0) | (r->full ? FLAG_TC : 0);
	h[3] = r->rcode & 15;
	put16(h + 4, q->question_end > WEIR_DNS_HEADER);
	put16(h + 6, r->answers);
	put16(h + 8, r->authority);
	put16(h + 10, q->edns);
	if (q->edns)
		add_opt(r, q);
	return r->len;
}
