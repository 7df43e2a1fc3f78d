/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/smtp.h"

#define REPLY_BYTES 16384 /* the most that a reply may have, over all of its lines */
#define CODE_DIGITS 3

/* One byte of a line: "250-text" or "250 text", and "250" alone. False: it is no SMTP. */
static bool hear_byte(struct weir_smtp *s, char c)
{
	unsigned column = s->column++;

	if (!column)
		s->more = false;
	if (!column && !s->lines)
		s->code = 0;
	if (column < CODE_DIGITS) {
		s->digits = (uint16_t)(s->digits * 10 + (unsigned)(c - '0'));
		return c >= '0' && c <= '9';
	}
	if (column > CODE_DIGITS)
		return true;
	s->more = c == '-';
	return c == '-' || c == ' ' || c == '\r';
}

/* The line is over. False: it is not of the reply that the lines before it are of. */
static bool end_line(struct weir_smtp *s)
{
	bool good = s->column >= CODE_DIGITS && (!s->lines || s->digits == s->code);

	s->code = good ? s->digits : 0;
	s->lines++;
	s->column = 0;
	s->digits = 0;
	return good;
}

/* The reply is over, and left bytes came behind it: nothing was asked that they could answer. */
static enum weir_smtp_next end_reply(struct weir_smtp *s, size_t left)
{
	static const uint16_t expected[] = { 220, 250, 221 };
	static const enum weir_smtp_next next[] = { WEIR_SMTP_HELO, WEIR_SMTP_QUIT,
						    WEIR_SMTP_PASS };
	unsigned step = s->step++;

	s->lines = 0;
	s->bytes = 0;
	if (s->code != expected[step] || (left && next[step] != WEIR_SMTP_PASS))
		return WEIR_SMTP_FAIL;
	return next[step];
}

enum weir_smtp_next weir_smtp_hear(struct weir_smtp *s, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (++s->bytes > REPLY_BYTES)
			return WEIR_SMTP_FAIL;
		if (bytes[i] != '\n') {
			if (!hear_byte(s, bytes[i]))
				return WEIR_SMTP_FAIL;
			continue;
		}
		if (!end_line(s))
			return WEIR_SMTP_FAIL;
		if (!s->more)
			return end_reply(s, n - i - 1);
	}
	return WEIR_SMTP_WAIT;
}
