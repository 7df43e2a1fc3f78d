/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_override.c - what is said by hand about an endpoint or a pool, in a document and as the
 * body of a request. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/override.h"
#include "model/parse.h"

#define REASON_BYTES 200
#define BY_BYTES     64
#define MOST_MS      2592000000u /* 30 days */

/* Whether s begins as the pattern says: 0 is any digit. */
static bool begins(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

/* Seconds of an offset such as Z or +01:00; false: it is none. */
static bool offset_of(const char *s, int *out)
{
	unsigned hours = 0, minutes = 0;

	*out = 0;
	if (!strcmp(s, "Z"))
		return true;
	if ((!begins(s, "+00:00") && !begins(s, "-00:00")) || s[6])
		return false;
	sscanf(s + 1, "%2u:%2u", &hours, &minutes);
	*out = (int)(hours * 3600 + minutes * 60) * (*s == '-' ? -1 : 1);
	return hours < 24 && minutes < 60;
}

/* "2026-11-29T08:00:00Z"; parts of a second are left out. False: it is no such time. */
static bool time_of(const char *s, uint64_t *ms)
{
	struct tm tm = { 0 }, as;
	int offset;
	time_t t;

	if (!begins(s, "0000-00-00T00:00:00"))
		return false;
	sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	       &tm.tm_min, &tm.tm_sec);
	s += 19;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if (!offset_of(s, &offset))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	as = tm;
	t = timegm(&as);
	/* A day that there is not becomes another one. */
	if (as.tm_mday != tm.tm_mday || as.tm_hour != tm.tm_hour || as.tm_min != tm.tm_min ||
	    as.tm_sec != tm.tm_sec || t <= offset)
		return false;
	*ms = (uint64_t)(t - offset) * 1000;
	return true;
}

static bool take_until(const struct weir_at *at, void *to)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	return time_of(s, to) || weir_at_fail(at, "%s is not a time, as in 2026-11-29T18:00:00Z",
					      weir_quote(at->p, s));
}

static bool take_state(const struct weir_at *at, void *to)
{
	static const char *const words[] = { "up", "down", "draining", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(enum weir_forced *)to = (enum weir_forced)(i + 1);
	return true;
}

/* A line of text that says something. */
static bool take_line(const struct weir_at *at, const char **out, size_t most)
{
	const char *s;

	if (!weir_take_string(at, most, &s))
		return false;
	if (!s[strspn(s, " ")])
		return weir_at_fail(at, "must not be empty");
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return weir_at_fail(at, "holds a control character");
	*out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_reason(const struct weir_at *at, void *to)
{
	return take_line(at, to, REASON_BYTES);
}

static bool take_by(const struct weir_at *at, void *to)
{
	return take_line(at, to, BY_BYTES);
}

#define STATE                                                                                   \
	{                                                                                       \
		.key = "state", .kind = WEIR_KIND_CUSTOM, .take = take_state, .required = true, \
		.offset = offsetof(struct weir_override, state)                                 \
	}
#define UNTIL                                                                 \
	{                                                                     \
		.key = "until", .kind = WEIR_KIND_CUSTOM, .take = take_until, \
		.offset = offsetof(struct weir_override, until_ms)            \
	}

bool weir_take_override(const struct weir_at *at, void *to)
{
	static const struct weir_field fields[] = {
		STATE,
		WEIR_TAKEN(weir_override, reason, take_reason, true),
		UNTIL,
	};

	((struct weir_override *)to)->by = "the configuration";
	return weir_take_fields(at, fields, WEIR_COUNT(fields), to);
}

/* What a request says: an override, and perhaps how long it lasts. */
struct asked {
	struct weir_override o; /* first */
	uint32_t for_ms;
};

bool weir_override_parse(const json_t *body, uint64_t wall_ms, struct weir_arena *arena,
			 struct weir_override *out, struct weir_err *err)
{
	static const struct weir_field fields[] = {
		STATE,
		WEIR_TAKEN(weir_override, reason, take_reason, true),
		WEIR_TAKEN(weir_override, by, take_by, false),
		UNTIL,
		WEIR_DECIMAL(asked, "for", for_ms, 1000, 0, MOST_MS, 0),
	};
	struct weir_parse p = { .arena = arena, .err = err };
	struct weir_at at = { .p = &p, .v = body };
	struct asked asked = { .o = { .by = "the API", .since_ms = wall_ms } };

	if (!weir_take_fields(&at, fields, WEIR_COUNT(fields), &asked))
		return false;
	if (asked.for_ms && asked.o.until_ms)
		return weir_at_fail_key(&at, "for", "and until exclude each other");
	if (asked.for_ms)
		asked.o.until_ms = wall_ms + asked.for_ms;
	if (asked.o.until_ms && asked.o.until_ms <= wall_ms)
		return weir_at_fail_key(&at, "until", "is in the past");
	*out = asked.o;
	return true;
}
