/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_affinity.c - who stays with an endpoint, and what else there is about sessions. */
#include "model/parse.h"

#include <string.h>

#define MAX_DRAIN_MS   86400000u
#define MAX_HEADERS    64
#define HEADER_BYTES   100
#define COOKIE_TTL_MIN 1800
#define COOKIE_TTL_MAX 604800
#define COOKIE_TTL     82800
#define HEADER_TTL_MIN 30
#define HEADER_TTL_MAX 3600
#define HEADER_TTL     1800

bool weir_take_affinity(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "none", "cookie", "ip_cookie", "header", "", NULL };
	struct weir_lb *l = lb;
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	l->affinity_kind = i < 4 ? (enum weir_affinity)i : WEIR_AFFINITY_NONE;
	l->affinity = i == WEIR_AFFINITY_COOKIE || i == WEIR_AFFINITY_IP_COOKIE;
	if (i == WEIR_AFFINITY_COOKIE)
		weir_at_note(at, "packets do not show cookies: clients are known by their address, "
				 "as with ip_cookie");
	if (i == WEIR_AFFINITY_HEADER)
		weir_at_note(at, "packets do not show headers: there is no affinity, as with none");
	return true;
}

static bool take_failover(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "none", "temporary", "sticky", NULL };
	struct weir_lb *l = lb;
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	l->failover = i > 0;
	l->failover_sticks = i == 2;
	return true;
}

static bool take_samesite(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "Auto", "Lax", "None", "Strict", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->samesite = words[i];
	if (i)
		weir_at_note(at, "no cookie is set: packets do not hold them in plain text");
	return true;
}

static bool take_secure(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "Auto", "Always", "Never", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->secure = words[i];
	if (i)
		weir_at_note(at, "no cookie is set: packets do not hold them in plain text");
	return true;
}

static bool is_header_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("-_", s[i]) && !(s[i] >= '0' && s[i] <= '9') &&
		    !((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z'))
			return false;
	return n >= 1 && n <= HEADER_BYTES;
}

/* "NAME", or of cookies "cookie:NAME,NAME". */
static bool is_header(const char *s)
{
	if (strncmp(s, "cookie:", 7) != 0)
		return is_header_name(s, strlen(s));
	for (s += 6; *s; s += strcspn(s, ","))
		if (!is_header_name(s + 1, strcspn(s + 1, ",")))
			return false;
		else
			s++;
	return true;
}

static bool take_header(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (!is_header(s))
		return weir_at_fail(at,
				    "%s is not the name of a header (1 to %d letters, digits, - "
				    "and _), nor cookie: and such names with commas between them",
				    weir_quote(at->p, s), HEADER_BYTES);
	for (uint32_t i = 0; i < at->index; i++)
		if (strcasecmp(s, json_string_value(json_array_get(at->up->v, i))) == 0)
			return weir_at_fail(at, "%s is listed twice", weir_quote(at->p, s));
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_headers(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return weir_take_list(at, 0, MAX_HEADERS, sizeof(*l->affinity_headers), take_header,
			      &l->affinity_headers, &l->n_affinity_headers);
}

bool weir_take_affinity_attributes(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_DECIMAL(weir_lb, "drain_duration", drain_ms, 1000, 0, MAX_DRAIN_MS, 0),
		WEIR_CUSTOM("samesite", take_samesite),
		WEIR_CUSTOM("secure", take_secure),
		WEIR_CUSTOM("zero_downtime_failover", take_failover),
		WEIR_CUSTOM("headers", take_headers),
		WEIR_BOOL(weir_lb, require_all_headers, false),
	};
	struct weir_lb *l = lb;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), l))
		return false;
	return !l->samesite || !l->secure || strcmp(l->samesite, "None") ||
	       strcmp(l->secure, "Never") ||
	       weir_at_fail_key(at, "secure", "Never cannot be with samesite: None");
}

bool weir_take_adaptive_routing(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_BOOL(weir_lb, failover_across_pools, false),
	};
	struct weir_lb *l = lb;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), l))
		return false;
	if (l->failover_across_pools)
		weir_at_note(at,
			     "a connection that is not answered goes to others of its pool; the "
			     "next pool takes over when the pool is unhealthy");
	return true;
}

static bool check_ttl(const struct weir_at *at, struct weir_lb *l)
{
	bool header = l->affinity_kind == WEIR_AFFINITY_HEADER;
	uint32_t lo = header ? HEADER_TTL_MIN : COOKIE_TTL_MIN;
	uint32_t hi = header ? HEADER_TTL_MAX : COOKIE_TTL_MAX;

	if (!l->session_affinity_ttl)
		l->session_affinity_ttl = header ? HEADER_TTL : COOKIE_TTL;
	return (l->session_affinity_ttl >= lo && l->session_affinity_ttl <= hi) ||
	       weir_at_fail_key(at, "session_affinity_ttl", "%u is not from %u to %u%s",
				l->session_affinity_ttl, lo, hi, header ? ", as of headers" : "");
}

bool weir_check_affinity(const struct weir_at *at, struct weir_lb *l)
{
	struct weir_at attributes = weir_at_key(at, "session_affinity_attributes");

	if (!check_ttl(at, l))
		return false;
	if (l->affinity_kind != WEIR_AFFINITY_HEADER)
		return true;
	if (l->failover_sticks)
		return weir_at_fail_key(&attributes, "zero_downtime_failover",
					"sticky cannot be with session_affinity: header");
	return l->n_affinity_headers ||
	       weir_at_fail(at,
			    "session_affinity: header needs session_affinity_attributes.headers");
}
