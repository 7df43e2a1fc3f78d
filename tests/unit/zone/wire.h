/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h - queries to ask with, and a strict reader of replies that turns them into text. Knows
 * nothing of user/zone, so that it can judge it. */
#ifndef TESTS_UNIT_ZONE_WIRE_H
#define TESTS_UNIT_ZONE_WIRE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	A = 1,
	NS = 2,
	CNAME = 5,
	SOA = 6,
	TXT = 16,
	AAAA = 28,
	IXFR = 251,
	AXFR = 252,
	ANY = 255
};

enum {
	NOERROR = 0,
	FORMERR = 1,
	NXDOMAIN = 3,
	NOTIMP = 4,
	REFUSED = 5,
	BADVERS = 16
};

struct msg {
	uint8_t b[70000];
	size_t len;
};

static inline void add8(struct msg *m, unsigned v)
{
	m->b[m->len++] = (uint8_t)v;
}

static inline void add16(struct msg *m, unsigned v)
{
	add8(m, v >> 8);
	add8(m, v);
}

static inline void add_name(struct msg *m, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, ".");

		add8(m, (unsigned)len);
		memcpy(m->b + m->len, text, len);
		m->len += len;
		text += len + (text[len] == '.');
	}
	add8(m, 0);
}

/* A plain query: id 0x1234, RD. */
static inline struct msg ask(const char *name, unsigned type)
{
	static const uint8_t header[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	struct msg m;

	memcpy(m.b, header, sizeof(header));
	m.len = sizeof(header);
	add_name(&m, name);
	add16(&m, type);
	add16(&m, 1);
	return m;
}

/* Adds an OPT with size bytes of options (the caller's next bytes). */
static inline void add_opt(struct msg *m, unsigned udp, unsigned version, unsigned flags,
			   unsigned size)
{
	m->b[11]++;
	add8(m, 0);
	add16(m, 41);
	add16(m, udp);
	add8(m, 0);
	add8(m, version);
	add16(m, flags);
	add16(m, size);
}

struct reply {
	const uint8_t *b;
	size_t len, at;
	unsigned rcode, n[4]; /* questions, answers, authority, additional */
	bool aa, tc, rd, edns, dnssec_ok;
	unsigned udp, version;
	const uint8_t *options; /* of OPT */
	size_t options_len;
	char *lines[3000]; /* of answers, authority, additional but for OPT */
	unsigned n_lines;
};

static inline void reply_free(struct reply *r)
{
	for (unsigned i = 0; i < r->n_lines; i++)
		free(r->lines[i]);
	r->n_lines = 0;
}

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Reads a name at *at into text. Pointers must go backwards, past the header; 255 bytes at most. */
static inline bool read_name(const struct reply *r, size_t *at, char text[1100])
{
	size_t pos = *at, size = 0, n = 0, lowest = *at;

	*at = 0;
	for (;;) {
		unsigned label = pos < r->len ? r->b[pos++] : 64;

		if (label >= 0xc0 && pos < r->len) {
			*at = *at ? *at : pos + 1;
			pos = (label & 63) << 8 | r->b[pos];
			if (pos < 12 || pos >= lowest)
				return false;
			lowest = pos;
			continue;
		}
		size += 1 + label;
		if (label > 63 || size > 255 || pos + label > r->len)
			return false;
		if (!label)
			break;
		if (n)
			text[n++] = '.';
		for (; label; label--, pos++)
			n += (size_t)sprintf(text + n,
					     r->b[pos] > 32 && r->b[pos] < 127 ? "%c" : "\\%03o",
					     r->b[pos]);
	}
	*at = *at ? *at : pos;
	strcpy(text + n, n ? "" : ".");
	return true;
}

/* The data of a record as text; names in it end where it ends. */
static inline bool read_data(const struct reply *r, unsigned type, size_t at, size_t end,
			     char text[2400])
{
	char a[1100], b[1100];

	if (type == A && end - at == 4)
		return inet_ntop(AF_INET, r->b + at, text, INET6_ADDRSTRLEN);
	if (type == AAAA && end - at == 16)
		return inet_ntop(AF_INET6, r->b + at, text, INET6_ADDRSTRLEN);
	if (type == CNAME || type == NS)
		return read_name(r, &at, text) && at == end;
	if (type != SOA) {
		int n = 0;

		for (; at < end && n < 2300; at++)
			n += sprintf(text + n, r->b[at] > 32 && r->b[at] < 127 ? "%c" : "\\%03u",
				     r->b[at]);
		text[n] = 0;
		return true;
	}
	if (!read_name(r, &at, a) || !read_name(r, &at, b) || end - at != 20)
		return false;
	snprintf(text, 2400, "%s %s %u", a, b, get16(r->b + at) << 16 | get16(r->b + at + 2));
	return true;
}

static inline const char *type_text(unsigned type)
{
	return type == A       ? "A"
	       : type == AAAA  ? "AAAA"
	       : type == CNAME ? "CNAME"
	       : type == NS    ? "NS"
	       : type == TXT   ? "TXT"
	       : type == SOA   ? "SOA"
			       : "TYPE";
}

static inline bool read_opt(struct reply *r, const char *owner, size_t rr, size_t end)
{
	if (r->edns || strcmp(owner, ".") || get16(r->b + rr + 6) & 0x7fff)
		return false;
	r->options = r->b + rr + 10;
	r->options_len = end - rr - 10;
	r->edns = true;
	r->udp = get16(r->b + rr + 2);
	r->rcode |= (unsigned)r->b[rr + 4] << 4;
	r->version = r->b[rr + 5];
	r->dnssec_ok = get16(r->b + rr + 6) & 0x8000;
	return true;
}

static inline bool read_record(struct reply *r, bool additional)
{
	char owner[1100], data[2400], line[3600];
	size_t rr, end;

	if (!read_name(r, &r->at, owner) || r->len - r->at < 10)
		return false;
	rr = r->at;
	end = rr + 10 + get16(r->b + rr + 8);
	if (end > r->len)
		return false;
	r->at = end;
	if (get16(r->b + rr) == 41)
		return additional && read_opt(r, owner, rr, end);
	if ((get16(r->b + rr + 2) != 1 && get16(r->b + rr + 2) != 3) ||
	    r->n_lines == sizeof(r->lines) / sizeof(*r->lines) ||
	    !read_data(r, get16(r->b + rr), rr + 10, end, data))
		return false;
	snprintf(line, sizeof(line), "%s %u %s %s", owner,
		 get16(r->b + rr + 4) << 16 | get16(r->b + rr + 6), type_text(get16(r->b + rr)),
		 data);
	r->lines[r->n_lines++] = strdup(line);
	return true;
}

/* Whether bytes are a correct reply to query: id, opcode, RD and question as asked, records that
 * parse, nothing behind them. Either way the caller owes reply_free(). */
static inline bool read_reply(struct reply *r, const uint8_t *b, size_t len,
			      const struct msg *query)
{
	*r = (struct reply){ .b = b, .len = len, .at = 12 };
	if (len < 12 || memcmp(b, query->b, 2) || !(b[2] & 0x80) || b[3] & 0xf0)
		return false;
	if ((b[2] ^ query->b[2]) & 0x79)
		return false;
	r->aa = b[2] & 4;
	r->tc = b[2] & 2;
	r->rd = b[2] & 1;
	r->rcode = b[3];
	for (unsigned i = 0; i < 4; i++)
		r->n[i] = get16(b + 4 + 2 * i);
	if (r->n[0]) {
		char name[1100];

		if (r->n[0] != 1 || !read_name(r, &r->at, name) || (r->at += 4) > len ||
		    r->at > query->len || memcmp(b + 12, query->b + 12, r->at - 12))
			return false;
	}
	for (unsigned i = 0; i < r->n[1] + r->n[2]; i++)
		if (!read_record(r, false))
			return false;
	for (unsigned i = 0; i < r->n[3]; i++)
		if (!read_record(r, true))
			return false;
	return r->at == len;
}

#endif
