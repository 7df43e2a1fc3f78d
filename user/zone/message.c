/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.c - reading a query and writing its reply. */
#include "zone/message.h"

#include <assert.h>
#include <string.h>

#include "base/wire.h"
#include "zone/types.h"

#define FLAG_QR        0x80 /* third byte */
#define FLAG_AA        0x04
#define FLAG_TC        0x02
#define FLAG_RD        0x01
#define OPCODE         0x78
#define FLAG_DO        0x8000 /* in the lower half of OPT's TTL */
#define QUESTION_FIXED 4

/* rr: type and what follows. What another version's options look like is not for us to say. That
 * EDNS is known here is told also where options are wrong (RFC 6891, 6.1.1), of which nothing is
 * answered then. */
static bool read_opt(const uint8_t *rr, bool root, struct weir_edns *e)
{
	const struct weir_edns plain = { .sent = true,
					 .udp_size = weir_get16(rr + 2),
					 .version = rr[5],
					 .dnssec_ok = weir_get16(rr + 6) & FLAG_DO };

	if (e->sent || !root)
		return false;
	*e = plain;
	if (plain.version || weir_edns_read(rr + WEIR_RR_FIXED, weir_get16(rr + 8), e))
		return true;
	*e = plain;
	return false;
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
		at += WEIR_RR_FIXED + (size_t)weir_get16(rr + 8);
		if (at > len)
			return 0;
		if (weir_get16(rr) == WEIR_TYPE_OPT &&
		    (!additional || !read_opt(rr, root, &q->edns)))
			return 0;
	}
	return at;
}

static bool read_question(const uint8_t *msg, size_t len, struct weir_query *q)
{
	size_t at = weir_name_read(msg, len, WEIR_DNS_HEADER, &q->name);

	if (!at || len - at < QUESTION_FIXED)
		return false;
	q->type = weir_get16(msg + at);
	q->class = weir_get16(msg + at + 2);
	q->question_end = (uint16_t)(at + QUESTION_FIXED);
	return true;
}

/* Without a question a cookie alone is asked for (RFC 7873, 5.4). */
static enum weir_rcode read_cookie_query(const uint8_t *msg, size_t len, struct weir_query *q)
{
	bool additional =
		!weir_get16(msg + 6) && !weir_get16(msg + 8) &&
		read_records(msg, len, WEIR_DNS_HEADER, weir_get16(msg + 10), true, q) == len;

	if (!additional || (!q->edns.has_cookie && !q->edns.version))
		return WEIR_FORMERR;
	return q->edns.version ? WEIR_BADVERS : WEIR_NOERROR;
}

enum weir_rcode weir_query_read(const uint8_t *msg, size_t len, struct weir_query *q)
{
	unsigned answers = weir_get16(msg + 6), authority = weir_get16(msg + 8);
	size_t at;

	q->name.len = q->name.labels = 0;
	q->type = q->class = 0;
	q->question_end = WEIR_DNS_HEADER;
	q->edns = (struct weir_edns){ 0 };
	if (msg[2] & OPCODE)
		return WEIR_NOTIMP;
	if (!weir_get16(msg + 4))
		return read_cookie_query(msg, len, q);
	if (weir_get16(msg + 4) != 1 || !read_question(msg, len, q))
		return WEIR_FORMERR;
	if (answers || authority > (q->type == WEIR_TYPE_IXFR))
		return WEIR_FORMERR;
	at = read_records(msg, len, q->question_end, authority, false, q);
	if (at)
		at = read_records(msg, len, at, weir_get16(msg + 10), true, q);
	if (at != len)
		return WEIR_FORMERR;
	return q->edns.version ? WEIR_BADVERS : WEIR_NOERROR;
}

void weir_reply_begin(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q,
		      uint8_t *out, size_t limit, size_t reserved)
{
	*r = (struct weir_reply){ .out = out, .len = q->question_end, .limit = limit - reserved };
	assert(r->len + reserved <= limit);
	memcpy(out, msg, r->len);
}

size_t weir_reply_add(struct weir_reply *r, size_t owner, const struct weir_rr *rr)
{
	size_t data = r->len + 2 + WEIR_RR_FIXED;

	if (r->full || r->limit - r->len < 2 + rr->len) {
		r->full = true;
		return data;
	}
	weir_put16(r->out + r->len, 0xc000 | (unsigned)owner);
	memcpy(r->out + r->len + 2, rr->wire, rr->len);
	r->len += 2 + rr->len;
	return data;
}

size_t weir_reply_add_below(struct weir_reply *r, const uint8_t *labels, size_t len, size_t suffix,
			    const struct weir_rr *rr)
{
	size_t at = r->len;

	if (r->full || r->limit - r->len < len + 2 + rr->len) {
		r->full = true;
		return at;
	}
	memcpy(r->out + at, labels, len);
	r->len += len;
	weir_reply_add(r, suffix, rr);
	return len ? at : suffix;
}

size_t weir_reply_finish(struct weir_reply *r, const uint8_t *msg, const struct weir_query *q,
			 unsigned more)
{
	uint8_t *h = r->out;

	if (r->full) {
		r->len = q->question_end;
		r->answers = r->authority = r->additional = 0;
	}
	h[2] = FLAG_QR | (msg[2] & (OPCODE | FLAG_RD));
	h[2] |= (r->authoritative ? FLAG_AA : 0) | (r->full ? FLAG_TC : 0);
	h[3] = r->rcode & 15;
	weir_put16(h + 4, q->question_end > WEIR_DNS_HEADER);
	weir_put16(h + 6, r->answers);
	weir_put16(h + 8, r->authority);
	weir_put16(h + 10, r->additional + more);
	return r->len;
}
