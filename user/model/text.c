/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - texts with a form: ids, domain names, addresses. */
#include "model/parse.h"

#include <ctype.h>
#include <string.h>

#define ID_BYTES     255
#define DOMAIN_BYTES 253
#define LABEL_BYTES  63

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t weir_hex_bytes(const char *s, uint8_t *out, size_t most)
{
	size_t n = strlen(s) / 2;

	if (strlen(s) % 2 || n > most)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return n;
}

bool weir_take_id(const struct weir_at *at, void *base)
{
	const char *s;

	if (!weir_take_string(at, ID_BYTES, &s))
		return false;
	for (const char *c = s; *c; c++)
		if (!alnum(*c) && !strchr("-_.", *c))
			return weir_at_fail(at, "%s must be of letters, digits, - _ and .",
					    weir_quote(at->p, s));
	if (!*s)
		return weir_at_fail(at, "must not be empty");
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return weir_at_fail(at, "%s cannot be part of a path of the API",
				    weir_quote(at->p, s));
	*(const char **)base = weir_arena_strdup(at->p->arena, s);
	return true;
}

/* Labels of 1 .. 63 letters, digits, - and _ that - neither begins nor ends. */
static const char *domain_fault(const char *s)
{
	size_t label = 0;

	for (size_t i = 0;; i++) {
		if (s[i] && s[i] != '.') {
			if (!alnum(s[i]) && s[i] != '-' && s[i] != '_')
				return "may hold letters, digits, - _ and dots only";
			if (s[i] == '-' && (!label || !s[i + 1] || s[i + 1] == '.'))
				return "has a label that begins or ends with -";
			if (++label > LABEL_BYTES)
				return "has a label longer than 63";
			continue;
		}
		if (!label)
			return "has an empty label";
		if (!s[i])
			return NULL;
		label = 0;
	}
}

static bool take_name(const struct weir_at *at, bool wildcard, const char **out)
{
	const char *s, *fault;
	char *name;
	size_t n;

	if (!weir_take_string(at, DOMAIN_BYTES + 1, &s))
		return false;
	name = weir_arena_strdup(at->p->arena, s);
	n = strlen(name);
	if (n && name[n - 1] == '.')
		name[--n] = 0;
	if (n > DOMAIN_BYTES)
		return weir_at_fail(at, "is longer than a domain name can be");
	fault = domain_fault(wildcard && !strncmp(name, "*.", 2) ? name + 2 : name);
	if (fault)
		return weir_at_fail(at, "%s is not a host name: it %s", weir_quote(at->p, s),
				    fault);
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] += 'a' - 'A';
	*out = name;
	return true;
}

bool weir_take_domain(const struct weir_at *at, void *base)
{
	return take_name(at, false, base);
}

bool weir_take_owner(const struct weir_at *at, void *base)
{
	return take_name(at, true, base);
}

static bool is_multicast(const union weir_addr *a)
{
	return weir_addr_is_v4(a) ? a->b[12] >= 224 : a->b[0] == 0xff;
}

static bool is_unspecified(const union weir_addr *a)
{
	static const uint8_t none[16];

	return memcmp(a->b, none, 16) == 0 ||
	       (weir_addr_is_v4(a) && memcmp(a->b + 12, none, 4) == 0);
}

bool weir_addr_is_host(const union weir_addr *a)
{
	return !is_unspecified(a) && !is_multicast(a);
}

bool weir_take_addr(const struct weir_at *at, void *base)
{
	union weir_addr a;
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (!weir_addr_parse(s, &a))
		return weir_at_fail(at, "%s is not an IPv4 or IPv6 address", weir_quote(at->p, s));
	if (!weir_addr_is_host(&a))
		return weir_at_fail(at, "%s is not the address of one machine", s);
	*(union weir_addr *)base = a;
	return true;
}

bool weir_take_prefix(const struct weir_at *at, void *base)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	return weir_prefix_parse(s, base) ||
	       weir_at_fail(at,
			    "%s is not a prefix, as in 192.0.2.128/25 or 2001:db8:1::/48 "
			    "(bits behind the length must be 0)",
			    weir_quote(at->p, s));
}
