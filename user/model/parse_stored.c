/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_stored.c - fields of the API that are kept for those who ask and change no packet and no
 * answer; each of them says so in a note. */
#include "model/parse.h"

#include <string.h>

#define MAX_EMAIL  4096
#define MAX_TAGS   128
#define TAG_BYTES  256
#define UUID_BYTES 36

static const char *item_text(const struct weir_at *at, uint32_t i)
{
	return json_string_value(json_array_get(at->up->v, i));
}

/* The item at is of a list of texts, each of them there once. */
static bool check_once(const struct weir_at *at)
{
	const char *s = json_string_value(at->v);

	for (uint32_t i = 0; i < at->index; i++)
		if (strcmp(s, item_text(at, i)) == 0)
			return weir_at_fail(at, "%s is listed twice", weir_quote(at->p, s));
	return true;
}

/* --- pools --- */

static bool take_check_region(const struct weir_at *at, void *out)
{
	static const char *const codes[] = { "WNAM", "ENAM",  "WEU",         "EEU", "NSAM", "SSAM",
					     "OC",   "ME",    "NAF",         "SAF", "SAS",  "SEAS",
					     "NEAS", "CHINA", "ALL_REGIONS", NULL };
	unsigned i;

	if (!weir_take_word(at, codes, &i) || !check_once(at))
		return false;
	*(const char **)out = codes[i];
	return true;
}

bool weir_take_check_regions(const struct weir_at *at, void *pool)
{
	struct weir_pool *p = pool;

	if (!weir_take_list(at, 0, 15, sizeof(*p->check_regions), take_check_region,
			    &p->check_regions, &p->n_check_regions))
		return false;
	if (p->n_check_regions)
		weir_at_note(at, "this balancer probes from where it is (agent.region), and from "
				 "nowhere else");
	return true;
}

static bool take_health_source(const struct weir_at *at, void *out)
{
	static const char *const words[] = { "regional", "global", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(unsigned *)out = i;
	return i == at->index ||
	       weir_at_fail(at->up, "must be [regional, global], in this order, or empty");
}

bool weir_take_health_sources(const struct weir_at *at, void *pool)
{
	struct weir_pool *p = pool;
	unsigned *all;
	uint32_t n;

	if (!weir_take_list(at, 2, 2, sizeof(*all), take_health_source, &all, &n))
		return false;
	p->health_sources = true;
	weir_at_note(at,
		     "what this balancer's probes say is both the regional and the global view");
	return true;
}

bool weir_check_health_sources(const struct weir_at *at, const struct weir_pool *p)
{
	return !p->health_sources || p->n_check_regions ||
	       weir_at_fail_key(at, "health_sources", "needs check_regions, which are empty");
}

static bool take_events(const struct weir_at *at, void *out)
{
	*(enum weir_events *)out =
		json_is_true(at->v) ? WEIR_EVENTS_HEALTHY : WEIR_EVENTS_UNHEALTHY;
	return json_is_boolean(at->v) || weir_at_fail(at, "must be true, false or null");
}

static bool take_filter(const struct weir_at *at, void *out)
{
	static const struct weir_field fields[] = {
		WEIR_BOOL(weir_event_filter, disable, false),
		WEIR_TAKEN(weir_event_filter, healthy, take_events, false),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), out);
}

bool weir_take_notification_filter(const struct weir_at *at, void *pool)
{
	static const struct weir_field fields[] = {
		WEIR_NAMED(weir_pool, "origin", origin_events, take_filter, false),
		WEIR_NAMED(weir_pool, "pool", pool_events, take_filter, false),
	};

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), pool))
		return false;
	if (json_object_size(at->v))
		weir_at_note(at, "says what alert policies tell of this pool; no mail is sent");
	return true;
}

bool weir_take_notification_email(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, MAX_EMAIL, &s))
		return false;
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return weir_at_fail(at, "holds a control character");
	if (*s && !strchr(s, '@'))
		return weir_at_fail(at,
				    "%s is not a list of mail addresses with commas between "
				    "them",
				    weir_quote(at->p, s));
	if (*s)
		weir_at_note(at, "this version sends no mail");
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

/* --- origins --- */

static bool is_uuid(const char *s)
{
	for (size_t i = 0; i < UUID_BYTES; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !s[i] || !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	}
	return !s[UUID_BYTES];
}

bool weir_take_network_id(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (!*s)
		return true;
	if (!is_uuid(s))
		return weir_at_fail(at,
				    "%s is not a UUID, as in 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
				    weir_quote(at->p, s));
	weir_at_note(at, "there are no such networks here: packets go where this machine's routes "
			 "say");
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

/* --- records --- */

static bool take_tag(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, TAG_BYTES, &s))
		return false;
	if (!*s)
		return weir_at_fail(at, "must not be empty");
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return check_once(at);
}

bool weir_take_tags(const struct weir_at *at, void *record)
{
	struct weir_record *r = record;

	return weir_take_list(at, 0, MAX_TAGS, sizeof(*r->tags), take_tag, &r->tags, &r->n_tags);
}
