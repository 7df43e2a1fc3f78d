/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.h - what programs that ask DNS servers share: clocks, and parts of a query. */
#ifndef WEIR_TESTS_NET_ASK_H
#define WEIR_TESTS_NET_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static inline uint64_t ask_now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* These return what is behind what they have written. */
static inline uint8_t *ask_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *ask_put_header(uint8_t *p, unsigned id, bool recursion, bool edns)
{
	p = ask_put16(ask_put16(p, id), recursion ? 0x100 : 0);
	p = ask_put16(p, 1);
	return ask_put16(ask_put16(ask_put16(p, 0), 0), edns);
}

static inline uint8_t *ask_put_opt(uint8_t *p, unsigned size, bool dnssec_ok)
{
	*p++ = 0;
	p = ask_put16(ask_put16(p, 41), size);
	p = ask_put16(ask_put16(p, 0), dnssec_ok ? 0x8000 : 0);
	return ask_put16(p, 0);
}

/* 0: it is none of those that tests ask for. */
static inline unsigned ask_type(const char *text)
{
	static const struct {
		const char *text;
		unsigned type;
	} all[] = { { "A", 1 },   { "NS", 2 },   { "CNAME", 5 }, { "SOA", 6 },
		    { "MX", 15 }, { "TXT", 16 }, { "AAAA", 28 }, { "HTTPS", 65 } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(all[i].text, text))
			return all[i].type;
	return 0;
}

#endif
