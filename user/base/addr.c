/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool weir_addr_parse(const char *text, union weir_addr *out)
{
	uint8_t v4[4], v6[16];

	if (inet_pton(AF_INET, text, v4) == 1) {
		*out = weir_addr_v4(v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, v6) != 1 || memcmp(v6, mapped, sizeof(mapped)) == 0)
		return false;
	*out = weir_addr_v6(v6);
	return true;
}

const char *weir_addr_text(const union weir_addr *a, char out[WEIR_ADDR_TEXT])
{
	if (weir_addr_is_v4(a))
		inet_ntop(AF_INET, &a->b[12], out, WEIR_ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, out, WEIR_ADDR_TEXT);
	return out;
}

bool weir_addr_is_v4(const union weir_addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

bool weir_addr_eq(const union weir_addr *a, const union weir_addr *b)
{
	return weir_addr_cmp(a, b) == 0;
}

int weir_addr_cmp(const union weir_addr *a, const union weir_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

union weir_addr weir_addr_v4(const void *four)
{
	union weir_addr a;

	memcpy(a.b, mapped, sizeof(mapped));
	memcpy(a.b + 12, four, 4);
	return a;
}

union weir_addr weir_addr_v6(const void *sixteen)
{
	union weir_addr a;

	memcpy(a.b, sixteen, 16);
	return a;
}

static bool zero_from(const union weir_addr *a, unsigned bit)
{
	for (; bit < 128; bit++)
		if (a->b[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

bool weir_prefix_parse(const char *text, struct weir_prefix *out)
{
	char host[WEIR_ADDR_TEXT];
	size_t n = strcspn(text, "/");
	const char *len = text[n] ? text + n + 1 : NULL;
	struct weir_prefix p = { .bits = 128 };
	unsigned bits, more;

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (!weir_addr_parse(host, &p.addr))
		return false;
	if (len) {
		if (!*len || len[strspn(len, "0123456789")] || strlen(len) > 3)
			return false;
		bits = (unsigned)strtoul(len, NULL, 10);
		more = weir_addr_is_v4(&p.addr) ? 96 : 0;
		if (bits + more > 128 || !zero_from(&p.addr, bits + more))
			return false;
		p.bits = (uint8_t)(bits + more);
	}
	*out = p;
	return true;
}

bool weir_prefix_holds(const struct weir_prefix *p, const union weir_addr *a)
{
	union weir_addr differ;

	for (unsigned i = 0; i < 16; i++)
		differ.b[i] = p->addr.b[i] ^ a->b[i];
	for (unsigned bit = 0; bit < p->bits; bit++)
		if (differ.b[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

bool weir_prefix_eq(const struct weir_prefix *a, const struct weir_prefix *b)
{
	return a->bits == b->bits && weir_addr_eq(&a->addr, &b->addr);
}

/* Decimal, 1 .. 65535, nothing around it. */
static bool parse_port(const char *s, uint16_t *out)
{
	unsigned v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (unsigned)(*s - '0');
		if (v > 65535)
			return false;
	}
	*out = (uint16_t)v;
	return v != 0;
}

bool weir_sockaddr_parse(const char *text, uint16_t default_port, struct weir_sockaddr *out)
{
	char host[WEIR_ADDR_TEXT];
	const char *end, *port = NULL;
	struct weir_sockaddr s = { .port = default_port };
	size_t n;

	if (*text == '[') {
		text++;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
	} else {
		end = strchr(text, ':');
		if (end && strchr(end + 1, ':')) /* a bare IPv6 address */
			end = text + strlen(text);
		else if (end)
			port = end + 1;
		else
			end = text + strlen(text);
	}
	n = (size_t)(end - text);
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (!weir_addr_parse(host, &s.addr) || (port && !parse_port(port, &s.port)) || !s.port)
		return false;
	*out = s;
	return true;
}

const char *weir_sockaddr_text(const struct weir_sockaddr *s, char out[WEIR_SOCKADDR_TEXT])
{
	char host[WEIR_ADDR_TEXT];

	snprintf(out, WEIR_SOCKADDR_TEXT, weir_addr_is_v4(&s->addr) ? "%s:%u" : "[%s]:%u",
		 weir_addr_text(&s->addr, host), s->port);
	return out;
}

socklen_t weir_sockaddr_native(const struct weir_sockaddr *s, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (weir_addr_is_v4(&s->addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(s->port);
		memcpy(&in->sin_addr, &s->addr.b[12], 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(s->port);
	memcpy(&in6->sin6_addr, s->addr.b, 16);
	return sizeof(*in6);
}
